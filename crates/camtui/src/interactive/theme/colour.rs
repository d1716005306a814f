//! How colours are written in config files: `#rrggbb`, or one of the terminal's own sixteen by name.

use ratatui::style::Color;

/// The terminal's own colours in the order of their numbers. What they look like is the terminal's choice.
pub const SIXTEEN: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("grey", Color::Gray),
    ("dark-grey", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// The name of the colour that the terminal uses by itself.
pub const DEFAULT: &str = "default";

/// Reads a colour; none for a text that is no colour.
pub fn parse(text: &str) -> Option<Color> {
    if let Some(digits) = text.strip_prefix('#') {
        let all_hex = digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        return all_hex.then(|| u32::from_str_radix(digits, 16).ok().map(Color::from_u32)).flatten();
    }
    let name = text.to_ascii_lowercase().replace("gray", "grey");
    if name == DEFAULT {
        return Some(Color::Reset);
    }
    SIXTEEN.iter().find(|(known, _)| *known == name).map(|&(_, colour)| colour)
}

/// Writes a colour so that [`parse`] reads it; none for one that [`parse`] never makes.
pub fn name(colour: Color) -> Option<String> {
    match colour {
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Reset => Some(DEFAULT.to_owned()),
        other => SIXTEEN.iter().find(|(_, known)| *known == other).map(|(name, _)| (*name).to_owned()),
    }
}

/// All names of colours, to suggest one.
pub fn names() -> impl Iterator<Item = &'static str> {
    SIXTEEN.iter().map(|(name, _)| *name).chain([DEFAULT])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_reads_back() {
        for name_of in names() {
            let colour = parse(name_of).unwrap();
            assert_eq!(name(colour).as_deref(), Some(name_of));
        }
        assert_eq!(parse("#FF8000"), Some(Color::Rgb(255, 128, 0)));
        assert_eq!(name(Color::Rgb(255, 128, 0)).as_deref(), Some("#ff8000"));
        assert_eq!(parse("Dark-Gray"), Some(Color::DarkGray));
    }

    #[test]
    fn what_is_no_colour_is_none() {
        for text in ["", "#", "#fff", "#+12345", "#12345g", "#1234567", "orange", "12", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
