//! SS-CAM: Score-CAM with each mask made noisy, many times over, and its scores averaged.
//!
//! Wang et al., "SS-CAM: Smoothed Score-CAM for Sharper Visual Feature Localization", 2020.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Param, Params, Session};

use crate::masks::{all_weights, kept, scores_behind, top_param};
use crate::score::softmax;
use crate::weighted::{channels, weighted_sum};

/// `r(Σ_k softmax_k(s_k) · A_k)`, `s_k = mean_n y(x ⊙ (minmax(upsample(A_k)) + ε_n))`; the ReLU r is the program's.
pub struct SsCam;

impl Explainer for SsCam {
    fn describe() -> Description {
        Description::new("ss-cam", "SS-CAM")
            .summary(
                "r(Σ_k softmax_k(s_k)·A_k), s_k = the mean logit of the picture seen through channel k with noise on it: samples × \
                 channels passes; --seed decides the noise",
            )
            .reference("Wang et al. 2020, https://arxiv.org/abs/2006.14255")
            .needs_activations()
            .needs_forward()
            .rectify()
            .gives_terms()
            .param(Param::int("samples", 10).range(1..=10_000).help(
                "noisy masks a channel; the paper takes 35, and the time grows with it",
            ))
            .param(Param::float("sigma", 2.0).range(0.0..=100.0).help(
                "standard deviation of the noise on a mask of 0…1; 2 as in the paper",
            ))
            // All of some 1000 channels would take minutes.
            .param(top_param(64))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        let count = channels(&layer)?;
        let activation = session.activation(&layer)?;
        let samples = usize::try_from(params.int("samples")?).unwrap_or(1);
        let sigma = params.float("sigma")?;
        let kept = kept(&activation, params.int("top")?);
        let mut random = session.random();
        let noisy = |mask: f64, _| mask + sigma * random.normal();
        let map = |scores: &[f64]| {
            weighted_sum(session, &all_weights(count, &kept, &softmax(scores)), &activation).of_layer(&layer)
        };
        let scores = scores_behind(session, &activation, &kept, samples, noisy, map)?;
        Ok(map(&scores))
    }
}
