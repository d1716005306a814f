//! A network of a handful of units, made so that each sentence is provoked once and once is not.

use std::sync::atomic::AtomicBool;

use camtui_core::Tensor;
use camtui_core::heatmap::Interpolation;
use camtui_core::model::{Cache, Convolutions, ModelSource, Schedule, open};
use camtui_core::onnx::build::{GraphBuilder, batched, int};
use camtui_core::picture::Photo;
use camtui_host::{Library, Params, Registry};
use prost::Message as _;

use super::super::figures::Wanted;
use super::super::models::Loaded;
use super::super::sizes::OtherSizes;
use super::super::{Asked, Explaining, Tell, explain};
use crate::smooth::Smooth;
use std::sync::Arc;

use super::*;

/// `[N, 3, 8, 8]` → `conv` [4, 8, 8] → `relu` → `clip` at 6 → pooled [4, 1, 1] → 3 logits.
struct Net {
    /// Of the convolution's four channels.
    bias: f32,
    head: [[f32; 4]; 3],
    head_bias: [f32; 3],
    /// Whether the file ends in a softmax that is not taken for one.
    softmax: bool,
}

const PLAIN: Net = Net {
    bias: 0.0,
    head: [[1.0, -0.5, 0.25, 0.75], [-1.0, 0.5, 0.5, -0.25], [0.5, 0.5, -1.0, 0.1]],
    head_bias: [0.0; 3],
    softmax: false,
};

impl Net {
    fn load(&self) -> Loaded {
        let mut graph = GraphBuilder::new("net");
        graph.input("image", &batched(&[3, 8, 8]));
        graph.output("logits", &batched(&[3]));
        let weight: Vec<f32> = (0..12).map(|n| ((n * 7 + 3) as f32).sin()).collect();
        graph.f32s("w", &[4, 3, 1, 1], &weight);
        graph.f32s("b", &[4], &[self.bias; 4]);
        graph.f32s("low", &[], &[0.0]);
        graph.f32s("high", &[], &[6.0]);
        graph.f32s("fc.weight", &[3, 4], self.head.as_flattened());
        graph.f32s("fc.bias", &[3], &self.head_bias);
        graph.node("Conv", &["image", "w", "b"], "/conv/Conv", vec![]);
        graph.node("Relu", &["/conv/Conv"], "/relu/Relu", vec![]);
        graph.node("Clip", &["/relu/Relu", "low", "high"], "/clip/Clip", vec![]);
        graph.node("GlobalAveragePool", &["/clip/Clip"], "/pool/GlobalAveragePool", vec![]);
        graph.node("Flatten", &["/pool/GlobalAveragePool"], "/Flatten", vec![int("axis", 1)]);
        let scores = if self.softmax { "/fc/Gemm" } else { "logits" };
        graph.node("Gemm", &["/Flatten", "fc.weight", "fc.bias"], scores, vec![int("transB", 1)]);
        if self.softmax {
            // A softmax that is the last node is left out when the model is read.
            graph.f32s("scale", &[], &[1.0]);
            graph.node("Softmax", &[scores], "/softmax/Softmax", vec![int("axis", 1)]);
            graph.node("Mul", &["/softmax/Softmax", "scale"], "logits", vec![]);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.onnx");
        std::fs::write(&path, graph.into_model().encode_to_vec()).unwrap();
        let source = ModelSource::File(path);
        let opened = open(&source, &Cache::disabled()).unwrap();
        let other_sizes =
            OtherSizes::new(source, Vec::new(), Schedule::OnePicture, 1, Convolutions::default());
        let network = opened.into_network(Schedule::OnePicture, 1);
        Loaded { name: "net".into(), network, file: None, other_sizes }
    }

    /// What is said when `ids` explain `target` at `layer`; of the first of them.
    fn says(&self, ids: &[&str], layer: &str, target: &Target, signed: bool) -> Vec<String> {
        let mut registry = Registry::default();
        registry.add(Library::bundled("standard", camtui_standard::entry()).unwrap());
        let chosen = |id: &&str| {
            let explainer = registry.find(id).unwrap().clone();
            Chosen { params: Params::defaults(explainer.info()), explainer }
        };
        let how = Explaining {
            models: vec![self.load()],
            explainers: ids.iter().map(chosen).collect(),
            layers: vec![layer.into()],
            targets: vec![],
            signed,
            interpolation: Interpolation::Bilinear,
            resize: None,
            input_size: None,
            random_seed: 0,
            smooth: Smooth::default(),
            baseline: None,
            wanted: Wanted::usual(),
            object: None,
            advise: false,
        };
        let input: Vec<f32> = (0..192).map(|n| (n as f32 * 0.7).sin()).collect();
        let input = Tensor::new([1, 3, 8, 8], input).unwrap();
        let asked = Asked::new(&how.models[0].network, input, how.needs(0)).unwrap();
        let cancel = AtomicBool::new(false);
        explain(&asked, &how.explainers[0], target, &how.how(), &cancel, &Tell::NOBODY).unwrap().diagnostics
    }

    /// The likeliest class.
    fn best(&self) -> usize {
        let all: Vec<String> =
            (0..3).map(|class| self.says(&["random-cam"], "clip", &one(class), true).join("")).collect();
        all.iter().position(String::is_empty).unwrap()
    }
}

fn one(class: usize) -> Target {
    Target { class, against: None }
}

#[test]
fn a_plain_question_has_a_plain_answer() {
    for id in ["grad-cam", "layer-cam", "grad-cam++", "occlusion"] {
        assert_eq!(PLAIN.says(&[id], "clip", &one(0), true), Vec::<String>::new(), "{id}");
    }
}

#[test]
fn a_map_that_the_relu_blanks_is_told_unless_it_is_shown_signed() {
    let net = Net { head: [[-1.0; 4], [1.0; 4], [0.5; 4]], ..PLAIN };
    let said = net.says(&["grad-cam"], "clip", &one(0), false);
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("the map is blank"), "{said:?}");
    assert!(net.says(&["grad-cam"], "clip", &one(0), true).is_empty());
    assert!(net.says(&["grad-cam"], "clip", &one(1), false).is_empty());
    assert_eq!(blank(false, &[-1.0]), None);
    assert_eq!(blank(true, &[0.0]), None);
}

