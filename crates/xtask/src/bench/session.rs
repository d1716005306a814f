//! `xtask bench-session`: how long the interactive session keeps its user waiting, measured from outside.
//!
//! camtui runs in scripted terminals of the end-to-end tests; times are from a key (or the start of the process) to the
//! arrival of the byte that completes what the user waits for. Each run starts anew; the first one in each terminal is not
//! counted, because it converts the model that later ones find converted. What is printed is a table in Markdown.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use camtui_tests::Home;
use camtui_tests::emulator::Emulator;
use camtui_tests::kitty::Event;
use camtui_tests::terminal::{FILES, KITTY, Mark, PLAIN, Script, Session, Streams, Terminal};
use clap::Args;
use image::imageops::FilterType;

use super::stats::Times;
use crate::beside::program;
use crate::screenshot::measures;

/// How long something is waited for that must come.
const PATIENCE: Duration = Duration::from_mins(1);
/// After this long without a byte the program has done what a key asked for.
const REST: Duration = Duration::from_millis(400);
/// How long the idle session is watched.
const IDLE: Duration = Duration::from_secs(3);
/// A picture of no more cells is a thumbnail.
const THUMBNAIL: usize = 200;
/// The picture that is looked at where no other is named, and its size.
const PICTURE: (&str, u32, u32) = ("chelsea-1080p.jpg", 1920, 1080);

/// The terminals: their names, what they answer, whether pictures are half blocks.
const TERMINALS: [(&str, Script, bool); 3] =
    [("kitty, files", FILES, false), ("kitty, line", KITTY, false), ("half blocks", PLAIN, true)];

#[derive(Args)]
pub struct BenchSession {
    /// Pictures and folders; default: one of 1920×1080 pixels, made of an example, and the other example
    paths: Vec<PathBuf>,
    /// The model: a name, or a file
    #[arg(short, long, default_value = "efficientnet-lite0")]
    model: String,
    /// The words by which the first frame is known; default: the name of the picture that is made
    #[arg(long, default_value = PICTURE.0)]
    words: String,
    /// The key for another class
    #[arg(long, default_value = "n")]
    class_key: String,
    /// The key for another opacity
    #[arg(long, default_value = "+")]
    opacity_key: String,
    /// The key for another colour map
    #[arg(long, default_value = "x")]
    colour_key: String,
    /// Another layer, which is not compiled yet; not measured without
    #[arg(long)]
    layer: Option<String>,
    /// The terminal's size in cells
    #[arg(long, value_name = "COLSxROWS", default_value = "240x60", value_parser = measures)]
    size: (u16, u16),
    /// A cell's size in pixels
    #[arg(long, value_name = "WxH", default_value = "10x20", value_parser = measures)]
    cell: (u16, u16),
    /// Runs in each terminal that are counted
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The camtui to start; default: the one beside this program
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// What is measured, in the order of the table, with what is to be reached.
const ROWS: [(&str, &str); 12] = [
    ("start to first frame, ms", "≤ 100"),
    ("start to first heat map, ms", "≤ 400"),
    ("another opacity on the screen, ms", "≤ 16"),
    ("and in all its pixels, ms", ""),
    ("bytes of it, kB", ""),
    ("pictures sent for it, a draft among them", "≤ 2"),
    ("another colour map on the screen, ms", "≤ 16"),
    ("another class on the screen, ms", "≤ 30"),
    ("bytes of it, kB", ""),
    ("another layer for the first time, ms", ""),
    ("and another class there, ms", "≤ 30"),
    ("processor time while idle, ms in 3 s", "0"),
];

impl BenchSession {
    pub fn run(self) -> Result<()> {
        let program = program(self.program.as_deref())?;
        let folder = tempfile::tempdir()?;
        let paths = if self.paths.is_empty() { pictures(folder.path())? } else { self.paths.clone() };
        let mut columns: Vec<[Times; ROWS.len()]> = Vec::new();
        for (name, script, blocks) in TERMINALS {
            let mut column: [Times; ROWS.len()] = Default::default();
            for number in 0..=self.runs {
                let figures = self
                    .once(&program, &paths, script, blocks)
                    .with_context(|| format!("{name}, run {number}"))?;
                if number > 0 {
                    for (row, figure) in column.iter_mut().zip(figures) {
                        row.extend(figure.into_iter());
                    }
                }
            }
            columns.push(column);
        }
        let ((cols, rows), (width, height)) = (self.size, self.cell);
        println!(
            "{} on {cols}×{rows} cells of {width}×{height} pixels; median of {} runs, smallest and largest in brackets.\n",
            Path::new(&self.model).file_stem().unwrap_or_default().display(),
            self.runs
        );
        let names: Vec<&str> = TERMINALS.iter().map(|(name, ..)| *name).collect();
        println!("| | target | {} |", names.join(" | "));
        println!("|---|---|{}", "---|".repeat(names.len()));
        for (at, (name, target)) in ROWS.iter().enumerate() {
            let cells: Vec<String> = columns.iter().map(|column| told(&column[at])).collect();
            println!("| {name} | {target} | {} |", cells.join(" | "));
        }
        Ok(())
    }

