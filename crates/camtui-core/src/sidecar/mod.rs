//! What a model's file does not say of itself, in a file beside it: `NAME.camtui.toml` for `NAME.onnx`.
//!
//! `camtui model init` writes one, with everything that is not known marked as a guess; whoever knows better corrects
//! it and takes the name off the list of guesses. What the model's own metadata says ([`told`]) comes before guesses
//! and after the sidecar.

pub mod told;
mod write;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::labels;
use crate::onnx::describe::{InputWanted, Layout, Order, Wanted};
use crate::onnx::metadata::Metadata;
use crate::recipe::{Recipe, Resize};

pub use write::{GuessError, guess};

/// Bytes of the largest file of labels, or sidecar, that is read.
const LARGEST: u64 = 16 << 20;

/// The word that means ImageNet's labels in place of a file's name.
const IMAGENET: &str = "imagenet";

/// A sidecar as it is written; what is left out is guessed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sidecar {
    /// Height and width of the input.
    pub size: Option<[usize; 2]>,
    /// How a picture is brought to that size.
    pub resize: Option<Resize>,
    /// For [`Resize::CenterCrop`]: the length that the shorter side is resized to.
    pub crop_resize: Option<usize>,
    /// Between which numbers pixels are before mean and std: `[0, 1]`, `[0, 255]`, `[-1, 1]`.
    pub range: Option<[f32; 2]>,
    /// Per-channel mean, red first, in the unit of `range`.
    pub mean: Option<[f32; 3]>,
    /// Per-channel standard deviation, red first, in the unit of `range`.
    pub std: Option<[f32; 3]>,
    /// The order of a pixel's values as the model takes them.
    pub channels: Option<Order>,
    /// The order of the input's axes as the model takes them.
    pub layout: Option<Layout>,
    /// A file with a label a class (lines, or JSON), or `imagenet`.
    pub labels: Option<String>,
    /// The output that holds the class scores.
    pub output: Option<String>,
    /// Names of the keys above whose values are guesses.
    pub guessed: Vec<String>,
}

/// A sidecar, or what it names, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SidecarError {
    /// The operating system refuses.
    #[error("cannot read {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        reason: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
}

/// The sidecar's place for the model at `model`.
pub fn path_for(model: &Path) -> PathBuf {
    model.with_extension("camtui.toml")
}

/// The sidecar of the model at `model`, with the text of it and of the labels it names, by which a change is noticed.
pub fn read(model: &Path) -> Result<Option<(Sidecar, String)>, SidecarError> {
    let path = path_for(model);
    if !path.exists() {
        return Ok(None);
    }
    let mut text = read_text(&path)?;
    let content = |reason: String| SidecarError::Content { path: path.clone(), reason };
    let sidecar: Sidecar = toml::from_str(&text).map_err(|e| content(e.to_string().trim_end().to_owned()))?;
    if let Some(file) = sidecar.labels_file(model) {
        text.push_str(&read_text(&file)?);
    }
    Ok(Some((sidecar, text)))
}

fn read_text(path: &Path) -> Result<String, SidecarError> {
    let io = |reason| SidecarError::Io { path: path.to_owned(), reason };
    let mut text = String::new();
    fs::File::open(path).map_err(io)?.take(LARGEST + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > LARGEST {
        return Err(SidecarError::Content {
            path: path.to_owned(),
            reason: "it is larger than 16 MB".into(),
        });
    }
    Ok(text)
}

impl Sidecar {
    /// What must be known of the model before it is described.
    pub fn wanted(&self) -> Wanted {
        let input = InputWanted {
            size: self.size.map(|[height, width]| (height, width)),
            layout: self.layout,
            order: self.channels.unwrap_or_default(),
        };
        Wanted { input, output: self.output.clone() }
    }

    fn labels_file(&self, model: &Path) -> Option<PathBuf> {
        let name = self.labels.as_deref().filter(|name| !name.is_empty() && *name != IMAGENET)?;
        Some(path_for(model).with_file_name(name))
    }

    /// Writes what is said here over what was guessed of the model at `model`.
    pub fn apply(&self, metadata: &mut Metadata, model: &Path) -> Result<(), SidecarError> {
        let wrong = |reason: String| Err(SidecarError::Content { path: path_for(model), reason });
        let mut recipe = metadata.recipe.clone().unwrap_or_else(Recipe::imagenet);
        if let Some([height, width]) = self.size
            && (height, width) != (recipe.height, recipe.width)
        {
            let (h, w) = (recipe.height, recipe.width);
            return wrong(format!("size is {height}×{width}, and the model takes {h}×{w}"));
        }
        recipe.resize = self.resize.unwrap_or(recipe.resize);
        recipe.crop_resize = self.crop_resize.unwrap_or(recipe.crop_resize);
        let [low, high] = self.range.unwrap_or([0.0, 1.0]);
        if !(low.is_finite() && high.is_finite() && low < high) {
            return wrong(format!("range is {low} to {high}, and must rise"));
        }
        // Recipes have pixels of 0 to 1: (low + (high − low)·p − mean) / std.
        let unit = |v: f32| v / (high - low);
        if self.range.is_some() || self.mean.is_some() {
            recipe.mean = self.mean.unwrap_or([0.0; 3]).map(|m| unit(m - low));
        }
        if self.range.is_some() || self.std.is_some() {
            recipe.std = self.std.unwrap_or([1.0; 3]).map(unit);
        }
        if !recipe.mean.iter().all(|m| m.is_finite()) || !recipe.std.iter().all(|s| s.is_finite() && *s > 0.0)
        {
            return wrong("mean must be numbers and std numbers above 0".into());
        }
        match (self.labels.as_deref(), self.labels_file(model)) {
            (_, Some(file)) => {
                let labels = parse_labels(&read_text(&file)?);
                if labels.len() != metadata.classes {
                    let (found, classes) = (labels.len(), metadata.classes);
                    let reason = format!("it has {found} labels, and the model has {classes} classes");
                    return Err(SidecarError::Content { path: file, reason });
                }
                metadata.labels = labels;
            }
            (Some(IMAGENET), None) if metadata.classes == 1000 => metadata.labels = labels::imagenet(),
            (Some(IMAGENET), None) => {
                return wrong(format!(
                    "labels are ImageNet's 1000, and the model has {} classes",
                    metadata.classes
                ));
            }
            (Some(_), None) => metadata.labels = Vec::new(),
            (None, None) => {}
        }
        metadata.recipe = Some(recipe);
        metadata.assumed = !self.guessed.is_empty();
        Ok(())
    }
}

/// Labels in any of the forms people keep them in: a JSON list, a JSON object by class number, or lines.
pub(crate) fn parse_labels(text: &str) -> Vec<String> {
    use serde_json::Value;
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        // ImageNet's index file has pairs of a code and a label.
        Value::Array(pair) => pair.last().and_then(Value::as_str).unwrap_or_default().to_owned(),
        other => other.to_string(),
    };
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(list)) => list.iter().map(word).collect(),
        Ok(Value::Object(map)) => {
            let mut numbered: Vec<(usize, String)> =
                map.iter().filter_map(|(key, value)| Some((key.parse().ok()?, word(value)))).collect();
            numbered.sort_unstable();
            numbered.into_iter().map(|(_, label)| label).collect()
        }
        _ => text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect(),
    }
}

#[cfg(test)]
mod tests;
