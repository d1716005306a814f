//! A loaded model: its exported graph, and the compiled parts of it that have been needed so far.
//!
//! The exported file holds forward and backward in one graph. It is compiled in two parts. The *forward* part gives
//! logits, the activations asked for, and those of its inner values that the backward part reads. The *backward* part
//! starts from a seed and these values. So another class costs a backward run only, and what nobody asks for is
//! neither compiled nor run. Taps are chosen before tract simplifies the graph: afterwards the node that bears a
//! convolution's name holds the batch-normalised tensor.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;
use tract_linalg::multithread::{Executor, multithread_tract_scope};

use super::cache::{self, Cache};
use super::plan::Plan;
use crate::Tensor;
pub use crate::grad::interface::IMAGE;
use crate::grad::interface::{self, LOGITS, SEED};
use crate::onnx::external::{self, is_external};
use crate::onnx::metadata::{LinearHead, Metadata};
use crate::onnx::pb::{ModelProto, TensorProto, tensor_proto::DataType};
use crate::onnx::subgraph::{Given, SubgraphError, into_subgraph, reach, subgraph};

/// The model cannot be compiled or run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The graph cannot be turned into something that runs.
    #[error("cannot prepare the model ({part}): {reason}")]
    Compile {
        /// Which part of the exported graph.
        part: String,
        /// The runtime's words.
        reason: String,
    },
    /// Running failed.
    #[error("the model failed while {doing}: {reason}")]
    Run {
        /// What was being done.
        doing: String,
        /// The runtime's words.
        reason: String,
    },
    /// The exported graph lacks something.
    #[error(transparent)]
    Subgraph(#[from] SubgraphError),
    /// The cached file went away or is damaged.
    #[error("the converted model cannot be read again: {0}")]
    Reload(String),
    /// A layer that the model does not have.
    #[error("the model has no layer `{0}`; `camtui model info` lists them")]
    UnknownLayer(String),
    /// A layer whose gradient the exported graph does not hold.
    #[error("there is no gradient for `{layer}` in this model: {reason}")]
    NoGradient {
        /// The layer.
        layer: String,
        /// Which operator is in the way.
        reason: String,
    },
    /// The input is not what the model takes.
    #[error("the model takes an input of shape {expected:?}, this one is {found:?}")]
    InputShape {
        /// `[1, 3, H, W]`.
        expected: Vec<usize>,
        /// What was given.
        found: Vec<usize>,
    },
    /// The seed is not one value a class.
    #[error("a seed for this model has {expected} values, this one has {found}")]
    SeedLength {
        /// Number of classes.
        expected: usize,
        /// Number of values given.
        found: usize,
    },
    /// An input of a compiled part has no value: a mistake of this crate, told rather than hidden.
    #[error("the value `{0}` that the backward part reads was not kept")]
    NotGiven(String),
    /// Whoever asked does not want the answer any more.
    #[error("cancelled")]
    Cancelled,
}

impl ModelError {
    /// The layer's gradient stops at an operator, or no path leads from it to the logits.
    pub(super) fn no_gradient(layer: &str, metadata: &Metadata) -> Self {
        let reason = match metadata.blocked.as_slice() {
            [] => "the exported graph does not hold it".into(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        };
        Self::NoGradient { layer: layer.into(), reason }
    }

    pub(super) fn compile(part: &str, reason: &impl std::fmt::Debug) -> Self {
        Self::Compile { part: part.into(), reason: one_line(reason) }
    }

    pub(super) fn run(doing: &str, reason: &impl std::fmt::Debug) -> Self {
        Self::Run { doing: doing.into(), reason: one_line(reason) }
    }
}

/// An error's chain on one line.
fn one_line(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut line = words.join(" ");
    if let Some(cut) = line.find("Stack backtrace") {
        line.truncate(cut);
    }
    line
}

/// What the compiled plans are tuned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// One picture at a time: the threads work together on it.
    OnePicture,
    /// Many pictures: each thread works on its own.
    ManyPictures,
}

/// Layer names whose activations and gradients (also [`IMAGE`]) will be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Layers whose activation is needed.
    pub activations: BTreeSet<String>,
    /// Layers, or [`IMAGE`], whose gradient is needed.
    pub gradients: BTreeSet<String>,
}

impl Needs {
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.activations.is_superset(&other.activations) && self.gradients.is_superset(&other.gradients)
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.activations.extend(other.activations.iter().cloned());
        self.gradients.extend(other.gradients.iter().cloned());
    }
}

/// Where the exported graph is read from when another part of it is needed.
#[derive(Clone, Debug)]
pub(super) enum Exported {
    /// A cache entry.
    Cached(PathBuf),
    /// An exported file of the user's own.
    File(PathBuf),
    /// In memory, because the cache cannot be written.
    Memory(Arc<ModelProto>),
}

