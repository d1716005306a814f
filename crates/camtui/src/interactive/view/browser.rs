//! The list of pictures: the search above it, its rows with thumbnails or without, its count below.
//!
//! [`rows`] says where each row is; the mouse and the thumbnails' maker read the same. The list has no scroll state: the
//! current picture is always seen, in the middle where it can be.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use super::super::browser::{Entry, Line, Sort};
use super::super::state::{State, THUMBNAIL};
use super::super::theme::Theme;
use super::text::{cut, field, line_of, padded, span, write, write_right};

/// The least room in which rows have thumbnails.
const ROOM_FOR_THUMBNAILS: (u16, u16) = (24, 12);
/// Columns before a name: the cursor, the mark, a gap.
const BEFORE: usize = 3;
/// Columns of a probability.
const PERCENT: usize = 6;

/// A line of the list and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it shows.
    pub line: Line,
    /// Where.
    pub area: Rect,
}

/// The lines that are visible in `area`, which holds the search and the count as well.
pub fn rows(state: &State, area: Rect) -> Vec<Row> {
    let list = parts(state, area).list;
    let lines = state.browser.lines();
    let high = if has_thumbnails(state, area) { THUMBNAIL.1 } else { 1 };
    let height = |line: &Line| match line {
        Line::Folder(_) => 1,
        Line::Picture(_) => high,
    };
    let current = lines.iter().position(|line| *line == Line::Picture(state.question.picture));
    let current = current.unwrap_or(0);

    let mut start = current;
    let mut above = 0;
    while start > 0 && above + height(&lines[start - 1]) <= list.height.saturating_sub(high) / 2 {
        start -= 1;
        above += height(&lines[start]);
    }
    // At the end of the list the last row is at the bottom.
    let mut used: u16 = 0;
    for line in &lines[start..] {
        used = used.saturating_add(height(line));
        if used >= list.height {
            break;
        }
    }
    while start > 0 && used + height(&lines[start - 1]) <= list.height {
        start -= 1;
        used += height(&lines[start]);
    }

    let mut rows = Vec::new();
    let mut y = list.y;
    for line in &lines[start..] {
        let area = Rect { y, height: height(line).min(list.bottom() - y), ..list };
        if area.is_empty() {
            break;
        }
        rows.push(Row { line: *line, area });
        y += area.height;
    }
    rows
}

/// Where a row's thumbnail is, if rows have them and it is wholly visible.
pub fn thumbnail(state: &State, area: Rect, row: &Row) -> Option<Rect> {
    let wanted = has_thumbnails(state, area) && matches!(row.line, Line::Picture(_));
    let (width, height) = THUMBNAIL;
    (wanted && row.area.height >= height).then(|| Rect { x: row.area.x + 1, width, height, ..row.area })
}

fn has_thumbnails(state: &State, area: Rect) -> bool {
    state.thumbnails && area.width >= ROOM_FOR_THUMBNAILS.0 && area.height >= ROOM_FOR_THUMBNAILS.1
}

/// The search, if there is one; the list; the count.
struct Parts {
    search: Option<Rect>,
    list: Rect,
    count: Option<Rect>,
}

fn parts(state: &State, area: Rect) -> Parts {
    let searched = state.browser.search.is_some() || !state.browser.filter.is_empty();
    let mut list = area;
    let search = if searched { line_of(area, 0) } else { None };
    if search.is_some() {
        list.y += 1;
        list.height -= 1;
    }
    let count = list.height.checked_sub(1).and_then(|last| line_of(list, last));
    list.height = list.height.saturating_sub(1);
    Parts { search, list, count }
}

/// Paints the list and the border to its right; thumbnails are painted with the other pictures.
pub fn paint(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let parts = parts(state, area);
    let border = if state.browser.search.is_some() { theme.focus } else { theme.border };
    for y in area.top()..area.bottom() {
        write(buffer, Rect::new(area.right(), y, 1, 1), span("│", border));
    }
    if let Some(line) = parts.search {
        paint_search(state, theme, line, buffer);
    }
    if let Some(line) = parts.count {
        write(buffer, line, span(count(state, usize::from(line.width)), theme.quiet));
    }
    let rows = rows(state, area);
    if rows.is_empty() {
        let text = if state.browser.entries.is_empty() { " no pictures yet" } else { " nothing matches" };
        write(buffer, parts.list, span(cut(text, usize::from(area.width)), theme.quiet));
    }
    for row in rows {
        match row.line {
            Line::Folder(id) => {
                let folder = &state.browser.entries[id].picture.folder;
                let folder = if folder.is_empty() { "." } else { folder };
                let text = super::text::cut_middle(folder, usize::from(row.area.width).saturating_sub(1));
                write(buffer, row.area, span(text, theme.title));
            }
            Line::Picture(id) => {
                let current = id == state.question.picture;
                if current {
                    buffer.set_style(row.area, theme.selection);
                }
                let entry = &state.browser.entries[id];
                if has_thumbnails(state, area) {
                    paint_tall(entry, current, theme, row.area, buffer);
                } else {
                    paint_row(entry, current, state.browser.sort, theme, row.area, buffer);
                }
            }
        }
    }
}

