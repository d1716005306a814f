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

/// Nobody catches it: the panic is in a thread of its own.
struct PanicsElsewhere;
/// A panic while another one is under way ends the process.
struct PanicsTwice;
struct Aborts;

impl Explainer for PanicsElsewhere {
    fn describe() -> Description {
        Description::new("bursts-elsewhere", "Bursts elsewhere")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        let burst = std::thread::spawn(|| panic!("out of luck")).join().is_err();
        if burst { Err("a thread of its own burst".into()) } else { Ok(Map::new(1, 1, vec![0.0])) }
    }
}

struct Bursting;

impl Drop for Bursting {
    fn drop(&mut self) {
        panic!("out of luck once more")
    }
}

impl Explainer for PanicsTwice {
    fn describe() -> Description {
        Description::new("bursts-twice", "Bursts twice")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        let _bursting = Bursting;
        panic!("out of luck")
    }
}

impl Explainer for Aborts {
    fn describe() -> Description {
        Description::new("gives-up", "Gives up")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        std::process::abort()
    }
}

camtui_plugin::export!(Fine, NotANumber, Fails, Panics, PanicsElsewhere, PanicsTwice, Aborts);
