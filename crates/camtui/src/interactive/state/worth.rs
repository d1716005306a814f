//! What maps are worth, as part of the state: asked for one map or for all tiles of a comparison, kept by question, and the
//! order that follows.

use std::sync::Arc;

use camtui_core::metrics::mean_ranks;

use super::super::action::Effect;
use super::super::analyst::{Explanation, Question, Worth};
use super::super::compare::Compare;
use super::State;

/// Worths that are kept, so that coming back to a map costs nothing.
const KEPT: usize = 64;
/// What is tried for advice, where there is a choice: one pass or a tail's passes, and a map of the class.
const ADVISED: [&str; 4] = ["grad-cam", "layer-cam", "finer-cam", "ablation-cam"];

/// What came of measuring.
#[derive(Clone, Debug)]
pub enum Valued {
    /// This.
    Here(Arc<Worth>),
    /// It could not be done, and why.
    Failed(String),
}

/// The worths of a session so far.
#[derive(Debug, Default)]
pub struct Worths {
    known: Vec<(Question, Valued)>,
    /// What is being measured, or will be.
    asked: Vec<Question>,
}

impl State {
    /// What the map of that answer is worth, once it is measured.
    pub fn worth_of(&self, answer: &Explanation) -> Option<&Valued> {
        self.worths.known.iter().find(|(question, _)| *question == answer.question).map(|(_, valued)| valued)
    }

    /// For each tile of the comparison its rank, 0 being the best, once all that are answered are measured.
    pub fn ranks(&self) -> Option<Vec<Option<usize>>> {
        let compare = self.compare.as_ref().filter(|_| self.measuring)?;
        let mut measured = Vec::new();
        for (tile, answer) in compare.tiles.iter().enumerate() {
            let Some(answer) = answer.explanation() else { continue };
            if let Valued::Here(worth) = self.worth_of(answer)? {
                measured.push((tile, worth));
            }
        }
        let figures: Vec<[f64; 4]> = measured.iter().map(|(_, worth)| worth.faithfulness).collect();
        let mut order: Vec<(f64, &(usize, &Arc<Worth>))> =
            mean_ranks(&figures).into_iter().zip(&measured).collect();
        order.sort_by(|(a, (_, left)), (b, (_, right))| {
            a.total_cmp(b).then_with(|| left.cost.cmp(&right.cost))
        });
        let mut ranks = vec![None; compare.tiles.len()];
        for (rank, (_, (tile, _))) in order.into_iter().enumerate() {
            ranks[*tile] = Some(rank);
        }
        Some(ranks)
    }

    /// Maps are measured from now on, or not any more.
    pub(super) fn toggle_measuring(&mut self) {
        self.measuring = !self.measuring;
        let (shown, hidden) = ("measuring what the map is worth", "maps are not measured any more");
        self.say(if self.measuring { shown } else { hidden });
    }

    /// Compares what suits, and measures all of it.
    pub(super) fn advise(&mut self) -> Vec<Effect> {
        let (others, layers) = self.compared_now();
        if layers.is_empty() {
            self.say("there is nothing to compare before the model has answered");
            return Vec::new();
        }
        let at = |id: &&str| self.catalogue.explainers.iter().position(|info| info.id == **id && !info.gone);
        let mut explainers: Vec<usize> = ADVISED.iter().filter_map(at).collect();
        if explainers.is_empty() {
            explainers = others;
        }
        self.measuring = true;
        let explainers = self.with_params(&explainers);
        let compare = Compare::explainers(&self.question, &self.catalogue, &explainers, &layers);
        self.begin_compare(compare)
    }

    pub(super) fn measured(&mut self, question: Question, result: Result<Arc<Worth>, String>) {
        let valued = match result {
            Ok(worth) => Valued::Here(worth),
            Err(why) => Valued::Failed(camtui_term::sanitise(&why)),
        };
        self.worths.asked.retain(|asked| *asked != question);
        self.worths.known.retain(|(known, _)| *known != question);
        self.worths.known.push((question, valued));
        let excess = self.worths.known.len().saturating_sub(KEPT);
        self.worths.known.drain(..excess);
        let best = self.ranks().and_then(|ranks| ranks.iter().position(|rank| *rank == Some(0)));
        if let (Some(best), Some(compare)) = (best, &mut self.compare)
            && compare.tiles.len() > 1
        {
            compare.cursor = best;
            let (title, count) = (compare.tiles[best].title.clone(), compare.tiles.len());
            self.say(&format!("{title} comes first of {count} in what follows from its figures"));
        }
    }

    /// A library changed: what its maps are worth is not known any more.
    pub(super) fn forget_worths(&mut self) {
        self.worths = Worths::default();
    }

    /// What is seen and not measured yet, if that is something else than what was asked for.
    pub(super) fn ask_to_measure(&mut self) -> Option<Effect> {
        let seen: Vec<Arc<Explanation>> = match &self.compare {
            _ if !self.measuring => Vec::new(),
            Some(compare) => {
                let (there, wanted) = compare.progress();
                let answers =
                    compare.tiles.iter().filter(|_| there == wanted).filter_map(|tile| tile.explanation());
                answers.cloned().collect()
            }
            None if self.working => Vec::new(),
            None => self.explanation().cloned().into_iter().collect(),
        };
        let wanted: Vec<Arc<Explanation>> =
            seen.into_iter().filter(|answer| !answer.unfinished && self.worth_of(answer).is_none()).collect();
        let is_asked = |answer: &Arc<Explanation>| self.worths.asked.contains(&answer.question);
        if !wanted.is_empty() && wanted.iter().all(is_asked)
            || wanted.is_empty() && self.worths.asked.is_empty()
        {
            return None;
        }
        self.worths.asked = wanted.iter().map(|answer| answer.question.clone()).collect();
        Some(Effect::Measure(wanted))
    }
}
