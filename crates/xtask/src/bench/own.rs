//! camtui's own engine in this process: what the program runs for Grad-CAM, without its start.

use std::cell::Cell;
use std::path::Path;

use anyhow::{Context, Result};
use camtui_core::grad::Rule;
use camtui_core::heatmap::normalise::normalise;
use camtui_core::heatmap::{Heatmap, Interpolation, upsample};
use camtui_core::model::{Cache, IMAGE, ModelSource, Needs, Network, Schedule, Session, open};
use camtui_core::picture::{Photo, prepare};
use camtui_core::{Recipe, Tensor};

use super::turns::timed;

/// A network ready to run and the input it is run on.
pub struct Own {
    network: Network,
    input: Tensor,
    layer: String,
    class: Cell<usize>,
}

impl Own {
    /// Loads the model and the picture. `layer` is what is explained.
    pub fn open(model: &Path, image: &Path, layer: &str, threads: usize) -> Result<Self> {
        let opened = open(&ModelSource::File(model.to_owned()), &Cache::disabled())
            .with_context(|| format!("cannot open {}", model.display()))?;
        let network = opened.into_network(Schedule::OnePicture, threads);
        let recipe = network.metadata().recipe.clone().unwrap_or_else(Recipe::imagenet);
        let input = prepare(&Photo::read(image)?, &recipe)?;
        Ok(Self { network, input, layer: layer.to_owned(), class: Cell::new(0) })
    }

    fn session(&self, needs: Needs) -> Result<Session<'_>> {
        Ok(Session::new(&self.network, self.input.clone(), needs)?)
    }

    /// Explains the likeliest class at the network's layer, nothing kept from before.
    pub fn grad_cam(&self, calls: usize) -> Result<Vec<f64>> {
        timed(calls, || self.explained().map(drop))
    }

    /// The class scores alone.
    pub fn forward(&self, calls: usize) -> Result<Vec<f64>> {
        timed(calls, || self.session(Needs::default())?.logits().map(drop).map_err(Into::into))
    }

    /// The gradient of the likeliest class down to the picture.
    pub fn image_gradient(&self, calls: usize) -> Result<Vec<f64>> {
        let needs = || Needs { gradients: [IMAGE.to_owned()].into(), ..Needs::default() };
        timed(calls, || {
            let session = self.session(needs())?;
            let seed = one_hot(&*session.scores()?, None);
            session.gradient(IMAGE, &seed, Rule::Plain)?;
            Ok(())
        })
    }

    /// Maps of further classes of a picture of which one class is explained.
    pub fn another_class(&self, calls: usize) -> Result<Vec<f64>> {
        let session = self.explained()?;
        let logits = session.scores()?;
        timed(calls, || {
            self.class.set((self.class.get() + 1) % logits.data().len());
            map(&session, &self.layer, &one_hot(&logits, Some(self.class.get())))
        })
    }

    /// Maps of another layer, each on a picture that is explained at the network's layer.
    pub fn another_layer(&self, layer: &str, calls: usize) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        for _ in 0..calls {
            let session = self.explained()?;
            let seed = one_hot(&*session.scores()?, None);
            times.extend(timed(1, || map(&session, layer, &seed))?);
        }
        Ok(times)
    }

    fn explained(&self) -> Result<Session<'_>> {
        let layer = || [self.layer.clone()].into();
        let session = self.session(Needs { activations: layer(), gradients: layer() })?;
        map(&session, &self.layer, &one_hot(&*session.scores()?, None))?;
        Ok(session)
    }
}

/// The seed of a class, or of the likeliest.
fn one_hot(logits: &Tensor, class: Option<usize>) -> Vec<f32> {
    let scores = logits.data();
    let likeliest =
        || scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(class, _)| class);
    let mut seed = vec![0.0; scores.len()];
    seed[class.unwrap_or_else(likeliest)] = 1.0;
    seed
}

/// Grad-CAM (Selvaraju et al. 2017) at the input's size, 0…1: channels weighted by their mean gradient, ReLU.
fn map(session: &Session<'_>, layer: &str, seed: &[f32]) -> Result<()> {
    let (activation, gradient) = (session.activation(layer)?, session.gradient(layer, seed, Rule::Plain)?);
    let [_, _, height, width] = *activation.shape() else { anyhow::bail!("{layer} has no spatial extent") };
    let area = height * width;
    let mut sum = vec![0.0; area];
    for (channel, slope) in activation.data().chunks_exact(area).zip(gradient.data().chunks_exact(area)) {
        let weight = slope.iter().sum::<f32>() / area as f32;
        sum.iter_mut().zip(channel).for_each(|(sum, value)| *sum += weight * value);
    }
    let map = Heatmap::new(height, width, sum)?.rectified();
    let [.., height, width] = *session.input().shape() else { anyhow::bail!("the input is no picture") };
    let map = normalise(upsample(&map, height, width, Interpolation::Bilinear), false);
    // Used, so that none of it is left out.
    let normalised = map.values().iter().all(|value| (0.0..=1.0).contains(value));
    anyhow::ensure!(normalised, "the map is not normalised");
    Ok(())
}
