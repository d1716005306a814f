//! What each operator makes of its inputs' shapes.

use crate::grad::attributes::{find, int, ints};
use crate::grad::window::Window;
use crate::onnx::pb::NodeProto;

use super::extent::Extent::{self, Fixed, Open};
use super::{Shapes, axis};

type Extents = Vec<Extent>;

/// More elements of an axis than this are not followed one by one.
const MOST: u64 = 1 << 22;

/// Operators whose only output has the shape of their first input.
const LIKE_THE_FIRST: [&str; 48] = [
    "Abs",
    "Atan",
    "BatchNormalization",
    "Cast",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "CumSum",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "Identity",
    "InstanceNormalization",
    "LRN",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "Mish",
    "Neg",
    "Not",
    "PRelu",
    "Reciprocal",
    "Relu",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Trilu",
];

impl Shapes {
    /// The shapes of a node's outputs, as far as they can be told.
    pub(super) fn outputs(&self, node: &NodeProto) -> Option<Vec<Extents>> {
        if node.op_type == "Split" {
            return self.split(node);
        }
        self.output(node).map(|shape| vec![shape])
    }

    fn output(&self, node: &NodeProto) -> Option<Extents> {
        let input = |i: usize| self.known.get(node.input.get(i)?);
        match node.op_type.as_str() {
            operator if LIKE_THE_FIRST.contains(&operator) => input(0).cloned(),
            "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Pow" | "Min" | "Max" | "Sum" | "Mean" | "Where"
            | "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Xor" => {
                let mut shapes = (0..node.input.len()).map(input);
                let first = shapes.next()??.clone();
                shapes.try_fold(first, |shape, other| broadcast(&shape, other?))
            }
            "Tile" => {
                let times = self.integers.get(node.input.get(1)?)?;
                let x = input(0)?;
                (times.len() == x.len()).then(|| x.iter().zip(times).map(|(d, t)| d.mul(*t)).collect())
            }
            "Expand" => broadcast(input(0)?, self.integers.get(node.input.get(1)?)?),
            "Conv" => {
                let channels = *input(1)?.first()?;
                windowed(input(0)?, channels, &self.window(node)?.output)
            }
            "ConvTranspose" => {
                let per_group = *input(1)?.get(1)?;
                let spatial: Vec<usize> =
                    input(0)?.get(2..)?.iter().map(|e| e.fixed()).collect::<Option<_>>()?;
                let output = Window::transposed(node, &spatial, &self.kernel(node)?)?.input;
                windowed(input(0)?, per_group.mul(Fixed(int(node, "group").unwrap_or(1))), &output)
            }
            "MaxPool" | "AveragePool" | "LpPool" => {
                let x = input(0)?;
                windowed(x, *x.get(1)?, &self.window(node)?.output)
            }
            "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => {
                let x = input(0)?;
                Some(x.iter().enumerate().map(|(axis, &d)| if axis < 2 { d } else { Fixed(1) }).collect())
            }
            "ReduceSum" => self.reduced(node, 13),
            "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceL1" | "ReduceL2" | "ReduceSumSquare"
            | "ReduceProd" | "ReduceLogSum" | "ReduceLogSumExp" => self.reduced(node, 18),
            "Gemm" => {
                let at = |i: usize, transposed: &str, axis: usize| {
                    let transposed = int(node, transposed).unwrap_or(0) == 1;
                    input(i)?.get(if transposed { 1 - axis } else { axis }).copied()
                };
                Some(vec![at(0, "transA", 0)?, at(1, "transB", 1)?])
            }
            "MatMul" => {
                let (a, b) = (input(0)?, input(1)?);
                let (m, n) = (a.len().checked_sub(2)?, b.len().checked_sub(2)?);
                let mut shape = broadcast(&a[..m], &b[..n])?;
                shape.extend([a[m], b[n + 1]]);
                Some(shape)
            }
            _ => self.moved(node),
        }
    }

    /// The same for operators that move values and compute none.
    fn moved(&self, node: &NodeProto) -> Option<Extents> {
        let input = |i: usize| self.known.get(node.input.get(i)?);
        match node.op_type.as_str() {
            "Flatten" => {
                let x = input(0)?;
                let at = int(node, "axis").unwrap_or(1);
                let at = if at == x.len() as i64 { x.len() } else { axis(at, x.len())? };
                Some(vec![Extent::product(&x[..at]), Extent::product(&x[at..])])
            }
            "Reshape" => {
                let zero_is_zero = int(node, "allowzero").unwrap_or(0) != 0;
                Some(reshaped(input(0)?, self.integers.get(node.input.get(1)?)?, zero_is_zero))
            }
            "Squeeze" => {
                let x = input(0)?;
                let axes = match self.axes(node, 13, x.len())? {
                    axes if !axes.is_empty() => axes,
                    _ if x.contains(&Open) => return None,
                    _ => (0..x.len()).filter(|&a| x[a] == Fixed(1)).collect(),
                };
                let kept = x.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
                Some(kept.map(|(_, &d)| d).collect())
            }
            "Unsqueeze" => {
                let x = input(0)?;
                let named = match ints(node, "axes") {
                    Some(axes) if self.opset < 13 => axes.to_vec(),
                    _ => self.integers(node.input.get(1)?)?,
                };
                let rank = x.len() + named.len();
                let axes: Vec<usize> = named.iter().map(|&a| axis(a, rank)).collect::<Option<_>>()?;
                let mut rest = x.iter();
                (0..rank)
                    .map(|a| if axes.contains(&a) { Some(Fixed(1)) } else { rest.next().copied() })
                    .collect()
            }
            "Transpose" => {
                let x = input(0)?;
                let reversed: Vec<i64> = (0..x.len() as i64).rev().collect();
                let perm = ints(node, "perm").unwrap_or(&reversed);
                perm.iter().map(|&p| x.get(usize::try_from(p).ok()?).copied()).collect()
            }
            "Concat" => {
                let parts: Vec<&Extents> = (0..node.input.len()).map(input).collect::<Option<_>>()?;
                let mut shape = (*parts.first()?).clone();
                let along = axis(int(node, "axis")?, shape.len())?;
                for part in &parts[1..] {
                    shape[along] = shape[along].add(*part.get(along)?);
                }
                Some(shape)
            }
            "Gather" => {
                let (x, indices) = (input(0)?, input(1)?);
                let along = axis(int(node, "axis").unwrap_or(0), x.len())?;
                Some([&x[..along], indices, &x[along + 1..]].concat())
            }
            "Slice" => {
                let mut shape = input(0)?.clone();
                for (along, range) in self.slices(node)? {
                    shape[along] = Fixed(range.len() as i64);
                }
                Some(shape)
            }
            "Pad" => {
                let mut shape = input(0)?.clone();
                for (along, begin, end) in self.pads(node)? {
                    shape[along] = shape[along].add(Fixed(begin)).add(Fixed(end));
                }
                Some(shape)
            }
            "Resize" | "Upsample" => self.resized(node),
            "Shape" => Some(vec![Fixed(self.integers.get(node.output.first()?)?.len() as i64)]),
            "Range" => Some(vec![match self.integers.get(node.output.first()?) {
                Some(values) => Fixed(values.len() as i64),
                None => self.counted(node)?,
            }]),
            "ConstantOfShape" => self.integers.get(node.input.first()?).cloned(),
            _ => self.rearranged(node),
        }
    }

    /// How many numbers a Range counts: by ones, where the batch is in its limit, or too many to follow them all.
    fn counted(&self, node: &NodeProto) -> Option<Extent> {
        let at = |i: usize| self.integers.get(node.input.get(i)?)?.first().copied();
        let float = |i: usize| self.floats.get(node.input.get(i)?)?.first().copied();
        let number = |i: usize| match at(i) {
            Some(Fixed(value)) => Some(value as f64),
            _ => float(i),
        };
        if at(2) == Some(Fixed(1)) {
            return Some(at(1)?.add(at(0)?.neg()));
        }
        let count = ((number(1)? - number(0)?) / number(2)?).ceil();
        count.is_finite().then(|| Fixed(count.max(0.0) as i64))
    }

    /// The extents along a Split's axis: given, or even parts with the rest in the last one.
    pub fn parts(&self, node: &NodeProto) -> Option<(usize, Vec<i64>)> {
        let x = self.known.get(node.input.first()?)?;
        let along = axis(int(node, "axis").unwrap_or(0), x.len())?;
        let given = match ints(node, "split") {
            Some(parts) => Some(parts.to_vec()),
            None => match node.input.get(1).filter(|name| !name.is_empty()) {
                Some(name) => Some(self.integers(name)?),
                None => None,
            },
        };
        let count = node.output.len() as i64;
        let parts = if let Some(parts) = given {
            parts
        } else {
            let whole = x[along].fixed()? as i64;
            let even = whole.div_euclid(count) + i64::from(whole % count != 0);
            (0..count).map(|n| even.min(whole - n * even)).collect()
        };
        (parts.len() == node.output.len() && parts.iter().all(|&p| p >= 0)).then_some((along, parts))
    }

    fn split(&self, node: &NodeProto) -> Option<Vec<Extents>> {
        let x = self.known.get(node.input.first()?)?;
        let (along, parts) = self.parts(node)?;
        let shape = |&part: &i64| {
            let mut shape = x.clone();
            shape[along] = Fixed(part);
            shape
        };
        Some(parts.iter().map(shape).collect())
    }

    /// The elements that a Slice takes along each axis it names, in their order.
    pub fn slices(&self, node: &NodeProto) -> Option<Vec<(usize, Vec<usize>)>> {
        let x = self.known.get(node.input.first()?)?;
        let (starts, ends) = (self.integers(node.input.get(1)?)?, self.integers(node.input.get(2)?)?);
        let given = |i: usize| node.input.get(i).filter(|name| !name.is_empty());
        let axes = match given(3) {
            Some(name) => self.integers(name)?,
            None => (0..starts.len() as i64).collect(),
        };
        let steps = match given(4) {
            Some(name) => self.integers(name)?,
            None => vec![1; starts.len()],
        };
        if [ends.len(), axes.len(), steps.len()].iter().any(|&l| l != starts.len()) {
            return None;
        }
        let mut taken = Vec::new();
        for n in 0..starts.len() {
            let along = axis(axes[n], x.len())?;
            if taken.iter().any(|(axis, _)| *axis == along) {
                return None;
            }
            match x[along] {
                Fixed(whole) => {
                    let whole = usize::try_from(whole).ok()?;
                    taken.push((along, sliced(whole, starts[n], ends[n], steps[n])?));
                }
                // All of an open axis.
                _ if starts[n] == 0 && steps[n] == 1 && ends[n] >= i64::from(i32::MAX) => {}
                _ => return None,
            }
        }
        Some(taken)
    }

    /// The axes that a Pad changes, with what it adds before and after (or takes away, where negative).
    pub fn pads(&self, node: &NodeProto) -> Option<Vec<(usize, i64, i64)>> {
        let rank = self.known.get(node.input.first()?)?.len();
        let pads = self.integers(node.input.get(1)?)?;
        let axes: Vec<usize> = match node.input.get(3).filter(|name| !name.is_empty()) {
            Some(name) => self.integers(name)?.iter().map(|&a| axis(a, rank)).collect::<Option<_>>()?,
            None => (0..rank).collect(),
        };
        if pads.len() != 2 * axes.len() {
            return None;
        }
        let both = axes.iter().enumerate().map(|(n, &a)| (a, pads[n], pads[axes.len() + n]));
        Some(both.filter(|&(_, begin, end)| begin != 0 || end != 0).collect())
    }

    fn reduced(&self, node: &NodeProto, since: i64) -> Option<Extents> {
        let x = self.known.get(node.input.first()?)?;
        let axes = match self.axes(node, since, x.len())? {
            axes if !axes.is_empty() => axes,
            _ if int(node, "noop_with_empty_axes").unwrap_or(0) == 1 => return Some(x.clone()),
            _ => (0..x.len()).collect(),
        };
        let keep = int(node, "keepdims").unwrap_or(1) == 1;
        let extent = |(axis, &d): (usize, &Extent)| {
            if axes.contains(&axis) { keep.then_some(Fixed(1)) } else { Some(d) }
        };
        Some(x.iter().enumerate().filter_map(extent).collect())
    }

    fn resized(&self, node: &NodeProto) -> Option<Extents> {
        let x = self.known.get(node.input.first()?)?;
        let given = |i: usize| node.input.get(i).filter(|name| !name.is_empty());
        let axes: Vec<usize> = match ints(node, "axes") {
            Some(axes) => axes.iter().map(|&a| axis(a, x.len())).collect::<Option<_>>()?,
            None => (0..x.len()).collect(),
        };
        if find(node, "keep_aspect_ratio_policy").is_some_and(|a| a.s != b"stretch") {
            return None;
        }
        let mut shape = x.clone();
        if let Some(sizes) = given(3) {
            let sizes = self.integers.get(sizes).filter(|s| s.len() == axes.len())?;
            axes.iter().zip(sizes).for_each(|(&a, &size)| shape[a] = size);
        } else {
            let scales = self.floats(given(2)?).filter(|s| s.len() == axes.len())?;
            for (&a, scale) in axes.iter().zip(scales) {
                shape[a] = match x[a] {
                    Fixed(d) => Fixed((d as f64 * scale).floor() as i64),
                    #[allow(clippy::float_cmp)] // a scale of 1 is exactly that
                    open if *scale == 1.0 => open,
                    _ => Open,
                };
            }
        }
        Some(shape)
    }
}

