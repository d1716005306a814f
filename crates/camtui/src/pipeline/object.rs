//! Where the object is, for `pointing`: a box on the command line, or a mask in a file.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use camtui_core::Recipe;
use camtui_core::picture::{Photo, Rect};

use super::picture::Picture;

/// A mask's pixels above this level of 255 are the object.
const LEVEL: u32 = 127;

/// What the command line says of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// Left edge, top edge, width and height, in the upright picture's pixels.
    Box(Corners),
    /// A picture of the same size, light where the object is.
    Mask(PathBuf),
}

/// `X,Y,W,H`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corners {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

impl FromStr for Corners {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<u32>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[x, y, width, height]) if width > 0 && height > 0 => Ok(Self { x, y, width, height }),
            _ => Err("a box is X,Y,WIDTH,HEIGHT in pixels of the picture: 120,40,300,280".into()),
        }
    }
}

impl Object {
    /// Which of the model's `height × width` input pixels lie on it, by their middles.
    pub fn seen(
        &self,
        picture: &Picture,
        recipe: &Recipe,
        [height, width]: [usize; 2],
    ) -> Result<Vec<bool>, String> {
        let (photo, seen) = picture.drawn(recipe)?;
        let of = (photo.width(), photo.height());
        let inside: Box<dyn Fn(u32, u32) -> bool> = match self {
            Self::Box(corners) => {
                let Corners { x, y, width, height } = *corners;
                if x >= of.0 || y >= of.1 {
                    return Err(format!(
                        "the box at {x},{y} lies outside of the picture of {} × {} pixels",
                        of.0, of.1
                    ));
                }
                Box::new(move |u, v| {
                    (x..x.saturating_add(width)).contains(&u) && (y..y.saturating_add(height)).contains(&v)
                })
            }
            Self::Mask(path) => mask(path, of)?,
        };
        let object = on_input(seen, of, [height, width], &*inside);
        if object.iter().any(|on| *on) {
            return Ok(object);
        }
        Err("the object lies outside of what the model sees of the picture".into())
    }
}

fn mask(path: &Path, of: (u32, u32)) -> Result<Box<dyn Fn(u32, u32) -> bool>, String> {
    let mask = Photo::read(path).map_err(|error| error.to_string())?;
    let (width, height) = (mask.width(), mask.height());
    if (width, height) != of {
        return Err(format!(
            "the mask {} is {width} × {height} pixels and the picture {} × {}; they must be of one size",
            path.display(),
            of.0,
            of.1
        ));
    }
    Ok(Box::new(move |x, y| {
        let at = (y as usize * width as usize + x as usize) * 3;
        mask.pixels()[at..at + 3].iter().map(|&level| u32::from(level)).sum::<u32>() > 3 * LEVEL
    }))
}

fn on_input(
    seen: Rect,
    (across, down): (u32, u32),
    [height, width]: [usize; 2],
    inside: &dyn Fn(u32, u32) -> bool,
) -> Vec<bool> {
    let place = |at: usize, of: usize, from: f32, to: f32, most: u32| {
        let place = f64::from(from) + (at as f64 + 0.5) / of as f64 * f64::from(to - from);
        // What was padded is on no object.
        (place >= 0.0 && place < f64::from(most)).then_some(place as u32)
    };
    let pixel = |n: usize| {
        let x = place(n % width, width, seen.x0, seen.x1, across);
        let y = place(n / width, height, seen.y0, seen.y1, down);
        x.zip(y).is_some_and(|(x, y)| inside(x, y))
    };
    (0..height * width).map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_four_numbers() {
        assert_eq!("1, 2,3,4".parse(), Ok(Corners { x: 1, y: 2, width: 3, height: 4 }));
        for bad in ["", "1,2,3", "1,2,3,0", "1,2,0,4", "-1,2,3,4", "a,b,c,d", "1,2,3,4,5"] {
            assert!(bad.parse::<Corners>().is_err(), "{bad}");
        }
    }

    #[test]
    fn middles_of_the_inputs_pixels_decide() {
        // Eight pixels across become four: the second's middle is at 3, the edge between two of the picture's.
        let seen = Rect::whole(8, 2);
        let row = |from: u32, to: u32| on_input(seen, (8, 2), [1, 4], &move |x, _| (from..to).contains(&x));
        assert_eq!(row(2, 4), [false, true, false, false]);
        assert_eq!(row(3, 4), [false, true, false, false]);
        assert_eq!(row(2, 3), [false; 4]);
        // What the model sees beyond the picture is on nothing.
        let wide = Rect { x0: -8.0, x1: 8.0, ..seen };
        assert_eq!(on_input(wide, (8, 2), [1, 4], &|_, _| true), [false, false, true, true]);
    }
}
