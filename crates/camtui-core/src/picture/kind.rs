//! What a file is, by its first bytes: names and extensions lie too often.

use image::ImageFormat::{self, Bmp, Gif, Jpeg, Png, Tiff, WebP};

/// The picture formats that are read, by the bytes they begin with.
pub(super) fn picture_format(bytes: &[u8]) -> Option<ImageFormat> {
    let format = image::guess_format(bytes).ok()?;
    matches!(format, Jpeg | Png | WebP | Gif | Bmp | Tiff).then_some(format)
}

/// How a format is called in messages.
pub(super) fn format_name(format: ImageFormat) -> &'static str {
    match format {
        Jpeg => "JPEG",
        Png => "PNG",
        WebP => "WebP",
        Gif => "GIF",
        Bmp => "BMP",
        Tiff => "TIFF",
        _ => "picture",
    }
}

/// What a file that is none of these seems to be, for the error message.
pub(super) fn what_else(bytes: &[u8]) -> &'static str {
    const SIGNATURES: &[(usize, &[u8], &str)] = &[
        (4, b"ftypavif", "an AVIF picture"),
        (4, b"ftypheic", "a HEIC picture"),
        (4, b"ftypmif1", "a HEIF picture"),
        (4, b"ftyp", "a video"),
        (0, b"\xff\x0a", "a JPEG XL picture"),
        (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
        (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
        (0, b"II+\0", "a BigTIFF picture"),
        (0, b"MM\0+", "a BigTIFF picture"),
        (0, b"8BPS", "a Photoshop file"),
        (0, b"qoif", "a QOI picture"),
        (0, b"\x76\x2f\x31\x01", "an OpenEXR picture"),
        (0, b"#?RADIANCE", "a Radiance picture"),
        (0, b"\0\0\x01\0", "an icon file"),
        (0, b"P6", "a PNM picture"),
        (0, b"P5", "a PNM picture"),
        (0, b"%PDF", "a PDF document"),
        (0, b"<svg", "an SVG drawing"),
        (0, b"\x93NUMPY", "a NumPy array"),
        (0, b"\x7fELF", "a program or library"),
        (0, b"PK\x03\x04", "a zip archive"),
        (0, b"\x1f\x8b", "a gzip archive"),
        (0, b"RIFF", "a sound or video file"),
    ];
    let hit = SIGNATURES
        .iter()
        .find(|(at, signature, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(signature)));
    let start = &bytes[..bytes.len().min(512)];
    match hit {
        Some((_, _, what)) => what,
        None if start.iter().all(|&b| b >= b' ' && b != 0x7f || b.is_ascii_whitespace()) => "text",
        None => "data of an unknown kind",
    }
}
