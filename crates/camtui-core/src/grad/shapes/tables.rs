//! Lists of integers with more than one axis, which exporters turn round: pads given from the last axis on become
//! ONNX's by `Reshape [-1, 2] → Slice (backwards) → Transpose`.

use crate::grad::attributes::ints;
use crate::onnx::pb::NodeProto;

use super::extent::Extent;
use super::{LONGEST, Shapes, axis};

impl Shapes {
    /// The list, if it has one axis or none.
    pub(super) fn flat(&self, value: &str) -> Option<&Vec<Extent>> {
        self.integers.get(value).filter(|_| self.known.get(value).is_none_or(|shape| shape.len() <= 1))
    }

    /// What a Slice or Transpose takes of a list, row-major.
    pub(super) fn taken(&self, node: &NodeProto) -> Option<Vec<Extent>> {
        let name = node.input.first()?;
        let (values, shape) = (self.integers.get(name)?, self.known.get(name)?);
        if values.len() > LONGEST || Extent::product(shape).fixed() != Some(values.len()) {
            return None;
        }
        if values.is_empty() {
            return Some(Vec::new());
        }
        let shape: Vec<usize> = shape.iter().map(|e| e.fixed()).collect::<Option<_>>()?;
        let mut kept: Vec<Vec<usize>> = shape.iter().map(|&extent| (0..extent).collect()).collect();
        let mut order: Vec<usize> = (0..shape.len()).collect();
        if node.op_type == "Slice" {
            for (along, places) in self.slices(node)? {
                kept[along] = places;
            }
        } else if let Some(perm) = ints(node, "perm") {
            order = perm.iter().map(|&a| axis(a, shape.len())).collect::<Option<_>>()?;
        } else {
            order.reverse();
        }
        let mut places = vec![0];
        for along in order {
            let stride: usize = shape[along + 1..].iter().product();
            let steps = &kept[along];
            places = places.iter().flat_map(|at| steps.iter().map(move |step| at + step * stride)).collect();
        }
        places.into_iter().map(|at| values.get(at).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::grad::shapes::Shapes;
    use crate::onnx::build::{Dim, GraphBuilder, batched, int, ints};

    /// What `F.pad(x, [1, 2, 3, 4])` becomes: left, right, top, bottom.
    #[test]
    fn pads_from_the_last_axis_on_are_turned_round() {
        let mut g = GraphBuilder::new("pads");
        g.input("x", &batched(&[3, 8, 8]));
        g.i64s("given", &[4], &[1, 2, 3, 4]);
        g.i64s("four", &[1], &[4]);
        g.i64s("pairs", &[2], &[-1, 2]);
        g.i64s("zero", &[1], &[0]);
        g.i64s("last", &[1], &[-1]);
        g.i64s("first", &[1], &[i64::MIN + 1]);
        g.i64s("all", &[1], &[-1]);
        g.node("ConstantOfShape", &["four"], "none", vec![]);
        g.node("Concat", &["given", "none"], "list", vec![int("axis", 0)]);
        g.node("Reshape", &["list", "pairs"], "rows", vec![]);
        g.node("Slice", &["rows", "last", "first", "zero", "last"], "backwards", vec![]);
        g.node("Transpose", &["backwards"], "columns", vec![ints("perm", &[1, 0])]);
        g.node("Reshape", &["columns", "all"], "pads", vec![]);
        g.node("Pad", &["x", "pads"], "y", vec![]);
        g.output("y", &[Dim::Any, Dim::Any]);
        let shapes = Shapes::infer(g.graph(), 17);
        assert_eq!(shapes.integers("pads").unwrap(), [0, 0, 3, 1, 0, 0, 4, 2]);
        assert_eq!(shapes.get("y").unwrap(), [None, Some(3), Some(15), Some(11)]);
    }
}
