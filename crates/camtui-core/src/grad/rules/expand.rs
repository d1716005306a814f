//! Values repeated by broadcasting, and chosen element by element.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input, only_first_active};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y` is `x` repeated along some axes: `dx` is the sum of `dy` over them.
pub(super) fn expand(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let shape = tape.shape(&node.output[0])?;
    Ok(vec![Some(tape.sum_to(dy.to_owned(), &shape, input(node, 0)?)?)])
}

/// `y = a` where `c` holds, else `b`: `da = dy` where `c` holds, `db = dy` elsewhere, each summed over the axes along
/// which the operand was broadcast.
pub(super) fn choose(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let shape = tape.shape(&node.output[0])?;
    let condition = input(node, 0)?;
    let zero = tape.scalar(0.0);
    let mut gradients = vec![None; 3];
    for (i, [yes, no]) in [(1, [dy, &zero]), (2, [&zero, dy])] {
        let operand = input(node, i)?;
        if tape.is_active(operand) {
            let d = tape.choose(condition, yes, no);
            gradients[i] = Some(tape.sum_to(d, &shape, operand)?);
        }
    }
    Ok(gradients)
}