impl Exported {
    fn load(&self) -> Result<ModelProto, ModelError> {
        match self {
            Self::Cached(path) => Cache::load(path).map_err(|e| ModelError::Reload(e.to_string())),
            Self::File(path) => cache::read_model(path).map_err(|e| ModelError::Reload(e.to_string())),
            Self::Memory(model) => Ok(ModelProto::clone(model)),
        }
    }

    /// Where weights lie that are not in the graph.
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Cached(path) => path.parent(),
            Self::File(_) | Self::Memory(_) => None,
        }
    }
}

/// The two compiled parts for one set of needs.
#[derive(Debug)]
pub(super) struct Parts {
    pub needs: Needs,
    pub forward: Plan,
    pub backward: Option<Plan>,
    pub head: Option<Head>,
    scores: OnceLock<Plan>,
}

impl Parts {
    /// The forward part without anything but the logits, with the same weights; made once.
    pub fn scores(&self) -> Result<&Plan, ModelError> {
        if let Some(plan) = self.scores.get() {
            return Ok(plan);
        }
        let plan = self.forward.only(&[LOGITS.to_owned()])?;
        Ok(self.scores.get_or_init(|| plan))
    }
}

/// The linear head's numbers: what CAM multiplies activations with.
#[derive(Clone, Debug)]
pub struct Head {
    /// Name of the layer that is pooled.
    pub layer: String,
    /// `[classes, channels]`.
    pub weight: Arc<Tensor>,
    /// `[classes]`.
    pub bias: Option<Arc<Tensor>>,
}

/// A model that runs. Shared between threads by reference.
#[derive(Debug)]
pub struct Network {
    metadata: Metadata,
    exported: Exported,
    /// The exported graph as it was opened, until the first parts are compiled from it.
    opened: Mutex<Option<ModelProto>>,
    parts: Mutex<Option<Arc<Parts>>>,
    schedule: Schedule,
    executor: Executor,
}

impl Network {
    pub(super) fn new(
        metadata: Metadata,
        exported: Exported,
        opened: Option<ModelProto>,
        schedule: Schedule,
        threads: usize,
    ) -> Self {
        let executor = match schedule {
            Schedule::OnePicture if threads > 1 => Executor::multithread_with_name(threads, "camtui-team"),
            _ => Executor::SingleThread,
        };
        Self { metadata, exported, opened: Mutex::new(opened), parts: Mutex::new(None), schedule, executor }
    }

    /// What the model's file says of it.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The input's shape, `[1, 3, H, W]`.
    pub fn input_shape(&self) -> Vec<usize> {
        let (h, w) = self.metadata.recipe.as_ref().map_or((224, 224), |r| (r.height, r.width));
        vec![1, 3, h, w]
    }

    /// The linear head's weights, where the network has such a head.
    pub fn head(&self) -> Result<Option<Head>, ModelError> {
        Ok(self.parts(&Needs::default())?.head.clone())
    }

    pub(super) fn parts(&self, needs: &Needs) -> Result<Arc<Parts>, ModelError> {
        let mut slot = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = needs.clone();
        if let Some(parts) = slot.as_ref() {
            if parts.needs.covers(needs) {
                return Ok(Arc::clone(parts));
            }
            // One growing set of parts, so that there is one set of weights.
            wanted.extend(&parts.needs);
        }
        self.check(&wanted)?;
        *slot = None;
        let parts = Arc::new(self.compile(wanted)?);
        *slot = Some(Arc::clone(&parts));
        Ok(parts)
    }

    /// Runs `work` with this network's threads.
    pub(super) fn with_threads<R>(&self, work: impl FnOnce() -> R) -> R {
        multithread_tract_scope(self.executor.clone(), work)
    }

    /// Does `work` for each of `0..count`, results in order. Where there is enough of it, each thread does its own: one
    /// picture a thread is quicker than all threads on one. Otherwise all work together on one after the other.
    pub(super) fn each<R: Send>(
        &self,
        count: usize,
        work: impl Fn(usize) -> Result<R, ModelError> + Sync,
    ) -> Result<Vec<R>, ModelError> {
        match &self.executor {
            Executor::MultiThread(team) if count > 1 && 2 * count >= team.current_num_threads() => {
                let alone = |n| multithread_tract_scope(Executor::SingleThread, || work(n));
                team.install(|| (0..count).into_par_iter().map(alone).collect())
            }
            _ => self.with_threads(|| (0..count).map(work).collect()),
        }
    }

    fn check(&self, needs: &Needs) -> Result<(), ModelError> {
        for layer in &needs.activations {
            self.metadata.layer(layer).ok_or_else(|| ModelError::UnknownLayer(layer.clone()))?;
        }
        for layer in needs.gradients.iter().filter(|l| *l != IMAGE) {
            let found = self.metadata.layer(layer).ok_or_else(|| ModelError::UnknownLayer(layer.clone()))?;
            if !found.gradient {
                return Err(ModelError::no_gradient(layer, &self.metadata));
            }
        }
        Ok(())
    }

