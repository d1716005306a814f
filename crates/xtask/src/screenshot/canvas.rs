//! The pixels of a screenshot, and what can be done to them.

use image::{Rgb, RgbImage, RgbaImage};

use super::colours::{self, mixed};

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub left: i32,
    pub top: i32,
    pub width: i32,
    pub height: i32,
}

/// An opaque picture that is painted on.
pub struct Canvas(RgbImage);

impl Canvas {
    pub fn new(width: u32, height: u32, ground: colours::Rgb) -> Self {
        Self(RgbImage::from_pixel(width, height, Rgb(ground)))
    }

    pub fn into_image(self) -> RgbImage {
        self.0
    }

    /// Lays `share` of a colour over a pixel; what lies outside is not painted.
    pub fn blend(&mut self, x: i32, y: i32, colour: colours::Rgb, share: f32) {
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
            && let Some(pixel) = self.0.get_pixel_mut_checked(x, y)
        {
            pixel.0 = mixed(pixel.0, colour, share.clamp(0.0, 1.0));
        }
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, area: Area, colour: colours::Rgb, share: f32) {
        for y in area.top..area.top + area.height {
            for x in area.left..area.left + area.width {
                self.blend(x, y, colour, share);
            }
        }
    }

    /// Lays a part of a picture over the canvas, pixel by pixel.
    pub fn lay(&mut self, picture: &RgbaImage, from: (u32, u32), area: Area) {
        for dy in 0..area.height {
            for dx in 0..area.width {
                if let Some(pixel) = picture.get_pixel_checked(from.0 + dx as u32, from.1 + dy as u32) {
                    let [r, g, b, alpha] = pixel.0;
                    self.blend(area.left + dx, area.top + dy, [r, g, b], f32::from(alpha) / 255.0);
                }
            }
        }
    }
}
