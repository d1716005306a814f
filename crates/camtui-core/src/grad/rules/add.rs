//! Sums and differences: where a residual branch joins, its gradient goes both ways.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = a + b`: `da = db = dy`, summed over the axes along which the operand was broadcast.
pub(super) fn add(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    both(tape, node, dy, false)
}

/// `y = a − b`: `da = dy`, `db = −dy`.
pub(super) fn sub(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    both(tape, node, dy, true)
}

fn both(tape: &mut Tape, node: &NodeProto, dy: &str, negate: bool) -> Result<Gradients, Reason> {
    let shape = tape.shape(&node.output[0])?;
    (0..2)
        .map(|i| {
            let operand = input(node, i)?;
            if !tape.is_active(operand) {
                return Ok(None);
            }
            let d = if negate && i == 1 { tape.op("Neg", &[dy], vec![]) } else { dy.to_owned() };
            tape.sum_to(d, &shape, operand).map(Some)
        })
        .collect()
}
