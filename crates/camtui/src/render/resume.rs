//! `--render --resume`: what an earlier run has left behind, so that only the rest is done.
//!
//! Files are written whole or not at all, so what is there is whole, however that run ended. A PNG says what it answers: one
//! that answers another question (other colours, another parameter, a picture that has changed since) is made again. A
//! map says nothing of itself and counts as it is.

use std::path::Path;

use anyhow::anyhow;
use camtui_core::Recipe;
use camtui_core::file::{read_provenance, remove_leftovers};
use serde_json::Value;

use super::name_parts;
use super::naming::Destination;
use super::record::Question;
use super::setup::Setup;
use crate::cli::ExplainArgs;
use crate::exit::Failure;
use crate::inputs::Input;
use crate::pipeline::digest::sha256_of;
use crate::pipeline::sizes::InputSize;
use crate::pipeline::target::{self, Target};

/// Says why there can be nothing to resume.
pub fn check(args: &ExplainArgs, setup: &Setup) -> Result<(), Failure> {
    let usage = |text: &str| Err(Failure::Usage(anyhow!("{text}")));
    let files = [&setup.png, &setup.npy].into_iter().flatten();
    match () {
        () if !args.resume => Ok(()),
        () if args.advise => usage("--advise ranks all maps of a picture and cannot go on with some of them"),
        () if files.clone().next().is_none() => usage(
            "--resume looks for what is done in the folder that --output or --save-map names; with --render it needs one of them",
        ),
        () if files.clone().any(Destination::is_file) => {
            usage("--resume goes on with a folder of results; --output or --save-map names a single file")
        }
        () => Ok(()),
    }
}

impl Setup {
    /// How many results of this picture there are, where none is missing and that can be told without asking a model.
    pub fn all_there(&self, index: usize) -> Option<usize> {
        let explaining = &self.explaining;
        let Input::File { path, .. } = &self.inputs[index] else { return None };
        if !self.resume || explaining.input_size == Some(InputSize::Picture) {
            return None;
        }
        let image_sha256 = sha256_of(path).ok()?;
        let mut there = 0;
        for (model, loaded) in explaining.models.iter().enumerate() {
            let metadata = loaded.network.metadata();
            let targets = if explaining.targets.iter().any(target::TargetSpec::is_by_rank) {
                if self.several.targets {
                    return None;
                }
                vec![None]
            } else {
                let any_order: Vec<usize> = (0..metadata.classes).collect();
                let found = target::resolve(&explaining.targets, &any_order, &metadata.labels).ok()?;
                found.into_iter().map(Some).collect()
            };
            let recipe = explaining.recipe(model);
            for target in &targets {
                for nth in 0..explaining.explainers.len() {
                    let question = self.question(Some(image_sha256.clone()), false, model, &recipe, nth);
                    if !self.is_there(index, &question, target.as_ref()) {
                        return None;
                    }
                    there += 1;
                }
            }
        }
        Some(there)
    }

    /// Whether the result is there. Without a target: of whichever class it may be.
    pub fn is_there(&self, index: usize, question: &Question<'_>, target: Option<&Target>) -> bool {
        let slug = target.map_or_else(String::new, Target::slug);
        let parts = name_parts(self.several, question.model, &slug, &question.chosen.info().id, "");
        let png = self.png.as_ref().map(|to| to.path(index, &parts));
        let npy = self.npy.as_ref().map(|to| to.path(index, &parts));
        npy.is_none_or(|path| path.is_file())
            && png.is_none_or(|path| {
                let record = record(&path);
                record.is_some_and(|record| {
                    question.is_of(&record)
                        && target.is_none_or(|target| is_about(&record, target))
                        && self.is_of_the_layer(&record, question)
                })
            })
    }

    fn is_of_the_layer(&self, record: &Value, question: &Question<'_>) -> bool {
        let layer = record["layer"].as_str();
        match self.explaining.layers.as_slice() {
            [] => layer.is_none_or(|layer| question.metadata.default_layer.as_deref() == Some(layer)),
            // An explainer of the picture has no layer, whichever is named.
            named => layer.is_none_or(|layer| layer == named.join(",")),
        }
    }

    /// The question to one explainer about one picture.
    pub fn question<'a>(
        &'a self,
        image_sha256: Option<String>,
        is_tensor: bool,
        model: usize,
        recipe: &'a Recipe,
        nth: usize,
    ) -> Question<'a> {
        let explaining = &self.explaining;
        let loaded = &explaining.models[model];
        Question {
            image_sha256,
            model: &loaded.name,
            model_file: loaded.file.as_deref(),
            variant: explaining.variant(model, recipe),
            metadata: loaded.network.metadata(),
            recipe: (!is_tensor).then_some(recipe),
            chosen: &explaining.explainers[nth],
            plugin: self.plugins[nth].as_ref(),
            signed: explaining.signed,
            random_seed: explaining.random_seed,
            convolutions: loaded.network.convolutions(),
            interpolation: explaining.interpolation,
            smooth: explaining.smooth,
            style: Some(self.style),
        }
    }

    /// Clears away what a run that was killed had begun to write.
    pub fn clear(&self) {
        let folders =
            [&self.png, &self.npy].into_iter().flatten().flat_map(|to| to.folders(self.inputs.len()));
        for folder in folders.collect::<std::collections::BTreeSet<_>>() {
            remove_leftovers(&folder);
        }
    }
}

fn record(path: &Path) -> Option<Value> {
    serde_json::from_str(&read_provenance(path)?).ok()
}

fn is_about(record: &Value, target: &Target) -> bool {
    let class = |place: &str| record.pointer(place).and_then(Value::as_u64);
    class("/target/index") == Some(target.class as u64)
        && class("/target/against/index") == target.against.map(|against| against as u64)
}
