//! What explainers may ask and what they may do wrong, with explainers that live in this test.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]

mod toy;

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use camtui_host::{ExplainError, Level, Library, Params, Registry};
use camtui_plugin::{Description, Error, Explainer, Map, Param, Place, Rule, Session, View};
use toy::{Toy, ask, ask_with, class, numbers, registry, values};

type Explain = fn(&Session<'_>, &camtui_plugin::Params<'_>) -> Result<Map, Error>;

/// An explainer of one function.
macro_rules! explainers {
    ($($type:ident $id:literal = $explain:expr;)+) => {
        $(struct $type;
        impl Explainer for $type {
            fn describe() -> Description {
                Description::new($id, $id)
                    .param(Param::int("steps", 50).range(1..=1000).help("How many"))
                    .param(Param::float("sigma", 0.15).range(0.0..=1.0))
                    .param(Param::bool("fast", false))
                    .param(Param::choice("fill", "mean", ["black", "mean"]))
                    .param(Param::text("label", "a b"))
            }
            fn explain(&self, s: &Session<'_>, p: &camtui_plugin::Params<'_>) -> Result<Map, Error> {
                let explain: Explain = $explain;
                explain(s, p)
            }
        })+
        camtui_plugin::export!(fn entry: $($type),+);
    };
}

explainers! {
    NotFinite "nan" = |_, _| Ok(Map::new(1, 3, vec![1.0, f32::NAN, f32::INFINITY]));
    WrongSize "wrong-size" = |_, _| Ok(Map::new(2, 3, vec![0.0; 5]));
    Nothing "empty" = |_, _| Ok(Map::new(0, 3, vec![]));
    Huge "huge" = |_, _| Ok(Map::new(20_000, 1, vec![0.0; 20_000]));
    BadChannel "bad-channel" = |_, _| Ok(Map::new(1, 1, vec![0.0]).with_channel("x\x1b", 1, 1, vec![f32::NAN]));
    Fails "fails" = |_, _| Err("there is \x1b[31mno sun".into());
    Panics "panics" = |_, _| panic!("out of {}", "luck");
    Indexes "indexes" = |s, _| Ok(Map::new(1, 1, vec![s.input()?.data()[1_000_000]]));
    Gives "gives" = |_, _| {
        Ok(Map::new(1, 2, vec![1.0, -1.0]).with_note("first\nline").with_channel("extra", 2, 1, vec![3.0, 4.0]))
    };
    SetUp "params" = |_, p| {
        let fill = if p.choice("fill")? == "black" { 1.0 } else { 2.0 };
        let values = vec![p.int("steps")? as f32, p.float("sigma")? as f32, f32::from(u8::from(p.bool("fast")?)), fill];
        assert!(p.int("sigma").is_err() && p.int("no").is_err());
        Ok(Map::new(2, 2, values).with_note(p.text("label")?))
    };
    Loops "loops" = |s, _| loop {
        s.progress(f32::NAN)?;
    };
    Hides "hides" = |s, _| loop {
        // Calls are refused once the user has cancelled, also to an explainer that never asks.
        s.activation(&s.layer()?).map_err(|_| Error::new("what happened?"))?;
    };
    GivesUp "gives-up" = |_, _| Err(Error::Cancelled);
    Talks "talks" = |s, _| {
        s.log(camtui_plugin::Level::Warning, "careful\x07");
        Ok(Map::new(1, 1, vec![0.0]))
    };
    Asks "asks" = |s, _| everything(s);
    Threads "threads" = |s, _| {
        // The session may be asked from several threads.
        let layer = s.layer()?;
        let all = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| s.activation(&layer).map(|a| a.data()[0]))).collect();
            asked.into_iter().map(|thread| thread.join().unwrap()).collect::<Result<Vec<f32>, Error>>()
        })?;
        Ok(Map::new(8, 1, all))
    };
}

