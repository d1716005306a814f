//! Bytes to an upright 8-bit RGB [`Photo`]: JPEG, PNG, WebP, GIF (first frame), BMP and TIFF.
//!
//! The format is told by content ([`kind`](super::kind)). The EXIF orientation is applied, transparency is laid over
//! white, 16 bits are rounded to 8, four inks become RGB as Pillow makes them. Whatever a file contains, the outcome
//! is a photo or a [`PhotoError`]: sizes are checked before memory is taken, and truncated files are not shown as if
//! they were whole.

use std::io::{Cursor, ErrorKind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use sha2::{Digest as _, Sha256};

use super::kind::{format_name, picture_format, what_else};
use super::{Photo, jpeg, tiff};
use crate::file::{ReadError, read_regular};

/// The largest picture file that is read: 1 GiB.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// The most pixels a picture may have: 200 million.
pub const MAX_PIXELS: u64 = 200_000_000;

/// The most memory a decoder may take, in bytes: 2 GiB.
const MAX_DECODER_BYTES: u64 = 2 << 30;

/// Why a file did not become a photo.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// The file could not be read at all.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is nothing in it.
    #[error("{name} is empty")]
    Empty {
        /// The photo's name.
        name: String,
    },
    /// It is something else.
    #[error("{name} is {found}, not a picture that can be read (JPEG, PNG, WebP, GIF, BMP or TIFF)")]
    NotAPicture {
        /// The photo's name.
        name: String,
        /// What it seems to be, with its article.
        found: &'static str,
    },
    /// It ends too early.
    #[error("{name} is a {format} file that is cut short after {bytes} bytes")]
    CutShort {
        /// The photo's name.
        name: String,
        /// The format.
        format: &'static str,
        /// The file's length.
        bytes: usize,
    },
    /// The decoder found something wrong.
    #[error("{name} is a damaged {format} file: {reason}")]
    Damaged {
        /// The photo's name.
        name: String,
        /// The format.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// A valid file of a rare kind.
    #[error("{name} is a {format} file of a kind that is not supported: {reason}")]
    Unsupported {
        /// The photo's name.
        name: String,
        /// The format.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// More pixels than are decoded.
    #[error("{name} claims {width}×{height} pixels; at most {MAX_PIXELS} are decoded")]
    TooLarge {
        /// The photo's name.
        name: String,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Decoding would take too much memory.
    #[error("{name} ({width}×{height}) needs more than {MAX_DECODER_BYTES} bytes of memory to decode")]
    TooMuchMemory {
        /// The photo's name.
        name: String,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Floating-point pixels with no agreed meaning as brightness.
    #[error("{name} has floating-point pixels from {low} to {high}; only 0 to 1 can be shown")]
    FloatRange {
        /// The photo's name.
        name: String,
        /// The smallest value; NaN where one is.
        low: f32,
        /// The largest value; NaN where one is.
        high: f32,
    },
}

impl Photo {
    /// Reads a picture file; its path becomes the photo's name. Folders, pipes and devices are refused unread.
    pub fn read(path: &Path) -> Result<Self, PhotoError> {
        let bytes = read_regular(path, MAX_FILE_BYTES)?;
        Self::from_bytes(&path.to_string_lossy(), &bytes)
    }

    /// Decodes the bytes of a picture file.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, PhotoError> {
        if bytes.is_empty() {
            return Err(PhotoError::Empty { name: name.to_owned() });
        }
        let Some(format) = picture_format(bytes) else {
            return Err(PhotoError::NotAPicture { name: name.to_owned(), found: what_else(bytes) });
        };
        let source = Source { name, bytes, format };
        if format == ImageFormat::Jpeg && !jpeg::is_complete(bytes) {
            return Err(source.cut_short());
        }
        let (image, orientation) = match source.decode() {
            Err(PhotoError::Unsupported { .. }) if format == ImageFormat::Tiff => tiff::decode(&source)?,
            decoded => decoded?,
        };
        let mut image = DynamicImage::ImageRgb8(opaque(image, name)?);
        image.apply_orientation(orientation);
        let (width, height) = (image.width(), image.height());
        Self::from_rgb(name, width, height, image.into_bytes())
            .map(|photo| Self { source_sha256: Some(format!("{:x}", Sha256::digest(bytes))), ..photo })
            .ok_or_else(|| source.damaged(format!("its size is {width}×{height}")))
    }
}

/// A picture file in memory whose format is known.
pub(super) struct Source<'a> {
    pub name: &'a str,
    pub bytes: &'a [u8],
    pub format: ImageFormat,
}

impl Source<'_> {
    fn decode(&self) -> Result<(DynamicImage, Orientation), PhotoError> {
        let mut reader = ImageReader::with_format(Cursor::new(self.bytes), self.format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_DECODER_BYTES);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(|error| self.failed(&error, 0, 0))?;
        let (width, height) = decoder.dimensions();
        self.check_size(width, height, decoder.total_bytes())?;
        // A broken EXIF block is no reason to refuse the picture it belongs to.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let image =
            DynamicImage::from_decoder(decoder).map_err(|error| self.failed(&error, width, height))?;
        Ok((image, orientation))
    }

    /// Refuses what has no pixels, too many, or would take too much memory (`bytes`, decoded).
    pub(super) fn check_size(&self, width: u32, height: u32, bytes: u64) -> Result<(), PhotoError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(self.damaged(format!("its size is {width}×{height}")));
        }
        if pixels > MAX_PIXELS {
            return Err(PhotoError::TooLarge { name: self.name.to_owned(), width, height });
        }
        if bytes > MAX_DECODER_BYTES {
            return Err(PhotoError::TooMuchMemory { name: self.name.to_owned(), width, height });
        }
        Ok(())
    }

    pub(super) fn damaged(&self, reason: String) -> PhotoError {
        PhotoError::Damaged { name: self.name.to_owned(), format: format_name(self.format), reason }
    }

    pub(super) fn unsupported(&self, reason: String) -> PhotoError {
        PhotoError::Unsupported { name: self.name.to_owned(), format: format_name(self.format), reason }
    }

    pub(super) fn cut_short(&self) -> PhotoError {
        let bytes = self.bytes.len();
        PhotoError::CutShort { name: self.name.to_owned(), format: format_name(self.format), bytes }
    }

    fn failed(&self, error: &ImageError, width: u32, height: u32) -> PhotoError {
        match error {
            ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => self.cut_short(),
            ImageError::Limits(_) => PhotoError::TooMuchMemory { name: self.name.to_owned(), width, height },
            ImageError::Unsupported(error) => self.unsupported(error.to_string()),
            error => self.damaged(error.to_string()),
        }
    }
}

