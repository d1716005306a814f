//! `xtask bench-session`: how long the interactive session keeps its user waiting, measured from outside.
//!
//! camtui runs in a scripted terminal of the end-to-end tests; times are from a key (or the start of the process) to the
//! arrival of the byte that completes what the user waits for. Each run starts anew; the first one is not counted,
//! because it converts the model that later ones find converted.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use camtui_tests::Home;
use camtui_tests::emulator::{Emulator, Shown};
use camtui_tests::terminal::{KITTY, Mark, PLAIN, Session, Streams, Terminal};
use clap::Args;

use super::stats::Times;
use crate::screenshot::{measures, program};

/// How long something is waited for that must come.
const PATIENCE: Duration = Duration::from_mins(1);
/// After this long without a byte the program has done what a key asked for.
const REST: Duration = Duration::from_millis(400);
/// How long the idle session is watched.
const IDLE: Duration = Duration::from_secs(3);

#[derive(Args)]
pub struct BenchSession {
    /// Pictures and folders
    #[arg(default_value = "examples")]
    paths: Vec<PathBuf>,
    /// The model: a name, or a file
    #[arg(short, long, default_value = "efficientnet-lite0")]
    model: String,
    /// The words by which the first frame is known
    #[arg(long, default_value = "chelsea.png")]
    words: String,
    /// The key for another class
    #[arg(long, default_value = "n")]
    class_key: String,
    /// The key for another opacity; not measured without
    #[arg(long)]
    opacity_key: Option<String>,
    /// The terminal's size in cells
    #[arg(long, value_name = "COLSxROWS", default_value = "192x54", value_parser = measures)]
    size: (u16, u16),
    /// A cell's size in pixels
    #[arg(long, value_name = "WxH", default_value = "10x20", value_parser = measures)]
    cell: (u16, u16),
    /// A terminal without kitty's graphics: half blocks
    #[arg(long)]
    blocks: bool,
    /// Runs that are counted
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The camtui to start; default: the one beside this program
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// What is measured, in the order of the table.
const ROWS: [&str; 7] = [
    "start to first frame, ms",
    "start to first picture, ms",
    "another class to its picture, ms",
    "bytes of it, kB",
    "another opacity to its picture, ms",
    "bytes of it, kB",
    "processor time while idle, ms in 3 s",
];

impl BenchSession {
    pub fn run(self) -> Result<()> {
        let program = program(self.program.as_deref())?;
        let mut table: [Times; ROWS.len()] = Default::default();
        for number in 0..=self.runs {
            let figures = self.once(&program).with_context(|| format!("run {number}"))?;
            if number > 0 {
                for (row, figure) in table.iter_mut().zip(figures) {
                    row.extend(figure.into_iter());
                }
            }
        }
        let ((cols, rows), (width, height)) = (self.size, self.cell);
        println!(
            "interactive session, {}, {} on {cols}×{rows} cells of {width}×{height} pixels\n\
             (median of {} runs, smallest and largest in brackets)\n",
            self.model,
            if self.blocks { "half blocks" } else { "kitty" },
            self.runs
        );
        for (name, row) in ROWS.iter().zip(&table) {
            if row.is_empty() {
                println!("  {name:<40} not measured");
            } else {
                let (low, median, high) = (row.quantile(0.0), row.median(), row.quantile(1.0));
                println!("  {name:<40} {median:>8.1}  [{low:.1} .. {high:.1}]");
            }
        }
        Ok(())
    }

    fn once(&self, program: &std::path::Path) -> Result<[Option<f64>; ROWS.len()]> {
        let home = Home::new();
        let run = home.prepared(program, ["-m", self.model.as_str()]);
        let mut run = self.paths.iter().fold(run, camtui_tests::Run::arg);
        run.command.current_dir(std::env::current_dir()?);
        let terminal = Terminal::new(if self.blocks { PLAIN } else { KITTY })
            .size(self.size.0, self.size.1)
            .cell(self.cell.0, self.cell.1);
        let mut session = terminal.start(run, Streams::All);
        let begun = session.begun();
        let frame = reaches(&session, "a first frame", |emulator| {
            emulator.screen().contents().contains(&self.words)
        })?;
        let picture = reaches(&session, "a first picture", |emulator| self.shows_another(emulator, None))?;
        session.wait_for_rest(REST);
        let (class, class_bytes) = self.press(&mut session, &self.class_key)?;
        let opacity = self.opacity_key.as_ref().map(|key| self.press(&mut session, key)).transpose()?;
        session.wait_for_rest(REST);
        let before = session.process().cpu();
        std::thread::sleep(IDLE);
        let idle = session
            .process()
            .cpu()
            .zip(before)
            .map(|(after, before)| milliseconds(after.saturating_sub(before)));
        session.types("q");
        session.end();
        let since_start = |at: Instant| Some(milliseconds(at - begun));
        Ok([
            since_start(frame),
            since_start(picture),
            Some(class),
            Some(class_bytes),
            opacity.map(|(time, _)| time),
            opacity.map(|(_, bytes)| bytes),
            idle,
        ])
    }

    /// Presses a key that changes the picture: milliseconds to the new one's last byte, and all bytes up to rest in kB.
    fn press(&self, session: &mut Session, key: &str) -> Result<(f64, f64)> {
        let before = Before::of(&session.emulator());
        let mark: Mark = session.mark();
        let pressed = Instant::now();
        session.types(key);
        let done =
            reaches(session, "another picture", |emulator| self.shows_another(emulator, Some(&before)))?;
        session.wait_for_rest(REST);
        Ok((milliseconds(done - pressed), session.count_since(mark) as f64 / 1000.0))
    }

    /// Whether a picture is to be seen, whole, and not the one before.
    fn shows_another(&self, emulator: &Emulator, before: Option<&Before>) -> bool {
        if self.blocks {
            let colours = emulator.screen().contents_formatted();
            let blocks = emulator.screen().contents().matches(['▀', '▄']).count();
            // A picture of blocks is written in one frame with what is said about it.
            return blocks > 100
                && before.is_none_or(|before| blocks_of(&before.screen) != blocks_of(&colours));
        }
        let shown = emulator.shown();
        !shown.is_empty()
            && shown.iter().all(Shown::is_whole)
            && before.is_none_or(|before| shown.iter().any(|now| !before.pictures.contains(&now.picture)))
    }
}

/// What was shown before a key.
struct Before {
    pictures: BTreeSet<u32>,
    screen: Vec<u8>,
}

impl Before {
    fn of(emulator: &Emulator) -> Self {
        Self {
            pictures: emulator.shown().iter().map(|shown| shown.picture).collect(),
            screen: emulator.screen().contents_formatted(),
        }
    }
}

/// The escapes and blocks of a formatted screen, without its words.
fn blocks_of(screen: &[u8]) -> Vec<&[u8]> {
    screen
        .split(|&byte| byte == 0x1b)
        .filter(|part| part.windows(3).any(|three| three == "▀".as_bytes()))
        .collect()
}

fn reaches(session: &Session, what: &str, wanted: impl Fn(&Emulator) -> bool) -> Result<Instant> {
    session.reaches(what, PATIENCE, wanted).map_err(|never| anyhow!(never))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
