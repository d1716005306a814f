//! Where camtui's files live on this machine.
//!
//! The platform's own conventions (XDG on Linux) say where; an environment variable moves each folder. Nothing
//! is created here: who writes a file makes its folder. A machine without a home directory is no reason to stop
//! a program that draws a picture, so a missing folder is an error only for whoever asks for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

/// Moves the data folder (models, plugins).
pub const DATA_VARIABLE: &str = "CAMTUI_DATA_DIR";
/// Moves the cache folder (converted models; may be deleted at any time).
pub const CACHE_VARIABLE: &str = "CAMTUI_CACHE_DIR";

/// Moves the configuration folder (`config.toml`).
pub const CONFIG_VARIABLE: &str = "CAMTUI_CONFIG_DIR";
/// Moves the state folder (the log, what a session remembers).
pub const STATE_VARIABLE: &str = "CAMTUI_STATE_DIR";

/// A folder was asked for on a machine where none can be named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "camtui has no folder for its {purpose} here: the user has no home directory; \
     set HOME, or {variable} to a folder of your choice"
)]
pub struct NoPlace {
    purpose: &'static str,
    variable: &'static str,
}

/// The user's folders. They need not exist yet; overrides are made absolute, empty ones count as unset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    data: Option<PathBuf>,
    cache: Option<PathBuf>,
    config: Option<PathBuf>,
    state: Option<PathBuf>,
}

impl Places {
    /// The folders of the user who runs the program, moved by the `CAMTUI_*_DIR` variables.
    pub fn from_env() -> Self {
        Self::new(|variable| std::env::var_os(variable), ProjectDirs::from("", "", "camtui").as_ref())
    }

    /// The folders, with the environment and the platform's answer given by the caller.
    pub fn new(lookup: impl Fn(&str) -> Option<OsString>, home: Option<&ProjectDirs>) -> Self {
        let place = |variable: &str, standard: fn(&ProjectDirs) -> PathBuf| {
            lookup(variable)
                .filter(|value| !value.is_empty())
                // `absolute` fails only where the current directory is gone; the path as given is then as good.
                .map(|value| std::path::absolute(&value).unwrap_or_else(|_| value.into()))
                .or_else(|| home.map(standard))
        };
        Self {
            data: place(DATA_VARIABLE, |home| home.data_dir().to_path_buf()),
            cache: place(CACHE_VARIABLE, |home| home.cache_dir().to_path_buf()),
            config: place(CONFIG_VARIABLE, |home| home.config_dir().to_path_buf()),
            // Only XDG has a folder for state; elsewhere it goes to the data.
            state: place(STATE_VARIABLE, |home| home.state_dir().unwrap_or(home.data_dir()).to_path_buf()),
        }
    }

    /// Where pulled models lie.
    pub fn models(&self) -> Result<PathBuf, NoPlace> {
        Ok(self.data()?.join("models"))
    }

    /// Where the user's plugins lie.
    pub fn plugins(&self) -> Result<PathBuf, NoPlace> {
        Ok(self.data()?.join("plugins"))
    }

    /// What the user would miss: models and plugins.
    pub fn data(&self) -> Result<&Path, NoPlace> {
        self.data.as_deref().ok_or(NoPlace { purpose: "data", variable: DATA_VARIABLE })
    }

    /// What can be made again.
    pub fn cache(&self) -> Result<&Path, NoPlace> {
        self.cache.as_deref().ok_or(NoPlace { purpose: "cache", variable: CACHE_VARIABLE })
    }

    /// What the user has decided.
    pub fn config(&self) -> Result<&Path, NoPlace> {
        self.config.as_deref().ok_or(NoPlace { purpose: "configuration", variable: CONFIG_VARIABLE })
    }

    /// What a session leaves behind: the log, and where it was.
    pub fn state(&self) -> Result<&Path, NoPlace> {
        self.state.as_deref().ok_or(NoPlace { purpose: "state", variable: STATE_VARIABLE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_moves_its_folder_and_no_other() {
        let places = Places::new(|name| (name == DATA_VARIABLE).then(|| "/srv/camtui".into()), None);
        assert_eq!(places.models().unwrap(), Path::new("/srv/camtui/models"));
        assert_eq!(places.plugins().unwrap(), Path::new("/srv/camtui/plugins"));
        assert!(places.cache().is_err() && places.config().is_err() && places.state().is_err());
        for (variable, place) in [
            (CONFIG_VARIABLE, Places::config as fn(&Places) -> Result<&Path, NoPlace>),
            (STATE_VARIABLE, Places::state),
        ] {
            let places = Places::new(|name| (name == variable).then(|| "/srv/other".into()), None);
            assert_eq!(place(&places), Ok(Path::new("/srv/other")), "{variable}");
            assert!(places.data().is_err());
        }
    }

    #[test]
    fn a_relative_folder_is_made_absolute_and_an_empty_one_is_none() {
        let places = Places::new(|name| (name == CACHE_VARIABLE).then(|| "here".into()), None);
        assert_eq!(places.cache().unwrap(), std::env::current_dir().unwrap().join("here"));
        let places = Places::new(|_| Some(OsString::new()), None);
        assert!(places.cache().is_err());
    }

    #[test]
    fn without_a_home_the_message_names_the_way_out() {
        let message = Places::new(|_| None, None).models().unwrap_err().to_string();
        assert!(message.contains("no home directory") && message.contains(DATA_VARIABLE), "{message}");
    }

    #[test]
    fn with_a_home_every_folder_has_a_name() {
        let home = ProjectDirs::from("", "", "camtui");
        let Some(home) = home else { return println!("skipped: no home directory here") };
        let places = Places::new(|_| None, Some(&home));
        for place in [places.data(), places.cache(), places.config(), places.state()] {
            assert!(place.unwrap().ends_with("camtui"));
        }
    }
}
