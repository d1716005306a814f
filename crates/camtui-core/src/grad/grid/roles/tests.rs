//! Each way of following an axis, and where it must end. Faults were put in one by one: each turns a line of these red.

use super::*;
use crate::grad::active;
use crate::onnx::build::{Dim, GraphBuilder, batched, int, ints};

const PLACE: Role = Place { before: 0, height: 4, width: 6 };

/// A network on a picture that is `p` `[N, 4, 4, 6]` after a convolution, `cells` `[N, 4, 24]` and `row` `[N, 24, 4]`.
fn network(body: impl FnOnce(&mut GraphBuilder)) -> GraphProto {
    of_batches(Dim::Symbol("N"), body)
}

fn of_batches(batch: Dim, body: impl FnOnce(&mut GraphBuilder)) -> GraphProto {
    let mut graph = GraphBuilder::new("roles");
    graph.input("image", &[batch, Dim::Fixed(3), Dim::Fixed(8), Dim::Fixed(12)]);
    graph.f32s("patch", &[4, 3, 2, 2], &[0.1; 48]);
    graph.node("Conv", &["image", "patch"], "p", vec![ints("strides", &[2, 2])]);
    reshape(&mut graph, "p", "cells", &[0, 4, 24]);
    graph.node("Transpose", &["cells"], "row", vec![ints("perm", &[0, 2, 1])]);
    body(&mut graph);
    graph.output("y", &[const { Dim::Any }; 4]);
    graph.into_graph()
}

fn reshape(graph: &mut GraphBuilder, x: &str, y: &str, to: &[i64]) {
    graph.i64s(&format!("{y}/to"), &[to.len()], to);
    graph.node("Reshape", &[x, &format!("{y}/to")], y, vec![]);
}

fn slice(graph: &mut GraphBuilder, x: &str, y: &str, [from, to, axis, step]: [i64; 4]) {
    let named = |part: &str| format!("{y}/{part}");
    for (part, value) in [("from", from), ("to", to), ("axis", axis), ("step", step)] {
        graph.i64s(&named(part), &[1], &[value]);
    }
    graph.node("Slice", &[x, &named("from"), &named("to"), &named("axis"), &named("step")], y, vec![]);
}

/// Two tokens before the places: `tokens` `[N, 26, 4]`.
fn with_tokens(graph: &mut GraphBuilder) {
    graph.f32s("more", &[1, 2, 4], &[0.1; 8]);
    graph.node("Concat", &["more", "row"], "tokens", vec![int("axis", 1)]);
}