/// Asks for all there is and checks it against the toy; a wrong answer is a panic, which the test then shows.
fn everything(s: &Session<'_>) -> Result<Map, Error> {
    let is = |view: View<'_>, shape: &[usize], data: &[f32]| {
        assert_eq!(view.shape(), shape);
        assert_eq!(view.data(), data);
    };
    assert_eq!((s.target(), s.classes(), s.random_seed()), (Some(1), 3, 42));
    is(s.input()?, &[1, 3, 4, 4], &numbers(48, 3));
    is(s.seed()?, &[1, 3], &[0.0, 1.0, 0.0]);
    assert_eq!(s.logits()?.shape(), [1, 3]);
    let layers = s.layers()?;
    let names: Vec<&str> = layers.iter().map(camtui_plugin::Layer::name).collect();
    assert_eq!(names, ["early", "conv", "pooled", "closed", "flat"]);
    assert_eq!(layers[0].shape(), [7, 9, 8]);
    assert!(layers[2].has_gradient() && !layers[3].has_gradient());
    assert!(s.layer()? == layers[2] && !s.layer_was_named());
    let pooled = &layers[2];
    is(s.activation(pooled)?, &[1, 4, 2, 3], values("pooled").data());
    assert_eq!(s.gradient(pooled)?, s.gradient_of(pooled, &[0.0, 1.0, 0.0], Rule::Plain)?);
    assert!(s.gradient(pooled)?.data().iter().any(|g| *g < 0.0));
    assert!(s.gradient_of(pooled, &[0.0, 1.0, 0.0], Rule::Guided)?.data().iter().all(|g| *g >= 0.0));
    is(s.gradient(Place::Image)?, &[1, 3, 4, 4], &[1.0; 48]);
    // Further runs: a batch of two.
    is(
        s.forward(&[2, 3, 4, 4], &[vec![1.0; 48], vec![0.5; 48]].concat())?,
        &[2, 3],
        &[48., -48., 96., 24., -24., 48.],
    );
    let again = s.forward_from(pooled, &[1, 4, 2, 3], s.activation(pooled)?.data())?;
    assert_eq!(again, s.logits()?);
    // What this model or this host has not, and what the arguments cannot mean.
    let unsupported = |error: Error| matches!(error, Error::NotSupported(_));
    assert!(unsupported(s.forward_from(&layers[1], &[1, 4, 5, 6], &[0.0; 120]).unwrap_err()));
    assert!(unsupported(
        s.gradient_at(&[1, 3, 4, 4], &[0.0; 48], pooled, &[0.0; 3], Rule::Plain).unwrap_err()
    ));
    assert!(unsupported(
        s.gradient_from(pooled, &[1, 4, 2, 3], &[0.0; 24], &[0.0; 3], Rule::Plain).unwrap_err()
    ));
    let says = |result: Result<View<'_>, Error>| result.unwrap_err().to_string();
    assert_eq!(says(s.gradient(&layers[3])), "the gradient of layer closed is not in this model");
    assert_eq!(
        says(s.forward(&[2, 3, 4, 4], &[0.0; 7])),
        "a tensor of shape [2, 3, 4, 4] does not hold 7 values"
    );
    assert_eq!(
        says(s.forward(&[1, 3, 4, 5], &[0.0; 60])),
        "inputs: the shape is [1, 3, 4, 5] where [n, 3, 4, 4] is expected"
    );
    assert_eq!(
        says(s.forward(&[0, 3, 4, 4], &[])),
        "inputs: the shape is [0, 3, 4, 4] where [n, 3, 4, 4] is expected"
    );
    assert_eq!(
        says(s.gradient_of(pooled, &[1.0], Rule::Plain)),
        "seed: the shape is [1, 1] where [n, 3] is expected"
    );
    // A panic of the host's own ends at the interface.
    assert_eq!(says(s.layer_bias(pooled)), "camtui itself panicked in this call");
    let head = s.linear_head()?;
    assert_eq!((head.pooled.as_ref(), head.bias), (Some(pooled), None));
    is(head.weights, &[3, 4], &toy::weights());
    is(s.pixel_range()?, &[2, 3], &[-2.0, -1.0, 0.0, 2.0, 3.0, 1.0]);
    Ok(Map::new(1, 1, vec![1.0]).of_layer(&layers[0]))
}

fn all() -> Registry {
    registry(Library::bundled("test", entry()).unwrap())
}

fn says(id: &str) -> String {
    ask(all().find(id).unwrap(), &Toy::default(), None, &class(1)).unwrap_err().to_string()
}

#[test]
fn everything_that_can_be_asked_is_answered() {
    let output = ask(all().find("asks").unwrap(), &Toy::default(), None, &class(1)).unwrap();
    assert_eq!(output.layer.as_deref(), Some("early"));
    let output = ask(all().find("threads").unwrap(), &Toy::default(), None, &class(1)).unwrap();
    assert_eq!(output.map.values, [values("pooled").data()[0]; 8]);
}

#[test]
fn what_is_no_map_is_refused() {
    assert_eq!(says("nan"), "`nan`: the map has 2 of 3 values that are not finite numbers");
    assert_eq!(says("wrong-size"), "`wrong-size`: the map is said to be 2×3 but comes with 5 values");
    assert!(says("empty").starts_with("`empty`: the map is 0×3; each side must be 1 to 16384"));
    assert!(says("huge").starts_with("`huge`: the map is 20000×1; each side must be"));
    assert_eq!(
        says("bad-channel"),
        r"`bad-channel`: the channel `x\u{1b}` has 1 of 1 values that are not finite numbers"
    );
}

