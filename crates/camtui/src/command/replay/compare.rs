//! Whether two results are the same, and by how much they differ if not.

use camtui_core::heatmap::Heatmap;
use serde_json::{Value, json};

/// How a map compares with the one that was recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MapVerdict {
    /// Byte for byte.
    Same,
    /// It has another size.
    Size,
    /// By this at most, in the map's own unit and as a part of the recorded map's range.
    Differs {
        /// Of any value.
        largest: f64,
        /// The same, of the range.
        of_range: f64,
    },
    /// Its bytes are others; the values are not there to be compared.
    Unknown,
}

/// Compares the new map, whose digest is `digest`, with what was recorded: a digest, and the values where they are there.
pub fn maps(new: &Heatmap, digest: &str, recorded: &str, values: Option<&Heatmap>) -> MapVerdict {
    if digest == recorded {
        return MapVerdict::Same;
    }
    let Some(old) = values else { return MapVerdict::Unknown };
    if (new.height(), new.width()) != (old.height(), old.width()) {
        return MapVerdict::Size;
    }
    let pairs = new.values().iter().zip(old.values());
    let largest = pairs.map(|(new, old)| (f64::from(*new) - f64::from(*old)).abs()).fold(0.0, f64::max);
    let (low, high) = old.range();
    let range = f64::from(high) - f64::from(low);
    MapVerdict::Differs { largest, of_range: if largest == 0.0 { 0.0 } else { largest / range } }
}

impl MapVerdict {
    /// Whether it counts as the same, when differences up to `tolerance` of the range do; unknown where only pixels tell.
    pub fn is_same(self, tolerance: f64) -> Option<bool> {
        match self {
            Self::Same => Some(true),
            Self::Size => Some(false),
            Self::Differs { of_range, .. } => Some(of_range <= tolerance && tolerance > 0.0),
            Self::Unknown => None,
        }
    }

    /// In words.
    pub fn sentence(self) -> String {
        match self {
            Self::Same => "the map is the same, byte for byte".into(),
            Self::Size => "the map has another size".into(),
            Self::Differs { largest, of_range } => {
                format!("the map differs by {largest:.2e} at most, {of_range:.2e} of its range")
            }
            Self::Unknown => {
                "the map's bytes differ; by how much is told where --map FILE.npy names the one that was saved".into()
            }
        }
    }

    /// For programs.
    pub fn json(self) -> Value {
        match self {
            Self::Same => json!({ "same": true }),
            Self::Size | Self::Unknown => json!({ "same": false }),
            Self::Differs { largest, of_range } => {
                json!({ "same": false, "largest_difference": largest, "of_range": of_range })
            }
        }
    }
}

/// How the pixels of two pictures compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PixelVerdict {
    /// The whole file is the same, byte for byte.
    Same,
    /// The pixels are the same; the file is another.
    File,
    /// They have another size.
    Size,
    /// The largest difference, of 255, and how many of a hundred pixels differ at all.
    Differs {
        /// Of any colour.
        largest: u8,
        /// Of all pixels.
        percent: f64,
    },
}

/// Compares two PNG files; none where one cannot be read.
pub fn pixels(new: &[u8], old: &[u8]) -> Option<PixelVerdict> {
    if new == old {
        return Some(PixelVerdict::Same);
    }
    let decode = |bytes: &[u8]| Some(image::load_from_memory(bytes).ok()?.to_rgb8());
    let (new, old) = (decode(new)?, decode(old)?);
    if new.dimensions() != old.dimensions() {
        return Some(PixelVerdict::Size);
    }
    let furthest = |(new, old): (&image::Rgb<u8>, &image::Rgb<u8>)| {
        new.0.iter().zip(old.0).map(|(new, old)| new.abs_diff(old)).max().unwrap_or(0)
    };
    let differences: Vec<u8> = new.pixels().zip(old.pixels()).map(furthest).collect();
    let largest = differences.iter().copied().max().unwrap_or(0);
    if largest == 0 {
        return Some(PixelVerdict::File);
    }
    let differing = differences.iter().filter(|difference| **difference > 0).count();
    Some(PixelVerdict::Differs { largest, percent: differing as f64 / differences.len() as f64 * 100.0 })
}

impl PixelVerdict {
    /// Whether the pixels count as the same, when differences up to `tolerance` of 255 do.
    pub fn is_same(self, tolerance: f64) -> bool {
        match self {
            Self::Same | Self::File => true,
            Self::Size => false,
            Self::Differs { largest, .. } => f64::from(largest) / 255.0 <= tolerance,
        }
    }

    /// In words.
    pub fn sentence(self) -> String {
        match self {
            Self::Same => "the file is the same, byte for byte".into(),
            Self::File => "its pixels are the same, in another file".into(),
            Self::Size => "the picture has another size".into(),
            Self::Differs { largest, percent } => {
                format!("its pixels differ by {largest} of 255 at most, in {percent:.1} % of the picture")
            }
        }
    }

    /// For programs.
    pub fn json(self) -> Value {
        match self {
            Self::Same => json!({ "same": true, "same_file": true }),
            Self::File => json!({ "same": true, "same_file": false }),
            Self::Size => json!({ "same": false }),
            Self::Differs { largest, percent } => {
                json!({ "same": false, "largest_difference": largest, "percent_of_pixels": percent })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use camtui_core::file::encode_png;

    fn map(values: &[f32]) -> Heatmap {
        Heatmap::new(1, values.len(), values.to_vec()).unwrap()
    }

    #[test]
    fn the_largest_difference_is_told_in_the_maps_unit_and_of_its_range() {
        let (new, old) = (map(&[0.0, 2.5, 8.0]), map(&[0.0, 2.0, 8.0]));
        assert_eq!(maps(&new, "a", "a", None), MapVerdict::Same);
        let differs = maps(&new, "a", "b", Some(&old));
        assert_eq!(differs, MapVerdict::Differs { largest: 0.5, of_range: 0.0625 });
        assert_eq!([0.0, 0.06, 0.07].map(|t| differs.is_same(t)), [Some(false), Some(false), Some(true)]);
        assert_eq!(maps(&new, "a", "b", Some(&map(&[0.0]))), MapVerdict::Size);
        assert_eq!(maps(&new, "a", "b", None).is_same(1.0), None);
        // A constant map that moved differs by infinitely much of its range; one whose bytes alone moved (−0) does not.
        assert!(maps(&map(&[1.0]), "a", "b", Some(&map(&[2.0]))).is_same(1.0) == Some(false));
        assert!(maps(&map(&[-0.0]), "a", "b", Some(&map(&[0.0]))).is_same(1e-9) == Some(true));
    }

    #[test]
    fn pictures_are_compared_by_bytes_then_by_pixels() {
        let png = |pixels: &[u8], text| encode_png(2, 1, pixels, text).unwrap();
        let old = png(&[1, 2, 3, 4, 5, 6], "a");
        assert_eq!(pixels(&old, &old), Some(PixelVerdict::Same));
        assert_eq!(pixels(&png(&[1, 2, 3, 4, 5, 6], "b"), &old), Some(PixelVerdict::File));
        let differs = pixels(&png(&[1, 2, 3, 4, 9, 5], "a"), &old).unwrap();
        assert_eq!(differs, PixelVerdict::Differs { largest: 4, percent: 50.0 });
        assert!(!differs.is_same(0.0) && differs.is_same(4.0 / 255.0));
        assert_eq!(pixels(&encode_png(1, 1, &[1, 2, 3], "a").unwrap(), &old), Some(PixelVerdict::Size));
        assert_eq!(pixels(b"no picture", &old), None);
    }
}
