//! What the user sees of a headless run: drawings, legend lines, JSON, a progress bar, problems.

use std::io::{self, IsTerminal as _, Write as _};
use std::ops::ControlFlow;

use camtui_core::heatmap::Overlay;
use camtui_term::{Capabilities, DetectOptions, Outcome, detect, draw, sanitise};
use image::RgbaImage;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::artifact::Artifact;
use super::setup::Setup;
use crate::cli::ExplainArgs;
use crate::exit::Failure;
use crate::job::tell;
use crate::pipeline::Problem;

/// The screen, the standard output and the progress bar.
pub struct Show {
    capabilities: Capabilities,
    width: Option<u16>,
    json: bool,
    /// More than one picture: what is told of each would drown what is told of the run.
    many: bool,
    progress: ProgressBar,
}

impl Show {
    /// Asks the terminal, if it is drawn on.
    pub fn new(args: &ExplainArgs, setup: &Setup) -> Self {
        let capabilities = if setup.on_screen {
            detect(&DetectOptions::from_process(args.protocol()))
        } else {
            Capabilities::none()
        };
        for notice in &capabilities.report.notices {
            tell(notice);
        }
        // A bar between drawings on the same terminal would only be in the way.
        let drawing = setup.on_screen && io::stdout().is_terminal();
        let wanted = setup.inputs.len() > 1 && io::stderr().is_terminal() && !drawing;
        let target = if wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} pictures, {eta} left")
            .expect("the template is right");
        let progress =
            ProgressBar::with_draw_target(Some(setup.inputs.len() as u64), target).with_style(style);
        let many = setup.inputs.len() > 1;
        Self { capabilities, width: args.width, json: args.json, many, progress }
    }

    /// Shows one result. Breaks when nobody reads any more.
    pub fn result(&mut self, artifact: &Artifact) -> Result<ControlFlow<()>, Failure> {
        if let Some(overlay) = &artifact.overlay {
            match draw(&rgba(overlay), &self.capabilities, self.width) {
                Ok(Outcome::Closed) => return Ok(ControlFlow::Break(())),
                Ok(Outcome::Drawn { .. } | Outcome::Nothing) => {}
                Err(error) => return Err(Failure::Failed(error.into())),
            }
        }
        if self.json {
            return line(&artifact.json.to_string());
        }
        for note in artifact.diagnostics.iter().filter(|_| !self.many) {
            self.progress.suspend(|| tell(note));
        }
        let mut text = artifact.legend.clone();
        for path in &artifact.written {
            text = format!("{text} → {}", sanitise(&path.display().to_string()));
        }
        if let Some(table) = &artifact.table {
            text = format!("{text}\n{table}");
        }
        self.progress.suspend(|| line(&text))
    }

    /// Tells what went wrong with a picture.
    pub fn problem(&self, picture: &str, problem: &Problem) {
        self.about(picture, problem.to_string());
    }

    /// Tells what an explainer did on a picture that it must not do; its map is shown all the same.
    pub fn complaints(&self, picture: &str, artifact: &Artifact) {
        for complaint in &artifact.complaints {
            self.about(picture, complaint.clone());
        }
    }

    fn about(&self, picture: &str, text: String) {
        let text = if text.contains(picture) { text } else { format!("{picture}: {text}") };
        self.progress.suspend(|| tell(&text));
    }

    /// One picture more is done.
    pub fn advance(&self) {
        self.progress.inc(1);
    }

    /// The last picture is done.
    pub fn finish(&self) {
        self.progress.finish_and_clear();
    }
}

/// The overlay as the terminal takes it.
pub fn rgba(overlay: &Overlay) -> RgbaImage {
    let pixels = overlay.pixels().chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    RgbaImage::from_raw(overlay.width(), overlay.height(), pixels).expect("four bytes a pixel")
}

/// A line on standard output. A closed pipe is no error: whoever read it has seen enough.
fn line(text: &str) -> Result<ControlFlow<()>, Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error.into()),
    }
}
