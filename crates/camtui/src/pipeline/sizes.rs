//! `--input-size`: a model for pictures of another size than its own, or of each picture's own.
//!
//! Convolutions go over any picture, and a network that pools over all of what is left gives scores for any. Seen larger, a
//! picture has finer maps; seen in its own shape, it is not squashed.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use camtui_core::model::{self, Cache, Convolutions, ModelSource, Network, Schedule, Variant};

/// Sides are multiples of this many pixels: what the networks' strides come to.
const STEP: u32 = 32;
/// The most pixels of a picture seen in its own size; a larger one is made smaller.
const MOST_PIXELS: u32 = 1 << 20;
/// Networks that are kept; a folder rarely has pictures of more sizes, and each holds its own plans.
const KEPT: usize = 4;

/// What `--input-size` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputSize {
    /// Height and width in pixels.
    Fixed(usize, usize),
    /// Each picture's own.
    Picture,
}

impl FromStr for InputSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "picture" {
            return Ok(Self::Picture);
        }
        let side = |part: &str| part.trim().parse::<usize>().ok().filter(|side| (32..=8192).contains(side));
        let sides = match text.split_once(['x', '×']) {
            Some((height, width)) => side(height).zip(side(width)),
            None => side(text).map(|side| (side, side)),
        };
        let (height, width) = sides.ok_or(
            "a size is HEIGHTxWIDTH of 32 to 8192 pixels each, one number for a square, or `picture`",
        )?;
        Ok(Self::Fixed(height, width))
    }
}

impl fmt::Display for InputSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(height, width) => write!(f, "{height}x{width}"),
            Self::Picture => f.write_str("picture"),
        }
    }
}

/// The input's height and width for a picture of this size: its own as nearly as strides allow, with at most a million pixels.
pub fn own_size(width: u32, height: u32) -> (usize, usize) {
    let pixels = f64::from(width) * f64::from(height);
    let scale = (f64::from(MOST_PIXELS) / pixels).sqrt().min(1.0);
    let longest = MOST_PIXELS / STEP;
    let side = |side: u32| {
        let steps = (f64::from(side) * scale / f64::from(STEP)).round() as u32;
        (steps * STEP).clamp(STEP, longest) as usize
    };
    (side(height), side(width))
}

/// One model for pictures of several sizes, the last few of which are kept.
#[derive(Debug)]
pub struct OtherSizes {
    source: ModelSource,
    /// What is a layer beside those that the model names.
    layers: Vec<String>,
    schedule: Schedule,
    threads: usize,
    convolutions: Convolutions,
    kept: Mutex<Vec<Arc<Kept>>>,
}

/// A place for one size's network, which its first reader opens while others go on.
#[derive(Debug)]
struct Kept {
    size: (usize, usize),
    network: OnceLock<Result<Arc<Network>, String>>,
}

impl OtherSizes {
    /// None yet.
    pub fn new(
        source: ModelSource,
        layers: Vec<String>,
        schedule: Schedule,
        threads: usize,
        convolutions: Convolutions,
    ) -> Self {
        Self { source, layers, schedule, threads, convolutions, kept: Mutex::new(Vec::new()) }
    }

    /// How the model was asked for.
    pub fn variant(&self) -> Variant {
        self.source.variant()
    }

    /// The model for inputs of `size` (height, width). It is not put into the cache, which would hold all weights once a size.
    pub fn of(&self, size: (usize, usize)) -> Result<Arc<Network>, String> {
        self.place(size).network.get_or_init(|| self.open(size)).clone()
    }

    fn place(&self, size: (usize, usize)) -> Arc<Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match kept.iter().position(|kept| kept.size == size) {
            Some(at) => kept.remove(at),
            None => Arc::new(Kept { size, network: OnceLock::new() }),
        };
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(Arc::clone(&place));
        place
    }

    fn open(&self, size: (usize, usize)) -> Result<Arc<Network>, String> {
        let source = self.source.taken_as(Variant { size: Some(size), ..self.variant() });
        let opened =
            model::open(&source, &Cache::disabled()).and_then(|opened| opened.with_layers(&self.layers));
        let opened = opened.map_err(|error| error.to_string())?;
        Ok(Arc::new(opened.into_network(self.schedule, self.threads).computing(self.convolutions)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_several_forms() {
        assert_eq!("320x480".parse(), Ok(InputSize::Fixed(320, 480)));
        assert_eq!("320×480".parse(), Ok(InputSize::Fixed(320, 480)));
        assert_eq!("448".parse(), Ok(InputSize::Fixed(448, 448)));
        assert_eq!("picture".parse(), Ok(InputSize::Picture));
        for wrong in ["", "31", "64x", "x64", "9999", "-64", "a"] {
            assert!(wrong.parse::<InputSize>().unwrap_err().contains("HEIGHTxWIDTH"), "{wrong}");
        }
    }

    #[test]
    fn a_picture_keeps_its_shape() {
        assert_eq!(own_size(640, 480), (480, 640));
        assert_eq!(own_size(500, 375), (384, 512));
        assert_eq!(own_size(6000, 4000), (832, 1248));
        assert_eq!(own_size(1, 1), (32, 32));
        assert_eq!(own_size(60_000, 1), (32, 32_768));
    }
}
