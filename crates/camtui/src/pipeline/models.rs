//! From `--model` to networks that run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use camtui_core::model::{self, Cache, Convolutions, ModelSource, Network, Opened, Schedule, Variant};

use super::sizes::OtherSizes;
use crate::exit::Failure;
use crate::store::Places;
use crate::store::catalogue::{self, Origin};

/// A model that runs, with the name results carry.
#[derive(Debug)]
pub struct Loaded {
    /// `resnet18`, `efficientnet-lite0`, or the file's stem.
    pub name: String,
    /// It.
    pub network: Network,
    /// The file it was opened from, where that has no name that camtui knows.
    pub file: Option<PathBuf>,
    /// The same model for pictures of other sizes.
    pub other_sizes: OtherSizes,
}

/// The model a name or path means.
pub fn find(wanted: &str, places: &Places) -> Result<ModelSource, Failure> {
    if let Some(path) = catalogue::installed(wanted, places) {
        return Ok(ModelSource::File(path));
    }
    if let Some(entry) = catalogue::find(wanted) {
        return match entry.origin {
            Origin::Embedded => Ok(ModelSource::Embedded),
            Origin::Download(_) => Err(Failure::Failed(anyhow::anyhow!(
                "the model {wanted} is not installed: `camtui model pull {wanted}` brings it"
            ))),
        };
    }
    let path = Path::new(wanted);
    if path.exists() {
        return Ok(ModelSource::File(path.to_owned()));
    }
    let names: Vec<&str> = catalogue::ENTRIES.iter().map(|e| e.name).collect();
    Err(Failure::Failed(anyhow::anyhow!(
        "there is no model called {wanted} and no such file; known names: {}",
        names.join(", ")
    )))
}

/// The model used when none is named: the best that is here.
fn default_source(places: &Places, notices: &mut Vec<String>) -> ModelSource {
    if let Some(path) = catalogue::installed(DEFAULT, places) {
        return ModelSource::File(path);
    }
    notices.push(format!(
        "using the embedded {}; `camtui model pull {DEFAULT}` installs a larger model",
        ModelSource::Embedded
    ));
    ModelSource::Embedded
}

const DEFAULT: &str = "resnet18";

/// The sources that `--model` names, or the default, to be taken as `variant`.
pub fn sources(
    wanted: &[String],
    variant: &Variant,
    places: &Places,
    notices: &mut Vec<String>,
) -> Result<Vec<ModelSource>, Failure> {
    if wanted.is_empty() {
        return Ok(vec![default_source(places, notices).taken_as(variant.clone())]);
    }
    wanted.iter().map(|name| Ok(find(name, places)?.taken_as(variant.clone()))).collect()
}

/// Every model that is on this machine under a name, with that name.
pub fn here(places: &Places) -> Vec<(String, ModelSource)> {
    let source = |entry: &catalogue::Entry| match entry.origin {
        Origin::Embedded => Some(ModelSource::Embedded),
        Origin::Download(_) => catalogue::installed_entry(entry, places).map(ModelSource::File),
    };
    let named = |entry: &catalogue::Entry| Some((entry.name.to_owned(), source(entry)?));
    catalogue::ENTRIES.iter().filter_map(named).collect()
}

/// Whether a file is a model that was pulled, which its name finds again.
fn is_catalogued(path: &Path) -> bool {
    let is = |entry: &catalogue::Entry| match entry.origin {
        Origin::Download(download) => path.file_name() == Some(OsStr::new(download.file)),
        Origin::Embedded => false,
    };
    catalogue::ENTRIES.iter().any(is)
}

/// The cache of converted models, or none with a notice.
pub fn cache(places: &Places, notices: &mut Vec<String>) -> Cache {
    match places.cache() {
        Ok(folder) => Cache::new(folder),
        Err(reason) => {
            notices.push(format!("converted models are not kept: {reason}"));
            Cache::disabled()
        }
    }
}

/// Opens `source`, converting it if it must.
pub fn open(source: &ModelSource, cache: &Cache, notices: &mut Vec<String>) -> Result<Opened, Failure> {
    let mut opened = model::open(source, cache).map_err(|e| Failure::Failed(e.into()))?;
    notices.append(&mut opened.notices);
    if opened.metadata.assumed {
        notices
            .push(format!("{source} does not say all of its preprocessing and labels: the rest is assumed (`camtui model init` writes down what)"));
    }
    notices.extend(opened.metadata.notes.iter().map(|note| format!("{source}: {note}")));
    Ok(opened)
}

/// Opens all sources for `schedule`, each with the values that `layers` names as layers, too. Two models of one name are told
/// apart by a number.
pub fn load(
    sources: &[ModelSource],
    layers: &[String],
    cache: &Cache,
    schedule: Schedule,
    threads: usize,
    convolutions: Convolutions,
    notices: &mut Vec<String>,
) -> Result<Vec<Loaded>, Failure> {
    let mut loaded: Vec<Loaded> = Vec::new();
    for source in sources {
        let opened =
            open(source, cache, notices)?.with_layers(layers).map_err(|e| Failure::Failed(e.into()))?;
        let plain = opened.metadata.name.clone();
        let same = loaded.iter().filter(|l| l.network.metadata().name == plain).count();
        let name = if same == 0 { plain } else { format!("{plain}-{}", same + 1) };
        let file = source.path().filter(|path| !is_catalogued(path)).map(Path::to_owned);
        let other_sizes = OtherSizes::new(source.clone(), layers.to_vec(), schedule, threads, convolutions);
        let network = opened.into_network(schedule, threads).computing(convolutions);
        loaded.push(Loaded { name, network, file, other_sizes });
    }
    Ok(loaded)
}
