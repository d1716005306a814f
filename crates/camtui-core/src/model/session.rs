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

#[derive(Default)]
struct State {
    /// What forward passes have left, and how true it is.
    values: HashMap<String, (Value, Precision)>,
    tensors: HashMap<String, Arc<Tensor>>,
    gradients: Vec<Gradient>,
    spent: Spent,
}

/// One input to a [`Network`]. Answers are cached. What is said to be needed comes out of one forward and one backward
/// pass; asking for more costs another pass, and compiling what was never asked of the network.
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
        self.forward_value(LOGITS)
    }

    /// A layer's output, `[1, C, h, w]` (or `[1, features]`).
    pub fn activation(&self, layer: &str) -> Result<Arc<Tensor>, ModelError> {
        self.forward_value(&self.network.layer(layer)?.value)
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
        let mut given: HashMap<String, Value> =
            reads.iter().filter_map(|name| Some((name.clone(), state.values.get(name)?.0.clone()))).collect();
        given.insert(IMAGE.into(), Value::new(&self.input)?);
        given.insert(SEED.into(), Value::new(&row(seed))?);

        let begun = Instant::now();
        let mut results = self.network.with_threads(|| parts.backward(&layers, rule)?.run(&given))?;
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
        let names = parts.given[1..].iter().map(|g| &g.name);
        self.ensure(&mut state, &names.clone().filter(|name| *name != IMAGE).cloned().collect(), precision)?;
        let value = |name: &String| {
            if name == IMAGE {
                return Value::new(&self.input);
            }
            let known = state.values.get(name).map(|(value, _)| value.clone());
            known.ok_or_else(|| ModelError::NotGiven(name.clone()))
        };
        names.map(|name| Ok((name.clone(), value(name)?))).collect()
    }

    pub(super) fn add(&self, spent: Spent) {
        let mut state = self.lock();
        state.spent.forward += spent.forward;
        state.spent.backward += spent.backward;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forward_value(&self, output: &str) -> Result<Arc<Tensor>, ModelError> {
        let mut state = self.lock();
        if let Some(known) = state.tensors.get(output) {
            return Ok(Arc::clone(known));
        }
        self.ensure(&mut state, &[output.to_owned()].into(), Precision::Quick)?;
        let (value, _) = state.values.get(output).ok_or_else(|| ModelError::UnknownLayer(output.into()))?;
        let tensor = Arc::new(value.to_tensor()?);
        state.tensors.insert(output.into(), Arc::clone(&tensor));
        Ok(tensor)
    }

    /// Makes sure that these values are there, no less true than `precision`. The first pass brings all that was said to be
    /// needed as well; it is exact as a whole when one of the gradients that are needed reads anything.
    fn ensure(
        &self,
        state: &mut State,
        values: &BTreeSet<String>,
        mut precision: Precision,
    ) -> Result<(), ModelError> {
        let known = |name: &&String| state.values.get(*name).is_some_and(|(_, known)| *known >= precision);
        let mut missing: BTreeSet<String> = values.iter().filter(|name| !known(name)).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut wanted = Wanted::default();
        if state.values.is_empty() {
            missing.insert(LOGITS.to_owned());
            for layer in &self.needs.activations {
                missing.insert(self.network.layer(layer)?.value.clone());
            }
            wanted.gradients.clone_from(&self.needs.gradients);
        }
        wanted.values.clone_from(&missing);
        let parts = self.network.parts(&wanted)?;
        let reads = parts.reads(&wanted.gradients);
        if !reads.is_empty() {
            precision = Precision::Exact;
            missing.extend(reads);
        }
        let given = HashMap::from([(IMAGE.to_owned(), Value::new(&self.input)?)]);
        let begun = Instant::now();
        let values = self.network.with_threads(|| parts.forward(&missing, precision)?.run(&given))?;
        state.spent.forward += begun.elapsed();
        state.values.extend(values.into_iter().map(|(name, value)| (name, (value, precision))));
        Ok(())
    }
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
