//! Predictions as bars, and below or beside them, where there is room, the settings. Two models' predictions stand side by side.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr as _;

use super::super::analyst::{Explanation, Prediction};
use super::super::compare::Kind;
use super::super::state::State;
use super::super::theme::Theme;
use super::settings;
use super::text::{bar, cut, line_of, padded, percent, span, write};

/// Lines of predictions that settings never take.
const FEWEST: u16 = 5;
/// A pane with fewer lines has no settings below the predictions.
const HEIGHT_FOR_SETTINGS: u16 = 10;
/// A pane with fewer columns has no settings beside them.
const WIDTH_FOR_SETTINGS: u16 = 76;
/// Columns of a probability with the gap before it.
const PERCENT: usize = 8;

/// One model's predictions and where they are.
struct Column<'a> {
    explanation: &'a Arc<Explanation>,
    /// The model's name, where there are two.
    heading: Option<&'a str>,
    area: Rect,
}

/// The class whose line is at this cell, as an index into the model's output.
pub fn class_at(state: &State, area: Rect, at: Position) -> Option<usize> {
    let column = columns(state, area).into_iter().find(|column| column.area.contains(at))?;
    let lines = list_area(&column);
    let down = at.y.checked_sub(lines.y)?;
    listed(column.explanation, usize::from(lines.height)).get(usize::from(down)).map(|class| class.index)
}

/// Paints the pane and the border between it and the picture.
pub fn paint(state: &State, theme: &Theme, picture: Rect, area: Rect, buffer: &mut Buffer) {
    if area.y == picture.y {
        for y in area.top()..area.bottom() {
            write(buffer, Rect::new(area.x.saturating_sub(1), y, 1, 1), span("│", theme.border));
        }
    } else {
        let line = Rect { y: area.y.saturating_sub(1), height: 1, ..area };
        write(buffer, line, span("─".repeat(usize::from(area.width)), theme.border));
    }
    let columns = columns(state, area);
    for column in &columns {
        paint_column(column, theme, buffer);
    }
    if columns.is_empty() {
        let waiting = if state.working || state.compare.is_some() { " …" } else { "" };
        write(buffer, area, span(waiting, theme.quiet));
    }
    let (predictions, settings) = split(state, area);
    if settings.y > area.y {
        let line = Rect { y: settings.y - 1, height: 1, ..settings };
        write(buffer, line, span("─".repeat(usize::from(line.width)), theme.border));
    } else if settings.x > predictions.right() {
        for y in settings.top()..settings.bottom() {
            write(buffer, Rect::new(settings.x - 1, y, 1, 1), span("│", theme.border));
        }
    }
    settings::paint(state, theme, settings, buffer);
}

/// Whether there is room for the settings.
pub fn has_settings(area: Rect) -> bool {
    area.height >= HEIGHT_FOR_SETTINGS || area.width >= WIDTH_FOR_SETTINGS
}

/// The predictions' part and the settings' part: below it in a high pane, beside it in a wide one, each parted from it by
/// a line.
fn split(state: &State, area: Rect) -> (Rect, Rect) {
    if area.height >= HEIGHT_FOR_SETTINGS {
        let settings = settings::height(state, area.width).min(area.height - FEWEST - 1);
        let above = area.height - settings - 1;
        let below = Rect { y: area.bottom() - settings, height: settings, ..area };
        return (Rect { height: above, ..area }, below);
    }
    if area.width >= WIDTH_FOR_SETTINGS {
        let settings = area.width * 2 / 5;
        let left = area.width - settings - 1;
        return (Rect { width: left, ..area }, Rect { x: area.right() - settings, width: settings, ..area });
    }
    (area, Rect { height: 0, ..area })
}

fn columns(state: &State, area: Rect) -> Vec<Column<'_>> {
    let (area, _) = split(state, area);
    let two = state.compare.as_ref().filter(|compare| compare.kind == Kind::Models);
    if let Some(tiles) = two.and_then(|compare| compare.tiles.get(..2))
        && let (Some(first), Some(second)) = (tiles[0].explanation(), tiles[1].explanation())
    {
        let half = area.width.saturating_sub(1) / 2;
        let (left, right) = (area.x, area.x + half + 1);
        let column = |explanation, title, x, width| {
            let area = Rect { x, width, ..area };
            Column { explanation, heading: Some(title), area }
        };
        return vec![
            column(first, tiles[0].title.as_str(), left, half),
            column(second, tiles[1].title.as_str(), right, area.right() - right),
        ];
    }
    let Some(explanation) = state.looked_at() else { return Vec::new() };
    vec![Column { explanation, heading: None, area }]
}

fn list_area(column: &Column<'_>) -> Rect {
    let taken = u16::from(column.heading.is_some()).min(column.area.height);
    Rect { y: column.area.y + taken, height: column.area.height - taken, ..column.area }
}

/// The likeliest classes, and in any case the explained one and the one that it is held against.
fn listed(explanation: &Explanation, lines: usize) -> Vec<&Prediction> {
    let is_asked =
        |class: &&Prediction| class.index == explanation.class || Some(class.index) == explanation.against;
    let mut listed: Vec<&Prediction> = explanation.predictions.iter().take(lines).collect();
    for class in explanation.predictions.iter().skip(lines).filter(is_asked) {
        if let Some(least) = listed.iter().rposition(|other| !is_asked(other)) {
            listed.remove(least);
            listed.push(class);
        }
    }
    listed
}

fn paint_column(column: &Column<'_>, theme: &Theme, buffer: &mut Buffer) {
    if let Some(heading) = column.heading {
        write(
            buffer,
            column.area,
            span(format!(" {}", cut(heading, usize::from(column.area.width) - 1)), theme.title),
        );
    }
    let area = list_area(column);
    let explanation = column.explanation;
    for (class, down) in listed(explanation, usize::from(area.height)).into_iter().zip(0..) {
        if let Some(line) = line_of(area, down) {
            paint_class(class, explanation, theme, line, buffer);
        }
    }
}

/// `▶ label     87.3 % ████▌`, the bar only where there is room.
fn paint_class(class: &Prediction, of: &Explanation, theme: &Theme, line: Rect, buffer: &mut Buffer) {
    let cols = usize::from(line.width);
    // In a narrow column the name is worth more than the bar.
    let bar_cols = if cols < 28 { 0 } else { (cols / 3).min(30) };
    let label_cols = cols.saturating_sub(bar_cols + PERCENT + if bar_cols > 0 { 3 } else { 2 });
    let (mark, style) = match class.index {
        index if index == of.class => ("▶ ", theme.target),
        index if Some(index) == of.against => ("≠ ", theme.negative),
        _ => ("  ", theme.text),
    };
    let percent = percent(class.probability);
    let gap = " ".repeat(PERCENT.saturating_sub(percent.width()));
    write(
        buffer,
        line,
        vec![
            span(mark, style),
            span(padded(&class.label, label_cols), style),
            span(format!("{gap}{percent} "), style),
            span(bar(class.probability, bar_cols), theme.bar),
        ],
    );
}
