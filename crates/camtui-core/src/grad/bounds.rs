//! What a model may cost: a file is not believed, and a few bytes of it can ask for any amount of memory and time.
//!
//! It is told from the shapes, before anything is computed. Where a shape is not known, nothing is told: such values come
//! from operators without a rule.

use crate::onnx::pb::{GraphProto, NodeProto};

use super::error::{GradError, name_of};
use super::shapes::Shapes;

/// The most numbers of one value for one picture: 2 GiB of f32. ResNet-18's largest at 224×224 has 802,816.
pub(crate) const MOST_NUMBERS: u64 = 1 << 29;
/// The most multiplications for one picture. ResNet-50 takes 4e9 at 224×224, the largest vision transformers 1e12.
const MOST_WORK: u64 = 10_000_000_000_000;

/// The product of extents, or the largest number where that is more.
pub(crate) fn product(extents: impl IntoIterator<Item = usize>) -> u64 {
    extents.into_iter().fold(1, |product, extent| product.saturating_mul(extent as u64))
}

/// Whether what `graph` computes stays within bounds.
pub(super) fn check(shapes: &Shapes, graph: &GraphProto) -> Result<(), GradError> {
    // Rules multiply extents with each other, those of empty values too.
    let fits = |value: &String| match shapes.least(value) {
        count if count > MOST_NUMBERS => {
            Err(GradError::TooLarge { value: value.clone(), count, most: MOST_NUMBERS })
        }
        _ => Ok(()),
    };
    graph
        .input
        .iter()
        .map(|i| &i.name)
        .chain(graph.initializer.iter().map(|t| &t.name))
        .try_for_each(fits)?;
    let mut work = 0_u64;
    for node in &graph.node {
        if matches!(node.op_type.as_str(), "Loop" | "Scan") {
            return Err(GradError::Loop { operator: node.op_type.clone(), node: name_of(node) });
        }
        node.output.iter().try_for_each(fits)?;
        work = work.saturating_add(multiplications(shapes, node).unwrap_or(0));
    }
    if work > MOST_WORK {
        return Err(GradError::TooMuch { most: MOST_WORK as f64 });
    }
    Ok(())
}

/// How many a convolution or a matrix product takes for one picture.
fn multiplications(shapes: &Shapes, node: &NodeProto) -> Option<u64> {
    let (a, b) = (node.input.first()?, node.input.get(1)?);
    let each = match node.op_type.as_str() {
        // All of a filter for each value.
        "Conv" => shapes.count(b)? / shapes.get(b)?.first().copied()?.unwrap_or(1).max(1) as u64,
        // All of what it goes to from each value that comes in, of which there are as many as filters.
        "ConvTranspose" => {
            let filters = shapes.get(b)?.first().copied()?.unwrap_or(1).max(1) as u64;
            return Some(shapes.count(a)?.saturating_mul(shapes.count(b)? / filters));
        }
        "MatMul" => shapes.get(a)?.last().copied()?? as u64,
        "Gemm" => shapes.count(b)? / shapes.count(node.output.first()?)?.max(1),
        _ => return None,
    };
    Some(shapes.count(node.output.first()?)?.saturating_mul(each))
}

#[cfg(test)]
mod tests {
    use crate::grad::tests::pooled;
    use crate::onnx::build::GraphBuilder;

    /// What is said of a network with these nodes between its convolution and its end.
    fn said(between: impl FnOnce(&mut GraphBuilder)) -> String {
        let found = pooled(|g| {
            g.f32s("w", &[4, 3, 1, 1], &[0.1; 12]);
            g.node("Conv", &["x", "w"], "a", vec![]);
            between(g);
        });
        found.map_or_else(|e| e.to_string(), |_| String::new())
    }

    #[test]
    fn a_few_bytes_cannot_ask_for_all_memory() {
        assert_eq!(said(|g| g.node("Relu", &["a"], "b", vec![])), "");
        let tiled = said(|g| {
            g.i64s("times", &[4], &[1, 1, 100_000, 100_000]);
            g.node("Tile", &["a", "times"], "b", vec![]);
        });
        assert!(tiled.starts_with("the value `b` has 40960000000000 numbers for one picture"), "{tiled}");
        let made = said(|g| {
            g.i64s("shape", &[4], &[1, 4, 1 << 40, 1 << 40]);
            g.node("ConstantOfShape", &["shape"], "c", vec![]);
            g.node("Add", &["a", "c"], "b", vec![]);
        });
        assert!(made.contains("numbers for one picture"), "{made}");
    }

    #[test]
    fn nor_for_all_time() {
        let many = said(|g| {
            g.i64s("shape", &[4], &[8192, 8192, 1, 1]);
            g.i64s("few", &[4], &[8192, 4, 1, 1]);
            g.i64s("back", &[4], &[4, 8192, 1, 1]);
            for (name, shape) in [("more", "few"), ("large", "shape"), ("less", "back")] {
                g.node("ConstantOfShape", &[shape], name, vec![]);
            }
            g.node("Conv", &["a", "more"], "v0", vec![]);
            for n in 0..2500 {
                g.node("Conv", &[&format!("v{n}"), "large"], &format!("v{}", n + 1), vec![]);
            }
            g.node("Conv", &["v2500", "less"], "b", vec![]);
        });
        assert_eq!(
            many,
            "one picture takes more than 1e13 multiplications, the most that are done for a model"
        );
        for (limit, step) in [(1 << 50, 1), (1 << 50, 3), (-(1 << 50), -7)] {
            let counted = said(|g| {
                for (name, value) in [("start", 0), ("limit", limit), ("step", step)] {
                    g.i64s(name, &[], &[value]);
                }
                g.node("Range", &["start", "limit", "step"], "many", vec![]);
                g.node("Relu", &["a"], "b", vec![]);
            });
            assert!(counted.starts_with("the value `many` has"), "{counted}");
        }
        let looped = said(|g| g.node("Loop", &["a"], "b", vec![]));
        assert!(looped.starts_with("the node `b` is a Loop"), "{looped}");
    }
}
