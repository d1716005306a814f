//! Our own convolutions against the runtime's: made-up networks of everything that the pass takes, and some that it does
//! not, so that regions begin and end anywhere.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use camtui_core::Tensor;
use camtui_core::grad::Rule;
use camtui_core::model::{Cache, Convolutions, IMAGE, ModelSource, Needs, Network, Schedule, Session, open};
use camtui_core::onnx::build::{GraphBuilder, batched, float, int, ints};
use camtui_core::seeded::uniform;
use prost::Message as _;

static NEVER: AtomicBool = AtomicBool::new(false);
const CLASSES: usize = 5;
const SIDE: usize = 20;

fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

fn relative(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let size = norm(expected.data().iter().copied());
    let off = norm(found.data().iter().zip(expected.data()).map(|(a, b)| a - b));
    if off == 0.0 { 0.0 } else { off / size }
}

/// Whole numbers from a name.
struct Dice(Vec<f32>, usize);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.1 += 1;
        (self.0[self.1 - 1] * sides as f32) as usize % sides
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

/// A value of the network that is made up: its name, its channels and its side.
#[derive(Clone)]
struct Value(String, usize, usize);

struct Sketch {
    graph: GraphBuilder,
    dice: Dice,
    count: usize,
    seed: u64,
}

impl Sketch {
    fn name(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}{}", self.count)
    }

    fn weights(&mut self, dims: &[usize], bound: f32) -> String {
        let name = self.name("w");
        self.graph.f32s(&name, dims, uniform(&name, dims, self.seed, -bound, bound).data());
        name
    }

    fn positive(&mut self, dims: &[usize]) -> String {
        let name = self.name("p");
        self.graph.f32s(&name, dims, uniform(&name, dims, self.seed, 0.5, 1.5).data());
        name
    }

    fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: Vec<camtui_core::onnx::pb::AttributeProto>,
    ) -> String {
        let name = self.name(op);
        self.graph.node(op, inputs, &name, attributes);
        name
    }

    fn convolved(&mut self, x: &Value) -> Value {
        let groups = if x.1.is_multiple_of(4) { self.dice.one_of(&[1, 1, 1, 2, 4, x.1]) } else { 1 };
        let out = if groups == x.1 { x.1 } else { self.dice.one_of(&[4, 8, 12, 16, 20]) };
        let (kh, kw) = self.dice.one_of(&[(3, 3), (3, 3), (1, 1), (5, 5), (1, 3), (3, 1)]);
        let stride = if x.2 >= 8 { self.dice.one_of(&[1, 1, 2]) } else { 1 };
        let (ph, pw) = ((kh - 1) / 2, (kw - 1) / 2);
        let bound = (6.0 / (x.1 / groups * kh * kw) as f32).sqrt();
        let w = self.weights(&[out, x.1 / groups, kh, kw], bound);
        let b = self.weights(&[out], 0.2);
        let mut inputs = vec![x.0.as_str(), &w];
        if self.dice.roll(2) == 0 {
            inputs.push(&b);
        }
        let attributes = vec![
            int("group", groups as i64),
            ints("strides", &[stride as i64; 2]),
            ints("pads", &[ph as i64, pw as i64, ph as i64, pw as i64]),
        ];
        let name = self.node("Conv", &inputs, attributes);
        Value(name, out, x.2.div_ceil(stride))
    }

    fn normalised(&mut self, x: &Value) -> Value {
        let (scale, variance) = (self.positive(&[x.1]), self.positive(&[x.1]));
        let (shift, mean) = (self.weights(&[x.1], 0.3), self.weights(&[x.1], 0.3));
        let name = self.node("BatchNormalization", &[&x.0, &scale, &shift, &mean, &variance], vec![]);
        Value(name, x.1, x.2)
    }

    fn activated(&mut self, x: &Value) -> Value {
        let name = match self.dice.roll(8) {
            0..3 => self.node("Relu", &[&x.0], vec![]),
            3 => {
                self.graph.f32s(&format!("low{}", self.count), &[], &[0.0]);
                self.graph.f32s(&format!("high{}", self.count), &[], &[1.5]);
                let (low, high) = (format!("low{}", self.count), format!("high{}", self.count));
                self.node("Clip", &[&x.0, &low, &high], vec![])
            }
            4 => {
                let gate = self.node("Sigmoid", &[&x.0], vec![]);
                self.node("Mul", &[&x.0, &gate], vec![])
            }
            5 => self.node("HardSwish", &[&x.0], vec![]),
            6 => self.node("LeakyRelu", &[&x.0], vec![float("alpha", 0.1)]),
            _ => self.node("Tanh", &[&x.0], vec![]),
        };
        Value(name, x.1, x.2)
    }

    /// Squeeze and excitation.
    fn excited(&mut self, x: &Value) -> Value {
        let pooled = self.node("GlobalAveragePool", &[&x.0], vec![]);
        let (w, v) = (self.weights(&[4, x.1, 1, 1], 1.0), self.weights(&[x.1, 4, 1, 1], 1.0));
        let squeezed = self.node("Conv", &[&pooled, &w], vec![]);
        let squeezed = self.node("Relu", &[&squeezed], vec![]);
        let gate = self.node("Conv", &[&squeezed, &v], vec![]);
        let how = self.dice.one_of(&["Sigmoid", "HardSigmoid"]);
        let gate = self.node(how, &[&gate], vec![]);
        let name = self.node("Mul", &[&x.0, &gate], vec![]);
        Value(name, x.1, x.2)
    }

    fn pooled(&mut self, x: &Value) -> Value {
        let op = self.dice.one_of(&["MaxPool", "AveragePool"]);
        let attributes =
            vec![ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2]), ints("pads", &[1, 1, 1, 1])];
        let name = self.node(op, &[&x.0], attributes);
        Value(name, x.1, x.2.div_ceil(2))
    }

    /// One of the operators that stay the runtime's.
    fn foreign(&mut self, x: &Value) -> Value {
        let op = self.dice.one_of(&["Softplus", "Softsign"]);
        Value(self.node(op, &[&x.0], vec![]), x.1, x.2)
    }

    /// The value with another of its shape added or multiplied, made of it on a way of its own, or laid beside it.
    fn branched(&mut self, x: &Value) -> Value {
        let aside = match self.dice.roll(4) {
            0 => self.foreign(x),
            1 => {
                let foreign = self.foreign(x);
                self.activated(&foreign)
            }
            2 => self.normalised(x),
            _ => {
                let w = self.weights(&[x.1, x.1, 3, 3], (6.0 / (9 * x.1) as f32).sqrt());
                let name = self.node("Conv", &[&x.0, &w], vec![ints("pads", &[1; 4])]);
                self.normalised(&Value(name, x.1, x.2))
            }
        };
        match self.dice.roll(4) {
            0 => {
                let name = self.node("Concat", &[&x.0, &aside.0], vec![int("axis", 1)]);
                Value(name, 2 * x.1, x.2)
            }
            1 => Value(self.node("Mul", &[&aside.0, &x.0], vec![]), x.1, x.2),
            2 => Value(self.node("Sub", &[&aside.0, &x.0], vec![]), x.1, x.2),
            _ => Value(self.node("Add", &[&aside.0, &x.0], vec![]), x.1, x.2),
        }
    }
}