fn windowed(x: &[Extent], channels: Extent, output: &[usize]) -> Option<Extents> {
    let mut shape = vec![*x.first()?, channels];
    shape.extend(output.iter().map(|&d| Fixed(d as i64)));
    Some(shape)
}

/// Which of `whole` elements a slice takes. Ends beyond the elements are cut off, negative ones count from the end.
pub(super) fn sliced(whole: usize, start: i64, end: i64, step: i64) -> Option<Vec<usize>> {
    let whole = i64::try_from(whole).ok()?;
    if whole == 0 {
        return Some(Vec::new());
    }
    let from_start = |at: i64| if at < 0 { at.saturating_add(whole) } else { at };
    let (low, high) = if step > 0 { (0, whole) } else { (-1, whole - 1) };
    let (mut at, end) = (from_start(start).clamp(low.max(0), high.max(0)), from_start(end).clamp(low, high));
    if step == 0 || end.abs_diff(at) / step.unsigned_abs() > MOST {
        return None;
    }
    let mut taken = Vec::new();
    while if step > 0 { at < end } else { at > end } {
        taken.push(at as usize);
        at = at.checked_add(step)?;
    }
    Some(taken)
}

/// The shape of `a ∘ b` under ONNX's (NumPy's) broadcasting.
fn broadcast(a: &[Extent], b: &[Extent]) -> Option<Extents> {
    let rank = a.len().max(b.len());
    let at = |s: &[Extent], axis: usize| (axis + s.len()).checked_sub(rank).map_or(Fixed(1), |axis| s[axis]);
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (Fixed(1), d) | (d, Fixed(1)) => Some(d),
            // An open extent against a fixed one: the fixed one says more.
            (x @ Fixed(_), y @ Fixed(_)) => (x == y).then_some(x),
            (Open, y) | (Extent::Batch(_), y @ Fixed(_)) => Some(y),
            (x, _) => Some(x),
        })
        .collect()
}

