//! A map at the resolution of a picture.
//!
//! Positions are pixels' centres: output pixel i looks at `(i + ½)·n/N − ½` of n source pixels, as PyTorch's
//! `F.interpolate(align_corners=False)` and cv2 do. Bilinear and bicubic (Keys 1981, a = −0.75) are PyTorch's;
//! nearest is its `nearest-exact`, as the older `nearest` shifts a map by up to half a cell.
//!
//! Rows and columns are independent, so each source row is stretched once, and output rows are blends of at most four
//! of those: a 7×7 map at 1920×1080 costs seven stretched rows and one pass over the output.

use super::Heatmap;

/// How values between a map's cells are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// Straight between neighbouring centres.
    #[default]
    Bilinear,
    /// The nearest cell's value: shows the map as it is.
    Nearest,
    /// Smooth through four neighbours a side; overshoots a little.
    Bicubic,
}

impl Interpolation {
    /// Every kind with the name it has on the command line.
    pub const NAMES: [(&'static str, Self); 3] =
        [("bilinear", Self::Bilinear), ("nearest", Self::Nearest), ("bicubic", Self::Bicubic)];

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind)
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// The map at `height`×`width`, both at least 1.
pub fn upsample(map: &Heatmap, height: usize, width: usize, interpolation: Interpolation) -> Heatmap {
    let rows = Axis::new(map.height, height, 0.0, height as f64, interpolation);
    let columns = Axis::new(map.width, width, 0.0, width as f64, interpolation);
    sample(map, &rows, &columns)
}

/// The map's value at one point, 0…1 across its width and height.
pub(super) fn at(map: &Heatmap, x: f64, y: f64, kind: Interpolation) -> f32 {
    let column = Tap::at(x * map.width as f64, map.width, kind);
    let row = Tap::at(y * map.height as f64, map.height, kind);
    row.over(|r| column.over(|c| map.values[r * map.width + c])).clamp(f32::MIN, f32::MAX)
}

/// The map's values where output rows and columns look at it.
pub(super) fn sample(map: &Heatmap, rows: &Axis, columns: &Axis) -> Heatmap {
    let (height, width) = (rows.taps.len(), columns.taps.len());
    let mut stretched = vec![0.0f32; map.height * width];
    for (out, source) in stretched.chunks_exact_mut(width.max(1)).zip(map.values.chunks_exact(map.width)) {
        for (value, tap) in out.iter_mut().zip(&columns.taps) {
            // The overshoot of bicubic weights can leave f32 where the map spans all of it.
            *value = tap.over(|i| source[i]).clamp(f32::MIN, f32::MAX);
        }
    }
    let mut values = vec![0.0f32; height * width];
    for (out, tap) in values.chunks_exact_mut(width.max(1)).zip(&rows.taps) {
        for (&index, &weight) in tap.indices.iter().zip(&tap.weights) {
            if weight != 0.0 {
                let row = &stretched[index * width..][..width];
                for (value, source) in out.iter_mut().zip(row) {
                    *value += weight * source;
                }
            }
        }
    }
    for value in &mut values {
        *value = value.clamp(f32::MIN, f32::MAX);
    }
    Heatmap { height, width, values }
}

/// Where each output position along one axis looks at the source.
pub(super) struct Axis {
    taps: Vec<Tap>,
}

/// Up to four source positions and their weights, which sum to one.
struct Tap {
    indices: [usize; 4],
    weights: [f32; 4],
}

impl Tap {
    fn over(&self, value: impl Fn(usize) -> f32) -> f32 {
        self.indices.iter().zip(&self.weights).map(|(&i, &w)| w * value(i)).sum()
    }
}

impl Axis {
    /// `count` output positions, of which those from `start` to `end` (in output pixels, possibly between two and
    /// possibly beyond the output) span the `source` cells. Beyond the span the outermost cells go on.
    pub(super) fn new(source: usize, count: usize, start: f64, end: f64, kind: Interpolation) -> Self {
        let scale = source as f64 / (end - start);
        let taps = (0..count).map(|i| Tap::at((i as f64 + 0.5 - start) * scale, source, kind)).collect();
        Self { taps }
    }
}

impl Tap {
    /// The tap at `edge`, counted from the first cell's outer edge in cells.
    fn at(edge: f64, source: usize, kind: Interpolation) -> Self {
        let last = source as f64 - 1.0;
        let within = |position: f64| position.clamp(0.0, last) as usize;
        let centre = edge - 0.5;
        match kind {
            Interpolation::Nearest => {
                Self { indices: [within(edge.floor()); 4], weights: [1.0, 0.0, 0.0, 0.0] }
            }
            Interpolation::Bilinear => {
                let position = centre.clamp(0.0, last);
                let t = (position - position.floor()) as f32;
                let first = within(position.floor());
                let second = within(position.floor() + 1.0);
                Self { indices: [first, second, first, first], weights: [1.0 - t, t, 0.0, 0.0] }
            }
            Interpolation::Bicubic => {
                let t = centre - centre.floor();
                let distances = [1.0 + t, t, 1.0 - t, 2.0 - t];
                Self {
                    indices: [-1.0, 0.0, 1.0, 2.0].map(|step| within(centre.floor() + step)),
                    weights: distances.map(|d| keys(d) as f32),
                }
            }
        }
    }
}

/// The cubic convolution kernel of Keys (1981) with a = −0.75, for distances 0…2.
fn keys(d: f64) -> f64 {
    const A: f64 = -0.75;
    if d <= 1.0 {
        ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0
    } else {
        ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The map that `tests/goldens/upsample.py` makes by the same formula.
    fn formula(height: usize, width: usize) -> Heatmap {
        let values = (0..height * width).map(|i| ((i * i * 7 + i * 3) % 101) as f32 / 50.0 - 1.0).collect();
        Heatmap::new(height, width, values).unwrap()
    }

    #[test]
    fn every_kind_is_pytorchs() {
        let goldens: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/upsample.json")).unwrap();
        let goldens = goldens.as_array().unwrap();
        assert!(goldens.len() > 20);
        for golden in goldens {
            let side = |key: &str, i: usize| golden[key][i].as_u64().unwrap() as usize;
            let kind = Interpolation::parse(golden["kind"].as_str().unwrap()).unwrap();
            let ours =
                upsample(&formula(side("from", 0), side("from", 1)), side("to", 0), side("to", 1), kind);
            let what = format!("{} to {} {kind:?}", golden["from"], golden["to"]);
            let theirs: Vec<f64> =
                golden["samples"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let (mut error, mut norm) = (0.0, 0.0);
            for (i, theirs) in theirs.iter().enumerate() {
                error += (f64::from(ours.values()[i * 7919 % ours.values().len()]) - theirs).powi(2);
                norm += theirs * theirs;
            }
            assert!((error / norm).sqrt() < 1e-5, "{what}: relative error {}", (error / norm).sqrt());
            let total: f64 = ours.values().iter().map(|&v| f64::from(v).abs()).sum();
            let theirs = golden["total"].as_f64().unwrap();
            assert!((total - theirs).abs() < 1e-4 * theirs, "{what}: sums to {total}, PyTorch's to {theirs}");
        }
    }

    #[test]
    fn the_same_size_changes_nothing_and_names_come_back() {
        for (name, kind) in Interpolation::NAMES {
            assert_eq!(upsample(&formula(5, 4), 5, 4, kind), formula(5, 4));
            assert_eq!((Interpolation::parse(name), kind.name()), (Some(kind), name));
        }
        assert_eq!(Interpolation::parse("lanczos"), None);
    }

    #[test]
    fn a_window_is_part_of_the_whole() {
        let map = formula(7, 7);
        let whole = upsample(&map, 70, 70, Interpolation::Bicubic);
        let axis = |count, start, end| Axis::new(7, count, start, end, Interpolation::Bicubic);
        let part = sample(&map, &axis(20, -30.0, 40.0), &axis(25, -10.0, 60.0));
        for y in 0..20 {
            assert_eq!(part.values[y * 25..][..25], whole.values[(y + 30) * 70 + 10..][..25], "row {y}");
        }
    }

    #[test]
    fn extreme_values_stay_finite() {
        let map = Heatmap::new(1, 4, vec![f32::MIN, f32::MAX, f32::MAX, f32::MIN]).unwrap();
        assert!(upsample(&map, 3, 40, Interpolation::Bicubic).values.iter().all(|v| v.is_finite()));
    }
}
