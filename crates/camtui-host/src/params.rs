//! From `KEY=VALUE` as the user writes it to the values an explainer is called with.

use crate::{ExplainerInfo, ParamInfo, ParamKind};

/// The values of all parameters of one explainer, in the order of its description.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    values: Vec<(String, ParamValue)>,
}

/// A checked value.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum ParamValue {
    /// On or off.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// Index of the word and the word.
    Choice(usize, String),
    /// Any text.
    Text(String),
}

/// A parameter that the explainer cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// No `=`.
    #[error("`{0}` is not KEY=VALUE")]
    NotAPair(String),
    /// A key that the explainer has not.
    #[error("`{id}` has no parameter `{key}`; {has}")]
    Unknown {
        /// The explainer.
        id: String,
        /// What was written.
        key: String,
        /// The keys it has, as a clause.
        has: String,
    },
    /// A key given twice.
    #[error("the parameter `{0}` is given twice")]
    Twice(String),
    /// A value of another type or outside of the range.
    #[error("`{key}={value}`: `{key}` of `{id}` takes {takes}")]
    BadValue {
        /// The explainer.
        id: String,
        /// The parameter.
        key: String,
        /// What was written.
        value: String,
        /// What would be right, as a clause.
        takes: String,
    },
}

impl Params {
    /// The explainer's defaults.
    pub fn defaults(of: &ExplainerInfo) -> Self {
        Self { values: of.params.iter().map(|p| (p.key.clone(), p.kind.default_value())).collect() }
    }

    /// The explainer's defaults, then each `KEY=VALUE` of `pairs`.
    pub fn parse<S: AsRef<str>>(of: &ExplainerInfo, pairs: &[S]) -> Result<Self, ParamError> {
        let mut params = Self::defaults(of);
        let mut given: Vec<&str> = vec![];
        for pair in pairs {
            let pair = pair.as_ref();
            let (key, value) = pair.split_once('=').ok_or_else(|| ParamError::NotAPair(pair.into()))?;
            let (key, value) = (key.trim(), value.trim());
            let at = of.params.iter().position(|p| p.key == key).ok_or_else(|| unknown(of, key))?;
            if given.contains(&key) {
                return Err(ParamError::Twice(key.into()));
            }
            given.push(key);
            params.values[at].1 = of.params[at].kind.parse(value).ok_or_else(|| ParamError::BadValue {
                id: of.id.clone(),
                key: key.into(),
                value: value.into(),
                takes: of.params[at].takes(),
            })?;
        }
        Ok(params)
    }

    /// `values` in the order of the description.
    #[cfg(unix)]
    pub(crate) fn of(info: &ExplainerInfo, values: Vec<ParamValue>) -> Self {
        Self { values: info.params.iter().map(|param| param.key.clone()).zip(values).collect() }
    }

    /// All keys and values, in the order of the description.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &ParamValue)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&ParamValue> {
        self.values.iter().find(|(k, _)| k == key).map(|(_, value)| value)
    }

    /// The same with another value of the parameter at `index`, which must be of its type.
    pub(crate) fn with(&self, index: usize, value: ParamValue) -> Self {
        let mut values = self.values.clone();
        values[index].1 = value;
        Self { values }
    }

    /// Whether these are values for that explainer.
    pub(crate) fn fit(&self, info: &ExplainerInfo) -> bool {
        self.values.len() == info.params.len()
            && self.values.iter().zip(&info.params).all(|((key, value), param)| {
                *key == param.key
                    && std::mem::discriminant(value) == std::mem::discriminant(&param.kind.default_value())
            })
    }
}

impl std::fmt::Display for ParamValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Choice(_, value) | Self::Text(value) => f.write_str(value),
        }
    }
}

impl ParamInfo {
    /// What it takes, as a clause: `a number from 0 to 1 (default 0.15)`.
    pub fn takes(&self) -> String {
        let default = self.kind.default_value();
        let what = match &self.kind {
            ParamKind::Bool { .. } => "`true` or `false`".into(),
            ParamKind::Int { range: None, .. } => "a whole number".into(),
            ParamKind::Int { range: Some((low, high)), .. } => format!("a whole number from {low} to {high}"),
            ParamKind::Float { range: None, .. } => "a number".into(),
            ParamKind::Float { range: Some((low, high)), .. } => format!("a number from {low} to {high}"),
            ParamKind::Choice { choices, .. } => format!("one of `{}`", choices.join("`, `")),
            ParamKind::Text { .. } => "any text".into(),
        };
        format!("{what} (default {default})")
    }
}

impl ParamKind {
    /// The value when it is not set.
    pub fn default_value(&self) -> ParamValue {
        match self {
            Self::Bool { default } => ParamValue::Bool(*default),
            Self::Int { default, .. } => ParamValue::Int(*default),
            Self::Float { default, .. } => ParamValue::Float(*default),
            Self::Choice { default, choices } => ParamValue::Choice(*default, choices[*default].clone()),
            Self::Text { default } => ParamValue::Text(default.clone()),
        }
    }

