//! `check`: a sound library passes every check, and one that is broken in one place fails the check for that
//! place and no other, whatever becomes of the process that runs it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

mod toy;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use camtui_host::check::{Finding, Limits, Verdict, in_process, serve, supervised};
use toy::built;

const PATH: &str = "CAMTUI_TEST_CHECK_PATH";
const ROW: &str = "CAMTUI_TEST_CHECK_ROW";

/// Not a test of its own: what a child of the tests below runs.
#[test]
fn child() {
    let (Some(path), Ok(row)) = (std::env::var_os(PATH), std::env::var(ROW)) else { return };
    serve(Path::new(&path), row.parse().unwrap(), limits()).unwrap();
}

fn limits() -> Limits {
    Limits { one_map: Duration::from_secs(1), ..Limits::default() }
}

fn check_within(path: &Path, limits: Limits) -> Vec<Finding> {
    let own = std::env::current_exe().unwrap();
    let command = |path: &Path, row: usize| {
        let mut command = Command::new(&own);
        command.args(["--exact", "child", "--nocapture"]).env(PATH, path).env(ROW, row.to_string());
        command
    };
    let mut findings = vec![];
    supervised(path, limits, &command, &mut |finding| findings.push(finding)).unwrap();
    findings
}

/// What failed, with the sentence.
fn failed(findings: &[Finding]) -> Vec<(&'static str, &str)> {
    let fails = findings.iter().filter(|f| matches!(f.verdict, Verdict::Fail(_)));
    fails.map(|f| (f.check, f.verdict.sentence())).collect()
}

fn verdict<'a>(findings: &'a [Finding], check: &str) -> &'a Verdict {
    &findings.iter().find(|f| f.check == check).unwrap_or_else(|| panic!("no {check}: {findings:?}")).verdict
}

/// `tests/plugins/faulty.c` with one macro defined; none where there is no C compiler.
fn faulty(variant: &str) -> Option<PathBuf> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    if Command::new(&compiler).arg("--version").output().is_err() {
        println!("skipped: there is no C compiler `{compiler}`");
        return None;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("libfaulty_{}.so", variant.to_lowercase()));
    let made = Command::new(&compiler)
        .args(["-std=c11", "-O1", "-Wall", "-Wextra", "-shared", "-fPIC", "-pthread", "-I"])
        .arg(here.join("../camtui-plugin/include"))
        .arg(format!("-D{variant}"))
        .arg(here.join("tests/plugins/faulty.c"))
        .arg("-o")
        .arg(&out)
        .arg("-lm")
        .output()
        .unwrap();
    assert!(made.status.success(), "{variant}: {}", String::from_utf8_lossy(&made.stderr));
    std::fs::set_permissions(&out, std::fs::Permissions::from_mode(0o755)).unwrap();
    Some(out)
}

/// Checks a variant, and that just this check fails, saying these words.
fn fails(variant: &str, check: &str, words: &str) -> Vec<Finding> {
    let Some(path) = faulty(variant) else { return vec![] };
    let findings = check_within(&path, limits());
    let failed = failed(&findings);
    let ids: Vec<&str> = failed.iter().map(|f| f.0).collect();
    assert_eq!(ids, [check], "{variant}: {failed:#?}");
    assert!(failed[0].1.contains(words), "{variant}: {}", failed[0].1);
    assert!(findings.iter().all(|f| !f.verdict.sentence().chars().any(char::is_control)));
    findings
}

#[test]
fn a_sound_library_passes_in_a_child_and_here() {
    let Some(path) = faulty("NOTHING") else { return };
    let findings = check_within(&path, limits());
    assert_eq!(failed(&findings), []);
    assert_eq!(
        findings.iter().filter(|f| matches!(f.verdict, Verdict::Pass(_))).count(),
        25,
        "{findings:#?}"
    );
    let mut here = vec![];
    in_process(&path, limits(), &mut |finding| here.push(finding));
    let rows = |findings: &[Finding]| -> Vec<_> {
        findings.iter().map(|f| (f.check, f.explainer.clone(), f.verdict.word())).collect()
    };
    // Other tests of this process come and go: what it says of threads is theirs.
    let (last, rest) = here.split_last().unwrap();
    assert_eq!(last.check, "manners");
    assert_eq!(rows(rest), rows(&findings[..findings.len() - 1]));
}

#[test]
fn bundled_explainers_and_the_template_pass_every_check() {
    for package in ["camtui-standard", "camtui-template"] {
        let findings = check_within(&built(package), Limits::default());
        let mut failed = failed(&findings);
        // The program that these tests are says so itself of a test that takes a minute, as this may on a busy machine.
        failed.retain(|(_, why)| !why.contains("has been running for over"));
        assert_eq!(failed, [], "{package}");
        let skipped: Vec<_> = findings.iter().filter(|f| f.verdict.word() == "skipped").collect();
        // One without a ReLU, one without parameters.
        assert!(
            skipped.iter().all(|f| ["rectify", "extremes"].contains(&f.check)),
            "{package}: {skipped:#?}"
        );
    }
}

