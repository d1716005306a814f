//! What a library says of its explainers, read through its pointers, checked, and owned from then on.

use std::collections::HashSet;

use camtui_plugin::abi;

use crate::text::{acts_on_a_terminal, clean};

/// Longest id and key, in bytes.
const NAME_LIMIT: usize = 64;
/// Longest other text, in characters; what is longer is cut.
const TEXT_LIMIT: usize = 2_000;
/// Most parameters of an explainer and most choices of a parameter.
const LIST_LIMIT: u32 = 256;

/// What an explainer is: everything the command line and the help say of it.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct ExplainerInfo {
    /// What the user types.
    pub id: String,
    /// What the user reads.
    pub name: String,
    /// Of the explainer.
    pub version: String,
    /// One line.
    pub summary: String,
    /// The paper, as text or URL; may be empty.
    pub reference: String,
    /// What it asks of the model.
    pub needs: Needs,
    /// Whether the method ends in a ReLU, which the program applies to the map.
    pub rectify: bool,
    /// Whether the map does not depend on the target.
    pub class_agnostic: bool,
    /// Whether the map is a sum over channels, whose terms it gives where they are wanted.
    pub gives_terms: bool,
    /// What can be set, in the plugin's order.
    pub params: Vec<ParamInfo>,
}

/// What an explainer asks of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for or not, whatever the others are")]
pub struct Needs {
    /// Activations of a layer.
    pub activations: bool,
    /// Gradients.
    pub gradients: bool,
    /// Further runs.
    pub forward: bool,
    /// Gradients at all layers that add a bias, and at the image.
    pub biased_gradients: bool,
    /// Activations as true as can be, because it compares them with a threshold.
    pub exact_activations: bool,
}

/// A parameter of an explainer.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct ParamInfo {
    /// What the user writes before the `=`.
    pub key: String,
    /// One sentence.
    pub help: String,
    /// Type, default and range.
    pub kind: ParamKind,
}

/// A parameter's type, default and range.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum ParamKind {
    /// On or off.
    Bool {
        /// When it is not set.
        default: bool,
    },
    /// A whole number.
    Int {
        /// When it is not set.
        default: i64,
        /// Least and greatest.
        range: Option<(i64, i64)>,
    },
    /// A finite number.
    Float {
        /// When it is not set.
        default: f64,
        /// Least and greatest.
        range: Option<(f64, f64)>,
    },
    /// One of a few words.
    Choice {
        /// Index of the word when it is not set.
        default: usize,
        /// At least one.
        choices: Vec<String>,
    },
    /// Any text.
    Text {
        /// When it is not set.
        default: String,
    },
}

/// A description that contradicts the interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescribeError {
    /// A null pointer, or one that no struct can be at.
    #[error("explainer {0} has no description")]
    Missing(u32),
    /// The struct is smaller than in any version.
    #[error("the description of {what} is {found} bytes, where this interface has at least {expected}")]
    TooSmall {
        /// Which explainer or parameter.
        what: String,
        /// What `size` says.
        found: u32,
        /// Our own.
        expected: usize,
    },
    /// A text is no UTF-8.
    #[error("{what} is not UTF-8")]
    NotUtf8 {
        /// Which text.
        what: String,
    },
    /// An id or key that cannot be typed.
    #[error(
        "{what} is {found:?}; it must be 1 to 64 lower-case letters, digits, `-`, `+`, `.` or `_`, beginning with \
         a letter or digit"
    )]
    BadName {
        /// Which id or key.
        what: String,
        /// What it is.
        found: String,
    },
    /// Two explainers or parameters of one name.
    #[error("{what} `{name}` is described twice")]
    Twice {
        /// `the explainer` or `the parameter`.
        what: &'static str,
        /// The name they share.
        name: String,
    },
    /// A default, range or list of choices that cannot be.
    #[error("the parameter `{key}` of `{id}` {wrong}")]
    BadParam {
        /// The explainer.
        id: String,
        /// The parameter.
        key: String,
        /// What is wrong.
        wrong: String,
    },
    /// No function to call.
    #[error("`{0}` has no `explain` function")]
    NoFunction(String),
}

