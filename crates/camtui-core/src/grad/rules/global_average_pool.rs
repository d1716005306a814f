//! Means over whole axes: global average pooling, and the same written as a reduction.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input, only_first_active};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y[c] = Σ x[c,p] / Z`: `dx[c,p] = dy[c] / Z`, Z being the number of positions.
pub(super) fn global_average_pool(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let rank = tape.shape(input(node, 0)?)?.len();
    spread(tape, node, dy, &(2..rank).collect::<Vec<_>>())
}

/// The mean over `axes`, kept or dropped.
pub(super) fn reduce_mean(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let x = input(node, 0)?;
    let rank = tape.shape(x)?.len();
    let axes = tape.axes(node, 18, rank).ok_or(Reason::Form("its axes are not constant"))?;
    spread(tape, node, dy, &axes)
}

fn spread(tape: &mut Tape, node: &NodeProto, dy: &str, axes: &[usize]) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let shape = tape.shape(x)?;
    let unknown = || Reason::UnknownShape(x.into());
    let positions: usize =
        axes.iter().map(|&a| shape.get(a).copied().flatten()).product::<Option<_>>().ok_or_else(unknown)?;
    let share = tape.scalar(1.0 / positions as f64);
    let mut d = tape.mul(dy, &share);
    let open = shape.iter().enumerate().filter(|(a, d)| d.is_none() && !axes.contains(a)).count();
    if open > 1 {
        return Err(unknown());
    }
    if tape.shape(&node.output[0])?.len() != shape.len() {
        let kept =
            |(a, d): (usize, &Option<usize>)| if axes.contains(&a) { 1 } else { d.map_or(-1, |d| d as i64) };
        let kept: Vec<i64> = shape.iter().enumerate().map(kept).collect();
        d = tape.reshape(&d, &kept);
    }
    // An extent of 1 leaves the axis as the other operand has it, so the batch may stay open.
    let extents: Vec<i64> = shape.iter().map(|d| d.map_or(1, |d| d as i64)).collect();
    let extents = tape.integers(&extents);
    Ok(vec![Some(tape.op("Expand", &[&d, &extents], vec![]))])
}
