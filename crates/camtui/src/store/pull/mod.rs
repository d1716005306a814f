//! `camtui model pull NAME`: a model's file, whole and checked, or nothing.
//!
//! The order of a pull: already there and sound → done; else take the turn (`part`), fill the part from the
//! network (`download`, one `request` at a time) or from a file by hand, compare length and SHA-256 with the
//! catalogue, and only then give it its name. Whatever goes wrong before that last step leaves at most a part
//! file, which the next pull continues or throws away.

mod download;
mod error;
mod part;
mod progress;
mod request;
#[cfg(test)]
mod server;
mod settings;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use camtui_term::sanitise;

use super::catalogue::{self, Download, Entry, Origin};
use super::places::Places;
pub use error::PullError;
use part::{Turn, difference};
use progress::{OnStderr, Progress};
use settings::Settings;

/// Arguments of `camtui model pull`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
Environment:
  CAMTUI_MODEL_MIRROR   base URL in place of the publisher's: MIRROR/FILE is asked for
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY   as elsewhere
  SSL_CERT_FILE         certificate authorities (PEM) in place of the built-in ones
  CAMTUI_DATA_DIR       where models and plugins are kept

A pull that is interrupted goes on where it stopped when it is started again.")]
pub struct PullArgs {
    /// Name of the model, as `camtui model list` prints it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Install this copy of the file in place of a download; it must be the very same file
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
}

/// Installs the model named, or says that it is there. The result goes to standard output, all else to
/// standard error.
pub fn pull(args: &PullArgs, places: &Places) -> anyhow::Result<()> {
    let entry = catalogue::find(&args.name).ok_or_else(|| PullError::Unknown {
        name: args.name.clone(),
        known: catalogue::ENTRIES.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", "),
    })?;
    let line = match entry.origin {
        Origin::Embedded => format!("{} is part of the program: nothing to pull", entry.name),
        Origin::Download(file) => {
            let variable = |name: &str| std::env::var(name).ok();
            let done =
                install(entry, &file, args.from.as_deref(), places, &variable, &OnStderr::new(file.size))?;
            done.in_words(entry.name)
        }
    };
    match writeln!(std::io::stdout(), "{}", sanitise(&line)) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// How a pull ended well.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    AlreadyThere(PathBuf),
    Installed(PathBuf),
}

impl Done {
    fn in_words(&self, name: &str) -> String {
        match self {
            Self::AlreadyThere(path) => {
                format!("{name} is already installed, and its SHA-256 is right: {}", path.display())
            }
            Self::Installed(path) => format!("{name} is installed: {}", path.display()),
        }
    }
}

fn install(
    entry: &Entry,
    file: &Download,
    from: Option<&Path>,
    places: &Places,
    variable: &dyn Fn(&str) -> Option<String>,
    progress: &dyn Progress,
) -> Result<Done, PullError> {
    let folder = places.models()?;
    let target = folder.join(file.file);
    if is_sound(&target, file)? {
        return Ok(Done::AlreadyThere(target));
    }
    std::fs::create_dir_all(&folder).map_err(|source| PullError::Write { path: folder, source })?;
    let turn = Turn::take(&target, || progress.note("another camtui is pulling this model; waiting for it"))?;
    // The other may have finished while this one waited.
    if is_sound(&target, file)? {
        return Ok(Done::AlreadyThere(target));
    }
    if target.exists() {
        progress.note(&format!("{} is damaged and will be replaced", target.display()));
    }
    if let Some(copy) = from {
        by_hand(entry, file, copy, &target, &turn)?;
    } else {
        let settings = Settings::new(entry.name, file, variable)?;
        let result = over_the_network(entry, file, &target, &turn, &settings, progress);
        progress.end();
        result?;
    }
    Ok(Done::Installed(target))
}

fn is_sound(target: &Path, file: &Download) -> Result<bool, PullError> {
    Ok(target.is_file() && difference(target, file)?.is_none())
}

fn over_the_network(
    entry: &Entry,
    file: &Download,
    target: &Path,
    turn: &Turn,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<(), PullError> {
    let mut part = turn.part()?;
    let there =
        if part.len() > 0 { format!(", {} of it are here", megabytes(part.len())) } else { String::new() };
    progress.note(&format!("pulling {} ({}{there}) from {}", entry.name, megabytes(file.size), settings.url));
    let mut fresh_start_left = true;
    loop {
        let joined = download::download(file, settings, &mut part, progress)?;
        let Some(difference) = part.difference(file)? else { return part.install(target) };
        if !(joined && fresh_start_left) {
            part.discard()?;
            return Err(PullError::Corrupt { url: settings.url.clone(), difference });
        }
        fresh_start_left = false;
        progress.note("the pieces do not make the right file; starting over");
        part.cut(0)?;
    }
}

/// Copies first and checks the copy: what is checked is what is installed, whoever changes the original.
fn by_hand(entry: &Entry, file: &Download, copy: &Path, target: &Path, turn: &Turn) -> Result<(), PullError> {
    let refused = |source| PullError::Read { path: copy.to_path_buf(), source };
    let other =
        |difference| PullError::OtherFile { path: copy.to_path_buf(), name: entry.name.into(), difference };
    let mut source = File::open(copy).map_err(refused)?;
    let about = source.metadata().map_err(refused)?;
    if about.is_dir() {
        return Err(refused(std::io::ErrorKind::IsADirectory.into()));
    }
    // Told from the original before anything is copied or an earlier part is given up.
    if let Some(found) = difference(copy, file)? {
        return Err(other(found));
    }
    let mut part = turn.part()?;
    part.cut(0)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match source.read(&mut buffer).map_err(refused)? {
            0 => break,
            count => part.append(&buffer[..count])?,
        }
    }
    match part.difference(file)? {
        None => part.install(target),
        Some(found) => {
            part.discard()?;
            Err(other(found))
        }
    }
}

/// `46830571` → `46.8 MB`; small files in kB.
pub(super) fn megabytes(bytes: u64) -> String {
    if bytes < 1_000_000 {
        return format!("{} kB", bytes.div_ceil(1000));
    }
    format!("{:.1} MB", bytes as f64 / 1e6)
}
