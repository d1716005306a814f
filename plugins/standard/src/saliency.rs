//! Saliency: how much the score changes with each pixel, whichever way.
//!
//! Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and
//! Saliency Maps", 2013.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Place, Session};

use crate::pixels::{strongest, wide};

/// `max_c |∂y/∂x_c|` at each pixel.
pub struct Saliency;

impl Explainer for Saliency {
    fn describe() -> Description {
        Description::new("saliency", "Saliency")
            .summary(
                "max_c |∂y/∂x|: how much the score changes with each pixel, of its channels the strongest",
            )
            .reference("Simonyan et al. 2013, https://arxiv.org/abs/1312.6034")
            .needs_gradients()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let gradient = session.gradient(Place::Image)?;
        let map = strongest(&wide(&gradient), gradient.area());
        Ok(Map::from_f64(gradient.height(), gradient.width(), &map))
    }
}
