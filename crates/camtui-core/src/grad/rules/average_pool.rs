//! Average pooling over a sliding window.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::attributes::int;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;
use crate::grad::window::{Window, signed};
use crate::onnx::build;

/// `y[p] = Σ x[q] / n(p)` over the window at `p`: `dx[q] = Σ dy[p] / n(p)` over the windows that hold `q`.
///
/// The sum is a transposed convolution with a kernel of ones, one channel at a time: channels stand in the batch
/// axis, so that the kernel is a single one. `n` counts the padding only with `count_include_pad`.
pub(super) fn average_pool(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let window = tape.window(node)?;
    let channels = tape.extents(x)?[0];
    let padded = int(node, "count_include_pad").unwrap_or(0) == 1;
    let shares: Vec<f64> =
        positions(&window.output).iter().map(|p| 1.0 / count(&window, p, padded)).collect();
    let name = format!("shares/{}", node.output[0]);
    let shares = tape.floats(&name, &window.output, &shares);
    let shared = tape.mul(dy, &shares);
    Ok(vec![Some(windows_back(tape, &window, channels, &shared))])
}

/// For each element, the sum over the windows that hold it of what `value` has for them.
pub(super) fn windows_back(tape: &mut Tape, window: &Window, channels: usize, value: &str) -> String {
    let rank = window.rank();
    let single = tape.reshape(value, &[&[-1, 1], signed(&window.output).as_slice()].concat());
    let kernel: Vec<usize> = [1, 1].into_iter().chain(window.kernel.iter().copied()).collect();
    let size: Vec<String> = window.kernel.iter().map(usize::to_string).collect();
    let ones = vec![1.0; window.kernel.iter().product()];
    let ones = tape.floats(&format!("ones/{}", size.join("x")), &kernel, &ones);
    // A window that rounding up let hang over the end reaches past the padding: cut that off too. What no window
    // reaches is made up for with zeros.
    let (mut end, mut rest) = (Vec::new(), Vec::new());
    for a in 0..rank {
        let covered = (window.output[a] - 1) * window.stride[a] + window.reach(a);
        let wanted = window.begin[a] + window.input[a];
        end.push(covered.saturating_sub(wanted) as i64);
        rest.push((2 + a, 0, wanted.saturating_sub(covered) as i64));
    }
    let spread = tape.op(
        "ConvTranspose",
        &[&single, &ones],
        vec![
            build::ints("kernel_shape", &signed(&window.kernel)),
            build::ints("strides", &signed(&window.stride)),
            build::ints("dilations", &signed(&window.dilation)),
            build::ints("pads", &[signed(&window.begin), end].concat()),
        ],
    );
    let whole = tape.pad(&spread, 2 + rank, &rest);
    tape.reshape(&whole, &[&[-1, channels as i64], signed(&window.input).as_slice()].concat())
}

/// All positions of a grid, in scan order.
fn positions(grid: &[usize]) -> Vec<Vec<usize>> {
    grid.iter().fold(vec![vec![]], |prefixes, &n| {
        let next = |p: &Vec<usize>| (0..n).map(|i| [p.as_slice(), &[i]].concat()).collect::<Vec<_>>();
        prefixes.iter().flat_map(next).collect()
    })
}

/// How many elements the window at `position` averages over.
fn count(window: &Window, position: &[usize], padded: bool) -> f64 {
    let along = |a: usize| {
        let (low, high) = if padded {
            (0, window.begin[a] + window.input[a] + window.end[a])
        } else {
            (window.begin[a], window.begin[a] + window.input[a])
        };
        let at = |k: usize| position[a] * window.stride[a] + k * window.dilation[a];
        (0..window.kernel[a]).filter(|&k| (low..high).contains(&at(k))).count()
    };
    (0..window.rank()).map(along).product::<usize>().max(1) as f64
}
