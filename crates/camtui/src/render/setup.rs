//! What a headless run decides before the first picture: names of files, threads, whether it draws.
//!
//! Mistakes on the command line end the run here, before anything has been written.

use std::path::PathBuf;

use anyhow::anyhow;
use camtui_core::heatmap::Style;
use camtui_core::model::Schedule;

use super::naming::{Destination, Several};
use super::provenance::Plugin;
use crate::cli::ExplainArgs;
use crate::exit::Failure;
use crate::inputs::Input;
use crate::job::Job;
use crate::pipeline::Explaining;
use crate::pipeline::target::TargetSpec;
use crate::store::Places;

/// What a run needs to know.
pub struct Setup {
    /// The pictures.
    pub inputs: Vec<Input>,
    /// How many of the paths led to nothing (told already).
    pub input_errors: usize,
    /// The question.
    pub explaining: Explaining,
    /// The libraries of its explainers, in the same order; none for those that are part of the program.
    pub plugins: Vec<Option<Plugin>>,
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
    /// Whether what several explainers make of a target becomes one drawing: on the screen and in a file, not in a folder.
    pub strip: bool,
    /// Whether what is there already is left as it is.
    pub resume: bool,
}

impl Setup {
    /// Decides; tells notices on standard error.
    pub fn new(args: &ExplainArgs, places: &Places) -> Result<Self, Failure> {
        if args.paths.is_empty() {
            let text = "name pictures or folders to render: camtui --render photo.jpg";
            return Err(Failure::Usage(anyhow!(text)));
        }
        let job = Job::new(args, &args.paths, places)?;
        let several = Several {
            models: job.sources.len() > 1,
            targets: job.targets.len() > 1 || matches!(job.targets[0], TargetSpec::All(k) if k > 1),
            explainers: job.explainers.len() > 1,
            layers: args.advise,
        };
        let destination = |path: &Option<PathBuf>, extension, several| {
            path.as_ref()
                .map(|p| {
                    Destination::new(p, extension, &job.inputs, several).map_err(|e| Failure::Usage(e.into()))
                })
                .transpose()
        };
        let strip_file = Several { explainers: false, layers: false, ..several };
        let png = destination(&args.output, "png", strip_file)?;
        let npy = destination(&args.save_map, "npy", several)?;

        let threads = job.threads();
        let workers = threads.min(job.inputs.len());
        let schedule =
            if workers < threads && workers == 1 { Schedule::OnePicture } else { Schedule::ManyPictures };
        let (style, input_errors) = (job.style, job.input_errors);
        let (inputs, explaining) = job.load(schedule)?;
        let plugins =
            explaining.explainers.iter().map(|chosen| Plugin::of(&chosen.explainer, None)).collect();
        let on_screen = !args.json && png.is_none() && npy.is_none();
        let strip = (several.explainers || several.layers)
            && (on_screen || png.as_ref().is_some_and(Destination::is_file));
        Ok(Self {
            inputs,
            input_errors,
            explaining,
            plugins,
            workers,
            png,
            npy,
            several,
            style,
            on_screen,
            strip,
            resume: args.resume,
        })
    }
}
