//! Describing a program. Every method checks its operands, so that what is built can run.
//!
//! A method that is given what does not fit returns [`ConvError::Step`] with the sizes, and adds nothing. A value of
//! another builder is a mistake of the program and panics.

use std::sync::Arc;

use crate::graph::{Arithmetic, Graph, Node, Op};
use crate::shape::fits;
use crate::{Activation, ConvError, Convolution, Padding, Program, Settings, Shape, Window, Within};

/// A value of the builder that gave it: an input, or what a step makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(crate) usize);

/// Takes a program's steps one by one. Inputs and outputs of the program are in the order of the calls.
#[derive(Clone, Default)]
pub struct Builder {
    nodes: Vec<Node>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

impl Builder {
    /// No steps yet.
    pub fn new() -> Self {
        Builder::default()
    }

    /// The shape of a value of this builder.
    pub fn shape(&self, value: Value) -> Shape {
        self.nodes[value.0].shape
    }

    /// A value that a run is given, as planes: `[C,H,W]`.
    pub fn input(&mut self, shape: Shape) -> Result<Value, ConvError> {
        if shape.is_empty() {
            return Err(ConvError::step("input", format!("{shape} has no numbers")));
        }
        let value = self.push(Op::Input, shape);
        self.inputs.push(value);
        Ok(value)
    }

    /// A value that a run gives back, as planes. The same value may leave more than once.
    pub fn output(&mut self, value: Value) {
        assert!(value.0 < self.nodes.len(), "a value of another builder");
        self.outputs.push(value);
    }

    /// activation(convolution(x) + bias + add); `add` has the result's shape.
    pub fn convolve(
        &mut self,
        x: Value,
        convolution: Convolution,
        add: Option<Value>,
        activation: Activation,
    ) -> Result<Value, ConvError> {
        const STEP: &str = "convolve";
        let from = self.shape(x);
        let [out, ins, ..] = convolution.weights.dims();
        let groups = convolution.groups;
        if groups == 0 || ins * groups != from.channels || out % groups != 0 {
            return Err(ConvError::step(
                STEP,
                format!("a kernel {:?} in {groups} groups on {from}", convolution.weights.dims()),
            ));
        }
        let (height, width) = walked(STEP, from, &convolution)?;
        bias_fits(STEP, &convolution, out)?;
        let shape = Shape::new(out, height, width);
        self.added(STEP, add, shape)?;
        Ok(self.push(Op::Convolve { x, convolution, add, activation }, shape))
    }

    /// activation(transposed(x) + bias + add), where `transposed` is the gradient of `convolution` with respect to
    /// its input of shape `output`: each number of `x` spreads the kernel, times itself, over the pixels that
    /// `convolution` would have read for it. ONNX calls this `ConvTranspose`; its weights are already in the order
    /// that is meant here, `[channels of x, channels of output / groups, height, width]`.
    pub fn transposed(
        &mut self,
        x: Value,
        convolution: Convolution,
        output: Shape,
        add: Option<Value>,
        activation: Activation,
    ) -> Result<Value, ConvError> {
        const STEP: &str = "transposed";
        let from = self.shape(x);
        let [out, ins, ..] = convolution.weights.dims();
        let groups = convolution.groups;
        if groups == 0 || out != from.channels || ins * groups != output.channels || out % groups != 0 {
            return Err(ConvError::step(
                STEP,
                format!(
                    "a kernel {:?} in {groups} groups from {from} to {output}",
                    convolution.weights.dims()
                ),
            ));
        }
        let (height, width) = walked(STEP, output, &convolution)?;
        if (height, width) != (from.height, from.width) {
            return Err(ConvError::step(
                STEP,
                format!("the convolution makes {height}×{width} pixels of {output}, not those of {from}"),
            ));
        }
        bias_fits(STEP, &convolution, output.channels)?;
        self.added(STEP, add, output)?;
        Ok(self.push(Op::Transposed { x, convolution, add, activation }, output))
    }

    /// The greatest number of each window.
    pub fn max_pool(&mut self, x: Value, window: Window) -> Result<Value, ConvError> {
        let shape = pooled("max_pool", self.shape(x), window)?;
        Ok(self.push(Op::MaxPool { x, window }, shape))
    }

