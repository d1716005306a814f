//! LIME: superpixels are masked by lot, and a linear model is fitted to what the network says, most carefully where little is
//! masked; its coefficients are the map.
//!
//! Ribeiro, Singh and Guestrin, "Why Should I Trust You?", KDD 2016, with the choices of the authors' code for pictures:
//! ridge regression with an intercept and α = 1, and weights by the cosine distance to the whole picture, of width 0.25.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Random, Session};

use crate::score::{Score, probabilities};
use crate::surrogate::{Normal, Pieces, params};

/// Strength of the ridge.
const ALPHA: f64 = 1.0;
/// Width of the kernel over cosine distances.
const WIDTH: f64 = 0.25;

/// Coefficients of the linear model that is nearest to the target's probability around the picture.
pub struct Lime;

impl Explainer for Lime {
    fn describe() -> Description {
        let described = Description::new("lime", "LIME")
            .summary(
                "coefficients β of argmin Σ_z π(z)·(p(x_z) − β₀ − β·z)² + ‖β‖² over pictures x_z with superpixels masked by lot, \
                 π = exp(−d²/2·0.25²) of the cosine distance d; signed, no ReLU; --seed decides the masks",
            )
            .reference("Ribeiro et al. 2016, https://arxiv.org/abs/1602.04938")
            .needs_forward();
        params().into_iter().fold(described, Description::param)
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let pieces = Pieces::new(session, params)?;
        let score = Score::of(session)?;
        let mut random = Random::new(session.random_seed());
        let samples = usize::try_from(params.int("samples")?).unwrap_or(1);
        let mut masks = vec![vec![true; pieces.count()]];
        masks.resize_with(samples, || (0..pieces.count()).map(|_| random.unit() < 0.5).collect());
        let probability =
            |logits: &[f32]| probabilities(logits).iter().zip(score.seed()).map(|(p, s)| p * s).sum();
        let of_the_first = |scores: &[f64]| fit(&masks[..scores.len()], scores);
        let scores = pieces.scores(session, &masks, probability, of_the_first)?;
        let found = fit(&masks, &scores);
        Ok(pieces.map(&found.ok_or_else(|| Error::Failed("no linear model fits".into()))?))
    }
}

/// How much a picture counts of which so much is shown.
fn kernel(mask: &[bool]) -> f64 {
    let shown = mask.iter().filter(|shown| **shown).count() as f64;
    let distance = 1.0 - (shown / mask.len() as f64).sqrt();
    (-distance * distance / (2.0 * WIDTH * WIDTH)).exp()
}

/// The coefficients; an intercept is fitted as well, and takes no part in the ridge.
fn fit(masks: &[Vec<bool>], scores: &[f64]) -> Option<Vec<f64>> {
    let n = masks.first()?.len();
    let weights: Vec<f64> = masks.iter().map(|mask| kernel(mask)).collect();
    let total: f64 = weights.iter().sum();
    let mut mean = vec![0.0; n];
    for (mask, weight) in masks.iter().zip(&weights) {
        for (mean, _) in mean.iter_mut().zip(mask).filter(|(_, shown)| **shown) {
            *mean += weight / total;
        }
    }
    let middle: f64 = scores.iter().zip(&weights).map(|(y, w)| y * w / total).sum();
    let rows = masks.iter().zip(scores).zip(&weights).map(|((mask, y), weight)| {
        let z = mask.iter().zip(&mean).map(|(shown, mean)| f64::from(u8::from(*shown)) - mean).collect();
        (z, *weight, y - middle)
    });
    let normal = Normal::new(n, rows);
    normal.solve(ALPHA, normal.right())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(count: usize, n: usize) -> Vec<Vec<bool>> {
        let mut random = Random::new(3);
        (0..count).map(|_| (0..n).map(|_| random.unit() < 0.5).collect()).collect()
    }

    /// At the minimum the gradient of what is minimised is zero, by every coefficient and by the intercept.
    #[test]
    fn the_coefficients_are_at_the_minimum() {
        let masks = drawn(60, 5);
        let scores: Vec<f64> = masks
            .iter()
            .enumerate()
            .map(|(n, mask)| (n as f64).sin() + f64::from(u8::from(mask[2])))
            .collect();
        let beta = fit(&masks, &scores).unwrap();
        let z = |mask: &[bool], k: usize| f64::from(u8::from(mask[k]));
        let linear = |mask: &[bool]| (0..5).map(|k| beta[k] * z(mask, k)).sum::<f64>();
        let total: f64 = masks.iter().map(|mask| kernel(mask)).sum();
        let left = masks.iter().zip(&scores).map(|(mask, y)| kernel(mask) * (y - linear(mask))).sum::<f64>();
        let intercept = left / total;
        for (k, own) in beta.iter().enumerate() {
            let pull: f64 = masks
                .iter()
                .zip(&scores)
                .map(|(mask, y)| kernel(mask) * (y - intercept - linear(mask)) * z(mask, k))
                .sum();
            assert!((pull - ALPHA * own).abs() < 1e-9, "{k}: {pull} {own}");
        }
        assert!(beta[2] > 0.5 && (0..5).all(|k| k == 2 || beta[k].abs() < 0.5), "{beta:?}");
    }

    #[test]
    fn the_kernel_is_the_authors() {
        assert!((kernel(&[true; 4]) - 1.0).abs() < f64::EPSILON);
        // sqrt(exp(-d²/0.25²)) with d = 1 - 1/2.
        let quarter = kernel(&[true, false, false, false]);
        assert!((quarter - (-0.25_f64 / 0.0625).exp().sqrt()).abs() < 1e-15);
        assert!(kernel(&[false; 4]) < quarter);
    }
}
