//! What a map is worth: the figures of [`camtui_core::metrics`], beside those of two maps that know less: `random-cam` of the
//! same layers, and a Gaussian in the middle of the picture.
//!
//! All of them take the map as it is drawn, enlarged to the model's input, and score by the softmax probability of the target
//! (of `A~B`: of A). A map costs some ninety passes of the model, and what its explainer takes for one more picture.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use camtui_core::Tensor;
use camtui_core::heatmap::normalise::normalise;
use camtui_core::heatmap::{Heatmap, Ranks, upsample};
use camtui_core::metrics::centred;
use camtui_core::metrics::confidence::{adcc, coherency, complexity, drop, increases, masked};
use camtui_core::metrics::curve::{deletion, insertion};
use camtui_core::metrics::pointing::pointing;
use camtui_core::metrics::road::{NOISE, road};
use camtui_core::metrics::shape::{border_mass, sparsity};
use camtui_core::model::{ModelError, Needs, Network};

use super::explainers::Chosen;
use super::figures::{Figures, Measured, Metric, Wanted};
use super::predictions::probabilities;
use super::target::Target;
use super::{Asked, How, Problem, Tell, explain};

/// Steps in which pixels are taken away or put in.
pub const STEPS: usize = 32;

/// The figures of the two maps that know less, for one target of one picture.
#[derive(Clone, Debug)]
pub struct Baselines {
    random: Option<Figures>,
    centred: Figures,
}

/// The same network with its head drawn by lot, made when it is first asked.
#[derive(Debug, Default)]
pub struct RandomHead(OnceLock<Result<Option<Network>, ModelError>>);

impl RandomHead {
    fn of(&self, network: &Network, seed: u64) -> Result<&Network, Problem> {
        let made = self.0.get_or_init(|| network.with_random_head(seed));
        let none = "sanity draws the weights of the model's last layer by lot, and which that is cannot be told of this model";
        made.as_ref()
            .map_err(|error| Problem::Failed(error.to_string()))?
            .as_ref()
            .ok_or(Problem::Usage(none.into()))
    }
}

/// One picture's target, with what measuring it takes.
#[derive(Clone, Copy)]
pub struct Measuring<'a, 'n> {
    /// The picture in its model.
    pub asked: &'a Asked<'n>,
    /// What the explainers ask of the model.
    pub needs: &'a Needs,
    /// What its maps explain.
    pub target: &'a Target,
    /// How they were made.
    pub how: &'a How<'a>,
    /// `random-cam`.
    pub baseline: &'a Chosen,
    /// Which figures.
    pub wanted: &'a Wanted,
    /// Where the object is, one value a pixel of the input; for `pointing`.
    pub object: Option<&'a [bool]>,
    /// For `sanity`.
    pub random_head: &'a RandomHead,
    /// Whether nobody wants the answer any more.
    pub cancel: &'a AtomicBool,
}

impl Measuring<'_, '_> {
    /// The figures of what knows less: the same for every explainer.
    pub fn baselines(&self) -> Result<Baselines, Problem> {
        let how = self.alone(false);
        let random = match explain(self.asked, self.baseline, self.target, &how, self.cancel, &Tell::NOBODY) {
            Ok(found) => Some(self.of(self.baseline, &found.map, false)?.0),
            Err(Problem::Usage(_)) => None,
            Err(problem) => return Err(problem),
        };
        let [height, width] = self.size();
        let gaussian = centred(height, width);
        // Whatever the model, it stays as it is.
        let centred = self.figures(&gaussian, |_| Ok(gaussian.clone()), || Ok(gaussian.clone()))?;
        Ok(Baselines { random, centred })
    }

    /// The figures of a map of `chosen`'s, which is signed or not, beside those of `baselines`.
    pub fn measure(
        &self,
        chosen: &Chosen,
        (map, signed): (&Heatmap, bool),
        baselines: &Baselines,
    ) -> Result<Measured, Problem> {
        let (map, cost) = self.of(chosen, map, signed)?;
        Ok(Measured { map, random: baselines.random.clone(), centred: baselines.centred.clone(), cost })
    }

