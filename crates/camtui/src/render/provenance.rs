//! The parts of a record by which a result is made again and told to be the same: libraries by their hash, maps by theirs.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camtui_core::heatmap::Heatmap;
use camtui_core::model::instructions;
use camtui_host::Explainer;
use serde_json::{Value, json};

use crate::pipeline::digest::{sha256_of, sha256_of_values};

/// What the last digits of a map may depend on, besides camtui's version.
pub fn platform() -> String {
    [std::env::consts::ARCH, std::env::consts::OS, instructions()].join("-")
}

/// Most values of a map that its record holds: 64×64. Maps of layers have fewer, maps of pixels many more.
const HELD: usize = 64 * 64;

/// The library of an explainer that is not part of the program.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// Its file.
    pub file: PathBuf,
    /// SHA-256 of that file, in hex.
    pub sha256: Option<String>,
}

impl Plugin {
    /// The library that `explainer` came with; `copy` is the file that is run in its place, where there is one.
    pub fn of(explainer: &Explainer, copy: Option<&Path>) -> Option<Self> {
        let file = explainer.file()?;
        Some(Self { file: file.to_owned(), sha256: sha256_of(copy.unwrap_or(file)).ok() })
    }
}

/// A map as its record holds it: size, range, SHA-256 of its values as little-endian f32, and, of a map of no more than
/// 64×64, these very bytes in base64.
pub fn map(map: &Heatmap) -> Value {
    let (min, max) = map.range();
    let mut fields = json!({
        "height": map.height(), "width": map.width(), "min": min, "max": max, "sha256": sha256_of_values(map.values()),
    });
    if map.values().len() <= HELD {
        let bytes: Vec<u8> = map.values().iter().flat_map(|value| value.to_le_bytes()).collect();
        fields["values"] = json!(STANDARD.encode(bytes));
    }
    fields
}

/// The map that [`map`] wrote, where it holds one.
pub fn held(map: &Value) -> Option<Heatmap> {
    let side = |key: &str| map[key].as_u64().and_then(|side| usize::try_from(side).ok());
    let bytes = STANDARD.decode(map["values"].as_str()?).ok()?;
    let values = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Heatmap::new(side("height")?, side("width")?, values).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_maps_come_back_whole_and_large_ones_by_their_digest() {
        let small = Heatmap::new(2, 3, vec![0.1, -2.5e-8, 3.0, f32::MIN_POSITIVE, 0.0, 7e9]).unwrap();
        assert_eq!(held(&map(&small)), Some(small));
        let large = map(&Heatmap::new(65, 64, vec![0.5; 65 * 64]).unwrap());
        assert!(held(&large).is_none() && large.get("values").is_none());
        assert_eq!(large["sha256"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn what_is_no_map_is_none() {
        for bad in [
            json!({}),
            json!({ "height": 1, "width": 1, "values": "AAAAAAAAAAA=" }),
            json!({ "height": 1, "width": 1, "values": "?" }),
            json!({ "height": 1, "width": 1, "values": "AADAfw==" }),
        ] {
            assert_eq!(held(&bad), None, "{bad}");
        }
    }
}
