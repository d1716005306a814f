//! The mean over all positions.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input, reduce};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y[c] = Σ x[c,p] / Z`: `dx[c,p] = dy[c] / Z`, Z being the number of positions.
pub(super) fn global_average_pool(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let rank = tape.shape(input(node, 0)?)?.len();
    let spatial: Vec<usize> = (2..rank).collect();
    let share = 1.0 / reduce::positions(tape, node, &spatial)?;
    let shared = tape.scale(dy, share);
    reduce::spread(tape, node, &shared, &spatial)
}
