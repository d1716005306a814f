//! Copies of libraries under names made from their content, so that a library can be rebuilt while it is used.
//!
//! A compiler writes over the file, or takes it away and puts another in its place. Who has the file itself mapped
//! then runs half of each, and the loader, asked for the same path again, gives back what it already has. So a
//! session that is to notice rebuilt libraries maps copies only, from the first load on: `FOLDER/HASH/NAME`, in a
//! folder that is the user's alone. Another content is another path; the one before keeps working from its own.
//!
//! Beside a copy lie links to its neighbours, so that a library which looks for files beside itself finds them.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::{Asked, Isolation, Library, LoadError};

/// Most neighbours of a library that its copy is given links to. A folder with more is no plugin's own.
const NEIGHBOURS: usize = 512;
/// Hexadecimal digits of the hash that name a copy.
const DIGITS: usize = 16;
/// What tells that a session still uses its folder: it is locked as long as that runs.
const LOCK: &str = "in-use";

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
#[error("{what} {path}: {error}", path = crate::clean(&path.to_string_lossy(), 4_096))]
pub struct CopyError {
    what: &'static str,
    path: PathBuf,
    error: io::Error,
}

/// One session's copies. They go when this is dropped; what a session left that was killed, the next one takes away.
#[derive(Debug)]
pub struct Copies {
    folder: PathBuf,
    /// Locked until it is closed.
    _lock: File,
}

/// A library's copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where the copy is; the file's name is the library's.
    pub path: PathBuf,
    /// The first hexadecimal digits of its SHA-256.
    pub hash: String,
}

