//! What a process of its own costs an explainer: the bundled Grad-CAM and the same one loaded as a library, which
//! camtui therefore isolates, in turns in one run.
//!
//! Another explainer goes first on each picture, so that activations and gradients are there for both; what is left
//! of an explainer's time is its formula and, for the second, the way to its process and back.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::process::once;
use super::program::{Pictures, Program};
use super::stats::Times;

/// The first is not measured.
const EXPLAINERS: &str = "layer-cam,grad-cam,camtui_standard:grad-cam";
/// Pictures at the start that are not counted.
const WARM_UP: usize = 3;

/// Times of both on `pictures` pictures, and of the start of the program without and with a library to be described, of
/// `starts`.
pub fn measure(
    program: &Program<'_>,
    library: &Path,
    pictures: usize,
    starts: usize,
) -> Result<Vec<(String, Times)>> {
    let [bundled, isolated] = warm(program, library, pictures)?;
    let [without, with] = cold(program, library, starts)?;
    let named = [
        ("bundled", bundled),
        ("in a process of its own", isolated),
        ("`camtui plugin list`", without),
        ("`camtui plugin list`, a library described in a process", with),
    ];
    Ok(named.into_iter().map(|(name, times)| (name.to_owned(), times)).collect())
}

fn warm(program: &Program<'_>, library: &Path, pictures: usize) -> Result<[Times; 2]> {
    let copies = Pictures::new(program.image, pictures + WARM_UP, program.folder)?;
    let out = program.folder.join("maps");
    let mut command = command(program);
    // One worker, so that the two really take turns; times go into the files, for which a pipe might be too narrow.
    command.args(["--render", "--layer", program.layer, "--explainer", EXPLAINERS, "--threads", "1"]);
    command.arg("--model").arg(program.model).arg("--plugin").arg(library).arg("--json").arg(&copies.folder);
    let file = std::fs::File::create(&out)?;
    let status = command.stdout(file).status()?;
    ensure!(status.success(), "camtui cannot explain with {}", library.display());
    let said = std::fs::read_to_string(&out)?;
    let took = |line: &str| serde_json::from_str::<Value>(line).ok()?["timings_ms"]["explain"].as_f64();
    let took = said.lines().map(took).collect::<Option<Vec<f64>>>().context("camtui prints no times")?;
    ensure!(took.len() == 3 * copies.count, "camtui explained {} times", took.len());
    let counted = took.chunks_exact(3).skip(WARM_UP);
    Ok([1, 2].map(|at| counted.clone().map(|times| times[at]).collect()))
}

fn cold(program: &Program<'_>, library: &Path, starts: usize) -> Result<[Times; 2]> {
    let mut found = [Times::default(), Times::default()];
    // The first of each is not counted.
    for number in 0..=starts {
        for (library, times) in [None, Some(library)].into_iter().zip(&mut found) {
            let mut command = command(program);
            command.args(["plugin", "list"]);
            command.args(library.iter().flat_map(|library| [Path::new("--plugin"), library]));
            let spent = once(&mut command)?.milliseconds;
            times.extend((number > 0).then_some(spent).into_iter());
        }
    }
    Ok(found)
}

fn command(program: &Program<'_>) -> Command {
    let mut command = Command::new(program.file);
    command.env("CAMTUI_CACHE_DIR", program.folder.join("cache"));
    command
}

/// The library of the bundled explainers that cargo leaves beside the program.
pub fn library_beside(program: &Path) -> PathBuf {
    let name = format!("{}camtui_standard{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    program.with_file_name(name)
}
