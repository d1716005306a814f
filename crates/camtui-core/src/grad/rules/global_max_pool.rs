//! The maximum over all positions.

use crate::onnx::build;
use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y[c] = max x[c,p]`: `dy[c]` goes to the first position, in scan order, that is the maximum, as in PyTorch's adaptive
/// max pooling.
pub(super) fn global_max_pool(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let shape = tape.extents_from(x, 1)?;
    let [channels, spatial @ ..] = &shape[..] else { return Err(Reason::Form("its input has no channels")) };
    let (channels, count) = (*channels as i64, spatial.iter().product::<usize>());
    tape.afford(1, count)?;
    let flat = tape.reshape(x, &[-1, channels, count as i64]);
    let first = tape.op("ArgMax", &[&flat], vec![build::int("axis", 2), build::int("keepdims", 1)]);
    let positions = tape.integers(&(0..count as i64).collect::<Vec<_>>());
    let there = tape.op("Equal", &[&positions, &first], vec![]);
    let there = tape.indicator(&there);
    let dy = tape.reshape(dy, &[-1, channels, 1]);
    let d = tape.mul(&dy, &there);
    Ok(vec![Some(tape.reshape_like(&d, x)?)])
}
