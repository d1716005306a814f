//! The child's backend: each call is a question to the program.
//!
//! What was asked once in a call is kept, so an explainer that looks at its activations twice costs one trip.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::messages::{self, Order, Question, Report};
use super::wire::{self, VALUE_LIMIT, Values, View};
use crate::{Answer, Array, Backend, BackendError, Batch, Layer, LinearHead, Place, Rule};

/// Milliseconds between two steps of progress that are worth sending.
const PROGRESS_EVERY: u64 = 10;

/// The child's end of the socket. Several threads of an explainer may use it; a question keeps it until it is
/// answered.
pub(super) struct Line {
    stream: Mutex<UnixStream>,
    begun: Instant,
    /// When progress was last sent, in milliseconds since `begun`.
    progressed: AtomicU64,
}

impl Line {
    pub fn new(stream: UnixStream) -> Self {
        Self { stream: Mutex::new(stream), begun: Instant::now(), progressed: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, UnixStream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next order. Without a program that gives orders this process has no purpose and ends.
    pub fn order(&self) -> (Order, Vec<Values>) {
        wire::receive(&mut *self.lock()).unwrap_or_else(|_| super::child::leave())
    }

    pub fn report(&self, report: &Report, tensors: &[View<'_>]) {
        if wire::send(&mut *self.lock(), report, tensors).is_err() {
            super::child::leave();
        }
    }

    /// Tells how much is done, unless that was told just now.
    pub fn progress(&self, done: f32) {
        let now = self.begun.elapsed().as_millis() as u64;
        let last = self.progressed.load(Ordering::Relaxed);
        if now >= last + PROGRESS_EVERY || done >= 1.0 {
            self.progressed.store(now, Ordering::Relaxed);
            self.report(&Report::Progress(done), &[]);
        }
    }

    fn ask(&self, question: &Question, tensors: &[View<'_>]) -> Answer<(messages::Answer, Vec<Values>)> {
        if tensors.iter().map(|(_, data)| data.len()).sum::<usize>() > VALUE_LIMIT {
            let text = format!("a plugin can send {VALUE_LIMIT} values at once; use smaller batches");
            return Err(BackendError::Failed(text));
        }
        let mut stream = self.lock();
        if wire::send(&mut *stream, &Report::Question(question.clone()), tensors).is_err() {
            super::child::leave();
        }
        let Ok((Order::Answer(answer), values)) = wire::receive(&mut *stream) else { super::child::leave() };
        match answer {
            messages::Answer::NotSupported(why) => Err(BackendError::NotSupported(why)),
            messages::Answer::Failed(why) => Err(BackendError::Failed(why)),
            messages::Answer::Cancelled => Err(BackendError::Cancelled),
            answer => Ok((answer, values)),
        }
    }
}

/// One call's backend.
pub(super) struct Remote<'a> {
    line: &'a Line,
    classes: usize,
    layers: Vec<Layer>,
    kept: Mutex<Vec<Kept>>,
}

/// An answer and what it answered; for a gradient the seed too.
struct Kept {
    question: Question,
    seed: Vec<f32>,
    array: Array,
}

impl<'a> Remote<'a> {
    pub fn new(line: &'a Line, classes: usize, layers: Vec<Layer>) -> Self {
        Self { line, classes, layers, kept: Mutex::default() }
    }

    fn index(&self, layer: &str) -> u32 {
        let at = self.layers.iter().position(|known| known.name == layer);
        at.expect("layers are asked for by names from the list") as u32
    }

    fn place(&self, place: Place<'_>) -> Option<u32> {
        match place {
            Place::Image => None,
            Place::Layer(name) => Some(self.index(name)),
        }
    }

    fn tensor(&self, question: &Question, tensors: &[View<'_>]) -> Answer<Array> {
        let (_, values) = self.line.ask(question, tensors)?;
        let values = values.into_iter().next();
        let values = values.ok_or_else(|| BackendError::Failed("camtui answered without values".into()))?;
        Ok(Array::new(values.shape, values.data))
    }

    /// What was asked before is not asked again.
    fn once(&self, question: Question, seed: &[f32]) -> Answer<Array> {
        let same = |a: &[f32], b: &[f32]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |known: &&Kept| known.question == question && same(&known.seed, seed);
        if let Some(known) = kept().iter().find(known) {
            return Ok(known.array.clone());
        }
        let shape = [1, seed.len()];
        let tensors: &[View<'_>] = if seed.is_empty() { &[] } else { &[(&shape, seed)] };
        let array = self.tensor(&question, tensors)?;
        kept().push(Kept { question, seed: seed.to_vec(), array: array.clone() });
        Ok(array)
    }
}

fn view<'a>(batch: &Batch<'a>) -> View<'a> {
    (batch.shape, batch.data)
}

impl Backend for Remote<'_> {
    fn classes(&self) -> usize {
        self.classes
    }

    fn layers(&self) -> Vec<Layer> {
        self.layers.clone()
    }

    /// The program chooses it.
    fn default_layer(&self) -> Option<String> {
        None
    }

    fn input(&self) -> Answer<Array> {
        self.once(Question::Input, &[])
    }

    fn logits(&self) -> Answer<Array> {
        self.once(Question::Logits, &[])
    }

    fn activation(&self, layer: &str) -> Answer<Array> {
        self.once(Question::Activation(self.index(layer)), &[])
    }

    fn gradient(&self, place: Place<'_>, seed: &[f32], rule: Rule) -> Answer<Array> {
        self.once(Question::Gradient { place: self.place(place), guided: rule == Rule::Guided }, seed)
    }

    fn forward(&self, inputs: Batch<'_>) -> Answer<Array> {
        self.tensor(&Question::Forward, &[view(&inputs)])
    }

    fn forward_from(&self, layer: &str, activations: Batch<'_>) -> Answer<Array> {
        self.tensor(&Question::ForwardFrom(self.index(layer)), &[view(&activations)])
    }

    fn gradient_at(
        &self,
        inputs: Batch<'_>,
        place: Place<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        let question = Question::GradientAt { place: self.place(place), guided: rule == Rule::Guided };
        self.tensor(&question, &[view(&inputs), view(&seeds)])
    }

    fn gradient_from(
        &self,
        layer: &str,
        activations: Batch<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        let question = Question::GradientFrom { layer: self.index(layer), guided: rule == Rule::Guided };
        self.tensor(&question, &[view(&activations), view(&seeds)])
    }

    fn layer_bias(&self, layer: &str) -> Answer<Array> {
        self.once(Question::LayerBias(self.index(layer)), &[])
    }

    fn linear_head(&self) -> Answer<LinearHead> {
        let (answer, values) = self.line.ask(&Question::LinearHead, &[])?;
        let mut arrays = values.into_iter().map(|values| Array::new(values.shape, values.data));
        match (answer, arrays.next()) {
            (messages::Answer::Head(pooled), Some(weights)) => {
                Ok(LinearHead { pooled, weights, bias: arrays.next() })
            }
            _ => Err(BackendError::Failed("camtui answered without a linear head".into())),
        }
    }

    fn pixel_range(&self) -> Answer<Vec<(f32, f32)>> {
        match self.line.ask(&Question::PixelRange, &[])?.0 {
            messages::Answer::Range(range) => Ok(range),
            _ => Err(BackendError::Failed("camtui answered without a range".into())),
        }
    }
}
