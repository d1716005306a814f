//! The steps of a program as they are described, before anything is decided about how they run.

use std::sync::Arc;

use crate::{Activation, Padding, Shape, Value, Weights, Window};

/// A convolution and how it walks over the picture.
#[derive(Clone)]
pub struct Convolution {
    /// Kernel `[out, in / groups, height, width]` and bias.
    pub weights: Weights,
    /// Step down and to the right.
    pub stride: [usize; 2],
    /// Distance of neighbouring taps, down and to the right; 1 is dense.
    pub dilation: [usize; 2],
    /// Zeros around the picture.
    pub padding: Padding,
    /// Channels fall into this many groups that do not see each other; 1 is dense.
    pub groups: usize,
}

impl Convolution {
    /// Stride 1, dense, no padding, one group.
    pub fn of(weights: Weights) -> Self {
        Convolution { weights, stride: [1, 1], dilation: [1, 1], padding: Padding::NONE, groups: 1 }
    }
}

/// An open interval: low < y < high.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Within {
    /// Not in the interval.
    pub low: f32,
    /// Not in the interval.
    pub high: f32,
}

impl Within {
    /// Where `ReLU` passes a gradient: y > 0.
    pub const POSITIVE: Within = Within { low: 0.0, high: f32::INFINITY };
    /// Where `ReLU6` passes a gradient: 0 < y < 6.
    pub const RELU6: Within = Within { low: 0.0, high: 6.0 };
}

/// The arithmetic of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
}

/// One step. Operands come before it in the graph.
#[derive(Clone)]
pub(crate) enum Op {
    Input,
    /// activation(conv(x) + bias + add)
    Convolve {
        x: Value,
        convolution: Convolution,
        add: Option<Value>,
        activation: Activation,
    },
    /// The same with the gradient of a convolution with respect to its input.
    Transposed {
        x: Value,
        convolution: Convolution,
        add: Option<Value>,
        activation: Activation,
    },
    MaxPool {
        x: Value,
        window: Window,
    },
    AveragePool {
        x: Value,
        window: Window,
    },
    /// scale · Σ over the plane
    Reduce {
        x: Value,
        scale: f32,
    },
    /// One number a channel, spread over a plane.
    Spread {
        x: Value,
    },
    Activate {
        x: Value,
        activation: Activation,
    },
    /// Either operand may be one number a channel.
    Combine {
        how: Arithmetic,
        x: Value,
        y: Value,
        activation: Activation,
    },
    /// activation(scale·x + shift), constants per channel
    Affine {
        x: Value,
        scale: Arc<[f32]>,
        shift: Arc<[f32]>,
        activation: Activation,
    },
    /// g where y is within, else 0
    Mask {
        g: Value,
        y: Value,
        within: Within,
    },
    Concatenate {
        parts: Vec<Value>,
    },
    Slice {
        x: Value,
        first: usize,
    },
}

#[derive(Clone)]
pub(crate) struct Node {
    pub op: Op,
    pub shape: Shape,
}

impl Op {
    /// The values the step reads.
    pub fn operands(&self) -> Vec<Value> {
        match self {
            Op::Input => vec![],
            Op::Convolve { x, add, .. } | Op::Transposed { x, add, .. } => {
                std::iter::once(*x).chain(*add).collect()
            }
            Op::MaxPool { x, .. }
            | Op::AveragePool { x, .. }
            | Op::Reduce { x, .. }
            | Op::Spread { x }
            | Op::Activate { x, .. }
            | Op::Affine { x, .. }
            | Op::Slice { x, .. } => vec![*x],
            Op::Combine { x, y, .. } => vec![*x, *y],
            Op::Mask { g, y, .. } => vec![*g, *y],
            Op::Concatenate { parts } => parts.clone(),
        }
    }
}

/// A description that is complete: nodes in order, and which of them go in and out.
#[derive(Clone)]
pub(crate) struct Graph {
    pub nodes: Vec<Node>,
    pub inputs: Vec<Value>,
    pub outputs: Vec<Value>,
}
