//! What a map is worth: the figures of [`camtui_core::metrics`], beside those of two maps that know less: `random-cam` of the
//! same layers, and a Gaussian in the middle of the picture.
//!
//! All of them take the map as it is drawn, enlarged to the model's input, and score by the softmax probability of the target
//! (of `A~B`: of A). A map costs some ninety passes of the model, and what its explainer takes for one more picture.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use camtui_core::Tensor;
use camtui_core::heatmap::normalise::normalise;
use camtui_core::heatmap::{Heatmap, upsample};
use camtui_core::metrics::centred;
use camtui_core::metrics::confidence::{adcc, coherency, complexity, drop, increases, masked};
use camtui_core::metrics::curve::{Curve, deletion, insertion};
use camtui_core::metrics::road::{NOISE, road};
use camtui_core::metrics::shape::{border_mass, sparsity};
use camtui_core::model::Needs;

use super::explainers::Chosen;
use super::predictions::probabilities;
use super::target::Target;
use super::{Asked, How, Problem, Tell, explain};

/// Steps in which pixels are taken away or put in.
pub const STEPS: usize = 32;

/// The figures of one map.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// The probability while the most important pixels go; a smaller area is better.
    pub deletion: Curve,
    /// The probability while the most important pixels come; a larger area is better.
    pub insertion: Curve,
    /// ROAD, −0.5…0.5, higher is better.
    pub road: f64,
    /// The share of the probability that is lost behind the map, 0…1, lower is better.
    pub drop: f64,
    /// Whether the probability is higher behind the map.
    pub increase: bool,
    /// Harmonic mean of coherency, simplicity and what is kept of the probability, 0…1, higher is better.
    pub adcc: f64,
    /// Gini coefficient of the map, 0…1.
    pub sparsity: f64,
    /// Share of the map in the outer tenth of the picture, 0…1.
    pub border_mass: f64,
}

/// A figure: its name, which way is better, and where it stands.
pub type Row = (&'static str, &'static str, fn(&Figures) -> f64);

/// All figures that are told, in their order.
pub const ROWS: [Row; 8] = [
    ("deletion", "lower", |f| f.deletion.area()),
    ("insertion", "higher", |f| f.insertion.area()),
    ("road", "higher", |f| f.road),
    ("average-drop", "lower", |f| f.drop),
    ("increase", "higher", |f| f64::from(u8::from(f.increase))),
    ("adcc", "higher", |f| f.adcc),
    ("sparsity", "", |f| f.sparsity),
    ("border-mass", "", |f| f.border_mass),
];

impl Figures {
    /// Deletion, insertion, ROAD and drop, turned so that less is better.
    pub fn faithfulness(&self) -> [f64; 4] {
        [self.deletion.area(), -self.insertion.area(), -self.road, self.drop]
    }

    /// In how many of the four figures of faithfulness (deletion, insertion, ROAD, drop) this is better than `other`.
    pub fn wins(&self, other: &Self) -> usize {
        self.faithfulness().iter().zip(other.faithfulness()).filter(|(own, other)| **own < *other).count()
    }
}

/// A map's figures beside those of the maps that know less.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The map's own.
    pub map: Figures,
    /// Those of `random-cam`; none where the model has no layer for it.
    pub random: Option<Figures>,
    /// Those of the Gaussian in the middle.
    pub centred: Figures,
    /// What the explainer takes for a map of another picture, once all is ready.
    pub cost: Duration,
}

impl Measured {
    /// What the figures say, in a sentence.
    pub fn sentence(&self) -> String {
        let of_centred = self.map.wins(&self.centred);
        match self.random.as_ref().map(|random| self.map.wins(random)) {
            Some(of_random) if of_random < 3 => format!(
                "this map does not beat weights drawn by lot (better in {of_random} of 4): do not believe it"
            ),
            _ if of_centred < 3 => format!(
                "this map does not beat a Gaussian in the middle of the picture (better in {of_centred} of 4): it may show little \
                 more than where things usually are"
            ),
            Some(of_random) => format!(
                "better than weights drawn by lot in {of_random} of 4 figures of faithfulness, than a Gaussian in the middle in \
                 {of_centred}"
            ),
            None => {
                format!("better than a Gaussian in the middle in {of_centred} of 4 figures of faithfulness")
            }
        }
    }
}

/// The figures of the two maps that know less, for one target of one picture.
#[derive(Clone, Debug)]
pub struct Baselines {
    random: Option<Figures>,
    centred: Figures,
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
        let centred = self.figures(&gaussian, |_| Ok(gaussian.clone()))?;
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

    fn of(&self, chosen: &Chosen, map: &Heatmap, signed: bool) -> Result<(Figures, Duration), Problem> {
        let how = self.alone(signed);
        let mut cost = Duration::ZERO;
        let again = |input: Tensor| {
            let asked = Asked::new(self.asked.session().network(), input, self.needs.clone())?;
            let found = explain(&asked, chosen, self.target, &how, self.cancel, &Tell::NOBODY)?;
            cost = found.took;
            Ok(self.as_drawn(&found.map, signed))
        };
        let figures = self.figures(&self.as_drawn(map, signed), again)?;
        Ok((figures, cost))
    }

    /// `again` explains another input.
    fn figures(
        &self,
        map: &[f32],
        again: impl FnOnce(Tensor) -> Result<Vec<f32>, Problem>,
    ) -> Result<Figures, Problem> {
        let session = self.asked.session();
        let input = session.input();
        let class = self.target.class;
        let mut score = |inputs: &Tensor| -> Result<Vec<f64>, Problem> {
            let logits = session.forward(inputs, self.cancel)?;
            let classes = logits.shape()[1];
            Ok(logits.data().chunks_exact(classes).map(|row| probabilities(row)[class]).collect())
        };
        let behind = masked(input, map);
        let (before, after) = (score(input)?[0], score(&behind)?[0]);
        let lost = drop(before, after);
        let [height, width] = self.size();
        Ok(Figures {
            deletion: deletion(map, input, STEPS, &mut score)?,
            insertion: insertion(map, input, STEPS, &mut score)?,
            road: road(map, input, NOISE, self.how.random_seed, &mut score)?,
            drop: lost,
            increase: increases(before, after),
            adcc: adcc(coherency(map, &again(behind)?), complexity(map), lost),
            sparsity: sparsity(map),
            border_mass: border_mass(map, height, width),
        })
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
