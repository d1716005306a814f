//! Values laid side by side, and taken apart.

use crate::onnx::build;
use crate::onnx::pb::NodeProto;

use super::{Gradients, axis_of, input, only_first_active};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = [a | b | …]` along an axis: each operand's gradient is its part of `dy`.
pub(super) fn concat(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let rank = tape.shape(input(node, 0)?)?.len();
    let axis = axis_of(node, "axis", 0, rank)?;
    let mut start = 0;
    (0..node.input.len())
        .map(|i| {
            let operand = input(node, i)?;
            let extent = tape.shape(operand)?.get(axis).copied().flatten();
            let end = start + extent.ok_or_else(|| Reason::UnknownShape(operand.into()))? as i64;
            let part =
                tape.is_active(operand).then(|| tape.slice(dy, &[axis as i64], &[start], &[end], &[1]));
            start = end;
            Ok(part)
        })
        .collect()
}

/// `x = [a | b | …]` along an axis, `a`, `b`, … being the outputs: `dx = [da | db | …]`, with zeros for parts that nobody
/// reads.
pub(super) fn split(tape: &mut Tape, node: &NodeProto, dys: &[Option<String>]) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let x = input(node, 0)?;
    let unknown = Reason::Form("the extents of its parts are not known");
    let (axis, parts) = tape.shapes().parts(node).ok_or(unknown)?;
    let mut start = 0;
    let mut gradients = Vec::new();
    for (dy, part) in dys.iter().zip(parts) {
        gradients.push(if let Some(dy) = dy {
            dy.clone()
        } else {
            let unread = tape.slice(x, &[axis as i64], &[start], &[start + part], &[1]);
            tape.zeros_like(&unread)
        });
        start += part;
    }
    let gradients: Vec<&str> = gradients.iter().map(String::as_str).collect();
    Ok(vec![Some(tape.op("Concat", &gradients, vec![build::int("axis", axis as i64)]))])
}
