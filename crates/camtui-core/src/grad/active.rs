//! Which values depend on the picture in a way that a gradient can follow.

use std::collections::HashSet;

use crate::onnx::pb::{GraphProto, NodeProto, attribute_proto::AttributeType, tensor_proto::DataType};

use super::attributes::int;

/// Operators whose outputs are shapes, indices or truth values, or constant wherever they are differentiable.
const FLAT: [&str; 24] = [
    "And",
    "ArgMax",
    "ArgMin",
    "BitShift",
    "Ceil",
    "ConstantOfShape",
    "Equal",
    "EyeLike",
    "Floor",
    "Greater",
    "GreaterOrEqual",
    "Hardmax",
    "IsInf",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "NonZero",
    "Not",
    "Or",
    "Round",
    "Shape",
    "Sign",
    "Size",
    "Xor",
];

/// Operators whose outputs after the first are indices or masks.
const FLAT_AFTER_THE_FIRST: [&str; 3] = ["Dropout", "MaxPool", "TopK"];

/// The values of `graph` that depend on `image`, without those that pass no gradient by their nature.
pub(crate) fn values(graph: &GraphProto, image: &str) -> HashSet<String> {
    let mut active = HashSet::from([image.to_owned()]);
    for node in &graph.node {
        if flat(node) || !read(node).into_iter().any(|value| active.contains(value)) {
            continue;
        }
        let outputs = if FLAT_AFTER_THE_FIRST.contains(&node.op_type.as_str()) { 1 } else { usize::MAX };
        active.extend(node.output.iter().take(outputs).filter(|o| !o.is_empty()).cloned());
    }
    active
}

/// Every value that a node reads; a branch or loop body reads those of the graph around it by name.
pub(super) fn read(node: &NodeProto) -> Vec<&str> {
    let mut values: Vec<&str> = node.input.iter().map(String::as_str).filter(|i| !i.is_empty()).collect();
    for attribute in &node.attribute {
        let inner = attribute.g.iter().chain(&attribute.graphs);
        if attribute.r#type == AttributeType::Graph as i32 || attribute.r#type == AttributeType::Graphs as i32
        {
            values.extend(inner.flat_map(|g| &g.node).flat_map(read));
        }
    }
    values
}

fn flat(node: &NodeProto) -> bool {
    let float = |to: i64| {
        [DataType::Float, DataType::Double, DataType::Float16, DataType::Bfloat16]
            .iter()
            .any(|&f| f as i64 == to)
    };
    FLAT.contains(&node.op_type.as_str()) || node.op_type == "Cast" && !int(node, "to").is_some_and(float)
}
