//! Pictures at the size in pixels that cells or terminals want, without transparency.

use std::borrow::Cow;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{Rgba, RgbaImage};

/// The picture without transparency, over the terminal's background or black.
pub fn flattened(picture: &RgbaImage, backdrop: Option<[u8; 3]>) -> Cow<'_, RgbaImage> {
    // All bits of all alphas at once: a loop without an early end is many times quicker than one with.
    let opaque = |row: &[u8]| row.chunks_exact(4).fold(255, |all, pixel| all & pixel[3]) == 255;
    if picture.as_raw().chunks(1 << 14).all(opaque) {
        return Cow::Borrowed(picture);
    }
    let under = backdrop.unwrap_or_default();
    let mut flat = picture.clone();
    for Rgba([r, g, b, a]) in flat.pixels_mut() {
        for (channel, under) in [r, g, b].into_iter().zip(under) {
            let alpha = u32::from(*a);
            *channel = ((u32::from(*channel) * alpha + u32::from(under) * (255 - alpha) + 127) / 255) as u8;
        }
        *a = 255;
    }
    Cow::Owned(flat)
}

/// The picture at exactly this size, its shape given up.
pub fn resized(picture: &RgbaImage, width: u32, height: u32) -> Cow<'_, RgbaImage> {
    if (width, height) == picture.dimensions() {
        Cow::Borrowed(picture)
    } else if width > 0 && height > 0 && width * 2 <= picture.width() && height * 2 <= picture.height() {
        Cow::Owned(averaged(picture, width, height))
    } else {
        Cow::Owned(interpolated(picture, width, height))
    }
}

/// Bilinear, with a filter as wide as the pictures' sizes ask for.
fn interpolated(picture: &RgbaImage, width: u32, height: u32) -> RgbaImage {
    let options =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
    let mut to = Image::new(width, height, PixelType::U8x4);
    ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x4)
        .ok()
        .and_then(|from| Resizer::new().resize(&from, &mut to, &options).ok())
        .and_then(|()| RgbaImage::from_raw(width, height, to.into_vec()))
        // Only a picture without pixels cannot be resized.
        .unwrap_or_else(|| RgbaImage::new(width, height))
}

/// Each pixel the mean of its box, whose edges lie between pixels: as good as a filter where boxes are large, and many
/// times quicker. Boxes hold at least one pixel, and no pixel belongs to two.
fn averaged(picture: &RgbaImage, width: u32, height: u32) -> RgbaImage {
    let edge = |at: u32, of: u32, full: u32| (u64::from(at) * u64::from(full) / u64::from(of)) as usize;
    let columns: Vec<usize> = (0..=width).map(|x| edge(x, width, picture.width())).collect();
    let stride = 4 * picture.width() as usize;
    let mut small = RgbaImage::new(width, height);
    let mut sums = vec![0_u32; stride];
    for (y, row) in (0..height).zip(small.chunks_exact_mut(4 * width as usize)) {
        let (top, bottom) = (edge(y, height, picture.height()), edge(y + 1, height, picture.height()));
        sums.fill(0);
        // Down the columns first: whole rows are added at once.
        for line in picture.as_raw()[top * stride..bottom * stride].chunks_exact(stride) {
            for (sum, &value) in sums.iter_mut().zip(line) {
                *sum += u32::from(value);
            }
        }
        for (pixel, ends) in row.chunks_exact_mut(4).zip(columns.windows(2)) {
            let mut total = [0_u64; 4];
            for column in sums[4 * ends[0]..4 * ends[1]].chunks_exact(4) {
                for (total, &value) in total.iter_mut().zip(column) {
                    *total += u64::from(value);
                }
            }
            let count = ((ends[1] - ends[0]) * (bottom - top)) as u64;
            for (channel, total) in pixel.iter_mut().zip(total) {
                *channel = ((total + count / 2) / count) as u8;
            }
        }
    }
    small
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_keeps_the_mean_of_each_box() {
        let picture = RgbaImage::from_fn(9, 7, |x, y| Rgba([x as u8 * 20, y as u8 * 30, (x * y) as u8, 255]));
        let small = resized(&picture, 3, 2);
        for (x, y, pixel) in small.enumerate_pixels() {
            let rows = [0..3, 3..7][y as usize].clone();
            let of_box: Vec<[u8; 4]> = rows
                .flat_map(|row| (3 * x..3 * x + 3).map(move |column| (column, row)))
                .map(|(column, row)| picture.get_pixel(column, row).0)
                .collect();
            for channel in 0..4 {
                let sum: f64 = of_box.iter().map(|pixel| f64::from(pixel[channel])).sum();
                let mean = sum / of_box.len() as f64;
                assert!((f64::from(pixel[channel]) - mean).abs() <= 0.5, "{x},{y} {channel}");
            }
        }
    }

    #[test]
    fn enlarging_lies_between_the_pixels() {
        let picture = RgbaImage::from_fn(2, 1, |x, _| Rgba([100 * x as u8, 40, 0, 255]));
        let large = resized(&picture, 4, 2);
        let reds: Vec<u8> = large.rows().next().unwrap().map(|pixel| pixel[0]).collect();
        assert_eq!(reds, [0, 25, 75, 100]);
        assert!(large.pixels().all(|pixel| pixel.0[1..] == [40, 0, 255]));
        assert_eq!(resized(&RgbaImage::new(0, 3), 4, 4).dimensions(), (4, 4));
    }

    #[test]
    fn a_picture_of_the_right_size_is_not_touched() {
        let picture = RgbaImage::new(8, 6);
        assert!(matches!(resized(&picture, 8, 6), Cow::Borrowed(_)));
        assert_eq!(resized(&picture, 1, 1).dimensions(), (1, 1));
        assert_eq!(resized(&picture, 20, 13).dimensions(), (20, 13));
    }

    #[test]
    fn one_transparent_pixel_is_enough() {
        let mut picture = RgbaImage::from_pixel(300, 200, Rgba([9, 9, 9, 255]));
        assert!(matches!(flattened(&picture, None), Cow::Borrowed(_)));
        picture.put_pixel(299, 199, Rgba([200, 100, 0, 128]));
        assert_eq!(flattened(&picture, Some([0, 0, 255])).get_pixel(299, 199).0, [100, 50, 127, 255]);
    }
}
