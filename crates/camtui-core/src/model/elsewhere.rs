//! What the network makes of other inputs than a session's own, and of other activations of one of its layers: what
//! explainers with many passes live on.
//!
//! A batch is spread over the network's threads, one item a thread, on one shared plan; results come back in order and
//! are not kept. Once `cancel` is set no further item is begun ([`ModelError::Cancelled`]).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::error::ModelError;
use super::parts::{Parts, Wanted};
use super::plan::{Plan, Precision, Value};
use super::session::{Session, Spent, check_seeds, row};
use crate::Tensor;
use crate::grad::Rule;
use crate::grad::interface::{self, IMAGE, LOGITS, SEED};

/// A batch, cut into items.
struct Items<'a> {
    batch: &'a Tensor,
    shape: Vec<usize>,
}

impl<'a> Items<'a> {
    /// `batch` as items of `shape`, `[1, …]`; `None` where it is of another.
    fn new(batch: &'a Tensor, shape: Vec<usize>) -> Option<Self> {
        let fits = batch.shape().len() == shape.len() && batch.shape()[1..] == shape[1..];
        fits.then_some(Self { batch, shape })
    }

    fn count(&self) -> usize {
        self.batch.shape()[0]
    }

    fn item(&self, n: usize) -> Result<Value, ModelError> {
        let size = self.shape.iter().product::<usize>();
        let values = self.batch.data()[n * size..(n + 1) * size].to_vec();
        Value::new(&Tensor::new(self.shape.clone(), values).expect("exactly one item"))
    }
}

impl Session<'_> {
    /// Logits of other inputs: `inputs` `[n, 3, H, W]` gives `[n, classes]`.
    pub fn forward(&self, inputs: &Tensor, cancel: &AtomicBool) -> Result<Tensor, ModelError> {
        let items = self.inputs(inputs)?;
        let parts = self.network().parts(&logits_only())?;
        let plan = parts.forward(&logits_only().values, self.quick())?;
        self.logits_of(&plan, IMAGE, &items, &HashMap::new(), cancel)
    }

    /// Logits of other activations of `layer`: `activations` `[n, K, h, w]` gives `[n, classes]`. Only what comes
    /// behind the layer is run. What passes it by (a shortcut beside it) is this session's input's.
    pub fn forward_from(
        &self,
        layer: &str,
        activations: &Tensor,
        cancel: &AtomicBool,
    ) -> Result<Tensor, ModelError> {
        let items = self.activations(layer, activations)?;
        let parts = self.network().tail(layer, &logits_only())?;
        let beside = self.beside(&parts, self.quick())?;
        let start = &parts.given[0].name;
        let plan = parts.forward(&logits_only().values, self.quick())?;
        self.logits_of(&plan, start, &items, &beside, cancel)
    }

    /// ∂(seed · logits)/∂(output of `layer`) on other inputs `[n, 3, H, W]`, each with its own seed, n × classes values in
    /// all: `[n, …]` with the shape of that output. `layer` may be [`IMAGE`].
    pub fn gradient_at(
        &self,
        inputs: &Tensor,
        layer: &str,
        seeds: &[f32],
        rule: Rule,
        cancel: &AtomicBool,
    ) -> Result<Tensor, ModelError> {
        let items = self.inputs(inputs)?;
        let wanted = Wanted { gradients: [layer.to_owned()].into(), rule, ..Wanted::default() };
        let parts = self.network().parts(&wanted)?;
        let there_and_back = ThereAndBack::new(&parts, layer, seeds, &wanted, self.quick())?;
        self.gradients(&there_and_back, &items, &HashMap::new(), cancel)
    }

    /// ∂(seed · logits)/∂(output of `layer`) where that output is one of `activations` `[n, K, h, w]`, each with its own
    /// seed, n × classes values in all: `[n, K, h, w]`. Only what comes behind the layer is run, as in
    /// [`forward_from`](Self::forward_from).
    pub fn gradient_from(
        &self,
        layer: &str,
        activations: &Tensor,
        seeds: &[f32],
        rule: Rule,
        cancel: &AtomicBool,
    ) -> Result<Tensor, ModelError> {
        let items = self.activations(layer, activations)?;
        let wanted = Wanted { gradients: [layer.to_owned()].into(), rule, ..Wanted::default() };
        let parts = self.network().tail(layer, &wanted)?;
        let beside = self.beside(&parts, Precision::Exact)?;
        let there_and_back = ThereAndBack::new(&parts, layer, seeds, &wanted, self.quick())?;
        self.gradients(&there_and_back, &items, &beside, cancel)
    }

    /// As quick as the network allows.
    fn quick(&self) -> Precision {
        self.network().precision(Precision::Quick)
    }

    fn inputs<'a>(&self, inputs: &'a Tensor) -> Result<Items<'a>, ModelError> {
        let expected = self.network().input_shape();
        Items::new(inputs, expected.clone())
            .ok_or_else(|| ModelError::InputShape { expected, found: inputs.shape().to_vec() })
    }

    fn activations<'a>(&self, layer: &str, activations: &'a Tensor) -> Result<Items<'a>, ModelError> {
        let expected = [&[1], self.network().layer(layer)?.shape.as_slice()].concat();
        Items::new(activations, expected.clone()).ok_or_else(|| ModelError::LayerShape {
            layer: layer.into(),
            expected,
            found: activations.shape().to_vec(),
        })
    }

    fn logits_of(
        &self,
        plan: &Plan,
        start: &str,
        items: &Items<'_>,
        beside: &HashMap<String, Value>,
        cancel: &AtomicBool,
    ) -> Result<Tensor, ModelError> {
        let begun = Instant::now();
        let rows = self.network().each(items.count(), |n| {
            go_on(cancel)?;
            let mut given = beside.clone();
            given.insert(start.to_owned(), items.item(n)?);
            take(plan.run(&given)?, LOGITS)
        })?;
        self.add(Spent { forward: begun.elapsed(), ..Spent::default() });
        Ok(stack(&rows, vec![items.count(), self.network().metadata().classes]))
    }

    fn gradients(
        &self,
        passes: &ThereAndBack<'_>,
        items: &Items<'_>,
        beside: &HashMap<String, Value>,
        cancel: &AtomicBool,
    ) -> Result<Tensor, ModelError> {
        check_seeds(self.network(), items.count(), passes.seeds)?;
        let classes = self.network().metadata().classes;
        let name = interface::gradient(passes.gradient);
        let begun = Instant::now();
        let rows = self.network().each(items.count(), |n| {
            go_on(cancel)?;
            let mut given = beside.clone();
            given.insert(passes.start.to_owned(), items.item(n)?);
            if let Some(forward) = &passes.forward {
                let values = forward.run(&given)?;
                given.extend(values);
            }
            given.insert(SEED.into(), Value::new(&row(&passes.seeds[n * classes..(n + 1) * classes]))?);
            take(passes.backward.run(&given)?, &name)
        })?;
        // Forward and backward take turns here; the sum is what the user waited for.
        self.add(Spent { backward: begun.elapsed(), ..Spent::default() });
        let mut shape = rows.first().map_or_else(|| items.shape.clone(), |row| row.shape().to_vec());
        shape[0] = items.count();
        Ok(stack(&rows, shape))
    }
}

