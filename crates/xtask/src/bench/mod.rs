//! `xtask bench`: Grad-CAM on ResNet-18 by camtui, by pytorch-grad-cam and by ONNX Runtime, side by side.
//!
//! Figures from different days, machines or thread counts say nothing about each other, so everything is measured in
//! one run and in turns: a few pictures each, then the next, over and over. `own` runs camtui's engine in this process,
//! `peers` runs the others in Python processes that stay warm, `cold` starts each program anew up to a written PNG and
//! watches its memory, `apart` measures what a process of its own costs an explainer, `stats` makes medians of it; `session` is a chore of its own. Without a Python camtui is measured alone.

mod apart;
mod cold;
mod own;
mod peers;
#[cfg(unix)]
pub mod session;
mod stats;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;

use apart::Apart;
use cold::Cold;
use own::Own;
use peers::{PEERS, Peer};
use stats::Times;

/// Between two that take turns: threads that still spin for the last one come to rest.
const REST: Duration = Duration::from_millis(60);

#[derive(Args)]
pub struct Bench {
    /// ResNet-18 as torchvision's checkpoint (.pth)
    #[arg(long, value_name = "FILE.pth")]
    model: PathBuf,
    /// The picture
    #[arg(long, value_name = "FILE", default_value = "examples/chelsea.png")]
    image: PathBuf,
    /// A Python with torch, torchvision, grad-cam, onnxruntime and pillow; without it camtui is measured alone
    #[arg(long)]
    python: Option<PathBuf>,
    /// The camtui to start; default: the one beside this program
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Threads for each of them
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Turns that each of them takes
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Pictures in a turn
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Starts of each program
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// The bundled explainers as a library; default: the one beside the program, if it is there
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Measure only what isolation costs
    #[arg(long)]
    only_isolation: bool,
}

impl Bench {
    pub fn run(self) -> Result<()> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let program = match &self.program {
            Some(program) => program.clone(),
            None => {
                std::env::current_exe()?.with_file_name(format!("camtui{}", std::env::consts::EXE_SUFFIX))
            }
        };
        ensure!(
            program.is_file(),
            "{} is not there: `cargo build --release -p camtui` makes it, or --program names another",
            program.display()
        );
        for file in [&self.model, &self.image] {
            ensure!(file.is_file(), "{} is no file", file.display());
        }
        if self.only_isolation {
            return self.apart(&program, folder.path());
        }
        let mut peers = Vec::new();
        if let Some(python) = &self.python {
            let material =
                peers::Material::new(python, &program, &self.model, &self.image, self.threads, &folder)?;
            for kind in PEERS {
                // One that cannot start, for want of a package perhaps, is no reason to measure nothing.
                match Peer::start(*kind, &material) {
                    Ok(peer) => peers.push((peer, Times::default())),
                    Err(error) => eprintln!("{}: not measured: {error:#}", kind.name()),
                }
            }
        }
        println!(
            "Grad-CAM at layer4 of {}, {}, {} thread(s)",
            file_name(&self.model),
            file_name(&self.image),
            self.threads
        );
        self.warm(&mut peers)?;
        let material = peers.first().map(|(peer, _)| peer.material().clone());
        drop(peers);
        self.cold(&program, material.as_ref(), folder.path())?;
        self.apart(&program, folder.path())
    }

    fn apart(&self, program: &Path, folder: &Path) -> Result<()> {
        let library = self.library.clone().unwrap_or_else(|| apart::library_beside(program));
        if !library.is_file() {
            eprintln!(
                "isolation: not measured: {} is not there; `cargo build --release -p camtui-standard` makes it",
                library.display()
            );
            return Ok(());
        }
        let (model, image) = (self.model.as_path(), self.image.as_path());
        let apart = Apart { program, library: &library, model, image, folder };
        apart.run(self.rounds * self.repeats, self.starts)
    }

    fn warm(&self, peers: &mut [(Peer, Times)]) -> Result<()> {
        let own = Own::open(&self.model, &self.image, self.threads)?;
        let (mut whole, mut forward) = (Times::default(), Times::default());
        // The first turn of each is its warming up and is not counted.
        for round in 0..=self.rounds {
            std::thread::sleep(REST);
            let mut turn = Vec::new();
            for _ in 0..self.repeats {
                turn.push(own.explain()?);
            }
            if round > 0 {
                whole.extend(turn.iter().map(|spent| spent.whole));
                forward.extend(turn.iter().map(|spent| spent.forward));
            }
            for (peer, times) in &mut *peers {
                std::thread::sleep(REST);
                let turn = peer.turn(self.repeats)?;
                if round > 0 {
                    times.extend(turn.into_iter());
                }
            }
        }
        println!(
            "\nwarm: from the input tensor to a 224x224 map, milliseconds\n\
             (median of {} in {} turns, middle half in brackets, ratio to camtui)\n",
            self.rounds * self.repeats,
            self.rounds
        );
        let of = whole.median();
        println!("  {}", whole.row("camtui", of));
        println!("  {}", forward.row("  of it the forward pass", of));
        for (peer, times) in &*peers {
            println!("  {}", times.row(&peer.title(), of));
        }
        Ok(())
    }

    fn cold(&self, program: &Path, material: Option<&peers::Material>, folder: &Path) -> Result<()> {
        let mut runs = vec![(
            "camtui".to_owned(),
            Cold::camtui(program, &self.model, &self.image, self.threads, folder),
        )];
        if let Some(material) = material {
            let whole_jobs = PEERS.iter().filter(|kind| kind.makes_a_map());
            runs.extend(whole_jobs.map(|kind| (kind.name().to_owned(), Cold::peer(*kind, material))));
        }
        // Not counted: the conversion that camtui caches, the files that come from the disk the first time.
        for (name, run) in &mut runs {
            run.once().with_context(|| format!("{name} cannot be started"))?;
        }
        let mut times = vec![(Times::default(), Times::default()); runs.len()];
        for _ in 0..self.starts {
            for ((_, run), (seconds, memory)) in runs.iter_mut().zip(&mut times) {
                std::thread::sleep(REST);
                let spent = run.once()?;
                seconds.extend([spent.milliseconds].into_iter());
                memory.extend(spent.megabytes.into_iter());
            }
        }
        println!(
            "\ncold: from process start to a written PNG, the model converted or exported before\n(medians of {})\n",
            self.starts
        );
        for ((name, _), (seconds, memory)) in runs.iter().zip(&times) {
            let memory =
                if memory.is_empty() { "unknown".into() } else { format!("{:.0} MB", memory.median()) };
            println!("  {name:<34} {:>8.0} ms   peak memory {memory:>8}", seconds.median());
        }
        Ok(())
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
