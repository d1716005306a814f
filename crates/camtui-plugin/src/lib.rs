//! The explainer interface of camtui, from the side of a plugin.
//!
//! An explainer turns what a network computed for one picture into a small map of what mattered. Implement
//! [`Explainer`], list the implementations in [`export!`], build the crate as a `cdylib`, and camtui loads it:
//!
//! ```
//! use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};
//!
//! struct Energy;
//!
//! impl Explainer for Energy {
//!     fn describe() -> Description {
//!         Description::new("energy", "Energy").summary("Sum of squared activations").needs_activations().class_agnostic()
//!     }
//!
//!     fn explain(&self, session: &Session, _params: &Params) -> Result<Map, Error> {
//!         let layer = session.layer()?;
//!         let activation = session.activation(&layer)?; // [1, K, h, w]
//!         let mut map = vec![0.0; activation.area()];
//!         for plane in activation.planes() {
//!             map.iter_mut().zip(plane).for_each(|(m, a)| *m += a * a);
//!         }
//!         Ok(Map::new(activation.height(), activation.width(), map))
//!     }
//! }
//!
//! camtui_plugin::export!(Energy);
//! # fn main() {}
//! ```
//!
//! Underneath lies a C interface ([`abi`], `include/camtui_plugin.h`), so that a plugin may be built by
//! another compiler, in another language, years later. A panic inside `explain` is caught on the plugin's
//! side and becomes the explainer's error.

pub mod abi;
mod describe;
mod entry;
mod error;
mod map;
mod panics;
mod params;
mod session;

pub use describe::{Bounds, Description, Param};
#[doc(hidden)]
pub use entry::{Bundle, Registered, entry_of, registered};
pub use error::Error;
pub use map::Map;
pub use params::Params;
pub use session::{Layer, Level, LinearHead, Place, Rule, Session, View};

/// One way to explain a decision.
///
/// One value serves all calls, which may come from several threads at once; what a call needs it makes anew.
pub trait Explainer: Send + Sync + 'static {
    /// What it is and what can be set. Called once, with no model at hand.
    fn describe() -> Description
    where
        Self: Sized;

    /// The map of `session`'s target, at the resolution of a layer. Where the [`Description`] says
    /// [`rectify`](Description::rectify), this is the map *before* its outermost ReLU.
    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error>;
}