fn reshaped(x: &[Extent], target: &[Extent], zero_is_zero: bool) -> Extents {
    let mut shape: Extents = target
        .iter()
        .enumerate()
        .map(|(axis, &d)| match d {
            Fixed(0) if !zero_is_zero => x.get(axis).copied().unwrap_or(Open),
            d => d,
        })
        .collect();
    // What is left for the one axis that says −1, or whose computation could not be followed.
    let asked: Vec<usize> = (0..shape.len()).filter(|&a| matches!(shape[a], Fixed(-1) | Open)).collect();
    if let [axis] = asked[..] {
        shape[axis] = Fixed(1);
        shape[axis] = Extent::product(x).div(Extent::product(&shape));
    }
    shape.iter().map(|&d| if matches!(d, Fixed(v) if v < 0) { Open } else { d }).collect()
}

#[cfg(test)]
mod tests {
    use super::Extent::Batch;
    use super::*;

    #[test]
    fn a_flattening_reshape_keeps_the_batch_open() {
        let x = [Batch(1), Fixed(512), Fixed(1), Fixed(1)];
        assert_eq!(reshaped(&x, &[Fixed(0), Fixed(-1)], false), [Batch(1), Fixed(512)]);
        assert_eq!(reshaped(&x, &[Fixed(-1), Fixed(512)], false), [Batch(1), Fixed(512)]);
        assert_eq!(reshaped(&x, &[Batch(1), Fixed(-1)], false), [Batch(1), Fixed(512)]);
        assert_eq!(reshaped(&x, &[Open, Fixed(512)], false), [Batch(1), Fixed(512)]);
        let fixed = [Fixed(1), Fixed(6)];
        assert_eq!(reshaped(&fixed, &[Fixed(1), Fixed(2), Fixed(-1)], false), [Fixed(1), Fixed(2), Fixed(3)]);
    }

