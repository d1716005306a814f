//! What is wrong with a configuration: every mistake with its line and column, and the name that was probably meant.

use std::fmt;
use std::io;
use std::path::PathBuf;

use camtui_term::sanitise;

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub text: String,
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The file says what cannot be; all of it, in the file's order.
    Mistakes {
        /// The file.
        path: PathBuf,
        /// At least one.
        mistakes: Vec<Mistake>,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => {
                write!(f, "cannot read the configuration {}: {error}", sanitise(&path.display().to_string()))
            }
            Self::Mistakes { path, mistakes } => {
                let file = sanitise(&path.display().to_string());
                for (at, Mistake { line, column, text }) in mistakes.iter().enumerate() {
                    let end = if at == 0 { "" } else { "\n" };
                    write!(f, "{end}{file}:{line}:{column}: {}", sanitise(text))?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// Gathers mistakes by where they are in the text.
pub struct Mistakes<'t> {
    text: &'t str,
    found: Vec<Found>,
}

/// A mistake at a byte.
struct Found {
    at: usize,
    text: String,
    /// Whether the text is no TOML there.
    broken: bool,
}

impl<'t> Mistakes<'t> {
    /// None so far in this text.
    pub fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// One more, at this byte.
    pub fn add(&mut self, at: usize, text: impl Into<String>) {
        self.found.push(Found { at, text: text.into(), broken: false });
    }

    /// The text is no TOML at this byte. What else its line seems to say is guesswork and is not told of.
    pub fn broken(&mut self, at: usize, text: impl Into<String>) {
        self.found.push(Found { at, text: text.into(), broken: true });
    }

    /// The line that a byte is on, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        position(self.text, at).0
    }

    /// How many there are so far.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// All, in the text's order; where the text is no TOML, one a line.
    pub fn into_sorted(mut self) -> Vec<Mistake> {
        // The sort is stable, so what was found first at a place stays first.
        let text = self.text;
        self.found.sort_by_key(|found| (position(text, found.at).0, !found.broken, found.at));
        let mut broken_line = 0;
        let mut sorted: Vec<Mistake> = Vec::new();
        for Found { at, text, broken } in self.found {
            let (line, column) = position(self.text, at);
            if line == broken_line {
                continue;
            }
            if broken {
                broken_line = line;
            }
            sorted.push(Mistake { line, column, text });
        }
        sorted
    }
}

/// Line and column of a byte, both counted from 1, the column in characters.
pub fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// `; did you mean X?`, where one of the known names is close enough.
pub fn did_you_mean<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(name, known).map_or(String::new(), |near| format!("; did you mean `{near}`?"))
}

/// The known name that is fewest slips of the finger away, if it is about a third of its letters at most.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let name = name.to_lowercase();
    let close = |known: &&str| (1 + known.chars().count() / 3).min(4);
    known
        .into_iter()
        .map(|known| (strsim::osa_distance(&name, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= close(known) && *distance < known.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The known names that are fewest slips of the finger away, the nearest first, three at most: what is about half right,
/// or holds the name.
pub fn several_near<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let name = name.to_lowercase();
    let close = (1 + name.chars().count() / 2).min(6);
    let mut ranked: Vec<(usize, &str)> = known
        .into_iter()
        .map(|known| {
            let lower = known.to_lowercase();
            // Part of a path: what is left out in front costs nothing.
            let held = !name.is_empty() && lower.ends_with(&name);
            (if held { 0 } else { strsim::osa_distance(&name, &lower) }, known)
        })
        .filter(|(distance, _)| *distance <= close)
        .collect();
    ranked.sort_by_key(|(distance, _)| *distance);
    ranked.into_iter().take(3).map(|(_, known)| known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_editors_do() {
        let text = "a = 1\n犬 = \"x\"\n";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, 6), (2, 1));
        assert_eq!(position(text, 7), (2, 1), "inside a character");
        assert_eq!(position(text, 12), (2, 5), "characters, not bytes");
        assert_eq!(position(text, text.len()), (3, 1));
        assert_eq!(position(text, 99), (3, 1));
    }

    #[test]
    fn only_near_names_are_suggested() {
        let known = ["alpha", "colormap", "mode", "next-picture"];
        for (name, near) in [
            ("alhpa", Some("alpha")),
            ("colourmap", Some("colormap")),
            ("Mode", Some("mode")),
            ("next_picture", Some("next-picture")),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), near, "{name}");
        }
    }

    #[test]
    fn a_broken_line_is_told_of_once() {
        let mut mistakes = Mistakes::new("ab\ncd\n");
        mistakes.broken(1, "no TOML");
        mistakes.add(0, "guess");
        mistakes.add(2, "guess");
        mistakes.add(4, "real");
        let told: Vec<(usize, String)> =
            mistakes.into_sorted().into_iter().map(|m| (m.line, m.text)).collect();
        assert_eq!(told, [(1, "no TOML".to_owned()), (2, "real".to_owned())]);
    }

    #[test]
    fn several_names_may_have_been_meant() {
        let known = ["conv1", "layer3", "layer4", "layer4.0.conv2", "layer4.1.conv2", "avgpool"];
        assert_eq!(several_near("layr4", known), ["layer4", "layer3"]);
        assert_eq!(several_near("conv2", known), ["layer4.0.conv2", "layer4.1.conv2", "conv1"]);
        assert_eq!(several_near("transformer.blocks", known), [""; 0]);
    }
}
