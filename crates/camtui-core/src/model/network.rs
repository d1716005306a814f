//! A loaded model: its exported graph, and the parts of it that have been compiled so far.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;
use tract_linalg::multithread::{Executor, multithread_tract_scope};

use super::cache::{Cache, Kept};
use super::error::ModelError;
use super::fused::Parameters;
use super::parts::{Cutter, Parts, Wanted, masked};
use super::plan::{Compiling, Precision};
use super::random_head;
use super::weights::{self, Head, HeadPlace};
use crate::Tensor;
pub use crate::grad::interface::IMAGE;
use crate::onnx::intake;
use crate::onnx::metadata::{Layer, Metadata};
use crate::onnx::pb::ModelProto;
use crate::onnx::subgraph::Given;

/// Compiled tails that are kept; the oldest goes first. The tail behind `layer1` of ResNet-18 holds 45 MB of weights.
const KEPT_TAILS: usize = 2;

/// What the compiled plans are tuned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// One picture at a time: the threads work together on it.
    OnePicture,
    /// Many pictures: each thread works on its own.
    ManyPictures,
}

/// Who computes the convolutions, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Convolutions {
    /// As quickly as a few millionths of the largest value allow (Winograd's algorithm), and exactly where the values decide
    /// which units a gradient passes.
    #[default]
    Quick,
    /// Always product by product.
    Exact,
    /// As all else of the network in double precision, by the runtime: many times slower. For gradients that hang on units which
    /// single precision cannot tell from the edge of a rectifier.
    Double,
    /// The runtime's own: what ours are tested against.
    Runtime,
}

impl Convolutions {
    /// Whether `camtui-conv` computes them.
    pub(super) fn are_ours(self) -> bool {
        matches!(self, Self::Quick | Self::Exact)
    }
}

/// Layer names whose activations and gradients (also [`IMAGE`]) will be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Layers whose activation is needed.
    pub activations: BTreeSet<String>,
    /// Layers, or [`IMAGE`], whose gradient is needed.
    pub gradients: BTreeSet<String>,
}

/// Where the exported graph is read from when another part of it is needed.
#[derive(Clone, Debug)]
pub(super) enum Exported {
    /// A cache entry.
    Cached(PathBuf),
    /// An exported file of the user's own.
    File(PathBuf),
    /// In memory, because the cache cannot be written or because it is no file's; large weights may lie in a folder.
    Memory(Arc<ModelProto>, Option<PathBuf>),
}

impl Exported {
    fn load(&self) -> Result<ModelProto, ModelError> {
        match self {
            Self::Cached(path) => Cache::load(path).map_err(|e| ModelError::Reload(e.to_string())),
            Self::File(path) => Ok(intake::read(path).map_err(|e| ModelError::Reload(e.to_string()))?.model),
            Self::Memory(model, _) => Ok(ModelProto::clone(model)),
        }
    }

    /// Where weights lie that are not in the graph.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Cached(path) => path.parent(),
            Self::Memory(_, folder) => folder.as_deref(),
            Self::File(_) => None,
        }
    }
}

/// What is compiled.
#[derive(Debug, Default)]
struct Compiled {
    /// From the picture; grows with what is asked for.
    whole: Option<Arc<Parts>>,
    /// From a layer whose values are given.
    tails: Vec<(String, Arc<Parts>)>,
}

