//! The parts of kitty's graphics protocol that an interactive view needs: a picture is transmitted once, under a number,
//! and shown wherever its placeholder characters stand, so that it moves, is covered and goes away as text does.
//!
//! The protocol, with the table of diacritics: <https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders>.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::RgbaImage;

use crate::pixels;

/// The character that stands for one cell of a picture.
pub const PLACEHOLDER: char = '\u{10eeee}';
/// The most cells that a picture can have each way: there are so many diacritics to number them.
pub const MOST_CELLS: u16 = 297;

/// Bytes that make one escape's 4096 base64 characters, the most that the protocol allows.
const CHUNK: usize = 3072;

/// The diacritics that number rows and columns, as runs of code points: the first and how many.
const DIACRITICS: [(u32, u16); 86] = [
    (0x305, 1),
    (0x30d, 2),
    (0x310, 1),
    (0x312, 1),
    (0x33d, 3),
    (0x346, 1),
    (0x34a, 3),
    (0x350, 3),
    (0x357, 1),
    (0x35b, 1),
    (0x363, 13),
    (0x483, 5),
    (0x592, 4),
    (0x597, 3),
    (0x59c, 6),
    (0x5a8, 2),
    (0x5ab, 2),
    (0x5af, 1),
    (0x5c4, 1),
    (0x610, 8),
    (0x657, 5),
    (0x65d, 2),
    (0x6d6, 7),
    (0x6df, 4),
    (0x6e4, 1),
    (0x6e7, 2),
    (0x6eb, 2),
    (0x730, 1),
    (0x732, 2),
    (0x735, 2),
    (0x73a, 1),
    (0x73d, 1),
    (0x73f, 3),
    (0x743, 1),
    (0x745, 1),
    (0x747, 1),
    (0x749, 2),
    (0x7eb, 7),
    (0x7f3, 1),
    (0x816, 4),
    (0x81b, 9),
    (0x825, 3),
    (0x829, 5),
    (0x951, 1),
    (0x953, 2),
    (0xf82, 2),
    (0xf86, 2),
    (0x135d, 3),
    (0x17dd, 1),
    (0x193a, 1),
    (0x1a17, 1),
    (0x1a75, 8),
    (0x1b6b, 1),
    (0x1b6d, 7),
    (0x1cd0, 3),
    (0x1cda, 2),
    (0x1ce0, 1),
    (0x1dc0, 2),
    (0x1dc3, 7),
    (0x1dcb, 2),
    (0x1dd1, 22),
    (0x1dfe, 1),
    (0x20d0, 2),
    (0x20d4, 4),
    (0x20db, 2),
    (0x20e1, 1),
    (0x20e7, 1),
    (0x20e9, 1),
    (0x20f0, 1),
    (0x2cef, 3),
    (0x2de0, 32),
    (0xa66f, 1),
    (0xa67c, 2),
    (0xa6f0, 2),
    (0xa8e0, 18),
    (0xaab0, 1),
    (0xaab2, 2),
    (0xaab7, 2),
    (0xaabe, 2),
    (0xaac1, 1),
    (0xfe20, 7),
    (0x10a0f, 1),
    (0x10a38, 1),
    (0x1d185, 5),
    (0x1d1aa, 4),
    (0x1d242, 3),
];

/// The diacritics in their order: the n-th stands for row or column n.
pub fn diacritics() -> impl Iterator<Item = char> {
    DIACRITICS
        .into_iter()
        .flat_map(|(first, count)| (first..first + u32::from(count)).filter_map(char::from_u32))
}

/// How a picture's pixels travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium<'a> {
    /// In the escapes themselves.
    Direct,
    /// In the escapes themselves, made small first.
    Compressed,
    /// In this file, 4 bytes a pixel (RGBA), which the terminal reads and does not delete.
    File(&'a Path),
}

/// The bytes that give the terminal a picture to be shown by placeholders in `cols`×`rows` cells under `number`. It is
/// told not to answer (`q=2`). Nothing is seen of it until the placeholders are written.
pub fn transmission(
    number: u32,
    picture: &RgbaImage,
    (cols, rows): (u16, u16),
    medium: Medium<'_>,
) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let place = format!("q=2,a=T,U=1,i={number},c={cols},r={rows}");
    match medium {
        Medium::File(path) => {
            let path = STANDARD.encode(path.as_os_str().as_encoded_bytes());
            format!("\x1b_G{place},t=f,f=32,s={width},v={height};{path}\x1b\\").into_bytes()
        }
        Medium::Direct => chunked(&format!("{place},f=24,s={width},v={height}"), &opaque(picture)),
        Medium::Compressed => match pixels::png_of(picture) {
            Ok(png) => chunked(&format!("{place},f=100"), &png),
            // Writing a PNG into memory fails for no picture; its pixels do as well.
            Err(_) => chunked(&format!("{place},f=24,s={width},v={height}"), &opaque(picture)),
        },
    }
}

/// Three bytes a pixel.
fn opaque(picture: &RgbaImage) -> Vec<u8> {
    let mut bytes = vec![0; picture.as_raw().len() / 4 * 3];
    for (to, from) in bytes.chunks_exact_mut(3).zip(picture.as_raw().chunks_exact(4)) {
        to.copy_from_slice(&from[..3]);
    }
    bytes
}

