//! Plugins of versions that are out in the world, kept as source under `tests/frozen`: each must be described, run and
//! give the same maps with every later version of the same major. And one from the future, which must work without what
//! this version does not know.
//!
//! What lies in `tests/frozen/1.0` is never changed, whatever happens to the header or the SDK: somebody's plugin is
//! built from the like of it. `CONTRIBUTING.md` says how a version is added.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]
#![cfg(unix)]

mod toy;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use camtui_host::{Asked, ExplainError, Explainer, Level, Library, ParamKind, Params, on_log};
use toy::{CHANNELS, Toy, ask, ask_with, class, values, weights};

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/frozen/1.0")
}

fn todays_header() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../camtui-plugin/include/camtui_plugin.h");
    fs::read_to_string(path).unwrap()
}

/// Builds `source` against the header in `include`; nothing where there is no compiler.
fn build(source: &Path, include: &Path) -> Option<PathBuf> {
    let cpp = source.extension().is_some_and(|kind| kind == "cpp");
    let (variable, usual, standard) =
        if cpp { ("CXX", "c++", "-std=c++17") } else { ("CC", "cc", "-std=c11") };
    let compiler = std::env::var(variable).unwrap_or_else(|_| usual.into());
    if Command::new(&compiler).arg("--version").output().is_err() {
        println!("skipped: there is no compiler `{compiler}`");
        return None;
    }
    let name = format!("libfrozen_{}.so", source.file_stem().unwrap().to_str().unwrap());
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // Not written over one that a running test may have loaded.
    let _ = fs::remove_file(&out);
    let made = Command::new(&compiler)
        .args([standard, "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared", "-fPIC", "-I"])
        .arg(include)
        .arg(source)
        .arg("-o")
        .arg(&out)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(out)
}

fn load(source: &str) -> Option<Library> {
    let file = build(&frozen().join(source), &frozen())?;
    Some(Library::load(&file, Asked::ByFile).unwrap().0)
}

fn named<'a>(library: &'a Library, id: &str) -> &'a Arc<Explainer> {
    library.explainers().iter().find(|e| e.info().id == id).unwrap()
}

/// Grad-CAM of the toy's class at `pooled`, from its closed form: the gradient of a channel is its weight by the area.
fn grad_cam(target: usize) -> Vec<f32> {
    let activation = values("pooled");
    let area = 6;
    let weight = |k: usize| weights()[target * CHANNELS + k] / area as f32;
    (0..area).map(|i| (0..CHANNELS).map(|k| weight(k) * activation.data()[k * area + i]).sum()).collect()
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
    let off = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    assert!(off <= 1e-5 * norm(&mut expected.iter().copied()), "{found:?} is not {expected:?}");
}

#[test]
fn a_plugin_of_1_0_in_c_is_described_and_gives_its_maps() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    on_log(move |level, line| sink.lock().unwrap().push((level, line.to_owned())));
    let Some(library) = load("maps.c") else { return };
    let ids: Vec<&str> = library.explainers().iter().map(|e| e.info().id.as_str()).collect();
    let expected = ["settings", "grad-cam", "extras", "questions", "refuses", "extensions", "waits"];
    assert_eq!(ids, expected.map(|id| format!("frozen-{id}")));

    let settings = named(&library, "frozen-settings");
    let kinds: Vec<&ParamKind> = settings.info().params.iter().map(|p| &p.kind).collect();
    assert_eq!(*kinds[0], ParamKind::Bool { default: true });
    assert_eq!(*kinds[1], ParamKind::Int { default: 50, range: Some((1, 1000)) });
    assert_eq!(*kinds[2], ParamKind::Float { default: 0.25, range: Some((0.0, 2.0)) });
    assert_eq!(*kinds[3], ParamKind::Choice { default: 1, choices: vec!["black".into(), "mean".into()] });
    assert_eq!(*kinds[4], ParamKind::Text { default: "a b".into() });
    assert_eq!(
        (settings.info().name.as_str(), settings.info().params[1].help.as_str()),
        ("Settings", "How many")
    );
    let toy = Toy::default();
    let quiet = |_: Level, _: &str| {};
    for (pairs, map, note) in [
        (vec![], [1.0, 50.0, 0.25, 1.0, 3.0, 50.0], "a b"),
        (
            vec!["fast=false", "steps=7", "sigma=1.5", "fill=black", "label=Ü"],
            [0.0, 7.0, 1.5, 0.0, 2.0, 7.0],
            "Ü",
        ),
    ] {
        let params = Params::parse(settings.info(), &pairs).unwrap();
        let output = ask_with(settings, &toy, None, &class(1), &params, &quiet).unwrap();
        assert_eq!((output.map.height, output.map.width, output.map.values.as_slice()), (2, 3, &map[..]));
        assert_eq!(output.notes, [note]);
    }

    let cam = named(&library, "frozen-grad-cam");
    let info = cam.info();
    assert!(info.needs.activations && info.needs.gradients && !info.needs.forward && info.rectify);
    assert_eq!((info.version.as_str(), info.reference.as_str()), ("1.0", "Selvaraju et al. 2017"));
    assert_eq!(info.summary, "channels weighted by the mean of their gradients");
    for target in 0..3 {
        let output = ask(cam, &toy, None, &class(target)).unwrap();
        assert_eq!(output.layer.as_deref(), Some("pooled"));
        close(&output.map.values, &grad_cam(target));
    }
    let error = ask(cam, &toy, Some("closed"), &class(0)).unwrap_err().to_string();
    assert_eq!(error, "`frozen-grad-cam`: the gradient of layer closed is not in this model");

    let extras = named(&library, "frozen-extras");
    assert!(extras.info().class_agnostic);
    let told = Mutex::new(Vec::new());
    let log = |level: Level, line: &str| told.lock().unwrap().push((level, line.to_owned()));
    let output = ask_with(extras, &toy, None, &class(0), &Params::defaults(extras.info()), &log).unwrap();
    assert_eq!((output.map.values.as_slice(), output.layer.as_deref()), (&[0.25, -0.5][..], Some("conv")));
    assert_eq!(output.notes, ["first", "second"]);
    let channels: Vec<_> =
        output.channels.iter().map(|c| (c.name.as_str(), c.grid.height, c.grid.values.len())).collect();
    assert_eq!(channels, [("mean", 1, 2), ("spread", 3, 3)]);
    assert_eq!(*told.lock().unwrap(), [(Level::Warning, "from the call".to_owned())]);
    assert_eq!(*lines.lock().unwrap(), [(Level::Info, "from the library".to_owned())]);
}

