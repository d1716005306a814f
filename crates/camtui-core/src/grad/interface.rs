//! The names an exported graph is spoken to by: `image` and `seed` in, `logits`, `activation:…`, `gradient:…` out.
//!
//! A model from elsewhere has other names; its input is renamed, and its output, which others may know by its name,
//! gets an Identity beside it.

use std::collections::HashMap;

use crate::onnx::pb::{
    GraphProto, ModelProto, NodeProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension::Value},
    type_proto,
};

use super::error::GradError;
use super::shapes::{declared, display};
use crate::onnx::metadata::Metadata;

/// The input that takes the preprocessed picture, `[N, channels, height, width]`.
pub const IMAGE: &str = "image";
/// The output before any final softmax, `[N, classes]`.
pub const LOGITS: &str = "logits";
/// The input that takes the cotangent of the logits, `[N, classes]`.
pub const SEED: &str = "seed";

/// What is said of a model that ends in a softmax.
const NO_SOFTMAX: &str =
    "the model ends in a softmax, which is left out: logits and gradients are taken before it";

/// The output that holds a layer's values, `[N, …]`.
pub fn activation(layer: &str) -> String {
    format!("activation:{layer}")
}

/// The output that holds the gradient of `Σ seed·logits` with respect to a layer's values, `[N, …]`.
///
/// `gradient:image` is that of the picture.
pub fn gradient(layer: &str) -> String {
    format!("gradient:{layer}")
}

/// What stands before a renamed node's own name in its description: a file may have descriptions of another kind.
const CALLED: &str = "in its file: ";

/// Renames a node by its modules, so that it can still be asked for by the name that its file has.
pub(crate) fn rename_node(node: &mut NodeProto, name: String) {
    node.doc_string = format!("{CALLED}{}", std::mem::replace(&mut node.name, name));
}

/// The name a node has in its file.
pub(crate) fn own_name(node: &NodeProto) -> &str {
    node.doc_string.strip_prefix(CALLED).unwrap_or(&node.name)
}

/// What the graph's ends look like.
pub(super) struct Ends {
    /// The batch axis, symbolic or fixed as the file had it.
    pub batch: Dimension,
    /// Float or double.
    pub element: DataType,
    /// The picture's axes after the batch.
    pub picture: Vec<usize>,
    /// The value that holds the logits.
    pub logits: String,
}

impl Ends {
    /// Finds input and output, and gives the input its name.
    pub fn settle(graph: &mut GraphProto, metadata: &mut Metadata) -> Result<Self, GradError> {
        // Older files list their initialisers among the inputs.
        let held: std::collections::HashSet<_> = graph.initializer.iter().map(|t| t.name.clone()).collect();
        graph.input.retain(|i| !held.contains(&i.name));
        if graph.input.len() != 1 {
            return Err(GradError::Inputs { found: graph.input.iter().map(|i| i.name.clone()).collect() });
        }
        let input = graph.input[0].name.clone();
        let (batch, element, picture) = picture(&graph.input[0])?;
        let scores = output(graph)?;
        let logits = before_softmax(graph, scores.clone());
        if logits != scores && !metadata.notes.iter().any(|n| n == NO_SOFTMAX) {
            metadata.notes.push(NO_SOFTMAX.to_owned());
        }
        for name in [SEED, IMAGE, LOGITS] {
            if name != input && name != logits {
                free(graph, metadata, name);
            }
        }
        if input != IMAGE {
            rename(graph, metadata, &input, IMAGE);
        }
        let logits = if logits == input { IMAGE.to_owned() } else { logits };
        Ok(Self { batch, element, picture, logits })
    }

