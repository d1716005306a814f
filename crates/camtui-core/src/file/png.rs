//! PNG files that say how they were made.
//!
//! A heat map without its model, layer and target cannot be checked by anyone, so every picture written carries that
//! as UTF-8 JSON in an `iTXt` chunk with the keyword `camtui`, placed before the pixels so that it is quick to read.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

/// The keyword of the text chunk.
const KEYWORD: &str = "camtui";

/// Why a picture was not encoded.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// The pixels are neither RGB nor RGBA of that size.
    #[error("a PNG of {width}×{height} takes 3 or 4 bytes a pixel; {bytes} bytes fit neither")]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The number of bytes given.
        bytes: usize,
    },
    /// The encoder refused.
    #[error("cannot encode the PNG: {0}")]
    Encode(#[from] png::EncodingError),
}

/// Encodes 8-bit RGB or RGBA `pixels` (told apart by their number), with `provenance` as its `camtui` text.
///
/// Compression is quick rather than tight: the picture is written while someone waits for it.
pub fn encode_png(width: u32, height: u32, pixels: &[u8], provenance: &str) -> Result<Vec<u8>, PngError> {
    let area = width as u64 * height as u64;
    let colour = match pixels.len() as u64 {
        n if area > 0 && n == area.saturating_mul(3) => png::ColorType::Rgb,
        n if area > 0 && n == area.saturating_mul(4) => png::ColorType::Rgba,
        _ => return Err(PngError::Size { width, height, bytes: pixels.len() }),
    };
    let mut bytes = Vec::with_capacity(pixels.len() / 2);
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.add_itxt_chunk(KEYWORD.to_owned(), provenance.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// The `camtui` text of a PNG file, or `None` where it has none or is no readable PNG.
pub fn png_provenance(bytes: &[u8]) -> Option<String> {
    text_of(Cursor::new(bytes))
}

/// The same of a file, of which no more is read than that.
pub fn read_provenance(path: &Path) -> Option<String> {
    path.is_file().then(|| File::open(path).ok()).flatten().map(BufReader::new).and_then(text_of)
}

fn text_of(png: impl BufRead + Seek) -> Option<String> {
    let reader = png::Decoder::new(png).read_info().ok()?;
    let chunk = reader.info().utf8_text.iter().find(|chunk| chunk.keyword == KEYWORD)?;
    chunk.get_text().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provenance_and_pixels_come_back() {
        let provenance = r#"{"target":"Häcksler 🐶","layer":"layer4.1.conv2"}"#;
        for channels in [3, 4] {
            let pixels: Vec<u8> = (0..5 * 4 * channels).map(|i| (i * 7 % 256) as u8).collect();
            let bytes = encode_png(5, 4, &pixels, provenance).unwrap();
            assert_eq!(png_provenance(&bytes).as_deref(), Some(provenance));
            let back = image::load_from_memory(&bytes).unwrap();
            assert_eq!((back.width(), back.height()), (5, 4));
            assert_eq!(back.as_bytes(), pixels);
        }
    }

    #[test]
    fn wrong_sizes_and_other_files_are_no_panic() {
        assert!(matches!(encode_png(5, 4, &[0; 7], ""), Err(PngError::Size { .. })));
        assert!(matches!(encode_png(0, 4, &[], ""), Err(PngError::Size { .. })));
        assert!(matches!(encode_png(u32::MAX, u32::MAX, &[0; 7], ""), Err(PngError::Size { .. })));
        assert_eq!(png_provenance(b"no picture"), None);
        let bytes = encode_png(1, 1, &[1, 2, 3], "text").unwrap();
        assert_eq!(png_provenance(&bytes[..30]), None);
    }
}
