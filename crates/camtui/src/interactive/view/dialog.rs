//! What lies over the screen: boxes in its middle with texts, lists, a form, a line to type.
//!
//! [`area`] and [`item_at`] tell the mouse where they are.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget as _};
use unicode_width::UnicodeWidthStr as _;

use super::super::analyst::ParamKind;
use super::super::dialog::{Dialog, Prompt};
use super::super::field::Field;
use super::super::form::{Form, Row};
use super::super::picker::{Item, Picker};
use super::super::state::State;
use super::super::theme::Theme;
use super::help::Help;
use super::text::{cut, field, line_of, padded, span, wrapped, write, write_right};

/// Columns of a list at the most.
const LIST_COLS: u16 = 84;
/// Columns of texts, forms and prompts at the most.
const TEXT_COLS: u16 = 100;
/// Details of no more columns end below each other, longer ones begin there.
const SHORT_DETAIL: usize = 16;
/// Lines below a form's rows: a gap, what the row does, what it takes.
const FORM_HELP: u16 = 4;

/// Where a dialog is.
pub fn area(dialog: &Dialog, state: &State) -> Rect {
    let size = state.size;
    match dialog {
        Dialog::Help(_) => {
            let help = help(state, &Theme::default());
            middle(size, help.width + 4, help.height() + 2)
        }
        Dialog::Messages(_) => {
            let width = TEXT_COLS.min(size.0.saturating_sub(2));
            let lines = messages(state, usize::from(width).saturating_sub(4)).len().max(1);
            middle(size, width, u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(2))
        }
        Dialog::Palette(picker, _) | Dialog::Choose(_, picker) => list(picker, size),
        Dialog::Parameters(form) => middle(size, LIST_COLS, form.rows.len() as u16 + FORM_HELP + 2),
        Dialog::Prompt(..) => middle(size, LIST_COLS, 4),
    }
}

/// The place in [`Picker::found`] of the line at a cell of a screen of that size.
pub fn item_at(picker: &Picker, size: (u16, u16), at: Position) -> Option<usize> {
    let rows = list_rows(inside(list(picker, size)));
    if !rows.contains(at) {
        return None;
    }
    let item = first_row(picker.cursor, picker.found.len(), rows.height) + usize::from(at.y - rows.y);
    (item < picker.found.len()).then_some(item)
}

/// A box of this size, or as much of it as the screen holds above its last line, in the middle of that.
fn middle((cols, rows): (u16, u16), width: u16, height: u16) -> Rect {
    // The last line says how the box is closed.
    let rows = rows.saturating_sub(1);
    let (width, height) = (width.min(cols), height.min(rows));
    Rect::new((cols - width) / 2, (rows - height) / 2, width, height)
}

/// What a box's frame leaves, with a column of air at both sides.
fn inside(area: Rect) -> Rect {
    let (width, height) = (area.width.saturating_sub(4), area.height.saturating_sub(2));
    Rect { x: area.x + area.width.min(2), y: area.y + area.height.min(1), width, height }
}

/// As high as all items need, so that it stays where it is while typing narrows them.
fn list(picker: &Picker, size: (u16, u16)) -> Rect {
    let rows = u16::try_from(picker.items.len().max(1)).unwrap_or(u16::MAX);
    middle(
        size,
        LIST_COLS.min(size.0.saturating_sub(2)),
        rows.saturating_add(3).min(size.1.saturating_sub(2)),
    )
}

/// A list's rows, below the line that is typed.
fn list_rows(inside: Rect) -> Rect {
    Rect { y: inside.y + inside.height.min(1), height: inside.height.saturating_sub(1), ..inside }
}

/// The first of `count` rows to show so that the cursor is among them, in the middle where it can be.
fn first_row(cursor: usize, count: usize, rows: u16) -> usize {
    let rows = usize::from(rows);
    cursor.saturating_sub(rows / 2).min(count.saturating_sub(rows))
}

/// Paints a dialog over what is there.
pub fn paint(dialog: &Dialog, state: &State, theme: &Theme, buffer: &mut Buffer) {
    let area = area(dialog, state).intersection(buffer.area);
    let title = match dialog {
        Dialog::Help(_) => "keys",
        Dialog::Messages(_) => "messages",
        Dialog::Palette(picker, _) | Dialog::Choose(_, picker) => picker.title.as_str(),
        Dialog::Parameters(form) => form.explainer.as_str(),
        Dialog::Prompt(Prompt::Save, _) => "save to: a folder, or a file .png .npy .json",
        Dialog::Prompt(Prompt::Open, _) => "add a folder or a picture",
    };
    Clear.render(area, buffer);
    buffer.set_style(area, theme.text);
    let title = format!(" {} ", cut(title, usize::from(area.width).saturating_sub(6)));
    Block::bordered().border_style(theme.focus).title(span(title, theme.title)).render(area, buffer);
    let inside = inside(area);
    match dialog {
        Dialog::Help(down) => paint_help(&help(state, theme), *down, theme, area, buffer),
        Dialog::Messages(up) => paint_messages(state, *up, theme, area, buffer),
        Dialog::Palette(picker, _) | Dialog::Choose(_, picker) => paint_list(picker, theme, inside, buffer),
        Dialog::Parameters(form) => paint_form(form, theme, inside, buffer),
        Dialog::Prompt(_, typed) => paint_prompt(typed, theme, inside, buffer),
    }
}

