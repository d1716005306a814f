//! Softmax inside a network, as attention has it. (The one at the end is left out: classes are explained by logits.)

use crate::onnx::pb::NodeProto;

use super::{Gradients, axis_of, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = eˣ / Σ eˣ`: `dx = y · (dy − Σ dy·y)`.
pub(super) fn softmax(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let y = node.output[0].as_str();
    let axes = axes(tape, node)?;
    let product = tape.mul(dy, y);
    let sum = tape.sum(&product, &axes);
    let rest = tape.sub(dy, &sum);
    Ok(vec![Some(tape.mul(y, &rest))])
}

/// `y = x − ln Σ eˣ`: `dx = dy − eʸ · Σ dy`.
pub(super) fn log_softmax(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let axes = axes(tape, node)?;
    let shares = tape.map("Exp", &node.output[0]);
    let sum = tape.sum(dy, &axes);
    let part = tape.mul(&shares, &sum);
    Ok(vec![Some(tape.sub(dy, &part))])
}

/// The axes over which the exponentials are summed: one, or before opset 13 all from one on.
fn axes(tape: &Tape, node: &NodeProto) -> Result<Vec<i64>, Reason> {
    let rank = tape.shape(input(node, 0)?)?.len();
    if tape.opset < 13 {
        let axis = axis_of(node, "axis", 1, rank)?;
        return Ok((axis as i64..rank as i64).collect());
    }
    Ok(vec![axis_of(node, "axis", -1, rank)? as i64])
}
