//! What can be told of an ONNX classifier that says nothing of itself: its input, classes, layers and head.
//!
//! PyTorch's exporter leaves module paths in node names (`/layer4/layer4.1/conv2/Conv`), so layers get the names
//! people know. What the file does not say, preprocessing and labels, is assumed to be ImageNet's and marked so.

use std::collections::{HashMap, HashSet};

use super::metadata::{Layer, LinearHead, Metadata};
use super::pb::{
    GraphProto, ModelProto, NodeProto, TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};
use crate::grad::active;
use crate::{Recipe, labels};

/// Where the batch axis has no fixed extent, it is called so.
const BATCH: &str = "N";
/// The side of the input where the file leaves it open.
const USUAL_SIDE: usize = 224;

/// Operators whose output is worth tapping: those that make features, not those that rearrange them.
const FEATURES: [&str; 14] = [
    "Conv",
    "BatchNormalization",
    "Relu",
    "Clip",
    "LeakyRelu",
    "PRelu",
    "Elu",
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
    #[error("the input `{name}` is no picture batch [N, 3, H, W] of f32, but {found}")]
    NotAPicture {
        /// The input.
        name: String,
        /// Its shape or type.
        found: String,
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

/// Writes [`Metadata`] into `model`, with layers whose shapes are still to be filled, and opens the input's batch axis, unless it is
/// for one picture.
pub fn describe(model: &mut ModelProto, name: &str) -> Result<(), DescribeError> {
    let graph = model.graph.as_mut().ok_or(DescribeError::NoGraph)?;
    graph.input.retain(|i| !graph.initializer.iter().any(|t| t.name == i.name));
    let (height, width) = claim_input(graph)?;
    let classes = count_classes(graph)?;
    let metadata = Metadata {
        name: name.to_owned(),
        source_sha256: String::new(),
        classes,
        recipe: Some(Recipe { height, width, ..Recipe::imagenet() }),
        assumed: true,
        layers: find_layers(graph),
        default_layer: None,
        head: find_head(graph),
        blocked: Vec::new(),
        labels: if classes == 1000 { labels::imagenet() } else { Vec::new() },
    };
    metadata.write(model);
    Ok(())
}

/// Finds the one picture input and opens its batch axis unless that is 1. Gives its height and width.
fn claim_input(graph: &mut GraphProto) -> Result<(usize, usize), DescribeError> {
    let [input] = graph.input.as_mut_slice() else {
        let names: Vec<&str> = graph.input.iter().map(|i| i.name.as_str()).collect();
        return Err(DescribeError::Inputs(names.len(), names.join(", ")));
    };
    let name = input.name.clone();
    let not_a_picture = |found: String| DescribeError::NotAPicture { name: name.clone(), found };
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_mut().and_then(|t| t.value.as_mut())
    else {
        return Err(not_a_picture("something without a type".into()));
    };
    if tensor.elem_type != super::pb::tensor_proto::DataType::Float as i32 {
        return Err(not_a_picture(format!("element type {}", tensor.elem_type)));
    }
    let dims = tensor.shape.as_mut().map(|s| s.dim.as_mut_slice()).unwrap_or_default();
    let [batch, channels, height, width] = dims else {
        return Err(not_a_picture(format!("a tensor of rank {}", dims.len())));
    };
    if !matches!(extent(channels), None | Some(3)) {
        return Err(not_a_picture(format!("one with {} channels", extent(channels).unwrap_or(0))));
    }
    // A graph exported for one picture says so in its reshapes too.
    if extent(batch) != Some(1) {
        batch.value = Some(tensor_shape_proto::dimension::Value::DimParam(BATCH.into()));
    }
    let sides = [height, width].map(|d| {
        let side = extent(d).unwrap_or(USUAL_SIDE);
        d.value = Some(tensor_shape_proto::dimension::Value::DimValue(side as i64));
        side
    });
    channels.value = Some(tensor_shape_proto::dimension::Value::DimValue(3));
    Ok((sides[0], sides[1]))
}

fn extent(dim: &tensor_shape_proto::Dimension) -> Option<usize> {
    match dim.value {
        Some(tensor_shape_proto::dimension::Value::DimValue(d)) => usize::try_from(d).ok().filter(|&d| d > 0),
        _ => None,
    }
}

fn dims(info: &ValueInfoProto) -> Option<&[tensor_shape_proto::Dimension]> {
    match &info.r#type {
        Some(TypeProto { value: Some(type_proto::Value::TensorType(t)), .. }) => Some(&t.shape.as_ref()?.dim),
        _ => None,
    }
}

/// The number of classes, from the first output's shape or from the linear layer that makes it.
fn count_classes(graph: &GraphProto) -> Result<usize, DescribeError> {
    let output = graph.output.first().ok_or(DescribeError::NoGraph)?;
    let from_shape = match dims(output) {
        Some([_, classes]) => extent(classes),
        Some(other) => {
            let found = format!("a tensor of rank {}", other.len());
            return Err(DescribeError::NotClasses { name: output.name.clone(), found });
        }
        None => None,
    };
    let from_head = || {
        let node = producers(graph).get(output.name.as_str()).copied()?;
        let weight = graph.initializer.iter().find(|t| Some(&t.name) == node.input.get(1))?;
        let axis = usize::from(node.op_type == "MatMul" || int_attribute(node, "transB") == 0);
        weight.dims.get(axis).and_then(|&d| usize::try_from(d).ok())
    };
    from_shape.or_else(from_head).ok_or_else(|| DescribeError::NotClasses {
        name: output.name.clone(),
        found: "a tensor of unknown shape".into(),
    })
}

fn int_attribute(node: &NodeProto, name: &str) -> i64 {
    node.attribute.iter().find(|a| a.name == name).map_or(0, |a| a.i)
}

fn producers(graph: &GraphProto) -> HashMap<&str, &NodeProto> {
    graph.node.iter().flat_map(|n| n.output.iter().map(move |o| (o.as_str(), n))).collect()
}

/// The module path inside a node name of PyTorch's exporter: `/layer4/layer4.1/conv2/Conv` is `layer4.1.conv2`.
fn module_path(node_name: &str) -> Option<String> {
    let (modules, _operator) = node_name.strip_prefix('/')?.rsplit_once('/')?;
    let mut path = String::new();
    for module in modules.split('/') {
        if path.is_empty() || module.starts_with(&format!("{path}.")) {
            module.clone_into(&mut path);
        } else {
            path = format!("{path}.{module}");
        }
    }
    Some(path)
}

/// Every feature-making node under its module path, or its value's name; every enclosing module under the last value
/// computed inside it.
fn find_layers(graph: &GraphProto) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    let mut put = |layers: &mut Vec<Layer>, name: String, value: &str| {
        let layer = Layer { name: name.clone(), value: value.to_owned(), shape: Vec::new(), gradient: false };
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
        let mut enclosing = path.as_str();
        // A module ends with whatever it computes last, a channel shuffle too.
        if feature || modules.contains(&path) {
            put(&mut layers, path.clone(), value);
        }
        while let Some((outer, _)) = enclosing.rsplit_once('.') {
            enclosing = outer;
            put(&mut layers, enclosing.to_owned(), value);
            modules.insert(enclosing.to_owned());
        }
    }
    let order: HashMap<&str, usize> = graph
        .node
        .iter()
        .enumerate()
        .flat_map(|(i, n)| n.output.iter().map(move |o| (o.as_str(), i)))
        .collect();
    layers.sort_by_key(|l| (order.get(l.value.as_str()).copied(), std::cmp::Reverse(l.name.len())));
    layers
}

/// Global average pooling, a flattening and one linear layer at the end.
fn find_head(graph: &GraphProto) -> Option<LinearHead> {
    let producer = producers(graph);
    let linear = producer.get(graph.output.first()?.name.as_str())?;
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
            _ => return None,
        }
    }
    Some(LinearHead {
        pooled: value.to_owned(),
        weight: linear.input.get(1)?.clone(),
        bias: linear.input.get(2).filter(|b| !b.is_empty()).cloned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_paths_are_read_from_node_names() {
        let path = |name| module_path(name);
        assert_eq!(path("/layer4/layer4.1/conv2/Conv").as_deref(), Some("layer4.1.conv2"));
        assert_eq!(path("/features/features.0/features.0.0/Conv").as_deref(), Some("features.0.0"));
        assert_eq!(path("/conv1/Conv").as_deref(), Some("conv1"));
        assert_eq!(path("Conv_7"), None);
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