    /// The mean of each window.
    pub fn average_pool(&mut self, x: Value, window: Window) -> Result<Value, ConvError> {
        let shape = pooled("average_pool", self.shape(x), window)?;
        Ok(self.push(Op::AveragePool { x, window }, shape))
    }

    /// The mean of each plane: `[C,1,1]`.
    pub fn global_average(&mut self, x: Value) -> Result<Value, ConvError> {
        let from = self.shape(x);
        let scale = 1.0 / from.pixels() as f32;
        Ok(self.push(Op::Reduce { x, scale }, Shape::vector(from.channels)))
    }

    /// The sum of each plane: `[C,1,1]`.
    pub fn global_sum(&mut self, x: Value) -> Result<Value, ConvError> {
        let from = self.shape(x);
        Ok(self.push(Op::Reduce { x, scale: 1.0 }, Shape::vector(from.channels)))
    }

    /// Planes of equal numbers: `[C,1,1]` to `[C,height,width]`.
    pub fn spread(&mut self, x: Value, height: usize, width: usize) -> Result<Value, ConvError> {
        let from = self.shape(x);
        if !from.is_vector() || height * width == 0 {
            return Err(ConvError::step("spread", format!("{from} to {height}×{width} pixels")));
        }
        Ok(self.push(Op::Spread { x }, Shape::new(from.channels, height, width)))
    }

    /// activation(x)
    pub fn activate(&mut self, x: Value, activation: Activation) -> Result<Value, ConvError> {
        let shape = self.shape(x);
        Ok(self.push(Op::Activate { x, activation }, shape))
    }

    /// activation(x + y). Either may be `[C,1,1]`.
    pub fn add(&mut self, x: Value, y: Value, activation: Activation) -> Result<Value, ConvError> {
        self.combine("add", Arithmetic::Add, x, y, activation)
    }

    /// activation(x − y). Either may be `[C,1,1]`.
    pub fn subtract(&mut self, x: Value, y: Value, activation: Activation) -> Result<Value, ConvError> {
        self.combine("subtract", Arithmetic::Subtract, x, y, activation)
    }

    /// activation(x · y). Either may be `[C,1,1]`, as in squeeze-and-excitation.
    pub fn multiply(&mut self, x: Value, y: Value, activation: Activation) -> Result<Value, ConvError> {
        self.combine("multiply", Arithmetic::Multiply, x, y, activation)
    }

    /// activation(scale·x + shift), with one constant `scale` and `shift` per channel.
    pub fn affine(
        &mut self,
        x: Value,
        scale: impl Into<Arc<[f32]>>,
        shift: impl Into<Arc<[f32]>>,
        activation: Activation,
    ) -> Result<Value, ConvError> {
        let (scale, shift, shape) = (scale.into(), shift.into(), self.shape(x));
        if scale.len() != shape.channels || shift.len() != shape.channels {
            return Err(ConvError::step(
                "affine",
                format!("{} scales and {} shifts for {shape}", scale.len(), shift.len()),
            ));
        }
        Ok(self.push(Op::Affine { x, scale, shift, activation }, shape))
    }

    /// g where `y` is within, 0 elsewhere: what `ReLU`, whose *result* is `y`, does to a gradient `g`.
    pub fn mask(&mut self, g: Value, y: Value, within: Within) -> Result<Value, ConvError> {
        let shape = self.shape(g);
        if self.shape(y) != shape {
            return Err(ConvError::step("mask", format!("{shape} by {}", self.shape(y))));
        }
        Ok(self.push(Op::Mask { g, y, within }, shape))
    }

    /// The channels of all parts, one after the other.
    pub fn concatenate(&mut self, parts: &[Value]) -> Result<Value, ConvError> {
        let shapes: Vec<Shape> = parts.iter().map(|&part| self.shape(part)).collect();
        let Some(first) = shapes.first() else {
            return Err(ConvError::step("concatenate", "no parts"));
        };
        if let Some(other) = shapes.iter().find(|s| (s.height, s.width) != (first.height, first.width)) {
            return Err(ConvError::step("concatenate", format!("{first} and {other}")));
        }
        let channels = shapes.iter().map(|s| s.channels).sum();
        let shape = Shape { channels, ..*first };
        Ok(self.push(Op::Concatenate { parts: parts.to_vec() }, shape))
    }

