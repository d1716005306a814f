//! A photo as the model's input, and the way back.
//!
//! Follows torchvision's transforms on a PIL image to the rounding of a crop's corner, as half a pixel moves the map:
//! `Resize`, `CenterCrop` with its black padding where the picture is smaller, `ToTensor`, `Normalize`.

use super::Photo;
use super::resize::{Window, resize_window};
use crate::recipe::Resize;
use crate::{Recipe, Tensor};

/// The longest side of a model's input.
const MAX_SIDE: usize = 1 << 14;

/// A recipe that cannot be followed, or a tensor that no picture can be made of.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PrepareError {
    /// Sides of 0 or beyond reason.
    #[error(
        "the model's preprocessing asks for a picture of {width}×{height}; 1 to {MAX_SIDE} pixels a side are possible"
    )]
    Size {
        /// Input width.
        width: usize,
        /// Input height.
        height: usize,
    },
    /// A shorter side of 0 or beyond reason.
    #[error("the model's preprocessing resizes the shorter side to {0} pixels; 1 to {MAX_SIDE} are possible")]
    CropResize(usize),
    /// Division by zero or worse.
    #[error(
        "the model's preprocessing has mean {mean:?} and deviation {std:?}; finite ones, not divided by zero, are needed"
    )]
    Normalisation {
        /// The mean of each channel.
        mean: [f32; 3],
        /// The standard deviation of each channel.
        std: [f32; 3],
    },
    /// Not `[3,H,W]`.
    #[error("a tensor of shape {0:?} is no picture: [3, H, W] or [1, 3, H, W] is")]
    Shape(Vec<usize>),
}

/// A rectangle in a photo's pixels, `x0`, `y0` inclusive edges and `x1`, `y1` exclusive ones, possibly between pixels
/// and possibly beyond the photo (where a crop was padded).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x0: f32,
    /// Top edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Bottom edge.
    pub y1: f32,
}

impl Rect {
    /// The whole of a photo.
    pub fn whole(width: u32, height: u32) -> Self {
        Self { x0: 0.0, y0: 0.0, x1: width as f32, y1: height as f32 }
    }
}

/// The photo as input tensor `[1, 3, height, width]`, normalised by the recipe.
pub fn prepare(photo: &Photo, recipe: &Recipe) -> Result<Tensor, PrepareError> {
    check(recipe)?;
    let (width, height) = (recipe.width as u32, recipe.height as u32);
    let plan = Plan::new(photo.width(), photo.height(), recipe);
    let Cut { window, pad_left, pad_top } = plan.cut(width, height);
    let pixels = resize_window(photo, plan.width, plan.height, window);

    // What ToTensor and Normalize make of each of the 256 levels, black padding being one of them.
    let levels: [[f32; 256]; 3] = std::array::from_fn(|c| {
        std::array::from_fn(|level| (level as f32 / 255.0 - recipe.mean[c]) / recipe.std[c])
    });
    let area = recipe.width * recipe.height;
    let mut data = vec![0.0; 3 * area];
    for (c, plane) in data.chunks_exact_mut(area).enumerate() {
        let levels = &levels[c];
        if (window.width, window.height) != (width, height) {
            plane.fill(levels[0]);
        }
        for (y, row) in pixels.chunks_exact(window.width as usize * 3).enumerate() {
            let at = (y + pad_top as usize) * recipe.width + pad_left as usize;
            for (value, pixel) in plane[at..].iter_mut().zip(row.chunks_exact(3)) {
                *value = levels[usize::from(pixel[c])];
            }
        }
    }
    Ok(Tensor::new([1, 3, recipe.height, recipe.width], data).expect("three planes were made"))
}

