//! Shape inference for the operators that have a rule, with the batch axis left open.
//!
//! Rules need heights, widths and channels (a strided convolution's gradient depends on whether the input was odd), and
//! exported files rarely say them for inner values. What an operator here does not know stays unknown, or is taken
//! from the file's own `value_info`.

use std::collections::HashMap;

use crate::onnx::pb::{
    GraphProto, NodeProto, TensorProto, TypeProto, tensor_proto::DataType,
    tensor_shape_proto::dimension::Value, type_proto,
};

use super::attributes::{int, ints};
use super::window::Window;

/// The extent of each axis; `None` is one that the file leaves open: the batch.
pub(super) type Shape = Vec<Option<usize>>;

/// What is known of a graph's values.
pub(super) struct Shapes {
    shapes: HashMap<String, Shape>,
    integers: HashMap<String, Vec<i64>>,
}

impl Shapes {
    /// Goes through `graph` once, in its own (topological) order.
    pub fn infer(graph: &GraphProto, opset: i64) -> Self {
        let mut known = Self { shapes: HashMap::new(), integers: HashMap::new() };
        for tensor in &graph.initializer {
            known.constant(&tensor.name, tensor);
        }
        for info in graph.input.iter().chain(&graph.value_info).chain(&graph.output) {
            if let Some(shape) = info.r#type.as_ref().and_then(declared) {
                known.shapes.entry(info.name.clone()).or_insert(shape);
            }
        }
        for node in &graph.node {
            let Some(output) = node.output.first() else { continue };
            if let Some(tensor) = node.attribute.iter().find(|a| a.name == "value").and_then(|a| a.t.as_ref())
                && node.op_type == "Constant"
            {
                known.constant(output, tensor);
            } else if let Some(shape) = known.output(node, opset) {
                known.shapes.insert(output.clone(), shape);
            }
        }
        known
    }

    /// The shape of `value`.
    pub fn get(&self, value: &str) -> Option<&Shape> {
        self.shapes.get(value)
    }

    /// The integers in a constant, such as a Reshape's target.
    pub fn integers(&self, value: &str) -> Option<&[i64]> {
        self.integers.get(value).map(Vec::as_slice)
    }

    /// The window of a Conv (`kernel` from its weight) or pooling node.
    pub fn window(&self, node: &NodeProto) -> Option<Window> {
        let input = self.get(node.input.first()?)?;
        let spatial: Vec<usize> = input.get(2..)?.iter().copied().collect::<Option<_>>()?;
        let kernel: Vec<usize> = match ints(node, "kernel_shape") {
            Some(kernel) => kernel.iter().map(|&k| usize::try_from(k).ok()).collect::<Option<_>>()?,
            None => self.get(node.input.get(1)?)?.get(2..)?.iter().copied().collect::<Option<_>>()?,
        };
        Window::new(node, &spatial, &kernel)
    }

    fn constant(&mut self, name: &str, tensor: &TensorProto) {
        let shape = tensor.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
        self.shapes.insert(name.into(), shape);
        if tensor.data_type == DataType::Int64 as i32 {
            let values = if tensor.raw_data.is_empty() {
                tensor.int64_data.clone()
            } else {
                let word = |b: &[u8]| i64::from_le_bytes(b.try_into().expect("chunks of eight"));
                tensor.raw_data.chunks_exact(8).map(word).collect()
            };
            self.integers.insert(name.into(), values);
        }
    }

    fn output(&self, node: &NodeProto, opset: i64) -> Option<Shape> {
        let input = |i: usize| self.get(node.input.get(i)?);
        match node.op_type.as_str() {
            "Relu" | "Clip" | "BatchNormalization" | "Identity" | "Dropout" | "Softmax" | "LogSoftmax"
            | "Neg" | "Sigmoid" | "Tanh" | "HardSigmoid" | "HardSwish" | "LeakyRelu" | "Elu" | "Erf"
            | "Sqrt" | "Exp" | "Abs" | "Cast" => input(0).cloned(),
            "Add" | "Sub" | "Mul" | "Div" => broadcast(input(0)?, input(1)?),
            "Conv" => {
                let channels = *input(1)?.first()?;
                windowed(input(0)?, channels, &self.window(node)?)
            }
            "MaxPool" | "AveragePool" => {
                let x = input(0)?;
                windowed(x, *x.get(1)?, &self.window(node)?)
            }
            "GlobalAveragePool" | "GlobalMaxPool" => {
                let x = input(0)?;
                Some(x.iter().enumerate().map(|(axis, &d)| if axis < 2 { d } else { Some(1) }).collect())
            }
            "ReduceMean" => {
                let rank = input(0)?.len();
                let axes = self.axes(node, opset, 18, rank)?;
                let keep = int(node, "keepdims").unwrap_or(1) == 1;
                let extent = |(axis, &d): (usize, &Option<usize>)| {
                    if axes.contains(&axis) { keep.then_some(Some(1)) } else { Some(d) }
                };
                Some(input(0)?.iter().enumerate().filter_map(extent).collect())
            }
            "Flatten" => {
                let x = input(0)?;
                let axis = usize::try_from(int(node, "axis").unwrap_or(1)).ok()?;
                Some(vec![product(x.get(..axis)?), product(x.get(axis..)?)])
            }
            "Reshape" => Some(reshaped(input(0)?, self.integers(node.input.get(1)?)?)),
            "Squeeze" => {
                let axes = self.axes(node, opset, 13, input(0)?.len())?;
                let kept = input(0)?.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
                Some(kept.map(|(_, &d)| d).collect())
            }
            "Transpose" => {
                let x = input(0)?;
                let reversed: Vec<i64> = (0..x.len() as i64).rev().collect();
                let perm = ints(node, "perm").unwrap_or(&reversed);
                perm.iter().map(|&p| x.get(usize::try_from(p).ok()?).copied()).collect()
            }
            "Gemm" => {
                let at = |i: usize, transposed: &str, axis: usize| {
                    let transposed = int(node, transposed).unwrap_or(0) == 1;
                    input(i)?.get(if transposed { 1 - axis } else { axis }).copied()
                };
                Some(vec![at(0, "transA", 0)?, at(1, "transB", 1)?])
            }
            "MatMul" => {
                let (a, b) = (input(0)?, input(1)?);
                let (m, n) = (a.len().checked_sub(2)?, b.len().checked_sub(2)?);
                let mut shape = broadcast(&a[..m].to_vec(), &b[..n].to_vec())?;
                shape.extend([a[m], b[n + 1]]);
                Some(shape)
            }
            _ => None,
        }
    }

    /// The axes of a reduction or squeeze: an attribute before opset `since`, an input from then on.
    pub fn axes(&self, node: &NodeProto, opset: i64, since: i64, rank: usize) -> Option<Vec<usize>> {
        let axes = if opset < since { ints(node, "axes")? } else { self.integers(node.input.get(1)?)? };
        axes.iter().map(|&a| usize::try_from(if a < 0 { a + rank as i64 } else { a }).ok()).collect()
    }
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

