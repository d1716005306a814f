//! A sidecar written for someone to correct.

use std::fmt::Write as _;
use std::path::Path;

use super::told;
use crate::onnx::describe::{DescribeError, describe};
use crate::onnx::intake::{self, IntakeError};
use crate::onnx::metadata::{Metadata, MetadataError};
use crate::recipe::{Recipe, Resize};

/// No sidecar can be written for a file.
#[derive(Debug, thiserror::Error)]
pub enum GuessError {
    /// It cannot be read.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// It is no classifier of pictures.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// Its metadata is not what camtui writes.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// camtui wrote the file, so all is said in it.
    #[error("the file was written by camtui and says of itself all that a sidecar would")]
    Own,
}

/// The sidecar's text for the ONNX file at `model`, made of what the file says and of guesses.
pub fn guess(model: &Path) -> Result<String, GuessError> {
    let mut model = intake::read(model)?.model;
    if Metadata::read(&model)?.is_some() {
        return Err(GuessError::Own);
    }
    describe(&mut model, "")?;
    let mut metadata = Metadata::read(&model)?.unwrap_or_default();
    told::apply(&model, &mut metadata);
    Ok(write(&metadata))
}

/// A sidecar's text for a model of which `metadata` says what is known. Whatever could not be read from the file is marked
/// as a guess. The order of the axes is read from the file whenever it is opened, so it is not written.
pub(super) fn write(metadata: &Metadata) -> String {
    let recipe = metadata.recipe.clone().unwrap_or_else(Recipe::imagenet);
    let known = if metadata.assumed { " # a guess" } else { "" };
    let mut text = String::from(
        "# What camtui is to know of the model beside this file.\n\
         # Values marked as guesses are what most published models take. Put right what is wrong, then take its name\n\
         # off the list `guessed`: what stands there is announced as assumed.\n\n",
    );
    let mut line = |key: &str, value: &str, said: &str| {
        let _ = writeln!(text, "{key} = {value}{said}");
    };
    let numbers = |values: [f32; 3]| format!("[{}, {}, {}]", values[0], values[1], values[2]);
    let word = |resize: Resize| match resize {
        Resize::Squash => "\"squash\"",
        Resize::CenterCrop => "\"center-crop\"",
    };
    line("size", &format!("[{}, {}]", recipe.height, recipe.width), " # height, width");
    line("resize", word(recipe.resize), " # a guess; or \"center-crop\"");
    line("crop_resize", &recipe.crop_resize.to_string(), " # a guess; counts for \"center-crop\" only");
    line(
        "range",
        "[0.0, 1.0]",
        &format!("{} (black and white before mean and std)", if known.is_empty() { " #" } else { known }),
    );
    line("mean", &numbers(recipe.mean), known);
    line("std", &numbers(recipe.std), known);
    line("channels", "\"rgb\"", " # a guess; or \"bgr\"");
    let mut guessed = vec!["resize", "channels"];
    if metadata.assumed {
        guessed.extend(["range", "mean", "std"]);
    }
    if metadata.labels.len() == metadata.classes && metadata.classes == 1000 {
        line("labels", "\"imagenet\"", " # a guess; or a file beside this one, a label a line");
        guessed.push("labels");
    } else {
        line("# labels", "\"labels.txt\"", " # a file beside this one, a label a line");
    }
    let list = guessed.iter().map(|key| format!("\"{key}\"")).collect::<Vec<_>>().join(", ");
    line("guessed", &format!("[{list}]"), "");
    text
}
