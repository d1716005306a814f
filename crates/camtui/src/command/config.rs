//! `camtui config`: the configuration in effect, its schema, its place.

use std::path::Path;

use anyhow::anyhow;

use super::print;
use crate::config::flags::protocol_variable;
use crate::config::{self, print::print as printed, schema::schema};
use crate::exit::Failure;
use crate::store::Places;

/// Runs it.
pub fn run(
    file: Option<&Path>,
    wants_schema: bool,
    wants_path: bool,
    places: &Places,
) -> Result<(), Failure> {
    if wants_schema {
        return print(format!("{:#}\n", schema()).as_bytes());
    }
    if wants_path {
        if let Some(path) = config::path(file, places) {
            return print(format!("{}\n", path.display()).as_bytes());
        }
        let reason = places.config().err().map(|error| error.to_string()).unwrap_or_default();
        return Err(Failure::Failed(anyhow!(reason)));
    }
    let loaded = config::load(file, places).map_err(|e| Failure::Usage(e.into()))?;
    print(printed(&loaded, protocol_variable().as_deref()).as_bytes())
}
