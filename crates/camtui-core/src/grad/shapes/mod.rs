//! Shape inference for the operators that have a rule, with the batch axis left open.
//!
//! Rules need heights, widths and channels (a strided convolution's gradient depends on whether the input was odd), and
//! exported files rarely say them for inner values. What an operator here does not know stays unknown, or is taken
//! from the file's own `value_info`. `operators` and `rearranged` say what each operator yields, `integers` evaluates the small
//! computations that exporters write targets of reshapes as, `tables` lists with several axes, `floats` the computations of
//! paddings, `extent` is what all compute with.

mod extent;
mod floats;
mod integers;
mod operators;
mod rearranged;
mod tables;

use std::collections::HashMap;

use crate::onnx::pb::{
    GraphProto, NodeProto, TensorProto, TypeProto, tensor_proto::DataType,
    tensor_shape_proto::dimension::Value, type_proto,
};

use super::attributes::ints;
use super::window::Window;
use extent::Extent;
pub(super) use rearranged::blocksize;

/// The extent of each axis; `None` is one that the file leaves open: the batch.
pub(super) type Shape = Vec<Option<usize>>;

/// Longest list of integers that is followed through computations; constants may be longer.
const LONGEST: usize = 1024;

/// What is known of a graph's values.
pub(crate) struct Shapes {
    opset: i64,
    known: HashMap<String, Vec<Extent>>,
    /// Small integer values, row-major: shapes, axes, indices.
    integers: HashMap<String, Vec<Extent>>,
    /// Few numbers with a fraction: scales, and what paddings are computed from.
    floats: HashMap<String, Vec<f64>>,
    /// What the file says of inner values and outputs.
    declared: HashMap<String, Vec<Extent>>,
}

impl Shapes {
    /// Goes through `graph` once, in its own (topological) order.
    pub fn infer(graph: &GraphProto, opset: i64) -> Self {
        let mut known = Self::begin(graph, opset);
        for node in &graph.node {
            known.follow(node);
        }
        known
    }

