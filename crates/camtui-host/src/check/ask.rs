//! One question to an explainer about a small network, with an eye on what it asks in turn.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::network::Network;
use crate::{
    Answer, Array, Backend, BackendError, Batch, ExplainError, Explainer, Layer, LinearHead, Needs, Output,
    Params, Partials, Place, Request, Rule, run,
};

/// What is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Class(usize),
    /// Why the first and not the second.
    Contrast(usize, usize),
}

impl Target {
    fn seed(self, classes: usize) -> Vec<f32> {
        let mut seed = vec![0.0; classes];
        match self {
            Self::Class(class) => seed[class] = 1.0,
            Self::Contrast(this, that) => (seed[this], seed[that]) = (1.0, -1.0),
        }
        seed
    }
}

/// A question.
#[derive(Clone, Debug)]
pub(super) struct Question<'a> {
    pub network: &'a Network,
    pub layer: Option<&'static str>,
    pub target: Target,
    pub params: Params,
    pub random_seed: u64,
    /// Whether all is wanted that an explainer can give beside its map, and every partial map.
    pub all: bool,
}

impl<'a> Question<'a> {
    /// With default parameters, about the first class, at the network's own layer.
    pub fn about(explainer: &Explainer, network: &'a Network) -> Self {
        let params = Params::defaults(explainer.info());
        Self { network, layer: None, target: Target::Class(0), params, random_seed: 42, all: false }
    }

    /// Asks it, without a limit.
    pub fn ask(&self, explainer: &Explainer) -> Result<Output, ExplainError> {
        self.ask_through(explainer, &Watched::new(self.network))
    }

    /// Asks it with someone looking on.
    pub fn ask_through(&self, explainer: &Explainer, watched: &Watched<'_>) -> Result<Output, ExplainError> {
        let seed = self.target.seed(self.network.classes);
        let request = Request {
            layer: self.layer,
            target: match self.target {
                Target::Class(class) => Some(class),
                Target::Contrast(..) => None,
            },
            seed: &seed,
            params: &self.params,
            random_seed: self.random_seed,
            cancel: &watched.cancel,
            progress: &|_| {},
            terms: self.all && explainer.info().gives_terms,
            partial: self.all.then_some(Partials { every: Duration::ZERO, show: &|_| {} }),
            log: &|_, _| {},
        };
        run(explainer, watched, &request)
    }

    /// Asks it and cancels it after `limit`; the second value says how long it went on after that.
    pub fn ask_within(
        &self,
        explainer: &Explainer,
        watched: &Watched<'_>,
        limit: Duration,
    ) -> (Result<Output, ExplainError>, Option<Duration>) {
        thread::scope(|scope| {
            let (ended, wait) = mpsc::channel::<()>();
            scope.spawn(move || {
                if wait.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                    watched.stop();
                }
            });
            let outcome = self.ask_through(explainer, watched);
            let after = watched.stopped_for();
            drop(ended);
            (outcome, after)
        })
    }
}

impl std::fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "model `{}`", self.network.name)?;
        if let Some(layer) = self.layer {
            write!(f, ", layer {layer}")?;
        }
        match self.target {
            Target::Class(class) => write!(f, ", class {class}"),
            Target::Contrast(this, that) => write!(f, ", class {this} and not {that}"),
        }
    }
}

/// What stands in the way of an answer.
#[derive(Clone, Copy, Default)]
pub(super) struct Obstacle<'a> {
    /// How long each answer takes.
    pub pause: Duration,
    /// Cancels when this many calls have come.
    pub stop_at: Option<usize>,
    /// Answers nothing, because it is broken.
    pub broken: bool,
    /// Waits in each call for someone else to come as far.
    pub meeting: Option<&'a Meeting>,
}

/// A network that is looked at while it is asked.
pub(super) struct Watched<'a> {
    network: &'a Network,
    obstacle: Obstacle<'a>,
    /// Raised to end the call.
    cancel: AtomicBool,
    stopped: Mutex<Option<Instant>>,
    asked: Mutex<Needs>,
    calls: AtomicUsize,
}

impl<'a> Watched<'a> {
    pub fn new(network: &'a Network) -> Self {
        Self::behind(network, Obstacle::default())
    }

    pub fn behind(network: &'a Network, obstacle: Obstacle<'a>) -> Self {
        Self {
            network,
            obstacle,
            cancel: AtomicBool::new(false),
            stopped: Mutex::default(),
            asked: Mutex::default(),
            calls: AtomicUsize::new(0),
        }
    }

