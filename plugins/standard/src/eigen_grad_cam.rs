//! Eigen-Grad-CAM: the pattern that most of a layer's contributions to the score follow.
//!
//! Of pytorch-grad-cam (Gildenblat et al.): Eigen-CAM (Muhammad and Yeasin 2020) of g·A in the place of A, so that it
//! knows the class.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::principal::principal_map;
use crate::weighted::channels;

/// `r(X·v)` for the centred products `X = g·A` `[Z, K]` and their first right singular vector v; the ReLU r is the
/// program's.
pub struct EigenGradCam;

impl Explainer for EigenGradCam {
    fn describe() -> Description {
        Description::new("eigen-grad-cam", "Eigen-Grad-CAM")
            .summary(
                "r(X·v): g·A, centred a channel, along its first right singular vector; v's sign is chosen so that the map \
                 rises with Σ_k g·A",
            )
            .reference("Gildenblat et al., https://github.com/jacobgil/pytorch-grad-cam")
            .needs_activations()
            .needs_gradients()
            .rectify()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let (activation, gradient) = (session.activation(&layer)?, session.gradient(&layer)?);
        let product = |(plane, slopes): (&[f32], &[f32])| -> Vec<f64> {
            plane.iter().zip(slopes).map(|(&a, &g)| f64::from(a) * f64::from(g)).collect()
        };
        let columns = activation.planes().zip(gradient.planes()).map(product).collect();
        let (height, width) = (activation.height(), activation.width());
        Ok(match principal_map(columns) {
            Some(map) => Map::from_f64(height, width, &map).of_layer(&layer),
            None => Map::new(height, width, vec![0.0; height * width]).of_layer(&layer).with_note(format!(
                "activation times gradient is the same at every position of {}, so Eigen-Grad-CAM has nothing to show",
                layer.name()
            )),
        })
    }
}
