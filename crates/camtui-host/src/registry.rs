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
    /// In the order they were added; an id that was taken is found by its qualified form only.
    explainers: Vec<(String, Arc<Explainer>)>,
}

/// No explainer of that id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no explainer `{id}`; there are {known}")]
pub struct FindError {
    /// What was asked for.
    pub id: String,
    /// The ids there are, as a clause.
    pub known: String,
}

impl Registry {
    /// Adds a library's explainers, and says which of them are known only by their qualified id.
    pub fn add(&mut self, library: Library) -> Vec<String> {
        let mut notices = vec![];
        for explainer in library.explainers() {
            let id = &explainer.info().id;
            let known = match self.at(id) {
                None => id.clone(),
                Some(first) => {
                    let mut qualified = explainer.qualified_id();
                    // Two files of one name in two folders.
                    for n in 2.. {
                        if self.at(&qualified).is_none() {
                            break;
                        }
                        qualified = format!("{}#{n}:{id}", explainer.origin().name());
                    }
                    notices.push(format!(
                        "`{id}` of {} is named `{qualified}`, because `{id}` is already taken ({})",
                        explainer.origin(),
                        first.origin()
                    ));
                    qualified
                }
            };
            self.explainers.push((known, Arc::clone(explainer)));
        }
        self.libraries.push(library);
        notices
    }

    /// Loads what [`search`](crate::search::search) found and adds it; the sentences are what the user should
    /// be told.
    pub fn load(&mut self, found: &Found) -> Result<Vec<String>, LoadError> {
        let (library, notice) = Library::load(&found.path, found.asked)?;
        Ok(notice.into_iter().chain(self.add(library)).collect())
    }

    /// The explainer of that id, or of that qualified id.
    pub fn find(&self, id: &str) -> Result<&Arc<Explainer>, FindError> {
        let qualified = || self.explainers.iter().map(|(_, e)| e).find(|e| e.qualified_id() == id);
        self.at(id).or_else(qualified).ok_or_else(|| FindError {
            id: crate::clean(id, 200),
            known: self.explainers.iter().map(|(id, _)| format!("`{id}`")).collect::<Vec<_>>().join(", "),
        })
    }

    /// All explainers, with the id by which each is found, in the order they were added.
    pub fn explainers(&self) -> impl ExactSizeIterator<Item = (&str, &Arc<Explainer>)> {
        self.explainers.iter().map(|(id, explainer)| (id.as_str(), explainer))
    }

    /// All libraries, in the order they were added.
    pub fn libraries(&self) -> &[Library] {
        &self.libraries
    }

    fn at(&self, id: &str) -> Option<&Arc<Explainer>> {
        self.explainers.iter().find(|(known, _)| known == id).map(|(_, explainer)| explainer)
    }
}
