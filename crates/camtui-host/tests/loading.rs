//! Libraries that are no plugins, or bad ones: each is refused with one sentence, and nothing of it runs that
//! need not.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]
#![cfg(unix)]

mod toy;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use camtui_host::{Asked, Explainer, Library, on_log};
use toy::{Toy, ask, class, plugin};

fn load(path: &Path) -> Result<Library, String> {
    Library::load(path, Asked::ByFile).map(|(library, _)| library).map_err(|error| {
        let sentence = error.to_string();
        assert!(!sentence.chars().any(char::is_control), "{sentence:?}");
        sentence
    })
}

/// What is said of a file, without its folder.
fn refused(path: &Path) -> String {
    let sentence = load(path).expect_err("it loads");
    let folder = path.parent().unwrap().canonicalize().unwrap();
    sentence.replace(&format!("{}/", folder.display()), "")
}

/// The library `raw` with one thing wrong: most are one build with some bytes changed.
fn raw_file(variant: &str) -> PathBuf {
    static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| fs::read(plugin("raw", "good")).unwrap());
    if ["no_count", "no_explainer"].contains(&variant) {
        return plugin("raw", variant);
    }
    let mut bytes = GOOD.clone();
    let mut patch = |old: &[u8], at: usize, new: &[u8]| {
        let places: Vec<usize> =
            (0..bytes.len() - old.len()).filter(|&n| bytes[n..].starts_with(old)).collect();
        assert!(!places.is_empty(), "{variant}");
        for place in places {
            bytes[place + at..place + at + new.len()].copy_from_slice(new);
        }
    };
    let magic = b"camtui\x00\x1a\x01\0\0\0";
    match variant {
        "wrong_magic" => patch(magic, 0, b"vst3plug"),
        "later_major" => patch(magic, 8, &2u32.to_ne_bytes()),
        "earlier_major" => patch(magic, 8, &0u32.to_ne_bytes()),
        "later_minor" => patch(magic, 12, &7u32.to_ne_bytes()),
        "small_entry" => patch(magic, 16, &24u32.to_ne_bytes()),
        "no_symbol" => patch(b"camtui_plugin_entry\0", 14, b"enter"),
        _ => patch(b"variant:good....", 8, format!("{variant}.").as_bytes()),
    }
    file(&format!("libraw_{variant}.so"), &bytes)
}

fn raw(variant: &str) -> String {
    let says = refused(&raw_file(variant));
    let head = format!("libraw_{variant}.so cannot be used as a plugin: ");
    says.strip_prefix(&head).map_or(says.clone(), ToOwned::to_owned)
}

fn second(variant: &str) -> (Library, Arc<Explainer>) {
    let library = load(&raw_file(variant)).unwrap();
    let explainer = Arc::clone(&library.explainers()[1]);
    (library, explainer)
}

/// A file of these bytes. It takes the place of an older one, rather than being written over it: that one may
/// be loaded.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut fresh = tempfile::NamedTempFile::new_in(folder).unwrap();
    fresh.write_all(bytes).unwrap();
    fresh.as_file().set_permissions(fs::Permissions::from_mode(0o644)).unwrap();
    let path = folder.join(name);
    fresh.persist(&path).unwrap();
    path
}

#[test]
fn what_is_no_library_is_refused() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    assert!(load(&folder.join("none.so")).unwrap_err().starts_with("there is no plugin at "));
    assert!(load(folder).unwrap_err().ends_with("is a folder; a plugin is a shared library file"));
    assert!(load(Path::new("/dev/null")).unwrap_err().contains("/dev/null is not an ordinary file"));
    let says = |name, bytes: &[u8]| refused(&file(name, bytes));
    assert_eq!(
        says("text.so", b"#!/bin/sh\necho hi\n"),
        "text.so cannot be used as a plugin: it is not a shared library"
    );
    assert_eq!(says("empty.so", b""), "empty.so cannot be used as a plugin: it is an empty file");
    // The control characters of a file's name do not reach the terminal.
    let says = load(&file("tri\x1bck.so", b"x")).unwrap_err();
    assert!(says.contains(r"tri\u{1b}ck.so cannot be used"), "{says}");
}