    /// What kinds of answers were asked for.
    pub fn asked(&self) -> Needs {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels, once.
    pub fn stop(&self) {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// The time since then.
    pub fn stopped_for(&self) -> Option<Duration> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    fn note(&self, need: impl FnOnce(&mut Needs)) {
        need(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn called<T>(&self, answer: impl FnOnce() -> Answer<T>) -> Answer<T> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(meeting) = self.obstacle.meeting {
            meeting.come();
        }
        if self.obstacle.stop_at.is_some_and(|at| number >= at) {
            self.stop();
        }
        let until = Instant::now() + self.obstacle.pause;
        while Instant::now() < until {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(BackendError::Cancelled);
            }
            thread::sleep(Duration::from_millis(2));
        }
        if self.cancel.load(Ordering::Relaxed) {
            return Err(BackendError::Cancelled);
        }
        if self.obstacle.broken {
            return Err(BackendError::Failed("this small model is broken on purpose".into()));
        }
        answer()
    }
}

impl Backend for Watched<'_> {
    fn classes(&self) -> usize {
        self.network.classes()
    }

    fn layers(&self) -> Vec<Layer> {
        self.network.layers()
    }

    fn default_layer(&self) -> Option<String> {
        self.network.default_layer()
    }

    fn input(&self) -> Answer<Array> {
        self.called(|| self.network.input())
    }

    fn logits(&self) -> Answer<Array> {
        self.called(|| self.network.logits())
    }

    fn activation(&self, layer: &str) -> Answer<Array> {
        self.note(|asked| asked.activations = true);
        self.called(|| self.network.activation(layer))
    }

    fn gradient(&self, place: Place<'_>, seed: &[f32], rule: Rule) -> Answer<Array> {
        self.note(|asked| asked.gradients = true);
        self.called(|| self.network.gradient(place, seed, rule))
    }

    fn forward(&self, inputs: Batch<'_>) -> Answer<Array> {
        self.note(|asked| asked.forward = true);
        self.called(|| self.network.forward(inputs))
    }

    fn forward_from(&self, layer: &str, activations: Batch<'_>) -> Answer<Array> {
        self.note(|asked| asked.forward = true);
        self.called(|| self.network.forward_from(layer, activations))
    }

    fn gradient_at(
        &self,
        inputs: Batch<'_>,
        place: Place<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        self.note(|asked| asked.gradients = true);
        self.called(|| self.network.gradient_at(inputs, place, seeds, rule))
    }

    fn gradient_from(
        &self,
        layer: &str,
        activations: Batch<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        self.note(|asked| asked.gradients = true);
        self.called(|| self.network.gradient_from(layer, activations, seeds, rule))
    }

    fn layer_bias(&self, layer: &str) -> Answer<Array> {
        self.called(|| self.network.layer_bias(layer))
    }

    fn linear_head(&self) -> Answer<LinearHead> {
        self.called(|| self.network.linear_head())
    }

    fn pixel_range(&self) -> Answer<Vec<(f32, f32)>> {
        self.called(|| self.network.pixel_range())
    }
}

/// Where two calls wait for each other, so that they are surely on the way at the same time. Whoever is alone
/// goes on after a moment.
#[derive(Default)]
pub(super) struct Meeting {
    state: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Meeting {
    /// One more is on the way.
    pub fn enter(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
    }

    /// One has ended.
    pub fn leave(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 -= 1;
        self.changed.notify_all();
    }

    fn come(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 += 1;
        let (mine, until) = (state.1, Instant::now() + Duration::from_millis(5));
        self.changed.notify_all();
        // The next to come lets this one go.
        while state.0 > 1 && state.1 == mine && Instant::now() < until {
            state = self
                .changed
                .wait_timeout(state, Duration::from_millis(5))
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }
}

/// Whether two outputs are the same to the last bit.
pub(super) fn same(a: &Output, b: &Output) -> bool {
    let bits = |output: &Output| {
        let grids = output.channels.iter().map(|c| &c.grid).chain([&output.map]);
        let bits = grids.flat_map(|g| {
            [g.height as u32, g.width as u32].into_iter().chain(g.values.iter().map(|v| v.to_bits()))
        });
        bits.collect::<Vec<u32>>()
    };
    bits(a) == bits(b) && a.notes == b.notes && a.layer == b.layer
}
