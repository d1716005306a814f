//! One input and everything that has been asked about it: logits, activations, gradients, each computed once.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::ModelError;
use super::network::{Needs, Network};
use super::parts::{Parts, Wanted};
use super::plan::{Precision, Value};
use crate::Tensor;
use crate::grad::Rule;
use crate::grad::interface::{self, IMAGE, LOGITS, SEED};

/// How many gradients are kept; the oldest goes first. A gradient at `layer1` of ResNet-18 takes 0.8 MB.
const KEPT_GRADIENTS: usize = 16;

/// Time spent inside the runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Forward passes.
    pub forward: Duration,
    /// Backward passes.
    pub backward: Duration,
}

struct Gradient {
    layer: String,
    seed: Vec<f32>,
    rule: Rule,
    value: Arc<Tensor>,
}

/// By name and precision: what one pass left must not decide which digits another question sees.
type Kept<T> = HashMap<(String, Precision), T>;

#[derive(Default)]
struct State {
    /// What forward passes have left.
    values: Kept<Value>,
    tensors: Kept<Arc<Tensor>>,
    gradients: Vec<Gradient>,
    spent: Spent,
}

/// One input to a [`Network`]. Answers are cached. What is said to be needed comes out of one forward and one backward
/// pass; asking for more costs another pass, and compiling what was never asked of the network.
///
/// A layer is computed exactly when its gradient passes any mask, for which the forward pass must be exact, and as quickly
/// as the network's [`Convolutions`](super::Convolutions) allow otherwise. What was asked before makes no difference to any
/// digit of an answer.
pub struct Session<'n> {
    network: &'n Network,
    input: Tensor,
    needs: Needs,
    state: Mutex<State>,
}

impl<'n> Session<'n> {
    /// Starts with `input` `[1, 3, H, W]`. Nothing runs yet.
    pub fn new(network: &'n Network, input: Tensor, needs: Needs) -> Result<Self, ModelError> {
        let expected = network.input_shape();
        if input.shape() != expected {
            return Err(ModelError::InputShape { expected, found: input.shape().to_vec() });
        }
        Ok(Self { network, input, needs, state: Mutex::new(State::default()) })
    }

