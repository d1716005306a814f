//! Everything that is decided before the first picture: models, explainers, names of files, threads, the terminal.
//!
//! Mistakes on the command line end the run here, before anything has been written.

use std::path::PathBuf;

use anyhow::anyhow;
use camtui_core::heatmap::{Colormap, Style};
use camtui_core::model::Schedule;
use camtui_core::recipe::Resize;

use super::naming::{Destination, Several};
use super::tell;
use crate::cli::{ExplainArgs, InterpolationArg, ResizeArg};
use crate::exit::Failure;
use crate::inputs::{self, Input};
use crate::pipeline::target::{self, TargetSpec};
use crate::pipeline::{Explaining, explainers, models};
use crate::store::Places;

/// What a run needs to know.
pub struct Setup {
    /// The pictures.
    pub inputs: Vec<Input>,
    /// How many of the paths led to nothing (told already).
    pub input_errors: usize,
    /// The question.
    pub explaining: Explaining,
    /// Threads that take whole pictures.
    pub workers: usize,
    /// Where PNGs go.
    pub png: Option<Destination>,
    /// Where maps go.
    pub npy: Option<Destination>,
    /// What file names have to tell apart.
    pub several: Several,
    /// How maps are coloured.
    pub style: Style,
    /// Whether pictures are drawn in the terminal.
    pub on_screen: bool,
}

impl Setup {
    /// Decides; tells notices on standard error.
    pub fn new(args: &ExplainArgs, places: &Places) -> Result<Self, Failure> {
        let usage = |text: String| Failure::Usage(anyhow!(text));
        let style = style(args)?;
        let targets = target::parse(&args.target).map_err(|e| usage(e.to_string()))?;
        if args.paths.is_empty() {
            return Err(usage("name pictures or folders to render: camtui --render photo.jpg".into()));
        }
        let (inputs, errors) = inputs::collect(&args.paths);
        errors.iter().for_each(|error| tell(&error.to_string()));
        if inputs.is_empty() {
            return Err(Failure::Some);
        }

        let mut notices = Vec::new();
        let registry = explainers::registry(&args.plugin, places, &mut notices)?;
        let chosen = explainers::choose(&registry, &args.explainer, &args.params, &args.plugin)?;
        let sources = models::sources(&args.model, places, &mut notices)?;
        let several = Several {
            models: sources.len() > 1,
            targets: targets.len() > 1 || targets.iter().any(|t| matches!(t, TargetSpec::All(k) if *k > 1)),
            explainers: chosen.len() > 1,
        };
        let destination = |path: &Option<PathBuf>, extension| {
            path.as_ref()
                .map(|p| Destination::new(p, extension, &inputs, several).map_err(|e| usage(e.to_string())))
                .transpose()
        };
        let (png, npy) = (destination(&args.output, "png")?, destination(&args.save_map, "npy")?);

        let threads = args.threads.map_or_else(cores, usize::from);
        let schedule = if inputs.len() > 1 && threads > 1 { Schedule::ManyPictures } else { Schedule::OnePicture };
        let workers = if schedule == Schedule::ManyPictures { threads.min(inputs.len()) } else { 1 };
        let cache = models::cache(places, &mut notices);
        let loaded = models::load(&sources, &cache, schedule, threads, &mut notices)?;
        notices.iter().for_each(|notice| tell(notice));

        let explaining = Explaining {
            models: loaded,
            explainers: chosen,
            layers: args.layer.clone(),
            targets,
            signed: args.signed,
            interpolation: interpolation(args.interpolation),
            resize: args.resize.map(resize),
            random_seed: args.seed,
        };
        explaining.check_layers().map_err(usage)?;
        Ok(Self {
            on_screen: !args.json && png.is_none() && npy.is_none(),
            input_errors: errors.len(),
            inputs,
            explaining,
            workers,
            png,
            npy,
            several,
            style,
        })
    }
}

/// Colour map and opacity as the flags say.
pub fn style(args: &ExplainArgs) -> Result<Style, Failure> {
    let colormap = match &args.colormap {
        Some(name) => Colormap::parse(name).ok_or_else(|| {
            let known = Colormap::NAMES.map(|(name, _)| name).join(", ");
            Failure::Usage(anyhow!("there is no colour map called {name}; known ones: {known}"))
        })?,
        None => Style::default_for(args.signed).colormap,
    };
    Ok(Style { alpha: args.alpha, colormap })
}

/// The cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `--interpolation` in the core's words.
pub fn interpolation(arg: InterpolationArg) -> camtui_core::heatmap::Interpolation {
    use camtui_core::heatmap::Interpolation;
    match arg {
        InterpolationArg::Bilinear => Interpolation::Bilinear,
        InterpolationArg::Nearest => Interpolation::Nearest,
        InterpolationArg::Bicubic => Interpolation::Bicubic,
    }
}

/// `--resize` in the core's words.
pub fn resize(arg: ResizeArg) -> Resize {
    match arg {
        ResizeArg::Squash => Resize::Squash,
        ResizeArg::CenterCrop => Resize::CenterCrop,
    }
}
