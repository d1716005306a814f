//! Converted models on disk, so that only the first start pays for reading, building and differentiating.
//!
//! An entry is two files: the weights, and the exported graph behind a short header with lengths and checksums of
//! both. A third file, which a first run leaves behind, holds kernels as programs want them ([`Prepared`]). Damage (a full disk, a killed process, a flipped bit) is noticed and the entry made again. Entries are named by the SHA-256 of what they
//! were made from, and replaced by rename. The cache also remembers the hash of files it has seen, by path, size and
//! time of change, because hashing a 47 MB checkpoint would take a fifth of a start.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camtui_conv::Shelf;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::fused::instructions;
use crate::file::{WriteError, write_atomic, write_atomic_with};
use crate::onnx::external::{externalise, internalise, restore};
use crate::onnx::pb::ModelProto;

/// Raised whenever the conversion or the entry's layout changes: older entries are then left alone.
const FORMAT: u32 = 6;
const MAGIC: &[u8; 8] = b"camtui-m";
const HEADER: usize = 8 + 2 * FACTS;
/// Checksum and length of a part.
const FACTS: usize = 4 + 8;

/// A time of change this recent may hide a second write within the clock's grain.
const SETTLED: Duration = Duration::from_secs(2);

/// A file of the cache, or a model file, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The operating system refuses.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: String,
        /// Its reason.
        reason: std::io::Error,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The content is not what was written.
    #[error("{path} is damaged ({reason})")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> CacheError {
    let path = path.display().to_string();
    move |reason| CacheError::Io { path, reason }
}

/// The user's cache folder, or none.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
}

/// What is remembered of a file that has been hashed.
#[derive(Serialize, Deserialize, PartialEq)]
struct Seen {
    path: PathBuf,
    size: u64,
    modified_ns: u128,
    sha256: String,
}

impl Cache {
    /// A cache in `folder`, which is made when something is stored.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()) }
    }

    /// No cache: everything is converted anew.
    pub fn disabled() -> Self {
        Self { folder: None }
    }

    /// Where the model made from a source with this hash is kept.
    pub(super) fn entry(&self, sha256: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join("models").join(format!("{sha256}-{FORMAT}.camtui-model")))
    }

    /// Writes an entry, whole or not at all: the graph, which names the weights, comes last. `model` keeps its graph and
    /// gives up its weights.
    pub(super) fn store(path: &Path, model: &mut ModelProto) -> Result<(), CacheError> {
        let beside = weights_beside(path);
        let location = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io(folder))?;
        }
        let weights = externalise(model, &location);
        let graph = model.encode_to_vec();
        let mut entry = Vec::with_capacity(HEADER + graph.len());
        entry.extend_from_slice(MAGIC);
        entry.extend_from_slice(&facts(crc32fast::hash(&graph), graph.len()));
        entry.extend_from_slice(&facts(crc32fast::hash(&weights), weights.len()));
        entry.extend_from_slice(&graph);
        let written = write_atomic(&beside, &weights).and_then(|()| write_atomic(path, &entry));
        if written.is_err() {
            restore(model, &weights);
        }
        Ok(written?)
    }

    /// Reads an entry back, its weights left in their file in [`Path::parent`]; any damage is an error.
    pub(super) fn load(path: &Path) -> Result<ModelProto, CacheError> {
        let bytes = fs::read(path).map_err(io(path))?;
        let damaged = |path: &Path, reason: &str| CacheError::Damaged {
            path: path.display().to_string(),
            reason: reason.to_owned(),
        };
        let header = bytes.get(..HEADER).ok_or_else(|| damaged(path, "too short"))?;
        if &header[..8] != MAGIC {
            return Err(damaged(path, "not an entry of this cache"));
        }
        let graph = &bytes[HEADER..];
        if header[8..8 + FACTS] != facts(crc32fast::hash(graph), graph.len()) {
            return Err(damaged(path, "its checksum does not match"));
        }
        let beside = weights_beside(path);
        let (checksum, length) = checksum_of(&beside).map_err(io(&beside))?;
        if header[8 + FACTS..] != facts(checksum, length) {
            return Err(damaged(&beside, "its checksum does not match"));
        }
        let mut model = ModelProto::decode(graph).map_err(|e| damaged(path, &e.to_string()))?;
        // The runtime takes the folder's name as text.
        if let Some(folder) = path.parent().filter(|f| f.to_str().is_none()) {
            internalise(&mut model, folder).map_err(io(&beside))?;
        }
        Ok(model)
    }

    /// SHA-256 (hex) of a file, from memory where the file has not changed since it was last hashed.
    pub(super) fn sha256_of(&self, path: &Path) -> Result<String, CacheError> {
        let absolute = path.canonicalize().map_err(io(path))?;
        let facts = fs::metadata(&absolute).map_err(io(path))?;
        let modified = facts.modified().unwrap_or(UNIX_EPOCH);
        let modified_ns = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let note = self.folder.as_ref().map(|f| {
            f.join("seen")
                .join(format!("{}.json", hex(&Sha256::digest(absolute.as_os_str().as_encoded_bytes()))))
        });
        if let Some(note) = &note
            && let Ok(text) = fs::read(note)
            && let Ok(seen) = serde_json::from_slice::<Seen>(&text)
            && seen.path == absolute
            && seen.size == facts.len()
            && seen.modified_ns == modified_ns
        {
            return Ok(seen.sha256);
        }
        let sha256 = hash_file(&absolute)?;
        let settled = SystemTime::now().duration_since(modified).is_ok_and(|age| age > SETTLED);
        if let Some(note) = note
            && settled
        {
            let seen = Seen { path: absolute, size: facts.len(), modified_ns, sha256: sha256.clone() };
            let text = serde_json::to_vec(&seen).expect("plain data serialises");
            // Forgetting is harmless, so a cache that cannot be written is not told of here.
            let _ = note.parent().map(fs::create_dir_all);
            let _ = write_atomic(&note, &text);
        }
        Ok(sha256)
    }
}

