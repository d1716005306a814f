//! Normalisation by the statistics of the value itself: of an instance, a layer, a group of channels.
//!
//! All three bring `x` to mean 0 and variance 1 over some axes, then scale and shift it: `y = γ·x̂ + β` with
//! `x̂ = (x − μ)/s`, `s = √(σ² + ε)`. With `g = γ·dy`, `dx = (g − mean(g) − x̂·mean(g·x̂)) / s`: what moves the mean or
//! the variance is taken away. (Ba, Kiros and Hinton, Layer normalization, 2016; Wu and He, Group normalization, 2018;
//! Ulyanov et al., Instance normalization, 2016.)

use crate::onnx::pb::NodeProto;

use super::{Gradients, axis_of, input, only_first_active};
use crate::grad::attributes::{float, int};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// Each channel of each picture by itself: the statistics are over all positions.
pub(super) fn instance(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let (x, scale) = (input(node, 0)?, input(node, 1)?);
    let spatial = tape.extents_from(x, 2)?;
    let scale = tape.reshape(scale, &[vec![-1], vec![1; spatial.len()]].concat());
    let g = tape.mul(dy, &scale);
    let axes: Vec<i64> = (2..2 + spatial.len() as i64).collect();
    Ok(vec![Some(back(tape, node, x, &g, &axes, spatial.iter().product()))])
}

/// All axes from one on together.
pub(super) fn layer(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let (x, scale) = (input(node, 0)?, input(node, 1)?);
    let rank = tape.shape(x)?.len();
    let axis = axis_of(node, "axis", -1, rank)?;
    let count = tape.extents_from(x, axis)?.iter().product();
    let g = tape.mul(dy, scale);
    let axes: Vec<i64> = (axis as i64..rank as i64).collect();
    Ok(vec![Some(back(tape, node, x, &g, &axes, count))])
}

/// Channels in groups: the statistics are over a group's channels and all positions.
///
/// Before opset 21 `γ` holds one number a group, since then one a channel.
pub(super) fn group(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let (x, scale) = (input(node, 0)?, input(node, 1)?);
    let extents = tape.extents(x)?;
    let groups = int(node, "num_groups").ok_or(Reason::Form("it says no number of groups"))?;
    let whole: usize = extents.iter().product();
    if groups < 1 || extents.first().is_none_or(|&channels| channels as i64 % groups != 0) {
        return Err(Reason::Form("its groups do not divide the channels"));
    }
    let grouped = [0, groups, whole as i64 / groups];
    let g = if tape.opset < 21 {
        let scale = tape.reshape(scale, &[-1, 1]);
        let dy = tape.reshape(dy, &grouped);
        tape.mul(&dy, &scale)
    } else {
        let scale = tape.reshape(scale, &[vec![-1], vec![1; extents.len() - 1]].concat());
        let g = tape.mul(dy, &scale);
        tape.reshape(&g, &grouped)
    };
    let grouped_x = tape.reshape(x, &grouped);
    let dx = back(tape, node, &grouped_x, &g, &[2], whole / groups as usize);
    Ok(vec![Some(tape.reshape_like(&dx, x)?)])
}

/// From `g`, the gradient of `x̂`, to that of `x`.
fn back(tape: &mut Tape, node: &NodeProto, x: &str, g: &str, axes: &[i64], count: usize) -> String {
    let epsilon = f64::from(float(node, "epsilon").unwrap_or(1e-5));
    let mean = |tape: &mut Tape, value: &str| {
        let sum = tape.sum(value, axes);
        tape.scale(&sum, 1.0 / count as f64)
    };
    let mu = mean(tape, x);
    let centred = tape.sub(x, &mu);
    let square = tape.mul(&centred, &centred);
    let variance = mean(tape, &square);
    let variance = tape.shift(&variance, epsilon);
    let s = tape.map("Sqrt", &variance);
    let normal = tape.div(&centred, &s);
    let mean_g = mean(tape, g);
    let product = tape.mul(g, &normal);
    let mean_product = mean(tape, &product);
    let along = tape.mul(&normal, &mean_product);
    let rest = tape.sub(g, &mean_g);
    let rest = tape.sub(&rest, &along);
    tape.div(&rest, &s)
}
