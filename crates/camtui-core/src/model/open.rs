//! From a model the user names to a [`Network`]: through the cache where it can, by converting where it must.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::again;
use super::cache::{self, Cache, CacheError};
use super::convert::{ConvertError, Converted, convert};
use super::error::ModelError;
use super::network::{Exported, Network, Schedule};
use crate::arch;
use crate::onnx::external::internalise;
use crate::onnx::metadata::Metadata;
use crate::onnx::pb::ModelProto;
use crate::sidecar;

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// The small classifier inside the program.
    Embedded,
    /// A checkpoint (`.pth`, `.safetensors`) or a model (`.onnx`).
    File(PathBuf),
    /// One of these, taken otherwise than it is taken by itself.
    Variant(Box<ModelSource>, Variant),
}

/// How a model is to be taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// The output that is to be explained, where a file has several.
    pub output: Option<String>,
    /// Height and width of the input in pixels, where the model leaves them open.
    pub size: Option<(usize, usize)>,
}

impl ModelSource {
    /// The same model, taken as `variant`.
    #[must_use]
    pub fn taken_as(&self, variant: Variant) -> Self {
        if variant == Variant::default() {
            self.plain().clone()
        } else {
            Self::Variant(self.plain().clone().into(), variant)
        }
    }

    /// The model as it is taken by itself.
    pub fn plain(&self) -> &Self {
        match self {
            Self::Variant(source, _) => source.plain(),
            plain => plain,
        }
    }

    /// How it is to be taken.
    pub fn variant(&self) -> Variant {
        match self {
            Self::Variant(_, variant) => variant.clone(),
            _ => Variant::default(),
        }
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Embedded => None,
            Self::File(path) => Some(path),
            Self::Variant(source, _) => source.path(),
        }
    }
}

impl fmt::Display for ModelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str(arch::embedded::NAME),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variant(source, _) => source.fmt(f),
        }
    }
}

/// The model cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read at all.
    #[error("cannot read the model: {0}")]
    Read(#[from] CacheError),
    /// It cannot be converted.
    #[error("cannot use the model: {0}")]
    Convert(#[from] ConvertError),
    /// It cannot be given further layers.
    #[error("cannot add layers to the model: {0}")]
    Layers(#[from] ModelError),
}

/// An exported model in memory, with what is worth telling the user.
#[derive(Debug)]
pub struct Opened {
    /// The exported gradient graph; large weights may lie beside it ([`Opened::into_whole`]).
    pub model: ModelProto,
    /// What it says of itself.
    pub metadata: Metadata,
    /// Sentences for the user: a damaged cache entry, a cache that cannot be written.
    pub notices: Vec<String>,
    exported: Option<Exported>,
}

impl Opened {
    /// The exported graph with all weights inside, as a file of its own needs it.
    pub fn into_whole(self) -> Result<ModelProto, OpenError> {
        let mut model = self.model;
        if let Some(folder) = self.exported.as_ref().and_then(Exported::folder) {
            internalise(&mut model, folder)
                .map_err(|reason| CacheError::Io { path: folder.display().to_string(), reason })?;
        }
        Ok(model)
    }

    /// The same model in which any value between picture and logits that `names` mentions, by its ONNX name or by that of the
    /// node that computes it, is a layer of that name, unless it is one already. Names that mean nothing are passed over.
    pub fn with_layers(self, names: &[String]) -> Result<Self, OpenError> {
        if names.iter().all(|name| self.metadata.meant(name).is_some()) {
            return Ok(self);
        }
        let Some((model, metadata)) = again::with_layers(&self.model, &self.metadata, names)? else {
            return Ok(self);
        };
        let folder = self.exported.as_ref().and_then(Exported::folder).map(Path::to_owned);
        let exported = Some(Exported::Memory(Arc::new(model.clone()), folder));
        Ok(Self { model, metadata, exported, notices: self.notices })
    }

    /// Makes it ready to run with `threads` threads.
    pub fn into_network(self, schedule: Schedule, threads: usize) -> Network {
        let Self { model, metadata, exported, .. } = self;
        match exported {
            Some(exported) => Network::new(metadata, exported, Some(model), schedule, threads),
            None => Network::new(metadata, Exported::Memory(Arc::new(model), None), None, schedule, threads),
        }
    }
}

fn names(metadata: &Metadata) -> impl Iterator<Item = &str> {
    metadata.beside.iter().map(|(name, _)| name.as_str())
}

/// The other files of a model with their hashes.
fn hashes<'n>(
    cache: &Cache,
    source: &ModelSource,
    names: impl Iterator<Item = &'n str>,
) -> Result<Vec<(String, String)>, CacheError> {
    let hash = |name: &str| {
        let path = source.path().map(|model| model.with_file_name(name)).unwrap_or_default();
        Ok((name.to_owned(), cache.sha256_of(&path)?))
    };
    names.map(hash).collect()
}

/// Opens `source`: the cached conversion if there is a sound one, else a new one, which is then cached.
pub fn open(source: &ModelSource, cache: &Cache) -> Result<Opened, OpenError> {
    let sha256 = match source.path() {
        None => arch::embedded::SHA256_HEX.to_owned(),
        Some(path) => cache.sha256_of(path)?,
    };
    let sidecar = source.path().map(sidecar::read).transpose().map_err(ConvertError::from)?.flatten();
    let (sidecar, text) = sidecar.unwrap_or_default();
    let Variant { output, size } = source.variant();
    let output = output.unwrap_or_default();
    let mut said = vec![text.as_str(), output.as_str()];
    let size = size.map(|(height, width)| format!("{height}x{width}"));
    said.extend(size.as_deref());
    let key = if said.iter().all(|s| s.is_empty()) { sha256.clone() } else { cache::key(&sha256, &said) };
    let entry = cache.entry(&key);
    let mut notices = Vec::new();
    if let Some(path) = entry.as_ref().filter(|p| p.exists()) {
        match Cache::load(path).map(|model| (Metadata::read(&model), model)) {
            // Weights in other files may have changed since.
            Ok((Ok(Some(metadata)), _))
                if hashes(cache, source, names(&metadata)).ok().as_ref() != Some(&metadata.beside) => {}
            Ok((Ok(Some(metadata)), model)) => {
                let exported = Some(Exported::Cached(path.clone()));
                return Ok(Opened { model, metadata, notices, exported });
            }
            Ok(_) => notices.push(format!("{} says nothing of its model; converting again", path.display())),
            Err(error) => notices.push(format!("{error}; converting the model again")),
        }
    }
    let Converted { mut model, mut metadata, beside, as_it_was } = convert(source, &sha256, &sidecar)?;
    if !beside.is_empty() {
        metadata.beside = hashes(cache, source, beside.iter().map(String::as_str))?;
        metadata.write(&mut model);
    }
    let mut exported = None;
    if let (true, Some(path)) = (as_it_was, source.path()) {
        exported = Some(Exported::File(path.to_owned()));
    } else if let Some(path) = entry {
        match Cache::store(&path, &mut model) {
            Ok(()) => exported = Some(Exported::Cached(path)),
            Err(error) => notices.push(format!(
                "the converted model cannot be cached ({error}): the next start will be slower; \
                 CAMTUI_CACHE_DIR names another folder"
            )),
        }
    }
    Ok(Opened { model, metadata, notices, exported })
}
