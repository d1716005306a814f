//! What operators that pick, cut up and join along several axes make of their inputs' shapes.

use crate::grad::attributes::int;
use crate::grad::equation::Equation;
use crate::onnx::pb::NodeProto;

use super::extent::Extent::{self, Fixed};
use super::{Shapes, axis};

impl Shapes {
    /// The shape of a node's only output, as far as it can be told.
    pub(super) fn rearranged(&self, node: &NodeProto) -> Option<Vec<Extent>> {
        let input = |i: usize| self.known.get(node.input.get(i)?);
        match node.op_type.as_str() {
            "ArgMax" | "ArgMin" => {
                let mut shape = input(0)?.clone();
                let along = axis(int(node, "axis").unwrap_or(0), shape.len())?;
                match int(node, "keepdims").unwrap_or(1) {
                    0 => drop(shape.remove(along)),
                    _ => shape[along] = Fixed(1),
                }
                Some(shape)
            }
            "GatherND" if int(node, "batch_dims").unwrap_or(0) == 0 => {
                let (last, places) = input(1)?.split_last()?;
                Some([places, input(0)?.get(last.fixed()?..)?].concat())
            }
            "DepthToSpace" => {
                let (b, &[n, c, h, w]) = (Fixed(blocksize(node)?), input(0)?.as_slice()) else { return None };
                (c.rem(b.mul(b)) == Fixed(0)).then(|| vec![n, c.div(b.mul(b)), h.mul(b), w.mul(b)])
            }
            "SpaceToDepth" => {
                let (b, &[n, c, h, w]) = (Fixed(blocksize(node)?), input(0)?.as_slice()) else { return None };
                let fits = [h, w].iter().all(|side| side.rem(b) == Fixed(0));
                fits.then(|| vec![n, c.mul(b.mul(b)), h.div(b), w.div(b)])
            }
            "Einsum" => {
                let equation = Equation::of(node)?;
                let axes = equation.inputs.iter().enumerate().map(|(n, letters)| (letters, input(n)));
                let axes: Vec<(char, Extent)> = axes
                    .filter_map(|(letters, shape)| Some(letters.iter().copied().zip(shape?.iter().copied())))
                    .flatten()
                    .collect();
                let extent = |letter: &char| axes.iter().find(|(l, _)| l == letter).map(|&(_, e)| e);
                equation.output.iter().map(extent).collect()
            }
            _ => None,
        }
    }
}

/// The side of the blocks that a `DepthToSpace` or `SpaceToDepth` moves.
pub(crate) fn blocksize(node: &NodeProto) -> Option<i64> {
    int(node, "blocksize").filter(|b| (1..=1 << 16).contains(b))
}
