//! The compiled pieces of an exported graph, and how they are cut out of it.
//!
//! The exported file holds forward and backward in one graph. Two pieces of it are compiled. The *forward* piece leads
//! from a start (the picture, or a layer whose values are given) to the logits, with a tap at each inner value that
//! costs nothing. The *backward* piece leads from a seed, and the values of the forward piece that it reads, to
//! gradients. What a question needs of a piece is a plan of its own that shares the piece's weights, so a further layer
//! costs no second compilation of what is there, and what nobody asks for is never run.
//!
//! Taps are chosen before tract simplifies the graph: afterwards the node that bears a convolution's name holds the
//! batch-normalised tensor.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::again;
use super::error::ModelError;
use super::fused;
use super::plan::{Compiling, Plan, Precision};
use crate::grad::Rule;
use crate::grad::interface::{self, IMAGE, LOGITS, SEED};
use crate::onnx::metadata::Metadata;
use crate::onnx::pb::{GraphProto, ModelProto, NodeProto};
use crate::onnx::subgraph::{Given, SubgraphError, into_subgraph, reach, subgraph};
use crate::onnx::turn::turn_weights;

/// Operators whose output is there anyway, however the runtime fuses what is around them: keeping it costs nothing.
const FREE_TAPS: [&str; 7] =
    ["Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool", "HardSwish", "Concat"];

/// What is asked of the parts: values of the forward pass, and the layers (or [`IMAGE`]) whose gradient is wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub values: BTreeSet<String>,
    pub gradients: BTreeSet<String>,
    pub rule: Rule,
}

/// A compiled piece with all outputs it can give, and the plans for those that were asked for.
#[derive(Debug)]
struct Piece {
    whole: Plan,
    plans: Mutex<HashMap<(Vec<String>, Precision), Plan>>,
}

impl Piece {
    fn new(whole: Plan) -> Arc<Self> {
        Arc::new(Self { whole, plans: Mutex::default() })
    }

    fn only(&self, outputs: Vec<String>, precision: Precision) -> Result<Plan, ModelError> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (outputs, precision);
        if let Some(plan) = plans.get(&key) {
            return Ok(plan.clone());
        }
        let plan = self.whole.only(&key.0, precision)?;
        plans.insert(key, plan.clone());
        Ok(plan)
    }
}

/// What is compiled between one start and the logits.
#[derive(Debug)]
pub(super) struct Parts {
    /// What the forward piece is given, the start first.
    pub given: Vec<Given>,
    forward: Arc<Piece>,
    backward: HashMap<Rule, Arc<Piece>>,
    /// Of each layer whose gradient is compiled, the forward values that it reads.
    reads: BTreeMap<String, BTreeSet<String>>,
}

impl Parts {
    /// Whether all of `wanted` can be answered.
    pub fn serve(&self, wanted: &Wanted) -> bool {
        let backward = self.backward.get(&wanted.rule);
        wanted.values.iter().all(|value| self.forward.whole.gives(value))
            && wanted
                .gradients
                .iter()
                .all(|l| backward.is_some_and(|b| b.whole.gives(&interface::gradient(l))))
    }

    /// A plan for these values. What a backward pass reads of them must be exact: it makes masks of it.
    pub fn forward(&self, values: &BTreeSet<String>, precision: Precision) -> Result<Plan, ModelError> {
        self.forward.only(values.iter().cloned().collect(), precision)
    }

    /// A plan for the gradients of these layers, which must be among those compiled. A backward pass makes no masks of what it
    /// computes, so that it may be quick.
    pub fn backward(
        &self,
        layers: &BTreeSet<String>,
        rule: Rule,
        precision: Precision,
    ) -> Result<Plan, ModelError> {
        let none = || ModelError::NoGradient {
            layer: layers.iter().next().cloned().unwrap_or_default(),
            reason: "its backward part was not compiled".into(),
        };
        let piece = self.backward.get(&rule).ok_or_else(none)?;
        piece.only(layers.iter().map(|l| interface::gradient(l)).collect(), precision)
    }

    /// What a value is that the forward piece gives.
    pub fn value(&self, value: &str) -> Option<Given> {
        self.forward.whole.output(value)
    }

    /// The forward values that the gradients of `layers` read.
    pub fn reads(&self, layers: &BTreeSet<String>) -> BTreeSet<String> {
        let names = layers.iter().filter_map(|layer| self.reads.get(layer)).flatten();
        // What is given need not be computed.
        names.filter(|name| self.given.iter().all(|g| g.name != **name)).cloned().collect()
    }
}

