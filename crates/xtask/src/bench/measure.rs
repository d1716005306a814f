//! Who takes turns with whom: for each row the programs that can do it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use super::apart;
use super::busy::Busy;
use super::drawing::{Drawing, Step};
use super::figures::{CAMTUI, EXPORTED, FORWARD, Figures, GRAD_CAM, PYTORCH};
use super::own::Own;
use super::peers::{Material, Peer, Runtime, turn};
use super::process::once;
use super::program::{Pictures, Program};
use super::rows::{Network, Row};
use super::stats::Times;
use super::turns::{Pace, Turn, alternate};
use super::yardstick::{APART, apart};

/// All that are bundled.
const EXPLAINERS: &[&str] = &[
    "grad-cam",
    "grad-cam++",
    "hires-cam",
    "xgrad-cam",
    "elementwise-cam",
    "layer-cam",
    "cam",
    "finer-cam",
    "shapley-cam",
    "eigen-cam",
    "eigen-grad-cam",
    "fem",
    "dff",
    "random-cam",
    "ablation-cam",
    "recipro-cam",
    "score-cam",
    "ss-cam",
    "is-cam",
    "occlusion",
    "rise",
    "lime",
    "kernel-shap",
    "saliency",
    "input-x-gradient",
    "smooth-grad",
    "integrated-gradients",
    "guided-backprop",
    "guided-grad-cam",
    "full-grad",
];
/// Another layer than the default one.
const OTHER_LAYER: &str = "layer3";
/// Pictures in a folder, to begin with and in all.
const PICTURES: [usize; 2] = [16, 144];
/// Pictures that pytorch-grad-cam takes at once.
const BATCH: f64 = 8.0;
const MASKS: &str = "masks=500";

/// Everything that stays the same.
pub struct Measure<'a> {
    pub program: &'a Path,
    pub image: &'a Path,
    /// For files of this run.
    pub folder: &'a Path,
    /// The bundled explainers as a library, if there is one.
    pub library: Option<&'a Path>,
    /// None: camtui alone.
    pub material: Option<&'a Material>,
    pub rows: &'a [Row],
    pub pace: Pace,
    /// The number of threads that memory is measured with, which hardly depends on it.
    pub memory_on: usize,
    pub figures: Figures,
    /// What peers say they are.
    pub versions: Vec<String>,
}

/// One network on so many threads.
#[derive(Clone, Copy)]
struct On<'a> {
    network: Network,
    model: &'a Path,
    threads: usize,
}

