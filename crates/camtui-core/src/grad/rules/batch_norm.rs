//! Batch normalisation at inference: one affine map a channel.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input, only_first_active};
use crate::grad::attributes::{float, int};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = γ·(x − μ)/√(σ² + ε) + β`: `dx = dy · γ/√(σ² + ε)`, channel by channel.
///
/// The factor is computed in the graph from the same initialisers; a runtime folds it into a constant.
pub(super) fn batch_norm(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    if int(node, "training_mode").unwrap_or(0) != 0 {
        return Err(Reason::Form("it normalises by the batch (training mode)"));
    }
    let (x, scale, variance) = (input(node, 0)?, input(node, 1)?, input(node, 4)?);
    let spatial = tape.shape(x)?.len().saturating_sub(2);
    let epsilon = f64::from(float(node, "epsilon").unwrap_or(1e-5));
    let epsilon = tape.scalar(epsilon);
    let deviation = tape.add(variance, &epsilon);
    let deviation = tape.op("Sqrt", &[&deviation], vec![]);
    let mut factor = tape.op("Div", &[scale, &deviation], vec![]);
    if spatial > 0 {
        let mut shape = vec![-1];
        shape.resize(1 + spatial, 1);
        factor = tape.reshape(&factor, &shape);
    }
    Ok(vec![Some(tape.mul(dy, &factor)), None, None, None, None])
}
