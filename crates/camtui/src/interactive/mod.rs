//! The interactive session: a workspace to look into a model, in the terminal.
//!
//! Everything that happens becomes an [`Action`](action::Action); [`State::update`](state::State::update) turns it into a
//! new state and [effects](action::Effect); [`view`] paints the state and decides nothing. What takes time happens on
//! [worker threads](workers) that answer with actions, so keys are always obeyed at once. The computing itself is behind
//! the [`Analyst`] trait, so the whole session runs in tests without a model.
//!
//! Reading order: [`analyst`] (what is asked and answered), [`look`] (how it is drawn), [`command`] and [`keys`] (what can
//! be done), [`action`], [`state`] with its parts [`browser`], [`compare`] and [`dialog`] (lists: [`picker`], [`form`],
//! [`field`]), [`layout`] and [`view`] (what is seen, in the colours of a [`theme`]), [`develop`] and [`picture`] (pixels
//! for the terminal), [`workers`], [`screen`] (the terminal's state and its restoring), [`session`], [`resume`] (what is left for the next one).

pub mod action;
pub mod analyst;
pub mod browser;
mod canvas;
pub mod command;
pub mod compare;
pub mod develop;
pub mod dialog;
pub mod field;
mod files;
pub mod form;
pub mod fuzzy;
pub mod input;
pub mod keys;
pub mod layout;
pub mod look;
pub mod mailbox;
pub mod picker;
pub mod picture;
pub mod rebuilds;
pub mod resume;
pub mod screen;
pub mod session;
pub mod state;
pub mod theme;
pub mod view;
pub mod watcher;
pub mod workers;
pub mod writer;

pub use analyst::Analyst;
pub use session::{Ending, Settings, run};
