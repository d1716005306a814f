//! Text in cells: what comes from outside made safe and cut at cell boundaries, lines with two ends, bars, typed fields.

use camtui_term::{sanitise, truncate_to_width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::super::field::Field;
use super::super::theme::Theme;

/// The text safe to show, in at most so many cells.
pub fn cut(text: &str, cols: usize) -> String {
    truncate_to_width(&sanitise(bounded(text, cols)), cols)
}

/// What of a text can matter for so many cells: a cell may hold several characters, but not any number of them.
fn bounded(text: &str, cols: usize) -> &str {
    let end = text.char_indices().nth(cols.saturating_mul(16).saturating_add(64));
    end.map_or(text, |(end, _)| &text[..end])
}

/// The same, then blanks up to so many cells.
pub fn padded(text: &str, cols: usize) -> String {
    let mut text = cut(text, cols);
    let missing = cols.saturating_sub(text.width());
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// The same as [`cut`], with what is missing in the middle: both ends of a path say something.
pub fn cut_middle(text: &str, cols: usize) -> String {
    let text = sanitise(text);
    if text.width() <= cols {
        return text;
    }
    let Some(room) = cols.checked_sub(1).filter(|room| *room > 0) else { return cut(&text, cols) };
    // The end is worth more: it is the file's name.
    let end = tail(&text, room - room / 3);
    let start = head(&text, room - end.width());
    format!("{start}…{end}")
}

/// The longest beginning that fits.
pub fn head(text: &str, cols: usize) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += grapheme.width();
        if used > cols {
            return &text[..at];
        }
    }
    text
}

/// The longest end that fits.
pub fn tail(text: &str, cols: usize) -> &str {
    let mut used = 0;
    let mut from = text.len();
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += grapheme.width();
        if used > cols {
            break;
        }
        from = at;
    }
    &text[from..]
}

/// The text safe to show, broken between words into lines of at most so many cells; a word that is longer is broken too.
pub fn wrapped(text: &str, cols: usize) -> Vec<String> {
    let cols = cols.max(2);
    let text = sanitise(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word;
        if !line.is_empty() && line.width() + 1 + word.width() > cols {
            lines.push(std::mem::take(&mut line));
        }
        while word.width() > cols {
            // At least one character, however wide, so that the end is reached.
            let first = word.graphemes(true).next().map_or(word.len(), str::len);
            let part = head(word, cols).len().max(first);
            lines.push(word[..part].to_owned());
            word = &word[part..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// A bar of at most `cols` cells for a share of 0…1, to an eighth of a cell.
pub fn bar(share: f32, cols: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (share * 8.0 * cols as f32).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// A probability in percent to a tenth.
pub fn percent(share: f32) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// How much is done, in whole percent; only what is done is called 100.
pub fn progress(share: f32) -> String {
    format!("{} %", (100.0 * share.clamp(0.0, 1.0)).floor() as u32)
}

/// A span of owned text.
pub fn span(text: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(text.into(), style)
}

/// Writes spans on the first line of an area, no further than its end.
pub fn write<'s>(buffer: &mut Buffer, area: Rect, spans: impl Into<Line<'s>>) {
    if !area.is_empty() {
        buffer.set_line(area.x, area.y, &spans.into(), area.width);
    }
}

/// Writes spans at the end of the first line of an area.
pub fn write_right(buffer: &mut Buffer, area: Rect, spans: Vec<Span<'_>>) {
    let line = Line::from(spans);
    let cols = (line.width() as u16).min(area.width);
    write(buffer, Rect { x: area.right() - cols, width: cols, ..area }, line);
}

/// The line of an area that is so far down, if it has one.
pub fn line_of(area: Rect, down: u16) -> Option<Rect> {
    (down < area.height).then(|| Rect { y: area.y + down, height: 1, ..area })
}

/// A line that is typed, scrolled so that its cursor is seen; the cursor is reversed as a terminal's own.
pub fn field(field: &Field, cols: usize, theme: &Theme) -> Vec<Span<'static>> {
    let (before, after) = field.around_cursor();
    let (before, after) = (sanitise(before), sanitise(after));
    let under = after.graphemes(true).next().filter(|grapheme| grapheme.width() > 0).unwrap_or(" ");
    let rest = after.get(under.len()..).unwrap_or_default();
    let room = cols.saturating_sub(under.width());
    let before =
        if before.width() <= room { before } else { format!("…{}", tail(&before, room.saturating_sub(1))) };
    let rest = truncate_to_width(rest, room.saturating_sub(before.width()));
    vec![
        span(before, theme.text),
        span(under, theme.text.add_modifier(Modifier::REVERSED)),
        span(rest, theme.text),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_in_the_middle() {
        assert_eq!(cut_middle("photos/dog.jpg", 20), "photos/dog.jpg");
        assert_eq!(cut_middle("/home/ann/photos/2024/dog.jpg", 16), "/home…24/dog.jpg");
        for cols in 0..30 {
            let shown = cut_middle("照片/二〇二四年/狗的照片.jpg", cols);
            assert!(shown.width() <= cols, "{shown} in {cols}");
        }
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrapped("the picture could not be read", 12), ["the picture", "could not be", "read"]);
        assert_eq!(wrapped("/a/very/long/path", 6), ["/a/ver", "y/long", "/path"]);
        assert_eq!(wrapped("犬犬犬", 2), ["犬", "犬", "犬"]);
        assert!(wrapped("", 5).is_empty());
    }

    #[test]
    fn bars_grow_by_eighths() {
        let bars = [0.0, 0.125, 0.5, 0.99, 1.0, 7.0, f32::NAN].map(|share| bar(share, 2));
        assert_eq!(bars, ["", "▎", "█", "██", "██", "██", ""]);
        assert_eq!(bar(7.0 / 16.0, 2), "▉");
    }

    #[test]
    fn a_typed_line_shows_its_cursor() {
        let theme = Theme::default();
        let text = |field: &Field, cols| -> Vec<String> {
            self::field(field, cols, &theme).iter().map(|span| span.content.to_string()).collect()
        };
        let mut typed = Field::with("photos/dog");
        assert_eq!(text(&typed, 20), ["photos/dog", " ", ""]);
        assert_eq!(text(&typed, 6), ["…/dog", " ", ""]);
        typed.edit("Home".parse().unwrap());
        assert_eq!(text(&typed, 6), ["", "p", "hoto…"]);
        let wide = Field::with("犬犬犬犬");
        assert_eq!(text(&wide, 6), ["…犬犬", " ", ""]);
    }

    #[test]
    fn only_what_is_done_is_called_so() {
        assert_eq!([0.0, 0.999, 1.0].map(progress), ["0 %", "99 %", "100 %"]);
    }
}