fn help(state: &State, theme: &Theme) -> Help {
    let (cols, rows) = state.size;
    Help::new(&state.keymap, theme, cols.saturating_sub(4), rows.saturating_sub(3))
}

fn paint_help(help: &Help, down: u16, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let inside = inside(area);
    let first = down.min(help.height().saturating_sub(inside.height));
    for (x, lines) in help.columns() {
        for (line, y) in lines.iter().skip(usize::from(first)).zip(0..) {
            let Some(at) = line_of(inside, y) else { break };
            let width = at.width.saturating_sub(x);
            write(buffer, Rect { x: at.x + x.min(at.width), width, ..at }, line.clone());
        }
    }
    paint_more(first, help.height(), theme, area, buffer);
}

/// In the frame below: which lines of how many are seen, where these are not all.
fn paint_more(first: u16, count: u16, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let seen = area.height.saturating_sub(2);
    let Some(last) = area.height.checked_sub(1).filter(|_| count > seen) else { return };
    let text = format!(" {}–{} of {count} ", first + 1, first + seen);
    if let Some(line) = line_of(area, last) {
        let line = Rect { width: line.width.saturating_sub(2), ..line };
        write_right(buffer, line, vec![span(text, theme.quiet)]);
    }
}

/// What was said, each message indented where it goes on.
fn messages(state: &State, cols: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for message in &state.messages {
        let parts = wrapped(message, cols.saturating_sub(2));
        lines.extend(
            parts
                .iter()
                .zip(["· "].into_iter().chain(std::iter::repeat("  ")))
                .map(|(part, before)| format!("{before}{part}")),
        );
    }
    lines
}

fn paint_messages(state: &State, up: u16, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let inside = inside(area);
    let lines = messages(state, usize::from(inside.width));
    if lines.is_empty() {
        write(buffer, inside, span(cut("nothing was said yet", usize::from(inside.width)), theme.quiet));
        return;
    }
    let last = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_sub(inside.height);
    let first = last - up.min(last);
    for (line, down) in lines.iter().skip(usize::from(first)).zip(0..) {
        let Some(at) = line_of(inside, down) else { break };
        write(buffer, at, span(line.as_str(), theme.text));
    }
    paint_more(first, u16::try_from(lines.len()).unwrap_or(u16::MAX), theme, area, buffer);
}

fn paint_list(picker: &Picker, theme: &Theme, inside: Rect, buffer: &mut Buffer) {
    let count = format!(" {}/{}", picker.found.len(), picker.items.len());
    let typed = usize::from(inside.width).saturating_sub(count.width() + 2);
    let mut line = vec![span("> ", theme.key)];
    line.extend(field(&picker.field, typed, theme));
    write(buffer, inside, line);
    write_right(buffer, inside, vec![span(count, theme.quiet)]);

    let rows = list_rows(inside);
    if picker.found.is_empty() {
        write(buffer, rows, span(cut("  nothing matches", usize::from(rows.width)), theme.quiet));
    }
    let first = first_row(picker.cursor, picker.found.len(), rows.height);
    let seen: Vec<&Item> = picker
        .found
        .iter()
        .skip(first)
        .take(usize::from(rows.height))
        .filter_map(|at| picker.items.get(*at))
        .collect();
    let columns = Columns::of(&seen, usize::from(rows.width), picker.several);
    for ((item, place), down) in seen.into_iter().zip(first..).zip(0..) {
        if let Some(at) = line_of(rows, down) {
            paint_item(item, place == picker.cursor, picker.several, &columns, theme, at, buffer);
        }
    }
}

/// How a list's rows divide their columns.
struct Columns {
    label: usize,
    detail: usize,
    /// Whether details end below each other.
    right: bool,
}

