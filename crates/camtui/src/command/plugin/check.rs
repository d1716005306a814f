//! `camtui plugin check`: runs the checks of `camtui-host` over a library, as a table or as JSON.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use camtui_host::check::{Finding, Limits, Verdict, in_process, serve as serve_rows, supervised};
use camtui_term::sanitise;
use serde_json::{Value, json};

use super::list::hash;
use crate::command::print;
use crate::config::Config;
use crate::exit::Failure;
use crate::pipeline::isolation;

/// The bounds that the configuration puts on plugins.
pub fn limits(config: &Config) -> Limits {
    Limits {
        silence: Duration::from_secs(config.plugin_timeout.into()),
        memory: u64::from(config.plugin_memory) << 20,
        ..Limits::default()
    }
}

/// Checks the library at `file`. What fails is told in the answer; the failure returned is for the exit code.
pub fn run(file: &Path, as_json: bool, here: bool, limits: Limits) -> Result<(), Failure> {
    let program = isolation::program();
    let child = |path: &Path, row: usize| {
        let mut command = Command::new(&program);
        let words = ["plugin", "check", "--rows-from"].map(OsStr::new);
        command.args(words).arg(row.to_string()).arg("--").arg(path);
        command
    };
    let mut findings: Vec<Finding> = Vec::new();
    let mut broken = None;
    let mut group = None;
    let mut report = |finding: Finding| {
        if !as_json {
            let mut text = String::new();
            if group.as_ref() != Some(&finding.explainer) {
                let title = finding.explainer.as_deref().unwrap_or("library");
                let gap = if group.is_some() { "\n" } else { "" };
                text = format!("{gap}{title}\n");
                group = Some(finding.explainer.clone());
            }
            text.push_str(&row(&finding));
            broken = broken.take().or_else(|| print(text.as_bytes()).err());
        }
        findings.push(finding);
    };
    if here {
        in_process(file, limits, &mut report);
    } else {
        supervised(file, limits, &child, &mut report)
            .with_context(|| format!("the checks of {} cannot be run", file.display()))?;
    }
    if let Some(failure) = broken {
        return Err(failure);
    }
    if as_json {
        print(format!("{}\n", in_json(file, &findings)).as_bytes())?;
    } else {
        print(format!("\n{}\n", summary(&findings)).as_bytes())?;
    }
    if count(&findings, "fail") > 0 { Err(Failure::SomePlugin) } else { Ok(()) }
}

/// The child's part: the rows from `row` on.
pub fn serve(file: &Path, row: usize, limits: Limits) -> Result<(), Failure> {
    Ok(serve_rows(file, row, limits)?)
}

fn count(findings: &[Finding], word: &str) -> usize {
    findings.iter().filter(|f| f.verdict.word() == word).count()
}

fn row(finding: &Finding) -> String {
    let word = match finding.verdict {
        Verdict::Pass(_) => "pass",
        Verdict::Fail(_) => "FAIL",
        Verdict::Skipped(_) => "skip",
    };
    let seen = sanitise(finding.verdict.sentence());
    match finding.verdict {
        // What it should have been helps only whoever has to mend it.
        Verdict::Fail(_) => format!("  {word}  {:<10}  {}: {seen}\n", finding.check, finding.proves),
        _ => format!("  {word}  {:<10}  {seen}\n", finding.check),
    }
}

fn summary(findings: &[Finding]) -> String {
    let (passed, failed, skipped) =
        (count(findings, "pass"), count(findings, "fail"), count(findings, "skipped"));
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

fn in_json(file: &Path, findings: &[Finding]) -> Value {
    let checks: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check,
                "explainer": finding.explainer,
                "proves": finding.proves,
                "verdict": finding.verdict.word(),
                "sentence": finding.verdict.sentence(),
                "seconds": (finding.took.as_secs_f64() * 1e3).round() / 1e3,
            })
        })
        .collect();
    json!({
        "file": file.canonicalize().unwrap_or_else(|_| file.to_owned()).to_string_lossy(),
        "sha256": file.is_file().then(|| hash(file)).flatten(),
        "camtui": env!("CARGO_PKG_VERSION"),
        "passed": count(findings, "pass"),
        "failed": count(findings, "fail"),
        "skipped": count(findings, "skipped"),
        "checks": checks,
    })
}
