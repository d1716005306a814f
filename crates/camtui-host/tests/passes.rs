//! The explainers that ask the network more than once, and those that go down to the picture, against the code of their
//! peers on a small network (`tests/goldens/passes.py`), and against the identities that must hold.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]

mod small;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use camtui_host::{Backend, ExplainError, Grid, Library, Output, Place, Registry, Rule};
use serde::Deserialize;
use small::{CLASSES, SIDES, Small};

#[derive(Deserialize)]
struct Goldens {
    input: Vec<f32>,
    logits: Vec<f64>,
    weights: BTreeMap<String, Vec<f64>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    layer: Option<String>,
    seed: Vec<f32>,
    params: Vec<String>,
    smooth: bool,
    limit: f64,
    height: usize,
    width: usize,
    map: Vec<f64>,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../../../tests/goldens/data/passes.json")).unwrap()
}

fn bundled() -> Registry {
    let mut registry = Registry::default();
    let library = Library::bundled("standard", camtui_standard::entry()).unwrap();
    assert_eq!(registry.add(library), Vec::<String>::new());
    registry
}

fn network(smooth: bool) -> Small {
    let Goldens { input, weights, .. } = goldens();
    Small { input, weights, smooth, asked: Mutex::default(), cancel: None }
}

fn hot(class: usize) -> Vec<f32> {
    (0..CLASSES).map(|c| f32::from(u8::from(c == class))).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// `|a − b| / |b|`.
fn error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut found.iter().zip(expected).map(|(a, b)| a - b)) / norm(&mut expected.iter().copied())
}

/// Everything that needs more than one pass, with few of them.
const MANY: [(&str, &[&str]); 11] = [
    ("ablation-cam", &[]),
    ("recipro-cam", &[]),
    ("score-cam", &[]),
    ("ss-cam", &["samples=3"]),
    ("is-cam", &["steps=3"]),
    ("occlusion", &["window=2"]),
    ("rise", &["masks=40"]),
    ("lime", &["samples=40", "segments=6"]),
    ("kernel-shap", &["samples=40", "segments=6"]),
    ("smooth-grad", &["samples=9"]),
    ("integrated-gradients", &["steps=9"]),
];

#[test]
fn the_small_network_is_pytorchs() {
    let logits = network(false).logits().unwrap();
    let off = error(&wide(logits.data()), &goldens().logits);
    assert!(off < 1e-6, "{off:.1e}");
}

#[test]
fn maps_are_those_of_the_peers() {
    let registry = bundled();
    let [plain, smooth] = [false, true].map(network);
    let mut seen = std::collections::BTreeSet::new();
    for case in goldens().cases {
        let pairs: Vec<&str> = case.params.iter().map(String::as_str).collect();
        let network = if case.smooth { &smooth } else { &plain };
        let what = format!("{} {:?} {:?} {pairs:?}", case.id, case.layer, case.seed);
        let output =
            network.explain(&registry, &case.id, case.layer.as_deref(), &case.seed, &pairs, 42).unwrap();
        assert_eq!((output.map.height, output.map.width), (case.height, case.width), "{what}");
        let off = error(&wide(&output.map.values), &case.map);
        assert!(off < case.limit, "{what}: {off:.1e}");
        seen.insert(case.id);
    }
    assert_eq!(seen.len(), 15, "{seen:?}");
}

/// What is shown on the way changes nothing, comes at every batch, and is the map itself at the end.
#[test]
fn maps_of_many_passes_are_shown_as_they_converge() {
    let (registry, network) = (bundled(), network(false));
    for (id, pairs) in MANY {
        let alone = network.explain(&registry, id, None, &hot(1), pairs, 42).unwrap();
        let shown = Mutex::new(Vec::new());
        let show = |grid: Grid| shown.lock().unwrap().push(grid);
        let watched = network.watched(&registry, id, &hot(1), pairs, Some(&show)).unwrap();
        assert_eq!(alone, watched, "{id}");
        let shown = shown.into_inner().unwrap();
        assert!(shown.len() > 1, "{id}: {} maps on the way", shown.len());
        let distance = |grid: &Grid| error(&normal(&grid.values), &normal(&alone.map.values));
        let (first, last) = (distance(&shown[0]), distance(&shown[shown.len() - 1]));
        assert!(last < 1e-6 && first > 1e-3, "{id}: {first:.1e} … {last:.1e}");
    }
    // One pass has nothing to show.
    let show = |_: Grid| panic!("nothing is shown");
    network.watched(&registry, "grad-cam", &hot(1), &[], Some(&show)).unwrap();
}

