//! From what the user has (a checkpoint, an ONNX file, nothing) to the exported gradient graph.

use std::path::Path;

use super::cache::{CacheError, read_model};
use super::open::ModelSource;
use crate::arch::{self, ArchError};
use crate::checkpoint::{self, CheckpointError};
use crate::grad::{self, GradError};
use crate::onnx::describe::{self, DescribeError};
use crate::onnx::external::is_external;
use crate::onnx::metadata::{Layer, Metadata, MetadataError};
use crate::onnx::pb::ModelProto;

/// The model cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The weight file cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The weights are of no known architecture, or incomplete.
    #[error("{file}: {reason}")]
    Arch {
        /// The weight file.
        file: String,
        /// What is wrong.
        reason: ArchError,
    },
    /// The ONNX file cannot be read.
    #[error(transparent)]
    File(#[from] CacheError),
    /// The ONNX file is no image classifier that camtui understands.
    #[error("{file}: {reason}")]
    Describe {
        /// The model file.
        file: String,
        /// What is wrong.
        reason: DescribeError,
    },
    /// Weights in another file.
    #[error("{0} keeps its weights in another file beside it, which is not read yet; save it as one file")]
    External(String),
    /// The metadata is not camtui's.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The graph cannot be differentiated.
    #[error("{file}: {reason}")]
    Grad {
        /// The model file.
        file: String,
        /// What is wrong.
        reason: GradError,
    },
}

/// A model made ready.
pub(super) struct Converted {
    /// The exported gradient graph.
    pub model: ModelProto,
    /// What it says of itself.
    pub metadata: Metadata,
    /// Whether the source was such a graph already.
    pub as_it_was: bool,
}

/// Builds (or reads) the model and differentiates it. `sha256` is the source's.
pub(super) fn convert(source: &ModelSource, sha256: &str) -> Result<Converted, ConvertError> {
    let name = source.to_string();
    let mut model = match source {
        ModelSource::Embedded => from_weights(&name, &arch::embedded::state())?,
        ModelSource::File(path) if is_onnx(path) => {
            let mut model = read_model(path)?;
            if model.graph.iter().flat_map(|g| &g.initializer).any(is_external) {
                return Err(ConvertError::External(name));
            }
            if let Some(metadata) = Metadata::read(&model)?
                && metadata.layers.iter().any(|l| l.gradient)
            {
                return Ok(Converted { model, metadata, as_it_was: true });
            }
            if Metadata::read(&model)?.is_none() {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                describe::describe(&mut model, &stem)
                    .map_err(|reason| ConvertError::Describe { file: name.clone(), reason })?;
            }
            model
        }
        ModelSource::File(path) => from_weights(&name, &checkpoint::read(path)?)?,
    };
    if let Some(mut metadata) = Metadata::read(&model)? {
        sha256.clone_into(&mut metadata.source_sha256);
        metadata.write(&mut model);
    }
    let mut model =
        grad::differentiate(model).map_err(|reason| ConvertError::Grad { file: name, reason })?.model;
    let mut metadata = Metadata::read(&model)?.expect("the differentiator keeps the metadata");
    if metadata.default_layer.is_none() {
        // A graph that names no layer to explain: the last one that still is a picture of something.
        let spatial = |l: &&Layer| matches!(l.shape.as_slice(), [_, h, w] if h * w > 1);
        metadata.default_layer = metadata.layers.iter().rev().find(spatial).map(|l| l.name.clone());
        metadata.write(&mut model);
    }
    Ok(Converted { model, metadata, as_it_was: false })
}

fn from_weights(file: &str, state: &checkpoint::StateDict) -> Result<ModelProto, ConvertError> {
    arch::build(state).map_err(|reason| ConvertError::Arch { file: file.into(), reason })
}

/// ONNX by its name; anything else is taken for a weight file, whose reader says what it found.
fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}
