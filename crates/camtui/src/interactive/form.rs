//! The form that sets an explainer's parameters, made from its own description. A value that is right takes effect at
//! once; one that is not stays in the form, marked, until it is.

use crossterm::event::KeyCode;

use super::analyst::{ExplainerInfo, ParamInfo, ParamKind};
use super::field::Field;
use super::keys::Key;

/// A parameter and what was typed for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The parameter.
    pub info: ParamInfo,
    /// Its value as text.
    pub field: Field,
}

/// The form.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The explainer's id.
    pub explainer: String,
    /// One row a parameter.
    pub rows: Vec<Row>,
    /// The row under the cursor.
    pub cursor: usize,
}

/// What a key did to the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// Nothing that matters.
    Nothing,
    /// A value may have changed.
    Changed,
    /// The form was closed.
    Closed,
}

impl Form {
    /// The form of an explainer, with the values that are not at their defaults.
    pub fn new(explainer: &ExplainerInfo, params: &[(String, String)]) -> Self {
        let value = |info: &ParamInfo| {
            let set = params.iter().find(|(key, _)| *key == info.key);
            set.map_or_else(|| info.default.clone(), |(_, value)| value.clone())
        };
        let row = |info: &ParamInfo| Row { info: info.clone(), field: Field::with(value(info)) };
        Self { explainer: explainer.id.clone(), rows: explainer.params.iter().map(row).collect(), cursor: 0 }
    }

    /// The values that are right and not at their defaults.
    pub fn params(&self) -> Vec<(String, String)> {
        let changed = |row: &&Row| row.is_right() && row.field.text().trim() != row.info.default;
        let pair = |row: &Row| (row.info.key.clone(), row.field.text().trim().to_owned());
        self.rows.iter().filter(changed).map(pair).collect()
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Filled {
        let last = self.rows.len().saturating_sub(1);
        match key.plain() {
            Some(KeyCode::Esc | KeyCode::Enter) => return Filled::Closed,
            Some(KeyCode::Down | KeyCode::Tab) => self.cursor = (self.cursor + 1).min(last),
            Some(KeyCode::Up | KeyCode::BackTab) => self.cursor = self.cursor.saturating_sub(1),
            code => {
                let Some(row) = self.rows.get_mut(self.cursor) else { return Filled::Nothing };
                let moved = match code {
                    Some(KeyCode::Left) => row.step(-1),
                    Some(KeyCode::Right) => row.step(1),
                    Some(KeyCode::Char(' ')) if !row.takes_text() => row.step(1),
                    _ => false,
                };
                if moved || (row.takes_text() && row.field.edit(key)) {
                    return Filled::Changed;
                }
                if key.is_ctrl('d') {
                    row.field = Field::with(row.info.default.clone());
                    return Filled::Changed;
                }
            }
        }
        Filled::Nothing
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) -> Filled {
        match self.rows.get_mut(self.cursor) {
            Some(row) if row.takes_text() => {
                row.field.insert(text);
                Filled::Changed
            }
            _ => Filled::Nothing,
        }
    }
}

/// Whether a parameter of that kind can have this value.
pub fn takes(kind: &ParamKind, value: &str) -> bool {
    let text = value.trim();
    match kind {
        ParamKind::Bool => matches!(text, "true" | "false"),
        ParamKind::Int(bounds) => text
            .parse::<i64>()
            .is_ok_and(|value| bounds.is_none_or(|(low, high)| (low..=high).contains(&value))),
        ParamKind::Float(bounds) => text.parse::<f64>().is_ok_and(|value| {
            value.is_finite() && bounds.is_none_or(|(low, high)| (low..=high).contains(&value))
        }),
        ParamKind::Choice(words) => words.iter().any(|word| word == text),
        ParamKind::Text => true,
    }
}

impl Row {
    /// Whether the explainer can take what was typed.
    pub fn is_right(&self) -> bool {
        takes(&self.info.kind, self.field.text())
    }

