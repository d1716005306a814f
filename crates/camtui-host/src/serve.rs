//! The session: a [`Backend`] behind the interface's function pointers.
//!
//! Every value that is handed out is kept alive here until the call of `explain` is over. A panic of the
//! backend ends here too: one that crossed the interface would abort the program.

use std::collections::HashMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{from_ref, null};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use camtui_plugin::abi;

use crate::collect;
use crate::text::clean;
use crate::{Array, Backend, BackendError, Batch, Grid, Layer, Level, Place, Request, Rule};

/// Why a call has no answer.
enum Problem {
    Backend(BackendError),
    /// The plugin's arguments contradict the header.
    Invalid(String),
}

impl From<BackendError> for Problem {
    fn from(error: BackendError) -> Self {
        Self::Backend(error)
    }
}

/// The host's end of an [`abi::Session`].
pub(crate) struct Served<'a> {
    backend: &'a dyn Backend,
    request: &'a Request<'a>,
    layers: Vec<Layer>,
    chosen: Option<usize>,
    /// Owners of all values handed out.
    arena: Mutex<Vec<Arc<dyn AsRef<[f32]> + Send + Sync>>>,
    /// Why the last call of each thread failed.
    errors: Mutex<HashMap<ThreadId, String>>,
    /// When a partial map was shown last, or when the call began.
    shown: Arc<Mutex<Instant>>,
}

/// A session within another's call: answers of one batch.
#[repr(C)]
struct Scope<'a> {
    /// What the plugin is given a pointer to.
    raw: abi::Session,
    served: Served<'a>,
}

impl<'a> Served<'a> {
    pub fn new(
        backend: &'a dyn Backend,
        request: &'a Request<'a>,
        layers: Vec<Layer>,
        chosen: Option<usize>,
    ) -> Self {
        let shown = Arc::new(Mutex::new(Instant::now()));
        Self { backend, request, layers, chosen, arena: Mutex::default(), errors: Mutex::default(), shown }
    }

    pub fn backend(&self) -> &'a dyn Backend {
        self.backend
    }

    pub fn request(&self) -> &'a Request<'a> {
        self.request
    }

    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Index of the layer to explain.
    pub fn chosen(&self) -> Option<usize> {
        self.chosen
    }

    /// The session to hand out; it must not outlive `self`.
    pub fn session(&self) -> abi::Session {
        abi::Session {
            size: size_of::<abi::Session>() as u32,
            classes: self.backend.classes() as u32,
            host: from_ref(self).cast_mut().cast::<c_void>(),
            target: self.request.target.map_or(-1, |class| class as i64),
            random_seed: self.request.random_seed,
            layer_count: self.layers.len() as u32,
            chosen_layer: self.chosen.map_or(abi::NO_LAYER, |index| index as u32),
            layer_was_named: self.request.layer.is_some().into(),
            wants_terms: self.request.terms.into(),
            reserved: [0; 6],
            input: Some(input),
            logits: Some(logits),
            seed: Some(seed),
            layer: Some(layer),
            activation: Some(activation),
            gradient: Some(gradient),
            forward: Some(forward),
            forward_from: Some(forward_from),
            gradient_at: Some(gradient_at),
            gradient_from: Some(gradient_from),
            layer_bias: Some(layer_bias),
            linear_head: Some(linear_head),
            pixel_range: Some(pixel_range),
            last_error: Some(last_error),
            progress: Some(progress),
            cancelled: Some(cancelled),
            log: Some(log),
            get_extension: Some(get_extension),
            wants_partial: Some(wants_partial),
            partial: Some(partial),
            scope: Some(scope),
            end_scope: Some(end_scope),
        }
    }

    /// Whether somebody watches and has not been shown anything for a while.
    fn wants_partial(&self) -> bool {
        self.request.partial.is_some_and(|partial| self.unseen() >= partial.every)
    }

    /// How long ago something was shown.
    fn unseen(&self) -> Duration {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Shows what there is of the map, unless that was done just now: a child's clock runs a little ahead of this one, so half the
    /// time is enough.
    pub fn show(&self, grid: Grid) {
        if let Some(partial) = self.request.partial.filter(|partial| self.unseen() >= partial.every / 2) {
            (partial.show)(grid);
            // Showing may take long, and time is to pass before it is done again.
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
    }

    fn layer(&self, index: u32) -> Result<&Layer, Problem> {
        if index == abi::NO_LAYER {
            let sentence = "this model has no layer that can be explained";
            return Err(BackendError::NotSupported(sentence.into()).into());
        }
        self.layers.get(index as usize).ok_or_else(|| Problem::Invalid(format!("there is no layer {index}")))
    }

    fn place(&self, index: u32) -> Result<Place<'_>, Problem> {
        if index == abi::IMAGE {
            return Ok(Place::Image);
        }
        let layer = self.layer(index)?;
        if layer.gradient {
            return Ok(Place::Layer(&layer.name));
        }
        Err(BackendError::NotSupported(format!("the gradient of layer {} is not in this model", layer.name))
            .into())
    }

    /// Keeps `array` alive and shows it to the plugin.
    fn put(&self, out: *mut abi::Tensor, array: &Array) -> Result<(), Problem> {
        // SAFETY: null, or a tensor of the plugin's, which begins with its size.
        if out.is_null() || (unsafe { out.cast::<u32>().read() } as usize) < size_of::<abi::Tensor>() {
            return Err(Problem::Invalid("an out-parameter is null or smaller than a tensor".into()));
        }
        let tensor = abi::Tensor::of(array.shape(), array.data()).expect("an array's shape fits its values");
        self.arena.lock().unwrap_or_else(PoisonError::into_inner).push(array.owner());
        // SAFETY: not null and as large as a tensor, as just seen.
        unsafe { out.write(tensor) };
        Ok(())
    }
}

