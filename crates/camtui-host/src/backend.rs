//! What a session must be able to answer: the seam between explainers and the program's model.

use std::sync::Arc;

use crate::Rule;

/// Dense row-major f32 values that can be shared; whoever has them cached gives them away without a copy.
#[derive(Clone)]
pub struct Array {
    shape: Vec<usize>,
    data: Arc<dyn AsRef<[f32]> + Send + Sync>,
}

impl Array {
    /// `data` as a tensor of `shape`: a `Vec<f32>`, an `Arc<[f32]>`, or anything that holds values.
    ///
    /// # Panics
    ///
    /// If `shape` does not multiply to the number of values, or has more than eight axes.
    pub fn new(shape: impl Into<Vec<usize>>, data: impl AsRef<[f32]> + Send + Sync + 'static) -> Self {
        Self::shared(shape, Arc::new(data))
    }

    /// The same for values that are shared already.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn shared(shape: impl Into<Vec<usize>>, data: Arc<dyn AsRef<[f32]> + Send + Sync>) -> Self {
        let shape = shape.into();
        let found = (*data).as_ref().len();
        assert_eq!(
            shape.iter().product::<usize>(),
            found,
            "a tensor of shape {shape:?} holds {found} values"
        );
        assert!(shape.len() <= camtui_plugin::abi::MAX_RANK, "{shape:?} has too many axes");
        Self { shape, data }
    }

    /// Extent of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All values, row-major.
    pub fn data(&self) -> &[f32] {
        (*self.data).as_ref()
    }

    /// What keeps the values alive.
    pub(crate) fn owner(&self) -> Arc<dyn AsRef<[f32]> + Send + Sync> {
        Arc::clone(&self.data)
    }
}

impl std::fmt::Debug for Array {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Array").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// Values an explainer brings along, one item an index of the first axis. Shapes are checked before a
/// [`Backend`] sees them.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// `[n, …]`, with the rest as the model or the layer has it.
    pub shape: &'a [usize],
    /// All values, row-major.
    pub data: &'a [f32],
}

impl<'a> Batch<'a> {
    /// Number of items.
    pub fn len(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items in order.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        self.data.chunks_exact((self.data.len() / self.len().max(1)).max(1))
    }
}

/// A layer that can be explained.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Layer {
    /// Its name, as the user writes it.
    pub name: String,
    /// Shape without the batch axis: `[K, h, w]`, or `[features]`.
    pub shape: Vec<usize>,
    /// Whether [`Backend::gradient`] answers for it.
    pub gradient: bool,
}

/// Where a gradient is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// At the model's input.
    Image,
    /// At the output of the layer of that name.
    Layer(&'a str),
}

/// The end of a network that pools globally and then applies one linear layer.
#[derive(Clone, Debug)]
pub struct LinearHead {
    /// Name of the layer that is pooled. If it is none of [`Backend::layers`], explainers cannot reach it.
    pub pooled: String,
    /// `[classes, K]`.
    pub weights: Array,
    /// `[classes]`.
    pub bias: Option<Array>,
}

/// Why a backend has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It cannot, for this model or at all; a sentence without a full stop.
    #[error("{0}")]
    NotSupported(String),
    /// It tried.
    #[error("{0}")]
    Failed(String),
    /// It was told to stop.
    #[error("cancelled")]
    Cancelled,
}

/// What a backend answers.
pub type Answer<T> = Result<T, BackendError>;

/// One picture in one model. The program implements it; explainers reach it through the interface.
///
/// Calls may come from several threads at once. Layer names passed in are always among [`layers`](Self::layers),
/// shapes have been checked, and a panic is answered to the explainer as a failure.
pub trait Backend: Sync {
    /// Number of classes.
    fn classes(&self) -> usize;

    /// All layers that can be tapped, in the order the network computes them.
    fn layers(&self) -> Vec<Layer>;

    /// The layer that is explained when the user names none.
    fn default_layer(&self) -> Option<String>;

    /// What the model was given: `[1, C, H, W]`, preprocessed.
    fn input(&self) -> Answer<Array>;

    /// What the model answered: `[1, classes]`.
    fn logits(&self) -> Answer<Array>;

    /// A layer's output: `[1, K, h, w]`.
    fn activation(&self, layer: &str) -> Answer<Array>;

    /// The gradient of `Σ seed·logits` (`seed` has one value a class): `[1, …]` with the shape of `place`.
    fn gradient(&self, place: Place<'_>, seed: &[f32], rule: Rule) -> Answer<Array>;

    /// Logits `[n, classes]` of other inputs `[n, C, H, W]`.
    fn forward(&self, inputs: Batch<'_>) -> Answer<Array> {
        let _ = inputs;
        Err(not_offered("running the model on other inputs"))
    }

    /// Logits `[n, classes]` of other activations `[n, K, h, w]` of `layer`.
    fn forward_from(&self, layer: &str, activations: Batch<'_>) -> Answer<Array> {
        let _ = (layer, activations);
        Err(not_offered("running the rest of the model from a layer"))
    }

    /// The gradient at `place`, on other inputs `[n, C, H, W]`, of seeds `[n, classes]`: `[n, …]`.
    fn gradient_at(
        &self,
        inputs: Batch<'_>,
        place: Place<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        let _ = (inputs, place, seeds, rule);
        Err(not_offered("gradients on other inputs"))
    }

    /// The gradient with respect to other activations `[n, K, h, w]` of `layer`, of seeds `[n, classes]`.
    fn gradient_from(
        &self,
        layer: &str,
        activations: Batch<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        let _ = (layer, activations, seeds, rule);
        Err(not_offered("gradients on other activations"))
    }

    /// The bias that `layer` adds, batch norm unfolded: `[K]`.
    fn layer_bias(&self, layer: &str) -> Answer<Array> {
        let _ = layer;
        Err(not_offered("the bias of a layer"))
    }

    /// The linear layer after the global pooling.
    fn linear_head(&self) -> Answer<LinearHead>;

    /// The least and greatest value that the input can take, one pair a channel.
    fn pixel_range(&self) -> Answer<Vec<(f32, f32)>> {
        Err(not_offered("the range of pixels"))
    }
}

fn not_offered(what: &str) -> BackendError {
    BackendError::NotSupported(format!("this version of camtui does not offer {what} to explainers"))
}
