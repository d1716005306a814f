//! The model that is always there: EfficientNet-Lite0's weights inside the program, so that it works at once, offline.
//!
//! `crates/camtui-core/models/README.md` says where the weights come from and under which licence; `xtask embed-model`
//! makes the file.

use crate::checkpoint::{self, StateDict};

/// The model's name on the command line: the architecture's.
pub const NAME: &str = "efficientnet-lite0";

/// SHA-256 of [`bytes`], so that a cached conversion can be found without hashing nine megabytes at every start.
pub const SHA256_HEX: &str = "25505e7eeed59d7a1213955022df83c5578a861e2c83040b0be357af9630a9a6";

/// The weights as a safetensors file in half precision.
pub fn bytes() -> &'static [u8] {
    include_bytes!("../../models/efficientnet-lite0.safetensors")
}

/// The weights as f32, ready for [`super::build`].
pub fn state() -> StateDict {
    checkpoint::read_bytes(NAME, bytes()).expect("the embedded weights are read by a test of this module")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{arch, onnx::metadata::Metadata};

    /// Red when the file is made anew and the constant is not.
    #[test]
    fn the_hash_is_the_files() {
        assert_eq!(state().source_sha256(), SHA256_HEX);
    }

    #[test]
    fn the_embedded_model_builds() {
        let metadata = Metadata::read(&arch::build(&state()).unwrap()).unwrap().unwrap();
        assert_eq!((metadata.name.as_str(), metadata.classes, metadata.labels.len()), (NAME, 1000, 1000));
        assert_eq!(metadata.source_sha256, SHA256_HEX);
    }
}
