//! Which depthwise convolutions need no step of their own: what only a product of one tap reads is computed as it is read.

use super::Choice;
use crate::Shape;
use crate::graph::{Graph, Op};
use crate::walk::Walk;

/// For each value, whether the step that reads it computes it.
pub(super) fn joined(graph: &Graph, live: &[bool], choices: &[Option<Choice>]) -> Vec<bool> {
    let mut readers = vec![0; graph.nodes.len()];
    let mut joined = vec![false; graph.nodes.len()];
    for (at, node) in graph.nodes.iter().enumerate().filter(|&(at, _)| live[at]) {
        for operand in node.op.operands() {
            readers[operand.0] += 1;
        }
        if let (Op::Convolve { x, .. }, Some(Choice::Direct { channels, walks })) = (&node.op, &choices[at])
            && let [walk] = &walks[..]
            && channels.products() == 1
            && is_pixel_by_pixel(walk, graph.nodes[x.0].shape)
            && let Op::Convolve { add: None, .. } = graph.nodes[x.0].op
            && matches!(choices[x.0], Some(Choice::Depthwise { .. }))
        {
            joined[x.0] = true;
        }
    }
    for output in &graph.outputs {
        readers[output.0] += 1;
    }
    joined.iter().zip(readers).map(|(joined, readers)| *joined && readers == 1).collect()
}

/// Whether each result sees the pixel in its own place, of a picture of this shape.
fn is_pixel_by_pixel(walk: &Walk, from: Shape) -> bool {
    let [tap] = &walk.taps[..] else { return false };
    tap.shift == [0, 0] && walk.step == [1, 1] && walk.results == [from.height, from.width]
}
