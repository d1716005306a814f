//! One call of an isolated explainer, seen from this side.

use std::sync::Arc;
use std::time::Instant;

use super::answer::answer;
use super::messages::{self, Done, Order, Report};
use super::pool::{Pool, StartError, log_printed, silent};
use super::printed::Lines;
use super::process::{Patient, Process, Stop};
use super::wire::{self, Values, WireError};
use crate::collect::{Collector, partial_of};
use crate::library::{Ran, Runner, Unfinished};
use crate::serve::{Served, level_of};
use crate::{Level, Params, clean};

/// How long a process takes to die of a crash that has begun.
const DYING: std::time::Duration = std::time::Duration::from_millis(30);
/// Most lines that a call may log.
const LOG_LIMIT: usize = 1_000;

/// Runs an explainer in a child of its library's pool.
pub(super) struct Isolated {
    pool: Arc<Pool>,
    index: u32,
}

impl Isolated {
    pub fn new(pool: Arc<Pool>, index: u32) -> Self {
        Self { pool, index }
    }

    fn ended(&self, what: String) -> Unfinished {
        Unfinished::Ended { plugin: self.pool.plugin(), what }
    }

    fn request(&self, served: &Served<'_>, params: &Params) -> messages::Request {
        let request = served.request();
        messages::Request {
            explainer: self.index,
            classes: served.backend().classes() as u32,
            layers: served.layers().to_vec(),
            chosen: served.chosen().map(|index| index as u32),
            named: request.layer.is_some(),
            target: request.target.map(|class| class as u64),
            random_seed: request.random_seed,
            terms: request.terms,
            partial_every: request.partial.map(|partial| partial.every.as_millis() as u64),
            params: params.iter().map(|(_, value)| value.clone()).collect(),
        }
    }

    /// What an explainer did that it must not, as clauses.
    fn breaches(process: &mut Process, out: &Lines, err: &Lines) -> Vec<String> {
        let printed = |lines: &Lines, which: &str| {
            let first = lines.first.first()?;
            let more = if lines.count > 1 { format!(", … {} lines", lines.count) } else { String::new() };
            Some(format!("wrote on standard {which} (“{}”{more})", clean(first, 120)))
        };
        let closed =
            |lines: &Lines, which: &str| lines.closed.then(|| format!("closed its standard {which}"));
        let mut clauses: Vec<String> =
            [printed(out, "output"), printed(err, "error"), closed(out, "output"), closed(err, "error")]
                .into_iter()
                .flatten()
                .collect();
        let broken = process.habits.as_ref().map(|habits| habits.broken_by(process.id())).unwrap_or_default();
        if !broken.is_empty() {
            // The first that is seen of a crash may be that its signal is no longer caught.
            std::thread::sleep(DYING);
        }
        if process.lives() {
            clauses.extend(broken);
        } else {
            // By what it had left running.
            clauses.push(format!("ended after it had given its map: {}", process.cause()));
        }
        clauses
    }
}

impl Runner for Isolated {
    fn explain(
        &self,
        served: &Served<'_>,
        params: &Params,
        collector: &Collector,
    ) -> Result<Ran, Unfinished> {
        let isolation = &self.pool.isolation;
        let (request, name) = (served.request(), self.pool.name());
        let mut lease = self.pool.take(request.cancel).map_err(|error| match error {
            StartError::Cancelled => Unfinished::Cancelled,
            StartError::System(error) => self.ended(format!("no process could be started: {error}")),
            StartError::Refused(what) | StartError::Ended(what) => self.ended(what),
        })?;
        let process = lease.process();
        // What was printed since the last call is nobody's.
        log_printed(process, &name);
        let mut patient = Patient::new(process, request.cancel, isolation.silence);
        let asked = Order::Explain(self.request(served, params));
        let seed = [request.seed.len()];
        let done = wire::send(&mut patient, &asked, &[(&seed, request.seed)])
            .map_err(WireError::from)
            .and_then(|()| converse(&mut patient, served))
            .and_then(|(done, values)| give(collector, done, values));
        let stopped = patient.stopped;
        let status = match done {
            Ok(status) => status,
            Err(WireError::Broken(what)) => {
                log_printed(process, &name);
                return Err(self.ended(format!("it broke the protocol: {what}")));
            }
            Err(WireError::Gone) => {
                let unfinished = match stopped {
                    Some(Stop::Cancelled) => Unfinished::Cancelled,
                    Some(Stop::Silent) => self.ended(silent(isolation)),
                    None => self.ended(process.cause()),
                };
                log_printed(process, &name);
                return Err(unfinished);
            }
        };
        let (out, err) = log_printed(process, &name);
        let breaches = Self::breaches(process, &out, &err);
        if breaches.is_empty() {
            lease.keep();
            return Ok(Ran { status, complaints: vec![] });
        }
        let id = &self.pool.info(self.index).id;
        let complaint = format!("the plugin `{name}` in `{id}`: {}", breaches.join(", "));
        crate::library::log_line(Level::Warning, &complaint);
        Ok(Ran { status, complaints: vec![complaint] })
    }