impl Measure<'_> {
    /// All rows of one network on so many threads.
    pub fn network(&mut self, network: Network, model: &Path, threads: usize) -> Result<()> {
        let on = On { network, model, threads };
        let rows: Vec<Row> = self.rows.iter().copied().filter(|row| row.is_for(network)).collect();
        let needs = |row: &Row| !matches!(row, Row::Start | Row::StartMemory | Row::Memory | Row::Isolation);
        let (torch, ort) = if rows.iter().any(needs) {
            (self.peer(Runtime::Torch, on), self.peer(Runtime::Ort, on))
        } else {
            (None, None)
        };
        let own = (network != Network::Embedded)
            .then(|| Own::open(model, self.image, network.layer(), threads))
            .transpose()?;
        for row in rows {
            let begun = Instant::now();
            if let Err(error) = self.row(row, on, own.as_ref(), torch.as_ref(), ort.as_ref()) {
                // No reason to lose the others.
                eprintln!("{}: not measured: {error:#}", row.title());
            }
            let (title, seconds) = (network.title(), begun.elapsed().as_secs_f64());
            eprintln!("{title}, {threads} thread(s): {} ({seconds:.1} s)", row.title());
            for (network, who) in self.figures.lines(row).into_iter().filter(|line| line.0 == network) {
                if let Some(median) = self.figures.median(row, network, threads, who) {
                    eprintln!("    {who:<44} {median:>10.2}");
                }
            }
        }
        Ok(())
    }

    fn row(
        &mut self,
        row: Row,
        on: On<'_>,
        own: Option<&Own>,
        torch: Option<&RefCell<Peer>>,
        ort: Option<&RefCell<Peer>>,
    ) -> Result<()> {
        match row {
            // One is measured with the other.
            Row::StartMemory if self.rows.contains(&Row::Start) => Ok(()),
            Row::Start | Row::StartMemory => self.starts(on),
            Row::Memory => {
                if on.threads == self.memory_on {
                    self.memory(on);
                }
                Ok(())
            }
            Row::Isolation => self.isolation(on),
            _ => own.map_or(Ok(()), |own| self.turns(row, on, own, torch, ort)),
        }
    }

    fn peer(&mut self, runtime: Runtime, on: On<'_>) -> Option<RefCell<Peer>> {
        let material = self.material.filter(|_| on.network != Network::Embedded)?;
        match Peer::start(material, runtime, on.network, on.threads) {
            Ok(peer) => {
                if !self.versions.contains(&peer.version) {
                    self.versions.push(peer.version.clone());
                }
                Some(RefCell::new(peer))
            }
            Err(error) => {
                eprintln!("{runtime:?}: not measured: {error:#}");
                None
            }
        }
    }

    fn program<'p>(&'p self, on: On<'p>) -> Program<'p> {
        let (file, image, folder) = (self.program, self.image, self.folder);
        let layer = on.network.layer();
        Program { file, model: on.model, image, layer, threads: on.threads, folder }
    }

    fn add(&mut self, row: Row, on: On<'_>, found: Vec<(String, Times)>) {
        for (who, times) in found {
            self.figures.add(row, on.network, on.threads, &who, times);
        }
    }

    /// Rows that camtui and the warm peers take in turns.
    fn turns(
        &mut self,
        row: Row,
        on: On<'_>,
        own: &Own,
        torch: Option<&RefCell<Peer>>,
        ort: Option<&RefCell<Peer>>,
    ) -> Result<()> {
        let program = self.program(on);
        let [few, many] = PICTURES.map(|count| Pictures::new(self.image, count, self.folder));
        let (few, many) = (few?, many?);
        let drawing = &Drawing::new(self.image, on.threads)?;
        let mut pace = self.pace;
        let _busy = (row == Row::Loaded).then(Busy::start).transpose()?;
        let explain = |id: &'static str, parameters: &'static [&'static str], first: bool| -> Turn<'_> {
            let program = &program;
            // The first class compiles what the passes need, which takes a while and counts only where passes take longer.
            Box::new(move |calls| {
                let skipped = usize::from(!first);
                Ok(program.explain(id, parameters, calls + skipped)?.split_off(skipped))
            })
        };
        let camtui: Turn<'_> = match row {
            Row::GradCam | Row::Loaded => Box::new(|calls| own.grad_cam(calls)),
            Row::Forward => Box::new(|calls| own.forward(calls)),
            Row::ImageGradient => Box::new(|calls| own.image_gradient(calls)),
            Row::AnotherClass => Box::new(|calls| own.another_class(calls)),
            Row::AnotherLayer => Box::new(|calls| own.another_layer(OTHER_LAYER, calls)),
            Row::ScoreCam => explain("score-cam", &[], true),
            Row::AblationCam => explain("ablation-cam", &[], false),
            Row::ReciproCam => explain("recipro-cam", &[], false),
            Row::Rise => explain("rise", &[MASKS], true),
            Row::Folder => {
                pace = Pace { rounds: self.pace.rounds.min(3), most: 1, ..self.pace };
                Box::new(|calls| (0..calls).map(|_| program.folder(&few, &many)).collect())
            }
            _ => {
                let step = step(row).context("a row that takes turns")?;
                Box::new(move |calls| drawing.times(step, calls))
            }
        };
        let mut all = vec![(CAMTUI.to_owned(), camtui)];
        if row == Row::AnotherLayer {
            let open = || Own::open(on.model, self.image, on.network.layer(), on.threads);
            let once = move |_| open()?.another_layer(OTHER_LAYER, 1);
            let several = move |calls| Ok((0..calls).map(once).collect::<Result<Vec<_>>>()?.concat());
            all.push((format!("{CAMTUI}, a layer that was never asked"), Box::new(several)));
        }
        if let Some(peer) = torch {
            for (who, job) in torch_jobs(row) {
                let mut ask = turn(peer, job);
                let share = if row == Row::Folder { BATCH } else { 1.0 };
                let ask = move |calls| Ok(ask(calls)?.into_iter().map(|time| time / share).collect());
                all.push(((*who).to_owned(), Box::new(ask)));
            }
        }
        if let Some(peer) = ort {
            all.extend(ort_jobs(row).iter().map(|(who, job)| ((*who).to_owned(), turn(peer, job))));
        }
        if on.threads > 1 && !row.is_without_network() {
            all.push((APART.to_owned(), Box::new(|calls| Ok(apart(calls)))));
        }
        let found = alternate(all, pace);
        self.add(row, on, found);
        Ok(())
    }

    /// Whole processes: their time and their memory.
    fn starts(&mut self, on: On<'_>) -> Result<()> {
        let program = self.program(on);
        // What camtui keeps from one conversion to all starts.
        program.start()?;
        let mut commands = Vec::new();
        if let Some(material) = self.material.filter(|_| on.network != Network::Embedded) {
            for (who, runtime) in [(GRAD_CAM, Runtime::Torch), (EXPORTED, Runtime::Ort)] {
                commands.push((who, material.command(runtime, "once", on.network, on.threads)));
            }
        }
        let memory = RefCell::new(vec![Times::default(); commands.len() + 1]);
        let note = |at: usize, megabytes: Option<f64>| memory.borrow_mut()[at].extend(megabytes.into_iter());
        let mut all: Vec<(String, Turn<'_>)> = Vec::new();
        let mut names = vec![CAMTUI.to_owned()];
        let camtui = |_| {
            let spent = program.start()?;
            note(0, spent.megabytes);
            Ok(spent.milliseconds)
        };
        all.push((CAMTUI.to_owned(), Box::new(move |calls| (0..calls).map(camtui).collect())));
        for (at, (who, command)) in commands.iter_mut().enumerate() {
            names.push((*who).to_owned());
            let note = &note;
            let mut run = move |_| {
                let spent = once(command)?;
                note(at + 1, spent.megabytes);
                Ok(spent.milliseconds)
            };
            all.push(((*who).to_owned(), Box::new(move |calls| (0..calls).map(&mut run).collect())));
        }
        let found = alternate(all, Pace { rounds: self.pace.rounds.min(5), most: 1, ..self.pace });
        self.add(Row::Start, on, found);
        self.add(Row::StartMemory, on, names.into_iter().zip(memory.into_inner()).collect());
        Ok(())
    }

    fn memory(&mut self, on: On<'_>) {
        for id in EXPLAINERS {
            match self.program(on).memory(id) {
                Ok(megabytes) => {
                    self.figures.add(
                        Row::Memory,
                        on.network,
                        on.threads,
                        id,
                        [megabytes].into_iter().collect(),
                    );
                }
                Err(error) => eprintln!("{id}: not measured: {error:#}"),
            }
        }
    }

    fn isolation(&mut self, on: On<'_>) -> Result<()> {
        let Some(library) = self.library else {
            eprintln!(
                "isolation: not measured: `cargo build --release -p camtui-standard` makes the library"
            );
            return Ok(());
        };
        let rounds = self.pace.rounds;
        let found = apart::measure(&self.program(on), library, 10 * rounds, rounds)?;
        self.add(Row::Isolation, on, found);
        Ok(())
    }
}

