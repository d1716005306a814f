//! Guided backpropagation: only what speaks for the target is passed back, at every ReLU. Sharp, but much of it is the
//! picture's edges, whatever the class.
//!
//! Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR 2015 workshop.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Place, Rule, Session};

use crate::pixels::{strongest, wide};

/// `max_c |g_c|` at each pixel, g the gradient at the picture of which every ReLU drops what is negative.
pub struct GuidedBackprop;

impl Explainer for GuidedBackprop {
    fn describe() -> Description {
        Description::new("guided-backprop", "Guided backpropagation")
            .summary(
                "max_c |g|, g the gradient at the picture with negative gradients dropped at every ReLU: sharp, but close to \
                 an edge detector",
            )
            .reference("Springenberg et al. 2014, https://arxiv.org/abs/1412.6806")
            .needs_gradients()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let guided = session.gradient_of(Place::Image, session.seed()?.data(), Rule::Guided)?;
        let map = strongest(&wide(&guided), guided.area());
        Ok(Map::from_f64(guided.height(), guided.width(), &map))
    }
}
