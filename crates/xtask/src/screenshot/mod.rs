//! `xtask screenshot`: what a user of a modern terminal sees, as PNG files, made without one.
//!
//! A script (`steps`; the project's own are in `crates/xtask/screens`) starts camtui in a scripted terminal of the
//! end-to-end tests, which knows kitty's graphics, and types; `paint` makes pixels of what that terminal then holds, with
//! `fonts` for letters, `shapes` for what must meet the cell's edges and `colours` for a terminal's own ones. The fonts
//! are the user's: `DejaVu Sans Mono` (Debian: fonts-dejavu-core) has all letters that camtui uses; others fill in.

mod canvas;
mod colours;
mod fonts;
mod paint;
mod palette;
mod shapes;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use camtui_tests::Home;
use camtui_tests::emulator::{Emulator, Shown};
use camtui_tests::program::repository;
use camtui_tests::terminal::{KITTY, Mouse, PLAIN, SIXEL, Script, Session, Streams, Terminal};
use clap::{Args, ValueEnum};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};

use crate::beside::program;
use colours::{DARK, LIGHT, Theme};
use fonts::Fonts;
use steps::Step;

/// How long something is waited for that must come.
const PATIENCE: Duration = Duration::from_mins(1);
/// The terminal's size where the script does not say it.
const SIZE: (u16, u16) = (100, 30);

#[derive(Args)]
pub struct Screenshot {
    /// Scripts of what to press and when to take a picture
    #[arg(required = true, value_name = "FILE.txt")]
    scripts: Vec<PathBuf>,
    /// A font of one width, such as `DejaVuSansMono.ttf`
    #[arg(long, value_name = "FILE.ttf")]
    font: PathBuf,
    /// The same in bold
    #[arg(long, value_name = "FILE.ttf")]
    bold_font: Option<PathBuf>,
    /// Fonts for what the first one lacks, such as Chinese (repeatable)
    #[arg(long, value_name = "FILE.ttf")]
    more_fonts: Vec<PathBuf>,
    /// A cell's width and height in pixels
    #[arg(long, value_name = "WxH", default_value = "12x24", value_parser = measures)]
    cell: (u16, u16),
    /// A terminal of another kind
    #[arg(long, value_enum, default_value_t)]
    terminal: Kind,
    /// Dark letters on a light ground
    #[arg(long)]
    light: bool,
    /// Small files, of at most 256 colours
    #[arg(long)]
    small: bool,
    /// What stands for $NAME in a script (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// The folder to write to
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// The camtui to start; default: the one beside this program
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// What a terminal can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Kitty graphics
    #[default]
    Kitty,
    /// Letters and colours
    Plain,
    /// Sixels, which are not painted
    Sixel,
}

impl Kind {
    fn script(self) -> Script {
        match self {
            Self::Kitty => KITTY,
            Self::Plain => PLAIN,
            Self::Sixel => SIXEL,
        }
    }
}

/// Two numbers with an x between them.
pub fn measures(text: &str) -> Result<(u16, u16), String> {
    let both = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    both.filter(|&(w, h)| (4..=500).contains(&w) && (4..=500).contains(&h))
        .ok_or_else(|| format!("{text:?} is not like 12x24"))
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Screenshot {
    pub fn run(self) -> Result<()> {
        let program = program(self.program.as_deref())?;
        let mut regular = vec![self.font.as_path()];
        regular.extend(self.more_fonts.iter().map(PathBuf::as_path));
        let fonts = Fonts::load(&regular, self.bold_font.as_deref(), self.cell)?;
        let variables: BTreeMap<String, String> = self.variables.iter().cloned().collect();
        fs::create_dir_all(&self.output)
            .with_context(|| format!("{} cannot be made", self.output.display()))?;
        for script in &self.scripts {
            let text =
                fs::read_to_string(script).with_context(|| format!("{} cannot be read", script.display()))?;
            let steps = steps::parse(&text, &variables).with_context(|| script.display().to_string())?;
            let mut stage = Stage { chore: &self, program: &program, fonts: &fonts, play: None, size: SIZE };
            for step in &steps {
                stage.take(step).with_context(|| format!("{}: {step:?}", script.display()))?;
            }
        }
        Ok(())
    }

    fn theme(&self) -> Theme {
        if self.light { LIGHT } else { DARK }
    }
}

/// One script on its way.
struct Stage<'a> {
    chore: &'a Screenshot,
    program: &'a Path,
    fonts: &'a Fonts,
    play: Option<Play>,
    size: (u16, u16),
}

