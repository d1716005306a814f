//! An explainer plugin for camtui: it shows where a layer is active, whatever the class.
//!
//! The numbered comments are the steps; README.md says what to change first.

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

// 1. A type for the explainer. It holds nothing: what a call needs it asks its session for.
struct MeanActivation;

impl Explainer for MeanActivation {
    // 2. What it is. The id is what the user types after `--explainer`; help and forms come from the rest.
    fn describe() -> Description {
        Description::new("mean-activation", "Mean activation")
            .summary("Σ_k A_k / K: where the layer is active, whatever the class")
            .needs_activations()
            .class_agnostic()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        // 3. Ask for what the formula needs: here the activations [1, K, h, w] of the chosen layer.
        let activation = session.activation(&session.layer()?)?;
        // 4. The formula. One plane is one channel: h × w values.
        let count = activation.shape()[1] as f32;
        let mut map = vec![0.0; activation.area()];
        for plane in activation.planes() {
            map.iter_mut().zip(plane).for_each(|(m, a)| *m += a / count);
        }
        // 5. The map, at the layer's own resolution. Resizing, colours and drawing are camtui's.
        Ok(Map::new(activation.height(), activation.width(), map))
    }
}

// 6. The one symbol that camtui looks for. More explainers: `export!(A, B)`.
camtui_plugin::export!(MeanActivation);

#[cfg(test)]
mod tests;
