//! camtui's own engine in this process: what the program runs for `-e grad-cam -l layer4`, without its start.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use camtui_core::grad::Rule;
use camtui_core::heatmap::normalise::normalise;
use camtui_core::heatmap::{Heatmap, Interpolation, upsample};
use camtui_core::model::{Cache, ModelSource, Needs, Network, Schedule, Session, open};
use camtui_core::picture::{Photo, prepare};
use camtui_core::{Recipe, Tensor};

const LAYER: &str = "layer4";

/// A network ready to run and the input it is run on.
pub struct Own {
    network: Network,
    input: Tensor,
}

/// Milliseconds of one map.
pub struct Spent {
    /// From the input tensor to the map at the input's size, 0…1.
    pub whole: f64,
    /// The forward pass in it.
    pub forward: f64,
}

impl Own {
    /// Loads the checkpoint and the picture.
    pub fn open(model: &Path, image: &Path, threads: usize) -> Result<Self> {
        let opened = open(&ModelSource::File(model.to_owned()), &Cache::disabled())
            .with_context(|| format!("cannot open {}", model.display()))?;
        let network = opened.into_network(Schedule::OnePicture, threads);
        let recipe = network.metadata().recipe.clone().unwrap_or_else(Recipe::imagenet);
        let input = prepare(&Photo::read(image)?, &recipe)?;
        Ok(Self { network, input })
    }

    /// One map of the likeliest class; nothing is kept from the one before.
    pub fn explain(&self) -> Result<Spent> {
        let begun = Instant::now();
        let layer = LAYER.to_owned();
        let needs = Needs { activations: [layer.clone()].into(), gradients: [layer].into() };
        let session = Session::new(&self.network, self.input.clone(), needs)?;
        let logits = session.logits()?;
        let best =
            logits.data().iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(class, _)| class);
        let mut seed = vec![0.0; logits.data().len()];
        seed[best] = 1.0;
        let (activation, gradient) =
            (session.activation(LAYER)?, session.gradient(LAYER, &seed, Rule::Plain)?);
        let map = grad_cam(&activation, &gradient)?.rectified();
        let [.., height, width] = *self.input.shape() else { anyhow::bail!("the input is no picture") };
        let map = normalise(upsample(&map, height, width, Interpolation::Bilinear), false);
        let whole = begun.elapsed().as_secs_f64() * 1e3;
        // Used, so that none of it is left out.
        anyhow::ensure!(
            map.values().iter().all(|value| (0.0..=1.0).contains(value)),
            "the map is not normalised"
        );
        Ok(Spent { whole, forward: session.spent().forward.as_secs_f64() * 1e3 })
    }
}

/// Channels weighted by their mean gradient (Selvaraju et al. 2017), before the ReLU; both `[1, C, h, w]`.
fn grad_cam(activation: &Tensor, gradient: &Tensor) -> Result<Heatmap> {
    let [_, _, height, width] = *activation.shape() else { anyhow::bail!("{LAYER} has no spatial extent") };
    let area = height * width;
    let mut map = vec![0.0; area];
    for (channel, slope) in activation.data().chunks_exact(area).zip(gradient.data().chunks_exact(area)) {
        let weight = slope.iter().sum::<f32>() / area as f32;
        map.iter_mut().zip(channel).for_each(|(sum, value)| *sum += weight * value);
    }
    Ok(Heatmap::new(height, width, map)?)
}