/// Of length 1: what is drawn does not depend on a map's scale.
fn normal(values: &[f32]) -> Vec<f64> {
    let length = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    values.iter().map(|&v| f64::from(v) / length).collect()
}

fn map(network: &Small, registry: &Registry, id: &str, layer: &str, seed: &[f32]) -> Vec<f64> {
    wide(&network.explain(registry, id, Some(layer), seed, &[], 42).unwrap().map.values)
}

/// At the pooled layer w is the head's row: ablating a channel takes `w_k·Ā_k` from the score, and one position alone
/// leaves the bias and (w·A)/Z. Above it they are methods of their own.
#[test]
fn at_the_pooled_layer_weights_are_the_heads() {
    let (registry, network) = (bundled(), network(false));
    let activation = wide(network.activation("deep").unwrap().data());
    let area = activation.len() / 6;
    for class in 0..CLASSES {
        let seed = hot(class);
        let row = &network.weights["head.weight"][class * 6..][..6];
        let score = f64::from(network.logits().unwrap().data()[class]);
        let of_weights = |weight: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..area).map(|at| (0..6).map(|k| weight(k) * activation[k * area + at]).sum()).collect()
        };
        let mean = |k: usize| activation[k * area..][..area].iter().sum::<f64>() / area as f64;
        let expected = of_weights(&|k| row[k] * mean(k) / score.abs());
        let off = error(&map(&network, &registry, "ablation-cam", "deep", &seed), &expected);
        assert!(off < 1e-4, "{class}: {off:.1e}");

        let bias = network.weights["head.bias"][class];
        let expected: Vec<f64> = of_weights(&|k| row[k]).iter().map(|v| bias + v / area as f64).collect();
        let off = error(&map(&network, &registry, "recipro-cam", "deep", &seed), &expected);
        assert!(off < 1e-6, "{class}: {off:.1e}");

        let grad_cam = |layer| map(&network, &registry, "grad-cam", layer, &seed);
        let cam: Vec<f64> =
            map(&network, &registry, "cam", "deep", &seed).iter().map(|v| v / area as f64).collect();
        assert!(error(&cam, &grad_cam("deep")) < 1e-6);
        for id in ["ablation-cam", "recipro-cam", "score-cam", "finer-cam", "shapley-cam"] {
            assert!(
                error(&map(&network, &registry, id, "shallow", &seed), &grad_cam("shallow")) > 0.05,
                "{id}"
            );
        }
    }
}

/// A negative score turns no sign: a channel that holds the score up has a positive weight, whatever the score.
#[test]
fn ablation_keeps_its_signs_where_the_score_is_negative() {
    let (registry, mut network) = (bundled(), network(false));
    let before = map(&network, &registry, "ablation-cam", "deep", &hot(3));
    let score = f64::from(network.logits().unwrap().data()[3]);
    network.weights.get_mut("head.bias").unwrap()[3] -= 10.0;
    let expected: Vec<f64> = before.iter().map(|v| v * score / (score - 10.0).abs()).collect();
    assert!(error(&map(&network, &registry, "ablation-cam", "deep", &hot(3)), &expected) < 1e-3);
}

