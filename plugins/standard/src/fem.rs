//! FEM: the channels in which something rare happens, whatever the class.
//!
//! Fuad et al., "Features Understanding in 3D CNNs for Actions Recognition in Video", IPTA 2020.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Param, Params, Session};

use crate::weighted::{channels, weighted_sum};

/// `r(Σ_k w_k · A_k)`, `w_k` the share of positions where `A_k > μ_k + n·σ_k`; the ReLU r is the program's.
pub struct Fem;

impl Explainer for Fem {
    fn describe() -> Description {
        Description::new("fem", "FEM")
            .summary(
                "r(Σ_k w_k·A_k), w_k = the share of positions where A_k > μ_k + 2σ_k: strong activations, whatever the class",
            )
            .reference("Fuad et al. 2020, https://hal.science/hal-02963298")
            .needs_exact_activations()
            .rectify()
            .gives_terms()
            .class_agnostic()
            .param(Param::float("sigmas", 2.0).range(0.0..=10.0).help(
                "how many standard deviations above its channel's mean an activation must lie to count as strong",
            ))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let activation = session.activation(&layer)?;
        let sigmas = params.float("sigmas")?;
        let strong = |plane: &[f32]| {
            let count = plane.len() as f64;
            let mean = plane.iter().map(|&a| f64::from(a)).sum::<f64>() / count;
            let variance = plane.iter().map(|&a| (f64::from(a) - mean).powi(2)).sum::<f64>() / count;
            let threshold = mean + sigmas * variance.sqrt();
            plane.iter().filter(|&&a| f64::from(a) > threshold).count() as f64 / count
        };
        let weights: Vec<f64> = activation.planes().map(strong).collect();
        let map = weighted_sum(session, &weights, &activation).of_layer(&layer);
        Ok(if weights.iter().any(|w| *w > 0.0) {
            map
        } else {
            map.with_note(format!(
                "no activation of {} lies {sigmas} standard deviations above its channel's mean, so FEM has nothing to show; \
                 take a lower `sigmas`",
                layer.name()
            ))
        })
    }
}
