//! One question: one model, one target, one explainer, one map.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use camtui_core::Tensor;
use camtui_core::heatmap::{Heatmap, Interpolation, fuse};
use camtui_core::model::{ModelError, Needs, Network, Session, Spent};
use camtui_host::{ExplainError, Explainer, Grid, Partials, Request, run};

use super::advise::Advice;
use super::backend::SessionBackend;
use super::diagnostics;
use super::explainers::Chosen;
use super::figures::Measured;
use super::picture::Picture;
use super::predictions::{Prediction, rank};
use super::smooth::{NOTHING_VARIES, augmented, principal};
use super::target::Target;
use crate::log;
use crate::smooth::Smooth;

/// A map and how it came about.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it explains.
    pub target: Target,
    /// Its explainer's id.
    pub explainer: String,
    /// The layer or layers it is of; none for explainers that work on the picture.
    pub layers: Vec<String>,
    /// At the layer's resolution (several layers: at the model's input's), after the ReLU unless signed.
    pub map: Heatmap,
    /// Whether the map is to be read with its sign: normalised about zero, in diverging colours.
    pub signed: bool,
    /// Sentences that help to read the map.
    pub diagnostics: Vec<String>,
    /// What the explainer's library did besides that it must not do, a sentence each.
    pub complaints: Vec<String>,
    /// What it is worth, where that was asked for.
    pub metrics: Option<Measured>,
    /// Where it stands among those that were tried, where advice was asked for.
    pub advice: Option<Advice>,
    /// Time inside the explainer, the runtime included.
    pub took: Duration,
}

/// Why there is no map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The picture or the model.
    Failed(String),
    /// The explainer.
    Plugin(String),
    /// The question makes no sense for this model.
    Usage(String),
    /// The user wanted out.
    Cancelled,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(text) | Self::Plugin(text) | Self::Usage(text) => f.write_str(text),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl From<ModelError> for Problem {
    fn from(error: ModelError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// One picture in one model, run once.
pub struct Asked<'n> {
    session: Session<'n>,
    predictions: Vec<Prediction>,
    about_the_picture: Option<String>,
}

impl<'n> Asked<'n> {
    /// Runs the model on `input` `[1, 3, H, W]`.
    pub fn new(network: &'n Network, input: Tensor, needs: Needs) -> Result<Self, Problem> {
        let session = Session::new(network, input, needs)?;
        let logits = session.scores()?;
        if let Some(bad) = logits.data().iter().find(|z| !z.is_finite()) {
            return Err(Problem::Failed(format!("the model answers with {bad} instead of a score")));
        }
        let predictions = rank(logits.data(), network.metadata());
        Ok(Self { session, predictions, about_the_picture: None })
    }

    /// Says that the input was made of `picture`, for what there is to tell of that.
    #[must_use]
    pub fn of(mut self, picture: &Picture) -> Self {
        self.about_the_picture = diagnostics::of_picture(picture, self.session.input().shape());
        self
    }

    /// What there is to tell of the picture, whatever is asked about it.
    pub fn about_the_picture(&self) -> Option<&str> {
        self.about_the_picture.as_deref()
    }

    /// All classes, best first.
    pub fn predictions(&self) -> &[Prediction] {
        &self.predictions
    }

    /// Gives them up.
    pub fn into_predictions(self) -> Vec<Prediction> {
        self.predictions
    }

    /// The model with the picture in it.
    pub fn session(&self) -> &Session<'n> {
        &self.session
    }

    /// Time in the runtime so far.
    pub fn spent(&self) -> Spent {
        self.session.spent()
    }
}

/// What is the same for every target of a picture.
#[derive(Clone, Copy)]
pub struct How<'a> {
    /// All explainers that are asked.
    pub explainers: &'a [Chosen],
    /// Layers by name; none means the model's or the explainer's default, several are fused.
    pub layers: &'a [String],
    /// The map without its outermost ReLU.
    pub signed: bool,
    /// How maps are enlarged where they are fused.
    pub interpolation: Interpolation,
    /// Seed for every random number.
    pub random_seed: u64,
    /// How maps are smoothed.
    pub smooth: Smooth,
}

/// Who is told what on the way to a map.
#[derive(Clone, Copy)]
pub struct Tell<'a> {
    /// How much is done, 0…1.
    pub progress: &'a (dyn Fn(f32) + Sync),
    /// What there is of the map, a few times a second at most; explainers of one pass show nothing.
    pub partial: Option<&'a (dyn Fn(Heatmap) + Sync)>,
}

impl<'a> Tell<'a> {
    /// Nobody.
    pub const NOBODY: Tell<'static> = Tell { progress: &|_| {}, partial: None };

    /// Somebody who wants no partial maps.
    pub fn progress(progress: &'a (dyn Fn(f32) + Sync)) -> Self {
        Self { progress, partial: None }
    }
}

/// Least time between two partial maps: what an eye can follow.
const PARTIAL_EVERY: Duration = Duration::from_millis(250);