    fn once(
        &self,
        program: &Path,
        paths: &[PathBuf],
        script: Script,
        blocks: bool,
    ) -> Result<[Option<f64>; ROWS.len()]> {
        let home = Home::new();
        let run = home.prepared(program, ["-m", self.model.as_str()]);
        let mut run = paths.iter().fold(run, camtui_tests::Run::arg);
        run.command.current_dir(std::env::current_dir()?);
        let terminal = Terminal::new(script).size(self.size.0, self.size.1).cell(self.cell.0, self.cell.1);
        let mut session = terminal.start(run, Streams::All);
        let begun = session.begun();
        let frame = reaches(&session, "a first frame", |emulator| {
            emulator.screen().contents().contains(&self.words)
        })?;
        let picture = reaches(&session, "a first picture", |emulator| shows_another(emulator, blocks, None))?;
        session.wait_for_rest(REST);
        let opacity = press(&mut session, &self.opacity_key, blocks)?;
        let colours = press(&mut session, &self.colour_key, blocks)?;
        let class = press(&mut session, &self.class_key, blocks)?;
        let (mut layer, mut there) = (None, None);
        if let Some(name) = &self.layer {
            // From the list of layers, by name.
            layer = Some(press(&mut session, &format!("l{name}\r"), blocks)?.time);
            there = Some(press(&mut session, &self.class_key, blocks)?.time);
        }
        let before = session.process().cpu();
        std::thread::sleep(IDLE);
        let idle = session
            .process()
            .cpu()
            .zip(before)
            .map(|(after, before)| milliseconds(after.saturating_sub(before)));
        session.types("q");
        session.end();
        Ok([
            Some(milliseconds(frame - begun)),
            Some(milliseconds(picture - begun)),
            Some(opacity.time),
            Some(opacity.sharp),
            Some(opacity.bytes),
            opacity.pictures,
            Some(colours.time),
            Some(class.time),
            Some(class.bytes),
            layer,
            there,
            idle,
        ])
    }
}

/// What came after a key.
struct Came {
    /// Milliseconds to the last byte of the new picture, be it a draft.
    time: f64,
    /// Milliseconds to the last byte of one of as many pixels as before.
    sharp: f64,
    /// All bytes up to rest, in kB.
    bytes: f64,
    /// Pictures that were transmitted, where the terminal takes pictures.
    pictures: Option<f64>,
}

/// Presses a key that changes the picture.
fn press(session: &mut Session, key: &str, blocks: bool) -> Result<Came> {
    let before = Before::of(&session.emulator());
    let sent = transmitted(&session.emulator());
    let mark: Mark = session.mark();
    let pressed = Instant::now();
    session.types(key);
    let done = reaches(session, &format!("another picture after {key}"), |emulator| {
        shows_another(emulator, blocks, Some(&before))
    })?;
    let sharp = reaches(session, &format!("all of its pixels after {key}"), |emulator| {
        blocks || (shows_another(emulator, blocks, Some(&before)) && most_pixels(emulator) >= before.pixels)
    })?;
    session.wait_for_rest(REST);
    let pictures = (!blocks).then(|| (transmitted(&session.emulator()) - sent) as f64);
    Ok(Came {
        time: milliseconds(done - pressed),
        sharp: milliseconds(sharp - pressed),
        bytes: session.count_since(mark) as f64 / 1000.0,
        pictures,
    })
}

/// How many pictures came so far.
fn transmitted(emulator: &Emulator) -> usize {
    emulator.graphics().events().iter().filter(|event| matches!(event, Event::Transmitted(..))).count()
}

/// Whether the large picture is to be seen, whole, and not the one before.
fn shows_another(emulator: &Emulator, blocks: bool, before: Option<&Before>) -> bool {
    if blocks {
        let colours = emulator.screen().contents_formatted();
        let count = emulator.screen().contents().matches(['▀', '▄']).count();
        // A picture of blocks is written in one frame with what is said about it.
        return count > THUMBNAIL * 4
            && before.is_none_or(|before| blocks_of(&before.screen) != blocks_of(&colours));
    }
    let shown = emulator.shown();
    shown.iter().any(|now| {
        let is_new = before.is_none_or(|before| !before.pictures.contains(&now.picture));
        now.of > THUMBNAIL && now.is_whole() && is_new
    })
}

/// A picture of a preview's size and another one, in a folder.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let (name, width, height) = PICTURE;
    let examples = Path::new("examples");
    let enlarged = image::open(examples.join("chelsea.png")).context("run this in the workspace's folder")?;
    let enlarged = enlarged.to_rgb8();
    let path = folder.join(name);
    image::imageops::resize(&enlarged, width, height, FilterType::Triangle).save(&path)?;
    Ok(vec![path, examples.join("rocket.jpg")])
}

/// A cell of the table.
fn told(row: &Times) -> String {
    if row.is_empty() {
        return "–".to_owned();
    }
    let (low, median, high) = (row.quantile(0.0), row.median(), row.quantile(1.0));
    format!("{median:.1} [{low:.1} … {high:.1}]")
}

/// What was shown before a key.
struct Before {
    pictures: BTreeSet<u32>,
    pixels: u32,
    screen: Vec<u8>,
}

/// The pixels of the largest picture on the screen.
fn most_pixels(emulator: &Emulator) -> u32 {
    let pictures = emulator.graphics().pictures();
    let shown = emulator.shown();
    let sizes = shown.iter().filter_map(|shown| pictures.get(&shown.picture));
    sizes.map(|picture| picture.width() * picture.height()).max().unwrap_or_default()
}

impl Before {
    fn of(emulator: &Emulator) -> Self {
        Self {
            pictures: emulator.shown().iter().map(|shown| shown.picture).collect(),
            pixels: most_pixels(emulator),
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
