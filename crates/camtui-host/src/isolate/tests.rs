//! Children that lie: a shell that sends frames made here, whatever it is told.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::confine::Confined;
use super::messages::{Done, Question, Report};
use super::pool::Pool;
use super::wire::{self, View};
use super::{Isolation, call};
use crate::library::Runner;
use crate::{
    Answer, Array, Backend, BackendError, ExplainError, ExplainerInfo, Layer, Library, LinearHead, Needs,
    Origin, Output, ParamInfo, ParamKind, Params, Place, Request, Rule, run,
};

/// Two layers, of which one has a gradient, and two classes.
struct Model;

impl Backend for Model {
    fn classes(&self) -> usize {
        2
    }
    fn layers(&self) -> Vec<Layer> {
        let layer = |name: &str, gradient| Layer { name: name.into(), shape: vec![1, 1, 2], gradient };
        vec![layer("open", true), layer("closed", false)]
    }
    fn default_layer(&self) -> Option<String> {
        None
    }
    fn input(&self) -> Answer<Array> {
        Ok(Array::new([1, 3, 1, 1], vec![0.0; 3]))
    }
    fn logits(&self) -> Answer<Array> {
        Ok(Array::new([1, 2], vec![0.0; 2]))
    }
    fn activation(&self, _: &str) -> Answer<Array> {
        Ok(Array::new([1, 1, 1, 2], vec![0.0; 2]))
    }
    fn gradient(&self, _: Place<'_>, _: &[f32], _: Rule) -> Answer<Array> {
        self.activation("")
    }
    fn linear_head(&self) -> Answer<LinearHead> {
        Err(BackendError::NotSupported("none".into()))
    }
}

