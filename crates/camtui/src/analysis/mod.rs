//! The interactive session's questions, answered by the same pipeline as `--render`.
//!
//! [`run`] makes the session ready and runs it; [`answer`] answers, [`measure`] measures, [`kept`] holds what the next question will need
//! again,
//! [`catalogue`] tells what there is to choose from, [`save`] writes what is seen, [`reload`] takes
//! rebuilt libraries in.

mod answer;
mod catalogue;
mod kept;
mod measure;
mod reload;
mod remember;
mod save;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use camtui_core::picture::Photo;
use camtui_host::Params;
use camtui_term::{Capabilities, DetectOptions, detect};

use crate::cli::ExplainArgs;
use crate::exit::Failure;
use crate::inputs;
use crate::interactive::analyst::{Analyst, Question, Target};
use crate::interactive::browser::Sort;
use crate::interactive::layout::Panes;
use crate::interactive::look::Look;
use crate::interactive::resume::Remembered;
use crate::interactive::state::Start;
use crate::interactive::{self, Ending, Settings};
use crate::job::Job;
use crate::log::{self, Level};
use crate::pipeline::explainers::Chosen;
use crate::pipeline::isolation::Runs;
use crate::pipeline::reloading::Reloading;
use crate::store::Places;

use answer::PipelineAnalyst;

/// Refuses flags of the headless mode, and what is no terminal.
fn can_be_interactive(args: &ExplainArgs) -> Result<(), Failure> {
    if args.json || args.advise || args.output.is_some() || args.save_map.is_some() {
        return Err(Failure::Usage(anyhow!(
            "--json, --advise, --output and --save-map go with --render; in a session A gives advice and f saves"
        )));
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::Usage(anyhow!(
            "this is no terminal to be interactive in; camtui --render works without one"
        )));
    }
    Ok(())
}

/// `camtui [PATH…]`.
pub fn run(args: &ExplainArgs, places: &Places) -> Result<(), Failure> {
    can_be_interactive(args)?;
    let place = Remembered::place(places);
    let mut notices = Vec::new();
    let runs = Runs::new(args.in_process, &args.settings);
    let reloading = Arc::new(Reloading::new(runs, places, &mut notices));
    let (args, left) = taken_up(args, place.as_deref(), places, &mut notices);
    let args = &args;
    let paths = paths_of(args);
    let mut job = Job::loading(args, &paths, places, &|path, asked| reloading.load(path, asked))?;
    notices.append(&mut job.notices);
    let forced = args.protocol();
    let config = &args.settings;
    let capabilities = detect(&DetectOptions::from_process(forced));
    notices.extend(capabilities.report.notices.iter().cloned());

    let place_of = |chosen: &Chosen| {
        let mut known = job.registry.explainers();
        let at = known.position(|(_, known)| Arc::ptr_eq(known, &chosen.explainer));
        at.ok_or_else(|| Failure::Failed(anyhow!("the explainer is not in the registry")))
    };
    let chosen = &job.explainers[0];
    let explainer = place_of(chosen)?;
    // What the configuration prefers is one of many; what the command line names is to be seen.
    let mut compared_explainers = Vec::new();
    for chosen in job.explainers.iter().filter(|_| args.explainer.len() > 1) {
        let at = place_of(chosen)?;
        if !compared_explainers.iter().any(|(known, _)| *known == at) {
            compared_explainers.push((at, changed(chosen)));
        }
    }
    let question = Question {
        picture: 0,
        model: 0,
        target: Target::Asked,
        explainer,
        params: changed(chosen),
        layers: args.layer.clone(),
        smooth: args.smoothed(),
    };
    let look = Look {
        alpha: (job.style.alpha * 100.0).round() as u8,
        colormap: args.colormap.as_ref().map(|_| job.style.colormap).or(config.view.colormap),
        interpolation: args.interpolation(),
        signed: args.signed(),
        mode: config.view.mode,
        top: u8::try_from(config.view.threshold).ok().filter(|share| *share < 100),
        contours: config.view.contours,
        ..Look::default()
    };
    let compared_models = job.sources.len();
    let watched = config.watch.then(|| inputs::folders(&paths));
    let remembered = |paths: &[String]| remember::places_of(paths, &job.inputs);
    let picture = left.as_ref().and_then(|left| remembered(left.picture.as_slice()).first().copied());
    let marked = left.as_ref().map_or_else(Vec::new, |left| remembered(&left.marks));
    let sort = left.as_ref().and_then(|left| left.sort.as_deref()).and_then(Sort::parse);
    let pipeline = Arc::new(PipelineAnalyst::new(job, args, places, &paths, &reloading));
    let analyst: Arc<dyn Analyst> = Arc::<PipelineAnalyst>::clone(&pipeline);
    let start = Start {
        catalogue: analyst.catalogue(),
        pictures: analyst.pictures(),
        question: Question { picture: picture.unwrap_or(0), ..question },
        marked,
        look,
        panes: Panes {
            browser: hidden(config.panes.browser),
            browser_cols: config.panes.browser_width,
            side: hidden(config.panes.side),
            side_cols: config.panes.side_width,
        },
        sort: sort.unwrap_or_default(),
        keymap: config.keys.clone(),
        thumbnails: config.thumbnails && thumbnails_suit(&capabilities),
        compared_models,
        compared_explainers,
        measuring: args.metrics.is_some(),
        save_to: String::new(),
        notices,
    };
    let settings = Settings {
        ask_again: Box::new(move || detect(&DetectOptions::from_process(forced))),
        theme: {
            let config = config.clone();
            Box::new(move |terminal| config.theme_for(terminal))
        },
        mouse: config.mouse,
        watched,
        libraries: reloading.watched(),
        capabilities,
    };
    let (ending, state) =
        interactive::run(&analyst, start, settings).context("the interactive session cannot go on")?;
    let written = place.map(|place| remember::left(&pipeline, &state, args).write(&place));
    if let Some(Err(why)) = written {
        log::note(Level::Warning, &why);
    }
    pipeline.keep_prepared();
    // The workers' threads still hold it, and would for ever.
    reloading.end();
    match ending {
        Ending::Quit => Ok(()),
        Ending::Interrupted => Err(Failure::Interrupted),
        Ending::Signal(number) => Err(Failure::Signal(number)),
    }
}

