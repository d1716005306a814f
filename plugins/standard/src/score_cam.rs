//! Score-CAM: each channel weighted by the score of the picture seen through it. One pass of the model a channel.
//!
//! Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR 2020 workshops.
//! Masks and softmax are as in pytorch-grad-cam.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::masks::{all_weights, kept, scores_behind, top_param};
use crate::score::softmax;
use crate::weighted::{channels, weighted_sum};

/// `r(Σ_k softmax_k(s_k) · A_k)`, `s_k = y(x ⊙ minmax(upsample(A_k)))`; the ReLU r is the program's.
pub struct ScoreCam;

impl Explainer for ScoreCam {
    fn describe() -> Description {
        Description::new("score-cam", "Score-CAM")
            .summary(
                "r(Σ_k softmax_k(s_k)·A_k), s_k = the logit of the picture seen through channel k (enlarged, spread over 0…1): one \
                 pass a channel",
            )
            .reference("Wang et al. 2020, https://arxiv.org/abs/1910.01279")
            .needs_activations()
            .needs_forward()
            .rectify()
            .gives_terms()
            .param(top_param(0))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        let count = channels(&layer)?;
        let activation = session.activation(&layer)?;
        let kept = kept(&activation, params.int("top")?);
        let map = |scores: &[f64]| {
            weighted_sum(session, &all_weights(count, &kept, &softmax(scores)), &activation).of_layer(&layer)
        };
        let scores = scores_behind(session, &activation, &kept, 1, |mask, _| mask, map)?;
        Ok(map(&scores))
    }
}
