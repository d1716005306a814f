//! How an answer is drawn: nothing in here asks the model anything, so every change of it is instant.

use camtui_core::heatmap::{Colormap, Interpolation};

/// What is seen of picture and map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The map over the picture.
    #[default]
    Overlay,
    /// The map alone.
    Map,
    /// The picture alone.
    Picture,
    /// The picture, and the map over it beside.
    SideBySide,
}

impl Mode {
    /// Every mode with its name.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("overlay", Self::Overlay),
        ("map", Self::Map),
        ("picture", Self::Picture),
        ("side-by-side", Self::SideBySide),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, mode)| mode)
    }

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::NAMES.iter().position(|(_, mode)| *mode == self).unwrap_or(0);
        Self::NAMES[(at + 1) % Self::NAMES.len()].1
    }
}

/// Which part of the picture is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zoom {
    /// How many times larger than the whole, 1 to [`Zoom::MOST`].
    pub factor: f32,
    /// The middle of what is seen, 0…1 across the picture.
    pub x: f32,
    /// The middle of what is seen, 0…1 down the picture.
    pub y: f32,
}

impl Default for Zoom {
    fn default() -> Self {
        Self { factor: 1.0, x: 0.5, y: 0.5 }
    }
}

impl Zoom {
    /// As close as one can look.
    pub const MOST: f32 = 32.0;

    /// The same middle, or the given one, so many times closer.
    #[must_use]
    pub fn closer(self, times: f32, towards: Option<(f32, f32)>) -> Self {
        let factor = (self.factor * times).clamp(1.0, Self::MOST);
        // The point under the cursor stays where it is.
        let (x, y) = towards.map_or((self.x, self.y), |(px, py)| {
            let keep = self.factor / factor;
            (px + (self.x - px) * keep, py + (self.y - py) * keep)
        });
        Self { factor, x, y }.within()
    }

    /// Moved by shares of what is seen.
    #[must_use]
    pub fn panned(self, dx: f32, dy: f32) -> Self {
        Self { x: self.x + dx / self.factor, y: self.y + dy / self.factor, ..self }.within()
    }

    /// What is seen, as left, top, right, bottom from 0 to 1.
    pub fn window(self) -> (f32, f32, f32, f32) {
        let half = 0.5 / self.factor;
        (self.x - half, self.y - half, self.x + half, self.y + half)
    }

    fn within(self) -> Self {
        let half = 0.5 / self.factor;
        Self { x: self.x.clamp(half, 1.0 - half), y: self.y.clamp(half, 1.0 - half), ..self }
    }
}

/// The shares of the map that [`Look::top`] steps through, in percent.
pub const SHARES: [Option<u8>; 5] = [None, Some(50), Some(25), Some(10), Some(5)];

/// How an answer is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// What is seen.
    pub mode: Mode,
    /// Opacity of the colours in percent.
    pub alpha: u8,
    /// The colours; none means those that suit, jet or (signed) diverging.
    pub colormap: Option<Colormap>,
    /// How the map is enlarged.
    pub interpolation: Interpolation,
    /// With what speaks against the class.
    pub signed: bool,
    /// Only so many percent of the picture, where the map is strongest.
    pub top: Option<u8>,
    /// Lines of equal strength.
    pub contours: bool,
    /// Which part of the picture.
    pub zoom: Zoom,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            alpha: 50,
            colormap: None,
            interpolation: Interpolation::default(),
            signed: false,
            top: None,
            contours: false,
            zoom: Zoom::default(),
        }
    }
}

impl Look {
    /// The colours that are used.
    pub fn colours(&self) -> Colormap {
        self.colormap.unwrap_or(if self.signed { Colormap::Diverging } else { Colormap::Jet })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_closer_keeps_the_point_and_stays_within() {
        let zoom = Zoom::default().closer(4.0, Some((0.25, 0.75)));
        let (left, top, right, bottom) = zoom.window();
        assert!(((0.25 - left) / (right - left) - 0.25).abs() < 1e-6, "a quarter from the left, as before");
        assert!(((0.75 - top) / (bottom - top) - 0.75).abs() < 1e-6);
        let corner = Zoom::default().closer(8.0, Some((0.0, 0.0))).panned(-5.0, -5.0);
        assert!(corner.window().0.abs() < 1e-6);
        assert!((Zoom::default().closer(1e9, None).factor - Zoom::MOST).abs() < 1e-6);
        assert_eq!(zoom.closer(0.0, None), Zoom::default());
    }

    #[test]
    fn modes_go_round() {
        let mut mode = Mode::default();
        for _ in 0..Mode::NAMES.len() {
            assert_eq!(Mode::parse(mode.name()), Some(mode));
            mode = mode.next();
        }
        assert_eq!(mode, Mode::Overlay);
    }
}
