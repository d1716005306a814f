//! Which operators of the runtime's graph are steps of `camtui-conv`.
//!
//! This is asked of the graph as it was read, before the runtime simplifies it: a convolution is still one there, while
//! afterwards some are sums over axes, and values may lie in another order.

use camtui_conv::{Activation, Convolution, Shape, Weights, Within};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike as _;
use tract_onnx::tract_core::ops::array::{MultiBroadcastTo, Slice, StridedSlice, TypedConcat};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, MaxPool, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::identity::Identity;
use tract_onnx::tract_core::ops::logic::{CompGT, CompLT, Iff};
use tract_onnx::tract_core::ops::math::{Add, Div, Max, Min, Mul, Neg, Square, Sub, Tanh};
use tract_onnx::tract_core::ops::nn::{HardSwish, LeakyRelu, Reduce, Reducer, Sigmoid, Silu};

use super::constants::{constant, floats, per_channel, picture_of, shared, uniform};
use super::step::{Arithmetic, Line, Step};
use super::windows;

/// What a node is: steps on the values it reads, which may lie further up than the node's own inputs. No steps where
/// the value only gets another shape.
pub(super) struct Found {
    /// Operands are numbered as in a [`Recipe`](super::step::Recipe): what is read, then what each line makes.
    pub lines: Vec<Line>,
    pub reads: Vec<OutletId>,
}

impl Found {
    fn same(node: &TypedNode) -> Self {
        Self { lines: Vec::new(), reads: vec![node.inputs[0]] }
    }

    fn of(step: Step, reads: impl Into<Vec<OutletId>>) -> Self {
        let reads = reads.into();
        Self { lines: vec![Line { step, operands: (0..reads.len()).collect() }], reads }
    }

    /// The same with a further step on its result and some of what it reads.
    fn then(mut self, step: Step, besides: &[usize]) -> Self {
        let last = self.reads.len() + self.lines.len() - 1;
        self.lines.push(Line { step, operands: [&[last], besides].concat() });
        self
    }

    /// The shapes of what it reads and what each line makes, if all of them fit.
    pub fn shapes(&self, model: &TypedModel) -> Option<Vec<Shape>> {
        let mut shapes: Vec<Shape> =
            self.reads.iter().map(|&read| picture_of(model, read)).collect::<Option<_>>()?;
        for line in &self.lines {
            let operands: Vec<Shape> = line.operands.iter().map(|&operand| shapes[operand]).collect();
            // The builder has the last word on what fits.
            shapes.push(line.step.shape(&operands)?);
        }
        Some(shapes)
    }
}

/// The step that `node` is, if it is one.
pub(super) fn recognise(model: &TypedModel, node: &TypedNode) -> Option<Found> {
    if node.outputs.len() != 1 {
        return None;
    }
    let made = picture_of(model, node.id.into())?;
    let found = step(model, node, made)?;
    let fits = found.shapes(model)?.last() == Some(&made);
    // What is made of constants alone is the runtime's to fold.
    let constant = found.reads.iter().all(|&read| constant(model, read).is_some());
    (fits && !constant).then_some(found)
}

fn step(model: &TypedModel, node: &TypedNode, made: Shape) -> Option<Found> {
    let x = *node.inputs.first()?;
    if let Some(op) = node.op_as::<Conv>() {
        return windows::convolution(model, node, op).map(|step| Found::of(step, [x]));
    }
    if let Some(op) = node.op_as::<Deconv>() {
        return windows::transposed(model, node, op).map(|step| Found::of(step, [x]));
    }
    if let Some(op) = node.op_as::<MaxPool>() {
        return windows::max_pool(model, node, op).map(|step| Found::of(step, [x]));
    }
    if let Some(op) = node.op_as::<SumPool>() {
        return windows::average_pool(model, node, op).map(|step| Found::of(step, [x]));
    }
    if let Some(op) = node.op_as::<TypedBinOp>() {
        return binary(model, node, op, made);
    }
    if let Some(op) = node.op_as::<ElementWiseOp>() {
        return element_wise(node, op, made);
    }
    if let Some(op) = node.op_as::<EinSum>() {
        return dense(model, node, op, made);
    }
    if let Some(op) = node.op_as::<Reduce>() {
        let over: Vec<usize> = op.axes.iter().copied().collect();
        let plane = node.outputs[0].fact.rank() == 4 && over == [2, 3] && op.reducer == Reducer::Sum;
        return plane.then(|| Found::of(Step::Reduce { mean: false }, [x]));
    }
    if let Some(op) = node.op_as::<TypedConcat>() {
        let along_channels = op.axis == 1 && node.outputs[0].fact.rank() == 4;
        return along_channels.then(|| Found::of(Step::Concatenate, node.inputs.clone()));
    }
    if let Some(op) = node.op_as::<Slice>() {
        let (first, end) = (op.start.to_usize().ok()?, op.end.to_usize().ok()?);
        let along_channels = op.axis == 1 && node.outputs[0].fact.rank() == 4;
        let step = Step::Slice { first, channels: end.checked_sub(first)? };
        return along_channels.then(|| Found::of(step, [x]));
    }
    if let Some(op) = node.op_as::<StridedSlice>() {
        return slice(model, node, op);
    }
    if node.op_is::<Iff>() {
        return chosen(model, node, made);
    }
    if node.op_is::<MultiBroadcastTo>() {
        let from = picture_of(model, x)?;
        let rank = model.outlet_fact(x).ok()?.rank();
        if from == made {
            return Some(Found::same(node));
        }
        let spread = Step::Spread { height: made.height, width: made.width };
        return (rank == 4).then(|| Found::of(spread, [x]));
    }
    if let Some(op) = node.op_as::<AxisOp>() {
        // Axes that are moved leave the numbers where they are only where there is one of them.
        let stays = !matches!(op, AxisOp::Move(..)) || made.is_vector();
        return stays.then(|| Found::same(node));
    }
    (node.op_is::<Identity>() || node.op_is::<Cast>()).then(|| Found::same(node))
}

