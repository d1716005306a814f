//! Whatever a file takes for a picture, seen as `[N, 3, H, W]` of f32, red first.
//!
//! Models from TensorFlow take `[N, H, W, 3]`, some take bytes, some want blue first. The graph gets the nodes that turn
//! the one into the other, so recipes, maps and explainers know one form only; a gradient with respect to the
//! picture comes back through the same nodes.

use serde::{Deserialize, Serialize};

use super::build::{self, Dim};
use super::describe::DescribeError;
use super::pb::{
    GraphProto, NodeProto, TensorProto, TypeProto, ValueInfoProto, tensor_proto::DataType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension::Value, type_proto,
};

/// Where the batch axis has no fixed extent, it is called so.
const BATCH: &str = "N";
/// The side of the input where the file leaves it open.
const USUAL_SIDE: usize = 224;

/// The order of the input's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `[N, 3, H, W]`, as PyTorch has it.
    Nchw,
    /// `[N, H, W, 3]`, as TensorFlow has it.
    Nhwc,
}

/// The order of a pixel's three values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as many video tools have it.
    Bgr,
}

/// What is known of the input beside the file's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Height and width, where the file leaves them open.
    pub size: Option<(usize, usize)>,
    /// The order of the axes, where their extents do not tell.
    pub layout: Option<Layout>,
    /// The order of a pixel's values.
    pub order: Order,
}

/// What the input turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub height: usize,
    pub width: usize,
    pub layout: Layout,
    /// Values are 0 to 255.
    pub bytes: bool,
}

/// Makes the one input of `graph` a picture `[N, 3, H, W]` of f32, with the batch axis open unless that is 1.
pub(super) fn claim(graph: &mut GraphProto, wanted: &Wanted) -> Result<Picture, DescribeError> {
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
    let bytes = match DataType::try_from(tensor.elem_type) {
        Ok(DataType::Float) => false,
        Ok(DataType::Uint8) => true,
        Ok(other) => return Err(not_a_picture(format!("one of {}", other.as_str_name().to_lowercase()))),
        Err(_) => return Err(not_a_picture(format!("element type {}", tensor.elem_type))),
    };
    tensor.elem_type = DataType::Float as i32;
    let dims = tensor.shape.as_mut().map(|s| s.dim.as_mut_slice()).unwrap_or_default();
    let [batch, rest @ ..] = dims else { return Err(not_a_picture("a tensor of rank 0".into())) };
    let [a, b, c] = rest else {
        return Err(not_a_picture(format!("a tensor of rank {}", rest.len() + 1)));
    };
    let layout = match (wanted.layout, extent(a), extent(c)) {
        (Some(layout), ..) => layout,
        (None, Some(3), _) => Layout::Nchw,
        (None, _, Some(3)) => Layout::Nhwc,
        (None, None, _) => Layout::Nchw,
        (None, Some(channels), _) => return Err(not_a_picture(format!("one with {channels} channels"))),
    };
    let (channels, height, width) = match layout {
        Layout::Nchw => (a, b, c),
        Layout::Nhwc => (c, a, b),
    };
    if !matches!(extent(channels), None | Some(3)) {
        return Err(not_a_picture(format!("one with {} channels", extent(channels).unwrap_or(0))));
    }
    // A graph exported for one picture says so in its reshapes too.
    let open = extent(batch) != Some(1);
    if open {
        batch.value = Some(Value::DimParam(BATCH.into()));
    }
    let usual = wanted.size.unwrap_or((USUAL_SIDE, USUAL_SIDE));
    let side = |dim: &mut Dimension, usual: usize| {
        let side = extent(dim).unwrap_or(usual);
        dim.value = Some(Value::DimValue(side as i64));
        side
    };
    let (height, width) = (side(height, usual.0), side(width, usual.1));
    channels.value = Some(Value::DimValue(3));
    turn(graph, open, (height, width), layout, wanted.order);
    Ok(Picture { height, width, layout, bytes })
}

/// Puts the nodes before the graph that make what it takes of `[N, 3, H, W]`, red first.
fn turn(graph: &mut GraphProto, open: bool, (height, width): (usize, usize), layout: Layout, order: Order) {
    if layout == Layout::Nchw && order == Order::Rgb {
        return;
    }
    let taken = graph.input[0].name.clone();
    let batch = if open { Dim::Symbol(BATCH) } else { Dim::Fixed(1) };
    let picture = format!("{taken}/picture");
    let mut value = picture.clone();
    let mut nodes = Vec::new();
    if order == Order::Bgr {
        let (indices, output) = (format!("{taken}/order"), format!("{taken}/reordered"));
        graph.initializer.push(TensorProto {
            name: indices.clone(),
            dims: vec![3],
            data_type: DataType::Int64 as i32,
            raw_data: [2_i64, 1, 0].iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
        nodes.push(node("Gather", vec![value, indices], &output, build::int("axis", 1)));
        value = output;
    }
    if layout == Layout::Nhwc {
        let output = format!("{taken}/turned");
        nodes.push(node("Transpose", vec![value], &output, build::ints("perm", &[0, 2, 3, 1])));
    }
    if let Some(last) = nodes.last_mut() {
        last.output = vec![taken];
    }
    graph.input =
        vec![build::value_info(&picture, &[batch, Dim::Fixed(3), Dim::Fixed(height), Dim::Fixed(width)])];
    graph.node.splice(..0, nodes);
}

fn node(operator: &str, input: Vec<String>, output: &str, attribute: super::pb::AttributeProto) -> NodeProto {
    NodeProto {
        op_type: operator.into(),
        input,
        output: vec![output.into()],
        attribute: vec![attribute],
        ..NodeProto::default()
    }
}

/// An axis's extent, where the file fixes it.
pub(super) fn extent(dim: &Dimension) -> Option<usize> {
    match dim.value {
        Some(Value::DimValue(d)) => usize::try_from(d).ok().filter(|&d| d > 0),
        _ => None,
    }
}

/// The axes that a file declares for a value.
pub(super) fn dims(info: &ValueInfoProto) -> Option<&[Dimension]> {
    match &info.r#type {
        Some(TypeProto { value: Some(type_proto::Value::TensorType(t)), .. }) => Some(&t.shape.as_ref()?.dim),
        _ => None,
    }
}
