//! The themes that come with the program.
//!
//! None paints a background of its own, so the terminal's stays; `dark` and `light` are legible on theirs (the tests
//! compute the contrast by WCAG 2's formula), `terminal` uses the sixteen colours that the user has chosen to be legible,
//! and `mono` none at all.

use camtui_term::{Capabilities, Colours};
use ratatui::style::{Color, Modifier, Style};

use super::Theme;

/// A theme that comes with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Builtin {
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// Bold, underlined and reversed instead of colours.
    Mono,
    /// The terminal's own sixteen colours.
    Terminal,
}

impl Builtin {
    /// All of them by name.
    pub const NAMES: [(&'static str, Self); 4] =
        [("dark", Self::Dark), ("light", Self::Light), ("mono", Self::Mono), ("terminal", Self::Terminal)];

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, theme)| theme)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, theme)| *theme == self).map_or("", |(name, _)| name)
    }

    /// The one that suits a terminal, by its colours and its background; an unknown background counts as dark.
    pub fn suiting(terminal: &Capabilities) -> Self {
        match terminal.colours {
            Colours::None => Self::Mono,
            Colours::Ansi16 => Self::Terminal,
            Colours::Ansi256 | Colours::True if terminal.background.is_some_and(is_light) => Self::Light,
            Colours::Ansi256 | Colours::True => Self::Dark,
        }
    }

    /// Its styles.
    pub fn theme(self) -> Theme {
        match self {
            Self::Dark => dark(),
            Self::Light => light(),
            Self::Mono => mono(),
            Self::Terminal => terminal(),
        }
    }
}

/// Whether dark letters are the better ones on it: luma (ITU-R BT.601) of at least one half.
fn is_light([r, g, b]: [u8; 3]) -> bool {
    299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) >= 127_500
}

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

const fn fg(colour: u32) -> Style {
    Style::new().fg(Color::from_u32(colour))
}

fn dark() -> Theme {
    Theme {
        text: PLAIN,
        quiet: fg(0x94_94_94),
        accent: fg(0x5f_d7_ff),
        alarm: fg(0xff_6b_6b).add_modifier(Modifier::BOLD),
        target: fg(0xff_d7_5f).add_modifier(Modifier::BOLD),
        selection: fg(0xff_ff_ff).bg(Color::from_u32(0x30_48_70)),
        border: fg(0x6c_6c_6c),
        focus: fg(0x5f_d7_ff),
        title: BOLD,
        key: fg(0x87_d7_af),
        bar: fg(0x5f_87_d7),
        mark: fg(0xff_87_d7),
        positive: fg(0xff_8a_80),
        negative: fg(0x82_b1_ff),
    }
}

fn light() -> Theme {
    Theme {
        text: PLAIN,
        quiet: fg(0x62_62_62),
        accent: fg(0x00_5f_87),
        alarm: fg(0xaf_00_20).add_modifier(Modifier::BOLD),
        target: fg(0x7a_4f_00).add_modifier(Modifier::BOLD),
        selection: fg(0x00_00_00).bg(Color::from_u32(0xc6_d8_f0)),
        border: fg(0x87_87_87),
        focus: fg(0x00_5f_87),
        title: BOLD,
        key: fg(0x00_60_48),
        bar: fg(0x30_60_b0),
        mark: fg(0x96_00_70),
        positive: fg(0xa8_22_1c),
        negative: fg(0x1a_4f_b4),
    }
}

fn terminal() -> Theme {
    let named = |colour| Style::new().fg(colour);
    Theme {
        text: PLAIN,
        quiet: named(Color::DarkGray),
        accent: named(Color::Cyan),
        alarm: named(Color::Red).add_modifier(Modifier::BOLD),
        target: named(Color::Yellow).add_modifier(Modifier::BOLD),
        selection: PLAIN.add_modifier(Modifier::REVERSED),
        border: named(Color::DarkGray),
        focus: named(Color::Cyan),
        title: BOLD,
        key: named(Color::Green),
        bar: named(Color::Blue),
        mark: named(Color::Magenta),
        positive: named(Color::Red),
        negative: named(Color::Blue),
    }
}

fn mono() -> Theme {
    Theme {
        accent: BOLD,
        alarm: BOLD.add_modifier(Modifier::REVERSED),
        target: BOLD.add_modifier(Modifier::UNDERLINED),
        selection: PLAIN.add_modifier(Modifier::REVERSED),
        focus: BOLD,
        title: BOLD,
        key: BOLD,
        mark: BOLD,
        negative: PLAIN.add_modifier(Modifier::UNDERLINED),
        ..Theme::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interactive::theme::Role;

    /// Relative luminance of WCAG 2: sRGB made linear, weighed.
    fn luminance(colour: Color) -> f64 {
        let Color::Rgb(r, g, b) = colour else { panic!("{colour} is not RGB") };
        let [r, g, b] = [r, g, b].map(|value| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(a: Color, b: Color) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn dark_and_light_can_be_read() {
        // The usual backgrounds of such terminals, not only the extremes.
        for (theme, grounds) in
            [(dark(), [0x00_00_00, 0x1e_1e_1e, 0x28_2c_34]), (light(), [0xff_ff_ff, 0xfa_fa_fa, 0xfd_f6_e3])]
        {
            for &(name, role, _) in Role::ALL {
                let style = theme.of(role);
                for ground in grounds {
                    let ground = style.bg.unwrap_or(Color::from_u32(ground));
                    // Lines and bars are no letters: 3 is enough for them, 4.5 is asked of text. A frame may be fainter.
                    let least = match role {
                        Role::Border => 2.5,
                        Role::Bar => 3.0,
                        _ => 4.5,
                    };
                    let found = style.fg.map_or(21.0, |letters| contrast(letters, ground));
                    assert!(found >= least, "{name} on {ground}: {found:.2}");
                }
            }
        }
    }

    #[test]
    fn what_must_be_told_apart_differs_in_every_theme() {
        for (name, builtin) in Builtin::NAMES {
            let theme = builtin.theme();
            for (a, b) in [
                (Role::Text, Role::Selection),
                (Role::Text, Role::Target),
                (Role::Text, Role::Alarm),
                (Role::Border, Role::Focus),
                (Role::Positive, Role::Negative),
                (Role::Target, Role::Selection),
            ] {
                assert_ne!(theme.of(a), theme.of(b), "{name}: {a:?} and {b:?}");
            }
            assert_eq!(Builtin::parse(builtin.name()), Some(builtin));
        }
    }

    #[test]
    fn mono_and_terminal_have_no_colours_of_their_own() {
        for &(name, role, _) in Role::ALL {
            let style = mono().of(role);
            assert_eq!((style.fg, style.bg), (None, None), "{name}");
            assert!(!matches!(terminal().of(role).fg, Some(Color::Rgb(..) | Color::Indexed(_))), "{name}");
        }
    }
}
