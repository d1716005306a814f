//! Checks in a child process: whatever a library does to it, the row it died in fails and the next one runs, in a
//! new child.
//!
//! The child keeps its standard output for itself, one line an event, and gives the library a file in its place,
//! so that what is printed can be seen. Lines are `begin ROW`, `end ROW VERDICT SENTENCE`, `explainers ID…`, `alive`, `done`, with
//! tabs between the words; sentences have no control characters. Nothing of them is trusted further than that.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::{
    BEFORE_LOADING, Event, Finding, LIBRARY, LOADS, Limits, ROWS, State, Verdict, after, finding,
    of_explainer, walk,
};
use crate::clean;
use crate::isolate::confine::confine;

/// How often the child is looked at.
const BEAT: Duration = Duration::from_millis(50);
/// Most bytes that it may print.
const PRINT_LIMIT: u64 = 16 << 20;
/// Most bytes that are read of what it printed before it died.
const LAST_WORDS: u64 = 4 << 10;
/// Longest line of its events that is read.
const LINE_LIMIT: u64 = 64 << 10;

/// Runs all checks of the library at `path`. Those that run its code do so in a child that `command` starts for a
/// canonical path and a first row: a process that calls [`serve`] with both.
pub fn supervised(
    path: &Path,
    limits: Limits,
    command: &dyn Fn(&Path, usize) -> Command,
    report: &mut dyn FnMut(Finding),
) -> io::Result<()> {
    let mut state = State::new(path, limits, Box::new(|| {}));
    let (mut begun, mut failed) = (Instant::now(), None);
    walk(&mut state, 0..BEFORE_LOADING, &mut |event| match event {
        Event::Begin(_) => begun = Instant::now(),
        Event::End(row, verdict) => {
            if matches!(verdict, Verdict::Fail(_)) {
                failed = Some(LIBRARY[row].id);
            }
            report(finding(row, &[], verdict.clone(), begun.elapsed()));
        }
        Event::Explainers(_) => {}
    });
    let mut parent = Parent { explainers: vec![], next: LOADS, limits, report };
    if let Some(id) = failed {
        parent.skip_to(LIBRARY.len(), id);
        return Ok(());
    }
    while parent.next < parent.rows() {
        let from = parent.next;
        let ended = parent.run(command(&state.path, from))?;
        parent.bury(ended);
    }
    Ok(())
}

/// How a child ended.
struct Ended {
    /// The row it was in, and since when.
    row: Option<(usize, Instant)>,
    /// In words; none after `done`.
    how: Option<String>,
}

struct Parent<'a> {
    /// Known once the library was loaded.
    explainers: Vec<String>,
    /// The first row that is not settled.
    next: usize,
    limits: Limits,
    report: &'a mut dyn FnMut(Finding),
}

impl Parent<'_> {
    fn rows(&self) -> usize {
        LIBRARY.len() + ROWS * self.explainers.len()
    }

    fn settle(&mut self, row: usize, verdict: Verdict, took: Duration) {
        (self.report)(finding(row, &self.explainers, verdict, took));
        self.next = row + 1;
    }

    fn skip_to(&mut self, row: usize, id: &str) {
        for row in self.next..row {
            self.settle(row, Verdict::Skipped(after(id)), Duration::ZERO);
        }
    }

    /// Settles the row that a child died in, and what cannot be looked at without it.
    fn bury(&mut self, ended: Ended) {
        let Some(how) = ended.how else {
            // It says that it is done: what it left out has nothing to look at.
            self.skip_to(self.rows(), LIBRARY[LOADS].id);
            return;
        };
        let (row, since) = ended.row.unwrap_or((self.next, Instant::now()));
        if row != self.next || row >= self.rows() {
            self.skip_to(self.rows(), LIBRARY[LOADS].id);
            return;
        }
        self.settle(row, Verdict::Fail(how), since.elapsed());
        match row.checked_sub(LIBRARY.len()) {
            None if row == LOADS => self.skip_to(LIBRARY.len(), LIBRARY[LOADS].id),
            Some(later) if later % ROWS == 0 => self.skip_to(row + ROWS, of_explainer(0).id),
            _ => {}
        }
    }

    /// Starts a child and listens to it until it ends.
    fn run(&mut self, mut command: Command) -> io::Result<Ended> {
        let mut printed = tempfile::tempfile()?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(printed.try_clone()?);
        let mut child = command.spawn()?;
        let lines = listen(&mut child);
        let (mut row, mut heard) = (None, Instant::now());
        let mut leaving: Option<Instant> = None;
        let how = loop {
            match lines.recv_timeout(BEAT) {
                Ok(line) => {
                    heard = Instant::now();
                    if self.hear(&line, &mut row) {
                        kill(&mut child)?;
                        return Ok(Ended { row: None, how: None });
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break self.last_words(&mut child, &mut printed)?,
                Err(RecvTimeoutError::Timeout) => {
                    // Something that it started may hold the line open after its end.
                    if leaving.is_none() && child.try_wait()?.is_some() {
                        leaving = Some(Instant::now());
                    }
                    if leaving.is_some_and(|at| at.elapsed() > 4 * BEAT) {
                        break self.last_words(&mut child, &mut printed)?;
                    }
                    if printed.metadata()?.len() > PRINT_LIMIT {
                        break format!("it was ended, because it printed more than {} MB", PRINT_LIMIT >> 20);
                    }
                    if heard.elapsed() > self.limits.silence {
                        let seconds = self.limits.silence.as_secs_f64();
                        break format!("it was ended, because it did not come back within {seconds:.0} s");
                    }
                }
            }
        };
        kill(&mut child)?;
        Ok(Ended { row, how: Some(how) })
    }

    /// Takes a line of the child's; whether it was the last.
    fn hear(&mut self, line: &str, at: &mut Option<(usize, Instant)>) -> bool {
        let mut words = line.split('\t');
        let (first, mut number) = (words.next(), || words.next()?.parse::<usize>().ok());
        match first {
            Some("done") => return true,
            Some("begin") => *at = number().map(|row| (row, Instant::now())),
            Some("explainers") if self.explainers.is_empty() => {
                self.explainers = words.map(|id| clean(id, 64)).collect();
            }
            Some("end") => {
                let (row, verdict, sentence) = (number(), words.next(), words.next());
                let Some((row, since)) =
                    at.take().filter(|(open, _)| Some(*open) == row && *open == self.next)
                else {
                    return false;
                };
                if row >= self.rows() {
                    return false;
                }
                let sentence = clean(sentence.unwrap_or_default(), 2_000);
                let verdict = match verdict {
                    Some("pass") => Verdict::Pass(sentence),
                    Some("skipped") => Verdict::Skipped(sentence),
                    _ => Verdict::Fail(sentence),
                };
                self.settle(row, verdict, since.elapsed());
            }
            _ => {}
        }
        false
    }

    /// How the child ended, and what it said.
    fn last_words(&self, child: &mut Child, printed: &mut File) -> io::Result<String> {
        let status = wait_briefly(child)?;
        let length = printed.metadata()?.len();
        printed.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS)))?;
        let mut bytes = vec![];
        printed.take(LAST_WORDS).read_to_end(&mut bytes)?;
        let said: Vec<String> =
            String::from_utf8_lossy(&bytes).lines().map(|line| line.trim().into()).collect();
        Ok(cause(status, &said, self.limits))
    }
}