fn asked<T>(graph: &GraphProto, ask: impl FnOnce(&Walk<'_>) -> T) -> T {
    let (active, shapes) = (active::values(graph, "image"), Shapes::infer(graph, 17));
    ask(&Walk::through(graph, &shapes, &active))
}

/// The roles of the value `y` that `body` makes.
fn of(body: impl FnOnce(&mut GraphBuilder)) -> Option<Roles> {
    asked(&network(body), |walk| walk.roles("y").cloned())
}

#[test]
fn rows_of_tokens_are_followed() {
    assert_eq!(of(|g| g.node("Relu", &["row"], "y", vec![])), Some(vec![Batch, PLACE, Channel]));
    assert_eq!(of(|g| reshape(g, "cells", "y", &[0, 4, 4, 6])), Some(vec![Batch, Channel, Row, Column]));
    assert_eq!(of(|g| reshape(g, "cells", "y", &[0, 4, 6, 4])), Some(vec![Batch, Channel, Other, Other]));
    assert_eq!(of(|g| reshape(g, "row", "y", &[0, 96])), Some(vec![Batch, Other]), "channels and places");
    let turned = of_batches(Dim::Fixed(1), |g| {
        g.node("Transpose", &["cells"], "turned", vec![ints("perm", &[1, 0, 2])]);
        reshape(g, "turned", "y", &[4, 1, 4, 6]);
    });
    assert_eq!(asked(&turned, |walk| walk.roles("y").cloned()), None, "the batch is elsewhere");
    let windows = |g: &mut GraphBuilder| reshape(g, "p", "y", &[0, 4, 2, 2, 6]);
    assert_eq!(of(windows), Some(vec![Batch, Channel, Row, Other, Column]));
    let along_a_row = |g: &mut GraphBuilder| {
        g.f32s("w", &[4, 4, 1], &[0.1; 16]);
        g.node("Conv", &["cells", "w"], "y", vec![]);
    };
    assert_eq!(of(along_a_row), None, "a convolution along one axis");
}

#[test]
fn tokens_before_the_places_are_counted() {
    let place = |before| Place { before, height: 4, width: 6 };
    let sliced = |range: [i64; 4]| {
        of(|g| {
            with_tokens(g);
            slice(g, "tokens", "y", range);
        })
    };
    let taken = |before| Some(vec![Batch, place(before), Channel]);
    assert_eq!(sliced([0, 26, 1, 1]), taken(2));
    assert_eq!(sliced([1, 26, 1, 1]), taken(1));
    assert_eq!(sliced([2, i64::MAX, 1, 1]), taken(0));
    assert_eq!(sliced([-24, i64::MAX, 1, 1]), taken(0), "counted from the end");
    assert_eq!(sliced([-25, 26, 1, 1]), taken(1));
    assert_eq!(sliced([3, 26, 1, 1]), None, "without the first place");
    assert_eq!(sliced([0, 25, 1, 1]), None, "without the last place");
    assert_eq!(sliced([0, 26, 1, 2]), None, "every second");
    assert_eq!(sliced([0, 2, 2, 1]), taken(2), "some channels");
}

#[test]
fn parts_of_a_picture_keep_its_places_or_have_none() {
    let picture = Some(vec![Batch, Channel, Row, Column]);
    assert_eq!(of(|g| slice(g, "p", "y", [0, 4, 2, 2])), picture, "every second row");
    assert_eq!(of(|g| slice(g, "p", "y", [1, 4, 2, 1])), None, "cut off above");
    assert_eq!(of(|g| slice(g, "p", "y", [1, 3, 1, 1])), picture, "some channels");
    let split = |axis| of(|g| g.node_with_outputs("Split", &["p"], &["y", "rest"], vec![int("axis", axis)]));
    assert_eq!(split(1), picture);
    assert_eq!(split(2), None, "the upper half");
    let mean = |axis| of(|g| g.node("ReduceMean", &["row"], "y", vec![ints("axes", &[axis])]));
    assert_eq!(mean(2), Some(vec![Batch, PLACE, Other]));
    assert_eq!(mean(1), None, "over all places");
    let joined = |other: &'static str| {
        of(|g| {
            g.i64s("order", &[4], &[3, 2, 1, 0]);
            g.node("Gather", &["p", "order"], "mirrored", vec![int("axis", 2)]);
            g.node("Concat", &["p", other], "y", vec![int("axis", 1)]);
        })
    };
    assert_eq!(joined("p"), picture);
    assert_eq!(joined("mirrored"), None, "with places that are elsewhere");
}

#[test]
fn what_disagrees_stands_for_nothing() {
    // [N, 4, 4, 4], and the same turned.
    let mut graph = GraphBuilder::new("square");
    graph.input("image", &batched(&[3, 8, 8]));
    graph.f32s("patch", &[4, 3, 2, 2], &[0.1; 48]);
    graph.node("Conv", &["image", "patch"], "p", vec![ints("strides", &[2, 2])]);
    graph.node("Transpose", &["p"], "turned", vec![ints("perm", &[0, 2, 3, 1])]);
    graph.node("Add", &["p", "turned"], "y", vec![]);
    graph.node("Add", &["p", "p"], "z", vec![]);
    graph.output("y", &[const { Dim::Any }; 4]);
    let graph = graph.into_graph();
    let found = asked(&graph, |walk| (walk.roles("y").cloned(), walk.roles("z").cloned()));
    assert_eq!(found, (None, Some(vec![Batch, Channel, Row, Column])));
}

#[test]
fn products_give_new_channels_or_mix_places() {
    let product = |x: &'static str, shape: &'static [usize]| {
        let graph = network(|g| {
            g.f32s("w", shape, &vec![0.1; shape.iter().product()]);
            g.i64s("end", &[1], &[-1]);
            g.node("Unsqueeze", &["cells", "end"], "deep", vec![]);
            g.node("ReduceMean", &["cells"], "even", vec![ints("axes", &[1])]);
            g.node("MatMul", &[x, "w"], "y", vec![]);
        });
        let node = graph.node.last().unwrap().clone();
        asked(&graph, |walk| (walk.roles("y").cloned(), walk.mixes(&node)))
    };
    assert_eq!(product("row", &[4, 7]), (Some(vec![Batch, PLACE, Channel]), false));
    assert_eq!(product("cells", &[24, 24]), (Some(vec![Batch, Channel, Other]), true), "a mixer of tokens");
    assert_eq!(product("even", &[24, 5]).0, Some(vec![Batch, Other, Other]), "no channels of places");
    assert_eq!(product("deep", &[1, 5]).0, Some(vec![Batch, Channel, PLACE, Other]));
    let attention = network(|g| g.node("MatMul", &["row", "cells"], "y", vec![]));
    let node = attention.node.last().unwrap().clone();
    let found = asked(&attention, |walk| (walk.roles("y").cloned(), walk.mixes(&node)));
    assert_eq!(found, (Some(vec![Batch, PLACE, Other]), true));
}
