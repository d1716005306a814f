//! What a session leaves for the next one, as plain data in `session.json` of the state folder.
//!
//! Nothing here knows the session's state: names are texts, so a file of another version, or one that names a layer the
//! model does not have, can do no harm. Whoever takes it up keeps what still fits.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use camtui_core::file::{ReadError, read_regular, write_atomic};
use serde::{Deserialize, Serialize};

use crate::config::{Config, PanesConfig, ViewConfig};
use crate::log::{self, Level};
use crate::store::Places;

/// The file's name in the state folder.
pub const FILE: &str = "session.json";

/// What the file must say to be ours. The number goes up when old files could be misunderstood.
const KIND: &str = "camtui session 1";

/// Bytes that are read at most: marks of a hundred thousand pictures fit.
const LIMIT: u64 = 16 << 20;

/// A session as it was left. Paths are absolute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    kind: String,
    /// What the session was started on and what was opened since: pictures, folders, globs.
    pub paths: Vec<String>,
    /// The picture that was shown.
    pub picture: Option<String>,
    /// Pictures that were marked.
    pub marks: Vec<String>,
    /// Name of the order of the list.
    pub sort: Option<String>,
    /// Models by name or file, the current one first.
    pub models: Vec<String>,
    /// Id of the explainer.
    pub explainer: Option<String>,
    /// Parameters of the explainer that were set, by key.
    pub params: BTreeMap<String, String>,
    /// Layers; several are fused.
    pub layers: Vec<String>,
    /// How maps are smoothed, as `--smooth` takes it.
    pub smooth: Option<String>,
    /// The target as `--target` takes it.
    pub target: Option<String>,
    /// How the map was drawn.
    pub look: Look,
    /// What stood beside the picture.
    pub panes: Panes,
}

/// How maps are drawn, by names as in the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// Opacity, 0 to 1.
    pub alpha: f32,
    /// Name of the colour map; none: by whether the map is signed.
    pub colormap: Option<String>,
    /// Name of the interpolation.
    pub interpolation: String,
    /// Whether the map shows what speaks against the class.
    pub signed: bool,
    /// Name of the [mode](super::look::Mode).
    pub mode: String,
    /// The top share of the map that is shown, in per cent, 1 to 100.
    pub threshold: u16,
    /// Lines of equal value.
    pub contours: bool,
}

/// What stands beside the picture; widths in columns, 14 to 90.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Panes {
    /// Whether the list of pictures is there.
    pub browser: bool,
    /// Its width.
    pub browser_width: u16,
    /// Whether predictions and settings are there.
    pub side: bool,
    /// Their width.
    pub side_width: u16,
}

impl Default for Look {
    fn default() -> Self {
        Self::from(&Config::default().view)
    }
}

impl Default for Panes {
    fn default() -> Self {
        Self::from(&Config::default().panes)
    }
}

impl From<&ViewConfig> for Look {
    fn from(view: &ViewConfig) -> Self {
        Self {
            alpha: view.alpha,
            colormap: view.colormap.map(|map| map.name().to_owned()),
            interpolation: view.interpolation.name().to_owned(),
            signed: view.signed,
            mode: view.mode.name().to_owned(),
            threshold: view.threshold,
            contours: view.contours,
        }
    }
}

impl From<&PanesConfig> for Panes {
    fn from(panes: &PanesConfig) -> Self {
        let PanesConfig { browser, browser_width, side, side_width } = *panes;
        Self { browser, browser_width, side, side_width }
    }
}

impl Remembered {
    /// Where it is kept; none where there is no folder for it.
    pub fn place(places: &Places) -> Option<PathBuf> {
        Some(places.state().ok()?.join(FILE))
    }

    /// A path as it is remembered: absolute, so that the next session may start anywhere. None for standard input (`-`)
    /// and for a path that is no Unicode.
    pub fn path(path: &Path) -> Option<String> {
        if path == Path::new("-") {
            return None;
        }
        std::path::absolute(path).ok()?.to_str().map(str::to_owned)
    }

