//! What can be told of an ONNX classifier that says nothing of itself: its input, classes, layers and head.
//!
//! PyTorch's exporter leaves module paths in node names (`/layer4/layer4.1/conv2/Conv`), so layers get the names
//! people know. What the file does not say, preprocessing and labels, is assumed to be ImageNet's and marked so.

use std::collections::{HashMap, HashSet};

use super::branches;
use super::metadata::{Layer, LinearHead, Metadata};
use super::pb::{GraphProto, ModelProto, NodeProto};
use super::picture::{self, Picture};
pub use super::picture::{Layout, Order, Wanted as InputWanted};
use super::plain::write_plainly;
use super::scores::{self, producers};
use super::widen::widen;
use crate::grad::{active, grid, interface};
use crate::{Recipe, labels};

/// Modules nested deeper than this are not named one by one.
const DEEPEST: usize = 32;

/// Operators whose output is worth tapping: those that make features, not those that rearrange them.
const FEATURES: [&str; 18] = [
    "Conv",
    "BatchNormalization",
    "InstanceNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "Relu",
    "Clip",
    "LeakyRelu",
    "PRelu",
    "Elu",
    "Gelu",
    "HardSwish",
    "Add",
    "Mul",
    "MaxPool",
    "AveragePool",
    "Concat",
    "GlobalAveragePool",
];

/// The file is no classifier of pictures.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DescribeError {
    /// No graph inside.
    #[error("the file holds no graph")]
    NoGraph,
    /// Not one input.
    #[error("a picture classifier has one input, this model has {0}: {1}")]
    Inputs(usize, String),
    /// The input is no picture.
    #[error("the input `{name}` is no picture batch [N, 3, H, W] of f32 or bytes, but {found}")]
    NotAPicture {
        /// The input.
        name: String,
        /// Its shape or type.
        found: String,
    },
    /// Several outputs that may be class scores.
    #[error(
        "the model has several outputs, and it is not plain which are the class scores: {0}; \
         `--output-name NAME` says it"
    )]
    Outputs(String),
    /// The output that is asked for is not there.
    #[error("the model has no output `{wanted}`; it has {known}")]
    NoSuchOutput {
        /// The name that was given.
        wanted: String,
        /// Those it has.
        known: String,
    },
    /// The output is no row of class scores.
    #[error("the output `{name}` is no row of class scores [N, classes], but {found}")]
    NotClasses {
        /// The output.
        name: String,
        /// Its shape.
        found: String,
    },
}

/// What is known of a model beside its file's word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of the input.
    pub input: InputWanted,
    /// The output that holds the class scores.
    pub output: Option<String>,
}

/// Makes of `model` a classifier of pictures `[N, 3, H, W]` of f32 and writes [`Metadata`] into it, with layers whose
/// shapes are still to be filled. The batch axis is opened, unless the model is for one picture.
pub fn describe(model: &mut ModelProto, name: &str) -> Result<(), DescribeError> {
    describe_as(model, name, &Wanted::default())
}

/// As [`describe`], with what is `wanted` in place of guesses.
pub fn describe_as(model: &mut ModelProto, name: &str, wanted: &Wanted) -> Result<(), DescribeError> {
    let opset = interface::opset(model);
    let graph = model.graph.as_mut().ok_or(DescribeError::NoGraph)?;
    // Older files list their initialisers among the inputs.
    let held: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    graph.input.retain(|i| !held.contains(i.name.as_str()));
    let mut notes = Vec::new();
    if widen(graph) {
        notes.push("the model is in half precision; it is computed in single precision".to_owned());
    }
    let Picture { height, width, layout, bytes } = picture::claim(graph, &wanted.input)?;
    branches::take_known(graph, opset);
    write_plainly(graph);
    if layout == Layout::Nhwc {
        notes.push("the model takes its input as [N, H, W, 3]; it is given [N, 3, H, W], turned".to_owned());
    }
    let recipe = if bytes {
        notes.push(
            "the model takes pixels of 0 to 255; it is given them as numbers with a fraction".to_owned(),
        );
        Recipe::bytes().sized(height, width)
    } else {
        Recipe::imagenet().sized(height, width)
    };
    let others = graph.output.len();
    let classes = scores::claim(graph, opset, wanted.output.as_deref())?;
    if others > 1 {
        let chosen = &graph.output[0].name;
        notes.push(format!("of the model's {others} outputs `{chosen}` is explained"));
    }
    let mut layers = find_layers(graph);
    let head = find_head(graph);
    let default_layer = grid::fold(graph, opset, &mut layers);
    let metadata = Metadata {
        name: name.to_owned(),
        classes,
        recipe: Some(recipe),
        assumed: true,
        layers,
        default_layer,
        head,
        labels: if classes == 1000 { labels::imagenet() } else { Vec::new() },
        notes,
        ..Metadata::default()
    };
    metadata.write(model);
    Ok(())
}

