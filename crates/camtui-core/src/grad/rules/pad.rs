//! Values with a border: of a constant, mirrored, repeated or wrapped round.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input, only_first_active};
use crate::grad::attributes::string;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y[i] = x[source(i)]` along each padded axis, or a constant where there is no source: `dx[q] = Σ dy[i]` over the `i`
/// whose source is `q`.
pub(super) fn pad(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let x = input(node, 0)?;
    let shape = tape.shape(x)?;
    let pads = tape.shapes().pads(node).ok_or(Reason::Form("its pads are not constant"))?;
    if pads.iter().any(|(_, begin, end)| begin.unsigned_abs().max(end.unsigned_abs()) > 1 << 29) {
        return Err(Reason::Form("it pads by more than any picture has"));
    }
    let mode = string(node, "mode").unwrap_or("constant");
    if mode == "constant" {
        let back: Vec<_> = pads.iter().map(|&(axis, begin, end)| (axis, -begin, -end)).collect();
        return Ok(vec![Some(tape.pad(dy, shape.len(), &back))]);
    }
    let mut dx = dy.to_owned();
    for (axis, begin, end) in pads {
        let extent = shape[axis].ok_or_else(|| Reason::UnknownShape(x.into()))?;
        if extent == 0 {
            return Err(Reason::Form("its input is empty"));
        }
        let sources: Option<Vec<usize>> =
            (-begin..extent as i64 + end).map(|i| source(mode, i, extent as i64)).collect();
        let sources = sources.ok_or(Reason::Form("its mode does not fit its pads"))?;
        dx = tape.scatter(&dx, shape.len(), axis, &sources, extent)?;
    }
    Ok(vec![Some(dx)])
}

/// Which element of `0..extent` stands at `i`, which may lie outside.
fn source(mode: &str, i: i64, extent: i64) -> Option<usize> {
    let at = match mode {
        "edge" => i.clamp(0, extent - 1),
        "wrap" => i.rem_euclid(extent.max(1)),
        "reflect" if i < 0 => -i,
        "reflect" if i >= extent => 2 * (extent - 1) - i,
        "reflect" => i,
        _ => return None,
    };
    usize::try_from(at).ok().filter(|&at| at < extent as usize)
}
