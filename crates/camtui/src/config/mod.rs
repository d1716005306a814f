//! The user's configuration: `config.toml`, read with every mistake told where it stands.
//!
//! [`Config`] is the outcome, plain values for everyone else. One table, [`settings`], makes the reading ([`parse`]), the
//! printing ([`mod@print`]), the JSON Schema ([`schema`]) and the page of documentation. [`keys`] and [`themes`] read the two
//! tables whose entries are the user's own; [`mistake`] says what is wrong and where. [`flags`] puts the command line
//! before the configuration.

pub mod flags;
pub mod keys;
pub mod mistake;
pub mod parse;
pub mod print;
pub mod schema;
pub mod settings;
pub mod themes;

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use camtui_core::heatmap::{Colormap, Interpolation};
use camtui_term::{Capabilities, Drawing};

use crate::interactive::keys::Keymap;
use crate::interactive::look::Mode;
use crate::interactive::theme::{self, Theme, UserTheme};
use crate::store::Places;
pub use mistake::ConfigError;
pub use parse::Lines;

/// The file's name in the configuration folder.
pub const FILE: &str = "config.toml";

/// Every setting. What a config file does not mention has its default.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "they are the user's own switches, independent of each other"
)]
pub struct Config {
    /// Name of the theme: [`theme::AUTO`], one that is built in, or one of `themes`.
    pub theme: String,
    /// The user's own themes.
    pub themes: BTreeMap<String, UserTheme>,
    /// Which key means which command.
    pub keys: Keymap,
    /// How maps are drawn.
    pub view: ViewConfig,
    /// What stands beside the picture.
    pub panes: PanesConfig,
    /// Whether clicks and the wheel are obeyed; the terminal's own selecting then needs Shift.
    pub mouse: bool,
    /// How pictures are sent to the terminal; none: as it says.
    pub protocol: Option<Drawing>,
    /// Models to start with; empty: the best that is installed.
    pub model: Vec<String>,
    /// Explainers to start with, by id; empty: the default one.
    pub explainer: Vec<String>,
    /// Small pictures in the browser, where the terminal can show them.
    pub thumbnails: bool,
    /// Whether new pictures in an open folder appear by themselves.
    pub watch: bool,
    /// Whether every convolution is computed product by product.
    pub exact: bool,
    /// Whether networks are computed in double precision.
    pub double: bool,
    /// Whether a session starts where the last one ended.
    pub resume: bool,
    /// Memory that the process of a plugin may have, in MiB.
    pub plugin_memory: u16,
    /// Seconds after which a plugin that gives no sign of life is stopped.
    pub plugin_timeout: u16,
}

/// How maps are drawn at first.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewConfig {
    /// Opacity of the colours, 0 to 1.
    pub alpha: f32,
    /// The colours; none: jet, or diverging for a signed map.
    pub colormap: Option<Colormap>,
    /// How maps are enlarged.
    pub interpolation: Interpolation,
    /// Whether maps show what speaks against the class.
    pub signed: bool,
    /// What is shown of picture and map.
    pub mode: Mode,
    /// Only the top share of the map is shown, in per cent, 1 to 100; 100 shows all.
    pub threshold: u16,
    /// Lines of equal value.
    pub contours: bool,
}

/// What stands beside the picture at first. Widths are columns, 14 to 90.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanesConfig {
    /// Whether the list of pictures is there, where there is room.
    pub browser: bool,
    /// Its width.
    pub browser_width: u16,
    /// Whether predictions and settings are there, where there is room.
    pub side: bool,
    /// Their width.
    pub side_width: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            theme: theme::AUTO.to_owned(),
            themes: BTreeMap::new(),
            keys: Keymap::default(),
            view: ViewConfig {
                alpha: 0.5,
                colormap: None,
                interpolation: Interpolation::Bilinear,
                signed: false,
                mode: Mode::Overlay,
                threshold: 100,
                contours: false,
            },
            panes: PanesConfig { browser: true, browser_width: 28, side: true, side_width: 38 },
            mouse: true,
            protocol: None,
            model: Vec::new(),
            explainer: Vec::new(),
            thumbnails: true,
            watch: true,
            exact: false,
            double: false,
            resume: false,
            plugin_memory: 4096,
            plugin_timeout: 60,
        }
    }
}

impl Config {
    /// The theme as this terminal can show it.
    pub fn theme_for(&self, terminal: &Capabilities) -> Theme {
        Theme::choose(&self.theme, &self.themes, terminal)
    }
}

/// A configuration with where it comes from.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The file, whether it is there or not; none where the user has no folder for it.
    pub path: Option<PathBuf>,
    /// Whether the file is there.
    pub found: bool,
    /// The lines of the file that say something.
    pub lines: Lines,
}

/// Where the configuration is read from: `named`, or the file in the user's folder.
pub fn path(named: Option<&Path>, places: &Places) -> Option<PathBuf> {
    named.map(Path::to_owned).or_else(|| Some(places.config().ok()?.join(FILE)))
}

/// Reads the configuration. A file that is `named` must exist; the one in the user's folder need not.
pub fn load(named: Option<&Path>, places: &Places) -> Result<Loaded, ConfigError> {
    let path = path(named, places);
    let bytes = match &path {
        None => None,
        Some(file) => match read(file) {
            Ok(bytes) => Some(bytes),
            Err(error) if named.is_none() && is_absence(&error) => None,
            Err(error) => return Err(ConfigError::Unreadable { path: file.clone(), error }),
        },
    };
    let (Some(file), Some(bytes)) = (&path, &bytes) else {
        return Ok(Loaded { config: Config::default(), path, found: false, lines: Lines::new() });
    };
    match parse::parse(bytes) {
        Ok((config, lines)) => Ok(Loaded { config, path, found: true, lines }),
        Err(mistakes) => Err(ConfigError::Mistakes { path: file.clone(), mistakes }),
    }
}

/// As many bytes as any configuration needs: a picture that is named by mistake need not be read to its end.
const LIMIT: u64 = 1 << 20;

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 1 MiB"));
    }
    Ok(bytes)
}

/// A folder that is a file (`NotADirectory`) holds no configuration either.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;