/// The step that a row is about, if it is about one.
fn step(row: Row) -> Option<Step> {
    Some(match row {
        Row::Decode => Step::Decode,
        Row::Resize => Step::Resize,
        Row::Overlay => Step::Overlay,
        Row::Encode => Step::Encode,
        _ => return None,
    })
}

/// Who does a row with PyTorch, and by which job of the script.
fn torch_jobs(row: Row) -> &'static [(&'static str, &'static str)] {
    match row {
        Row::GradCam | Row::Loaded => &[(GRAD_CAM, "grad-cam"), (PYTORCH, "bare")],
        Row::Forward => &[(PYTORCH, "forward")],
        Row::ImageGradient => &[(PYTORCH, "image-gradient")],
        Row::AnotherClass => &[(GRAD_CAM, "another-class"), ("PyTorch, graph kept", "bare-another-class")],
        Row::AnotherLayer => &[(GRAD_CAM, "another-layer")],
        Row::ScoreCam => &[(GRAD_CAM, "score-cam")],
        Row::AblationCam => &[(GRAD_CAM, "ablation-cam")],
        Row::Rise => &[("PyTorch, batches of 20", "rise")],
        Row::Folder => &[(GRAD_CAM, "folder")],
        Row::Decode => &[("Pillow", "decode")],
        Row::Resize => &[("Pillow", "resize")],
        Row::Overlay => &[("Pillow and numpy", "overlay")],
        Row::Encode => &[("Pillow", "encode")],
        _ => &[],
    }
}

/// Who does a row with ONNX Runtime.
fn ort_jobs(row: Row) -> &'static [(&'static str, &'static str)] {
    match row {
        Row::GradCam | Row::Loaded => &[(EXPORTED, "grad-cam"), (FORWARD, "forward")],
        Row::Forward => &[(FORWARD, "forward")],
        Row::ImageGradient => &[(EXPORTED, "image-gradient")],
        _ => &[],
    }
}

/// The model of a network, where there is one: a checkpoint, or what Python has exported.
pub fn model_of(network: Network, checkpoint: Option<&Path>, material: Option<&Material>) -> Option<PathBuf> {
    match (network, checkpoint) {
        (Network::Embedded, _) => Some(PathBuf::from("efficientnet-lite0")),
        (Network::Resnet18, Some(checkpoint)) => Some(checkpoint.to_owned()),
        _ => material.map(|material| material.forward(network)),
    }
}