/// An exported graph to cut parts from, and how they are compiled.
pub(super) struct Cutter<'a> {
    pub model: ModelProto,
    pub metadata: &'a Metadata,
    /// Where weights lie that are not in the graph.
    pub folder: Option<&'a Path>,
    pub compiling: &'a Compiling,
}

impl Cutter<'_> {
    /// The values besides `start` that the way from there to the logits reads: what passes the start by.
    pub fn beside(&self, start: &str) -> Result<Vec<String>, ModelError> {
        let graph = self.model.graph.as_ref().ok_or(SubgraphError::NoGraph)?;
        let behind = depending(graph, start);
        let mut given = depending(graph, IMAGE);
        given.retain(|value| !behind.contains(value) || *value == start);
        given.insert(IMAGE);
        let mut beside: Vec<String> = reach(graph, &given, &[LOGITS.to_owned()])?.used.into_iter().collect();
        beside.retain(|name| name != start);
        beside.sort_unstable();
        Ok(beside)
    }

    /// Compiles what `wanted` needs and `old` does not have yet. `given` is what the forward piece starts from.
    pub fn cut(
        mut self,
        given: Vec<Given>,
        old: Option<&Parts>,
        wanted: &Wanted,
    ) -> Result<Parts, ModelError> {
        self.shorten();
        let mut reads = old.map(|old| old.reads.clone()).unwrap_or_default();
        for layer in &wanted.gradients {
            if !reads.contains_key(layer) {
                reads.insert(layer.clone(), residuals(&self.model, layer)?);
            }
        }
        let is_given = |name: &String| given.iter().any(|g| g.name == *name);
        let mut outputs = wanted.values.clone();
        outputs.insert(LOGITS.to_owned());
        outputs.extend(reads.values().flatten().filter(|name| !is_given(name)).cloned());

        let mut backward = old.map(|old| old.backward.clone()).unwrap_or_default();
        let missing =
            |piece: &Arc<Piece>| wanted.gradients.iter().any(|l| !piece.whole.gives(&interface::gradient(l)));
        let behind = (!wanted.gradients.is_empty() && backward.get(&wanted.rule).is_none_or(missing))
            .then(|| self.behind(&backward, wanted))
            .transpose()?;

        let kept = old.map(|old| &old.forward).filter(|f| outputs.iter().all(|o| f.whole.gives(o)));
        let forward = if let Some(kept) = kept {
            Arc::clone(kept)
        } else {
            let old = old.map(|old| old.forward.whole.outputs()).unwrap_or_default();
            outputs.extend(old.iter().cloned());
            outputs.extend(free_taps(&self.model, &given)?);
            let outputs: Vec<String> = outputs.into_iter().collect();
            let proto = into_subgraph(std::mem::take(&mut self.model), &given, &outputs)?;
            let plan = Plan::compile(proto, self.folder, "the forward part", self.compiling)?;
            Piece::new(plan)
        };

        if let Some((proto, outputs)) = behind {
            let value = |name: &String| -> Result<Given, ModelError> {
                let known = given.iter().find(|g| g.name == *name).cloned();
                known.or_else(|| forward.whole.output(name)).ok_or_else(|| {
                    ModelError::compile("the backward part", &format!("the shape of `{name}` is not known"))
                })
            };
            let names: BTreeSet<&String> =
                reads.values().flatten().chain(given.iter().map(|g| &g.name)).collect();
            let mut from = names.into_iter().map(value).collect::<Result<Vec<_>, _>>()?;
            from.push(Given::f32(SEED, vec![1, self.metadata.classes]));
            let mut proto = into_subgraph(proto, &from, &outputs)?;
            match self.folder.filter(|_| self.compiling.convolutions.are_ours()) {
                Some(folder) => fused::turn_and_leave(&mut proto, folder),
                None => turn_weights(&mut proto, self.folder, |_, _, _| None),
            }
            let plan = Plan::compile(proto, self.folder, "the backward part", self.compiling)?;
            backward.insert(wanted.rule, Piece::new(plan));
        }
        Ok(Parts { given, forward, backward, reads })
    }

    /// The backward pass of the layers wanted and of those that are there already, with copies of the weights it reads;
    /// their gradients' names. Its inputs have no shapes yet.
    fn behind(
        &self,
        old: &HashMap<Rule, Arc<Piece>>,
        wanted: &Wanted,
    ) -> Result<(ModelProto, Vec<String>), ModelError> {
        let mut outputs: BTreeSet<String> = wanted.gradients.iter().map(|l| interface::gradient(l)).collect();
        outputs.extend(old.get(&wanted.rule).iter().flat_map(|piece| piece.whole.outputs()).cloned());
        let outputs: Vec<String> = outputs.into_iter().collect();
        let guided;
        let model = if wanted.rule == Rule::Plain {
            &self.model
        } else {
            let mut model = again::by_rule(&self.model, self.metadata, wanted.rule)?;
            if self.compiling.convolutions.are_ours() {
                fused::shorten(&mut model);
            }
            guided = model;
            &guided
        };
        let graph = model.graph.as_ref().ok_or(SubgraphError::NoGraph)?;
        let mut known = forward_values(graph)?;
        known.extend([IMAGE, SEED]);
        let used = reach(graph, &known, &outputs)?.used;
        let given: Vec<Given> = used.into_iter().map(|name| Given::f32(name, Vec::new())).collect();
        Ok((subgraph(model, &given, &outputs)?, outputs))
    }

    /// Puts operators of our own in place of groups that are noted as what one of ours does.
    fn shorten(&mut self) {
        if self.compiling.convolutions.are_ours() {
            fused::shorten(&mut self.model);
        }
    }
}

