//! Sessions on terminals that take nothing, take it late, or go away: keys are obeyed all the same, no frame is queued,
//! and the terminal is given back.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

struct Stuck {
    child: Child,
    master: Option<File>,
    slave: OwnedFd,
    settings: String,
}

impl Stuck {
    /// The session of made-up pictures on a terminal that nobody reads from. Kitty's pictures are 300 kB each, and a
    /// pty holds far less.
    fn start(arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = open(name.as_c_str(), flags, Mode::empty()).unwrap();
        tcsetwinsize(&slave, Winsize { ws_col: 100, ws_row: 30, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let settings = format!("{:?}", tcgetattr(&slave).unwrap());
        let program = std::env::current_exe().unwrap();
        let program = program.parent().unwrap().parent().unwrap().join("examples/session");
        let end = || slave.try_clone().unwrap();
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs([("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("RUST_BACKTRACE", "0")])
            .stdin(end())
            .stdout(end())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let stuck = Self { child, master: Some(File::from(master)), slave, settings };
        // Raw mode: the session has begun. Then its first frames fill the line.
        stuck.wait("raw mode", |stuck| stuck.attributes() != stuck.settings);
        thread::sleep(Duration::from_millis(400));
        stuck
    }

    fn attributes(&self) -> String {
        format!("{:?}", tcgetattr(&self.slave).unwrap())
    }

    fn wait(&self, what: &str, there: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !there(self) {
            assert!(Instant::now() < deadline, "never {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn press(&mut self, keys: &str) {
        self.master.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Everything that comes until there is silence.
    fn read(&mut self) -> String {
        let master = self.master.as_mut().unwrap();
        let (mut seen, mut buffer) = (Vec::new(), vec![0; 65536]);
        let patience = Timespec { tv_sec: 1, tv_nsec: 0 };
        while poll(&mut [PollFd::new(&*master, PollFlags::IN)], Some(&patience)).unwrap() > 0 {
            match master.read(&mut buffer) {
                Ok(length @ 1..) => seen.extend_from_slice(&buffer[..length]),
                _ => break,
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    fn end(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, begun.elapsed());
            }
            if begun.elapsed() > Duration::from_secs(20) {
                self.child.kill().unwrap();
                panic!("the session hangs");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_terminal_that_takes_nothing_holds_up_neither_keys_nor_the_end() {
    let mut stuck = Stuck::start(&["kitty"]);
    stuck.press("nq");
    let (status, took) = stuck.end();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(stuck.attributes(), stuck.settings);
}

#[test]
fn a_signal_ends_it_as_well() {
    let mut stuck = Stuck::start(&["kitty"]);
    let pid = stuck.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let (status, took) = stuck.end();
    assert_eq!(status.code(), Some(143));
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(stuck.attributes(), stuck.settings);
}

#[test]
fn what_a_slow_terminal_has_missed_is_never_sent() {
    let mut stuck = Stuck::start(&["kitty"]);
    for _ in 0..11 {
        stuck.press("n");
        thread::sleep(Duration::from_millis(60));
    }
    let text = stuck.read();
    let pictures = text.matches(",a=T,").count();
    assert!((1..=3).contains(&pictures), "{pictures} pictures of 12");
    // The latest one has come: its mark is beside its class, and the picture before it is deleted at the end.
    let (_, after) = text.rsplit_once(",a=T,").unwrap();
    let end: String = after.chars().rev().take(2000).collect::<Vec<_>>().into_iter().rev().collect();
    assert!(end.contains("▶ class 11") && end.trim_end().ends_with("\x1b\\"), "{end:?}");
    stuck.press("q");
    let last = stuck.read();
    assert!(last.contains("\x1b[?1049l\x1b[?25h"), "{last:?}");
    assert_eq!(stuck.end().0.code(), Some(0));
}

#[test]
fn a_frame_that_is_cut_off_is_ended_before_the_terminal_is_given_back() {
    let mut stuck = Stuck::start(&["kitty"]);
    stuck.press("q");
    // Later than the frame is waited for, earlier than the giving back is given up.
    thread::sleep(Duration::from_millis(300));
    let text = stuck.read();
    assert_eq!(stuck.end().0.code(), Some(0));
    let (frame, restoring) =
        text.rsplit_once("\x1b\\\x1b_Gq=2,m=0;\x1b\\").expect("the picture is not ended");
    assert!(frame.contains(",m=1;") && !frame.ends_with("m=0;"), "it was cut off");
    assert!(restoring.contains("a=d,d=I") && restoring.ends_with("\x1b[?1049l\x1b[?25h"), "{restoring:?}");
}

#[test]
fn a_terminal_that_goes_away_ends_the_session() {
    let mut stuck = Stuck::start(&["kitty"]);
    drop(stuck.master.take());
    let (status, took) = stuck.end();
    assert!(!status.success());
    assert!(took < Duration::from_secs(5), "{took:?}");
}
