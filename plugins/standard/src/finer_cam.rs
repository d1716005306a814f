//! Finer-CAM: what tells the class from those that the model all but chose.
//!
//! Zhang et al., "Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation", CVPR 2025. As in
//! pytorch-grad-cam the differences are weighted by the other classes' probabilities, and the gradient passes through these
//! too.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Param, Params, Rule, Session};

use crate::score::softmax;
use crate::weighted::{channels, mean_gradients, weighted_sum};

/// Grad-CAM of `S = Σ_i m_i(y_c − α·y_i)`, `m_i = p_i/Σp` over the classes i whose logits are closest to the target's.
pub struct FinerCam;

impl Explainer for FinerCam {
    fn describe() -> Description {
        Description::new("finer-cam", "Finer-CAM")
            .summary(
                "Grad-CAM of S = Σ_i m_i(y_c − α·y_i), m_i = p_i/Σp over the classes of closest logits: what tells the class \
                 from those like it",
            )
            .reference("Zhang et al. 2025, https://arxiv.org/abs/2501.11309")
            .needs_activations()
            .needs_gradients()
            .rectify()
            .gives_terms()
            .param(Param::float("alpha", 1.0).range(0.0..=10.0).help(
                "how much of the other classes' scores is taken off; 0 leaves the target's own score",
            ))
            .param(Param::int("among", 3).range(1..=1000).help("how many classes the target is told from: those of closest logits"))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let target = session.target().ok_or_else(|| {
            Error::NotSupported(
                "Finer-CAM tells one class from those like it, and this target is no single class; choose a class, or take \
                 grad-cam, which explains any target"
                    .into(),
            )
        })?;
        let among = usize::try_from(params.int("among")?).unwrap_or(1);
        let seed = finer_seed(session.logits()?.data(), target, among, params.float("alpha")?)?;
        let gradient = session.gradient_of(&layer, &seed, Rule::Plain)?;
        Ok(weighted_sum(session, &mean_gradients(&gradient), &session.activation(&layer)?).of_layer(&layer))
    }
}

/// `∂S/∂y` `[classes]`: 1 at the target c and `m_i(y_c − α·y_i − S − α)` at each class i that it is told from.
fn finer_seed(logits: &[f32], target: usize, among: usize, alpha: f64) -> Result<Vec<f32>, Error> {
    let y = |class: usize| f64::from(logits[class]);
    let mut others: Vec<usize> = (0..logits.len()).filter(|&class| class != target).collect();
    // Stable: of two that are equally close the lower index counts.
    others.sort_by(|&a, &b| (y(a) - y(target)).abs().total_cmp(&(y(b) - y(target)).abs()));
    others.truncate(among);
    if others.is_empty() {
        return Err(Error::NotSupported(
            "Finer-CAM tells a class from others, and this model has only one; take grad-cam".into(),
        ));
    }
    let m = softmax(&others.iter().map(|&class| y(class)).collect::<Vec<f64>>());
    let difference = |class: usize| y(target) - alpha * y(class);
    let s: f64 = others.iter().zip(&m).map(|(&class, m)| m * difference(class)).sum();
    let mut seed = vec![0.0; logits.len()];
    seed[target] = 1.0;
    for (&class, m) in others.iter().zip(&m) {
        seed[class] = (m * (difference(class) - s - alpha)) as f32;
    }
    Ok(seed)
}