impl Columns {
    fn of(items: &[&Item], cols: usize, several: bool) -> Self {
        let room = cols.saturating_sub(if several { 6 } else { 2 });
        let widest = |text: fn(&Item) -> &str| {
            items.iter().map(|item| cut(text(item), room).width()).max().unwrap_or(0)
        };
        let (label, wanted) = (widest(|item| &item.label), widest(|item| &item.detail));
        if wanted == 0 {
            return Self { label: room, detail: 0, right: false };
        }
        if wanted <= SHORT_DETAIL {
            // Shown whole; the label is cut if it must be.
            let detail = wanted.min(room / 2);
            return Self { label: room.saturating_sub(detail + 2), detail, right: true };
        }
        let label = label.min(room / 2);
        Self { label, detail: room.saturating_sub(label + 2), right: false }
    }
}

fn paint_item(
    item: &Item,
    current: bool,
    several: bool,
    columns: &Columns,
    theme: &Theme,
    at: Rect,
    buffer: &mut Buffer,
) {
    let on = |style: Style| if current { theme.selection } else { style };
    if current {
        buffer.set_style(at, theme.selection);
    }
    let mut spans = vec![span(if current { "▸ " } else { "  " }, on(theme.accent))];
    if several {
        spans.push(span(if item.ticked { "[x] " } else { "[ ] " }, on(theme.mark)));
    }
    spans.push(span(padded(&item.label, columns.label), on(theme.text)));
    if columns.detail > 0 {
        let detail = cut(&item.detail, columns.detail);
        let gap = if columns.right { columns.detail - detail.width() } else { 0 };
        spans.push(span(format!("  {}{detail}", " ".repeat(gap)), on(theme.quiet)));
    }
    write(buffer, at, spans);
}

fn paint_form(form: &Form, theme: &Theme, inside: Rect, buffer: &mut Buffer) {
    let help = FORM_HELP.min(inside.height / 2);
    let rows = Rect { height: inside.height - help, ..inside };
    let first = first_row(form.cursor, form.rows.len(), rows.height);
    let keys = form.rows.iter().map(|row| row.info.key.width()).max().unwrap_or(0);
    let keys = keys.min(usize::from(inside.width) / 2);
    for ((row, place), down) in form.rows.iter().zip(0..).skip(first).zip(0..) {
        let Some(at) = line_of(rows, down) else { break };
        paint_form_row(row, place == form.cursor, keys, theme, at, buffer);
    }
    let Some(row) = form.rows.get(form.cursor) else { return };
    let below = Rect { y: rows.bottom(), height: help, ..inside };
    let cols = usize::from(inside.width);
    let takes = if row.is_right() {
        span(cut(&format!("takes {}; default {}", row.takes(), row.info.default), cols), theme.quiet)
    } else {
        span(cut(&format!("✗ takes {}", row.takes()), cols), theme.alarm)
    };
    // What it takes is the last line, what it does comes in those before.
    let lines = wrapped(&row.info.help, cols);
    let room = usize::from(help.saturating_sub(1));
    let gap = u16::from(room > lines.len());
    for (line, down) in lines.iter().take(room).zip(gap..) {
        if let Some(at) = line_of(below, down) {
            write(buffer, at, span(line.as_str(), theme.quiet));
        }
    }
    if let Some(at) = help.checked_sub(1).and_then(|last| line_of(below, last)) {
        write(buffer, at, takes);
    }
}

fn paint_form_row(row: &Row, current: bool, keys: usize, theme: &Theme, at: Rect, buffer: &mut Buffer) {
    let mark = if current { "▸ " } else { "  " };
    let wrong = if row.is_right() { "" } else { "✗ " };
    let cols = usize::from(at.width).saturating_sub(keys + 4 + wrong.width());
    let key = Style { add_modifier: Modifier::empty(), ..theme.key };
    let mut spans = vec![
        span(mark, theme.accent),
        span(padded(&row.info.key, keys), if current { theme.key } else { key }),
        span(format!("  {wrong}"), theme.alarm),
    ];
    let typed = matches!(row.info.kind, ParamKind::Int(_) | ParamKind::Float(_) | ParamKind::Text);
    let value = row.field.text();
    let style = if row.is_right() { theme.text } else { theme.alarm };
    match (current, typed) {
        (true, true) => spans.extend(field(&row.field, cols, theme)),
        (true, false) => {
            spans.push(span(format!("‹ {} ›", cut(value, cols.saturating_sub(4))), theme.selection));
        }
        (false, _) => spans.push(span(cut(value, cols), style)),
    }
    write(buffer, at, Line::from(spans));
}

fn paint_prompt(typed: &Field, theme: &Theme, inside: Rect, buffer: &mut Buffer) {
    let mut spans: Vec<Span<'_>> = vec![span("> ", theme.key)];
    spans.extend(field(typed, usize::from(inside.width).saturating_sub(2), theme));
    write(buffer, inside, spans);
    if let Some(below) = line_of(inside, 1) {
        let text = "~/ is your home folder";
        write(buffer, below, span(cut(text, usize::from(below.width)), theme.quiet));
    }
}