fn chunked(keys: &str, bytes: &[u8]) -> Vec<u8> {
    let chunks = bytes.len().div_ceil(CHUNK).max(1);
    let mut escapes = Vec::with_capacity(keys.len() + bytes.len().div_ceil(3) * 4 + chunks * 16);
    escapes.extend_from_slice(b"\x1b_G");
    escapes.extend_from_slice(keys.as_bytes());
    escapes.push(b',');
    let mut payload = [0; CHUNK / 3 * 4];
    for (at, chunk) in bytes.chunks(CHUNK).enumerate() {
        if at > 0 {
            escapes.extend_from_slice(b"\x1b_Gq=2,");
        }
        escapes.extend_from_slice(if at + 1 == chunks { b"m=0;" } else { b"m=1;" });
        let length =
            STANDARD.encode_slice(chunk, &mut payload).expect("4096 characters hold 3072 bytes in base64");
        escapes.extend_from_slice(&payload[..length]);
        escapes.extend_from_slice(b"\x1b\\");
    }
    escapes
}

/// The number under which [`file_question`] asks, and the terminal answers.
pub(crate) const FILE_QUESTION: u32 = 32;

/// Asks whether the terminal reads files of this machine: one pixel of three bytes, to be checked and not shown.
pub(crate) fn file_question(path: &Path) -> String {
    let path = STANDARD.encode(path.as_os_str().as_encoded_bytes());
    format!("\x1b_Gi={FILE_QUESTION},s=1,v=1,a=q,t=f,f=24;{path}\x1b\\")
}

/// Where pictures lie that the terminal reads as files: in memory where the system has such a folder.
pub fn folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if cfg!(target_os = "linux") && memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

/// The bytes that make the terminal forget a picture.
pub fn deletion(number: u32) -> Vec<u8> {
    format!("\x1b_Ga=d,d=I,i={number},q=2\x1b\\").into_bytes()
}

/// What ends a transmission that was cut off: the string's end, if it was inside one, and an empty last chunk.
pub const CUT_OFF: &[u8] = b"\x1b\\\x1b_Gq=2,m=0;\x1b\\";

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> RgbaImage {
        RgbaImage::from_fn(70, 50, |x, y| image::Rgba([x as u8, y as u8, (x * y) as u8, 255]))
    }

    /// The keys of the first escape and the payload of all.
    fn read(escapes: &[u8]) -> (String, Vec<u8>) {
        let text = std::str::from_utf8(escapes).unwrap();
        let all: Vec<(&str, &str)> = text
            .split_terminator("\x1b\\")
            .map(|escape| escape.strip_prefix("\x1b_G").unwrap().split_once(';').unwrap())
            .collect();
        for (at, (keys, data)) in all.iter().enumerate() {
            assert!(keys.ends_with(if at + 1 == all.len() { "m=0" } else { "m=1" }) || all.len() == 1);
            assert!(keys.starts_with("q=2,") && data.len() <= 4096);
            assert!(at == 0 || keys.len() == 7, "a further chunk repeats no keys: {keys}");
        }
        let payload: String = all.iter().map(|(_, data)| *data).collect();
        (all[0].0.to_owned(), STANDARD.decode(payload).unwrap())
    }

    #[test]
    fn there_is_a_diacritic_for_each_cell_and_no_two_are_the_same() {
        let all: Vec<char> = diacritics().collect();
        assert_eq!(all.len(), usize::from(MOST_CELLS));
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((all[0], all[1], all[296]), ('\u{305}', '\u{30d}', '\u{1d244}'));
    }

    #[test]
    fn a_direct_picture_is_its_colours_in_chunks() {
        let (keys, payload) = read(&transmission(7, &picture(), (9, 4), Medium::Direct));
        assert_eq!(keys, "q=2,a=T,U=1,i=7,c=9,r=4,f=24,s=70,v=50,m=1");
        assert_eq!(payload.len(), 70 * 50 * 3);
        assert!(payload.chunks(3).zip(picture().pixels()).all(|(rgb, pixel)| rgb == &pixel.0[..3]));
        let (keys, payload) = read(&transmission(7, &RgbaImage::new(4, 4), (1, 1), Medium::Direct));
        assert!(keys.ends_with("m=0") && payload.len() == 48);
    }

    #[test]
    fn a_compressed_picture_is_the_same_picture() {
        let (keys, payload) = read(&transmission(7, &picture(), (9, 4), Medium::Compressed));
        assert!(keys.starts_with("q=2,a=T,U=1,i=7,c=9,r=4,f=100"), "{keys}");
        assert_eq!(image::load_from_memory(&payload).unwrap().to_rgba8(), picture());
    }

    #[test]
    fn a_file_is_named_and_nothing_else_sent() {
        let (keys, payload) = read(&transmission(7, &picture(), (9, 4), Medium::File(Path::new("/x/p"))));
        assert_eq!(
            (keys.as_str(), payload.as_slice()),
            ("q=2,a=T,U=1,i=7,c=9,r=4,t=f,f=32,s=70,v=50", &b"/x/p"[..])
        );
    }
}
