//! A rebuilt library in the session's terms.

use std::sync::PoisonError;

use camtui_term::sanitise;

use super::answer::PipelineAnalyst;
use crate::interactive::analyst::{ExplainerInfo, Reloaded};

impl PipelineAnalyst {
    /// Puts the rebuilt library in the place of the old one.
    pub(super) fn renew(&self, library: usize) -> Result<Option<Reloaded>, String> {
        let Some(renewed) = self.reloading.again(library)? else { return Ok(None) };
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        let mut reloaded = Reloaded::default();
        if let Some(library) = renewed.library {
            let place = registry.libraries().iter().position(|known| *known.origin() == renewed.was);
            let place = place.ok_or("the library is not in the registry")?;
            let replaced = registry.replace(place, library);
            reloaded.instead = replaced.renewed.iter().chain(&replaced.added).min().copied().unwrap_or(0);
            reloaded.changed = replaced.renewed;
            reloaded.said = replaced.notices.iter().map(|notice| sanitise(notice)).collect();
        }
        reloaded.said.push(renewed.told);
        drop(registry);
        reloaded.explainers = self.explainer_infos();
        Ok(Some(reloaded))
    }

    /// All explainers, by their places.
    pub(super) fn explainer_infos(&self) -> Vec<ExplainerInfo> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let info = |(at, (id, explainer)): (usize, (&str, &std::sync::Arc<camtui_host::Explainer>))| {
            ExplainerInfo { gone: registry.is_gone(at), ..super::catalogue::explainer(id, explainer.info()) }
        };
        registry.explainers().enumerate().map(info).collect()
    }

    /// The id by which the explainer at this place is found.
    pub(super) fn explainer_id(&self, place: usize) -> Option<String> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        registry.explainers().nth(place).map(|(id, _)| id.to_owned())
    }
}