impl Copies {
    /// A folder of this process's own in `parent`, which is made if it is not there.
    pub fn new(parent: &Path) -> Result<Self, CopyError> {
        let failed = |what, path: &Path| {
            let path = path.to_path_buf();
            move |error| CopyError { what, path, error }
        };
        private_folder(parent).map_err(failed("cannot make the folder", parent))?;
        // Until this returns no other session takes stock: a folder that is not locked yet would be taken away.
        let stock = parent.join(LOCK);
        let _stock = locked(&stock).map_err(failed("cannot lock", &stock))?;
        take_away_left(parent);
        // One process may have several, one after the other or at once.
        for n in 0u32.. {
            let folder = parent.join(format!("{}-{n}", std::process::id()));
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.map_err(failed("cannot make the folder", &folder))?,
            }
            private_folder(&folder).map_err(failed("cannot keep for the user alone", &folder))?;
            let lock = folder.join(LOCK);
            let lock = locked(&lock).map_err(failed("cannot lock", &lock))?;
            let folder = folder.canonicalize().map_err(failed("cannot find", &folder))?;
            return Ok(Self { folder, _lock: lock });
        }
        unreachable!("there are more numbers than folders")
    }

    /// A copy of the library at `path` (absolute and canonical) as it is now; the same content has the same copy.
    pub fn take(&self, path: &Path) -> Result<Copied, CopyError> {
        let failed = |what, path: &Path| {
            let path = path.to_path_buf();
            move |error| CopyError { what, path, error }
        };
        let content = read(path).map_err(failed("cannot read", path))?;
        let hash = hash(&content);
        // Two files may have the same content, and different neighbours.
        let folder = self.folder.join(format!("{hash}-{}", hash_of_path(path)));
        let copy = folder.join(path.file_name().unwrap_or_default());
        if !copy.exists() {
            let made = private_folder(&folder).and_then(|()| {
                let mut file = tempfile::NamedTempFile::new_in(&folder)?;
                file.write_all(&content)?;
                file.persist(&copy)?;
                Ok(())
            });
            made.map_err(failed("cannot copy it to", &copy))?;
            link_neighbours(path, &folder);
        }
        Ok(Copied { path: copy, hash })
    }

    /// Takes a copy away that is no longer wanted. Who has it mapped keeps what is mapped.
    pub fn drop_copy(&self, copied: &Copied) {
        // What stays goes with the session.
        if let Some(folder) = copied.path.parent().filter(|folder| folder.parent() == Some(&self.folder)) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

impl Library {
    /// The library at `path`, if `asked` lets it pass, run from a copy of it as it is now: in a process of its own, or in
    /// this one where there is no `isolation`. The copy, and what should be told to the user although it was loaded.
    pub fn copied(
        path: &Path,
        asked: Asked,
        copies: &Copies,
        isolation: Option<&Arc<Isolation>>,
    ) -> Result<(Self, Copied, Option<String>), LoadError> {
        let (original, notice) = crate::load::admit(path, asked)?;
        let copied = copies.take(&original).map_err(|error| LoadError::NotCopied(error.to_string()))?;
        let library = match isolation {
            None => Self::open(&copied.path, &original)?,
            Some(isolation) => {
                crate::inspect::inspect(&copied.path)
                    .map_err(|reason| LoadError::Unfit { what: crate::load::show(&original), reason })?;
                let isolation = Isolation { copy_of: Some(original), ..(**isolation).clone() };
                // Who may write the original was asked already; the copy is the user's own.
                Self::isolated(&copied.path, Asked::ByFile, &Arc::new(isolation))?.0
            }
        };
        Ok((library, copied, notice))
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        // What stays is taken away by the next session.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn hash(content: &[u8]) -> String {
    use std::fmt::Write as _;

    Sha256::digest(content).iter().take(DIGITS / 2).fold(String::new(), |mut hash, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}

fn hash_of_path(path: &Path) -> String {
    hash(path.as_os_str().as_encoded_bytes())
}

/// An empty file that is this process's until it is closed; waits for who has it.
fn locked(path: &Path) -> io::Result<File> {
    let file = File::create(path)?;
    file.lock()?;
    Ok(file)
}

/// The file's content, once it has not changed while it was read.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let facts = |file: &File| file.metadata().map(|facts| (facts.len(), facts.modified().ok()));
    let mut tries = 0;
    loop {
        let mut file = File::open(path)?;
        let before = facts(&file)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        tries += 1;
        // One that is written on and on is looked into as it is, which says that it is damaged.
        if facts(&file)? == before && content.len() as u64 == before.0 || tries == 5 {
            return Ok(content);
        }
    }
}

/// Links to what lies beside `library`, where that system has links and the folder is no larger than a plugin's.
fn link_neighbours(library: &Path, folder: &Path) {
    let beside = library.parent().and_then(|beside| fs::read_dir(beside).ok());
    let neighbours: Vec<PathBuf> =
        beside.into_iter().flatten().filter_map(Result::ok).map(|e| e.path()).take(NEIGHBOURS + 1).collect();
    if neighbours.len() > NEIGHBOURS {
        return;
    }
    for neighbour in neighbours.iter().filter(|neighbour| neighbour.file_name() != library.file_name()) {
        let Some(name) = neighbour.file_name() else { continue };
        // What cannot be linked is missed only by a library that looks for it, and that one says so.
        #[cfg(unix)]
        let _ = std::os::unix::fs::symlink(neighbour, folder.join(name));
        #[cfg(not(unix))]
        let _ = (name, folder);
    }
}

/// Makes the folder if it is not there, and the user's alone.
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Takes the folders away that nobody uses any more.
fn take_away_left(parent: &Path) {
    for folder in fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path())
    {
        let lock = File::open(folder.join(LOCK));
        if lock.is_ok_and(|lock| !matches!(lock.try_lock(), Err(TryLockError::WouldBlock))) {
            // Another session may be at the same; what stays, the next one takes.
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn laid_out() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let at = root.path().canonicalize().unwrap();
        let (parent, plugins) = (at.join("cache/plugins"), at.join("release"));
        fs::create_dir(&plugins).unwrap();
        fs::write(plugins.join("libx.so"), "first").unwrap();
        fs::write(plugins.join("weights.bin"), "numbers").unwrap();
        (root, parent, plugins.join("libx.so"))
    }

    #[test]
    fn a_copy_is_named_by_its_content_and_stays_what_it_was() {
        let (_root, parent, library) = laid_out();
        let copies = Copies::new(&parent).unwrap();
        let first = copies.take(&library).unwrap();
        assert_eq!((first.hash.len(), first.path.file_name()), (DIGITS, library.file_name()));
        let folder = first.path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        assert!(folder.starts_with(&first.hash), "{folder}");
        // What lies beside the library is found beside its copy.
        assert_eq!(fs::read(first.path.with_file_name("weights.bin")).unwrap(), b"numbers");
        // Written over, as `cp` does, and put in its place, as cargo does.
        fs::write(&library, "second").unwrap();
        let second = copies.take(&library).unwrap();
        fs::remove_file(&library).unwrap();
        fs::write(&library, "third").unwrap();
        let third = copies.take(&library).unwrap();
        let content = |copied: &Copied| fs::read_to_string(&copied.path).unwrap();
        assert_eq!([&first, &second, &third].map(content), ["first", "second", "third"]);
        fs::write(&library, "first").unwrap();
        assert_eq!(copies.take(&library).unwrap(), first);
        copies.drop_copy(&second);
        assert!(!second.path.exists() && first.path.exists());
        assert!(
            copies
                .take(&library.with_file_name("none.so"))
                .unwrap_err()
                .to_string()
                .starts_with("cannot read ")
        );
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_look_into_the_folder_and_it_goes() {
        use std::os::unix::fs::PermissionsExt;

        let (_root, parent, library) = laid_out();
        let (copies, other) = (Copies::new(&parent).unwrap(), Copies::new(&parent).unwrap());
        let copy = copies.take(&library).unwrap();
        for folder in [parent.as_path(), &copies.folder, copy.path.parent().unwrap()] {
            assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{folder:?}");
        }
        let kept = other.take(&library).unwrap();
        assert_ne!(kept.path, copy.path);
        drop(copies);
        assert!(!copy.path.exists() && kept.path.exists());
        // What lies beside the original was never more than linked.
        assert!(library.with_file_name("weights.bin").exists());
    }

    #[test]
    fn what_a_killed_session_left_is_taken_away_by_the_next() {
        let (_root, parent, library) = laid_out();
        let left = parent.join("1-0");
        fs::create_dir_all(left.join("abc")).unwrap();
        fs::write(left.join(LOCK), "").unwrap();
        let running = Copies::new(&parent).unwrap();
        assert!(!left.exists());
        let copy = running.take(&library).unwrap();
        let _next = Copies::new(&parent).unwrap();
        assert!(copy.path.exists(), "a session's copies were taken away while it ran");
    }
}
