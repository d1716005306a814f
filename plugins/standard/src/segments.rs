//! Superpixels: a picture cut into patches of like colour, about as large as one another, each in one piece.
//!
//! SLIC: Achanta et al., "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods", TPAMI 2012. Colours are those
//! of the preprocessed input, where a deviation is about 1, in place of CIELAB's.
#![forbid(unsafe_code)]

/// Rounds of moving the centres; they hardly move after these.
const ROUNDS: usize = 10;
/// How many colour units a distance of one patch's side is worth.
const COMPACT: f64 = 1.0;

/// For each pixel of a picture, given as its channels of `[height, width]` values, the number of its patch, 0 to about
/// `wanted` − 1, and how many there are.
pub fn segments(planes: &[&[f32]], [height, width]: [usize; 2], wanted: usize) -> (Vec<usize>, usize) {
    let colour = |at: usize| planes.iter().map(move |plane| f64::from(plane[at]));
    let side = ((height * width) as f64 / wanted as f64).sqrt().max(1.0);
    let count = |length: usize| ((length as f64 / side).round() as usize).clamp(1, length);
    let (rows, columns) = (count(height), count(width));
    let middle =
        |n: usize, count: usize, length: usize| (n as f64 + 0.5) * length as f64 / count as f64 - 0.5;
    let mut centres: Vec<Centre> = (0..rows * columns)
        .map(|n| {
            let (y, x) = (middle(n / columns, rows, height), middle(n % columns, columns, width));
            let at = y.round() as usize * width + x.round() as usize;
            Centre { y, x, colour: colour(at).collect() }
        })
        .collect();
    let mut labels = vec![0; height * width];
    for _ in 0..ROUNDS {
        let mut nearest = vec![f64::INFINITY; labels.len()];
        for (n, centre) in centres.iter().enumerate() {
            // No pixel belongs to a centre that is further away than this.
            let around = |at: f64, length: usize| {
                let (from, to) = ((at - 2.0 * side).max(0.0), (at + 2.0 * side + 1.0).min(length as f64));
                from as usize..to as usize
            };
            for y in around(centre.y, height) {
                for x in around(centre.x, width) {
                    let at = y * width + x;
                    let far = (y as f64 - centre.y).powi(2) + (x as f64 - centre.x).powi(2);
                    let unlike: f64 = colour(at).zip(&centre.colour).map(|(a, b)| (a - b).powi(2)).sum();
                    let distance = unlike + far * (COMPACT / side).powi(2);
                    if distance < nearest[at] {
                        nearest[at] = distance;
                        labels[at] = n;
                    }
                }
            }
        }
        for centre in &mut centres {
            *centre = Centre { y: 0.0, x: 0.0, colour: vec![0.0; planes.len()] };
        }
        let mut sizes = vec![0.0; centres.len()];
        for (at, &label) in labels.iter().enumerate() {
            let centre = &mut centres[label];
            centre.y += (at / width) as f64;
            centre.x += (at % width) as f64;
            centre.colour.iter_mut().zip(colour(at)).for_each(|(sum, value)| *sum += value);
            sizes[label] += 1.0;
        }
        for (centre, size) in centres.iter_mut().zip(sizes).filter(|(_, size)| *size > 0.0) {
            centre.y /= size;
            centre.x /= size;
            centre.colour.iter_mut().for_each(|value| *value /= size);
        }
    }
    in_one_piece(&labels, [height, width], (side * side / 4.0) as usize)
}

/// Where a patch is and how it looks on the mean.
struct Centre {
    y: f64,
    x: f64,
    colour: Vec<f64>,
}

/// Numbers connected pieces anew; pieces of fewer than `least` pixels go to the patch above or to the left of them.
fn in_one_piece(labels: &[usize], [height, width]: [usize; 2], least: usize) -> (Vec<usize>, usize) {
    const NONE: usize = usize::MAX;
    let mut pieces = vec![NONE; labels.len()];
    let mut count = 0;
    for first in 0..labels.len() {
        if pieces[first] != NONE {
            continue;
        }
        let mut piece = vec![first];
        pieces[first] = count;
        let mut next = 0;
        while let Some(&at) = piece.get(next) {
            next += 1;
            let (y, x) = (at / width, at % width);
            let beside = [
                (y > 0).then(|| at - width),
                (x > 0).then(|| at - 1),
                (x + 1 < width).then(|| at + 1),
                (y + 1 < height).then(|| at + width),
            ];
            for other in beside.into_iter().flatten() {
                if pieces[other] == NONE && labels[other] == labels[first] {
                    pieces[other] = count;
                    piece.push(other);
                }
            }
        }
        // The first pixel of a piece is its uppermost and leftmost, so what is there has its number already.
        let neighbour = (first % width > 0)
            .then(|| pieces[first - 1])
            .or_else(|| (first >= width).then(|| pieces[first - width]));
        match neighbour {
            Some(other) if piece.len() < least => piece.iter().for_each(|&at| pieces[at] = other),
            _ => count += 1,
        }
    }
    (pieces, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(
        height: usize,
        width: usize,
        wanted: usize,
        colour: impl Fn(usize, usize) -> f32,
    ) -> (Vec<usize>, usize) {
        let values: Vec<f32> = (0..height * width).map(|at| colour(at / width, at % width)).collect();
        segments(&[values.as_slice()], [height, width], wanted)
    }

    #[test]
    fn a_plain_picture_is_cut_into_squares() {
        let (labels, count) = cut(40, 60, 6, |_, _| 0.5);
        assert_eq!(count, 6);
        for (at, label) in labels.iter().enumerate() {
            assert_eq!(*label, at / 60 / 20 * 3 + at % 60 / 20, "{at}");
        }
    }

    #[test]
    fn no_patch_crosses_an_edge_and_each_is_in_one_piece() {
        let side = |y: usize, x: usize| y * 2 > x + 11;
        let (labels, count) = cut(48, 48, 16, |y, x| if side(y, x) { 3.0 } else { -3.0 });
        assert!((12..=24).contains(&count), "{count}");
        for label in 0..count {
            let of: Vec<usize> = (0..labels.len()).filter(|&at| labels[at] == label).collect();
            assert!(!of.is_empty());
            let across = of.iter().filter(|&&at| side(at / 48, at % 48)).count();
            assert!(across == 0 || across == of.len(), "{label}: {across} of {}", of.len());
        }
        assert_eq!(in_one_piece(&labels, [48, 48], 0), (labels, count));
    }

    #[test]
    fn any_number_of_patches_fits_any_picture() {
        for (height, width, wanted) in [(1, 1, 400), (2, 3, 1), (5, 100, 7), (9, 9, 81)] {
            let (labels, count) = cut(height, width, wanted, |y, x| (y * x % 3) as f32);
            assert!(count >= 1 && labels.iter().all(|&label| label < count));
            assert!((0..count).all(|n| labels.contains(&n)));
        }
    }
}
