//! Guided Grad-CAM: the sharp lines of guided backpropagation where Grad-CAM sees the class.
//!
//! Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Place, Rule, Session};

use crate::pixels::{strongest, wide};
use crate::upsample::{Align, Upsample};
use crate::weighted::{channels, mean_gradients, weighted_total};

/// `max_c |g_c · L|` at each pixel: g by guided backpropagation, L Grad-CAM's map after its ReLU, enlarged.
pub struct GuidedGradCam;

impl Explainer for GuidedGradCam {
    fn describe() -> Description {
        Description::new("guided-grad-cam", "Guided Grad-CAM")
            .summary(
                "max_c |g|·r(Grad-CAM), enlarged (bilinear), g by guided backpropagation: its lines, where the class is seen",
            )
            .reference("Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391")
            .needs_activations()
            .needs_gradients()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let (activation, gradient) = (session.activation(&layer)?, session.gradient(&layer)?);
        let mut class = weighted_total(&mean_gradients(&gradient), &activation);
        for v in &mut class {
            *v = v.max(0.0);
        }

        let guided = session.gradient_of(Place::Image, session.seed()?.data(), Rule::Guided)?;
        let (height, width) = (guided.height(), guided.width());
        let from = [activation.height(), activation.width()];
        let class = Upsample::new(from, [height, width], Align::Edges).enlarge(&class);
        let lines = strongest(&wide(&guided), guided.area());
        let map: Vec<f64> = lines.iter().zip(&class).map(|(g, l)| g * l).collect();
        let map = Map::from_f64(height, width, &map).of_layer(&layer);
        Ok(if class.iter().all(|v| *v <= 0.0) {
            map.with_note(format!(
                "Grad-CAM of {} is nowhere positive, so nothing is left of the lines",
                layer.name()
            ))
        } else {
            map
        })
    }
}
