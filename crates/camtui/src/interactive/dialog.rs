//! What lies over the screen and sees keys first: lists to choose from, forms, prompts, texts. They form a stack; `Esc`
//! closes the topmost.

use super::command::Command;
use super::field::Field;
use super::form::Form;
use super::picker::Picker;

/// What is being chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The class to explain.
    Class,
    /// The class that the explained one is held against.
    Contrast,
    /// The explainer.
    Explainer,
    /// The layer.
    Layer,
    /// The model.
    Model,
    /// The colour map.
    Colormap,
    /// Which explainers are compared.
    ComparedExplainers,
    /// On which layers they are compared.
    ComparedLayers,
}

/// What is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Where to save.
    Save,
    /// What to add to the list.
    Open,
}

/// One of the things that can lie over the screen.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// The keys, scrolled down by so many lines.
    Help(u16),
    /// What was said, scrolled up by so many lines.
    Messages(u16),
    /// The commands, by name.
    Palette(Picker, Vec<Command>),
    /// A list to choose from.
    Choose(Choice, Picker),
    /// The explainer's parameters.
    Parameters(Form),
    /// A line to type.
    Prompt(Prompt, Field),
}

impl Dialog {
    /// Whether both are for the same thing, whatever is typed or chosen in them.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Choose(one, _), Self::Choose(another, _)) => one == another,
            (Self::Prompt(one, _), Self::Prompt(another, _)) => one == another,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}
