//! Characters that must meet their neighbours without a gap: blocks, sextants, lines, and braille. Fonts draw them to
//! their own measures; here they end at the cell's edges, as terminals draw them.

use super::canvas::{Area, Canvas};
use super::colours::Rgb;

/// Which quarters U+2596 to U+259F fill: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
const QUADRANTS: [u8; 10] = [0b0100, 0b1000, 0b0001, 0b1101, 0b1001, 0b0111, 0b1011, 0b0010, 0b0110, 0b1110];

/// Line characters, each with its arms: up, right, down, left; 1 is a light one, 2 a heavy one.
const LINES: [(char, [u8; 4]); 28] = [
    ('─', [0, 1, 0, 1]),
    ('│', [1, 0, 1, 0]),
    ('┌', [0, 1, 1, 0]),
    ('┐', [0, 0, 1, 1]),
    ('└', [1, 1, 0, 0]),
    ('┘', [1, 0, 0, 1]),
    ('├', [1, 1, 1, 0]),
    ('┤', [1, 0, 1, 1]),
    ('┬', [0, 1, 1, 1]),
    ('┴', [1, 1, 0, 1]),
    ('┼', [1, 1, 1, 1]),
    ('╴', [0, 0, 0, 1]),
    ('╵', [1, 0, 0, 0]),
    ('╶', [0, 1, 0, 0]),
    ('╷', [0, 0, 1, 0]),
    ('━', [0, 2, 0, 2]),
    ('┃', [2, 0, 2, 0]),
    ('┏', [0, 2, 2, 0]),
    ('┓', [0, 0, 2, 2]),
    ('┗', [2, 2, 0, 0]),
    ('┛', [2, 0, 0, 2]),
    ('┣', [2, 2, 2, 0]),
    ('┫', [2, 0, 2, 2]),
    ('┳', [0, 2, 2, 2]),
    ('┻', [2, 2, 0, 2]),
    ('╋', [2, 2, 2, 2]),
    ('╸', [0, 0, 0, 2]),
    ('╺', [0, 2, 0, 0]),
];

/// Rounded corners: to the right or left, down or up.
const CORNERS: [(char, (i32, i32)); 4] = [('╭', (1, 1)), ('╮', (-1, 1)), ('╯', (-1, -1)), ('╰', (1, -1))];

/// Paints the character into the cell, if it is one of those that this file knows.
pub fn paint(letter: char, canvas: &mut Canvas, cell: Area, colour: Rgb) -> bool {
    let code = u32::from(letter);
    match letter {
        '\u{2580}'..='\u{259F}' => block(code, canvas, cell, colour),
        '\u{1FB00}'..='\u{1FB3B}' => grid(u32::from(sextant(code)), (2, 3), canvas, cell, colour),
        '\u{2800}'..='\u{28FF}' => braille(code - 0x2800, canvas, cell, colour),
        _ => {
            if let Some((_, arms)) = LINES.iter().find(|(line, _)| *line == letter) {
                lines(*arms, canvas, cell, colour);
            } else if let Some((_, towards)) = CORNERS.iter().find(|(corner, _)| *corner == letter) {
                corner(*towards, canvas, cell, colour);
            } else {
                return false;
            }
        }
    }
    true
}

/// The part of a cell between these shares of its width and height, in eighths.
fn part(cell: Area, (left, top): (i32, i32), (right, bottom): (i32, i32)) -> Area {
    let x = |eighths: i32| (cell.width * eighths + 4) / 8;
    let y = |eighths: i32| (cell.height * eighths + 4) / 8;
    Area {
        left: cell.left + x(left),
        top: cell.top + y(top),
        width: x(right) - x(left),
        height: y(bottom) - y(top),
    }
}

fn block(code: u32, canvas: &mut Canvas, cell: Area, colour: Rgb) {
    let code = code as i32;
    let (area, share) = match code {
        0x2580 => (part(cell, (0, 0), (8, 4)), 1.0),
        // Lower eighths up to the full block, then left ones down to one.
        0x2581..=0x2588 => (part(cell, (0, 8 - (code - 0x2580)), (8, 8)), 1.0),
        0x2589..=0x258f => (part(cell, (0, 0), (0x2590 - code, 8)), 1.0),
        0x2590 => (part(cell, (4, 0), (8, 8)), 1.0),
        0x2591..=0x2593 => (cell, 0.25 * (code - 0x2590) as f32),
        0x2594 => (part(cell, (0, 0), (8, 1)), 1.0),
        0x2595 => (part(cell, (7, 0), (8, 8)), 1.0),
        _ => {
            grid(u32::from(QUADRANTS[code as usize - 0x2596]), (2, 2), canvas, cell, colour);
            return;
        }
    };
    canvas.fill(area, colour, share);
}

