//! From a picture and a question to a map: everything that the headless and the interactive mode share.
//!
//! [`Explaining`] holds what stays the same from picture to picture: models, explainers with their parameters, layers,
//! targets. [`Explaining::picture`] decodes one picture and asks every model about every target with every
//! explainer. What is done with the maps (files, terminal) is the caller's.

pub mod advise;
mod backend;
pub mod diagnostics;
pub mod digest;
pub mod explainers;
pub mod figures;
pub mod in_order;
pub mod isolation;
pub mod metrics;
pub mod models;
pub mod object;
mod one;
pub mod picture;
pub mod predictions;
pub mod reloading;
pub mod room;
pub mod sizes;
mod smooth;
pub mod target;

pub use one::{Asked, Found, How, Problem, Tell, explain};
pub use predictions::Prediction;

use std::sync::atomic::AtomicBool;

use camtui_core::Recipe;
use camtui_core::heatmap::Interpolation;
use camtui_core::model::{IMAGE, Needs, Network, Spent, Variant};
use camtui_core::onnx::metadata::Layer;
use camtui_core::recipe::Resize;

use crate::config::mistake;
use crate::smooth::Smooth;
use explainers::Chosen;
use figures::Wanted;
use metrics::{Measuring, RandomHead};
use models::Loaded;
use object::Object;
use picture::Picture;
use sizes::{InputSize, own_size};
use target::{Target, TargetError, TargetSpec};

/// What is asked of every picture.
pub struct Explaining {
    /// At least one.
    pub models: Vec<Loaded>,
    /// At least one.
    pub explainers: Vec<Chosen>,
    /// Layers by name; none means the model's or the explainer's default, several are fused.
    pub layers: Vec<String>,
    /// At least one.
    pub targets: Vec<TargetSpec>,
    /// Maps without their outermost ReLU.
    pub signed: bool,
    /// How maps are enlarged.
    pub interpolation: Interpolation,
    /// In place of the model's own way.
    pub resize: Option<Resize>,
    /// In which size pictures go to the models, where not in the models' own.
    pub input_size: Option<InputSize>,
    /// Seed for every random number.
    pub random_seed: u64,
    /// How maps are smoothed.
    pub smooth: Smooth,
    /// `random-cam`, where maps are to be measured beside it.
    pub baseline: Option<Chosen>,
    /// Which figures, where they are measured.
    pub wanted: Wanted,
    /// Where the object is, for the figure that asks whether a map points at it.
    pub object: Option<Object>,
    /// Whether every explainer is tried on several layers, and all are put in order; takes a baseline.
    pub advise: bool,
}

/// What the explainer of that index made of a target.
pub type One = (usize, Result<Found, Problem>);

/// Which results are not wanted, by model, preprocessing, target and explainer.
pub type LeftOut<'a> = dyn Fn(usize, &Recipe, &Target, usize) -> bool + 'a;

/// One picture's way through one model.
pub struct Answered {
    /// Index into [`Explaining::models`].
    pub model: usize,
    /// All classes, best first; empty when the model could not be run.
    pub predictions: Vec<Prediction>,
    /// The preprocessing used.
    pub recipe: Recipe,
    /// Time in the runtime.
    pub spent: Spent,
    /// For each target one an explainer, with the explainer's index; with advice the best first.
    pub results: Vec<Vec<One>>,
}

impl Explaining {
    /// The preprocessing for `model`.
    pub fn recipe(&self, model: usize) -> Recipe {
        let recipe = self.models[model].network.metadata().recipe.clone().unwrap_or_else(Recipe::imagenet);
        Recipe { resize: self.resize.unwrap_or(recipe.resize), ..recipe }
    }

    /// How `model` was taken for a picture prepared by `recipe`.
    pub fn variant(&self, model: usize, recipe: &Recipe) -> Variant {
        let variant = self.models[model].other_sizes.variant();
        let size = self.input_size.map(|_| (recipe.height, recipe.width));
        Variant { size, ..variant }
    }

