//! A plugin of version 1.0 in Rust: uses all that the SDK then promised, in each way in which it may be used.
//!
//! Frozen. It must compile against every SDK of the same major version and give the same maps: matches without a wildcard
//! stand for enums that get no further variant, the patterns without `..` for structs that get no further field.

use camtui_plugin::{
    Bounds, Description, Error, Explainer, Layer, Level, LinearHead, Map, Param, Params, Place, Rule,
    Session, View,
};

/// Grad-CAM, as one would write it.
struct GradCam;

impl Explainer for GradCam {
    fn describe() -> Description {
        Description::new("user-grad-cam", "Grad-CAM")
            .version("1.2.3")
            .summary("channels weighted by the mean of their gradients")
            .reference("Selvaraju et al. 2017")
            .needs_activations()
            .needs_gradients()
            .rectify()
    }

    fn explain(&self, session: &Session, _params: &Params) -> Result<Map, Error> {
        let layer = session.layer()?;
        let (activation, gradient) = (session.activation(&layer)?, session.gradient(&layer)?);
        let area = activation.area() as f64;
        let mut map = vec![0.0; activation.area()];
        for (a, g) in activation.planes().zip(gradient.planes()) {
            let weight = g.iter().map(|&g| f64::from(g)).sum::<f64>() / area;
            map.iter_mut().zip(a).for_each(|(m, &a)| *m += weight * f64::from(a));
        }
        Ok(Map::from_f64(activation.height(), activation.width(), &map).of_layer(&layer))
    }
}

/// Parameters of each kind, with their values in the map.
struct Settings {
    factor: f32,
}

impl Explainer for Settings {
    fn describe() -> Description {
        let words: Vec<String> = vec!["black".into(), "mean".into()];
        Description::new(String::from("user-settings"), String::from("Settings"))
            .class_agnostic()
            .needs_forward()
            .param(Param::bool("fast", true).help("Whether"))
            .param(Param::int("steps", 50).range(1..=1000).help(String::from("How many")))
            .param(Param::int("wide", 5).range(1_i64..=9_i64))
            .param(Param::float("sigma", 0.25).range(0.0..=2.0))
            .param(Param::choice("fill", "mean", words))
            .param(Param::choice("other", "a", ["a", "b"]))
            .param(Param::text("label", "a b"))
    }

    fn explain(&self, _session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let copied: Params<'_> = *params;
        let fill: &str = copied.choice("fill")?;
        let label: &str = params.text("label")?;
        let steps: i64 = params.int("steps")?;
        let sigma: f64 = params.float("sigma")?;
        let fast: bool = params.bool("fast")?;
        if params.int("sigma").is_ok() || params.bool("none").is_ok() {
            return Err("a parameter of another kind has a value".into());
        }
        let values =
            vec![f32::from(u8::from(fast)), steps as f32, sigma as f32, fill.len() as f32 * self.factor];
        Ok(Map::new(2, 2, values)
            .with_note(label)
            .with_note(String::from("second"))
            .with_channel("one", 1, 2, vec![1.0, 2.0])
            .with_channel(String::from("two"), 1, 1, vec![3.0]))
    }
}

/// Everything that a session answers, and what the answers are made of.
struct Questions;

fn name_of(place: Place<'_>) -> &str {
    match place {
        Place::Image => "image",
        Place::Layer(layer) => layer.name(),
    }
}

fn is_plain(rule: Rule) -> bool {
    match rule {
        Rule::Plain => true,
        Rule::Guided => false,
    }
}

fn letter(level: Level) -> char {
    match level {
        Level::Debug => 'd',
        Level::Info => 'i',
        Level::Warning => 'w',
        Level::Error => 'e',
    }
}

fn kind(error: &Error) -> &str {
    match error {
        Error::Failed(sentence) | Error::NotSupported(sentence) => sentence,
        Error::Cancelled => "cancelled",
        // The one enum that may grow.
        _ => "unknown",
    }
}

impl Explainer for Questions {
    fn describe() -> Description {
        Description::new("user-questions", "Questions").needs_activations()
    }

