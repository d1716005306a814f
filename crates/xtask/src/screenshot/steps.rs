//! The script of a screenshot: one step a line, in the words of a person who tells another one what to press.
//!
//! ```text
//! # A comment.
//! size 100 30               the terminal in cells; before `run`
//! run -m $MODEL examples    starts camtui with these arguments; $NAME is given by --set NAME=VALUE
//! wait chelsea.png          until these words are on the screen
//! gone computing            until they are not
//! picture                   until a picture is shown whole
//! new picture               until the largest picture is another one than at the last key
//! rest 300                  until nothing has come for so many milliseconds
//! type /dog                 these letters
//! key enter down ctrl-l     these keys
//! click 10 5                the mouse, at a column and row from 0; also `move`, `scroll-up`, `scroll-down`
//! drag 10 5 20 5
//! resize 120 40
//! shot start                writes start.png
//! ```

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Size(u16, u16),
    Run(Vec<String>),
    Wait(String),
    Gone(String),
    Picture,
    NewPicture,
    Rest(u64),
    /// Bytes as the terminal sends them.
    Keys(String),
    Mouse(Mouse, (u16, u16)),
    Drag((u16, u16), (u16, u16)),
    Resize(u16, u16),
    Shot(String),
}

/// What the mouse does at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    Click,
    Move,
    ScrollUp,
    ScrollDown,
}

/// Reads a whole script; an error names the line.
pub fn parse(text: &str, variables: &BTreeMap<String, String>) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            steps.push(step(line, variables).with_context(|| format!("line {}: {line}", number + 1))?);
        }
    }
    Ok(steps)
}

fn step(line: &str, variables: &BTreeMap<String, String>) -> Result<Step> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim_start();
    let numbers = || -> Result<Vec<u16>> {
        rest.split_whitespace().map(|n| n.parse().with_context(|| format!("{n:?} is no number"))).collect()
    };
    let pair = || match numbers()?[..] {
        [x, y] => Ok((x, y)),
        _ => bail!("{word} takes two numbers"),
    };
    let words = || {
        ensure!(!rest.is_empty(), "{word} takes something");
        Ok(rest.to_owned())
    };
    Ok(match word {
        "size" => pair().map(|(cols, rows)| Step::Size(cols, rows))?,
        "resize" => pair().map(|(cols, rows)| Step::Resize(cols, rows))?,
        "run" => Step::Run(rest.split_whitespace().map(|arg| filled(arg, variables)).collect::<Result<_>>()?),
        "wait" => Step::Wait(words()?),
        "gone" => Step::Gone(words()?),
        "picture" => Step::Picture,
        "new" if rest == "picture" => Step::NewPicture,
        "rest" => Step::Rest(rest.parse().context("a rest is in milliseconds")?),
        "type" => Step::Keys(words()?),
        "key" => Step::Keys(rest.split_whitespace().map(key).collect::<Result<_>>()?),
        "click" => Step::Mouse(Mouse::Click, pair()?),
        "move" => Step::Mouse(Mouse::Move, pair()?),
        "scroll-up" => Step::Mouse(Mouse::ScrollUp, pair()?),
        "scroll-down" => Step::Mouse(Mouse::ScrollDown, pair()?),
        "drag" => match numbers()?[..] {
            [x, y, to_x, to_y] => Step::Drag((x, y), (to_x, to_y)),
            _ => bail!("drag takes four numbers"),
        },
        "shot" => Step::Shot(words()?),
        _ => bail!("there is no such step"),
    })
}

/// The argument with what stands for `$NAME`.
fn filled(arg: &str, variables: &BTreeMap<String, String>) -> Result<String> {
    let Some(name) = arg.strip_prefix('$') else { return Ok(arg.to_owned()) };
    variables.get(name).cloned().with_context(|| format!("{arg} is not given; --set {name}=VALUE gives it"))
}

/// What a terminal sends for a key.
fn key(name: &str) -> Result<String> {
    if let Some(letter) = name.strip_prefix("ctrl-") {
        let mut letters = letter.chars();
        return match (letters.next(), letters.next()) {
            (Some(letter @ 'a'..='z'), None) => Ok(char::from(letter as u8 & 0x1f).to_string()),
            _ => bail!("{name:?} is no key"),
        };
    }
    Ok(match name {
        "enter" => "\r",
        "esc" => "\x1b",
        "tab" => "\t",
        "backtab" => "\x1b[Z",
        "space" => " ",
        "backspace" => "\x7f",
        "delete" => "\x1b[3~",
        "up" => "\x1b[A",
        "down" => "\x1b[B",
        "right" => "\x1b[C",
        "left" => "\x1b[D",
        "home" => "\x1b[H",
        "end" => "\x1b[F",
        "page-up" => "\x1b[5~",
        "page-down" => "\x1b[6~",
        letter if letter.chars().count() == 1 => letter,
        _ => bail!("{name:?} is no key"),
    }
    .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Step>> {
        parse(text, &[("M".to_owned(), "a b".to_owned())].into())
    }

    #[test]
    fn each_line_is_a_step() {
        let steps = read(
            "# first\n\n size 100 30\nrun -m $M x\nwait two words\nnew picture\nkey ctrl-c down q\ndrag 1 2 3 4\n",
        );
        assert_eq!(
            steps.unwrap(),
            [
                Step::Size(100, 30),
                Step::Run(["-m", "a b", "x"].map(str::to_owned).to_vec()),
                Step::Wait("two words".into()),
                Step::NewPicture,
                Step::Keys("\x03\x1b[Bq".into()),
                Step::Drag((1, 2), (3, 4)),
            ]
        );
    }

    #[test]
    fn an_error_names_the_line() {
        for wrong in ["size 3", "jump", "wait", "key ctrl-", "key up-down", "rest x", "run $N", "new"] {
            let error = format!("{:#}", read(&format!("picture\n{wrong}")).unwrap_err());
            assert!(error.starts_with(&format!("line 2: {wrong}: ")), "{error}");
        }
    }
}
