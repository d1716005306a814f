//! Input × gradient: what each pixel adds to the score, if the score were linear.
//!
//! Shrikumar et al., "Not Just a Black Box: Learning Important Features Through Propagating Activation Differences", 2016.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Place, Session};

use crate::pixels::total;

/// `Σ_c x_c · ∂y/∂x_c` at each pixel, signed.
pub struct InputXGradient;

impl Explainer for InputXGradient {
    fn describe() -> Description {
        Description::new("input-x-gradient", "Input × gradient")
            .summary("Σ_c x·∂y/∂x of the preprocessed input: what each pixel adds to the score, if that were linear; signed")
            .reference("Shrikumar et al. 2016, https://arxiv.org/abs/1605.01713")
            .needs_gradients()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let (input, gradient) = (session.input()?, session.gradient(Place::Image)?);
        let terms = input.data().iter().zip(gradient.data()).map(|(&x, &g)| f64::from(x) * f64::from(g));
        let map = total(&terms.collect::<Vec<f64>>(), input.area());
        Ok(Map::from_f64(input.height(), input.width(), &map))
    }
}
