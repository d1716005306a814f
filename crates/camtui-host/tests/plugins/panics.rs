//! A plugin whose panics happen on its own side, with its own copy of the standard library.

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

struct Panics;
struct InDrop;
struct Descriptionless;

impl Explainer for Panics {
    fn describe() -> Description {
        Description::new("panics", "Panics")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        panic!("out of luck")
    }
}

impl Drop for InDrop {
    fn drop(&mut self) {
        panic!("while dropping the payload")
    }
}

/// A payload that panics again when it is dropped.
impl Explainer for InDrop {
    fn describe() -> Description {
        Description::new("in-drop", "In drop").version("2.0")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        std::panic::panic_any(InDrop)
    }
}

impl Explainer for Descriptionless {
    fn describe() -> Description {
        panic!("cannot say")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        Err("unreachable".into())
    }
}

#[cfg(not(variant = "describe"))]
camtui_plugin::export!(Panics, InDrop);
#[cfg(variant = "describe")]
camtui_plugin::export!(Panics, Descriptionless);
