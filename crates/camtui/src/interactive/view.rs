//! Paints the state. Pure: the same state gives the same screen, and nothing is decided here.

use camtui_term::{sanitise, truncate_to_width};
use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

use super::analyst::{Prediction, View};
use super::keys::BINDINGS;
use super::layout::{Areas, SMALLEST, areas};
use super::state::State;

/// The colours of text, so that they can be left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    accent: Style,
    quiet: Style,
    alarm: Style,
}

impl Palette {
    /// With colour, by the terminal's own sixteen, which the user has chosen to be legible; or without.
    pub fn new(colour: bool) -> Self {
        if !colour {
            return Self::default();
        }
        Self {
            accent: Style::new().fg(Color::Cyan),
            quiet: Style::new().fg(Color::DarkGray),
            alarm: Style::new().fg(Color::Red),
        }
    }
}

/// Paints everything.
pub fn view(state: &State, palette: Palette, frame: &mut Frame) {
    let screen = frame.area();
    let Some(areas) = areas(screen.width, screen.height) else {
        paint_too_small(frame);
        return;
    };
    paint_header(state, palette, &areas, frame);
    paint_picture(state, palette, areas.picture, frame);
    if let Some(shown) = &state.shown {
        paint_predictions(&shown.view, palette, areas.predictions, frame);
        paint_legend(&shown.view, palette, &areas, frame);
    }
    paint_footer(palette, areas.footer, frame);
    if state.help {
        paint_help(palette, screen, frame);
    }
}

fn paint_too_small(frame: &mut Frame) {
    let area = frame.area();
    let (cols, rows) = SMALLEST;
    let sentence = format!(
        "This terminal has {}×{} cells; the picture needs {cols}×{rows}. Enlarge it, or press q to quit.",
        area.width, area.height
    );
    frame.render_widget(Paragraph::new(sentence).wrap(Wrap { trim: true }), area);
}

fn paint_header(state: &State, palette: Palette, areas: &Areas, frame: &mut Frame) {
    let area = areas.header;
    let cols = usize::from(area.width);
    let current = state.shown.as_ref().map_or(state.wanted.picture, |shown| shown.request.picture);
    let place = format!(" {}/{} ", current + 1, state.names.len());
    let work = if !state.working {
        String::new()
    } else if current == state.wanted.picture {
        "computing … ".to_owned()
    } else {
        format!("→ {} … ", state.names[state.wanted.picture])
    };
    let work = truncate_to_width(&work, cols / 2);
    let name =
        truncate_to_width(&state.names[current], cols.saturating_sub(place.width() + work.width() + 1));
    let line = Line::from(vec![
        Span::styled(format!(" {name}"), Style::new().add_modifier(Modifier::BOLD)),
        Span::styled(place, palette.quiet),
    ]);
    frame.render_widget(line, area);
    frame.render_widget(Line::styled(work, palette.accent).alignment(Alignment::Right), area);
}

fn paint_picture(state: &State, palette: Palette, area: Rect, frame: &mut Frame) {
    if let Some(failure) = &state.failure {
        let text = Paragraph::new(failure.as_str()).style(palette.alarm).wrap(Wrap { trim: true });
        frame.render_widget(text, area.inner(ratatui::layout::Margin::new(1, 1)));
    } else if state.picture_place().is_some()
        && let Some(picture) = &state.picture
    {
        frame.render_widget(picture.as_ref(), area);
    }
}

fn paint_predictions(view: &View, palette: Palette, area: Rect, frame: &mut Frame) {
    let lines = usize::from(area.height);
    let mut listed: Vec<&Prediction> = view.predictions.iter().take(lines).collect();
    // The explained class is always among them.
    if !listed.iter().any(|class| class.index == view.target.index) {
        listed.truncate(lines.saturating_sub(1));
        listed.push(&view.target);
    }
    for (class, y) in listed.into_iter().zip(area.y..) {
        let line = prediction_line(class, class.index == view.target.index, area.width, palette);
        frame.render_widget(line, Rect::new(area.x, y, area.width, 1));
    }
}

/// `▶ label     87.3 % ████▌`, the bar only where there is room.
fn prediction_line(class: &Prediction, is_target: bool, cols: u16, palette: Palette) -> Line<'static> {
    const PERCENT: usize = 8;
    let cols = usize::from(cols);
    // In a narrow column the name is worth more than the bar.
    let bar_cols = if cols < 28 { 0 } else { (cols / 3).min(30) };
    let label_cols = cols.saturating_sub(bar_cols + PERCENT + 3);
    let label = truncate_to_width(&sanitise(&class.label), label_cols);
    let pad = " ".repeat(label_cols - label.width());
    let percent = format!("{:>6.1} %", 100.0 * class.probability);
    let style = if is_target { palette.accent.add_modifier(Modifier::BOLD) } else { Style::new() };
    let mark = if is_target { "▶ " } else { "  " };
    Line::from(vec![
        Span::styled(format!("{mark}{label}{pad}{percent} "), style),
        Span::styled(bar(class.probability, bar_cols), if is_target { style } else { palette.quiet }),
    ])
}

/// A bar of at most `cols` cells, to an eighth of a cell.
fn bar(share: f32, cols: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (share * 8.0 * cols as f32).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

fn paint_legend(view: &View, palette: Palette, areas: &Areas, frame: &mut Frame) {
    let target = &view.target;
    let mut parts = vec![format!("{} {:.1} %", target.label, 100.0 * target.probability)];
    parts.extend(view.legend.iter().cloned());
    let line = |parts: &[String], separator: &str| {
        format!(
            " {}",
            truncate_to_width(&sanitise(&parts.join(separator)), usize::from(areas.legend.width) - 1)
        )
    };
    frame.render_widget(Line::from(line(&parts, " · ")), areas.legend);
    frame.render_widget(Line::styled(line(&view.notes, " "), palette.quiet), areas.notes);
}

fn paint_footer(palette: Palette, area: Rect, frame: &mut Frame) {
    let mut room = usize::from(area.width);
    let mut spans = Vec::new();
    for (keys, word) in BINDINGS.iter().filter_map(|binding| binding.hint) {
        let cols = keys.width() + word.width() + 3;
        if cols > room {
            break;
        }
        room -= cols;
        spans.push(Span::styled(format!(" {keys}"), palette.accent.add_modifier(Modifier::BOLD)));
        spans.push(Span::styled(format!(" {word} "), palette.quiet));
    }
    frame.render_widget(Line::from(spans), area);
}

fn paint_help(palette: Palette, screen: Rect, frame: &mut Frame) {
    let keys_cols = BINDINGS.iter().map(|binding| binding.names.width()).max().unwrap_or(0);
    let help_cols = BINDINGS.iter().map(|binding| binding.help.width()).max().unwrap_or(0);
    let width = ((keys_cols + help_cols + 6) as u16).min(screen.width);
    let height = (BINDINGS.len() as u16 + 2).min(screen.height);
    let area = Rect::new((screen.width - width) / 2, (screen.height - height) / 2, width, height);
    let lines: Vec<Line> = BINDINGS
        .iter()
        .map(|binding| {
            let pad = " ".repeat(keys_cols - binding.names.width());
            Line::from(vec![
                Span::styled(format!(" {}{pad}", binding.names), palette.accent),
                Span::raw(format!("  {}", binding.help)),
            ])
        })
        .collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" keys ")), area);
}

#[cfg(test)]
mod tests;