/// Runs one call of a plugin.
///
/// # Safety
///
/// `session` is null or one that [`Served::session`] made of a `Served` that is still there.
unsafe fn answer<'a>(
    session: *const abi::Session,
    call: impl FnOnce(&'a Served<'a>) -> Result<(), Problem>,
) -> abi::Status {
    // SAFETY: as the caller promises.
    let served = unsafe { session.as_ref().and_then(|s| s.host.cast::<Served<'a>>().as_ref()) };
    let Some(served) = served else { return abi::INVALID };
    if served.request.cancel.load(Ordering::Relaxed) {
        return abi::CANCELLED;
    }
    let result = catch_unwind(AssertUnwindSafe(|| call(served)))
        .unwrap_or_else(|_| Err(BackendError::Failed("camtui itself panicked in this call".into()).into()));
    let (status, sentence) = match result {
        Ok(()) => return abi::OK,
        Err(Problem::Backend(BackendError::Cancelled)) => return abi::CANCELLED,
        Err(Problem::Backend(BackendError::NotSupported(sentence))) => (abi::NOT_SUPPORTED, sentence),
        Err(Problem::Backend(BackendError::Failed(sentence))) => (abi::FAILED, sentence),
        Err(Problem::Invalid(sentence)) => (abi::INVALID, sentence),
    };
    let mut errors = served.errors.lock().unwrap_or_else(PoisonError::into_inner);
    errors.insert(std::thread::current().id(), sentence);
    status
}

/// A tensor of the plugin's, of shape `[n, tail…]`.
///
/// # Safety
///
/// `tensor` is null or as the header says, and nobody changes it during `'a`.
unsafe fn batch<'a>(
    tensor: *const abi::Tensor,
    tail: &[usize],
    what: &str,
) -> Result<(Vec<usize>, &'a [f32]), Problem> {
    // SAFETY: null, or a tensor, which begins with its size.
    if tensor.is_null() || (unsafe { tensor.cast::<u32>().read() } as usize) < size_of::<abi::Tensor>() {
        return Err(Problem::Invalid(format!("{what}: null, or smaller than a tensor")));
    }
    // SAFETY: as large as a tensor, as just seen; its values as the caller promises.
    let (shape, data) = unsafe { (*tensor).view() }
        .ok_or_else(|| Problem::Invalid(format!("{what}: a null pointer or an impossible shape")))?;
    match shape.split_first() {
        Some((&n, rest)) if n > 0 && rest == tail => Ok((shape, data)),
        _ => Err(Problem::Invalid(format!(
            "{what}: the shape is {shape:?} where [n, {}] is expected",
            list(tail)
        ))),
    }
}

fn list(extents: &[usize]) -> String {
    extents.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn rule(code: u32) -> Result<Rule, Problem> {
    match code {
        abi::RULE_PLAIN => Ok(Rule::Plain),
        abi::RULE_GUIDED => Ok(Rule::Guided),
        _ => Err(BackendError::NotSupported(format!("this camtui knows no gradient rule {code}")).into()),
    }
}

fn same_number(a: &[usize], b: &[usize]) -> Result<(), Problem> {
    if a.first() == b.first() {
        return Ok(());
    }
    Err(Problem::Invalid(format!("{:?} items come with {:?} seeds", a.first(), b.first())))
}

// SAFETY of what follows: the header obliges the plugin to pass the session it was given, while `explain`
// runs, and tensors that are null or what they say.

unsafe extern "C" fn input(session: *const abi::Session, out: *mut abi::Tensor) -> abi::Status {
    // SAFETY: see above.
    unsafe { answer(session, |s| s.put(out, &s.backend.input()?)) }
}

unsafe extern "C" fn logits(session: *const abi::Session, out: *mut abi::Tensor) -> abi::Status {
    // SAFETY: see above.
    unsafe { answer(session, |s| s.put(out, &s.backend.logits()?)) }
}

unsafe extern "C" fn seed(session: *const abi::Session, out: *mut abi::Tensor) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| s.put(out, &Array::new([1, s.request.seed.len()], s.request.seed.to_vec())))
    }
}

