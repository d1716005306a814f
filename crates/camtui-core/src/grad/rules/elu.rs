//! Units that are linear above zero and exponential below.

use crate::onnx::pb::NodeProto;

use super::Gradients;
use crate::grad::attributes::float;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = x` above 0, `α(eˣ − 1)` from there down: `dx = dy` above 0, `dy · (y + α)` from there down.
///
/// The side is read off `y`, which has the sign of `x`.
pub(super) fn elu(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let alpha = f64::from(float(node, "alpha").unwrap_or(1.0));
    Ok(two_sided(tape, node, dy, 1.0, |tape, y| tape.shift(y, alpha)))
}

/// `y = γx` above 0, `γα(eˣ − 1)` from there down: `dx = dy · γ` above 0, `dy · (y + γα)` from there down.
pub(super) fn selu(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let alpha = f64::from(float(node, "alpha").unwrap_or(1.673_263_2));
    let gamma = f64::from(float(node, "gamma").unwrap_or(1.050_701));
    Ok(two_sided(tape, node, dy, gamma, |tape, y| tape.shift(y, gamma * alpha)))
}

/// `y = x` above 0, `α(e^(x/α) − 1)` from there down: `dx = dy` above 0, `dy · (y/α + 1)` from there down.
///
/// (tract 0.23 computes another function where α is not 1; ONNX Runtime does not.)
pub(super) fn celu(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let alpha = f64::from(float(node, "alpha").unwrap_or(1.0));
    Ok(two_sided(tape, node, dy, 1.0, |tape, y| {
        let part = tape.scale(y, 1.0 / alpha);
        tape.shift(&part, 1.0)
    }))
}

fn two_sided(
    tape: &mut Tape,
    node: &NodeProto,
    dy: &str,
    above: f64,
    below: impl FnOnce(&mut Tape, &str) -> String,
) -> Gradients {
    let y = node.output[0].as_str();
    let zero = tape.scalar(0.0);
    let positive = tape.op("Greater", &[y, &zero], vec![]);
    let above = tape.scalar(above);
    let below = below(tape, y);
    let slope = tape.choose(&positive, &above, &below);
    vec![Some(tape.mul(dy, &slope))]
}
