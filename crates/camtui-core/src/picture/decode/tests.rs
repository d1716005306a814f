//! The pictures under `tests/data/pictures` and the pixels Pillow finds in them come from `tests/goldens/pictures.py`.

use std::path::PathBuf;

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pictures")
}

/// Every picture file of the folder, by name.
fn pictures() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e != "json"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() > 45, "the pictures are missing");
    files
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

#[test]
fn every_kind_of_picture_has_the_pixels_that_pillow_finds() {
    let expected = std::fs::read_to_string(folder().join("expected.json")).unwrap();
    let expected: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&expected).unwrap();
    let mut wrong = Vec::new();
    for (name, golden) in &expected {
        let photo = match Photo::read(&folder().join(name)) {
            Ok(photo) => photo,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let size = (u64::from(photo.width()), u64::from(photo.height()));
        assert_eq!(size, (golden["width"].as_u64().unwrap(), golden["height"].as_u64().unwrap()), "{name}");
        let rgb = unhex(golden["rgb"].as_str().unwrap());
        let worst = photo.pixels().iter().zip(&rgb).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        if u64::from(worst) > golden["tolerance"].as_u64().unwrap() {
            wrong.push(format!("{name}: off by {worst} levels"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_format_is_told_by_content() {
    let png = std::fs::read(folder().join("rgb.png")).unwrap();
    assert!(Photo::from_bytes("photo.jpg", &png).is_ok());
}

#[test]
fn what_is_no_picture_is_named() {
    for (bytes, found) in [
        (&b"%PDF-1.7"[..], "a PDF document"),
        (b"just some words\n", "text"),
        (b"\0\0\0\x20ftypheic....", "a HEIC picture"),
        (b"\x93NUMPY\x01\0", "a NumPy array"),
        (&[0, 1, 2, 3, 200], "data of an unknown kind"),
    ] {
        let error = Photo::from_bytes("x.jpg", bytes).unwrap_err();
        assert!(matches!(error, PhotoError::NotAPicture { found: f, .. } if f == found), "{error}");
    }
    assert!(matches!(Photo::from_bytes("x", &[]).unwrap_err(), PhotoError::Empty { .. }));
    assert!(matches!(Photo::read(&folder()).unwrap_err(), PhotoError::Read(ReadError::NotAFile { .. })));
}

#[test]
fn float_pixels_beyond_brightness_and_tiff_palettes_are_refused() {
    let error = Photo::read(&folder().join("float-range.refused.tiff")).unwrap_err();
    assert!(matches!(error, PhotoError::FloatRange { high: 300.0, .. }), "{error}");
    let error = Photo::read(&folder().join("palette.refused.tiff")).unwrap_err();
    assert!(matches!(error, PhotoError::Unsupported { .. }), "{error}");
    let error = Photo::read(&folder().join("float-nan.refused.tiff")).unwrap_err();
    assert!(matches!(error, PhotoError::FloatRange { .. }), "{error}");
}

#[test]
fn a_file_cut_short_is_never_shown_as_whole() {
    for (name, bytes) in pictures() {
        for keep in [bytes.len() / 3, bytes.len() / 2, bytes.len() * 2 / 3] {
            if let Ok(photo) = Photo::from_bytes(&name, &bytes[..keep]) {
                // The first frame of an animation may well be whole.
                assert!(name.starts_with("animated"), "{name} cut to {keep} bytes became {photo:?}");
            }
        }
    }
    let jpeg = std::fs::read(folder().join("exif-1.jpg")).unwrap();
    let error = Photo::from_bytes("half.jpg", &jpeg[..jpeg.len() - 9]).unwrap_err();
    assert!(error.to_string().starts_with("half.jpg is a JPEG file that is cut short after"), "{error}");
}

#[test]
fn a_decompression_bomb_is_refused_with_its_numbers() {
    let mut bmp = std::fs::read(folder().join("rgb.bmp")).unwrap();
    bmp[18..22].copy_from_slice(&60_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&50_000u32.to_le_bytes());
    let error = Photo::from_bytes("bomb.bmp", &bmp).unwrap_err();
    assert_eq!(error.to_string(), "bomb.bmp claims 60000×50000 pixels; at most 200000000 are decoded");

    let mut png = std::fs::read(folder().join("rgb.png")).unwrap();
    png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let error = Photo::from_bytes("bomb.png", &png).unwrap_err();
    assert!(matches!(error, PhotoError::TooLarge { width: 65536, height: 65536, .. }), "{error}");

    let mut jpeg = std::fs::read(folder().join("exif-1.jpg")).unwrap();
    let at = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[at + 5..at + 9].copy_from_slice(&[255; 4]);
    let error = Photo::from_bytes("bomb.jpg", &jpeg).unwrap_err();
    assert!(matches!(error, PhotoError::TooLarge { width: 65535, height: 65535, .. }), "{error}");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (!(crc & 1)).wrapping_add(1)))
    })
}

#[test]
fn no_mutation_of_a_picture_panics() {
    let mut state = 1u64;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for (name, bytes) in pictures() {
        for round in 0..400 {
            let mut bytes = bytes.clone();
            // Half of the rounds aim at the headers, where a change does most.
            let reach = if round % 2 == 0 { bytes.len().min(200) } else { bytes.len() };
            for _ in 0..=next(6) {
                let at = next(reach);
                bytes[at] = match next(4) {
                    0 => 0,
                    1 => 255,
                    2 => bytes[at] ^ (1 << next(8)),
                    _ => next(256) as u8,
                };
            }
            if next(8) == 0 {
                bytes.truncate(next(bytes.len()));
            }
            let outcome = std::panic::catch_unwind(|| drop(Photo::from_bytes(&name, &bytes)));
            assert!(outcome.is_ok(), "{name}, round {round}");
        }
    }
}
