//! The others, each in a Python process of its own that loads once and then answers turn by turn.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

const SCRIPT: &str = include_str!("peers.py");

/// One way to do the job elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// pytorch-grad-cam on PyTorch.
    GradCam,
    /// ONNX Runtime on the exported gradient graph, pruned to what Grad-CAM needs.
    OrtGradient,
    /// ONNX Runtime on the logits alone: no map, a yardstick.
    OrtForward,
}

/// All of them, in the table's order.
pub const PEERS: &[Kind] = &[Kind::GradCam, Kind::OrtGradient, Kind::OrtForward];

impl Kind {
    /// Its name for the script.
    fn key(self) -> &'static str {
        match self {
            Self::GradCam => "grad-cam",
            Self::OrtGradient => "ort-gradient",
            Self::OrtForward => "ort-forward",
        }
    }

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::GradCam => "pytorch-grad-cam",
            Self::OrtGradient => "ONNX Runtime, exported graph",
            Self::OrtForward => "ONNX Runtime, forward only",
        }
    }

    /// Whether it ends in a map and not in logits.
    pub fn makes_a_map(self) -> bool {
        self != Self::OrtForward
    }
}

/// What the peers run on: the same weights, picture and number of threads.
#[derive(Debug, Clone)]
pub struct Material {
    python: PathBuf,
    folder: PathBuf,
    model: PathBuf,
    image: PathBuf,
    threads: usize,
}

impl Material {
    /// Writes the script and the two exported graphs into `folder`.
    pub fn new(
        python: &Path,
        program: &Path,
        model: &Path,
        image: &Path,
        threads: usize,
        folder: &tempfile::TempDir,
    ) -> Result<Self> {
        let folder = folder.path().to_owned();
        std::fs::write(folder.join("peers.py"), SCRIPT)?;
        // The gradient graph's `logits` would be run with everything else in the file, so there is a file for each.
        for (kind, outputs) in
            [(Kind::OrtGradient, "logits,activation:layer4,gradient:layer4"), (Kind::OrtForward, "logits")]
        {
            let output = Command::new(program)
                .args(["model", "export"])
                .arg(model)
                .arg("--output")
                .arg(folder.join(format!("{}.onnx", kind.key())))
                .args(["--outputs", outputs])
                .env("CAMTUI_CACHE_DIR", folder.join("cache"))
                .output()
                .with_context(|| format!("cannot run {}", program.display()))?;
            ensure!(
                output.status.success(),
                "camtui model export failed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let (python, model, image) = (python.to_owned(), model.to_owned(), image.to_owned());
        Ok(Self { python, folder, model, image, threads })
    }

    /// The script for one peer; `how` is `warm` or `cold`.
    pub fn command(&self, kind: Kind, how: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.folder.join("peers.py")).args([how, kind.key()]);
        command.arg(&self.model).arg(&self.image).arg(self.folder.join(format!("{}.onnx", kind.key())));
        command.arg(self.threads.to_string()).arg(self.folder.join(format!("{}.png", kind.key())));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// A warm peer.
pub struct Peer {
    kind: Kind,
    version: String,
    material: Material,
    child: Child,
    // `None` once it has been told to end.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it and waits until it has loaded.
    pub fn start(kind: Kind, material: &Material) -> Result<Self> {
        let mut child = material
            .command(kind, "warm")
            .stdin(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("cannot run {}", material.python.display()))?;
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("a piped output is there")?);
        let mut peer =
            Self { kind, version: String::new(), material: material.clone(), child, questions, answers };
        peer.version = peer.line()?;
        Ok(peer)
    }

    /// What it runs on.
    pub fn material(&self) -> &Material {
        &self.material
    }

    /// Its name with its version.
    pub fn title(&self) -> String {
        format!("{} ({})", self.kind.name(), self.version)
    }

    /// Milliseconds of `repeats` pictures.
    pub fn turn(&mut self, repeats: u32) -> Result<Vec<f64>> {
        let questions = self.questions.as_mut().context("the peer has ended")?;
        writeln!(questions, "{repeats}")?;
        let line = self.line()?;
        let times = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>();
        times.with_context(|| format!("{} answered: {line}", self.kind.name()))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("it ended before it answered");
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // End of input is the script's end.
        self.questions = None;
        let _ = self.child.wait();
    }
}