/// A model that runs. Shared between threads by reference.
#[derive(Debug)]
pub struct Network {
    metadata: Metadata,
    exported: Exported,
    /// The exported graph as it was opened, until the first parts are compiled from it.
    opened: Mutex<Option<ModelProto>>,
    compiled: Mutex<Compiled>,
    head_place: OnceLock<Option<HeadPlace>>,
    head: OnceLock<Option<Head>>,
    biases: OnceLock<HashMap<String, Arc<Tensor>>>,
    /// The layers whose gradient reads values of the forward pass.
    masked: OnceLock<HashSet<String>>,
    compiling: Compiling,
    executor: Executor,
    kept: Option<Kept>,
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
        let kept = match &exported {
            Exported::Cached(entry) => Kept::of(entry),
            _ => None,
        };
        let parameters = Parameters::on(kept.as_ref().map(|kept| Arc::clone(kept.shelf())));
        Self {
            metadata,
            exported,
            opened: Mutex::new(opened),
            compiled: Mutex::default(),
            head_place: OnceLock::new(),
            head: OnceLock::new(),
            biases: OnceLock::new(),
            masked: OnceLock::new(),
            compiling: Compiling {
                schedule,
                convolutions: Convolutions::default(),
                parameters: Arc::new(parameters),
            },
            executor,
            kept,
        }
    }

    /// The same network, its convolutions computed otherwise. What was compiled before is forgotten.
    #[must_use]
    pub fn computing(mut self, convolutions: Convolutions) -> Self {
        if self.compiling.convolutions != convolutions {
            self.compiling.convolutions = convolutions;
            self.compiled = Mutex::default();
        }
        self
    }

    /// Leaves the kernels that were prepared since it was opened in the cache, for the next start. Dropping the network does so, too.
    pub fn keep_prepared(&self) {
        if let Some(kept) = &self.kept {
            kept.store();
        }
    }

    /// How its convolutions are computed.
    pub fn convolutions(&self) -> Convolutions {
        self.compiling.convolutions
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

    /// The same network with the weights of its last layer drawn by lot from `seed`, run by the same threads; none where that
    /// layer cannot be told.
    pub fn with_random_head(&self, seed: u64) -> Result<Option<Self>, ModelError> {
        let mut model = self.exported.load()?;
        let folder = self.exported.folder();
        if !random_head::draw(&mut model, folder, seed) {
            return Ok(None);
        }
        let exported = Exported::Memory(Arc::new(model), folder.map(Path::to_owned));
        let executor = self.executor.clone();
        let other = Self::new(self.metadata.clone(), exported, None, self.compiling.schedule, 1);
        Ok(Some(Self { executor, ..other }.computing(self.convolutions())))
    }

    /// The linear head's weights, where the network has such a head.
    pub fn head(&self) -> Result<Option<Head>, ModelError> {
        if let Some(known) = self.head.get() {
            return Ok(known.clone());
        }
        if self.head_place.get().is_none() {
            self.note_head(&self.load()?);
        }
        let place = self.head_place.get().and_then(Option::as_ref);
        let gone = || ModelError::Reload("its linear head's weights are no longer in the cache".into());
        let head = place.map(|place| place.read(self.exported.folder()).ok_or_else(gone)).transpose()?;
        Ok(self.head.get_or_init(|| head).clone())
    }

    /// The bias that a layer adds to each channel, `[K]`: a convolution's or linear layer's own, or a batch norm's
    /// β − γμ/√(σ² + ε). `None` for a layer that adds none.
    pub fn bias(&self, layer: &str) -> Result<Option<Arc<Tensor>>, ModelError> {
        self.layer(layer)?;
        if let Some(known) = self.biases.get() {
            return Ok(known.get(layer).cloned());
        }
        let found = weights::biases(&self.metadata, &self.load()?, self.exported.folder());
        Ok(self.biases.get_or_init(|| found).get(layer).cloned())
    }

    /// The layer of that name.
    pub(super) fn layer(&self, name: &str) -> Result<&Layer, ModelError> {
        self.metadata.layer(name).ok_or_else(|| ModelError::UnknownLayer(name.into()))
    }

    /// The layer of that name, whose gradient the exported graph holds.
    pub(super) fn differentiable(&self, name: &str) -> Result<&Layer, ModelError> {
        let layer = self.layer(name)?;
        if layer.gradient { Ok(layer) } else { Err(ModelError::no_gradient(name, &self.metadata)) }
    }

    /// Whether the gradient of that layer reads values of the forward pass, as masks do.
    pub(super) fn is_masked(&self, layer: &str) -> Result<bool, ModelError> {
        if self.masked.get().is_none() {
            self.cutter()?;
        }
        Ok(self.masked.get().is_some_and(|masked| masked.contains(layer)))
    }

    /// The precision of a plan that must be no less true than `least`.
    pub(super) fn precision(&self, least: Precision) -> Precision {
        if self.compiling.convolutions == Convolutions::Quick { least } else { Precision::Exact }
    }

    /// From the picture to the logits and back, with all that `wanted` needs.
    pub(super) fn parts(&self, wanted: &Wanted) -> Result<Arc<Parts>, ModelError> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parts) = compiled.whole.as_ref().filter(|parts| parts.serve(wanted)) {
            return Ok(Arc::clone(parts));
        }
        for layer in wanted.gradients.iter().filter(|l| *l != IMAGE) {
            self.differentiable(layer)?;
        }
        let given = vec![Given::f32(IMAGE, self.input_shape())];
        let parts = Arc::new(self.cutter()?.cut(given, compiled.whole.as_deref(), wanted)?);
        compiled.whole = Some(Arc::clone(&parts));
        Ok(parts)
    }

    /// From `layer` to the logits, and where `rule` is given back to it. What passes the layer by is given, too: its
    /// names are [`Parts::given`] after the first.
    pub(super) fn tail(&self, layer: &str, wanted: &Wanted) -> Result<Arc<Parts>, ModelError> {
        let value = &self.layer(layer)?.value;
        if !wanted.gradients.is_empty() {
            self.differentiable(layer)?;
        }
        let known = |compiled: &Compiled| {
            compiled.tails.iter().find(|(name, _)| name == layer).map(|(_, parts)| Arc::clone(parts))
        };
        let old = known(&self.compiled.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(parts) = old.as_ref().filter(|parts| parts.serve(wanted)) {
            return Ok(Arc::clone(parts));
        }
        let cutter = self.cutter()?;
        let beside = cutter.beside(value)?;
        let shapes =
            Wanted { values: beside.iter().filter(|v| *v != IMAGE).cloned().collect(), ..Wanted::default() };
        let whole = self.parts(&shapes)?;
        let layer_shape = [&[1], self.layer(layer)?.shape.as_slice()].concat();
        let mut given = vec![Given::f32(value.clone(), layer_shape)];
        for name in beside {
            let found =
                if name == IMAGE { Some(Given::f32(IMAGE, self.input_shape())) } else { whole.value(&name) };
            given.push(found.ok_or_else(|| {
                ModelError::compile("the tail", &format!("the shape of `{name}` is not known"))
            })?);
        }
        let parts = Arc::new(cutter.cut(given, old.as_deref(), wanted)?);
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.tails.retain(|(name, _)| name != layer);
        let excess = (compiled.tails.len() + 1).saturating_sub(KEPT_TAILS);
        compiled.tails.drain(..excess);
        compiled.tails.push((layer.to_owned(), Arc::clone(&parts)));
        Ok(parts)
    }

    fn cutter(&self) -> Result<Cutter<'_>, ModelError> {
        let model = self.load()?;
        self.note_head(&model);
        self.masked.get_or_init(|| masked(&model, &self.metadata));
        let (metadata, compiling) = (&self.metadata, &self.compiling);
        Ok(Cutter { model, metadata, folder: self.exported.folder(), compiling })
    }

    fn load(&self) -> Result<ModelProto, ModelError> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        opened.map_or_else(|| self.exported.load(), Ok)
    }

    /// Where the head's weights are is noted when the graph is at hand.
    fn note_head(&self, model: &ModelProto) {
        self.head_place.get_or_init(|| HeadPlace::of(&self.metadata, model, self.metadata.head.as_ref()?));
    }

    /// Runs `work` with this network's threads, in one of them, so that what it does in parallel is not handed over each time.
    pub(super) fn with_threads<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let scoped = || multithread_tract_scope(self.executor.clone(), work);
        match &self.executor {
            Executor::MultiThread(team) => team.install(scoped),
            _ => scoped(),
        }
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
            _ => self.with_threads(|| (0..count).map(&work).collect()),
        }
    }
}
