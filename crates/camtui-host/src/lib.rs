//! Finds, checks and runs explainers: the other side of `camtui-plugin`.
//!
//! A library comes in by [`Library::bundled`] (linked into the program), by [`Library::isolated`] (a file that runs in
//! a process of its own, see [`isolate`]) or by [`Library::load`] (the same in this process), after [`search`] found
//! it, [`trust`] let it pass and [`inspect`] looked into it without running it. Its explainers
//! describe themselves ([`ExplainerInfo`], checked) and are kept in a [`Registry`]. [`run`] gives one of them a
//! session over a [`Backend`] (which the program implements over its model) and checks what comes back.
//!
//! This crate knows nothing of models, pictures or terminals. Nothing a plugin says is trusted: texts are
//! checked and stripped of control characters, sizes and values are checked, and each refusal is one
//! sentence.

mod backend;
pub mod check;
mod collect;
mod describe;
pub mod heap;
pub mod inspect;
pub mod isolate;
mod library;
mod load;
mod params;
mod registry;
pub mod reload;
mod run;
pub mod search;
mod serve;
mod text;
pub mod trust;

pub use backend::{Answer, Array, Backend, BackendError, Batch, Layer, LinearHead, Place};
pub use camtui_plugin::{Level, Rule, abi::Entry};
pub use collect::{Channel, Grid, Output, SinkError, Terms};
pub use describe::{DescribeError, ExplainerInfo, Needs, ParamInfo, ParamKind};
pub use inspect::InspectError;
pub use isolate::Isolation;
pub use library::{Explainer, Library, Origin, on_log};
pub use load::LoadError;
pub use params::{ParamError, ParamValue, Params};
pub use registry::{FindError, Registry, Replaced};
pub use run::{ExplainError, Partials, Request, run};
pub use text::clean;
pub use trust::{Asked, TrustError};