fn int_attribute(node: &NodeProto, name: &str) -> i64 {
    node.attribute.iter().find(|a| a.name == name).map_or(0, |a| a.i)
}

/// The module path inside a node name of PyTorch's exporter: `/layer4/layer4.1/conv2/Conv` is `layer4.1.conv2`.
///
/// Each module is called by its name inside the last one that is no list; what is inside a list bears the list's name too.
pub(crate) fn module_path(node_name: &str) -> Option<String> {
    let (modules, _operator) = node_name.strip_prefix('/')?.rsplit_once('/')?;
    let (mut path, mut last) = (String::new(), "");
    for module in modules.split('/') {
        match module.strip_prefix(last) {
            Some(inner) if !last.is_empty() && inner.starts_with('.') => path.push_str(inner),
            _ if path.is_empty() => module.clone_into(&mut path),
            _ => path = format!("{path}.{module}"),
        }
        last = module;
    }
    Some(path)
}

/// Every feature-making node under its module path, or its value's name; every enclosing module under the last value
/// computed inside it.
fn find_layers(graph: &GraphProto) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    let mut put = |layers: &mut Vec<Layer>, name: String, value: &str| {
        let layer = Layer { name: name.clone(), value: value.to_owned(), ..Layer::default() };
        // A module that goes on: its output is the later value.
        if let Some(&index) = place.get(&name) {
            layers[index] = layer;
        } else {
            place.insert(name, layers.len());
            layers.push(layer);
        }
    };
    // Shapes are computed by the same operators; they depend on the picture's extents, not on the picture.
    let input = graph.input.first().map(|i| i.name.as_str()).unwrap_or_default();
    let active = active::values(graph, input);
    let mut modules: HashSet<String> = HashSet::new();
    for node in &graph.node {
        let feature = FEATURES.contains(&node.op_type.as_str());
        let Some(value) = node.output.first().filter(|v| active.contains(*v)) else { continue };
        let Some(path) = module_path(&node.name) else {
            if feature {
                put(&mut layers, value.clone(), value);
            }
            continue;
        };
        if path.matches('.').count() >= DEEPEST {
            continue;
        }
        let mut enclosing = path.as_str();
        // A module ends with whatever it computes last, a channel shuffle too.
        if feature || modules.contains(&path) {
            put(&mut layers, path.clone(), value);
            modules.insert(path.clone());
        }
        while let Some((outer, _)) = enclosing.rsplit_once('.') {
            enclosing = outer;
            put(&mut layers, enclosing.to_owned(), value);
            modules.insert(enclosing.to_owned());
        }
    }
    let order = scores::order(graph);
    layers.sort_by_key(|l| (order.get(l.value.as_str()).copied(), std::cmp::Reverse(l.name.len())));
    layers
}

