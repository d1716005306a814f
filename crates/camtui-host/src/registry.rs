//! All explainers there are, by id.
//!
//! When two have the same id, the one that was added first keeps it: bundled ones, then files the user named,
//! then what was found in searched folders. So no file that lies in a folder can pass for a bundled
//! explainer. The later one is still there under its qualified id, `LIBRARY:ID`, and the user is told.

use std::sync::Arc;

use crate::search::Found;
use crate::{Explainer, Library, LoadError};

/// All explainers there are.
#[derive(Debug, Default)]
pub struct Registry {
    libraries: Vec<Library>,
    /// In the order they were added; none ever changes its place.
    explainers: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    /// An id that was taken is found by its qualified form only.
    id: String,
    explainer: Arc<Explainer>,
    /// Place of its library.
    library: usize,
    /// Its library was rebuilt without it.
    gone: bool,
}

/// What a rebuilt library changed: places among [`Registry::explainers`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Explainers that are other ones now, at the place and with the id that they had.
    pub renewed: Vec<usize>,
    /// Explainers that the library did not have.
    pub added: Vec<usize>,
    /// Explainers that it no longer has. Their places stay, so that no other one gets them.
    pub gone: Vec<usize>,
    /// What the user should be told.
    pub notices: Vec<String>,
}

/// No explainer of that id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no explainer `{id}`")]
pub struct FindError {
    /// What was asked for.
    pub id: String,
}

impl Registry {
    /// Adds a library's explainers, and says which of them are known only by their qualified id.
    pub fn add(&mut self, library: Library) -> Vec<String> {
        let place = self.libraries.len();
        let mut notices = vec![];
        for explainer in library.explainers() {
            notices.extend(self.add_one(place, explainer));
        }
        self.libraries.push(library);
        notices
    }

    /// Puts a rebuilt library in the place of the one at `place` of [`Self::libraries`].
    ///
    /// # Panics
    ///
    /// Where there is no such place.
    pub fn replace(&mut self, place: usize, library: Library) -> Replaced {
        let mut replaced = Replaced::default();
        for (at, known) in self.explainers.iter_mut().enumerate().filter(|(_, known)| known.library == place)
        {
            let id = &known.explainer.info().id;
            match library.explainers().iter().find(|new| new.info().id == *id) {
                Some(new) => {
                    known.explainer = Arc::clone(new);
                    known.gone = false;
                    replaced.renewed.push(at);
                }
                None if known.gone => {}
                None => {
                    known.gone = true;
                    replaced.gone.push(at);
                }
            }
        }
        for new in library.explainers() {
            let is_known = |known: &Known| Arc::ptr_eq(&known.explainer, new);
            if !self.explainers.iter().any(is_known) {
                replaced.added.push(self.explainers.len());
                replaced.notices.extend(self.add_one(place, new));
            }
        }
        self.libraries[place] = library;
        replaced
    }

    fn add_one(&mut self, library: usize, explainer: &Arc<Explainer>) -> Option<String> {
        let wanted = &explainer.info().id;
        let mut id = wanted.clone();
        let mut notice = None;
        if let Some(first) = self.known(wanted) {
            id = explainer.qualified_id();
            // Two files of one name in two folders.
            for n in 2.. {
                if self.known(&id).is_none() {
                    break;
                }
                id = format!("{}#{n}:{wanted}", explainer.origin().name());
            }
            notice = Some(format!(
                "`{wanted}` of {} is named `{id}`, because `{wanted}` is already taken ({})",
                explainer.origin(),
                first.explainer.origin()
            ));
        }
        self.explainers.push(Known { id, explainer: Arc::clone(explainer), library, gone: false });
        notice
    }

    /// Loads what [`search`](crate::search::search) found and adds it; the sentences are what the user should
    /// be told.
    pub fn load(&mut self, found: &Found) -> Result<Vec<String>, LoadError> {
        let (library, notice) = Library::load(&found.path, found.asked)?;
        Ok(notice.into_iter().chain(self.add(library)).collect())
    }

    /// The explainer of that id, or of that qualified id.
    pub fn find(&self, id: &str) -> Result<&Arc<Explainer>, FindError> {
        let there = || self.explainers.iter().filter(|known| !known.gone);
        let qualified = || there().find(|known| known.explainer.qualified_id() == id);
        let known = there().find(|known| known.id == id).or_else(qualified);
        known.map(|known| &known.explainer).ok_or_else(|| FindError { id: crate::clean(id, 200) })
    }

    /// All explainers, with the id by which each is found, in the order they were added; those too that are gone.
    pub fn explainers(&self) -> impl ExactSizeIterator<Item = (&str, &Arc<Explainer>)> {
        self.explainers.iter().map(|known| (known.id.as_str(), &known.explainer))
    }

    /// Whether the explainer at this place of [`Self::explainers`] is gone: its library was rebuilt without it.
    pub fn is_gone(&self, place: usize) -> bool {
        self.explainers.get(place).is_none_or(|known| known.gone)
    }

    /// All libraries, in the order they were added.
    pub fn libraries(&self) -> &[Library] {
        &self.libraries
    }

    /// Also one that is gone keeps its id: it may come back.
    fn known(&self, id: &str) -> Option<&Known> {
        self.explainers.iter().find(|known| known.id == id)
    }
}
