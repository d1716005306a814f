//! `[keys]`: commands by their ids, each with the keys that it has instead of its own.
//!
//! A key that is given to a command is taken from the command that has it by default. The outcome is a map of its own
//! that does not depend on how it was written: two files that give the same keys give the same [`Keymap`].

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::mistake::did_you_mean;
use super::parse::{Reading, texts};
use crate::interactive::command::{Command, TABLE};
use crate::interactive::keys::{Key, Keymap};

/// Without a key for one of these nobody could leave.
const WAYS_OUT: [Command; 3] = [Command::Quit, Command::Interrupt, Command::Palette];

const TAKES: &str = "a key or a list of keys, as text";

/// Reads the table.
pub fn read(reading: &mut Reading, entries: &DeTable) {
    let before = reading.mistakes.count();
    let mut changes: BTreeMap<Command, Vec<Key>> = BTreeMap::new();
    let mut given: Vec<(Key, &'static str, usize)> = Vec::new();
    // In the file's order, so that of two who want the same key the second one is told.
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(id, _)| id.span().start);
    for (id, value) in &entries {
        let at = id.span().start;
        let Some(command) = Command::of_id(id.get_ref()) else {
            let near = did_you_mean(id.get_ref(), TABLE.iter().map(|entry| entry.id));
            reading.mistakes.add(at, format!("there is no command `{}`{near}", id.get_ref()));
            continue;
        };
        let entry = command.entry();
        let path = format!("keys.{}", entry.id);
        reading.lines.insert(path.clone(), reading.mistakes.line(at));
        let keys = match texts(value) {
            Ok(keys) => keys,
            Err(wrong) => {
                reading.wrong(&path, TAKES, wrong, "");
                continue;
            }
        };
        for (at, text) in keys {
            match text.parse::<Key>() {
                Ok(key) => {
                    if let Some((_, owner, line)) = given.iter().find(|(known, _, _)| *known == key) {
                        let text = format!("the key {key} is given already: to `{owner}` on line {line}");
                        reading.mistakes.add(at, text);
                    } else {
                        given.push((key, entry.id, reading.mistakes.line(at)));
                        changes.entry(command).or_default().push(key);
                    }
                }
                Err(error) => {
                    let near = did_you_mean(text, names());
                    reading.mistakes.add(at, format!("{error}{near}"));
                }
            }
        }
        changes.entry(command).or_default();
    }
    if reading.mistakes.count() > before {
        return;
    }
    let first = entries.first().map_or(0, |(id, _)| id.span().start);
    match Keymap::with(&changes) {
        Ok(keymap) if WAYS_OUT.iter().all(|&way| keymap.first(way).is_none()) => {
            reading.mistakes.add(
                first,
                "no key is left to leave with: `quit`, `interrupt` or `palette` needs one".to_owned(),
            );
        }
        Ok(keymap) => reading.config.keys = settled(&keymap),
        Err(error) => reading.mistakes.add(first, error.to_string()),
    }
}

/// The same map, made only from what differs from the defaults, so that equal maps are equal values.
fn settled(keymap: &Keymap) -> Keymap {
    let standard = Keymap::default();
    let differing = TABLE.iter().map(|entry| entry.command).filter_map(|command| {
        let keys: Vec<Key> = keymap.keys(command).collect();
        (!keys.iter().copied().eq(standard.keys(command))).then_some((command, keys))
    });
    Keymap::with(&differing.collect()).expect("the keys of a map belong to one command each")
}

/// Names of keys that have one, to suggest one.
fn names() -> impl Iterator<Item = &'static str> {
    let used = TABLE.iter().flat_map(|entry| entry.keys).copied().filter(|key| key.len() > 1);
    used.chain(["Enter", "Backspace", "Delete"])
}
