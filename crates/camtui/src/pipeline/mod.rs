//! From a picture and a question to a map: everything that the headless and the interactive mode share.
//!
//! [`Explaining`] holds what stays the same from picture to picture: models, explainers with their parameters, layers,
//! targets. [`Explaining::picture`] decodes one picture and asks every model about every target with every
//! explainer. What is done with the maps (files, terminal) is the caller's.

mod backend;
pub mod diagnostics;
pub mod digest;
pub mod explainers;
pub mod in_order;
pub mod isolation;
pub mod models;
mod one;
pub mod picture;
pub mod predictions;
pub mod reloading;
pub mod target;

pub use one::{Asked, Found, How, Problem, explain};
pub use predictions::Prediction;

use std::sync::atomic::AtomicBool;

use camtui_core::Recipe;
use camtui_core::heatmap::Interpolation;
use camtui_core::model::{Needs, Spent};
use camtui_core::recipe::Resize;

use explainers::Chosen;
use models::Loaded;
use picture::Picture;
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
    /// Seed for every random number.
    pub random_seed: u64,
}

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
    /// One a target and explainer, in that order.
    pub results: Vec<Result<Found, Problem>>,
}

impl Explaining {
    /// The preprocessing for `model`.
    pub fn recipe(&self, model: usize) -> Recipe {
        let recipe = self.models[model].network.metadata().recipe.clone().unwrap_or_else(Recipe::imagenet);
        Recipe { resize: self.resize.unwrap_or(recipe.resize), ..recipe }
    }

    /// What is the same for every target.
    pub fn how(&self) -> How<'_> {
        let (layers, interpolation) = (self.layers.as_slice(), self.interpolation);
        let (explainers, random_seed) = (self.explainers.as_slice(), self.random_seed);
        How { explainers, layers, signed: self.signed, interpolation, random_seed }
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
        needs
    }

    /// Whether every model has the layers and classes that are asked for; the sentence says which one has not.
    pub fn check(&self) -> Result<(), String> {
        for loaded in &self.models {
            let metadata = loaded.network.metadata();
            for layer in &self.layers {
                if metadata.layer(layer).is_none() {
                    let known: Vec<&str> = metadata.layers.iter().map(|l| l.name.as_str()).collect();
                    return Err(format!(
                        "{} has no layer `{layer}`; it has {}",
                        loaded.name,
                        known.join(", ")
                    ));
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
        (0..self.models.len()).map(|model| self.ask(model, picture, cancel)).collect()
    }

    fn ask(&self, model: usize, picture: &Picture, cancel: &AtomicBool) -> Answered {
        let recipe = self.recipe(model);
        let network = &self.models[model].network;
        let failed = |problem: Problem| Answered {
            model,
            predictions: Vec::new(),
            recipe: recipe.clone(),
            spent: Spent::default(),
            results: vec![Err(problem)],
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
        let mut results = Vec::new();
        for target in &targets {
            for explainer in &self.explainers {
                results.push(self.one(&asked, explainer, target, cancel));
            }
        }
        let spent = asked.spent();
        Answered { model, spent, predictions: asked.into_predictions(), recipe, results }
    }

    fn one(
        &self,
        asked: &Asked<'_>,
        explainer: &Chosen,
        target: &Target,
        cancel: &AtomicBool,
    ) -> Result<Found, Problem> {
        explain(asked, explainer, target, &self.how(), cancel, &|_| {})
    }
}
