//! Quadrants and sextants: 2×2 or 2×3 pixels a cell, in two colours.
//!
//! Which pixels share a colour is searched exactly: of all ways to part a cell's pixels in two, the one whose parts
//! differ least from their means, by the squared error over red, green and blue. With n pixels there are 2ⁿ⁻¹ of them, 8
//! or 32. The error is Σ|p|² − |Σₐ|²/nₐ − |Σᵦ|²/nᵦ, and the first term is the same for all, so the two others are made as
//! large as can be, in whole numbers: multiplied by 60, which every count up to 6 divides.

use image::RgbaImage;

use super::scale::{flattened, resized};
use super::{Cell, Grid};

/// Quadrant characters by which pixels are in front: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
const QUADRANTS: [char; 16] =
    [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];

/// 2×2 pixels a cell, as block elements, which most fonts have.
pub fn quadrants(picture: &RgbaImage, cols: u16, rows: u16, backdrop: Option<[u8; 3]>) -> Grid {
    mosaic::<4>(picture, (cols, rows), backdrop, |mask| QUADRANTS[mask])
}

/// 2×3 pixels a cell, as the sextants of Unicode 13.
pub fn sextants(picture: &RgbaImage, cols: u16, rows: u16, backdrop: Option<[u8; 3]>) -> Grid {
    mosaic::<6>(picture, (cols, rows), backdrop, sextant)
}

/// The character whose pixels in front are those of the mask's bits: left and right of the first row, of the second, of
/// the third. Unicode numbers sextants in this order from U+1FB00, without the four that were there before.
fn sextant(mask: usize) -> char {
    const LEFT: usize = 0b01_01_01;
    const RIGHT: usize = 0b10_10_10;
    const FULL: usize = 0b11_11_11;
    match mask {
        0 => ' ',
        LEFT => '▌',
        RIGHT => '▐',
        FULL => '█',
        _ => {
            let missing = 1 + usize::from(mask > LEFT) + usize::from(mask > RIGHT);
            char::from_u32(0x1fb00 + (mask - missing) as u32).unwrap_or(' ')
        }
    }
}

/// Cells of `N` pixels in two columns.
fn mosaic<const N: usize>(
    picture: &RgbaImage,
    (cols, rows): (u16, u16),
    backdrop: Option<[u8; 3]>,
    symbol: impl Fn(usize) -> char,
) -> Grid {
    let (cols, rows) = (cols.max(1), rows.max(1));
    let lines = N / 2;
    let flat = flattened(picture, backdrop);
    let small = resized(&flat, 2 * u32::from(cols), lines as u32 * u32::from(rows));
    let stride = 8 * usize::from(cols);
    let mut cells = Vec::with_capacity(usize::from(cols) * usize::from(rows));
    for row in small.as_raw().chunks_exact(lines * stride) {
        for x in 0..usize::from(cols) {
            let mut pixels = [[0; 3]; N];
            for (at, pixel) in pixels.iter_mut().enumerate() {
                let from = (at / 2) * stride + 8 * x + 4 * (at % 2);
                *pixel = [row[from], row[from + 1], row[from + 2]].map(i32::from);
            }
            let (mask, front, behind) = split(&pixels);
            cells.push(Cell { symbol: symbol(mask), foreground: Some(front), background: Some(behind) });
        }
    }
    Grid { cols, cells }
}

/// The best two parts of some pixels, at most six: a bit for each that is in front, and the means of both.
///
/// The first pixel is in front wherever there are two parts, so that a small change of the picture is a small change of
/// the cells. Pixels that are all alike are all behind.
fn split<const N: usize>(pixels: &[[i32; 3]; N]) -> (usize, [u8; 3], [u8; 3]) {
    let total = sum(pixels, (1 << N) - 1);
    let mut best = (0, square(total) * share(N));
    // Bits move one at a time (a Gray code), so that each part is the one before with one pixel more or less.
    let mut in_front = pixels[0];
    let (mut mask, mut count) = (1_usize, 1);
    for step in 1..=1_usize << (N - 1) {
        if count < N {
            let behind = [0, 1, 2].map(|c| total[c] - in_front[c]);
            let score = square(in_front) * share(count) + square(behind) * share(N - count);
            // Of equal ones the lowest, whatever the order.
            if score > best.1 || (score == best.1 && mask < best.0) {
                best = (mask, score);
            }
        }
        let bit = 1 + step.trailing_zeros() as usize;
        if bit >= N {
            break;
        }
        mask ^= 1 << bit;
        let sign = if mask & (1 << bit) == 0 { -1 } else { 1 };
        count = count.wrapping_add_signed(sign as isize);
        for (sum, value) in in_front.iter_mut().zip(pixels[bit]) {
            *sum += sign * value;
        }
    }
    let mask = best.0;
    let count = mask.count_ones() as i32;
    let mean = |sum: [i32; 3], count: i32| sum.map(|value| ((value + count / 2) / count.max(1)) as u8);
    let front = sum(pixels, mask);
    let behind = mean([0, 1, 2].map(|c| total[c] - front[c]), N as i32 - count);
    (mask, if count == 0 { behind } else { mean(front, count) }, behind)
}

