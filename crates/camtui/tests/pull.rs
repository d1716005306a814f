//! `camtui model pull resnet18` by the real binary, against a server on this machine.
//!
//! The official checkpoint is not here to be served, so these are the pulls that must not install anything;
//! the pulls that must are tested with a made-up model beside the code.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

// The same misbehaving server as the unit tests', of which few acts are needed here.
#[allow(dead_code)]
#[path = "../src/store/pull/server.rs"]
mod server;

use server::{Act, Server};

const SIZE: usize = 46_830_571;
const PART: &str = "models/resnet18-f37072fd.pth.part";
const INSTALLED: &str = "models/resnet18-f37072fd.pth";

/// camtui with a data folder of its own and no proxy, whatever the environment of the tests says.
fn camtui(data: &Path, mirror: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_camtui"));
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(variable);
    }
    command
        .env("CAMTUI_DATA_DIR", data)
        .env("CAMTUI_MODEL_MIRROR", mirror)
        .env("CAMTUI_PULL_TIMEOUT_MS", "5000");
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn texts(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into(), String::from_utf8_lossy(&output.stderr).into())
}

/// Killed outright, which is more than Ctrl-C does and cannot be ignored by what started the tests.
#[test]
fn an_interrupted_pull_leaves_a_part_and_the_next_one_goes_on_from_it() {
    const BEFORE: usize = 10_000_000;
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(vec![0; SIZE], &[Act::SilentAfter(BEFORE), Act::Serve]);
    let mut child = camtui(data.path(), &server.url(), &["model", "pull", "resnet18"]).spawn().unwrap();
    let part = data.path().join(PART);
    let start = Instant::now();
    while part.metadata().map_or(0, |part| part.len()) < BEFORE as u64 {
        assert!(start.elapsed() < Duration::from_secs(4), "the part does not grow");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(part.metadata().unwrap().len(), BEFORE as u64);
    assert!(!data.path().join(INSTALLED).exists());

    // It goes on from there; as the bytes are not the model's, it then tries once from the start and refuses.
    let output = camtui(data.path(), &server.url(), &["model", "pull", "resnet18"]).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!((output.status.code(), stdout.as_str()), (Some(1), ""), "{stderr}");
    let seen: Vec<_> = server.seen().into_iter().map(|seen| (seen.range, seen.sent)).collect();
    assert_eq!(seen, [(None, BEFORE), (Some(format!("bytes={BEFORE}-")), SIZE - BEFORE), (None, SIZE)]);
    assert!(stderr.contains("f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"), "{stderr}");
    assert!(!stderr.contains('\r') && !stderr.contains('\x1b'), "a bar was drawn where no terminal is");
    assert!(!data.path().join(INSTALLED).exists() && !part.exists());
}

#[test]
fn refusals_are_a_sentence_and_exit_code_1() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(vec![0; 1000], &[Act::Serve, Act::Status(404)]);
    let wrong = data.path().join("wrong.pth");
    std::fs::write(&wrong, b"not a checkpoint").unwrap();
    for (args, wanted) in [
        (&["model", "pull", "resnet18"][..], "offers 1000 bytes"),
        (&["model", "pull", "resnet18"], "404"),
        (&["model", "pull", "resnet19"], "known are: resnet18"),
        (&["model", "pull", "resnet18", "--from", wrong.to_str().unwrap()], "it has 16 bytes"),
    ] {
        let output = camtui(data.path(), &server.url(), args).output().unwrap();
        let (stdout, stderr) = texts(&output);
        assert_eq!((output.status.code(), stdout.as_str()), (Some(1), ""), "{args:?}: {stderr}");
        assert!(stderr.contains(wanted), "{args:?}: {stderr}");
        assert!(!stderr.contains('\u{240a}'), "line ends were taken for control characters: {stderr}");
        assert!(!data.path().join(INSTALLED).exists());
    }
}

#[test]
fn the_embedded_model_needs_no_pull_and_the_list_says_what_is_there() {
    let data = tempfile::tempdir().unwrap();
    let nowhere = "http://127.0.0.1:1";
    let output = camtui(data.path(), nowhere, &["model", "pull", "efficientnet-lite0"]).output().unwrap();
    assert!(output.status.success() && texts(&output).0.contains("part of the program"));
    let output = camtui(data.path(), nowhere, &["model", "list"]).output().unwrap();
    let (stdout, _) = texts(&output);
    assert!(output.status.success() && stdout.contains("resnet18") && stdout.contains("efficientnet-lite0"));
}
