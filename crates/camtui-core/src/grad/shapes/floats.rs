//! Evaluates the small computations in floating point that exporters say paddings by: `Cast → Div → Ceil → … → Cast`.
//!
//! A padding that makes a strided convolution's output "the same" is computed so, from the picture's extents. The numbers
//! are rounded to single precision at each step, as a runtime does.

use crate::grad::attributes::{float, int};
use crate::onnx::pb::{NodeProto, tensor_proto::DataType};

use super::extent::Extent::{self, Fixed};
use super::{Shapes, axis};

/// Longest list that is followed.
const LONGEST: usize = 16;

/// Whether a Cast makes numbers with a fraction.
pub(super) fn to_float(node: &NodeProto) -> bool {
    let to = int(node, "to").unwrap_or(0);
    [DataType::Float, DataType::Double, DataType::Float16, DataType::Bfloat16].iter().any(|&f| f as i64 == to)
}

impl Shapes {
    /// What `node` computes if it is a short list of numbers with a fraction.
    pub(super) fn fractions(&self, node: &NodeProto) -> Option<Vec<f64>> {
        let input = |i: usize| self.floats.get(node.input.get(i)?).filter(|v| v.len() <= LONGEST);
        let each = |f: &dyn Fn(f64) -> f64| Some(input(0)?.iter().map(|&v| f(v)).collect());
        let pairs = |f: &dyn Fn(f64, f64) -> f64| -> Option<Vec<f64>> {
            let (a, b) = (input(0)?, input(1)?);
            let count = a.len().max(b.len());
            let at = |list: &[f64], n: usize| if list.len() == 1 { list[0] } else { list[n] };
            let fits = [a, b].iter().all(|l| l.len() == 1 || l.len() == count);
            fits.then(|| (0..count).map(|n| f(at(a, n), at(b, n))).collect())
        };
        let found: Vec<f64> = match node.op_type.as_str() {
            "Cast" if to_float(node) => match input(0) {
                Some(values) => values.clone(),
                None => self.integers(node.input.first()?)?.iter().map(|&v| v as f64).collect(),
            },
            "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" => input(0)?.clone(),
            "Neg" => each(&|v| -v)?,
            "Ceil" => each(&f64::ceil)?,
            "Floor" => each(&f64::floor)?,
            "Sqrt" => each(&f64::sqrt)?,
            "Add" => pairs(&|a, b| a + b)?,
            "Sub" => pairs(&|a, b| a - b)?,
            "Mul" => pairs(&|a, b| a * b)?,
            "Div" => pairs(&|a, b| a / b)?,
            "Max" if node.input.len() == 2 => pairs(&f64::max)?,
            "Min" if node.input.len() == 2 => pairs(&f64::min)?,
            "Clip" => {
                // A bound is an input, an attribute in the oldest opset, or left out.
                let bound =
                    |i: usize, name: &str, none: f64| match node.input.get(i).filter(|n| !n.is_empty()) {
                        Some(value) => self.floats.get(value)?.first().copied(),
                        None => Some(float(node, name).map_or(none, f64::from)),
                    };
                let (low, high) = (bound(1, "min", f64::NEG_INFINITY)?, bound(2, "max", f64::INFINITY)?);
                each(&|v| v.max(low).min(high))?
            }
            "Concat" => {
                let parts: Vec<&Vec<f64>> = (0..node.input.len()).map(input).collect::<Option<_>>()?;
                parts.into_iter().flatten().copied().collect()
            }
            "Gather" => {
                let from = input(0)?;
                let pick = |&index: &i64| Some(from[axis(index, from.len())?]);
                self.integers(node.input.get(1)?)?.iter().map(pick).collect::<Option<_>>()?
            }
            _ => return None,
        };
        (found.len() <= LONGEST).then(|| found.into_iter().map(|v| f64::from(v as f32)).collect())
    }

    /// What a Cast makes of numbers with a fraction: they are cut off towards zero.
    pub(super) fn cut_off(&self, node: &NodeProto) -> Option<Vec<Extent>> {
        let values = self.floats.get(node.input.first()?)?;
        values.iter().map(|v| v.is_finite().then_some(Fixed(v.trunc() as i64))).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::grad::shapes::Shapes;
    use crate::onnx::build::{Dim, GraphBuilder, int};

    /// `max((⌈h/2⌉−1)·2 + 3 − h, 0)` before and after a picture of 15 and 16 rows, as timm's networks have it.
    #[test]
    fn paddings_that_keep_the_extent_are_followed() {
        for (height, padded) in [(15, 17), (16, 17)] {
            let mut g = GraphBuilder::new("same");
            g.input("x", &[Dim::Symbol("N"), Dim::Fixed(3), Dim::Fixed(height), Dim::Fixed(8)]);
            for (name, value) in [("one", 1.0), ("two", 2.0), ("three", 3.0), ("none", 0.0)] {
                g.f32s(name, &[], &[value]);
            }
            for (name, values) in [("first", &[0][..]), ("at", &[2]), ("nothing", &[0, 0]), ("rest", &[0])] {
                g.i64s(name, &[values.len()], values);
            }
            g.node("Shape", &["x"], "shape", vec![]);
            g.node("Gather", &["shape", "at"], "h", vec![int("axis", 0)]);
            g.node("Cast", &["h"], "hf", vec![int("to", 1)]);
            g.node("Div", &["hf", "two"], "half", vec![]);
            g.node("Ceil", &["half"], "count", vec![]);
            g.node("Sub", &["count", "one"], "less", vec![]);
            g.node("Mul", &["less", "two"], "steps", vec![]);
            g.node("Add", &["steps", "three"], "reach", vec![]);
            g.node("Sub", &["reach", "hf"], "more", vec![]);
            g.node("Clip", &["more", "none", ""], "pad", vec![]);
            g.node("Div", &["pad", "two"], "part", vec![]);
            g.node("Cast", &["part"], "before", vec![int("to", 7)]);
            g.node("Cast", &["before"], "beforef", vec![int("to", 1)]);
            g.node("Sub", &["pad", "beforef"], "afterf", vec![]);
            g.node("Cast", &["afterf"], "after", vec![int("to", 7)]);
            let pads = ["nothing", "before", "rest", "nothing", "after", "rest"];
            g.node("Concat", &pads, "pads", vec![int("axis", 0)]);
            g.node("Pad", &["x", "pads"], "y", vec![]);
            g.output("y", &[Dim::Any, Dim::Any, Dim::Any, Dim::Any]);
            let shapes = Shapes::infer(g.graph(), 17);
            assert_eq!(shapes.get("y").unwrap(), [None, Some(3), Some(padded), Some(8)], "{height}");
        }
    }
}
