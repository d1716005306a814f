//! Elementary functions of one variable, element by element.

use std::f64::consts::PI;

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = −x`: `dx = −dy`.
pub(super) fn neg(tape: &mut Tape, _: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    Ok(vec![Some(tape.map("Neg", dy))])
}

/// `y = |x|`: `dx = dy · sign(x)`, 0 at the kink.
pub(super) fn abs(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let sign = sign(tape, input(node, 0)?);
    Ok(vec![Some(tape.mul(dy, &sign))])
}

/// `y = eˣ`: `dx = dy · y`.
pub(super) fn exp(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    Ok(vec![Some(tape.mul(dy, &node.output[0]))])
}

/// `y = ln x`: `dx = dy / x`.
pub(super) fn log(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    Ok(vec![Some(tape.div(dy, input(node, 0)?))])
}

/// `y = √x`: `dx = dy / 2y`.
pub(super) fn sqrt(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let half = tape.scale(dy, 0.5);
    Ok(vec![Some(tape.div(&half, &node.output[0]))])
}

/// `y = 1/x`: `dx = −dy · y²`.
pub(super) fn reciprocal(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let y = node.output[0].as_str();
    let square = tape.mul(y, y);
    let d = tape.mul(dy, &square);
    Ok(vec![Some(tape.map("Neg", &d))])
}

/// `y = erf x`: `dx = dy · 2/√π · e^(−x²)`.
pub(super) fn erf(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let square = tape.mul(x, x);
    let exponent = tape.map("Neg", &square);
    let bell = tape.map("Exp", &exponent);
    let slope = tape.scale(&bell, 2.0 / PI.sqrt());
    Ok(vec![Some(tape.mul(dy, &slope))])
}

/// `y = sin x`: `dx = dy · cos x`.
pub(super) fn sin(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let slope = tape.map("Cos", input(node, 0)?);
    Ok(vec![Some(tape.mul(dy, &slope))])
}

/// `y = cos x`: `dx = −dy · sin x`.
pub(super) fn cos(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let slope = tape.map("Sin", input(node, 0)?);
    let d = tape.mul(dy, &slope);
    Ok(vec![Some(tape.map("Neg", &d))])
}

/// `y = arctan x`: `dx = dy / (1 + x²)`.
pub(super) fn atan(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let square = tape.mul(x, x);
    let below = tape.shift(&square, 1.0);
    Ok(vec![Some(tape.div(dy, &below))])
}

/// −1, 0 or 1.
pub(super) fn sign(tape: &mut Tape, x: &str) -> String {
    let zero = tape.scalar(0.0);
    let (above, below) = (tape.above(x, &zero), tape.above(&zero, x));
    tape.sub(&above, &below)
}
