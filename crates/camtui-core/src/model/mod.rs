//! A model that runs, and one picture's questions to it.
//!
//! [`open`] finds or makes the exported gradient graph of what the user named and keeps it in a cache; [`Network`]
//! compiles the parts of that graph that are needed; a [`Session`] holds one input and answers with logits,
//! activations and gradients, each computed once, and with what the network makes of other inputs and activations.

mod again;
mod cache;
mod convert;
pub(crate) mod double;
mod elsewhere;
mod error;
mod fused;
mod network;
mod open;
mod parts;
mod plan;
mod random_head;
mod session;
mod weights;

pub use cache::{Cache, CacheError};
pub use convert::ConvertError;
pub use error::ModelError;
pub use fused::instructions;
pub use network::{Convolutions, IMAGE, Needs, Network, Schedule};
pub use open::{ModelSource, OpenError, Opened, Variant, open};
pub use session::{Session, Spent};
pub use weights::Head;
