//! From a file to the model's input.
//!
//! [`decode`] turns bytes of any kind of picture into a [`Photo`]: upright 8-bit RGB, nothing transparent. [`prepare`]
//! turns a photo into the tensor a model takes, by its [`Recipe`](crate::Recipe); [`seen_region`] says which part of
//! the photo that tensor shows, so that a heat map is drawn where it belongs; [`un_normalise`] goes the other way, for
//! tensors that came without a photo. How the resizing is done, and why exactly so, is in [`resize`].

pub mod decode;
mod jpeg;
mod kind;
mod prepare;
pub mod resize;
mod tiff;

pub use decode::PhotoError;
pub use prepare::{PrepareError, Rect, prepare, seen_region, un_normalise};

/// An upright picture in 8-bit RGB.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    name: String,
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    source_sha256: Option<String>,
}

impl Photo {
    /// Takes `pixels` (RGB, row by row, `3·width·height` bytes) as a photo; `None` where their number does not fit or
    /// a side is 0.
    pub fn from_rgb(name: impl Into<String>, width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        let fits = width > 0 && height > 0 && pixels.len() as u64 == u64::from(width) * u64::from(height) * 3;
        fits.then(|| Self { name: name.into(), width, height, pixels, source_sha256: None })
    }

    /// SHA-256 (hex) of the file it was decoded from; none for pixels that came from no file.
    pub fn source_sha256(&self) -> Option<&str> {
        self.source_sha256.as_deref()
    }

    /// Where it came from, as the user wrote it: a path, or a made-up name for pictures from a pipe.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// RGB, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl std::fmt::Debug for Photo {
    // The pixels would drown a failed assertion.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Photo({:?}, {}×{})", self.name, self.width, self.height)
    }
}