/// A network of six blocks.
fn network(seed: u64) -> Vec<u8> {
    let dice = Dice(uniform("dice", &[1000], seed, 0.0, 1.0).data().to_vec(), 0);
    let mut sketch = Sketch { graph: GraphBuilder::new("made up"), dice, count: 0, seed };
    sketch.graph.input("input", &batched(&[3, SIDE, SIDE]));
    let mut value = Value("input".into(), 3, SIDE);
    for _ in 0..6 {
        value = sketch.convolved(&value);
        if sketch.dice.roll(3) > 0 {
            value = sketch.normalised(&value);
        }
        value = sketch.activated(&value);
        value = match sketch.dice.roll(8) {
            0..3 => sketch.branched(&value),
            3 => sketch.excited(&value),
            4 if value.2 >= 6 => sketch.pooled(&value),
            5 => sketch.foreign(&value),
            _ => value,
        };
    }
    let fc = sketch.weights(&[CLASSES, value.1], 0.5);
    let pooled = sketch.node("GlobalAveragePool", &[&value.0], vec![]);
    let flat = sketch.node("Flatten", &[&pooled], vec![]);
    sketch.graph.node("Gemm", &[&flat, &fc], "scores", vec![int("transB", 1)]);
    sketch.graph.output("scores", &batched(&[CLASSES]));
    sketch.graph.into_model().encode_to_vec()
}

fn opened(bytes: &[u8], convolutions: Convolutions, schedule: Schedule) -> Network {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.onnx");
    std::fs::write(&path, bytes).unwrap();
    let opened = open(&ModelSource::File(path), &Cache::disabled()).unwrap();
    opened.into_network(schedule, 2).computing(convolutions)
}

