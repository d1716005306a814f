//! The Gaussian error linear unit, exact or with tanh.

use std::f64::consts::PI;

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::attributes::string;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = x·Φ(x)`, Φ being the normal distribution: `dx = dy · (Φ(x) + x·φ(x))`.
///
/// With `approximate = tanh`, `y = x/2 · (1 + tanh u)`, `u = √(2/π)·(x + 0.044715·x³)`:
/// `dx = dy · (½(1 + tanh u) + x/2 · (1 − tanh² u) · u′)`.
pub(super) fn gelu(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let square = tape.mul(x, x);
    let slope = if string(node, "approximate") == Some("tanh") {
        let c = (2.0 / PI).sqrt();
        let inner = tape.scale(&square, c * 0.044_715);
        let inner = tape.shift(&inner, c);
        let u = tape.mul(x, &inner);
        let steep = tape.scale(&square, c * 3.0 * 0.044_715);
        let steep = tape.shift(&steep, c);
        let t = tape.map("Tanh", &u);
        let t2 = tape.mul(&t, &t);
        let one = tape.scalar(1.0);
        let rest = tape.sub(&one, &t2);
        let rest = tape.mul(&rest, &steep);
        let rest = tape.mul(&rest, x);
        let sum = tape.add(&t, &rest);
        let sum = tape.shift(&sum, 1.0);
        tape.scale(&sum, 0.5)
    } else {
        let scaled = tape.scale(x, 0.5_f64.sqrt());
        let erf = tape.map("Erf", &scaled);
        let share = tape.shift(&erf, 1.0);
        let share = tape.scale(&share, 0.5);
        let exponent = tape.scale(&square, -0.5);
        let density = tape.map("Exp", &exponent);
        let density = tape.scale(&density, 1.0 / (2.0 * PI).sqrt());
        let rest = tape.mul(x, &density);
        tape.add(&share, &rest)
    };
    Ok(vec![Some(tape.mul(dy, &slope))])
}
