//! What cargo leaves beside this program: camtui, and the bundled explainers as a library.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

/// The program that is named, or the one beside this one.
pub fn program(named: Option<&Path>) -> Result<PathBuf> {
    let program = match named {
        Some(program) => std::path::absolute(program)?,
        None => std::env::current_exe()?.with_file_name(format!("camtui{}", std::env::consts::EXE_SUFFIX)),
    };
    ensure!(
        program.is_file(),
        "{} is not there: `cargo build --release -p camtui` makes it, or --program names another",
        program.display()
    );
    Ok(program)
}

/// The library of the bundled explainers that is named, or the one beside `program`, if it is there.
pub fn library(named: Option<&Path>, program: &Path) -> Option<PathBuf> {
    let name = format!("{}camtui_standard{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = named.map_or_else(|| program.with_file_name(name), Path::to_owned);
    library.is_file().then_some(library)
}
