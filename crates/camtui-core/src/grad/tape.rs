//! The graph of the backward pass while it is written: new nodes, small constants, and what rules may ask about the
//! forward values.
//!
//! Everything that is added is named `backward/…`, so that the forward part of an exported file reads as before. Where a forward
//! node is replaced, because the runtime lacks its operator, the new ones are named `forward/…`.

use std::collections::{HashMap, HashSet};

use super::Rule;
use super::active;
use super::error::Reason;
use super::shapes::{Shape, Shapes};
use super::window::Window;
use crate::onnx::build;
use crate::onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

/// What a rule writes to.
pub(super) struct Tape {
    pub opset: i64,
    /// How gradients pass rectifiers.
    pub rule: Rule,
    /// Nodes of the backward pass, each after those it reads from.
    pub nodes: Vec<NodeProto>,
    /// What the names of new nodes begin with.
    pub part: &'static str,
    /// Constants that the backward pass adds: shapes, axes, zeros.
    pub constants: Vec<TensorProto>,
    shapes: Shapes,
    /// Forward values that depend on the picture.
    active: HashSet<String>,
    /// The element type of picture, weights and gradients: FLOAT, or DOUBLE in a network written in f64.
    element: DataType,
    taken: HashSet<String>,
    counts: HashMap<String, usize>,
    /// Constants, and values made from weights alone, by what they are: a shared weight is turned over once.
    derived: HashMap<String, String>,
    /// How many more numbers tables may have.
    affordable: usize,
}

/// The most numbers in tables that the backward pass adds. Those of the largest resizings and poolings have thousands.
const AFFORDABLE: usize = 1 << 24;

impl Tape {
    pub fn new(graph: &GraphProto, image: &str, element: DataType, opset: i64) -> Self {
        let active = active::values(graph, image);
        let inner = graph.node.iter().flat_map(|n| n.input.iter().chain(&n.output).chain(Some(&n.name)));
        let taken = inner.chain(graph.initializer.iter().map(|t| &t.name)).cloned().collect();
        Self {
            opset,
            rule: Rule::Plain,
            nodes: Vec::new(),
            part: "backward",
            constants: Vec::new(),
            shapes: Shapes::infer(graph, opset),
            active,
            element,
            taken,
            counts: HashMap::new(),
            derived: HashMap::new(),
            affordable: AFFORDABLE,
        }
    }

    /// Whether a table of so many rows and columns may be written still. A file can ask for any with a few bytes.
    pub fn afford(&mut self, rows: usize, columns: usize) -> Result<(), Reason> {
        let left = rows.checked_mul(columns).and_then(|numbers| self.affordable.checked_sub(numbers));
        self.affordable = left.ok_or(Reason::Form("its gradient takes larger tables than are written"))?;
        Ok(())
    }

    /// Whether a forward value depends on the picture, so that a gradient for it is of use.
    pub fn is_active(&self, value: &str) -> bool {
        self.active.contains(value)
    }

    /// The shape of a forward value.
    pub fn shape(&self, value: &str) -> Result<Shape, Reason> {
        self.shapes.get(value).ok_or_else(|| Reason::UnknownShape(value.into()))
    }

    /// The shape of a forward value whose axes after the first are all known: `[N, …]`.
    pub fn extents(&self, value: &str) -> Result<Vec<usize>, Reason> {
        let known: Option<_> = self.shape(value)?.into_iter().skip(1).collect();
        known.ok_or_else(|| Reason::UnknownShape(value.into()))
    }

    /// The sliding window of a Conv or pooling node.
    pub fn window(&self, node: &NodeProto) -> Result<Window, Reason> {
        self.shapes
            .window(node)
            .ok_or_else(|| Reason::UnknownShape(node.input.first().cloned().unwrap_or_default()))
    }

    /// The extents of a forward value from `axis` on, where all of them are known.
    pub fn extents_from(&self, value: &str, axis: usize) -> Result<Vec<usize>, Reason> {
        let known: Option<_> = self.shape(value)?.into_iter().skip(axis).collect();
        known.ok_or_else(|| Reason::UnknownShape(value.into()))
    }

    /// The type of picture and gradients.
    pub fn element(&self) -> DataType {
        self.element
    }

    /// What is known of the forward values.
    pub fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// Appends a node with one output and gives the output's name.
    pub fn op(&mut self, operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let output = self.fresh(operator);
        self.nodes.push(NodeProto {
            op_type: operator.into(),
            name: output.clone(),
            input: inputs.iter().map(|&i| i.into()).collect(),
            output: vec![output.clone()],
            attribute: attributes,
            ..Default::default()
        });
        output
    }

