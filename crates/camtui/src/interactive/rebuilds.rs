//! Looks out for libraries that are rebuilt. A build takes the file away, makes it anew, writes it in pieces or links it from
//! elsewhere, and may empty the whole folder first; one action is sent when a file is there, has changed, and is at rest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::action::Action;
use super::workers::Report;

/// A file is at rest when nothing has come for so long.
const QUIET: Duration = Duration::from_millis(300);
/// How often a file is looked for that is not there: its folder may be gone too, and nothing tells of one that comes.
const MISSING: Duration = Duration::from_secs(1);

/// What tells one content of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    written: Option<SystemTime>,
    number: u64,
}

impl Stamp {
    /// Of the file, if there is one.
    pub fn of(path: &Path) -> Option<Self> {
        let facts = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&facts);
        #[cfg(not(unix))]
        let number = 0;
        Some(Self { length: facts.len(), written: facts.modified().ok(), number })
    }
}

/// A library to look out for.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its file, as it was named.
    pub path: PathBuf,
    /// Of the file that is in use.
    pub stamp: Option<Stamp>,
}

/// Looks out until it is dropped.
pub struct Rebuilds {
    sender: Sender<Change>,
}

enum Change {
    Seen,
    Stop,
}

impl Rebuilds {
    /// Looks out for changes of these; the action tells the place in the list.
    pub fn start(libraries: Vec<Watched>, report: &Report) -> Self {
        let (sender, changes) = channel();
        let (report, seen) = (Arc::clone(report), sender.clone());
        if !libraries.is_empty() {
            // Without a thread libraries are what they were at the start.
            let _ = thread::Builder::new()
                .name("camtui-rebuilds".to_owned())
                .spawn(move || Looking::new(libraries, &seen).run(&changes, &report));
        }
        Self { sender }
    }
}

impl Drop for Rebuilds {
    fn drop(&mut self) {
        // One that was never begun has nobody to be told.
        let _ = self.sender.send(Change::Stop);
    }
}

struct Looking {
    libraries: Vec<Watched>,
    folders: BTreeSet<PathBuf>,
    /// None where the system cannot tell of changes: then it is asked again and again.
    notify: Option<RecommendedWatcher>,
}

impl Looking {
    fn new(libraries: Vec<Watched>, sender: &Sender<Change>) -> Self {
        // A link may be changed, or what it leads to.
        let ends = |library: &Watched| [Some(library.path.clone()), library.path.canonicalize().ok()];
        let files: BTreeSet<PathBuf> = libraries
            .iter()
            .flat_map(ends)
            .flatten()
            .filter_map(|path| std::path::absolute(path).ok())
            .collect();
        let folders: BTreeSet<PathBuf> =
            files.iter().filter_map(|file| file.parent()).map(Path::to_path_buf).collect();
        let (sender, ours) = (sender.clone(), folders.clone());
        let notify = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            let is_change = !matches!(event.kind, EventKind::Access(_));
            // A folder may hold much that is written all the time.
            if is_change && event.paths.iter().any(|path| files.contains(path) || ours.contains(path)) {
                let _ = sender.send(Change::Seen);
            }
        });
        Self { libraries, folders, notify: notify.ok() }
    }

    fn run(mut self, changes: &Receiver<Change>, report: &Report) {
        loop {
            self.watch();
            // What changed while nobody looked counts too.
            for (at, library) in self.libraries.iter_mut().enumerate() {
                let now = Stamp::of(&library.path);
                if now.is_some() && now != library.stamp {
                    library.stamp = now;
                    report(Action::LibraryChanged(at));
                }
            }
            let lost = self.notify.is_none() || self.libraries.iter().any(|library| !library.path.exists());
            let change = if lost {
                changes.recv_timeout(MISSING)
            } else {
                changes.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match change {
                Ok(Change::Seen) => {}
                Err(RecvTimeoutError::Timeout) => continue,
                Ok(Change::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            loop {
                match changes.recv_timeout(QUIET) {
                    Ok(Change::Seen) => {}
                    Err(RecvTimeoutError::Timeout) => break,
                    Ok(Change::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }

    /// Looks out in every folder that is there; one that came anew is another one, though it bears the same name.
    fn watch(&mut self) {
        let Some(notify) = &mut self.notify else { return };
        for folder in self.folders.iter().filter(|folder| folder.is_dir()) {
            // There is nothing to forget the first time.
            let _ = notify.unwatch(folder);
            // Where it cannot be watched, what is missing in it is looked for all the same.
            let _ = notify.watch(folder, RecursiveMode::NonRecursive);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use super::*;

    /// Long enough for any machine.
    const LONG: Duration = Duration::from_mins(1);

    fn watched(paths: &[&Path]) -> (Rebuilds, Receiver<usize>) {
        let (sender, told) = channel();
        let sender = Mutex::new(sender);
        let report: Report = Arc::new(move |action| {
            if let Action::LibraryChanged(at) = action {
                sender.lock().unwrap().send(at).unwrap();
            }
        });
        let libraries = paths.iter().map(|path| Watched { path: path.to_path_buf(), stamp: Stamp::of(path) });
        (Rebuilds::start(libraries.collect(), &report), told)
    }

    #[test]
    fn a_file_that_is_replaced_or_written_over_is_told_of() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for name in ["a.so", "b.so"] {
            fs::write(at(name), "first").unwrap();
        }
        let (_looking, told) = watched(&[&at("a.so"), &at("b.so")]);
        fs::write(at("new"), "second").unwrap();
        fs::rename(at("new"), at("b.so")).unwrap();
        assert_eq!(told.recv_timeout(LONG), Ok(1));
        fs::write(at("a.so"), "other").unwrap();
        assert_eq!(told.recv_timeout(LONG), Ok(0));
    }

    #[test]
    fn what_changed_before_it_began_is_told_of() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.so");
        fs::write(&path, "first").unwrap();
        let stamp = Stamp::of(&path);
        fs::write(&path, "longer than before").unwrap();
        let (sender, told) = channel();
        let sender = Mutex::new(sender);
        let report: Report = Arc::new(move |_| sender.lock().unwrap().send(()).unwrap());
        let _looking = Rebuilds::start(vec![Watched { path, stamp }], &report);
        assert_eq!(told.recv_timeout(LONG), Ok(()));
    }

    #[test]
    fn a_folder_that_is_emptied_and_made_anew_is_found_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("release");
        let path = folder.join("a.so");
        fs::create_dir(&folder).unwrap();
        fs::write(&path, "first").unwrap();
        let (_looking, told) = watched(&[&path]);
        for content in ["another", "one more"] {
            fs::remove_dir_all(&folder).unwrap();
            fs::create_dir(&folder).unwrap();
            fs::write(&path, content).unwrap();
            assert_eq!(told.recv_timeout(LONG), Ok(0));
        }
        fs::write(&path, "in place").unwrap();
        assert_eq!(told.recv_timeout(LONG), Ok(0));
    }
}
