//! How many cells a picture gets: as many as fit, its shape kept by the cells' real size.

/// The largest size in cells (cols, rows) for a picture of `width`×`height` pixels within `bounds` (cols, rows), where
/// one cell measures `cell` (width, height) pixels. At least 1×1.
pub fn fit(width: u32, height: u32, cell: (u16, u16), bounds: (u16, u16)) -> (u16, u16) {
    let (cell_width, cell_height) = (f64::from(cell.0.max(1)), f64::from(cell.1.max(1)));
    let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let (most_cols, most_rows) = (bounds.0.max(1), bounds.1.max(1));
    let scale = (f64::from(most_cols) * cell_width / width).min(f64::from(most_rows) * cell_height / height);
    let cells = |pixels: f64, cell: f64, most: u16| ((pixels * scale / cell).round() as u16).clamp(1, most);
    (cells(width, cell_width, most_cols), cells(height, cell_height, most_rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_kept_by_the_cells_real_size() {
        assert_eq!(fit(100, 100, (10, 20), (40, 40)), (40, 20));
        assert_eq!(fit(100, 100, (10, 10), (40, 40)), (40, 40));
        assert_eq!(fit(640, 480, (8, 17), (80, 24)), (68, 24));
        assert_eq!(fit(480, 640, (10, 20), (80, 22)), (33, 22));
    }

    #[test]
    fn extremes_stay_within_the_bounds_and_never_vanish() {
        for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (u32::MAX, 3), (0, 0)] {
            for bounds in [(1, 1), (80, 24), (0, 0), (u16::MAX, u16::MAX)] {
                let (cols, rows) = fit(width, height, (10, 20), bounds);
                assert!((1..=bounds.0.max(1)).contains(&cols) && (1..=bounds.1.max(1)).contains(&rows));
            }
        }
    }
}