#[test]
fn what_is_no_plugin_fails_before_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    let findings = check_within(&text, limits());
    assert_eq!(failed(&findings), [("entry", "it is not a shared library")]);
    assert!(matches!(verdict(&findings, "loads"), Verdict::Skipped(_)));
    let findings = check_within(&folder.path().join("none.so"), limits());
    assert_eq!(failed(&findings)[0].0, "file");
    fails("ENTRY", "entry", "it is built for plugin interface 9");
    let Some(open) = faulty("OPEN_TO_ALL") else { return };
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o666)).unwrap();
    let findings = check_within(&open, limits());
    assert_eq!(failed(&findings).len(), 1);
    assert!(failed(&findings)[0].1.contains("everyone on this machine may write the file"));
}

#[test]
fn what_cannot_be_loaded() {
    fails("LOADS_REFUSED", "loads", "its `initialise` failed with status 1");
    fails("LOADS_UNDEFINED", "loads", "a_function_that_nobody_has");
    let findings = fails("LOADS_CRASH", "loads", "aborted (signal 6)");
    assert!(findings.is_empty() || findings.iter().all(|f| f.explainer.is_none()));
}

#[test]
fn what_is_described_badly() {
    fails("IDS", "ids", r#"the id of explainer 0 is "Faulty Id""#);
    fails("TEXTS_CONTROL", "texts", "the summary of `faulty` has control characters");
    fails("TEXTS_EMPTY", "texts", "the summary of `faulty` is empty");
    fails("TEXTS_BYTES", "texts", "is not UTF-8");
    fails("PARAMETERS_DEFAULT", "parameters", "has the default 10 outside of its range 1…9");
    fails("PARAMETERS_TWICE", "parameters", "has the choice `mean` twice");
    fails("PARAMETERS_HELP", "parameters", "the help of `steps` of `faulty` is empty");
    fails("STABLE", "stable", "the description of `faulty` changes");
}

#[test]
fn what_is_answered_badly() {
    let findings = fails("ANSWERS", "answers", "two are not enough");
    assert!(findings.is_empty() || matches!(verdict(&findings, "time"), Verdict::Skipped(_)));
    fails("ANSWERS_REFUSED", "answers", "never heard of such a model");
    fails("FINITE", "finite", "the map has 1 of 8 values that are not finite numbers");
    fails("SIZES", "sizes", "rows and columns are swapped");
    fails("SIZES_COUNT", "sizes", "the map is said to be 3×2 but comes with 8 values");
    fails("NEEDS", "needs", "it asks for forward passes without declaring it");
    fails("CLASS_AGNOSTIC", "class", "it says that its map does not depend on the class");
    fails("CLASS_FIXED", "class", "its map is the same for every class");
    fails("RECTIFY", "rectify", "has a negative value");
    fails("SPOT", "spot", "row 1, column 5");
}

#[test]
fn a_map_of_one_column_may_find_the_place() {
    let Some(path) = faulty("STRIPES") else { return };
    assert_eq!(failed(&check_within(&path, limits())), []);
}

#[test]
fn what_is_refused_badly() {
    fails("REFUSALS_FAILED", "refusals", "model `without layers`, class 0: `faulty`: there is no layer");
    fails("REFUSALS_SILENT", "refusals", "does not say why");
    fails("ERRORS_SILENT", "errors", "gave no reason");
    fails("ERRORS_IGNORED", "errors", "it gave a map all the same");
}

#[test]
fn extremes_that_are_not_borne() {
    fails("EXTREMES", "extremes", "steps=9: `faulty`: nine is too many");
    fails("INPUTS", "inputs", "model `all zero`");
}

#[test]
fn calls_that_get_in_each_others_way() {
    fails("REPEATS", "repeats", "the same question with seed 18446744073709551615 gives another map");
    fails("AT_ONCE", "at-once", "while another call runs it gives another map");
}

#[test]
fn what_a_long_session_would_show() {
    fails("CANCEL", "cancel", "cancelled 0.1 s into a larger model, it went on for");
    fails("TIME", "time", "is not there after 1.0 s");
    if cfg!(target_os = "linux") {
        fails("MEMORY", "memory", "something is not freed at each call");
    }
}

#[test]
fn manners_that_cost_the_program() {
    fails("MANNERS_PRINT", "manners", "on standard output or error");
    fails("MANNERS_FOLDER", "manners", "changed the working folder");
    if cfg!(target_os = "linux") {
        fails("MANNERS_SIGNAL", "manners", "changed which signals are caught, ignored or blocked");
        fails("MANNERS_THREAD", "manners", "left a thread running");
    }
}

#[test]
fn a_crash_fails_one_check_and_the_next_one_runs() {
    for (variant, check, words) in [
        ("REFUSALS_CRASH", "refusals", "segmentation fault (signal 11)"),
        ("EXTREMES_ABORT", "extremes", "aborted (signal 6)"),
        ("INPUTS_EXIT", "inputs", "it left the process (exit code 0)"),
    ] {
        let findings = fails(variant, check, words);
        assert!(
            findings.is_empty() || matches!(verdict(&findings, "time"), Verdict::Pass(_)),
            "{findings:#?}"
        );
    }
}

#[test]
fn what_never_comes_back_is_ended() {
    let Some(path) = faulty("INPUTS_HANG") else { return };
    let findings = check_within(&path, Limits { silence: Duration::from_secs(6), ..limits() });
    assert_eq!(failed(&findings), [("inputs", "it was ended, because it did not come back within 6 s")]);
    assert!(matches!(verdict(&findings, "time"), Verdict::Pass(_)));
}
