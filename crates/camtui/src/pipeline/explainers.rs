//! Which explainers there are and which are asked for: bundled ones, those of libraries, and their parameters.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use camtui_host::{Explainer, ExplainerInfo, Library, Params, Registry};

use crate::exit::Failure;
use crate::store::Places;

/// An explainer with the values of its parameters.
#[derive(Clone)]
pub struct Chosen {
    /// It.
    pub explainer: Arc<Explainer>,
    /// Its parameters.
    pub params: Params,
}

impl Chosen {
    /// What it says of itself.
    pub fn info(&self) -> &ExplainerInfo {
        self.explainer.info()
    }
}

/// All explainers: the bundled ones, the libraries on the search path, and `named` ones (which must load).
pub fn registry(named: &[PathBuf], places: &Places, notices: &mut Vec<String>) -> Result<Registry, Failure> {
    let _ = (named, places, notices);
    Err(Failure::Plugin(anyhow!("")))
}

/// Those that `ids` ask for, with `pairs` (`KEY=VALUE`) given to each that knows the key.
pub fn choose(registry: &Registry, ids: &[String], pairs: &[String]) -> Result<Vec<Chosen>, Failure> {
    let _ = (registry, ids, pairs, Library::bundled);
    Ok(Vec::new())
}
