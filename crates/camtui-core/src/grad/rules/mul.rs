//! Element-wise products and quotients, such as gates.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = a · b`: `da = dy · b`, `db = dy · a`, summed over the axes along which the operand was broadcast.
pub(super) fn mul(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let shape = tape.shape(&node.output[0])?;
    let operands = [input(node, 0)?, input(node, 1)?];
    (0..2)
        .map(|i| {
            if !tape.is_active(operands[i]) {
                return Ok(None);
            }
            let d = tape.mul(dy, operands[1 - i]);
            tape.sum_to(d, &shape, operands[i]).map(Some)
        })
        .collect()
}

/// `y = a / b`: `da = dy / b`, `db = −dy · y / b`.
pub(super) fn div(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let shape = tape.shape(&node.output[0])?;
    let (a, b) = (input(node, 0)?, input(node, 1)?);
    let share = tape.op("Div", &[dy, b], vec![]);
    let mut gradients = vec![None, None];
    if tape.is_active(b) {
        let d = tape.mul(&share, &node.output[0]);
        let d = tape.op("Neg", &[&d], vec![]);
        gradients[1] = Some(tape.sum_to(d, &shape, b)?);
    }
    if tape.is_active(a) {
        gradients[0] = Some(tape.sum_to(share, &shape, a)?);
    }
    Ok(gradients)
}
