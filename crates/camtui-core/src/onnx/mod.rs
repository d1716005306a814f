//! ONNX models as data: the protobuf types, what camtui writes into a model's metadata, and small makers of nodes.
//!
//! The protobuf types are tract's own (`tract_onnx::pb`), so that a graph goes from here into the runtime as it is.

pub mod build;
pub mod describe;
pub mod external;
pub mod metadata;
pub mod prune;
pub mod subgraph;
pub mod turn;

pub use tract_onnx::pb;
