//! Files through which the terminal gets large pictures: where it reads files of this machine, eight megabytes of pixels
//! are a short escape on the line.
//!
//! They lie in one folder of this process that others cannot look into. Each goes with its picture; the folder goes when
//! the terminal is given back, and there is none before it is taken.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

/// The folder.
enum Folder {
    /// None may be made.
    Closed,
    /// One is made when it is needed.
    Open,
    /// It is there.
    Made(TempDir),
}

static FOLDER: Mutex<Folder> = Mutex::new(Folder::Closed);

fn folder<T>(change: impl FnOnce(&mut Folder) -> T) -> T {
    change(&mut FOLDER.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A folder that only this user can look into: elsewhere the system's mask decides.
fn private_folder() -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("camtui-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir_in(camtui_term::kitty::folder())
}

/// Files may be made from now on.
pub fn open() {
    folder(|folder| {
        if matches!(folder, Folder::Closed) {
            *folder = Folder::Open;
        }
    });
}

/// Deletes the folder with all its files; no more may be made.
pub fn close() {
    // The deleting happens after the lock is free again.
    drop(folder(|folder| std::mem::replace(folder, Folder::Closed)));
}

/// A file that is deleted with this value.
#[derive(Debug)]
pub struct File(PathBuf);

impl File {
    /// Writes a new file. Nothing if none may be made or it cannot be written: then pictures go another way.
    pub fn with(bytes: &[u8]) -> Option<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let path = folder(|folder| {
            if matches!(folder, Folder::Open) {
                *folder = Folder::Made(private_folder().ok()?);
            }
            let Folder::Made(made) = folder else { return None };
            Some(made.path().join(COUNT.fetch_add(1, Ordering::Relaxed).to_string()))
        })?;
        let file = Self(path);
        fs::write(&file.0, bytes).ok()?;
        Some(file)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // It may have gone with the folder.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_with_its_value_and_all_go_with_the_folder() {
        assert!(File::with(b"early").is_none(), "nothing is made before the terminal is taken");
        open();
        let (one, two) = (File::with(b"one").unwrap(), File::with(b"two").unwrap());
        assert_eq!(fs::read(two.path()).unwrap(), b"two");
        let (first, folder) = (one.path().to_owned(), two.path().parent().unwrap().to_owned());
        drop(one);
        assert!(!first.exists() && two.path().exists());
        close();
        assert!(!folder.exists());
        assert!(File::with(b"late").is_none());
    }
}
