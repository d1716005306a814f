//! One explanation: from a request to a checked map.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camtui_plugin::abi;

use crate::collect::{Collected, Collector, SinkError, Terms};
use crate::library::{Ran, Unfinished};
use crate::serve::Served;
use crate::{Backend, Explainer, Grid, Level, Output, Params};

/// What is asked of an explainer.
pub struct Request<'a> {
    /// The layer the user named; without one the backend's default.
    pub layer: Option<&'a str>,
    /// The class explained, where the seed is a single class.
    pub target: Option<usize>,
    /// The cotangent of the logits: one value a class.
    pub seed: &'a [f32],
    /// Values of the explainer's parameters.
    pub params: &'a Params,
    /// Seed for every random number.
    pub random_seed: u64,
    /// Set it from another thread to end the call.
    pub cancel: &'a AtomicBool,
    /// Told how much is done, from 0 to 1.
    pub progress: &'a (dyn Fn(f32) + Sync),
    /// Whether the terms of the map are wanted too; only of an explainer that gives them.
    pub terms: bool,
    /// Who is shown what there is of the map on the way.
    pub partial: Option<Partials<'a>>,
    /// Told what the explainer logs, free of control characters.
    pub log: &'a (dyn Fn(Level, &str) + Sync),
}

/// Who watches a map as it converges.
#[derive(Clone, Copy)]
pub struct Partials<'a> {
    /// How much time lies between two of them at least.
    pub every: Duration,
    /// Shown each: before the outermost ReLU, of finite values.
    pub show: &'a (dyn Fn(Grid) + Sync),
}

/// Why there is no map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The user's layer is none of the model's.
    #[error("this model has no layer `{name}`; it has {known}")]
    NoSuchLayer {
        /// What was asked for.
        name: String,
        /// The layers there are, as a clause.
        known: String,
    },
    /// The seed is not for this model.
    #[error("the seed has {found} values, the model {expected} classes")]
    SeedSize {
        /// Number of classes.
        expected: usize,
        /// Length of the seed.
        found: usize,
    },
    /// Parameters of another explainer.
    #[error("the parameters given to `{0}` are not its own")]
    ForeignParams(String),
    /// The explainer cannot explain this model, layer or target, and says why.
    #[error("`{id}`: {sentence}")]
    NotSupported {
        /// The explainer.
        id: String,
        /// Its reason.
        sentence: String,
    },
    /// The explainer failed and says why.
    #[error("`{id}`: {sentence}")]
    Failed {
        /// The explainer.
        id: String,
        /// Its reason.
        sentence: String,
    },
    /// The explainer gave something that cannot be a map.
    #[error("`{id}`: {reason}")]
    BadMap {
        /// The explainer.
        id: String,
        /// What is wrong.
        reason: SinkError,
    },
    /// The explainer said that all is well, and gave nothing.
    #[error("`{0}` ended without giving a map")]
    NoMap(String),
    /// The process that the explainer ran in is gone, or had to be ended.
    #[error("the plugin {plugin} ended in `{id}`: {what}")]
    Ended {
        /// Its name and file.
        plugin: String,
        /// The explainer.
        id: String,
        /// How it ended, as a clause.
        what: String,
    },
    /// The user asked for it.
    #[error("cancelled")]
    Cancelled,
}

impl ExplainError {
    /// Whether the explainer broke its contract or failed, rather than the request being one it cannot serve.
    pub fn is_the_explainers_fault(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::BadMap { .. } | Self::NoMap(_) | Self::Ended { .. })
    }

    /// Whether the explainer itself gave the reason, rather than none.
    pub(crate) fn says_why(&self) -> bool {
        match self {
            Self::NotSupported { sentence, .. } => sentence != SILENT_REFUSAL,
            Self::Failed { sentence, .. } => !sentence.ends_with(NO_REASON),
            _ => false,
        }
    }
}

/// What is said for an explainer that refuses without a sentence.
const SILENT_REFUSAL: &str = "it does not support this, and does not say why";
/// How the sentence ends that is said for one that fails without its own.
const NO_REASON: &str = " and gave no reason";

