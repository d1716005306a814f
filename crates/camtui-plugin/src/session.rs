//! What an explainer can ask: the picture, the model's answers, its layers, and further runs of the model.

use std::ptr::from_ref;

use crate::{Error, Map, Random, abi};

/// One picture in one model, for one call of [`Explainer::explain`](crate::Explainer::explain).
///
/// Everything it hands out is the host's and lives until that call returns.
pub struct Session<'a> {
    /// What we know of the host's.
    raw: &'a abi::Session,
    /// What its functions are called with.
    handle: *const abi::Session,
}

// SAFETY: the header lets any thread call a session's functions until `explain` returns.
unsafe impl Send for Session<'_> {}
// SAFETY: as above.
unsafe impl Sync for Session<'_> {}

/// Values the host owns: dense, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct View<'a> {
    shape: Vec<usize>,
    data: &'a [f32],
}

/// A layer that can be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    index: u32,
    name: String,
    shape: Vec<usize>,
    has_gradient: bool,
}

/// Where a gradient is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// At the model's input.
    Image,
    /// At a layer's output.
    Layer(&'a Layer),
}

/// How a gradient passes a ReLU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// The derivative.
    #[default]
    Plain,
    /// Guided backpropagation (Springenberg et al. 2015): negative gradients are dropped too.
    Guided,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// For whoever asks.
    Info,
    /// The user should know.
    Warning,
    /// Something broke.
    Error,
}

/// The end of a network that pools globally and then applies one linear layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearHead<'a> {
    /// The layer that is pooled; `None` if it is none of the session's layers.
    pub pooled: Option<Layer>,
    /// `[classes, K]`.
    pub weights: View<'a>,
    /// `[classes]`.
    pub bias: Option<View<'a>>,
}

impl<'a> View<'a> {
    /// Extent of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All values, row-major.
    pub fn data(&self) -> &'a [f32] {
        self.data
    }

    /// Extent of the last axis but one; 1 if there is none.
    pub fn height(&self) -> usize {
        self.shape.iter().rev().nth(1).copied().unwrap_or(1)
    }

    /// Extent of the last axis; 1 if there is none.
    pub fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Positions of one plane: `height × width`.
    pub fn area(&self) -> usize {
        self.height() * self.width()
    }

    /// The planes `h × w` in order: of `[1, K, h, w]` the K channels.
    pub fn planes(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        self.data.chunks_exact(self.area().max(1))
    }
}

impl Layer {
    /// What the host calls it.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Its name, as the user writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shape without the batch axis: `[K, h, w]`.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether its gradient can be asked for.
    pub fn has_gradient(&self) -> bool {
        self.has_gradient
    }
}

impl<'l> From<&'l Layer> for Place<'l> {
    fn from(layer: &'l Layer) -> Self {
        Self::Layer(layer)
    }
}

impl Place<'_> {
    fn index(self) -> u32 {
        match self {
            Self::Image => abi::IMAGE,
            Self::Layer(layer) => layer.index,
        }
    }
}

impl Rule {
    fn code(self) -> u32 {
        match self {
            Self::Plain => abi::RULE_PLAIN,
            Self::Guided => abi::RULE_GUIDED,
        }
    }
}

/// Calls one of the host's functions if this host has it.
macro_rules! call {
    ($session:expr, $function:ident $(, $argument:expr)* ; $($out:expr),+) => {{
        let Some(function) = $session.raw.$function else {
            return Err(Error::NotSupported(format!("this camtui does not offer `{}`", stringify!($function))));
        };
        // SAFETY: the host's function with the host's session; every other pointer is to a local that
        // outlives the call, or to values behind a reference.
        let status = unsafe { function($session.handle $(, $argument)*, $(&raw mut $out),+) };
        $session.check(status)
    }};
}

impl<'a> Session<'a> {
    /// # Safety
    ///
    /// `raw` is as the header says and alive during `'a`.
    pub(crate) unsafe fn new(raw: &'a abi::Session) -> Self {
        Self { raw, handle: from_ref(raw) }
    }

    /// The same where `raw` is a copy of the host's own, which its functions want to see.
    pub(crate) fn of_host(self, handle: *const abi::Session) -> Self {
        Self { handle, ..self }
    }

