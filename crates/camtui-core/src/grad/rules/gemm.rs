//! Matrix products: the linear layers at a network's end.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::attributes::{float, int};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;
use crate::onnx::build;

/// `Y = α·op(A)·op(B) + β·C`, `op` being the identity or the transpose: with `G = α·dY`,
/// `d op(A) = G·op(B)ᵀ`, `d op(B) = op(A)ᵀ·G`, `dC = β·dY` summed to C's shape.
pub(super) fn gemm(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let (a, b) = (input(node, 0)?, input(node, 1)?);
    let transposed = |name: &str| int(node, name).unwrap_or(0) != 0;
    let (ta, tb) = (transposed("transA"), transposed("transB"));
    let alpha = float(node, "alpha").unwrap_or(1.0);
    let product = |tape: &mut Tape, left: &str, right: &str, tl: bool, tr: bool| {
        let attributes = vec![
            build::float("alpha", alpha),
            build::int("transA", i64::from(tl)),
            build::int("transB", i64::from(tr)),
        ];
        tape.op("Gemm", &[left, right], attributes)
    };
    let mut gradients = vec![None; node.input.len()];
    if tape.is_active(a) {
        let da = if ta { product(tape, b, dy, tb, true) } else { product(tape, dy, b, false, !tb) };
        gradients[0] = Some(da);
    }
    if tape.is_active(b) {
        let db = if tb { product(tape, dy, a, true, ta) } else { product(tape, a, dy, !ta, false) };
        gradients[1] = Some(db);
    }
    if let Some(c) = node.input.get(2).filter(|c| tape.is_active(c)) {
        let beta = tape.scalar(f64::from(float(node, "beta").unwrap_or(1.0)));
        let dc = tape.mul(dy, &beta);
        let shape = tape.shape(&node.output[0])?;
        gradients[2] = Some(tape.sum_to(dc, &shape, c)?);
    }
    Ok(gradients)
}

/// `Y = A·B` over the last two axes: `dA = dY·Bᵀ`, `dB = Aᵀ·dY`, summed over broadcast leading axes.
pub(super) fn mat_mul(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let operands = [input(node, 0)?, input(node, 1)?];
    let shape = tape.shape(&node.output[0])?;
    let mut gradients = vec![None, None];
    for (i, operand) in operands.into_iter().enumerate() {
        if !tape.is_active(operand) {
            continue;
        }
        let other = operands[1 - i];
        let rank = tape.shape(other)?.len();
        let own = tape.shape(operand)?;
        if rank < 2 || own.len() < 2 {
            return Err(Reason::Form("one of its operands is a vector"));
        }
        let mut perm: Vec<i64> = (0..rank as i64).collect();
        perm.swap(rank - 2, rank - 1);
        let other = tape.transpose(other, &perm);
        let d = match i {
            0 => tape.op("MatMul", &[dy, &other], vec![]),
            _ => tape.op("MatMul", &[&other, dy], vec![]),
        };
        let mut from = shape[..shape.len() - 2].to_vec();
        from.extend_from_slice(&own[own.len() - 2..]);
        gradients[i] = Some(tape.sum_to(d, &from, operand)?);
    }
    Ok(gradients)
}
