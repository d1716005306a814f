//! A [`FakeSession`] behind the functions of the C interface: what camtui's own end does, in small.
//!
//! Values that are handed out live until the call of `explain` is over, and so does this.

use std::ffi::c_void;
use std::ptr::{from_ref, null};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Backward, FakeLayer, FakeSession, Question, Tensor};
use crate::panics::guarded;
use crate::{Map, Rule, abi};

pub(super) struct Served<'f> {
    fake: &'f FakeSession,
    wants_terms: bool,
    cancelled: AtomicBool,
    /// Owners of all values handed out.
    arena: Mutex<Vec<Vec<f32>>>,
    /// Why calls failed. All are kept, because one may still be read while another thread's call fails.
    errors: Mutex<Vec<String>>,
}

/// The status and the sentence.
type Problem = (abi::Status, String);

fn unsupported(what: impl Into<String>) -> Problem {
    (abi::NOT_SUPPORTED, what.into())
}

fn invalid(what: impl Into<String>) -> Problem {
    (abi::INVALID, what.into())
}

impl<'f> Served<'f> {
    pub fn new(fake: &'f FakeSession, wants_terms: bool) -> Self {
        let cancelled = AtomicBool::new(false);
        Self { fake, wants_terms, cancelled, arena: Mutex::default(), errors: Mutex::default() }
    }

    /// The session to hand out; it must not outlive `self`.
    pub fn session(&self) -> abi::Session {
        let fake = self.fake;
        abi::Session {
            size: size_of::<abi::Session>() as u32,
            classes: fake.classes as u32,
            host: from_ref(self).cast_mut().cast::<c_void>(),
            target: fake.target_class().map_or(-1, |class| class as i64),
            random_seed: fake.random_seed,
            layer_count: fake.layers.len() as u32,
            chosen_layer: fake.chosen.map_or(abi::NO_LAYER, |index| index as u32),
            layer_was_named: fake.was_named.into(),
            wants_terms: self.wants_terms.into(),
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
            scope: None,
            end_scope: None,
        }
    }

    fn layer(&self, index: u32) -> Result<&'f FakeLayer, Problem> {
        if index == abi::NO_LAYER {
            return Err(unsupported("this model has no layer that can be explained"));
        }
        self.fake.layers.get(index as usize).ok_or_else(|| invalid(format!("there is no layer {index}")))
    }

    /// The name of what `index` means, and the shape of one item there.
    fn place(&self, index: u32) -> Result<(Option<&'f str>, Vec<usize>), Problem> {
        if index == abi::IMAGE {
            return Ok((None, self.fake.input.shape.clone()));
        }
        self.layer(index).map(|layer| (Some(layer.name.as_str()), layer.shape.to_vec()))
    }

    fn put(&self, out: *mut abi::Tensor, shape: &[usize], values: Vec<f32>) -> Result<(), Problem> {
        // Moving a vector leaves its values where they are.
        let tensor = abi::Tensor::of(shape, &values).ok_or_else(|| {
            (
                abi::FAILED,
                format!("this test's model gave {} values where {shape:?} was asked for", values.len()),
            )
        })?;
        self.arena.lock().expect("whoever holds it only pushes").push(values);
        // SAFETY: the SDK's own out-parameter.
        unsafe { out.write(tensor) };
        Ok(())
    }

    /// Runs `each` on every item of a batch and puts the answers side by side.
    fn batch(
        &self,
        out: *mut abi::Tensor,
        (count, tail): (usize, &[usize]),
        each: impl Fn(usize) -> Vec<f32>,
    ) -> Result<(), Problem> {
        let answers: Vec<Vec<f32>> = (0..count).map(each).collect();
        let wanted: usize = tail.iter().product();
        if let Some(wrong) = answers.iter().find(|answer| answer.len() != wanted) {
            let sentence =
                format!("this test's model gave {} values where {tail:?} was asked for", wrong.len());
            return Err((abi::FAILED, sentence));
        }
        self.put(out, &[&[count], tail].concat(), answers.concat())
    }

    fn backward(&self) -> Result<&'f Backward, Problem> {
        let missing = "this made-up session has no such gradient: give it with `gradient` or `image_gradient`, or any \
                       gradient with `backward`";
        self.fake.backward.as_ref().ok_or_else(|| unsupported(missing))
    }
}

