//! `HiResCAM`: activation times gradient at each position, without averaging the gradient first.
//!
//! Draelos and Carin, "Use `HiResCAM` instead of Grad-CAM for faithful explanations of convolutional neural networks",
//! 2020.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::weighted::{channels, sum_of};

/// `r(Σ_k g_k · A_k)`, position by position; the ReLU r is the program's.
pub struct HiResCam;

impl Explainer for HiResCam {
    fn describe() -> Description {
        Description::new("hires-cam", "HiResCAM")
            .summary("r(Σ_k g_k·A_k): activation times gradient at each position, nothing averaged")
            .reference("Draelos and Carin 2020, https://arxiv.org/abs/2011.08891")
            .needs_activations()
            .needs_gradients()
            .rectify()
            .gives_terms()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let (activation, gradient) = (session.activation(&layer)?, session.gradient(&layer)?);
        Ok(sum_of(session, &activation, &gradient, |a, g| g * a).of_layer(&layer))
    }
}
