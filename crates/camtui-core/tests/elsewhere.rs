//! What the network makes of other inputs and other activations, and guided gradients, against PyTorch
//! (`tests/goldens/elsewhere.py`) and against what a session says of its own picture.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use camtui_core::Tensor;
use camtui_core::grad::Rule;
use camtui_core::model::{Cache, IMAGE, ModelError, ModelSource, Needs, Network, Schedule, Session, open};
use camtui_core::seeded::uniform;
use serde::Deserialize;

static NEVER: AtomicBool = AtomicBool::new(false);

/// Evenly spaced entries of a tensor, and its 2-norm.
#[derive(Deserialize)]
struct Samples {
    shape: Vec<usize>,
    norm: f64,
    values: Vec<f32>,
}

fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

fn relative(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    norm(found.iter().zip(expected).map(|(a, b)| a - b)) / norm(expected.iter().copied())
}

impl Samples {
    /// The relative error of the entries, or of the norm where that is larger.
    fn error(&self, found: &Tensor) -> f64 {
        assert_eq!(found.shape(), self.shape);
        let (last, count) = (found.data().len() - 1, self.values.len());
        let entries: Vec<f32> = (0..count).map(|n| found.data()[n * last / (count - 1)]).collect();
        let whole = norm(found.data().iter().copied());
        relative(&entries, &self.values).max((whole / self.norm - 1.0).abs())
    }
}

fn network(schedule: Schedule) -> Network {
    open(&ModelSource::Embedded, &Cache::disabled()).unwrap().into_network(schedule, 2)
}

fn image(n: usize) -> Tensor {
    uniform(&format!("image{n}"), &[1, 3, 224, 224], 1, -1.0, 1.0)
}

fn seed(n: usize) -> Vec<f32> {
    uniform(&format!("seed{n}"), &[1, 1000], 1, -1.0, 1.0).data().to_vec()
}

/// Several tensors as one batch.
fn stack(tensors: &[Tensor]) -> Tensor {
    let mut shape = tensors[0].shape().to_vec();
    shape[0] = tensors.len();
    Tensor::new(shape, tensors.iter().flat_map(|t| t.data().to_vec()).collect::<Vec<_>>()).unwrap()
}

/// Red when the shortcut beside `_blocks.12._project_conv` is taken from nowhere, when seeds change places, when the
/// guided rule is the plain one, when a batch norm's bias forgets its mean: tried.
#[test]
fn other_activations_and_guided_gradients_are_pytorchs() {
    let goldens: BTreeMap<String, Samples> =
        serde_json::from_str(include_str!("../../../tests/goldens/data/elsewhere.json")).unwrap();
    let network = network(Schedule::OnePicture);
    let session = Session::new(&network, image(0), Needs::default()).unwrap();
    let seeds = [seed(0), seed(1)].concat();
    let noise = |layer: &str| {
        let shape = [&[1], network.metadata().layer(layer).unwrap().shape.as_slice()].concat();
        let size = if layer == "_conv_head" { 30.0 } else { 2.0 };
        stack(&[0, 1].map(|n| uniform(&format!("{layer}{n}"), &shape, 1, -size, size)))
    };
    for (name, golden) in &goldens {
        let (what, place) = name.split_once(' ').unwrap();
        let found = match what {
            "forward_from" => session.forward_from(place, &noise(place), &NEVER).unwrap(),
            "gradient_from" => {
                session.gradient_from(place, &noise(place), &seeds, Rule::Plain, &NEVER).unwrap()
            }
            "gradient_at" => {
                let (inputs, seeds) = (stack(&[image(1), image(2)]), [seed(1), seed(2)].concat());
                session.gradient_at(&inputs, place, &seeds, Rule::Plain, &NEVER).unwrap()
            }
            "bias" => network.bias(place).unwrap().unwrap().as_ref().clone(),
            "guided" if place == IMAGE => {
                session.gradient(IMAGE, &seed(0), Rule::Guided).unwrap().as_ref().clone()
            }
            "guided" => {
                let layer = place.split_once(' ').unwrap().1;
                session.gradient_from(layer, &noise(layer), &seeds, Rule::Guided, &NEVER).unwrap()
            }
            _ => unreachable!("{name}"),
        };
        let error = golden.error(&found);
        assert!(error < 1e-5, "{name}: {error:.1e}");
    }
    assert!(network.bias("_stem").unwrap().is_none(), "a rectifier adds no bias");
}