    /// What it takes, in words.
    pub fn takes(&self) -> String {
        match &self.info.kind {
            ParamKind::Bool => "on or off".to_owned(),
            ParamKind::Int(None) => "a whole number".to_owned(),
            ParamKind::Int(Some((low, high))) => format!("a whole number from {low} to {high}"),
            ParamKind::Float(None) => "a number".to_owned(),
            ParamKind::Float(Some((low, high))) => format!("a number from {low} to {high}"),
            ParamKind::Choice(words) => words.join(", "),
            ParamKind::Text => "a text".to_owned(),
        }
    }

    fn takes_text(&self) -> bool {
        matches!(self.info.kind, ParamKind::Int(_) | ParamKind::Float(_) | ParamKind::Text)
    }

    /// The next or previous value; whether there are such.
    fn step(&mut self, by: i64) -> bool {
        let text = self.field.text().trim();
        let next = match &self.info.kind {
            ParamKind::Bool => (text != "true").to_string(),
            ParamKind::Choice(words) if !words.is_empty() => {
                let at = words.iter().position(|word| word == text).unwrap_or(0) as i64;
                words[(at + by).rem_euclid(words.len() as i64) as usize].clone()
            }
            ParamKind::Int(bounds) => {
                let Ok(value) = text.parse::<i64>() else { return false };
                let (low, high) = bounds.unwrap_or((i64::MIN, i64::MAX));
                value.saturating_add(by).clamp(low, high).to_string()
            }
            ParamKind::Float(bounds) => {
                let Ok(value) = text.parse::<f64>() else { return false };
                // A twentieth of the range, or a tenth of the value.
                let step = bounds.map_or(value.abs().max(0.1) / 10.0, |(low, high)| (high - low) / 20.0);
                let (low, high) = bounds.unwrap_or((f64::MIN, f64::MAX));
                let next = (value + by as f64 * step).clamp(low, high);
                ((next * 1e6).round() / 1e6).to_string()
            }
            ParamKind::Choice(_) | ParamKind::Text => return false,
        };
        self.field = Field::with(next);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        let param = |key: &str, kind, default: &str| ParamInfo {
            key: key.to_owned(),
            help: String::new(),
            kind,
            default: default.to_owned(),
        };
        let info = ExplainerInfo {
            id: "occlusion".to_owned(),
            summary: String::new(),
            params: vec![
                param("window", ParamKind::Int(Some((1, 64))), "32"),
                param("sigma", ParamKind::Float(Some((0.0, 1.0))), "0.5"),
                param("fill", ParamKind::Choice(vec!["mean".into(), "black".into()]), "mean"),
                param("blur", ParamKind::Bool, "false"),
            ],
            gradients: false,
            slow: true,
            class_agnostic: false,
            gone: false,
        };
        Form::new(&info, &[("window".to_owned(), "16".to_owned())])
    }

    fn press(form: &mut Form, keys: &[&str]) -> Filled {
        keys.iter().map(|key| form.key(key.parse().unwrap())).last().unwrap()
    }

    fn pairs(form: &Form) -> Vec<String> {
        form.params().iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn values_are_stepped_typed_and_kept_within_bounds() {
        let mut form = form();
        assert_eq!(pairs(&form), ["window=16"]);
        assert_eq!(press(&mut form, &["Right"]), Filled::Changed);
        press(&mut form, &["Down", "Left", "Down", "Space", "Down", "Right"]);
        assert_eq!(pairs(&form), ["window=17", "sigma=0.45", "fill=black", "blur=true"]);
        press(&mut form, &["Up", "Up", "Up", "Backspace", "Backspace", "9", "9"]);
        assert!(!form.rows[0].is_right());
        assert_eq!(pairs(&form)[0], "sigma=0.45", "99 is beyond 64 and does not take effect");
        press(&mut form, &["ctrl-d"]);
        assert_eq!(form.rows[0].field.text(), "32");
        assert_eq!(press(&mut form, &["Esc"]), Filled::Closed);
    }
}