    /// The description of a value with the batch in front.
    pub fn info(&self, name: &str, extents: &[usize]) -> ValueInfoProto {
        let fixed = |&d: &usize| Dimension { value: Some(Value::DimValue(d as i64)), ..Default::default() };
        let dim = std::iter::once(self.batch.clone()).chain(extents.iter().map(fixed)).collect();
        let tensor =
            type_proto::Tensor { elem_type: self.element as i32, shape: Some(TensorShapeProto { dim }) };
        ValueInfoProto {
            name: name.into(),
            r#type: Some(TypeProto {
                value: Some(type_proto::Value::TensorType(tensor)),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}

/// A node that gives `value` a second name.
pub(super) fn identity(value: &str, name: &str) -> NodeProto {
    NodeProto {
        op_type: "Identity".into(),
        name: name.into(),
        input: vec![value.into()],
        output: vec![name.into()],
        ..Default::default()
    }
}

/// The opset of the default domain.
pub(crate) fn opset(model: &ModelProto) -> i64 {
    let default = |d: &str| d.is_empty() || d == "ai.onnx";
    model.opset_import.iter().find(|o| default(&o.domain)).map_or(0, |o| o.version)
}

fn picture(input: &ValueInfoProto) -> Result<(Dimension, DataType, Vec<usize>), GradError> {
    let found = |text: String| GradError::InputShape { found: text };
    let declared =
        input.r#type.as_ref().and_then(declared).ok_or_else(|| found("of no declared shape".into()))?;
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref())
    else {
        return Err(found("no tensor".into()));
    };
    let Ok(element @ (DataType::Float | DataType::Double)) = DataType::try_from(tensor.elem_type) else {
        return Err(found(format!("of element type {}", tensor.elem_type)));
    };
    let extents: Option<Vec<usize>> = declared.iter().skip(1).copied().collect();
    let extents = extents.filter(|e| e.len() == 3).ok_or_else(|| found(display(&declared)))?;
    let batch = tensor.shape.as_ref().and_then(|s| s.dim.first()).cloned().unwrap_or_default();
    let open = Dimension { value: Some(Value::DimParam("N".into())), ..Default::default() };
    Ok((if declared[0].is_some() { batch } else { open }, element, extents))
}

fn output(graph: &GraphProto) -> Result<String, GradError> {
    let names = || graph.output.iter().map(|o| o.name.clone());
    match names().find(|n| n == LOGITS) {
        Some(logits) => Ok(logits),
        None if graph.output.len() == 1 => Ok(graph.output[0].name.clone()),
        None => Err(GradError::Outputs { found: names().collect() }),
    }
}

/// Walks back over a softmax at the network's end: classes are explained by their logits.
fn before_softmax(graph: &GraphProto, output: String) -> String {
    let outputs = graph.node.iter().flat_map(|n| n.output.iter().map(move |o| (o.as_str(), n)));
    let producer: HashMap<&str, &NodeProto> = outputs.collect();
    let mut value = output.as_str();
    // As many steps as there are nodes: a damaged graph may lead round in a circle.
    for _ in 0..graph.node.len() {
        let Some((node, input)) = producer.get(value).and_then(|n| Some((n, n.input.first()?))) else {
            break;
        };
        match node.op_type.as_str() {
            "Softmax" | "LogSoftmax" => return input.clone(),
            "Identity" => value = input,
            _ => break,
        }
    }
    output
}

/// Renames whatever bears `name`, so that it can be given to another value.
fn free(graph: &mut GraphProto, metadata: &mut Metadata, name: &str) {
    if bears(graph, name) {
        let mut fresh = format!("{name}_1");
        while bears(graph, &fresh) {
            fresh.push('_');
        }
        rename(graph, metadata, name, &fresh);
    }
}

/// Whether a value of `graph`, or of a graph inside it, is called so.
fn bears(graph: &GraphProto, name: &str) -> bool {
    let ends = graph.input.iter().chain(&graph.output).map(|v| &v.name);
    let tensors = graph.initializer.iter().map(|t| &t.name);
    let inside = |n: &NodeProto| {
        n.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs)).any(|inner| bears(inner, name))
    };
    ends.chain(tensors).any(|n| n == name)
        || graph.node.iter().any(|n| n.input.iter().chain(&n.output).any(|n| n == name) || inside(n))
}

fn rename(graph: &mut GraphProto, metadata: &mut Metadata, from: &str, to: &str) {
    let swap = |name: &mut String| {
        if name == from {
            to.clone_into(name);
        }
    };
    each_name(graph, &swap);
    metadata.layers.iter_mut().map(|l| &mut l.value).for_each(swap);
    if let Some(head) = &mut metadata.head {
        swap(&mut head.pooled);
        swap(&mut head.weight);
        head.bias.iter_mut().for_each(swap);
    }
}

/// Goes over the names of all values, also in graphs inside, which read those around them by name.
fn each_name(graph: &mut GraphProto, swap: &impl Fn(&mut String)) {
    for node in &mut graph.node {
        node.input.iter_mut().chain(&mut node.output).for_each(swap);
        let inner = node.attribute.iter_mut().flat_map(|a| a.g.iter_mut().chain(&mut a.graphs));
        inner.for_each(|graph| each_name(graph, swap));
    }
    graph.initializer.iter_mut().map(|t| &mut t.name).for_each(swap);
    let infos = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
    infos.map(|v| &mut v.name).for_each(swap);
}
