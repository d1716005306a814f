//! From what the user has (a checkpoint, an ONNX file, nothing) to the exported gradient graph.

use std::collections::BTreeSet;
use std::path::Path;

use super::open::ModelSource;
use crate::arch::{self, ArchError};
use crate::checkpoint::{self, CheckpointError};
use crate::grad::{self, GradError};
use crate::onnx::describe::{self, DescribeError};
use crate::onnx::intake::{self, IntakeError};
use crate::onnx::metadata::{Layer, Metadata, MetadataError};
use crate::onnx::pb::ModelProto;
use crate::sidecar::{self, Sidecar, SidecarError};

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
    #[error("{file}: {reason}")]
    Intake {
        /// The model file.
        file: String,
        /// What is wrong.
        reason: IntakeError,
    },
    /// The file beside it that says what the model does not.
    #[error(transparent)]
    Sidecar(#[from] SidecarError),
    /// The ONNX file is no image classifier that camtui understands.
    #[error("{file}: {reason}")]
    Describe {
        /// The model file.
        file: String,
        /// What is wrong.
        reason: DescribeError,
    },
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
    /// Other files that were read, by the names the model gives them.
    pub beside: BTreeSet<String>,
    /// Whether the source was such a graph already.
    pub as_it_was: bool,
}

/// Builds (or reads) the model and differentiates it. `sha256` is the source's, `sidecar` what is beside it.
pub(super) fn convert(
    source: &ModelSource,
    sha256: &str,
    sidecar: &Sidecar,
) -> Result<Converted, ConvertError> {
    let name = source.to_string();
    let mut beside = BTreeSet::new();
    let mut model = match source {
        ModelSource::Embedded => from_weights(&name, &arch::embedded::state())?,
        ModelSource::File(path) | ModelSource::Output(path, _) if is_onnx(path) => {
            let read = intake::read(path);
            let read = read.map_err(|reason| ConvertError::Intake { file: name.clone(), reason })?;
            beside = read.beside;
            let mut model = read.model;
            match Metadata::read(&model)? {
                Some(metadata) if metadata.layers.iter().any(|l| l.gradient) => {
                    return Ok(Converted { model, metadata, beside, as_it_was: true });
                }
                Some(_) => {}
                None => describe_file(&mut model, source, path, sidecar)?,
            }
            model
        }
        ModelSource::File(path) | ModelSource::Output(path, _) => {
            from_weights(&name, &checkpoint::read(path)?)?
        }
    };
    if let Some(mut metadata) = Metadata::read(&model)? {
        sha256.clone_into(&mut metadata.source_sha256);
        metadata.write(&mut model);
    }
    let mut model =
        grad::differentiate(model).map_err(|reason| ConvertError::Grad { file: name, reason })?.model;
    let mut metadata = Metadata::read(&model)?.expect("the differentiator keeps the metadata");
    if metadata.default_layer.is_none() {
        metadata.default_layer = default_layer(&metadata);
        metadata.write(&mut model);
    }
    Ok(Converted { model, metadata, beside, as_it_was: false })
}

/// Writes into a file from elsewhere what is known and what is guessed of it.
fn describe_file(
    model: &mut ModelProto,
    source: &ModelSource,
    path: &Path,
    sidecar: &Sidecar,
) -> Result<(), ConvertError> {
    let mut wanted = sidecar.wanted();
    if let ModelSource::Output(_, output) = source {
        wanted.output = Some(output.clone());
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    describe::describe_as(model, &stem, &wanted)
        .map_err(|reason| ConvertError::Describe { file: source.to_string(), reason })?;
    if let Some(mut metadata) = Metadata::read(model)? {
        sidecar::told::apply(model, &mut metadata);
        if *sidecar != Sidecar::default() {
            sidecar.apply(&mut metadata, path)?;
        }
        metadata.write(model);
    }
    Ok(())
}

/// What is explained in a graph that does not name it: the last layer that still is a picture of something.
fn default_layer(metadata: &Metadata) -> Option<String> {
    let spatial = |l: &&Layer| matches!(l.shape.as_slice(), [_, h, w] if h * w > 1);
    metadata.layers.iter().rev().find(spatial).map(|l| l.name.clone())
}

fn from_weights(file: &str, state: &checkpoint::StateDict) -> Result<ModelProto, ConvertError> {
    arch::build(state).map_err(|reason| ConvertError::Arch { file: file.into(), reason })
}

/// ONNX by its name; anything else is taken for a weight file, whose reader says what it found.
fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}
