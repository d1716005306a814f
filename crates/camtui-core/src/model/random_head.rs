//! A network whose last weighted layer was drawn by lot: what a map that heeds the model must not survive.
//!
//! Adebayo et al., "Sanity Checks for Saliency Maps", `NeurIPS` 2018, of which this is the first step of the cascade.

use std::path::Path;

use super::weights::read_f32;
use crate::grad::interface::LOGITS;
use crate::onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};
use crate::seeded;

/// What may lie between the last weighted layer and the scores.
const BEHIND: [&str; 9] =
    ["Identity", "Softmax", "LogSoftmax", "Flatten", "Reshape", "Squeeze", "Add", "Sub", "GlobalAveragePool"];

/// Draws the weights of the last linear or convolutional layer anew, uniformly and with the deviation that they have; forward
/// and backward pass read the same. False where there is no such layer to be found.
pub(super) fn draw(model: &mut ModelProto, folder: Option<&Path>, seed: u64) -> bool {
    let Some(graph) = &mut model.graph else { return false };
    let Some(at) = weight(graph) else { return false };
    let Some(old) = read_f32(&graph.initializer[at], folder) else { return false };
    let values = old.data().iter().map(|&w| f64::from(w));
    let count = old.data().len() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let deviation = (values.map(|w| (w - mean).powi(2)).sum::<f64>() / count).sqrt();
    let bound = (3f64.sqrt() * deviation) as f32;
    let drawn = seeded::uniform("head", old.shape(), seed, -bound, bound);
    let tensor = &mut graph.initializer[at];
    *tensor = TensorProto {
        name: std::mem::take(&mut tensor.name),
        dims: std::mem::take(&mut tensor.dims),
        data_type: tensor.data_type,
        raw_data: drawn.data().iter().flat_map(|w| w.to_le_bytes()).collect(),
        ..TensorProto::default()
    };
    true
}

/// The initialiser that holds them.
fn weight(graph: &GraphProto) -> Option<usize> {
    let producer = |value: &str| graph.node.iter().find(|n| n.output.iter().any(|o| o == value));
    let constant = |value: &str| graph.initializer.iter().position(|t| t.name == value);
    let mut node: &NodeProto = producer(LOGITS)?;
    // A graph has no cycles; the bound is for one that has.
    for _ in 0..graph.node.len() {
        match node.op_type.as_str() {
            "Gemm" | "MatMul" | "Conv" => return constant(node.input.get(1)?),
            op if BEHIND.contains(&op) => {
                node = node.input.iter().filter(|i| constant(i).is_none()).find_map(|i| producer(i))?;
            }
            _ => return None,
        }
    }
    None
}
