//! The interactive session (cut down while its parts are written).

pub mod action;
pub mod analyst;
pub mod browser;
pub mod command;
pub mod compare;
pub mod develop;
pub mod dialog;
pub mod field;
pub mod form;
pub mod fuzzy;
pub mod keys;
pub mod layout;
pub mod look;
pub mod picker;
pub mod picture;
pub mod screen;
pub mod state;
pub mod theme;
pub mod view;
