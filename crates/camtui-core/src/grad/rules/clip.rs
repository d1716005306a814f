//! `y = min(max(x, low), high)`, which is how ReLU6 is written in ONNX.

use crate::onnx::pb::NodeProto;

use super::{Gradients, only_first_active};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `dx = dy · [low < y < high]`; a bound that is not given does not mask.
///
/// At the bounds themselves the gradient is 0, as in PyTorch's `relu6` and `hardtanh` (its `clamp` lets it pass).
pub(super) fn clip(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let y = node.output[0].as_str();
    let mut dx = tape.before_rectifier(dy);
    for (bound, inside) in [(1, "Greater"), (2, "Less")] {
        if let Some(bound) = node.input.get(bound).filter(|name| !name.is_empty()) {
            let mask = tape.op(inside, &[y, bound], vec![]);
            let mask = tape.indicator(&mask);
            dx = tape.mul(&dx, &mask);
        }
    }
    Ok(vec![Some(dx), None, None])
}
