//! Small networks on tokens: what is folded holds the same values to the bit, and its gradients are those of the tokens.

mod ends;

use std::collections::HashMap;

use tract_onnx::prelude::{Datum as _, DatumType};

use super::fold;
use crate::grad::differentiate;
use crate::grad::tests::goldens::{Values, relative, run};
use crate::onnx::build::{Dim, GraphBuilder, batched, int, ints};
use crate::onnx::metadata::{Layer, Metadata};
use crate::onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, attribute_proto::AttributeType,
    tensor_proto::DataType, type_proto,
};
use crate::seeded::uniform;

const CHANNELS: usize = 4;
const CLASSES: usize = 3;
/// Of the picture that is left after the first convolution.
const SIDES: [usize; 2] = [4, 6];

/// A network under construction, and whether its norms are no more than scale and shift.
struct Net(GraphBuilder, bool);

impl Net {
    /// `image → Conv`, which cuts it into patches: `patches` `[N, 4, 4, 6]`.
    fn of_patches() -> Self {
        let mut net = Self(GraphBuilder::new("tokens"), false);
        net.0.input("image", &batched(&[3, 2 * SIDES[0], 2 * SIDES[1]]));
        net.weight("patch", &[CHANNELS, 3, 2, 2]);
        net.0.node("Conv", &["image", "patch"], "patches", vec![ints("strides", &[2, 2])]);
        net
    }

    fn weight(&mut self, name: &str, shape: &[usize]) {
        self.0.f32s(name, shape, uniform(name, shape, 7, -0.7, 0.7).data());
    }

    fn reshape(&mut self, x: &str, y: &str, to: &[i64]) {
        self.0.i64s(&format!("{y}/to"), &[to.len()], to);
        self.0.node("Reshape", &[x, &format!("{y}/to")], y, vec![]);
    }

    fn transpose(&mut self, x: &str, y: &str, perm: &[i64]) {
        self.0.node("Transpose", &[x], y, vec![ints("perm", perm)]);
    }

    /// `[N, 24, 4]`
    fn rows(&mut self) {
        self.reshape("patches", "cells", &[0, CHANNELS as i64, -1]);
        self.transpose("cells", "row", &[0, 2, 1]);
    }

    /// A class token in front, for every picture of the batch, and a position's own vector added: `tokens`.
    fn with_class_token(&mut self) {
        self.weight("class", &[1, 1, CHANNELS]);
        self.0.i64s("first", &[1], &[0]);
        self.0.i64s("rest", &[2], &[1, CHANNELS as i64]);
        self.0.node("Shape", &["image"], "shape", vec![]);
        self.0.node("Gather", &["shape", "first"], "count", vec![int("axis", 0)]);
        self.0.node("Concat", &["count", "rest"], "many", vec![int("axis", 0)]);
        self.0.node("Expand", &["class", "many"], "classes", vec![]);
        self.0.node("Concat", &["classes", "row"], "joined", vec![int("axis", 1)]);
        self.weight("positions", &[1, 25, CHANNELS]);
        self.0.node("Add", &["joined", "positions"], "tokens", vec![]);
    }

    /// Layer normalisation in parts, as older opsets have it.
    fn norm(&mut self, x: &str, y: &str) {
        let named = |part: &str| format!("{y}/{part}");
        self.weight(&named("scale"), &[CHANNELS]);
        self.weight(&named("shift"), &[CHANNELS]);
        if self.1 {
            self.0.node("Mul", &[x, &named("scale")], &named("scaled"), vec![]);
            self.0.node("Add", &[&named("scaled"), &named("shift")], y, vec![]);
            return;
        }
        self.0.f32s(&named("epsilon"), &[], &[0.001]);
        let over = || vec![ints("axes", &[-1]), int("keepdims", 1)];
        self.0.node("ReduceMean", &[x], &named("mean"), over());
        self.0.node("Sub", &[x, &named("mean")], &named("centred"), vec![]);
        self.0.node("Mul", &[&named("centred"), &named("centred")], &named("squares"), vec![]);
        self.0.node("ReduceMean", &[&named("squares")], &named("variance"), over());
        self.0.node("Add", &[&named("variance"), &named("epsilon")], &named("kept"), vec![]);
        self.0.node("Sqrt", &[&named("kept")], &named("deviation"), vec![]);
        self.0.node("Div", &[&named("centred"), &named("deviation")], &named("even"), vec![]);
        self.0.node("Mul", &[&named("even"), &named("scale")], &named("scaled"), vec![]);
        self.0.node("Add", &[&named("scaled"), &named("shift")], y, vec![]);
    }