#[test]
fn a_library_that_is_no_plugin_is_refused_without_loading() {
    assert_eq!(
        raw("no_symbol"),
        "it is a library but no camtui plugin: it exports no data symbol `camtui_plugin_entry`"
    );
    // A program is no library either.
    let says = load(&std::env::current_exe().unwrap()).unwrap_err();
    assert!(says.ends_with("it exports no data symbol `camtui_plugin_entry`"), "{says}");
}

#[test]
fn other_versions_are_refused_before_anything_runs() {
    assert_eq!(raw("wrong_magic"), "its `camtui_plugin_entry` does not begin with the camtui magic");
    assert_eq!(raw("later_major"), "it is built for plugin interface 2, this camtui speaks 1; update camtui");
    assert_eq!(
        raw("earlier_major"),
        "it is built for plugin interface 0, this camtui speaks 1; build it anew with this camtui's SDK"
    );
    assert_eq!(raw("small_entry"), "its entry says that it is 24 bytes, where interface 1 has at least 56");
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for variant in ["no_symbol", "wrong_magic", "later_major", "earlier_major", "small_entry"] {
        assert!(!maps.contains(&format!("libraw_{variant}")), "{variant} was loaded");
    }
}

#[test]
fn a_later_minor_version_is_used_as_far_as_we_know_it() {
    let (library, second) = second("later_minor");
    assert_eq!(library.explainers().len(), 2);
    assert_eq!(ask(&second, &Toy::default(), None, &class(0)).unwrap().map.values, [1.0, -2.0, 3.0]);
}

#[test]
fn damaged_files_never_reach_the_loader() {
    let good = fs::read(raw_file("good")).unwrap();
    // Cut anywhere: a sentence, and no crash.
    for part in 1..40 {
        let says = refused(&file("cut.so", &good[..good.len() * part / 40]));
        assert!(says.starts_with("cut.so cannot be"), "{says}");
    }
    // A segment that reaches past the end: the loader would map it, and the first touch would kill the program.
    if cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        let mut long = good.clone();
        let headers = (0..long[0x38] as usize).map(|n| 64 + n * 56);
        let last = headers.filter(|&at| long[at..].starts_with(&[1, 0, 0, 0])).max().unwrap();
        // `p_filesz` and `p_memsz` grow by 16 MiB.
        long[last + 35] += 1;
        long[last + 43] += 1;
        let says = refused(&file("long.so", &long));
        assert_eq!(says, "long.so cannot be used as a plugin: it is cut short or damaged");
    }
    // Another machine's: the ELF header's `e_machine`.
    let mut foreign = good.clone();
    foreign[18..20].copy_from_slice(&(if cfg!(target_arch = "aarch64") { 62u16 } else { 183 }).to_le_bytes());
    let says = refused(&file("foreign.so", &foreign));
    assert!(says.contains("it is built for ") && says.ends_with("build it for this machine"), "{says}");
    let windows = [b"MZ".as_slice(), &[0; 58], &[64, 0, 0, 0], b"PE\0\0\x64\x86\0\0", &[0; 400]].concat();
    let says = refused(&file("windows.so", &windows));
    assert!(says.starts_with("windows.so cannot be used as a plugin: it is "), "{says}");
}

#[test]
fn bytes_flipped_in_the_tables_end_in_a_sentence() {
    let good = fs::read(raw_file("good")).unwrap();
    let mut state = 1u32;
    for _ in 0..300 {
        let mut bad = good.clone();
        for _ in 0..4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (state >> 8) as usize % bad.len().min(4096);
            bad[at] = state as u8;
        }
        // Only the look inside: what passes it may be loaded, and then runs whatever it holds.
        let _ = camtui_host::inspect::inspect(&file("flipped.so", &bad));
    }
}

#[test]
fn the_loaders_own_words_are_passed_on() {
    let good = fs::read(raw_file("good")).unwrap();
    // A library that needs another one which is not there.
    let text = b"libgcc_s.so.1\0";
    let at = good.windows(text.len()).position(|w| w == text);
    let Some(at) = at else {
        println!("skipped: this system's Rust libraries do not need libgcc_s");
        return;
    };
    let mut bad = good;
    bad[at..at + 6].copy_from_slice(b"libxyz");
    let says = refused(&file("needy.so", &bad));
    assert!(says.starts_with("needy.so cannot be loaded: ") && says.contains("libxyz"), "{says}");
}

