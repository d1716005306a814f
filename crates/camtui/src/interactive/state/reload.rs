//! A library that was rebuilt while the session runs: what is on screen is asked anew, what was set is kept where it
//! still fits.

use super::super::analyst::{ExplainerInfo, Question, Reloaded};
use super::super::compare::Kind;
use super::super::dialog::Dialog;
use super::super::form::{self, Form};
use super::{Effect, State};

impl State {
    /// The new version is there, or could not be used: then all stays as it is, and the user is told why.
    pub(super) fn reloaded(&mut self, result: Result<Reloaded, String>) -> Vec<Effect> {
        let Reloaded { explainers, changed, instead, said } = match result {
            Ok(reloaded) => reloaded,
            Err(why) => {
                self.complain(&[why]);
                return Vec::new();
            }
        };
        self.forget_worths();
        let before = std::mem::replace(&mut self.catalogue.explainers, explainers);
        let mut compared = std::mem::take(&mut self.compared.0);
        compared.retain(|at| !self.is_gone(*at));
        self.compared.0 = compared;
        let asked = self.question.explainer;
        let lost = if changed.contains(&asked) { self.drop_unfit() } else { Vec::new() };
        self.forget_unfit();
        if self.is_gone(asked) {
            self.question.explainer = instead;
            self.question.params = self.params.get(&instead).cloned().unwrap_or_default();
            let id = |explainers: &[ExplainerInfo], at: usize| {
                explainers.get(at).map_or_else(String::new, |info| info.id.clone())
            };
            let (old, new) = (id(&before, asked), id(&self.catalogue.explainers, instead));
            self.say(&format!("{old} is gone from its library; {new} is shown instead"));
        }
        for text in said.iter().chain(&lost) {
            self.say(text);
        }
        self.renew_form(&changed);
        let mut effects = Vec::new();
        if asked != self.question.explainer || changed.contains(&asked) {
            effects.extend(self.explain());
        }
        effects.extend(self.compare_renewed(&changed));
        effects
    }

    pub(super) fn is_gone(&self, explainer: usize) -> bool {
        self.catalogue.explainers.get(explainer).is_none_or(|info| info.gone)
    }

    /// Takes from the question what the new version does not take; what that was, in sentences.
    fn drop_unfit(&mut self) -> Vec<String> {
        let Some(info) = self.catalogue.explainers.get(self.question.explainer) else { return Vec::new() };
        let (fit, lost): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.question.params).into_iter().partition(|pair| fits(info, pair));
        let told = |(key, value): &(String, String)| format!("{} no longer takes {key}={value}", info.id);
        let lost = lost.iter().map(told).collect();
        self.question.params = fit;
        lost
    }

    /// The same for questions that may be asked again.
    fn forget_unfit(&mut self) {
        let explainers = &self.catalogue.explainers;
        let is_there =
            |question: &Question| explainers.get(question.explainer).is_some_and(|info| !info.gone);
        for changes in [&mut self.done, &mut self.undone] {
            changes.retain(|change| is_there(&change.question));
            for Question { explainer, params, .. } in changes.iter_mut().map(|change| &mut change.question) {
                params.retain(|pair| fits(&explainers[*explainer], pair));
            }
        }
        for (explainer, params) in &mut self.params {
            params.retain(|pair| explainers.get(*explainer).is_some_and(|info| fits(info, pair)));
        }
    }

    /// A form that is open is the new version's, or closed.
    fn renew_form(&mut self, changed: &[usize]) {
        let at = self.question.explainer;
        let Some(info) = self.catalogue.explainers.get(at) else { return };
        if !self
            .dialogs
            .iter()
            .any(|dialog| matches!(dialog, Dialog::Parameters(form) if form.explainer != info.id))
            && !changed.contains(&at)
        {
            return;
        }
        let fresh = Form::new(info, &self.question.params);
        if info.params.is_empty() {
            self.dialogs.retain(|dialog| !matches!(dialog, Dialog::Parameters(_)));
        }
        for dialog in &mut self.dialogs {
            if let Dialog::Parameters(form) = dialog {
                let cursor = form.cursor.min(fresh.rows.len().saturating_sub(1));
                *form = Form { cursor, ..fresh.clone() };
            }
        }
    }

    /// The comparison anew, where it shows something of what changed.
    fn compare_renewed(&mut self, changed: &[usize]) -> Vec<Effect> {
        let touched =
            |question: &Question| changed.contains(&question.explainer) || self.is_gone(question.explainer);
        let Some(compare) = &self.compare else { return Vec::new() };
        if !compare.tiles.iter().filter_map(|tile| tile.question.as_ref()).any(touched) {
            return Vec::new();
        }
        let (kind, cursor) = (compare.kind, compare.cursor);
        let effects = match kind {
            Kind::Explainers => self.compare_explainers(),
            Kind::Models => self.compare_models(),
            Kind::Classes => self.compare_classes(),
        };
        if let Some(compare) = &mut self.compare {
            compare.cursor = cursor.min(compare.tiles.len().saturating_sub(1));
        }
        effects
    }
}

/// Whether the explainer takes this parameter with this value.
fn fits(info: &ExplainerInfo, (key, value): &(String, String)) -> bool {
    info.params.iter().any(|param| param.key == *key && form::takes(&param.kind, value))
}