/// Which sixths a sextant fills, row by row from the lowest bit. The code points leave out the patterns that are blocks.
fn sextant(code: u32) -> u8 {
    let mut pattern = code - 0x1fb00 + 1;
    // The left half, then the right half.
    for block in [0b01_01_01, 0b10_10_10] {
        pattern += u32::from(pattern >= block);
    }
    pattern as u8
}

/// Fills the fields of a grid whose bits are set, row by row.
fn grid(bits: u32, (across, down): (i32, i32), canvas: &mut Canvas, cell: Area, colour: Rgb) {
    let x = |step: i32| (cell.width * step + across / 2) / across;
    let y = |step: i32| (cell.height * step + down / 2) / down;
    for row in 0..down {
        for col in 0..across {
            if bits >> (row * across + col) & 1 == 1 {
                let area = Area {
                    left: cell.left + x(col),
                    top: cell.top + y(row),
                    width: x(col + 1) - x(col),
                    height: y(row + 1) - y(row),
                };
                canvas.fill(area, colour, 1.0);
            }
        }
    }
}

/// How thick a light line is.
pub fn thickness(cell_width: i32) -> i32 {
    ((cell_width + 5) / 10).max(1)
}

fn lines([up, right, down, left]: [u8; 4], canvas: &mut Canvas, cell: Area, colour: Rgb) {
    let light = thickness(cell.width);
    let (heaviest_upright, heaviest_level) = (i32::from(up.max(down)), i32::from(right.max(left)));
    // Where an arm ends: at the far side of the line that it meets.
    let upright = |weight: u8, top: bool| {
        let thick = light * i32::from(weight);
        let across = (light * heaviest_level).max(thick);
        let (begin, end) = ((cell.height - across) / 2, (cell.height - across) / 2 + across);
        let x = cell.left + (cell.width - thick) / 2;
        let (y, height) = if top { (0, end) } else { (begin, cell.height - begin) };
        Area { left: x, top: cell.top + y, width: thick, height }
    };
    let level = |weight: u8, to_left: bool| {
        let thick = light * i32::from(weight);
        let across = (light * heaviest_upright).max(thick);
        let (begin, end) = ((cell.width - across) / 2, (cell.width - across) / 2 + across);
        let y = cell.top + (cell.height - thick) / 2;
        let (x, width) = if to_left { (0, end) } else { (begin, cell.width - begin) };
        Area { left: cell.left + x, top: y, width, height: thick }
    };
    for (weight, area) in [
        (up, upright(up, true)),
        (down, upright(down, false)),
        (left, level(left, true)),
        (right, level(right, false)),
    ] {
        if weight > 0 {
            canvas.fill(area, colour, 1.0);
        }
    }
}

/// A quarter of a circle and two straight ends.
fn corner((right, down): (i32, i32), canvas: &mut Canvas, cell: Area, colour: Rgb) {
    let thick = thickness(cell.width);
    let centre = |size: i32| ((size - thick) / 2) as f32 + thick as f32 / 2.0;
    let (line_x, line_y) = (centre(cell.width), centre(cell.height));
    let radius = (cell.width.min(cell.height) as f32 / 2.0).floor();
    let (x0, y0) = (line_x + right as f32 * radius, line_y + down as f32 * radius);
    for y in 0..cell.height {
        for x in 0..cell.width {
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            // Towards the arc's centre, seen from the lines.
            let (in_x, in_y) = ((px - x0) * right as f32, (py - y0) * down as f32);
            let away = if in_x < 0.0 && in_y < 0.0 {
                ((px - x0).hypot(py - y0) - radius).abs()
            } else if in_x < 0.0 {
                (px - line_x).abs()
            } else if in_y < 0.0 {
                (py - line_y).abs()
            } else {
                f32::INFINITY
            };
            let share = (thick as f32 / 2.0 + 0.5 - away).clamp(0.0, 1.0);
            canvas.blend(cell.left + x, cell.top + y, colour, share);
        }
    }
}

/// Which dots the bits stand for: column and row.
const DOTS: [(i32, i32); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];

