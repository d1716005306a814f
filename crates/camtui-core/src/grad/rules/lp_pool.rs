//! Pooling by the p-norm over a sliding window.

use crate::onnx::pb::NodeProto;

use super::average_pool::windows_back;
use super::elementary::sign;
use super::{Gradients, input};
use crate::grad::attributes::int;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y[p] = (Σ |x[q]|ⁿ)^(1/n)` over the window at `p`: `dx[q] = sign(x)·|x|ⁿ⁻¹ · Σ dy[p]·y[p]^(1−n)` over the windows that
/// hold `q`; a window of zeros passes nothing.
///
/// (tract 0.23 has no `LpPool`, so a network with one runs on other runtimes only.)
pub(super) fn lp_pool(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let (x, y) = (input(node, 0)?, node.output[0].as_str());
    let power = int(node, "p").unwrap_or(2);
    let window = tape.window(node)?;
    let (zero, one) = (tape.scalar(0.0), tape.scalar(1.0));
    let none = tape.op("Equal", &[y, &zero], vec![]);
    let norm = tape.choose(&none, &one, y);
    let exponent = tape.scalar(1.0 - power as f64);
    let weight = tape.op("Pow", &[&norm, &exponent], vec![]);
    let weighed = tape.mul(dy, &weight);
    let gathered = windows_back(tape, &window, &weighed)?;
    let sign = sign(tape, x);
    let size = tape.map("Abs", x);
    let exponent = tape.scalar(power as f64 - 1.0);
    let steep = tape.op("Pow", &[&size, &exponent], vec![]);
    let slope = tape.mul(&sign, &steep);
    Ok(vec![Some(tape.mul(&gathered, &slope))])
}
