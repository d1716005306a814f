//! What a layer costs and sees: its parameters, and the part of the picture that one of its values is computed from.
//!
//! It lives here because it goes through a graph by the same shapes and windows as differentiation.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::onnx::describe::module_path;
use crate::onnx::metadata::Metadata;
use crate::onnx::pb::{GraphProto, ModelProto, NodeProto, tensor_proto::DataType};
use crate::onnx::subgraph::reach;

use super::bounds::product;
use super::interface::{self, IMAGE, LOGITS};
use super::shapes::Shapes;

/// Layers nested deeper than this are counted under the deepest one.
const DEEPEST: usize = 32;

/// What is to be told of a graph beside its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anatomy {
    /// Trained numbers of the whole network: the weights and biases that its forward pass reads, each once, without a
    /// batch norm's running statistics.
    pub parameters: u64,
    /// One for each layer of the metadata, in its order.
    pub layers: Vec<LayerAnatomy>,
}

/// What is to be told of one layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LayerAnatomy {
    /// Trained numbers of the layer and of those inside it (`layer4` holds `layer4.1.conv2`).
    pub parameters: u64,
    /// What one value of it is computed from; `None` where that could not be worked out.
    pub receptive_field: Option<ReceptiveField>,
}

/// The part of the picture that one value can depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceptiveField {
    /// A window of `size` pixels (height, width) that moves by `stride` pixels from one value to the next. It may reach
    /// beyond the picture's border.
    Window {
        /// Height and width.
        size: [usize; 2],
        /// Down and to the right.
        stride: [usize; 2],
    },
    /// All of the picture.
    Whole,
}

use ReceptiveField::{Whole, Window};

/// A value's receptive field, and how many values lie below and beside each other in it.
#[derive(Clone, Copy)]
struct Seen {
    field: ReceptiveField,
    extents: [usize; 2],
}

/// Goes through the forward pass of an exported graph (see [`super::differentiate`]).
pub fn anatomy(model: &ModelProto, metadata: &Metadata) -> Anatomy {
    let Some(graph) = &model.graph else { return Anatomy::default() };
    let Ok(forward) = reach(graph, &HashSet::from([IMAGE]), &[LOGITS.to_owned()]) else {
        return Anatomy::default();
    };
    let nodes: Vec<&NodeProto> = forward.nodes.iter().map(|&i| &graph.node[i]).collect();
    let fields = fields(graph, &nodes, interface::opset(model));
    let (parameters, of_layers) = parameters(graph, &nodes, metadata);
    let layers = metadata.layers.iter().zip(of_layers).map(|(layer, parameters)| LayerAnatomy {
        parameters,
        receptive_field: fields.get(layer.value.as_str()).map(|seen| seen.field),
    });
    Anatomy { parameters, layers: layers.collect() }
}

/// Every trained tensor is counted where it is first read, for the layer of that name and those around it.
fn parameters(graph: &GraphProto, nodes: &[&NodeProto], metadata: &Metadata) -> (u64, Vec<u64>) {
    let mut sizes: HashMap<&str, u64> = HashMap::new();
    for tensor in graph.initializer.iter().filter(|t| !t.name.starts_with("backward/")) {
        let size = product(tensor.dims.iter().map(|&d| usize::try_from(d).unwrap_or(0)));
        let float = [DataType::Float, DataType::Double].iter().any(|&f| f as i32 == tensor.data_type);
        // A number without axes belongs to a formula: a bound, a factor.
        if float && !tensor.dims.is_empty() {
            sizes.insert(&tensor.name, size);
        }
    }
    let place: HashMap<&str, usize> =
        metadata.layers.iter().enumerate().map(|(n, l)| (l.name.as_str(), n)).collect();
    let (mut all, mut layers) = (0, vec![0; metadata.layers.len()]);
    for node in nodes {
        // After a batch norm's weight and bias come its running statistics.
        let trained = if node.op_type == "BatchNormalization" { 3 } else { usize::MAX };
        let size: u64 = node.input.iter().take(trained).filter_map(|i| sizes.remove(i.as_str())).sum();
        if size == 0 {
            continue;
        }
        all += size;
        let Some(path) = module_path(&node.name).or_else(|| node.output.first().cloned()) else { continue };
        for name in std::iter::once(path.as_str()).chain(outer(&path)) {
            if let Some(&n) = place.get(name) {
                layers[n] += size;
            }
        }
    }
    (all, layers)
}

/// The names around a name: `layer4.1.conv2` is in `layer4.1`, which is in `layer4`.
pub fn outer(name: &str) -> impl Iterator<Item = &str> {
    name.rmatch_indices(['.', '/']).map(|(end, _)| &name[..end]).filter(|n| !n.is_empty()).take(DEEPEST)
}

