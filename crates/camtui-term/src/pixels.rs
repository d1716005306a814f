//! Pictures as escape sequences, written by ourselves where viuer cannot be used without it asking the terminal again.
//!
//! viuer's kitty printer asks twice before it prints and then waits for a third answer, without a bound, and mistakes a
//! key that the user presses for a failure; so kitty is always ours. Its iTerm2 and sixel printers fall back to blocks
//! when the environment or the terminal does not confirm the protocol, which is not what someone wants who forces it or
//! writes to a file; for these cases there are the two others.
//!
//! All of them expect the picture at its final size in pixels, without transparency.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use icy_sixel::{DiffusionMethod, MethodForLargest, MethodForRep, PixelFormat, Quality};
use image::{ExtendedColorType, ImageEncoder as _, RgbaImage, codecs::png};

/// The longest payload of one kitty escape, in base64 characters.
const KITTY_CHUNK: usize = 4096;

/// Shows the picture in `cols`×`rows` cells by kitty's protocol, as PNG in the escapes themselves, which works at any
/// distance. The terminal is told not to answer (`q=2`). Leaves the cursor at the picture's last row.
pub fn kitty(out: &mut impl Write, picture: &RgbaImage, cols: u16, rows: u16) -> io::Result<()> {
    let payload = STANDARD.encode(png_of(picture)?);
    let mut chunks = payload.as_bytes().chunks(KITTY_CHUNK).peekable();
    let mut keys = format!("a=T,f=100,q=2,c={cols},r={rows},");
    while let Some(chunk) = chunks.next() {
        let more = u8::from(chunks.peek().is_some());
        write!(out, "\x1b_G{keys}m={more};")?;
        out.write_all(chunk)?;
        out.write_all(b"\x1b\\")?;
        keys.clear();
    }
    Ok(())
}

/// Shows the picture in `cols`×`rows` cells as iTerm2's inline image. Leaves the cursor at the picture's last row.
pub fn iterm(out: &mut impl Write, picture: &RgbaImage, cols: u16, rows: u16) -> io::Result<()> {
    let png = png_of(picture)?;
    let payload = STANDARD.encode(&png);
    write!(
        out,
        "\x1b]1337;File=inline=1;preserveAspectRatio=1;size={};width={cols};height={rows}:{payload}\x07",
        png.len()
    )
}

/// Shows the picture, one sixel dot a pixel. Leaves the cursor at the picture's last row.
pub fn sixel(out: &mut impl Write, picture: &RgbaImage) -> io::Result<()> {
    let escape = icy_sixel::sixel_string(
        picture.as_raw(),
        picture.width() as i32,
        picture.height() as i32,
        PixelFormat::RGBA8888,
        DiffusionMethod::Auto,
        MethodForLargest::Auto,
        MethodForRep::Auto,
        Quality::AUTO,
    )
    .map_err(|error| io::Error::other(format!("the picture could not be turned into sixels: {error}")))?;
    out.write_all(escape.as_bytes())
}

pub(crate) fn png_of(picture: &RgbaImage) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    png::PngEncoder::new_with_quality(&mut bytes, png::CompressionType::Fast, png::FilterType::Adaptive)
        .write_image(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgba8)
        .map_err(io::Error::other)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise, which does not compress, so that several chunks are needed.
    fn noise(size: u32) -> RgbaImage {
        let mut state = 1_u32;
        RgbaImage::from_fn(size, size, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [r, g, b, _] = state.to_le_bytes();
            image::Rgba([r, g, b, 255])
        })
    }

    #[test]
    fn kitty_chunks_join_to_the_picture_and_the_last_one_says_so() {
        for size in [32, 90] {
            let picture = noise(size);
            let mut out = Vec::new();
            kitty(&mut out, &picture, 7, 3).unwrap();
            let text = String::from_utf8(out).unwrap();
            let escapes: Vec<&str> = text.split_terminator("\x1b\\").collect();
            assert!(escapes[0].starts_with("\x1b_Ga=T,f=100,q=2,c=7,r=3,m="));
            let mut payload = String::new();
            for (at, escape) in escapes.iter().enumerate() {
                let (keys, data) = escape.strip_prefix("\x1b_G").unwrap().split_once(';').unwrap();
                let last = at + 1 == escapes.len();
                assert!(keys.ends_with(if last { "m=0" } else { "m=1" }), "chunk {at} of {}", escapes.len());
                assert!(data.len() <= KITTY_CHUNK && (last || data.len() % 4 == 0));
                payload.push_str(data);
            }
            let shown = image::load_from_memory(&STANDARD.decode(payload).unwrap()).unwrap();
            assert_eq!(shown.to_rgba8(), picture);
        }
    }

    #[test]
    fn an_inline_image_is_the_picture() {
        let picture = noise(32);
        let mut out = Vec::new();
        iterm(&mut out, &picture, 7, 3).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (keys, data) = text
            .strip_prefix("\x1b]1337;File=")
            .unwrap()
            .strip_suffix('\x07')
            .unwrap()
            .split_once(':')
            .unwrap();
        let png = STANDARD.decode(data).unwrap();
        assert_eq!(keys, format!("inline=1;preserveAspectRatio=1;size={};width=7;height=3", png.len()));
        assert_eq!(image::load_from_memory(&png).unwrap().to_rgba8(), picture);
    }

    #[test]
    fn sixels_have_the_pictures_size() {
        let mut out = Vec::new();
        sixel(&mut out, &noise(36)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("\x1bP") && text.ends_with("\x1b\\"));
        assert!(text.contains("\"1;1;36;36"), "{}", &text[..40]);
    }
}
