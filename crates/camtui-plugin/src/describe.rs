//! How an explainer describes itself without running, and how that becomes what the host reads.

use std::ops::RangeInclusive;

use crate::testing::Setting;
use crate::{Error, abi};

/// What an explainer is. The command line, its help and the interactive form are made from it.
#[derive(Clone, Debug)]
pub struct Description {
    id: String,
    name: String,
    version: Option<String>,
    summary: String,
    reference: String,
    needs: u32,
    rectify: bool,
    class_agnostic: bool,
    gives_terms: bool,
    params: Vec<Param>,
}

impl Description {
    /// `id` is what the user types: lower-case letters, digits, `-`, `+`, `.` and `_`, at most 64; it never
    /// changes. `name` is what the user reads.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            version: None,
            summary: String::new(),
            reference: String::new(),
            needs: 0,
            rectify: false,
            class_agnostic: false,
            gives_terms: false,
            params: vec![],
        }
    }

    /// Version of this explainer; without it, that of the crate. It is part of every result.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// One line: the formula or the idea.
    #[must_use]
    pub fn summary(mut self, line: impl Into<String>) -> Self {
        self.summary = line.into();
        self
    }

    /// The paper, as text or URL.
    #[must_use]
    pub fn reference(mut self, paper: impl Into<String>) -> Self {
        self.reference = paper.into();
        self
    }

    /// It reads activations.
    #[must_use]
    pub fn needs_activations(mut self) -> Self {
        self.needs |= abi::NEEDS_ACTIVATIONS;
        self
    }

    /// It compares activations with a threshold, so that rounding makes a difference: camtui computes them product by
    /// product, where it may otherwise save time at the cost of a few millionths of the largest value.
    #[must_use]
    pub fn needs_exact_activations(mut self) -> Self {
        self.needs |= abi::NEEDS_ACTIVATIONS | abi::NEEDS_EXACT_ACTIVATIONS;
        self
    }

    /// It reads gradients.
    #[must_use]
    pub fn needs_gradients(mut self) -> Self {
        self.needs |= abi::NEEDS_GRADIENTS;
        self
    }

    /// It reads the gradients at all layers that add a bias, and at the image: camtui computes them in one pass.
    #[must_use]
    pub fn needs_biased_gradients(mut self) -> Self {
        self.needs |= abi::NEEDS_GRADIENTS | abi::NEEDS_BIASED_GRADIENTS;
        self
    }

    /// It runs the model forward itself.
    #[must_use]
    pub fn needs_forward(mut self) -> Self {
        self.needs |= abi::NEEDS_FORWARD;
        self
    }

    /// The method ends in a ReLU. The explainer gives the map before it; camtui applies it, unless the user
    /// asks for the signed map.
    #[must_use]
    pub fn rectify(mut self) -> Self {
        self.rectify = true;
        self
    }

    /// The map does not depend on the target.
    #[must_use]
    pub fn class_agnostic(mut self) -> Self {
        self.class_agnostic = true;
        self
    }

    /// The map is a sum over channels, whose terms [`Map::with_terms`](crate::Map::with_terms) is given where
    /// [`Session::wants_terms`](crate::Session::wants_terms) says so: what `--smooth eigen` takes.
    #[must_use]
    pub fn gives_terms(mut self) -> Self {
        self.gives_terms = true;
        self
    }

    /// Adds a parameter.
    #[must_use]
    pub fn param(mut self, param: Param) -> Self {
        self.params.push(param);
        self
    }

    pub(crate) fn has_terms(&self) -> bool {
        self.gives_terms
    }

    pub(crate) fn params(&self) -> &[Param] {
        &self.params
    }

    /// Lays the description out for the host. It lives until the process ends, so it is leaked.
    pub(crate) fn leak(
        self,
        crate_version: &str,
        explain: ExplainFn,
        context: *mut std::ffi::c_void,
    ) -> Leaked {
        let keys = self.params.iter().map(|p| p.key.clone()).collect();
        let params: Vec<*const abi::Param> = self.params.into_iter().map(Param::leak).collect();
        let descriptor: &'static abi::Explainer = Box::leak(Box::new(abi::Explainer {
            size: size_of::<abi::Explainer>() as u32,
            needs: self.needs,
            id: leak_text(self.id),
            name: leak_text(self.name),
            version: leak_text(self.version.unwrap_or_else(|| crate_version.into())),
            summary: leak_text(self.summary),
            reference: leak_text(self.reference),
            rectify: self.rectify.into(),
            class_agnostic: self.class_agnostic.into(),
            gives_terms: self.gives_terms.into(),
            reserved: [0; 1],
            param_count: params.len() as u32,
            params: params.leak().as_ptr(),
            context,
            explain: Some(explain),
            get_extension: None,
        }));
        Leaked { descriptor, keys }
    }
}

