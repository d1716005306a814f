//! What a convolution costs by each algorithm, roughly, to choose among them.

use crate::Shape;

/// The tile of a 3×3 convolution from `read` channels to `made`: 4 or 2 results a side, or none where the plain
/// product is quicker.
pub(crate) fn tile(read: usize, made: Shape) -> Option<usize> {
    [(direct(read, made), None), (winograd(2, read, made), Some(2)), (winograd(4, read, made), Some(4))]
        .into_iter()
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .and_then(|(_, tile)| tile)
}

/// Multiplications that take as long as reading one weight from memory that is far.
const WEIGHT: f64 = 24.0;
/// The same for one number of a tile that is put down and read again, on the way in and on the way out.
const PUT_DOWN: f64 = 16.0;

fn direct(read: usize, made: Shape) -> f64 {
    let weights = 9.0 * (read * made.channels) as f64;
    weights * (made.pixels() as f64 + WEIGHT) + 9.0 * (read * made.pixels()) as f64 * 2.0
}

fn winograd(out: usize, read: usize, made: Shape) -> f64 {
    let positions = ((out + 2) * (out + 2)) as f64;
    let tiles = (made.height.div_ceil(out) * made.width.div_ceil(out)) as f64;
    let weights = positions * (read * made.channels) as f64;
    weights * (tiles + WEIGHT) + PUT_DOWN * positions * tiles * (read + made.channels) as f64
}
