//! Resizing as Pillow does it, because that is what the models were trained and are judged with.
//!
//! Pillow's bilinear filter is a triangle whose foot widens with the reduction (so nothing is skipped, unlike cv2's),
//! run over rows first and columns second, with 8-bit values in between. `fast_image_resize` has that filter but runs
//! it the other way round, whose two roundings can differ by two levels; so each pass is asked for by itself.
//! `tests/goldens/resize.py` holds this to Pillow's own output, within one level.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::Photo;

/// A part of a resized picture, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Number of columns.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
}

/// The photo resized to `width`×`height`, RGB, row by row.
pub fn resize(photo: &Photo, width: u32, height: u32) -> Vec<u8> {
    resize_window(photo, width, height, Window { left: 0, top: 0, width, height })
}

/// Only `window` of the photo resized to `width`×`height`: the same pixels as cutting it out afterwards, without ever
/// holding the rest (a photo of 1×5000 resized by its shorter side would be a gigabyte).
///
/// The window lies within `width`×`height`; an empty one gives no pixels.
pub fn resize_window(photo: &Photo, width: u32, height: u32, window: Window) -> Vec<u8> {
    if window.width == 0 || window.height == 0 {
        return Vec::new();
    }
    let across = Span::new(photo.width(), width, window.left, window.width);
    let down = Span::new(photo.height(), height, window.top, window.height);

    // Only the rows that the second pass will reach.
    let (first, last) = down.reach(photo.height());
    let row = photo.width() as usize * 3;
    let rows = &photo.pixels()[first as usize * row..last as usize * row];
    let source = ImageRef::new(photo.width(), last - first, rows, PixelType::U8x3)
        .expect("the rows were cut to this size");

    let mut wide = Image::new(window.width, last - first, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let mut resizer = Resizer::new();
    let crop = options.crop(across.start, 0.0, across.length, f64::from(last - first));
    resizer.resize(&source, &mut wide, &crop).expect("the crop lies within the source and the types agree");

    let mut out = Image::new(window.width, window.height, PixelType::U8x3);
    let start = down.start - f64::from(first);
    let length = down.length.min(f64::from(last - first) - start);
    let crop = options.crop(0.0, start, f64::from(window.width), length);
    resizer.resize(&wide, &mut out, &crop).expect("the crop lies within the source and the types agree");
    out.into_vec()
}

/// A part of a photo, in its pixels and possibly between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A part of the photo at `width`×`height` (at least 1×1) for looking at, RGB, row by row. What lies beyond the photo is cut
/// off. Not for the model's input: [`resize`] is.
pub fn resize_part(photo: &Photo, part: Part, width: u32, height: u32) -> Vec<u8> {
    let source = ImageRef::new(photo.width(), photo.height(), photo.pixels(), PixelType::U8x3)
        .expect("a photo has the pixels of its size");
    let span = |start: f64, length: f64, most: u32| {
        // At least a thousandth of a pixel wide, and within.
        let start = start.clamp(0.0, f64::from(most) - 0.01);
        (start, length.min(f64::from(most) - start).max(0.001))
    };
    let (left, across) = span(part.left, part.width, photo.width());
    let (top, down) = span(part.top, part.height, photo.height());
    let mut out = Image::new(width, height, PixelType::U8x3);
    // Far beyond the photo's own pixels these should be seen as they are.
    let close = across * 4.0 < f64::from(width);
    let algorithm = if close { ResizeAlg::Nearest } else { ResizeAlg::Convolution(FilterType::Bilinear) };
    let options = ResizeOptions::new().resize_alg(algorithm).crop(left, top, across, down);
    Resizer::new().resize(&source, &mut out, &options).expect("the part lies within the photo");
    out.into_vec()
}

/// What a run of resized pixels covers of the source, in source pixels, along one axis.
#[derive(Clone, Copy)]
struct Span {
    start: f64,
    length: f64,
    /// Source pixels per resized pixel.
    scale: f64,
}

impl Span {
    fn new(source: u32, resized: u32, first: u32, count: u32) -> Self {
        let scale = f64::from(source) / f64::from(resized);
        if first == 0 && count == resized {
            // Exactly the whole, whatever the division rounds to.
            return Self { start: 0.0, length: f64::from(source), scale };
        }
        let start = f64::from(first) * scale;
        Self { start, length: (f64::from(count) * scale).min(f64::from(source) - start), scale }
    }

    /// The first and the one-past-last source pixel that the filter touches, one more on either side for rounding.
    fn reach(self, source: u32) -> (u32, u32) {
        let foot = self.scale.max(1.0) + 1.0;
        let first = (self.start - foot).floor().max(0.0) as u32;
        let last = (self.start + self.length + foot).ceil().min(f64::from(source)) as u32;
        (first, last)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The picture that `tests/goldens/resize.py` draws by the same formula.
    pub fn formula(width: u32, height: u32) -> Photo {
        let mut pixels = Vec::new();
        for y in 0..height as usize {
            for x in 0..width as usize {
                for c in 0..3 {
                    pixels.push(((x * x * (c + 3) + y * 7 * (x + 1) + y * y * 5 + c * 85) % 256) as u8);
                }
            }
        }
        Photo::from_rgb("formula", width, height, pixels).unwrap()
    }

    fn side(value: &serde_json::Value) -> u32 {
        value.as_u64().unwrap() as u32
    }

    #[test]
    fn resizing_is_pillows_within_one_level() {
        let goldens: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/resize.json")).unwrap();
        for golden in goldens.as_array().unwrap() {
            let (from, to) = (&golden["from"], &golden["to"]);
            let hex = golden["rgb"].as_str().unwrap();
            let ours = resize(&formula(side(&from[0]), side(&from[1])), side(&to[0]), side(&to[1]));
            assert_eq!(ours.len() * 2, hex.len());
            let theirs = (0..ours.len()).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap());
            let worst = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(worst <= 1, "{from} to {to}: off by {worst} levels");
        }
    }

    #[test]
    fn a_part_is_the_whole_or_what_it_says() {
        let photo = formula(60, 40);
        let whole = Part { left: 0.0, top: 0.0, width: 60.0, height: 40.0 };
        let far = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(far(&resize_part(&photo, whole, 30, 20), &resize(&photo, 30, 20)) <= 2);
        let pixel = Part { left: 10.0, top: 5.0, width: 2.0, height: 1.0 };
        let close = resize_part(&photo, pixel, 100, 50);
        let at = (5 * 60 + 10) * 3;
        assert_eq!(
            (&close[..3], &close[297..300]),
            (&photo.pixels()[at..at + 3], &photo.pixels()[at + 3..at + 6])
        );
        for part in [Part { left: -9.0, ..whole }, Part { left: 60.0, top: 40.0, width: 0.0, height: -1.0 }] {
            assert_eq!(resize_part(&photo, part, 7, 3).len(), 63);
        }
    }

    #[test]
    fn a_window_is_the_same_pixels_as_cutting_afterwards() {
        for (from, to) in [((90, 61), (40, 33)), ((17, 23), (64, 50)), ((300, 5), (31, 32))] {
            let photo = formula(from.0, from.1);
            let whole = resize(&photo, to.0, to.1);
            let window = Window { left: 7, top: 3, width: 20, height: 25 };
            let cut: Vec<u8> =
                (3..28).flat_map(|y| whole[(y * to.0 as usize + 7) * 3..][..60].iter().copied()).collect();
            let ours = resize_window(&photo, to.0, to.1, window);
            let worst = ours.iter().zip(&cut).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(worst <= 1 && ours.len() == cut.len(), "{from:?} to {to:?}: off by {worst} levels");
        }
    }
}