fn windowed(x: &Shape, channels: Option<usize>, window: &Window) -> Option<Shape> {
    let mut shape = vec![*x.first()?, channels];
    shape.extend(window.output.iter().map(|&d| Some(d)));
    Some(shape)
}

fn product(extents: &[Option<usize>]) -> Option<usize> {
    extents.iter().copied().product()
}

/// The shape of `a ∘ b` under ONNX's (NumPy's) broadcasting.
fn broadcast(a: &Shape, b: &Shape) -> Option<Shape> {
    let rank = a.len().max(b.len());
    let at = |s: &Shape, axis: usize| (axis + s.len()).checked_sub(rank).map_or(Some(1), |axis| s[axis]);
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (Some(1), d) | (d, Some(1)) => Some(d),
            // An open extent against a fixed one: the fixed one says more.
            (x, y) if x.is_none() || y.is_none() => Some(x.or(y)),
            (x, y) => (x == y).then_some(x),
        })
        .collect()
}

fn reshaped(x: &Shape, target: &[i64]) -> Shape {
    let mut shape: Shape = target
        .iter()
        .enumerate()
        .map(|(axis, &d)| if d == 0 { x.get(axis).copied().flatten() } else { usize::try_from(d).ok() })
        .collect();
    let inferred = target.iter().position(|&d| d == -1);
    if let (Some(axis), Some(total)) = (inferred, product(x)) {
        let rest: Option<usize> =
            shape.iter().enumerate().filter(|(a, _)| *a != axis).map(|(_, &d)| d).product();
        shape[axis] = rest.filter(|&r| r > 0).map(|r| total / r);
    } else if let Some(axis) = inferred.filter(|_| x.first() == Some(&None)) {
        // The batch is open. It keeps its place where a 0 says so; then -1 is what is left of the others.
        let open: Vec<usize> = (0..shape.len()).filter(|&a| a != axis && shape[a].is_none()).collect();
        if open == [0] && target[0] == 0 {
            let rest: Option<usize> =
                shape.iter().enumerate().filter(|(a, _)| *a != axis && *a != 0).map(|(_, &d)| d).product();
            shape[axis] = rest.filter(|&r| r > 0).and_then(|r| Some(product(&x[1..])? / r));
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flattening_reshape_keeps_the_batch_open() {
        let x = vec![None, Some(512), Some(1), Some(1)];
        assert_eq!(reshaped(&x, &[0, -1]), [None, Some(512)]);
        assert_eq!(reshaped(&x, &[-1, 512]), [None, Some(512)]);
        let fixed = vec![Some(1), Some(6)];
        assert_eq!(reshaped(&fixed, &[1, 2, -1]), [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn broadcasting_aligns_at_the_last_axis() {
        let x = vec![None, Some(8), Some(4), Some(4)];
        let scale = vec![Some(8), Some(1), Some(1)];
        assert_eq!(broadcast(&x, &scale), Some(x.clone()));
        assert_eq!(broadcast(&vec![None], &vec![Some(1)]), Some(vec![None]));
        assert_eq!(broadcast(&vec![Some(2)], &vec![Some(3)]), None);
    }
}