#[test]
fn errors_and_panics_are_sentences() {
    assert_eq!(says("fails"), r"`fails`: there is \u{1b}[31mno sun");
    let panic = says("panics");
    assert!(panic.starts_with("`panics`: it panicked: out of luck ("), "{panic}");
    assert!(panic.contains("explaining.rs:"), "{panic}");
    let panic = says("indexes");
    assert!(panic.starts_with("`indexes`: it panicked: index out of bounds"), "{panic}");
    // And the next call is as good as ever.
    assert!(ask(all().find("gives").unwrap(), &Toy::default(), None, &class(1)).is_ok());
}

#[test]
fn a_panic_prints_nothing() {
    const CHILD: &str = "CAMTUI_TEST_PANIC_CHILD";
    if std::env::var_os(CHILD).is_some() {
        says("panics");
        eprintln!("still here");
        return;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_panic_prints_nothing", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8(child.stderr).unwrap();
    assert!(child.status.success() && printed.contains("still here"), "{printed}");
    assert!(!printed.contains("panicked") && !printed.contains("luck"), "{printed}");
}

#[test]
fn all_that_is_given_arrives() {
    let output = ask(all().find("gives").unwrap(), &Toy::default(), None, &class(1)).unwrap();
    assert_eq!((output.map.height, output.map.width, &*output.map.values), (1, 2, &[1.0, -1.0][..]));
    assert_eq!(output.notes, ["first line"]);
    assert_eq!(output.channels[0].name, "extra");
    assert_eq!(output.channels[0].grid.values, [3.0, 4.0]);
    assert_eq!(output.layer, None, "it says that it needs no activations");
}

#[test]
fn parameters_arrive_as_they_were_set() {
    let registry = all();
    let explainer = registry.find("params").unwrap();
    let values = |pairs: &[&str]| {
        let params = Params::parse(explainer.info(), pairs).unwrap();
        let output = ask_with(explainer, &Toy::default(), None, &class(1), &params, &|_, _| {}).unwrap();
        (output.map.values, output.notes)
    };
    assert_eq!(values(&[]), (vec![50.0, 0.15, 0.0, 2.0], vec!["a b".into()]));
    let set = values(&["steps=3", "sigma=1e-1", "fast=on", "fill=black", "label=ü"]);
    assert_eq!(set, (vec![3.0, 0.1, 1.0, 1.0], vec!["ü".into()]));
    assert_eq!(explainer.info().params[0].takes(), "a whole number from 1 to 1000 (default 50)");
    let foreign =
        Params::defaults(&camtui_host::ExplainerInfo { params: vec![], ..explainer.info().clone() });
    let error = ask_with(explainer, &Toy::default(), None, &class(1), &foreign, &|_, _| {}).unwrap_err();
    assert_eq!(error.to_string(), "the parameters given to `params` are not its own");
}

#[test]
fn cancelling_ends_a_call_that_reports_progress_or_asks_for_anything() {
    let toy = Toy::default();
    let registry = all();
    for id in ["loops", "hides"] {
        toy.cancel.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            let call = scope.spawn(|| ask(registry.find(id).unwrap(), &toy, None, &class(1)));
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!call.is_finished());
            toy.cancel.store(true, Ordering::Relaxed);
            assert_eq!(call.join().unwrap().unwrap_err(), ExplainError::Cancelled);
        });
    }
    assert_eq!(says("gives-up"), "`gives-up`: it gave up as if cancelled, but nobody did");
}

#[test]
fn the_log_is_passed_on_without_control_characters() {
    let lines = Mutex::new(vec![]);
    let log = |level: Level, line: &str| lines.lock().unwrap().push((level, line.to_owned()));
    let registry = all();
    let explainer = registry.find("talks").unwrap();
    let params = Params::defaults(explainer.info());
    ask_with(explainer, &Toy::default(), None, &class(1), &params, &log).unwrap();
    assert_eq!(*lines.lock().unwrap(), [(Level::Warning, r"careful\u{7}".to_owned())]);
}

#[test]
fn an_id_that_is_taken_is_found_by_its_qualified_form() {
    let mut registry = all();
    let count = registry.explainers().len();
    let notices = registry.add(Library::bundled("other", entry()).unwrap());
    assert_eq!(notices.len(), count);
    assert_eq!(notices[0], "`nan` of bundled is named `other:nan`, because `nan` is already taken (bundled)");
    assert_eq!(registry.find("nan").unwrap().qualified_id(), "test:nan");
    assert_eq!(registry.find("other:nan").unwrap().qualified_id(), "other:nan");
    assert_eq!(registry.find("test:nan").unwrap().qualified_id(), "test:nan");
    // A third of the same name.
    let notices = registry.add(Library::bundled("other", entry()).unwrap());
    assert!(notices[0].contains("is named `other#2:nan`"), "{}", notices[0]);
    assert!(registry.find("other#2:nan").is_ok());
}
