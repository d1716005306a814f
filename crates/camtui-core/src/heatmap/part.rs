//! A map as it is shown: normalised over the whole picture once, then drawn for any part of it at any size.
//!
//! [`Levels`] draws a whole picture. Looking closer must not change the colours, so the scale, and the level above which
//! a given share of the picture lies, are those of the whole.

use super::normalise::Scale;
use super::{Heatmap, Interpolation, Levels};
use crate::picture::Rect;

/// The longest side at which the whole is looked at to find its range.
const LONGEST: f32 = 512.0;

/// A map with the scale it has over its whole picture.
#[derive(Clone, Debug)]
pub struct Shown {
    map: Heatmap,
    interpolation: Interpolation,
    signed: bool,
    scale: Scale,
    whole: Levels,
}

impl Shown {
    /// `map` over a picture of `width`×`height` pixels, of which the model saw `seen`.
    pub fn new(
        map: Heatmap,
        (width, height): (u32, u32),
        seen: Rect,
        interpolation: Interpolation,
        signed: bool,
    ) -> Self {
        let shrink = (LONGEST / width.max(height).max(1) as f32).min(1.0);
        let side = |pixels: u32| ((pixels as f32 * shrink).round() as u32).max(1);
        let (small_width, small_height) = (side(width), side(height));
        let (fx, fy) = (small_width as f32 / width.max(1) as f32, small_height as f32 / height.max(1) as f32);
        let seen = Rect { x0: seen.x0 * fx, y0: seen.y0 * fy, x1: seen.x1 * fx, y1: seen.y1 * fy };
        let (whole, scale) =
            Levels::on_scale(&map, (small_width, small_height), seen, interpolation, signed, None);
        Self { map, interpolation, signed, scale, whole }
    }

    /// The map itself, at its own resolution.
    pub fn map(&self) -> &Heatmap {
        &self.map
    }

    /// Levels of a part that is `width`×`height` pixels large on the screen; `seen` is where the model's region lies in
    /// these pixels, possibly beyond them.
    pub fn part(&self, (width, height): (u32, u32), seen: Rect) -> Levels {
        Levels::on_scale(&self.map, (width, height), seen, self.interpolation, self.signed, Some(self.scale))
            .0
    }

    /// The least strength among the strongest `share` (0…1) of what the model saw.
    pub fn floor(&self, share: f32) -> u8 {
        self.whole.floor(share)
    }

    /// The map's value where `x`, `y` (0…1 across what the model saw) look at it, and that value normalised to 0…1 (or
    /// −1…1).
    pub fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let value = super::upsample::at(&self.map, f64::from(x), f64::from(y), self.interpolation);
        (value, self.scale.apply(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(signed: bool) -> Shown {
        let map = Heatmap::new(2, 2, vec![-1.0, 1.0, 2.0, 3.0]).unwrap();
        Shown::new(map, (400, 200), Rect::whole(400, 200), Interpolation::Bilinear, signed)
    }

    #[test]
    fn a_part_has_the_colours_of_the_whole() {
        for signed in [false, true] {
            let shown = shown(signed);
            let whole = shown.part((400, 200), Rect::whole(400, 200));
            // The right lower quarter, four times as large: pixel (2x+½, 2y+½) of the part is (200+x, 100+y).
            let part = shown.part((400, 200), Rect { x0: -400.0, y0: -200.0, x1: 400.0, y1: 200.0 });
            for (x, y) in [(0, 0), (50, 70), (199, 99)] {
                let of_whole = i32::from(whole.level(200 + x, 100 + y).unwrap());
                let of_part = i32::from(part.level(2 * x, 2 * y).unwrap());
                assert!((of_whole - of_part).abs() <= 2, "{x} {y}: {of_whole} {of_part}");
            }
            assert!(part.level(0, 0).unwrap() > 100, "the quarter is not stretched to the full range");
        }
    }

    #[test]
    fn the_floor_leaves_the_share_above_it() {
        let shown = shown(false);
        let whole = shown.part((400, 200), Rect::whole(400, 200));
        for share in [0.05, 0.25, 0.5] {
            let floor = shown.floor(share);
            let above = (0..400 * 200).filter(|i| whole.level(i % 400, i / 400).unwrap() >= floor).count();
            let found = above as f32 / 80_000.0;
            assert!((found - share).abs() < 0.02, "{share}: {found}");
        }
        assert_eq!(shown.floor(1.0), 0);
    }

    #[test]
    fn points_read_the_maps_values() {
        let shown = shown(true);
        let (value, normal) = shown.at(1.0, 1.0);
        assert!((value - 3.0).abs() < 1e-6 && (normal - 1.0).abs() < 1e-6);
        let (middle, _) = shown.at(0.5, 0.5);
        assert!((middle - 1.25).abs() < 1e-6);
    }
}