/// A layer's own activations put back in its place change nothing, whichever way leads there.
#[test]
fn a_layers_own_activations_give_the_sessions_own_answers() {
    for schedule in [Schedule::OnePicture, Schedule::ManyPictures] {
        let network = network(schedule);
        let session = Session::new(&network, image(3), Needs::default()).unwrap();
        let seed = seed(3);
        for layer in ["features", "_blocks.14", "_blocks.12._project_conv", "_blocks.5", "_stem"] {
            let own = session.activation(layer).unwrap();
            let logits = session.forward_from(layer, &own, &NEVER).unwrap();
            let off = relative(logits.data(), session.logits().unwrap().data());
            assert!(off < 1e-5, "{layer}: {off:.1e}");
            let here = session.gradient(layer, &seed, Rule::Plain).unwrap();
            let tail = session.gradient_from(layer, &own, &seed, Rule::Plain, &NEVER).unwrap();
            let at = session.gradient_at(session.input(), layer, &seed, Rule::Plain, &NEVER).unwrap();
            for found in [tail, at] {
                let off = relative(found.data(), here.data());
                assert!(off < 1e-4, "{layer}: {off:.1e}");
            }
        }
    }
}

/// The network has been asked about more layers than the next session needs: what those read is not kept for it.
#[test]
fn a_later_session_may_need_less_than_an_earlier_one_asked() {
    let network = network(Schedule::OnePicture);
    let needs = Needs { gradients: ["features".to_owned()].into(), ..Needs::default() };
    let session = |n: usize| Session::new(&network, image(n), needs.clone()).unwrap();
    let seed = seed(3);
    let first = session(3);
    let alone = first.gradient("features", &seed, Rule::Plain).unwrap();
    first.gradient("_blocks.10", &seed, Rule::Plain).unwrap();
    session(4).gradient("features", &seed, Rule::Plain).unwrap();
    let again = session(3).gradient("features", &seed, Rule::Plain).unwrap();
    assert!(relative(again.data(), alone.data()) < 1e-6);
}

#[test]
fn what_does_not_fit_is_refused() {
    let network = network(Schedule::OnePicture);
    let session = Session::new(&network, image(0), Needs::default()).unwrap();
    let small = Tensor::new([1, 320, 2, 2], vec![0.0; 1280]).unwrap();
    let error = session.forward_from("features", &small, &NEVER).unwrap_err();
    assert!(
        matches!(error, ModelError::LayerShape { .. }) && error.to_string().contains("features"),
        "{error}"
    );
    let error = session.forward_from("nowhere", &small, &NEVER).unwrap_err();
    assert!(matches!(error, ModelError::UnknownLayer(_)));
    let own = session.activation("features").unwrap();
    let error = session.gradient_from("features", &own, &[1.0], Rule::Plain, &NEVER).unwrap_err();
    assert!(matches!(error, ModelError::SeedLength { expected: 1000, found: 1 }));
    let error = session.forward_from("features", &own, &AtomicBool::new(true)).unwrap_err();
    assert!(matches!(error, ModelError::Cancelled));
}

/// A head drawn by lot: forward and backward pass read the same weights, which anybody can draw again; nothing before it
/// changes, and it is the same where the weights lie beside a cached graph.
#[test]
fn a_head_drawn_by_lot_is_the_seeds() {
    let plain = network(Schedule::OnePicture);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path());
    drop(open(&ModelSource::Embedded, &cache).unwrap());
    let cached = open(&ModelSource::Embedded, &cache).unwrap().into_network(Schedule::OnePicture, 2);
    let old = plain.head().unwrap().unwrap();
    let count = old.weight.data().len() as f64;
    let mean = old.weight.data().iter().map(|&w| f64::from(w)).sum::<f64>() / count;
    let variance = old.weight.data().iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / count;
    let bound = (3.0 * variance).sqrt() as f32;
    let expected = uniform("head", old.weight.shape(), 7, -bound, bound);
    let class: Vec<f32> = (0..1000).map(|c| f32::from(u8::from(c == 5))).collect();
    let mut logits = Vec::new();
    for network in [&plain, &cached] {
        let other = network.with_random_head(7).unwrap().unwrap();
        let head = other.head().unwrap().unwrap();
        assert_eq!(head.weight.data(), expected.data());
        let asked = |network: &Network| {
            let session = Session::new(network, image(1), Needs::default()).unwrap();
            let activation = session.activation(&head.layer).unwrap();
            (
                activation,
                session.gradient(&head.layer, &class, Rule::Plain).unwrap(),
                session.logits().unwrap(),
            )
        };
        let (activation, gradient, scores) = asked(&other);
        assert_eq!(activation.data(), asked(network).0.data());
        let area = gradient.data().len() / head.weight.shape()[1];
        let row = &expected.data()[5 * head.weight.shape()[1]..];
        for (plane, weight) in gradient.data().chunks_exact(area).zip(row) {
            assert!(plane.iter().all(|g| (g * area as f32 - weight).abs() < 1e-6 * bound));
        }
        logits.push(scores.data().to_vec());
    }
    assert_eq!(logits[0], logits[1]);
    assert!(
        relative(
            &logits[0],
            Session::new(&plain, image(1), Needs::default()).unwrap().logits().unwrap().data()
        ) > 0.5
    );
}
