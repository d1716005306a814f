//! A region in fewer steps: constants into weights, sums and activations into what they follow.
//!
//! A step is only taken into another where nobody else reads its value. So what is folded is decided by all that a
//! region can give, never by what one plan asks of it, and the same value has the same bits in all plans.

use camtui_conv::{Activation, Convolution, Shape, Weights, Within};

use super::parameters::Parameters;
use super::step::{Arithmetic, Line, Recipe, Step};

/// The recipe in fewer steps; weights that `parameters` hold already are taken from there.
pub(super) fn fold(recipe: Recipe, parameters: &Parameters) -> Recipe {
    let mut folding = Folding::new(recipe);
    for at in 0..folding.lines.len() {
        folding.visit(at);
    }
    folding.finish(parameters)
}

struct Folding {
    recipe: Recipe,
    shapes: Vec<Shape>,
    /// How often each value is read.
    readers: Vec<usize>,
    /// The lines that are left.
    lines: Vec<Option<Line>>,
}

impl Folding {
    fn new(mut recipe: Recipe) -> Self {
        let lines: Vec<Option<Line>> = std::mem::take(&mut recipe.lines).into_iter().map(Some).collect();
        let mut shapes = recipe.inputs.clone();
        let mut readers = vec![0; shapes.len() + lines.len()];
        recipe.outputs.iter().for_each(|&output| readers[output] += 1);
        for line in lines.iter().flatten() {
            line.operands.iter().for_each(|&operand| readers[operand] += 1);
            let operands: Vec<Shape> = line.operands.iter().map(|&operand| shapes[operand]).collect();
            shapes.push(line.step.shape(&operands).expect("what was recognised fits"));
        }
        Self { recipe, shapes, readers, lines }
    }

    /// The line that makes a value nobody else reads.
    fn sole(&self, value: usize) -> Option<&Line> {
        let at = value.checked_sub(self.recipe.inputs.len())?;
        self.lines[at].as_ref().filter(|_| self.readers[value] == 1)
    }

    /// Takes that line out.
    fn take(&mut self, value: usize) -> Line {
        self.readers[value] = 0;
        self.lines[value - self.recipe.inputs.len()].take().expect("a line that is there")
    }

    fn visit(&mut self, at: usize) {
        while let Some(line) = self.lines[at].clone()
            && let Some(folded) = self.folded(&line, self.shapes[self.recipe.inputs.len() + at])
        {
            self.lines[at] = Some(folded);
        }
    }

    /// The line with one that it follows taken in.
    fn folded(&mut self, line: &Line, made: Shape) -> Option<Line> {
        match &line.step {
            Step::Activate(activation) => self.activated(line, *activation),
            Step::Affine { scale, shift, activation: Activation::Linear } => self.scaled(line, scale, shift),
            Step::Combine { how: Arithmetic::Add, activation: Activation::Linear } => self.added(line, made),
            Step::Combine { how: Arithmetic::Multiply, activation: Activation::Linear } => self.gated(line),
            Step::Mask(within) => self.masked(line, *within),
            Step::Convolve { .. } | Step::Transposed { .. } => self.fed(line),
            _ => None,
        }
    }

    /// An activation, taken by the step before.
    fn activated(&mut self, line: &Line, activation: Activation) -> Option<Line> {
        let x = line.operands[0];
        let mut before = self.sole(x)?.clone();
        let first = before.step.activation_mut()?;
        *first = composed(*first, activation)?;
        self.take(x);
        Some(before)
    }

    /// A constant factor and summand of each channel, taken by the step before.
    fn scaled(&mut self, line: &Line, scale: &[f32], shift: &[f32]) -> Option<Line> {
        let x = line.operands[0];
        let pixels = self.shapes[*self.sole(x)?.operands.first()?].pixels();
        let mut before = self.sole(x)?.clone();
        let alone = before.operands.len() == 1;
        match &mut before.step {
            Step::Convolve { convolution, activation: Activation::Linear } if alone => {
                convolution.weights = rescaled(convolution, false, Some((scale, shift)), None)?;
            }
            Step::Transposed { convolution, activation: Activation::Linear, .. } if alone => {
                convolution.weights = rescaled(convolution, true, Some((scale, shift)), None)?;
            }
            Step::Affine { scale: first, shift: offset, activation: Activation::Linear } => {
                *offset = offset.iter().zip(scale).zip(shift).map(|((o, s), t)| o * s + t).collect();
                *first = first.iter().zip(scale).map(|(f, s)| f * s).collect();
            }
            Step::Reduce { mean } if !*mean => {
                let share = (pixels as f32).recip();
                let is_share = |factor: &f32| (factor / share - 1.0).abs() <= f32::EPSILON;
                if !scale.iter().all(is_share) || shift.iter().any(|&s| s != 0.0) {
                    return None;
                }
                *mean = true;
            }
            _ => return None,
        }
        self.take(x);
        Some(before)
    }

    /// A sum of which one part is a convolution's result, taken by that convolution.
    fn added(&mut self, line: &Line, made: Shape) -> Option<Line> {
        let &[a, b] = line.operands.as_slice() else { return None };
        if a == b || self.shapes[a] != made || self.shapes[b] != made {
            return None;
        }
        // The later one, so that the other is there.
        let (last, first) = if a > b { (a, b) } else { (b, a) };
        for (part, other) in [(last, first), (first, last)] {
            let takes = self.sole(part).is_some_and(|line| {
                let linear = match &line.step {
                    Step::Convolve { activation, .. } | Step::Transposed { activation, .. } => *activation,
                    _ => return false,
                };
                linear == Activation::Linear && line.operands.len() == 1
            });
            if takes {
                let mut convolution = self.take(part);
                convolution.operands.push(other);
                return Some(convolution);
            }
        }
        None
    }