    fn compile(&self, needs: Needs) -> Result<Parts, ModelError> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        let model = opened.map_or_else(|| self.exported.load(), Ok)?;
        let folder = self.exported.folder();
        let head = self.metadata.head.as_ref().and_then(|h| read_head(&self.metadata, &model, h, folder));
        let image = Given { name: IMAGE.into(), shape: self.input_shape() };
        let gradients: Vec<String> = needs.gradients.iter().map(|l| interface::gradient(l)).collect();

        let residuals = residuals(&model, &gradients)?;
        let mut forward_outputs = vec![LOGITS.to_owned()];
        // A layer's value itself, not the output that names it: a pruned file may lack that one.
        let tapped = needs.activations.iter().filter_map(|l| self.metadata.layer(l)).map(|l| &l.value);
        for value in tapped.chain(&residuals) {
            if !forward_outputs.contains(value) {
                forward_outputs.push(value.clone());
            }
        }

        if gradients.is_empty() {
            let proto = into_subgraph(model, &[image], &forward_outputs)?;
            let forward = Plan::compile(proto, folder, "the forward part", self.schedule)?;
            return Ok(Parts { needs, forward, backward: None, head, scores: OnceLock::new() });
        }
        // The backward part needs the shapes of the values that the forward part leaves, so it is cut second; but
        // its few weights are copied first, so that the forward part can take the model apart.
        let placeholder: Vec<Given> =
            residuals.iter().map(|name| Given { name: name.clone(), shape: Vec::new() }).collect();
        let seed = Given { name: SEED.into(), shape: vec![1, self.metadata.classes] };
        let given = |residual: Vec<Given>| -> Vec<Given> {
            [image.clone(), seed.clone()].into_iter().chain(residual).collect()
        };
        let backward_proto = subgraph(&model, &given(placeholder), &gradients)?;
        let proto = into_subgraph(model, std::slice::from_ref(&image), &forward_outputs)?;
        let forward = Plan::compile(proto, folder, "the forward part", self.schedule)?;
        let shaped = residuals
            .iter()
            .map(|name| {
                let shape = forward.output_shape(name).ok_or_else(|| {
                    ModelError::compile("the backward part", &format!("the shape of `{name}` is not known"))
                })?;
                Ok(Given { name: name.clone(), shape })
            })
            .collect::<Result<Vec<_>, ModelError>>()?;
        let backward_proto = into_subgraph(backward_proto, &given(shaped), &gradients)?;
        let backward = Plan::compile(backward_proto, folder, "the backward part", self.schedule)?;
        Ok(Parts { needs, forward, backward: Some(backward), head, scores: OnceLock::new() })
    }
}

/// The inner values of the forward part that the backward part of `gradients` reads.
fn residuals(model: &ModelProto, gradients: &[String]) -> Result<Vec<String>, ModelError> {
    let graph = model.graph.as_ref().ok_or(SubgraphError::NoGraph)?;
    let forward = reach(graph, &HashSet::from([IMAGE]), &[LOGITS.to_owned()])?;
    let mut given = HashSet::from([IMAGE, SEED]);
    let mut from_image = HashSet::from([IMAGE]);
    for node in forward.nodes.iter().map(|&i| &graph.node[i]) {
        // What does not depend on the picture is constant and stays with whoever uses it.
        if node.input.iter().any(|i| from_image.contains(i.as_str())) {
            let outputs = node.output.iter().filter(|o| !o.is_empty()).map(String::as_str);
            from_image.extend(outputs.clone());
            given.extend(outputs);
        }
    }
    let backward = reach(graph, &given, gradients)?;
    let mut residuals: Vec<String> =
        backward.used.into_iter().filter(|name| name != IMAGE && name != SEED).collect();
    residuals.sort_unstable();
    Ok(residuals)
}

fn read_head(
    metadata: &Metadata,
    model: &ModelProto,
    head: &LinearHead,
    folder: Option<&Path>,
) -> Option<Head> {
    let graph = model.graph.as_ref()?;
    let find =
        |name: &str| graph.initializer.iter().find(|t| t.name == name).and_then(|t| read_f32(t, folder));
    let layer = metadata.layers.iter().rev().find(|l| l.value == head.pooled)?;
    Some(Head {
        layer: layer.name.clone(),
        weight: Arc::new(find(&head.weight)?),
        bias: head.bias.as_deref().and_then(find).map(Arc::new),
    })
}

fn read_f32(proto: &TensorProto, folder: Option<&Path>) -> Option<Tensor> {
    if proto.data_type != DataType::Float as i32 {
        return None;
    }
    let shape: Vec<usize> = proto.dims.iter().map(|&d| d as usize).collect();
    let floats = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let data = match folder {
        Some(folder) if is_external(proto) => floats(&external::read(proto, folder).ok()?),
        _ if proto.raw_data.is_empty() => proto.float_data.clone(),
        _ => floats(&proto.raw_data),
    };
    Tensor::new(shape, data).ok()
}
