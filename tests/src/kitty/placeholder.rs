//! Cells that stand for parts of a picture: U+10EEEE, whose combining marks say which row and column of the picture it
//! shows and whose colour says which picture. Where marks are left out, the cell to the left is continued.

use vt100::{Color, Screen};

/// The character that stands for a part of a picture.
pub const PLACEHOLDER: char = '\u{10EEEE}';

/// The marks in the order of the numbers they stand for, as runs: first character and length. These are the marks that
/// kitty chose: above the letter (combining class 230) and without a decomposition in Unicode 6.0.
#[rustfmt::skip]
const MARKS: [(u32, u32); 86] = [
    (0x305, 1), (0x30d, 2), (0x310, 1), (0x312, 1), (0x33d, 3), (0x346, 1), (0x34a, 3), (0x350, 3), (0x357, 1),
    (0x35b, 1), (0x363, 13), (0x483, 5), (0x592, 4), (0x597, 3), (0x59c, 6), (0x5a8, 2), (0x5ab, 2), (0x5af, 1),
    (0x5c4, 1), (0x610, 8), (0x657, 5), (0x65d, 2), (0x6d6, 7), (0x6df, 4), (0x6e4, 1), (0x6e7, 2), (0x6eb, 2),
    (0x730, 1), (0x732, 2), (0x735, 2), (0x73a, 1), (0x73d, 1), (0x73f, 3), (0x743, 1), (0x745, 1), (0x747, 1),
    (0x749, 2), (0x7eb, 7), (0x7f3, 1), (0x816, 4), (0x81b, 9), (0x825, 3), (0x829, 5), (0x951, 1), (0x953, 2),
    (0xf82, 2), (0xf86, 2), (0x135d, 3), (0x17dd, 1), (0x193a, 1), (0x1a17, 1), (0x1a75, 8), (0x1b6b, 1),
    (0x1b6d, 7), (0x1cd0, 3), (0x1cda, 2), (0x1ce0, 1), (0x1dc0, 2), (0x1dc3, 7), (0x1dcb, 2), (0x1dd1, 22),
    (0x1dfe, 1), (0x20d0, 2), (0x20d4, 4), (0x20db, 2), (0x20e1, 1), (0x20e7, 1), (0x20e9, 1), (0x20f0, 1),
    (0x2cef, 3), (0x2de0, 32), (0xa66f, 1), (0xa67c, 2), (0xa6f0, 2), (0xa8e0, 18), (0xaab0, 1), (0xaab2, 2),
    (0xaab7, 2), (0xaabe, 2), (0xaac1, 1), (0xfe20, 7), (0x10a0f, 1), (0x10a38, 1), (0x1d185, 5), (0x1d1aa, 4),
    (0x1d242, 3),
];

/// A cell of the screen that shows a part of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The cell's row and column on the screen.
    pub at: (u16, u16),
    /// The picture's number.
    pub picture: u32,
    /// Row and column of the picture's own cells.
    pub part: (u16, u16),
}

/// The number that a mark stands for, if it is one.
pub fn number(mark: char) -> Option<u16> {
    let mut before = 0;
    for (first, length) in MARKS {
        if (first..first + length).contains(&u32::from(mark)) {
            return Some((before + u32::from(mark) - first) as u16);
        }
        before += length;
    }
    None
}

/// The mark that stands for a number, if it is small enough to have one.
pub fn mark(number: u16) -> Option<char> {
    let mut left = u32::from(number);
    for (first, length) in MARKS {
        if left < length {
            return char::from_u32(first + left);
        }
        left -= length;
    }
    None
}

/// What a foreground colour says: the lower three bytes of a picture's number.
fn lower_bytes(colour: Color) -> u32 {
    match colour {
        Color::Default => 0,
        Color::Idx(index) => u32::from(index),
        Color::Rgb(r, g, b) => u32::from_be_bytes([0, r, g, b]),
    }
}

/// All cells of the screen that stand for parts of pictures, in reading order.
pub fn parts(screen: &Screen) -> Vec<Part> {
    let (rows, cols) = screen.size();
    let mut found = Vec::new();
    for row in 0..rows {
        // The cell to the left: its colour, its highest byte, and which part it shows.
        let mut left: Option<(u32, u32, (u16, u16))> = None;
        for col in 0..cols {
            let cell = screen.cell(row, col);
            let mut letters = cell.map(vt100::Cell::contents).unwrap_or_default().chars();
            if letters.next() != Some(PLACEHOLDER) {
                left = None;
                continue;
            }
            let colour = lower_bytes(cell.map(vt100::Cell::fgcolor).unwrap_or_default());
            let marks: Vec<u16> = letters.map_while(number).collect();
            let neighbour = left.filter(|(same, ..)| *same == colour);
            let (highest, part) = match (marks.as_slice(), neighbour) {
                ([], Some((_, highest, (y, x)))) => (highest, (y, x + 1)),
                ([y], Some((_, highest, (above, x)))) if *y == above => (highest, (*y, x + 1)),
                ([y, x], Some((_, highest, before))) if (*y, *x) == (before.0, before.1 + 1) => {
                    (highest, (*y, *x))
                }
                ([], None) => (0, (0, 0)),
                ([y], _) => (0, (*y, 0)),
                ([y, x], _) => (0, (*y, *x)),
                ([y, x, highest, ..], _) => (u32::from(*highest), (*y, *x)),
            };
            left = Some((colour, highest, part));
            found.push(Part { at: (row, col), picture: highest << 24 | colour, part });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u32, (u16, u16))> {
        let mut parser = vt100::Parser::new(2, 10, 0);
        parser.process(text.as_bytes());
        parts(parser.screen()).iter().map(|part| (part.picture, part.part)).collect()
    }

    #[test]
    fn the_marks_count_as_kittys_table_does() {
        assert_eq!(mark(0), Some('\u{305}'));
        assert_eq!(mark(1), Some('\u{30D}'));
        assert_eq!(mark(296), Some('\u{1D244}'));
        assert_eq!(mark(297), None);
        assert!((0..297).all(|n| number(mark(n).unwrap()) == Some(n)));
        assert_eq!(number('\u{301}'), None);
    }

    #[test]
    fn a_number_is_in_the_colour_and_the_third_mark() {
        let cell = "\u{10EEEE}\u{30D}\u{30E}\u{310}";
        assert_eq!(read(&format!("\x1b[38;2;1;2;3m{cell}")), [(0x0301_0203, (1, 2))]);
        assert_eq!(read(&format!("\x1b[38;5;42m{cell}")), [(0x0300_002a, (1, 2))]);
    }

    #[test]
    fn what_is_left_out_continues_the_cell_to_the_left() {
        let text = "\x1b[38;5;7m\u{10EEEE}\u{30D}\u{305}\u{30D}\u{10EEEE}\u{10EEEE}\u{30D}";
        assert_eq!(read(text), [(0x0100_0007, (1, 0)), (0x0100_0007, (1, 1)), (0x0100_0007, (1, 2))]);
        // Another picture, and one after a gap, start anew.
        let text = "\x1b[38;5;7m\u{10EEEE}\u{305}\u{30E}\x1b[38;5;8m\u{10EEEE} \u{10EEEE}\u{30D}";
        assert_eq!(read(text), [(7, (0, 2)), (8, (0, 0)), (8, (1, 0))]);
    }
}
