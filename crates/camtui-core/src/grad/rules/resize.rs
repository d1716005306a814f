//! Values enlarged or made smaller along some axes, by nearest neighbour or linearly.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input, only_first_active};
use crate::grad::attributes::{find, int, ints, string};
use crate::grad::error::Reason;
use crate::grad::interpolate::{Axis, Method};
use crate::grad::shapes::axis;
use crate::grad::tape::Tape;

/// `y[i] = Σ W[i,q]·x[q]` along each axis, `W` depending on the extents only: `dx[q] = Σ W[i,q]·dy[i]`, a product with a
/// small constant matrix for each axis.
pub(super) fn resize(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let x = input(node, 0)?;
    let (from, to) = (tape.shape(x)?, tape.shape(&node.output[0])?);
    let rank = from.len();
    let method = method(node)?;
    let axes: Option<Vec<usize>> = match ints(node, "axes") {
        Some(axes) => axes.iter().map(|&a| axis(a, rank)).collect(),
        None => Some((0..rank).collect()),
    };
    let axes = axes.ok_or(Reason::Form("it names an axis that its input does not have"))?;
    let scales = node.input.get(2).and_then(|name| tape.shapes().floats(name)).map(<[f64]>::to_vec);
    let mut dx = dy.to_owned();
    for (n, &along) in axes.iter().enumerate() {
        let scale = scales.as_ref().and_then(|s| s.get(n)).copied();
        let (Some(input), Some(output)) = (from[along], to[along]) else {
            if scale.is_none_or(|s| (s - 1.0).abs() > 0.0) && node.input.get(3).is_none() {
                return Err(Reason::UnknownShape(x.into()));
            }
            continue; // the batch, which keeps its extent
        };
        let scale = scale.unwrap_or(output as f64 / input as f64);
        if input == output && (scale - 1.0).abs() < f64::EPSILON {
            continue;
        }
        if input == 0 {
            return Err(Reason::Form("its input is empty"));
        }
        tape.afford(output, input)?;
        let weights = Axis { input, output, scale }.weights(method);
        dx = tape.weigh(&dx, rank, along, &weights, input);
    }
    Ok(vec![Some(dx)])
}

fn method(node: &NodeProto) -> Result<Method<'_>, Reason> {
    let coordinates = string(node, "coordinate_transformation_mode").unwrap_or("half_pixel");
    if !Method::COORDINATES.contains(&coordinates) {
        return Err(Reason::Form("its way of counting coordinates has no rule"));
    }
    if int(node, "antialias").unwrap_or(0) != 0 {
        return Err(Reason::Form("it smooths while it makes smaller (antialias)"));
    }
    if find(node, "keep_aspect_ratio_policy").is_some_and(|a| a.s != b"stretch") {
        return Err(Reason::Form("it keeps the aspect ratio"));
    }
    match string(node, "mode").unwrap_or("nearest") {
        "nearest" => Ok(Method {
            coordinates,
            nearest: Some(string(node, "nearest_mode").unwrap_or("round_prefer_floor")),
        }),
        "linear" => Ok(Method { coordinates, nearest: None }),
        _ => Err(Reason::Form("its interpolation is neither nearest nor linear")),
    }
}
