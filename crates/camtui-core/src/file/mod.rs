//! Files that are read with care and written whole or not at all.
//!
//! Everything that comes from a path the user names goes through [`read_regular`], which never waits on a pipe or a
//! device and never reads without a bound. Everything that is left behind goes through [`write_atomic`], so that a
//! full disk or an interrupt leaves the old file or none, never half of one. [`png`] gives pictures their provenance.

mod png;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

pub use png::{PngError, encode_png, png_provenance, read_provenance};

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder, pipe, socket or device: reading it could wait for ever or never end.
    #[error("{} is a {what}, not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// Larger than the caller allows.
    #[error("{} has {bytes} bytes; at most {limit} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length, or the first length beyond the limit where the file grew.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
}

/// Reads a regular file of at most `limit` bytes. Links are followed; folders, pipes and devices are refused unread.
pub fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let failed = |source| ReadError::Io { path: path.to_owned(), source };
    // Asked before opening: opening a pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(failed)?;
    if let Some(what) = other_than_a_file(&metadata) {
        return Err(ReadError::NotAFile { path: path.to_owned(), what });
    }
    if metadata.len() > limit {
        return Err(ReadError::TooLarge { path: path.to_owned(), bytes: metadata.len(), limit });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    let file = File::open(path).map_err(failed)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge { path: path.to_owned(), bytes: bytes.len() as u64, limit });
    }
    Ok(bytes)
}

fn other_than_a_file(metadata: &fs::Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return None;
    }
    if kind.is_dir() {
        return Some("folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("pipe");
        }
        if kind.is_socket() {
            return Some("socket");
        }
    }
    Some("device")
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder it should go to is not there.
    #[error("cannot write {}: there is no folder {}", path.display(), folder.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// The missing folder.
        folder: PathBuf,
    },
    /// The path names a folder.
    #[error("cannot write {}: it is a folder", path.display())]
    IsFolder {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// How the names of files begin that are not whole yet.
const PREFIX: &str = ".camtui-";
/// And how they end.
const SUFFIX: &str = ".tmp";
/// A file that nobody has touched for so long is not being written.
const LEFT_OVER: std::time::Duration = std::time::Duration::from_mins(1);

/// Writes `bytes` to `path`, replacing what is there, so that at every moment the old file or the new one is whole.
///
/// The bytes go to a temporary file in the same folder, which is then renamed; on failure it is removed. A new file
/// gets the permissions the user's mask gives any new file; a replaced one keeps its own. A link is written through,
/// and a device or pipe (`/dev/null`) is written to as it is, since renaming over it would destroy it.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    write_atomic_with(path, |to| to.write_all(bytes))
}

/// The same of what `write` gives, for what need not be in memory at once.
pub fn write_atomic_with(
    path: &Path,
    write: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    let failed = |source| WriteError::Io { path: path.to_owned(), source };
    let existing = fs::metadata(path).ok();
    if let Some(metadata) = &existing {
        if metadata.is_dir() {
            return Err(WriteError::IsFolder { path: path.to_owned() });
        }
        if !metadata.is_file() {
            return File::options().write(true).open(path).and_then(|mut f| write(&mut f)).map_err(failed);
        }
    }
    let target = if existing.is_some() { fs::canonicalize(path).map_err(failed)? } else { path.to_owned() };
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if !folder.is_dir() {
        return Err(WriteError::NoFolder { path: path.to_owned(), folder });
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The system takes the user's mask off this; the default of a temporary file is private.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut temporary = builder.tempfile_in(&folder).map_err(failed)?;
    write(&mut temporary).map_err(failed)?;
    if let Some(metadata) = existing {
        fs::set_permissions(temporary.path(), metadata.permissions()).map_err(failed)?;
    }
    temporary.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Removes from `folder` what [`write_atomic`] had begun when its process was killed: files of its kind that nobody has
/// touched for a minute.
pub fn remove_leftovers(folder: &Path) {
    let is_old = |path: &Path| {
        let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        modified.and_then(|then| then.elapsed().ok()).is_some_and(|age| age > LEFT_OVER)
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) && is_old(&entry.path()) {
            // One that cannot be removed is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.npy");
        write_atomic(&path, b"first").unwrap();
        write_atomic(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_and_a_folder_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomic(&folder.path().join("no/such.png"), b"x").unwrap_err();
        assert!(matches!(error, WriteError::NoFolder { .. }), "{error}");
        assert!(matches!(write_atomic(folder.path(), b"x").unwrap_err(), WriteError::IsFolder { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn permissions_links_and_devices_are_kept() {
        use std::os::unix::fs::{FileTypeExt, PermissionsExt};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.png");
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;

        let plain = folder.path().join("plain");
        File::create(&plain).unwrap();
        write_atomic(&path, b"a").unwrap();
        assert_eq!(mode(&path), mode(&plain), "a new file looks like any other new file");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.png");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_atomic(&link, b"b").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"b");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(mode(&path), 0o640);

        write_atomic(Path::new("/dev/null"), b"c").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[cfg(unix)]
    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        // A name too long for the file system fails at the rename, after the temporary file was written.
        let path = folder.path().join("x".repeat(300));
        assert!(matches!(write_atomic(&path, b"new").unwrap_err(), WriteError::Io { .. }));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ten");
        fs::write(&path, [0; 10]).unwrap();
        assert_eq!(read_regular(&path, 10).unwrap().len(), 10);
        let error = read_regular(&path, 9).unwrap_err();
        assert!(error.to_string().ends_with("has 10 bytes; at most 9 are read"), "{error}");
        assert!(matches!(
            read_regular(folder.path(), 9).unwrap_err(),
            ReadError::NotAFile { what: "folder", .. }
        ));
        assert!(matches!(read_regular(&folder.path().join("none"), 9).unwrap_err(), ReadError::Io { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert!(matches!(read_regular(&pipe, 9).unwrap_err(), ReadError::NotAFile { what: "pipe", .. }));
        assert!(matches!(
            read_regular(Path::new("/dev/zero"), 9).unwrap_err(),
            ReadError::NotAFile { what: "device", .. }
        ));
    }
}