/// A forward pass for what the backward pass reads, and that.
struct ThereAndBack<'a> {
    /// None where the backward pass reads nothing, as behind the last layer it often does.
    forward: Option<Plan>,
    backward: Plan,
    start: &'a str,
    gradient: &'a str,
    seeds: &'a [f32],
}

impl<'a> ThereAndBack<'a> {
    fn new(
        parts: &'a Parts,
        gradient: &'a str,
        seeds: &'a [f32],
        wanted: &Wanted,
        quick: Precision,
    ) -> Result<Self, ModelError> {
        let reads = parts.reads(&wanted.gradients);
        let forward = (!reads.is_empty()).then(|| parts.forward(&reads, Precision::Exact)).transpose()?;
        let backward = parts.backward(&wanted.gradients, wanted.rule, quick)?;
        Ok(Self { forward, backward, start: &parts.given[0].name, gradient, seeds })
    }
}

fn logits_only() -> Wanted {
    Wanted { values: [LOGITS.to_owned()].into(), ..Wanted::default() }
}

fn go_on(cancel: &AtomicBool) -> Result<(), ModelError> {
    if cancel.load(Ordering::Relaxed) { Err(ModelError::Cancelled) } else { Ok(()) }
}

fn take(mut results: HashMap<String, Value>, name: &str) -> Result<Tensor, ModelError> {
    results.remove(name).ok_or_else(|| ModelError::NotGiven(name.into()))?.to_tensor()
}

fn stack(rows: &[Tensor], shape: Vec<usize>) -> Tensor {
    let values = rows.iter().flat_map(|row| row.data().iter().copied()).collect();
    Tensor::new(shape, values).expect("one row an item")
}
