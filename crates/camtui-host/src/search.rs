//! Where plugins are looked for: files the user named, `CAMTUI_PLUGIN_PATH`, the user's data folder, beside
//! the program. Never the current folder by itself.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::Asked;

/// Environment variable with folders (or files) separated as in `PATH`.
pub const VARIABLE: &str = "CAMTUI_PLUGIN_PATH";

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct Places<'a> {
    /// Files the user named, in their order.
    pub files: &'a [PathBuf],
    /// The value of [`VARIABLE`].
    pub variable: Option<&'a OsStr>,
    /// The folder for plugins in the user's data folder.
    pub data: Option<&'a Path>,
    /// The program's own file; `plugins` beside it is searched.
    pub program: Option<&'a Path>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// As named or as found, not yet looked at.
    pub path: PathBuf,
    /// How it came up.
    pub asked: Asked,
}

/// All candidates in the order in which they are loaded, each file once. The second value is one sentence for
/// each place that was skipped.
pub fn search(places: &Places<'_>) -> (Vec<Found>, Vec<String>) {
    let mut found: Vec<Found> = vec![];
    let mut skipped = vec![];
    let mut seen = std::collections::HashSet::new();
    let mut add = |path: PathBuf, asked| {
        // One that is not there has no canonical path; loading it says so.
        if seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
            found.push(Found { path, asked });
        }
    };
    for file in places.files {
        add(file.clone(), Asked::ByFile);
    }
    for place in places.variable.iter().flat_map(|value| std::env::split_paths(value)) {
        if place.as_os_str().is_empty() {
            continue;
        }
        let name = crate::clean(&place.to_string_lossy(), 4_096);
        if !place.is_absolute() {
            skipped.push(format!("{VARIABLE}: `{name}` is skipped, because it is not an absolute path"));
        } else if place.is_dir() {
            for path in libraries(&place) {
                add(path, Asked::BySearch);
            }
        } else if place.is_file() {
            add(place, Asked::BySearch);
        } else {
            skipped.push(format!("{VARIABLE}: there is no folder or file `{name}`"));
        }
    }
    let beside = places.program.and_then(Path::parent).map(|folder| folder.join("plugins"));
    // These are ours to know: they need not be there.
    for folder in [places.data, beside.as_deref()].into_iter().flatten().filter(|folder| folder.is_absolute())
    {
        for path in libraries(folder) {
            add(path, Asked::BySearch);
        }
    }
    (found, skipped)
}

/// The files of a folder that bear this system's ending for libraries, by name. A folder that is not there
/// has none.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let ending = OsStr::new(std::env::consts::DLL_EXTENSION);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some(ending) && path.is_file())
        .collect();
    files.sort();
    files
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;

    use super::*;

    fn library(folder: &Path, name: &str) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(format!("{name}.{}", std::env::consts::DLL_EXTENSION));
        fs::write(&path, "x").unwrap();
        path
    }

    #[test]
    fn places_come_in_their_order_and_files_once() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let named = library(&at("named"), "n");
        let (b, a) = (library(&at("listed"), "b"), library(&at("listed"), "a"));
        fs::write(at("listed").join("README"), "x").unwrap();
        let data = library(&at("data"), "d");
        let beside = library(&at("bin/plugins"), "p");
        let variable = std::env::join_paths([at("listed"), at("named")]).unwrap();
        let files = [named.clone()];
        let program = at("bin/camtui");
        let places = Places {
            files: &files,
            variable: Some(&variable),
            data: Some(&at("data")),
            program: Some(&program),
        };
        let (found, skipped) = search(&places);
        let by_search = |path| Found { path, asked: Asked::BySearch };
        let named = Found { path: named, asked: Asked::ByFile };
        assert_eq!(found, [named, by_search(a), by_search(b), by_search(data), by_search(beside)]);
        assert!(skipped.is_empty());
    }

    #[test]
    fn the_current_folder_is_never_searched() {
        let variable = std::env::join_paths([".", "", "plugins", "/nowhere/at/all"]).unwrap();
        let places = Places { variable: Some(&variable), data: Some(Path::new("data")), ..Places::default() };
        let (found, skipped) = search(&places);
        assert!(found.is_empty());
        assert_eq!(skipped.len(), 3);
        assert!(skipped[0].contains("`.` is skipped, because it is not an absolute path"), "{skipped:?}");
        assert!(skipped[2].contains("there is no folder or file `/nowhere/at/all`"), "{skipped:?}");
        assert!(search(&Places::default()).0.is_empty());
    }
}
