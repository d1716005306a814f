//! The picture, what stands in its place while there is none, and the tiles of a comparison.

use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr as _;

use super::super::compare::{Answer, Compare};
use super::super::layout::TileArea;
use super::super::picture::Encoded;
use super::super::state::State;
use super::super::theme::Theme;
use super::text::{bar, cut, line_of, padded, progress, span, wrapped, write};

/// The large picture or the tiles' pictures, and where they are.
pub fn pictures(state: &State, area: Rect) -> Vec<(Rect, Arc<Encoded>)> {
    let placed = |picture: Option<&Arc<Encoded>>, area: Rect| {
        picture.and_then(|picture| Some((picture.place_in(area)?, Arc::clone(picture))))
    };
    match &state.compare {
        Some(compare) => compare
            .tiles
            .iter()
            .enumerate()
            .filter_map(|(at, tile)| placed(tile.picture.as_ref(), state.tile_area(at)?.picture))
            .collect(),
        None if state.failure.is_none() => placed(state.picture.as_ref(), area).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Paints what is not a picture.
pub fn paint(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if let Some(compare) = &state.compare {
        let ranks = state.ranks();
        for at in 0..compare.tiles.len() {
            if let Some(place) = state.tile_area(at) {
                let rank = ranks.as_ref().and_then(|ranks| ranks[at]);
                paint_tile(compare, at, rank, theme, place, buffer);
            }
        }
    } else if let Some(failure) = &state.failure {
        paint_text(failure, theme.alarm, area, buffer);
    } else if state.picture.is_none() && state.working {
        let done =
            if state.progress > 0.0 { format!(" {}", progress(state.progress)) } else { String::new() };
        paint_text(&format!("computing …{done}"), theme.quiet, area, buffer);
    }
}

/// A text in the middle of an area, with a margin where there is room for one.
fn paint_text(text: &str, style: Style, area: Rect, buffer: &mut Buffer) {
    let margin = u16::from(area.width > 20);
    let area = Rect { x: area.x + margin, width: area.width - 2 * margin, ..area };
    let mut lines = wrapped(text, usize::from(area.width));
    let most = usize::from(area.height);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = cut(&format!("{last} …"), usize::from(area.width));
        }
    }
    let top = (area.height - lines.len() as u16) / 2;
    for (line, down) in lines.iter().zip(top..) {
        let Some(at) = line_of(area, down) else { break };
        let left = at.width.saturating_sub(line.width() as u16) / 2;
        write(buffer, Rect { x: at.x + left, width: at.width - left, ..at }, span(line.as_str(), style));
    }
}

fn paint_tile(
    compare: &Compare,
    at: usize,
    rank: Option<usize>,
    theme: &Theme,
    place: TileArea,
    buffer: &mut Buffer,
) {
    let (tile, focused) = (&compare.tiles[at], at == compare.cursor);
    let cols = usize::from(place.title.width);
    let (mark, style) =
        if focused { ("▶ ", theme.focus.add_modifier(Modifier::REVERSED)) } else { ("  ", theme.title) };
    write(buffer, place.title, span(format!("{mark}{}", padded(&tile.title, cols.saturating_sub(2))), style));

    let missing = tile.question.is_none().then(|| unanswered(compare)).flatten();
    match (&tile.answer, missing) {
        (_, Some(why)) => paint_text(why, theme.quiet, place.picture, buffer),
        (Answer::Failed(why), _) => paint_text(why, theme.alarm, place.picture, buffer),
        (Answer::Working(done), _) => paint_progress(*done, theme, place.picture, buffer),
        (Answer::Waiting | Answer::Done(_), _) if tile.picture.is_none() => {
            paint_text("…", theme.quiet, place.picture, buffer);
        }
        _ => {}
    }
    let cost = match (&tile.answer, rank) {
        // What is best is what is wanted to be known then.
        (Answer::Done(_), Some(rank)) => format!("{}. of {}", rank + 1, compare.tiles.len()),
        (Answer::Done(done), None) => cost(done.explanation.took),
        _ => String::new(),
    };
    let agreement = compare.agreement(at);
    let style = if agreement.is_some_and(|agreement| agreement < 0.0) { theme.negative } else { theme.text };
    let agreement = agreement.map_or(String::new(), |agreement| format!("ρ {agreement:.2}"));
    // A number must never lose its end: in a narrow tile the space goes first, then the cost.
    let room = usize::from(place.caption.width);
    let (costs, agrees) = (cost.chars().count(), agreement.chars().count());
    let spans = if agreement.is_empty() || 2 + costs + 2 + agrees <= room {
        vec![span("  ", theme.quiet), span(format!("{cost}  "), theme.quiet), span(agreement, style)]
    } else if costs + 1 + agrees <= room {
        vec![span(format!("{cost} "), theme.quiet), span(agreement, style)]
    } else {
        vec![span(agreement, style)]
    };
    write(buffer, place.caption, spans);
}

/// Why a difference is not there yet.
fn unanswered(compare: &Compare) -> Option<&'static str> {
    let answers = compare.tiles.iter().filter(|tile| tile.question.is_some());
    let mut failed = answers.filter(|tile| matches!(tile.answer, Answer::Failed(_)));
    failed.next().map(|_| "There is no difference without both maps.")
}

fn paint_progress(done: f32, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    paint_text(&progress(done), theme.text, area, buffer);
    let cols = (area.width / 2).min(24);
    let Some(line) = line_of(area, (area.height - 1) / 2 + 1) else { return };
    let line = Rect { x: line.x + (line.width - cols) / 2, width: cols, ..line };
    write(buffer, line, span("░".repeat(usize::from(cols)), theme.quiet));
    write(buffer, line, span(bar(done, usize::from(cols)), theme.bar));
}

/// `31 ms`, `4.2 s`.
fn cost(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    match seconds {
        s if s < 0.0005 => "<1 ms".to_owned(),
        s if s < 0.9995 => format!("{:.0} ms", 1000.0 * s),
        s if s < 99.95 => format!("{s:.1} s"),
        s => format!("{s:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_told_in_fitting_units() {
        let of = |ms| cost(Duration::from_millis(ms));
        assert_eq!(
            [of(0), of(31), of(999), of(1000), of(4210), of(120_000)],
            ["<1 ms", "31 ms", "999 ms", "1.0 s", "4.2 s", "120 s"]
        );
    }
}
