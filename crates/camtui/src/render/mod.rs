//! `camtui --render`: many pictures, no questions. Draws in the terminal, or writes files, or prints JSON.
//!
//! Standard output carries results and nothing else; everything that is told along the way goes to standard error.

pub mod artifact;
mod naming;
pub mod provenance;
pub mod record;
mod resume;
mod setup;
pub mod show;
mod strip;
mod worth;

use std::cell::Cell;
use std::ops::ControlFlow;

use std::time::Instant;

use camtui_core::Recipe;

use crate::cli::ExplainArgs;
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::job::tell;
use crate::pipeline::in_order::in_order;
use crate::pipeline::picture::Picture;
use crate::pipeline::room::{self, Room};
use crate::pipeline::target::Target;
use crate::pipeline::{Answered, Problem};
use crate::store::Places;
use artifact::Artifact;
use record::{Record, Timings};
use setup::Setup;
use show::Show;

/// What came of one picture.
#[derive(Default)]
struct Done {
    results: Vec<Result<Artifact, Problem>>,
    /// How many results were there before.
    there: usize,
}

impl From<Problem> for Done {
    fn from(problem: Problem) -> Self {
        Self { results: vec![Err(problem)], there: 0 }
    }
}

/// Runs the whole command.
pub fn run(args: &ExplainArgs, places: &Places) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let setup = Setup::new(args, places)?;
    resume::check(args, &setup)?;
    if setup.resume {
        setup.clear();
    }
    let mut show = Show::new(args, &setup);
    let mut tally = Tally { failed: setup.input_errors > 0, ..Tally::default() };

    let room = Room::new(room::PIXELS);
    let work = |index: usize| {
        if interrupt.raised() {
            return Problem::Cancelled.into();
        }
        one_picture(&setup, index, &room, &interrupt)
    };
    let panicked = |_: usize, words: String| {
        Problem::Failed(format!("something went wrong inside camtui: {words}")).into()
    };
    let mut there = 0;
    let mut closed = false;
    let mut failure = None;
    in_order(setup.inputs.len(), setup.workers, work, panicked, |index, done: Done| {
        there += done.there;
        for result in done.results {
            match result {
                Ok(artifact) => match show.result(&artifact) {
                    Ok(ControlFlow::Continue(())) => {
                        // Its map counts, but whoever runs this from a script is to know.
                        tally.plugin |= !artifact.complaints.is_empty();
                        show.complaints(&setup.inputs[index].name(), &artifact);
                    }
                    Ok(ControlFlow::Break(())) => {
                        closed = true;
                        return ControlFlow::Break(());
                    }
                    Err(error) => {
                        failure = Some(error);
                        return ControlFlow::Break(());
                    }
                },
                Err(Problem::Cancelled) => {}
                Err(problem) => {
                    tally.count(&problem);
                    show.problem(&setup.inputs[index].name(), &problem);
                }
            }
        }
        show.advance();
        if interrupt.raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    show.finish();
    if there > 0 {
        tell(&match there {
            1 => "1 result was there already".to_owned(),
            several => format!("{several} results were there already"),
        });
    }
    match failure {
        Some(error) => Err(error),
        None if closed => Ok(()),
        None if interrupt.raised() => Err(Failure::Interrupted),
        None => tally.verdict(),
    }
}

/// Counts what went wrong.
#[derive(Default)]
struct Tally {
    failed: bool,
    plugin: bool,
}

impl Tally {
    fn count(&mut self, problem: &Problem) {
        match problem {
            Problem::Plugin(_) => self.plugin = true,
            Problem::Failed(_) | Problem::Usage(_) => self.failed = true,
            Problem::Cancelled => {}
        }
    }

    /// A plugin's failure is told apart even when pictures failed as well: it is the rarer news.
    fn verdict(self) -> Result<(), Failure> {
        match (self.plugin, self.failed) {
            (true, _) => Err(Failure::SomePlugin),
            (false, true) => Err(Failure::Some),
            (false, false) => Ok(()),
        }
    }
}

fn one_picture(setup: &Setup, index: usize, room: &Room, interrupt: &Interrupt) -> Done {
    if let Some(there) = setup.all_there(index) {
        return Done { there, ..Done::default() };
    }
    let input = &setup.inputs[index];
    let _taken = room.take(room::pixels(input));
    let begun = Instant::now();
    let picture = match Picture::open(input) {
        Ok(picture) => picture,
        Err(error) => return Problem::Failed(error).into(),
    };
    let (sha256, is_tensor) = (picture.sha256(), picture.is_tensor());
    let there = Cell::new(0);
    let is_there = |model: usize, recipe: &Recipe, target: &Target, nth: usize| {
        let question = || setup.question(sha256.clone(), is_tensor, model, recipe, nth);
        let is_there = setup.resume && setup.is_there(index, &question(), Some(target));
        there.set(there.get() + usize::from(is_there));
        is_there
    };
    let decode = milliseconds(begun);
    let mut results = Vec::new();
    for answered in setup.explaining.picture_but(&picture, interrupt.flag(), &is_there) {
        let Answered { model, predictions, recipe, spent, results: found } = answered;
        for of_target in found {
            let table = setup.explaining.advise.then(|| worth::advice(&of_target));
            let mut made = Vec::new();
            for (nth, one) in of_target {
                let found = match one {
                    Ok(found) => found,
                    Err(problem) => {
                        made.push(Err(problem));
                        continue;
                    }
                };
                let image = &input.name();
                let question = setup.question(sha256.clone(), is_tensor, model, &recipe, nth);
                let record = Record { image, question, predictions: &predictions, found: &found };
                let timings = Timings {
                    decode,
                    forward: spent.forward.as_secs_f64() * 1e3,
                    backward: spent.backward.as_secs_f64() * 1e3,
                    explain: found.took.as_secs_f64() * 1e3,
                    write: 0.0,
                };
                made.push(
                    setup.artifact(index, &picture, &record, &recipe, timings).map_err(Problem::Failed),
                );
            }
            if let (Some(table), Some(last)) =
                (table, made.iter_mut().rev().find_map(|one| one.as_mut().ok()))
            {
                last.table = table;
            }
            if setup.strip
                && let Err(error) = setup.side_by_side(index, &picture, &recipe, &mut made)
            {
                made.push(Err(Problem::Failed(error)));
            }
            results.extend(made);
        }
    }
    Done { results, there: there.into_inner() }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// The parts of a result's file name that tell it from others of the same picture.
fn name_parts<'a>(
    several: naming::Several,
    model: &'a str,
    target: &'a str,
    explainer: &'a str,
    layer: &'a str,
) -> Vec<&'a str> {
    [
        (several.models, model),
        (several.targets, target),
        (several.explainers, explainer),
        (several.layers && !layer.is_empty(), layer),
    ]
    .into_iter()
    .filter_map(|(wanted, part)| wanted.then_some(part))
    .collect()
}
