//! The interactive session: pictures with their heat maps, in the terminal, one at a time.
//!
//! Everything that happens becomes an [`Action`](action::Action); [`State::update`](state::State::update) turns it into a
//! new state and [effects](action::Effect); [`view`] paints the state and decides nothing. What takes time happens on
//! [worker threads](workers) that answer with actions, so keys are always obeyed at once. The computing itself is behind
//! the [`Analyst`] trait, so the whole session runs in tests without a model.
//!
//! Reading order: [`analyst`] (what is computed), [`action`], [`keys`], [`state`], [`layout`] and [`view`] (what is seen),
//! [`picture`] (pixels for the terminal), [`workers`], [`screen`] (the terminal's state and its restoring), [`session`].

pub mod action;
pub mod analyst;
pub mod hangup;
pub mod keys;
pub mod layout;
pub mod picture;
pub mod screen;
pub mod session;
pub mod state;
pub mod view;
pub mod workers;

pub use analyst::{Analyst, Prediction, Request, Target, View};
pub use session::{Ending, run};
