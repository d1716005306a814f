//! What the map on screen was made with and how it is drawn, and what it says at the crosshair.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::super::analyst::{Explanation, Question};
use super::super::develop::{Scene, shown};
use super::super::look::{Look, Mode};
use super::super::state::State;
use super::super::theme::Theme;
use super::text::{cut, line_of, padded, span, write};
use super::worth;

/// Columns of the words at the left.
const WORDS: usize = 8;
/// Lines that [`readout`] takes.
const READOUT: u16 = 3;

/// Lines that the settings want in a pane of so many columns.
pub fn height(state: &State, cols: u16) -> u16 {
    let readout = if state.crosshair.is_some() && state.shown.is_some() { READOUT } else { 0 };
    lines(state, &Theme::default(), usize::from(cols)).len() as u16 + readout
}

/// Paints as many of them as fit; the crosshair's first, because they were asked for.
pub fn paint(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let cols = usize::from(area.width);
    let mut all = match (state.crosshair, &state.shown) {
        (Some(point), Some(scene)) => readout(scene, point, theme, cols),
        _ => Vec::new(),
    };
    all.extend(lines(state, theme, cols));
    for (line, down) in all.into_iter().zip(0..) {
        if let Some(at) = line_of(area, down) {
            write(buffer, at, line);
        }
    }
}

fn row(word: &str, value: &str, theme: &Theme, cols: usize) -> Line<'static> {
    let word = padded(word, WORDS);
    let value = cut(value, cols.saturating_sub(WORDS + 2));
    Line::from(vec![span(format!(" {word} "), theme.quiet), span(value, theme.text)])
}

fn lines(state: &State, theme: &Theme, cols: usize) -> Vec<Line<'static>> {
    let answer = state.looked_at();
    let question = answer.map_or(&state.question, |answer| &answer.question);
    let mut lines = worth::lines(state, theme, cols);
    if let Some(info) = state.catalogue.explainers.get(question.explainer) {
        lines.push(Line::from(span(format!(" {}", cut(&info.id, cols.saturating_sub(1))), theme.title)));
        lines.push(Line::from(span(format!(" {}", cut(&info.summary, cols.saturating_sub(2))), theme.quiet)));
        lines.extend(info.params.iter().map(|param| {
            let set = question.params.iter().find(|(key, _)| *key == param.key);
            let value = set.map_or(&param.default, |(_, value)| value);
            let key = cut(&param.key, cols / 2);
            let left = cols.saturating_sub(key.width() + 3);
            let style = if set.is_some() { theme.accent } else { theme.text };
            Line::from(vec![span(format!(" {key}  "), theme.quiet), span(cut(value, left), style)])
        }));
    }
    if let Some(answer) = answer {
        let mut layers = answer.layers.iter();
        if answer.layers.is_empty() {
            lines.push(row("layer", "the picture itself", theme, cols));
        }
        if let Some(first) = layers.next() {
            lines.push(row("layer", &layer(answer, first), theme, cols));
        }
        lines.extend(layers.map(|name| row("", &layer(answer, name), theme, cols)));
    }
    lines.extend(question.smooth.name().map(|name| row("smooth", name, theme, cols)));
    lines.extend(model(state, question).map(|name| row("model", name, theme, cols)));
    let look = joined(look(&state.look), cols.saturating_sub(WORDS + 2));
    let words = ["look"].into_iter().chain(std::iter::repeat(""));
    lines.extend(look.iter().zip(words).map(|(text, word)| row(word, text, theme, cols)));
    lines
}

fn model<'a>(state: &'a State, question: &Question) -> Option<&'a str> {
    state.catalogue.models.get(question.model).map(String::as_str)
}

/// `layer4  512×7×7`.
fn layer(answer: &Explanation, name: &str) -> String {
    let known = answer.model.layers.iter().find(|layer| layer.name == name);
    let shape: Option<Vec<String>> = known.map(|layer| layer.shape.iter().map(usize::to_string).collect());
    shape.map_or_else(|| name.to_owned(), |shape| format!("{name}  {}", shape.join("×")))
}

