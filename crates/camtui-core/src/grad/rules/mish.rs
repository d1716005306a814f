//! Mish, a smooth unit that dips below zero.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = x·t`, `t = tanh(ln(1 + eˣ))`: `dx = dy · (t + x·(1 − t²)·σ(x))`, σ being the sigmoid.
pub(super) fn mish(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let soft = tape.map("Softplus", x);
    let t = tape.map("Tanh", &soft);
    let square = tape.mul(&t, &t);
    let one = tape.scalar(1.0);
    let rest = tape.sub(&one, &square);
    let sigmoid = tape.map("Sigmoid", x);
    let rest = tape.mul(&rest, &sigmoid);
    let rest = tape.mul(&rest, x);
    let slope = tape.add(&t, &rest);
    Ok(vec![Some(tape.mul(dy, &slope))])
}
