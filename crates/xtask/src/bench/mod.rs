//! `xtask bench`: camtui beside pytorch-grad-cam, bare PyTorch and ONNX Runtime.
//!
//! Figures from different days, machines or thread counts say nothing about each other, so everything is measured in one run
//! and in turns: a few calls each, then the next, over and over (`turns`), as many threads against as many. `rows` says what
//! there is to measure, `measure` who takes turns for it: camtui's engine in this process (`own`, `drawing`), the program as
//! users start it (`program`, `apart`), the others in Python processes that stay warm (`peers`). What comes of it (`figures`,
//! `stats`) is held against what is aimed at (`aims`) and written into the page (`page`) with its circumstances
//! (`machine`). `session` is a chore of its own.

mod aims;
mod apart;
mod busy;
pub mod drawing;
mod figures;
pub mod machine;
mod measure;
mod own;
mod page;
mod peers;
mod process;
mod program;
mod rows;
#[cfg(unix)]
pub mod session;
mod stats;
mod turns;
mod yardstick;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::beside;
use figures::Figures;
use measure::{Measure, model_of};
use page::Circumstances;
use peers::Material;
use rows::{Network, Row};
use turns::Pace;

#[derive(Args)]
pub struct Bench {
    /// A Python with torch, torchvision, timm, onnx, grad-cam, onnxruntime and pillow; without it camtui is measured alone
    #[arg(long)]
    python: Option<PathBuf>,
    /// ResNet-18 as torchvision's checkpoint (.pth); without it its weights are drawn from a seed, by that Python
    #[arg(long, value_name = "FILE.pth")]
    model: Option<PathBuf>,
    /// The picture
    #[arg(long, value_name = "FILE", default_value = "examples/chelsea.png")]
    image: PathBuf,
    /// Measure only these rows
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    only: Vec<Row>,
    /// Measure only these networks
    #[arg(long, value_name = "NETWORK", value_delimiter = ',')]
    networks: Vec<Network>,
    /// Numbers of threads; default: 1, 2, 4, 8 and 16, as far as the machine has them
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    threads: Vec<u16>,
    /// Few repetitions: to see whether everything works
    #[arg(long)]
    quick: bool,
    /// The page to write the tables into; default: docs/benchmarks.md, where everything is measured
    #[arg(long, value_name = "FILE.md")]
    page: Option<PathBuf>,
    /// The camtui to start; default: the one beside this program
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The bundled explainers as a library; default: the one beside the program, if it is there
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
}

impl Bench {
    pub fn run(self) -> Result<()> {
        let begun = Instant::now();
        let load = machine::load();
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let program = beside::program(self.program.as_deref())?;
        for file in self.model.iter().chain([&self.image]) {
            ensure!(file.is_file(), "{} is no file", file.display());
        }
        let rows = if self.only.is_empty() { Row::value_variants().to_vec() } else { self.only.clone() };
        let page = self.page()?;
        let networks = self.networks(&rows);
        ensure!(
            !networks.is_empty(),
            "these rows are not measured on these networks: ResNet-18 has all of them"
        );
        let material = self.material(&program, &networks, folder.path())?;
        let threads = self.threads();
        let library = beside::library(self.library.as_deref(), &program);
        let mut measure = Measure {
            program: &program,
            image: &self.image,
            folder: folder.path(),
            library: library.as_deref(),
            material: material.as_ref(),
            rows: &rows,
            pace: if self.quick { Pace::QUICK } else { Pace::FULL },
            figures: Figures::default(),
            memory_on: *threads.iter().filter(|threads| **threads <= 2).max().unwrap_or(&threads[0]),
            versions: vec![machine::compiler()?],
        };
        for network in networks {
            let Some(model) = model_of(network, self.model.as_deref(), material.as_ref()) else {
                eprintln!("{}: not measured: it takes --python, or for ResNet-18 --model", network.title());
                continue;
            };
            for threads in &threads {
                if let Err(error) = measure.network(network, &model, *threads) {
                    eprintln!("{}: not measured: {error:#}", network.title());
                }
            }
        }
        let about = Circumstances {
            date: machine::today(),
            machine: machine::describe(),
            versions: measure.versions,
            weights: self.weights(material.is_some()),
            image: self.image.display().to_string(),
            load: [load, machine::load()],
            minutes: begun.elapsed().as_secs_f64() / 60.0,
        };
        let tables = page::tables(&measure.figures, &about);
        println!("{tables}");
        if let Some(page) = page {
            let old = read(&page)?;
            std::fs::write(&page, page::renewed(&old, &tables)?)?;
            eprintln!("written into {}", page.display());
        }
        Ok(())
    }

    /// The page, which must have its markers before a quarter of an hour is spent on it.
    fn page(&self) -> Result<Option<PathBuf>> {
        let everything =
            self.only.is_empty() && self.networks.is_empty() && self.threads.is_empty() && !self.quick;
        let standard = (everything && self.python.is_some()).then(|| PathBuf::from("docs/benchmarks.md"));
        let page = self.page.clone().or(standard);
        if let Some(page) = &page {
            page::renewed(&read(page)?, "")
                .with_context(|| format!("{} cannot be written", page.display()))?;
        }
        Ok(page)
    }

    fn networks(&self, rows: &[Row]) -> Vec<Network> {
        let all = if self.networks.is_empty() { Network::value_variants() } else { &self.networks };
        all.iter().copied().filter(|network| rows.iter().any(|row| row.is_for(*network))).collect()
    }

    fn threads(&self) -> Vec<usize> {
        if self.threads.is_empty() {
            [1, 2, 4, 8, 16].into_iter().filter(|threads| *threads <= machine::cores()).collect()
        } else {
            self.threads.iter().copied().map(usize::from).collect()
        }
    }

    fn material(&self, program: &Path, networks: &[Network], folder: &Path) -> Result<Option<Material>> {
        let Some(python) = &self.python else { return Ok(None) };
        let networks: Vec<Network> = networks.iter().copied().filter(|n| *n != Network::Embedded).collect();
        let checkpoint = self.model.as_deref();
        let material = Material::new(python, folder, &self.image, checkpoint, &networks)?;
        for network in networks {
            let model =
                model_of(network, checkpoint, Some(&material)).context("there is a model for each")?;
            if let Err(error) = material.export(program, &model, network) {
                eprintln!("{}: ONNX Runtime has no graph to run: {error:#}", network.title());
            }
        }
        Ok(Some(material))
    }

    fn weights(&self, python: bool) -> String {
        match (&self.model, python) {
            (Some(_), true) => "ResNet-18 runs with the weights of a checkpoint, the other networks with weights drawn from a seed",
            (None, true) => "All networks run with weights drawn from a seed",
            (_, false) => "camtui alone",
        }
        .to_owned()
    }
}

fn read(page: &Path) -> Result<String> {
    std::fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))
}
