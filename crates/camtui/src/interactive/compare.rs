//! The comparison: several answers about one picture, side by side, filled in as they come.

use std::sync::Arc;

use super::action::Tiled;
use super::analyst::{Catalogue, Class, Explanation, Question, Target};
use super::picture::Encoded;

/// The classes that are compared.
const CLASSES: usize = 6;

/// What differs from tile to tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Explainers and layers.
    Explainers,
    /// Classes.
    Classes,
    /// Models; of two also the difference of their maps.
    Models,
}

/// What is compared, in one picture.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Not begun.
    Waiting,
    /// So much is done, 0…1.
    Working(f32),
    /// There.
    Done(Arc<Tiled>),
    /// It cannot be done, and why.
    Failed(String),
}

/// One tile.
#[derive(Clone, Debug)]
pub struct Tile {
    /// What it shows, in words.
    pub title: String,
    /// What is asked; a tile that shows the difference of the two before it asks nothing.
    pub question: Option<Question>,
    /// What came of it.
    pub answer: Answer,
    /// The answer as a picture, ready for the terminal.
    pub picture: Option<Arc<Encoded>>,
}

impl Tile {
    /// The answer, if there is one.
    pub fn explanation(&self) -> Option<&Arc<Explanation>> {
        match &self.answer {
            Answer::Done(tiled) => Some(&tiled.explanation),
            _ => None,
        }
    }
}

/// A comparison.
#[derive(Clone, Debug)]
pub struct Compare {
    /// Its number; answers for another one are not wanted.
    pub number: u64,
    /// What differs.
    pub kind: Kind,
    /// The tiles, row by row.
    pub tiles: Vec<Tile>,
    /// Tiles that belong side by side; none where any arrangement is as good.
    pub across: Option<usize>,
    /// The tile under the cursor.
    pub cursor: usize,
}

impl Compare {
    /// Explainers (side by side), each with its parameters, on layers (below each other).
    pub fn explainers(
        base: &Question,
        catalogue: &Catalogue,
        explainers: &[(usize, Vec<(String, String)>)],
        layers: &[String],
    ) -> Self {
        let mut tiles = Vec::new();
        for layer in layers {
            for (explainer, params) in explainers {
                let (explainer, params) = (*explainer, params.clone());
                let question = Question { explainer, params, layers: vec![layer.clone()], ..base.clone() };
                let id = &catalogue.explainers[explainer].id;
                tiles.push(Tile::new(format!("{id} · {layer}"), Some(question)));
            }
        }
        Self { number: 0, kind: Kind::Explainers, tiles, across: Some(explainers.len().max(1)), cursor: 0 }
    }

    /// The likeliest classes.
    pub fn classes(base: &Question, explanation: &Explanation) -> Self {
        let tile = |(rank, class): (usize, &super::analyst::Prediction)| {
            let question = Question { target: Target::One(Class::Rank(rank)), ..base.clone() };
            Tile::new(format!("{} {:.1} %", class.label, 100.0 * class.probability), Some(question))
        };
        let tiles: Vec<Tile> = explanation.predictions.iter().take(CLASSES).enumerate().map(tile).collect();
        Self { number: 0, kind: Kind::Classes, across: None, tiles, cursor: 0 }
    }

    /// Models, each at its own default layer and for its own likeliest class, unless a class was chosen by hand.
    pub fn models(base: &Question, catalogue: &Catalogue, models: &[usize]) -> Self {
        let tile = |&model: &usize| {
            let layers = if model == base.model { base.layers.clone() } else { Vec::new() };
            let question = Question { model, layers, ..base.clone() };
            Tile::new(catalogue.models[model].clone(), Some(question))
        };
        let mut tiles: Vec<Tile> = models.iter().map(tile).collect();
        if let [first, second] = models {
            let (a, b) = (&catalogue.models[*first], &catalogue.models[*second]);
            tiles.push(Tile::new(format!("{a} − {b}"), None));
        }
        Self { number: 0, kind: Kind::Models, across: None, tiles, cursor: 0 }
    }

    /// All that is asked, the tile under the cursor first.
    pub fn questions(&self) -> Vec<(usize, Question)> {
        let mut asked: Vec<(usize, Question)> = self
            .tiles
            .iter()
            .enumerate()
            .filter_map(|(at, tile)| tile.question.clone().map(|question| (at, question)))
            .collect();
        asked.sort_by_key(|(at, _)| *at != self.cursor);
        asked
    }

    /// The two answers whose difference a tile shows, once both are there.
    pub fn difference(&self, tile: usize) -> Option<(Arc<Explanation>, Arc<Explanation>)> {
        let is_difference = self.tiles.get(tile).is_some_and(|tile| tile.question.is_none());
        match self.tiles.as_slice() {
            [first, second, ..] if is_difference => {
                Some((Arc::clone(first.explanation()?), Arc::clone(second.explanation()?)))
            }
            _ => None,
        }
    }

    /// The rank correlation of a tile's map with that under the cursor.
    pub fn agreement(&self, tile: usize) -> Option<f32> {
        let ranks = |at: usize| match &self.tiles.get(at)?.answer {
            Answer::Done(tiled) => Some(&tiled.ranks),
            _ => None,
        };
        (tile != self.cursor).then(|| Some(ranks(self.cursor)?.correlation(ranks(tile)?))).flatten()
    }

    /// How many answers have come, and how many are wanted.
    pub fn progress(&self) -> (usize, usize) {
        let asked = self.tiles.iter().filter(|tile| tile.question.is_some());
        let ended = |tile: &&Tile| matches!(tile.answer, Answer::Done(_) | Answer::Failed(_));
        (asked.clone().filter(ended).count(), asked.count())
    }

    /// Moves the cursor, no further than the ends.
    pub fn step(&mut self, by: isize) {
        self.cursor = self.cursor.saturating_add_signed(by).min(self.tiles.len().saturating_sub(1));
    }
}

impl Tile {
    fn new(title: String, question: Option<Question>) -> Self {
        Self { title, question, answer: Answer::Waiting, picture: None }
    }
}