fn element_wise(node: &TypedNode, op: &ElementWiseOp, made: Shape) -> Option<Found> {
    let x = node.inputs[0];
    let op = &op.0;
    let activation = if op.is::<Sigmoid>() {
        Activation::Sigmoid
    } else if op.is::<HardSwish>() {
        Activation::HardSwish
    } else if op.is::<Silu>() {
        Activation::Silu
    } else if op.is::<Tanh>() {
        Activation::Tanh
    } else if let Some(op) = op.downcast_ref::<LeakyRelu>() {
        Activation::LeakyRelu { slope: op.alpha }
    } else if op.is::<Neg>() {
        return Some(Found::of(affine(vec![-1.0; made.channels], vec![0.0; made.channels]), [x]));
    } else if op.is::<Square>() {
        return Some(Found::of(combine(Arithmetic::Multiply), [x, x]));
    } else {
        return None;
    };
    Some(Found::of(Step::Activate(activation), [x]))
}

fn affine(scale: Vec<f32>, shift: Vec<f32>) -> Step {
    Step::Affine { scale: scale.into(), shift: shift.into(), activation: Activation::Linear }
}

fn combine(how: Arithmetic) -> Step {
    Step::Combine { how, activation: Activation::Linear }
}

/// Arithmetic with a constant, of two values, and masks.
fn binary(model: &TypedModel, node: &TypedNode, op: &TypedBinOp, made: Shape) -> Option<Found> {
    let &[a, b] = node.inputs.as_slice() else { return None };
    let op = &op.0;
    let channels = made.channels;
    let [known_a, known_b] = [a, b].map(|outlet| constant(model, outlet).is_some());
    if known_a || known_b {
        let (x, known) = if known_a { (b, a) } else { (a, b) };
        if op.is::<Max>() || op.is::<Min>() {
            let bound = uniform(model, known)?;
            let step = if op.is::<Max>() {
                Activation::Clip { low: bound, high: f32::INFINITY }
            } else {
                Activation::Clip { low: f32::NEG_INFINITY, high: bound }
            };
            return Some(Found::of(Step::Activate(step), [x]));
        }
        let numbers = per_channel(model, known, channels)?;
        let negated = || numbers.iter().map(|n| -n).collect();
        let (zeros, ones) = (vec![0.0; channels], vec![1.0; channels]);
        let step = if op.is::<Add>() {
            affine(ones, numbers)
        } else if op.is::<Mul>() {
            affine(numbers, zeros)
        } else if op.is::<Sub>() && known_b {
            affine(ones, negated())
        } else if op.is::<Sub>() {
            affine(vec![-1.0; channels], numbers)
        } else if op.is::<Div>() && known_b {
            affine(numbers.iter().map(|n| n.recip()).collect(), zeros)
        } else {
            return None;
        };
        return Some(Found::of(step, [x]));
    }
    if op.is::<Mul>() {
        if let (Some((y, one)), Some((x, other))) = (indicator(model, a), indicator(model, b)) {
            // Ones, where both hold.
            let ones = affine(vec![0.0; channels], vec![1.0; channels]);
            let found = Found::of(ones, [y]).then(Step::Mask(one), &[0]).then(Step::Mask(other), &[0]);
            return (x == y).then_some(found);
        }
        for (gradient, by) in [(a, b), (b, a)] {
            if let Some((y, within)) = indicator(model, by) {
                return Some(Found::of(Step::Mask(within), [gradient, y]));
            }
        }
        return Some(Found::of(combine(Arithmetic::Multiply), [a, b]));
    }
    if op.is::<Add>() {
        return Some(Found::of(combine(Arithmetic::Add), [a, b]));
    }
    op.is::<Sub>().then(|| Found::of(combine(Arithmetic::Subtract), [a, b]))
}

/// 1 where a value lies beyond a bound and 0 elsewhere: the value, and where it has to lie.
fn indicator(model: &TypedModel, outlet: OutletId) -> Option<(OutletId, Within)> {
    let cast = model.node(outlet.node);
    cast.op_as::<Cast>().filter(|cast| cast.to == f32::datum_type())?;
    compared(model, cast.inputs[0])
}

