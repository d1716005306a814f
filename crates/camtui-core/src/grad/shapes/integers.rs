//! Evaluates the integer computations by which exporters say shapes: `Shape → Gather → Mul → Concat`.
//!
//! Values are row-major lists (scalars are lists of one); what is longer than a shape can be, or not built from these
//! operators, stays unknown, which costs a gradient at most.

use crate::grad::attributes::{find, int, ints};
use crate::onnx::pb::NodeProto;

use super::extent::Extent::{self, Batch, Fixed, Open};
use super::{LONGEST, Shapes, axis};

impl Shapes {
    /// Takes down what `node` computes if it is a small list of integers or a constant.
    pub(super) fn evaluate(&mut self, node: &NodeProto) {
        let Some(output) = node.output.first() else { return };
        if node.op_type == "Constant" {
            self.literal(node, output);
        } else if let Some(values) = self.fractions(node) {
            self.floats.insert(output.clone(), values);
        } else if let Some(values) = self.computed(node).filter(|v| v.len() <= LONGEST) {
            self.integers.insert(output.clone(), values);
        }
    }

    fn literal(&mut self, node: &NodeProto, output: &str) {
        if let Some(tensor) = find(node, "value").and_then(|a| a.t.as_ref()) {
            self.constant(output, tensor);
        } else if let Some(value) = int(node, "value_int") {
            self.known.insert(output.into(), vec![]);
            self.integers.insert(output.into(), vec![Fixed(value)]);
        } else if let Some(values) = ints(node, "value_ints") {
            self.known.insert(output.into(), vec![Fixed(values.len() as i64)]);
            self.integers.insert(output.into(), values.iter().map(|&v| Fixed(v)).collect());
        } else if let Some(value) = find(node, "value_float") {
            self.known.insert(output.into(), vec![]);
            self.floats.insert(output.into(), vec![value.f.into()]);
        } else if let Some(values) = find(node, "value_floats") {
            self.known.insert(output.into(), vec![Fixed(values.floats.len() as i64)]);
            self.floats.insert(output.into(), values.floats.iter().map(|&v| v.into()).collect());
        }
    }

    fn computed(&self, node: &NodeProto) -> Option<Vec<Extent>> {
        let input = |i: usize| self.integers.get(node.input.get(i)?).filter(|v| v.len() <= LONGEST);
        let flat = |i: usize| self.flat(node.input.get(i)?).filter(|v| v.len() <= LONGEST);
        let pairs = |f: &dyn Fn(Extent, Extent) -> Extent| pairwise(flat(0)?, flat(1)?, f);
        Some(match node.op_type.as_str() {
            "Shape" => {
                let shape = self.known.get(node.input.first()?)?;
                let end = |name: &str, default: i64| {
                    let at = int(node, name).unwrap_or(default);
                    (if at < 0 { at.saturating_add(shape.len() as i64) } else { at })
                        .clamp(0, shape.len() as i64)
                };
                shape.get(end("start", 0) as usize..end("end", shape.len() as i64) as usize)?.to_vec()
            }
            "Cast" if super::floats::to_float(node) => return None,
            "Cast" if !self.integers.contains_key(node.input.first()?) => self.cut_off(node)?,
            "Identity" | "Cast" | "Squeeze" | "Unsqueeze" | "Reshape" => input(0)?.clone(),
            "Gather" => {
                let from = flat(0)?;
                let pick = |&index: &i64| Some(from[axis(index, from.len())?]);
                self.integers(node.input.get(1)?)?.iter().map(pick).collect::<Option<_>>()?
            }
            "Concat" => {
                let part = |i: usize| if int(node, "axis") == Some(0) { input(i) } else { flat(i) };
                let parts: Vec<&Vec<Extent>> = (0..node.input.len()).map(part).collect::<Option<_>>()?;
                parts.into_iter().flatten().copied().collect()
            }
            "Slice" | "Transpose" => self.taken(node)?,
            "ConstantOfShape" => {
                let count = Extent::product(input(0)?).fixed().filter(|&c| c <= LONGEST)?;
                let value = find(node, "value").and_then(|a| a.t.as_ref());
                let value = value.map_or(Some(0), |t| super::read_integers(t)?.first().copied())?;
                vec![Fixed(value); count]
            }
            "Range" => {
                let at = |i: usize| input(i)?.first()?.number();
                let (start, limit, step) = (at(0)?, at(1)?, at(2)?);
                let count = (limit.checked_sub(start)?).checked_div(step)?.clamp(0, LONGEST as i64);
                let whole = start.checked_add(step.checked_mul(count)?)?;
                let count = count + i64::from((step > 0 && whole < limit) || (step < 0 && whole > limit));
                (0..count)
                    .map(|n| Some(Fixed(start.checked_add(step.checked_mul(n)?)?)))
                    .collect::<Option<_>>()?
            }
            "Add" => pairs(&Extent::add)?,
            "Sub" => pairs(&|a, b| a.add(b.neg()))?,
            "Mul" => pairs(&Extent::mul)?,
            "Div" => pairs(&Extent::div)?,
            "Mod" => pairs(&Extent::rem)?,
            "Neg" => input(0)?.iter().map(|e| e.neg()).collect(),
            // An extent is never −1, which is what exporters compare it with. What the batch will be is not known.
            "Equal" => pairs(&|a, b| match (a, b) {
                (Fixed(a), Fixed(b)) => Fixed(i64::from(a == b)),
                (Batch(n), Fixed(b)) | (Fixed(b), Batch(n)) if n > 0 && b < 0 => Fixed(0),
                (Batch(a), Batch(b)) if a == b => Fixed(1),
                _ => Open,
            })?,
            "Less" => pairs(&compared(|a, b| a < b))?,
            "LessOrEqual" => pairs(&compared(|a, b| a <= b))?,
            "Greater" => pairs(&compared(|a, b| a > b))?,
            "GreaterOrEqual" => pairs(&compared(|a, b| a >= b))?,
            "Not" => input(0)?.iter().map(|&e| compared(|a, b| a == b)(e, Fixed(0))).collect(),
            "And" => pairs(&compared(|a, b| a != 0 && b != 0))?,
            "Or" => pairs(&compared(|a, b| a != 0 || b != 0))?,
            "Where" => {
                let (condition, chosen, other) = (flat(0)?, flat(1)?, flat(2)?);
                let at = |list: &[Extent], n: usize| *list.get(n).unwrap_or(&list[0]);
                let count = condition.len().max(chosen.len()).max(other.len());
                if [condition, chosen, other].iter().any(|l| l.len() != 1 && l.len() != count) {
                    return None;
                }
                let pick = |n: usize| match at(condition, n) {
                    Fixed(0) => at(other, n),
                    Fixed(_) => at(chosen, n),
                    _ => Open,
                };
                (0..count).map(pick).collect()
            }
            _ => return None,
        })
    }
}

