//! One picture on its way to the models: a photo that each model prepares in its own way, or a tensor taken as it is.

use std::sync::Arc;

use camtui_core::picture::{Photo, Rect, prepare, seen_region, un_normalise};
use camtui_core::{Recipe, Tensor};

use super::digest::sha256_of_values;
use crate::inputs::Input;

/// What is explained and what it is drawn over.
pub enum Picture {
    /// A photo; the model sees it resized.
    Photo(Arc<Photo>),
    /// A preprocessed input `[1, 3, H, W]`.
    Tensor(Arc<Tensor>),
}

impl Picture {
    /// Reads what `input` names.
    pub fn open(input: &Input) -> Result<Self, String> {
        match input {
            Input::File { path, .. } => {
                Photo::read(path).map(Arc::new).map(Self::Photo).map_err(|e| e.to_string())
            }
            Input::Stdin(bytes) => {
                Photo::from_bytes("stdin", bytes).map(Arc::new).map(Self::Photo).map_err(|e| e.to_string())
            }
            Input::Tensor { tensor, .. } => Ok(Self::Tensor(Arc::clone(tensor))),
        }
    }

    /// Whether it goes to the model as it is, without preprocessing.
    pub fn is_tensor(&self) -> bool {
        matches!(self, Self::Tensor(_))
    }

    /// Width and height of a photo in pixels. A tensor was made for its model.
    pub fn size(&self) -> Option<(u32, u32)> {
        match self {
            Self::Photo(photo) => Some((photo.width(), photo.height())),
            Self::Tensor(_) => None,
        }
    }

    /// SHA-256 (hex) of the picture's file, or of a tensor's values as little-endian f32.
    pub fn sha256(&self) -> Option<String> {
        match self {
            Self::Photo(photo) => photo.source_sha256().map(str::to_owned),
            Self::Tensor(tensor) => Some(sha256_of_values(tensor.data())),
        }
    }

    /// The model's input `[1, 3, H, W]`.
    pub fn input(&self, recipe: &Recipe) -> Result<Tensor, String> {
        match self {
            Self::Photo(photo) => prepare(photo, recipe).map_err(|e| e.to_string()),
            Self::Tensor(tensor) => Ok(Tensor::clone(tensor)),
        }
    }

    /// What the map is drawn over, and which part of it the model saw.
    pub fn drawn(&self, recipe: &Recipe) -> Result<(Arc<Photo>, Rect), String> {
        match self {
            Self::Photo(photo) => Ok((Arc::clone(photo), seen_region(photo.width(), photo.height(), recipe))),
            Self::Tensor(tensor) => {
                let photo = un_normalise(tensor, recipe).map_err(|e| e.to_string())?;
                let whole = Rect::whole(photo.width(), photo.height());
                Ok((Arc::new(photo), whole))
            }
        }
    }
}