#[test]
fn a_plugin_of_1_0_may_ask_and_refuse_as_its_header_says() {
    // A library of its own name: the other test's may be loaded already, and its log is the other test's.
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("frozen_asks.c");
    fs::copy(frozen().join("maps.c"), &copy).unwrap();
    let Some(file) = build(&copy, &frozen()) else { return };
    let library = Library::load(&file, Asked::ByFile).unwrap().0;
    let toy = Toy::default();
    let answers = ask(named(&library, "frozen-questions"), &toy, None, &class(1)).unwrap();
    assert_eq!(answers.map.values, [1.0; 16], "each that is 0 is a question whose answer has changed");
    assert_eq!(answers.layer, None, "it needs no activations, so its map is of the image");
    let absent = ask(named(&library, "frozen-extensions"), &toy, None, &class(1)).unwrap();
    assert_eq!(absent.map.values, [1.0; 3]);

    let refuses = named(&library, "frozen-refuses");
    let failed = ask(refuses, &toy, None, &class(1)).unwrap_err();
    assert!(
        matches!(failed, ExplainError::Failed { .. }) && !failed.to_string().contains('\x1b'),
        "{failed:?}"
    );
    assert!(failed.to_string().contains("no sun"), "{failed}");
    let contrast = ask(refuses, &toy, None, &[0.5, 0.5, 0.0]).unwrap_err();
    assert_eq!(
        contrast,
        ExplainError::NotSupported { id: "frozen-refuses".into(), sentence: "it explains one class".into() }
    );

    let waits = named(&library, "frozen-waits");
    let cancelled = std::thread::scope(|scope| {
        let asked = scope.spawn(|| ask(waits, &toy, None, &class(1)));
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert!(!asked.is_finished());
        toy.cancel.store(true, Ordering::Relaxed);
        asked.join().unwrap()
    });
    assert_eq!(cancelled.unwrap_err(), ExplainError::Cancelled);
}

#[test]
fn sources_of_1_0_compile_against_todays_header() {
    let today = Path::new(env!("CARGO_MANIFEST_DIR")).join("../camtui-plugin/include");
    for source in ["maps.c", "least.c", "strongest.cpp"] {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("today_{source}"));
        fs::copy(frozen().join(source), &copy).unwrap();
        let Some(file) = build(&copy, &today) else { return };
        assert!(!Library::load(&file, Asked::ByFile).unwrap().0.explainers().is_empty());
    }
}

#[test]
fn the_least_plugin_of_1_0_works() {
    let Some(library) = load("least.c") else { return };
    let least = &library.explainers()[0];
    let info = least.info();
    assert_eq!(
        (info.id.as_str(), info.name.as_str(), info.summary.as_str()),
        ("frozen-least", "frozen-least", "")
    );
    assert_eq!(ask(least, &Toy::default(), None, &class(0)).unwrap().map.values, [0.5]);
}

