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
        let most = ((cols + GAP) / (NARROWEST + GAP)).max(1);
        let mut best = Self::in_columns(keymap, theme, cols, 1);
        for count in 2..=most {
            if best.height() <= rows {
                break;
            }
            let next = Self::in_columns(keymap, theme, cols, count);
            if next.height() < best.height() {
                best = next;
            }
        }
        best
    }

    fn in_columns(keymap: &Keymap, theme: &Theme, cols: u16, count: u16) -> Self {
        let column = ((cols + GAP) / count - GAP).min(WIDEST);
        let groups: Vec<Vec<Line<'static>>> =
            Group::ALL.iter().map(|group| lines(*group, keymap, theme, usize::from(column))).collect();
        // The lowest height at which the groups, in order, need no more columns than there are.
        let all: usize = groups.iter().map(|group| group.len() + 1).sum();
        let lowest = (2..=all).find(|height| filled(&groups, *height).len() <= usize::from(count));
        let columns = filled(&groups, lowest.unwrap_or(all));
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

/// Groups below each other in columns of no more than so many lines. A heading is not parted from what it is over.
fn filled(groups: &[Vec<Line<'static>>], height: usize) -> Vec<Vec<Line<'static>>> {
    let mut columns: Vec<Vec<Line<'static>>> = Vec::new();
    let mut column: Vec<Line<'static>> = Vec::new();
    for group in groups {
        if column.len() + 3 > height {
            columns.push(std::mem::take(&mut column));
        }
        if !column.is_empty() {
            column.push(Line::default());
        }
        for line in group {
            if column.len() >= height {
                columns.push(std::mem::take(&mut column));
            }
            column.push(line.clone());
        }
    }
    columns.push(column);
    columns
}

fn lines(group: Group, keymap: &Keymap, theme: &Theme, cols: usize) -> Vec<Line<'static>> {
    let keys =
        |command: Command| keymap.keys(command).map(|key| key.to_string()).collect::<Vec<_>>().join(" ");
    // All groups keep their helps below each other.
    let widest = TABLE.iter().map(|entry| keys(entry.command).width()).max().unwrap_or(0).min(cols / 3);
    let mut lines = vec![Line::from(span(group.title(), theme.title))];
    for entry in TABLE.iter().filter(|entry| entry.group == group) {
        let keys = wrapped(&keys(entry.command), widest.max(2));
        let helps = wrapped(entry.help, cols.saturating_sub(widest + 2));
        for at in 0..keys.len().max(helps.len()) {
            let part = |parts: &[String]| parts.get(at).cloned().unwrap_or_default();
            lines.push(Line::from(vec![
                span(padded(&part(&keys), widest), theme.key),
                span(format!("  {}", part(&helps)), theme.text),
            ]));
        }
    }
    lines
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
