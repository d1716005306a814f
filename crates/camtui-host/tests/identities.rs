//! What must hold for every network, on twenty drawn by lot: two convolutions with `ReLU`s (or softplus), pooled and read by one
//! linear layer, in f64, so that no unit falls to the other side of its edge by rounding. What is compared passed the interface
//! in f32 once.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking, and a seed is exactly 1 or 0"
)]

mod small;

use std::sync::Mutex;

use camtui_host::{Backend, Batch, Library, Place, Registry, Rule};
use camtui_plugin::Random;
use small::{CLASSES, SIDES, Small};

const NETWORKS: u64 = 20;

fn bundled() -> Registry {
    let mut registry = Registry::default();
    registry.add(Library::bundled("standard", camtui_standard::entry()).unwrap());
    registry
}

/// Weights as He et al. initialise them, biases of both signs, a picture of both signs.
fn drawn(seed: u64, smooth: bool) -> Small {
    let mut random = Random::new(seed);
    let mut many =
        |count: usize, scale: f64| (0..count).map(|_| scale * random.normal()).collect::<Vec<f64>>();
    let input = many(3 * SIDES[0] * SIDES[1], 1.0).iter().map(|&x| x as f32).collect();
    let weights = [
        ("first.weight", 5 * 3 * 9, (2.0_f64 / 27.0).sqrt()),
        ("first.bias", 5, 0.3),
        ("second.weight", 6 * 5 * 9, (2.0_f64 / 45.0).sqrt()),
        ("second.bias", 6, 0.3),
        ("head.weight", CLASSES * 6, 0.6),
        ("head.bias", CLASSES, 0.3),
    ];
    let weights = weights.map(|(name, count, scale)| (name.to_owned(), many(count, scale))).into();
    Small { input, weights, smooth, asked: Mutex::default(), cancel: None }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// `|a − b| / |b|`, or `|a|` where b is nothing.
fn error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let size = norm(&mut expected.iter().copied());
    norm(&mut found.iter().zip(expected).map(|(a, b)| a - b)) / if size > 0.0 { size } else { 1.0 }
}