#[test]
fn a_plugin_of_1_0_in_cpp_works_and_its_exceptions_are_sentences() {
    let Some(library) = load("strongest.cpp") else { return };
    let strongest = &library.explainers()[0];
    let output = ask(strongest, &Toy::default(), None, &class(0)).unwrap();
    let planes: Vec<&[f32]> =
        values("pooled").data().chunks(6).map(|plane| &*plane.to_vec().leak()).collect();
    let greatest = |i: usize| planes.iter().map(|plane| plane[i]).fold(f32::MIN, f32::max);
    assert_eq!(output.map.values, (0..6).map(greatest).collect::<Vec<f32>>());
    let params = Params::parse(strongest.info(), &["fail=true"]).unwrap();
    let error = ask_with(strongest, &Toy::default(), None, &class(0), &params, &|_, _| {}).unwrap_err();
    assert_eq!(error.to_string(), "`frozen-strongest`: it was told to fail");
}

#[test]
fn a_plugin_of_1_0_in_rust_compiles_against_todays_sdk_and_gives_its_maps() {
    let library =
        Library::load(&toy::compiled(&frozen().join("sdk_user.rs"), "frozen_sdk_user", &[]), Asked::ByFile);
    let library = library.unwrap().0;
    let (toy, quiet) = (Toy::default(), |_: Level, _: &str| {});
    let cam = named(&library, "user-grad-cam");
    let info = cam.info();
    assert!(info.rectify && info.needs.gradients && info.needs.activations && !info.class_agnostic);
    assert_eq!((info.version.as_str(), info.reference.as_str()), ("1.2.3", "Selvaraju et al. 2017"));
    for target in 0..3 {
        close(&ask(cam, &toy, None, &class(target)).unwrap().map.values, &grad_cam(target));
    }
    let settings = named(&library, "user-settings");
    assert_eq!(settings.info().params.len(), 7);
    assert_eq!(settings.info().params[1].takes(), "a whole number from 1 to 1000 (default 50)");
    let params = Params::parse(settings.info(), &["fast=false", "sigma=1.5", "fill=black"]).unwrap();
    let output = ask_with(settings, &toy, None, &class(0), &params, &quiet).unwrap();
    assert_eq!(output.map.values, [0.0, 50.0, 1.5, 10.0]);
    assert_eq!(
        (output.notes.as_slice(), output.channels.len()),
        (&["a b".to_owned(), "second".into()][..], 2)
    );
    let lines = Mutex::new(String::new());
    let log = |_: Level, line: &str| lines.lock().unwrap().push_str(line);
    let questions = named(&library, "user-questions");
    let params = Params::defaults(questions.info());
    let output = ask_with(questions, &toy, None, &class(1), &params, &log).unwrap();
    assert_eq!(output.map.values, [1.0; 16], "each that is 0 is a question whose answer has changed");
    assert_eq!(*lines.lock().unwrap(), "diwe");
    let fails = named(&library, "user-fails");
    for (how, says) in [
        ("text", "`user-fails`: plain text"),
        ("question", "`user-fails`: boxed"),
        ("panic", "`user-fails`: it panicked: out of luck"),
        ("not", "`user-fails`: another model"),
    ] {
        let params = Params::parse(fails.info(), &[format!("how={how}")]).unwrap();
        let error = ask_with(fails, &toy, None, &class(0), &params, &quiet).unwrap_err().to_string();
        assert!(error.starts_with(says), "{how}: {error}");
    }
}

/// Today's header as the next minor version might have it: every struct but the text ends in two fields more.
fn later_header() -> String {
    let header = todays_header();
    let (before, rest) = header.split_once("#define CAMTUI_ABI_MINOR ").unwrap();
    let (minor, rest) = rest.split_once("u\n").unwrap();
    let minor: u32 = minor.parse().unwrap();
    let mut later = format!("{before}#define CAMTUI_ABI_MINOR {}u\n", minor + 1);
    let mut grown = 0;
    let mut within = false;
    for line in rest.lines() {
        // `struct camtui_x {` and `typedef struct camtui_x {`, but not the text, which never grows.
        within |= line.contains("struct camtui_") && line.ends_with('{') && !line.contains("camtui_text");
        if within && line.starts_with('}') {
            later.push_str("    camtui_status (*later_call)(void);\n    uint64_t later_value;\n");
            (within, grown) = (false, grown + 1);
        }
        writeln!(later, "{line}").unwrap();
    }
    assert_eq!(grown, 10, "structs");
    // What is initialised field by field gets the new ones too.
    for initialiser in ["NULL, { 0 } }", "{ 0 }, 0, { 0 } }"] {
        assert!(later.contains(initialiser));
        later = later.replace(initialiser, &format!("{}, NULL, 0 }}", &initialiser[..initialiser.len() - 2]));
    }
    later
}

