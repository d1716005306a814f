//! Which algorithm a convolution runs by.

use crate::graph::{Graph, Op};
use crate::simd::WIDEST;
use crate::walk::Walk;
use crate::weights::Channels;
use crate::{Convolution, Shape};

/// An algorithm, and how the convolution walks.
#[derive(Clone, Debug)]
pub(crate) enum Choice {
    /// One product of matrices for each walk.
    Direct { channels: Channels, walks: Vec<Walk> },
    /// One product of matrices for all walks, each of which has its channels in it.
    Phases { channels: Channels, walks: Vec<Walk> },
    /// Winograd's, with tiles of `out`×`out` results; the picture's first tile begins at `first`.
    Winograd { channels: Channels, walk: Walk, first: [isize; 2], out: usize },
    /// Channels that do not see each other.
    Depthwise { walks: Vec<Walk> },
}

/// For each live convolution, transposed or not, its algorithm.
pub(super) fn choose(graph: &Graph, live: &[bool], exact: bool) -> Vec<Option<Choice>> {
    graph
        .nodes
        .iter()
        .zip(live)
        .map(|(node, live)| match &node.op {
            Op::Convolve { x, convolution, .. } if *live => {
                let walks = vec![Walk::of(convolution, node.shape)];
                Some(algorithm(convolution, false, walks, graph.nodes[x.0].shape, node.shape, exact))
            }
            Op::Transposed { x, convolution, add, .. } if *live => {
                let walks = Walk::transposed(convolution, node.shape);
                let channels = Channels::of(convolution.weights.dims(), convolution.groups, true);
                if add.is_none() && convolution.groups == 1 && better_together(channels.made, &walks) {
                    return Some(Choice::Phases { channels, walks });
                }
                Some(algorithm(convolution, true, walks, graph.nodes[x.0].shape, node.shape, exact))
            }
            _ => None,
        })
        .collect()
}

fn algorithm(c: &Convolution, turned: bool, walks: Vec<Walk>, from: Shape, to: Shape, exact: bool) -> Choice {
    let channels = Channels::of(c.weights.dims(), c.groups, turned);
    if c.groups > 1 && channels.read == 1 && channels.made == 1 {
        return Choice::Depthwise { walks };
    }
    let dense = c.groups == 1 && from.channels >= 16;
    if let [walk] = &walks[..]
        && let Some(first) = walk.three_by_three()
        && dense
        && !exact
        && let Some(out) = crate::cost::tile(from.channels, to)
    {
        return Choice::Winograd { channels, walk: walk.clone(), first, out };
    }
    Choice::Direct { channels, walks }
}

/// Whether one product for all walks takes fewer vectors than one for each: where `made` channels fill none, as the three of a
/// picture, whose gradient a network's first convolution spreads.
fn better_together(made: usize, walks: &[Walk]) -> bool {
    let apart: usize = walks.iter().map(|walk| walk.taps.len() * made.div_ceil(WIDEST)).sum();
    Walk::side_by_side(walks).is_some_and(|taps| taps.len() * (walks.len() * made).div_ceil(WIDEST) < apart)
}