    #[test]
    fn broadcasting_aligns_at_the_last_axis() {
        let x = vec![Batch(1), Fixed(8), Fixed(4), Fixed(4)];
        let scale = [Fixed(8), Fixed(1), Fixed(1)];
        assert_eq!(broadcast(&x, &scale), Some(x.clone()));
        assert_eq!(broadcast(&[Batch(1)], &[Fixed(1)]), Some(vec![Batch(1)]));
        assert_eq!(broadcast(&[Fixed(2)], &[Fixed(3)]), None);
    }

    #[test]
    fn slices_are_cut_off_at_the_ends() {
        assert_eq!(sliced(5, 1, i64::MAX, 2), Some(vec![1, 3]));
        assert_eq!(sliced(5, -2, 9, 1), Some(vec![3, 4]));
        assert_eq!(sliced(5, -1, i64::MIN, -2), Some(vec![4, 2, 0]));
        assert_eq!(sliced(5, 9, 0, -1), Some(vec![4, 3, 2, 1]));
        assert_eq!(sliced(5, 3, 2, 1), Some(vec![]));
        assert_eq!(sliced(0, 0, 5, 1), Some(vec![]));
        assert_eq!(sliced(0, 0, i64::MIN, -1), Some(vec![]));
        assert_eq!(sliced(5, 0, 5, 0), None);
    }
}
