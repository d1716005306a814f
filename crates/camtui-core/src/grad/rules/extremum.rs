//! The larger or smaller of several values, element by element.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = max(a, b, …)` or the minimum: the gradient goes to the operand that is it. Operands that tie share it evenly, as
/// in PyTorch's `maximum` and `minimum`.
pub(super) fn extremum(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let y = node.output[0].as_str();
    let shape = tape.shape(y)?;
    let mut hits = Vec::new();
    for i in 0..node.input.len() {
        let equal = tape.op("Equal", &[input(node, i)?, y], vec![]);
        hits.push(tape.indicator(&equal));
    }
    let (first, others) = hits.split_first().ok_or(Reason::Form("it lacks an input"))?;
    let count = others.iter().fold(first.clone(), |sum, hit| tape.add(&sum, hit));
    let share = tape.div(dy, &count);
    let pass = |(i, hit): (usize, &String)| {
        if !tape.is_active(&node.input[i]) {
            return Ok(None);
        }
        let d = tape.mul(&share, hit);
        tape.sum_to(d, &shape, &node.input[i]).map(Some)
    };
    hits.iter().enumerate().map(pass).collect()
}
