//! Powers, element by element.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = aᵇ`: `da = dy · b · aᵇ⁻¹`, `db = dy · y · ln a`, each summed over the axes along which the operand was broadcast.
///
/// As in PyTorch `da` is 0 where `b` is, and `db` where `a` is. The square, by far the most common, needs no power.
pub(super) fn pow(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let (a, b) = (input(node, 0)?, input(node, 1)?);
    let y = node.output[0].as_str();
    let shape = tape.shape(y)?;
    let mut gradients = vec![None, None];
    let zero = tape.scalar(0.0);
    if tape.is_active(a) {
        let slope = match constant(tape, b) {
            Some(2.0) => tape.scale(a, 2.0),
            Some(0.0) => zero.clone(),
            Some(exponent) => {
                let less = tape.scalar(exponent - 1.0);
                let power = tape.op("Pow", &[a, &less], vec![]);
                tape.scale(&power, exponent)
            }
            None => {
                // The exponents may be integers.
                let b = tape.indicator(b);
                let less = tape.shift(&b, -1.0);
                let power = tape.op("Pow", &[a, &less], vec![]);
                let slope = tape.mul(&b, &power);
                let none = tape.op("Equal", &[&b, &zero], vec![]);
                tape.choose(&none, &zero, &slope)
            }
        };
        let d = tape.mul(dy, &slope);
        gradients[0] = Some(tape.sum_to(d, &shape, a)?);
    }
    if tape.is_active(b) {
        let log = tape.map("Log", a);
        let slope = tape.mul(y, &log);
        let none = tape.op("Equal", &[a, &zero], vec![]);
        let slope = tape.choose(&none, &zero, &slope);
        let d = tape.mul(dy, &slope);
        gradients[1] = Some(tape.sum_to(d, &shape, b)?);
    }
    Ok(gradients)
}

/// The one number that a constant holds, whatever its shape.
fn constant(tape: &Tape, value: &str) -> Option<f64> {
    let shapes = tape.shapes();
    match (shapes.floats(value), shapes.integers(value).as_deref()) {
        (Some(&[number]), _) => Some(number),
        (_, Some(&[number])) => Some(number as f64),
        _ => None,
    }
}