/// Σ g·A over a layer and what the biases behind it add make up the score; a sum of seeds gives the sum of gradients, and so
/// of the maps that are linear in them.
#[test]
fn contributions_add_up_and_so_do_seeds() {
    let (registry, network) = (bundled(), network(false));
    for class in 0..CLASSES {
        let seed = hot(class);
        let gradient =
            |layer| wide(network.gradient(Place::Layer(layer), &seed, Rule::Plain).unwrap().data());
        let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let shallow = sum(&gradient("shallow"), &wide(network.activation("shallow").unwrap().data()));
        let second = gradient("second");
        let area = second.len() / 6;
        let biases: f64 = network.weights["second.bias"]
            .iter()
            .zip(second.chunks(area))
            .map(|(b, g)| b * g.iter().sum::<f64>())
            .sum();
        let score = f64::from(network.logits().unwrap().data()[class]);
        let added = shallow + biases + network.weights["head.bias"][class];
        assert!((added - score).abs() < 1e-6, "{added} {score}");
    }
    let (a, b) = (hot(0), hot(3));
    let both: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
    for id in
        ["grad-cam", "hires-cam", "recipro-cam", "input-x-gradient", "integrated-gradients", "occlusion"]
    {
        let [a, b, both] = [&a, &b, &both].map(|seed| map(&network, &registry, id, "shallow", seed));
        let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        assert!(error(&both, &sum) < 1e-5, "{id}");
    }
}

/// What the map adds up to is what the score gained: with smooth activations to 1e-5, with `ReLU`s the better the more steps.
#[test]
fn integrated_gradients_are_complete() {
    let registry = bundled();
    let off = |smooth: bool, steps: u32| {
        let network = network(smooth);
        let pairs = [format!("steps={steps}")];
        let output =
            network.explain(&registry, "integrated-gradients", None, &hot(0), &[&pairs[0]], 42).unwrap();
        let empty = camtui_host::Batch { shape: &[1, 3, SIDES[0], SIDES[1]], data: &[0.0; 240] };
        let gained =
            f64::from(network.logits().unwrap().data()[0] - network.forward(empty).unwrap().data()[0]);
        let sum: f64 = wide(&output.map.values).iter().sum();
        let off = ((sum - gained) / gained).abs();
        let told = format!(
            "the map adds up to {sum:.4}, and the score gained {gained:.4} over the baseline: {:.2} % off",
            100.0 * off
        );
        assert_eq!(output.notes, [told]);
        off
    };
    assert!(off(true, 50) < 1e-5, "{:e}", off(true, 50));
    let falling = [2, 20, 400].map(|steps| off(false, steps));
    assert!(falling[0] > falling[1] && falling[1] > falling[2] && falling[2] < 2e-3, "{falling:?}");
}

/// What the pieces add up to is what the picture adds to an empty one; exactly, whether all coalitions are asked or a few.
#[test]
fn shapley_values_add_up_to_the_whole() {
    let (registry, network) = (bundled(), network(false));
    let empty = Small { input: vec![0.0; network.input.len()], ..self::network(false) };
    let at = |network: &Small| f64::from(network.logits().unwrap().data()[1]);
    for pairs in [["segments=4", "samples=100"], ["segments=12", "samples=60"]] {
        let output = network.explain(&registry, "kernel-shap", None, &hot(1), &pairs, 42).unwrap();
        let mut pieces = output.map.values;
        pieces.sort_by(f32::total_cmp);
        pieces.dedup();
        assert!(pieces.len() > 3, "{pieces:?}");
        let sum: f64 = wide(&pieces).iter().sum();
        let expected = at(&network) - at(&empty);
        assert!((sum - expected).abs() < 1e-5 * expected.abs(), "{pairs:?}: {sum} {expected}");
    }
}

#[test]
fn the_seed_decides_what_is_drawn_and_nothing_else_does() {
    let (registry, network) = (bundled(), network(false));
    let drawn = ["random-cam", "dff", "ss-cam", "rise", "lime", "kernel-shap", "smooth-grad"];
    let quick = |id: &str| MANY.iter().find(|(many, _)| *many == id).map_or(&[][..], |(_, pairs)| *pairs);
    let maps = |id: &str, seed| {
        let output = network.explain(&registry, id, None, &hot(0), quick(id), seed).unwrap();
        output.map.values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>()
    };
    for (id, _) in registry.explainers() {
        assert_eq!(maps(id, 7), maps(id, 7), "{id}");
        assert_eq!(maps(id, 7) != maps(id, 8), drawn.contains(&id), "{id}");
    }
}