fn paint_search(state: &State, theme: &Theme, line: Rect, buffer: &mut Buffer) {
    let cols = usize::from(line.width).saturating_sub(2);
    let mut spans = vec![span("/ ", theme.key)];
    match &state.browser.search {
        Some(typed) => spans.extend(field(typed, cols, theme)),
        None => spans.push(span(cut(&state.browser.filter, cols), theme.accent)),
    }
    write(buffer, line, spans);
}

/// `12/200 · 3 marked · by class`, the less important left out where there is no room.
fn count(state: &State, cols: usize) -> String {
    let browser = &state.browser;
    let place =
        browser.place(state.question.picture).map_or("–".to_owned(), |place| (place + 1).to_string());
    let (listed, all) = (browser.listed.len(), browser.entries.len());
    let mut text =
        if listed < all { format!(" {place}/{listed} of {all}") } else { format!(" {place}/{listed}") };
    let marked = browser.marked();
    let mut more = Vec::new();
    if let Some((left, of)) = state.classifying {
        more.push(format!("classifying {}/{of}", of.saturating_sub(left)));
    }
    if browser.only_marked {
        more.push("marked only".to_owned());
    } else if marked > 0 {
        more.push(format!("{marked} marked"));
    }
    if browser.sort != Sort::Name {
        more.push(format!("by {}", browser.sort.name()));
    }
    for part in more {
        let longer = format!("{text} · {part}");
        if longer.width() <= cols {
            text = longer;
        }
    }
    cut(&text, cols)
}

/// `▸● name      class  87 %`.
fn paint_row(entry: &Entry, current: bool, sort: Sort, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let on = |style: ratatui::style::Style| if current { theme.selection } else { style };
    let cols = usize::from(area.width);
    let room = cols.saturating_sub(BEFORE + 1);
    let name = format!("{}{}", if entry.broken { "✗ " } else { "" }, entry.picture.name);
    let style = if entry.broken { on(theme.alarm) } else { on(theme.text) };
    // What the list is sorted by is worth more than the end of a name.
    let kept = if sort == Sort::Name || entry.class.is_none() { 0 } else { PERCENT.min(room / 2) };
    let name = cut(&name, room - kept);
    let left = room - name.width();
    write(
        buffer,
        area,
        vec![
            span(if current { "▸" } else { " " }, on(theme.accent)),
            span(if entry.marked { "●" } else { " " }, on(theme.mark)),
            span(format!(" {name}"), style),
        ],
    );
    let Some(class) = entry.class.as_ref().filter(|_| left >= PERCENT) else { return };
    let mut text = format!("{:>3.0} % ", 100.0 * class.probability);
    if let Some(room) = left.checked_sub(PERCENT + 3).filter(|room| *room >= 4) {
        text = format!("{} {text}", cut(&class.label, room));
    }
    write_right(buffer, area, vec![span(text, on(theme.quiet))]);
}

/// Beside a thumbnail: the name, the class, its probability.
fn paint_tall(entry: &Entry, current: bool, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let on = |style: ratatui::style::Style| if current { theme.selection } else { style };
    write(buffer, area, span(if current { "▸" } else { " " }, on(theme.accent)));
    let x = area.x + THUMBNAIL.0 + 2;
    let text = Rect { x, width: area.right().saturating_sub(x + 1), ..area };
    let cols = usize::from(text.width);
    let style = if entry.broken { on(theme.alarm) } else { on(theme.text) };
    let name = format!("{}{}", if entry.broken { "✗ " } else { "" }, entry.picture.name);
    let mut lines = vec![span(padded(&name, cols), style)];
    if let Some(class) = &entry.class {
        lines.push(span(cut(&class.label, cols), on(theme.quiet)));
        lines.push(span(format!("{:.0} %", 100.0 * class.probability), on(theme.quiet)));
    }
    if entry.marked {
        lines.push(span(cut("● marked", cols), on(theme.mark)));
    }
    for (line, down) in lines.into_iter().zip(0..) {
        if let Some(at) = line_of(text, down) {
            write(buffer, at, line);
        }
    }
}
