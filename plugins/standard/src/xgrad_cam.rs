//! XGrad-CAM: each channel weighted by its gradient's mean, in which active positions count in proportion.
//!
//! Fu et al., "Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs", BMVC 2020.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::weighted::{channels, weighted_sum};

/// Keeps the weight of a channel without activations at zero.
const EPSILON: f64 = 1e-7;

/// A sum below this share of the sum of its absolute terms magnifies rounding, and the weight, a hundredfold.
const CANCELS: f64 = 0.01;

/// `r(Σ_k w_k · A_k)` with `w_k = Σ_ij(g_k·A_k)/(Σ_ij A_k + ε)`; the ReLU r is the program's.
pub struct XGradCam;

impl Explainer for XGradCam {
    fn describe() -> Description {
        Description::new("xgrad-cam", "XGrad-CAM")
            .summary(
                "r(Σ_k w_k·A_k), w_k = Σ_ij(g·A)/(Σ_ij A + 1e-7): mean gradients weighted by activation; for layers after \
                 a ReLU",
            )
            .reference("Fu et al. 2020, https://arxiv.org/abs/2008.02312")
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
            let (mut sum, mut size, mut product) = (0.0, 0.0, 0.0);
            for (a, g) in plane.iter().zip(slopes).map(|(&a, &g)| (f64::from(a), f64::from(g))) {
                sum += a;
                size += a.abs();
                product += g * a;
            }
            unstable += usize::from(sum.abs() < CANCELS * size);
            weights.push(product / (sum + EPSILON));
        }
        let map = weighted_sum(session, &weights, &activation).of_layer(&layer);
        Ok(match unstable {
            0 => map,
            n => map.with_note(format!(
                "XGrad-CAM's weights are not to be trusted for {n} of {count} channels of {}: the activations there, by \
                 whose sum it divides, nearly cancel; choose a layer after a ReLU",
                layer.name()
            )),
        })
    }
}