fn braille(bits: u32, canvas: &mut Canvas, cell: Area, colour: Rgb) {
    let radius = cell.width as f32 / 8.0;
    for (bit, (col, row)) in DOTS.into_iter().enumerate() {
        if bits >> bit & 1 == 0 {
            continue;
        }
        let x0 = cell.width as f32 * (1 + 2 * col) as f32 / 4.0;
        let y0 = cell.height as f32 * (1 + 2 * row) as f32 / 8.0;
        for y in (y0 - radius - 1.0) as i32..=(y0 + radius + 1.0) as i32 {
            for x in (x0 - radius - 1.0) as i32..=(x0 + radius + 1.0) as i32 {
                let away = (x as f32 + 0.5 - x0).hypot(y as f32 + 0.5 - y0);
                canvas.blend(cell.left + x, cell.top + y, colour, radius + 0.5 - away);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels that a character fills in a cell of these measures.
    fn filled(letter: char, width: u32, height: u32) -> Vec<Vec<bool>> {
        let mut canvas = Canvas::new(width, height, [0; 3]);
        let cell = Area { left: 0, top: 0, width: width as i32, height: height as i32 };
        assert!(paint(letter, &mut canvas, cell, [255; 3]), "{letter}");
        let image = canvas.into_image();
        (0..height).map(|y| (0..width).map(|x| image.get_pixel(x, y)[0] > 127).collect()).collect()
    }

    fn count(letter: char, width: u32, height: u32) -> usize {
        filled(letter, width, height).iter().flatten().filter(|on| **on).count()
    }

    #[test]
    fn halves_make_a_whole_at_any_size() {
        for (width, height) in [(10, 20), (11, 23), (7, 15)] {
            let all = (width * height) as usize;
            for (one, other) in [('▀', '▄'), ('▌', '▐'), ('▚', '▞'), ('▙', '▝'), ('▛', '▗'), ('▜', '▖')]
            {
                let (one, other) = (filled(one, width, height), filled(other, width, height));
                let both = one.iter().flatten().zip(other.iter().flatten());
                assert!(both.clone().all(|(one, other)| one != other), "{width}×{height}");
                assert_eq!(both.count(), all);
            }
            assert_eq!(count('█', width, height), all);
        }
    }

    #[test]
    fn eighths_grow_and_lie_where_they_should() {
        for pair in ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'].windows(2) {
            assert!(count(pair[0], 16, 8) < count(pair[1], 16, 8));
        }
        assert_eq!(count('▊', 16, 8), 12 * 8);
        assert!(filled('▊', 16, 8)[0][0]);
        assert!(filled('▂', 8, 8)[7][0] && !filled('▂', 8, 8)[5][0]);
        assert!(filled('▕', 8, 8)[0][7] && filled('▔', 8, 8)[0][0]);
    }

    #[test]
    fn sextants_skip_the_halves() {
        assert_eq!(sextant(0x1fb00), 0b00_00_01);
        assert_eq!(sextant(0x1fb13), 0b01_01_00);
        assert_eq!(sextant(0x1fb14), 0b01_01_10);
        assert_eq!(sextant(0x1fb27), 0b10_10_01);
        assert_eq!(sextant(0x1fb28), 0b10_10_11);
        assert_eq!(sextant(0x1fb3b), 0b11_11_10);
        // 🬀: the upper left sixth.
        let first = filled('\u{1FB00}', 10, 21);
        assert!(first[6][4] && !first[7][4] && !first[6][5]);
        assert_eq!(count('\u{1FB00}', 10, 21), 5 * 7);
    }

    #[test]
    fn lines_reach_the_edges_that_they_should() {
        for (letter, arms) in LINES {
            let rows = filled(letter, 11, 21);
            let edges = [
                rows[0].contains(&true),
                rows.iter().any(|row| row[10]),
                rows[20].contains(&true),
                rows.iter().any(|row| row[0]),
            ];
            assert_eq!(edges, arms.map(|weight| weight > 0), "{letter}");
        }
        for (letter, (right, down)) in CORNERS {
            let rows = filled(letter, 12, 24);
            let straight = filled(if down > 0 { '╷' } else { '╵' }, 12, 24);
            let end = if down > 0 { 23 } else { 0 };
            assert_eq!(rows[end], straight[end], "{letter} meets a line");
            assert_eq!(rows.iter().any(|row| row[11]), right > 0);
            assert_eq!(rows.iter().any(|row| row[0]), right < 0);
        }
    }

    #[test]
    fn letters_are_left_to_the_font() {
        let mut canvas = Canvas::new(4, 4, [0; 3]);
        let cell = Area { left: 0, top: 0, width: 4, height: 4 };
        assert!(['a', ' ', '═', '▶'].iter().all(|letter| !paint(*letter, &mut canvas, cell, [255; 3])));
    }
}
