//! `camtui plugin check`, `info` and `list` as a user and a script see them.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use camtui_tests::files::sha256;
use camtui_tests::program::{repository, standard, template};
use camtui_tests::{Ended, Home};
use serde_json::Value;

fn plugin(home: &Home, words: &str, library: &Path) -> Ended {
    let args = ["plugin"].into_iter().chain(words.split(' ')).map(Into::into);
    home.camtui(args.chain([library.as_os_str().to_owned()])).go()
}

/// The host's test plugin with one thing broken; none where there is no C compiler.
fn faulty(home: &Home, variant: &str) -> Option<PathBuf> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    if Command::new(&compiler).arg("--version").output().is_err() {
        println!("skipped: there is no C compiler `{compiler}`");
        return None;
    }
    let out = home.at(&format!("lib{}.so", variant.to_lowercase()));
    let made = Command::new(&compiler)
        .args(["-std=c11", "-O1", "-shared", "-fPIC", "-pthread", &format!("-D{variant}"), "-I"])
        .arg(repository().join("crates/camtui-plugin/include"))
        .arg(repository().join("crates/camtui-host/tests/plugins/faulty.c"))
        .arg("-o")
        .arg(&out)
        .arg("-lm")
        .output()
        .unwrap();
    assert!(made.status.success(), "{variant}: {}", String::from_utf8_lossy(&made.stderr));
    fs::set_permissions(&out, Permissions::from_mode(0o755)).unwrap();
    Some(out)
}

#[test]
fn the_template_and_the_bundled_explainers_pass() {
    let home = Home::new();
    let text = plugin(&home, "check", template()).code(0).quiet().text();
    assert!(text.starts_with("library\n  pass  file "), "{text}");
    assert!(text.contains("\nmean-activation\n  pass  answers "), "{text}");
    assert!(text.ends_with("\n23 passed, 0 failed, 2 skipped\n"), "{text}");
    let found = plugin(&home, "check --json", standard()).code(0).quiet().json().remove(0);
    assert_eq!((&found["failed"], &found["passed"]), (&0.into(), &516.into()), "{found:#}");
    assert_eq!(found["sha256"], sha256(standard()));
}

#[test]
fn a_failure_is_a_row_and_code_3() {
    let home = Home::new();
    let Some(path) = faulty(&home, "FINITE") else { return };
    let ended = plugin(&home, "check", &path).code(3).quiet();
    let row =
        "  FAIL  finite      every value of every map is a finite number: model `many classes`, class 0: ";
    assert!(ended.text().contains(row), "{}", ended.text());
    assert!(ended.text().ends_with("\n24 passed, 1 failed, 0 skipped\n"), "{}", ended.text());
    let here = plugin(&home, "check --in-process", &path).code(3);
    assert!(here.text().contains(row), "{}", here.text());
    let found = plugin(&home, "check --json", &path).code(3).quiet().json().remove(0);
    let failed: Vec<&Value> =
        found["checks"].as_array().unwrap().iter().filter(|check| check["verdict"] == "fail").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((&failed[0]["check"], &failed[0]["explainer"]), (&"finite".into(), &"faulty".into()));
    assert!(failed[0]["sentence"].as_str().unwrap().contains("finite") && failed[0]["seconds"].is_number());
}

#[test]
fn a_crash_is_a_row_too() {
    let home = Home::new();
    let Some(path) = faulty(&home, "REFUSALS_CRASH") else { return };
    let text = plugin(&home, "check", &path).code(3).quiet().text();
    assert!(text.contains("FAIL  refusals ") && text.contains("segmentation fault (signal 11)"), "{text}");
    assert!(text.contains("  pass  time ") && text.ends_with("\n24 passed, 1 failed, 0 skipped\n"), "{text}");
}

#[test]
fn a_word_too_few_is_usage() {
    let home = Home::new();
    home.camtui(["plugin", "check"]).go().code(2).says("<FILE>");
    home.camtui(["plugin", "check", "--nonsense", "x"]).go().code(2);
}

#[test]
fn info_says_everything_in_lines_and_in_json() {
    let home = Home::new();
    let Some(path) = faulty(&home, "NOTHING") else { return };
    let text = plugin(&home, "info", &path).code(0).quiet().text();
    for line in [
        "id: faulty",
        "name: Faulty",
        "version: 1.0",
        "needs: activations, gradients",
        "runs: isolated",
        &format!("sha256: {}", sha256(&path)),
        "parameter: steps (a whole number from 1 to 9 (default 2)) how many steps are taken",
        "parameter: word (one of `mean`, `sum` (default mean)) what is done",
    ] {
        assert!(text.lines().any(|l| l == line), "{line:?} is not in {text}");
    }
    let found = plugin(&home, "info --json", &path).code(0).quiet().json().remove(0);
    let explainer = &found["explainers"][0];
    assert_eq!((&explainer["id"], &explainer["isolated"]), (&"faulty".into(), &true.into()));
    let steps = serde_json::json!({
        "key": "steps", "type": "int", "default": 2, "minimum": 1, "maximum": 9, "choices": null,
        "help": "how many steps are taken",
    });
    assert_eq!(explainer["parameters"][0], steps);
    assert_eq!(explainer["parameters"][1]["choices"], serde_json::json!(["mean", "sum"]));
    let here = plugin(&home, "info --json --in-process", &path).code(0).json().remove(0);
    assert_eq!(here["explainers"][0]["isolated"], false);
    // Each of a library's explainers has its line.
    let all = plugin(&home, "info", standard()).code(0).text();
    assert_eq!(all.lines().filter(|line| line.starts_with("id: ")).count(), 30);
    let bundled = home.camtui(["plugin", "info", "--json", "occlusion"]).go().code(0).json().remove(0);
    assert_eq!(bundled["explainers"][0]["bundled"], true);
    assert_eq!(bundled["explainers"][0]["parameters"].as_array().unwrap().len(), 3);
}

#[test]
fn list_says_where_everything_comes_from() {
    let home = Home::new();
    let name = template().file_name().unwrap().to_str().unwrap();
    let path = home.file(&format!("data/plugins/{name}"), fs::read(template()).unwrap());
    home.file(&format!("data/plugins/broken.{}", std::env::consts::DLL_EXTENSION), "x");
    let ended = home.camtui(["plugin", "list"]).go().code(0);
    assert!(ended.stderr.contains("broken.") && ended.stderr.contains("it is not a shared library"));
    let (hash, text) = (sha256(&path), ended.text());
    let row = text.lines().find(|line| line.starts_with("mean-activation ")).unwrap().to_owned();
    let path = path.canonicalize().unwrap();
    for word in [&hash[..12], "isolated", "activations", "0.1.0", path.to_str().unwrap()] {
        assert!(row.contains(word), "{word} is not in {row}");
    }
    assert!(text.lines().any(|line| line.starts_with("grad-cam ") && line.ends_with("bundled")), "{text}");
    let found = home.camtui(["plugin", "list", "--json"]).go().code(0).json().remove(0);
    let all = found["explainers"].as_array().unwrap();
    let template = all.iter().find(|e| e["id"] == "mean-activation").unwrap();
    assert_eq!((&template["sha256"], &template["isolated"]), (&hash.into(), &true.into()));
    assert!(all.iter().any(|e| e["id"] == "cam" && e["bundled"] == true && e["sha256"].is_null()));
    assert!(found["notices"][0].as_str().unwrap().contains("it is not a shared library"));
    if cfg!(target_os = "linux") {
        let closed = &found["libraries"].as_array().unwrap().last().unwrap()["closed"];
        assert!(closed.is_array(), "{found:#}");
    }
}