/// Any kind of pixel as 8-bit RGB, what is transparent over white.
fn opaque(image: DynamicImage, name: &str) -> Result<image::RgbImage, PhotoError> {
    match &image {
        DynamicImage::ImageLumaA8(_) | DynamicImage::ImageRgba8(_) => {
            Ok(over_white(&image.into_rgba8(), 255))
        }
        DynamicImage::ImageLumaA16(_) | DynamicImage::ImageRgba16(_) => {
            Ok(over_white(&image.into_rgba16(), 65535))
        }
        DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_) => {
            let rgba = image.into_rgba32f();
            check_range(&rgba, name)?;
            Ok(image::RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
                let [r, g, b, a] = rgba.get_pixel(x, y).0;
                image::Rgb([r, g, b].map(|v| ((v * a + 1.0 - a) * 255.0).round() as u8))
            }))
        }
        _ => Ok(image.into_rgb8()),
    }
}

/// RGBA samples from 0 to `full` over white, rounded to 8 bits.
fn over_white<S>(image: &image::ImageBuffer<image::Rgba<S>, Vec<S>>, full: u64) -> image::RgbImage
where
    S: image::Primitive + Into<u64>,
    image::Rgba<S>: image::Pixel<Subpixel = S>,
{
    let mut pixels = Vec::with_capacity(image.as_raw().len() / 4 * 3);
    for pixel in image.as_raw().chunks_exact(4) {
        let alpha: u64 = pixel[3].into();
        for &sample in &pixel[..3] {
            let sum = sample.into() * alpha + full * (full - alpha);
            pixels.push(((sum * 255 + full * full / 2) / (full * full)) as u8);
        }
    }
    image::RgbImage::from_raw(image.width(), image.height(), pixels)
        .expect("three samples were pushed for each pixel")
}

/// Refuses floating-point pixels outside 0 to 1, allowing for rounding.
fn check_range(image: &image::Rgba32FImage, name: &str) -> Result<(), PhotoError> {
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for &value in image.as_raw() {
        if value.is_nan() {
            (low, high) = (f32::NAN, f32::NAN);
            break;
        }
        low = low.min(value);
        high = high.max(value);
    }
    // False for NaN as well.
    if low >= -1e-4 && high <= 1.0 + 1e-4 {
        Ok(())
    } else {
        Err(PhotoError::FloatRange { name: name.to_owned(), low, high })
    }
}

#[cfg(test)]
mod tests;
