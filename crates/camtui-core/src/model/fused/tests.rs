//! Which regions there are, and what is left of them when less is asked. That they compute what the runtime computes is
//! tested on whole networks (`tests/fused.rs`).

use tract_onnx::prelude::*;

use super::op::Fused;
use super::{Parameters, fuse, narrow};
use crate::onnx::build::{GraphBuilder, batched, ints};
use crate::seeded::uniform;

const SHAPE: [usize; 4] = [1, 4, 6, 6];

/// A network on `x` `[1,4,6,6]` of `nodes` (operator, inputs, output); what begins with `w` is a kernel of 3×3.
fn model(nodes: &[(&str, &[&str], &str)], outputs: &[&str]) -> TypedModel {
    let mut graph = GraphBuilder::new("region");
    graph.input("x", &batched(&SHAPE[1..]));
    for kernel in ["w1", "w2", "w3"] {
        graph.f32s(kernel, &[4, 4, 3, 3], uniform(kernel, &[4, 4, 3, 3], 1, -0.3, 0.3).data());
    }
    for (operator, inputs, output) in nodes {
        let attributes = if *operator == "Conv" { vec![ints("pads", &[1; 4])] } else { vec![] };
        graph.node(operator, inputs, output, attributes);
    }
    for output in outputs {
        graph.output(output, &batched(&SHAPE[1..]));
    }
    let model = tract_onnx::onnx().model_for_proto_model(&graph.into_model()).unwrap();
    model.with_input_fact(0, f32::fact(SHAPE).into()).unwrap().into_typed().unwrap()
}

fn fused(nodes: &[(&str, &[&str], &str)], outputs: &[&str]) -> TypedModel {
    let mut model = model(nodes, outputs);
    fuse(&mut model, &Parameters::default()).unwrap();
    model
}

/// The nodes that are computed, by operator.
fn left(model: &TypedModel) -> Vec<String> {
    let order = model.eval_order().unwrap();
    let names = order.iter().map(|&id| model.node(id).op.name().into_owned());
    names.filter(|name| name != "Source" && name != "Const").collect()
}

fn run(model: &TypedModel, outputs: &[OutletId]) -> Vec<Vec<f32>> {
    let mut model = model.clone();
    model.select_output_outlets(outputs).unwrap();
    let x = uniform("x", &SHAPE, 1, -1.0, 1.0);
    let x = Tensor::from_shape(&SHAPE, x.data()).unwrap();
    let results = model.into_runnable().unwrap().run(tvec!(x.into())).unwrap();
    results.iter().map(|r| r.to_plain_array_view::<f32>().unwrap().iter().copied().collect()).collect()
}

fn same(found: &[Vec<f32>], expected: &[Vec<f32>]) {
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
    }
}

/// A residual block.
const BLOCK: &[(&str, &[&str], &str)] = &[
    ("Conv", &["x", "w1"], "a"),
    ("Relu", &["a"], "b"),
    ("Conv", &["b", "w2"], "c"),
    ("Add", &["c", "x"], "d"),
    ("Relu", &["d"], "y"),
];

#[test]
fn a_block_is_one_operator() {
    assert_eq!(left(&fused(BLOCK, &["y"])), ["Fused"]);
}

/// Red when a step that reads a foreign operator's result stays on the level of what that operator reads: the graph then
/// has a circle.
#[test]
fn a_way_that_leaves_a_region_and_comes_back_ends_it() {
    let around: &[(&str, &[&str], &str)] = &[
        ("Conv", &["x", "w1"], "a"),
        ("Softplus", &["a"], "b"),
        ("Conv", &["a", "w2"], "c"),
        ("Add", &["b", "c"], "d"),
        ("Conv", &["d", "w3"], "y"),
    ];
    let found = fused(around, &["y"]);
    let operators = left(&found);
    assert_eq!(operators.iter().filter(|name| *name == "Fused").count(), 2, "{operators:?}");
    let plain = model(around, &["y"]);
    same(&run(&found, &found.outputs), &run(&plain, &plain.outputs));
}

#[test]
fn a_graph_without_convolutions_stays_as_it_is() {
    assert_eq!(left(&fused(&[("Relu", &["x"], "a"), ("Sigmoid", &["a"], "y")], &["y"])).len(), 2);
}

#[test]
fn what_nobody_asks_for_costs_nothing() {
    let nodes: Vec<_> = [BLOCK, &[("Softplus", &["b"], "s"), ("Conv", &["s", "w3"], "z")]].concat();
    let whole = fused(&nodes, &["y", "b", "z"]);
    let plain = model(&nodes, &["y", "b", "z"]);
    for asked in [vec![0], vec![1], vec![2], vec![0, 1], vec![0, 1, 2]] {
        let mut some = whole.clone();
        let outputs: Vec<OutletId> = asked.iter().map(|&at| whole.outputs[at]).collect();
        some.select_output_outlets(&outputs).unwrap();
        narrow(&mut some, true).unwrap();
        let order = some.eval_order().unwrap();
        let regions: Vec<&TypedNode> =
            order.iter().map(|&id| some.node(id)).filter(|node| node.op_is::<Fused>()).collect();
        // Each gives what is read, and nothing else.
        let given: usize = regions.iter().map(|node| node.outputs.len()).sum();
        let read: usize = asked.len() + usize::from(asked.contains(&2) && !asked.contains(&1));
        assert_eq!(given, read, "{asked:?}");
        assert_eq!(regions.len(), 1 + usize::from(asked.contains(&2)), "{asked:?}");
        let expected: Vec<OutletId> = asked.iter().map(|&at| plain.outputs[at]).collect();
        same(&run(&some, &some.outputs.clone()), &run(&plain, &expected));
    }
}
