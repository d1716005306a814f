//! The lines above and below: which picture, what is being done, what is shown, what is to be known, which keys there are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr as _;

use super::super::analyst::{Explanation, PictureId};
use super::super::command::{Command, TABLE};
use super::super::compare::Compare;
use super::super::dialog::{Choice, Dialog, Prompt};
use super::super::state::State;
use super::super::theme::Theme;
use super::settings;
use super::side;
use super::text::{cut, cut_middle, percent, progress, span, write, write_right};

/// The picture's name and place, and at the right what is being done.
pub fn paint_header(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let cols = usize::from(area.width);
    let current = current(state);
    let place = state.browser.place(current).map_or("–".to_owned(), |place| (place + 1).to_string());
    let place = format!("  {place}/{} ", state.browser.listed.len());
    let work = cut(&work(state, current).join(" · "), cols / 2);
    let Some(entry) = state.browser.entries.get(current) else {
        write(buffer, area, span(" no picture", theme.title));
        return;
    };
    let mark = if entry.marked { "● " } else { "" };
    let room = cols.saturating_sub(1 + place.width() + mark.width() + work.width() + 1);
    let (path, name) = (&entry.picture.path, &entry.picture.name);
    // A path is worth its room if some of it is left beside the name.
    let name = if room >= name.width() + 6 { cut_middle(path, room) } else { cut(name, room) };
    write(
        buffer,
        area,
        vec![span(format!(" {name}"), theme.title), span(place, theme.quiet), span(mark, theme.mark)],
    );
    if !work.is_empty() {
        write_right(buffer, area, vec![span(format!("{work} "), theme.accent)]);
    }
}

/// The picture that is on screen, or would be.
fn current(state: &State) -> PictureId {
    match &state.shown {
        Some(shown) if state.failure.is_none() && state.compare.is_none() => {
            shown.explanation.question.picture
        }
        _ => state.question.picture,
    }
}

/// What is being done.
fn work(state: &State, current: PictureId) -> Vec<String> {
    let mut parts = Vec::new();
    if state.working {
        let done =
            if state.progress > 0.0 { format!(" {}", progress(state.progress)) } else { String::new() };
        parts.push(match state.browser.entries.get(state.question.picture) {
            Some(next) if state.question.picture != current => format!("→ {} …{done}", next.picture.name),
            _ => format!("computing …{done}"),
        });
    }
    if let Some((done, of)) = state.compare.as_ref().map(Compare::progress).filter(|(done, of)| done < of) {
        parts.push(format!("comparing {done}/{of}"));
    }
    if let Some((left, of)) = state.classifying {
        parts.push(format!("classifying {}/{of}", of.saturating_sub(left)));
    }
    parts
}

/// What is shown: the class, the explainer, the layer, the model.
pub fn paint_legend(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let question = state.looked_at().map_or(&state.question, |shown| &shown.question);
    let mut spans = vec![span(" ", theme.text)];
    let cols = usize::from(area.width).saturating_sub(1);
    let mut rest = Vec::new();
    let tile = state.compare.as_ref().and_then(|compare| compare.tiles.get(compare.cursor));
    match (state.looked_at(), tile) {
        (Some(shown), _) => {
            spans.push(span(cut(&target(shown), cols), theme.target));
            let explainer = state.catalogue.explainers.get(question.explainer);
            rest.extend(explainer.map(|info| info.id.clone()));
            if !shown.layers.is_empty() {
                rest.push(shown.layers.join("+"));
            }
            rest.extend(question.smooth.name().map(|how| format!("smoothed: {how}")));
            rest.extend(state.catalogue.models.get(question.model).cloned());
        }
        (None, Some(tile)) => spans.push(span(cut(&tile.title, cols), theme.target)),
        (None, None) => return,
    }
    let used = spans.iter().map(Span::width).sum::<usize>();
    if !rest.is_empty() {
        let rest = format!(" · {}", rest.join(" · "));
        spans.push(span(cut(&rest, (cols + 1).saturating_sub(used)), theme.text));
    }
    write(buffer, area, spans);
}

/// `Samoyed 87.3 %`, or `Samoyed 87.3 % ~ white wolf 4.1 %`.
fn target(shown: &Explanation) -> String {
    let class = |index: usize| {
        shown.prediction(index).map_or_else(
            || format!("class {index}"),
            |class| format!("{} {}", class.label, percent(class.probability)),
        )
    };
    match shown.against {
        Some(other) => format!("{} ~ {}", class(shown.class), class(other)),
        None => class(shown.class),
    }
}