    /// What is remembered in a file. None where there is no file, and, with a note in the log, where it cannot be read or
    /// is not ours. Numbers beyond their ranges are brought into them.
    pub fn read(path: &Path) -> Option<Self> {
        let ignored = |reason: &dyn std::fmt::Display| {
            log::note(Level::Warning, &format!("{} is not taken up: {reason}", path.display()));
        };
        let text = match read_regular(path, LIMIT) {
            Ok(text) => text,
            Err(ReadError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                ignored(&error);
                return None;
            }
        };
        match serde_json::from_slice::<Self>(&text) {
            Ok(found) if found.kind == KIND => Some(found.within_ranges()),
            Ok(_) => {
                ignored(&format!("it does not say `{KIND}`"));
                None
            }
            Err(error) => {
                ignored(&error);
                None
            }
        }
    }

    /// Writes it, whole or not at all, and makes the folder if it must.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let ours = Self { kind: KIND.to_owned(), ..self.clone() };
        let mut text =
            serde_json::to_vec_pretty(&ours).map_err(|e| format!("cannot remember the session: {e}"))?;
        text.push(b'\n');
        if let Some(folder) = path.parent() {
            let failed = |e| format!("cannot make the folder {}: {e}", folder.display());
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        write_atomic(path, &text).map_err(|e| format!("cannot remember the session: {e}"))
    }

    fn within_ranges(mut self) -> Self {
        self.look.alpha = self.look.alpha.clamp(0.0, 1.0);
        self.look.threshold = self.look.threshold.clamp(1, 100);
        self.panes.browser_width = self.panes.browser_width.clamp(14, 90);
        self.panes.side_width = self.panes.side_width.clamp(14, 90);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Remembered {
        Remembered {
            kind: KIND.to_owned(),
            paths: vec!["/pictures/ä b".into()],
            picture: Some("/pictures/ä b/\u{1b}.png".into()),
            marks: vec!["/pictures/1.png".into(), "/pictures/2.png".into()],
            sort: Some("probability".into()),
            models: vec!["resnet18".into()],
            explainer: Some("occlusion".into()),
            params: BTreeMap::from([("stride".into(), "8".into())]),
            layers: vec!["layer3".into(), "layer4".into()],
            smooth: Some("aug,eigen".into()),
            target: Some("258~270".into()),
            look: Look {
                alpha: 0.3,
                colormap: Some("viridis".into()),
                interpolation: "nearest".into(),
                signed: true,
                mode: "map".into(),
                threshold: 25,
                contours: true,
            },
            panes: Panes { browser: false, browser_width: 40, side: false, side_width: 50 },
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new(|_| Some(folder.path().join("new/state").into()), None);
        let path = Remembered::place(&places).unwrap();
        assert_eq!(Remembered::read(&path), None);
        some().write(&path).unwrap();
        assert_eq!(Remembered::read(&path), Some(some()));
        let nothing = Remembered::default();
        nothing.write(&path).unwrap();
        let read = Remembered::read(&path).unwrap();
        assert_eq!((read.look, read.panes, read.paths), (nothing.look, nothing.panes, nothing.paths));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no half file is left");
    }

    #[test]
    fn damaged_and_foreign_files_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        some().write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() - 2 {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(Remembered::read(&path), None, "cut at {cut}");
        }
        for text in ["{}", "[]", "null", "{\"kind\":\"camtui session 2\"}", "\u{0}\u{1}", "{\"paths\":3}"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Remembered::read(&path), None, "{text}");
        }
        assert_eq!(Remembered::read(folder.path()), None, "a folder");
    }

    #[test]
    fn what_is_missing_is_as_by_default_and_numbers_are_brought_into_range() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let text = format!(
            "{{\"kind\": \"{KIND}\", \"later\": 1, \"look\": {{\"alpha\": 7, \"threshold\": 0}}, \
             \"panes\": {{\"side_width\": 9999}}}}"
        );
        std::fs::write(&path, text).unwrap();
        let read = Remembered::read(&path).unwrap();
        let look = Look { alpha: 1.0, threshold: 1, ..Look::default() };
        assert_eq!((read.look, read.panes), (look, Panes { side_width: 90, ..Panes::default() }));
    }

    #[test]
    fn paths_are_remembered_absolute() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(Remembered::path(Path::new("a/b.png")).as_deref(), here.join("a/b.png").to_str());
        assert_eq!(Remembered::path(Path::new("-")), None);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let error = some().write(&folder.path().join("file/session.json")).unwrap_err();
        assert!(error.contains("file"), "{error}");
    }
}
