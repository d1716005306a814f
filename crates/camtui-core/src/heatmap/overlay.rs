//! A heat map laid over a photo, where the model looked.
//!
//! Two steps, so that another colour map or opacity costs only the second: [`Levels`] brings the map to the photo's
//! size and to 256 levels; [`Levels::over`] mixes their colours with the photo, `(1 − alpha)·photo + alpha·colour`.
//! What the model did not see (around a center crop) stays the photo as it is.

use rayon::prelude::*;

use super::normalise::Scale;
use super::upsample::{Axis, sample};
use super::{Colormap, Heatmap, Interpolation};
use crate::picture::{Photo, Rect};

/// How a heat map is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Opacity of the colours, 0 (the photo alone) to 1 (the map alone); values beyond are clipped.
    pub alpha: f32,
    /// The colours.
    pub colormap: Colormap,
}

impl Style {
    /// Half opaque; jet, or the diverging colours for a signed map.
    pub fn default_for(signed: bool) -> Self {
        Self { alpha: 0.5, colormap: if signed { Colormap::Diverging } else { Colormap::Jet } }
    }
}

/// An RGB picture to be shown or written.
#[derive(Clone, PartialEq, Eq)]
pub struct Overlay {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Overlay {
    /// A drawing put together elsewhere, RGB row by row; none if there are not three bytes a pixel.
    pub fn from_rgb(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        let needed = u64::from(width) * u64::from(height) * 3;
        (pixels.len() as u64 == needed).then_some(Self { width, height, pixels })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// RGB, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Gives the RGB bytes up, row by row.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }
}

impl std::fmt::Debug for Overlay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Overlay({}×{})", self.width, self.height)
    }
}

/// A map at a picture's size as levels 0…255 of a colour map, for the part of the picture that the model saw.
#[derive(Clone, PartialEq, Eq)]
pub struct Levels {
    width: u32,
    height: u32,
    /// First column and row of the part.
    left: u32,
    top: u32,
    /// Columns of the part.
    columns: usize,
    /// The levels of the part, row by row.
    values: Vec<u8>,
    /// Whether the middle level stands for zero.
    signed: bool,
}

/// What of a map is left out, and what is drawn besides its colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emphasis {
    /// The photo stays as it is where the map is weaker than this: its level, or for a signed map twice the level's
    /// distance from the middle.
    pub floor: u8,
    /// Lines where the strength passes a fifth of its range, so many pixels wide; 0 draws none.
    pub contours: u32,
}

/// Lines of equal strength divide its range into so many bands.
const BANDS: u16 = 5;

impl Levels {
    /// The map upsampled to where `seen` lies in a picture of that size, and normalised there: min-max, or where
    /// `signed` symmetric about zero, which becomes the middle of the 256 levels.
    pub fn new(
        map: &Heatmap,
        width: u32,
        height: u32,
        seen: Rect,
        interpolation: Interpolation,
        signed: bool,
    ) -> Self {
        Self::on_scale(map, (width, height), seen, interpolation, signed, None).0
    }

    /// The same on a scale found elsewhere; without one, on the scale of what is covered, which is told.
    pub(super) fn on_scale(
        map: &Heatmap,
        (width, height): (u32, u32),
        seen: Rect,
        interpolation: Interpolation,
        signed: bool,
        scale: Option<Scale>,
    ) -> (Self, Scale) {
        let (left, right) = covered(seen.x0, seen.x1, width);
        let (top, bottom) = covered(seen.y0, seen.y1, height);
        if left >= right || top >= bottom {
            let nothing = Self { width, height, left: 0, top: 0, columns: 0, values: Vec::new(), signed };
            return (nothing, scale.unwrap_or_else(|| Scale::of(map, signed)));
        }
        let axis = |cells, first: u32, last: u32, start: f32, end: f32| {
            let from = |edge: f32| f64::from(edge) - f64::from(first);
            Axis::new(cells, (last - first) as usize, from(start), from(end), interpolation)
        };
        let rows = axis(map.height(), top, bottom, seen.y0, seen.y1);
        let columns = axis(map.width(), left, right, seen.x0, seen.x1);
        let large = sample(map, &rows, &columns);
        let scale = scale.unwrap_or_else(|| Scale::of(&large, signed));
        let level = |value: f32| {
            let normal = scale.apply(value);
            let unit = if signed { 0.5 + 0.5 * normal } else { normal };
            // The cast clips.
            (unit * 255.0 + 0.5) as u8
        };
        let values = large.values().iter().map(|&value| level(value)).collect();
        let columns = (right - left) as usize;
        (Self { width, height, left, top, columns, values, signed }, scale)
    }

