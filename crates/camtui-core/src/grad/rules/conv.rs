//! Convolution over any number of spatial axes: strides, dilations, groups, uneven padding.

use super::{Gradients, input, only_first_active};
use crate::grad::attributes::int;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;
use crate::grad::window::{Window, signed};
use crate::onnx::build;
use crate::onnx::pb::{AttributeProto, NodeProto};

/// `y[o,p] = Σ w[o,i,k]·x[i, s·p + d·k − b]`: `dx[i,q] = Σ w[o,i,k]·dy[o,p]` over all `p`, `k` with
/// `s·p + d·k − b = q`.
///
/// For stride 1 that sum is itself a convolution, of `dy` with the kernel turned over in space and its channels exchanged,
/// padded by `d·(k−1) − b`. For larger strides (or more padding than the kernel reaches) it is the transposed
/// convolution. The first form is the quicker one where it applies; both read the forward weight, so that the
/// file holds it once.
pub(super) fn conv(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let weight = input(node, 1)?;
    let window = tape.window(node)?;
    let group = int(node, "group").unwrap_or(1);
    let turned = window.stride.iter().all(|&s| s == 1)
        && (0..window.rank()).all(|a| window.begin[a].max(window.end[a]) < window.reach(a));
    let dx = if turned {
        let kernel = turn(tape, weight, group)?;
        let pad = |padding: &[usize]| -> Vec<i64> {
            (0..window.rank()).map(|a| (window.reach(a) - 1 - padding[a]) as i64).collect()
        };
        let pads = [pad(&window.begin), pad(&window.end)].concat();
        let mut attributes = common(&window, group);
        attributes.push(build::ints("pads", &pads));
        tape.op("Conv", &[dy, &kernel], attributes)
    } else {
        // What the stride left over at the end: input elements that no window reached.
        let rest = (0..window.rank())
            .map(|a| {
                let covered = (window.output[a] - 1) * window.stride[a] + window.reach(a);
                (window.input[a] + window.begin[a] + window.end[a] - covered) as i64
            })
            .collect::<Vec<_>>();
        let mut attributes = common(&window, group);
        attributes.push(build::ints("strides", &signed(&window.stride)));
        attributes.push(build::ints("pads", &[signed(&window.begin), signed(&window.end)].concat()));
        attributes.push(build::ints("output_padding", &rest));
        tape.op("ConvTranspose", &[dy, weight], attributes)
    };
    let mut gradients = vec![None; node.input.len()];
    gradients[0] = Some(dx);
    Ok(gradients)
}

fn common(window: &Window, group: i64) -> Vec<AttributeProto> {
    vec![
        build::int("group", group),
        build::ints("kernel_shape", &signed(&window.kernel)),
        build::ints("dilations", &signed(&window.dilation)),
    ]
}

/// `[g·O, I, k…] → [g·I, O, k…]`, each kernel turned over in space.
fn turn(tape: &mut Tape, weight: &str, group: i64) -> Result<String, Reason> {
    let shape: Option<Vec<usize>> = tape.shape(weight)?.into_iter().collect();
    let shape = shape.ok_or_else(|| Reason::UnknownShape(weight.into()))?;
    if shape.len() < 3 || group < 1 || shape[0] as i64 % group != 0 {
        return Err(Reason::Form("its groups do not divide the channels"));
    }
    let spatial = shape.len() as i64 - 2;
    let (outputs, inputs) = (shape[0] as i64 / group, shape[1] as i64);
    let kernel: Vec<i64> = shape[2..].iter().map(|&k| k as i64).collect();
    Ok(tape.derive(format!("turned {group} {weight}"), |tape| {
        let mut turned = weight.to_owned();
        let axes: Vec<i64> = (2..2 + spatial).filter(|&a| kernel[a as usize - 2] > 1).collect();
        if !axes.is_empty() {
            let ones = vec![-1; axes.len()];
            turned = tape.slice(&turned, &axes, &ones, &vec![i64::MIN; axes.len()], &ones);
        }
        if group == 1 {
            let perm: Vec<i64> = [1, 0].into_iter().chain(2..2 + spatial).collect();
            turned = tape.transpose(&turned, &perm);
        } else if outputs != 1 || inputs != 1 {
            turned = tape.reshape(&turned, &[&[group, outputs, inputs], kernel.as_slice()].concat());
            turned =
                tape.transpose(&turned, &[0, 2, 1].into_iter().chain(3..3 + spatial).collect::<Vec<_>>());
            turned = tape.reshape(&turned, &[&[group * inputs, outputs], kernel.as_slice()].concat());
        }
        turned
    }))
}
