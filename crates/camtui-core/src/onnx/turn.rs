//! Weights that a graph turns over, turned before the graph is compiled.
//!
//! The backward pass of a convolution reads the forward weight with its kernel axes reversed and its channels exchanged,
//! as nodes of the graph, so that the file holds the weight once. A runtime computes such nodes when it compiles, in its
//! own time: half a second for one layer of ResNet-18. Turned over here, in one pass over the weight, they take a
//! hundredth of that.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::external;
use super::pb::{GraphProto, ModelProto, NodeProto, TensorProto, tensor_proto::DataType};

/// Bytes of one value.
const VALUE: usize = 4;

/// A tensor read in another order.
#[derive(Clone, Debug)]
struct View {
    /// Index of the initialiser.
    source: usize,
    order: Order,
}

/// In which order the values of a tensor are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Place of the first value.
    pub first: usize,
    /// Extent and stride of each axis, in values.
    pub axes: Vec<(usize, isize)>,
}

/// Replaces what reverses whole axes of a weight, or permutes its axes, by weights so turned. What is not understood
/// stays as it is. Weights outside the graph are read from `folder`.
///
/// `leave` may give a node to make the turned weight of that name, which then is not made here: it is told the weight, and how the
/// turned one lies in it.
pub fn turn_weights(
    model: &mut ModelProto,
    folder: Option<&Path>,
    leave: impl Fn(&TensorProto, &str, &Order) -> Option<NodeProto>,
) {
    let Some(graph) = model.graph.as_mut() else { return };
    let mut views: HashMap<String, View> = HashMap::new();
    for (source, tensor) in graph.initializer.iter().enumerate() {
        if tensor.data_type == DataType::Float as i32 && !tensor.dims.is_empty() {
            views.insert(tensor.name.clone(), View::whole(source, &tensor.dims));
        }
    }
    let mut turned = HashSet::new();
    for (index, node) in graph.node.iter().enumerate() {
        let view = node.input.first().and_then(|name| views.get(name)).cloned();
        let view = view.and_then(|view| match node.op_type.as_str() {
            "Slice" => view.reversed(&integers(graph, node)?),
            "Transpose" => view.transposed(node),
            _ => None,
        });
        if let (Some(view), [output]) = (view, node.output.as_slice()) {
            views.insert(output.clone(), view);
            turned.insert(index);
        }
    }
    // Only what something else reads is written out.
    let others = graph.node.iter().enumerate().filter(|(n, _)| !turned.contains(n));
    let read: HashSet<&String> = others.flat_map(|(_, node)| &node.input).collect();
    let wanted = |n: &usize| read.contains(&graph.node[*n].output[0]);
    let mut left = Vec::new();
    let mut written = Some(Vec::new());
    for &n in turned.iter().filter(|n| wanted(n)) {
        let name = &graph.node[n].output[0];
        let View { source, order } = &views[name];
        let source = &graph.initializer[*source];
        if let Some(node) = leave(source, name, order) {
            left.push(node);
        } else if let Some(all) = &mut written {
            match order.written(source, name, folder) {
                Some(tensor) => all.push(tensor),
                None => written = None,
            }
        }
    }
    // A weight that cannot be read is told of by the runtime, which knows what to say.
    let Some(written) = written else { return };
    let read: HashSet<String> = read.into_iter().cloned().collect();
    let mut index = 0;
    graph.node.retain(|_| {
        index += 1;
        !turned.contains(&(index - 1))
    });
    graph.initializer.retain(|t| read.contains(&t.name) || graph.output.iter().any(|o| o.name == t.name));
    graph.initializer.extend(written);
    graph.node.splice(0..0, left);
}

impl View {
    fn whole(source: usize, dims: &[i64]) -> Self {
        let mut stride = 1;
        let mut axes: Vec<(usize, isize)> = Vec::with_capacity(dims.len());
        for &extent in dims.iter().rev() {
            axes.push((extent as usize, stride));
            stride *= extent as isize;
        }
        axes.reverse();
        Self { source, order: Order { first: 0, axes } }
    }

    /// `Slice` with these starts, ends, axes and steps, where it reverses whole axes.
    fn reversed(mut self, [starts, ends, axes, steps]: &[Vec<i64>; 4]) -> Option<Self> {
        for (n, &axis) in axes.iter().enumerate() {
            let axis = self.order.axes.get_mut(usize::try_from(axis).ok()?)?;
            let whole = *starts.get(n)? == -1 && *ends.get(n)? == i64::MIN && *steps.get(n)? == -1;
            if !whole || axis.0 == 0 {
                return None;
            }
            self.order.first = self.order.first.checked_add_signed((axis.0 as isize - 1) * axis.1)?;
            axis.1 = -axis.1;
        }
        Some(self)
    }

    fn transposed(mut self, node: &NodeProto) -> Option<Self> {
        let perm = &node.attribute.iter().find(|a| a.name == "perm")?.ints;
        let axes = perm.iter().map(|&from| self.order.axes.get(usize::try_from(from).ok()?).copied());
        self.order.axes = axes.collect::<Option<_>>()?;
        Some(self)
    }
}

impl Order {
    /// How many values there are.
    pub fn count(&self) -> Option<usize> {
        self.axes.iter().try_fold(1usize, |count, axis| count.checked_mul(axis.0))
    }

    /// How many values there must be to read from; none if some lie before the first or there are none to read.
    pub fn reach(&self) -> Option<usize> {
        let (mut low, mut high) = (self.first, self.first);
        for &(extent, stride) in &self.axes {
            let last = isize::try_from(extent.checked_sub(1)?).ok()?.checked_mul(stride)?;
            if last < 0 {
                low = low.checked_add_signed(last)?;
            } else {
                high = high.checked_add_signed(last)?;
            }
        }
        high.checked_add(1)
    }