/// A class, or why one and not another.
fn seeds() -> Vec<Vec<f32>> {
    let one = |class: usize| (0..CLASSES).map(|c| f32::from(u8::from(c == class))).collect::<Vec<f32>>();
    let contrast = one(1).iter().zip(one(4)).map(|(a, b)| a - b).collect();
    vec![one(0), one(3), contrast]
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn at_the_pooled_layer_every_map_has_its_closed_form() {
    let registry = bundled();
    for n in 0..NETWORKS {
        let network = drawn(n, false);
        let activation = wide(network.activation("deep").unwrap().data());
        let area = activation.len() / 6;
        let head = &network.weights["head.weight"];
        for seed in seeds() {
            let map = |id: &str, layer: &str| {
                wide(&network.explain(&registry, id, Some(layer), &seed, &[], 1).unwrap().map.values)
            };
            let s = wide(&seed);
            let w: Vec<f64> = (0..6).map(|k| (0..CLASSES).map(|c| s[c] * head[c * 6 + k]).sum()).collect();
            let sum = |weight: &dyn Fn(usize) -> f64| -> Vec<f64> {
                (0..area).map(|at| (0..6).map(|k| weight(k) * activation[k * area + at]).sum()).collect()
            };
            let z = area as f64;
            let mean = |k: usize| activation[k * area..][..area].iter().sum::<f64>() / z;
            let score = dot(&s, &wide(network.logits().unwrap().data()));
            let bias = dot(&s, &network.weights["head.bias"]);
            let cam = sum(&|k| w[k]);
            let per_position: Vec<f64> = cam.iter().map(|v| v / z).collect();
            for (id, expected, limit) in [
                ("cam", cam.clone(), 1e-5),
                ("grad-cam", per_position.clone(), 1e-5),
                ("hires-cam", per_position.clone(), 1e-5),
                ("xgrad-cam", per_position.clone(), 1e-4),
                ("layer-cam", sum(&|k| w[k].max(0.0) / z), 1e-5),
                ("ablation-cam", sum(&|k| w[k] * mean(k) / score.abs()), 1e-3),
                ("recipro-cam", per_position.iter().map(|v| bias + v).collect(), 1e-5),
            ] {
                let off = error(&map(id, "deep"), &expected);
                assert!(off < limit, "network {n}, {id}: {off:.1e}");
            }
            // Above it each goes its own way.
            let grad_cam = map("grad-cam", "shallow");
            for id in ["hires-cam", "xgrad-cam", "layer-cam", "ablation-cam", "recipro-cam"] {
                assert!(error(&map(id, "shallow"), &grad_cam) > 0.01, "network {n}, {id}");
            }
        }
    }
}

/// `Σ g·A` over a layer, and what the biases behind it add, are the score; a sum of seeds has the sum of the gradients.
#[test]
fn contributions_add_up_at_every_layer_and_so_do_seeds() {
    for n in 0..NETWORKS {
        let network = drawn(n, false);
        let gradient = |layer: &str, seed: &[f32]| {
            wide(network.gradient(Place::Layer(layer), seed, Rule::Plain).unwrap().data())
        };
        let logits = wide(network.logits().unwrap().data());
        for seed in seeds() {
            let s = wide(&seed);
            let of_bias = |layer: &str, name: &str| {
                let (g, bias) = (gradient(layer, &seed), &network.weights[name]);
                g.chunks(g.len() / bias.len()).zip(bias).map(|(g, b)| b * g.iter().sum::<f64>()).sum::<f64>()
            };
            let (head, second) = (dot(&s, &network.weights["head.bias"]), of_bias("second", "second.bias"));
            let score = dot(&s, &logits);
            for (layer, behind) in
                [("first", head + second), ("shallow", head + second), ("second", head), ("deep", head)]
            {
                let own = dot(&gradient(layer, &seed), &wide(network.activation(layer).unwrap().data()));
                let off = (own + behind - score).abs();
                assert!(
                    off < 1e-5 * (own.abs() + behind.abs() + score.abs()),
                    "network {n}, {layer}: {off:.1e}"
                );
            }
        }
        let [a, b, _] = &seeds()[..] else { panic!("three seeds") };
        let both: Vec<f32> = a.iter().zip(b).map(|(a, b)| 2.0 * a + b).collect();
        for layer in ["first", "shallow", "second", "deep"] {
            let (a, b) = (gradient(layer, a), gradient(layer, b));
            let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 2.0 * a + b).collect();
            assert!(error(&gradient(layer, &both), &sum) < 1e-6, "network {n}, {layer}");
        }
    }
}

/// What integrated gradients add up to is what the score gained: to 1e-5 with smooth units, with `ReLU`s the nearer the more steps
/// are taken, in the mean over the networks.
#[test]
fn integrated_gradients_are_the_more_complete_the_more_steps_they_take() {
    let registry = bundled();
    let off = |n: u64, smooth: bool, steps: &str| {
        let network = drawn(n, smooth);
        let seed = &seeds()[0];
        let output = network.explain(&registry, "integrated-gradients", None, seed, &[steps], 1).unwrap();
        let empty = vec![0.0; network.input.len()];
        let shape = [1, 3, SIDES[0], SIDES[1]];
        let from = network.forward(Batch { shape: &shape, data: &empty }).unwrap();
        let gained = f64::from(network.logits().unwrap().data()[0]) - f64::from(from.data()[0]);
        (wide(&output.map.values).iter().sum::<f64>() - gained).abs() / gained.abs().max(0.1)
    };
    for n in 0..NETWORKS {
        let smooth = off(n, true, "steps=50");
        assert!(smooth < 1e-5, "network {n}: {smooth:.1e}");
    }
    let mean = |steps| (0..NETWORKS).map(|n| off(n, false, steps)).sum::<f64>() / NETWORKS as f64;
    let falling = ["steps=2", "steps=20", "steps=300"].map(mean);
    assert!(falling[0] > 2.0 * falling[1] && falling[1] > 2.0 * falling[2], "{falling:?}");
}
