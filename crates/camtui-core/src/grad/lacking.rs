//! Operators that the runtime lacks, written in others before the backward pass, which then goes through those.

use crate::onnx::build::ints;
use crate::onnx::pb::{GraphProto, NodeProto, tensor_proto::DataType};

use super::attributes::int;
use super::backward::default_domain;
use super::error::Reason;
use super::interface::IMAGE;
use super::rules::sum_along;
use super::tape::Tape;
use super::window::{Window, signed};

/// Rewrites what tract 0.23 lacks of `graph`, whose picture is `image` already: `LpPool`.
pub(super) fn rewrite(graph: &mut GraphProto, element: DataType, opset: i64) {
    let lacking = |node: &NodeProto| node.op_type == "LpPool" && default_domain(node);
    if !graph.node.iter().any(lacking) {
        return;
    }
    let mut tape = Tape::new(graph, IMAGE, element, opset);
    tape.part = "forward";
    for node in std::mem::take(&mut graph.node) {
        let written = if lacking(&node) { lp_pool(&mut tape, &node) } else { Err(Reason::NoRule) };
        let mut nodes = std::mem::take(&mut tape.nodes);
        match (written, nodes.last_mut()) {
            (Ok(()), Some(last)) => {
                last.name.clone_from(&node.name);
                last.output.clone_from(&node.output);
                graph.node.append(&mut nodes);
            }
            // Its form is one that is not known, and is answered where it is run.
            _ => graph.node.push(node),
        }
    }
    graph.initializer.append(&mut tape.constants);
}

/// `y[p] = (Σ |x[q]|ⁿ)^(1/n)` over the window at `p`: the average times the window's size is the sum.
///
/// The root of a window of zeros is taken of one, and zero put in its place, so that its gradient is zero and not none.
fn lp_pool(tape: &mut Tape, node: &NodeProto) -> Result<(), Reason> {
    let (Some(x), [_]) = (node.input.first(), node.output.as_slice()) else {
        return Err(Reason::Form("it lacks an input"));
    };
    let power = int(node, "p").unwrap_or(2);
    if power < 1 {
        return Err(Reason::Form("its power is none of a norm"));
    }
    let window = tape.window(node)?;
    let powers = match power {
        1 => tape.map("Abs", x),
        2 => tape.mul(x, x),
        _ => {
            let (size, exponent) = (tape.map("Abs", x), tape.scalar(power as f64));
            tape.op("Pow", &[&size, &exponent], vec![])
        }
    };
    let sum = sum_in_windows(tape, &window, &powers)?;
    if power > 1 {
        let (zero, one) = (tape.scalar(0.0), tape.scalar(1.0));
        let none = tape.op("Equal", &[&sum, &zero], vec![]);
        let safe = tape.choose(&none, &one, &sum);
        let root = if power == 2 {
            tape.map("Sqrt", &safe)
        } else {
            let exponent = tape.scalar(1.0 / power as f64);
            tape.op("Pow", &[&safe, &exponent], vec![])
        };
        tape.choose(&none, &zero, &root);
    }
    Ok(())
}

/// The sum of `value` over each position of `window`.
fn sum_in_windows(tape: &mut Tape, window: &Window, value: &str) -> Result<String, Reason> {
    let rank = 2 + window.rank();
    if window.dilation.iter().zip(&window.kernel).any(|(&step, &size)| step > 1 && size > 1) {
        return sum_along(tape, window, value);
    }
    // As much padding as the last position reaches: rounding up may leave more or less than the node says.
    let along: Vec<(usize, i64, i64)> = (0..window.rank())
        .map(|a| {
            let reach = (window.output[a] - 1) * window.stride[a] + window.kernel[a];
            let end = reach.saturating_sub(window.begin[a] + window.input[a]);
            (2 + a, window.begin[a] as i64, end as i64)
        })
        .collect();
    let padded = tape.pad(value, rank, &along);
    let attributes =
        vec![ints("kernel_shape", &signed(&window.kernel)), ints("strides", &signed(&window.stride))];
    let average = tape.op("AveragePool", &[&padded], attributes);
    Ok(tape.scale(&average, window.kernel.iter().map(|&k| k as f64).product()))
}
