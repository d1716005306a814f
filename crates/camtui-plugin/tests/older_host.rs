//! A host of an older minor version: its structs end sooner than this SDK knows them. What lies behind their end is never
//! read; what it lacks is "not supported" to the explainer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "this test is a host")]

use std::ffi::c_void;
use std::mem::offset_of;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use camtui_plugin::{Description, Error, Explainer, Level, Map, Params, Session, abi};

/// Asks everything that a host may lack and gives one value for each answer.
struct Asks;

impl Explainer for Asks {
    fn describe() -> Description {
        Description::new("asks", "Asks")
    }

    fn explain(&self, s: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        let layer = s.layer().ok();
        let unsupported = |answer: Result<_, Error>| match answer {
            Ok(()) => 1.0,
            Err(Error::NotSupported(_)) => 2.0,
            Err(_) => 3.0,
        };
        s.log(Level::Info, "is it heard?");
        s.progress(0.5)?;
        let layer_answer = s.layer().map(drop);
        let values = vec![
            unsupported(s.input().map(drop)),
            unsupported(layer_answer),
            unsupported(s.linear_head().map(drop)),
            unsupported(s.pixel_range().map(drop)),
            if layer.is_some() { 1.0 } else { 2.0 },
        ];
        Ok(Map::new(1, values.len(), values).with_note("a note"))
    }
}

camtui_plugin::export!(fn entry: Asks);

static TRAPPED: AtomicUsize = AtomicUsize::new(0);

/// What lies behind the end of a shorter struct: whoever calls it has read too far.
extern "C" fn trap() -> u32 {
    TRAPPED.fetch_add(1, Ordering::Relaxed);
    abi::OK
}

static GIVEN: Mutex<Vec<f32>> = Mutex::new(Vec::new());
static SAID: Mutex<String> = Mutex::new(String::new());
static VALUES: [f32; 3] = [1.0, 2.0, 3.0];
/// The host's own pointer, by which it knows its session and sink again.
static OWN: u8 = 0;

unsafe extern "C" fn input(session: *const abi::Session, out: *mut abi::Tensor) -> u32 {
    // SAFETY: the SDK passes the session it was given and an out-parameter of its own.
    unsafe {
        assert!(std::ptr::eq((*session).host.cast(), &raw const OWN), "the session is the host's own");
        *out = abi::Tensor::of(&[1, 3], &VALUES).unwrap();
    }
    abi::OK
}

unsafe extern "C" fn layer(_: *const abi::Session, _: u32, out: *mut abi::Layer) -> u32 {
    // SAFETY: an out-parameter of the SDK's.
    unsafe { *out = abi::Layer::EMPTY };
    abi::OK
}

unsafe extern "C" fn map(sink: *const abi::Sink, _: u32, _: u32, values: *const f32, count: u64) -> u32 {
    // SAFETY: `count` values.
    unsafe {
        assert!(std::ptr::eq((*sink).host.cast(), &raw const OWN), "the sink is the host's own");
        *GIVEN.lock().unwrap() = std::slice::from_raw_parts(values, count as usize).to_vec();
    }
    abi::OK
}

unsafe extern "C" fn error(_: *const abi::Sink, text: abi::Text) -> u32 {
    // SAFETY: the SDK's text.
    *SAID.lock().unwrap() = String::from_utf8(unsafe { text.bytes() }.to_vec()).unwrap();
    abi::OK
}

unsafe extern "C" fn note(_: *const abi::Sink, _: abi::Text) -> u32 {
    abi::OK
}

/// A struct in which every function is the trap.
fn trapped<T>() -> T {
    let words = vec![trap as *const () as usize; size_of::<T>() / size_of::<usize>()];
    // SAFETY: as large as the struct; any function pointer fits its functions, any bits its numbers.
    unsafe { words.as_ptr().cast::<T>().read_unaligned() }
}

fn session(size: usize) -> abi::Session {
    abi::Session {
        size: size as u32,
        classes: 3,
        host: (&raw const OWN).cast_mut().cast::<c_void>(),
        target: 1,
        random_seed: 0,
        layer_count: 1,
        chosen_layer: 0,
        layer_was_named: 0,
        wants_terms: 0,
        reserved: [0; 6],
        input: Some(input),
        layer: Some(layer),
        ..trapped()
    }
}

fn sink(size: usize) -> abi::Sink {
    let host = (&raw const OWN).cast_mut().cast::<c_void>();
    abi::Sink {
        size: size as u32,
        reserved: 0,
        host,
        map: Some(map),
        note: Some(note),
        error: Some(error),
        ..trapped()
    }
}

/// Calls the explainer; its status, what it gave and what it said.
fn explain(session: &abi::Session, sink: &abi::Sink) -> (u32, Vec<f32>, String) {
    GIVEN.lock().unwrap().clear();
    SAID.lock().unwrap().clear();
    let values = abi::Values { size: size_of::<abi::Values>() as u32, count: 0, values: std::ptr::null() };
    // SAFETY: the library's own functions, with structs that are as large as they say.
    let status = unsafe {
        let described = entry().explainer.unwrap()(0);
        (*described).explain.unwrap()(described, session, &raw const values, sink)
    };
    assert_eq!(TRAPPED.load(Ordering::Relaxed), 0, "it has read beyond the end");
    (status, GIVEN.lock().unwrap().clone(), SAID.lock().unwrap().clone())
}

#[test]
fn what_an_older_host_lacks_is_not_supported_and_never_read() {
    let whole = size_of::<abi::Sink>();
    // Up to `layer`, which is the last function that this host has.
    let to_layer = offset_of!(abi::Session, layer) + size_of::<usize>();
    let asked = explain(&session(to_layer), &sink(whole));
    assert_eq!(asked, (abi::OK, vec![1.0, 1.0, 2.0, 2.0, 1.0], String::new()));
    // One that ends before, and one that ends in the middle of a pointer.
    let to_input = offset_of!(abi::Session, input) + size_of::<usize>();
    for size in [to_input, to_input + 3, offset_of!(abi::Session, layer) + size_of::<usize>() - 1] {
        let mut older = session(size);
        if size < offset_of!(abi::Session, layer) {
            (older.layer, older.logits) = (trapped::<abi::Session>().layer, trapped::<abi::Session>().logits);
        }
        let asked = explain(&older, &sink(whole));
        assert_eq!(asked, (abi::OK, vec![1.0, 2.0, 2.0, 2.0, 2.0], String::new()), "{size}");
    }
    // A sink without notes: the explainer has something to say, and says that it cannot.
    let asked = explain(&session(to_layer), &sink(offset_of!(abi::Sink, note)));
    assert_eq!((asked.0, asked.1), (abi::NOT_SUPPORTED, vec![]));
    // What is smaller than in any version is no session.
    assert_eq!(explain(&session(8), &sink(whole)).0, abi::INVALID);
    assert_eq!(explain(&session(to_layer), &sink(4)).0, abi::INVALID);
}
