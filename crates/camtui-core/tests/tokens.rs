//! A vision transformer as a file from elsewhere: its layers are pictures, for gradients, tails and whoever asks for the default.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::AtomicBool;

use camtui_core::Tensor;
use camtui_core::grad::Rule;
use camtui_core::model::{Cache, ModelSource, Needs, Network, Schedule, Session, open};
use camtui_core::onnx::build::{Dim, GraphBuilder, batched, int, ints};
use camtui_core::seeded::uniform;
use prost::Message as _;

const CHANNELS: usize = 4;

struct Net(GraphBuilder);

impl Net {
    fn weight(&mut self, name: &str, shape: &[usize]) {
        self.0.f32s(name, shape, uniform(name, shape, 7, -0.7, 0.7).data());
    }

    /// A node under a module's name, as PyTorch writes it.
    fn node(&mut self, op: &str, inputs: &[&str], output: &str, path: &str) {
        self.0.node(op, inputs, output, vec![]);
        self.name(op, path);
    }

    fn name(&mut self, op: &str, path: &str) {
        let mut graph = std::mem::take(&mut self.0).into_graph();
        let n = graph.node.len();
        graph.node.last_mut().unwrap().name = format!("/{path}/{op}_{n}");
        self.0 = GraphBuilder::extend(graph);
    }

    fn norm(&mut self, x: &str, y: &str, path: &str) {
        let (scale, shift) = (format!("{y}.scale"), format!("{y}.shift"));
        self.weight(&scale, &[CHANNELS]);
        self.weight(&shift, &[CHANNELS]);
        self.node("LayerNormalization", &[x, &scale, &shift], y, path);
    }
}

/// Two blocks on a class token and 3×2 patches.
fn file() -> Vec<u8> {
    let mut net = Net(GraphBuilder::new("vit"));
    net.0.input("image", &batched(&[3, 6, 4]));
    net.weight("patch", &[CHANNELS, 3, 2, 2]);
    net.0.node("Conv", &["image", "patch"], "patches", vec![ints("strides", &[2, 2])]);
    net.name("Conv", "patch_embed/proj");
    net.0.i64s("cells", &[3], &[0, CHANNELS as i64, 6]);
    net.0.node("Reshape", &["patches", "cells"], "celled", vec![]);
    net.0.node("Transpose", &["celled"], "row", vec![ints("perm", &[0, 2, 1])]);
    net.weight("class", &[1, 1, CHANNELS]);
    net.0.i64s("zero", &[1], &[0]);
    net.0.i64s("rest", &[2], &[1, CHANNELS as i64]);
    net.0.node("Shape", &["image"], "shape", vec![]);
    net.0.node("Gather", &["shape", "zero"], "count", vec![int("axis", 0)]);
    net.0.node("Concat", &["count", "rest"], "many", vec![int("axis", 0)]);
    net.0.node("Expand", &["class", "many"], "classes", vec![]);
    net.0.node("Concat", &["classes", "row"], "x0", vec![int("axis", 1)]);
    for n in 0..2 {
        let (path, x, y) = (format!("blocks/blocks.{n}"), format!("x{n}"), format!("x{}", n + 1));
        let v = |part: &str| format!("{part}{n}");
        net.norm(&x, &v("normed"), &format!("{path}/norm1"));
        for part in ["q", "k", "v"] {
            net.weight(&v(&format!("{part}.weight")), &[CHANNELS, CHANNELS]);
            net.weight(&v(&format!("{part}.bias")), &[CHANNELS]);
            let (product, inner) = (v(&format!("{part}.product")), format!("{path}/attn/{part}"));
            net.node("MatMul", &[&v("normed"), &v(&format!("{part}.weight"))], &product, &inner);
            net.node("Add", &[&product, &v(&format!("{part}.bias"))], &v(part), &inner);
        }
        net.0.node("Transpose", &[&v("k")], &v("keys"), vec![ints("perm", &[0, 2, 1])]);
        net.name("Transpose", &format!("{path}/attn"));
        net.node("MatMul", &[&v("q"), &v("keys")], &v("likeness"), &format!("{path}/attn"));
        net.0.node("Softmax", &[&v("likeness")], &v("weights"), vec![int("axis", -1)]);
        net.name("Softmax", &format!("{path}/attn"));
        net.node("MatMul", &[&v("weights"), &v("v")], &v("mixed"), &format!("{path}/attn"));
        net.node("Add", &[&x, &v("mixed")], &v("middle"), &path);
        net.norm(&v("middle"), &v("again"), &format!("{path}/norm2"));
        net.weight(&v("mlp"), &[CHANNELS, CHANNELS]);
        net.node("MatMul", &[&v("again"), &v("mlp")], &v("bent"), &format!("{path}/mlp"));
        net.node("Tanh", &[&v("bent")], &v("told"), &format!("{path}/mlp"));
        net.node("Add", &[&v("middle"), &v("told")], &y, &path);
    }
    net.norm("x2", "last", "norm");
    net.0.i64s("first", &[], &[0]);
    net.0.node("Gather", &["last", "first"], "told", vec![int("axis", 1)]);
    net.weight("head", &[CHANNELS, 3]);
    net.0.node("MatMul", &["told", "head"], "scores", vec![]);
    net.0.output("scores", &[Dim::Symbol("N"), Dim::Fixed(3)]);
    net.0.into_model().encode_to_vec()
}

