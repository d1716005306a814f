//! CAM: the weights of the final linear layer, laid back over the channels that it pooled.
//!
//! Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Layer, LinearHead, Map, Params, Session};

use crate::weighted::{channels, weighted_sum};

/// `Σ_k w[c,k] · A_k`, without a ReLU.
pub struct Cam;

impl Explainer for Cam {
    fn describe() -> Description {
        Description::new("cam", "CAM")
            .summary("Σ_k w[c,k]·A_k: needs global average pooling and one linear layer at the end; signed, no ReLU")
            .reference("Zhou et al. 2016, https://arxiv.org/abs/1512.04150")
            .needs_activations()
            .gives_terms()
    }

    fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
        let head = session.linear_head().map_err(|error| match error {
            Error::NotSupported(why) => Error::NotSupported(format!(
                "CAM needs a network that ends in global average pooling and one linear layer ({why}); \
                 grad-cam explains any network"
            )),
            other => other,
        })?;
        let (layer, note) = layer(session, &head)?;
        let activation = session.activation(&layer)?;
        // w contracted with the seed: for a class its row, for a contrast the difference of two.
        let mut weights = vec![0f64; channels(&layer)?];
        let rows = head.weights.data().chunks_exact(weights.len().max(1));
        for (&s, row) in session.seed()?.data().iter().zip(rows).filter(|(s, _)| **s != 0.0) {
            for (weight, &w) in weights.iter_mut().zip(row) {
                *weight += f64::from(s) * f64::from(w);
            }
        }
        let map = weighted_sum(session, &weights, &activation).of_layer(&layer);
        Ok(match note {
            Some(note) => map.with_note(note),
            None => map,
        })
    }
}

/// The pooled layer, unless the user named another one that the weights fit.
fn layer(session: &Session<'_>, head: &LinearHead<'_>) -> Result<(Layer, Option<String>), Error> {
    let pooled = head.pooled.as_ref();
    let layer = match pooled {
        Some(pooled) if !session.layer_was_named() => pooled.clone(),
        _ => session.layer()?,
    };
    if pooled == Some(&layer) {
        return Ok((layer, None));
    }
    let whose = pooled.map_or("the layer that is pooled", Layer::name);
    let (found, expected) = (channels(&layer)?, head.weights.width());
    if found != expected {
        return Err(Error::NotSupported(format!(
            "CAM's weights belong to the {expected} channels of {whose}, and layer {} has {found}; leave the layer out, \
             or take grad-cam, which explains any layer",
            layer.name()
        )));
    }
    let note =
        format!("the weights belong to {whose}, not to {}, whose channels they are laid over", layer.name());
    Ok((layer, Some(note)))
}