#[test]
fn many_passes_end_when_cancelled() {
    let registry = bundled();
    for (id, pairs) in MANY {
        let stopped = Small { cancel: Some(AtomicBool::new(false)), ..network(false) };
        let ended = stopped.explain(&registry, id, None, &hot(0), pairs, 42);
        assert_eq!(ended.unwrap_err(), ExplainError::Cancelled, "{id}");
        assert_eq!(stopped.asked.lock().unwrap().len(), 1, "{id}");
    }
}

/// No more than 20 MB at a time, here as 40 channels' worth of a layer that is as large as five.
#[test]
fn tails_are_run_once_an_item() {
    let registry = bundled();
    for (id, expected) in [("ablation-cam", 6), ("recipro-cam", 20), ("score-cam", 6)] {
        let network = network(false);
        network.explain(&registry, id, Some("deep"), &hot(0), &[], 42).unwrap();
        let asked: usize = network.asked.lock().unwrap().iter().sum();
        // A channel that is zero already is not taken away.
        assert!(if id == "ablation-cam" { asked <= expected } else { asked == expected }, "{id} {asked}");
    }
}

#[test]
fn concepts_are_the_layers_parts_strongest_first() {
    let (registry, network) = (bundled(), network(false));
    let explain = |pairs: &[&str]| network.explain(&registry, "dff", Some("shallow"), &hot(0), pairs, 42);
    let Output { map, channels, .. } = explain(&["concepts=3"]).unwrap();
    let names: Vec<&str> = channels.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["concept 1", "concept 2", "concept 3"]);
    assert_eq!(map.values, channels[0].grid.values);
    let sizes: Vec<f32> = channels.iter().map(|c| c.grid.values.iter().map(|v| v * v).sum()).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b) && sizes[2] > 0.0, "{sizes:?}");
    assert!(channels.iter().flat_map(|c| &c.grid.values).all(|v| *v >= 0.0));
    assert_eq!(explain(&["concepts=3", "concept=2"]).unwrap().map.values, channels[1].grid.values);
    assert_eq!(
        explain(&["concepts=2", "concept=3"]).unwrap_err().to_string(),
        "`dff`: concept 3 was asked for, and shallow is taken apart into 2; choose one up to 2"
    );
}

#[test]
fn what_cannot_be_explained_is_a_sentence() {
    let (registry, network) = (bundled(), network(false));
    let contrast = [1.0, -1.0, 0.0, 0.0, 0.0];
    assert_eq!(
        network.explain(&registry, "finer-cam", None, &contrast, &[], 42).unwrap_err().to_string(),
        "`finer-cam`: Finer-CAM tells one class from those like it, and this target is no single class; choose a class, or \
         take grad-cam, which explains any target"
    );
    let mut flat = small_with_dark_input();
    for bias in ["first.bias", "second.bias"] {
        flat.weights.get_mut(bias).unwrap().fill(-1.0);
    }
    let notes = |id: &str| flat.explain(&registry, id, Some("deep"), &hot(0), &[], 42).unwrap().notes;
    assert_eq!(
        notes("fem"),
        [
            "no activation of deep lies 2 standard deviations above its channel's mean, so FEM has nothing to show; take a \
          lower `sigmas`"
        ]
    );
    assert_eq!(
        notes("eigen-grad-cam"),
        [
            "activation times gradient is the same at every position of deep, so Eigen-Grad-CAM has nothing to show"
        ]
    );
    assert_eq!(
        notes("guided-grad-cam"),
        ["Grad-CAM of deep is nowhere positive, so nothing is left of the lines"]
    );
    // Nothing is alive, nothing divided by zero: the maps are numbers.
    for (id, _) in registry.explainers() {
        let quick = MANY.iter().find(|(many, _)| *many == id).map_or(&[][..], |(_, pairs)| *pairs);
        let output = flat.explain(&registry, id, None, &hot(0), quick, 42).unwrap();
        assert!(output.map.values.iter().all(|v| v.is_finite()), "{id}");
    }
}

fn small_with_dark_input() -> Small {
    Small { input: vec![0.0; 240], ..network(false) }
}
