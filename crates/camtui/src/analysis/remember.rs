//! A session is left so that `--resume` takes it up again, and taken up so: what the command line says goes first, and what no
//! longer fits (a file that is gone, a model that was removed) is left out.

use std::path::{Path, PathBuf};

use camtui_core::heatmap::{Colormap, Interpolation};
use camtui_term::sanitise;

use super::answer::PipelineAnalyst;
use crate::cli::{ExplainArgs, SmoothArg};
use crate::inputs::Input;
use crate::interactive::analyst::{Class, Target};
use crate::interactive::look::Mode;
use crate::interactive::resume::{Look, Panes, Remembered};
use crate::interactive::state::State;
use crate::pipeline::models;
use crate::store::Places;

/// The target that the command line has when none is given.
const DEFAULT_TARGET: &str = "top1";

/// The command line with what the last session left, where it says nothing itself.
pub fn taken_up(args: &ExplainArgs, left: &Remembered, places: &Places) -> ExplainArgs {
    let mut args = args.clone();
    if args.paths.is_empty() {
        args.paths = left.paths.iter().map(PathBuf::from).filter(|path| path.exists()).collect();
    }
    if args.model.is_empty() {
        args.model = left.models.iter().filter(|name| models::find(name, places).is_ok()).cloned().collect();
    }
    if args.explainer.is_empty() && args.plugin.is_empty() {
        args.explainer = left.explainer.iter().cloned().collect();
        if args.params.is_empty() {
            args.params = left.params.iter().map(|(key, value)| format!("{key}={value}")).collect();
        }
    }
    if args.layer.is_empty() {
        args.layer.clone_from(&left.layers);
    }
    if let (DEFAULT_TARGET, Some(target)) = (args.target.as_str(), &left.target) {
        args.target.clone_from(target);
    }
    if args.smooth.is_empty() {
        let known = left.smooth.as_deref().and_then(SmoothArg::list);
        args.smooth = known.unwrap_or_default();
    }
    let view = &mut args.settings.view;
    let Look { alpha, colormap, interpolation, signed, mode, threshold, contours } = &left.look;
    (view.alpha, view.signed, view.threshold, view.contours) = (*alpha, *signed, *threshold, *contours);
    view.colormap = colormap.as_deref().and_then(Colormap::parse);
    view.interpolation = Interpolation::parse(interpolation).unwrap_or(view.interpolation);
    view.mode = Mode::parse(mode).unwrap_or(view.mode);
    let Panes { browser, browser_width, side, side_width } = left.panes;
    let panes = &mut args.settings.panes;
    (panes.browser, panes.side) = (browser, side);
    (panes.browser_width, panes.side_width) = (browser_width, side_width);
    args
}

/// What is left of a session: its last state, and what it was started with.
pub fn left(analyst: &PipelineAnalyst, state: &State, args: &ExplainArgs) -> Remembered {
    let path = |input: &Input| match input {
        Input::File { path, .. } | Input::Tensor { path, .. } => Remembered::path(path),
        Input::Stdin(_) => None,
    };
    let inputs: Vec<Option<String>> = analyst.inputs().iter().map(path).collect();
    let of = |id: usize| inputs.get(id).cloned().flatten();
    let question = &state.question;
    let class = |class: Class| match class {
        Class::Rank(rank) => format!("top{}", rank + 1),
        Class::Index(index) => index.to_string(),
    };
    let marked = state.browser.entries.iter().filter(|entry| entry.marked);
    let look = &state.look;
    let mut left = Remembered::default();
    left.paths = analyst.paths().iter().filter_map(|path| Remembered::path(path)).collect();
    left.picture = of(question.picture);
    left.marks = marked.filter_map(|entry| of(entry.picture.id)).collect();
    left.sort = Some(state.browser.sort.name().to_owned());
    left.models = analyst.model_names(question.model);
    left.explainer = analyst.explainer_id(question.explainer);
    left.params = question.params.iter().cloned().collect();
    left.layers.clone_from(&question.layers);
    left.smooth = question.smooth.name().map(str::to_owned);
    left.target = Some(match question.target {
        Target::Asked => args.target.clone(),
        Target::One(one) => class(one),
        Target::Contrast(a, b) => format!("{}~{}", class(a), class(b)),
    });
    left.look = Look {
        alpha: f32::from(look.alpha) / 100.0,
        colormap: look.colormap.map(|colormap| colormap.name().to_owned()),
        interpolation: look.interpolation.name().to_owned(),
        signed: look.signed,
        mode: look.mode.name().to_owned(),
        threshold: look.top.map_or(100, u16::from),
        contours: look.contours,
    };
    left.panes = Panes {
        browser: state.panes.browser != Some(false),
        browser_width: state.panes.browser_cols,
        side: state.panes.side != Some(false),
        side_width: state.panes.side_cols,
    };
    left
}

/// The places of these paths among the inputs.
pub fn places_of(paths: &[String], inputs: &[Input]) -> Vec<usize> {
    let of = |input: &Input| match input {
        Input::File { path, .. } | Input::Tensor { path, .. } => absolute(path),
        Input::Stdin(_) => None,
    };
    let known: Vec<Option<String>> = inputs.iter().map(of).collect();
    paths.iter().filter_map(|path| known.iter().position(|known| known.as_ref() == Some(path))).collect()
}

fn absolute(path: &Path) -> Option<String> {
    Remembered::path(path)
}

/// Why a session was not taken up.
pub fn not_taken_up(why: &str) -> String {
    sanitise(&format!("the last session was not taken up: {why}"))
}