    /// What the model was given: `[1, C, H, W]`, preprocessed.
    pub fn input(&self) -> Result<View<'a>, Error> {
        let mut out = abi::Tensor::EMPTY;
        call!(self, input; out)?;
        view(&out)
    }

    /// What the model answered: `[1, classes]`.
    pub fn logits(&self) -> Result<View<'a>, Error> {
        let mut out = abi::Tensor::EMPTY;
        call!(self, logits; out)?;
        view(&out)
    }

    /// What is explained, as the cotangent of the logits: `[1, classes]`. For a class it is 1 there and 0
    /// elsewhere.
    pub fn seed(&self) -> Result<View<'a>, Error> {
        let mut out = abi::Tensor::EMPTY;
        call!(self, seed; out)?;
        view(&out)
    }

    /// The class explained; `None` where the seed is no single class.
    pub fn target(&self) -> Option<usize> {
        usize::try_from(self.raw.target).ok()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.raw.classes as usize
    }

    /// All layers, in the order the network computes them.
    pub fn layers(&self) -> Result<Vec<Layer>, Error> {
        (0..self.raw.layer_count).map(|index| self.layer_at(index)).collect()
    }

    /// The layer to explain: the one the user named, or the model's default; [`Error::NotSupported`] where the model
    /// has none.
    pub fn layer(&self) -> Result<Layer, Error> {
        if self.raw.chosen_layer == abi::NO_LAYER {
            return Err(Error::NotSupported("this model has no layer that can be explained".into()));
        }
        self.layer_at(self.raw.chosen_layer)
    }

    /// Whether the user named that layer; where not, a method that belongs to another layer may take that.
    pub fn layer_was_named(&self) -> bool {
        self.raw.layer_was_named != 0
    }

    /// Whether [`Map::with_terms`] is asked for; only of explainers whose description says
    /// [`gives_terms`](crate::Description::gives_terms).
    pub fn wants_terms(&self) -> bool {
        self.raw.wants_terms != 0
    }

    fn layer_at(&self, index: u32) -> Result<Layer, Error> {
        let mut out = abi::Layer::EMPTY;
        call!(self, layer, index; out)?;
        // SAFETY: the host's text lives until `explain` returns.
        let name = String::from_utf8_lossy(unsafe { out.name.bytes() }).into_owned();
        let shape = out.shape.iter().take(out.rank as usize).map(|&n| n as usize).collect();
        Ok(Layer { index, name, shape, has_gradient: out.has_gradient != 0 })
    }

    /// A layer's output: `[1, K, h, w]`.
    pub fn activation(&self, layer: &Layer) -> Result<View<'a>, Error> {
        let mut out = abi::Tensor::EMPTY;
        call!(self, activation, layer.index; out)?;
        view(&out)
    }

    /// The gradient of the session's own [`seed`](Self::seed): `[1, K, h, w]` at a layer, `[1, C, H, W]` at
    /// the image.
    pub fn gradient<'p>(&self, place: impl Into<Place<'p>>) -> Result<View<'a>, Error> {
        let mut out = abi::Tensor::EMPTY;
        call!(self, gradient, place.into().index(), std::ptr::null(), abi::RULE_PLAIN; out)?;
        view(&out)
    }

    /// The gradient of another seed (one value a class), or by another rule.
    pub fn gradient_of<'p>(
        &self,
        place: impl Into<Place<'p>>,
        seed: &[f32],
        rule: Rule,
    ) -> Result<View<'a>, Error> {
        let seed = tensor(&[1, seed.len()], seed)?;
        let mut out = abi::Tensor::EMPTY;
        call!(self, gradient, place.into().index(), &raw const seed, rule.code(); out)?;
        view(&out)
    }

    /// Runs the model on other inputs, `[n, C, H, W]`: logits `[n, classes]`.
    pub fn forward(&self, shape: &[usize], inputs: &[f32]) -> Result<View<'a>, Error> {
        let inputs = tensor(shape, inputs)?;
        let mut out = abi::Tensor::EMPTY;
        call!(self, forward, &raw const inputs; out)?;
        view(&out)
    }

    /// Runs the rest of the model on other activations of a layer, `[n, K, h, w]`: logits `[n, classes]`.
    pub fn forward_from(
        &self,
        layer: &Layer,
        shape: &[usize],
        activations: &[f32],
    ) -> Result<View<'a>, Error> {
        let activations = tensor(shape, activations)?;
        let mut out = abi::Tensor::EMPTY;
        call!(self, forward_from, layer.index, &raw const activations; out)?;
        view(&out)
    }

    /// The gradient on other inputs, `[n, C, H, W]`, of as many seeds, `n × classes` values: `[n, …]` at
    /// `place`.
    pub fn gradient_at<'p>(
        &self,
        shape: &[usize],
        inputs: &[f32],
        place: impl Into<Place<'p>>,
        seeds: &[f32],
        rule: Rule,
    ) -> Result<View<'a>, Error> {
        let inputs = tensor(shape, inputs)?;
        let seeds = self.seeds(shape, seeds)?;
        let mut out = abi::Tensor::EMPTY;
        call!(self, gradient_at, &raw const inputs, place.into().index(), &raw const seeds, rule.code(); out)?;
        view(&out)
    }

    /// The gradient with respect to other activations of a layer, `[n, K, h, w]`, of as many seeds, `n ×
    /// classes` values: `[n, K, h, w]`.
    pub fn gradient_from(
        &self,
        layer: &Layer,
        shape: &[usize],
        activations: &[f32],
        seeds: &[f32],
        rule: Rule,
    ) -> Result<View<'a>, Error> {
        let activations = tensor(shape, activations)?;
        let seeds = self.seeds(shape, seeds)?;
        let mut out = abi::Tensor::EMPTY;
        call!(self, gradient_from, layer.index, &raw const activations, &raw const seeds, rule.code(); out)?;
        view(&out)
    }

    /// The bias that a layer adds, batch norm unfolded: `[K]`.
    pub fn layer_bias(&self, layer: &Layer) -> Result<View<'a>, Error> {
        let mut out = abi::Tensor::EMPTY;
        call!(self, layer_bias, layer.index; out)?;
        view(&out)
    }

    /// The linear layer after the global pooling; [`Error::NotSupported`] for a network that does not end so.
    pub fn linear_head(&self) -> Result<LinearHead<'a>, Error> {
        let mut index = abi::NO_LAYER;
        let mut weights = abi::Tensor::EMPTY;
        let mut bias = abi::Tensor::EMPTY;
        call!(self, linear_head; index, weights, bias)?;
        let pooled = if index == abi::NO_LAYER { None } else { Some(self.layer_at(index)?) };
        let bias = if bias.data.is_null() { None } else { Some(view(&bias)?) };
        Ok(LinearHead { pooled, weights: view(&weights)?, bias })
    }

    /// The least and greatest value that the input can take, a channel: `[[low, …], [high, …]]` as `[2, C]`.
    pub fn pixel_range(&self) -> Result<View<'a>, Error> {
        let mut out = abi::Tensor::EMPTY;
        call!(self, pixel_range; out)?;
        view(&out)
    }

    /// The seed for every random number: the same seed must give the same map.
    pub fn random_seed(&self) -> u64 {
        self.raw.random_seed
    }

    /// Random numbers that [`random_seed`](Self::random_seed) decides, from their beginning at each call.
    pub fn random(&self) -> Random {
        Random::new(self.random_seed())
    }

    /// Tells how much is done, from 0 to 1, and whether to go on: an explainer that runs for long calls
    /// `session.progress(…)?` at least ten times a second and so ends when the user cancels.
    pub fn progress(&self, done: f32) -> Result<(), Error> {
        if let Some(progress) = self.raw.progress {
            // SAFETY: the host's function with the host's session.
            unsafe { progress(self.handle, done) };
        }
        if self.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Whether the user does not want the answer any more.
    pub fn cancelled(&self) -> bool {
        // SAFETY: the host's function with the host's session.
        self.raw.cancelled.is_some_and(|cancelled| unsafe { cancelled(self.handle) } != 0)
    }

    /// Shows what there is of the map to whoever watches, and calls `map` only if somebody does and time has passed since
    /// the last one. An explainer of many passes calls this after each batch. What [`explain`](crate::Explainer::explain)
    /// returns must not depend on it.
    pub fn partial(&self, map: impl FnOnce() -> Option<Map>) {
        // SAFETY: the host's function with the host's session.
        let wanted = self.raw.wants_partial.is_some_and(|wanted| unsafe { wanted(self.handle) } != 0);
        let Some(partial) = self.raw.partial.filter(|_| wanted) else { return };
        let Some(map) = map() else { return };
        let side = |extent: usize| u32::try_from(extent).unwrap_or(u32::MAX);
        let (height, width, values) = (side(map.height()), side(map.width()), map.values());
        // SAFETY: as above; as many values as are said, copied before the function returns. One that is refused is not shown.
        let _ = unsafe { partial(self.handle, height, width, values.as_ptr(), values.len() as u64) };
    }

    /// Runs `work` with a session of the same picture whose answers end with it. An explainer of many passes does each batch in
    /// one, so that memory does not grow with their number.
    ///
    /// ```
    /// # use camtui_plugin::{Error, Session};
    /// # fn sums(session: &Session<'_>, inputs: &[Vec<f32>], shape: &[usize]) -> Result<f64, Error> {
    /// let mut sum = 0.0;
    /// for input in inputs {
    ///     session.scope(|session| {
    ///         sum += f64::from(session.forward(shape, input)?.data()[0]);
    ///         Ok::<(), Error>(())
    ///     })?;
    /// }
    /// # Ok(sum)
    /// # }
    /// ```
    pub fn scope<R>(&self, work: impl FnOnce(&Session<'_>) -> R) -> R {
        let (Some(scope), Some(end)) = (self.raw.scope, self.raw.end_scope) else { return work(self) };
        // SAFETY: the host's function with the host's session.
        let handle = unsafe { scope(self.handle) };
        // SAFETY: null, or a session of the host's, which is at least as large as this one until it is ended.
        let Some(raw) = (unsafe { handle.as_ref() }) else { return work(self) };
        let _ended = EndScope { handle, end };
        work(&Session { raw, handle })
    }

    /// Writes a line into the program's log.
    pub fn log(&self, level: Level, line: &str) {
        if let Some(log) = self.raw.log {
            let level = match level {
                Level::Debug => abi::LOG_DEBUG,
                Level::Info => abi::LOG_INFO,
                Level::Warning => abi::LOG_WARNING,
                Level::Error => abi::LOG_ERROR,
            };
            // SAFETY: the host's function with the host's session; the text outlives the call.
            unsafe { log(self.handle, level, abi::Text::of(line)) };
        }
    }

    fn seeds(&self, shape: &[usize], seeds: &[f32]) -> Result<abi::Tensor, Error> {
        tensor(&[shape.first().copied().unwrap_or(0), self.classes()], seeds)
    }

    fn check(&self, status: abi::Status) -> Result<(), Error> {
        let why = || {
            // SAFETY: the host's function with the host's session; its text lives until the next call.
            let text = self.raw.last_error.map(|why| unsafe { why(self.handle).bytes() }).unwrap_or_default();
            let text = String::from_utf8_lossy(text).into_owned();
            if text.is_empty() { format!("camtui answered with status {status}") } else { text }
        };
        match status {
            abi::OK => Ok(()),
            abi::CANCELLED => Err(Error::Cancelled),
            abi::NOT_SUPPORTED => Err(Error::NotSupported(why())),
            _ => Err(Error::Failed(why())),
        }
    }
}

/// Ends a scope, also where its work panics.
struct EndScope {
    handle: *const abi::Session,
    end: unsafe extern "C" fn(*const abi::Session),
}

impl Drop for EndScope {
    fn drop(&mut self) {
        // SAFETY: the host's function with what its `scope` returned; all that was handed out ended with the work.
        unsafe { (self.end)(self.handle) };
    }
}

/// What the host filled in; only called with an out-parameter of a call that answered [`abi::OK`].
fn view<'a>(tensor: &abi::Tensor) -> Result<View<'a>, Error> {
    // SAFETY: the host filled it, with values that live until `explain` returns; every caller narrows `'a` to
    // that.
    let view = unsafe { tensor.view() };
    let (shape, data) = view.ok_or_else(|| Error::new("camtui answered with a tensor that cannot be"))?;
    Ok(View { shape, data })
}

fn tensor(shape: &[usize], data: &[f32]) -> Result<abi::Tensor, Error> {
    abi::Tensor::of(shape, data)
        .ok_or_else(|| Error::new(format!("a tensor of shape {shape:?} does not hold {} values", data.len())))
}
