//! `y = max(x, 0)`: the gradient passes where the unit is on.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `dx = dy · [y > 0]`. At the kink the gradient is 0, as PyTorch has it.
///
/// The mask is taken from `y`, not `x`: they agree, and `y` is kept anyway while a runtime may have fused `x` away.
pub(super) fn relu(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    input(node, 0)?;
    let zero = tape.scalar(0.0);
    let on = tape.op("Greater", &[&node.output[0], &zero], vec![]);
    let on = tape.indicator(&on);
    let dy = tape.before_rectifier(dy);
    Ok(vec![Some(tape.mul(&dy, &on))])
}