    /// The model this session asks.
    pub fn network(&self) -> &'n Network {
        self.network
    }

    /// The input, `[1, 3, H, W]`.
    pub fn input(&self) -> &Tensor {
        &self.input
    }

    /// Time spent in the runtime so far.
    pub fn spent(&self) -> Spent {
        self.lock().spent
    }

    /// The class scores before softmax, `[1, classes]`.
    pub fn logits(&self) -> Result<Arc<Tensor>, ModelError> {
        self.forward_value(LOGITS, self.network.precision(Precision::Quick))
    }

    /// The class scores of whichever pass was first: those of [`logits`](Self::logits) up to a few millionths. They never
    /// cost a pass of their own.
    pub fn scores(&self) -> Result<Arc<Tensor>, ModelError> {
        let known = |state: &State, precision| state.values.contains_key(&(LOGITS.to_owned(), precision));
        let mut state = self.lock();
        if state.values.is_empty() {
            self.first(&mut state, &BTreeSet::new(), self.network.precision(Precision::Quick))?;
        }
        let quick = self.network.precision(Precision::Quick);
        let precision = if known(&state, quick) { quick } else { Precision::Exact };
        drop(state);
        self.forward_value(LOGITS, precision)
    }

    /// A layer's output, `[1, C, h, w]` (or `[1, features]`).
    pub fn activation(&self, layer: &str) -> Result<Arc<Tensor>, ModelError> {
        self.forward_value(&self.network.layer(layer)?.value, self.precision_of(layer)?)
    }

    /// The same, computed exactly whatever the layer: for a question that rounding of a few millionths of the largest value
    /// answers otherwise, such as which activations lie above a threshold.
    pub fn exact_activation(&self, layer: &str) -> Result<Arc<Tensor>, ModelError> {
        self.forward_value(&self.network.layer(layer)?.value, Precision::Exact)
    }

    fn precision_of(&self, layer: &str) -> Result<Precision, ModelError> {
        let masked = self.network.is_masked(layer)?;
        Ok(self.network.precision(if masked { Precision::Exact } else { Precision::Quick }))
    }

    /// ∂(seed · logits)/∂(output of `layer`), of that output's shape. `layer` may be [`IMAGE`]. `seed` has one value a
    /// class: one-hot for a class, a difference of two one-hots for "why A and not B". The gradient passes rectifiers
    /// by `rule`.
    pub fn gradient(&self, layer: &str, seed: &[f32], rule: Rule) -> Result<Arc<Tensor>, ModelError> {
        check_seeds(self.network, 1, seed)?;
        let mut state = self.lock();
        let asked = |g: &&Gradient| g.layer == layer && g.seed == seed && g.rule == rule;
        if let Some(known) = state.gradients.iter().find(asked) {
            return Ok(Arc::clone(&known.value));
        }
        // One backward pass yields all layers that were said to be needed: they are asked for in turn.
        let together = rule == Rule::Plain && self.needs.gradients.contains(layer);
        let layers = if together { self.needs.gradients.clone() } else { [layer.to_owned()].into() };
        let wanted = Wanted { gradients: layers.clone(), rule, ..Wanted::default() };
        let parts = self.network.parts(&wanted)?;
        let reads = parts.reads(&layers);
        self.ensure(&mut state, &reads, Precision::Exact)?;
        let mut given = of(&state, reads.iter(), Precision::Exact)?;
        given.insert(IMAGE.into(), Value::new(&self.input)?);
        given.insert(SEED.into(), Value::new(&row(seed))?);

        let begun = Instant::now();
        let precision = self.network.precision(Precision::Quick);
        let mut results =
            self.network.with_threads(|| parts.backward(&layers, rule, precision)?.run(&given))?;
        state.spent.backward += begun.elapsed();
        for name in &layers {
            if let Some(value) = results.remove(&interface::gradient(name)) {
                let value = Arc::new(value.to_tensor()?);
                state.gradients.push(Gradient { layer: name.clone(), seed: seed.to_vec(), rule, value });
            }
        }
        let found = state.gradients.iter().rev().find(asked).map(|g| Arc::clone(&g.value));
        let excess = state.gradients.len().saturating_sub(KEPT_GRADIENTS.max(layers.len()));
        state.gradients.drain(..excess);
        found.ok_or_else(|| ModelError::no_gradient(layer, self.network.metadata()))
    }

    /// The values of this input that `parts` are given besides their start.
    pub(super) fn beside(
        &self,
        parts: &Parts,
        precision: Precision,
    ) -> Result<HashMap<String, Value>, ModelError> {
        let mut state = self.lock();
        let precision = self.network.precision(precision);
        let names: BTreeSet<String> =
            parts.given[1..].iter().map(|g| g.name.clone()).filter(|name| name != IMAGE).collect();
        self.ensure(&mut state, &names, precision)?;
        let mut beside = of(&state, names.iter(), precision)?;
        if parts.given[1..].iter().any(|g| g.name == IMAGE) {
            beside.insert(IMAGE.to_owned(), Value::new(&self.input)?);
        }
        Ok(beside)
    }

    pub(super) fn add(&self, spent: Spent) {
        let mut state = self.lock();
        state.spent.forward += spent.forward;
        state.spent.backward += spent.backward;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forward_value(&self, output: &str, precision: Precision) -> Result<Arc<Tensor>, ModelError> {
        let mut state = self.lock();
        let key = (output.to_owned(), precision);
        if let Some(known) = state.tensors.get(&key) {
            return Ok(Arc::clone(known));
        }
        self.ensure(&mut state, &[output.to_owned()].into(), precision)?;
        let value = state.values.get(&key).ok_or_else(|| ModelError::UnknownLayer(output.into()))?;
        let tensor = Arc::new(value.to_tensor()?);
        state.tensors.insert(key, Arc::clone(&tensor));
        Ok(tensor)
    }

    /// Makes sure that these values are there. Before anything else comes the pass for what was said to be needed.
    fn ensure(
        &self,
        state: &mut State,
        values: &BTreeSet<String>,
        precision: Precision,
    ) -> Result<(), ModelError> {
        if state.values.is_empty() {
            self.first(state, values, precision)?;
        }
        let missing = |name: &&String| !state.values.contains_key(&((*name).clone(), precision));
        let missing: BTreeSet<String> = values.iter().filter(missing).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let wanted = Wanted { values: missing, ..Wanted::default() };
        let parts = self.network.parts(&wanted)?;
        self.pass(state, &parts, &wanted.values, precision)
    }

    /// The pass for what was said to be needed, and the class scores, and what is asked first where it goes with them. It is
    /// exact when one of the gradients reads anything.
    fn first(
        &self,
        state: &mut State,
        also: &BTreeSet<String>,
        precision: Precision,
    ) -> Result<(), ModelError> {
        let mut layers = Vec::new();
        for layer in &self.needs.activations {
            layers.push((self.network.layer(layer)?.value.clone(), layer));
        }
        let mut wanted = Wanted { gradients: self.needs.gradients.clone(), ..Wanted::default() };
        wanted.values.insert(LOGITS.to_owned());
        wanted.values.extend(layers.iter().map(|(value, _)| value.clone()).chain(also.iter().cloned()));
        let parts = self.network.parts(&wanted)?;
        let mut values = parts.reads(&wanted.gradients);
        let exact =
            if self.needs == Needs::default() { precision == Precision::Exact } else { !values.is_empty() };
        let first = self.network.precision(if exact { Precision::Exact } else { Precision::Quick });
        if precision == first {
            values.extend(also.iter().cloned());
        }
        values.insert(LOGITS.to_owned());
        for (value, layer) in layers {
            if self.precision_of(layer)? == first {
                values.insert(value);
            }
        }
        self.pass(state, &parts, &values, first)
    }

    fn pass(
        &self,
        state: &mut State,
        parts: &Parts,
        values: &BTreeSet<String>,
        precision: Precision,
    ) -> Result<(), ModelError> {
        let given = HashMap::from([(IMAGE.to_owned(), Value::new(&self.input)?)]);
        let begun = Instant::now();
        let values = self.network.with_threads(|| parts.forward(values, precision)?.run(&given))?;
        state.spent.forward += begun.elapsed();
        state.values.extend(values.into_iter().map(|(name, value)| ((name, precision), value)));
        Ok(())
    }
}

/// Values that are there, by name.
fn of<'n>(
    state: &State,
    names: impl Iterator<Item = &'n String>,
    precision: Precision,
) -> Result<HashMap<String, Value>, ModelError> {
    let value = |name: &String| state.values.get(&(name.clone(), precision)).cloned();
    let found = names.map(|name| {
        value(name).map(|value| (name.clone(), value)).ok_or_else(|| ModelError::NotGiven(name.clone()))
    });
    found.collect()
}

/// One value a class for each of `count` inputs.
pub(super) fn check_seeds(network: &Network, count: usize, seeds: &[f32]) -> Result<(), ModelError> {
    let expected = count * network.metadata().classes;
    if seeds.len() == expected {
        Ok(())
    } else {
        Err(ModelError::SeedLength { expected, found: seeds.len() })
    }
}

/// One row of a batch.
pub(super) fn row(values: &[f32]) -> Tensor {
    Tensor::new([1, values.len()], values.to_vec()).expect("one row")
}