/// Whether a value lies beyond a bound: the value, and where it has to lie.
fn compared(model: &TypedModel, outlet: OutletId) -> Option<(OutletId, Within)> {
    let node = model.node(outlet.node);
    let op = &node.op_as::<TypedBinOp>()?.0;
    let &[a, b] = node.inputs.as_slice() else { return None };
    let (y, bound, first) = match (uniform(model, a), uniform(model, b)) {
        (None, Some(bound)) => (a, bound, true),
        (Some(bound), None) => (b, bound, false),
        _ => return None,
    };
    let above = match (op.is::<CompGT>(), op.is::<CompLT>()) {
        (true, false) => first,
        (false, true) => !first,
        _ => return None,
    };
    let within = if above {
        Within { low: bound, high: f32::INFINITY }
    } else {
        Within { low: f32::NEG_INFINITY, high: bound }
    };
    Some((y, within))
}

/// A value where another lies beyond a bound, and a constant elsewhere: the difference to the constant, masked.
fn chosen(model: &TypedModel, node: &TypedNode, made: Shape) -> Option<Found> {
    let &[condition, x, elsewhere] = node.inputs.as_slice() else { return None };
    let ((y, within), constant) = (compared(model, condition)?, uniform(model, elsewhere)?);
    if constant == 0.0 {
        return Some(Found::of(Step::Mask(within), [x, y]));
    }
    let shifted = |by: f32| affine(vec![1.0; made.channels], vec![by; made.channels]);
    let difference = Line { step: shifted(-constant), operands: vec![0] };
    let found = Found { lines: vec![difference], reads: vec![x, y] };
    Some(found.then(Step::Mask(within), &[1]).then(shifted(constant), &[]))
}

/// Some channels, counted from one constant to another.
fn slice(model: &TypedModel, node: &TypedNode, op: &StridedSlice) -> Option<Found> {
    let whole = |input: usize| -> Option<Vec<i64>> {
        let tensor = constant(model, *node.inputs.get(input)?)?.cast_to::<i64>().ok()?.into_owned();
        Some(tensor.as_plain_ram()?.as_slice::<i64>().ok()?.to_vec())
    };
    let along = op.optional_axes_input.map_or(Some(vec![]), whole)?;
    let steps = op.optional_steps_input.map_or(Some(vec![1]), whole)?;
    let masks = op.begin_mask | op.end_mask | op.shrink_axis_mask;
    if node.outputs[0].fact.rank() != 4 || along != [1] || steps != [1] || masks != 0 {
        return None;
    }
    let (&[begin], &[end]) = (whole(1)?.as_slice(), whole(2)?.as_slice()) else { return None };
    let channels = picture_of(model, node.inputs[0])?.channels as i64;
    let place = |at: i64| usize::try_from(if at < 0 { at + channels } else { at.min(channels) }).ok();
    let (first, end) = (place(begin)?, place(end)?);
    let step = Step::Slice { first, channels: end.checked_sub(first)? };
    Some(Found::of(step, [node.inputs[0]]))
}

/// A vector times a constant matrix: a convolution over one pixel.
fn dense(model: &TypedModel, node: &TypedNode, op: &EinSum, made: Shape) -> Option<Found> {
    if op.q_params.is_some() || node.inputs.len() != 2 {
        return None;
    }
    let matrix = node.inputs.iter().position(|&input| constant(model, input).is_some())?;
    let x = node.inputs[1 - matrix];
    let from = picture_of(model, x)?;
    let tensor = constant(model, node.inputs[matrix])?;
    let &[rows, columns] = tensor.shape() else { return None };
    // Which axis of the matrix is summed over, and which is left.
    let (mut summed, mut left) = (None, None);
    for axis in op.axes.iter_all_axes() {
        let (of_matrix, of_x, of_result) = (&axis.inputs[matrix], &axis.inputs[1 - matrix], &axis.outputs[0]);
        match (of_matrix.as_slice(), of_x.len(), of_result.len()) {
            (&[at], 1, 0) if summed.is_none() => summed = Some(at),
            (&[at], 0, 1) if left.is_none() => left = Some(at),
            ([], 1, 1) => {}
            _ => return None,
        }
    }
    let (summed, left) = (summed?, left?);
    let extents = [rows, columns];
    if from != Shape::vector(extents[summed]) || made != Shape::vector(extents[left]) {
        return None;
    }
    let dims = [extents[left], extents[summed], 1, 1];
    let numbers = if left == 0 { shared(tensor)? } else { transpose(floats(&tensor)?, columns).into() };
    let convolution = Convolution::of(Weights::new(dims, numbers, None).ok()?);
    Some(Found::of(Step::Convolve { convolution, activation: Activation::Linear }, [x]))
}

/// The columns of a matrix as rows.
fn transpose(numbers: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| numbers.iter().skip(column).step_by(columns).copied()).collect()
}