/// The prepared kernels of an entry: what is there of them at first, and in the end what has come to it.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    shelf: Arc<Shelf>,
}

impl Kept {
    /// Those of the entry at `path` for this machine's instructions. Where there are none of these weights and this build, none at
    /// first.
    pub fn of(path: &Path) -> Option<Self> {
        let mut header = [0; HEADER];
        fs::File::open(path).and_then(|mut entry| entry.read_exact(&mut header)).ok()?;
        let weights =
            header[8 + FACTS..].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let label = format!("{} {FORMAT} {weights}", env!("CARGO_PKG_VERSION"));
        let path = path.with_extension(format!("{}.prepared", instructions()));
        let shelf = Shelf::open(&path, &label).unwrap_or_else(|_| Shelf::new(&label));
        Some(Self { path, shelf: Arc::new(shelf) })
    }

    /// Where weights look for what is prepared.
    pub fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// Writes them, if there are more than in the file.
    pub fn store(&self) {
        if self.shelf.has_grown() {
            // Without it the next start prepares them again.
            let _ = write_atomic_with(&self.path, |to| self.shelf.write(to));
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.store();
    }
}

fn weights_beside(path: &Path) -> PathBuf {
    path.with_extension("weights")
}

fn facts(checksum: u32, length: usize) -> [u8; FACTS] {
    let mut facts = [0; FACTS];
    facts[..4].copy_from_slice(&checksum.to_le_bytes());
    facts[4..].copy_from_slice(&(length as u64).to_le_bytes());
    facts
}

/// Checksum and length of a file, without holding it.
fn checksum_of(path: &Path) -> std::io::Result<(u32, usize)> {
    let mut file = fs::File::open(path)?;
    let (mut hash, mut length) = (crc32fast::Hasher::new(), 0);
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hash.finalize(), length)),
            n => {
                hash.update(&buffer[..n]);
                length += n;
            }
        }
    }
}

fn hash_file(path: &Path) -> Result<String, CacheError> {
    let mut file = fs::File::open(path).map_err(io(path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(io(path))? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// The key of a conversion that depends on more than the model's own file.
pub(super) fn key(sha256: &str, more: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in std::iter::once(&sha256).chain(more) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// SHA-256 (hex) of bytes in memory.
fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::pb::{GraphProto, TensorProto};

    fn model() -> ModelProto {
        let weight = TensorProto { name: "w".into(), raw_data: vec![7; 2000], ..TensorProto::default() };
        let graph = GraphProto { initializer: vec![weight], ..GraphProto::default() };
        ModelProto { producer_name: "somebody".into(), graph: Some(graph), ..ModelProto::default() }
    }

    #[test]
    fn an_entry_comes_back_and_any_flipped_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = Cache::new(folder.path()).entry("00").unwrap();
        Cache::store(&path, &mut model()).unwrap();
        let mut back = Cache::load(&path).unwrap();
        internalise(&mut back, path.parent().unwrap()).unwrap();
        assert_eq!(back, model());
        for path in [path.clone(), weights_beside(&path)] {
            let whole = fs::read(&path).unwrap();
            for index in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[index] ^= 0x10;
                fs::write(&path, &bytes).unwrap();
                let entry = path.with_extension("camtui-model");
                assert!(matches!(Cache::load(&entry), Err(CacheError::Damaged { .. })), "byte {index}");
            }
            fs::write(&path, &whole[..whole.len() - 1]).unwrap();
            assert!(
                Cache::load(&path.with_extension("camtui-model")).is_err(),
                "a cut entry must not be believed"
            );
            fs::write(&path, &whole).unwrap();
        }
    }

    #[test]
    fn a_cache_that_cannot_be_written_leaves_the_model_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("entry.camtui-model");
        fs::create_dir(&path).unwrap();
        let mut kept = model();
        assert!(Cache::store(&path, &mut kept).is_err());
        assert_eq!(kept, model());
    }

    #[test]
    fn a_changed_file_is_hashed_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("cache"));
        let file = folder.path().join("weights");
        let old = SystemTime::now() - Duration::from_secs(100);
        let write = |content: &str, at: SystemTime| {
            fs::write(&file, content).unwrap();
            fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
            cache.sha256_of(&file).unwrap()
        };
        let first = write("one", old);
        assert_eq!(first, hex(&Sha256::digest("one")));
        assert_eq!(cache.sha256_of(&file).unwrap(), first);
        assert_eq!(write("two", old + Duration::from_secs(1)), hex(&Sha256::digest("two")));
    }
}