    fn linear(&mut self, x: &str, y: &str, extents: [usize; 2]) {
        self.weight(&format!("{y}/weight"), &extents);
        self.weight(&format!("{y}/bias"), &extents[1..]);
        self.0.node("MatMul", &[x, &format!("{y}/weight")], &format!("{y}/product"), vec![]);
        self.0.node("Add", &[&format!("{y}/product"), &format!("{y}/bias")], y, vec![]);
    }

    /// Attention of two heads over the last axis but one of `x` `[…, T, 4]`, which has `lead` before it.
    fn attention(&mut self, x: &str, y: &str, lead: &[i64]) {
        let named = |part: &str| format!("{y}/{part}");
        let heads = |perm: [usize; 3]| -> Vec<i64> {
            let n = lead.len();
            (0..n).chain(perm.map(|p| n + p)).map(|a| a as i64).collect()
        };
        for (part, perm) in [("q", [1, 0, 2]), ("k", [1, 2, 0]), ("v", [1, 0, 2])] {
            self.linear(x, &named(part), [CHANNELS, CHANNELS]);
            self.reshape(&named(part), &named(&format!("{part}/parted")), &[lead, &[-1, 2, 2]].concat());
            self.transpose(&named(&format!("{part}/parted")), &named(&format!("{part}/heads")), &heads(perm));
        }
        self.0.node("MatMul", &[&named("q/heads"), &named("k/heads")], &named("likeness"), vec![]);
        self.0.node("Softmax", &[&named("likeness")], &named("weights"), vec![int("axis", -1)]);
        self.0.node("MatMul", &[&named("weights"), &named("v/heads")], &named("mixed"), vec![]);
        self.transpose(&named("mixed"), &named("back"), &heads([1, 0, 2]));
        self.reshape(&named("back"), &named("merged"), &[lead, &[-1, CHANNELS as i64]].concat());
        self.linear(&named("merged"), y, [CHANNELS, CHANNELS]);
    }

    /// `x + attention(norm(x))`, and a perceptron in the same way: the value `y`.
    fn block(&mut self, x: &str, y: &str) {
        let named = |part: &str| format!("{y}/{part}");
        self.norm(x, &named("norm1"));
        self.attention(&named("norm1"), &named("attention"), &[0]);
        self.0.node("Add", &[x, &named("attention")], &named("middle"), vec![]);
        self.perceptron(&named("middle"), y);
    }

    fn perceptron(&mut self, x: &str, y: &str) {
        let named = |part: &str| format!("{y}/{part}");
        self.norm(x, &named("norm2"));
        self.linear(&named("norm2"), &named("wide"), [CHANNELS, 8]);
        self.0.node("Tanh", &[&named("wide")], &named("bent"), vec![]);
        self.linear(&named("bent"), &named("narrow"), [8, CHANNELS]);
        self.0.node("Add", &[x, &named("narrow")], y, vec![]);
    }

