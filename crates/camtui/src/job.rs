//! What the command line asks for, made ready: pictures, explainers, models, targets, colours.
//!
//! The headless and the interactive mode start here. [`Job::new`] checks everything that can be checked without a
//! model; [`Job::load`] opens the models.

use std::path::PathBuf;

use anyhow::anyhow;
use camtui_core::heatmap::{Colormap, Style};
use camtui_core::model::{ModelSource, Schedule, Variant};
use camtui_core::recipe::Resize;
use camtui_host::Registry;
use camtui_term::sanitise;

use crate::cli::{ExplainArgs, ResizeArg};
use crate::exit::Failure;
use crate::inputs::{self, Input};
use crate::pipeline::advise::EXPLAINERS;
use crate::pipeline::explainers::{self, Chosen};
use crate::pipeline::figures::{Metric, Wanted};
use crate::pipeline::isolation::Runs;
use crate::pipeline::sizes::InputSize;
use crate::pipeline::target::{self, TargetSpec};
use crate::pipeline::{Explaining, models};
use crate::store::Places;

/// A job whose models are still to be opened.
pub struct Job<'a> {
    /// The pictures; at least one.
    pub inputs: Vec<Input>,
    /// How many paths led to nothing (told already).
    pub input_errors: usize,
    /// At least one.
    pub explainers: Vec<Chosen>,
    /// All explainers there are.
    pub registry: Registry,
    /// At least one.
    pub sources: Vec<ModelSource>,
    /// At least one.
    pub targets: Vec<TargetSpec>,
    /// Opacity and colours.
    pub style: Style,
    args: &'a ExplainArgs,
    places: &'a Places,
    /// What is to be told.
    pub notices: Vec<String>,
}

impl<'a> Job<'a> {
    /// Collects and checks. `paths` are those of `args`, or what stands for none.
    pub fn new(args: &'a ExplainArgs, paths: &[PathBuf], places: &'a Places) -> Result<Self, Failure> {
        let runs = Runs::new(args.in_process, &args.settings);
        Self::loading(args, paths, places, &|path, variant| runs.load(path, variant))
    }

    /// The same, with libraries loaded by `load`.
    pub fn loading(
        args: &'a ExplainArgs,
        paths: &[PathBuf],
        places: &'a Places,
        load: &explainers::Load<'_>,
    ) -> Result<Self, Failure> {
        let style = style(args)?;
        let targets = target::parse(&args.target).map_err(|e| Failure::Usage(e.into()))?;
        let mut notices = Vec::new();
        let registry = explainers::registry_by(&args.plugin, load, places, &mut notices)?;
        // What the configuration prefers is one of many here.
        let ids = match args.advise {
            true if args.explainer.is_empty() => EXPLAINERS.map(str::to_owned).to_vec(),
            true => args.explainer.clone(),
            false => args.explainers().to_vec(),
        };
        let chosen = explainers::choose(&registry, &ids, &args.params, &args.plugin)?;
        if args.input_size == Some(InputSize::Picture) && !args.render {
            let text = "--input-size picture goes with --render; a session takes one size: --input-size 448";
            return Err(Failure::Usage(anyhow!(text)));
        }
        if args.object().is_none() && args.wanted().is_some_and(|wanted| wanted.has(Metric::Pointing)) {
            let text = "the metric `pointing` needs the object: --box X,Y,WIDTH,HEIGHT in pixels of the picture, or --mask FILE.png";
            return Err(Failure::Usage(anyhow!(text)));
        }
        let size = match args.input_size {
            Some(InputSize::Fixed(height, width)) => Some((height, width)),
            _ => None,
        };
        let variant = Variant { output: args.output_name.clone(), size };
        let sources = models::sources(args.models(), &variant, places, &mut notices)?;
        let (inputs, errors) = inputs::collect(paths);
        for error in &errors {
            tell(&error.to_string());
        }
        if inputs.is_empty() {
            return Err(Failure::Some);
        }
        if args.object().is_some() && inputs.len() > 1 {
            let text = format!(
                "--box and --mask say where the object is in one picture, and there are {}",
                inputs.len()
            );
            return Err(Failure::Usage(anyhow!(text)));
        }
        let input_errors = errors.len();
        Ok(Self {
            inputs,
            input_errors,
            explainers: chosen,
            registry,
            sources,
            targets,
            style,
            args,
            places,
            notices,
        })
    }

    /// Threads to use.
    pub fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.args.threads.map_or_else(cores, usize::from)
    }

    /// Opens the models and tells what there is to tell.
    pub fn load(mut self, schedule: Schedule) -> Result<(Vec<Input>, Explaining), Failure> {
        let threads = self.threads();
        let cache = models::cache(self.places, &mut self.notices);
        let loaded = models::load(
            &self.sources,
            &self.args.layer,
            &cache,
            schedule,
            threads,
            self.args.convolutions(),
            &mut self.notices,
        );
        for notice in &self.notices {
            tell(notice);
        }
        let baseline = if self.args.metrics.is_some() || self.args.advise {
            explainers::choose(&self.registry, &[explainers::BASELINE.into()], &[], &[])?.pop()
        } else {
            None
        };
        // Advice takes all that maps are put in order by.
        let wanted = self.args.wanted().filter(|_| !self.args.advise).unwrap_or_else(Wanted::usual);
        let models = loaded?;
        // By the name that people use, whichever was given.
        let called = |layer: &String| {
            let found = models.iter().find_map(|loaded| loaded.network.metadata().meant(layer));
            found.map_or_else(|| layer.clone(), |found| found.name.clone())
        };
        let layers = self.args.layer.iter().map(called).collect();
        let explaining = Explaining {
            baseline,
            wanted,
            object: self.args.object(),
            advise: self.args.advise,
            smooth: self.args.smoothed(),
            models,
            explainers: self.explainers,
            layers,
            targets: self.targets,
            signed: self.args.signed(),
            interpolation: self.args.interpolation(),
            resize: resize(self.args),
            input_size: self.args.input_size,
            random_seed: self.args.seed,
        };
        explaining.check().map_err(|text| Failure::Usage(anyhow!(text)))?;
        Ok((self.inputs, explaining))
    }
}

/// What the flags say in place of the model's own resizing.
pub fn resize(args: &ExplainArgs) -> Option<Resize> {
    args.resize.map(|how| match how {
        ResizeArg::Squash => Resize::Squash,
        ResizeArg::CenterCrop => Resize::CenterCrop,
    })
}

/// Colour map and opacity as the flags and the configuration say.
fn style(args: &ExplainArgs) -> Result<Style, Failure> {
    let colormap = match &args.colormap {
        Some(name) => Colormap::parse(name).ok_or_else(|| {
            let known = Colormap::NAMES.map(|(name, _)| name).join(", ");
            Failure::Usage(anyhow!("there is no colour map called {name}; known ones: {known}"))
        })?,
        None => args.settings.view.colormap.unwrap_or(Style::default_for(args.signed()).colormap),
    };
    Ok(Style { alpha: args.alpha(), colormap })
}

/// Says something on standard error.
pub fn tell(text: &str) {
    eprintln!("camtui: {}", sanitise(text));
}