    fn parse(&self, value: &str) -> Option<ParamValue> {
        match self {
            Self::Bool { .. } => match value.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(ParamValue::Bool(true)),
                "false" | "no" | "off" | "0" => Some(ParamValue::Bool(false)),
                _ => None,
            },
            Self::Int { range, .. } => {
                let value: i64 = value.parse().ok()?;
                range
                    .is_none_or(|(low, high)| (low..=high).contains(&value))
                    .then_some(ParamValue::Int(value))
            }
            Self::Float { range, .. } => {
                let value: f64 = value.parse().ok().filter(|v: &f64| v.is_finite())?;
                let inside = range.is_none_or(|(low, high)| (low..=high).contains(&value));
                inside.then_some(ParamValue::Float(value))
            }
            Self::Choice { choices, .. } => {
                let at = choices.iter().position(|c| c == value)?;
                Some(ParamValue::Choice(at, value.into()))
            }
            Self::Text { .. } => Some(ParamValue::Text(value.into())),
        }
    }
}

fn unknown(of: &ExplainerInfo, key: &str) -> ParamError {
    let has = if of.params.is_empty() {
        "it has none".into()
    } else {
        let keys: Vec<&str> = of.params.iter().map(|p| p.key.as_str()).collect();
        format!("it has `{}`", keys.join("`, `"))
    };
    ParamError::Unknown { id: of.id.clone(), key: key.into(), has }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Needs;

    fn info() -> ExplainerInfo {
        let param = |key: &str, kind| ParamInfo { key: key.into(), help: String::new(), kind };
        ExplainerInfo {
            id: "x".into(),
            name: "X".into(),
            version: "1".into(),
            summary: String::new(),
            reference: String::new(),
            needs: Needs::default(),
            rectify: false,
            class_agnostic: false,
            gives_terms: false,
            params: vec![
                param("fast", ParamKind::Bool { default: false }),
                param("steps", ParamKind::Int { default: 50, range: Some((1, 1000)) }),
                param("sigma", ParamKind::Float { default: 0.15, range: Some((0.0, 1.0)) }),
                param("fill", ParamKind::Choice { default: 1, choices: vec!["black".into(), "mean".into()] }),
                param("label", ParamKind::Text { default: "none".into() }),
            ],
        }
    }

    #[test]
    fn each_type_reads_its_values() {
        let params =
            Params::parse(&info(), &["steps = 7", "sigma=1", "fill=black", "fast=yes", "label=a=b"]).unwrap();
        let values: Vec<String> = params.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(values, ["fast=true", "steps=7", "sigma=1", "fill=black", "label=a=b"]);
        assert_eq!(params.get("fill"), Some(&ParamValue::Choice(0, "black".into())));
        assert_eq!(Params::defaults(&info()).get("fill"), Some(&ParamValue::Choice(1, "mean".into())));
        assert!(params.fit(&info()));
        assert!(!params.fit(&ExplainerInfo { params: vec![], ..info() }));
    }

    #[test]
    fn each_mistake_is_a_sentence() {
        let says = |pairs: &[&str]| Params::parse(&info(), pairs).unwrap_err().to_string();
        assert_eq!(says(&["steps"]), "`steps` is not KEY=VALUE");
        assert_eq!(
            says(&["step=3"]),
            "`x` has no parameter `step`; it has `fast`, `steps`, `sigma`, `fill`, `label`"
        );
        assert_eq!(says(&["steps=3", "steps=4"]), "the parameter `steps` is given twice");
        let steps = "`steps` of `x` takes a whole number from 1 to 1000 (default 50)";
        assert_eq!(says(&["steps=0"]), format!("`steps=0`: {steps}"));
        assert_eq!(says(&["steps=3.5"]), format!("`steps=3.5`: {steps}"));
        let sigma = "`sigma` of `x` takes a number from 0 to 1 (default 0.15)";
        assert_eq!(says(&["sigma=NaN"]), format!("`sigma=NaN`: {sigma}"));
        assert_eq!(says(&["sigma=1.01"]), format!("`sigma=1.01`: {sigma}"));
        assert_eq!(
            says(&["fill=red"]),
            "`fill=red`: `fill` of `x` takes one of `black`, `mean` (default mean)"
        );
        assert_eq!(
            says(&["fast=maybe"]),
            "`fast=maybe`: `fast` of `x` takes `true` or `false` (default false)"
        );
        let none = ExplainerInfo { params: vec![], ..info() };
        let error = Params::parse(&none, &["a=1"]).unwrap_err();
        assert_eq!(error.to_string(), "`x` has no parameter `a`; it has none");
    }
}
