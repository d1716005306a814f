//! What a map is worth, beside it: the figures with those of two maps that know less, what follows, and the two curves.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::analyst::{Figure, Worth};
use super::super::state::{State, Valued};
use super::super::theme::Theme;
use super::text::{cut, padded, span, wrapped};

/// Columns of the figures' names, and of each figure.
const NAME: usize = 13;
const NUMBER: usize = 7;
/// Lines of the plot.
const PLOT: usize = 5;
/// Dots in a cell of the plot: columns of 4.
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
/// The cell without dots.
const BLANK: u32 = 0x2800;

/// Lines about the answer that is looked at, while maps are measured.
pub fn lines(state: &State, theme: &Theme, cols: usize) -> Vec<Line<'static>> {
    let Some(answer) = state.looked_at().filter(|_| state.measuring) else { return Vec::new() };
    let said = |text: &str| -> Vec<Line<'static>> {
        let lines = wrapped(text, cols.saturating_sub(2));
        lines.into_iter().map(|line| Line::from(span(format!(" {line}"), theme.quiet))).collect()
    };
    match state.worth_of(answer) {
        None => vec![Line::from(span(cut(" measuring …", cols), theme.title))],
        Some(Valued::Failed(why)) => said(&format!("not measured: {why}")),
        Some(Valued::Here(worth)) => {
            let mut lines = table(worth, theme, cols);
            lines.extend(said(&worth.sentence));
            lines.extend(plot(worth, theme, cols));
            lines
        }
    }
}

/// As many columns of figures as there is room for: the map's own before the others'.
fn table(worth: &Worth, theme: &Theme, cols: usize) -> Vec<Line<'static>> {
    let shown = cols.saturating_sub(NAME + 1) / NUMBER;
    let words = ["map", "lot", "middle"].iter().take(shown);
    let mut heading = vec![span(format!(" {}", padded("measured", NAME)), theme.title)];
    heading.extend(words.map(|word| span(format!("{word:>NUMBER$}"), theme.quiet)));
    let mut lines = vec![Line::from(heading)];
    lines.extend(worth.figures.iter().map(|figure| {
        let others = [figure.random, Some(figure.centred)];
        let mut spans = vec![span(format!(" {}", padded(figure.name, NAME)), theme.quiet)];
        if shown > 0 {
            spans.push(span(format!("{:>NUMBER$.3}", figure.own), style(figure, theme)));
        }
        spans.extend(others.iter().take(shown.saturating_sub(1)).map(|other| {
            let text = other.map_or_else(|| "–".to_owned(), |other| format!("{other:.3}"));
            span(format!("{text:>NUMBER$}"), theme.quiet)
        }));
        Line::from(spans)
    }));
    lines
}

/// A figure that beats both catches the eye, one that beats neither alarms.
fn style(figure: &Figure, theme: &Theme) -> Style {
    let Some(more) = figure.more else { return theme.text };
    let beats = |other: f64| if more { figure.own > other } else { figure.own < other };
    match (figure.random.is_none_or(beats), beats(figure.centred)) {
        (true, true) => theme.accent,
        (false, false) => theme.negative,
        _ => theme.text,
    }
}

/// The probability while pixels come and while they go, from left to right, the most important first.
fn plot(worth: &Worth, theme: &Theme, cols: usize) -> Vec<Line<'static>> {
    let wide = cols.saturating_sub(2);
    if wide < 8 {
        return Vec::new();
    }
    let (come, gone) = (dots(&worth.insertion, wide), dots(&worth.deletion, wide));
    let mut lines = vec![Line::from(vec![
        span(" pixels ", theme.quiet),
        span("come", theme.accent),
        span(" and ", theme.quiet),
        span("go", theme.negative),
    ])];
    for (come, gone) in come.chunks_exact(wide).zip(gone.chunks_exact(wide)) {
        let mut spans: Vec<Span<'static>> = vec![span(" ", theme.quiet)];
        for (come, gone) in come.iter().zip(gone) {
            let cell = char::from_u32(BLANK | come | gone).unwrap_or(' ');
            let style = match (*come > 0, *gone > 0) {
                (true, false) => theme.accent,
                (false, true) => theme.negative,
                _ => theme.text,
            };
            spans.push(span(cell.to_string(), style));
        }
        lines.push(Line::from(spans));
    }
    lines
}

/// A curve of values 0…1 as dots in cells, row by row from the top.
fn dots(curve: &[f64], wide: usize) -> Vec<u32> {
    let mut cells = vec![0; wide * PLOT];
    let (columns, rows) = (wide * 2, PLOT * 4);
    let at = |column: usize| {
        let place = column as f64 / (columns - 1) as f64 * curve.len().saturating_sub(1) as f64;
        let (left, share) = (place.floor() as usize, place.fract());
        let value = |n: usize| curve.get(n).or(curve.last()).copied().unwrap_or(0.0).clamp(0.0, 1.0);
        let value = value(left) * (1.0 - share) + value(left + 1) * share;
        ((1.0 - value) * (rows - 1) as f64).round() as usize
    };
    for column in 0..columns {
        // Down or up to where the next column begins, so that the line has no holes.
        let (here, next) = (at(column), at((column + 1).min(columns - 1)));
        let (top, bottom) = if next > here + 1 {
            (here, next - 1)
        } else if here > next + 1 {
            (next + 1, here)
        } else {
            (here, here)
        };
        for row in top..=bottom {
            cells[row / 4 * wide + column / 2] |= DOTS[column % 2][row % 4];
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(curve: &[f64], wide: usize) -> Vec<String> {
        let cells = dots(curve, wide);
        cells
            .chunks(wide)
            .map(|row| row.iter().filter_map(|dots| char::from_u32(BLANK | dots)).collect())
            .collect()
    }

    #[test]
    fn a_curve_goes_from_the_left_to_the_right_and_from_0_to_1() {
        let rising = drawn(&[0.0, 1.0], 10);
        assert_eq!(rising, ["⠀⠀⠀⠀⠀⠀⠀⠀⡠⠊", "⠀⠀⠀⠀⠀⠀⡠⠊⠀⠀", "⠀⠀⠀⠀⡠⠊⠀⠀⠀⠀", "⠀⠀⡠⠊⠀⠀⠀⠀⠀⠀", "⡠⠊⠀⠀⠀⠀⠀⠀⠀⠀"]);
        let flat = drawn(&[1.0; 33], 4);
        assert_eq!(flat[0], "⠉⠉⠉⠉");
        assert_eq!(drawn(&[], 4)[4], "⣀⣀⣀⣀");
        // A fall between two values is one line without holes.
        assert!(drawn(&[1.0, 0.0, 0.0, 0.0], 3).iter().all(|row| row.chars().any(|cell| cell != '⠀')));
    }
}
