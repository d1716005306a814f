//! Where each value lies. Parts of a concatenation are made in their place where the channels allow it, and a slice
//! is a look at what it is cut from, so that neither moves a number.

use super::Choice;
use crate::graph::{Graph, Op};
use crate::kernel::transform::{Four, Two, Winograd};
use crate::simd::WIDEST;
use crate::view::{Border, View};
use crate::{Shape, Value};

/// Each live value's view, and each buffer's size.
pub(super) struct Layout {
    pub views: Vec<Option<View>>,
    pub sizes: Vec<usize>,
    /// Whether a value lies in another and needs no step.
    pub inside: Vec<bool>,
}

/// Where a value lies in another: which, and from which channel on.
type Place = Option<(Value, usize)>;

pub(super) fn lay_out(graph: &Graph, live: &[bool], choices: &[Option<Choice>]) -> Layout {
    let places = places(graph, live);
    let borders = borders(graph, choices);
    let root = |mut value: usize| {
        let mut first = 0usize;
        while let Some((parent, offset)) = places[value] {
            (value, first) = (parent.0, first + offset);
        }
        (value, first)
    };
    let count = graph.nodes.len();
    let mut border = vec![Border::default(); count];
    for value in (0..count).filter(|&v| live[v]) {
        let (root, _) = root(value);
        border[root] = border[root].with(borders[value]);
    }
    let mut sizes = Vec::new();
    let mut roots = vec![None; count];
    for value in (0..count).filter(|&v| live[v] && places[v].is_none()) {
        let node = &graph.nodes[value];
        let narrow = matches!(node.op, Op::Input) && only_convolved(graph, live, Value(value));
        let (view, size) = View::whole(sizes.len(), node.shape, border[value], narrow);
        roots[value] = Some(view);
        sizes.push(size);
    }
    let views = (0..count)
        .map(|value| {
            let (root, first) = root(value);
            roots[root]
                .filter(|_| live[value])
                .map(|view| view.channels(first, graph.nodes[value].shape.channels))
        })
        .collect();
    Layout { views, sizes, inside: places.iter().map(Option::is_some).collect() }
}

/// Which values lie in others.
fn places(graph: &Graph, live: &[bool]) -> Vec<Place> {
    let mut places: Vec<Place> = vec![None; graph.nodes.len()];
    let channels = |value: Value| graph.nodes[value.0].shape.channels;
    // The largest concatenation comes last, and what it holds in a row needs no place of its own.
    for (i, node) in graph.nodes.iter().enumerate().rev().filter(|&(i, _)| live[i]) {
        let Op::Concatenate { parts } = &node.op else { continue };
        if places[i].is_none()
            && let Some(place) = in_a_row(parts, &places, channels)
        {
            places[i] = Some(place);
            continue;
        }
        let mut first = 0usize;
        for (n, part) in parts.iter().enumerate() {
            let made_here = !matches!(graph.nodes[part.0].op, Op::Input | Op::Slice { .. });
            let whole = first.is_multiple_of(WIDEST)
                && (channels(*part).is_multiple_of(WIDEST) || n + 1 == parts.len());
            if made_here && whole && places[part.0].is_none() {
                places[part.0] = Some((Value(i), first));
            }
            first += channels(*part);
        }
    }
    for (i, node) in graph.nodes.iter().enumerate().filter(|&(i, _)| live[i]) {
        if let Op::Slice { x, first } = node.op
            && first.is_multiple_of(WIDEST)
        {
            places[i] = Some((x, first));
        }
    }
    places
}

/// Where the parts lie, if they lie one after the other in the same value, from a whole vector on.
fn in_a_row(parts: &[Value], places: &[Place], channels: impl Fn(Value) -> usize) -> Place {
    let (parent, first) = places[parts[0].0]?;
    let mut next = first;
    for part in parts {
        if places[part.0] != Some((parent, next)) {
            return None;
        }
        next += channels(*part);
    }
    Some((parent, first))
}

/// The zeros that each value's readers need around it.
fn borders(graph: &Graph, choices: &[Option<Choice>]) -> Vec<Border> {
    let mut borders = vec![Border::default(); graph.nodes.len()];
    for (node, choice) in graph.nodes.iter().zip(choices) {
        let (Some(choice), Op::Convolve { x, .. } | Op::Transposed { x, .. }) = (choice, &node.op) else {
            continue;
        };
        let from = graph.nodes[x.0].shape;
        let needed = match choice {
            Choice::Direct { walks, .. } | Choice::Phases { walks, .. } | Choice::Depthwise { walks } => {
                walks.iter().fold(Border::default(), |sum, walk| sum.with(walk.border(from)))
            }
            Choice::Winograd { first, out, .. } => tiled(*first, *out, from, node.shape),
        };
        borders[x.0] = borders[x.0].with(needed);
    }
    borders
}

/// The zeros that whole tiles read around a picture of shape `from` for results of shape `to`.
fn tiled(first: [isize; 2], out: usize, from: Shape, to: Shape) -> Border {
    let seen = if out == Two::OUT { Two::IN } else { Four::IN };
    let beyond = |axis: usize, size: usize, results: usize| {
        let end = first[axis] + ((results.div_ceil(out) - 1) * out + seen) as isize;
        (end - size as isize).max(0) as usize
    };
    Border {
        top: (-first[0]).max(0) as usize,
        left: (-first[1]).max(0) as usize,
        bottom: beyond(0, from.height, to.height),
        right: beyond(1, from.width, to.width),
    }
}

/// Whether an input is only ever convolved, by dense convolutions: then its pixels need no padding to whole vectors,
/// which would be most of a picture's three channels.
fn only_convolved(graph: &Graph, live: &[bool], value: Value) -> bool {
    let narrow = graph.nodes[value.0].shape.channels < WIDEST / 2;
    narrow
        && !graph.outputs.contains(&value)
        && graph.nodes.iter().zip(live).filter(|(_, live)| **live).all(|(node, _)| match &node.op {
            Op::Convolve { x, convolution, add, .. } | Op::Transposed { x, convolution, add, .. } => {
                *add != Some(value) && (*x != value || convolution.groups == 1)
            }
            op => !op.operands().contains(&value),
        })
}
