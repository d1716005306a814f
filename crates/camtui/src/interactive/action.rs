//! The session's vocabulary: everything that can happen to it, and everything that it can cause.

use std::path::PathBuf;
use std::sync::Arc;

use camtui_core::heatmap::Ranks;
use crossterm::event::MouseEvent;

use super::analyst::{Explanation, NewPicture, PictureId, Prediction, Question, Reloaded, Saving, Worth};
use super::command::Command;
use super::develop::Scene;
use super::keys::Key;
use super::picture::Encoded;

/// A place on the screen that holds a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// The large one.
    Main,
    /// A tile of the comparison.
    Tile(usize),
    /// A thumbnail in the list.
    Thumbnail(PictureId),
}

/// An answer for a tile of the comparison.
#[derive(Clone, Debug)]
pub struct Tiled {
    /// The answer.
    pub explanation: Arc<Explanation>,
    /// Its map's ranks, for comparing it with the others.
    pub ranks: Ranks,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum Action {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// A command was chosen, by a key or otherwise.
    Command(Command),
    /// The terminal has another size in cells.
    Resized(u16, u16),
    /// The session has the terminal again after a suspension.
    Resumed,
    /// How much of a question is answered, 0…1. The number is that of the [`Effect::Explain`].
    Progress(u64, f32),
    /// The answer to a question as far as it has come. The number is that of the [`Effect::Explain`].
    Converging(u64, Arc<Explanation>),
    /// A question was answered, or could not be. The number is that of the [`Effect::Explain`] it answers.
    Explained(u64, Result<Arc<Explanation>, String>),
    /// A picture was made ready for the terminal. The number is that of the [`Effect::Develop`] it answers.
    Developed(Slot, u64, Result<Arc<Encoded>, String>),
    /// A tile of the comparison of that number is being computed, 0…1.
    TileProgress(u64, usize, f32),
    /// A tile of the comparison of that number was answered.
    TileExplained(u64, usize, Result<Arc<Tiled>, String>),
    /// A picture of the list was classified. The number is that of the [`Effect::Predict`].
    Predicted(u64, PictureId, Result<Arc<[Prediction]>, String>),
    /// An answer to this was measured, or could not be.
    Measured(Box<Question>, Result<Arc<Worth>, String>),
    /// New pictures were found, because they were asked for (true) or because a folder has changed.
    Opened(bool, Result<Vec<NewPicture>, String>),
    /// A folder that is watched has changed.
    FolderChanged,
    /// The file of the library of that number has changed.
    LibraryChanged(usize),
    /// A library that was rebuilt is in use, or cannot be used.
    Reloaded(Result<Reloaded, String>),
    /// Files were written.
    Saved(Result<Vec<String>, String>),
    /// A result as JSON.
    Json(String),
    /// Something to be told.
    Said(String),
}

/// What an action causes outside the state.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answer this; whatever is being answered is no longer wanted.
    Explain(u64, Question),
    /// Give up what is being answered.
    Cancel,
    /// Make this ready for an area of so many cells; an older one for the same slot is no longer wanted.
    Develop(Slot, u64, Box<Scene>, (u16, u16)),
    /// Answer these for the comparison of that number, in this order, when nothing more urgent is to be done; what was
    /// left of an older comparison is no longer wanted.
    Tiles(u64, Vec<(usize, Question)>),
    /// Classify these with a model when nothing more urgent is to be done; an older list is no longer wanted.
    Predict(u64, Vec<PictureId>, usize),
    /// Measure these when nothing more urgent is to be done; others are no longer wanted.
    Measure(Vec<Arc<Explanation>>),
    /// These will probably be asked about next.
    Prefetch(Vec<PictureId>, usize),
    /// Make these thumbnails for an area of so many cells each; an older list is no longer wanted.
    Thumbnails(Vec<PictureId>, (u16, u16)),
    /// Add what a path leads to, or what is new in the folders.
    Open(Option<PathBuf>),
    /// Use the library of that number anew.
    Reload(usize),
    /// Write files.
    Save(Box<Saving>),
    /// Make JSON of a result.
    Json(Arc<Explanation>),
    /// Put a text into the clipboard.
    Copy(String),
    /// Clear the screen, so that everything is painted anew.
    Clear,
    /// Stop the process until it is continued.
    Suspend,
    /// End the session.
    Quit,
    /// End the session as interrupted.
    Interrupt,
}
