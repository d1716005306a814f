//! A network as it is being drawn: its graph, the weights it asks for, and the layers it can be tapped at.
//!
//! A blueprint holds no weights. So one walk through an architecture says both which tensors a checkpoint must have
//! and what is computed from them, and the two cannot drift apart.

use crate::onnx::{
    build::{GraphBuilder, any_batch, batched, float, int, ints},
    metadata::{Layer, LinearHead},
};

pub use crate::grad::interface::{IMAGE, LOGITS};

/// A value in the graph: its name and its shape without the batch axis.
#[derive(Clone, Debug)]
pub struct Value {
    pub name: String,
    pub shape: Vec<usize>,
}

/// What a convolution without bias is, its input aside. Kernels and strides are square.
#[derive(Clone, Copy, Debug)]
pub struct Conv {
    /// Output channels.
    pub out: usize,
    pub kernel: usize,
    pub stride: usize,
    /// Rows and columns of zeros before (top, left) and after (bottom, right) the picture.
    pub pad: (usize, usize),
    pub groups: usize,
}

/// A drawn network.
#[derive(Debug)]
pub struct Blueprint {
    pub graph: GraphBuilder,
    /// Every weight with its shape, under its checkpoint name, in the order the network uses them.
    pub parameters: Vec<(String, Vec<usize>)>,
    pub layers: Vec<Layer>,
    pub head: Option<LinearHead>,
}

impl Blueprint {
    /// A network called `name` that takes pictures of `height × width`, and its input.
    pub fn new(name: &str, height: usize, width: usize) -> (Self, Value) {
        let mut graph = GraphBuilder::new(name);
        let image = Value { name: IMAGE.into(), shape: vec![3, height, width] };
        graph.input(IMAGE, &batched(&image.shape));
        (Self { graph, parameters: vec![], layers: vec![], head: None }, image)
    }

    /// Lists `value` as the layer `name`.
    pub fn layer(&mut self, name: &str, value: &Value) {
        self.layers.push(Layer {
            name: name.into(),
            value: value.name.clone(),
            shape: value.shape.clone(),
            ..Layer::default()
        });
    }

    /// The convolution of the module `name`: a layer of that name.
    pub fn conv(&mut self, name: &str, x: &Value, conv: Conv) -> Value {
        let Conv { out, kernel, stride, pad: (before, after), groups } = conv;
        let weight = self.parameter(name, "weight", &[out, x.shape[0] / groups, kernel, kernel]);
        let (k, s, before, after) = (kernel as i64, stride as i64, before as i64, after as i64);
        self.graph.node(
            "Conv",
            &[&x.name, &weight],
            name,
            vec![
                int("group", groups as i64),
                ints("kernel_shape", &[k, k]),
                ints("pads", &[before, before, after, after]),
                ints("strides", &[s, s]),
            ],
        );
        let extent = |n: usize| (n + conv.pad.0 + conv.pad.1 - kernel) / stride + 1;
        self.named(name, vec![out, extent(x.shape[1]), extent(x.shape[2])])
    }

    /// The batch norm of the module `name`, with its running statistics: a layer of that name.
    pub fn batch_norm(&mut self, name: &str, x: &Value, epsilon: f32) -> Value {
        let channels = [x.shape[0]];
        let [scale, bias, mean, var] =
            ["weight", "bias", "running_mean", "running_var"].map(|p| self.parameter(name, p, &channels));
        let inputs = [x.name.as_str(), &scale, &bias, &mean, &var];
        self.graph.node("BatchNormalization", &inputs, name, vec![float("epsilon", epsilon)]);
        self.named(name, x.shape.clone())
    }

    /// max(0, x), as a value called `name` that is no layer yet.
    pub fn relu(&mut self, name: &str, x: &Value) -> Value {
        self.graph.node("Relu", &[&x.name], name, vec![]);
        self.value(name, x.shape.clone())
    }

    /// min(max(0, x), 6), as a value called `name` that is no layer yet.
    pub fn relu6(&mut self, name: &str, x: &Value) -> Value {
        const LOW: &str = "relu6.low";
        const HIGH: &str = "relu6.high";
        if !self.graph.graph().initializer.iter().any(|t| t.name == LOW) {
            self.graph.f32s(LOW, &[], &[0.0]);
            self.graph.f32s(HIGH, &[], &[6.0]);
        }
        self.graph.node("Clip", &[&x.name, LOW, HIGH], name, vec![]);
        self.value(name, x.shape.clone())
    }

    /// a + b, as a value called `name` that is no layer yet.
    pub fn add(&mut self, name: &str, a: &Value, b: &Value) -> Value {
        self.graph.node("Add", &[&a.name, &b.name], name, vec![]);
        self.value(name, a.shape.clone())
    }

    /// The square max pooling of the module `name`, padded equally on all sides: a layer of that name.
    pub fn max_pool(&mut self, name: &str, x: &Value, kernel: usize, stride: usize, pad: usize) -> Value {
        let (k, s, p) = (kernel as i64, stride as i64, pad as i64);
        self.graph.node(
            "MaxPool",
            &[&x.name],
            name,
            vec![ints("kernel_shape", &[k, k]), ints("pads", &[p, p, p, p]), ints("strides", &[s, s])],
        );
        let extent = |n: usize| (n + 2 * pad - kernel) / stride + 1;
        self.named(name, vec![x.shape[0], extent(x.shape[1]), extent(x.shape[2])])
    }

    /// The end of most classifiers: the mean over all positions (the module `pool`), then one linear layer (the
    /// module `linear`) whose output is [`LOGITS`].
    pub fn pooled_linear_head(&mut self, pool: &str, linear: &str, x: &Value, classes: usize) {
        let channels = x.shape[0];
        self.graph.node("GlobalAveragePool", &[&x.name], pool, vec![]);
        let pooled = self.named(pool, vec![channels, 1, 1]);

        let flat = format!("{pool}.flat");
        self.graph.node("Flatten", &[&pooled.name], &flat, vec![int("axis", 1)]);
        self.value(&flat, vec![channels]);

        let weight = self.parameter(linear, "weight", &[classes, channels]);
        let bias = self.parameter(linear, "bias", &[classes]);
        self.graph.node("Gemm", &[&flat, &weight, &bias], LOGITS, vec![int("transB", 1)]);
        self.graph.output(LOGITS, &batched(&[classes]));
        self.head = Some(LinearHead { pooled: x.name.clone(), weight, bias: Some(bias) });
    }

    fn parameter(&mut self, module: &str, parameter: &str, shape: &[usize]) -> String {
        let name = format!("{module}.{parameter}");
        self.parameters.push((name.clone(), shape.to_vec()));
        name
    }

    fn value(&mut self, name: &str, shape: Vec<usize>) -> Value {
        self.graph.shape(name, &any_batch(&shape));
        Value { name: name.into(), shape }
    }

    fn named(&mut self, name: &str, shape: Vec<usize>) -> Value {
        let value = self.value(name, shape);
        self.layer(name, &value);
        value
    }
}
