//! The others, each in a Python process of its own that loads once and then answers turn by turn.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::rows::Network;
use super::turns::Turn;

const PEERS: &str = include_str!("peers.py");
const NETWORKS: &str = include_str!("networks.py");

/// What runs the others' networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// PyTorch, with pytorch-grad-cam and without.
    Torch,
    /// ONNX Runtime.
    Ort,
}

/// A Python, and a folder with everything that the others run on.
#[derive(Debug, Clone)]
pub struct Material {
    python: PathBuf,
    folder: PathBuf,
    image: PathBuf,
}

impl Material {
    /// Writes the scripts, weights and forward passes of `networks` into `folder`; ResNet-18's weights are those of
    /// `checkpoint` where there is one.
    pub fn new(
        python: &Path,
        folder: &Path,
        image: &Path,
        checkpoint: Option<&Path>,
        networks: &[Network],
    ) -> Result<Self> {
        let folder = folder.to_owned();
        std::fs::write(folder.join("peers.py"), PEERS)?;
        std::fs::write(folder.join("networks.py"), NETWORKS)?;
        let mut command = Command::new(python);
        command.arg(folder.join("networks.py")).arg(&folder).args(checkpoint);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {}", python.display()))?;
        let mut names = child.stdin.take().context("a piped input is there")?;
        for network in networks {
            writeln!(names, "{}", network.key())?;
        }
        drop(names);
        let output = child.wait_with_output()?;
        ensure!(
            output.status.success(),
            "{} does not export the networks (it needs torch torchvision timm onnx):\n{}",
            python.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(Self { python: python.to_owned(), folder, image: image.to_owned() })
    }

    /// The forward pass that camtui and ONNX Runtime run.
    pub fn forward(&self, network: Network) -> PathBuf {
        self.folder.join(network.key()).with_extension("onnx")
    }

    /// Lets `program` export the graphs of `model` that ONNX Runtime runs. It executes every node of a file, whatever
    /// outputs are asked for, so there is a file for each question.
    pub fn export(&self, program: &Path, model: &Path, network: Network) -> Result<()> {
        let layer = network.layer();
        let cam = format!("activation:{layer},gradient:{layer}");
        for (name, outputs) in [("cam", cam.as_str()), ("image", "gradient:image")] {
            let mut command = Command::new(program);
            command.args(["model", "export", "--outputs", outputs]).arg(model).arg("--output");
            command.arg(self.folder.join(format!("{}.{name}.onnx", network.key())));
            let output = command.env("CAMTUI_CACHE_DIR", self.folder.join("cache")).output()?;
            let told = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "camtui model export failed: {told}");
        }
        Ok(())
    }

    /// The script; `how` is `serve` or `once`.
    pub fn command(&self, runtime: Runtime, how: &str, network: Network, threads: usize) -> Command {
        let mut command = Command::new(&self.python);
        let runtime = if runtime == Runtime::Torch { "torch" } else { "ort" };
        command.arg(self.folder.join("peers.py")).args([how, runtime]).arg(&self.folder);
        command.args([network.key(), network.layer()]).arg(&self.image).arg(threads.to_string());
        command.env("OMP_NUM_THREADS", threads.to_string());
        command
    }
}

/// A warm peer.
pub struct Peer {
    /// What it runs, with versions.
    pub version: String,
    child: Child,
    // `None` once it has been told to end.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it and waits until it has loaded.
    pub fn start(material: &Material, runtime: Runtime, network: Network, threads: usize) -> Result<Self> {
        let mut command = material.command(runtime, "serve", network, threads);
        // pytorch-grad-cam draws a progress bar there.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("a piped output is there")?);
        let mut peer = Self { version: String::new(), child, questions, answers };
        peer.version = peer.line().context("a package may be missing; peers.py says which it needs")?;
        Ok(peer)
    }

    /// Milliseconds of `calls` calls of a job.
    fn turn(&mut self, job: &str, calls: usize) -> Result<Vec<f64>> {
        let questions = self.questions.as_mut().context("the peer has ended")?;
        writeln!(questions, "{job} {calls}")?;
        let line = self.line()?;
        let times = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>();
        times.with_context(|| format!("the answer is: {line}"))
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

/// A job of a peer, as one that takes turns.
pub fn turn<'a>(peer: &'a RefCell<Peer>, job: &'static str) -> Turn<'a> {
    Box::new(move |calls| peer.borrow_mut().turn(job, calls))
}
