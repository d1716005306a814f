//! Random-CAM: the channels with weights drawn by lot. It knows nothing of the class, so a method that explains
//! something must look better than this.
//!
//! The baseline of pytorch-grad-cam, seeded here.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::weighted::{channels, weighted_sum};

/// `r(Σ_k w_k · A_k)` with `w_k` uniform in −1…1; the ReLU r is the program's.
pub struct RandomCam;

impl Explainer for RandomCam {
    fn describe() -> Description {
        Description::new("random-cam", "Random-CAM")
            .summary("r(Σ_k w_k·A_k), w uniform in −1…1 from --seed: the baseline that others must beat")
            .reference("Gildenblat et al., https://github.com/jacobgil/pytorch-grad-cam")
            .needs_activations()
            .rectify()
            .gives_terms()
            .class_agnostic()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        let mut random = session.random();
        let weights: Vec<f64> = (0..channels(&layer)?).map(|_| random.symmetric()).collect();
        Ok(weighted_sum(session, &weights, &session.activation(&layer)?).of_layer(&layer))
    }
}
