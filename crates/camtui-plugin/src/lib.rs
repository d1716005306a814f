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
//!     fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
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
//! `camtui plugin new PATH` makes such a project, with this SDK in it. The examples below use
//! [`testing::FakeSession`], a network made of a few numbers, which is also how a plugin tests its formula.
//!
//! # What a session answers, and in which shapes
//!
//! Tensors are dense and row-major; what belongs to pictures has the batch axis first.
//!
//! ```
//! # use camtui_plugin::{testing::FakeSession, *};
//! # struct Shapes;
//! # impl Explainer for Shapes {
//! #     fn describe() -> Description { Description::new("shapes", "Shapes") }
//! fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
//!     let input = session.input()?;                     // [1, C, H, W]: what the model was given
//!     let logits = session.logits()?;                   // [1, classes]
//!     let seed = session.seed()?;                       // [1, classes]: what is explained is y = Σ seed·logits
//!     let layer = session.layer()?;                     // the user's choice or the model's default
//!     let activation = session.activation(&layer)?;     // [1, K, h, w]
//!     let gradient = session.gradient(&layer)?;         // [1, K, h, w]: ∂y/∂layer
//!     let at_image = session.gradient(Place::Image)?;   // [1, C, H, W]: ∂y/∂image
//!
//!     // The model on inputs of one's own, here one that is all black: [n, C, H, W] to [n, classes].
//!     let black = vec![0.0; input.data().len()];
//!     let changed = session.forward(input.shape(), &black)?;
//!     // And from a layer on, on activations of one's own: [n, K, h, w] to [n, classes].
//!     let from = session.forward_from(&layer, activation.shape(), activation.data())?;
//! #   assert_eq!((input.shape(), logits.shape(), seed.shape()), (&[1, 1, 2, 2][..], &[1, 2][..], &[1, 2][..]));
//! #   assert_eq!((activation.shape(), gradient.shape()), (&[1, 2, 1, 2][..], &[1, 2, 1, 2][..]));
//! #   assert_eq!((at_image.shape(), changed.shape(), from.shape()), (&[1, 1, 2, 2][..], &[1, 2][..], &[1, 2][..]));
//!
//!     // `planes` are the channels, each h × w values.
//!     let mut map = vec![0.0; activation.area()];
//!     for (a, g) in activation.planes().zip(gradient.planes()) {
//!         for (m, (a, g)) in map.iter_mut().zip(a.iter().zip(g)) {
//!             *m += a * g;
//!         }
//!     }
//!     Ok(Map::new(activation.height(), activation.width(), map))
//! }
//! # }
//! # let session = FakeSession::new(2).input([1, 2, 2], [0.0; 4]).image_gradient([0.0; 4]).model(|x| vec![x[0], x[1]])
//! #     .layer("conv", [2, 1, 2], [1.0, 2.0, 3.0, 4.0]).gradient("conv", [1.0, 0.0, 0.0, 1.0]).tail("conv", |_| vec![0.0; 2]);
//! # assert_eq!(session.explain(&Shapes)?.values(), [1.0, 4.0]);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Parameters
//!
//! A [`Param`] has a key, a default, a range and one sentence of help. The command line (`-P sigma=0.2`), the help and
//! the interactive form are made from it, and what arrives has been checked.
//!
//! ```
//! # use camtui_plugin::{testing::FakeSession, *};
//! # struct Blur;
//! # impl Explainer for Blur {
//! fn describe() -> Description {
//!     Description::new("blur", "Blur")
//!         .param(Param::int("steps", 10).range(1..=100).help("how many steps the path has"))
//!         .param(Param::float("sigma", 0.5).range(0.0..=4.0).help("width of the blur in pixels"))
//!         .param(Param::choice("baseline", "mean", ["mean", "black"]).help("what the path begins with"))
//!         .param(Param::bool("absolute", false).help("count both signs"))
//! }
//!
//! fn explain(&self, _session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
//!     let steps = params.int("steps")?;           // i64
//!     let sigma = params.float("sigma")?;         // f64
//!     let baseline = params.choice("baseline")?;  // &str, one of the two
//!     let absolute = params.bool("absolute")?;
//! #   assert_eq!((baseline, absolute), ("black", false));
//!     Ok(Map::new(1, 2, vec![steps as f32, sigma as f32]))
//! }
//! # }
//! # let session = FakeSession::new(1).param("sigma", 0.25).param("baseline", "black");
//! # assert_eq!(session.explain(&Blur)?.values(), [10.0, 0.25]);
//! # assert!(session.param("steps", 0).explain(&Blur).is_err());
//! # Ok::<(), Error>(())
//! ```
//!
//! # Progress and cancelling
//!
//! Whatever runs longer than a tenth of a second calls [`Session::progress`] between its steps and passes on with `?`
//! what it answers, so that it ends when the user wants something else. Calls of the session end so by themselves.
//!
//! ```
//! # use camtui_plugin::{testing::FakeSession, *};
//! # struct Slow;
//! # impl Explainer for Slow {
//! #     fn describe() -> Description { Description::new("slow", "Slow") }
//! fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
//!     let input = session.input()?;
//!     let mut map = vec![0.0; input.area()];
//!     for (at, value) in map.iter_mut().enumerate() {
//!         session.progress(at as f32 / input.area() as f32)?;
//!         let mut masked = input.data().to_vec();
//!         masked[at] = 0.0;
//!         *value = session.logits()?.data()[0] - session.forward(input.shape(), &masked)?.data()[0];
//!     }
//!     Ok(Map::new(input.height(), input.width(), map))
//! }
//! # }
//! let session = FakeSession::new(1).input([1, 1, 2], [1.0, 2.0]).model(|x| vec![3.0 * x[0] + x[1]]);
//! assert_eq!(session.explain(&Slow)?.values(), [3.0, 2.0]);
//! assert_eq!(session.cancel_at(0.5).explain(&Slow), Err(Error::Cancelled));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Random numbers
//!
//! The same `--seed` gives the same map, so numbers come from the session: [`Session::random`], or
//! [`Session::random_seed`] for a generator of one's own.
//!
//! ```
//! # use camtui_plugin::{testing::FakeSession, *};
//! # struct Lots;
//! # impl Explainer for Lots {
//! #     fn describe() -> Description { Description::new("lots", "Lots") }
//! fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
//!     let mut random = session.random();
//!     Ok(Map::new(1, 3, vec![random.normal() as f32, random.unit() as f32, random.below(10) as f32]))
//! }
//! # }
//! let first = FakeSession::new(1).random_seed(1).explain(&Lots)?;
//! assert_eq!(FakeSession::new(1).random_seed(1).explain(&Lots)?, first);
//! assert_ne!(FakeSession::new(1).random_seed(2).explain(&Lots)?, first);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Errors
//!
//! `?` passes on why a call of the session failed. A sentence of one's own says what was tried, what is wrong and what
//! to do; camtui adds the plugin's name. [`Error::NotSupported`] is for what the method cannot do with this model. A
//! panic in `explain` is caught on the plugin's side and becomes its error.
//!
//! ```
//! # use camtui_plugin::{testing::FakeSession, *};
//! # struct OneClass;
//! # impl Explainer for OneClass {
//! #     fn describe() -> Description { Description::new("one-class", "One class") }
//! fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
//!     let class = session.target().ok_or("it explains a class, not a contrast; take a target without `~`")?;
//!     let head = session.linear_head()?; // NotSupported for a network that does not end so
//!     Ok(Map::new(1, 1, vec![head.weights.data()[class]]))
//! }
//! # }
//! let contrast = FakeSession::new(2).seed([1.0, -1.0]).explain(&OneClass).unwrap_err();
//! assert!(contrast.to_string().contains("not a contrast"));
//! assert!(matches!(FakeSession::new(2).explain(&OneClass), Err(Error::NotSupported(_))));
//! ```
//!
//! # Several explainers, further maps, notes
//!
//! `export!(A, B)` lists the explainers of a library; the first is what `--plugin` alone shows. Values in the list may
//! hold what distinguishes them. Beside its map an explainer may give further maps by name and sentences that help to
//! read it, and say which layer it is of:
//!
//! ```
//! # use camtui_plugin::{testing::FakeSession, *};
//! struct Mean;
//! struct Spread;
//! # impl Explainer for Mean {
//! #     fn describe() -> Description { Description::new("mean", "Mean") }
//! fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> {
//!     let first = session.layers()?.into_iter().next().ok_or("this model has no layers")?;
//!     let a = session.activation(&first)?;
//!     let mean: Vec<f32> = a.planes().map(|plane| plane.iter().sum::<f32>() / plane.len() as f32).collect();
//!     let deviation = vec![0.0; mean.len()];
//!     Ok(Map::new(1, mean.len(), mean.clone())
//!         .with_channel("deviation", 1, mean.len(), deviation)
//!         .with_note("one value a channel")
//!         .of_layer(&first))
//! }
//! # }
//! # impl Explainer for Spread {
//! #     fn describe() -> Description { Description::new("spread", "Spread") }
//! #     fn explain(&self, session: &Session<'_>, _params: &Params<'_>) -> Result<Map, Error> { Mean.explain(session, _params) }
//! # }
//!
//! camtui_plugin::export!(Mean, Spread);
//! # fn main() -> Result<(), Error> {
//! # let map = FakeSession::new(1).layer("conv", [2, 1, 2], [1.0, 3.0, 5.0, 5.0]).explain(&Mean)?;
//! # assert_eq!((map.values(), map.notes().len()), (&[2.0, 5.0][..], 1));
//! # assert_eq!(map.channel("deviation"), Some((1, 2, &[0.0, 0.0][..])));
//! # Ok(())
//! # }
//! ```
//!
//! # What lies underneath
//!
//! A C interface ([`abi`], `include/camtui_plugin.h`), so that a plugin may be built by another compiler, in another
//! language, years later. The header says which thread may call what, who owns each pointer and how long it lives; the
//! SDK keeps these promises for its users.

pub mod abi;
mod describe;
mod entry;
mod error;
mod map;
mod panics;
mod params;
mod random;
mod session;
pub mod testing;

pub use describe::{Bounds, Description, Param};
#[doc(hidden)]
pub use entry::{Bundle, Registered, entry_of, registered};
pub use error::Error;
pub use map::Map;
pub use params::Params;
pub use random::Random;
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