    /// The same on `x` `[N, 4, 6, 4]`, rows and columns before channels, with attention inside windows of 2×3.
    fn windowed_block(&mut self, x: &str, y: &str) {
        let named = |part: &str| format!("{y}/{part}");
        let channels = CHANNELS as i64;
        self.norm(x, &named("norm1"));
        self.reshape(&named("norm1"), &named("parts"), &[0, 2, 2, 2, 3, channels]);
        self.transpose(&named("parts"), &named("windows"), &[0, 1, 3, 2, 4, 5]);
        self.reshape(&named("windows"), &named("flat"), &[0, 4, 6, channels]);
        self.attention(&named("flat"), &named("attention"), &[0, 4]);
        self.reshape(&named("attention"), &named("apart"), &[0, 2, 2, 2, 3, channels]);
        self.transpose(&named("apart"), &named("rows"), &[0, 1, 3, 2, 4, 5]);
        self.reshape(&named("rows"), &named("whole"), &[0, 4, 6, channels]);
        self.0.node("Add", &[x, &named("whole")], &named("middle"), vec![]);
        self.perceptron(&named("middle"), y);
    }

    fn mean_over(&mut self, x: &str, axes: &[i64]) {
        self.0.node("ReduceMean", &[x], "pooled", vec![ints("axes", axes), int("keepdims", 0)]);
    }

    fn head(mut self, x: &str) -> GraphProto {
        self.weight("head", &[CHANNELS, CLASSES]);
        self.0.node("MatMul", &[x, "head"], "scores", vec![]);
        self.0.output("scores", &[Dim::Symbol("N"), Dim::Fixed(CLASSES)]);
        self.0.into_graph()
    }
}

fn with_class_token() -> GraphProto {
    of_class_token(Net::of_patches())
}

fn of_class_token(mut net: Net) -> GraphProto {
    net.rows();
    net.with_class_token();
    net.block("tokens", "one");
    net.block("one", "two");
    net.norm("two", "last");
    net.0.i64s("zeroth", &[], &[0]);
    net.0.node("Gather", &["last", "zeroth"], "class_token", vec![int("axis", 1)]);
    net.head("class_token")
}

fn pooled() -> GraphProto {
    let mut net = Net::of_patches();
    net.rows();
    net.block("row", "one");
    net.norm("one", "last");
    net.mean_over("last", &[1]);
    net.head("pooled")
}

fn channels_last() -> GraphProto {
    let mut net = Net::of_patches();
    net.transpose("patches", "turned", &[0, 2, 3, 1]);
    net.norm("turned", "normed");
    net.windowed_block("normed", "one");
    net.norm("one", "last");
    net.mean_over("last", &[1, 2]);
    net.head("pooled")
}

fn layers(graph: &GraphProto, values: &[&str]) -> Vec<Layer> {
    let layer = |value: &&str| {
        assert!(graph.node.iter().any(|n| n.output[0] == **value), "{value}");
        Layer { name: (*value).into(), value: (*value).into(), ..Layer::default() }
    };
    values.iter().map(layer).collect()
}

/// The model with gradients, in double precision.
fn exported(graph: GraphProto, layers: Vec<Layer>) -> ModelProto {
    let mut model = GraphBuilder::extend(graph).into_model();
    Metadata { name: "tokens".into(), layers, ..Metadata::default() }.write(&mut model);
    let graph = model.graph.as_mut().unwrap();
    for tensor in graph.initializer.iter_mut().filter(|t| t.data_type == DataType::Float as i32) {
        let (words, _) = tensor.raw_data.as_chunks::<4>();
        tensor.raw_data =
            words.iter().flat_map(|w| f64::from(f32::from_le_bytes(*w)).to_le_bytes()).collect();
        tensor.data_type = DataType::Double as i32;
    }
    for info in graph.input.iter_mut().chain(&mut graph.output) {
        if let Some(type_proto::Value::TensorType(t)) = info.r#type.as_mut().and_then(|t| t.value.as_mut()) {
            t.elem_type = DataType::Double as i32;
        }
    }
    let found = differentiate(model).unwrap();
    assert_eq!(found.blocked, []);
    found.model
}

fn on_tract(model: &ModelProto) -> HashMap<String, Vec<f64>> {
    let drawn = |name: &str, shape: &[usize]| -> Values {
        (shape.to_vec(), uniform(name, shape, 3, -1.0, 1.0).data().iter().map(|&v| v.into()).collect())
    };
    let picture = [1, 3, 2 * SIDES[0], 2 * SIDES[1]];
    let inputs = [("image", drawn("image", &picture)), ("seed", drawn("seed", &[1, CLASSES]))];
    run(model, &inputs, f64_type()).unwrap()
}

