//! Libraries that may be rebuilt while the session runs: each is loaded from a copy, and loaded anew when its file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camtui_host::reload::{Copied, Copies};
use camtui_host::{Asked, Explainer, Library, LoadError, Origin};
use camtui_term::sanitise;

use super::isolation::Runs;
use crate::interactive::rebuilds::{Stamp, Watched};
use crate::store::Places;

/// The session's libraries.
pub struct Reloading {
    runs: Runs,
    /// None where there is no place for copies, and when the session has ended: libraries stay what they are.
    place: Mutex<Option<Arc<Place>>>,
    /// By the numbers that the session knows them by.
    taken: Mutex<Vec<Taken>>,
}

struct Place {
    copies: Copies,
    /// Holds the copies where the user has no cache.
    _temporary: Option<tempfile::TempDir>,
}

/// A library in use.
struct Taken {
    /// As it was named or found.
    named: PathBuf,
    asked: Asked,
    origin: Origin,
    stamp: Option<Stamp>,
    copied: Copied,
    /// The version before, from which something may still be computed.
    before: Option<Copied>,
    /// The file changed last to something that is no plugin.
    is_broken: bool,
}

/// A library that took the place of an older one.
pub struct Renewed {
    /// Where the older one came from.
    pub was: Origin,
    /// The new one; none where the file is again what it was before it was broken.
    pub library: Option<Library>,
    /// Its name and its version, as a clause.
    pub told: String,
}

impl Reloading {
    /// Libraries that run where `runs` says, with their copies in the user's cache, or else in a temporary folder.
    pub fn new(runs: Runs, places: &Places, notices: &mut Vec<String>) -> Self {
        let in_cache = places.cache().ok().and_then(|cache| Copies::new(&cache.join("plugins")).ok());
        let place = in_cache.map_or_else(Place::temporary, |copies| Ok(Place { copies, _temporary: None }));
        let place = place.map_err(|why| notices.push(format!("rebuilt plugins will not be noticed: {why}")));
        Self { runs, place: Mutex::new(place.ok().map(Arc::new)), taken: Mutex::default() }
    }

    /// Takes the copies away; nothing is loaded anew from here on. What is computing still may hold them, until the process
    /// ends; then the next session takes them away.
    pub fn end(&self) {
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn place(&self) -> Option<Arc<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads a library for the first time.
    pub fn load(&self, path: &Path, asked: Asked) -> Result<(Library, Option<String>), LoadError> {
        let Some(place) = self.place() else { return self.runs.load(path, asked) };
        // Looked at first: what changes from here on is noticed.
        let stamp = Stamp::of(path);
        let (library, copied, notice) = Library::copied(path, asked, &place.copies, self.runs.isolation())?;
        let origin = library.origin().clone();
        let mut taken = self.taken();
        taken.retain(|known| known.origin != origin);
        let named = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        taken.push(Taken { named, asked, origin, stamp, copied, before: None, is_broken: false });
        Ok((library, notice))
    }

    /// What to look out for, by number.
    pub fn watched(&self) -> Vec<Watched> {
        let watched = |known: &Taken| Watched { path: known.named.clone(), stamp: known.stamp };
        self.taken().iter().map(watched).collect()
    }

    /// Loads the library of that number anew; nothing where it is what it was. Where that fails, the sentence says so, and
    /// all stays as it is.
    pub fn again(&self, number: usize) -> Result<Option<Renewed>, String> {
        let Some(place) = self.place() else { return Ok(None) };
        let isolation = self.runs.isolation();
        let mut all = self.taken();
        let Some(taken) = all.get_mut(number) else { return Ok(None) };
        let name = taken.origin.name();
        let (library, copied, _) = match Library::copied(&taken.named, taken.asked, &place.copies, isolation)
        {
            Ok(loaded) => loaded,
            // It is being built: there will be another file, or none and then the copy serves.
            Err(LoadError::Missing { .. }) => return Ok(None),
            Err(error) => {
                taken.is_broken = true;
                // First what matters: the line may be cut.
                return Err(format!("the old {name} stays: {}", short(&error, &taken.named)));
            }
        };
        let was = taken.origin.clone();
        let version = library.explainers().first().map_or("", |explainer| &explainer.info().version);
        let version = if version.is_empty() { String::new() } else { format!("{version}, ") };
        let hash = copied.hash.get(..8).unwrap_or(&copied.hash);
        if copied == taken.copied {
            let was_broken = std::mem::take(&mut taken.is_broken);
            let told = format!("{name} is again what it was: {version}{hash}");
            return Ok(was_broken.then_some(Renewed { was, library: None, told }));
        }
        let told = sanitise(&format!("{name} rebuilt: {version}{hash}"));
        taken.origin = library.origin().clone();
        taken.is_broken = false;
        let before = std::mem::replace(&mut taken.copied, copied);
        if let Some(older) = taken.before.replace(before).filter(|older| *older != taken.copied) {
            place.copies.drop_copy(&older);
        }
        Ok(Some(Renewed { was, library: Some(library), told }))
    }

    /// The copy that an explainer runs from, where it runs from one.
    pub fn copy_of(&self, explainer: &Explainer) -> Option<PathBuf> {
        let taken = self.taken();
        taken.iter().find(|known| known.origin == *explainer.origin()).map(|known| known.copied.path.clone())
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn temporary() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let copies = Copies::new(&folder.path().join("plugins")).map_err(|error| error.to_string())?;
        Ok(Self { copies, _temporary: Some(folder) })
    }
}

/// The error with the file's name in place of its path: a line of the terminal has room for the reason, then.
fn short(error: &LoadError, path: &Path) -> String {
    let (mut text, name) = (error.to_string(), path.file_name().unwrap_or_default().to_string_lossy());
    for path in [path.canonicalize().ok(), Some(path.to_path_buf())].into_iter().flatten() {
        text = text
            .replace(&camtui_host::clean(&path.to_string_lossy(), 4_096), &camtui_host::clean(&name, 200));
    }
    sanitise(&text)
}
