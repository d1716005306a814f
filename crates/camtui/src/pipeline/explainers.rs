//! Which explainers there are and which are asked for: bundled ones, those of libraries, and their parameters.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use camtui_host::{Asked, Explainer, ExplainerInfo, Library, LoadError, Origin, Params, Registry, search};

use super::isolation::Runs;
use crate::config::mistake::nearest;
use crate::exit::Failure;
use crate::store::Places;

/// The explainer used when none is named and no library either.
const DEFAULT: &str = "grad-cam";
/// The explainer that others are measured beside.
pub const BASELINE: &str = "random-cam";

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

/// All explainers: the bundled ones, the libraries that are found, and those `named` on the command line, which must load.
/// Libraries run where `runs` says.
pub fn registry(
    named: &[PathBuf],
    runs: &Runs,
    places: &Places,
    notices: &mut Vec<String>,
) -> Result<Registry, Failure> {
    registry_by(named, &|path, asked| runs.load(path, asked), places, notices)
}

/// How a library is loaded; what is to be told of it is the second value.
pub type Load<'a> = dyn Fn(&Path, Asked) -> Result<(Library, Option<String>), LoadError> + 'a;

/// The same, with libraries loaded by `load`.
pub fn registry_by(
    named: &[PathBuf],
    load: &Load<'_>,
    places: &Places,
    notices: &mut Vec<String>,
) -> Result<Registry, Failure> {
    let mut registry = Registry::default();
    let bundled =
        Library::bundled("standard", camtui_standard::entry()).map_err(|e| Failure::Plugin(e.into()))?;
    registry.add(bundled);
    let variable = std::env::var_os(search::VARIABLE);
    let data = places.plugins().ok();
    let program = std::env::current_exe().ok();
    let (found, skipped) = search::search(&search::Places {
        files: named,
        variable: variable.as_deref(),
        data: data.as_deref(),
        program: program.as_deref(),
    });
    notices.extend(skipped);
    for candidate in found {
        match load(&candidate.path, candidate.asked) {
            Ok((library, notice)) => {
                notices.extend(notice);
                let hidden = registry.add(library);
                notices.extend(hidden);
            }
            Err(error) if candidate.asked == Asked::ByFile => return Err(Failure::Plugin(error.into())),
            // Others should not keep the user from working: they are told of and left out.
            Err(error) => notices.push(error.to_string()),
        }
    }
    Ok(registry)
}

/// The explainer of that id, or a sentence that says which may have been meant.
pub fn find<'r>(registry: &'r Registry, id: &str) -> Result<&'r Arc<Explainer>, String> {
    registry.find(id).map_err(|error| {
        let near = nearest(id, registry.explainers().map(|(id, _)| id));
        let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
        format!("{error}; {near}`camtui plugin list` shows all")
    })
}

/// Those that `ids` ask for, with `pairs` (`KEY=VALUE`) given to each that knows the key. Without ids: what the last
/// library named on the command line brings first, or Grad-CAM.
pub fn choose(
    registry: &Registry,
    ids: &[String],
    pairs: &[String],
    named: &[PathBuf],
) -> Result<Vec<Chosen>, Failure> {
    let usage = |text: String| Failure::Usage(anyhow!(text));
    let ids = if ids.is_empty() { vec![default_id(registry, named)] } else { ids.to_vec() };
    let mut explainers: Vec<Arc<Explainer>> = Vec::new();
    for id in &ids {
        let explainer = find(registry, id).map_err(usage)?;
        explainers.push(Arc::clone(explainer));
    }
    let known: HashSet<&str> =
        explainers.iter().flat_map(|e| e.info().params.iter().map(|p| p.key.as_str())).collect();
    for pair in pairs {
        let key = pair.split_once('=').map_or(pair.as_str(), |(key, _)| key.trim());
        if !pair.contains('=') || !known.contains(key) {
            // Let the first explainer say what is wrong: it knows the keys there are.
            Params::parse(explainers[0].info(), std::slice::from_ref(pair))
                .map_err(|e| usage(e.to_string()))?;
        }
    }
    explainers
        .into_iter()
        .map(|explainer| {
            let info = explainer.info();
            let own: Vec<&String> = pairs
                .iter()
                .filter(|pair| {
                    let key = pair.split_once('=').map_or("", |(key, _)| key.trim());
                    info.params.iter().any(|p| p.key == key)
                })
                .collect();
            let params = Params::parse(info, &own).map_err(|e| usage(e.to_string()))?;
            Ok(Chosen { explainer, params })
        })
        .collect()
}

fn default_id(registry: &Registry, named: &[PathBuf]) -> String {
    let last = named.last().and_then(|path| path.canonicalize().ok());
    let library = last.and_then(|path| {
        registry.libraries().iter().find(|l| matches!(l.origin(), Origin::File(file) if *file == path))
    });
    let first = library.and_then(|l| l.explainers().first());
    first.map_or_else(
        || DEFAULT.to_owned(),
        |wanted| {
            let known = registry.explainers().find(|(_, e)| Arc::ptr_eq(e, wanted));
            known.map_or_else(|| wanted.qualified_id(), |(id, _)| id.to_owned())
        },
    )
}
