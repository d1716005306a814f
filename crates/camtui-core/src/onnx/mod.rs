//! ONNX models as data: the protobuf types, reading files from elsewhere, what camtui writes into a model's metadata, and
//! small makers of nodes.
//!
//! A file's way: [`intake`] reads and checks it (weights in other files through [`beside`], module names through
//! `scopes`), [`describe`] makes of it a classifier of pictures `[N, 3, H, W]` of f32 whatever its input was (`widen`, `picture`,
//! `branches`, `plain`, `scores`) and says what there is to tell of it.
//!
//! The protobuf types are tract's own (`tract_onnx::pb`), so that a graph goes from here into the runtime as it is.

pub mod beside;
mod branches;
pub mod build;
pub mod describe;
pub mod external;
pub mod intake;
pub mod metadata;
mod picture;
mod plain;
pub mod prune;
mod scopes;
pub(crate) mod scores;
pub mod subgraph;
pub mod turn;
mod widen;

pub use tract_onnx::pb;
