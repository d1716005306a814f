//! The session's log: what went wrong and when, in a file of the state folder, because an interactive session has no
//! standard error to write to.
//!
//! There is one log per process, opened by [`open`] and written by [`note`] from any thread. The file is made by the first
//! note. Whatever fails here (a full disk, a folder that cannot be written) ends the logging and nothing else.

use std::backtrace::Backtrace;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camtui_term::sanitise;

use crate::store::Places;

/// The file's name in the state folder. When it has grown too large it becomes `camtui.log.1`, and a new one is begun.
pub const FILE: &str = "camtui.log";

/// Bytes after which a new file is begun: 1 MiB.
const LARGEST: u64 = 1 << 20;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The session goes on as it should.
    Info,
    /// Something is not as it should be.
    Warning,
    /// Something failed.
    Error,
}

impl Level {
    /// Its word in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

static LOG: Mutex<Option<Log>> = Mutex::new(None);

/// Has notes go to the state folder from now on.
pub fn open(places: &Places) {
    let log = places.state().ok().map(|folder| Log::new(folder.join(FILE), LARGEST));
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = log;
}

/// Writes a line, or several that belong together. Without an open log nothing happens.
pub fn note(level: Level, text: &str) {
    if let Some(log) = LOG.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        log.note(level, text);
    }
}

/// Notes what a plugin logs.
pub fn of_plugin(level: camtui_host::Level, line: &str) {
    let level = match level {
        camtui_host::Level::Debug | camtui_host::Level::Info => Level::Info,
        camtui_host::Level::Warning => Level::Warning,
        camtui_host::Level::Error => Level::Error,
    };
    note(level, line);
}

/// Where the log is, if there is something in it.
pub fn place() -> Option<PathBuf> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Log::place)
}

/// Notes a panic with its backtrace and says where; for a panic hook.
pub fn panicked(info: &PanicHookInfo<'_>) -> Option<PathBuf> {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("without a name");
    let text = format!("panic on the thread {name}: {info}\n{}", Backtrace::force_capture());
    // The panic may have happened while this thread wrote to the log: waiting for it would be for ever.
    let mut log = match LOG.try_lock() {
        Ok(log) => log,
        Err(TryLockError::Poisoned(log)) => log.into_inner(),
        Err(TryLockError::WouldBlock) => return None,
    };
    let log = log.as_mut()?;
    log.note(Level::Error, &text);
    log.place()
}

/// A file that lines are added to.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    largest: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing has been noted yet.
    Unopened,
    /// The file and its length.
    Open(File, u64),
    /// It could not be written.
    Failed,
}

impl Log {
    fn new(path: PathBuf, largest: u64) -> Self {
        Self { path, largest, state: State::Unopened }
    }

    fn place(&self) -> Option<PathBuf> {
        matches!(self.state, State::Open(..)).then(|| self.path.clone())
    }

    fn note(&mut self, level: Level, text: &str) {
        if self.write(&lines(SystemTime::now(), level, text)).is_err() {
            self.state = State::Failed;
        }
    }

    fn write(&mut self, lines: &str) -> io::Result<()> {
        match self.state {
            State::Failed => return Ok(()),
            State::Unopened => self.state = open_file(&self.path, self.largest)?,
            State::Open(_, length) if length > self.largest => {
                self.state = open_file(&self.path, self.largest)?;
            }
            State::Open(..) => {}
        }
        if let State::Open(file, length) = &mut self.state {
            // One call, so that lines of several sessions do not run into each other.
            file.write_all(lines.as_bytes())?;
            *length += lines.len() as u64;
        }
        Ok(())
    }
}

/// Opens the file to add to it, after putting one aside that is too large.
fn open_file(path: &Path, largest: u64) -> io::Result<State> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::metadata(path) {
        // Opening a pipe would wait for its reader.
        Ok(found) if !found.is_file() => return Err(io::Error::other("the log is no ordinary file")),
        Ok(found) if found.len() > largest => fs::rename(path, path.with_extension("log.1"))?,
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    // It names files of the user's, which are nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let length = file.metadata()?.len();
    Ok(State::Open(file, length))
}

