//! A map enlarged: bilinear between the centres of cells, as maps are drawn, or between their corners, as some masks are.
#![forbid(unsafe_code)]

/// Which points of the small and the large map lie on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// The outer edges, so that cells have equal size: `align_corners=False` in PyTorch.
    Edges,
    /// The centres of the corner cells: `align_corners=True` in PyTorch.
    Corners,
}

/// Which two cells one point of the large side lies between, and the share of the second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Between {
    first: usize,
    second: usize,
    share: f64,
}

/// Enlarges maps of one size to another; what the two sizes decide is worked out once.
pub struct Upsample {
    rows: Vec<Between>,
    columns: Vec<Between>,
    width: usize,
}

impl Upsample {
    /// From `[height, width]` to `[height, width]`.
    pub fn new(from: [usize; 2], to: [usize; 2], align: Align) -> Self {
        Self { rows: points(from[0], to[0], align), columns: points(from[1], to[1], align), width: from[1] }
    }

    /// `map` `[h, w]` in the large size.
    pub fn enlarge(&self, map: &[f64]) -> Vec<f64> {
        let mut large = Vec::with_capacity(self.rows.len() * self.columns.len());
        for row in &self.rows {
            let above = &map[row.first * self.width..][..self.width];
            let below = &map[row.second * self.width..][..self.width];
            for column in &self.columns {
                let along = |line: &[f64]| {
                    line[column.first] + (line[column.second] - line[column.first]) * column.share
                };
                let top = along(above);
                large.push(top + (along(below) - top) * row.share);
            }
        }
        large
    }
}

fn points(from: usize, to: usize, align: Align) -> Vec<Between> {
    let last = from.saturating_sub(1);
    let place = |at: usize| match align {
        Align::Edges => ((at as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, last as f64),
        Align::Corners if to > 1 => at as f64 * last as f64 / (to - 1) as f64,
        Align::Corners => 0.0,
    };
    (0..to)
        .map(|at| {
            let place = place(at);
            let first = (place as usize).min(last);
            Between { first, second: (first + 1).min(last), share: place - first as f64 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_or_corners_are_kept() {
        let enlarge = |align, to| Upsample::new([1, 2], [1, to], align).enlarge(&[0.0, 1.0]);
        assert_eq!(enlarge(Align::Edges, 4), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(enlarge(Align::Corners, 5), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(enlarge(Align::Corners, 1), [0.0]);
        let square = Upsample::new([2, 2], [3, 3], Align::Corners).enlarge(&[0.0, 2.0, 4.0, 6.0]);
        assert_eq!(square, [0.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 5.0, 6.0]);
        assert_eq!(Upsample::new([2, 1], [2, 1], Align::Edges).enlarge(&[3.0, 5.0]), [3.0, 5.0]);
    }
}