/// The part of a photo of that size that the model sees: all of it for squash, the crop for center-crop.
pub fn seen_region(photo_width: u32, photo_height: u32, recipe: &Recipe) -> Rect {
    let plan = Plan::new(photo_width, photo_height, recipe);
    let Cut { window, pad_left, pad_top } = plan.cut(recipe.width as u32, recipe.height as u32);
    let across = f64::from(photo_width) / f64::from(plan.width);
    let down = f64::from(photo_height) / f64::from(plan.height);
    let x0 = (f64::from(window.left) - f64::from(pad_left)) * across;
    let y0 = (f64::from(window.top) - f64::from(pad_top)) * down;
    Rect {
        x0: x0 as f32,
        y0: y0 as f32,
        x1: (x0 + recipe.width as f64 * across) as f32,
        y1: (y0 + recipe.height as f64 * down) as f32,
    }
}

/// The photo that a normalised tensor `[3,H,W]` or `[1,3,H,W]` shows; values outside a pixel's range are clipped.
pub fn un_normalise(tensor: &Tensor, recipe: &Recipe) -> Result<Photo, PrepareError> {
    let wrong = || PrepareError::Shape(tensor.shape().to_vec());
    let (height, width) = match *tensor.shape() {
        [3, h, w] | [1, 3, h, w] if h > 0 && w > 0 => (h, w),
        _ => return Err(wrong()),
    };
    let area = height * width;
    let mut pixels = vec![0; 3 * area];
    for (c, plane) in tensor.data().chunks_exact(area).enumerate() {
        for (pixel, value) in pixels.chunks_exact_mut(3).zip(plane) {
            // The cast clips, and makes NaN black.
            pixel[c] = ((value * recipe.std[c] + recipe.mean[c]) * 255.0).round() as u8;
        }
    }
    let side = |n: usize| u32::try_from(n).map_err(|_| wrong());
    Photo::from_rgb("tensor", side(width)?, side(height)?, pixels).ok_or_else(wrong)
}

fn check(recipe: &Recipe) -> Result<(), PrepareError> {
    let possible = 1..=MAX_SIDE;
    let &Recipe { height, width, resize, crop_resize, mean, std } = recipe;
    if !possible.contains(&height) || !possible.contains(&width) {
        return Err(PrepareError::Size { width, height });
    }
    if resize == Resize::CenterCrop && !possible.contains(&crop_resize) {
        return Err(PrepareError::CropResize(crop_resize));
    }
    if mean.iter().chain(&std).any(|v| !v.is_finite()) || std.contains(&0.0) {
        return Err(PrepareError::Normalisation { mean, std });
    }
    Ok(())
}

/// The size a photo is resized to.
struct Plan {
    width: u32,
    height: u32,
}

/// Which part of the resized photo is kept, and how much black stands before it where the photo is too small.
struct Cut {
    window: Window,
    pad_left: u32,
    pad_top: u32,
}

impl Plan {
    fn new(photo_width: u32, photo_height: u32, recipe: &Recipe) -> Self {
        match recipe.resize {
            Resize::Squash => Self { width: recipe.width as u32, height: recipe.height as u32 },
            Resize::CenterCrop => {
                let short = photo_width.min(photo_height);
                // torchvision cuts the fraction of the long side off. The cast stops at the largest u32.
                let long =
                    |side: u32| (recipe.crop_resize as f64 * f64::from(side) / f64::from(short)) as u32;
                if photo_width <= photo_height {
                    Self { width: recipe.crop_resize as u32, height: long(photo_height) }
                } else {
                    Self { width: long(photo_width), height: recipe.crop_resize as u32 }
                }
            }
        }
    }

    fn cut(&self, width: u32, height: u32) -> Cut {
        let (left, kept_width, pad_left) = cut_axis(self.width, width);
        let (top, kept_height, pad_top) = cut_axis(self.height, height);
        Cut { window: Window { left, top, width: kept_width, height: kept_height }, pad_left, pad_top }
    }
}

/// First kept pixel, their number, and the padding before them, along one axis of `CenterCrop`.
fn cut_axis(resized: u32, wanted: u32) -> (u32, u32, u32) {
    if wanted > resized {
        return (0, resized, (wanted - resized) / 2);
    }
    // Python rounds halves to the even number.
    let first = (f64::from(resized - wanted) / 2.0).round_ties_even() as u32;
    (first, wanted, 0)
}

#[cfg(test)]
mod tests;