type ExplainFn = unsafe extern "C" fn(
    *const abi::Explainer,
    *const abi::Session,
    *const abi::Values,
    *const abi::Sink,
) -> abi::Status;

/// A description as the host reads it, and the parameters' keys in its order.
pub(crate) struct Leaked {
    pub descriptor: &'static abi::Explainer,
    pub keys: Vec<String>,
}

/// A parameter: `Param::float("sigma", 0.15).range(0.0..=1.0).help("…")`.
#[derive(Clone, Debug)]
pub struct Param {
    key: String,
    help: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Bool(bool),
    Int { default: i64, range: Option<RangeInclusive<i64>> },
    Float { default: f64, range: Option<RangeInclusive<f64>> },
    Choice { default: String, choices: Vec<String> },
    Text(String),
}

/// The two ends of a [`Param::range`], both included; made from ranges of numbers.
#[derive(Clone, Debug)]
pub struct Bounds(Ends);

#[derive(Clone, Debug)]
enum Ends {
    Whole(RangeInclusive<i64>),
    Real(RangeInclusive<f64>),
}

impl Bounds {
    fn whole(self) -> RangeInclusive<i64> {
        match self.0 {
            Ends::Whole(range) => range,
            Ends::Real(range) => range.start().ceil() as i64..=range.end().floor() as i64,
        }
    }

    fn real(self) -> RangeInclusive<f64> {
        match self.0 {
            Ends::Whole(range) => *range.start() as f64..=*range.end() as f64,
            Ends::Real(range) => range,
        }
    }
}

impl From<RangeInclusive<i32>> for Bounds {
    fn from(range: RangeInclusive<i32>) -> Self {
        Self(Ends::Whole(i64::from(*range.start())..=i64::from(*range.end())))
    }
}

impl From<RangeInclusive<i64>> for Bounds {
    fn from(range: RangeInclusive<i64>) -> Self {
        Self(Ends::Whole(range))
    }
}

impl From<RangeInclusive<f64>> for Bounds {
    fn from(range: RangeInclusive<f64>) -> Self {
        Self(Ends::Real(range))
    }
}

impl Param {
    fn new(key: impl Into<String>, kind: Kind) -> Self {
        Self { key: key.into(), help: String::new(), kind }
    }

    /// On or off.
    pub fn bool(key: impl Into<String>, default: bool) -> Self {
        Self::new(key, Kind::Bool(default))
    }

    /// A whole number.
    pub fn int(key: impl Into<String>, default: i64) -> Self {
        Self::new(key, Kind::Int { default, range: None })
    }

    /// A number.
    pub fn float(key: impl Into<String>, default: f64) -> Self {
        Self::new(key, Kind::Float { default, range: None })
    }

    /// One of `choices`, of which `default` is one.
    pub fn choice<S: Into<String>>(
        key: impl Into<String>,
        default: impl Into<String>,
        choices: impl IntoIterator<Item = S>,
    ) -> Self {
        let choices = choices.into_iter().map(Into::into).collect();
        Self::new(key, Kind::Choice { default: default.into(), choices })
    }

    /// Any text.
    pub fn text(key: impl Into<String>, default: impl Into<String>) -> Self {
        Self::new(key, Kind::Text(default.into()))
    }

    /// Least and greatest value of a number: `range(1..=1000)`, `range(0.0..=1.0)`. Of an [`int`](Self::int)
    /// the whole numbers within. Other kinds have none.
    #[must_use]
    pub fn range(mut self, bounds: impl Into<Bounds>) -> Self {
        let bounds = bounds.into();
        match &mut self.kind {
            Kind::Int { range, .. } => *range = Some(bounds.whole()),
            Kind::Float { range, .. } => *range = Some(bounds.real()),
            Kind::Bool(_) | Kind::Choice { .. } | Kind::Text(_) => {}
        }
        self
    }

