//! Average pooling over a sliding window.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::attributes::int;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;
use crate::grad::window::Window;

/// `y[p] = Σ x[q] / n(p)` over the window at `p`: `dx[q] = Σ dy[p] / n(p)` over the windows that hold `q`.
///
/// A window is a product of one interval an axis, and `n` of their lengths, so that `y` is `x` times a matrix along each
/// axis. `n` counts the padding only with `count_include_pad`. (A transposed convolution with ones says the same, but
/// tract 0.23 cannot always compile one of a single channel.)
pub(super) fn average_pool(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let window = tape.window(node)?;
    let padded = int(node, "count_include_pad").unwrap_or(0) == 1;
    let mut dx = dy.to_owned();
    for a in 0..window.rank() {
        tape.afford(window.output[a], window.input[a].max(window.kernel[a]))?;
        let weights = intervals(&window, a, |inside, with_padding| {
            1.0 / (if padded { with_padding } else { inside }).max(1) as f64
        });
        dx = tape.weigh(&dx, tape.shape(x)?.len(), 2 + a, &weights, window.input[a]);
    }
    Ok(vec![Some(dx)])
}

/// For each position of a window, the sum of `value` over the elements that it holds: one matrix an axis.
pub(in crate::grad) fn sum_along(tape: &mut Tape, window: &Window, value: &str) -> Result<String, Reason> {
    (0..window.rank()).try_fold(value.to_owned(), |value, a| {
        tape.afford(window.output[a], window.input[a].max(window.kernel[a]))?;
        let (positions, elements) = (window.output[a], window.input[a]);
        let weights = intervals(window, a, |_, _| 1.0);
        let turned: Vec<f64> = (0..elements)
            .flat_map(|q| (0..positions).map(move |p| (p, q)))
            .map(|(p, q)| weights[p * elements + q])
            .collect();
        Ok(tape.weigh(&value, 2 + window.rank(), 2 + a, &turned, positions))
    })
}

/// The matrix `[positions, elements]` along an axis: an entry for each element in a position's interval, which depends on
/// how many elements it has, without the padding and with it.
fn intervals(window: &Window, a: usize, entry: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut matrix = vec![0.0; window.output[a] * window.input[a]];
    let whole = window.begin[a] + window.input[a] + window.end[a];
    for (p, row) in matrix.chunks_mut(window.input[a].max(1)).enumerate() {
        let at = (0..window.kernel[a]).map(|k| p * window.stride[a] + k * window.dilation[a]);
        let with_padding = at.clone().filter(|&q| q < whole).count();
        let inside: Vec<usize> =
            at.filter_map(|q| q.checked_sub(window.begin[a])).filter(|&q| q < window.input[a]).collect();
        let value = entry(inside.len(), with_padding);
        for q in inside {
            row[q] = value;
        }
    }
    matrix
}
