//! Eigen-CAM: the pattern that most of a layer's variation follows, whatever the class.
//!
//! Muhammad and Yeasin, "Eigen-CAM: Class Activation Map using Principal Components", IJCNN 2020. The paper leaves out the
//! centring, without which the mean activation is found; pytorch-grad-cam centres, and so does this.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::principal::principal_map;
use crate::weighted::channels;

/// `r(X·v)` for the centred activations X `[Z, K]` and their first right singular vector v; the ReLU r is the program's.
pub struct EigenCam;

impl Explainer for EigenCam {
    fn describe() -> Description {
        Description::new("eigen-cam", "Eigen-CAM")
            .summary(
                "r(X·v): activations, centred a channel, along their first right singular vector; v's sign is chosen so that \
                 the map rises with Σ_k A_k",
            )
            .reference("Muhammad and Yeasin 2020, https://arxiv.org/abs/2008.00299")
            .needs_activations()
            .rectify()
            .class_agnostic()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let activation = session.activation(&layer)?;
        let columns =
            activation.planes().map(|plane| plane.iter().map(|&a| f64::from(a)).collect()).collect();
        let (height, width) = (activation.height(), activation.width());
        Ok(match principal_map(columns) {
            Some(map) => Map::from_f64(height, width, &map).of_layer(&layer),
            None => Map::new(height, width, vec![0.0; height * width]).of_layer(&layer).with_note(format!(
                "{} is the same at every position, so Eigen-CAM has nothing to show",
                layer.name()
            )),
        })
    }
}