    /// What is the same for every target.
    pub fn how(&self) -> How<'_> {
        let (layers, interpolation) = (self.layers.as_slice(), self.interpolation);
        let (explainers, random_seed) = (self.explainers.as_slice(), self.random_seed);
        How { explainers, layers, signed: self.signed, interpolation, random_seed, smooth: self.smooth }
    }

    /// What the explainers will ask of `model`, so that it is compiled once.
    pub fn needs(&self, model: usize) -> Needs {
        let metadata = self.models[model].network.metadata();
        let mut needs = Needs::default();
        for layer in
            self.layers.iter().chain(metadata.default_layer.as_ref().filter(|_| self.layers.is_empty()))
        {
            let Some(known) = metadata.layer(layer) else { continue };
            if self.explainers.iter().any(|e| e.info().needs.activations) {
                needs.activations.insert(layer.clone());
            }
            if known.gradient && self.explainers.iter().any(|e| e.info().needs.gradients) {
                needs.gradients.insert(layer.clone());
            }
        }
        if self.explainers.iter().any(|e| e.info().needs.biased_gradients) {
            needs.gradients.extend(biased(&self.models[model].network));
        }
        needs
    }

    /// Whether every model has the layers and classes that are asked for; the sentence says which one has not.
    pub fn check(&self) -> Result<(), String> {
        for loaded in &self.models {
            let metadata = loaded.network.metadata();
            for layer in &self.layers {
                if metadata.layer(layer).is_none() {
                    return Err(no_such_layer(loaded, layer));
                }
            }
            // Which class is likeliest is not known yet, but which classes there are is.
            let any_order: Vec<usize> = (0..metadata.classes).collect();
            match target::resolve(&self.targets, &any_order, &metadata.labels) {
                Ok(_) | Err(TargetError::SameSides(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }

    /// Asks every model about `picture`. `cancel` ends it early; what is not done then is missing.
    pub fn picture(&self, picture: &Picture, cancel: &AtomicBool) -> Vec<Answered> {
        self.picture_but(picture, cancel, &|_, _, _, _| false)
    }

    /// The same without the results that `left_out` names by model, preprocessing, target and explainer. Not for advice.
    pub fn picture_but(
        &self,
        picture: &Picture,
        cancel: &AtomicBool,
        left_out: &LeftOut<'_>,
    ) -> Vec<Answered> {
        (0..self.models.len()).map(|model| self.ask(model, picture, cancel, left_out)).collect()
    }

    fn ask(&self, model: usize, picture: &Picture, cancel: &AtomicBool, left_out: &LeftOut<'_>) -> Answered {
        let mut recipe = self.recipe(model);
        let loaded = &self.models[model];
        let other =
            picture.size().filter(|_| self.input_size == Some(InputSize::Picture)).map(|(width, height)| {
                let (height, width) = own_size(width, height);
                recipe = recipe.clone().sized(height, width);
                loaded.other_sizes.of((height, width))
            });
        let failed = |problem: Problem| Answered {
            model,
            predictions: Vec::new(),
            recipe: recipe.clone(),
            spent: Spent::default(),
            results: vec![vec![(0, Err(problem))]],
        };
        let network = match &other {
            Some(Ok(network)) => network.as_ref(),
            Some(Err(error)) => return failed(Problem::Failed(error.clone())),
            None => &loaded.network,
        };
        let input = match picture.input(&recipe) {
            Ok(input) => input,
            Err(error) => return failed(Problem::Failed(error)),
        };
        let asked = match Asked::new(network, input, self.needs(model)) {
            Ok(asked) => asked.of(picture),
            Err(problem) => return failed(problem),
        };
        let ranked: Vec<usize> = asked.predictions().iter().map(|p| p.index).collect();
        let targets = match target::resolve(&self.targets, &ranked, &network.metadata().labels) {
            Ok(targets) => targets,
            Err(error) => {
                let mut answered = failed(Problem::Usage(error.to_string()));
                answered.predictions = asked.into_predictions();
                return answered;
            }
        };
        let shape = asked.session().input().shape();
        let sides = [shape[2], shape[3]];
        let object = match self.object.as_ref().map(|object| object.seen(picture, &recipe, sides)).transpose()
        {
            Ok(object) => object,
            Err(error) => return failed(Problem::Usage(error)),
        };
        let (needs, random_head) = (self.needs(model), RandomHead::default());
        let mut results = Vec::new();
        for target in &targets {
            let about = About {
                asked: &asked,
                needs: &needs,
                target,
                object: object.as_deref(),
                random_head: &random_head,
            };
            results.push(if self.advise {
                let advised = self.advised(&about, cancel);
                advised.unwrap_or_else(|problem| vec![(0, Err(problem))])
            } else {
                let left_out = |nth| left_out(model, &recipe, target, nth);
                self.all(&about, cancel, &left_out)
            });
        }
        let spent = asked.spent();
        Answered { model, spent, predictions: asked.into_predictions(), recipe, results }
    }

    /// Every explainer about one target, measured where that is asked for.
    fn all(&self, about: &About<'_, '_>, cancel: &AtomicBool, left_out: &dyn Fn(usize) -> bool) -> Vec<One> {
        let how = self.how();
        let About { asked, target, .. } = *about;
        let measuring = self.baseline.as_ref().map(|baseline| self.measuring(about, &how, baseline, cancel));
        let mut baselines = None;
        let mut results = Vec::new();
        for (at, explainer) in self.explainers.iter().enumerate().filter(|(at, _)| !left_out(*at)) {
            let found = explain(asked, explainer, target, &how, cancel, &Tell::NOBODY);
            let measured = found.and_then(|found| {
                let Some(measuring) = &measuring else { return Ok(found) };
                let baselines = match &mut baselines {
                    Some(known) => &*known,
                    none => &*none.insert(measuring.baselines()?),
                };
                let metrics = Some(measuring.measure(explainer, (&found.map, found.signed), baselines)?);
                Ok(Found { metrics, ..found })
            });
            results.push((at, measured));
        }
        results
    }
}

/// One target of one picture, with what is the same for all explainers.
#[derive(Clone, Copy)]
struct About<'a, 'n> {
    asked: &'a Asked<'n>,
    needs: &'a Needs,
    target: &'a Target,
    object: Option<&'a [bool]>,
    random_head: &'a RandomHead,
}

impl Explaining {
    fn measuring<'a, 'n>(
        &'a self,
        about: &About<'a, 'n>,
        how: &'a How<'a>,
        baseline: &'a Chosen,
        cancel: &'a AtomicBool,
    ) -> Measuring<'a, 'n> {
        let About { asked, needs, target, object, random_head } = *about;
        Measuring { asked, needs, target, how, baseline, wanted: &self.wanted, object, random_head, cancel }
    }
}

/// The image and all layers that add a bias, where gradients reach them: what explainers that need these need in one pass.
pub fn biased(network: &Network) -> impl Iterator<Item = String> + '_ {
    let layers = network.metadata().layers.iter();
    // A model that cannot be read says so where it is asked.
    let adds = |layer: &&Layer| {
        layer.gradient && layer.shape.len() == 3 && network.bias(&layer.name).is_ok_and(|bias| bias.is_some())
    };
    layers.filter(adds).map(|layer| layer.name.clone()).chain([IMAGE.to_owned()])
}

/// Which layers may have been meant: those with the fewest letters to change, three at most.
fn no_such_layer(loaded: &Loaded, layer: &str) -> String {
    let (model, metadata) = (&loaded.name, loaded.network.metadata());
    let names = metadata.layers.iter().map(|l| l.name.as_str());
    let near = mistake::several_near(layer, names);
    let near = match near.as_slice() {
        [] => match &metadata.default_layer {
            Some(default) => format!("`{default}` is what is explained by default"),
            None => "none is called like it".to_owned(),
        },
        [one] => format!("did you mean `{one}`?"),
        [others @ .., last] => format!("did you mean `{}` or `{last}`?", others.join("`, `")),
    };
    let count = metadata.layers.len();
    let opened = loaded.file.as_ref().map_or_else(|| model.clone(), |file| file.display().to_string());
    format!("{model} has no layer `{layer}`; {near} (`camtui model info {opened}` lists all {count})")
}