    /// The values in this order: at most [`reach`](Self::reach) of them are read.
    pub fn of<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let mut to = Vec::with_capacity(self.count().unwrap_or_default());
        copy(values, self.first as isize, &self.joined(), &mut to);
        to
    }

    /// The tensor in its new order.
    fn written(&self, source: &TensorProto, name: &str, folder: Option<&Path>) -> Option<TensorProto> {
        let bytes;
        let bytes: &[u8] = match folder {
            Some(folder) if external::is_external(source) => {
                bytes = external::read(source, folder).ok()?;
                &bytes
            }
            _ => &source.raw_data,
        };
        if bytes.len() != self.count()? * VALUE {
            return None;
        }
        let raw_data = self.of(bytes.as_chunks::<VALUE>().0).into_flattened();
        Some(TensorProto {
            name: name.into(),
            data_type: source.data_type,
            dims: self.axes.iter().map(|axis| axis.0 as i64).collect(),
            raw_data,
            ..TensorProto::default()
        })
    }

    /// The axes, neighbours that are read as one joined.
    fn joined(&self) -> Vec<(usize, isize)> {
        let mut joined: Vec<(usize, isize)> = Vec::new();
        for &(extent, stride) in &self.axes {
            match joined.last_mut() {
                Some(last) if last.1 == stride * extent as isize => *last = (last.0 * extent, stride),
                _ => joined.push((extent, stride)),
            }
        }
        joined
    }
}

fn copy<T: Copy>(values: &[T], offset: isize, axes: &[(usize, isize)], to: &mut Vec<T>) {
    match axes {
        [] => to.push(values[offset as usize]),
        [(extent, stride)] => {
            to.extend((0..*extent as isize).map(|n| values[(offset + n * stride) as usize]));
        }
        [(extent, stride), rest @ ..] => {
            for n in 0..*extent as isize {
                copy(values, offset + n * stride, rest, to);
            }
        }
    }
}

/// A `Slice` node's inputs after the first, which must all be constants of the graph.
fn integers(graph: &GraphProto, node: &NodeProto) -> Option<[Vec<i64>; 4]> {
    let read = |n: usize| -> Option<Vec<i64>> {
        let tensor = graph.initializer.iter().find(|t| t.name == node.input[n])?;
        let int64 = tensor.data_type == DataType::Int64 as i32 && !external::is_external(tensor);
        let raw = tensor.raw_data.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b));
        int64.then(|| if tensor.raw_data.is_empty() { tensor.int64_data.clone() } else { raw.collect() })
    };
    (node.input.len() == 5).then(|| Some([read(1)?, read(2)?, read(3)?, read(4)?]))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::build;

    fn tensor(name: &str, dims: &[i64]) -> TensorProto {
        let count = dims.iter().product::<i64>();
        let raw_data = (0..count).flat_map(|n| (n as f32).to_le_bytes()).collect();
        let data_type = DataType::Float as i32;
        TensorProto { name: name.into(), data_type, dims: dims.into(), raw_data, ..Default::default() }
    }

    fn integers(name: &str, values: &[i64]) -> TensorProto {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let (data_type, dims) = (DataType::Int64 as i32, vec![values.len() as i64]);
        TensorProto { name: name.into(), data_type, dims, raw_data, ..Default::default() }
    }

    fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
        let input = inputs.iter().map(|&i| i.into()).collect();
        NodeProto { op_type: op.into(), input, output: vec![output.into()], ..Default::default() }
    }

    fn graph(ends: i64) -> ModelProto {
        let mut transpose = node("Transpose", &["flipped"], "turned");
        transpose.attribute = vec![build::ints("perm", &[1, 0, 2, 3])];
        let graph = GraphProto {
            node: vec![
                node("Slice", &["w", "starts", "ends", "axes", "starts"], "flipped"),
                transpose,
                node("Conv", &["x", "turned"], "y"),
                node("Conv", &["y", "w"], "z"),
            ],
            initializer: vec![
                tensor("w", &[2, 3, 2, 2]),
                integers("starts", &[-1, -1]),
                integers("ends", &[ends, ends]),
                integers("axes", &[2, 3]),
            ],
            ..GraphProto::default()
        };
        ModelProto { graph: Some(graph), ..ModelProto::default() }
    }

    #[test]
    fn a_weight_is_turned_over_and_kept_where_it_is_read_as_it_was() {
        let mut model = graph(i64::MIN);
        turn_weights(&mut model, None, |_, _, _| None);
        let graph = model.graph.unwrap();
        assert_eq!(graph.node.iter().map(|n| n.op_type.as_str()).collect::<Vec<_>>(), ["Conv", "Conv"]);
        let names: Vec<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["w", "turned"]);
        let turned = &graph.initializer[1];
        assert_eq!(turned.dims, [3, 2, 2, 2]);
        let values: Vec<f32> =
            turned.raw_data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let mut expected = Vec::new();
        for input in 0..3 {
            for output in 0..2 {
                for (y, x) in [(1, 1), (1, 0), (0, 1), (0, 0)] {
                    expected.push((output * 12 + input * 4 + y * 2 + x) as f32);
                }
            }
        }
        assert_eq!(values, expected);
    }

    #[test]
    fn what_takes_only_a_part_stays_a_node() {
        let mut model = graph(0);
        turn_weights(&mut model, None, |_, _, _| None);
        assert_eq!(model, graph(0));
    }
}
