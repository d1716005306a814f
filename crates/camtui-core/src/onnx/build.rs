//! Small makers of ONNX nodes, tensors and attributes, so that code which writes a graph reads like the graph.
//!
//! [`crate::arch`] builds forward networks with them and [`crate::grad`] appends the backward pass to a graph that is
//! already there. Nothing here checks that the graph makes sense: the runtime does.

use super::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension},
    type_proto,
};

/// The operator set that camtui writes: the oldest with everything it needs, so that old runtimes can read the file.
pub const OPSET: i64 = 17;

/// The file format's version that belongs to [`OPSET`].
pub const IR_VERSION: i64 = 8;

/// The extent of one axis in a value's declared shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dim {
    /// Known when the graph is written.
    Fixed(usize),
    /// Known by name only: the batch, `N`.
    Symbol(&'static str),
    /// Not known.
    Any,
}

/// The declared shape `[N, shape…]` of an input or output with a batch axis.
pub fn batched(shape: &[usize]) -> Vec<Dim> {
    std::iter::once(Dim::Symbol("N")).chain(shape.iter().map(|&d| Dim::Fixed(d))).collect()
}

/// The declared shape of a value inside the graph with a batch axis. The batch stays open: tract takes a name there
/// for a contradiction when the input's batch is a number.
pub fn any_batch(shape: &[usize]) -> Vec<Dim> {
    std::iter::once(Dim::Any).chain(shape.iter().map(|&d| Dim::Fixed(d))).collect()
}

/// A graph that grows node by node. Nodes must come in the order they are computed, as ONNX asks.
#[derive(Clone, Debug, Default)]
pub struct GraphBuilder {
    graph: GraphProto,
}

impl GraphBuilder {
    /// An empty graph called `name`.
    pub fn new(name: &str) -> Self {
        Self { graph: GraphProto { name: name.into(), ..GraphProto::default() } }
    }

    /// Goes on with a graph that is already there.
    pub fn extend(graph: GraphProto) -> Self {
        Self { graph }
    }

    /// Declares an input of f32 values.
    pub fn input(&mut self, name: &str, dims: &[Dim]) {
        self.graph.input.push(value_info(name, dims));
    }

    /// Declares the one input anew, of these extents after the batch. What was declared of values inside no longer holds.
    pub fn resize_input(&mut self, shape: &[usize]) {
        if let [input] = self.graph.input.as_mut_slice() {
            *input = value_info(&input.name, &batched(shape));
            self.graph.value_info.clear();
        }
    }

    /// Declares an output of f32 values.
    pub fn output(&mut self, name: &str, dims: &[Dim]) {
        self.graph.output.push(value_info(name, dims));
    }

    /// Declares the shape of an f32 value inside the graph.
    pub fn shape(&mut self, name: &str, dims: &[Dim]) {
        self.graph.value_info.push(value_info(name, dims));
    }

    /// Appends a node with one output. The node bears its output's name.
    pub fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) {
        self.node_with_outputs(op, inputs, &[output], attributes);
    }

    /// Appends a node with any number of outputs. The node bears its first output's name.
    pub fn node_with_outputs(
        &mut self,
        op: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) {
        self.graph.node.push(NodeProto {
            name: outputs.first().copied().unwrap_or_default().into(),
            op_type: op.into(),
            input: inputs.iter().map(|&i| i.into()).collect(),
            output: outputs.iter().map(|&o| o.into()).collect(),
            attribute: attributes,
            ..NodeProto::default()
        });
    }

    /// Appends a node that is there already.
    pub fn push(&mut self, node: NodeProto) {
        self.graph.node.push(node);
    }

    /// Adds a constant tensor of f32 values; a scalar has no `dims`.
    pub fn f32s(&mut self, name: &str, dims: &[usize], values: &[f32]) {
        self.graph.initializer.push(f32_tensor(name, dims, values));
    }

    /// Adds a constant tensor of i64 values: shapes, axes, pads.
    pub fn i64s(&mut self, name: &str, dims: &[usize], values: &[i64]) {
        self.graph.initializer.push(TensorProto {
            name: name.into(),
            dims: dims.iter().map(|&d| d as i64).collect(),
            data_type: DataType::Int64 as i32,
            raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
    }

    /// The graph so far.
    pub fn graph(&self) -> &GraphProto {
        &self.graph
    }

    /// The finished graph.
    pub fn into_graph(self) -> GraphProto {
        self.graph
    }

    /// The finished graph as a model of [`OPSET`], made by this version of camtui.
    pub fn into_model(self) -> ModelProto {
        ModelProto {
            ir_version: IR_VERSION,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            producer_name: "camtui".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(self.graph),
            ..ModelProto::default()
        }
    }
}

/// An f32 tensor in raw little-endian form.
pub fn f32_tensor(name: &str, dims: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.iter().map(|&d| d as i64).collect(),
        data_type: DataType::Float as i32,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// A declared f32 value.
pub fn value_info(name: &str, dims: &[Dim]) -> ValueInfoProto {
    let dim = dims
        .iter()
        .map(|d| Dimension {
            denotation: String::new(),
            value: match d {
                Dim::Fixed(extent) => Some(dimension::Value::DimValue(*extent as i64)),
                Dim::Symbol(symbol) => Some(dimension::Value::DimParam((*symbol).into())),
                Dim::Any => None,
            },
        })
        .collect();
    let tensor =
        type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(TensorShapeProto { dim }) };
    let r#type = TypeProto { denotation: String::new(), value: Some(type_proto::Value::TensorType(tensor)) };
    ValueInfoProto { name: name.into(), r#type: Some(r#type), doc_string: String::new() }
}

/// An attribute that is one integer.
pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i, ..AttributeProto::default() }
}

/// An attribute that is a list of integers.
pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: ints.to_vec(),
        ..AttributeProto::default()
    }
}

/// An attribute that is one number.
pub fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Float as i32, f, ..AttributeProto::default() }
}

/// An attribute that is a word, such as `auto_pad`'s.
pub fn string(name: &str, s: &str) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::String as i32,
        s: s.as_bytes().to_vec(),
        ..AttributeProto::default()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use tract_onnx::prelude::*;

    use super::*;

    /// A graph written here must mean to a runtime what it says: y = relu(2x − 1), any batch.
    #[test]
    fn a_built_graph_runs() {
        let mut b = GraphBuilder::new("tiny");
        b.input("x", &batched(&[2]));
        b.f32s("two", &[], &[2.0]);
        b.f32s("one", &[2], &[1.0, 1.0]);
        b.node("Mul", &["x", "two"], "doubled", vec![]);
        b.node("Sub", &["doubled", "one"], "less", vec![]);
        b.node("Relu", &["less"], "y", vec![]);
        b.output("y", &batched(&[2]));
        let bytes = b.into_model().encode_to_vec();

        let plan = tract_onnx::onnx()
            .model_for_read(&mut bytes.as_slice())
            .unwrap()
            .with_input_fact(0, f32::fact([3, 2]).into())
            .unwrap()
            .into_runnable()
            .unwrap();
        let x = tensor2(&[[0.0f32, 1.0], [2.0, 0.25], [-1.0, 3.0]]);
        let y = plan.run(tvec!(x.into())).unwrap();
        assert_eq!(
            y[0].to_plain_array_view::<f32>().unwrap().as_slice().unwrap(),
            [0.0, 1.0, 3.0, 0.0, 0.0, 5.0]
        );
    }
}