/// Asks `chosen` about `target`; one layer as it is, several fused; smoothed where that is asked for.
pub fn explain(
    asked: &Asked<'_>,
    chosen: &Chosen,
    target: &Target,
    how: &How<'_>,
    cancel: &AtomicBool,
    tell: &Tell<'_>,
) -> Result<Found, Problem> {
    let ask = if how.smooth.augment { augmented } else { once };
    ask(asked, chosen, target, how, cancel, tell)
}

/// The same of the picture as it is.
pub(super) fn once(
    asked: &Asked<'_>,
    chosen: &Chosen,
    target: &Target,
    how: &How<'_>,
    cancel: &AtomicBool,
    tell: &Tell<'_>,
) -> Result<Found, Problem> {
    let begun = Instant::now();
    let network = asked.session.network();
    let backend = SessionBackend::new(&asked.session, chosen.info().needs, cancel)?;
    let seed = target.seed(network.metadata().classes);
    let info = chosen.info();
    let mut diagnostics = Vec::new();
    let mut maps = Vec::new();
    let mut layers = Vec::new();
    let mut complaints = Vec::new();
    if how.smooth.eigen && !info.gives_terms {
        return Err(Problem::Usage(format!(
            "`{}` adds up no weighted channels, so --smooth eigen has nothing to take the principal component of; it goes with \
             methods that weigh activations, such as grad-cam",
            info.id
        )));
    }
    let rectified = (info.rectify || how.smooth.eigen) && !how.signed;
    // What is smoothed or fused has to be whole before it can be shown.
    let partial = tell.partial.filter(|_| how.smooth == Smooth::default() && how.layers.len() < 2);
    let show = |grid: Grid| {
        let values = if rectified { grid.values.iter().map(|v| v.max(0.0)).collect() } else { grid.values };
        if let (Some(partial), Ok(map)) = (partial, Heatmap::new(grid.height, grid.width, values)) {
            partial(map);
        }
    };
    let partial = partial.map(|_| Partials { every: PARTIAL_EVERY, show: &show });
    let named: Vec<Option<&str>> = match how.layers {
        [] => vec![None],
        some => {
            some.iter().map(|l| Some(network.metadata().meant(l).map_or(l.as_str(), |l| &l.name))).collect()
        }
    };
    for layer in named {
        let request = Request {
            layer,
            target: target.against.is_none().then_some(target.class),
            seed: &seed,
            params: &chosen.params,
            random_seed: how.random_seed,
            cancel,
            progress: tell.progress,
            terms: how.smooth.eigen,
            partial,
            log: &|level, line| log::of_plugin(level, &format!("{}: {line}", info.id)),
        };
        let output =
            run(&chosen.explainer, &backend, &request).map_err(|error| problem(&error, &chosen.explainer))?;
        let mut values = output.map.values;
        if let Some(terms) = &output.terms {
            values = principal(terms).unwrap_or_else(|| {
                diagnostics.push(NOTHING_VARIES.to_owned());
                vec![0.0; values.len()]
            });
        }
        diagnostics.extend(diagnostics::of(&diagnostics::Answer {
            session: &asked.session,
            predictions: &asked.predictions,
            target,
            chosen,
            among: how.explainers,
            layer: output.layer.as_deref(),
            size: (output.map.height, output.map.width),
            values: &values,
            signed: how.signed,
        })?);
        if rectified {
            for value in &mut values {
                *value = value.max(0.0);
            }
        }
        diagnostics.extend(output.notes);
        layers.extend(output.layer);
        complaints.extend(output.complaints);
        let map = Heatmap::new(output.map.height, output.map.width, values)
            .map_err(|e| Problem::Plugin(format!("`{}`: {e}", info.id)))?;
        maps.push(map);
    }
    let map = if maps.len() == 1 {
        maps.remove(0)
    } else {
        let shape = network.input_shape();
        fuse(&maps, shape[2], shape[3], how.interpolation, how.signed)
            .map_err(|e| Problem::Failed(e.to_string()))?
    };
    diagnostics.extend(asked.about_the_picture().map(str::to_owned));
    diagnostics.dedup();
    Ok(Found {
        target: target.clone(),
        explainer: info.id.clone(),
        layers,
        map,
        signed: how.signed,
        diagnostics,
        complaints,
        metrics: None,
        advice: None,
        took: begun.elapsed(),
    })
}

/// What went wrong for the user; a failure that is a plugin's own names it.
fn problem(error: &ExplainError, explainer: &Explainer) -> Problem {
    match error {
        ExplainError::Cancelled => Problem::Cancelled,
        ExplainError::NoSuchLayer { .. } | ExplainError::NotSupported { .. } => {
            Problem::Usage(error.to_string())
        }
        ExplainError::Ended { .. } => Problem::Plugin(error.to_string()),
        _ if error.is_the_explainers_fault() && explainer.file().is_some() => {
            Problem::Plugin(format!("the plugin `{}`: {error}", explainer.origin().name()))
        }
        _ => Problem::Plugin(error.to_string()),
    }
}