fn frame(report: &Report, tensors: &[View<'_>]) -> Vec<u8> {
    let mut bytes = vec![];
    wire::send(&mut bytes, report, tensors).unwrap();
    bytes
}

fn info() -> ExplainerInfo {
    ExplainerInfo {
        id: "x".into(),
        name: "X".into(),
        version: "1".into(),
        summary: String::new(),
        reference: String::new(),
        needs: Needs::default(),
        rectify: false,
        class_agnostic: false,
        gives_terms: false,
        params: vec![],
    }
}

fn ready(explainers: Vec<ExplainerInfo>) -> Vec<u8> {
    frame(&Report::Ready { explainers, confined: 0 }, &[])
}

fn done() -> Done {
    Done {
        status: 0,
        has_map: true,
        channels: vec![],
        has_terms: false,
        notes: vec![],
        layer: None,
        error: None,
        refused: None,
    }
}

/// A child that sends `bytes` and then nothing. The file is there as long as the first value is.
fn liar(bytes: &[u8], silence: Duration) -> (tempfile::NamedTempFile, Arc<Isolation>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let script = format!("cat '{}' >&0; exec sleep 60", file.path().display());
    let mut isolation = Isolation::new("/bin/sh".into(), vec!["-c".into(), script.into()]);
    isolation.silence = silence;
    (file, Arc::new(isolation))
}

const LONG: Duration = Duration::from_mins(1);

/// What is said of a library whose child begins so.
fn refused(bytes: &[u8], silence: Duration) -> String {
    let (_file, isolation) = liar(bytes, silence);
    let error = Pool::open("/x/libliar.so".into(), isolation).err().expect("it is believed").to_string();
    assert!(!error.chars().any(char::is_control), "{error:?}");
    let head = "/x/libliar.so cannot be used as a plugin: its process ended while it was loaded: ";
    error.strip_prefix(head).unwrap_or_else(|| panic!("{error}")).to_owned()
}

fn asked(reports: &[Vec<u8>], silence: Duration) -> (Result<Output, ExplainError>, Vec<f32>) {
    let (_file, isolation) = liar(&[ready(vec![info()]), reports.concat()].concat(), silence);
    let (pool, _) = Pool::open("/x/libliar.so".into(), isolation).unwrap();
    let runner: Box<dyn Runner> = Box::new(call::Isolated::new(pool, 0));
    let origin = Origin::File("/x/libliar.so".into());
    let library = Library::of(origin, Confined::nothing(), vec![(info(), runner)]);
    let explainer = &library.explainers()[0];
    let told = Mutex::new(vec![]);
    let request = Request {
        layer: None,
        target: None,
        seed: &[1.0, 0.0],
        params: &Params::defaults(explainer.info()),
        random_seed: 0,
        cancel: &AtomicBool::new(false),
        progress: &|done| told.lock().unwrap().push(done),
        terms: false,
        partial: None,
        log: &|_, _| {},
    };
    let result = run(explainer, &Model, &request);
    (result, told.into_inner().unwrap())
}

fn ended(reports: &[Vec<u8>]) -> String {
    let error = asked(reports, LONG).0.unwrap_err();
    let ExplainError::Ended { plugin, id, what } = error else { panic!("{error}") };
    assert_eq!((plugin.as_str(), id.as_str()), ("`liar` (/x/libliar.so)", "x"));
    what.strip_prefix("it broke the protocol: ").unwrap_or(&what).to_owned()
}

#[test]
fn descriptions_are_not_believed() {
    let broke = |explainers| {
        let says = refused(&ready(explainers), LONG);
        says.strip_prefix("it broke the protocol: ").unwrap_or_else(|| panic!("{says}")).to_owned()
    };
    assert_eq!(broke(vec![]), "explainer 0 has no description");
    assert_eq!(broke(vec![info(), info()]), "the explainer `x` is described twice");
    assert!(
        broke(vec![ExplainerInfo { id: "a\x1b[2J".into(), ..info() }]).starts_with("the id of explainer 0")
    );
    let named = ExplainerInfo { name: "red\x1b[31m".into(), ..info() };
    assert!(broke(vec![named]).ends_with("is no text of a description"));
    let with = |kind| {
        let param = ParamInfo { key: "k".into(), help: String::new(), kind };
        broke(vec![ExplainerInfo { params: vec![param], ..info() }])
    };
    let of = |wrong: &str| format!("the parameter `k` of `x` {wrong}");
    assert_eq!(
        with(ParamKind::Int { default: 9, range: Some((1, 5)) }),
        of("has the default 9 outside of its range 1…5")
    );
    assert_eq!(with(ParamKind::Float { default: f64::NAN, range: None }), of("has the default NaN"));
    let choices = vec!["a".to_owned()];
    assert_eq!(with(ParamKind::Choice { default: 1, choices }), of("has choices that cannot be"));
    let escape = ParamKind::Text { default: "\x1b".into() };
    assert_eq!(with(escape), of("has a default that is too long or has control characters"));
}

#[test]
fn a_child_that_does_not_begin_as_it_should_is_ended() {
    let early = frame(&Report::Question(Question::Input), &[]);
    assert_eq!(refused(&early, LONG), "it broke the protocol: it spoke before it was asked");
    assert_eq!(
        refused(b"HTTP/1.1 200", LONG),
        "it broke the protocol: it announced a message longer than any"
    );
    let half = &ready(vec![info()])[..9];
    let short = Duration::from_millis(400);
    assert!(refused(half, short).starts_with("it gave no sign of life for 0.4 s and was stopped"));
    let gone = Arc::new(Isolation::new("/bin/sh".into(), vec!["-c".into(), "exit 7".into()]));
    let error = Pool::open("/x/libgone.so".into(), gone).err().unwrap().to_string();
    assert!(error.ends_with("it left the process (exit code 7)"), "{error}");
    let sentence = frame(&Report::Refused("no\x1b[2J way".into()), &[]);
    let (_file, isolation) = liar(&sentence, LONG);
    let error = Pool::open("/x/libno.so".into(), isolation).err().unwrap().to_string();
    assert_eq!(error, r"no\u{1b}[2J way");
}

#[test]
fn questions_are_checked_again() {
    let question = |question, tensors: &[View<'_>]| ended(&[frame(&Report::Question(question), tensors)]);
    let shape = "it sent a tensor of another shape than the model's";
    assert_eq!(question(Question::Activation(9), &[]), "it asked for layer 9, which is none");
    assert_eq!(question(Question::LayerBias(2), &[]), "it asked for layer 2, which is none");
    let gradient = |place| Question::Gradient { place, guided: false };
    assert_eq!(question(gradient(None), &[]), shape);
    assert_eq!(question(gradient(None), &[(&[1, 3], &[0.0; 3])]), shape);
    assert_eq!(question(gradient(Some(1)), &[(&[1, 2], &[0.0; 2])]), "layer 1 has no gradient");
    assert_eq!(question(Question::Forward, &[(&[0, 3, 1, 1], &[])]), shape);
    assert_eq!(question(Question::Forward, &[(&[1, 3, 1], &[0.0; 3])]), shape);
    let (two, one): (View<'_>, View<'_>) = ((&[2, 1, 1, 2], &[0.0; 4]), (&[1, 2], &[0.0; 2]));
    let from = Question::GradientFrom { layer: 0, guided: true };
    assert_eq!(question(from, &[two, one]), "as many activations as seeds");
    assert_eq!(ended(&[ready(vec![info()])]), "it spoke out of turn");
}

#[test]
fn what_is_given_is_checked_again() {
    let gives = |done: Done, tensors: &[View<'_>]| asked(&[frame(&Report::Done(done), tensors)], LONG).0;
    let broken = |done: Done, tensors: &[View<'_>]| ended(&[frame(&Report::Done(done), tensors)]);
    let map: View<'_> = (&[1, 2], &[1.0, 2.0]);
    assert_eq!(broken(done(), &[]), "it gave maps that are none");
    assert_eq!(broken(done(), &[(&[2], &[1.0, 2.0])]), "it gave maps that are none");
    assert_eq!(broken(done(), &[map, map]), "it gave maps that are none");
    let bad = |done: Done, tensors: &[View<'_>]| gives(done, tensors).unwrap_err().to_string();
    assert_eq!(
        bad(done(), &[(&[1, 2], &[1.0, f32::NAN])]),
        "`x`: the map has 1 of 2 values that are not finite numbers"
    );
    assert!(bad(done(), &[(&[0, 2], &[])]).starts_with("`x`: the map is 0×2; each side must be"));
    let layer = Done { layer: Some(2), ..done() };
    assert_eq!(bad(layer, &[map]), "`x`: it says that its map is of layer 2, which is none of the model's");
    let refused = Done { refused: Some(crate::SinkError::Null("the \x1bmap".into())), ..done() };
    assert_eq!(bad(refused, &[map]), r"`x`: the \u{1b}map has no values (a null pointer)");
    let error = Done { status: 1, error: Some("no\x1b".into()), ..done() };
    assert_eq!(bad(error, &[map]), r"`x`: no\u{1b}");

    let wordy = Done { notes: vec!["n\x1b".into(); 99], channels: vec!["c\x1b".into()], ..done() };
    let output = gives(wordy, &[map, map]).unwrap();
    assert_eq!((output.map.values.as_slice(), output.notes.len()), (&[1.0, 2.0][..], 64));
    assert_eq!((output.notes[0].as_str(), output.channels[0].name.as_str()), (r"n\u{1b}", r"c\u{1b}"));
}

#[test]
fn progress_is_bounded_and_silence_is_not_progress() {
    let progress = |done| frame(&Report::Progress(done), &[]);
    let reports = [
        progress(f32::NAN),
        progress(-3.0),
        progress(7.0),
        frame(&Report::Done(done()), &[(&[1, 1], &[1.0])]),
    ];
    let (output, told) = asked(&reports, LONG);
    assert!(output.is_ok());
    assert_eq!(told, [0.0, 0.0, 1.0]);
    let (output, told) = asked(&reports[..1], Duration::from_millis(400));
    assert!(output.unwrap_err().to_string().contains("it gave no sign of life for 0.4 s and was stopped"));
    assert_eq!(told.len(), 1);
}
