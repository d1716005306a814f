//! Deletion and insertion: pixels are taken from the picture, or put into a blurred one, the most important first.
//!
//! Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018.

use crate::Tensor;

/// The blur that insertion starts from: 11 taps with a standard deviation of 5 pixels, zeros beyond the border.
const TAPS: usize = 11;
const SIGMA: f64 = 5.0;

/// A score for each share of the pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Share of the pixels that were changed, from 0 to 1, evenly spaced.
    pub shares: Vec<f64>,
    /// The score then.
    pub scores: Vec<f64>,
}

impl Curve {
    /// The area under the curve by trapezoids: 0…1 for probabilities.
    pub fn area(&self) -> f64 {
        let pairs = self.shares.windows(2).zip(self.scores.windows(2));
        pairs.map(|(x, y)| (x[1] - x[0]) * (y[0] + y[1]) / 2.0).sum()
    }
}

/// The score while the most important pixels become zero (the mean colour of usual preprocessing) in `steps` steps. The
/// sooner it falls the better: lower areas are better.
pub fn deletion<E>(
    map: &[f32],
    input: &Tensor,
    steps: usize,
    score: &mut dyn FnMut(&Tensor) -> Result<Vec<f64>, E>,
) -> Result<Curve, E> {
    let zeros = vec![0.0; input.data().len()];
    exchange(map, input.data(), &zeros, input, steps, score)
}

/// The score while the most important pixels of the picture come into its blurred version in `steps` steps. The sooner
/// it rises the better: higher areas are better.
pub fn insertion<E>(
    map: &[f32],
    input: &Tensor,
    steps: usize,
    score: &mut dyn FnMut(&Tensor) -> Result<Vec<f64>, E>,
) -> Result<Curve, E> {
    exchange(map, &blurred(input), input.data(), input, steps, score)
}

fn exchange<E>(
    map: &[f32],
    from: &[f32],
    to: &[f32],
    like: &Tensor,
    steps: usize,
    score: &mut dyn FnMut(&Tensor) -> Result<Vec<f64>, E>,
) -> Result<Curve, E> {
    let steps = steps.max(1);
    let order = by_importance(map);
    let area = order.len();
    let mut pixels = from.to_vec();
    let mut done = 0;
    let make = |step: usize| {
        let until = step * area / steps;
        for &at in &order[done..until] {
            for plane in (0..pixels.len()).step_by(area) {
                pixels[plane + at] = to[plane + at];
            }
        }
        done = until;
        pixels.clone()
    };
    let scores = super::score_each(steps + 1, like, make, score)?;
    let shares = (0..=steps).map(|step| (step * area / steps) as f64 / area as f64).collect();
    Ok(Curve { shares, scores })
}

/// Pixels from the most important to the least; equal ones in reading order.
fn by_importance(map: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..map.len()).collect();
    order.sort_by(|&a, &b| map[b].total_cmp(&map[a]));
    order
}

/// Each plane of `[1, C, H, W]` blurred, first along its rows, then along its columns.
fn blurred(input: &Tensor) -> Vec<f32> {
    let reach = (TAPS / 2) as isize;
    let taps: Vec<f64> =
        (-reach..=reach).map(|d| (-((d * d) as f64) / (2.0 * SIGMA * SIGMA)).exp()).collect();
    let sum: f64 = taps.iter().sum();
    let (height, width) = (input.shape()[2], input.shape()[3]);
    let along = |values: &[f64], step: usize, length: usize, others: &dyn Fn(usize) -> usize| -> Vec<f64> {
        let mut result = vec![0.0; values.len()];
        for line in 0..values.len() / length {
            let start = others(line);
            for n in 0..length as isize {
                let inside = |m: &isize| (0..length as isize).contains(m);
                let near = (n - reach..=n + reach).enumerate().filter(|(_, m)| inside(m));
                let weighed = near.map(|(tap, m)| taps[tap] / sum * values[start + m as usize * step]);
                result[start + n as usize * step] = weighed.sum();
            }
        }
        result
    };
    let plane = |pixels: &[f32]| {
        let pixels: Vec<f64> = pixels.iter().map(|&v| f64::from(v)).collect();
        let rows = along(&pixels, 1, width, &|row| row * width);
        along(&rows, width, height, &|column| column)
    };
    input.data().chunks(height * width).flat_map(plane).map(|v| v as f32).collect()
}