/// Everything that a session can be asked of some layers.
fn answers(network: &Network) -> Vec<(String, Tensor)> {
    let layers = &network.metadata().layers;
    let places = [layers.len() / 5, layers.len() / 2, layers.len() - 2];
    let layers: Vec<String> = places.map(|at| layers[at].name.clone()).to_vec();
    let image = |n: usize| uniform(&format!("image{n}"), &[1, 3, SIDE, SIDE], 1, -1.0, 1.0);
    let seed = [1.0, -0.5, 0.25, 0.0, 0.0];
    let session = Session::new(network, image(0), Needs::default()).unwrap();
    let mut answers = vec![("logits".to_owned(), session.logits().unwrap().as_ref().clone())];
    for layer in &layers {
        let activation = session.activation(layer).unwrap();
        let tail = session.forward_from(layer, &activation, &NEVER).unwrap();
        answers.push((format!("activation {layer}"), activation.as_ref().clone()));
        answers.push((format!("tail {layer}"), tail));
        for rule in [Rule::Plain, Rule::Guided] {
            let gradient = session.gradient(layer, &seed, rule).unwrap();
            answers.push((format!("gradient {rule:?} {layer}"), gradient.as_ref().clone()));
            let from = session.gradient_from(layer, &activation, &seed, rule, &NEVER).unwrap();
            answers.push((format!("gradient from {rule:?} {layer}"), from));
        }
    }
    answers.push(("gradient".into(), session.gradient(IMAGE, &seed, Rule::Plain).unwrap().as_ref().clone()));
    let at = session.gradient_at(&image(1), IMAGE, &seed, Rule::Plain, &NEVER).unwrap();
    answers.push(("gradient elsewhere".into(), at));
    // All at once, in one forward and one backward pass.
    let all: BTreeSet<String> = layers.iter().cloned().collect();
    let needs = Needs { activations: all.clone(), gradients: all };
    let together = Session::new(network, image(2), needs).unwrap();
    for layer in &layers {
        answers.push((
            format!("together {layer}"),
            together.gradient(layer, &seed, Rule::Plain).unwrap().as_ref().clone(),
        ));
        answers.push((format!("beside {layer}"), together.activation(layer).unwrap().as_ref().clone()));
    }
    answers
}

/// Red when regions are not convex: with a foreign operator's result on the level of what it reads, the runtime finds a loop.
///
/// A unit so near to zero that rounding decides whether it is on changes a gradient by more than rounding does; among a
/// few thousand units that is rare. Everything else must agree.
#[test]
fn made_up_networks_give_what_the_runtime_gives() {
    let (mut checks, mut flips) = (0, 0);
    for seed in 0..12 {
        let bytes = network(seed);
        let expected = answers(&opened(&bytes, Convolutions::Runtime, Schedule::OnePicture));
        for (convolutions, schedule) in [
            (Convolutions::Quick, Schedule::OnePicture),
            (Convolutions::Exact, Schedule::ManyPictures),
            (Convolutions::Double, Schedule::OnePicture),
        ] {
            let found = answers(&opened(&bytes, convolutions, schedule));
            for ((name, found), (_, expected)) in found.iter().zip(&expected) {
                let off = relative(found, expected);
                checks += 1;
                let bound = if name.contains("gradient") || name.contains("together") {
                    flips += usize::from(off > 1e-5);
                    0.05
                } else {
                    1e-5
                };
                assert!(off <= bound, "network {seed}, {convolutions:?}, {name}: {off:.1e}");
            }
        }
    }
    assert!(flips * 100 <= checks, "{flips} of {checks} gradients differ");
}

/// Whether it was said to be needed or not, and whatever else the session was asked.
#[test]
fn an_exact_activation_is_that_of_an_exact_network() {
    let mut told_apart = 0;
    for seed in 0..12 {
        let bytes = network(seed);
        let quick = opened(&bytes, Convolutions::Quick, Schedule::OnePicture);
        let exact = opened(&bytes, Convolutions::Exact, Schedule::OnePicture);
        let input = || uniform("image", &[1, 3, SIDE, SIDE], 1, -1.0, 1.0);
        let asked = |network, needs| Session::new(network, input(), needs).unwrap();
        for layer in quick.metadata().layers.iter().rev().take(4).map(|layer| &layer.name) {
            let expected = asked(&exact, Needs::default()).activation(layer).unwrap();
            let names: BTreeSet<String> = [layer.clone()].into();
            let needed = Needs { activations: names, ..Needs::default() };
            for needs in [Needs::default(), needed] {
                let session = asked(&quick, needs);
                told_apart += usize::from(session.activation(layer).unwrap() != expected);
                assert_eq!(session.exact_activation(layer).unwrap(), expected, "network {seed}, {layer}");
            }
        }
    }
    assert!(told_apart > 0, "no quick activation differs from the exact one: nothing was tested");
}
