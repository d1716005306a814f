//! Rectifiers that let a little through below zero.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::attributes::float;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = x` above 0, `αx` from there down: `dx = dy` above 0, `α·dy` from there down.
pub(super) fn leaky_relu(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let alpha = tape.scalar(f64::from(float(node, "alpha").unwrap_or(0.01)));
    let (zero, one) = (tape.scalar(0.0), tape.scalar(1.0));
    let on = tape.op("Greater", &[input(node, 0)?, &zero], vec![]);
    let slope = tape.choose(&on, &one, &alpha);
    Ok(vec![Some(tape.mul(dy, &slope))])
}

/// `y = x` above α, 0 from there down: `dx = dy` above α.
pub(super) fn thresholded_relu(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let alpha = tape.scalar(f64::from(float(node, "alpha").unwrap_or(1.0)));
    let on = tape.above(input(node, 0)?, &alpha);
    Ok(vec![Some(tape.mul(dy, &on))])
}

/// As [`leaky_relu`], with a slope `s` that broadcasts to `x`: `ds = dy · min(x, 0)`, summed to its shape.
pub(super) fn p_relu(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let (x, s) = (input(node, 0)?, input(node, 1)?);
    let shape = tape.shape(x)?;
    let (zero, one) = (tape.scalar(0.0), tape.scalar(1.0));
    let on = tape.op("Greater", &[x, &zero], vec![]);
    let mut gradients = vec![None, None];
    if tape.is_active(x) {
        let slope = tape.choose(&on, &one, s);
        gradients[0] = Some(tape.mul(dy, &slope));
    }
    if tape.is_active(s) {
        let below = tape.choose(&on, &zero, x);
        let d = tape.mul(dy, &below);
        gradients[1] = Some(tape.sum_to(d, &shape, s)?);
    }
    Ok(gradients)
}