#[test]
fn a_layer_without_extent_dead_activations_and_vanished_gradients_are_told_apart() {
    let grad_cam = |net: &Net, layer: &str| net.says(&["grad-cam"], layer, &one(0), false);
    assert_eq!(
        grad_cam(&PLAIN, "pool"),
        ["pool is 1 × 1: its map is one value for the whole picture; choose an earlier layer"]
    );
    let dead = Net { bias: -100.0, ..PLAIN };
    assert_eq!(
        grad_cam(&dead, "relu"),
        [
            "all activations of relu are zero for this picture, so there is nothing to weigh; choose an earlier layer"
        ]
    );
    let vanished = [
        "the gradient at conv is zero everywhere: the units between it and the score are dead or saturated, and no small \
         change moves the score",
    ];
    assert_eq!(grad_cam(&dead, "conv"), vanished);
    assert_eq!(grad_cam(&Net { bias: 100.0, ..PLAIN }, "conv"), vanished);
    assert!(grad_cam(&PLAIN, "conv").is_empty());
    let full = Net { bias: 100.0, ..PLAIN };
    for id in ["grad-cam", "layer-cam", "ablation-cam"] {
        let said = full.says(&[id], "clip", &one(0), true);
        assert!(said[0].starts_with("every channel of clip has one value at all positions"), "{id} {said:?}");
    }
}

