//! The environment variables that say something about the terminal, as a value, so that every rule about them can be
//! tested without touching the process.

use std::collections::BTreeMap;

/// The variables that this crate reads, and no others.
const VARIABLES: [&str; 15] = [
    "CAMTUI_PROTOCOL",
    "COLORTERM",
    "COLUMNS",
    "KONSOLE_VERSION",
    "LC_TERMINAL",
    "LINES",
    "NO_COLOR",
    "SSH_CONNECTION",
    "SSH_TTY",
    "STY",
    "TERM",
    "TERM_PROGRAM",
    "TMUX",
    "WEZTERM_EXECUTABLE",
    "WT_SESSION",
];

/// Terminals, by the name they leave in `TERM_PROGRAM` or `LC_TERMINAL` or answer to XTVERSION, whose best protocol is
/// iTerm2's. Some also answer to kitty's, but without the placeholders that an interactive view needs.
const ITERM_NAMES: [&str; 4] = ["iterm", "wezterm", "mintty", "konsole"];

/// What the environment says about the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the process's environment.
    pub fn from_process() -> Self {
        VARIABLES.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?))).collect()
    }

    /// The variable's value, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variables that are set, in alphabetical order.
    pub fn set(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(_, value)| !value.is_empty())
    }

    /// `TERM`, or nothing.
    pub fn term(&self) -> &str {
        self.get("TERM").unwrap_or_default()
    }

    /// Whether the terminal can do nothing but print lines.
    pub fn is_dumb(&self) -> bool {
        self.term() == "dumb"
    }

    /// Whether the user wants no colour: <https://no-color.org>.
    pub fn no_color(&self) -> bool {
        self.get("NO_COLOR").is_some()
    }

    /// Whether the terminal is on another machine, so that its answers take longer.
    pub fn is_remote(&self) -> bool {
        self.get("SSH_CONNECTION").is_some() || self.get("SSH_TTY").is_some()
    }

    /// Whether tmux or GNU screen stands between us and the terminal: it swallows kitty's escapes, and the variables
    /// that name the terminal may be those of another one.
    pub fn is_multiplexed(&self) -> bool {
        self.get("TMUX").is_some()
            || self.get("STY").is_some()
            || self.term().starts_with("tmux")
            || self.term().starts_with("screen")
    }

    /// The variable that says that the terminal takes iTerm2's inline images, as `NAME=value`.
    pub fn says_iterm(&self) -> Option<String> {
        for name in ["TERM_PROGRAM", "LC_TERMINAL"] {
            if let Some(value) = self.get(name).filter(|value| is_iterm_name(value)) {
                return Some(format!("{name}={}", crate::sanitise(value)));
            }
        }
        // Neither of these shows in TERM_PROGRAM on every version.
        ["KONSOLE_VERSION", "WEZTERM_EXECUTABLE"]
            .into_iter()
            .find(|name| self.get(name).is_some())
            .map(|name| format!("{name} is set"))
    }

    /// Whether the terminal is one of the few that print kitty's question instead of ignoring it.
    pub fn prints_unknown_strings(&self) -> bool {
        self.get("TERM_PROGRAM") == Some("Apple_Terminal") || self.term() == "linux"
    }
}

/// Whether a terminal of this name takes iTerm2's inline images.
pub(crate) fn is_iterm_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ITERM_NAMES.iter().any(|known| name.contains(known))
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let environment: Environment = [("NO_COLOR", ""), ("TMUX", "")].into_iter().collect();
        assert!(!environment.no_color());
        assert!(!environment.is_multiplexed());
    }

    #[test]
    fn terminals_that_take_inline_images_are_known_by_name() {
        for (name, value, expected) in [
            ("TERM_PROGRAM", "iTerm.app", true),
            ("LC_TERMINAL", "iTerm2", true),
            ("TERM_PROGRAM", "WezTerm", true),
            ("TERM_PROGRAM", "mintty", true),
            ("KONSOLE_VERSION", "230804", true),
            ("TERM_PROGRAM", "ghostty", false),
            ("TERM_PROGRAM", "vscode", false),
        ] {
            let environment: Environment = [(name, value)].into_iter().collect();
            assert_eq!(environment.says_iterm().is_some(), expected, "{name}={value}");
        }
    }

    #[test]
    fn multiplexers_are_known_by_variable_and_by_term() {
        for (name, value) in [
            ("TMUX", "/tmp/tmux-0/default,1,0"),
            ("STY", "1.pts"),
            ("TERM", "tmux-256color"),
            ("TERM", "screen"),
        ] {
            let environment: Environment = [(name, value)].into_iter().collect();
            assert!(environment.is_multiplexed(), "{name}={value}");
        }
    }
}