#[test]
fn a_plugin_of_the_next_minor_version_works_without_what_we_do_not_know() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(folder.path().join("camtui_plugin.h"), later_header()).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugins/later.c");
    let Some(file) = build(&source, folder.path()) else { return };
    let (library, notice) = Library::load(&file, Asked::ByFile).unwrap();
    assert_eq!(notice, None);
    let later = &library.explainers()[0];
    assert!(later.info().needs.activations && !later.info().needs.gradients);
    assert_eq!(later.info().params[0].kind, ParamKind::Float { default: 2.0, range: None });
    let output = ask(later, &Toy::default(), None, &class(0)).unwrap();
    let twice: Vec<f32> = values("pooled").data()[..6].iter().map(|a| 2.0 * a).collect();
    assert_eq!(output.map.values, twice);
    assert_eq!(output.notes, ["an older session", "older values", "an older value", "an older sink"]);
}

/// A header without comments, its white space made single.
fn plain(header: &str) -> String {
    let mut text = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        text.push_str(before);
        rest = comment.split_once("*/").unwrap().1;
    }
    text.push_str(rest);
    // A directive ends with its line, so lines that go on are joined first.
    let lines = text.replace("\\\n", " ");
    let lines = lines.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The declarations of a header: directives, one a line, and everything else up to its semicolon at the outermost level.
fn declarations(header: &str) -> Vec<String> {
    let (mut found, mut open, mut depth) = (Vec::new(), String::new(), 0i32);
    for line in plain(header).lines() {
        let opens_linkage = line.starts_with("extern \"C\"") || line == "}";
        if depth == 0 && open.is_empty() && (line.starts_with('#') || opens_linkage) {
            found.push(line.to_owned());
            continue;
        }
        let _ = write!(open, "{}{line}", if open.is_empty() { "" } else { " " });
        depth += line.matches('{').count() as i32 - line.matches('}').count() as i32;
        let inline = open.starts_with("static inline") && line.ends_with('}');
        if depth == 0 && (line.ends_with(';') || inline) {
            found.push(std::mem::take(&mut open));
        }
    }
    assert!(open.is_empty(), "{open}");
    found
}

/// What must hold of a header of the same major version: why not, if it does not.
fn still_has(frozen: &str, today: &str) -> Result<(), String> {
    let today = declarations(today);
    for old in declarations(frozen) {
        if old.starts_with("#define CAMTUI_ABI_MINOR") || today.contains(&old) {
            continue;
        }
        // A struct may go on after its last field, if it is not the text.
        let fields = old.rsplit_once('}').map(|(fields, _)| fields.trim_end());
        let grown =
            fields.filter(|_| old.contains("struct camtui_") && !old.contains("struct camtui_text {"));
        if !grown.is_some_and(|fields| today.iter().any(|new| new.starts_with(fields))) {
            return Err(old);
        }
    }
    Ok(())
}

#[test]
fn todays_header_has_all_of_1_0_unchanged() {
    let frozen = fs::read_to_string(frozen().join("camtui_plugin.h")).unwrap();
    assert!(declarations(&frozen).len() > 60);
    assert_eq!(still_has(&frozen, &todays_header()), Ok(()), "1.0 is out in the world; see CONTRIBUTING.md");
    // Comments may be bettered and structs may grow; nothing else may.
    assert_eq!(still_has(&frozen, &later_header().replace(", NULL, 0 }", " }")), Ok(()));
    assert_eq!(still_has(&frozen, &frozen.replace("one sentence", "a sentence")), Ok(()));
    for (old, new) in [
        ("    uint8_t bounded; ", "    uint16_t bounded; "),
        ("    void *host;              /*", "    /*"),
        ("    uint64_t random_seed;", "    uint64_t seed_of_all;"),
        ("    int64_t int_min;\n    int64_t int_max;\n", "    int64_t int_max;\n    int64_t int_min;\n"),
        ("#define CAMTUI_INVALID 4u", "#define CAMTUI_INVALID 5u"),
        ("    size_t len;\n} camtui_text", "    size_t len;\n    size_t more;\n} camtui_text"),
        ("uint8_t (*cancelled)(const camtui_session *session);", "uint8_t (*cancelled)(void);"),
        (
            "struct camtui_sink {\n    uint32_t size;",
            "struct camtui_sink {\n    uint32_t more;\n    uint32_t size;",
        ),
        ("#define CAMTUI_ABI_MAJOR 1u", "#define CAMTUI_ABI_MAJOR 2u"),
    ] {
        assert!(frozen.contains(old), "{old:?}");
        assert!(still_has(&frozen, &frozen.replacen(old, new, 1)).is_err(), "{new:?} goes unseen");
    }
}
