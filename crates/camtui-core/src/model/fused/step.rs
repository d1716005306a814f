//! What a region does, in the words of `camtui-conv`: steps on picture-shaped values, one after the other.

use std::sync::Arc;

use camtui_conv::{
    Activation, Builder, ConvError, Convolution, Program, Settings, Shape, Value, Window, Within,
};

/// The arithmetic of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
}

/// One step. The comments name the operands.
#[derive(Clone)]
pub(super) enum Step {
    /// x, and what is added to the sum before the activation.
    Convolve { convolution: Convolution, activation: Activation },
    /// The same, with the gradient of a convolution.
    Transposed { convolution: Convolution, output: Shape, activation: Activation },
    /// x; one scale and one shift a channel.
    Affine { scale: Arc<[f32]>, shift: Arc<[f32]>, activation: Activation },
    /// x
    Activate(Activation),
    /// x and y; either may be one number a channel.
    Combine { how: Arithmetic, activation: Activation },
    /// A gradient, and the value by which it passes.
    Mask(Within),
    /// x
    MaxPool(Window),
    /// x
    AveragePool(Window),
    /// x; the mean or the sum of each plane.
    Reduce { mean: bool },
    /// x, one number a channel.
    Spread { height: usize, width: usize },
    /// The parts.
    Concatenate,
    /// x
    Slice { first: usize, channels: usize },
}

impl Step {
    /// Whether this is what regions are made for. A vector times a matrix is one, too.
    pub fn is_convolution(&self) -> bool {
        matches!(self, Self::Convolve { .. } | Self::Transposed { .. })
    }

    /// What is applied to the result, where the step can apply something.
    pub fn activation_mut(&mut self) -> Option<&mut Activation> {
        match self {
            Self::Convolve { activation, .. }
            | Self::Transposed { activation, .. }
            | Self::Affine { activation, .. }
            | Self::Combine { activation, .. }
            | Self::Activate(activation) => Some(activation),
            _ => None,
        }
    }

    /// Appends the step to a program. Errors say what does not fit.
    pub fn append(&self, builder: &mut Builder, operands: &[Value]) -> Result<Value, ConvError> {
        let x = operands[0];
        match self {
            Self::Convolve { convolution, activation } => {
                builder.convolve(x, convolution.clone(), operands.get(1).copied(), *activation)
            }
            Self::Transposed { convolution, output, activation } => {
                builder.transposed(x, convolution.clone(), *output, operands.get(1).copied(), *activation)
            }
            Self::Affine { scale, shift, activation } => {
                builder.affine(x, Arc::clone(scale), Arc::clone(shift), *activation)
            }
            Self::Activate(activation) => builder.activate(x, *activation),
            Self::Combine { how: Arithmetic::Add, activation } => builder.add(x, operands[1], *activation),
            Self::Combine { how: Arithmetic::Subtract, activation } => {
                builder.subtract(x, operands[1], *activation)
            }
            Self::Combine { how: Arithmetic::Multiply, activation } => {
                builder.multiply(x, operands[1], *activation)
            }
            Self::Mask(within) => builder.mask(x, operands[1], *within),
            Self::MaxPool(window) => builder.max_pool(x, *window),
            Self::AveragePool(window) => builder.average_pool(x, *window),
            Self::Reduce { mean: true } => builder.global_average(x),
            Self::Reduce { mean: false } => builder.global_sum(x),
            Self::Spread { height, width } => builder.spread(x, *height, *width),
            Self::Concatenate => builder.concatenate(operands),
            Self::Slice { first, channels } => builder.slice(x, *first, *channels),
        }
    }

    /// The shape it makes of operands of these shapes, if it takes them.
    pub fn shape(&self, operands: &[Shape]) -> Option<Shape> {
        let mut builder = Builder::new();
        let operands: Result<Vec<Value>, ConvError> = operands.iter().map(|s| builder.input(*s)).collect();
        let made = self.append(&mut builder, &operands.ok()?).ok()?;
        Some(builder.shape(made))
    }
}

/// A step and the numbers of the values it reads.
#[derive(Clone)]
pub(super) struct Line {
    pub step: Step,
    pub operands: Vec<usize>,
}

/// A region: its steps in order. Values are numbered, the inputs first, then what each line makes.
#[derive(Clone, Default)]
pub(super) struct Recipe {
    pub inputs: Vec<Shape>,
    pub lines: Vec<Line>,
    /// What leaves the region.
    pub outputs: Vec<usize>,
}

impl Recipe {
    /// Which values are needed for these of the outputs.
    fn needed(&self, outputs: &[usize]) -> Vec<bool> {
        let mut needed = vec![false; self.inputs.len() + self.lines.len()];
        for &output in outputs {
            needed[self.outputs[output]] = true;
        }
        for (at, line) in self.lines.iter().enumerate().rev() {
            if needed[self.inputs.len() + at] {
                line.operands.iter().for_each(|&operand| needed[operand] = true);
            }
        }
        needed
    }

    /// The inputs that these of the outputs depend on.
    pub fn inputs_of(&self, outputs: &[usize]) -> Vec<usize> {
        let needed = self.needed(outputs);
        (0..self.inputs.len()).filter(|&input| needed[input]).collect()
    }

    /// A program that makes these of the outputs of the inputs that they depend on.
    pub fn program(&self, outputs: &[usize], settings: Settings) -> Result<Program, ConvError> {
        let needed = self.needed(outputs);
        let mut builder = Builder::new();
        let mut values: Vec<Option<Value>> = Vec::with_capacity(needed.len());
        for (at, shape) in self.inputs.iter().enumerate() {
            values.push(needed[at].then(|| builder.input(*shape)).transpose()?);
        }
        for (line, needed) in self.lines.iter().zip(&needed[self.inputs.len()..]) {
            let operands: Option<Vec<Value>> = line.operands.iter().map(|&operand| values[operand]).collect();
            values.push(match operands {
                Some(operands) if *needed => Some(line.step.append(&mut builder, &operands)?),
                _ => None,
            });
        }
        for &output in outputs {
            if let Some(value) = values[self.outputs[output]] {
                builder.output(value);
            }
        }
        builder.build(settings)
    }
}