/// Reads explainer `index` of a library.
///
/// # Safety
///
/// `raw` is null or as the header says: every pointer in it readable as far as its sizes and counts go.
pub(crate) unsafe fn read(raw: *const abi::Explainer, index: u32) -> Result<ExplainerInfo, DescribeError> {
    if raw.is_null() || !raw.is_aligned() {
        return Err(DescribeError::Missing(index));
    }
    let what = format!("explainer {index}");
    // SAFETY: not null and aligned; every explainer begins with its size.
    sized(unsafe { raw.cast::<u32>().read() }, size_of::<abi::Explainer>(), &what)?;
    // SAFETY: as large as the struct, as just seen.
    let raw = unsafe { &*raw };
    // SAFETY: the caller vouches for the texts, here and below.
    let id = name(unsafe { raw.id.bytes() }, &format!("the id of {what}"))?;
    if raw.explain.is_none() {
        return Err(DescribeError::NoFunction(id));
    }
    let read = |of: &str, given: abi::Text| {
        // SAFETY: as above.
        line(unsafe { given.bytes() }, &format!("the {of} of `{id}`"))
    };
    let title = read("name", raw.name)?;
    let info = ExplainerInfo {
        name: if title.is_empty() { id.clone() } else { title },
        version: read("version", raw.version)?,
        summary: read("summary", raw.summary)?,
        reference: read("reference", raw.reference)?,
        needs: Needs {
            activations: raw.needs & abi::NEEDS_ACTIVATIONS != 0,
            gradients: raw.needs & abi::NEEDS_GRADIENTS != 0,
            forward: raw.needs & abi::NEEDS_FORWARD != 0,
            biased_gradients: raw.needs & abi::NEEDS_BIASED_GRADIENTS != 0,
            exact_activations: raw.needs & abi::NEEDS_EXACT_ACTIVATIONS != 0,
        },
        rectify: raw.rectify != 0,
        class_agnostic: raw.class_agnostic != 0,
        gives_terms: raw.gives_terms != 0,
        // SAFETY: the caller vouches for the parameters.
        params: unsafe { params(raw, &id)? },
        id,
    };
    Ok(info)
}

unsafe fn params(raw: &abi::Explainer, id: &str) -> Result<Vec<ParamInfo>, DescribeError> {
    let bad = |key: String, wrong: &str| DescribeError::BadParam { id: id.into(), key, wrong: wrong.into() };
    if raw.param_count == 0 {
        return Ok(vec![]);
    }
    if raw.params.is_null() || !raw.params.is_aligned() || raw.param_count > LIST_LIMIT {
        return Err(bad(format!("0…{}", raw.param_count), "cannot be: no list, or too many"));
    }
    // SAFETY: not null, aligned, and the caller vouches for `param_count` pointers.
    let list = unsafe { std::slice::from_raw_parts(raw.params, raw.param_count as usize) };
    let mut params = Vec::with_capacity(list.len());
    let mut keys = HashSet::new();
    for (n, &param) in list.iter().enumerate() {
        if param.is_null() || !param.is_aligned() {
            return Err(bad(n.to_string(), "has no description"));
        }
        let what = format!("parameter {n} of `{id}`");
        // SAFETY: not null and aligned; every parameter begins with its size.
        sized(unsafe { param.cast::<u32>().read() }, size_of::<abi::Param>(), &what)?;
        // SAFETY: as large as the struct, as just seen.
        let param = unsafe { &*param };
        // SAFETY: the caller vouches for the texts.
        let key = name(unsafe { param.key.bytes() }, &format!("the key of {what}"))?;
        if !keys.insert(key.clone()) {
            return Err(DescribeError::Twice { what: "the parameter", name: format!("{key}` of `{id}") });
        }
        // SAFETY: as above.
        let help = line(unsafe { param.help.bytes() }, &format!("the help of `{key}` of `{id}`"))?;
        // SAFETY: as above.
        let kind = unsafe { kind(param) }.map_err(|wrong| bad(key.clone(), &wrong))?;
        params.push(ParamInfo { key, help, kind });
    }
    Ok(params)
}

unsafe fn kind(param: &abi::Param) -> Result<ParamKind, String> {
    let word = |text: abi::Text, what: &str| {
        // SAFETY: the caller vouches for the texts.
        let word = std::str::from_utf8(unsafe { text.bytes() })
            .map_err(|_| format!("has {what} that is not UTF-8"))?;
        if word.len() > TEXT_LIMIT || word.chars().any(acts_on_a_terminal) {
            return Err(format!("has {what} that is too long or has control characters"));
        }
        Ok(word.to_owned())
    };
    let kind = match param.kind {
        abi::PARAM_BOOL => ParamKind::Bool { default: param.bool_default != 0 },
        abi::PARAM_INT => {
            let range = (param.bounded != 0).then_some((param.int_min, param.int_max));
            ParamKind::Int { default: param.int_default, range }
        }
        abi::PARAM_FLOAT => {
            let range = (param.bounded != 0).then_some((param.float_min, param.float_max));
            ParamKind::Float { default: param.float_default, range }
        }
        abi::PARAM_CHOICE => {
            if param.choices.is_null()
                || !param.choices.is_aligned()
                || param.choice_count == 0
                || param.choice_count > LIST_LIMIT
            {
                return Err("has no choices, or too many".into());
            }
            // SAFETY: not null, aligned, and the caller vouches for `choice_count` texts.
            let list = unsafe { std::slice::from_raw_parts(param.choices, param.choice_count as usize) };
            let choices = list.iter().map(|&t| word(t, "a choice")).collect::<Result<Vec<_>, _>>()?;
            let default = word(param.text_default, "a default")?;
            let default = choices
                .iter()
                .position(|c| *c == default)
                .ok_or_else(|| format!("has the default `{default}`, which is not among its choices"))?;
            ParamKind::Choice { default, choices }
        }
        abi::PARAM_STRING => ParamKind::Text { default: word(param.text_default, "a default")? },
        other => return Err(format!("is of type {other}, which this camtui does not know")),
    };
    sound(&kind)?;
    Ok(kind)
}

