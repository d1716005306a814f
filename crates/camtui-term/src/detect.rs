//! From what the user wants, what the environment says and what the terminal answers to one [`Capabilities`].
//!
//! The deciding is a pure function ([`decide`]) so that every combination can be tested; [`detect`] adds the terminal.

use std::io::IsTerminal;

use crate::capabilities::{Capabilities, CellStyle, Colours, Drawing, Protocol, Reach, Report};
use crate::environment::{Environment, is_iterm_name};
use crate::replies::Answers;

/// What [`detect`] has to know besides the terminal itself.
#[derive(Clone, Debug, Default)]
pub struct DetectOptions {
    /// The protocol that the user asked for; the terminal is not asked then.
    pub protocol: Option<Protocol>,
    /// The kind of character cells that the user asked for, where pictures become characters.
    pub cells: Option<CellStyle>,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// No colour, whatever `NO_COLOR` says.
    pub no_color: bool,
    /// The environment variables.
    pub environment: Environment,
}

impl DetectOptions {
    /// The process's own environment and standard output.
    pub fn from_process(wanted: Option<Drawing>) -> Self {
        Self {
            protocol: wanted.map(|drawing| drawing.protocol),
            cells: wanted.and_then(|drawing| drawing.cells),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            no_color: false,
            environment: Environment::from_process(),
        }
    }

    fn no_color(&self) -> bool {
        self.no_color || self.environment.no_color()
    }

    /// The protocol by option or by variable, who says so, and a notice about a variable that makes no sense.
    fn forced(&self) -> (Option<(Protocol, &'static str)>, Option<String>) {
        if let Some(protocol) = self.protocol {
            return (Some((protocol, "--protocol")), None);
        }
        match self.environment.get("CAMTUI_PROTOCOL").filter(|name| !name.eq_ignore_ascii_case("auto")) {
            None => (None, None),
            Some(name) => match name.parse::<Drawing>() {
                Ok(drawing) => (Some((drawing.protocol, "CAMTUI_PROTOCOL")), None),
                Err(error) => (None, Some(format!("CAMTUI_PROTOCOL is ignored: {error}"))),
            },
        }
    }

    /// The kind of character cells, by option or by variable, or the usual one.
    fn cell_style(&self) -> CellStyle {
        let by_variable = || self.environment.get("CAMTUI_PROTOCOL")?.parse::<Drawing>().ok()?.cells;
        let asked = if self.protocol.is_some() { self.cells } else { by_variable() };
        asked.unwrap_or_default()
    }

    /// Why the terminal is not to be asked, if so.
    fn reason_not_to_ask(&self) -> Option<&'static str> {
        if let (Some((_, who)), _) = self.forced() {
            return Some(match who {
                "--protocol" => "not asked: --protocol says it",
                _ => "not asked: CAMTUI_PROTOCOL says it",
            });
        }
        if !self.stdout_is_terminal {
            Some("not asked: standard output is no terminal")
        } else if self.environment.is_dumb() {
            Some("not asked: TERM=dumb")
        } else if self.no_color() {
            Some("not asked: without colour there are only letters to draw with")
        } else {
            None
        }
    }
}

/// The terminal's measures as the system knows them; zeros where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Width in cells.
    pub cols: u16,
    /// Height in cells.
    pub rows: u16,
    /// Width in pixels.
    pub width_px: u16,
    /// Height in pixels.
    pub height_px: u16,
}

