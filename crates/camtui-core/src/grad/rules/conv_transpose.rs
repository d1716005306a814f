//! Transposed convolution, with which decoders and some pooling replacements enlarge.

use crate::onnx::build;
use crate::onnx::pb::NodeProto;

use super::{Gradients, input, only_first_active};
use crate::grad::attributes::int;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;
use crate::grad::window::{Window, signed};

/// `y[o, s·p + d·k − b] += w[i,o,k]·x[i,p]`: `dx[i,p] = Σ w[i,o,k]·dy[o, s·p + d·k − b]`, which is the convolution of `dy`
/// with the same weight.
pub(super) fn conv_transpose(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let (x, weight) = (input(node, 0)?, input(node, 1)?);
    let spatial = tape.extents_from(x, 2)?;
    let kernel = tape.shapes().kernel(node).ok_or_else(|| Reason::UnknownShape(weight.into()))?;
    let window = Window::transposed(node, &spatial, &kernel)
        .ok_or(Reason::Form("its attributes contradict each other"))?;
    let attributes = vec![
        build::int("group", int(node, "group").unwrap_or(1)),
        build::ints("kernel_shape", &signed(&window.kernel)),
        build::ints("strides", &signed(&window.stride)),
        build::ints("dilations", &signed(&window.dilation)),
        build::ints("pads", &[signed(&window.begin), signed(&window.end)].concat()),
    ];
    let mut dx = tape.op("Conv", &[dy, weight], attributes);
    // An output padding of a stride or more makes room for positions that `x` does not have.
    let room = |a: usize| window.input[a] + window.begin[a] + window.end[a] - window.reach(a);
    if (0..window.rank()).any(|a| room(a) / window.stride[a] + 1 > window.output[a]) {
        let axes: Vec<i64> = (2..2 + window.rank() as i64).collect();
        let (starts, steps) = (vec![0; axes.len()], vec![1; axes.len()]);
        dx = tape.slice(&dx, &axes, &starts, &signed(&window.output), &steps);
    }
    Ok(vec![Some(dx)])
}
