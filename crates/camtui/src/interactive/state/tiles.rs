//! The comparison as part of the state: begun, filled in, looked through, left.

use std::sync::Arc;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::super::action::{Slot, Tiled};
use super::super::command::Command;
use super::super::compare::{Answer, Compare, Kind};
use super::super::develop::Scene;
use super::super::keys::Key;
use super::super::layout::{Grid, TileArea};
use super::{Effect, Encoded, State};

/// How many explainers are compared unless others are chosen.
const EXPLAINERS: usize = 4;

impl State {
    /// Where the tiles are, and which row of them is at the top.
    pub fn grid(&self) -> Option<(Grid, usize)> {
        let compare = self.compare.as_ref()?;
        let (area, count) = (self.areas()?.picture, compare.tiles.len());
        let grid = match compare.across {
            Some(across) => Grid::new(area, count, across),
            None => Grid::roomiest(area, count),
        };
        Some((grid, grid.first_row(compare.cursor)))
    }

    /// Where a tile is, if it is on screen.
    pub fn tile_area(&self, tile: usize) -> Option<TileArea> {
        let (grid, first) = self.grid()?;
        grid.tile(tile, first)
    }

    /// Explainers and layers to compare: those that were chosen, or a few that suit.
    pub(super) fn compared_now(&self) -> (Vec<usize>, Vec<String>) {
        let (mut explainers, mut layers) = self.compared.clone();
        let known: Vec<String> = self.valid_layers().into_iter().map(|layer| layer.name).collect();
        layers.retain(|layer| known.contains(layer));
        if explainers.is_empty() {
            explainers.push(self.question.explainer);
            let quick = |at: &usize| {
                let info = &self.catalogue.explainers[*at];
                !info.slow && !info.gone && *at != self.question.explainer
            };
            let mut others: Vec<usize> = (0..self.catalogue.explainers.len()).filter(quick).collect();
            // Those that follow the class first, on any layer: that is what differs most from model to model.
            others.sort_by_key(|&at| !self.catalogue.explainers[at].gradients);
            explainers.extend(others.into_iter().take(EXPLAINERS - 1));
            explainers.sort_unstable();
        }
        if layers.is_empty() {
            let now = self.layer().and_then(|name| known.iter().position(|layer| *layer == name));
            let now = now.unwrap_or(known.len().saturating_sub(1));
            layers.extend(known.get(now).cloned());
            layers.extend(self.finer_layer(now));
        }
        (explainers, layers)
    }

    /// The explainers of the command line, once the first of them has answered: side by side on its layer, unless others are
    /// named.
    pub(super) fn compare_at_first(&mut self) -> Vec<Effect> {
        let Some(shown) = self.explanation().filter(|_| self.compare_explainers_first && !self.working)
        else {
            return Vec::new();
        };
        let layers = shown.layers.clone();
        self.compare_explainers_first = false;
        if self.compared.1.is_empty() {
            // Of one that explains the picture itself there is none: the model's default.
            self.compared.1 = if layers.is_empty() { self.layer().into_iter().collect() } else { layers };
        }
        self.compare_explainers()
    }

    /// Explainers with the parameters that were set for them.
    pub(super) fn with_params(&self, explainers: &[usize]) -> Vec<(usize, Vec<(String, String)>)> {
        let of = |at: usize| {
            let own = (at == self.question.explainer).then_some(&self.question.params);
            own.or_else(|| self.params.get(&at)).cloned().unwrap_or_default()
        };
        explainers.iter().map(|&at| (at, of(at))).collect()
    }

    /// Towards the picture, the last layer of the nearest finer resolution: by the shortest names, as those are the network's
    /// own stages and blocks.
    fn finer_layer(&self, now: usize) -> Option<String> {
        let layers = self.valid_layers();
        let height = |at: usize| layers[at].shape.get(1).copied().unwrap_or(0);
        let before = 0..now.min(layers.len());
        let finer = before.clone().rev().map(height).find(|&other| other > height(now))?;
        let depth = |at: &usize| layers[*at].name.matches('.').count();
        let at = before.filter(|&at| height(at) == finer).rev().min_by_key(depth)?;
        Some(layers[at].name.clone())
    }

    pub(super) fn compare_explainers(&mut self) -> Vec<Effect> {
        let (explainers, layers) = self.compared_now();
        if layers.is_empty() {
            self.say("there is nothing to compare before the model has answered");
            return Vec::new();
        }
        let explainers = self.with_params(&explainers);
        let compare = Compare::explainers(&self.question, &self.catalogue, &explainers, &layers);
        self.begin_compare(compare)
    }

    pub(super) fn compare_classes(&mut self) -> Vec<Effect> {
        let Some(shown) = self.explanation() else {
            self.say("there is nothing to compare before the model has answered");
            return Vec::new();
        };
        let compare = Compare::classes(&self.question, shown);
        self.begin_compare(compare)
    }

    pub(super) fn compare_models(&mut self) -> Vec<Effect> {
        let count = self.catalogue.models.len();
        if count < 2 {
            self.say("there is one model only; -m A -m B brings two");
            return Vec::new();
        }
        // Those of the command line, or the one in use and the next.
        let models: Vec<usize> = if self.compared_models > 1 {
            (0..self.compared_models).collect()
        } else {
            vec![self.question.model, (self.question.model + 1) % count]
        };
        let compare = Compare::models(&self.question, &self.catalogue, &models);
        self.begin_compare(compare)
    }

