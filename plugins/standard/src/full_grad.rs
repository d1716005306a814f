//! `FullGrad`: what the picture and what every bias adds to the score, laid over each other.
//!
//! Srinivas and Fleuret, "Full-Gradient Representation for Neural Network Visualization", ``NeurIPS`` 2019. Batch norm counts as
//! a layer of its own with the bias that is left after its scaling: folded into the convolution the terms would be others.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Layer, Map, Param, Params, Place, Session, View};

use crate::upsample::{Align, Upsample};

/// `Σ_c |x·∂y/∂x| + Σ_layers Σ_k |b_k·g_k|`, each layer enlarged to the picture.
pub struct FullGrad;

/// Keeps a term that is zero everywhere from being divided by nothing.
const EPSILON: f64 = 1e-7;

impl Explainer for FullGrad {
    fn describe() -> Description {
        Description::new("full-grad", "FullGrad")
            .summary(
                "Σ_c |x·∂y/∂x| + Σ |b·g| over all layers with a bias (convolutions and batch norms), enlarged: the picture's \
                 and every bias's part in the score",
            )
            .reference("Srinivas and Fleuret 2019, https://arxiv.org/abs/1905.00780")
            .needs_biased_gradients()
            .param(Param::choice("scale", "none", ["none", "channel"]).help(
                "none: terms count as large as they are; channel: each channel of each term is spread over 0…1 first, as \
                 pytorch-grad-cam does, so that small ones count as much as large ones",
            ))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let spread = params.choice("scale")? == "channel";
        let (input, gradient) = (session.input()?, session.gradient(Place::Image)?);
        let (height, width) = (input.height(), input.width());
        let of_picture = input.planes().zip(gradient.planes()).map(|(x, g)| -> Vec<f64> {
            x.iter().zip(g).map(|(&x, &g)| (f64::from(x) * f64::from(g)).abs()).collect()
        });
        let mut map = added(of_picture, input.area(), spread);

        let biases = biases(session)?;
        for (n, (layer, bias)) in biases.iter().enumerate() {
            session.progress(n as f32 / biases.len() as f32)?;
            let gradient = session.gradient(layer)?;
            let terms = gradient.planes().zip(bias.data()).map(|(g, &b)| -> Vec<f64> {
                g.iter().map(|&g| (f64::from(b) * f64::from(g)).abs()).collect()
            });
            // Enlarging is linear, so it can wait until the channels are added up.
            let sum = added(terms, gradient.area(), spread);
            let from = [gradient.height(), gradient.width()];
            let sum = Upsample::new(from, [height, width], Align::Edges).enlarge(&sum);
            map.iter_mut().zip(sum).for_each(|(m, s)| *m += s);
            session.partial(|| Some(Map::from_f64(height, width, &map)));
        }
        let map = Map::from_f64(height, width, &map);
        Ok(if biases.is_empty() {
            map.with_note(
                "no layer of this model is known to add a bias, so the map is |input × gradient| alone",
            )
        } else {
            map
        })
    }
}

/// The layers with height and width that add a bias of their own, and what they add.
fn biases<'a>(session: &Session<'a>) -> Result<Vec<(Layer, View<'a>)>, Error> {
    let mut found = vec![];
    for layer in session.layers()?.into_iter().filter(|l| l.has_gradient() && l.shape().len() == 3) {
        match session.layer_bias(&layer) {
            Ok(bias) => found.push((layer, bias)),
            Err(Error::NotSupported(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(found)
}

/// The sum of the terms, each spread over 0…1 first if so wanted.
fn added(terms: impl Iterator<Item = Vec<f64>>, area: usize, spread: bool) -> Vec<f64> {
    let mut sum = vec![0.0; area];
    for term in terms {
        let (least, scale) = if spread {
            let least = term.iter().copied().fold(f64::INFINITY, f64::min);
            let most = term.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (least, 1.0 / (EPSILON + most - least))
        } else {
            (0.0, 1.0)
        };
        sum.iter_mut().zip(term).for_each(|(s, t)| *s += (t - least) * scale);
    }
    sum
}
