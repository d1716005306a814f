//! Who may have written a library: loading one is running it, so one that others can replace is theirs to run.

use std::path::Path;

/// How the program came to a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The user named the file.
    ByFile,
    /// It was found in a folder that is searched.
    BySearch,
}

/// Who else may have written it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Mode `o+w`.
    #[error("everyone on this machine may write {what} (mode {mode:04o}); take that away with `chmod o-w`")]
    WorldWritable {
        /// `the file`, or a folder above it.
        what: String,
        /// Its mode.
        mode: u32,
    },
    /// Mode `g+w`, in a folder that is searched.
    #[error(
        "its group may write {what} (mode {mode:04o}); take that away with `chmod g-w`, or name the file with --plugin"
    )]
    GroupWritable {
        /// `the file`, or its folder.
        what: String,
        /// Its mode.
        mode: u32,
    },
    /// Somebody else's.
    #[error("{what} belongs to user {owner}, neither you nor root")]
    ForeignOwner {
        /// `the file`, or its folder.
        what: String,
        /// The owner's number.
        owner: u32,
    },
    /// It cannot be looked at.
    #[error("its permissions cannot be read: {0}")]
    Unknown(String),
}

/// Whether the library at `path` (absolute and canonical) may be loaded, and what the user should know of it.
#[cfg(unix)]
pub fn check(path: &Path, asked: Asked) -> Result<Option<String>, TrustError> {
    // SAFETY: it has no preconditions and cannot fail.
    let user = unsafe { libc::geteuid() };
    check_for(path, asked, user)
}

/// On other systems access lists, not modes, say who may write; they are not read.
#[cfg(not(unix))]
pub fn check(_path: &Path, _asked: Asked) -> Result<Option<String>, TrustError> {
    Ok(None)
}

#[cfg(unix)]
fn check_for(path: &Path, asked: Asked, user: u32) -> Result<Option<String>, TrustError> {
    use std::os::unix::fs::MetadataExt;

    const STICKY: u32 = 0o1000;
    let mut notice = None;
    for (depth, part) in path.ancestors().enumerate() {
        let what = match depth {
            0 => "the file".to_owned(),
            1 => format!("the folder {}", crate::clean(&part.to_string_lossy(), 4_096)),
            _ => format!("the folder {} above it", crate::clean(&part.to_string_lossy(), 4_096)),
        };
        let meta = part.metadata().map_err(|error| TrustError::Unknown(error.to_string()))?;
        let mode = meta.mode() & 0o7777;
        // In a sticky folder only its owner may replace a file: the temporary folder is fine.
        let shared = depth > 0 && mode & STICKY != 0;
        if mode & 0o002 != 0 && !shared {
            return Err(TrustError::WorldWritable { what, mode });
        }
        if depth > 1 {
            continue;
        }
        if meta.uid() != user && meta.uid() != 0 {
            return Err(TrustError::ForeignOwner { what, owner: meta.uid() });
        }
        if mode & 0o020 != 0 && !shared {
            if asked == Asked::BySearch {
                return Err(TrustError::GroupWritable { what, mode });
            }
            notice.get_or_insert_with(|| {
                let path = crate::clean(&path.to_string_lossy(), 4_096);
                format!("{path}: its group may write {what} (mode {mode:04o}), so whoever is in that group can replace it")
            });
        }
    }
    Ok(notice)
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::PathBuf;

    use super::*;

    /// A private folder with one file, both with the given modes.
    fn laid_out(folder: u32, file: u32) -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().canonicalize().unwrap().join("plugins");
        fs::create_dir(&inner).unwrap();
        let path = inner.join("libx.so");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(file)).unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(folder)).unwrap();
        (root, path)
    }

    fn owner(path: &Path) -> u32 {
        path.metadata().unwrap().uid()
    }

    #[test]
    fn what_only_the_user_may_write_is_fine() {
        let (_root, path) = laid_out(0o755, 0o644);
        assert_eq!(check(&path, Asked::ByFile), Ok(None));
        assert_eq!(check(&path, Asked::BySearch), Ok(None));
    }

    #[test]
    fn what_everyone_may_write_is_refused() {
        for (folder, file, what) in [(0o755, 0o646, "the file"), (0o757, 0o644, "the folder")] {
            let (_root, path) = laid_out(folder, file);
            for asked in [Asked::ByFile, Asked::BySearch] {
                let says = check(&path, asked).unwrap_err().to_string();
                assert!(says.starts_with(&format!("everyone on this machine may write {what}")), "{says}");
            }
        }
    }

    #[test]
    fn a_folder_further_up_counts_too_unless_it_is_sticky() {
        let (root, path) = laid_out(0o755, 0o644);
        fs::set_permissions(root.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(check(&path, Asked::ByFile), Err(TrustError::WorldWritable { .. })));
        fs::set_permissions(root.path(), Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(check(&path, Asked::ByFile), Ok(None));
        let (_root, path) = laid_out(0o1777, 0o644);
        assert_eq!(check(&path, Asked::BySearch), Ok(None));
    }

    #[test]
    fn what_a_group_may_write_is_refused_in_a_search_and_noted_by_name() {
        for (folder, file) in [(0o755, 0o664), (0o775, 0o644)] {
            let (_root, path) = laid_out(folder, file);
            assert!(check(&path, Asked::ByFile).unwrap().unwrap().contains("its group may write"));
            assert!(matches!(check(&path, Asked::BySearch), Err(TrustError::GroupWritable { .. })));
        }
    }

    #[test]
    fn a_folder_of_another_user_is_refused_whoever_owns_the_file() {
        let (_root, path) = laid_out(0o755, 0o644);
        if owner(&path) != 0 {
            return println!("skipped: only root can give a folder away");
        }
        std::os::unix::fs::chown(path.parent().unwrap(), Some(12_345), None).unwrap();
        let says = check(&path, Asked::ByFile).unwrap_err().to_string();
        assert!(
            says.starts_with("the folder ") && says.ends_with("belongs to user 12345, neither you nor root")
        );
        // Whoever owns it is no stranger to themselves.
        assert_eq!(check_for(&path, Asked::ByFile, 12_345), Ok(None));
    }

    #[test]
    fn another_users_library_is_refused_and_roots_is_not() {
        let (_root, path) = laid_out(0o755, 0o644);
        let stranger = owner(&path) + 1;
        let found = check_for(&path, Asked::ByFile, stranger);
        if owner(&path) == 0 {
            assert_eq!(found, Ok(None));
            // Root may give the file away, anyone else may not.
            std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
            let says = check_for(&path, Asked::ByFile, stranger).unwrap_err().to_string();
            assert_eq!(says, "the file belongs to user 12345, neither you nor root");
        } else {
            assert!(matches!(found, Err(TrustError::ForeignOwner { .. })));
        }
    }
}