/// The command line, with what the last session left where that is wanted, there, and still fits.
fn taken_up(
    args: &ExplainArgs,
    place: Option<&Path>,
    places: &Places,
    notices: &mut Vec<String>,
) -> (ExplainArgs, Option<Remembered>) {
    if !args.resume() {
        return (args.clone(), None);
    }
    let Some(left) = place.and_then(Remembered::read) else {
        notices.push("there is no earlier session to take up".to_owned());
        return (args.clone(), None);
    };
    let whole = remember::taken_up(args, &left, places);
    match Job::new(&whole, &paths_of(&whole), places) {
        Ok(_) => (whole, Some(left)),
        Err(why) => {
            notices.push(remember::not_taken_up(&why.to_string()));
            (args.clone(), None)
        }
    }
}

/// What the session is over: the paths of the command line, or the current folder.
fn paths_of(args: &ExplainArgs) -> Vec<PathBuf> {
    if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() }
}

/// A pane that is wanted is there where there is room.
fn hidden(wanted: bool) -> Option<bool> {
    (!wanted).then_some(false)
}

/// The parameters that are not at their defaults, as they are written.
fn changed(chosen: &Chosen) -> Vec<(String, String)> {
    let defaults = Params::defaults(chosen.info());
    let differs = |key: &str, value| defaults.get(key) != Some(value);
    let set = chosen.params.iter().filter(|(key, value)| differs(key, value));
    set.map(|(key, value)| (key.to_owned(), value.to_string())).collect()
}

/// Small pictures are worth their room where they come in pixels that the terminal moves by itself, or in true colour.
fn thumbnails_suit(capabilities: &Capabilities) -> bool {
    use camtui_term::{Colours, Protocol};
    match capabilities.protocol {
        Protocol::Kitty => true,
        Protocol::Blocks => capabilities.colours == Colours::True,
        Protocol::Iterm | Protocol::Sixel | Protocol::None => false,
    }
}

/// A picture at no more than `side` pixels a side, its shape kept.
fn small(photo: &Photo, side: u32) -> image::RgbaImage {
    use camtui_core::picture::resize::{Part, resize_part};

    let longest = photo.width().max(photo.height());
    let scale = (f64::from(side) / f64::from(longest)).min(1.0);
    let at_least_one = |pixels: u32| ((f64::from(pixels) * scale).round() as u32).max(1);
    let (width, height) = (at_least_one(photo.width()), at_least_one(photo.height()));
    let whole =
        Part { left: 0.0, top: 0.0, width: f64::from(photo.width()), height: f64::from(photo.height()) };
    let pixels = resize_part(photo, whole, width, height);
    let rgba = pixels.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
    image::RgbaImage::from_raw(width, height, rgba).unwrap_or_default()
}