/// What was just said, or else what is read at the crosshair if no pane says it, or what the answer's diagnostics say.
pub fn paint_notes(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let cols = usize::from(area.width).saturating_sub(1);
    let is_read = state.areas().and_then(|areas| areas.side).is_some_and(side::has_settings);
    let point = state.shown.as_ref().zip(state.crosshair).filter(|_| !is_read && state.compare.is_none());
    let (text, style) = match (state.messages.last(), point, state.looked_at()) {
        (Some(message), _, _) if state.fresh_message => {
            (message.clone(), if state.alarming_message { theme.alarm } else { theme.accent })
        }
        (_, Some((scene, point)), _) => (settings::reading_in_a_line(scene, point), theme.text),
        (_, None, Some(shown)) => (shown.notes.join(" "), theme.quiet),
        _ => return,
    };
    write(buffer, area, span(format!(" {}", cut(&text, cols)), style));
}

/// The keys of what is on top, as many as fit.
pub fn paint_footer(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut room = usize::from(area.width);
    let mut spans = Vec::new();
    for (key, word) in hints(state) {
        let cols = key.width() + word.width() + 3;
        if cols > room {
            break;
        }
        room -= cols;
        spans.push(span(format!(" {key}"), theme.key));
        spans.push(span(format!(" {word} "), theme.quiet));
    }
    write(buffer, area, spans);
}

fn hints(state: &State) -> Vec<(String, &'static str)> {
    let fixed = |pairs: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
        pairs.iter().map(|(key, word)| ((*key).to_owned(), *word)).collect()
    };
    let key = |command: Command, word| state.keymap.first(command).map(|key| (key, word));
    match state.dialogs.last() {
        Some(Dialog::Help(_) | Dialog::Messages(_)) => {
            return fixed(&[("Esc", "close"), ("Up Down", "scroll"), ("PageDown", "further")]);
        }
        Some(Dialog::Palette(..)) => {
            return fixed(&[("Enter", "do it"), ("Esc", "close"), ("Up Down", "move"), ("a…z", "search")]);
        }
        Some(Dialog::Choose(choice, picker)) => {
            let enter = match choice {
                Choice::ComparedExplainers => "go on",
                Choice::ComparedLayers => "compare",
                _ => "choose",
            };
            let mut hints = fixed(&[("Enter", enter), ("Esc", "close")]);
            if picker.several {
                hints.extend(fixed(&[("Space", "tick")]));
            }
            hints.extend(fixed(&[("Up Down", "move"), ("a…z", "search")]));
            return hints;
        }
        Some(Dialog::Parameters(_)) => {
            return fixed(&[
                ("Esc", "close"),
                ("Up Down", "row"),
                ("Left Right", "less, more"),
                ("ctrl-d", "default"),
            ]);
        }
        Some(Dialog::Prompt(prompt, _)) => {
            let enter = if *prompt == Prompt::Save { "save" } else { "add" };
            return fixed(&[("Enter", enter), ("Esc", "close"), ("ctrl-u", "clear")]);
        }
        None => {}
    }
    if state.browser.search.is_some() {
        return fixed(&[("Enter", "keep"), ("Esc", "list all"), ("Up Down", "picture"), ("a…z", "search")]);
    }
    let usual = TABLE.iter().filter_map(|entry| key(entry.command, entry.hint?));
    let mut hints = Vec::new();
    if state.compare.is_some() {
        hints.extend(fixed(&[("Enter", "open")]));
        hints.extend(key(Command::Close, "close"));
        hints.extend(key(Command::NextClass, "next tile"));
        hints.extend(key(Command::ChooseCompared, "choose"));
        // What steps through classes steps through tiles here.
        hints.extend(
            TABLE
                .iter()
                .filter(|entry| entry.command != Command::NextClass)
                .filter_map(|entry| key(entry.command, entry.hint?)),
        );
        return hints;
    }
    if state.crosshair.is_some() {
        hints.extend(fixed(&[("arrows", "move")]));
        hints.extend(key(Command::Crosshair, "done"));
    } else if !state.browser.filter.is_empty() {
        hints.extend(key(Command::Close, "list all"));
    }
    hints.extend(usual);
    hints
}