unsafe extern "C" fn layer(session: *const abi::Session, index: u32, out: *mut abi::Layer) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            let layer = s.layer(index)?;
            // SAFETY: null, or a layer of the plugin's, which begins with its size.
            if out.is_null() || (out.cast::<u32>().read() as usize) < size_of::<abi::Layer>() {
                return Err(Problem::Invalid("an out-parameter is null or smaller than a layer".into()));
            }
            let mut described = abi::Layer {
                rank: layer.shape.len() as u32,
                name: abi::Text::of(&layer.name),
                has_gradient: layer.gradient.into(),
                ..abi::Layer::EMPTY
            };
            for (to, &from) in described.shape.iter_mut().zip(&layer.shape) {
                *to = from as u64;
            }
            // SAFETY: not null and as large as a layer, as just seen.
            out.write(described);
            Ok(())
        })
    }
}

unsafe extern "C" fn activation(
    session: *const abi::Session,
    layer: u32,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: see above.
    unsafe { answer(session, |s| s.put(out, &s.backend.activation(&s.layer(layer)?.name)?)) }
}

unsafe extern "C" fn gradient(
    session: *const abi::Session,
    place: u32,
    seed: *const abi::Tensor,
    code: u32,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            let seed = if seed.is_null() {
                s.request.seed
            } else {
                let (shape, seed) = batch(seed, &[s.backend.classes()], "seed")?;
                same_number(&[1], &shape)?;
                seed
            };
            s.put(out, &s.backend.gradient(s.place(place)?, seed, rule(code)?)?)
        })
    }
}

unsafe extern "C" fn forward(
    session: *const abi::Session,
    inputs: *const abi::Tensor,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            let (shape, data) = batch(inputs, &s.backend.input()?.shape()[1..], "inputs")?;
            s.put(out, &s.backend.forward(Batch { shape: &shape, data })?)
        })
    }
}

unsafe extern "C" fn forward_from(
    session: *const abi::Session,
    layer: u32,
    activations: *const abi::Tensor,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            let layer = s.layer(layer)?;
            let (shape, data) = batch(activations, &layer.shape, "activations")?;
            s.put(out, &s.backend.forward_from(&layer.name, Batch { shape: &shape, data })?)
        })
    }
}

unsafe extern "C" fn gradient_at(
    session: *const abi::Session,
    inputs: *const abi::Tensor,
    place: u32,
    seeds: *const abi::Tensor,
    code: u32,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            let (shape, data) = batch(inputs, &s.backend.input()?.shape()[1..], "inputs")?;
            let (seed_shape, seeds) = batch(seeds, &[s.backend.classes()], "seeds")?;
            same_number(&shape, &seed_shape)?;
            let (inputs, seeds) = (Batch { shape: &shape, data }, Batch { shape: &seed_shape, data: seeds });
            s.put(out, &s.backend.gradient_at(inputs, s.place(place)?, seeds, rule(code)?)?)
        })
    }
}

unsafe extern "C" fn gradient_from(
    session: *const abi::Session,
    layer: u32,
    activations: *const abi::Tensor,
    seeds: *const abi::Tensor,
    code: u32,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            let layer = s.layer(layer)?;
            let (shape, data) = batch(activations, &layer.shape, "activations")?;
            let (seed_shape, seeds) = batch(seeds, &[s.backend.classes()], "seeds")?;
            same_number(&shape, &seed_shape)?;
            let (activations, seeds) =
                (Batch { shape: &shape, data }, Batch { shape: &seed_shape, data: seeds });
            s.put(out, &s.backend.gradient_from(&layer.name, activations, seeds, rule(code)?)?)
        })
    }
}

unsafe extern "C" fn layer_bias(
    session: *const abi::Session,
    layer: u32,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: see above.
    unsafe { answer(session, |s| s.put(out, &s.backend.layer_bias(&s.layer(layer)?.name)?)) }
}

