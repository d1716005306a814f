//! One input and everything that has been asked about it: logits, activations, gradients, each computed once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::network::{ModelError, Needs, Network, Parts};
use super::plan::Value;
use crate::Tensor;
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

/// What one forward pass left.
struct Forward {
    parts: Arc<Parts>,
    values: HashMap<String, Value>,
}

struct Gradient {
    layer: String,
    seed: Vec<f32>,
    value: Arc<Tensor>,
}

#[derive(Default)]
struct State {
    forward: Option<Forward>,
    tensors: HashMap<String, Arc<Tensor>>,
    gradients: Vec<Gradient>,
    spent: Spent,
}

/// One input to a [`Network`]. Answers are cached; asking for a layer that was not among the needs costs a new plan
/// and another forward pass.
pub struct Session<'n> {
    network: &'n Network,
    input: Tensor,
    needs: Mutex<Needs>,
    state: Mutex<State>,
}

impl<'n> Session<'n> {
    /// Starts with `input` `[1, 3, H, W]`. Nothing runs yet.
    pub fn new(network: &'n Network, input: Tensor, needs: Needs) -> Result<Self, ModelError> {
        let expected = network.input_shape();
        if input.shape() != expected {
            return Err(ModelError::InputShape { expected, found: input.shape().to_vec() });
        }
        Ok(Self { network, input, needs: Mutex::new(needs), state: Mutex::new(State::default()) })
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
        self.state.lock().unwrap_or_else(PoisonError::into_inner).spent
    }

    /// The class scores before softmax, `[1, classes]`.
    pub fn logits(&self) -> Result<Arc<Tensor>, ModelError> {
        self.forward_value(LOGITS, &Needs::default())
    }

    /// A layer's output, `[1, C, h, w]` (or `[1, features]`).
    pub fn activation(&self, layer: &str) -> Result<Arc<Tensor>, ModelError> {
        let known = self.network.metadata().layer(layer);
        let known = known.ok_or_else(|| ModelError::UnknownLayer(layer.into()))?;
        let needs = Needs { activations: [layer.to_owned()].into(), ..Needs::default() };
        self.forward_value(&known.value, &needs)
    }

    /// ∂(seed · logits)/∂(output of `layer`), of that output's shape. `layer` may be [`IMAGE`]. `seed` has one value a
    /// class: one-hot for a class, a difference of two one-hots for "why A and not B".
    pub fn gradient(&self, layer: &str, seed: &[f32]) -> Result<Arc<Tensor>, ModelError> {
        let classes = self.network.metadata().classes;
        if seed.len() != classes {
            return Err(ModelError::SeedLength { expected: classes, found: seed.len() });
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.gradients.iter().find(|g| g.layer == layer && g.seed == seed) {
            return Ok(Arc::clone(&known.value));
        }
        let needs = Needs { gradients: [layer.to_owned()].into(), ..Needs::default() };
        self.ensure_forward(&mut state, &needs)?;
        let forward = state.forward.as_ref().expect("the forward pass has just run");
        let Some(backward) = forward.parts.backward.clone() else {
            return Err(ModelError::no_gradient(layer, self.network.metadata()));
        };
        let mut given = forward.values.clone();
        given.insert(IMAGE.into(), Value::new(&self.input)?);
        given.insert(SEED.into(), Value::new(&seed_tensor(seed))?);
        let needed = forward.parts.needs.gradients.clone();

        let begun = Instant::now();
        let mut results = self.network.with_threads(|| backward.run(&given))?;
        state.spent.backward += begun.elapsed();
        // One backward run yields every layer that the plan holds: keep them all, they are often asked for in turn.
        for name in &needed {
            if let Some(value) = results.remove(&interface::gradient(name)) {
                let value = Arc::new(value.to_tensor()?);
                state.gradients.push(Gradient { layer: name.clone(), seed: seed.to_vec(), value });
            }
        }
        let found = state.gradients.iter().rev().find(|g| g.layer == layer).map(|g| Arc::clone(&g.value));
        let excess = state.gradients.len().saturating_sub(KEPT_GRADIENTS.max(needed.len()));
        state.gradients.drain(..excess);
        found.ok_or_else(|| ModelError::no_gradient(layer, self.network.metadata()))
    }

    /// Logits of other inputs: `batch` `[n, 3, H, W]` gives `[n, classes]`. Nothing of this is cached. The inputs are
    /// spread over the network's threads; once `cancel` is set, no further one is begun ([`ModelError::Cancelled`]).
    pub fn forward(&self, batch: &Tensor, cancel: &AtomicBool) -> Result<Tensor, ModelError> {
        let shape = self.network.input_shape();
        if batch.shape().len() != 4 || batch.shape()[1..] != shape[1..] {
            return Err(ModelError::InputShape { expected: shape, found: batch.shape().to_vec() });
        }
        let parts = self.network.parts(&Needs::default())?;
        let plan = parts.scores()?;
        let count = batch.shape()[0];
        let size = shape.iter().product::<usize>();
        let begun = Instant::now();
        let rows = self.network.each(count, |n| {
            if cancel.load(Ordering::Relaxed) {
                return Err(ModelError::Cancelled);
            }
            let one = batch.data()[n * size..(n + 1) * size].to_vec();
            let input = Tensor::new(shape.clone(), one).expect("exactly one input");
            let given = HashMap::from([(IMAGE.to_owned(), Value::new(&input)?)]);
            let value = plan.run(&given)?.remove(LOGITS);
            value.ok_or_else(|| ModelError::NotGiven(LOGITS.into()))?.to_tensor()
        })?;
        self.state.lock().unwrap_or_else(PoisonError::into_inner).spent.forward += begun.elapsed();
        let logits = rows.iter().flat_map(|row| row.data().iter().copied()).collect();
        Ok(Tensor::new([count, self.network.metadata().classes], logits).expect("one row of logits an input"))
    }

    fn forward_value(&self, output: &str, needs: &Needs) -> Result<Arc<Tensor>, ModelError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.tensors.get(output) {
            return Ok(Arc::clone(known));
        }
        self.ensure_forward(&mut state, needs)?;
        let value = state
            .forward
            .as_ref()
            .and_then(|f| f.values.get(output))
            .ok_or_else(|| ModelError::UnknownLayer(output.into()))?;
        let tensor = Arc::new(value.to_tensor()?);
        state.tensors.insert(output.into(), Arc::clone(&tensor));
        Ok(tensor)
    }

    /// Makes sure that a forward pass has run whose values serve `needs` and all that was asked for before.
    fn ensure_forward(&self, state: &mut State, needs: &Needs) -> Result<(), ModelError> {
        let mut wanted = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.extend(needs);
        if let Some(forward) = &state.forward
            && forward.parts.needs.covers(&wanted)
        {
            return Ok(());
        }
        let parts = self.network.parts(&wanted)?;
        let given = HashMap::from([(IMAGE.to_owned(), Value::new(&self.input)?)]);
        let begun = Instant::now();
        let values = self.network.with_threads(|| parts.forward.run(&given))?;
        state.spent.forward += begun.elapsed();
        state.forward = Some(Forward { parts, values });
        Ok(())
    }
}

fn seed_tensor(seed: &[f32]) -> Tensor {
    Tensor::new([1, seed.len()], seed.to_vec()).expect("one row")
}