    pub(super) fn begin_compare(&mut self, mut compare: Compare) -> Vec<Effect> {
        self.comparing += 1;
        compare.number = self.comparing;
        let effects = vec![Effect::Tiles(self.comparing, compare.questions())];
        self.compare = Some(compare);
        self.crosshair = None;
        effects
    }

    /// The same comparison for another picture, class or parameter.
    pub(super) fn compare_again(&mut self) -> Vec<Effect> {
        let Some(old) = self.compare.take() else { return Vec::new() };
        let effects = match old.kind {
            Kind::Explainers => self.compare_explainers(),
            Kind::Models => self.compare_models(),
            // Which classes are likeliest is not known yet.
            Kind::Classes => self.stop_compare(),
        };
        if let Some(compare) = &mut self.compare {
            compare.cursor = old.cursor.min(compare.tiles.len().saturating_sub(1));
        }
        effects
    }

    /// What is not answered yet is given up.
    pub(super) fn stop_compare(&mut self) -> Vec<Effect> {
        self.comparing += 1;
        let number = self.comparing;
        if let Some(compare) = &mut self.compare {
            compare.number = number;
            for tile in &mut compare.tiles {
                if matches!(tile.answer, Answer::Waiting | Answer::Working(_)) && tile.question.is_some() {
                    tile.answer = Answer::Failed("stopped".to_owned());
                }
            }
        }
        vec![Effect::Tiles(number, Vec::new())]
    }

    pub(super) fn leave_compare(&mut self) -> Vec<Effect> {
        let mut effects = self.stop_compare();
        self.compare = None;
        effects.extend(self.develop());
        effects
    }

    /// Keys that mean something else while tiles are compared.
    pub(super) fn compare_key(&mut self, key: Key) -> Option<Vec<Effect>> {
        if key.plain() == Some(KeyCode::Enter) {
            return Some(self.open_tile());
        }
        // Another class or explainer is a matter of tiles here.
        let by = match self.keymap.command(key) {
            Some(Command::NextClass) => 1,
            Some(Command::PreviousClass) => -1,
            _ => return None,
        };
        self.compare.as_mut()?.step(by);
        Some(Vec::new())
    }

    /// The tile under the cursor becomes the question.
    pub(super) fn open_tile(&mut self) -> Vec<Effect> {
        let Some(compare) = &self.compare else { return Vec::new() };
        let Some(question) = compare.tiles.get(compare.cursor).and_then(|tile| tile.question.clone()) else {
            self.say("a difference has no question of its own; choose one of the models");
            return Vec::new();
        };
        self.remember();
        let mut effects = self.leave_compare();
        self.question = question;
        effects.extend(self.explain());
        effects
    }

    pub(super) fn tile_progress(&mut self, number: u64, tile: usize, done: f32) {
        if let Some(compare) = self.compare.as_mut().filter(|compare| compare.number == number)
            && let Some(tile) = compare.tiles.get_mut(tile)
        {
            tile.answer = Answer::Working(done);
        }
    }

    pub(super) fn tile_explained(
        &mut self,
        number: u64,
        tile: usize,
        result: Result<Arc<Tiled>, String>,
    ) -> Vec<Effect> {
        let Some(compare) = self.compare.as_mut().filter(|compare| compare.number == number) else {
            return Vec::new();
        };
        let Some(at) = compare.tiles.get_mut(tile) else { return Vec::new() };
        let complaints =
            result.as_ref().map_or_else(|_| Vec::new(), |tiled| tiled.explanation.complaints.clone());
        at.answer = match result {
            Ok(tiled) => Answer::Done(tiled),
            Err(why) => Answer::Failed(camtui_term::sanitise(&why)),
        };
        let differences: Vec<usize> =
            (0..compare.tiles.len()).filter(|&at| at != tile && compare.difference(at).is_some()).collect();
        let mut effects: Vec<Effect> = self.develop_tile(tile).into_iter().collect();
        effects.extend(differences.into_iter().filter_map(|at| self.develop_tile(at)));
        self.complain(&complaints);
        effects
    }

    pub(super) fn tile_developed(&mut self, tile: usize, result: Result<Arc<Encoded>, String>) {
        if let Some(tile) = self.compare.as_mut().and_then(|compare| compare.tiles.get_mut(tile)) {
            match result {
                Ok(picture) => tile.picture = Some(picture),
                Err(why) => tile.answer = Answer::Failed(camtui_term::sanitise(&why)),
            }
        }
    }

    /// Every tile on screen whose answer is there, drawn anew.
    pub(super) fn develop_tiles(&self) -> Vec<Effect> {
        let count = self.compare.as_ref().map_or(0, |compare| compare.tiles.len());
        (0..count).filter_map(|tile| self.develop_tile(tile)).collect()
    }

    fn develop_tile(&self, tile: usize) -> Option<Effect> {
        let compare = self.compare.as_ref()?;
        // All tiles are of one size, so one that is not on screen is made as the first is.
        let (grid, first) = self.grid()?;
        let area = grid.tile(tile, first).or_else(|| grid.tile(first * grid.across, first))?.picture;
        let (explanation, minus) = if let Some((explanation, other)) = compare.difference(tile) {
            (explanation, Some(other))
        } else {
            (Arc::clone(compare.tiles.get(tile)?.explanation()?), None)
        };
        let scene = Scene { explanation, minus, look: self.look, crosshair: None };
        let Rect { width, height, .. } = area;
        Some(Effect::Develop(Slot::Tile(tile), compare.number, Box::new(scene), (width, height)))
    }
}