/// Reads the child's lines in a thread of their own, so that silence can be noticed.
fn listen(child: &mut Child) -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            let mut out = BufReader::new(out);
            loop {
                let mut line = vec![];
                match out.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line) {
                    Ok(1..) => {}
                    _ => break,
                }
                if send.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                    break;
                }
            }
        });
    }
    lines
}

fn wait_briefly(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + Duration::from_secs(1);
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() > until {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn kill(child: &mut Child) -> io::Result<()> {
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().map(drop)
}

#[cfg(unix)]
fn cause(status: Option<ExitStatus>, said: &[String], limits: Limits) -> String {
    crate::isolate::death::Remains { status, said, memory: (0, limits.memory) }.cause()
}

#[cfg(not(unix))]
fn cause(status: Option<ExitStatus>, said: &[String], _limits: Limits) -> String {
    let how =
        status.map_or("it closed the line to camtui".into(), |status| format!("it ended with {status}"));
    said.last().map_or(how.clone(), |line| format!("{how}, after saying: {}", clean(line, 200)))
}

/// The child's side: runs the checks from row `from` on, and tells them on what was its standard output.
pub fn serve(path: &Path, from: usize, limits: Limits) -> io::Result<()> {
    let out = Rc::new(RefCell::new(own_output()?));
    bound(limits);
    // Where nobody listens any more there is nothing left to do, and nobody to tell.
    let say = |out: &RefCell<File>, line: String| {
        if writeln!(out.borrow_mut(), "{line}").is_err() {
            std::process::exit(1);
        }
    };
    let (lively, last) = (Rc::clone(&out), Cell::new(Instant::now()));
    let alive = move || {
        if last.get().elapsed() > BEAT {
            last.set(Instant::now());
            say(&lively, "alive".into());
        }
    };
    let mut state = State::new(path, limits, Box::new(alive));
    // As in the processes that plugins run in.
    state.confined = Some(confine(path));
    walk(&mut state, from..usize::MAX, &mut |event| {
        let line = match event {
            Event::Explainers(ids) => format!("explainers\t{}", ids.join("\t")),
            Event::Begin(row) => format!("begin\t{row}"),
            Event::End(row, verdict) => {
                format!("end\t{row}\t{}\t{}", verdict.word(), clean(verdict.sentence(), 2_000))
            }
        };
        say(&out, line);
    });
    say(&out, "done".into());
    Ok(())
}

/// Keeps standard output for the checks; what a library prints there goes where its errors go.
#[cfg(unix)]
fn own_output() -> io::Result<File> {
    use std::os::fd::AsFd as _;
    let out = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(File::from(out))
}

#[cfg(windows)]
fn own_output() -> io::Result<File> {
    use std::os::windows::io::AsHandle as _;
    Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?))
}

/// A library that runs away must not take the machine with it, and the child must not outlive its parent.
#[cfg(unix)]
fn bound(limits: Limits) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let to = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    // A system that knows no such limits runs without.
    let _ = setrlimit(Resource::As, to(limits.memory));
    let _ = setrlimit(Resource::Core, to(0));
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

#[cfg(not(unix))]
fn bound(_limits: Limits) {}
