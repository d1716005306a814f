//! Reductions over whole axes, which are kept with an extent of 1 or dropped.

use crate::onnx::pb::NodeProto;

use super::elementary::sign;
use super::{Gradients, input, only_first_active};
use crate::grad::attributes::int;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = Σ x`: `dx = dy` at every position.
pub(super) fn sum(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let axes = axes(tape, node, 13)?;
    spread(tape, node, dy, &axes)
}

/// `y = Σ x / Z`: `dx = dy / Z` at every position, Z being their number.
pub(super) fn mean(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let axes = axes(tape, node, 18)?;
    let share = 1.0 / positions(tape, node, &axes)?;
    let shared = tape.scale(dy, share);
    spread(tape, node, &shared, &axes)
}

/// `y = max x` or the minimum: positions that tie share `dy` evenly, as in PyTorch's `amax` and `amin`.
pub(super) fn extremum(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let axes = axes(tape, node, 18)?;
    let x = input(node, 0)?;
    let (y, dy) = (kept(tape, node, &node.output[0], &axes)?, kept(tape, node, dy, &axes)?);
    let hit = tape.op("Equal", &[x, &y], vec![]);
    let hit = tape.indicator(&hit);
    let over: Vec<i64> = axes.iter().map(|&a| a as i64).collect();
    let count = if over.is_empty() { hit.clone() } else { tape.sum(&hit, &over) };
    let share = tape.div(&dy, &count);
    Ok(vec![Some(tape.mul(&share, &hit))])
}

/// `y = Σ x²`: `dx = 2·dy·x`.
pub(super) fn sum_square(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let axes = axes(tape, node, 18)?;
    let dy = kept(tape, node, dy, &axes)?;
    let twice = tape.scale(&dy, 2.0);
    Ok(vec![Some(tape.mul(&twice, input(node, 0)?))])
}

/// `y = √(Σ x²)`: `dx = dy·x / y`, and 0 where `y` is.
pub(super) fn l2(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let axes = axes(tape, node, 18)?;
    let (y, dy) = (kept(tape, node, &node.output[0], &axes)?, kept(tape, node, dy, &axes)?);
    let (zero, one) = (tape.scalar(0.0), tape.scalar(1.0));
    let none = tape.op("Equal", &[&y, &zero], vec![]);
    let norm = tape.choose(&none, &one, &y);
    let share = tape.div(&dy, &norm);
    Ok(vec![Some(tape.mul(&share, input(node, 0)?))])
}

/// `y = Σ |x|`: `dx = dy·sign(x)`.
pub(super) fn l1(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let axes = axes(tape, node, 18)?;
    let dy = kept(tape, node, dy, &axes)?;
    let sign = sign(tape, input(node, 0)?);
    Ok(vec![Some(tape.mul(&dy, &sign))])
}

/// `y = ln Σ x`: `dx = dy / Σ x = dy·e^(−y)` at every position.
pub(super) fn log_sum(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let axes = axes(tape, node, 18)?;
    let down = tape.map("Neg", &node.output[0]);
    let share = tape.map("Exp", &down);
    let shared = tape.mul(dy, &share);
    spread(tape, node, &shared, &axes)
}

/// `y = ln Σ eˣ`: `dx = dy·e^(x−y)`.
pub(super) fn log_sum_exp(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let axes = axes(tape, node, 18)?;
    let (y, dy) = (kept(tape, node, &node.output[0], &axes)?, kept(tape, node, dy, &axes)?);
    let below = tape.sub(input(node, 0)?, &y);
    let share = tape.map("Exp", &below);
    Ok(vec![Some(tape.mul(&dy, &share))])
}

/// The number of positions that a reduction over `axes` brings together.
pub(super) fn positions(tape: &Tape, node: &NodeProto, axes: &[usize]) -> Result<f64, Reason> {
    let x = input(node, 0)?;
    let shape = tape.shape(x)?;
    let count: Option<usize> = axes.iter().map(|&a| shape.get(a).copied().flatten()).product();
    count.map(|c| c as f64).ok_or_else(|| Reason::UnknownShape(x.into()))
}

/// Repeats a gradient of the reduced value over the positions that it was reduced from.
pub(super) fn spread(
    tape: &mut Tape,
    node: &NodeProto,
    d: &str,
    axes: &[usize],
) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let shape = tape.shape(x)?;
    if axes.iter().any(|&a| shape[a].is_none()) {
        return Err(Reason::UnknownShape(x.into()));
    }
    let d = kept(tape, node, d, axes)?;
    // An extent of 1 leaves the axis as the other operand has it, so the batch may stay open.
    let extents: Vec<i64> = shape.iter().map(|d| d.map_or(1, |d| d as i64)).collect();
    let extents = tape.integers(&extents);
    Ok(vec![Some(tape.op("Expand", &[&d, &extents], vec![]))])
}

/// A reduced value with the reduced axes in place, whether the node keeps them or not.
fn kept(tape: &mut Tape, node: &NodeProto, value: &str, axes: &[usize]) -> Result<String, Reason> {
    let x = input(node, 0)?;
    let shape = tape.shape(x)?;
    let dropped = node.op_type.starts_with("Reduce") && int(node, "keepdims").unwrap_or(1) == 0;
    if !dropped || axes.is_empty() {
        return Ok(value.to_owned());
    }
    if shape.iter().enumerate().filter(|(a, d)| d.is_none() && !axes.contains(a)).count() > 1 {
        return Err(Reason::UnknownShape(x.into()));
    }
    let extent =
        |(a, d): (usize, &Option<usize>)| if axes.contains(&a) { 1 } else { d.map_or(-1, |d| d as i64) };
    let target: Vec<i64> = shape.iter().enumerate().map(extent).collect();
    Ok(tape.reshape(value, &target))
}

fn axes(tape: &Tape, node: &NodeProto, since: i64) -> Result<Vec<usize>, Reason> {
    only_first_active(tape, node)?;
    let rank = tape.shape(input(node, 0)?)?.len();
    let named = tape.shapes().axes(node, since, rank).ok_or(Reason::Form("its axes are not constant"))?;
    Ok(match named {
        axes if !axes.is_empty() => axes,
        _ if int(node, "noop_with_empty_axes").unwrap_or(0) == 1 => vec![],
        _ => (0..rank).collect(),
    })
}