    /// What is known of `graph` before its first node.
    pub fn begin(graph: &GraphProto, opset: i64) -> Self {
        let infos = graph.value_info.iter().chain(&graph.output);
        let said = infos
            .filter_map(|info| Some((info.name.clone(), declared(info.r#type.as_ref()?)?)))
            .map(|(name, shape)| (name, shape.iter().map(|d| known_or_open(*d)).collect()))
            .collect();
        let mut known = Self {
            opset,
            known: HashMap::new(),
            integers: HashMap::new(),
            floats: HashMap::new(),
            declared: said,
        };
        graph.initializer.iter().for_each(|tensor| known.hold(tensor));
        for info in &graph.input {
            if let Some(shape) = info.r#type.as_ref().and_then(declared) {
                let extent = |(axis, d): (usize, &Option<usize>)| match d {
                    Some(d) => Extent::Fixed(*d as i64),
                    None if axis == 0 => Extent::Batch(1),
                    None => Extent::Open,
                };
                known.known.insert(info.name.clone(), shape.iter().enumerate().map(extent).collect());
            }
        }
        known
    }

    /// Takes down a tensor under its name.
    pub fn hold(&mut self, tensor: &TensorProto) {
        self.constant(&tensor.name, tensor);
    }

    /// Takes down what `node` makes of the values that are known.
    pub fn follow(&mut self, node: &NodeProto) {
        self.evaluate(node);
        let inferred = self.outputs(node).unwrap_or_default();
        for (n, output) in node.output.iter().enumerate().filter(|(_, o)| !o.is_empty()) {
            let shape = match (inferred.get(n), self.declared.get(output)) {
                (Some(inferred), Some(declared)) => Some(merge(inferred, declared)),
                (Some(shape), None) | (None, Some(shape)) => Some(shape.clone()),
                (None, None) => None,
            };
            if let Some(shape) = shape {
                self.known.entry(output.clone()).or_insert(shape);
            }
        }
    }

    /// The shape of `value`.
    pub fn get(&self, value: &str) -> Option<Shape> {
        Some(self.known.get(value)?.iter().map(|e| e.fixed()).collect())
    }

    /// How many numbers a value has for one picture, where that is known.
    pub fn count(&self, value: &str) -> Option<u64> {
        self.known.get(value)?.iter().try_fold(1_u64, |count, extent| {
            let (Extent::Fixed(d) | Extent::Batch(d)) = *extent else { return None };
            Some(count.saturating_mul(u64::try_from(d).ok()?))
        })
    }

    /// How many numbers a value has at least, unless it is empty: the product of the extents that are known.
    pub fn least(&self, value: &str) -> u64 {
        self.known.get(value).into_iter().flatten().fold(1_u64, |count, extent| match *extent {
            Extent::Fixed(d) | Extent::Batch(d) if d > 1 => count.saturating_mul(d as u64),
            _ => count,
        })
    }

    /// The integers in a constant, such as a Reshape's target.
    pub fn integers(&self, value: &str) -> Option<Vec<i64>> {
        let number = |e: &Extent| match e {
            Extent::Fixed(v) => Some(*v),
            _ => None,
        };
        self.integers.get(value)?.iter().map(number).collect()
    }

    /// The numbers in a small list of floating point that does not depend on the picture.
    pub fn floats(&self, value: &str) -> Option<&[f64]> {
        self.floats.get(value).map(Vec::as_slice)
    }

    /// The window of a Conv (`kernel` from its weight) or pooling node.
    pub(in crate::grad) fn window(&self, node: &NodeProto) -> Option<Window> {
        let input = self.get(node.input.first()?)?;
        let spatial: Vec<usize> = input.get(2..)?.iter().copied().collect::<Option<_>>()?;
        Window::new(node, &spatial, &self.kernel(node)?)
    }

    /// The extents of a convolution's or pooling's kernel.
    pub fn kernel(&self, node: &NodeProto) -> Option<Vec<usize>> {
        match ints(node, "kernel_shape") {
            Some(kernel) => kernel.iter().map(|&k| usize::try_from(k).ok()).collect(),
            None => self.get(node.input.get(1)?)?.get(2..)?.iter().copied().collect(),
        }
    }

    /// The axes that a reducing node names: an attribute before opset `since`, an input from then on.
    ///
    /// No axes where it names none, `None` where they are not constant or one is named twice.
    pub fn axes(&self, node: &NodeProto, since: i64, rank: usize) -> Option<Vec<usize>> {
        let axes = if self.opset < since {
            ints(node, "axes").unwrap_or_default().to_vec()
        } else {
            match node.input.get(1).filter(|name| !name.is_empty()) {
                Some(name) => self.integers(name)?,
                None => vec![],
            }
        };
        let axes: Vec<usize> = axes.iter().map(|&a| axis(a, rank)).collect::<Option<_>>()?;
        let once = axes.iter().enumerate().all(|(n, a)| !axes[..n].contains(a));
        once.then_some(axes)
    }

    fn constant(&mut self, name: &str, tensor: &TensorProto) {
        let shape: Vec<Extent> = tensor.dims.iter().map(|&d| Extent::Fixed(d)).collect();
        if let Some(values) = read_integers(tensor) {
            self.integers.insert(name.into(), values.into_iter().map(Extent::Fixed).collect());
        }
        if Extent::product(&shape).fixed().is_some_and(|count| count <= 16)
            && let Some(values) = read_floats(tensor)
        {
            self.floats.insert(name.into(), values);
        }
        self.known.insert(name.into(), shape);
    }
}

/// A number from the end of the shape counted as one from the start.
pub(super) fn axis(axis: i64, rank: usize) -> Option<usize> {
    let counted = if axis < 0 { axis.checked_add(rank as i64)? } else { axis };
    usize::try_from(counted).ok().filter(|&a| a < rank)
}

/// The shape that a file declares for an input, output or value.
pub(super) fn declared(r#type: &TypeProto) -> Option<Shape> {
    let Some(type_proto::Value::TensorType(tensor)) = &r#type.value else { return None };
    let extent = |value: &Option<Value>| match value {
        Some(Value::DimValue(d)) => usize::try_from(*d).ok(),
        _ => None,
    };
    Some(tensor.shape.as_ref()?.dim.iter().map(|d| extent(&d.value)).collect())
}

/// A shape in the way people write it: `[N, 3, 224, 224]`.
pub(super) fn display(shape: &Shape) -> String {
    let extents: Vec<String> = shape.iter().map(|d| d.map_or("N".into(), |d| d.to_string())).collect();
    format!("[{}]", extents.join(", "))
}

fn known_or_open(extent: Option<usize>) -> Extent {
    extent.map_or(Extent::Open, |d| Extent::Fixed(d as i64))
}

/// What was worked out, completed by what the file says. (Not the other way round: a file exported for one picture says
/// 1 everywhere, and the batch may have been opened since.)
fn merge(inferred: &[Extent], declared: &[Extent]) -> Vec<Extent> {
    if inferred.len() != declared.len() {
        return inferred.to_vec();
    }
    let both = |(i, d): (&Extent, &Extent)| if *i == Extent::Open { *d } else { *i };
    inferred.iter().zip(declared).map(both).collect()
}

fn read_integers(tensor: &TensorProto) -> Option<Vec<i64>> {
    let raw = tensor.raw_data.as_slice();
    match DataType::try_from(tensor.data_type).ok()? {
        DataType::Int64 if raw.is_empty() => Some(tensor.int64_data.clone()),
        DataType::Int64 => Some(raw.as_chunks::<8>().0.iter().map(|w| i64::from_le_bytes(*w)).collect()),
        DataType::Int32 if raw.is_empty() => Some(tensor.int32_data.iter().map(|&v| v.into()).collect()),
        DataType::Int32 => {
            Some(raw.as_chunks::<4>().0.iter().map(|w| i32::from_le_bytes(*w).into()).collect())
        }
        // A condition. Masks are not followed.
        DataType::Bool if raw.is_empty() && tensor.int32_data.len() == 1 => {
            Some(vec![tensor.int32_data[0].into()])
        }
        DataType::Bool if raw.len() == 1 => Some(vec![raw[0].into()]),
        _ => None,
    }
}

fn read_floats(tensor: &TensorProto) -> Option<Vec<f64>> {
    let raw = tensor.raw_data.as_slice();
    match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float if raw.is_empty() => Some(tensor.float_data.iter().map(|&v| v.into()).collect()),
        DataType::Float => {
            Some(raw.as_chunks::<4>().0.iter().map(|w| f32::from_le_bytes(*w).into()).collect())
        }
        DataType::Double if raw.is_empty() => Some(tensor.double_data.clone()),
        DataType::Double => Some(raw.as_chunks::<8>().0.iter().map(|w| f64::from_le_bytes(*w)).collect()),
        _ => None,
    }
}
