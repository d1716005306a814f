//! The files that go in and come out, read and written here by their formats alone.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::program::example;

/// A NumPy array of f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl Array {
    /// Reads version 1 with little-endian f32 in C order: what camtui says it writes.
    pub fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\0");
        let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let header = std::str::from_utf8(&bytes[10..end]).unwrap();
        assert!(header.contains("'descr': '<f4'") && header.contains("'fortran_order': False"), "{header}");
        let shape = header.split_once('(').unwrap().1.split_once(')').unwrap().0;
        let shape: Vec<usize> = shape.split(',').filter_map(|n| n.trim().parse().ok()).collect();
        let values: Vec<f32> =
            bytes[end..].chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(values.len(), shape.iter().product::<usize>());
        Self { shape, values }
    }

    /// Writes the same form.
    pub fn write(&self, path: &Path) {
        fs::write(path, npy(&self.shape, "<f4", &bytes(&self.values))).unwrap();
    }

    /// ‖a−b‖ / ‖b‖.
    pub fn relative_error(&self, reference: &[f32]) -> f64 {
        assert_eq!(self.values.len(), reference.len());
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let pairs = self.values.iter().zip(reference);
        norm(&mut pairs.map(|(a, b)| f64::from(*a) - f64::from(*b)))
            / norm(&mut reference.iter().map(|b| f64::from(*b)))
    }

    /// a·b / (‖a‖ ‖b‖).
    pub fn cosine(&self, reference: &[f32]) -> f64 {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        dot(&self.values, reference) / (dot(&self.values, &self.values) * dot(reference, reference)).sqrt()
    }
}

/// The little-endian bytes of some values.
pub fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A NumPy file of any type and data, sound or not.
pub fn npy(shape: &[usize], descr: &str, data: &[u8]) -> Vec<u8> {
    let shape = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ") + ",";
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    let header = format!("{header:<117}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), data].concat()
}

/// The middle 224×224 pixels of `examples/chelsea.png`, normalised: an input that needs no resampling, so that every
/// program computes with the same numbers. `[1, 3, 224, 224]`.
pub fn middle_of_chelsea(mean: [f32; 3], std: [f32; 3]) -> Array {
    let picture = image::open(example("chelsea.png")).unwrap().to_rgb8();
    let (left, top) = ((picture.width() - 224) / 2, (picture.height() - 224) / 2);
    let mut values = Vec::with_capacity(3 * 224 * 224);
    for c in 0..3 {
        for y in 0..224 {
            for x in 0..224 {
                let value = f32::from(picture.get_pixel(left + x, top + y)[c]) / 255.0;
                values.push((value - mean[c]) / std[c]);
            }
        }
    }
    Array { shape: vec![1, 3, 224, 224], values }
}

/// The text chunks of a PNG (`tEXt` and uncompressed `iTXt`): keyword and text.
pub fn png_texts(path: &Path) -> Vec<(String, String)> {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    let (mut at, mut texts) = (8, Vec::new());
    while at < bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let data = &bytes[at + 8..at + 8 + length];
        let kind = &bytes[at + 4..at + 8];
        if kind == b"tEXt" || kind == b"iTXt" {
            let end = data.iter().position(|&b| b == 0).unwrap();
            let text = if kind == b"tEXt" {
                &data[end + 1..]
            } else {
                // Compression flag and method, then language and translated keyword, each ended by a zero.
                assert_eq!(data[end + 1], 0, "it is not compressed");
                let rest = &data[end + 3..];
                let language = rest.iter().position(|&b| b == 0).unwrap();
                let rest = &rest[language + 1..];
                &rest[rest.iter().position(|&b| b == 0).unwrap() + 1..]
            };
            texts.push((
                String::from_utf8(data[..end].to_vec()).unwrap(),
                String::from_utf8(text.to_vec()).unwrap(),
            ));
        }
        at += 12 + length;
    }
    texts
}

/// How a PNG came about, as its text chunk says.
pub fn provenance(path: &Path) -> Value {
    let texts = png_texts(path);
    let found = texts.iter().find_map(|(_, text)| serde_json::from_str::<Value>(text).ok());
    found.unwrap_or_else(|| panic!("no provenance in {texts:?}"))
}

/// SHA-256 of a file, in hex.
pub fn sha256(path: &Path) -> String {
    format!("{:x}", Sha256::digest(fs::read(path).unwrap()))
}

/// A PNG that claims to be `width`×`height` and holds almost nothing.
pub fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for chunk in [header, b"IDAT\x78\x9c\x63\x00\x00\x00\x01\x00\x01".to_vec(), b"IEND".to_vec()] {
        png.extend((chunk.len() as u32 - 4).to_be_bytes());
        png.extend(&chunk);
        png.extend(crc32(&chunk).to_be_bytes());
    }
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (0u32.wrapping_sub(crc & 1))))
    })
}
