//! Values repeated side by side.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input, only_first_active};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y` is `x` so many times along each axis: `dx` is the sum of `dy` over the copies.
pub(super) fn tile(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let x = input(node, 0)?;
    let times =
        tape.shapes().integers(input(node, 1)?).ok_or(Reason::Form("its repeats are not constant"))?;
    let shape = tape.shape(x)?;
    if times.len() != shape.len() || times.iter().any(|&t| t < 1) {
        return Err(Reason::Form("its repeats do not fit its input"));
    }
    if shape.iter().filter(|d| d.is_none()).count() > 1 {
        return Err(Reason::UnknownShape(x.into()));
    }
    // The copies get an axis of their own, before the one that they repeat.
    let (mut apart, mut copies) = (Vec::new(), Vec::new());
    for (extent, &times) in shape.iter().zip(&times) {
        if times > 1 {
            copies.push(apart.len() as i64);
            apart.push(times);
        }
        apart.push(extent.map_or(-1, |d| d as i64));
    }
    if copies.is_empty() {
        return Ok(vec![Some(dy.to_owned())]);
    }
    let apart = tape.reshape(dy, &apart);
    let summed = tape.sum(&apart, &copies);
    Ok(vec![Some(tape.reshape_like(&summed, x)?)])
}