fn f64_type() -> DatumType {
    f64::datum_type()
}

/// `[T, C]` as `[C, places]`, without the first `before` tokens: what `reshape_transform` of pytorch-grad-cam does.
fn folded(tokens: &[f64], before: usize) -> Vec<f64> {
    let places = tokens.len() / CHANNELS - before;
    (0..CHANNELS)
        .flat_map(|c| (0..places).map(move |place| tokens[(before + place) * CHANNELS + c]))
        .collect()
}

/// Against the same network with its layers left on tokens, folded here.
#[test]
fn folded_layers_hold_the_tokens_values_and_gradients() {
    // What makes it, its layers, tokens before the places, the default.
    type Case = (fn() -> GraphProto, &'static [&'static str], usize, &'static str);
    let networks: [Case; 3] = [
        (
            with_class_token,
            &["tokens", "one/norm1", "one", "two/norm1", "two/attention/k", "two", "last"],
            1,
            "two/norm1",
        ),
        (pooled, &["row", "one/norm1", "one/middle", "one", "last"], 0, "last"),
        (
            channels_last,
            &["turned", "normed", "one/norm1", "one/middle", "one/bent", "one", "last"],
            0,
            "last",
        ),
    ];
    for (network, values, before, default) in networks {
        let graph = network();
        let names = layers(&graph, values);
        let plain = on_tract(&exported(graph.clone(), names.clone()));
        let (mut graph, mut names) = (graph, names);
        assert_eq!(fold(&mut graph, 17, &mut names).as_deref(), Some(default));
        let model = exported(graph, names);
        let metadata = Metadata::read(&model).unwrap().unwrap();
        let found = on_tract(&model);
        assert_eq!(found["logits"], plain["logits"], "{default}");
        for layer in &metadata.layers {
            let name = &layer.name;
            assert_eq!(layer.shape[1..], SIDES, "{name}");
            if layer.shape[0] == CHANNELS {
                let key = format!("activation:{name}");
                assert_eq!(found[&key], folded(&plain[&key], before), "{name}");
                let key = format!("gradient:{name}");
                let (gradient, expected) = (&found[&key], folded(&plain[&key], before));
                let zero = expected.iter().all(|&v| v == 0.0);
                assert_eq!(zero, before == 1 && ["two", "last"].contains(&name.as_str()), "{name}");
                if zero {
                    assert!(gradient.iter().all(|&v| v == 0.0), "{name}");
                } else {
                    assert!(relative(gradient, &expected) < 1e-12, "{name}");
                }
            }
        }
        assert!(relative(&found["gradient:image"], &plain["gradient:image"]) < 1e-12);
    }
}

/// What the positions' own vectors add is the layer `tokens`: moved a little, each number moves the classes by its gradient.
/// (Without norms: tract takes them for an operator of its own, in single precision.)
#[test]
fn folded_gradients_are_the_slopes() {
    let mut net = Net::of_patches();
    net.1 = true;
    let mut graph = of_class_token(net);
    let mut names = layers(&graph, &["tokens"]);
    fold(&mut graph, 17, &mut names);
    let model = exported(graph, names);
    let gradient = &on_tract(&model)["gradient:tokens"];
    let seed = uniform("seed", &[1, CLASSES], 3, -1.0, 1.0);
    let score = |place: usize, channel: usize, step: f64| -> f64 {
        let mut moved = model.clone();
        let tensors = &mut moved.graph.as_mut().unwrap().initializer;
        let positions = tensors.iter_mut().find(|t| t.name == "positions").unwrap();
        let (words, _) = positions.raw_data.as_chunks_mut::<8>();
        let word = &mut words[(1 + place) * CHANNELS + channel];
        *word = (f64::from_le_bytes(*word) + step).to_le_bytes();
        let logits = &on_tract(&moved)["logits"];
        logits.iter().zip(seed.data()).map(|(l, &s)| l * f64::from(s)).sum()
    };
    let places = SIDES[0] * SIDES[1];
    let slope = |channel: usize, place: usize| {
        let step = 1e-5;
        (score(place, channel, step) - score(place, channel, -step)) / (2.0 * step)
    };
    // Some of every channel, in every row.
    let chosen: Vec<(usize, usize)> = (0..places).map(|place| (place % CHANNELS, place)).collect();
    let expected: Vec<f64> = chosen.iter().map(|&(channel, place)| slope(channel, place)).collect();
    let found: Vec<f64> = chosen.iter().map(|&(channel, place)| gradient[channel * places + place]).collect();
    assert!(relative(&found, &expected) < 1e-7, "{found:?} {expected:?}");
}

