//! Ablation-CAM: each channel weighted by what the score loses without it. No gradient is needed, and only what comes
//! behind the layer is run.
//!
//! Desai and Ramaswamy, "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free
//! Localization", WACV 2020. A channel is taken away by setting it to zero, always.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::batches::{in_batches, shape_of};
use crate::score::Score;
use crate::weighted::{channels, weighted_sum};

/// `r(Σ_k w_k · A_k)`, `w_k = (y − y_without_k)/|y|`; the ReLU r is the program's.
pub struct AblationCam;

impl Explainer for AblationCam {
    fn describe() -> Description {
        Description::new("ablation-cam", "Ablation-CAM")
            .summary(
                "r(Σ_k w_k·A_k), w_k = (y − y without channel k)/|y|: what the score loses; |y|, so that a negative score turns \
                 no sign",
            )
            .reference("Desai and Ramaswamy 2020, https://doi.org/10.1109/WACV45572.2020.9093360")
            .needs_activations()
            .needs_forward()
            .rectify()
            .gives_terms()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        let count = channels(&layer)?;
        let activation = session.activation(&layer)?;
        let score = Score::of(session)?;
        let whole = score.at(session.logits()?.data());

        // A channel that is zero already takes nothing with it.
        let alive: Vec<usize> = activation
            .planes()
            .enumerate()
            .filter(|(_, p)| p.iter().any(|&a| a != 0.0))
            .map(|(k, _)| k)
            .collect();
        let mut weights = vec![0.0; count];
        let area = activation.area();
        in_batches(session, alive.len(), activation.data().len(), |session, batch| {
            let without = &alive[batch];
            let mut ablated = Vec::with_capacity(without.len() * activation.data().len());
            for &k in without {
                let begin = ablated.len();
                ablated.extend_from_slice(activation.data());
                ablated[begin + k * area..][..area].fill(0.0);
            }
            let logits =
                session.forward_from(&layer, &shape_of(without.len(), activation.shape()), &ablated)?;
            for (&k, left) in without.iter().zip(score.of_each(&logits)) {
                weights[k] = whole - left;
            }
            session.partial(|| Some(weighted_sum(session, &weights, &activation)));
            Ok(())
        })?;
        if whole != 0.0 {
            for w in &mut weights {
                *w /= whole.abs();
            }
        }
        Ok(weighted_sum(session, &weights, &activation).of_layer(&layer))
    }
}
