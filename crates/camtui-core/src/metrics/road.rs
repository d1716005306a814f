//! ROAD, remove and debias: the score after the most and the least important pixels were removed and filled in.
//!
//! Rong et al., ICML 2022, as pytorch-grad-cam's `ROADCombined` has it.

use rayon::prelude::*;

use super::impute::Holes;
use crate::Tensor;
use crate::seeded;

/// Percentiles of the map at which pixels are removed.
const PERCENTILES: [u32; 9] = [10, 20, 30, 40, 50, 60, 70, 80, 90];
/// Standard deviation of the noise on what is filled in, in units of the preprocessed input: without it the model could
/// tell filled regions by their smoothness.
pub const NOISE: f64 = 0.01;

/// How much the score suffers more from losing what the map calls important than from losing what it calls
/// unimportant, `(LeRF − MoRF) / 2` over all percentiles: −0.5…0.5, higher is better.
///
/// At percentile p, `MoRF` removes every pixel from that percentile of the map on, `LeRF` every pixel of which the same is
/// true of 1 − map. `noise` is [`NOISE`], or 0 for none; it is drawn from `random_seed`.
pub fn road<E>(
    map: &[f32],
    input: &Tensor,
    noise: f64,
    random_seed: u64,
    score: &mut dyn FnMut(&Tensor) -> Result<Vec<f64>, E>,
) -> Result<f64, E> {
    let turned: Vec<f32> = map.iter().map(|v| 1.0 - v).collect();
    let runs: Vec<(&[f32], u32)> =
        [turned.as_slice(), map].into_iter().flat_map(|map| PERCENTILES.map(|p| (map, p))).collect();
    let made = (0..runs.len()).into_par_iter().map(|n| {
        let (map, percentile) = runs[n];
        let least = quantile(map, f64::from(percentile) / 100.0);
        let removed: Vec<bool> = map.iter().map(|&v| f64::from(v) >= least).collect();
        filled(input, &removed, noise, random_seed.wrapping_add(n as u64))
    });
    let mut made: Vec<Vec<f32>> = made.collect();
    let scores = super::score_each(runs.len(), input, |n| std::mem::take(&mut made[n]), score)?;
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    let (least_first, most_first) = scores.split_at(PERCENTILES.len());
    Ok((mean(least_first) - mean(most_first)) / 2.0)
}

/// `input` with the removed pixels filled in.
fn filled(input: &Tensor, removed: &[bool], noise: f64, random_seed: u64) -> Vec<f32> {
    let holes = Holes::new(removed, input.shape()[3]);
    let mut values = input.data().to_vec();
    let planes = values.chunks_mut(removed.len());
    for (channel, plane) in planes.enumerate() {
        let found = holes.fill(plane);
        let noises = normal(&format!("road {channel}"), found.len(), random_seed);
        for ((&at, value), n) in holes.pixels().iter().zip(found).zip(noises) {
            plane[at] = (value + noise * n) as f32;
        }
    }
    values
}

/// Numbers from the standard normal distribution (Box and Muller 1958).
fn normal(name: &str, count: usize, random_seed: u64) -> Vec<f64> {
    let uniform = seeded::uniform(name, &[count, 2], random_seed, 0.0, 1.0);
    let pairs = uniform.data().as_chunks::<2>().0.iter();
    let one = |&[a, b]: &[f32; 2]| {
        (-2.0 * (1.0 - f64::from(a)).ln()).sqrt() * (std::f64::consts::TAU * f64::from(b)).cos()
    };
    pairs.map(one).collect()
}

/// The value below which that share of `values` lies, interpolated between neighbours.
fn quantile(values: &[f32], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let at = |n: usize| f64::from(sorted[n.min(sorted.len() - 1)]);
    at(below) + part * (at(below + 1) - at(below))
}
