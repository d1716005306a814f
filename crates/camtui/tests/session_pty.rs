//! The interactive session in a real pty, with made-up pictures: that keys are obeyed, and that the terminal is given back
//! however the session ends.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const SHOW_CURSOR: &str = "\x1b[?25h";

/// A session on a pty, and everything that it has written.
struct Session {
    child: Child,
    master: File,
    slave: OwnedFd,
    settings: String,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl Session {
    /// Starts the example with these arguments on a terminal that never answers.
    fn start(arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = open(name.as_c_str(), flags, Mode::empty()).unwrap();
        tcsetwinsize(&slave, Winsize { ws_col: 100, ws_row: 30, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let settings = format!("{:?}", tcgetattr(&slave).unwrap());

        let mut program = std::env::current_exe().unwrap();
        program.pop();
        program.pop();
        program.push("examples/session");
        let end = || slave.try_clone().unwrap();
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs([("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("RUST_BACKTRACE", "0")])
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();

        let master = File::from(master);
        let mut reader = master.try_clone().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, master, slave, settings, output, seen: String::new() }
    }

    /// Waits until the text has been written since the last wait; returns what came up to then.
    fn expect(&mut self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.seen.contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.output.recv_timeout(left) else {
                panic!("{text:?} never came; instead: {:?}", self.seen);
            };
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let rest = self.seen.split_off(self.seen.find(text).unwrap() + text.len());
        std::mem::replace(&mut self.seen, rest)
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Waits for the end and checks that the terminal was given back; returns what was written last.
    fn end(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                panic!("the session does not end: {:?}", self.seen);
            }
            thread::sleep(Duration::from_millis(10));
        };
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let (_, after) =
            self.seen.split_once(LEAVE).unwrap_or_else(|| panic!("no way back: {:?}", self.seen));
        assert!(after.contains(SHOW_CURSOR), "{after:?}");
        assert!(!after.contains(ENTER), "{after:?}");
        assert_eq!(format!("{:?}", tcgetattr(&self.slave).unwrap()), self.settings);
        (status, std::mem::take(&mut self.seen))
    }
}

#[test]
fn keys_move_through_pictures_classes_and_help() {
    let mut session = Session::start(&["auto"]);
    session.expect(ENTER);
    session.expect("tench 50.0 %");
    session.press("n");
    session.expect("Samoyed 25.0 %");
    session.press("?");
    session.expect("previous picture");
    session.press("?");
    session.press("j");
    session.expect("bad.jpg is no picture");
    session.press("j");
    session.expect("crane 50.0 %");
    session.press("q");
    assert_eq!(session.end().0.code(), Some(0));
}

#[test]
fn control_c_interrupts() {
    let mut session = Session::start(&["blocks"]);
    session.expect("tench 50.0 %");
    session.press("\x03");
    assert_eq!(session.end().0.code(), Some(130));
}

#[test]
fn signals_end_the_session_in_good_order() {
    for (name, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let mut session = Session::start(&["blocks"]);
        session.expect("tench 50.0 %");
        session.signal(name);
        assert_eq!(session.end().0.code(), Some(code), "SIG{name}");
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_speaks() {
    let session = Session::start(&["blocks", "panic"]);
    let (status, output) = session.end();
    assert_eq!(status.code(), Some(101));
    let (_, after) = output.split_once(LEAVE).unwrap();
    assert!(after.contains("deliberately"), "{output:?}");
}

#[test]
fn kittys_pictures_are_deleted_when_replaced_and_on_leaving() {
    fn number(sent: &str) -> String {
        let (_, number) = sent.rsplit_once(",U=1,i=").unwrap_or_else(|| panic!("no picture in {sent:?}"));
        number.split(',').next().unwrap().to_owned()
    }
    let mut session = Session::start(&["kitty"]);
    let first = number(&session.expect(",c="));
    session.expect("\x1b[?2026l");
    session.press("n");
    let second = number(&session.expect(",c="));
    assert_ne!(first, second);
    session.expect(&format!("\x1b_Ga=d,d=I,i={first},q=2\x1b\\"));
    session.press("q");
    let (status, output) = session.end();
    assert_eq!(status.code(), Some(0));
    assert!(output.contains(&format!("\x1b_Ga=d,d=I,i={second},q=2\x1b\\")), "{output:?}");
}

#[test]
fn sixels_make_way_for_the_help_and_come_back() {
    let mut session = Session::start(&["sixel"]);
    session.expect("\x1bP");
    session.expect("\x1b\\");
    session.press("?");
    session.expect("\x1b[2J");
    session.expect("┌");
    session.press("?");
    session.expect("\x1b[2J");
    session.expect("\x1bP");
    session.press("q");
    assert_eq!(session.end().0.code(), Some(0));
}
