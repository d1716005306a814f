//! From a path to a loaded library: who may have written the file, what is in it, and only then the loader.
//!
//! A library is never unloaded: its thread-locals and threads may outlive every call, and running their
//! destructors from an unmapped page crashes the program.

use std::path::{Path, PathBuf};

use camtui_plugin::abi;

use crate::inspect::{InspectError, inspect};
use crate::library::{Library, Origin};
use crate::trust::{Asked, TrustError, check};
use crate::{DescribeError, clean};

/// Why a library is not used. Each is one sentence that names it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// No such file, or a folder that cannot be entered.
    #[error("there is no plugin at {path}: {reason}")]
    Missing {
        /// As it was asked for.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// A folder.
    #[error("{0} is a folder; a plugin is a shared library file")]
    Directory(String),
    /// A pipe, a socket, a device.
    #[error("{0} is not an ordinary file; a plugin is a shared library file")]
    NotAFile(String),
    /// Others may have written it.
    #[error("{path} is not loaded: {reason}")]
    Untrusted {
        /// Absolute and canonical.
        path: String,
        /// Who may write what.
        reason: TrustError,
    },
    /// It is no plugin, or not for this program.
    #[error("{what} cannot be used as a plugin: {reason}")]
    Unfit {
        /// The file, or `bundled`.
        what: String,
        /// What is wrong.
        reason: InspectError,
    },
    /// The system's loader refused.
    #[error("{path} cannot be loaded: {reason}")]
    Loader {
        /// Absolute and canonical.
        path: String,
        /// The loader's words.
        reason: String,
    },
    /// A null pointer in the entry.
    #[error("{what} cannot be used as a plugin: its entry has no `{function}` function")]
    Incomplete {
        /// The file, or `bundled`.
        what: String,
        /// Which function.
        function: &'static str,
    },
    /// `initialise` failed.
    #[error("{what} cannot be used as a plugin: its `initialise` failed with status {status}")]
    NotInitialised {
        /// The file, or `bundled`.
        what: String,
        /// What it answered.
        status: u32,
    },
    /// No explainers, or more than anyone wrote.
    #[error(
        "{what} cannot be used as a plugin: it says that it has {count} explainers, where 1 to 1024 are expected"
    )]
    Count {
        /// The file, or `bundled`.
        what: String,
        /// What it says.
        count: u32,
    },
    /// An explainer's description contradicts the interface.
    #[error("{what} cannot be used as a plugin: {reason}")]
    BadDescription {
        /// The file, or `bundled`.
        what: String,
        /// What is wrong.
        reason: DescribeError,
    },
    /// What one of the above says, from the process that the library was to run in.
    #[error("{0}")]
    Refused(String),
    /// The process that the library was to run in ended while loading or describing it.
    #[error("{path} cannot be used as a plugin: its process ended while it was loaded: {what}")]
    Ended {
        /// Absolute and canonical.
        path: String,
        /// How it ended, as a clause.
        what: String,
    },
    /// There is no process for it to run in.
    #[error("no process could be started to run {path} in: {reason}")]
    NotStarted {
        /// Absolute and canonical.
        path: String,
        /// The system's words.
        reason: String,
    },
}

impl Library {
    /// Loads the library at `path` into this process, if `asked` lets it pass. What should be told to the
    /// user although it was loaded is the second value.
    pub fn load(path: &Path, asked: Asked) -> Result<(Self, Option<String>), LoadError> {
        let (path, notice) = admit(path, asked)?;
        let what = show(&path);
        inspect(&path).map_err(|reason| LoadError::Unfit { what: what.clone(), reason })?;
        let entry = open(&path).map_err(|reason| LoadError::Loader { path: what, reason })?;
        // SAFETY: `open` found the symbol in a library that stays loaded; that the symbol is what it says was
        // read from the file just now. Whoever wrote the library vouches for the rest, and `trust` for who
        // that may be.
        let library = unsafe { Self::describe(Origin::File(path), entry)? };
        Ok((library, notice))
    }
}

/// The absolute, canonical path of a file that may be loaded, and a notice if that deserves one. Nothing of
/// the file is read yet.
pub fn admit(path: &Path, asked: Asked) -> Result<(PathBuf, Option<String>), LoadError> {
    let missing = |error: std::io::Error| LoadError::Missing { path: show(path), reason: error.to_string() };
    let canonical = path.canonicalize().map_err(missing)?;
    let kind = canonical.metadata().map_err(missing)?;
    if kind.is_dir() {
        return Err(LoadError::Directory(show(&canonical)));
    }
    if !kind.is_file() {
        return Err(LoadError::NotAFile(show(&canonical)));
    }
    let notice =
        check(&canonical, asked).map_err(|reason| LoadError::Untrusted { path: show(&canonical), reason })?;
    Ok((canonical, notice))
}

pub(crate) fn show(path: &Path) -> String {
    clean(&path.to_string_lossy(), 4_096)
}

#[cfg(unix)]
fn open(path: &Path) -> Result<*const abi::Entry, String> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    let flags = RTLD_NOW | RTLD_LOCAL | libc::RTLD_NODELETE;
    // SAFETY: loading runs the library's initialisers. The path is absolute, its owner trusted and its entry
    // in order.
    let library = unsafe { Library::open(Some(path), flags) }.map_err(|error| plain(&error))?;
    // SAFETY: the address of a data symbol; it is only read as what its own head says.
    let entry =
        unsafe { library.get::<*const abi::Entry>(abi::ENTRY_SYMBOL) }.map_err(|error| plain(&error))?;
    let entry = entry.into_raw().cast_const().cast::<abi::Entry>();
    // Never unloaded: see the page's head.
    std::mem::forget(library);
    Ok(entry)
}

#[cfg(windows)]
fn open(path: &Path) -> Result<*const abi::Entry, String> {
    use libloading::os::windows::{LOAD_WITH_ALTERED_SEARCH_PATH, Library};
    // SAFETY: loading runs the library's initialisers. The path is absolute and its entry in order. Other
    // libraries it needs are looked for beside it.
    let library =
        unsafe { Library::load_with_flags(path, LOAD_WITH_ALTERED_SEARCH_PATH) }.map_err(|e| plain(&e))?;
    library.pin().map_err(|error| plain(&error))?;
    // SAFETY: the address of a data symbol; it is only read as what its own head says.
    let entry =
        unsafe { library.get::<*const abi::Entry>(abi::ENTRY_SYMBOL) }.map_err(|error| plain(&error))?;
    let entry = entry.as_raw_ptr().cast_const().cast::<abi::Entry>();
    // Never unloaded: see the page's head.
    std::mem::forget(library);
    Ok(entry)
}

/// The loader's own words, which may quote the file; `libloading` keeps them in the error's source.
fn plain(error: &libloading::Error) -> String {
    let words = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    clean(&words, 2_000)
}