    fn is_isolated(&self) -> bool {
        true
    }
}

/// Answers the child's questions until it is done.
fn converse(patient: &mut Patient<'_>, served: &Served<'_>) -> Result<(Done, Vec<Values>), WireError> {
    let request = served.request();
    let mut logged = 0;
    loop {
        let (report, values) = wire::receive(patient)?;
        patient.look()?;
        match report {
            Report::Done(done) => return Ok((done, values)),
            Report::Question(question) => {
                let (answer, arrays) = answer(served, &question, &values).map_err(WireError::Broken)?;
                let tensors: Vec<wire::View<'_>> =
                    arrays.iter().map(|array| (array.shape(), array.data())).collect();
                wire::send(patient, &Order::Answer(answer), &tensors)?;
            }
            Report::Progress(done) => {
                (request.progress)(if done.is_nan() { 0.0 } else { done.clamp(0.0, 1.0) });
            }
            Report::Partial => {
                let grid = values.into_iter().next().and_then(|grid| match grid.shape[..] {
                    [height, width] => partial_of(side(height), side(width), grid.data).ok(),
                    _ => None,
                });
                // The child has checked it; what is none comes from something else than an explainer.
                let broken = || WireError::Broken("it showed a map that is none".into());
                served.show(grid.ok_or_else(broken)?);
            }
            Report::Log { level, line } if logged < LOG_LIMIT => {
                logged += 1;
                (request.log)(level_of(level), &clean(&line, 2_000));
            }
            Report::Log { .. } => {}
            Report::Ready { .. } | Report::Refused(_) => {
                return Err(WireError::Broken("it spoke out of turn".into()));
            }
        }
        // What the answer took is not the child's silence.
        patient.heard = Instant::now();
    }
}

fn side(extent: usize) -> u32 {
    u32::try_from(extent).unwrap_or(u32::MAX)
}

/// Puts what the child gave through the checks that everything goes through.
fn give(collector: &Collector, done: Done, values: Vec<Values>) -> Result<u32, WireError> {
    let broken = || WireError::Broken("it gave maps that are none".into());
    let mut values = values;
    let terms = if done.has_terms { values.pop() } else { None };
    let expected = usize::from(done.has_map) + done.channels.len();
    if values.len() != expected || values.iter().any(|values| values.shape.len() != 2) {
        return Err(broken());
    }
    match terms {
        None if done.has_terms => return Err(broken()),
        None => {}
        Some(Values { shape, data }) => {
            let [count, height, width] = shape[..] else { return Err(broken()) };
            collector.give_terms(side(count), side(height), side(width), data);
        }
    }
    let mut grids = values.into_iter().map(|grid| (side(grid.shape[0]), side(grid.shape[1]), grid.data));
    if done.has_map {
        let (height, width, values) = grids.next().ok_or_else(broken)?;
        collector.give_map(height, width, values);
    }
    for (name, (height, width, values)) in done.channels.iter().zip(grids) {
        collector.give_channel(name, height, width, values);
    }
    for note in &done.notes {
        collector.give_note(note);
    }
    if let Some(index) = done.layer {
        collector.give_layer(index);
    }
    if let Some(error) = &done.error {
        collector.give_error(error);
    }
    if let Some(refused) = done.refused {
        collector.give_refused(refused);
    }
    Ok(done.status)
}