/// The program that runs, and its folders.
struct Play {
    session: Session,
    /// The pictures that were shown when a key was last pressed.
    pictures: BTreeSet<u32>,
    _home: Home,
}

fn pictures(emulator: &Emulator) -> BTreeSet<u32> {
    emulator.shown().iter().map(|shown| shown.picture).collect()
}

/// The picture that covers most cells: thumbnails in the list stay when another one is shown.
fn largest(emulator: &Emulator) -> Option<u32> {
    emulator.shown().iter().max_by_key(|shown| shown.of).map(|shown| shown.picture)
}

impl Stage<'_> {
    fn take(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Size(cols, rows) => self.size = (*cols, *rows),
            Step::Run(args) => self.play = Some(self.start(args)),
            _ => self.play.as_mut().context("nothing runs yet: `run` comes first")?.take(step)?,
        }
        if let (Step::Shot(name), Some(play)) = (step, &self.play) {
            self.write(name, &play.session)?;
        }
        Ok(())
    }

    fn start(&self, args: &[String]) -> Play {
        let home = Home::new();
        let args = args.iter().map(OsString::from);
        let mut run = home.prepared(self.program, args);
        run.command.current_dir(repository());
        let terminal = Terminal::new(self.chore.terminal.script())
            .size(self.size.0, self.size.1)
            .cell(self.chore.cell.0, self.chore.cell.1)
            .background(self.chore.theme().background);
        Play { session: terminal.start(run, Streams::All), pictures: BTreeSet::new(), _home: home }
    }

    fn write(&self, name: &str, session: &Session) -> Result<()> {
        let image = paint::paint(&session.emulator(), self.fonts, &self.chore.theme());
        let path = self.chore.output.join(format!("{name}.png"));
        let file = fs::File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        if self.chore.small {
            palette::write(&image, BufWriter::new(file))?;
        } else {
            let encoder = PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::Adaptive);
            image.write_with_encoder(encoder)?;
        }
        println!("{}: {}×{} pixels", path.display(), image.width(), image.height());
        Ok(())
    }
}

impl Play {
    fn take(&mut self, step: &Step) -> Result<()> {
        let wait = |what: &str, wanted: &dyn Fn(&Emulator) -> bool| {
            self.session.reaches(what, PATIENCE, wanted).map(drop).map_err(|never| anyhow!(never))
        };
        let whole = |emulator: &Emulator| {
            let shown = emulator.shown();
            !shown.is_empty() && shown.iter().all(Shown::is_whole)
        };
        match step {
            Step::Wait(words) => wait(words, &|emulator| emulator.screen().contents().contains(words))?,
            Step::Gone(words) => wait("gone", &|emulator| !emulator.screen().contents().contains(words))?,
            Step::Picture => wait("a picture", &whole)?,
            Step::NewPicture => wait("a new picture", &|emulator| {
                whole(emulator) && largest(emulator).is_some_and(|picture| !self.pictures.contains(&picture))
            })?,
            Step::Rest(milliseconds) => {
                self.session.wait_for_rest(Duration::from_millis(*milliseconds));
            }
            Step::Keys(keys) => {
                self.pictures = pictures(&self.session.emulator());
                self.session.types(keys);
            }
            Step::Mouse(mouse, at) => {
                self.pictures = pictures(&self.session.emulator());
                match mouse {
                    steps::Mouse::Click => self.session.clicks(*at),
                    steps::Mouse::Move => self.session.mouse(Mouse::Move, *at),
                    steps::Mouse::ScrollUp => self.session.mouse(Mouse::ScrollUp, *at),
                    steps::Mouse::ScrollDown => self.session.mouse(Mouse::ScrollDown, *at),
                }
            }
            Step::Drag(from, to) => self.session.drags(*from, *to),
            Step::Resize(cols, rows) => self.session.resize(*cols, *rows),
            Step::Shot(_) => wait("a whole frame", &|_| true)?,
            Step::Size(..) | Step::Run(_) => {}
        }
        Ok(())
    }
}
