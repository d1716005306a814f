//! The colours of everything but pictures: a style for each role, so that views say what a thing is and never how it looks.
//!
//! [`Theme::choose`] takes the theme that the user names, or one that suits the terminal, and brings its colours down to
//! those that the terminal has. [`builtin`] holds the themes that come with the program, [`colour`] how colours are written.

pub mod builtin;
pub mod colour;

use std::collections::BTreeMap;

use camtui_term::cells::{ansi16, ansi256};
use camtui_term::{Capabilities, Colours};
use ratatui::style::{Color, Modifier, Style};

pub use builtin::Builtin;
use colour::SIXTEEN;

macro_rules! roles {
    ($($role:ident $field:ident $name:literal $help:literal)+) => {
        /// What a piece of the screen is, as far as its looks are concerned.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role {
            $(#[doc = $help] $role,)+
        }

        impl Role {
            /// Every role with its name in config files and what it is for.
            pub const ALL: &[(&'static str, Self, &'static str)] = &[$(($name, Self::$role, $help),)+];
        }

        /// A style for each role.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Theme {
            $(#[doc = $help] pub $field: Style,)+
        }

        impl Theme {
            /// The style of a role.
            pub fn of(&self, role: Role) -> Style {
                match role { $(Role::$role => self.$field,)+ }
            }

            /// The style of a role, to change it.
            pub fn of_mut(&mut self, role: Role) -> &mut Style {
                match role { $(Role::$role => &mut self.$field,)+ }
            }
        }
    };
}

roles! {
    Text text "text" "Ordinary text."
    Quiet quiet "quiet" "What is there to be read second: units, hints, notes."
    Accent accent "accent" "What should catch the eye."
    Alarm alarm "alarm" "Failures."
    Target target "target" "The class that is explained."
    Selection selection "selection" "The row of a list that the cursor is on."
    Border border "border" "Frames of panes."
    Focus focus "focus" "The frame of the pane that keys go to."
    Title title "title" "Headings and titles of panes."
    Key key "key" "Keys, where hints and the help name them."
    Bar bar "bar" "Bars of probabilities and of progress."
    Mark mark "mark" "Marks of pictures."
    Positive positive "positive" "Values that speak for the class."
    Negative negative "negative" "Values that speak against the class."
}

/// What a user's theme says of one role. What it leaves out stays as the theme it is based on has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    /// Colour of the letters.
    pub fg: Option<Color>,
    /// Colour behind them.
    pub bg: Option<Color>,
    /// With these modifiers or without them.
    pub modifiers: [Option<bool>; 4],
}

/// The modifiers that a theme can name, in the order of [`Paint::modifiers`].
pub const MODIFIERS: [(&str, Modifier); 4] = [
    ("bold", Modifier::BOLD),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
    ("italic", Modifier::ITALIC),
];

impl Paint {
    fn onto(&self, style: &mut Style) {
        style.fg = self.fg.or(style.fg);
        style.bg = self.bg.or(style.bg);
        for (wanted, (_, modifier)) in self.modifiers.iter().zip(MODIFIERS) {
            match wanted {
                Some(true) => *style = style.add_modifier(modifier),
                Some(false) => style.add_modifier.remove(modifier),
                None => {}
            }
        }
    }
}

/// A theme from a config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserTheme {
    /// Where it starts from.
    pub base: Builtin,
    /// What it changes.
    pub roles: BTreeMap<Role, Paint>,
}

/// The name that stands for the theme that suits the terminal.
pub const AUTO: &str = "auto";

impl Theme {
    /// The theme of this name, built in or a user's, for this terminal. [`AUTO`] and unknown names choose by the
    /// terminal's background and colours. A terminal without colour, or a user who wants none (`NO_COLOR`), gets
    /// [`Builtin::Mono`] with whatever bold, underlined, reversed and italic the named user theme adds.
    pub fn choose(name: &str, themes: &BTreeMap<String, UserTheme>, terminal: &Capabilities) -> Self {
        let user = themes.get(name);
        let base = if terminal.colours == Colours::None {
            Builtin::Mono
        } else {
            let named = user.map(|theme| theme.base).or_else(|| Builtin::parse(name));
            named.unwrap_or_else(|| Builtin::suiting(terminal))
        };
        let mut theme = base.theme();
        for (&role, paint) in user.iter().flat_map(|theme| &theme.roles) {
            paint.onto(theme.of_mut(role));
        }
        theme.reduced(terminal.colours)
    }

    /// The same with no more colours than these.
    #[must_use]
    pub fn reduced(mut self, colours: Colours) -> Self {
        for &(_, role, _) in Role::ALL {
            let style = self.of_mut(role);
            style.fg = style.fg.and_then(|colour| reduced(colour, colours));
            style.bg = style.bg.and_then(|colour| reduced(colour, colours));
        }
        self
    }
}

