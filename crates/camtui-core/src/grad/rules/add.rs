//! Sums and differences: where a residual branch joins, its gradient goes both ways.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = a + b + …`: `da = db = … = dy`, summed over the axes along which the operand was broadcast.
pub(super) fn add(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    each(tape, node, |_, _| dy.to_owned())
}

/// `y = a − b`: `da = dy`, `db = −dy`.
pub(super) fn sub(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    each(tape, node, |tape, i| if i == 1 { tape.map("Neg", dy) } else { dy.to_owned() })
}

/// `y = (a + b + …) / n`: `da = db = … = dy / n`.
pub(super) fn mean(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let share = tape.scale(dy, 1.0 / node.input.len() as f64);
    each(tape, node, |_, _| share.clone())
}

/// What `d` says is an operand's gradient before broadcasting is undone, for each operand that needs one.
fn each(
    tape: &mut Tape,
    node: &NodeProto,
    mut d: impl FnMut(&mut Tape, usize) -> String,
) -> Result<Gradients, Reason> {
    let shape = tape.shape(&node.output[0])?;
    (0..node.input.len())
        .map(|i| {
            let operand = input(node, i)?;
            if !tape.is_active(operand) {
                return Ok(None);
            }
            let d = d(tape, i);
            tape.sum_to(d, &shape, operand).map(Some)
        })
        .collect()
}
