//! The kind of TIFF that scientific tools write and the general decoder does not take: 32-bit floating-point grey.

use std::io::{Cursor, ErrorKind};

use image::DynamicImage;
use image::metadata::Orientation;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::PhotoError;
use super::decode::Source;

/// Decodes that kind; anything else is refused by the name of its colour type.
pub(super) fn decode(source: &Source) -> Result<(DynamicImage, Orientation), PhotoError> {
    let failed = |error: TiffError| match error {
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => source.cut_short(),
        TiffError::UnsupportedError(error) => source.unsupported(error.to_string()),
        error => source.damaged(error.to_string()),
    };
    let mut decoder = Decoder::new(Cursor::new(source.bytes)).map_err(failed)?;
    let (width, height) = decoder.dimensions().map_err(failed)?;
    let colour = decoder.colortype().map_err(failed)?;
    let decoded = u64::from(width) * u64::from(height) * 4;
    source.check_size(width, height, decoded)?;
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(decoded).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size.max(1 << 20);
    let mut decoder = decoder.with_limits(limits);

    let orientation = decoder
        .find_tag_unsigned::<u8>(Tag::Orientation)
        .ok()
        .flatten()
        .and_then(Orientation::from_exif)
        .unwrap_or(Orientation::NoTransforms);
    let image = match colour {
        ColorType::Gray(32) => {
            let DecodingResult::F32(values) = decoder.read_image().map_err(failed)? else {
                return Err(source.unsupported("32-bit integers".to_owned()));
            };
            let pixels = values.iter().flat_map(|&v| [v; 3]).collect();
            image::Rgb32FImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb32F)
        }
        other => return Err(source.unsupported(format!("pixels of type {other:?}"))),
    };
    let image = image.ok_or_else(|| source.damaged("it has fewer pixels than it says".to_owned()))?;
    Ok((image, orientation))
}
