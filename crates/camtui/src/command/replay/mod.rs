//! `camtui replay FILE`: makes results again from what they say of themselves, and tells whether they are the same.
//!
//! [`recorded`] turns a record into the command line it stands for, [`again`] runs that through the pipeline of `--render`,
//! [`compare`] compares.

mod again;
mod compare;
mod recorded;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use camtui_term::sanitise;
use serde_json::json;

use super::print;
use crate::cli::ReplayArgs;
use crate::config;
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::job::tell;
use crate::render::artifact::write;
use crate::store::Places;
use again::{Again, again};
use recorded::Recorded;

/// Replays every record of the file.
pub fn run(args: &ReplayArgs, places: &Places) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let settings =
        config::load(args.config_file.as_deref(), places).map_err(|e| Failure::Usage(e.into()))?.config;
    let records = recorded::read(&args.file).map_err(|text| Failure::Failed(anyhow!(text)))?;
    if let Some(one) = args.output.as_deref().filter(|path| kind(path).is_some() && records.len() > 1) {
        let (one, file) = (one.display(), args.file.display());
        let text = format!("{one} is one file, but {file} holds {} results: name a folder", records.len());
        return Err(Failure::Usage(anyhow!(text)));
    }
    let (mut differs, mut failed, mut plugin) = (false, false, false);
    for (nth, recorded) in records.iter().enumerate() {
        if interrupt.raised() {
            return Err(Failure::Interrupted);
        }
        match again(recorded, args, &settings, places, &interrupt) {
            Ok(again) => {
                let same = is_same(&again, args.tolerance);
                differs |= !same;
                show(recorded, &again, same, args)?;
                if let Some(to) = &args.output {
                    let nth = (records.len() > 1).then_some(nth + 1);
                    save(&again, to, &stem(recorded, nth)).map_err(|text| Failure::Failed(anyhow!(text)))?;
                }
            }
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            // Alone it is the command's own failure; among many the others still get their turn.
            Err(failure) if records.len() == 1 => return Err(failure),
            Err(failure) => {
                (failed, plugin) = (true, plugin | matches!(failure, Failure::Plugin(_)));
                tell(&format!("{}: {failure}", recorded.name()));
            }
        }
    }
    match (plugin, failed || differs) {
        (true, _) => Err(Failure::SomePlugin),
        (false, true) => Err(Failure::Some),
        (false, false) => Ok(()),
    }
}

/// The map decides, and the pixels where there are any. With a tolerance what was drawn of a map that is near enough may
/// differ by as much and by the rounding of its colours, so the pixels decide only where the map cannot.
fn is_same(again: &Again, tolerance: f64) -> bool {
    let pixels = again.pixels.map(|pixels| pixels.is_same(tolerance));
    match again.map.is_same(tolerance) {
        Some(true) if tolerance > 0.0 => true,
        Some(same) => same && pixels != Some(false),
        None => tolerance > 0.0 && pixels == Some(true),
    }
}

fn show(recorded: &Recorded, again: &Again, same: bool, args: &ReplayArgs) -> Result<(), Failure> {
    if args.json {
        let line = json!({
            "image": recorded.text("/image"),
            "same": same,
            "map": again.map.json(),
            "pixels": again.pixels.map(compare::PixelVerdict::json),
            "notes": again.notes,
        });
        return print(format!("{line}\n").as_bytes());
    }
    let mut said = vec![again.map.sentence()];
    said.extend(again.pixels.map(compare::PixelVerdict::sentence));
    let word = if same { "same" } else { "DIFFERS" };
    print(format!("{word}: {}: {}\n", sanitise(&recorded.name()), said.join("; ")).as_bytes())?;
    for note in &again.notes {
        tell(note);
    }
    if !same && again::made_elsewhere(recorded) {
        tell("another build or machine rounds otherwise; --tolerance says how much of the range may differ");
    }
    Ok(())
}

/// What a file's name asks for.
fn kind(path: &Path) -> Option<&str> {
    let extension = path.extension().and_then(OsStr::to_str)?;
    ["png", "npy", "json"].into_iter().find(|kind| extension.eq_ignore_ascii_case(kind))
}

/// The name of a PNG in a folder, without its ending.
fn stem(recorded: &Recorded, nth: Option<usize>) -> String {
    let image = Path::new(recorded.text("/image").unwrap_or_default());
    let stem = image.file_stem().unwrap_or(OsStr::new("result")).to_string_lossy();
    nth.map_or_else(|| stem.to_string(), |nth| format!("{nth}-{stem}"))
}

fn save(again: &Again, to: &Path, stem: &str) -> Result<(), String> {
    let path: PathBuf = if kind(to).is_some() { to.to_owned() } else { to.join(format!("{stem}.png")) };
    match kind(&path) {
        Some("npy") => write(&path, &again.npy),
        Some("json") => write(&path, format!("{}\n", again.json).as_bytes()),
        _ => write(&path, &again.png),
    }
}
