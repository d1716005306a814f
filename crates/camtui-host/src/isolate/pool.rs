//! The children of one library: kept warm between calls, replaced when they misbehaved.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Isolation;
use super::confine::Confined;
use super::messages::{Order, Report};
use super::printed::Lines;
use super::process::{Patient, Process, Stop};
use super::wire::{self, WireError};
use crate::load::show;
use crate::serve::level_of;
use crate::{ExplainerInfo, LoadError, Origin, clean, describe};

/// How often one who waits for a child looks whether it is still wanted.
const TICK: Duration = Duration::from_millis(15);

/// Children of one library.
pub(super) struct Pool {
    pub isolation: Arc<Isolation>,
    path: PathBuf,
    /// As every child must describe them.
    infos: Vec<ExplainerInfo>,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Process>,
    /// Children that are at work or being started.
    busy: usize,
}

/// Why there is no child.
#[derive(Debug)]
pub(super) enum StartError {
    /// The system could not start one.
    System(io::Error),
    /// The library cannot be used; a whole sentence.
    Refused(String),
    /// It ended before it was ready; a clause.
    Ended(String),
    /// Nobody waits for it.
    Cancelled,
}

impl Pool {
    /// Starts the first child and has it describe the library's explainers.
    pub fn open(path: PathBuf, isolation: Arc<Isolation>) -> Result<(Arc<Self>, Confined), LoadError> {
        let started = start(&isolation, &path, &AtomicBool::new(false));
        let (process, infos, confined) = started.map_err(|error| match error {
            StartError::System(error) => {
                LoadError::NotStarted { path: show(&path), reason: error.to_string() }
            }
            StartError::Refused(sentence) => LoadError::Refused(sentence),
            StartError::Ended(what) => LoadError::Ended { path: show(&path), what },
            StartError::Cancelled => LoadError::Ended { path: show(&path), what: "cancelled".into() },
        })?;
        let state = Mutex::new(State { idle: vec![process], busy: 0 });
        let pool = Self { isolation, path, infos, state, freed: Condvar::new() };
        Ok((Arc::new(pool), confined))
    }

    /// All explainers.
    pub fn infos(&self) -> &[ExplainerInfo] {
        &self.infos
    }

    /// The explainer at `index`.
    pub fn info(&self, index: u32) -> &ExplainerInfo {
        &self.infos[index as usize]
    }

    /// What a sentence calls the plugin: "`energy` (/path/libenergy.so)".
    pub fn plugin(&self) -> String {
        format!("`{}` ({})", self.name(), show(&self.path))
    }

    /// Its short name, as its explainers are qualified with.
    pub fn name(&self) -> String {
        Origin::File(self.path.clone()).name()
    }

    /// An idle child, or a new one, or, where there are as many as there may be, the next that is free.
    pub fn take(&self, cancel: &AtomicBool) -> Result<Lease<'_>, StartError> {
        let mut state = self.state();
        loop {
            if let Some(mut process) = state.idle.pop() {
                // It may have died of something it left running.
                if !process.lives() {
                    continue;
                }
                state.busy += 1;
                return Ok(Lease { pool: self, process: Some(process) });
            }
            if state.busy < self.isolation.children.max(1) {
                state.busy += 1;
                break;
            }
            if cancel.load(Ordering::Relaxed) {
                return Err(StartError::Cancelled);
            }
            state = self.freed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        // From here on the lease gives the place back, whatever happens.
        let mut lease = Lease { pool: self, process: None };
        let (process, infos, _) = start(&self.isolation, &self.path, cancel)?;
        if infos != self.infos {
            let text = "its file is no longer the one that was described; start camtui anew";
            return Err(StartError::Ended(text.into()));
        }
        lease.process = Some(process);
        Ok(lease)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child that works for one caller. Dropped, it is ended; see [`keep`](Self::keep).
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    process: Option<Process>,
}

impl Lease<'_> {
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("a lease is given out with its child")
    }

    /// Keeps the child for the next caller: it did as it should.
    pub fn keep(mut self) {
        if let Some(process) = self.process.take() {
            self.pool.state().idle.push(process);
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // Ending takes a moment, which others need not wait for.
        drop(self.process.take());
        self.pool.state().busy -= 1;
        self.pool.freed.notify_one();
    }
}

/// A child that has loaded the library, what it says of its explainers, checked, and what was shut for it.
fn start(
    isolation: &Isolation,
    library: &Path,
    cancel: &AtomicBool,
) -> Result<(Process, Vec<ExplainerInfo>, Confined), StartError> {
    let mut process = Process::start(isolation, library).map_err(StartError::System)?;
    let mut patient = Patient::new(&mut process, cancel, isolation.silence);
    let order = Order::Start { memory: isolation.memory, confine: isolation.confine };
    let greeted = greet(&mut patient, &order);
    let stopped = patient.stopped;
    let broke = |what: &str| StartError::Ended(format!("it broke the protocol: {what}"));
    let (infos, confined) = match greeted {
        Ok(ready) => ready?,
        Err(WireError::Broken(what)) => return Err(broke(&what)),
        Err(WireError::Gone) => {
            return Err(match stopped {
                Some(Stop::Cancelled) => StartError::Cancelled,
                Some(Stop::Silent) => StartError::Ended(silent(isolation)),
                None => StartError::Ended(process.cause()),
            });
        }
    };
    describe::check(&infos).map_err(|error| broke(&error.to_string()))?;
    log_printed(&mut process, &Origin::File(library.to_owned()).name());
    process.settle();
    Ok((process, infos, confined))
}

fn greet(
    patient: &mut Patient<'_>,
    order: &Order,
) -> Result<Result<(Vec<ExplainerInfo>, Confined), StartError>, WireError> {
    wire::send(patient, order, &[])?;
    loop {
        match wire::receive(patient)? {
            (Report::Ready { explainers, confined }, _) => {
                return Ok(Ok((explainers, Confined::from_bits(confined))));
            }
            (Report::Refused(text), _) => return Ok(Err(StartError::Refused(clean(&text, 10_000)))),
            (Report::Log { level, line }, _) => {
                crate::library::log_line(level_of(level), &clean(&line, 2_000));
            }
            _ => return Err(WireError::Broken("it spoke before it was asked".into())),
        }
    }
}

/// What is said of a child that was silent for too long.
pub(super) fn silent(isolation: &Isolation) -> String {
    let seconds = isolation.silence.as_secs_f64();
    format!("it gave no sign of life for {seconds} s and was stopped (`plugin_timeout` allows more)")
}

/// Hands what a child has printed to the log.
pub(super) fn log_printed(process: &mut Process, name: &str) -> (Lines, Lines) {
    let (out, err) = (process.out.take(), process.err.take());
    for line in &out.first {
        crate::library::log_line(crate::Level::Info, &format!("{name} printed: {line}"));
    }
    for line in &err.first {
        crate::library::log_line(crate::Level::Warning, &format!("{name} printed: {line}"));
    }
    (out, err)
}
