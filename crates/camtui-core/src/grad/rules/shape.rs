//! Operators that move values or pass them on unchanged.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input, only_first_active};
use crate::grad::attributes::{int, ints};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = x` (Dropout at inference too): `dx = dy`.
pub(super) fn identity(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    Ok(vec![Some(dy.to_owned())])
}

/// `y = x` as another type of number: `dx = dy`. From or to a type that the gradients do not have, none passes.
pub(super) fn cast(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    if int(node, "to") != Some(tape.element() as i64) {
        return Err(Reason::Form("it changes to another type of number in the middle of the network"));
    }
    Ok(vec![Some(dy.to_owned())])
}

/// `y` holds the values of `x` in the same order under another shape: `dx` is `dy` under the shape of `x`.
pub(super) fn reshape(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    Ok(vec![Some(tape.reshape_like(dy, input(node, 0)?)?)])
}

/// `y[i_π(0), i_π(1), …] = x[i_0, i_1, …]`: `dx` is `dy` with the axes put back, by the inverse of π.
pub(super) fn transpose(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let rank = tape.shape(input(node, 0)?)?.len();
    let reversed: Vec<i64> = (0..rank as i64).rev().collect();
    let perm = ints(node, "perm").unwrap_or(&reversed);
    let back = |axis: usize| perm.iter().position(|&p| p == axis as i64).map(|p| p as i64);
    let inverse: Option<Vec<i64>> = (0..rank).map(back).collect();
    let inverse = inverse.ok_or(Reason::Form("its axes are no permutation"))?;
    Ok(vec![Some(tape.transpose(dy, &inverse))])
}
