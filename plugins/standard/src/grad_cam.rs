//! Grad-CAM: each channel weighted by how much the score rises with it on average.
//!
//! Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV
//! 2017.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::weighted::{channels, mean_gradients, weighted_sum};

/// `r(Σ_k mean(g_k) · A_k)`; the ReLU r is the program's.
pub struct GradCam;

impl Explainer for GradCam {
    fn describe() -> Description {
        Description::new("grad-cam", "Grad-CAM")
            .summary("r(Σ_k mean(g_k)·A_k): channels weighted by the mean gradient of the target's score")
            .reference("Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391")
            .needs_activations()
            .needs_gradients()
            .rectify()
            .gives_terms()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let (activation, gradient) = (session.activation(&layer)?, session.gradient(&layer)?);
        Ok(weighted_sum(session, &mean_gradients(&gradient), &activation).of_layer(&layer))
    }
}