/// Runs one call.
///
/// # Safety
///
/// `session` is one that [`Served::session`] made of a `Served` that is still there.
unsafe fn answer<'f>(
    session: *const abi::Session,
    call: impl FnOnce(&'f Served<'f>) -> Result<(), Problem>,
) -> abi::Status {
    // SAFETY: as the caller promises.
    let served = unsafe { &*(*session).host.cast::<Served<'f>>() };
    if served.cancelled.load(Ordering::Relaxed) {
        return abi::CANCELLED;
    }
    // A panic of the test's own closures must not cross the interface.
    let result = guarded(|| call(served))
        .unwrap_or_else(|panic| Err((abi::FAILED, format!("this test's model panicked: {panic}"))));
    match result {
        Ok(()) => abi::OK,
        Err((status, sentence)) => {
            served.errors.lock().expect("whoever holds it only pushes").push(sentence);
            status
        }
    }
}

/// A batch `[n, tail…]` of the plugin's.
///
/// # Safety
///
/// `tensor` is the SDK's view of a slice that nobody changes during `'a`.
unsafe fn items<'a>(
    tensor: *const abi::Tensor,
    tail: &[usize],
    what: &str,
) -> Result<(usize, Vec<&'a [f32]>), Problem> {
    // SAFETY: as the caller promises.
    let view = unsafe { tensor.as_ref().and_then(|tensor| tensor.view()) };
    let (shape, data) = view.ok_or_else(|| invalid(format!("{what}: no values")))?;
    match shape.split_first() {
        Some((&n, rest)) if n > 0 && rest == tail => {
            Ok((n, data.chunks_exact((data.len() / n).max(1)).collect()))
        }
        _ => Err(invalid(format!("{what}: the shape is {shape:?} where [n, …] with {tail:?} is expected"))),
    }
}

fn rule(code: u32) -> Rule {
    if code == abi::RULE_GUIDED { Rule::Guided } else { Rule::Plain }
}

fn with_batch_axis(shape: &[usize]) -> Vec<usize> {
    [&[1], shape].concat()
}

unsafe extern "C" fn input(session: *const abi::Session, out: *mut abi::Tensor) -> abi::Status {
    // SAFETY: here and below, `session` is one of `Served::session`, of a `Served` that outlives the call of `explain`.
    unsafe {
        answer(session, |served| {
            let Tensor { shape, values } = &served.fake.input;
            served.put(out, &with_batch_axis(shape), values.clone())
        })
    }
}

unsafe extern "C" fn logits(session: *const abi::Session, out: *mut abi::Tensor) -> abi::Status {
    // SAFETY: as above.
    unsafe {
        answer(session, |served| {
            let fake = served.fake;
            let values = match (&fake.logits, &fake.forward) {
                (Some(given), _) => given.clone(),
                (None, Some(forward)) => forward(&fake.input.values),
                (None, None) => vec![0.0; fake.classes],
            };
            served.put(out, &[1, fake.classes], values)
        })
    }
}

unsafe extern "C" fn seed(session: *const abi::Session, out: *mut abi::Tensor) -> abi::Status {
    // SAFETY: as above.
    unsafe { answer(session, |served| served.put(out, &[1, served.fake.classes], served.fake.seed.clone())) }
}

unsafe extern "C" fn layer(session: *const abi::Session, index: u32, out: *mut abi::Layer) -> abi::Status {
    // SAFETY: as above.
    unsafe {
        answer(session, |served| {
            let layer = served.layer(index)?;
            let mut shape = [0; abi::MAX_RANK];
            for (to, &from) in shape.iter_mut().zip(&layer.shape) {
                *to = from as u64;
            }
            let has_gradient = layer.gradient.is_some() || served.fake.backward.is_some();
            let found = abi::Layer {
                rank: layer.shape.len() as u32,
                name: abi::Text::of(&layer.name),
                shape,
                has_gradient: has_gradient.into(),
                ..abi::Layer::EMPTY
            };
            out.write(found);
            Ok(())
        })
    }
}

