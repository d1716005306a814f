//! How far to believe a map: what happens to the score when the picture is changed where the map says that it matters, and
//! what the map itself looks like.
//!
//! Every metric takes the map as it is drawn, enlarged to the model's input and normalised to 0…1, as one value a pixel
//! `[H, W]`, and the input `[1, C, H, W]`. The score comes from whoever runs the model: for a batch of inputs
//! `[n, C, H, W]` one value each, the target's softmax probability. [`curve`] removes and adds pixels by rank,
//! [`road`] fills removed pixels in, [`confidence`] keeps what the map keeps, [`shape`] looks at the map alone, [`pointing`]
//! at where an object is. [`centred`] is the map that knows nothing but where photographers put things: a map that does
//! not beat it has shown little.

pub mod confidence;
pub mod curve;
mod impute;
pub mod pointing;
pub mod road;
pub mod shape;

use crate::Tensor;

/// Most values in one batch that is handed out to be scored: 20 MB.
const BATCH_VALUES: usize = 5_000_000;

/// A Gaussian about the middle of `[height, width]`, 1 at its peak: a fourth of the shorter side is its standard deviation.
pub fn centred(height: usize, width: usize) -> Vec<f32> {
    let sigma = height.min(width) as f64 / 4.0;
    let square = |at: usize, length: usize| (at as f64 - (length as f64 - 1.0) / 2.0).powi(2);
    let value = |y, x| (-(square(y, height) + square(x, width)) / (2.0 * sigma * sigma)).exp() as f32;
    (0..height).flat_map(|y| (0..width).map(move |x| value(y, x))).collect()
}

/// The order of several maps: for each the mean of its ranks in all figures, of which smaller is better; 1 at best. Those
/// that are equal share the ranks that they take up.
pub fn mean_ranks<const N: usize>(figures: &[[f64; N]]) -> Vec<f64> {
    let rank = |of: usize, figure: usize| {
        let own = figures[of][figure];
        let before = figures.iter().filter(|other| other[figure] < own).count();
        let behind = figures.iter().filter(|other| other[figure] > own).count();
        (before + 1 + figures.len() - behind) as f64 / 2.0
    };
    let mean = |of: usize| (0..N).map(|figure| rank(of, figure)).sum::<f64>() / N as f64;
    (0..figures.len()).map(mean).collect()
}

/// Scores `count` inputs made by `make`, as many at a time as memory allows.
fn score_each<E>(
    count: usize,
    like: &Tensor,
    mut make: impl FnMut(usize) -> Vec<f32>,
    score: &mut dyn FnMut(&Tensor) -> Result<Vec<f64>, E>,
) -> Result<Vec<f64>, E> {
    let size = like.data().len().max(1);
    let together = (BATCH_VALUES / size).clamp(1, 16);
    let mut scores = Vec::with_capacity(count);
    while scores.len() < count {
        let first = scores.len();
        let items = first..count.min(first + together);
        let shape = [&[items.len()], &like.shape()[1..]].concat();
        let values = items.flat_map(&mut make).collect();
        scores.extend(score(&Tensor::new(shape, values).expect("each is of the input's shape"))?);
    }
    Ok(scores)
}

#[cfg(test)]
mod tests;