unsafe extern "C" fn linear_head(
    session: *const abi::Session,
    pooled: *mut u32,
    weights: *mut abi::Tensor,
    bias: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            let head = s.backend.linear_head()?;
            if pooled.is_null() {
                return Err(Problem::Invalid("an out-parameter is null".into()));
            }
            let index = s.layers.iter().position(|l| l.name == head.pooled);
            s.put(weights, &head.weights)?;
            match &head.bias {
                Some(values) => s.put(bias, values)?,
                // An empty array would do as well, but null is what a plugin asks for.
                None if !bias.is_null() && bias.cast::<u32>().read() as usize >= size_of::<abi::Tensor>() => {
                    bias.write(abi::Tensor::EMPTY);
                }
                None => {}
            }
            // SAFETY: not null, as seen above.
            pooled.write(index.map_or(abi::NO_LAYER, |n| n as u32));
            Ok(())
        })
    }
}

unsafe extern "C" fn pixel_range(session: *const abi::Session, out: *mut abi::Tensor) -> abi::Status {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            let pairs = s.backend.pixel_range()?;
            let values: Vec<f32> =
                pairs.iter().map(|pair| pair.0).chain(pairs.iter().map(|pair| pair.1)).collect();
            s.put(out, &Array::new([2, pairs.len()], values))
        })
    }
}

unsafe extern "C" fn last_error(session: *const abi::Session) -> abi::Text {
    // SAFETY: see above.
    let served = unsafe { session.as_ref().and_then(|s| s.host.cast::<Served<'_>>().as_ref()) };
    let Some(served) = served else { return abi::Text::EMPTY };
    let errors = served.errors.lock().unwrap_or_else(PoisonError::into_inner);
    // The text lives on the heap until this thread's next failing call, whatever the table does.
    errors.get(&std::thread::current().id()).map_or(abi::Text::EMPTY, |text| abi::Text::of(text))
}

unsafe extern "C" fn progress(session: *const abi::Session, done: f32) {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            (s.request.progress)(if done.is_nan() { 0.0 } else { done.clamp(0.0, 1.0) });
            Ok(())
        })
    };
}

unsafe extern "C" fn wants_partial(session: *const abi::Session) -> u8 {
    let mut wanted = false;
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            wanted = s.wants_partial();
            Ok(())
        })
    };
    wanted.into()
}

unsafe extern "C" fn partial(
    session: *const abi::Session,
    height: u32,
    width: u32,
    values: *const f32,
    count: u64,
) -> abi::Status {
    // SAFETY: see above; the header obliges the plugin to `count` values.
    unsafe {
        answer(session, |s| {
            let grid = collect::partial(height, width, values, count);
            s.show(grid.map_err(|refused| Problem::Invalid(refused.to_string()))?);
            Ok(())
        })
    }
}

unsafe extern "C" fn scope(session: *const abi::Session) -> *const abi::Session {
    let mut made = null();
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            let layers = s.layers.clone();
            let served =
                Served { shown: Arc::clone(&s.shown), ..Served::new(s.backend, s.request, layers, s.chosen) };
            let raw = served.session();
            let scope = Box::into_raw(Box::new(Scope { raw, served }));
            // The session's pointer is to where it lies now.
            (*scope).raw = (*scope).served.session();
            made = scope.cast::<abi::Session>().cast_const();
            Ok(())
        })
    };
    made
}

unsafe extern "C" fn end_scope(inner: *const abi::Session) {
    if !inner.is_null() {
        // SAFETY: the header obliges the plugin to pass what `scope` returned, once.
        drop(unsafe { Box::from_raw(inner.cast::<Scope<'_>>().cast_mut()) });
    }
}

unsafe extern "C" fn cancelled(session: *const abi::Session) -> u8 {
    // SAFETY: see above.
    u8::from(unsafe { answer(session, |_| Ok(())) } == abi::CANCELLED)
}

unsafe extern "C" fn log(session: *const abi::Session, level: u32, text: abi::Text) {
    // SAFETY: see above.
    unsafe {
        answer(session, |s| {
            (s.request.log)(level_of(level), &clean(&String::from_utf8_lossy(text.bytes()), 2_000));
            Ok(())
        })
    };
}

/// A level that a later version knows is at least a warning.
pub(crate) fn level_of(code: u32) -> Level {
    match code {
        abi::LOG_DEBUG => Level::Debug,
        abi::LOG_INFO => Level::Info,
        abi::LOG_WARNING => Level::Warning,
        _ => Level::Error,
    }
}

/// The other way round.
#[cfg(unix)]
pub(crate) fn code_of(level: Level) -> u32 {
    match level {
        Level::Debug => abi::LOG_DEBUG,
        Level::Info => abi::LOG_INFO,
        Level::Warning => abi::LOG_WARNING,
        Level::Error => abi::LOG_ERROR,
    }
}

unsafe extern "C" fn get_extension(_session: *const abi::Session, _name: abi::Text) -> *const c_void {
    null()
}
