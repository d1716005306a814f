//! The table of settings: name, what it takes, help, and where its value lives in [`Config`].
//!
//! Reading, printing, the JSON Schema and `docs/config.md` are made from it, so none of them can forget a setting. The
//! defaults are those of [`Config::default`]. The tables `[keys]` and `[themes.NAME]`, whose entries are the user's own,
//! are beside it: [`keys`](super::keys) and [`themes`](super::themes).

use camtui_core::heatmap::{Colormap, Interpolation};
use camtui_term::Drawing;

use super::Config;
use crate::interactive::look::Mode;
use crate::interactive::theme::AUTO;

/// How one value is read from a configuration and put there.
pub struct Field<T> {
    /// Its value.
    pub get: fn(&Config) -> T,
    /// Another value.
    pub set: fn(&mut Config, T),
}

/// What a setting takes.
pub enum Kind {
    /// `true` or `false`.
    Switch(Field<bool>),
    /// A number from `least` to `most`.
    Number {
        /// Where it lives.
        field: Field<f32>,
        /// The smallest.
        least: f32,
        /// The largest.
        most: f32,
    },
    /// A whole number from `least` to `most`.
    Whole {
        /// Where it lives.
        field: Field<u16>,
        /// The smallest.
        least: u16,
        /// The largest.
        most: u16,
    },
    /// One of some names.
    Choice {
        /// Where it lives.
        field: Field<&'static str>,
        /// The names.
        names: fn() -> Vec<&'static str>,
    },
    /// The name of a theme, built in or from the file.
    Theme(Field<String>),
    /// A text, or a list of texts.
    Texts(Field<Vec<String>>),
}

/// One row.
pub struct Setting {
    /// The TOML table it stands in; empty for the top of the file.
    pub table: &'static str,
    /// Its name there.
    pub key: &'static str,
    /// What it takes, and where its value lives.
    pub kind: Kind,
    /// What it does.
    pub help: &'static str,
    /// The flag of the command line that goes before it.
    pub flag: Option<&'static str>,
}

impl Setting {
    /// `view.alpha`, or `theme` at the top.
    pub fn path(&self) -> String {
        path(self.table, self.key)
    }
}

