//! Local response normalisation across channels, as `AlexNet` and `GoogLeNet` had it.

use crate::onnx::pb::NodeProto;

use super::{Gradients, input};
use crate::grad::attributes::{float, int};
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y = x · D^(−β)`, `D = k + α/n · S(x²)`, S summing over the `n` neighbouring channels:
/// `dx = dy · D^(−β) − 2αβ/n · x · Sᵀ(dy · x · D^(−β−1))`.
pub(super) fn lrn(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let x = input(node, 0)?;
    let extents = tape.extents(x)?;
    let Some(&channels) = extents.first() else { return Err(Reason::Form("its input has no channels")) };
    let rank = extents.len() + 1;
    let read = |name: &str, default: f32| f64::from(float(node, name).unwrap_or(default));
    let (alpha, beta, bias) = (read("alpha", 1e-4), read("beta", 0.75), read("bias", 1.0));
    let size =
        int(node, "size").filter(|&n| (1..=1024).contains(&n)).ok_or(Reason::Form("it has no size"))?;
    let (before, after) = ((size - 1) / 2, size / 2);
    let share = alpha / size as f64;

    let square = tape.mul(x, x);
    let sum = neighbours(tape, &square, rank, channels, before, after);
    let sum = tape.scale(&sum, share);
    let d = tape.shift(&sum, bias);
    let (exponent, steeper) = (tape.scalar(-beta), tape.scalar(-beta - 1.0));
    let factor = tape.op("Pow", &[&d, &exponent], vec![]);
    let steep = tape.op("Pow", &[&d, &steeper], vec![]);
    let direct = tape.mul(dy, &factor);
    let through = tape.mul(dy, x);
    let through = tape.mul(&through, &steep);
    let through = neighbours(tape, &through, rank, channels, after, before);
    let through = tape.mul(x, &through);
    let through = tape.scale(&through, 2.0 * beta * share);
    Ok(vec![Some(tape.sub(&direct, &through))])
}

/// The sum over the channels from `before` below to `after` above.
fn neighbours(tape: &mut Tape, value: &str, rank: usize, channels: usize, before: i64, after: i64) -> String {
    let padded = tape.pad(value, rank, &[(1, before, after)]);
    let mut sum: Option<String> = None;
    for start in 0..=before + after {
        let part = tape.slice(&padded, &[1], &[start], &[start + channels as i64], &[1]);
        sum = Some(match sum {
            Some(sum) => tape.add(&sum, &part),
            None => part,
        });
    }
    sum.expect("a channel is its own neighbour")
}
