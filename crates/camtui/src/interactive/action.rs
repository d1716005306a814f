//! The session's vocabulary: everything that can happen to it, and everything that it can cause.

use std::sync::Arc;

use super::analyst::{Request, View};
use super::picture::Encoded;

/// What a key can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Go to the next picture, or from the last one to the first.
    NextPicture,
    /// Go to the picture before.
    PreviousPicture,
    /// Explain the next likely class.
    NextClass,
    /// Explain the class that is a little likelier.
    PreviousClass,
    /// Show or hide the keys.
    Help,
    /// Close the help, or give up what is being computed. Never quits.
    Close,
    /// Paint everything anew.
    Redraw,
    /// Hand the terminal back to the shell until the job is continued.
    Suspend,
    /// Leave.
    Quit,
    /// Leave as an interrupted program does.
    Interrupt,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum Action {
    /// A key was pressed.
    Command(Command),
    /// The terminal has another size in cells.
    Resized(u16, u16),
    /// The session has the terminal again after a suspension.
    Resumed,
    /// A picture was explained, or could not be. The number is that of the [`Effect::Explain`] it answers.
    Explained(u64, Result<Arc<View>, String>),
    /// A picture was made ready for the terminal. The number is that of the [`Effect::Encode`] it answers.
    Encoded(u64, Result<Arc<Encoded>, String>),
}

/// What an action causes outside the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Compute this; whatever is being computed is no longer wanted.
    Explain(u64, Request),
    /// Give up what is being computed.
    Cancel,
    /// Make this ready for an area of so many cells.
    Encode(u64, Arc<View>, (u16, u16)),
    /// Clear the screen, so that everything is painted anew.
    Clear,
    /// Stop the process until it is continued.
    Suspend,
    /// End the session.
    Quit,
    /// End the session as interrupted.
    Interrupt,
}
