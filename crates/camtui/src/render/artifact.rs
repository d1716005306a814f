//! One result made into what was asked for: files on disk, a picture for the terminal, a JSON line.
//!
//! This runs on the worker, so that encoding uses all cores; showing is the main thread's.

use std::path::{Path, PathBuf};
use std::time::Instant;

use camtui_core::file::{encode_png, write_atomic};
use camtui_core::heatmap::{Heatmap, Interpolation, Levels, Overlay, Style};
use camtui_core::{Recipe, Tensor, npy};
use serde_json::Value;

use super::record::{Record, Timings};
use super::setup::Setup;
use super::strip::Tile;
use super::{milliseconds, name_parts, worth};
use crate::pipeline::Found;
use crate::pipeline::picture::Picture;

/// What is shown of one result.
pub struct Artifact {
    /// One line for people.
    pub legend: String,
    /// Sentences that help to read the map.
    pub diagnostics: Vec<String>,
    /// What the explainer's library did besides that it must not do.
    pub complaints: Vec<String>,
    /// Its figures, a line each; with advice, below the last map, a line for each map.
    pub table: Option<String>,
    /// For the terminal, where one is drawn on.
    pub overlay: Option<Overlay>,
    /// For a strip, where its explainer is one of several, and what is written into the strip's file.
    pub tile: Option<Tile>,
    /// See [`Self::tile`].
    pub provenance: Option<Value>,
    /// One object, where asked for.
    pub json: Value,
    /// Files written.
    pub written: Vec<PathBuf>,
}

impl Setup {
    /// Writes what goes to files and keeps what goes to the screen.
    pub fn artifact(
        &self,
        index: usize,
        picture: &Picture,
        record: &Record<'_>,
        recipe: &Recipe,
        mut timings: Timings,
    ) -> Result<Artifact, String> {
        let begun = Instant::now();
        let found = record.found;
        let slug = found.target.slug();
        let parts = name_parts(
            self.several,
            record.question.model,
            &slug,
            &found.explainer,
            found.layers.first().map_or("", String::as_str),
        );
        let mut written = Vec::new();
        let (mut drawn, mut tile, mut provenance) = (None, None, None);
        if self.strip {
            let how = (self.explaining.interpolation, found.signed, self.style);
            tile = Some(Tile::new(picture, recipe, &found.map, how, record.caption())?);
            provenance = self.png.as_ref().map(|_| record.provenance());
        } else if self.on_screen || self.png.is_some() {
            drawn = overlay(picture, recipe, found, self.explaining.interpolation, self.style)?;
        }
        if let (Some(to), Some(image)) = (&self.png, &drawn) {
            let path = to.path(index, &parts);
            let provenance = record.provenance().to_string();
            let png = encode_png(image.width(), image.height(), image.pixels(), &provenance)
                .map_err(|e| e.to_string())?;
            write(&path, &png)?;
            written.push(path);
        }
        if let Some(to) = &self.npy {
            let path = to.path(index, &parts);
            let map = &found.map;
            write(&path, &npy_of(map))?;
            written.push(path);
        }
        timings.write = milliseconds(begun);
        Ok(Artifact {
            legend: record.legend(),
            diagnostics: found.diagnostics.clone(),
            complaints: found.complaints.clone(),
            table: found.metrics.as_ref().filter(|_| !self.explaining.advise).map(worth::table),
            overlay: drawn.filter(|_| self.on_screen),
            tile,
            provenance,
            json: record.json(timings),
            written,
        })
    }
}

/// The map over what was explained.
pub fn overlay(
    picture: &Picture,
    recipe: &Recipe,
    found: &Found,
    interpolation: Interpolation,
    style: Style,
) -> Result<Option<Overlay>, String> {
    let (photo, seen) = picture.drawn(recipe)?;
    let levels = Levels::new(&found.map, photo.width(), photo.height(), seen, interpolation, found.signed);
    Ok(levels.over(&photo, style))
}

/// A map as a `.npy` file.
pub fn npy_of(map: &Heatmap) -> Vec<u8> {
    let tensor = Tensor::new([map.height(), map.width()], map.values().to_vec());
    npy::write(&tensor.expect("a map fills its height and width"))
}

/// Writes a file, with the folders above it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|e| format!("cannot make the folder {}: {e}", folder.display()))?;
    }
    write_atomic(path, bytes).map_err(|e| e.to_string())
}