/// The values that depend on `start`, itself not included.
fn depending<'g>(graph: &'g GraphProto, start: &str) -> HashSet<&'g str> {
    let mut found: HashSet<&str> = HashSet::new();
    for node in &graph.node {
        if node.input.iter().any(|i| i == start || found.contains(i.as_str())) {
            found.extend(outputs(node));
        }
    }
    found
}

fn outputs(node: &NodeProto) -> impl Iterator<Item = &str> {
    node.output.iter().filter(|o| !o.is_empty()).map(String::as_str)
}

/// The values of the forward pass that depend on the picture. What does not is constant and stays with whoever uses it.
pub(super) fn forward_values(graph: &GraphProto) -> Result<HashSet<&str>, ModelError> {
    let forward = reach(graph, &HashSet::from([IMAGE]), &[LOGITS.to_owned()])?;
    let from_image = depending(graph, IMAGE);
    let values = forward.nodes.iter().flat_map(|&i| outputs(&graph.node[i]));
    Ok(values.filter(|value| from_image.contains(value)).collect())
}

/// The forward values that the gradient of `layer` reads; never the picture or the seed.
fn residuals(model: &ModelProto, layer: &str) -> Result<BTreeSet<String>, ModelError> {
    let graph = model.graph.as_ref().ok_or(SubgraphError::NoGraph)?;
    let mut given = forward_values(graph)?;
    given.extend([IMAGE, SEED]);
    let used = reach(graph, &given, &[interface::gradient(layer)])?.used;
    Ok(used.into_iter().filter(|name| name != IMAGE && name != SEED).collect())
}

/// The layers whose gradient reads values of the forward pass other than the picture.
pub(super) fn masked(model: &ModelProto, metadata: &Metadata) -> HashSet<String> {
    let Some(graph) = model.graph.as_ref() else { return HashSet::new() };
    let (from_image, from_seed) = (depending(graph, IMAGE), depending(graph, SEED));
    let mut reading: HashSet<&str> = HashSet::new();
    for node in &graph.node {
        let reads = |input: &String| {
            let (input, seeded) = (input.as_str(), input == SEED || from_seed.contains(input.as_str()));
            reading.contains(input) || (from_image.contains(input) && !seeded)
        };
        if outputs(node).any(|output| from_seed.contains(output)) && node.input.iter().any(reads) {
            reading.extend(outputs(node));
        }
    }
    let masked = |layer: &String| reading.contains(interface::gradient(layer).as_str());
    metadata.layers.iter().map(|layer| layer.name.clone()).filter(masked).collect()
}

/// The inner values on the way from `given` to the logits that can be kept at no cost.
fn free_taps(model: &ModelProto, given: &[Given]) -> Result<Vec<String>, ModelError> {
    let graph = model.graph.as_ref().ok_or(SubgraphError::NoGraph)?;
    let names = given.iter().map(|g| g.name.as_str()).collect();
    let way = reach(graph, &names, &[LOGITS.to_owned()])?;
    let from_image = depending(graph, IMAGE);
    let nodes = way.nodes.iter().map(|&i| &graph.node[i]);
    let free = nodes.filter(|node| FREE_TAPS.contains(&node.op_type.as_str()));
    let values = free.filter_map(|node| node.output.first());
    Ok(values.filter(|value| from_image.contains(value.as_str())).cloned().collect())
}
