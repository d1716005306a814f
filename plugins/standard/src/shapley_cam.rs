//! Shapley-CAM: Grad-CAM with the score's curvature along the activations taken into account.
//!
//! Cai, "CAMs as Shapley Value-based Explainers", 2025. The score is the paper's residual softmax target, the logit less its cross-entropy:
//! the logit alone bends too little to matter.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Layer, Map, Param, Params, Rule, Session, View};

use crate::score::{Score, probabilities};
use crate::weighted::{channels, mean_gradients, weighted_sum};

/// `r(Σ_k w_k · A_k)`, `w_k = mean(g − ½·H·A)` for `S = y_c + log p_c`; the ReLU r is the program's.
pub struct ShapleyCam;

/// How far along A differences are taken, both ways. A power of two, so that A·(1 ± STEP) is rounded little.
const STEP: f32 = 1.0 / 256.0;
/// Classes count, likeliest first, until all others together have less than this probability, and at most so many.
const REST: f64 = 1e-3;
const MOST: usize = 512;

impl Explainer for ShapleyCam {
    fn describe() -> Description {
        Description::new("shapley-cam", "Shapley-CAM")
            .summary(
                "r(Σ_k w_k·A_k), w_k = mean(g − ½·H·A) of the logit less its cross-entropy, H its second derivative",
            )
            .reference("Cai 2025, https://arxiv.org/abs/2501.06261")
            .needs_activations()
            .needs_gradients()
            .needs_forward()
            .rectify()
            .gives_terms()
            .param(Param::choice("curvature", "softmax", ["softmax", "all"]).help(
                "softmax: the softmax's curvature alone, exact where the network is made of ReLUs; all: also that of smooth \
                 activations (SiLU, GELU), by a difference of gradients, which units that a ReLU opens or closes on the way disturb",
            ))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let activation = session.activation(&layer)?;
        let score = Score::of(session)?;
        let p = probabilities(session.logits()?.data());
        let total: f64 = score.seed().iter().sum();
        // S = s·y + s·log p, so ∂S/∂y = 2s − (Σs)·p.
        let first: Vec<f64> = score.seed().iter().zip(&p).map(|(s, p)| 2.0 * s - total * p).collect();
        let slope = logits_along(session, &layer, &activation, &p)?;
        // ∂²S/∂y² = −(Σs)·(diag(p) − p·pᵀ), applied to ∂y/∂A·A.
        let mean: f64 = p.iter().zip(&slope).map(|(p, d)| p * d).sum();
        let second: Vec<f64> = p.iter().zip(&slope).map(|(p, d)| -total * p * (d - mean)).collect();

        // Both are carried back to the layer by one pass.
        let seed: Vec<f32> = first.iter().zip(&second).map(|(a, b)| (a - 0.5 * b) as f32).collect();
        let mut weights = mean_gradients(&session.gradient_of(&layer, &seed, Rule::Plain)?);
        if params.choice("curvature")? == "all" {
            let first: Vec<f32> = first.iter().map(|&x| x as f32).collect();
            for (weight, bend) in
                weights.iter_mut().zip(gradients_along(session, &layer, &activation, &first)?)
            {
                *weight -= 0.5 * bend;
            }
        }
        Ok(weighted_sum(session, &weights, &activation).of_layer(&layer))
    }
}

/// A·(1 + STEP) and A·(1 − STEP), and their shape `[2, K, h, w]`.
fn both_ways(activation: &View<'_>) -> (Vec<usize>, Vec<f32>) {
    let values = [1.0 + STEP, 1.0 - STEP].iter().flat_map(|f| activation.data().iter().map(move |a| a * f));
    ([&[2], &activation.shape()[1..]].concat(), values.collect())
}

/// `∂y/∂A·A` `[classes]`: what the logits change along A. A difference of logits gives it for all classes at once, but a
/// unit that a ReLU opens or closes on the way bends it by hundredths. So the classes that count, by their probabilities `p`,
/// have it from their gradients.
fn logits_along(
    session: &Session<'_>,
    layer: &Layer,
    activation: &View<'_>,
    p: &[f64],
) -> Result<Vec<f64>, Error> {
    let (shape, values) = both_ways(activation);
    let logits = session.forward_from(layer, &shape, &values)?;
    let (up, down) = logits.data().split_at(logits.data().len() / 2);
    let mut slope: Vec<f64> =
        up.iter().zip(down).map(|(&a, &b)| f64::from(a - b) / f64::from(2.0 * STEP)).collect();

    let mut likeliest: Vec<usize> = (0..p.len()).collect();
    likeliest.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let mut rest = 1.0;
    for (n, class) in likeliest.into_iter().take(MOST).enumerate() {
        if rest < REST {
            break;
        }
        session.progress(n as f32 / MOST as f32)?;
        let mut seed = vec![0.0; p.len()];
        seed[class] = 1.0;
        let gradient = session.gradient_of(layer, &seed, Rule::Plain)?;
        slope[class] =
            gradient.data().iter().zip(activation.data()).map(|(&g, &a)| f64::from(g) * f64::from(a)).sum();
        rest -= p[class];
    }
    Ok(slope)
}

/// Mean over each channel of what the gradient of `seed` changes along A `[K]`.
fn gradients_along(
    session: &Session<'_>,
    layer: &Layer,
    activation: &View<'_>,
    seed: &[f32],
) -> Result<Vec<f64>, Error> {
    let (shape, values) = both_ways(activation);
    let gradients = session.gradient_from(layer, &shape, &values, &[seed, seed].concat(), Rule::Plain)?;
    let means = mean_gradients(&gradients);
    let (up, down) = means.split_at(means.len() / 2);
    Ok(up.iter().zip(down).map(|(a, b)| (a - b) / f64::from(2.0 * STEP)).collect())
}
