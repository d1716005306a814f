//! How a child died, in words: from its exit status, what it said last and how much memory it had.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The code with which a child ends that cannot reach the program any more.
pub(super) const CUT_OFF: i32 = 97;

/// What is known of a child that is gone.
pub(crate) struct Remains<'a> {
    /// How it ended; none where it was ended because it had cut its line.
    pub status: Option<ExitStatus>,
    /// What it printed on standard error.
    pub said: &'a [String],
    /// Most bytes of address space it was seen with, and might have.
    pub memory: (u64, u64),
}

impl Remains<'_> {
    /// A clause for "ended in `x`: …".
    pub fn cause(&self) -> String {
        const CLOSED: &str = "it closed descriptors that are not its own";
        let Some(status) = self.status else { return CLOSED.into() };
        let Some(number) = status.signal() else {
            return match status.code() {
                Some(CUT_OFF) => CLOSED.into(),
                code => format!("it left the process (exit code {})", code.unwrap_or_default()),
            };
        };
        let signal = describe(number);
        if self.says("has overflowed its stack") {
            return format!("stack overflow (signal {number})");
        }
        let (seen, most) = self.memory;
        let scarce = seen >= most - most / 8 || self.says("memory allocation of") || self.says("bad_alloc");
        if scarce
            && [libc::SIGABRT, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGTRAP].contains(&number)
        {
            return format!(
                "it went over its memory limit of {} (`plugin_memory` sets it): {signal}",
                amount(most)
            );
        }
        match self.said.iter().find(|line| !line.is_empty()) {
            Some(line) if number == libc::SIGABRT => {
                format!("{signal} after saying: {}", crate::clean(line, 200))
            }
            _ => signal,
        }
    }

    fn says(&self, words: &str) -> bool {
        self.said.iter().any(|line| line.contains(words))
    }
}

/// `4 GiB`, `512 MiB`.
pub(super) fn amount(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    if bytes.is_multiple_of(GIB) { format!("{} GiB", bytes / GIB) } else { format!("{} MiB", bytes >> 20) }
}

fn describe(number: i32) -> String {
    let words = match number {
        libc::SIGSEGV => "segmentation fault",
        libc::SIGABRT => "aborted",
        libc::SIGBUS => "bus error",
        libc::SIGFPE => "arithmetic error",
        libc::SIGILL => "illegal instruction",
        libc::SIGTRAP => "trap",
        libc::SIGSYS => "a system call that plugins may not make",
        libc::SIGKILL => "killed, by the system or by hand",
        _ => return format!("signal {number}"),
    };
    format!("{words} (signal {number})")
}

/// `SIGINT`.
pub(super) fn signal_name(number: i32) -> String {
    let name = match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGCHLD => "SIGCHLD",
        libc::SIGCONT => "SIGCONT",
        libc::SIGTSTP => "SIGTSTP",
        libc::SIGWINCH => "SIGWINCH",
        _ => return format!("signal {number}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(raw: Option<i32>, said: &[&str], seen: u64) -> String {
        let said: Vec<String> = said.iter().map(|&line| line.into()).collect();
        let status = raw.map(ExitStatus::from_raw);
        Remains { status, said: &said, memory: (seen, 4 << 30) }.cause()
    }

    #[test]
    fn deaths_are_told_apart() {
        assert_eq!(cause(Some(11), &[], 0), "segmentation fault (signal 11)");
        assert_eq!(cause(Some(0), &[], 0), "it left the process (exit code 0)");
        assert_eq!(cause(Some(7 << 8), &["x"], 0), "it left the process (exit code 7)");
        assert_eq!(cause(Some(97 << 8), &[], 0), "it closed descriptors that are not its own");
        assert_eq!(cause(None, &[], 0), "it closed descriptors that are not its own");
        assert_eq!(cause(Some(6), &[], 0), "aborted (signal 6)");
        assert_eq!(cause(Some(6), &["", "no luck"], 0), "aborted (signal 6) after saying: no luck");
        let said = ["thread 'main' (7) has overflowed its stack"];
        assert_eq!(cause(Some(6), &said, 0), "stack overflow (signal 6)");
        let limit = "it went over its memory limit of 4 GiB (`plugin_memory` sets it): ";
        let said = ["memory allocation of 99 bytes failed"];
        assert_eq!(cause(Some(6), &said, 0), format!("{limit}aborted (signal 6)"));
        assert_eq!(cause(Some(11), &[], 4_000_000_000), format!("{limit}segmentation fault (signal 11)"));
        assert_eq!(cause(Some(64), &[], 0), "signal 64");
        assert_eq!(amount(1536 << 20), "1536 MiB");
    }
}