unsafe extern "C" fn activation(
    session: *const abi::Session,
    index: u32,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: as above.
    unsafe {
        answer(session, |served| {
            let layer = served.layer(index)?;
            served.put(out, &with_batch_axis(&layer.shape), layer.activation.clone())
        })
    }
}

unsafe extern "C" fn gradient(
    session: *const abi::Session,
    index: u32,
    seed: *const abi::Tensor,
    code: u32,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: as above; `seed` is null or the SDK's view of a slice that outlives the call.
    unsafe {
        answer(session, |served| {
            let fake = served.fake;
            let (layer, shape) = served.place(index)?;
            let seed = if seed.is_null() {
                fake.seed.as_slice()
            } else {
                let (count, seeds) = items(seed, &[fake.classes], "the seed")?;
                if count == 1 { seeds[0] } else { return Err(invalid("the seed: [1, classes] is expected")) }
            };
            let given =
                if index == abi::IMAGE { &fake.image_gradient } else { &served.layer(index)?.gradient };
            let values = match given {
                Some(given) if seed == fake.seed && code == abi::RULE_PLAIN => given.clone(),
                _ => {
                    let question = Question { layer, values: &fake.input.values, seed, rule: rule(code) };
                    served.backward()?(&question)
                }
            };
            served.put(out, &with_batch_axis(&shape), values)
        })
    }
}

unsafe extern "C" fn forward(
    session: *const abi::Session,
    inputs: *const abi::Tensor,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: as above; `inputs` is the SDK's view of a slice that outlives the call.
    unsafe {
        answer(session, |served| {
            let (count, inputs) = items(inputs, &served.fake.input.shape, "the inputs")?;
            let missing = || unsupported("this made-up session has no model: give it with `model`");
            let forward = served.fake.forward.as_ref().ok_or_else(missing)?;
            served.batch(out, (count, &[served.fake.classes]), |n| forward(inputs[n]))
        })
    }
}

unsafe extern "C" fn forward_from(
    session: *const abi::Session,
    index: u32,
    activations: *const abi::Tensor,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: as above; `activations` is the SDK's view of a slice that outlives the call.
    unsafe {
        answer(session, |served| {
            let layer = served.layer(index)?;
            let (count, activations) = items(activations, &layer.shape, "the activations")?;
            let missing = || {
                unsupported(format!(
                    "this made-up session ends at `{}`: give the rest with `tail`",
                    layer.name
                ))
            };
            let tail = layer.tail.as_ref().ok_or_else(missing)?;
            served.batch(out, (count, &[served.fake.classes]), |n| tail(activations[n]))
        })
    }
}

unsafe extern "C" fn gradient_at(
    session: *const abi::Session,
    inputs: *const abi::Tensor,
    index: u32,
    seeds: *const abi::Tensor,
    code: u32,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: as above; `inputs` and `seeds` are the SDK's views of slices that outlive the call.
    unsafe {
        answer(session, |served| {
            let (layer, shape) = served.place(index)?;
            let (count, inputs) = items(inputs, &served.fake.input.shape, "the inputs")?;
            let (_, seeds) = items(seeds, &[served.fake.classes], "the seeds")?;
            let backward = served.backward()?;
            let question = |n: usize| Question { layer, values: inputs[n], seed: seeds[n], rule: rule(code) };
            served.batch(out, (count, &shape), |n| backward(&question(n)))
        })
    }
}

unsafe extern "C" fn gradient_from(
    session: *const abi::Session,
    index: u32,
    activations: *const abi::Tensor,
    seeds: *const abi::Tensor,
    code: u32,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: as above; `activations` and `seeds` are the SDK's views of slices that outlive the call.
    unsafe {
        answer(session, |served| {
            let layer = served.layer(index)?;
            let (count, activations) = items(activations, &layer.shape, "the activations")?;
            let (_, seeds) = items(seeds, &[served.fake.classes], "the seeds")?;
            let backward = served.backward()?;
            let layer_name = Some(layer.name.as_str());
            let question = |n: usize| Question {
                layer: layer_name,
                values: activations[n],
                seed: seeds[n],
                rule: rule(code),
            };
            served.batch(out, (count, &layer.shape), |n| backward(&question(n)))
        })
    }
}

