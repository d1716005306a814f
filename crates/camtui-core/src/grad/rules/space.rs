//! Channels made into places and back: `PixelShuffle` and its inverse.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::attributes::string;
use crate::grad::error::Reason;
use crate::grad::shapes::blocksize;
use crate::grad::tape::Tape;

/// `y[c, h·b + i, w·b + j] = x[(i·b + j)·C + c, h, w]`, or in the mode `CRD` `x[c·b² + i·b + j, h, w]`: `dx` is `dy` put back.
pub(super) fn depth_to_space(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let (b, [_, height, width]) = (block(node)?, extents(tape, input(node, 0)?)?);
    let [channels, ..] = extents(tape, &node.output[0])?;
    // [N, C, H, i, W, j] to [N, i, j, C, H, W] or [N, C, i, j, H, W].
    let apart = tape.reshape(dy, &[-1, channels, height, b, width, b]);
    let perm = match string(node, "mode") {
        Some("CRD") => [0, 1, 3, 5, 2, 4],
        _ => [0, 3, 5, 1, 2, 4],
    };
    let turned = tape.transpose(&apart, &perm);
    Ok(vec![Some(tape.reshape_like(&turned, input(node, 0)?)?)])
}

/// `y[(i·b + j)·C + c, h, w] = x[c, h·b + i, w·b + j]`: `dx` is `dy` put back.
pub(super) fn space_to_depth(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let (b, [_, height, width]) = (block(node)?, extents(tape, &node.output[0])?);
    let [channels, ..] = extents(tape, input(node, 0)?)?;
    let apart = tape.reshape(dy, &[-1, b, b, channels, height, width]);
    let turned = tape.transpose(&apart, &[0, 3, 4, 1, 5, 2]);
    Ok(vec![Some(tape.reshape_like(&turned, input(node, 0)?)?)])
}

fn block(node: &NodeProto) -> Result<i64, Reason> {
    blocksize(node).ok_or(Reason::Form("it has no size of blocks"))
}

/// Channels, height and width.
fn extents(tape: &Tape, value: &str) -> Result<[i64; 3], Reason> {
    let extents = tape.extents(value)?;
    let extents: [usize; 3] = extents.try_into().map_err(|_| Reason::Form("its input is no picture"))?;
    Ok(extents.map(|d| d as i64))
}
