//! The half-downloaded file, and who may write to it.
//!
//! Bytes are appended to `NAME.part` beside the final name, so an interrupted pull goes on where it stopped,
//! and only a checked part is renamed. A lock file keeps a second pull waiting: the lock is not on the part
//! itself, because the part changes its name and whoever still held it would write into the installed model.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::error::{Mismatch, PullError};
use crate::store::catalogue::Download;

const LOCK_POLL: Duration = Duration::from_millis(100);

/// The right to write to a part file; given back when dropped, or when the process ends in whatever way.
#[derive(Debug)]
pub struct Turn {
    // `None` where the file system knows no locks: the part then has a name of its own.
    lock: Option<File>,
    part: PathBuf,
}

impl Turn {
    /// Waits until no other camtui pulls `target`. `waiting` is called once, when there is one to wait for.
    pub fn take(target: &Path, waiting: impl FnOnce()) -> Result<Self, PullError> {
        let path = with_suffix(target, ".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| PullError::Write { path, source })?;
        let mut waiting = Some(waiting);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { lock: Some(file), part: with_suffix(target, ".part") }),
                Err(TryLockError::WouldBlock) => {
                    if let Some(waiting) = waiting.take() {
                        waiting();
                    }
                    std::thread::sleep(LOCK_POLL);
                }
                Err(TryLockError::Error(_)) => {
                    let part = with_suffix(target, &format!(".{}.part", std::process::id()));
                    return Ok(Self { lock: None, part });
                }
            }
        }
    }

    /// Opens the part, with what an earlier pull left in it.
    pub fn part(&self) -> Result<Part, PullError> {
        Part::open(&self.part)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // A part with a name of its own is found by no later pull. It is gone already if it was installed.
        if self.lock.is_none() {
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

/// The bytes that are there so far.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    file: File,
    len: u64,
}

impl Part {
    fn open(path: &Path) -> Result<Self, PullError> {
        let refused = |source| PullError::Write { path: path.to_path_buf(), source };
        let options = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let file = options.map_err(refused)?;
        let len = file.metadata().map_err(refused)?.len();
        Ok(Self { path: path.to_path_buf(), file, len })
    }

    /// Bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Throws away what lies after the first `len` bytes; the next bytes go there.
    pub fn cut(&mut self, len: u64) -> Result<(), PullError> {
        let result = self.file.set_len(len).and_then(|()| self.file.seek(SeekFrom::Start(len)));
        result.map_err(|source| self.refused(source))?;
        self.len = len;
        Ok(())
    }

    /// Appends, at once and unbuffered: what came over the network survives Ctrl-C.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), PullError> {
        self.file.write_all(bytes).map_err(|source| self.refused(source))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// How the bytes differ from the model, if they do.
    pub fn difference(&self, model: &Download) -> Result<Option<Mismatch>, PullError> {
        difference(&self.path, model)
    }

    /// Gives the part its final name, in one step, once its bytes are on the disk. Whoever calls this has
    /// asked [`Part::difference`].
    pub fn install(self, target: &Path) -> Result<(), PullError> {
        self.file.sync_all().map_err(|source| self.refused(source))?;
        std::fs::rename(&self.path, target)
            .map_err(|source| PullError::Write { path: target.to_path_buf(), source })?;
        // The new name outlives a power cut only when its folder is on the disk too; not every system lets
        // a folder be opened, and the file itself is whole in any case.
        if let Some(folder) = target.parent().and_then(|folder| File::open(folder).ok()) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// Deletes the part.
    pub fn discard(self) -> Result<(), PullError> {
        std::fs::remove_file(&self.path).map_err(|source| self.refused(source))
    }

    fn refused(&self, source: std::io::Error) -> PullError {
        PullError::Write { path: self.path.clone(), source }
    }
}

/// How the file at `path` differs from `model`: first by its length, then by its SHA-256.
pub fn difference(path: &Path, model: &Download) -> Result<Option<Mismatch>, PullError> {
    let refused = |source| PullError::Read { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(refused)?;
    let found = file.metadata().map_err(refused)?.len();
    if found != model.size {
        return Ok(Some(Mismatch::Size { found, expected: model.size }));
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(refused)? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    let found = format!("{:x}", hash.finalize());
    let expected = model.sha256.to_owned();
    Ok((found != expected).then_some(Mismatch::Hash { found, expected }))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