    /// A constant vector of integers: a shape, axes, paddings.
    pub fn integers(&mut self, values: &[i64]) -> String {
        // Long lists are the indices of one node: a name of their own is shorter.
        let name = if values.len() <= 16 {
            let text: Vec<String> = values.iter().map(i64::to_string).collect();
            format!("backward/{}", text.join(","))
        } else {
            format!("backward/indices_{}", self.constants.len())
        };
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, DataType::Int64, &[values.len()], bytes)
    }

    /// A constant of the network's element type.
    pub fn floats(&mut self, name: &str, dims: &[usize], values: &[f64]) -> String {
        let bytes = match self.element {
            DataType::Double => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            _ => values.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect(),
        };
        self.constant(format!("backward/{name}"), self.element, dims, bytes)
    }

    /// A constant number.
    pub fn scalar(&mut self, value: f64) -> String {
        self.floats(&format!("scalar/{value}"), &[], &[value])
    }

    /// `make`, or what it made when it was last asked for `key`.
    pub fn derive(&mut self, key: String, make: impl FnOnce(&mut Self) -> String) -> String {
        if let Some(value) = self.derived.get(&key) {
            return value.clone();
        }
        let value = make(self);
        self.derived.insert(key, value.clone());
        value
    }

    /// 1 where `condition` holds and 0 elsewhere.
    pub fn indicator(&mut self, condition: &str) -> String {
        let to = build::int("to", self.element as i64);
        self.op("Cast", &[condition], vec![to])
    }

    /// What reaches a rectifier's mask of the gradient `dy` behind it.
    pub fn before_rectifier(&mut self, dy: &str) -> String {
        match self.rule {
            Rule::Plain => dy.to_owned(),
            Rule::Guided => self.op("Relu", &[dy], vec![]),
        }
    }

    /// 1 where `a` is above `b` and 0 elsewhere.
    pub fn above(&mut self, a: &str, b: &str) -> String {
        let condition = self.op("Greater", &[a, b], vec![]);
        self.indicator(&condition)
    }

    /// `a` where `condition` holds and `b` elsewhere.
    pub fn choose(&mut self, condition: &str, a: &str, b: &str) -> String {
        self.op("Where", &[condition, a, b], vec![])
    }

    /// Zeros of the shape of `value`, whatever the batch is.
    pub fn zeros_like(&mut self, value: &str) -> String {
        let never = self.op("Less", &[value, value], vec![]);
        self.indicator(&never)
    }

    /// An operator of one operand, without attributes.
    pub fn map(&mut self, operator: &str, value: &str) -> String {
        self.op(operator, &[value], vec![])
    }

    pub fn add(&mut self, a: &str, b: &str) -> String {
        self.op("Add", &[a, b], vec![])
    }

    pub fn sub(&mut self, a: &str, b: &str) -> String {
        self.op("Sub", &[a, b], vec![])
    }

    pub fn mul(&mut self, a: &str, b: &str) -> String {
        self.op("Mul", &[a, b], vec![])
    }

    pub fn div(&mut self, a: &str, b: &str) -> String {
        self.op("Div", &[a, b], vec![])
    }

    /// `factor · value`.
    pub fn scale(&mut self, value: &str, factor: f64) -> String {
        let factor = self.scalar(factor);
        self.mul(value, &factor)
    }

    /// `value + constant`.
    pub fn shift(&mut self, value: &str, constant: f64) -> String {
        let constant = self.scalar(constant);
        self.add(value, &constant)
    }

    pub fn reshape(&mut self, value: &str, shape: &[i64]) -> String {
        let shape = self.integers(shape);
        self.op("Reshape", &[value, &shape], vec![])
    }

    pub fn transpose(&mut self, value: &str, perm: &[i64]) -> String {
        self.op("Transpose", &[value], vec![build::ints("perm", perm)])
    }

    /// Every `step`-th element along `axes` from `starts` to before `ends`.
    pub fn slice(
        &mut self,
        value: &str,
        axes: &[i64],
        starts: &[i64],
        ends: &[i64],
        steps: &[i64],
    ) -> String {
        let [starts, ends, axes, steps] = [starts, ends, axes, steps].map(|v| self.integers(v));
        self.op("Slice", &[value, &starts, &ends, &axes, &steps], vec![])
    }

    /// Brings a gradient back to the shape its forward value had, where at most one axis is open.
    pub fn reshape_like(&mut self, gradient: &str, value: &str) -> Result<String, Reason> {
        let shape = self.shape(value)?;
        if shape.iter().filter(|d| d.is_none()).count() > 1 {
            return Err(Reason::UnknownShape(value.into()));
        }
        let target: Vec<i64> = shape.iter().map(|d| d.map_or(-1, |d| d as i64)).collect();
        Ok(self.reshape(gradient, &target))
    }

    /// Sums a gradient of shape `from` over the axes along which `value` was broadcast.
    pub fn sum_to(&mut self, gradient: String, from: &Shape, value: &str) -> Result<String, Reason> {
        let to = self.shape(value)?;
        let added = from.len().checked_sub(to.len()).ok_or_else(|| Reason::UnknownShape(value.into()))?;
        let stretched = |axis: usize| axis < added || (to[axis - added] == Some(1) && from[axis] != Some(1));
        let axes: Vec<i64> =
            (0..from.len()).filter(|&axis| stretched(axis)).map(|axis| axis as i64).collect();
        if axes.is_empty() {
            return Ok(gradient);
        }
        let summed = self.sum(&gradient, &axes);
        if added == 0 { Ok(summed) } else { self.reshape_like(&summed, value) }
    }

    /// The sum over `axes`, which are kept with an extent of 1.
    pub fn sum(&mut self, value: &str, axes: &[i64]) -> String {
        let keep = build::int("keepdims", 1);
        if self.opset < 13 {
            self.op("ReduceSum", &[value], vec![build::ints("axes", axes), keep])
        } else {
            let axes = self.integers(axes);
            self.op("ReduceSum", &[value, &axes], vec![keep])
        }
    }

    /// A constant, or the one that was made under this name before. Its name differs where the model has such a value.
    fn constant(&mut self, key: String, element: DataType, dims: &[usize], raw_data: Vec<u8>) -> String {
        if let Some(name) = self.derived.get(&key) {
            return name.clone();
        }
        let mut name = key.clone();
        while !self.taken.insert(name.clone()) {
            name.push('_');
        }
        self.constants.push(TensorProto {
            name: name.clone(),
            data_type: element as i32,
            dims: dims.iter().map(|&d| d as i64).collect(),
            raw_data,
            ..Default::default()
        });
        self.derived.insert(key, name.clone());
        name
    }

    fn fresh(&mut self, operator: &str) -> String {
        loop {
            let count = self.counts.entry(operator.into()).or_default();
            *count += 1;
            let name = format!("{}/{operator}_{count}", self.part);
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}
