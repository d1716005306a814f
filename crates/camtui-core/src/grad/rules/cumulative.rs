//! Sums along an axis that are kept at every step, and triangles cut out of matrices.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input, only_first_active};
use crate::grad::attributes::int;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;
use crate::onnx::build;

/// `y[i] = Σ x[j]` over `j ≤ i` (or `<`, or from the other end): `dx[j] = Σ dy[i]` over the same pairs, which is the same sum
/// from the other end.
pub(super) fn cumulative_sum(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let flag = |name: &str| int(node, name).unwrap_or(0);
    let attributes = vec![
        build::int("exclusive", flag("exclusive")),
        build::int("reverse", i64::from(flag("reverse") == 0)),
    ];
    let axis = input(node, 1)?.to_owned();
    Ok(vec![Some(tape.op("CumSum", &[dy, &axis], attributes))])
}

/// `y` is `x` above or below a diagonal and 0 elsewhere: `dx` is the same part of `dy`.
pub(super) fn triangle(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let inputs: Vec<&str> =
        std::iter::once(dy).chain(node.input.iter().skip(1).map(String::as_str)).collect();
    let upper = build::int("upper", int(node, "upper").unwrap_or(1));
    Ok(vec![Some(tape.op("Trilu", &inputs, vec![upper]))])
}
