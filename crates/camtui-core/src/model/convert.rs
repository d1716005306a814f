//! From what the user has (a checkpoint, an ONNX file, nothing) to the exported gradient graph.

use std::collections::BTreeSet;
use std::path::Path;

use super::open::{ModelSource, Variant};
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
    /// The model takes pictures of one size only, and another is asked for.
    #[error(
        "{file}: the model takes pictures of {}×{} (height×width) and no others, and {}×{} is asked for: export it with an \
         open height and width",
        takes.0, takes.1, asked.0, asked.1
    )]
    Size {
        /// The model file.
        file: String,
        /// Height and width it takes.
        takes: (usize, usize),
        /// What is asked for.
        asked: (usize, usize),
    },
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
    let asked = source.variant();
    let mut beside = BTreeSet::new();
    let mut model = match source.path() {
        None => from_weights(&name, &arch::embedded::state(), asked.size)?,
        Some(path) if is_onnx(path) => {
            let read = intake::read(path);
            let read = read.map_err(|reason| ConvertError::Intake { file: name.clone(), reason })?;
            beside = read.beside;
            let mut model = read.model;
            match Metadata::read(&model)? {
                Some(metadata) if metadata.layers.iter().any(|l| l.gradient) => {
                    fits(&name, &asked, &metadata)?;
                    return Ok(Converted { model, metadata, beside, as_it_was: true });
                }
                Some(_) => {}
                None => describe_file(&mut model, &name, path, &asked, sidecar)?,
            }
            model
        }
        Some(path) => from_weights(&name, &checkpoint::read(path)?, asked.size)?,
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

/// Whether the model takes pictures of the size that is asked for.
fn fits(file: &str, asked: &Variant, metadata: &Metadata) -> Result<(), ConvertError> {
    let takes = metadata.recipe.as_ref().map(|r| (r.height, r.width));
    match (takes, asked.size) {
        (Some(takes), Some(asked)) if takes != asked => {
            Err(ConvertError::Size { file: file.to_owned(), takes, asked })
        }
        _ => Ok(()),
    }
}

/// Writes into a file from elsewhere what is known and what is guessed of it.
fn describe_file(
    model: &mut ModelProto,
    name: &str,
    path: &Path,
    asked: &Variant,
    sidecar: &Sidecar,
) -> Result<(), ConvertError> {
    let size = asked.size.map(|(height, width)| [height, width]);
    let sidecar = Sidecar { size: size.or(sidecar.size), ..sidecar.clone() };
    let mut wanted = sidecar.wanted();
    wanted.output = asked.output.clone().or(wanted.output);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    describe::describe_as(model, &stem, &wanted)
        .map_err(|reason| ConvertError::Describe { file: name.to_owned(), reason })?;
    if let Some(mut metadata) = Metadata::read(model)? {
        sidecar::told::apply(model, &mut metadata);
        fits(name, asked, &metadata)?;
        if sidecar != Sidecar::default() {
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

fn from_weights(
    file: &str,
    state: &checkpoint::StateDict,
    size: Option<(usize, usize)>,
) -> Result<ModelProto, ConvertError> {
    arch::build_sized(state, size).map_err(|reason| ConvertError::Arch { file: file.into(), reason })
}

/// ONNX by its name; anything else is taken for a weight file, whose reader says what it found.
fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}