fn reduced(colour: Color, colours: Colours) -> Option<Color> {
    match (colour, colours) {
        (_, Colours::None) => None,
        (Color::Rgb(r, g, b), Colours::Ansi256) => Some(Color::Indexed(ansi256([r, g, b]))),
        (Color::Rgb(r, g, b), Colours::Ansi16) => Some(SIXTEEN[usize::from(ansi16([r, g, b]))].1),
        (colour, _) => Some(colour),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(colours: Colours, background: Option<[u8; 3]>) -> Capabilities {
        Capabilities { colours, background, ..Capabilities::none() }
    }

    fn auto(colours: Colours, background: Option<[u8; 3]>) -> Theme {
        Theme::choose(AUTO, &BTreeMap::new(), &terminal(colours, background))
    }

    #[test]
    fn the_terminal_decides_where_the_user_does_not() {
        let (dark, light) = (Builtin::Dark.theme(), Builtin::Light.theme());
        assert_eq!(auto(Colours::True, None), dark);
        assert_eq!(auto(Colours::True, Some([0x1e, 0x1e, 0x2e])), dark);
        assert_eq!(auto(Colours::True, Some([0xfd, 0xf6, 0xe3])), light);
        assert_eq!(auto(Colours::True, Some([0, 0, 255])), dark, "pure blue is dark");
        assert_eq!(auto(Colours::True, Some([0, 255, 0])), light, "pure green is light");
        assert_eq!(auto(Colours::Ansi256, Some([255; 3])), light.reduced(Colours::Ansi256));
        assert_eq!(auto(Colours::Ansi16, Some([255; 3])), Builtin::Terminal.theme());
        assert_eq!(auto(Colours::None, None), Builtin::Mono.theme());
    }

    #[test]
    fn a_named_theme_is_taken_but_never_with_colours_that_are_not_wanted() {
        let none = BTreeMap::new();
        let light = Theme::choose("light", &none, &terminal(Colours::True, Some([0; 3])));
        assert_eq!(light, Builtin::Light.theme());
        let mono = Theme::choose("light", &none, &terminal(Colours::None, None));
        assert_eq!(mono, Builtin::Mono.theme());
        let paint =
            Paint { fg: Some(Color::Rgb(1, 2, 3)), modifiers: [None, Some(true), None, None], bg: None };
        let user = UserTheme { base: Builtin::Dark, roles: BTreeMap::from([(Role::Bar, paint)]) };
        let users = BTreeMap::from([("mine".to_owned(), user)]);
        let full = Theme::choose("mine", &users, &terminal(Colours::True, None));
        let wanted = Builtin::Dark.theme().bar.fg(Color::Rgb(1, 2, 3)).add_modifier(Modifier::UNDERLINED);
        assert_eq!((full.bar, full.text), (wanted, Builtin::Dark.theme().text));
        let bare = Theme::choose("mine", &users, &terminal(Colours::None, None));
        assert_eq!(bare.bar, Builtin::Mono.theme().bar.add_modifier(Modifier::UNDERLINED));
    }

    #[test]
    fn a_modifier_can_be_taken_away() {
        let off = Paint { modifiers: [Some(false); 4], ..Paint::default() };
        let user = UserTheme { base: Builtin::Dark, roles: BTreeMap::from([(Role::Title, off)]) };
        let users = BTreeMap::from([("mine".to_owned(), user)]);
        let theme = Theme::choose("mine", &users, &terminal(Colours::True, None));
        assert!(Builtin::Dark.theme().title.has_modifier(Modifier::BOLD));
        assert_eq!(theme.title.add_modifier, Modifier::empty());
    }

    #[test]
    fn no_more_colours_are_used_than_there_are() {
        for (colours, allowed) in [
            (Colours::None, (|_| false) as fn(Color) -> bool),
            (Colours::Ansi16, |c| SIXTEEN.iter().any(|(_, known)| *known == c)),
            (Colours::Ansi256, |c| !matches!(c, Color::Rgb(..))),
        ] {
            for (_, builtin) in Builtin::NAMES {
                let theme = builtin.theme().reduced(colours);
                for &(name, role, _) in Role::ALL {
                    let style = theme.of(role);
                    assert!([style.fg, style.bg].into_iter().flatten().all(allowed), "{name} {style:?}");
                }
            }
        }
        assert_eq!(reduced(Color::Rgb(255, 0, 0), Colours::Ansi16), Some(Color::LightRed));
        assert_eq!(reduced(Color::Rgb(255, 0, 0), Colours::Ansi256), Some(Color::Indexed(196)));
    }
}
