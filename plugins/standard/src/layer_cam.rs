//! Layer-CAM: each activation weighted by its own gradient where that is positive. Good at shallow layers, where one
//! weight a channel says too little.
//!
//! Jiang et al., "`LayerCAM`: Exploring Hierarchical Class Activation Maps for Localization", IEEE TIP 2021.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::weighted::{channels, sum_of};

/// `r(Σ_k r(g_k) · A_k)`, position by position; the outer ReLU is the program's.
pub struct LayerCam;

impl Explainer for LayerCam {
    fn describe() -> Description {
        Description::new("layer-cam", "Layer-CAM")
            .summary(
                "r(Σ_k r(g_k)·A_k): each activation by its own positive gradient; good at shallow layers",
            )
            .reference("Jiang et al. 2021, https://doi.org/10.1109/TIP.2021.3089943")
            .needs_activations()
            .needs_gradients()
            .rectify()
            .gives_terms()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let (activation, gradient) = (session.activation(&layer)?, session.gradient(&layer)?);
        Ok(sum_of(session, &activation, &gradient, |a, g| g.max(0.0) * a).of_layer(&layer))
    }
}
