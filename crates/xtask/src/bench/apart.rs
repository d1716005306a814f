//! What a process of its own costs an explainer: the bundled Grad-CAM and the same one loaded as a library, which
//! camtui therefore isolates, in turns in one run.
//!
//! Another explainer goes first on each picture, so that activations and gradients are there for both; what is left
//! of an explainer's time is its formula and, for the second, the way to its process and back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::stats::Times;

/// The first is not measured.
const EXPLAINERS: &str = "layer-cam,grad-cam,camtui_standard:grad-cam";
/// Pictures at the start that are not counted.
const WARM_UP: usize = 3;

/// The program, the bundled explainers as a library, and what they are asked.
pub struct Apart<'a> {
    pub program: &'a Path,
    pub library: &'a Path,
    pub model: &'a Path,
    pub image: &'a Path,
    /// For files of this run.
    pub folder: &'a Path,
}

impl Apart<'_> {
    /// Prints both explainers' times on `pictures` pictures, and what the first start of a process costs, of
    /// `starts`.
    pub fn run(&self, pictures: u32, starts: u32) -> Result<()> {
        let (bundled, isolated) = self.warm(pictures as usize)?;
        let added = isolated.median() - bundled.median();
        println!(
            "\nisolation: Grad-CAM at layer4, activations and gradients at hand, milliseconds\n\
             (median of {pictures} pictures, in turns; middle half in brackets, ratio to the bundled one)\n"
        );
        println!("  {}", bundled.row("bundled", bundled.median()));
        println!("  {}", isolated.row("in a process of its own", bundled.median()));
        println!("  added to a picture: {added:.2} ms");
        let (without, with) = self.cold(starts)?;
        let added = with.median() - without.median();
        println!("  added once, for starting the process and describing the library: {added:.1} ms");
        Ok(())
    }

    /// Milliseconds of the bundled one and of the isolated one.
    fn warm(&self, pictures: usize) -> Result<(Times, Times)> {
        let copies = self.folder.join("pictures");
        std::fs::create_dir_all(&copies)?;
        let ending = self.image.extension().unwrap_or_default();
        for number in 0..pictures + WARM_UP {
            let copy = copies.join(format!("{number:05}")).with_extension(ending);
            std::fs::copy(self.image, copy).context("cannot copy the picture")?;
        }
        let mut command = self.command();
        // One worker, so that the two really take turns.
        command.args([
            "--render",
            "--json",
            "--layer",
            "layer4",
            "--explainer",
            EXPLAINERS,
            "--threads",
            "1",
        ]);
        command.arg("--model").arg(self.model).arg("--plugin").arg(self.library).arg(&copies);
        let output = command.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout)?;
        let took: Vec<f64> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).ok()?["timings_ms"]["explain"].as_f64())
            .collect::<Option<_>>()
            .context("camtui prints no times")?;
        ensure!(took.len() == 3 * (pictures + WARM_UP), "camtui explained {} times", took.len());
        let (mut bundled, mut isolated) = (Times::default(), Times::default());
        let counted = took.chunks_exact(3).skip(WARM_UP);
        bundled.extend(counted.clone().map(|times| times[1]));
        isolated.extend(counted.map(|times| times[2]));
        Ok((bundled, isolated))
    }

    /// Milliseconds of a run without and with a library to be described.
    fn cold(&self, starts: u32) -> Result<(Times, Times)> {
        let (mut without, mut with) = (Times::default(), Times::default());
        // The first of each is not counted.
        for number in 0..=starts {
            for (library, times) in [(None, &mut without), (Some(self.library), &mut with)] {
                let mut command = self.command();
                command.args(["plugin", "list"]).stdout(Stdio::null());
                command.args(library.iter().flat_map(|library| [Path::new("--plugin"), library]));
                let begun = Instant::now();
                ensure!(command.status()?.success(), "camtui plugin list fails");
                let spent = begun.elapsed().as_secs_f64() * 1e3;
                times.extend((number > 0).then_some(spent).into_iter());
            }
        }
        Ok((without, with))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.env("CAMTUI_CACHE_DIR", self.folder.join("cache"));
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

/// The library of the bundled explainers that cargo leaves beside the program.
pub fn library_beside(program: &Path) -> PathBuf {
    let name = format!("{}camtui_standard{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    program.with_file_name(name)
}
