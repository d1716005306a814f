//! Units that level off: sigmoid, its straight-line form, tanh, softsign; and softplus, whose slope is the sigmoid.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::attributes::float;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = 1/(1 + e⁻ˣ)`: `dx = dy · y·(1 − y)`.
pub(super) fn sigmoid(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let y = node.output[0].as_str();
    let one = tape.scalar(1.0);
    let rest = tape.sub(&one, y);
    let slope = tape.mul(y, &rest);
    Ok(vec![Some(tape.mul(dy, &slope))])
}

/// `y = min(max(αx + β, 0), 1)`: `dx = α·dy` where `0 < y < 1`, 0 elsewhere and at the kinks.
pub(super) fn hard_sigmoid(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let y = node.output[0].as_str();
    let alpha = f64::from(float(node, "alpha").unwrap_or(0.2));
    let (zero, one) = (tape.scalar(0.0), tape.scalar(1.0));
    let (low, high) = (tape.above(y, &zero), tape.above(&one, y));
    let inside = tape.mul(&low, &high);
    let slope = tape.scale(&inside, alpha);
    Ok(vec![Some(tape.mul(dy, &slope))])
}

/// `y = tanh x`: `dx = dy · (1 − y²)`.
pub(super) fn tanh(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let y = node.output[0].as_str();
    let one = tape.scalar(1.0);
    let square = tape.mul(y, y);
    let slope = tape.sub(&one, &square);
    Ok(vec![Some(tape.mul(dy, &slope))])
}

/// `y = ln(1 + eˣ)`: `dx = dy · σ(x)`, σ being the sigmoid.
pub(super) fn softplus(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let slope = tape.map("Sigmoid", input(node, 0)?);
    Ok(vec![Some(tape.mul(dy, &slope))])
}

/// `y = x/(1 + |x|)`: `dx = dy / (1 + |x|)²`.
pub(super) fn softsign(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let size = tape.map("Abs", input(node, 0)?);
    let bound = tape.shift(&size, 1.0);
    let square = tape.mul(&bound, &bound);
    Ok(vec![Some(tape.div(dy, &square))])
}