unsafe extern "C" fn layer_bias(
    session: *const abi::Session,
    index: u32,
    out: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: as above.
    unsafe {
        answer(session, |served| {
            let layer = served.layer(index)?;
            let missing =
                || unsupported(format!("`{}` has no bias here: give it with `layer_bias`", layer.name));
            let bias = layer.bias.clone().ok_or_else(missing)?;
            served.put(out, &[bias.len()], bias)
        })
    }
}

unsafe extern "C" fn linear_head(
    session: *const abi::Session,
    pooled: *mut u32,
    weights: *mut abi::Tensor,
    bias: *mut abi::Tensor,
) -> abi::Status {
    // SAFETY: as above; the three are the SDK's own out-parameters.
    unsafe {
        answer(session, |served| {
            let missing =
                || unsupported("this made-up network does not end so: give its end with `linear_head`");
            let head = served.fake.head.as_ref().ok_or_else(missing)?;
            served.put(weights, &head.weights.shape, head.weights.values.clone())?;
            if let Some(values) = &head.bias {
                served.put(bias, &[values.len()], values.clone())?;
            }
            pooled.write(head.pooled);
            Ok(())
        })
    }
}

unsafe extern "C" fn pixel_range(session: *const abi::Session, out: *mut abi::Tensor) -> abi::Status {
    // SAFETY: as above.
    unsafe {
        answer(session, |served| {
            let missing = || unsupported("this made-up input has no range: give it with `pixel_range`");
            let range = served.fake.pixel_range.as_ref().ok_or_else(missing)?;
            served.put(out, &range.shape, range.values.clone())
        })
    }
}

unsafe extern "C" fn last_error(session: *const abi::Session) -> abi::Text {
    // SAFETY: as above.
    let served = unsafe { &*(*session).host.cast::<Served<'_>>() };
    let errors = served.errors.lock().expect("whoever holds it only pushes");
    errors.last().map_or(abi::Text::EMPTY, |sentence| abi::Text::of(sentence))
}

unsafe extern "C" fn progress(session: *const abi::Session, done: f32) {
    // SAFETY: as above.
    let served = unsafe { &*(*session).host.cast::<Served<'_>>() };
    served.fake.told.lock().expect("whoever holds it only pushes").push(done);
    if served.fake.cancel_at.is_some_and(|at| done >= at) {
        served.cancelled.store(true, Ordering::Relaxed);
    }
}

unsafe extern "C" fn cancelled(session: *const abi::Session) -> u8 {
    // SAFETY: as above.
    unsafe { &*(*session).host.cast::<Served<'_>>() }.cancelled.load(Ordering::Relaxed).into()
}

unsafe extern "C" fn log(_session: *const abi::Session, level: u32, line: abi::Text) {
    // SAFETY: the SDK's text outlives the call.
    let line = String::from_utf8_lossy(unsafe { line.bytes() }).into_owned();
    // Shown by the test harness where the test fails.
    println!("log, level {level}: {line}");
}

/// In a test everything is wanted.
unsafe extern "C" fn wants_partial(_session: *const abi::Session) -> u8 {
    1
}

unsafe extern "C" fn partial(
    session: *const abi::Session,
    height: u32,
    width: u32,
    values: *const f32,
    count: u64,
) -> abi::Status {
    // SAFETY: as above; as many values as the SDK says.
    let (served, values) = unsafe {
        (&*(*session).host.cast::<Served<'_>>(), std::slice::from_raw_parts(values, count as usize))
    };
    let map = Map::new(height as usize, width as usize, values.to_vec());
    served.fake.partials.lock().expect("whoever holds it only pushes").push(map);
    abi::OK
}

unsafe extern "C" fn get_extension(_session: *const abi::Session, _name: abi::Text) -> *const c_void {
    null()
}
