//! IS-CAM: Score-CAM with each mask's score gathered on the way from nothing to the mask.
//!
//! Naidu et al., "IS-CAM: Integrated Score-CAM for axiomatic-based explanations", 2020. The way is i/n of the mask for i = 1
//! to n; torch-cam adds these shares up as it goes and so leaves the picture's range.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Param, Params, Session};

use crate::masks::{all_weights, kept, scores_behind, top_param};
use crate::score::softmax;
use crate::weighted::{channels, weighted_sum};

/// `r(Σ_k softmax_k(s_k) · A_k)`, `s_k = mean_i y(x ⊙ i/n·minmax(upsample(A_k)))`; the ReLU r is the program's.
pub struct IsCam;

impl Explainer for IsCam {
    fn describe() -> Description {
        Description::new("is-cam", "IS-CAM")
            .summary(
                "r(Σ_k softmax_k(s_k)·A_k), s_k = the mean logit of the picture seen through i/n of channel k, i = 1…n: steps × \
                 channels passes",
            )
            .reference("Naidu et al. 2020, https://arxiv.org/abs/2010.03023")
            .needs_activations()
            .needs_forward()
            .rectify()
            .gives_terms()
            .param(Param::int("steps", 10).range(1..=10_000).help("steps a channel; the time grows with it"))
            // All of some 1000 channels would take minutes.
            .param(top_param(64))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        let count = channels(&layer)?;
        let activation = session.activation(&layer)?;
        let steps = usize::try_from(params.int("steps")?).unwrap_or(1);
        let kept = kept(&activation, params.int("top")?);
        let share = |mask: f64, step: usize| mask * (step + 1) as f64 / steps as f64;
        let map = |scores: &[f64]| {
            weighted_sum(session, &all_weights(count, &kept, &softmax(scores)), &activation).of_layer(&layer)
        };
        let scores = scores_behind(session, &activation, &kept, steps, share, map)?;
        Ok(map(&scores))
    }
}