/// Global average pooling, a flattening and one linear layer at the end, before any softmax.
fn find_head(graph: &GraphProto) -> Option<LinearHead> {
    let producer = producers(graph);
    let mut linear = producer.get(graph.output.first()?.name.as_str())?;
    while matches!(linear.op_type.as_str(), "Softmax" | "LogSoftmax" | "Identity") {
        linear = producer.get(linear.input.first()?.as_str())?;
    }
    if linear.op_type != "Gemm" || int_attribute(linear, "transB") != 1 {
        return None;
    }
    let mut value = linear.input.first()?.as_str();
    loop {
        let node = producer.get(value)?;
        value = node.input.first()?.as_str();
        match node.op_type.as_str() {
            "Flatten" | "Reshape" | "Squeeze" | "Identity" | "Dropout" => {}
            "GlobalAveragePool" => break,
            "ReduceMean" if over_the_picture(graph, node) => break,
            _ => return None,
        }
    }
    Some(LinearHead {
        pooled: value.to_owned(),
        weight: linear.input.get(1)?.clone(),
        bias: linear.input.get(2).filter(|b| !b.is_empty()).cloned(),
    })
}

/// Whether a mean is taken over height and width, as the newer exporter writes global average pooling.
fn over_the_picture(graph: &GraphProto, node: &NodeProto) -> bool {
    let attribute = node.attribute.iter().find(|a| a.name == "axes").map(|a| a.ints.clone());
    let given = || {
        let tensor = graph.initializer.iter().find(|t| Some(&t.name) == node.input.get(1))?;
        let raw = tensor.raw_data.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b));
        Some(raw.chain(tensor.int64_data.iter().copied()).collect())
    };
    let mut axes: Vec<i64> = attribute.or_else(given).unwrap_or_default();
    axes.iter_mut().filter(|a| **a < 0).for_each(|a| *a += 4);
    axes.sort_unstable();
    axes == [2, 3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::build::{Dim, GraphBuilder, batched};
    use crate::onnx::pb::ValueInfoProto;

    #[test]
    fn module_paths_are_read_from_node_names() {
        let path = |name| module_path(name);
        assert_eq!(path("/layer4/layer4.1/conv2/Conv").as_deref(), Some("layer4.1.conv2"));
        assert_eq!(path("/features/features.0/features.0.0/Conv").as_deref(), Some("features.0.0"));
        assert_eq!(path("/conv1/Conv").as_deref(), Some("conv1"));
        let block = "/features/features.1/features.1.0/block/block.0/block.0.0/Conv";
        assert_eq!(path(block).as_deref(), Some("features.1.0.block.0.0"));
        assert_eq!(path("/blocks/blocks.1/attn/qkv/Add").as_deref(), Some("blocks.1.attn.qkv"));
        assert_eq!(path("Conv_7"), None);
    }

    /// A fully convolutional network whose output says its rank only.
    #[test]
    fn classes_are_counted_where_the_output_does_not_say() {
        let mut graph = GraphBuilder::new("convolutional");
        graph.input("x", &batched(&[3, 8, 8]));
        graph.f32s("w", &[7, 3, 1, 1], &[0.1; 21]);
        graph.node("Conv", &["x", "w"], "a", vec![]);
        graph.node("GlobalAveragePool", &["a"], "pooled", vec![]);
        graph.node("Flatten", &["pooled"], "scores", vec![]);
        graph.output("scores", &[Dim::Symbol("N"), Dim::Any]);
        let mut model = graph.into_model();
        describe(&mut model, "convolutional").unwrap();
        assert_eq!(Metadata::read(&model).unwrap().unwrap().classes, 7);
    }

    #[test]
    fn a_module_is_its_last_value() {
        let node = |name: &str, output: &str| NodeProto {
            name: name.into(),
            op_type: "Relu".into(),
            input: vec!["image".into()],
            output: vec![output.into()],
            ..NodeProto::default()
        };
        let graph = GraphProto {
            node: vec![node("/layer4/layer4.0/relu/Relu", "a"), node("/layer4/layer4.1/relu/Relu", "b")],
            input: vec![ValueInfoProto { name: "image".into(), ..ValueInfoProto::default() }],
            ..GraphProto::default()
        };
        let layers = find_layers(&graph);
        let value = |name: &str| layers.iter().find(|l| l.name == name).map(|l| l.value.as_str());
        assert_eq!(value("layer4"), Some("b"));
        assert_eq!(value("layer4.0"), Some("a"));
        assert_eq!(layers.last().map(|l| l.name.as_str()), Some("layer4"));
    }
}