/// Parts in lines of no more than so many columns, each whole.
fn joined(parts: Vec<String>, cols: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.width() + 3 + part.width() <= cols => {
                line.push_str(" · ");
                line.push_str(&part);
            }
            _ => lines.push(part),
        }
    }
    lines
}

/// `jet 50 %`, `bilinear`, `signed`, `top 10 %`, `contours`, `2.2×`.
fn look(look: &Look) -> Vec<String> {
    let mut parts = vec![match look.mode {
        Mode::Overlay => format!("{} {} %", look.colours().name(), look.alpha),
        Mode::Map => format!("{}, map alone", look.colours().name()),
        Mode::Picture => "picture alone".to_owned(),
        Mode::SideBySide => format!("{} {} %, side by side", look.colours().name(), look.alpha),
    }];
    parts.push(look.interpolation.name().to_owned());
    if look.signed {
        parts.push("signed".to_owned());
    }
    parts.extend(look.top.map(|share| format!("top {share} %")));
    if look.contours {
        parts.push("contours".to_owned());
    }
    if look.zoom.factor > 1.0 {
        parts.push(format!("{:.1}×", look.zoom.factor));
    }
    parts
}

/// What picture and map say at a point.
struct Reading {
    /// Where, in the picture's pixels.
    place: String,
    /// The pixel there, `#rrggbb`.
    pixel: String,
    /// The map's value and that value on the map's scale; none where the model saw nothing.
    value: Option<(f32, f32)>,
}

impl Reading {
    /// At a point, 0…1 across the picture.
    fn of(scene: &Scene, (x, y): (f32, f32)) -> Self {
        let photo = &scene.explanation.photo;
        let pixel = |share: f32, size: u32| ((share * size as f32) as u32).min(size.saturating_sub(1));
        let (px, py) = (pixel(x, photo.width()), pixel(y, photo.height()));
        let at = (py as usize * photo.width() as usize + px as usize) * 3;
        let colour = match photo.pixels().get(at..at + 3) {
            Some([r, g, b]) => format!("#{r:02x}{g:02x}{b:02x}"),
            _ => "–".to_owned(),
        };
        let seen = scene.explanation.seen;
        let share = |share: f32, size: u32, from: f32, to: f32| (share * size as f32 - from) / (to - from);
        let (x, y) = (share(x, photo.width(), seen.x0, seen.x1), share(y, photo.height(), seen.y0, seen.y1));
        let is_seen = (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y);
        Self {
            place: format!("{px}, {py} of {}×{}", photo.width(), photo.height()),
            pixel: colour,
            value: is_seen.then(|| shown(scene).at(x, y)),
        }
    }
}

fn readout(scene: &Scene, point: (f32, f32), theme: &Theme, cols: usize) -> Vec<Line<'static>> {
    let reading = Reading::of(scene, point);
    let map = match reading.value {
        Some((value, normal)) => {
            let style = if normal < 0.0 { theme.negative } else { theme.positive };
            let mut line = row("map", &number(value), theme, cols);
            line.push_span(Span::styled(format!("  ({normal:.2})"), style));
            line
        }
        None => row("map", "not seen by the model", theme, cols),
    };
    vec![row("at", &reading.place, theme, cols), row("pixel", &reading.pixel, theme, cols), map]
}

/// The same in one line, for a screen that has no room for the settings.
pub fn reading_in_a_line(scene: &Scene, point: (f32, f32)) -> String {
    let reading = Reading::of(scene, point);
    let map = match reading.value {
        Some((value, normal)) => format!("map {} ({normal:.2})", number(value)),
        None => "not seen by the model".to_owned(),
    };
    format!("{map} · pixel {} · {}", reading.pixel, reading.place)
}

/// A value to four digits, however small it is.
fn number(value: f32) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-3..1e4).contains(&size) { format!("{value:.4}") } else { format!("{value:.3e}") }
}