    fn of(
        &self,
        chosen: &Chosen,
        map: &Heatmap,
        signed: bool,
    ) -> Result<(Figures, Option<Duration>), Problem> {
        let how = self.alone(signed);
        let mut cost = None;
        let again = |input: Tensor| {
            let asked = Asked::new(self.asked.session().network(), input, self.needs_of(chosen))?;
            let found = explain(&asked, chosen, self.target, &how, self.cancel, &Tell::NOBODY)?;
            cost = Some(found.took);
            Ok(self.as_drawn(&found.map, signed))
        };
        let randomised = || {
            let session = self.asked.session();
            let network = self.random_head.of(session.network(), self.how.random_seed)?;
            let asked = Asked::new(network, session.input().clone(), self.needs_of(chosen))?;
            let found = explain(&asked, chosen, self.target, &how, self.cancel, &Tell::NOBODY)?;
            Ok(self.as_drawn(&found.map, signed))
        };
        let figures = self.figures(&self.as_drawn(map, signed), again, randomised)?;
        Ok((figures, cost))
    }

    /// `again` explains another input, `randomised` the same with the model's head drawn by lot.
    fn figures(
        &self,
        map: &[f32],
        again: impl FnOnce(Tensor) -> Result<Vec<f32>, Problem>,
        randomised: impl FnOnce() -> Result<Vec<f32>, Problem>,
    ) -> Result<Figures, Problem> {
        let session = self.asked.session();
        let input = session.input();
        let class = self.target.class;
        let mut score = |inputs: &Tensor| -> Result<Vec<f64>, Problem> {
            let logits = session.forward(inputs, self.cancel)?;
            let classes = logits.shape()[1];
            Ok(logits.data().chunks_exact(classes).map(|row| probabilities(row)[class]).collect())
        };
        let [height, width] = self.size();
        let has = |metric| self.wanted.has(metric);
        let mut figures = Figures::default();
        if has(Metric::AverageDrop) || has(Metric::Increase) || has(Metric::Adcc) {
            let behind = masked(input, map);
            let (before, after) = (score(input)?[0], score(&behind)?[0]);
            let lost = drop(before, after);
            figures.drop = has(Metric::AverageDrop).then_some(lost);
            figures.increase = has(Metric::Increase).then(|| increases(before, after));
            if has(Metric::Adcc) {
                figures.adcc = Some(adcc(coherency(map, &again(behind)?), complexity(map), lost));
            }
        }
        if has(Metric::Deletion) {
            figures.deletion = Some(deletion(map, input, STEPS, &mut score)?);
        }
        if has(Metric::Insertion) {
            figures.insertion = Some(insertion(map, input, STEPS, &mut score)?);
        }
        if has(Metric::Road) {
            figures.road = Some(road(map, input, NOISE, self.how.random_seed, &mut score)?);
        }
        figures.sparsity = has(Metric::Sparsity).then(|| sparsity(map));
        figures.border_mass = has(Metric::BorderMass).then(|| border_mass(map, height, width));
        figures.pointing = self.object.filter(|_| has(Metric::Pointing)).map(|object| pointing(map, object));
        if has(Metric::Sanity) {
            let other = Ranks::of_values(&randomised()?);
            figures.sanity = Some(f64::from(Ranks::of_values(map).correlation(&other)));
        }
        Ok(figures)
    }

    /// Without what only another explainer asks for: it would be computed each time.
    fn needs_of(&self, chosen: &Chosen) -> Needs {
        let mut needs = self.needs.clone();
        if !chosen.info().needs.biased_gradients {
            let default = self.asked.session().network().metadata().default_layer.as_ref();
            let layers = &self.how.layers;
            needs
                .gradients
                .retain(|layer| layers.contains(layer) || layers.is_empty() && default == Some(layer));
        }
        needs
    }

    /// As the maps were made, with nobody to compare with.
    fn alone(&self, signed: bool) -> How<'_> {
        How { signed, explainers: &[], ..*self.how }
    }

    /// One value a pixel of the input, 0…1. Of a signed map what speaks for the target.
    fn as_drawn(&self, map: &Heatmap, signed: bool) -> Vec<f32> {
        let map = if signed { map.clone().rectified() } else { map.clone() };
        let [height, width] = self.size();
        normalise(upsample(&map, height, width, self.how.interpolation), false).values().to_vec()
    }

    fn size(&self) -> [usize; 2] {
        let shape = self.asked.session().input().shape();
        [shape[2], shape[3]]
    }
}
