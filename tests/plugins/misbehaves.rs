//! A library whose explainers do one thing wrong each, and one that does not.

use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};

struct Fine;
struct NotANumber;
struct Fails;
struct Panics;

impl Explainer for Fine {
    fn describe() -> Description {
        Description::new("fine", "Fine")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        Ok(Map::new(1, 2, vec![0.25, 0.5]))
    }
}

impl Explainer for NotANumber {
    fn describe() -> Description {
        Description::new("not-a-number", "Not a number")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        Ok(Map::new(2, 2, vec![0.0, 1.0, f32::NAN, 3.0]))
    }
}

impl Explainer for Fails {
    fn describe() -> Description {
        Description::new("fails", "Fails")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        Err("the moon is in the wrong quarter".into())
    }
}

impl Explainer for Panics {
    fn describe() -> Description {
        Description::new("bursts", "Bursts")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        panic!("out of luck")
    }
}

camtui_plugin::export!(Fine, NotANumber, Fails, Panics);
