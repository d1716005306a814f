//! The swish made of straight lines, as `MobileNetV3` has it.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = x · min(max(x/6 + ½, 0), 1)`: `dx = 0` up to −3, `dy` from 3 on, and `dy · (x/3 + ½)` between them, as PyTorch has
/// it at the bounds too.
pub(super) fn hard_swish(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let (low, high) = (tape.scalar(-3.0), tape.scalar(3.0));
    let (zero, one) = (tape.scalar(0.0), tape.scalar(1.0));
    let between = tape.scale(x, 1.0 / 3.0);
    let between = tape.shift(&between, 0.5);
    let above_low = tape.op("Greater", &[x, &low], vec![]);
    let below_high = tape.op("Less", &[x, &high], vec![]);
    let slope = tape.choose(&above_low, &between, &zero);
    let slope = tape.choose(&below_high, &slope, &one);
    Ok(vec![Some(tape.mul(dy, &slope))])
}
