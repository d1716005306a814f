//! A model that runs, and one picture's questions to it.
//!
//! [`open`] finds or makes the exported gradient graph of what the user named and keeps it in a cache; [`Network`]
//! compiles the parts of that graph that are needed; a [`Session`] holds one input and answers with logits,
//! activations and gradients, each computed once.

mod cache;
mod convert;
mod network;
mod open;
mod plan;
mod session;

pub use cache::{Cache, CacheError};
pub use convert::ConvertError;
pub use network::{Head, IMAGE, ModelError, Needs, Network, Schedule};
pub use open::{ModelSource, OpenError, Opened, open};
pub use session::{Session, Spent};
