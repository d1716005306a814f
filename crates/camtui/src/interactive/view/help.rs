//! The help: every command by group with the keys that it has now, in as many columns as fit.

use ratatui::text::Line;
use unicode_width::UnicodeWidthStr as _;

use super::super::command::{Command, Group, TABLE};
use super::super::keys::Keymap;
use super::super::theme::Theme;
use super::text::{padded, span, wrapped};

/// Columns that a column of help has at the least.
const NARROWEST: u16 = 36;
/// Columns that no line of help is longer than.
const WIDEST: u16 = 74;
/// Columns between two columns of help.
const GAP: u16 = 2;

/// A command's lines, with the heading above the first.
type Entry = Vec<Line<'static>>;

/// The help's lines, and how wide they are.
pub struct Help {
    /// Columns of all of it.
    pub width: u16,
    columns: Vec<Vec<Line<'static>>>,
    column: u16,
}

impl Help {
    /// The help in `cols`×`rows` cells, in as few columns as show it whole.
    pub fn new(keymap: &Keymap, theme: &Theme, cols: u16, rows: u16) -> Self {
        let keys: Vec<String> = TABLE.iter().map(|entry| keys(keymap, entry.command)).collect();
        let most = ((cols + GAP) / (NARROWEST + GAP)).max(1);
        let mut best = Self::in_columns(&keys, theme, cols, 1);
        for count in 2..=most {
            if best.height() <= rows {
                break;
            }
            let next = Self::in_columns(&keys, theme, cols, count);
            if next.height() < best.height() {
                best = next;
            }
        }
        best
    }

    fn in_columns(keys: &[String], theme: &Theme, cols: u16, count: u16) -> Self {
        let column = ((cols + GAP) / count - GAP).min(WIDEST);
        let groups: Vec<Vec<Entry>> =
            Group::ALL.iter().map(|group| entries(*group, keys, theme, usize::from(column))).collect();
        let tallest = groups.iter().flatten().map(Vec::len).max().unwrap_or(1);
        let all: usize = groups.iter().flatten().map(Vec::len).sum();
        // The lowest height at which the groups, in order, need no more columns than there are.
        let mut heights = tallest.max(all / usize::from(count))..;
        let height =
            heights.find(|height| filled(&groups, *height).len() <= usize::from(count)).unwrap_or(all);
        let lines = |entries: Vec<Option<&Entry>>| -> Vec<Line<'static>> {
            entries
                .into_iter()
                .flat_map(|entry| entry.cloned().unwrap_or_else(|| vec![Line::default()]))
                .collect()
        };
        let columns: Vec<_> = filled(&groups, height).into_iter().map(lines).collect();
        let width = (column + GAP) * columns.len() as u16 - GAP;
        Self { width, columns, column }
    }

    /// Its lines.
    pub fn height(&self) -> u16 {
        self.columns.iter().map(Vec::len).max().unwrap_or(0) as u16
    }

    /// Each column's lines with the place where the column begins.
    pub fn columns(&self) -> impl Iterator<Item = (u16, &[Line<'static>])> {
        let starts = (0..).step_by(usize::from(self.column + GAP));
        starts.zip(self.columns.iter().map(Vec::as_slice))
    }
}

/// Groups below each other, an empty line between them, in columns of no more than so many lines. What belongs together is
/// not parted: the lines of a command, a heading and the first command below it.
fn filled(groups: &[Vec<Entry>], height: usize) -> Vec<Vec<Option<&Entry>>> {
    let mut columns = Vec::new();
    let mut column: Vec<Option<&Entry>> = Vec::new();
    let mut used = 0;
    for group in groups {
        for (at, entry) in group.iter().enumerate() {
            let gap = usize::from(at == 0 && used > 0);
            if used > 0 && used + gap + entry.len() > height {
                columns.push(std::mem::take(&mut column));
                used = 0;
            } else if gap > 0 {
                column.push(None);
                used += 1;
            }
            column.push(Some(entry));
            used += entry.len();
        }
    }
    columns.push(column);
    columns
}

fn keys(keymap: &Keymap, command: Command) -> String {
    keymap.keys(command).map(|key| key.to_string()).collect::<Vec<_>>().join(" ")
}

/// A group's commands; `keys` are those of each row of the table.
fn entries(group: Group, keys: &[String], theme: &Theme, cols: usize) -> Vec<Entry> {
    // All groups keep their helps below each other.
    let widest = keys.iter().map(|keys| keys.width()).max().unwrap_or(0).min(cols / 3);
    let mut heading = Some(Line::from(span(group.title(), theme.title)));
    let mut entries = Vec::new();
    for (entry, keys) in TABLE.iter().zip(keys).filter(|(entry, _)| entry.group == group) {
        let keys = wrapped(keys, widest.max(2));
        let helps = wrapped(entry.help, cols.saturating_sub(widest + 2));
        let mut lines: Entry = heading.take().into_iter().collect();
        for at in 0..keys.len().max(helps.len()) {
            let part = |parts: &[String]| parts.get(at).cloned().unwrap_or_default();
            lines.push(Line::from(vec![
                span(padded(&part(&keys), widest), theme.key),
                span(format!("  {}", part(&helps)), theme.text),
            ]));
        }
        entries.push(lines);
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_it_at_every_width() {
        let keymap = Keymap::default();
        for (cols, rows) in [(38, 10), (78, 22), (118, 38), (198, 58)] {
            let help = Help::new(&keymap, &Theme::default(), cols, rows);
            assert!(help.width <= cols, "{cols}: {}", help.width);
            let lines = help.columns().flat_map(|(_, lines)| lines);
            let text: Vec<String> = lines.map(ToString::to_string).collect();
            assert!(text.iter().all(|line| line.width() <= usize::from(cols)), "{cols}");
            let words = text.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
            for entry in TABLE {
                let last = entry.help.split_whitespace().last().unwrap();
                assert!(words.contains(last), "{} at {cols}", entry.id);
                for key in entry.keys {
                    assert!(words.contains(key), "{key} of {} at {cols}", entry.id);
                }
            }
        }
    }
}
