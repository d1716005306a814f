//! The part of camtui that knows about models and pictures and nothing about terminals.
//!
//! A picture's way through this crate is its reading order: [`picture`] decodes and prepares it, [`model`] runs the
//! network on it and hands out activations and gradients, an explainer (elsewhere) turns those into a small map,
//! and [`heatmap`] draws that map over the picture.
//!
//! Models come in as checkpoints ([`checkpoint`], built into ONNX by [`arch`]) or as ONNX files; [`grad`]
//! differentiates the ONNX graph into one that also yields gradients.
#![forbid(unsafe_code)]

pub mod arch;
pub mod checkpoint;
pub mod file;
pub mod grad;
pub mod heatmap;
pub mod labels;
pub mod metrics;
pub mod model;
pub mod npy;
pub mod onnx;
pub mod picture;
pub mod recipe;
#[doc(hidden)]
pub mod seeded;
pub mod sidecar;
pub mod tensor;

pub use recipe::Recipe;
pub use tensor::Tensor;
