//! Max pooling: each window's gradient goes to its maximum.

use crate::onnx::pb::NodeProto;

use super::global_max_pool::global_max_pool;
use super::{Gradients, input};
use crate::grad::bounds::product;
use crate::grad::error::Reason;
use crate::grad::notes::MaxPoolGradient;
use crate::grad::tape::Tape;
use crate::grad::window::Window;
use crate::onnx::build;

/// The most elements of a window that is followed element by element: 32 × 32.
const MOST: u64 = 1 << 10;

/// `y[p] = max x[s·p + d·k − b]` over `k`: `dx[q] = Σ dy[p]` over the windows `p` whose first maximum is `q`.
///
/// For each offset `k` the elements that all windows see at `k` are a strided slice of the padded `x`; where they equal
/// `y` they take the window's gradient. Windows with several maxima give it to the first in scan order, as PyTorch
/// does: what one offset takes is subtracted before the next one looks. (ReLU makes ties of zeros common; behind it
/// they don't matter, but other ties do.)
///
/// The slices are taken from the phases of `x` (`x[s·p + r]` for each remainder `r`), which are as dense as `y`, and the
/// gradients are summed phase by phase and woven together once at the end. One window over everything is a global
/// maximum, of whatever size.
pub(super) fn max_pool(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    if node.output.get(1).is_some_and(|o| !o.is_empty()) {
        return Err(Reason::Form("its indices are used"));
    }
    let x = input(node, 0)?;
    let y = node.output[0].as_str();
    let window = tape.window(node)?;
    let channels = tape.extents(x)?[0];
    if window.covers_all() {
        return global_max_pool(tape, node, dy);
    }
    // Each takes a few nodes.
    let count = |extents: &[usize]| product(extents.iter().copied());
    if count(&window.kernel).max(count(&window.stride)) > MOST {
        return Err(Reason::Form("its windows are larger than they are followed in"));
    }
    let rank = window.rank();
    let spatial: Vec<i64> = (2..2 + rank as i64).collect();

    // The length of a phase, such that all of them together hold the padded input and every window.
    let length: Vec<usize> = (0..rank)
        .map(|a| {
            let covered = (window.output[a] - 1) * window.stride[a] + window.reach(a);
            covered.max(window.begin[a] + window.input[a]).div_ceil(window.stride[a])
        })
        .collect();
    let padded = pad(tape, x, &window, &length);
    let phases = grid(&window.stride);
    let phase_of = |k: &[usize], a: usize| (k[a] * window.dilation[a]) % window.stride[a];
    let offset = |k: &[usize], a: usize| (k[a] * window.dilation[a]) / window.stride[a];

    let whole: Vec<i64> = (0..rank).map(|a| (length[a] * window.stride[a]) as i64).collect();
    let steps: Vec<i64> = window.stride.iter().map(|&s| s as i64).collect();
    let seen: Vec<String> = phases
        .iter()
        .map(|phase| {
            let starts: Vec<i64> = phase.iter().map(|&r| r as i64).collect();
            if steps.iter().all(|&s| s == 1) {
                padded.clone()
            } else {
                tape.slice(&padded, &spatial, &starts, &whole, &steps)
            }
        })
        .collect();

    let mut sums: Vec<Option<String>> = vec![None; phases.len()];
    let mut left = dy.to_owned();
    let offsets = grid(&window.kernel);
    for (n, k) in offsets.iter().enumerate() {
        let which = phases
            .iter()
            .position(|phase| (0..rank).all(|a| phase[a] == phase_of(k, a)))
            .expect("a remainder is one of the phases");
        let starts: Vec<i64> = (0..rank).map(|a| offset(k, a) as i64).collect();
        let ends: Vec<i64> = (0..rank).map(|a| (offset(k, a) + window.output[a]) as i64).collect();
        let ones = vec![1; rank];
        let elements = tape.slice(&seen[which], &spatial, &starts, &ends, &ones);
        let is_maximum = tape.op("Equal", &[&elements, y], vec![]);
        let is_maximum = tape.indicator(&is_maximum);
        let taken = tape.mul(&left, &is_maximum);
        if n + 1 < offsets.len() {
            left = tape.sub(&left, &taken);
        }
        let after: Vec<i64> = (0..rank).map(|a| length[a] as i64 - ends[a]).collect();
        let placed = zero_pad(tape, &taken, &starts, &after);
        sums[which] = Some(match sums[which].take() {
            Some(sum) => tape.add(&sum, &placed),
            None => placed,
        });
    }
    let woven = weave(tape, &seen, sums, &window, &length, channels);
    let starts: Vec<i64> = window.begin.iter().map(|&b| b as i64).collect();
    let ends: Vec<i64> = (0..rank).map(|a| (window.begin[a] + window.input[a]) as i64).collect();
    let dx = tape.slice(&woven, &spatial, &starts, &ends, &vec![1; rank]);
    let two = |numbers: &[usize]| <[usize; 2]>::try_from(numbers).ok();
    if let (Some(kernel), Some(stride), Some(dilation), Some(begin)) =
        (two(&window.kernel), two(&window.stride), two(&window.dilation), two(&window.begin))
        && let Some(last) = tape.nodes.last_mut()
    {
        let [x, y, dy] = [x, y, dy].map(str::to_owned);
        MaxPoolGradient { x, y, dy, kernel, stride, dilation, begin }.leave(last);
    }
    Ok(vec![Some(dx)])
}