/// Whether something holds of two numbers; it is not known of others.
fn compared(holds: impl Fn(i64, i64) -> bool) -> impl Fn(Extent, Extent) -> Extent {
    move |a, b| match (a, b) {
        (Fixed(a), Fixed(b)) => Fixed(i64::from(holds(a, b))),
        _ => Open,
    }
}

impl Extent {
    fn number(self) -> Option<i64> {
        match self {
            Fixed(value) => Some(value),
            _ => None,
        }
    }
}

fn pairwise(a: &[Extent], b: &[Extent], f: &dyn Fn(Extent, Extent) -> Extent) -> Option<Vec<Extent>> {
    let count = a.len().max(b.len());
    if [a, b].iter().any(|l| l.len() != 1 && l.len() != count) {
        return None;
    }
    let at = |list: &[Extent], n: usize| if list.len() == 1 { list[0] } else { list[n] };
    Some((0..count).map(|n| f(at(a, n), at(b, n))).collect())
}

#[cfg(test)]
mod tests {
    use crate::grad::shapes::Shapes;
    use crate::onnx::build::{Dim, GraphBuilder, batched, int};

    /// What `x.view(x.size(0), -1, 4)` becomes with the batch left open, and heads folded into the batch.
    #[test]
    fn computed_targets_of_reshapes_are_followed() {
        let mut g = GraphBuilder::new("view");
        g.input("x", &batched(&[8, 3]));
        g.i64s("zero", &[], &[0]);
        g.i64s("rest", &[2], &[-1, 4]);
        g.i64s("heads", &[1], &[2]);
        g.i64s("one", &[1], &[1]);
        g.i64s("axes", &[1], &[0]);
        g.node("Shape", &["x"], "shape", vec![]);
        g.node("Gather", &["shape", "zero"], "n", vec![int("axis", 0)]);
        g.node("Unsqueeze", &["n", "axes"], "n1", vec![]);
        g.node("Concat", &["n1", "rest"], "target", vec![int("axis", 0)]);
        g.node("Reshape", &["x", "target"], "y", vec![]);
        g.node("Mul", &["n1", "heads"], "n2", vec![]);
        g.node("Slice", &["target", "one", "heads"], "minus", vec![]);
        g.node("Concat", &["n2", "minus"], "folded", vec![int("axis", 0)]);
        g.node("Reshape", &["y", "folded"], "z", vec![]);
        g.node("Reshape", &["z", "target"], "back", vec![]);
        g.output("z", &[Dim::Any, Dim::Any]);
        let shapes = Shapes::infer(g.graph(), 17);
        assert_eq!(shapes.get("y").unwrap(), [None, Some(6), Some(4)]);
        assert_eq!(shapes.get("z").unwrap(), [None, Some(12)]);
        assert_eq!(shapes.get("back").unwrap(), [None, Some(6), Some(4)]);
    }
}