/// Asks `explainer` for a map of what `backend` answers.
pub fn run(
    explainer: &Explainer,
    backend: &dyn Backend,
    request: &Request<'_>,
) -> Result<Output, ExplainError> {
    let info = explainer.info();
    let layers = backend.layers();
    let classes = backend.classes();
    if request.seed.len() != classes {
        return Err(ExplainError::SeedSize { expected: classes, found: request.seed.len() });
    }
    if !request.params.fit(info) {
        return Err(ExplainError::ForeignParams(info.id.clone()));
    }
    if request.terms && !info.gives_terms {
        let sentence = "its map is no sum over channels, so it has no terms to give".into();
        return Err(ExplainError::NotSupported { id: info.id.clone(), sentence });
    }
    let position = |name: &str| layers.iter().position(|l| l.name == name);
    let chosen = match request.layer {
        Some(name) => Some(position(name).ok_or_else(|| {
            let known: Vec<&str> = layers.iter().map(|l| l.name.as_str()).collect();
            ExplainError::NoSuchLayer { name: name.into(), known: known.join(", ") }
        })?),
        None => backend.default_layer().as_deref().and_then(position),
    };
    let names: Vec<String> = layers.iter().map(|l| l.name.clone()).collect();
    let collector = Collector::new(layers.len(), request.terms);
    let served = Served::new(backend, request, layers, chosen);
    let ran = explainer.runner().explain(&served, request.params, &collector);
    let Ran { status, complaints } = ran.map_err(|unfinished| match unfinished {
        Unfinished::Cancelled => ExplainError::Cancelled,
        Unfinished::Ended { plugin, what } => ExplainError::Ended { plugin, id: info.id.clone(), what },
    })?;
    let collected = collector.finish();
    let of = match collected.layer {
        Some(index) => names.get(index as usize).cloned(),
        None => chosen.filter(|_| info.needs.activations).map(|n| names[n].clone()),
    };
    let judged = judge(&info.id, status, collected, request.cancel.load(Ordering::Relaxed), of)?;
    if request.terms {
        let fits = |terms: &Terms| (terms.height, terms.width) == (judged.map.height, judged.map.width);
        let sentence = match &judged.terms {
            None => "it says that it gives the terms of its map, and gave none",
            Some(terms) if !fits(terms) => "the terms of its map are of another size than the map",
            Some(_) => return Ok(Output { complaints, ..judged }),
        };
        return Err(ExplainError::Failed { id: info.id.clone(), sentence: sentence.into() });
    }
    Ok(Output { complaints, ..judged })
}

/// What the explainer's status and what it gave amount to.
fn judge(
    id: &str,
    status: abi::Status,
    collected: Collected,
    cancelled: bool,
    layer: Option<String>,
) -> Result<Output, ExplainError> {
    let id = id.to_owned();
    // Once the user has cancelled, whatever an explainer makes of the refused calls is the same to them.
    if cancelled && status != abi::OK {
        return Err(ExplainError::Cancelled);
    }
    if let Some(reason) = collected.refused {
        return Err(ExplainError::BadMap { id, reason });
    }
    let said = collected.error.filter(|text| !text.is_empty());
    match (status, said, collected.map) {
        (abi::OK, None, Some(map)) => Ok(Output {
            map,
            channels: collected.channels,
            terms: collected.terms,
            notes: collected.notes,
            layer,
            complaints: vec![],
        }),
        (abi::OK, None, None) => Err(ExplainError::NoMap(id)),
        (abi::NOT_SUPPORTED, said, _) => {
            let sentence = said.unwrap_or_else(|| SILENT_REFUSAL.into());
            Err(ExplainError::NotSupported { id, sentence })
        }
        (abi::CANCELLED, None, _) => {
            Err(ExplainError::Failed { id, sentence: "it gave up as if cancelled, but nobody did".into() })
        }
        (_, Some(sentence), _) => Err(ExplainError::Failed { id, sentence }),
        (status, None, _) => {
            Err(ExplainError::Failed { id, sentence: format!("it failed with status {status}{NO_REASON}") })
        }
    }
}
