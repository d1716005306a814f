//! A region in fewer steps: constants into weights, sums and activations into what they follow.
//!
//! A value must have the same bits whatever else is asked for. So arithmetic that rounds otherwise, weights with constants
//! in them, does not depend on what leaves the region: where a value that is folded away is wanted as well, it is made
//! apart. What rounds as it did, an activation in the step before it, is folded where nobody else reads the value.

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
    /// How often each value is read in the region.
    readers: Vec<usize>,
    /// Whether it leaves the region.
    leaves: Vec<bool>,
    /// The lines that are left.
    lines: Vec<Option<Line>>,
}

impl Folding {
    fn new(mut recipe: Recipe) -> Self {
        let lines: Vec<Option<Line>> = std::mem::take(&mut recipe.lines).into_iter().map(Some).collect();
        let mut shapes = recipe.inputs.clone();
        let mut readers = vec![0; shapes.len() + lines.len()];
        let mut leaves = vec![false; readers.len()];
        recipe.outputs.iter().for_each(|&output| leaves[output] = true);
        for line in lines.iter().flatten() {
            line.operands.iter().for_each(|&operand| readers[operand] += 1);
            let operands: Vec<Shape> = line.operands.iter().map(|&operand| shapes[operand]).collect();
            shapes.push(line.step.shape(&operands).expect("what was recognised fits"));
        }
        Self { recipe, shapes, readers, leaves, lines }
    }

    /// The line that makes a value nobody else reads.
    fn sole(&self, value: usize) -> Option<&Line> {
        self.only_here(value).filter(|_| !self.leaves[value])
    }

    /// The line that makes a value which nobody else in the region reads.
    fn only_here(&self, value: usize) -> Option<&Line> {
        self.line(value).filter(|_| self.readers[value] == 1)
    }

    fn line(&self, value: usize) -> Option<&Line> {
        self.lines[value.checked_sub(self.recipe.inputs.len())?].as_ref()
    }

    /// One reader of a value less. What nobody reads any more goes.
    fn leave(&mut self, value: usize) {
        self.readers[value] -= 1;
        if self.readers[value] == 0
            && !self.leaves[value]
            && let Some(at) = value.checked_sub(self.recipe.inputs.len())
        {
            self.lines[at] = None;
        }
    }

    /// A line that reads what the line of `value` reads, in place of that.
    fn follow(&mut self, line: &Line, value: usize) {
        line.operands.iter().for_each(|&operand| self.readers[operand] += 1);
        let gone = self.line(value).map(|line| line.operands.clone()).unwrap_or_default();
        self.leave(value);
        if self.line(value).is_none() {
            for operand in gone {
                self.readers[operand] -= 1;
            }
        }
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
        self.follow(&before, x);
        Some(before)
    }

    /// A constant factor and summand of each channel, taken by the step before.
    fn scaled(&mut self, line: &Line, scale: &[f32], shift: &[f32]) -> Option<Line> {
        let x = line.operands[0];
        let mut before = self.only_here(x)?.clone();
        let pixels = self.shapes[before.operands[0]].pixels();
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
        self.follow(&before, x);
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
            if let Some(mut convolution) = self.sole(part).filter(|_| takes).cloned() {
                self.follow(&convolution, part);
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
                self.leave(gate);
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
        let both = Line { step: Step::Mask(both), operands: before.operands.clone() };
        self.follow(&both, g);
        self.readers[y] -= 1;
        Some(both)
    }

    /// A convolution that reads what constants were multiplied with, as the gradients of batch norms are.
    fn fed(&mut self, line: &Line) -> Option<Line> {
        let x = line.operands[0];
        let before = self.line(x)?.clone();
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
        self.follow(&before, x);
        fed.operands[0] = before.operands[0];
        Some(fed)
    }

    /// What is left, numbered anew.
    fn finish(self, parameters: &Parameters) -> Recipe {
        let Self { mut recipe, lines, .. } = self;
        let inputs = recipe.inputs.len();
        let mut numbers: Vec<usize> = (0..inputs).collect();
        for line in lines {
            numbers.push(inputs + recipe.lines.len());
            let Some(mut line) = line else { continue };
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
    let [outer, inner, ..] = weights.dims();
    let group = outer / convolution.groups;
    let results_scale = results.map(|(scale, _)| scale);
    let (of_outer, of_inner) = if transposed { (operands, results_scale) } else { (results_scale, operands) };
    let mut factors = Vec::with_capacity(outer * inner);
    for first in 0..outer {
        let outer = of_outer.map_or(1.0, |scale| scale[first]);
        match of_inner {
            // The channels of its group.
            Some(scale) => factors.extend(scale[first / group * inner..][..inner].iter().map(|s| outer * s)),
            None => factors.extend(std::iter::repeat_n(outer, inner)),
        }
    }
    let bias = match results {
        None => weights.bias().map(<[f32]>::to_vec),
        Some((scale, shift)) => {
            let old = |channel: usize| weights.bias().map_or(0.0, |bias| bias[channel]);
            let bias: Vec<f32> = (0..shift.len()).map(|c| old(c) * scale[c] + shift[c]).collect();
            bias.iter().any(|&b| b != 0.0).then_some(bias)
        }
    };
    weights.scaled(factors, bias).ok()
}