/// `x` with −∞ around it, out to whole phases.
fn pad(tape: &mut Tape, x: &str, window: &Window, length: &[usize]) -> String {
    let after = |a: usize| length[a] * window.stride[a] - window.begin[a] - window.input[a];
    let begin = window.begin.iter().map(|&b| b as i64);
    let end = (0..window.rank()).map(|a| after(a) as i64);
    let pads: Vec<i64> = [0, 0].into_iter().chain(begin).chain([0, 0]).chain(end).collect();
    if pads.iter().all(|&p| p == 0) {
        return x.to_owned();
    }
    let pads = tape.integers(&pads);
    let lowest = tape.scalar(f64::NEG_INFINITY);
    tape.op("Pad", &[x, &pads, &lowest], vec![])
}

fn zero_pad(tape: &mut Tape, value: &str, before: &[i64], after: &[i64]) -> String {
    if before.iter().chain(after).all(|&p| p == 0) {
        return value.to_owned();
    }
    let pads = tape.integers(&[&[0, 0], before, &[0, 0], after].concat());
    let zero = tape.scalar(0.0);
    tape.op("Pad", &[value, &pads, &zero], vec![])
}

/// Puts the phases back between each other, one axis after the other, the last one first.
fn weave(
    tape: &mut Tape,
    seen: &[String],
    sums: Vec<Option<String>>,
    window: &Window,
    length: &[usize],
    channels: usize,
) -> String {
    // A phase that no window looks at (a stride larger than the kernel) has no gradient.
    let mut parts: Vec<String> = Vec::with_capacity(sums.len());
    for (sum, seen) in sums.into_iter().zip(seen) {
        parts.push(sum.unwrap_or_else(|| {
            let never = tape.op("Less", &[seen, seen], vec![]);
            tape.indicator(&never)
        }));
    }
    let mut extents: Vec<i64> = length.iter().map(|&l| l as i64).collect();
    for axis in (0..window.rank()).rev() {
        let stride = window.stride[axis];
        if stride == 1 {
            continue;
        }
        let mut apart = vec![0, channels as i64];
        apart.extend(&extents);
        apart.insert(axis + 3, 1);
        extents[axis] *= stride as i64;
        let joined: Vec<i64> = [0, channels as i64].into_iter().chain(extents.iter().copied()).collect();
        parts = parts
            .chunks(stride)
            .map(|chunk| {
                let apart: Vec<String> = chunk.iter().map(|part| tape.reshape(part, &apart)).collect();
                let apart: Vec<&str> = apart.iter().map(String::as_str).collect();
                let concat = tape.op("Concat", &apart, vec![build::int("axis", axis as i64 + 3)]);
                tape.reshape(&concat, &joined)
            })
            .collect();
    }
    parts.swap_remove(0)
}

/// All index tuples below `extents`, in scan order.
fn grid(extents: &[usize]) -> Vec<Vec<usize>> {
    extents.iter().fold(vec![vec![]], |prefixes, &n| {
        let next = |p: &Vec<usize>| (0..n).map(|i| [p.as_slice(), &[i]].concat()).collect::<Vec<_>>();
        prefixes.iter().flat_map(next).collect()
    })
}