/// Tokens that are no longer a picture, or not known to be one, are left as they are.
#[test]
fn what_does_not_fit_is_not_folded() {
    let of_row = |change: &dyn Fn(&mut Net)| {
        let mut net = Net::of_patches();
        net.rows();
        change(&mut net);
        net.norm("changed", "last");
        net.mean_over("last", &[1]);
        let mut graph = net.head("pooled");
        let mut names = layers(&graph, &["changed", "last"]);
        assert_eq!(fold(&mut graph, 17, &mut names), None);
        assert_eq!(names[1].value, "last");
        assert!(exported(graph, names).graph.unwrap().output.iter().any(|o| o.name == "gradient:last"));
    };
    let sliced = |from: i64, to: i64, step: i64| {
        move |net: &mut Net| {
            for (name, value) in [("from", from), ("to", to), ("axis", 1), ("step", step)] {
                net.0.i64s(name, &[1], &[value]);
            }
            net.0.node("Slice", &["row", "from", "to", "axis", "step"], "changed", vec![]);
        }
    };
    of_row(&sliced(0, 23, 1));
    of_row(&sliced(1, 24, 1));
    of_row(&sliced(-1, i64::MIN, -1));
    of_row(&sliced(0, 24, 2));
    of_row(&|net| net.0.node("Concat", &["row", "row"], "changed", vec![int("axis", 1)]));
    // Places in another order, of the same number.
    of_row(&|net| {
        net.0.i64s("order", &[24], &(0..24).rev().collect::<Vec<i64>>());
        net.0.node("Gather", &["row", "order"], "changed", vec![int("axis", 1)]);
    });
    of_row(&|net| {
        net.reshape("row", "mingled", &[0, 4, 24]);
        net.transpose("mingled", "changed", &[0, 2, 1]);
    });
}

/// A name that the fold would give is there already; an inner graph reads the value by its name.
#[test]
fn names_stay_whose_they_are() {
    let mut graph = with_class_token();
    graph.node[0].output[0] = "tokens/fold/grid".into();
    for node in &mut graph.node[1..] {
        node.input.iter_mut().filter(|i| *i == "patches").for_each(|i| *i = "tokens/fold/grid".into());
    }
    let (before, mut names) = (graph.clone(), layers(&graph, &["tokens"]));
    assert_eq!(fold(&mut graph, 17, &mut names), None);
    assert_eq!(graph, before);

    let mut graph = with_class_token();
    let mut inner = GraphBuilder::new("inner");
    inner.node("Relu", &["tokens"], "inside", vec![]);
    let branch = AttributeProto {
        name: "then_branch".into(),
        r#type: AttributeType::Graph as i32,
        g: Some(inner.into_graph()),
        ..AttributeProto::default()
    };
    let node = NodeProto { op_type: "If".into(), attribute: vec![branch], ..NodeProto::default() };
    graph.node.push(NodeProto { input: vec!["first".into()], output: vec!["chosen".into()], ..node });
    let mut names = layers(&graph, &["tokens", "one"]);
    fold(&mut graph, 17, &mut names);
    assert_eq!([&names[0].value, &names[1].value], ["tokens", "one/fold/grid"]);
}