/// A key with its table, joined by a dot.
pub fn path(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

impl Kind {
    /// What it takes, in words that follow "is".
    pub fn takes(&self) -> String {
        match self {
            Self::Switch(_) => "true or false".to_owned(),
            Self::Number { least, most, .. } => format!("a number from {least} to {most}"),
            Self::Whole { least, most, .. } => format!("a whole number from {least} to {most}"),
            Self::Choice { names, .. } => format!("one of {}", quoted(&names())),
            Self::Theme(_) => "the name of a theme, as text".to_owned(),
            Self::Texts(_) => "a text or a list of texts".to_owned(),
        }
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// Tables of the file, in its order, with what they are about.
pub const TABLES: [(&str, &str); 3] = [
    ("", "the program"),
    ("view", "how maps are drawn at first"),
    ("panes", "what stands beside the picture at first"),
];

/// A field that is copied.
macro_rules! copied {
    ($($path:ident).+) => { Field { get: |config| config.$($path).+, set: |config, value| config.$($path).+ = value } };
}

/// A field that is cloned.
macro_rules! cloned {
    ($($path:ident).+) => {
        Field { get: |config| config.$($path).+.clone(), set: |config, value| config.$($path).+ = value }
    };
}

/// A field of an enum that knows its names. Only names from the table are ever set, so an unknown one changes nothing.
macro_rules! named {
    ($kind:ty, $($path:ident).+) => {
        Kind::Choice {
            field: Field {
                get: |config| config.$($path).+.name(),
                set: |config, name| if let Some(value) = <$kind>::parse(name) { config.$($path).+ = value },
            },
            names: || <$kind>::NAMES.iter().map(|(name, _)| *name).collect(),
        }
    };
}

const fn row(
    table: &'static str,
    key: &'static str,
    kind: Kind,
    flag: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { table, key, kind, help, flag }
}

const COLORMAP: Kind = Kind::Choice {
    field: Field {
        get: |config| config.view.colormap.map_or(AUTO, Colormap::name),
        set: |config, name| config.view.colormap = Colormap::parse(name),
    },
    names: || [AUTO].into_iter().chain(Colormap::NAMES.map(|(name, _)| name)).collect(),
};

const PROTOCOL: Kind = Kind::Choice {
    field: Field {
        get: |config| config.protocol.map_or(AUTO, Drawing::name),
        set: |config, name| config.protocol = name.parse().ok(),
    },
    names: || [AUTO].into_iter().chain(Drawing::names()).collect(),
};

/// All settings, table by table.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    row("", "theme", Kind::Theme(cloned!(theme)), None,
        "Colours of the interactive session: `auto` (by the terminal's background and colours), `dark`, `light`, \
         `mono`, `terminal` (only the terminal's own 16 colours), or one of your own under `[themes.NAME]`."),
    row("", "model", Kind::Texts(cloned!(model)), Some("--model"),
        "Models to start with, by name or file; relative files are looked for in the current folder. \
         Empty: `resnet18` when it is installed, else the embedded `efficientnet-lite0`."),
    row("", "explainer", Kind::Texts(cloned!(explainer)), Some("--explainer"),
        "Explainers to start with, by id. Empty: `grad-cam`. With `--plugin` on the command line, what the library brings is used \
         instead."),
    row("", "protocol", PROTOCOL, Some("--protocol"),
        "How pictures get to the terminal. `auto`: as the terminal says. `CAMTUI_PROTOCOL` goes before this."),
    row("", "mouse", Kind::Switch(copied!(mouse)), None,
        "Obey clicks and the wheel. To select text with the mouse, hold Shift, or say false."),
    row("", "thumbnails", Kind::Switch(copied!(thumbnails)), None,
        "Small pictures in the list, where the terminal can show them."),
    row("", "watch", Kind::Switch(copied!(watch)), None,
        "New pictures in an open folder appear by themselves."),
    row("", "exact", Kind::Switch(copied!(exact)), Some("--exact"),
        "Compute every convolution product by product: slower, and true to a few millionths more. By default Winograd's algorithm \
         is used where it is quicker, except where the values decide which units a gradient passes."),
    row("", "double", Kind::Switch(copied!(double)), Some("--double"),
        "Compute the network in double precision: many times slower, and next to nothing left to rounding. A gradient near the picture hangs on \
         units that single precision cannot tell from the edge of a rectifier; here next to none are left."),
    row("", "resume", Kind::Switch(copied!(resume)), Some("--resume"),
        "Start where the last session ended."),
    row("", "plugin_memory", Kind::Whole { field: copied!(plugin_memory), least: 256, most: 65535 }, None,
        "Memory (address space) that the process of a plugin may have, in MiB."),
    row("", "plugin_timeout", Kind::Whole { field: copied!(plugin_timeout), least: 1, most: 3600 }, None,
        "Seconds after which a plugin that gives no sign of life (asks nothing, tells no progress) is stopped."),

    row("view", "alpha", Kind::Number { field: copied!(view.alpha), least: 0.0, most: 1.0 }, Some("--alpha"),
        "Opacity of the map over the picture."),
    row("view", "colormap", COLORMAP, Some("--colormap"),
        "Colours of the map. `auto`: jet, or diverging for a signed map."),
    row("view", "interpolation", named!(Interpolation, view.interpolation), Some("--interpolation"),
        "How the map is enlarged."),
    row("view", "signed", Kind::Switch(copied!(view.signed)), Some("--signed"),
        "Show what speaks against the class as well."),
    row("view", "mode", named!(Mode, view.mode), None,
        "What is shown of picture and map."),
    row("view", "threshold", Kind::Whole { field: copied!(view.threshold), least: 1, most: 100 }, None,
        "Show only the top share of the map, in per cent; 100 shows all."),
    row("view", "contours", Kind::Switch(copied!(view.contours)), None,
        "Draw lines of equal value."),

    row("panes", "browser", Kind::Switch(copied!(panes.browser)), None,
        "Show the list of pictures, where there is room."),
    row("panes", "browser_width", Kind::Whole { field: copied!(panes.browser_width), least: 14, most: 90 }, None,
        "Width of the list of pictures, in columns."),
    row("panes", "side", Kind::Switch(copied!(panes.side)), None,
        "Show predictions and settings, where there is room."),
    row("panes", "side_width", Kind::Whole { field: copied!(panes.side_width), least: 14, most: 90 }, None,
        "Width of predictions and settings, in columns."),
];

/// The setting of that name in that table.
pub fn find(table: &str, key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.table == table && setting.key == key)
}