fn network(folder: &tempfile::TempDir) -> Network {
    let path = folder.path().join("vit.onnx");
    std::fs::write(&path, file()).unwrap();
    open(&ModelSource::File(path), &Cache::disabled()).unwrap().into_network(Schedule::OnePicture, 1)
}

#[test]
fn a_transformers_layers_are_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let network = network(&folder);
    let metadata = network.metadata();
    // Queries, keys and values are computed later, but it is the norm before them that is meant.
    assert_eq!(metadata.default_layer.as_deref(), Some("blocks.1.norm1"));
    let known = ["patch_embed.proj", "blocks.0.norm1", "blocks.0.attn.q", "blocks.1", "blocks", "norm"];
    for layer in
        known.map(|name| metadata.layer(name).unwrap_or_else(|| panic!("{name}: {:?}", metadata.layers)))
    {
        assert_eq!((layer.shape.as_slice(), layer.gradient), (&[CHANNELS, 3, 2][..], true), "{}", layer.name);
    }
}

#[test]
fn tails_begin_at_a_fold() {
    let folder = tempfile::tempdir().unwrap();
    let network = network(&folder);
    let never = AtomicBool::new(false);
    let image = uniform("image", &[1, 3, 6, 4], 1, -1.0, 1.0);
    let session = Session::new(&network, image, Needs::default()).unwrap();
    let logits = session.logits().unwrap();
    let seed = [1.0, -0.5, 0.25];
    for layer in ["blocks.0.norm1", "blocks.0", "blocks.1.norm1"] {
        let activation = session.activation(layer).unwrap();
        let again = session.forward_from(layer, &activation, &never).unwrap();
        let gradient = session.gradient(layer, &seed, Rule::Plain).unwrap();
        let from = session.gradient_from(layer, &activation, &seed, Rule::Plain, &never).unwrap();
        let near = |a: &Tensor, b: &Tensor| a.data().iter().zip(b.data()).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near(&again, &logits), "{layer}");
        assert!(near(&from, &gradient), "{layer}");
        assert!(gradient.data().iter().all(|&v| v != 0.0), "{layer}: {gradient:?}");

        // One patch a little brighter in one channel moves the score by its slope.
        let mut moved = activation.data().to_vec();
        let (at, step) = (6 + 3, 0.01);
        moved[at] += step;
        let moved = Tensor::new(activation.shape().to_vec(), moved).unwrap();
        let scores = session.forward_from(layer, &moved, &never).unwrap();
        let score = |logits: &Tensor| logits.data().iter().zip(seed).map(|(l, s)| l * s).sum::<f32>();
        let slope = (score(&scores) - score(&logits)) / step;
        assert!((slope / gradient.data()[at] - 1.0).abs() < 0.05, "{layer}: {slope} {}", gradient.data()[at]);
    }
}