/// A note as it stands in the file: time, process, level, text; further lines of the text are indented.
fn lines(now: SystemTime, level: Level, text: &str) -> String {
    let text: Vec<String> = text.lines().map(sanitise).collect();
    format!("{} [{}] {}: {}\n", utc(now), std::process::id(), level.name(), text.join("\n    "))
}

/// `2026-11-23T20:58:31.042Z`. A time before 1970 counts as its beginning.
fn utc(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (seconds, millis) = (since.as_secs(), since.subsec_millis());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar: whole years are taken off, then
/// whole months.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interactive::screen::PanicGuard;

    fn at(seconds: u64, millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis)
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        // As `date -u -d @SECONDS` says.
        for (seconds, wanted) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_399, "2000-02-28T23:59:59.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (951_868_800, "2000-03-01T00:00:00.007Z"),
            (1_767_225_599, "2025-12-31T23:59:59.007Z"),
            (1_767_225_600, "2026-01-01T00:00:00.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            assert_eq!(utc(at(seconds, 7)), wanted);
        }
        assert_eq!(utc(UNIX_EPOCH - Duration::from_secs(9)), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_note_is_a_line_that_no_terminal_obeys() {
        let text = lines(at(0, 0), Level::Warning, "a\x1b[31m\nb\r");
        let wanted = format!("1970-01-01T00:00:00.000Z [{}] warning: a␛[31m\n    b␍\n", std::process::id());
        assert_eq!(text, wanted);
    }

    #[test]
    fn the_file_is_made_by_the_first_note_and_put_aside_when_it_is_large() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/state").join(FILE);
        let mut log = Log::new(path.clone(), 100);
        assert!(log.place().is_none() && !path.exists());
        log.note(Level::Info, "one");
        assert_eq!(log.place().as_deref(), Some(&*path));
        log.note(Level::Info, &"x".repeat(100));
        log.note(Level::Error, "three");
        let (now, before) = (fs::read_to_string(&path).unwrap(), path.with_extension("log.1"));
        assert!(now.ends_with("error: three\n") && now.lines().count() == 1, "{now}");
        assert_eq!(fs::read_to_string(&before).unwrap().lines().count(), 2);
        // A later session adds to what is there.
        Log::new(path.clone(), 100).note(Level::Info, "four");
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_log_that_cannot_be_written_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        for path in [folder.path().join("file/camtui.log"), folder.path().to_owned()] {
            let mut log = Log::new(path, 100);
            log.note(Level::Error, "lost");
            log.note(Level::Error, "lost as well");
            assert_eq!(log.place(), None);
        }
        note(Level::Error, "before any log is open");
    }

    /// The other half of the next test, run in a process of its own.
    #[test]
    fn a_session_that_panics() {
        let Some(folder) = std::env::var_os("CAMTUI_TEST_PANIC") else { return };
        open(&Places::new(|_| Some(folder.clone()), None));
        let _guard = PanicGuard::install();
        let elsewhere = std::thread::Builder::new().name("worker".into()).spawn(|| panic!("in a worker"));
        assert!(elsewhere.unwrap().join().is_err());
        panic!("in the\u{1b} session");
    }

    #[test]
    fn panics_are_noted_with_their_backtrace_and_the_place_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "log::tests::a_session_that_panics", "--nocapture"])
            .env("CAMTUI_TEST_PANIC", folder.path())
            .output()
            .unwrap();
        assert!(!ended.status.success());
        let path = folder.path().join(FILE);
        let log = fs::read_to_string(&path).unwrap();
        let heads: Vec<&str> = log.lines().filter(|line| !line.starts_with("    ")).collect();
        assert_eq!(heads.len(), 2, "{log}");
        assert!(heads[0].contains("error: panic on the thread worker: "), "{log}");
        assert!(log.contains("in a worker") && log.contains("in the␛ session"), "{log}");
        assert!(log.contains("a_session_that_panics"), "the backtrace names who panicked: {log}");
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        let lines: Vec<&str> = told.lines().filter(|line| line.contains(FILE)).collect();
        assert_eq!(lines, [format!("camtui: the log {} has the details", path.display())], "{told}");
        assert!(!told.contains("in a worker"), "{told}");
    }
}