    /// x · sigmoid(x)
    fn gated(&mut self, line: &Line) -> Option<Line> {
        let &[a, b] = line.operands.as_slice() else { return None };
        for (x, gate) in [(a, b), (b, a)] {
            let sigmoid = |line: &Line| {
                matches!(line.step, Step::Activate(Activation::Sigmoid)) && line.operands == [x]
            };
            if self.sole(gate).is_some_and(sigmoid) {
                self.take(gate);
                self.readers[x] -= 1;
                return Some(Line { step: Step::Activate(Activation::Silu), operands: vec![x] });
            }
        }
        None
    }

    /// Two bounds of one value.
    fn masked(&mut self, line: &Line, within: Within) -> Option<Line> {
        let &[g, y] = line.operands.as_slice() else { return None };
        let before = self.sole(g)?;
        let Step::Mask(first) = before.step else { return None };
        if before.operands[1] != y {
            return None;
        }
        let both = Within { low: first.low.max(within.low), high: first.high.min(within.high) };
        let operands = before.operands.clone();
        self.take(g);
        self.readers[y] -= 1;
        Some(Line { step: Step::Mask(both), operands })
    }

    /// A convolution that reads what constants were multiplied with, as the gradients of batch norms are.
    fn fed(&mut self, line: &Line) -> Option<Line> {
        let x = line.operands[0];
        let before = self.sole(x)?;
        let Step::Affine { scale, shift, activation: Activation::Linear } = &before.step else { return None };
        if shift.iter().any(|&s| s != 0.0) {
            return None;
        }
        let mut fed = line.clone();
        match &mut fed.step {
            Step::Convolve { convolution, .. } => {
                convolution.weights = rescaled(convolution, false, None, Some(scale))?;
            }
            Step::Transposed { convolution, .. } => {
                convolution.weights = rescaled(convolution, true, None, Some(scale))?;
            }
            _ => return None,
        }
        fed.operands[0] = self.take(x).operands[0];
        Some(fed)
    }

    /// What is left, numbered anew.
    fn finish(self, parameters: &Parameters) -> Recipe {
        let Self { mut recipe, lines, readers, .. } = self;
        let inputs = recipe.inputs.len();
        let mut numbers: Vec<usize> = (0..inputs).collect();
        for (at, line) in lines.into_iter().enumerate() {
            numbers.push(inputs + recipe.lines.len());
            let Some(mut line) = line.filter(|_| readers[inputs + at] > 0) else { continue };
            line.operands.iter_mut().for_each(|operand| *operand = numbers[*operand]);
            if let Step::Convolve { convolution, .. } | Step::Transposed { convolution, .. } = &mut line.step
            {
                convolution.weights = parameters.share(convolution.weights.clone());
            }
            recipe.lines.push(line);
        }
        recipe.outputs.iter_mut().for_each(|output| *output = numbers[*output]);
        recipe
    }
}

/// `second` of `first`, where that is one activation.
fn composed(first: Activation, second: Activation) -> Option<Activation> {
    if first == Activation::Linear {
        return Some(named(second));
    }
    let ((low, high), (least, most)) = (bounds(first)?, bounds(second)?);
    // As if bounded one after the other.
    let bound = |value: f32| value.max(least).min(most);
    (low <= high).then(|| named(Activation::Clip { low: bound(low), high: bound(high) }))
}

fn bounds(activation: Activation) -> Option<(f32, f32)> {
    match activation {
        Activation::Relu => Some((0.0, f32::INFINITY)),
        Activation::Clip { low, high } => Some((low, high)),
        _ => None,
    }
}

fn named(activation: Activation) -> Activation {
    match activation {
        Activation::Clip { low: 0.0, high: f32::INFINITY } => Activation::Relu,
        other => other,
    }
}

/// Weights whose results are scaled and shifted, or whose operands are scaled, channel by channel.
fn rescaled(
    convolution: &Convolution,
    transposed: bool,
    results: Option<(&[f32], &[f32])>,
    operands: Option<&[f32]>,
) -> Option<Weights> {
    let weights = &convolution.weights;
    let [outer, inner, height, width] = weights.dims();
    let group = outer / convolution.groups;
    let mut numbers = Vec::with_capacity(weights.numbers().len());
    for (at, taps) in weights.numbers().chunks_exact(height * width).enumerate() {
        let (first, second) = (at / inner, at / inner / group * inner + at % inner);
        let (result, operand) = if transposed { (second, first) } else { (first, second) };
        let factor = results.map_or(1.0, |(scale, _)| scale[result]) * operands.map_or(1.0, |s| s[operand]);
        numbers.extend(taps.iter().map(|tap| tap * factor));
    }
    let bias = match results {
        None => weights.bias().map(<[f32]>::to_vec),
        Some((scale, shift)) => {
            let old = |channel: usize| weights.bias().map_or(0.0, |bias| bias[channel]);
            let bias: Vec<f32> = (0..shift.len()).map(|c| old(c) * scale[c] + shift[c]).collect();
            bias.iter().any(|&b| b != 0.0).then_some(bias)
        }
    };
    Weights::new([outer, inner, height, width], numbers, bias).ok()
}