    /// The level at a pixel, if the model saw it.
    pub fn level(&self, x: u32, y: u32) -> Option<u8> {
        let (x, y) = (x.checked_sub(self.left)? as usize, y.checked_sub(self.top)? as usize);
        (x < self.columns).then(|| self.values.get(y * self.columns + x).copied()).flatten()
    }

    /// The least strength among the strongest `share` (0…1) of what is covered; 0 for all of it.
    pub fn floor(&self, share: f32) -> u8 {
        let mut counts = [0usize; 256];
        for &level in &self.values {
            counts[usize::from(strength(level, self.signed))] += 1;
        }
        let wanted = (f64::from(share.clamp(0.0, 1.0)) * self.values.len() as f64).round() as usize;
        let mut above = 0;
        for floor in (1..=255u8).rev() {
            above += counts[usize::from(floor)];
            if above >= wanted {
                return if wanted < self.values.len() { floor } else { 0 };
            }
        }
        0
    }

    /// The colours mixed with the photo, or `None` where it has another size than these levels were made for.
    pub fn over(&self, photo: &Photo, style: Style) -> Option<Overlay> {
        if (photo.width(), photo.height()) != (self.width, self.height) {
            return None;
        }
        Some(self.mix(photo.pixels().to_vec(), style, Emphasis::default()))
    }

    /// The colours mixed with RGB `pixels` of this size, row by row; `None` where their number is another.
    pub fn draw(&self, pixels: Vec<u8>, style: Style, emphasis: Emphasis) -> Option<Overlay> {
        let expected = self.width as usize * self.height as usize * 3;
        (pixels.len() == expected).then(|| self.mix(pixels, style, emphasis))
    }

    /// The colours alone, black where the model did not look.
    pub fn alone(&self, colormap: Colormap) -> Overlay {
        let pixels = vec![0; self.width as usize * self.height as usize * 3];
        self.mix(pixels, Style { alpha: 1.0, colormap }, Emphasis::default())
    }

    fn mix(&self, mut pixels: Vec<u8>, style: Style, emphasis: Emphasis) -> Overlay {
        // In 1/65536, so that the mixing is integer arithmetic; both shares are worked out once a level.
        let alpha = (f64::from(style.alpha.clamp(0.0, 1.0)) * 65536.0).round() as u32;
        let colours = style.colormap.table();
        let shares: [(u32, [u32; 3]); 256] = std::array::from_fn(|level| {
            let alpha = if strength(level as u8, self.signed) < emphasis.floor { 0 } else { alpha };
            (65536 - alpha, colours[level].map(|v| u32::from(v) * alpha + 32768))
        });
        if self.columns > 0 {
            let stride = self.width as usize * 3;
            let rows = pixels.par_chunks_exact_mut(stride).skip(self.top as usize);
            rows.zip(self.values.par_chunks_exact(self.columns)).for_each(|(row, levels)| {
                let row = &mut row[self.left as usize * 3..];
                for (pixel, &level) in row.chunks_exact_mut(3).zip(levels) {
                    let (photo_share, colours) = shares[usize::from(level)];
                    for (value, colour) in pixel.iter_mut().zip(colours) {
                        *value = ((u32::from(*value) * photo_share + colour) >> 16) as u8;
                    }
                }
            });
        }
        if emphasis.contours > 0 {
            self.outline(&mut pixels, emphasis);
        }
        Overlay { width: self.width, height: self.height, pixels }
    }

    /// White lines where the band of strength changes to the right or below.
    fn outline(&self, pixels: &mut [u8], emphasis: Emphasis) {
        let band = |x: usize, y: usize| {
            let strength = strength(self.values[y * self.columns + x], self.signed);
            let band = u16::from(strength) * BANDS / 256;
            // Positive and negative bands of the same strength are different ones; below the floor there is none.
            let negative = self.signed && self.values[y * self.columns + x] < 128;
            if strength < emphasis.floor { 0 } else { i32::from(band) * if negative { -1 } else { 1 } }
        };
        let rows = self.values.len() / self.columns.max(1);
        let wide = emphasis.contours as usize;
        for y in 0..rows {
            for x in 0..self.columns {
                let here = band(x, y);
                let (right, below) = ((x + wide).min(self.columns - 1), (y + wide).min(rows - 1));
                if here != band(right, y) || here != band(x, below) {
                    let at = ((y + self.top as usize) * self.width as usize + x + self.left as usize) * 3;
                    pixels[at..at + 3].fill(255);
                }
            }
        }
    }
}