    /// The channels `first .. first + channels`.
    pub fn slice(&mut self, x: Value, first: usize, channels: usize) -> Result<Value, ConvError> {
        let from = self.shape(x);
        if channels == 0 || first.checked_add(channels).is_none_or(|end| end > from.channels) {
            return Err(ConvError::step("slice", format!("{channels} channels from {first} on of {from}")));
        }
        Ok(self.push(Op::Slice { x, first }, Shape { channels, ..from }))
    }

    /// The program that makes the outputs; steps that no output needs are left out. Weights are brought into the
    /// form that the kernels want, unless another program that shares them has done it.
    pub fn build(self, settings: Settings) -> Result<Program, ConvError> {
        Program::new(&self.graph(), settings)
    }

    pub(crate) fn graph(self) -> Graph {
        Graph { nodes: self.nodes, inputs: self.inputs, outputs: self.outputs }
    }

    fn push(&mut self, op: Op, shape: Shape) -> Value {
        self.nodes.push(Node { op, shape });
        Value(self.nodes.len() - 1)
    }

    fn added(&self, step: &'static str, add: Option<Value>, shape: Shape) -> Result<(), ConvError> {
        match add.map(|value| self.shape(value)) {
            Some(other) if other != shape => {
                Err(ConvError::step(step, format!("{other} cannot be added to {shape}")))
            }
            _ => Ok(()),
        }
    }

    fn combine(
        &mut self,
        step: &'static str,
        how: Arithmetic,
        x: Value,
        y: Value,
        activation: Activation,
    ) -> Result<Value, ConvError> {
        let (a, b) = (self.shape(x), self.shape(y));
        let shape = if a == b || (b.is_vector() && a.channels == b.channels) {
            a
        } else if a.is_vector() && a.channels == b.channels {
            b
        } else {
            return Err(ConvError::step(step, format!("{a} and {b}")));
        };
        Ok(self.push(Op::Combine { how, x, y, activation }, shape))
    }
}

/// The pixels that a convolution makes of a picture.
fn walked(step: &'static str, from: Shape, c: &Convolution) -> Result<(usize, usize), ConvError> {
    let [_, _, kh, kw] = c.weights.dims();
    let Padding { top, left, bottom, right } = c.padding;
    let zero = c.dilation.contains(&0);
    let height = fits(from.height, [top, bottom], kh, c.dilation[0], c.stride[0]);
    let width = fits(from.width, [left, right], kw, c.dilation[1], c.stride[1]);
    match (height, width) {
        (Some(height), Some(width)) if !zero => Ok((height, width)),
        _ => Err(ConvError::step(
            step,
            format!(
                "a kernel of {kh}×{kw} taps, stride {:?}, dilation {:?}, does not fit {from} with {:?}",
                c.stride, c.dilation, c.padding
            ),
        )),
    }
}

fn bias_fits(step: &'static str, convolution: &Convolution, channels: usize) -> Result<(), ConvError> {
    match convolution.weights.bias() {
        Some(bias) if bias.len() != channels => {
            Err(ConvError::step(step, format!("{} biases for {channels} channels", bias.len())))
        }
        _ => Ok(()),
    }
}

fn pooled(step: &'static str, from: Shape, window: Window) -> Result<Shape, ConvError> {
    let Window { kernel: [kh, kw], stride: [sy, sx], padding: Padding { top, left, bottom, right }, .. } =
        window;
    match (fits(from.height, [top, bottom], kh, 1, sy), fits(from.width, [left, right], kw, 1, sx)) {
        // Every window then holds at least one pixel of the picture.
        (Some(height), Some(width))
            if top < kh
                && left < kw
                && (height - 1) * sy < from.height + top
                && (width - 1) * sx < from.width + left =>
        {
            Ok(Shape { height, width, ..from })
        }
        _ => Err(ConvError::step(step, format!("{window:?} on {from}"))),
    }
}