    /// One sentence for the help.
    #[must_use]
    pub fn help(mut self, sentence: impl Into<String>) -> Self {
        self.help = sentence.into();
        self
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The value of a call in which the user set this, or set nothing; with the host's checks. Its text is borrowed from
    /// `set` or from the parameter itself.
    pub(crate) fn value(&self, set: Option<&Setting>) -> Result<abi::Value, Error> {
        let mut value = abi::Value {
            size: size_of::<abi::Value>() as u32,
            kind: abi::PARAM_BOOL,
            integer: 0,
            number: 0.0,
            text: abi::Text::EMPTY,
        };
        let wrong =
            |takes: String| Error::new(format!("the parameter `{}` takes {takes}, not {set:?}", self.key));
        match (&self.kind, set) {
            (Kind::Bool(default), None) => value.integer = i64::from(*default),
            (Kind::Bool(_), Some(Setting::Bool(given))) => value.integer = i64::from(*given),
            (Kind::Int { default, range }, _) => {
                let given = match set {
                    None => *default,
                    Some(Setting::Int(given)) => *given,
                    Some(_) => return Err(wrong("a whole number".into())),
                };
                if let Some(range) = range.as_ref().filter(|range| !range.contains(&given)) {
                    return Err(wrong(format!("{} to {}", range.start(), range.end())));
                }
                (value.kind, value.integer, value.number) = (abi::PARAM_INT, given, given as f64);
            }
            (Kind::Float { default, range }, _) => {
                let given = match set {
                    None => *default,
                    Some(Setting::Float(given)) => *given,
                    Some(Setting::Int(given)) => *given as f64,
                    Some(_) => return Err(wrong("a number".into())),
                };
                if let Some(range) = range.as_ref().filter(|range| !range.contains(&given)) {
                    return Err(wrong(format!("{} to {}", range.start(), range.end())));
                }
                (value.kind, value.number) = (abi::PARAM_FLOAT, given);
            }
            (Kind::Choice { default, choices }, _) => {
                let given = match set {
                    None => default,
                    Some(Setting::Text(given)) => given,
                    Some(_) => return Err(wrong(choices.join(", "))),
                };
                let at = choices.iter().position(|word| word == given);
                value.integer = at.ok_or_else(|| wrong(choices.join(", ")))? as i64;
                (value.kind, value.text) = (abi::PARAM_CHOICE, abi::Text::of(given));
            }
            (Kind::Text(default), None) => {
                (value.kind, value.text) = (abi::PARAM_STRING, abi::Text::of(default));
            }
            (Kind::Text(_), Some(Setting::Text(given))) => {
                (value.kind, value.text) = (abi::PARAM_STRING, abi::Text::of(given));
            }
            (Kind::Bool(_), Some(_)) => return Err(wrong("true or false".into())),
            (Kind::Text(_), Some(_)) => return Err(wrong("a text".into())),
        }
        Ok(value)
    }

    fn leak(self) -> *const abi::Param {
        let mut param = abi::Param {
            size: size_of::<abi::Param>() as u32,
            kind: abi::PARAM_BOOL,
            key: leak_text(self.key),
            help: leak_text(self.help),
            bounded: 0,
            bool_default: 0,
            reserved: [0; 6],
            int_min: 0,
            int_max: 0,
            int_default: 0,
            float_min: 0.0,
            float_max: 0.0,
            float_default: 0.0,
            text_default: abi::Text::EMPTY,
            choices: std::ptr::null(),
            choice_count: 0,
            reserved2: 0,
        };
        match self.kind {
            Kind::Bool(default) => param.bool_default = default.into(),
            Kind::Int { default, range } => {
                param.kind = abi::PARAM_INT;
                param.int_default = default;
                if let Some(range) = range {
                    (param.bounded, param.int_min, param.int_max) = (1, *range.start(), *range.end());
                }
            }
            Kind::Float { default, range } => {
                param.kind = abi::PARAM_FLOAT;
                param.float_default = default;
                if let Some(range) = range {
                    (param.bounded, param.float_min, param.float_max) = (1, *range.start(), *range.end());
                }
            }
            Kind::Choice { default, choices } => {
                param.kind = abi::PARAM_CHOICE;
                param.text_default = leak_text(default);
                let choices: Vec<abi::Text> = choices.into_iter().map(leak_text).collect();
                param.choice_count = choices.len() as u32;
                param.choices = choices.leak().as_ptr();
            }
            Kind::Text(default) => {
                param.kind = abi::PARAM_STRING;
                param.text_default = leak_text(default);
            }
        }
        Box::leak(Box::new(param))
    }
}

fn leak_text(text: String) -> abi::Text {
    abi::Text::of(text.leak())
}