/// How much a level stands out, 0…255.
fn strength(level: u8, signed: bool) -> u8 {
    if signed { (i32::from(level) * 2 - 255).unsigned_abs() as u8 } else { level }
}

impl std::fmt::Debug for Levels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Levels({}×{}, from {}, {})", self.width, self.height, self.left, self.top)
    }
}

/// The pixels whose centres lie between two edges, first and one past the last, of `count`.
fn covered(start: f32, end: f32, count: u32) -> (u32, u32) {
    let first = |edge: f32| (edge - 0.5).ceil().clamp(0.0, count as f32) as u32;
    (first(start), first(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(width: u32, height: u32) -> Photo {
        let pixels = (0..width * height * 3).map(|i| (i * 37 % 256) as u8).collect();
        Photo::from_rgb("photo", width, height, pixels).unwrap()
    }

    fn ramp() -> Heatmap {
        Heatmap::new(1, 4, vec![0.0, 1.0, 2.0, 4.0]).unwrap()
    }

    #[test]
    fn the_mix_is_the_formula() {
        let photo = photo(40, 30);
        let levels = Levels::new(&ramp(), 40, 30, Rect::whole(40, 30), Interpolation::Bilinear, false);
        for alpha in [0.0, 0.3, 0.5, 1.0] {
            for (_, colormap) in Colormap::NAMES {
                let overlay = levels.over(&photo, Style { alpha, colormap }).unwrap();
                let table = colormap.table();
                for (i, value) in overlay.pixels().iter().enumerate() {
                    let colour = f32::from(table[usize::from(levels.values[i / 3])][i % 3]);
                    let exact = (1.0 - alpha) * f32::from(photo.pixels()[i]) + alpha * colour;
                    assert!(
                        (f32::from(*value) - exact).abs() <= 0.51,
                        "{alpha} {colormap:?}: {value}, {exact}"
                    );
                }
            }
        }
    }

    #[test]
    fn levels_span_the_upsampled_map() {
        let levels = Levels::new(&ramp(), 8, 1, Rect::whole(8, 1), Interpolation::Nearest, false);
        assert_eq!(levels.values, [0, 0, 64, 64, 128, 128, 255, 255]);
        let signed = Heatmap::new(1, 3, vec![-1.0, 0.0, 2.0]).unwrap();
        let levels = Levels::new(&signed, 3, 1, Rect::whole(3, 1), Interpolation::Nearest, true);
        assert_eq!(levels.values, [64, 128, 255]);
        let blank = Heatmap::new(2, 2, vec![0.7; 4]).unwrap();
        let levels = Levels::new(&blank, 9, 9, Rect::whole(9, 9), Interpolation::Bilinear, false);
        assert!(levels.values.iter().all(|&level| level == 0));
    }

    #[test]
    fn outside_the_seen_region_the_photo_stays() {
        let photo = photo(10, 6);
        let seen = Rect { x0: 3.0, y0: 1.0, x1: 7.0, y1: 5.0 };
        let levels = Levels::new(&ramp(), 10, 6, seen, Interpolation::Nearest, false);
        let style = Style { alpha: 1.0, colormap: Colormap::Grey };
        let overlay = levels.over(&photo, style).unwrap();
        for y in 0..6 {
            for x in 0..10 {
                let at = (y * 10 + x) * 3;
                if (3..7).contains(&x) && (1..5).contains(&y) {
                    assert_eq!(overlay.pixels()[at], [0, 64, 128, 255][x - 3], "at {x}, {y}");
                } else {
                    assert_eq!(overlay.pixels()[at..at + 3], photo.pixels()[at..at + 3], "at {x}, {y}");
                }
            }
        }
        let alone = levels.alone(Colormap::Viridis);
        assert_eq!((alone.pixels()[..3].to_vec(), alone.width()), (vec![0; 3], 10));
    }

    #[test]
    fn a_region_beyond_the_photo_is_cut() {
        let seen = Rect { x0: -4.0, y0: -4.0, x1: 4.0, y1: 4.0 };
        let levels = Levels::new(&ramp(), 4, 4, seen, Interpolation::Nearest, false);
        // Only the right half of the map is on the photo, and normalised there.
        assert_eq!(levels.values[..4], [0, 0, 255, 255]);
        let nowhere = Rect { x0: 9.0, y0: 9.0, x1: 12.0, y1: 12.0 };
        let levels = Levels::new(&ramp(), 4, 4, nowhere, Interpolation::Nearest, false);
        let same = levels.over(&photo(4, 4), Style::default_for(false)).unwrap();
        assert_eq!(same.pixels(), photo(4, 4).pixels());
        assert_eq!(levels.over(&photo(5, 4), Style::default_for(true)), None);
    }
}
