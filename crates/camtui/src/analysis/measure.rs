//! What maps of the session are worth: measured as `--metrics` does, beside what knows less, which is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use camtui_core::metrics::curve::Curve;
use camtui_core::model::Needs;
use camtui_host::Params;

use super::answer::{KEPT_ANSWERS, PipelineAnalyst};
use super::kept::Kept;
use crate::cli::ExplainArgs;
use crate::interactive::analyst::{Explanation, Figure, PictureId, Question, Watch, Worth};
use crate::pipeline::How;
use crate::pipeline::explainers::{BASELINE, Chosen, find};
use crate::pipeline::figures::{Measured, Metric, ROWS, Wanted};
use crate::pipeline::metrics::{Baselines, Measuring, RandomHead};
use crate::pipeline::object::Object;
use crate::pipeline::target::Target;
use crate::smooth::Smooth;

/// What maps have in common that are measured against the same.
#[derive(Clone, PartialEq)]
struct Measure {
    picture: PictureId,
    model: usize,
    target: Target,
    layers: Vec<String>,
    smooth: Smooth,
}

/// What is measured, and what measuring needs again.
pub(super) struct Measures {
    wanted: Wanted,
    /// In the first picture.
    object: Option<Object>,
    baselines: Kept<Measure, Baselines>,
    /// By model.
    random_heads: Mutex<HashMap<usize, Arc<RandomHead>>>,
}

impl Measures {
    /// The usual figures, by which maps are put in order, and what the command line names besides.
    pub(super) fn new(args: &ExplainArgs) -> Self {
        let named = args
            .wanted()
            .into_iter()
            .flat_map(|wanted| Metric::NAMES.into_iter().filter(move |(_, metric)| wanted.has(*metric)));
        Self {
            wanted: named.fold(Wanted::usual(), |wanted, (_, metric)| wanted.and(metric)),
            object: args.object(),
            baselines: Kept::new(KEPT_ANSWERS),
            random_heads: Mutex::default(),
        }
    }

    fn random_head(&self, model: usize) -> Arc<RandomHead> {
        let mut heads = self.random_heads.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(heads.entry(model).or_default())
    }
}

impl PipelineAnalyst {
    pub(super) fn measured(&self, explanation: &Explanation, watch: &Watch<'_>) -> Result<Worth, String> {
        let question = &explanation.question;
        let Question { picture, model, ref layers, smooth, .. } = *question;
        let known = self.known(picture, model)?;
        let chosen = self.chosen(question)?;
        let baseline = {
            let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(find(&registry, BASELINE)?)
        };
        let baseline = Chosen { params: Params::defaults(baseline.info()), explainer: baseline };
        let target = Target { class: explanation.class, against: explanation.against };
        let how = How { explainers: &[], signed: false, ..self.how(question) };
        let shape = known.asked.session().input().shape();
        let sides = [shape[2], shape[3]];
        let object = self.measures.object.as_ref().filter(|_| picture == 0);
        let recipe = self.recipe(self.model(model)?);
        let seen = |object: &Object| object.seen(&*self.picture(picture)?, &recipe, sides);
        let object = object.map(seen).transpose()?;
        let measuring = Measuring {
            asked: &known.asked,
            needs: &Needs::default(),
            target: &target,
            how: &how,
            baseline: &baseline,
            wanted: &self.measures.wanted,
            object: object.as_deref(),
            random_head: &self.measures.random_head(model),
            cancel: watch.flag(),
        };
        let key = Measure { picture, model, target: target.clone(), layers: layers.clone(), smooth };
        let baselines = if let Some(known) = self.measures.baselines.get(&key) {
            known
        } else {
            let measured = measuring.baselines().map_err(|problem| problem.to_string())?;
            self.measures.baselines.put(key, measured, 1)
        };
        let map = explanation.shown_map(false);
        let measured = measuring.measure(&chosen, (&map, false), &baselines);
        Ok(worth(&measured.map_err(|problem| problem.to_string())?))
    }
}

/// The figures as the session shows them.
fn worth(measured: &Measured) -> Worth {
    let figures = ROWS.iter().filter_map(|(name, better, value)| {
        Some(Figure {
            name,
            more: (!better.is_empty()).then_some(*better == "higher"),
            own: value(&measured.map)?,
            random: measured.random.as_ref().and_then(value),
            centred: value(&measured.centred)?,
        })
    });
    let curve = |curve: &Option<Curve>| curve.as_ref().map_or_else(Vec::new, |curve| curve.scores.clone());
    Worth {
        figures: figures.collect(),
        faithfulness: measured.map.faithfulness(),
        deletion: curve(&measured.map.deletion),
        insertion: curve(&measured.map.insertion),
        sentence: measured.sentence(),
        cost: measured.cost.unwrap_or_default(),
    }
}
