//! Grad-CAM++: positive gradients weighted by how much each position must contribute.
//!
//! Chattopadhyay et al., "Grad-CAM++: Improved Visual Explanations for Deep Convolutional Networks", WACV 2018. The
//! paper's second and third derivatives are of exp(y) and reduce to powers of g where y is reached through a ReLU and linear layers only. ε, the zero
//! where g is zero, and the sum over positions (not the mean) are as in pytorch-grad-cam.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::weighted::{channels, weighted_sum};

/// Keeps α finite where the gradient vanishes.
const EPSILON: f64 = 1e-6;

/// `r(Σ_k w_k · A_k)` with `w_k = Σ_ij α·r(g_k)`, `α = g²/(2g² + (Σ_ij A_k)·g³ + ε)`; the outer ReLU is the program's.
pub struct GradCamPlusPlus;

impl Explainer for GradCamPlusPlus {
    fn describe() -> Description {
        Description::new("grad-cam++", "Grad-CAM++")
            .summary(
                "r(Σ_k w_k·A_k), w_k = Σ_ij α·r(g), α = g²/(2g² + (Σ_ij A)·g³ + 1e-6): powers of g stand for the \
                 derivatives of exp(y)",
            )
            .reference("Chattopadhyay et al. 2018, https://arxiv.org/abs/1710.11063")
            .needs_activations()
            .needs_gradients()
            .rectify()
            .gives_terms()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        let count = channels(&layer)?;
        let (activation, gradient) = (session.activation(&layer)?, session.gradient(&layer)?);
        let mut unstable = 0;
        let mut weights = Vec::with_capacity(count);
        for (plane, slopes) in activation.planes().zip(gradient.planes()) {
            let sum: f64 = plane.iter().map(|&a| f64::from(a)).sum();
            let mut weight = 0.0;
            let mut negative = false;
            // r(g) is zero elsewhere, and so is the term, whatever α is.
            for g in slopes.iter().map(|&g| f64::from(g)).filter(|g| *g > 0.0) {
                let denominator = 2.0 * g * g + sum * g * g * g + EPSILON;
                negative |= denominator <= 0.0;
                weight += g * g / denominator * g;
            }
            unstable += usize::from(negative);
            weights.push(weight);
        }
        let map = weighted_sum(session, &weights, &activation).of_layer(&layer);
        Ok(match unstable {
            0 => map,
            n => map.with_note(format!(
                "Grad-CAM++'s weights are not to be trusted for {n} of {count} channels of {}: the activations there \
                 add up to so much below zero that α turns negative; choose a layer after a ReLU",
                layer.name()
            )),
        })
    }
}
