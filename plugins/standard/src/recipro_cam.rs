//! Recipro-CAM: what the model would say if one position of the layer were all it had. No gradient is needed, and only
//! what comes behind the layer is run.
//!
//! Byun and Lee, "Recipro-CAM: Fast gradient-free visual explanations for convolutional neural networks", 2022. The masks
//! are single positions, as in the paper's first version.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

use crate::batches::{in_batches, shape_of};
use crate::score::Score;
use crate::weighted::channels;

/// `S[i,j] = y(tail(A ⊙ 1_ij))`, without a ReLU.
pub struct ReciproCam;

impl Explainer for ReciproCam {
    fn describe() -> Description {
        Description::new("recipro-cam", "Recipro-CAM")
            .summary(
                "S[i,j] = y(A with every position but i,j at zero): the score of each position by itself; signed, no ReLU; one \
                 pass a position, so best at deep layers",
            )
            .reference("Byun and Lee 2022, https://arxiv.org/abs/2209.14074")
            .needs_activations()
            .needs_forward()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        channels(&layer)?;
        let activation = session.activation(&layer)?;
        let score = Score::of(session)?;
        let (height, width, area) = (activation.height(), activation.width(), activation.area());
        let mut map = Vec::with_capacity(area);
        in_batches(session, area, activation.data().len(), |session, positions| {
            let mut alone = vec![0.0; positions.len() * activation.data().len()];
            for (item, at) in alone.chunks_exact_mut(activation.data().len()).zip(positions.clone()) {
                for (plane, kept) in item.chunks_exact_mut(area).zip(activation.planes()) {
                    plane[at] = kept[at];
                }
            }
            let shape = shape_of(positions.len(), activation.shape());
            map.extend(score.of_each(&session.forward_from(&layer, &shape, &alone)?));
            session.partial(|| {
                // What is not known yet is in the middle of what is.
                let middle = map.iter().sum::<f64>() / map.len() as f64;
                let mut known = map.clone();
                known.resize(area, middle);
                Some(Map::from_f64(height, width, &known))
            });
            Ok(())
        })?;
        Ok(Map::from_f64(height, width, &map).of_layer(&layer))
    }
}
