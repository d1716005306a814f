//! A plugin in C, from the header alone: every function of the session is called across the interface with
//! the signature that the header gives it.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]
#![cfg(unix)]

mod toy;

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use camtui_host::{Asked, Library, Params};
use toy::{Toy, ask, ask_with, class, numbers};

fn build() -> Option<Library> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    if Command::new(&compiler).arg("--version").output().is_err() {
        println!("skipped: there is no C compiler `{compiler}`");
        return None;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let out = folder.path().join("libfrom_header.so");
    let made = Command::new(&compiler)
        .args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared", "-fPIC", "-I"])
        .arg(here.join("../camtui-plugin/include"))
        .arg(here.join("tests/plugins/from_header.c"))
        .arg("-o")
        .arg(&out)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(Library::load(&out, Asked::ByFile).unwrap().0)
}

#[test]
fn a_plugin_in_c_computes_what_its_formula_says() {
    let Some(library) = build() else { return };
    let rows = &library.explainers()[0];
    assert_eq!((rows.info().id.as_str(), rows.info().name.as_str()), ("rows", "Row occlusion"));
    assert!(rows.info().needs.forward && !rows.info().needs.activations);
    assert_eq!(rows.info().params[0].takes(), "a number from -3 to 3 (default 0)");
    let input = numbers(48, 3);
    for (pairs, fill) in [(vec![], 0.0), (vec!["fill=1.5"], 1.5)] {
        let params = Params::parse(rows.info(), &pairs).unwrap();
        let output = ask_with(rows, &Toy::default(), None, &class(2), &params, &|_, _| {}).unwrap();
        assert_eq!((output.map.height, output.map.width, output.layer), (4, 1, None));
        for row in 0..4 {
            // The toy's third logit is twice the sum of its input.
            let values = (0..3).flat_map(|c| (0..4).map(move |x| (c * 4 + row) * 4 + x));
            let expected: f32 = values.map(|at| 2.0 * (input[at] - fill)).sum();
            assert!((output.map.values[row] - expected).abs() < 1e-5, "{row}");
        }
    }
    let error = ask(rows, &Toy::default(), None, &[0.5, 0.5, 0.0]).unwrap_err();
    assert_eq!(error.to_string(), "`rows`: rows explains a class, not a contrast");
}

#[test]
fn every_function_of_the_header_is_what_it_says() {
    let Some(library) = build() else { return };
    let tour = &library.explainers()[1];
    let lines = Mutex::new(vec![]);
    let log = |_, line: &str| lines.lock().unwrap().push(line.to_owned());
    let params = Params::defaults(tour.info());
    let output = ask_with(tour, &Toy::default(), None, &class(1), &params, &log).unwrap();
    assert_eq!(output.map.values, [1.0; 12]);
    assert_eq!(output.notes, ["all is well"]);
    assert_eq!(output.channels[0].name, "nothing");
    assert_eq!(output.layer, None, "it says that its map is of the image");
    assert_eq!(*lines.lock().unwrap(), ["toured"]);
}