/// What came of the question.
#[derive(Clone, Debug)]
pub enum Asked {
    /// It was not put, for this reason.
    Not(String),
    /// It was: what was asked, what was answered, and after how many milliseconds.
    Answered(&'static str, Answers, u128),
}

/// Finds out what the terminal can do. Call it before anything else reads from the terminal.
///
/// Costs at most [`crate::query::BOUND`] (over SSH [`crate::query::REMOTE_BOUND`]) when the terminal is silent, up to
/// thrice that when it answers slowly, and nothing when it is not asked. A Ctrl-C typed meanwhile is delivered.
pub fn detect(options: &DetectOptions) -> Capabilities {
    let asked = match options.reason_not_to_ask() {
        Some(reason) => Asked::Not(reason.to_owned()),
        None => ask(&options.environment),
    };
    decide(options, &asked, measure(options.stdout_is_terminal))
}

#[cfg(unix)]
fn ask(environment: &Environment) -> Asked {
    use crate::query::{BOUND, Question, REMOTE_BOUND, Terminal};

    // A file only this machine's terminals can see; it goes when the answer has come.
    let pixel = (!environment.is_remote() && !environment.is_multiplexed()).then(one_pixel).flatten();
    let question = Question {
        strings: !environment.prints_unknown_strings(),
        kitty: !environment.is_multiplexed(),
        file: pixel.as_ref().map(|file| file.path().to_owned()),
        bound: if environment.is_remote() { REMOTE_BOUND } else { BOUND },
    };
    let mut terminal = match Terminal::open(std::io::stdout()) {
        Ok(terminal) => terminal,
        Err(error) => return Asked::Not(format!("not asked: {error}")),
    };
    let start = std::time::Instant::now();
    match terminal.ask(&question) {
        Ok(answers) => {
            if answers.interrupted {
                // The terminal is as it was: now the key may do what it always does.
                let _ =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT);
            }
            Asked::Answered(question.describe(), answers, start.elapsed().as_millis())
        }
        Err(error) => Asked::Not(format!("not asked: the terminal could not be used: {error}")),
    }
}

#[cfg(unix)]
fn one_pixel() -> Option<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("camtui-").tempfile_in(crate::kitty::folder()).ok()?;
    std::io::Write::write_all(&mut file, &[0; 3]).ok()?;
    Some(file)
}

#[cfg(not(unix))]
fn ask(_environment: &Environment) -> Asked {
    Asked::Not("not asked: only Unix terminals are".to_owned())
}

#[cfg(unix)]
fn measure(stdout_is_terminal: bool) -> Size {
    let size = stdout_is_terminal.then(|| rustix::termios::tcgetwinsize(std::io::stdout()).ok()).flatten();
    size.map_or_else(Size::default, |size| Size {
        cols: size.ws_col,
        rows: size.ws_row,
        width_px: size.ws_xpixel,
        height_px: size.ws_ypixel,
    })
}

#[cfg(not(unix))]
fn measure(stdout_is_terminal: bool) -> Size {
    let (cols, rows) = if stdout_is_terminal { viuer::terminal_size() } else { (0, 0) };
    Size { cols, rows, ..Size::default() }
}

/// Throws away what a terminal that was too slow for [`detect`] has answered since, so that no shell reads it. Call it
/// when the program has nothing more to do; it does nothing for terminals that answered in time.
pub fn discard_late_replies(capabilities: &Capabilities) {
    #[cfg(unix)]
    if let (true, Ok(terminal)) = (capabilities.late_replies, crate::query::Terminal::open(std::io::stdout()))
    {
        terminal.discard_input();
    }
    #[cfg(not(unix))]
    let _ = capabilities;
}

/// Weighs everything that is known.
pub fn decide(options: &DetectOptions, asked: &Asked, size: Size) -> Capabilities {
    let silence = Answers::default();
    let (question, answers, answered) = match asked {
        Asked::Not(reason) => (reason.as_str(), &silence, "nothing".to_owned()),
        Asked::Answered(question, answers, millis) => (*question, answers, words(answers, *millis)),
    };
    let (protocol, confirmed, why) = choose(options, answers);
    let environment = &options.environment;

    let variable =
        |name| environment.get(name).and_then(|value| value.parse().ok()).filter(|&cells: &u16| cells > 0);
    let cols = Some(size.cols).filter(|&cols| cols > 0).or_else(|| variable("COLUMNS")).unwrap_or(80);
    let rows = Some(size.rows).filter(|&rows| rows > 0).or_else(|| variable("LINES")).unwrap_or(24);
    let (cell_width_px, cell_height_px) = cell(answers, size, cols, rows);

    let mut notices: Vec<String> = options.forced().1.into_iter().collect();
    if protocol == Protocol::Kitty && environment.is_multiplexed() {
        notices.push("kitty's pictures do not get through tmux or screen; sixel or blocks do".to_owned());
    }
    Capabilities {
        protocol,
        terminal: options.stdout_is_terminal,
        cols,
        rows,
        cell_width_px,
        cell_height_px,
        colours: colours(options),
        cells: options.cell_style(),
        reach: match answers.kitty_files {
            _ if environment.is_remote() => Reach::Remote,
            Some(true) => Reach::Files,
            Some(false) | None => Reach::Line,
        },
        background: answers.background,
        confirmed,
        late_replies: matches!(asked, Asked::Answered(_, answers, _) if answers.attributes.is_none()),
        report: Report { asked: question.to_owned(), answered, why, notices },
    }
}

