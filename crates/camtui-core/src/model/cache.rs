//! Converted models on disk, so that only the first start pays for reading, building and differentiating.
//!
//! An entry is an exported ONNX file behind a short header with its length and checksum: damage (a full disk, a
//! killed process, a flipped bit) is noticed and the entry made again. Entries are named by the SHA-256 of what they
//! were made from, and replaced by rename. The cache also remembers the hash of files it has seen, by path, size and
//! time of change, because hashing a 47 MB checkpoint would take a fifth of a start.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::file::{WriteError, write_atomic};
use crate::onnx::pb::ModelProto;

/// Raised whenever the conversion or the entry's layout changes: older entries are then left alone.
const FORMAT: u32 = 1;
const MAGIC: &[u8; 8] = b"camtui-m";
const HEADER: usize = 8 + 4 + 8;

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

    /// Writes an entry, whole or not at all.
    pub(super) fn store(path: &Path, model: &ModelProto) -> Result<(), CacheError> {
        let length = model.encoded_len();
        let mut bytes = Vec::with_capacity(HEADER + 4 + length);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&(length as u64).to_le_bytes());
        model.encode(&mut bytes).expect("a vector grows");
        let checksum = crc32fast::hash(&bytes[HEADER..]);
        bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io(folder))?;
        }
        Ok(write_atomic(path, &bytes)?)
    }

    /// Reads an entry back; any damage is an error.
    pub(super) fn load(path: &Path) -> Result<ModelProto, CacheError> {
        let bytes = fs::read(path).map_err(io(path))?;
        let damaged = |reason: &str| CacheError::Damaged {
            path: path.display().to_string(),
            reason: reason.to_owned(),
        };
        let header = bytes.get(..HEADER).ok_or_else(|| damaged("too short"))?;
        if &header[..8] != MAGIC {
            return Err(damaged("not an entry of this cache"));
        }
        let checksum = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        let payload = &bytes[HEADER..];
        if header[12..20] != (payload.len() as u64).to_le_bytes() {
            return Err(damaged("its length is not what was written"));
        }
        if crc32fast::hash(payload) != checksum {
            return Err(damaged("its checksum does not match"));
        }
        ModelProto::decode(payload).map_err(|e| damaged(&e.to_string()))
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

/// SHA-256 (hex) of bytes in memory.
fn hex(digest: &[u8]) -> String {
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// Reads a plain ONNX file.
pub(super) fn read_model(path: &Path) -> Result<ModelProto, CacheError> {
    let bytes = fs::read(path).map_err(io(path))?;
    ModelProto::decode(bytes.as_slice()).map_err(|e| CacheError::Damaged {
        path: path.display().to_string(),
        reason: format!("not ONNX: {e}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelProto {
        ModelProto { producer_name: "a model of some length".into(), ..ModelProto::default() }
    }

    #[test]
    fn an_entry_comes_back_and_any_flipped_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = Cache::new(folder.path()).entry("00").unwrap();
        Cache::store(&path, &model()).unwrap();
        assert_eq!(Cache::load(&path).unwrap(), model());
        let whole = fs::read(&path).unwrap();
        for index in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            assert!(matches!(Cache::load(&path), Err(CacheError::Damaged { .. })), "byte {index}");
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(Cache::load(&path).is_err(), "a cut entry must not be believed");
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