fn sum<const N: usize>(pixels: &[[i32; 3]; N], mask: usize) -> [i32; 3] {
    let mut sum = [0; 3];
    for (at, pixel) in pixels.iter().enumerate() {
        if mask & (1 << at) != 0 {
            sum = [0, 1, 2].map(|c| sum[c] + pixel[c]);
        }
    }
    sum
}

fn square(sum: [i32; 3]) -> i32 {
    sum.into_iter().map(|value| value * value).sum()
}

/// 60 / count. The largest product is 3 · 1530² · 10, which 32 bits hold.
fn share(count: usize) -> i32 {
    60 / count as i32
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    /// Noise that is the same every time.
    fn noise(state: &mut u32) -> u8 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 24) as u8
    }

    /// The squared error of a cell, pixel by pixel, in its own colours.
    fn error<const N: usize>(pixels: &[[i32; 3]; N], mask: usize) -> f64 {
        let parts = [mask, !mask].map(|part| -> Vec<[i32; 3]> {
            (0..N).filter(|at| part & (1 << at) != 0).map(|at| pixels[at]).collect()
        });
        let mut error = 0.0;
        for part in &parts {
            for c in 0..3 {
                let mean = part.iter().map(|p| f64::from(p[c])).sum::<f64>() / part.len() as f64;
                error += part.iter().map(|p| (f64::from(p[c]) - mean).powi(2)).sum::<f64>();
            }
        }
        error
    }

    fn no_split_is_better<const N: usize>() {
        let mut state = 7;
        for _ in 0..300 {
            let pixels: [[i32; 3]; N] =
                std::array::from_fn(|_| std::array::from_fn(|_| i32::from(noise(&mut state))));
            let (mask, front, behind) = split(&pixels);
            let least = (0..1 << N).map(|mask| error(&pixels, mask)).fold(f64::MAX, f64::min);
            assert!((error(&pixels, mask) - least).abs() < 1e-6 * least, "{pixels:?} {mask:b}");
            assert!(mask & 1 == 1, "the first pixel is in front");
            for (colour, part) in [(front, mask), (behind, !mask)] {
                let of_part: Vec<_> =
                    (0..N).filter(|at| part & (1 << at) != 0).map(|at| pixels[at]).collect();
                for c in 0..3 {
                    let mean = of_part.iter().map(|p| f64::from(p[c])).sum::<f64>() / of_part.len() as f64;
                    assert!((f64::from(colour[c]) - mean).abs() <= 0.5);
                }
            }
        }
    }

    #[test]
    fn the_split_is_the_best_of_all() {
        no_split_is_better::<4>();
        no_split_is_better::<6>();
    }

    /// Each character's pixels, drawn from what Unicode's name of it says.
    #[test]
    fn characters_are_those_of_their_names() {
        // BLOCK SEXTANT-1, -12, -135 is missing, -2346, -23456.
        for (pixels, expected) in [
            (&[1][..], '\u{1fb00}'),
            (&[1, 2], '\u{1fb02}'),
            (&[1, 3, 5], '▌'),
            (&[2, 3, 5], '\u{1fb14}'),
            (&[2, 4, 6], '▐'),
            (&[1, 2, 4, 6], '\u{1fb28}'),
            (&[2, 3, 4, 5, 6], '\u{1fb3b}'),
            (&[1, 2, 3, 4, 5, 6], '█'),
            (&[], ' '),
        ] {
            let mask = pixels.iter().fold(0, |mask, pixel| mask | 1 << (pixel - 1));
            assert_eq!(sextant(mask), expected, "{pixels:?}");
        }
        let mut all: Vec<char> = (0..64).map(sextant).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 64, "no two are the same");
    }

    fn symbols(grid: &Grid) -> String {
        grid.cells.iter().map(|cell| cell.symbol).collect()
    }

    #[test]
    fn each_pixel_is_where_it_belongs() {
        let lit = |at_x: u32, at_y: u32, height: u32| {
            RgbaImage::from_fn(2, height, move |x, y| {
                if (x, y) == (at_x, at_y) { Rgba([255, 0, 0, 255]) } else { Rgba([0, 0, 0, 255]) }
            })
        };
        // Of two parts the one with the first pixel is in front, here the dark one.
        for (x, y, expected) in [(0, 0, '▘'), (1, 0, '▙'), (0, 1, '▜'), (1, 1, '▛')] {
            assert_eq!(symbols(&quadrants(&lit(x, y, 2), 1, 1, None)), expected.to_string());
        }
        let cell = quadrants(&lit(1, 0, 2), 1, 1, None).cells[0];
        assert_eq!((cell.foreground, cell.background), (Some([0; 3]), Some([255, 0, 0])));
        assert_eq!(symbols(&sextants(&lit(0, 0, 3), 1, 1, None)), "\u{1fb00}");
        assert_eq!(symbols(&sextants(&lit(0, 2, 3), 1, 1, None)), sextant(0b10_11_11).to_string());
    }

    #[test]
    fn a_plain_cell_is_a_space_on_its_colour() {
        let grid = sextants(&RgbaImage::from_pixel(12, 9, Rgba([10, 20, 30, 255])), 6, 3, None);
        assert!(grid.cells.iter().all(|cell| cell.symbol == ' ' && cell.background == Some([10, 20, 30])));
    }

    /// A disc on a gradient, as a picture in a text file: what a terminal would show but for the colours.
    #[test]
    fn a_disc_has_round_edges() {
        let disc = |width: u32, height: u32| {
            RgbaImage::from_fn(width, height, |x, y| {
                let (dx, dy) =
                    ((x as f32 + 0.5) / width as f32 - 0.5, (y as f32 + 0.5) / height as f32 - 0.5);
                let light = if dx.hypot(dy) < 0.42 { 230 } else { 20 };
                Rgba([light, light, light, 255])
            })
        };
        let lines = |grid: &Grid| -> Vec<String> {
            grid.rows().map(|row| row.iter().map(|cell| cell.symbol).collect()).collect()
        };
        // Only where the edge goes through a cell is there anything but a plain one.
        let quadrant = lines(&quadrants(&disc(24, 12), 12, 6, None));
        let sextant = lines(&sextants(&disc(24, 18), 12, 6, None));
        assert_eq!(quadrant, QUADRANT_DISC, "{quadrant:#?}");
        assert_eq!(sextant, SEXTANT_DISC, "{sextant:#?}");
    }

    /// The first pixel's colour is in front: outside and on the left edge the dark one, on the right edge the light one.
    const QUADRANT_DISC: [&str; 6] =
        ["   ▛▀▀▀▀▜   ", " ▛▘      ▙▜ ", "            ", "            ", " ▙▜      ▛▘ ", "   ▙▀▀▀▀▘   "];
    const SEXTANT_DISC: [&str; 6] =
        ["   🬝🬎🬆🬊🬎🬬   ", " 🬝🬀      🬺🬬 ", "            ", "            ", " 🬺🬬      🬝🬀 ", "   🬺🬂🬊🬆🬂🬀   "];

    #[test]
    fn two_hundred_by_sixty_cells_are_quick() {
        let mut state = 1;
        let picture = RgbaImage::from_fn(400, 180, |_, _| Rgba([(); 4].map(|()| noise(&mut state) | 1)));
        let opaque = flattened(&picture, None).into_owned();
        let took = (0..5)
            .map(|_| {
                let begun = std::time::Instant::now();
                assert_eq!(sextants(&opaque, 200, 60, None).cells.len(), 12_000);
                begun.elapsed()
            })
            .min()
            .unwrap_or_default();
        println!("sextants: {took:?}");
        assert!(took.as_millis() < if cfg!(debug_assertions) { 500 } else { 50 }, "{took:?}");
    }
}