/// The protocol, whether the terminal itself said that it has it, and why it was chosen.
fn choose(options: &DetectOptions, answers: &Answers) -> (Protocol, bool, String) {
    let environment = &options.environment;
    if let (Some((protocol, who)), _) = options.forced() {
        return (protocol, false, format!("{who} says so"));
    }
    if !options.stdout_is_terminal {
        return (Protocol::None, false, "standard output is no terminal".to_owned());
    }
    if environment.is_dumb() {
        return (Protocol::None, false, "TERM=dumb".to_owned());
    }
    if options.no_color() {
        return (Protocol::Blocks, false, "no colour is wanted".to_owned());
    }
    if environment.is_multiplexed() {
        return if answers.sixel() {
            (Protocol::Sixel, true, "tmux or screen passes sixels on".to_owned())
        } else {
            (Protocol::Blocks, false, "tmux or screen passes no pictures on".to_owned())
        };
    }
    // A name that the terminal gives itself is worth more than variables, which programs inherit from other terminals.
    let iterm = match &answers.name {
        Some(name) => is_iterm_name(name).then(|| format!("the terminal calls itself {name}")),
        None => environment.says_iterm(),
    };
    if let Some(why) = iterm {
        (Protocol::Iterm, answers.name.is_some(), why)
    } else if answers.kitty == Some(true) {
        (Protocol::Kitty, true, "the terminal says that it knows kitty graphics".to_owned())
    } else if answers.sixel() {
        (Protocol::Sixel, true, "the terminal's device attributes name sixel".to_owned())
    } else {
        (Protocol::Blocks, false, "no picture protocol was found".to_owned())
    }
}

/// One cell's width and height in pixels, from the best source there is.
fn cell(answers: &Answers, size: Size, cols: u16, rows: u16) -> (u16, u16) {
    let divided = |(width, height): (u16, u16)| (width / cols, height / rows);
    let candidates =
        [answers.cell_px, answers.area_px.map(divided), Some(divided((size.width_px, size.height_px)))];
    candidates
        .into_iter()
        .flatten()
        // Anything else is no cell that a person could read.
        .find(|&(width, height)| (3..=256).contains(&width) && (5..=512).contains(&height))
        .unwrap_or((10, 20))
}

fn colours(options: &DetectOptions) -> Colours {
    let environment = &options.environment;
    let term = environment.term();
    let depth = environment.get("COLORTERM").unwrap_or_default();
    let knows_24_bits = ["kitty", "ghostty", "alacritty", "foot", "wezterm", "-direct"];
    if options.no_color() || environment.is_dumb() {
        Colours::None
    } else if depth.contains("truecolor")
        || depth.contains("24bit")
        || knows_24_bits.iter().any(|name| term.contains(name))
        || environment.get("WT_SESSION").is_some()
        || (environment.says_iterm().is_some() && !environment.is_multiplexed())
    {
        Colours::True
    } else if term.contains("256color") || !options.stdout_is_terminal {
        Colours::Ansi256
    } else {
        Colours::Ansi16
    }
}

/// The answers as a sentence.
fn words(answers: &Answers, millis: u128) -> String {
    let mut parts = Vec::new();
    if let Some(yes) = answers.kitty {
        parts.push(format!("kitty graphics {}", if yes { "yes" } else { "no" }));
    }
    if let Some(yes) = answers.kitty_files {
        parts.push(format!("files {}", if yes { "yes" } else { "no" }));
    }
    parts.extend(answers.name.clone());
    if let Some((width, height)) = answers.cell_px {
        parts.push(format!("cells of {width}×{height} pixels"));
    }
    if let Some([r, g, b]) = answers.background {
        parts.push(format!("background #{r:02x}{g:02x}{b:02x}"));
    }
    if answers.attributes.is_some() {
        parts.push(format!("sixel {}", if answers.sixel() { "yes" } else { "no" }));
    }
    if parts.is_empty() {
        return format!("nothing within {millis} ms");
    }
    let end = if answers.attributes.is_some() { "" } else { ", then fell silent" };
    format!("{}{end} ({millis} ms)", parts.join(", "))
}

#[cfg(test)]
mod tests;
