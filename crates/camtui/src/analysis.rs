//! The interactive view's questions, answered by the same pipeline as `--render`.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, anyhow};
use camtui_core::heatmap::{Levels, Style};
use camtui_core::model::Schedule;
use camtui_term::{DetectOptions, detect, sanitise};

use crate::cli::ExplainArgs;
use crate::exit::Failure;
use crate::inputs::Input;
use crate::interactive::{self, Analyst, Ending, Prediction, Request, Target as Wanted, View};
use crate::job::{Job, tell};
use crate::pipeline::picture::Picture;
use crate::pipeline::target::{Target, resolve};
use crate::pipeline::{Asked, Explaining, explain};
use crate::render::show::{protocol, rgba};
use crate::store::Places;

/// As many classes as there is any point in stepping through.
const STEPS: usize = 20;

/// `camtui [PATH…]`.
pub fn run(args: &ExplainArgs, places: &Places) -> Result<(), Failure> {
    if args.json || args.output.is_some() || args.save_map.is_some() {
        return Err(Failure::Usage(anyhow!("--json, --output and --save-map go with --render")));
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::Usage(anyhow!(
            "this is no terminal to be interactive in; camtui --render works without one"
        )));
    }
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
    let job = Job::new(args, paths, places)?;
    let style = job.style;
    let (inputs, explaining) = job.load(Schedule::OnePicture)?;
    let capabilities = detect(&DetectOptions::from_process(protocol(args.protocol)));
    for notice in &capabilities.report.notices {
        tell(notice);
    }

    let names: Vec<String> = inputs.iter().map(Input::name).collect();
    // Sessions borrow the networks, and the analyst keeps both; they are needed until the process ends.
    let explaining: &'static Explaining = Box::leak(Box::new(explaining));
    let analyst = PipelineAnalyst { explaining, style, inputs, current: None };
    let ending = interactive::run(Box::new(analyst), &names, &capabilities)
        .context("the interactive view cannot go on")?;
    match ending {
        Ending::Quit => Ok(()),
        Ending::Interrupted => Err(Failure::Interrupted),
        Ending::Signal(number) => Err(Failure::Signal(number)),
    }
}

/// The picture that was asked about last, so that another class costs a backward pass only.
struct Current {
    picture: usize,
    photo: Picture,
    asked: Asked<'static>,
}

struct PipelineAnalyst {
    explaining: &'static Explaining,
    style: Style,
    inputs: Vec<Input>,
    current: Option<Current>,
}

impl PipelineAnalyst {
    fn current(&mut self, picture: usize) -> Result<&Current, String> {
        if self.current.as_ref().is_none_or(|c| c.picture != picture) {
            self.current = None;
            let photo = Picture::open(&self.inputs[picture])?;
            let input = photo.input(&self.explaining.recipe(0))?;
            let network = &self.explaining.models[0].network;
            let asked = Asked::new(network, input, self.explaining.needs(0)).map_err(|p| p.to_string())?;
            self.current = Some(Current { picture, asked: asked.of(&photo), photo });
        }
        self.current.as_ref().ok_or_else(|| "the picture was not kept".into())
    }
}

impl Analyst for PipelineAnalyst {
    fn explain(&mut self, request: &Request, cancelled: &AtomicBool) -> Result<View, String> {
        let (explaining, style) = (self.explaining, self.style);
        let loaded = &explaining.models[0];
        let current = self.current(request.picture)?;
        let ranked = current.asked.predictions();
        let target = match request.target {
            Wanted::Rank(rank) => {
                let class =
                    ranked.get(rank).ok_or_else(|| format!("the model has {} classes", ranked.len()))?;
                Target { class: class.index, against: None }
            }
            Wanted::Asked => {
                let order: Vec<usize> = ranked.iter().map(|p| p.index).collect();
                let labels = &loaded.network.metadata().labels;
                let targets = resolve(&explaining.targets, &order, labels).map_err(|e| e.to_string())?;
                targets.into_iter().next().ok_or("nothing was asked for")?
            }
        };
        let chosen = &explaining.explainers[0];
        let found = explain(&current.asked, chosen, &target, explaining, cancelled, &|_| {})
            .map_err(|problem| problem.to_string())?;
        let (photo, seen) = current.photo.drawn(&explaining.recipe(0))?;
        let interpolation = explaining.interpolation;
        let levels =
            Levels::new(&found.map, photo.width(), photo.height(), seen, interpolation, found.signed);
        let overlay = levels.over(&photo, style).ok_or("the map was made for another picture")?;
        let shown = |p: &crate::pipeline::Prediction| Prediction {
            index: p.index,
            label: sanitise(&p.label),
            probability: p.probability,
        };
        let of_target = ranked.iter().find(|p| p.index == target.class).ok_or("the class is not there")?;
        let mut legend = vec![chosen.info().id.clone()];
        legend.extend(found.layers.iter().cloned());
        legend.push(loaded.name.clone());
        Ok(View {
            overlay: rgba(&overlay),
            predictions: ranked.iter().take(STEPS).map(shown).collect(),
            target: shown(of_target),
            legend: legend.iter().map(|part| sanitise(part)).collect(),
            notes: found.diagnostics.iter().map(|note| sanitise(note)).collect(),
        })
    }
}
