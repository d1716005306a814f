//! Against pytorch-grad-cam's ROAD and the published procedures (`tests/goldens/metrics.py`), on a made-up network.

use super::confidence::{adcc, coherency, complexity, drop, increases, masked};
use super::curve::{Curve, deletion, insertion};
use super::pointing::{Pointing, pointing};
use super::road::{NOISE, road};
use super::shape::{border_mass, sparsity};
use super::*;
use crate::seeded::uniform;

const HEIGHT: usize = 18;
const WIDTH: usize = 22;
const STEPS: usize = 9;

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    map: Vec<f32>,
    other: Vec<f32>,
    road: f64,
    deletion: Vec<f64>,
    deletion_area: f64,
    insertion: Vec<f64>,
    insertion_area: f64,
    drop: f64,
    increases: bool,
    adcc: f64,
    sparsity: f64,
    border_mass: f64,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../../tests/goldens/data/metrics.json")).unwrap()
}

fn input() -> Tensor {
    uniform("metrics", &[1, 3, HEIGHT, WIDTH], 1, -1.0, 1.0)
}

/// The probability of class 0.
#[expect(clippy::unnecessary_wraps, reason = "as the metrics ask for it")]
fn network(inputs: &Tensor) -> Result<Vec<f64>, ()> {
    let size = inputs.data().len() / inputs.shape()[0];
    let probability = |x: &[f32]| {
        let logit = |class: usize| {
            let weight = |n: usize| (0.37 * (class * size + n) as f64).sin();
            let sum: f64 = x.iter().enumerate().map(|(n, &v)| f64::from(v) * weight(n)).sum();
            3.0 * (sum / 9.0).sin()
        };
        let all: Vec<f64> = (0..3).map(|class| logit(class).exp()).collect();
        all[0] / all.iter().sum::<f64>()
    };
    Ok(inputs.data().chunks(size).map(probability).collect())
}

fn near(found: f64, expected: f64, within: f64) -> bool {
    (found - expected).abs() <= within * expected.abs().max(1e-3)
}

/// Red when pixels go the other way round, ties in another order, the blur is not normalised, the area is a plain mean: tried.
#[test]
fn curves_are_the_published_procedure() {
    for case in cases() {
        let found = [
            (deletion(&case.map, &input(), STEPS, &mut network).unwrap(), case.deletion, case.deletion_area),
            (
                insertion(&case.map, &input(), STEPS, &mut network).unwrap(),
                case.insertion,
                case.insertion_area,
            ),
        ];
        for (curve, scores, area) in found {
            assert_eq!(curve.shares.len(), STEPS + 1);
            for (a, b) in curve.scores.iter().zip(&scores) {
                assert!(near(*a, *b, 1e-6), "{}: {a} {b}", case.name);
            }
            assert!(near(curve.area(), area, 1e-6), "{}: {} {area}", case.name, curve.area());
        }
    }
}

/// Red when a pixel beyond the border keeps its weight, when diagonals weigh as much as the rest, when the percentile is
/// not interpolated: tried.
#[test]
fn road_is_pytorch_grad_cams() {
    for case in cases() {
        let found = road(&case.map, &input(), 0.0, 1, &mut network).unwrap();
        // The peer solves and scores in single precision.
        assert!(near(found, case.road, 1e-4), "{}: {found} {}", case.name, case.road);
        let noisy = |seed| road(&case.map, &input(), NOISE, seed, &mut network).unwrap();
        assert!((noisy(1) - found).abs() < 0.05 && noisy(1).to_bits() == noisy(1).to_bits());
        assert_ne!(noisy(1).to_bits(), noisy(2).to_bits());
    }
}

#[test]
fn what_is_left_behind_the_map_is_the_papers() {
    for case in cases() {
        let before = network(&input()).unwrap()[0];
        let after = network(&masked(&input(), &case.map)).unwrap()[0];
        assert!(near(drop(before, after), case.drop, 1e-6), "{}", case.name);
        assert_eq!(increases(before, after), case.increases);
        let found = adcc(coherency(&case.map, &case.other), complexity(&case.map), drop(before, after));
        assert!(near(found, case.adcc, 1e-6), "{}: {found} {}", case.name, case.adcc);
        assert!(near(sparsity(&case.map), case.sparsity, 1e-6));
        assert!(near(border_mass(&case.map, HEIGHT, WIDTH), case.border_mass, 1e-6));
    }
}

#[test]
fn maps_that_say_nothing_give_numbers_all_the_same() {
    let flat = vec![0.0; HEIGHT * WIDTH];
    assert_eq!((sparsity(&flat), border_mass(&flat, HEIGHT, WIDTH), complexity(&flat)), (0.0, 0.0, 0.0));
    assert!((coherency(&flat, &flat) - 0.5).abs() < 1e-12);
    assert_eq!((adcc(0.5, 1.0, 0.2), drop(0.0, 0.5)), (0.0, 0.0));
    // Everything is removed at once: nothing is left to fill in from.
    assert!(road(&flat, &input(), 0.0, 1, &mut network).unwrap().abs() < 1e-12);
    assert_eq!(pointing(&flat, &[true; HEIGHT * WIDTH]), Pointing { hit: true, share: 0.0 });
}

#[test]
fn pointing_looks_at_the_peak_and_at_the_whole() {
    let map = [0.0, 1.0, 0.5, 0.5];
    assert_eq!(pointing(&map, &[false, true, false, false]), Pointing { hit: true, share: 0.5 });
    assert_eq!(pointing(&map, &[true, false, true, true]), Pointing { hit: false, share: 0.5 });
}

#[test]
fn the_centred_map_is_symmetric_and_peaks_in_the_middle() {
    let map = centred(5, 7);
    let greatest = map.iter().copied().fold(0.0, f32::max);
    assert_eq!((map[2 * 7 + 3], greatest), (1.0, 1.0));
    assert!((0..35).all(|n| map[n].to_bits() == map[34 - n].to_bits()));
}

#[test]
fn an_area_is_that_of_trapezoids() {
    let curve = Curve { shares: vec![0.0, 0.5, 1.0], scores: vec![1.0, 0.0, 0.0] };
    assert!((curve.area() - 0.25).abs() < 1e-12);
}