    fn explain(&self, session: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        fn shared<T: Send + Sync>(_: &T) {}
        shared(session);
        let layers: Vec<Layer> = session.layers()?;
        let layer: Layer = session.layer()?;
        let facts: (&str, &[usize], bool) = (layer.name(), layer.shape(), layer.has_gradient());
        let input: View<'_> = session.input()?;
        let (logits, seed) = (session.logits()?, session.seed()?);
        let activation = session.activation(&layer)?;
        let plain = session.gradient(Place::Layer(&layer))?;
        let at_image = session.gradient(Place::Image)?;
        let guided = session.gradient_of(&layer, seed.data(), Rule::Guided)?;
        let forward = session.forward(input.shape(), input.data())?;
        let tail = session.forward_from(&layer, activation.shape(), activation.data())?;
        let at = session.gradient_at(input.shape(), input.data(), Place::Image, seed.data(), Rule::default());
        let from =
            session.gradient_from(&layer, activation.shape(), activation.data(), seed.data(), Rule::Plain);
        let bias: Result<View<'_>, Error> = session.layer_bias(&layer);
        let LinearHead { pooled, weights, bias: head_bias } = session.linear_head()?;
        let range = session.pixel_range()?;
        for level in [Level::Debug, Level::Info, Level::Warning, Level::Error] {
            session.log(level, &letter(level).to_string());
        }
        session.progress(0.5)?;
        let (target, classes, random_seed): (Option<usize>, usize, u64) =
            (session.target(), session.classes(), session.random_seed());
        let ok = [
            layers.len() == 5 && layers.contains(&layer) && !session.layer_was_named(),
            facts == ("pooled", &[4, 2, 3][..], true),
            (input.height(), input.width(), input.planes().len()) == (4, 4, 3),
            logits.shape() == [1, classes] && seed.data()[target.unwrap_or(9)] == 1.0,
            plain.clone() == plain && plain.shape() == [1, 4, 2, 3],
            at_image.data()[0] == 1.0 && guided.data().iter().all(|&g| g >= 0.0),
            forward.shape() == [1, 3] && tail == logits,
            [at, from].iter().all(|answer| matches!(answer, Err(Error::NotSupported(_)))),
            bias.is_err() && head_bias.is_none() && pooled.as_ref() == Some(&layer),
            weights.shape() == [3, 4] && range.shape() == [2, 3],
            random_seed == 42 && !session.cancelled(),
            name_of(Place::Image) == "image" && name_of((&layer).into()) == "pooled",
            is_plain(Rule::default()) && !is_plain(Rule::Guided) && Level::Debug < Level::Error,
            kind(&Error::new("why")) == "why" && Error::from("why") == Error::from(String::from("why")),
            Error::new(String::from("why")).to_string() == "why" && kind(&Error::Cancelled) == "cancelled",
            {
                let bounds: Bounds = (1..=2).into();
                format!("{:?}", bounds.clone()).len() > 1
            },
        ];
        Ok(Map::new(4, 4, ok.iter().map(|&ok| f32::from(u8::from(ok))).collect()).clone())
    }
}

/// What becomes of each way to fail.
struct Fails;

impl Explainer for Fails {
    fn describe() -> Description {
        Description::new("user-fails", "Fails").param(Param::choice(
            "how",
            "text",
            ["text", "question", "panic", "not"],
        ))
    }

    fn explain(&self, _: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(Error::new("boxed"));
        match params.choice("how")? {
            "text" => Err("plain text")?,
            "question" => Err(boxed.to_string())?,
            "panic" => panic!("out of luck"),
            _ => Err(Error::NotSupported("another model".into())),
        }
    }
}

camtui_plugin::export!(symbol: GradCam, Settings { factor: 2.0 }, Questions, Fails);

/// The other forms of the macro, in modules of their own.
pub mod linked {
    camtui_plugin::export!(fn entry: super::GradCam, super::Questions,);
}

/// What a program does that links a plugin in.
pub fn linked_entry() -> &'static camtui_plugin::abi::Entry {
    linked::entry()
}
