//! Cutting a model into the part that computes some values from others.
//!
//! One exported file holds the whole story: forward, activations, gradients. What is run is always a part of it: the
//! forward for some layers, the backward of some layers from values the forward has left, or the tail behind a layer.

use std::collections::{HashMap, HashSet};

use prost::Message as _;

use super::pb::{
    GraphProto, ModelProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension},
    type_proto,
};

/// A value that the subgraph is given rather than computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The ONNX value's name.
    pub name: String,
    /// Its whole shape, batch axis included.
    pub shape: Vec<usize>,
    /// What it is made of.
    pub element: DataType,
}

impl Given {
    /// A value of f32.
    pub fn f32(name: impl Into<String>, shape: Vec<usize>) -> Self {
        Self { name: name.into(), shape, element: DataType::Float }
    }
}

/// The subgraph asks for something the model does not hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SubgraphError {
    /// The model has no graph at all.
    #[error("the model holds no graph")]
    NoGraph,
    /// No node, input or initialiser has this name.
    #[error("the model holds no value called `{0}`")]
    Unknown(String),
    /// The value depends on an input that is not given.
    #[error("`{value}` cannot be computed: it needs `{input}`, which is not given")]
    Missing {
        /// The value asked for.
        value: String,
        /// The model input it depends on.
        input: String,
    },
}

/// Which nodes and initialisers a set of values needs, given others.
#[derive(Debug)]
pub(crate) struct Reach {
    /// Indices into the graph's nodes, ascending (ONNX requires topological order, so this is one too).
    pub nodes: Vec<usize>,
    /// Names of the initialisers used.
    pub initializers: HashSet<String>,
    /// Names of the given values that are really used.
    pub used: HashSet<String>,
}

/// Finds what `outputs` need when the values named `given` are there already.
pub(crate) fn reach(
    graph: &GraphProto,
    given: &HashSet<&str>,
    outputs: &[String],
) -> Result<Reach, SubgraphError> {
    let mut producer: HashMap<&str, usize> = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for output in node.output.iter().filter(|o| !o.is_empty()) {
            producer.insert(output, index);
        }
    }
    let initializers: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let inputs: HashSet<&str> = graph.input.iter().map(|i| i.name.as_str()).collect();

    let mut nodes = HashSet::new();
    let mut used_initializers = HashSet::new();
    let mut used = HashSet::new();
    for output in outputs {
        let mut open = vec![output.as_str()];
        while let Some(value) = open.pop() {
            if given.contains(value) {
                used.insert(value.to_owned());
            } else if initializers.contains(value) {
                used_initializers.insert(value.to_owned());
            } else if let Some(&index) = producer.get(value) {
                if nodes.insert(index) {
                    open.extend(graph.node[index].input.iter().filter(|i| !i.is_empty()).map(String::as_str));
                }
            } else if inputs.contains(value) {
                return Err(SubgraphError::Missing { value: output.clone(), input: value.into() });
            } else {
                return Err(SubgraphError::Unknown(value.into()));
            }
        }
    }
    let mut nodes: Vec<usize> = nodes.into_iter().collect();
    nodes.sort_unstable();
    Ok(Reach { nodes, initializers: used_initializers, used })
}

/// A model of its own that computes `outputs` from `given`, with copies of the weights it needs.
pub fn subgraph(
    model: &ModelProto,
    given: &[Given],
    outputs: &[String],
) -> Result<ModelProto, SubgraphError> {
    let graph = model.graph.as_ref().ok_or(SubgraphError::NoGraph)?;
    let reach = reach(graph, &given.iter().map(|g| g.name.as_str()).collect(), outputs)?;
    let initializer =
        graph.initializer.iter().filter(|t| reach.initializers.contains(&t.name)).cloned().collect();
    Ok(assemble(model, &reach, initializer, given, outputs))
}

/// As [`subgraph`], but takes the weights out of `model` instead of copying them.
pub fn into_subgraph(
    mut model: ModelProto,
    given: &[Given],
    outputs: &[String],
) -> Result<ModelProto, SubgraphError> {
    let graph = model.graph.as_mut().ok_or(SubgraphError::NoGraph)?;
    let reach = reach(graph, &given.iter().map(|g| g.name.as_str()).collect(), outputs)?;
    let mut initializer = std::mem::take(&mut graph.initializer);
    initializer.retain(|t| reach.initializers.contains(&t.name));
    Ok(assemble(&model, &reach, initializer, given, outputs))
}

fn assemble(
    model: &ModelProto,
    reach: &Reach,
    initializer: Vec<super::pb::TensorProto>,
    given: &[Given],
    outputs: &[String],
) -> ModelProto {
    let nodes = model.graph.as_ref().map(|g| g.node.as_slice()).unwrap_or_default();
    let graph = GraphProto {
        node: reach.nodes.iter().map(|&i| nodes[i].clone()).collect(),
        name: "subgraph".into(),
        initializer,
        input: given
            .iter()
            .filter(|g| reach.used.contains(&g.name))
            .map(|g| ValueInfoProto {
                name: g.name.clone(),
                r#type: Some(tensor_type(g.element, &g.shape)),
                ..Default::default()
            })
            .collect(),
        output: outputs
            .iter()
            .map(|name| ValueInfoProto { name: name.clone(), ..Default::default() })
            .collect(),
        ..GraphProto::default()
    };
    ModelProto {
        ir_version: model.ir_version,
        opset_import: model.opset_import.clone(),
        functions: model.functions.clone(),
        graph: Some(graph),
        ..ModelProto::default()
    }
}

fn tensor_type(element: DataType, shape: &[usize]) -> TypeProto {
    let dim = shape
        .iter()
        .map(|&d| Dimension { value: Some(dimension::Value::DimValue(d as i64)), ..Dimension::default() })
        .collect();
    let tensor = type_proto::Tensor { elem_type: element as i32, shape: Some(TensorShapeProto { dim }) };
    TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() }
}

/// Encodes a model as an ONNX file's bytes.
pub fn encode(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}