/// Whether default, range and choices go together; the clause says what does not.
fn sound(kind: &ParamKind) -> Result<(), String> {
    let empty = |low: &dyn std::fmt::Display, high: &dyn std::fmt::Display| {
        Err(format!("has the empty range {low}…{high}"))
    };
    match kind {
        ParamKind::Int { default, range: Some((low, high)) } => match default {
            _ if low > high => empty(low, high),
            _ if (low..=high).contains(&default) => Ok(()),
            _ => Err(format!("has the default {default} outside of its range {low}…{high}")),
        },
        ParamKind::Float { default, .. } if !default.is_finite() => Err(format!("has the default {default}")),
        ParamKind::Bool { .. }
        | ParamKind::Int { range: None, .. }
        | ParamKind::Float { range: None, .. } => Ok(()),
        ParamKind::Float { default, range: Some((low, high)) } => match default {
            _ if low.is_nan() || high.is_nan() || low > high => empty(low, high),
            _ if (low..=high).contains(&default) => Ok(()),
            _ => Err(format!("has the default {default} outside of its range {low}…{high}")),
        },
        ParamKind::Choice { default, choices } => {
            if let Some(twice) = choices.iter().enumerate().find(|(n, c)| choices[..*n].contains(c)) {
                return Err(format!("has the choice `{}` twice", twice.1));
            }
            let can_be = *default < choices.len() && choices.len() <= LIST_LIMIT as usize;
            if can_be && choices.iter().all(|word| printable(word)) {
                return Ok(());
            }
            Err("has choices that cannot be".into())
        }
        ParamKind::Text { default } if printable(default) => Ok(()),
        ParamKind::Text { .. } => Err("has a default that is too long or has control characters".into()),
    }
}

fn printable(word: &str) -> bool {
    word.len() <= TEXT_LIMIT && !word.chars().any(acts_on_a_terminal)
}

/// Checks descriptions that another process made with [`read`], as far as they could be wrong.
#[cfg(unix)]
pub(crate) fn check(infos: &[ExplainerInfo]) -> Result<(), DescribeError> {
    let mut ids = HashSet::new();
    for (index, info) in infos.iter().enumerate() {
        let id = name(info.id.as_bytes(), &format!("the id of explainer {index}"))?;
        if !ids.insert(&info.id) {
            return Err(DescribeError::Twice { what: "the explainer", name: id });
        }
        let bad = |key: &str, wrong: &str| DescribeError::BadParam {
            id: info.id.clone(),
            key: clean(key, NAME_LIMIT),
            wrong: wrong.into(),
        };
        let texts = [&info.name, &info.version, &info.summary, &info.reference];
        let helps = info.params.iter().map(|param| &param.help);
        // What was cleaned once stays as it is.
        if let Some(text) = texts.into_iter().chain(helps).find(|text| !shown_as_it_is(text)) {
            return Err(bad(text, "is no text of a description"));
        }
        if info.params.len() > LIST_LIMIT as usize {
            return Err(bad("…", "is one of too many"));
        }
        let mut keys = HashSet::new();
        for param in &info.params {
            let key = name(param.key.as_bytes(), &format!("a key of `{id}`"))?;
            if !keys.insert(&param.key) {
                return Err(DescribeError::Twice { what: "the parameter", name: format!("{key}` of `{id}") });
            }
            sound(&param.kind).map_err(|wrong| bad(&key, &wrong))?;
        }
    }
    match infos.len() {
        0 => Err(DescribeError::Missing(0)),
        _ => Ok(()),
    }
}

/// Whether a text has been through [`clean`].
#[cfg(unix)]
fn shown_as_it_is(text: &str) -> bool {
    // A text that was cut has its mark beyond the limit.
    text.chars().count() <= TEXT_LIMIT * 10 && !text.chars().any(acts_on_a_terminal)
}

fn sized(found: u32, expected: usize, what: &str) -> Result<(), DescribeError> {
    if found as usize >= expected {
        return Ok(());
    }
    Err(DescribeError::TooSmall { what: what.into(), found, expected })
}

/// Something the user types: refused rather than mended.
fn name(bytes: &[u8], what: &str) -> Result<String, DescribeError> {
    let found =
        std::str::from_utf8(bytes).map_err(|_| DescribeError::NotUtf8 { what: what.into() })?.to_owned();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-+._".contains(c);
    let first = found.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if first && found.len() <= NAME_LIMIT && found.chars().all(allowed) {
        return Ok(found);
    }
    // It is shown with its control characters escaped, by `{:?}`.
    Err(DescribeError::BadName { what: what.into(), found: found.chars().take(NAME_LIMIT).collect() })
}

/// Something the user reads: control characters are written out.
fn line(bytes: &[u8], what: &str) -> Result<String, DescribeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DescribeError::NotUtf8 { what: what.into() })?;
    Ok(clean(text, TEXT_LIMIT))
}
