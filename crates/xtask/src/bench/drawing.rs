//! What surrounds the model, each step alone: decode, resize, draw, encode.

use std::path::Path;

use anyhow::{Context, Result};
use camtui_core::Recipe;
use camtui_core::file::encode_png;
use camtui_core::heatmap::{Heatmap, Interpolation, Levels, Style};
use camtui_core::picture::{Photo, Rect, prepare};

use super::turns::timed;

/// A step on the way from a file to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Decode,
    Resize,
    Overlay,
    Encode,
}

/// A picture, and threads to draw with.
pub struct Drawing {
    name: String,
    bytes: Vec<u8>,
    photo: Photo,
    map: Heatmap,
    pool: rayon::ThreadPool,
}

impl Drawing {
    /// Reads the picture.
    pub fn new(image: &Path, threads: usize) -> Result<Self> {
        let name = image.to_string_lossy().into_owned();
        let bytes = std::fs::read(image).with_context(|| format!("cannot read {name}"))?;
        let photo = Photo::from_bytes(&name, &bytes)?;
        let map = Heatmap::new(7, 7, (0..49).map(|n| (n * 17 % 49) as f32).collect())?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        Ok(Self { name, bytes, photo, map, pool })
    }

    /// Milliseconds of `calls` of one step.
    pub fn times(&self, step: Step, calls: usize) -> Result<Vec<f64>> {
        let (width, height) = (self.photo.width(), self.photo.height());
        let drawn = || {
            let seen = Rect::whole(width, height);
            let levels = Levels::new(&self.map, width, height, seen, Interpolation::Bilinear, false);
            levels.over(&self.photo, Style::default_for(false)).context("the map fits the picture")
        };
        let overlay = drawn()?;
        let recipe = Recipe::imagenet();
        self.pool.install(|| {
            timed(calls, || {
                match step {
                    Step::Decode => drop(Photo::from_bytes(&self.name, &self.bytes)?),
                    Step::Resize => drop(prepare(&self.photo, &recipe)?),
                    Step::Overlay => drop(drawn()?),
                    Step::Encode => drop(encode_png(width, height, overlay.pixels(), "{}")?),
                }
                Ok(())
            })
        })
    }
}
