//! Elementwise Grad-CAM: activation times gradient, and of each product the positive part alone.
//!
//! The element-wise variant of Grad-CAM in pytorch-grad-cam (Gildenblat et al.).
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::weighted::{channels, sum_of};

/// `Σ_k r(g_k · A_k)`, position by position; nothing is left for a ReLU around it.
pub struct ElementwiseCam;

impl Explainer for ElementwiseCam {
    fn describe() -> Description {
        Description::new("elementwise-cam", "Elementwise Grad-CAM")
            .summary("Σ_k r(g_k·A_k): what speaks for the target at each position, with nothing taken off for what speaks against it")
            .reference("Gildenblat et al., https://github.com/jacobgil/pytorch-grad-cam")
            .needs_activations()
            .needs_gradients()
            .gives_terms()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let (activation, gradient) = (session.activation(&layer)?, session.gradient(&layer)?);
        Ok(sum_of(session, &activation, &gradient, |a, g| (g * a).max(0.0)).of_layer(&layer))
    }
}