#[test]
fn a_softmax_that_is_sure_of_itself_passes_no_gradients_on() {
    let net = |sure: f32| Net { head_bias: [sure, 0.0, 1.0], softmax: true, ..PLAIN };
    for id in ["grad-cam", "layer-cam", "saliency"] {
        let said = net(40.0).says(&[id], "clip", &one(0), true);
        assert!(
            said.iter().any(|said| said.starts_with("this model's answer is a softmax, which is saturated")),
            "{id} {said:?}"
        );
        let said = net(1.0).says(&[id], "clip", &one(0), true);
        assert!(said.iter().all(|said| !said.contains("softmax")), "{id} {said:?}");
    }
    // Logits of the same are no such thing, and what takes no gradients does not suffer.
    let logits = Net { softmax: false, ..net(40.0) };
    assert!(logits.says(&["grad-cam"], "clip", &one(0), true).is_empty());
    let said = net(40.0).says(&["recipro-cam"], "clip", &one(0), true);
    assert!(said.iter().all(|said| !said.contains("softmax")), "{said:?}");
}

#[test]
fn the_family_that_agrees_at_the_pooled_layer_is_told_where_one_would_wonder() {
    let sentence = [
        "at clip, which is pooled and read by one linear layer, grad-cam, hires-cam, xgrad-cam and cam show the same by \
         design; they differ at earlier layers",
    ];
    for ids in [&["hires-cam"][..], &["xgrad-cam"], &["cam"], &["grad-cam", "hires-cam"]] {
        assert_eq!(PLAIN.says(ids, "clip", &one(0), true), sentence, "{ids:?}");
    }
    for (ids, layer) in [
        (&["grad-cam"][..], "clip"),
        (&["grad-cam", "layer-cam"], "clip"),
        (&["layer-cam", "hires-cam"], "clip"),
        (&["hires-cam"], "relu"),
    ] {
        assert!(PLAIN.says(ids, layer, &one(0), true).is_empty(), "{ids:?} {layer}");
    }
}

#[test]
fn a_class_that_plays_no_part_or_is_not_seen_is_told() {
    let best = PLAIN.best();
    let other = (best + 1) % 3;
    let agnostic = |target: Target| PLAIN.says(&["eigen-cam"], "clip", &target, true);
    assert!(agnostic(one(best)).is_empty());
    let sentence = ["eigen-cam does not depend on the class: it shows the same for every one"];
    assert_eq!(agnostic(one(other)), sentence);
    assert_eq!(agnostic(Target { class: best, against: Some(other) }), sentence);

    let sure = Net { head_bias: [20.0, 0.0, 1.0], ..PLAIN };
    let says = |target: Target| sure.says(&["grad-cam"], "clip", &target, true);
    assert!(says(one(0)).is_empty() && says(Target { class: 0, against: Some(1) }).is_empty());
    let [said] = &says(one(1))[..] else { panic!("one sentence") };
    assert!(said.starts_with("the model gives class 1 a probability of ") && said.contains("e-"), "{said}");
    let [said] = &says(Target { class: 1, against: Some(2) })[..] else { panic!("one sentence") };
    assert!(said.starts_with("the model takes neither class 1 nor class 2 for likely"), "{said}");
}

#[test]
fn a_picture_smaller_than_the_input_is_told() {
    let photo = |width: u32, height: u32| {
        let pixels = vec![0; (width * height * 3) as usize];
        Picture::Photo(Arc::new(Photo::from_rgb("p", width, height, pixels).unwrap()))
    };
    let input = [1, 3, 40, 50];
    assert_eq!(of_picture(&photo(50, 40), &input), None);
    for (width, height) in [(49, 40), (50, 39)] {
        assert_eq!(
            of_picture(&photo(width, height), &input).unwrap(),
            format!(
                "the picture is {width} × {height} pixels and the model's input 50 × 40: it was enlarged, and the model \
                 sees it blurred"
            )
        );
    }
    // And it reaches the answer.
    let loaded = PLAIN.load();
    let input = Tensor::new([1, 3, 8, 8], vec![0.5; 192]).unwrap();
    let asked = |picture: &Picture| {
        Asked::new(&loaded.network, input.clone(), camtui_core::model::Needs::default()).unwrap().of(picture)
    };
    assert!(asked(&photo(7, 8)).about_the_picture().is_some());
    assert!(asked(&photo(8, 8)).about_the_picture().is_none());
    assert!(asked(&Picture::Tensor(std::sync::Arc::new(input.clone()))).about_the_picture().is_none());
}