#[test]
fn entries_and_descriptions_must_be_whole() {
    assert_eq!(raw("no_count"), "its entry has no `explainer_count` function");
    assert_eq!(raw("no_explainer"), "its entry has no `explainer` function");
    assert_eq!(raw("no_start"), "its `initialise` failed with status 1");
    assert_eq!(raw("none"), "it says that it has 0 explainers, where 1 to 1024 are expected");
    assert_eq!(raw("endless"), "it says that it has 4294967295 explainers, where 1 to 1024 are expected");
    assert_eq!(raw("no_description"), "explainer 0 has no description");
    assert_eq!(raw("no_explain"), "`first` has no `explain` function");
    assert!(
        raw("small_explainer")
            .starts_with("the description of explainer 0 is 100 bytes, where this interface has at least")
    );
}

#[test]
fn ids_and_texts_must_be_readable() {
    assert_eq!(raw("same_ids"), "the explainer `first` is described twice");
    assert_eq!(raw("bad_utf8_id"), "the id of explainer 1 is not UTF-8");
    assert_eq!(raw("bad_utf8_name"), "the name of `second` is not UTF-8");
    let rule = "it must be 1 to 64 lower-case letters, digits, `-`, `+`, `.` or `_`, beginning with a letter or digit";
    assert_eq!(raw("control_id"), format!(r#"the id of explainer 1 is "a\u{{1b}}[2J"; {rule}"#));
    assert_eq!(raw("spaced_id"), format!(r#"the id of explainer 1 is "a b"; {rule}"#));
    assert_eq!(raw("no_id"), format!(r#"the id of explainer 1 is ""; {rule}"#));
    // What is only shown is mended.
    let (library, second) = second("good");
    assert_eq!(second.info().name, r"Second\u{1b}[31m name\u{202e}");
    assert_eq!(library.explainers()[0].info().name, "first");
    assert!(second.info().rectify);
}

#[test]
fn parameters_must_make_sense() {
    let of = |key: &str, wrong: &str| format!("the parameter `{key}` of `first` {wrong}");
    assert_eq!(raw("same_keys"), "the parameter `steps` of `first` is described twice");
    assert_eq!(raw("bad_default"), of("other", "has the default 10 outside of its range 1…9"));
    assert_eq!(raw("bad_range"), of("other", "has the empty range 9…1"));
    assert_eq!(raw("nan_default"), of("other", "has the default NaN"));
    assert_eq!(raw("no_choices"), of("other", "has no choices, or too many"));
    assert_eq!(raw("bad_choice"), of("other", "has the default `red`, which is not among its choices"));
    assert_eq!(raw("unknown_type"), of("other", "is of type 99, which this camtui does not know"));
    assert_eq!(raw("null_param"), of("1", "has no description"));
    assert_eq!(raw("null_params"), of("0…2", "cannot be: no list, or too many"));
    assert!(raw("small_param").starts_with("the description of parameter 1 of `first` is 8 bytes"));
    assert!(raw("bad_key").starts_with(r#"the key of parameter 1 of `first` is "a=b"; it must be"#));
}

#[test]
fn what_goes_wrong_in_a_call_is_a_sentence() {
    let says = |variant: &str| {
        let (library, second) = second(variant);
        let error = ask(&second, &Toy::default(), None, &class(0)).unwrap_err();
        assert!(error.is_the_explainers_fault(), "{error:?}");
        // The other explainer of the same library still answers.
        assert!(ask(&library.explainers()[0], &Toy::default(), None, &class(0)).is_ok());
        error.to_string()
    };
    assert_eq!(says("gives_nothing"), "`second` ended without giving a map");
    assert_eq!(says("gives_twice"), "`second`: it gave two maps where one is expected");
    assert_eq!(says("gives_null"), "`second`: the map has no values (a null pointer)");
    assert_eq!(
        says("gives_wrong_size"),
        "`second`: the map is said to be 1×3 but comes with 1099511627776 values"
    );
    assert!(
        says("gives_overflow").starts_with("`second`: the map is 4294967295×4294967295; each side must be")
    );
    assert_eq!(says("gives_and_fails"), "`second`: \u{fffd}no\\u{1b}");
    assert_eq!(says("fails_silently"), "`second`: it failed with status 77 and gave no reason");
    assert_eq!(
        says("wrong_layer"),
        "`second`: it says that its map is of layer 5, which is none of the model's"
    );
}

#[test]
fn nonsense_arguments_are_answered_and_not_obeyed() {
    let (_, second) = second("bad_calls");
    assert_eq!(ask(&second, &Toy::default(), None, &class(0)).unwrap().map.values, [1.0, -2.0, 3.0]);
}

#[test]
fn a_panic_on_the_plugins_side_is_a_sentence() {
    static LINES: Mutex<Vec<String>> = Mutex::new(vec![]);

    let library = load(&plugin("panics", "explain")).unwrap();
    let says =
        |n: usize| ask(&library.explainers()[n], &Toy::default(), None, &class(0)).unwrap_err().to_string();
    assert!(says(0).starts_with("`panics`: it panicked: out of luck ("), "{}", says(0));
    assert!(says(1).starts_with("`in-drop`: it panicked: no message ("), "{}", says(1));
    assert_eq!(library.explainers()[1].info().version, "2.0");
    on_log(|_, line| LINES.lock().unwrap().push(line.into()));
    let says = refused(&plugin("panics", "describe"));
    assert!(says.ends_with("explainer 1 has no description"), "{says}");
    load(&raw_file("logs")).unwrap();
    let lines = LINES.lock().unwrap();
    assert!(lines[0].starts_with("describing an explainer panicked: cannot say ("), "{lines:?}");
    assert_eq!(lines[1], r"hello\u{1b}[2J");
}

#[test]
fn a_loaded_plugins_panic_prints_nothing() {
    const CHILD: &str = "CAMTUI_TEST_PANIC_CHILD";
    if let Some(path) = std::env::var_os(CHILD) {
        let library = load(Path::new(&path)).unwrap();
        assert!(ask(&library.explainers()[0], &Toy::default(), None, &class(0)).is_err());
        eprintln!("still here");
        return;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_loaded_plugins_panic_prints_nothing", "--nocapture"])
        .env(CHILD, plugin("panics", "quiet"))
        .output()
        .unwrap();
    let printed = String::from_utf8(child.stderr).unwrap();
    assert!(child.status.success() && printed.contains("still here"), "{printed}");
    assert!(!printed.contains("panicked") && !printed.contains("luck"), "{printed}");
}

/// What is judged and loaded is the file itself, whatever leads to it.
#[test]
fn a_link_is_as_good_as_what_it_leads_to() {
    let good = fs::read(raw_file("good")).unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (target, link) = (file("linked.so", &good), folder.path().join("libother.so"));
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let library = load(&link).unwrap();
    assert_eq!(library.origin(), &camtui_host::Origin::File(target.canonicalize().unwrap()));
    fs::set_permissions(&target, fs::Permissions::from_mode(0o666)).unwrap();
    let says = load(&link).unwrap_err();
    assert!(says.contains("linked.so is not loaded: everyone on this machine may write the file"), "{says}");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
    // A relative path is made absolute before anything is asked of the loader, which would search its own folders.
    let here = std::env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(target.canonicalize().unwrap().strip_prefix("/").unwrap());
    assert_eq!(load(&relative).unwrap().origin(), library.origin());
    assert!(load(Path::new("linked.so")).unwrap_err().starts_with("there is no plugin at linked.so"));
}

#[test]
fn a_library_that_others_may_write_is_refused() {
    let good = fs::read(raw_file("good")).unwrap();
    let path = file("open.so", &good);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(
        refused(&path),
        "open.so is not loaded: everyone on this machine may write the file (mode 0666); take that away with `chmod o-w`"
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    let (_, notice) = Library::load(&path, Asked::ByFile).unwrap();
    assert!(notice.unwrap().contains("its group may write the file (mode 0664)"));
    let says = Library::load(&path, Asked::BySearch).unwrap_err().to_string();
    assert!(says.ends_with("take that away with `chmod g-w`, or name the file with --plugin"), "{says}");
}
