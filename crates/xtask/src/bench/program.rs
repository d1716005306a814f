//! The camtui that users start: its start and memory, a folder of pictures, and the explainers' times as it tells them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::process::{Spent, once};

/// The program and what it is asked about.
pub struct Program<'a> {
    pub file: &'a Path,
    /// A model's file or name.
    pub model: &'a Path,
    pub image: &'a Path,
    pub layer: &'a str,
    pub threads: usize,
    /// For files of this run: conversions are kept there, results written.
    pub folder: &'a Path,
}

impl Program<'_> {
    fn command(&self, explainer: &str) -> Command {
        let mut command = Command::new(self.file);
        command.args(["--render", "--protocol", "none", "--explainer", explainer, "--layer", self.layer]);
        command.arg("--model").arg(self.model).arg("--threads").arg(self.threads.to_string());
        command.env("CAMTUI_CACHE_DIR", self.folder.join("cache"));
        command
    }

    /// One picture with its map, from the start of the process to the PNG.
    pub fn start(&self) -> Result<Spent> {
        once(self.command("grad-cam").arg("--output").arg(self.folder.join("camtui.png")).arg(self.image))
    }

    /// The most memory that one map of `explainer` takes.
    pub fn memory(&self, explainer: &str) -> Result<f64> {
        let spent = once(self.command(explainer).arg("--json").arg(self.image))?;
        spent.megabytes.context("this system does not tell a process's memory")
    }

    /// Milliseconds of one map of `explainer` for each of `count` classes, the likeliest first.
    pub fn explain(&self, explainer: &str, parameters: &[&str], count: usize) -> Result<Vec<f64>> {
        let mut command = self.command(explainer);
        command.args(parameters.iter().flat_map(|pair| ["--param", pair]));
        command.args(["--json", "--target", &format!("all:{count}")]).arg(self.image);
        let said = once(&mut command)?.said;
        let took = |line: &str| serde_json::from_str::<Value>(line).ok()?["timings_ms"]["explain"].as_f64();
        let took = said.lines().map(took).collect::<Option<Vec<f64>>>().context("camtui prints no times")?;
        ensure!(took.len() == count, "camtui explained {} classes, not {count}", took.len());
        Ok(took)
    }

    /// Milliseconds a picture of `pictures` from files to files, the start of the program included.
    pub fn folder(&self, pictures: &Pictures) -> Result<f64> {
        let out = tempfile::tempdir_in(self.folder)?;
        let spent = once(self.command("grad-cam").arg("--output").arg(out.path()).arg(&pictures.folder))?;
        let written = std::fs::read_dir(out.path())?.count();
        ensure!(written == pictures.count, "camtui wrote {written} pictures of {}", pictures.count);
        Ok(spent.milliseconds / pictures.count as f64)
    }
}

/// A folder full of one picture.
pub struct Pictures {
    pub folder: PathBuf,
    pub count: usize,
}

impl Pictures {
    /// Copies `image` so many times.
    pub fn new(image: &Path, count: usize, folder: &Path) -> Result<Self> {
        let folder = folder.join(format!("pictures-{count}"));
        std::fs::create_dir_all(&folder)?;
        let ending = image.extension().unwrap_or_default();
        for number in 0..count {
            let copy = folder.join(format!("{number:05}")).with_extension(ending);
            std::fs::copy(image, copy).context("cannot copy the picture")?;
        }
        Ok(Self { folder, count })
    }
}