fn fields<'g>(graph: &'g GraphProto, nodes: &[&'g NodeProto], opset: i64) -> HashMap<&'g str, Seen> {
    let shapes = Shapes::infer(graph, opset);
    let mut seen: HashMap<&str, Seen> = HashMap::new();
    if let Some(&[_, _, Some(height), Some(width)]) = shapes.get(IMAGE).as_deref() {
        let field = Window { size: [1, 1], stride: [1, 1] };
        seen.insert(IMAGE, Seen { field, extents: [height, width] });
    }
    for node in nodes {
        let inputs: Vec<Seen> = node.input.iter().filter_map(|i| seen.get(i.as_str()).copied()).collect();
        let Some(joined) = inputs.iter().copied().reduce(join) else { continue };
        let mixes = node.op_type == "MatMul" && inputs.len() > 1;
        for output in node.output.iter().filter(|o| !o.is_empty()) {
            let shape = shapes.get(output);
            if let Some(found) = through(&shapes, node, joined, mixes, shape.as_deref()) {
                seen.insert(output, found);
            }
        }
    }
    seen
}

/// What a value sees that is computed from two others at the same place.
fn join(a: Seen, b: Seen) -> Seen {
    let field = match (a.field, b.field) {
        (Window { size: s, stride }, Window { size: t, .. }) => {
            Window { size: [s[0].max(t[0]), s[1].max(t[1])], stride }
        }
        _ => Whole,
    };
    // What has one value for all places leaves the places of the other.
    let extents = if a.extents[0] * a.extents[1] >= b.extents[0] * b.extents[1] { a } else { b }.extents;
    Seen { field, extents }
}

fn through(
    shapes: &Shapes,
    node: &NodeProto,
    x: Seen,
    mixes: bool,
    output: Option<&[Option<usize>]>,
) -> Option<Seen> {
    match node.op_type.as_str() {
        "Conv" | "MaxPool" | "AveragePool" | "LpPool" => {
            let window = shapes.window(node)?;
            let extents = <[usize; 2]>::try_from(window.output.as_slice()).ok()?;
            let field = match x.field {
                Window { size, stride } => {
                    let grown = |a: usize| {
                        size[a].checked_add((window.reach(a).checked_sub(1)?).checked_mul(stride[a])?)
                    };
                    let step = |a: usize| stride[a].checked_mul(window.stride[a]);
                    Window { size: [grown(0)?, grown(1)?], stride: [step(0)?, step(1)?] }
                }
                Whole => Whole,
            };
            Some(Seen { field, extents })
        }
        "Pad" if output.is_some_and(|shape| shape.len() == 4) => {
            let shape = output?;
            Some(Seen { field: x.field, extents: [(*shape.get(2)?)?, (*shape.get(3)?)?] })
        }
        // Each value is made of values from everywhere, or of places that are not followed.
        "InstanceNormalization" | "GroupNormalization" | "Resize" | "Upsample" | "ConvTranspose" => {
            let shape = output?;
            let extents = [(*shape.get(2)?)?, (*shape.get(3)?)?];
            Some(Seen { field: Whole, extents })
        }
        // Where the places are still there, each is computed by itself: transposed, scaled, added, parted by channels.
        _ => {
            let [height, width] = x.extents.map(Some);
            let there = output?.windows(2).any(|pair| pair == [height, width]);
            let field = if there && !mixes { x.field } else { Whole };
            Some(Seen { field, extents: x.extents })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch;
    use crate::grad::{differentiate, tests::pooled};
    use crate::onnx::build::ints;

    #[test]
    fn names_are_inside_names() {
        assert_eq!(outer("layer4.1.conv2").collect::<Vec<_>>(), ["layer4.1", "layer4"]);
        assert_eq!(outer("conv1").count(), 0);
    }

    /// The window by the sums that every textbook has: 3 of stride 2, then 3 of stride 1 spaced by 2.
    #[test]
    fn windows_grow_by_kernel_and_stride() {
        let differentiated = pooled(|graph| {
            graph.f32s("a", &[4, 3, 3, 3], &[0.1; 108]);
            graph.f32s("w", &[5, 4, 3, 3], &[0.1; 180]);
            graph.f32s("bias", &[5], &[0.1; 5]);
            graph.node("Conv", &["x", "a"], "half", vec![ints("strides", &[2, 2])]);
            graph.node("Conv", &["half", "w", "bias"], "wide", vec![ints("dilations", &[2, 2])]);
            graph.node("Relu", &["wide"], "rectified", vec![]);
            graph.node("GlobalAveragePool", &["rectified"], "gate", vec![]);
            graph.node("Mul", &["rectified", "gate"], "b", vec![]);
        });
        let model = differentiated.unwrap().model;
        let metadata = Metadata::read(&model).unwrap().unwrap();
        let found = anatomy(&model, &metadata);
        assert_eq!(found.parameters, 108 + 185);
        let of = |name: &str| {
            let at = metadata.layers.iter().position(|l| l.name == name).unwrap();
            found.layers[at].clone()
        };
        let window = |size, stride| Some(Window { size: [size; 2], stride: [stride; 2] });
        assert_eq!(of("half"), LayerAnatomy { parameters: 108, receptive_field: window(3, 2) });
        assert_eq!(of("wide"), LayerAnatomy { parameters: 185, receptive_field: window(3 + 4 * 2, 2) });
        assert_eq!(of("rectified").receptive_field, window(11, 2));
        assert_eq!(of("b").receptive_field, Some(Whole));
    }

    /// torchvision counts 4,652,008 parameters in a network of these shapes and timm 4.65 million.
    #[test]
    fn the_embedded_network_has_the_parameters_that_are_published() {
        let model = arch::build(&arch::embedded::state()).unwrap();
        let model = differentiate(model).unwrap().model;
        let metadata = Metadata::read(&model).unwrap().unwrap();
        assert_eq!(anatomy(&model, &metadata).parameters, 4_652_008);
    }
}
