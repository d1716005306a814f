//! The question and the drawing against scripted terminals on real ptys: what is answered, how long it takes, what
//! bytes arrive, and in what state the terminal is left.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use camtui_term::query::{PATIENCE, Question, Terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

/// What a terminal answers to each request that it knows.
type Script = &'static [(&'static str, &'static str)];

const KITTY_QUERY: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\";
const KITTY: Script =
    &[(KITTY_QUERY, "\x1b_Gi=31;OK\x1b\\"), ("\x1b[16t", "\x1b[6;20;10t"), ("\x1b[c", "\x1b[?62;c")];
const SIXEL: Script = &[
    ("\x1b[14t", "\x1b[4;480;800t"),
    ("\x1b]11;?\x1b\\", "\x1b]11;rgb:0000/0000/8080\x1b\\"),
    ("\x1b[c", "\x1b[?62;4;22c"),
];
const PLAIN: Script = &[("\x1b[c", "\x1b[?1;2c")];
const SILENT: Script = &[];

/// Our end of a pty of 80×24 cells, and the program's.
fn pty() -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
    tcsetwinsize(&slave, Winsize { ws_col: 80, ws_row: 24, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (File::from(master), slave)
}

/// Plays the terminal until the program's end is closed; returns every byte that it was sent.
fn play(mut master: File, script: Script, delay: Duration, typed: &'static str) -> JoinHandle<String> {
    thread::spawn(move || {
        master.write_all(typed.as_bytes()).unwrap();
        let mut seen = Vec::new();
        let mut answered = 0;
        let mut buffer = vec![0; 65536];
        // The read fails when the last program has closed its end.
        while let Ok(length @ 1..) = master.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..length]);
            // In the order in which the requests came.
            while let Some((at, request, reply)) = script
                .iter()
                .filter_map(|(request, reply)| {
                    Some((find(&seen[answered..], request.as_bytes())?, request, reply))
                })
                .min()
            {
                thread::sleep(delay);
                master.write_all(reply.as_bytes()).unwrap();
                answered += at + request.len();
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn question(millis: u64) -> Question {
    Question { strings: true, kitty: true, file: None, bound: Duration::from_millis(millis) }
}

/// Whether anything waits to be read, which a shell would get.
fn has_input(slave: &OwnedFd) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    poll(&mut [PollFd::new(slave, PollFlags::IN)], Some(&at_once)).unwrap() > 0
}

#[test]
fn a_terminal_that_answers_is_understood_and_left_as_it_was() {
    for (script, typed) in [(KITTY, ""), (KITTY, "jjq\x1b[A"), (SIXEL, ""), (PLAIN, "")] {
        let (master, slave) = pty();
        let before = format!("{:?}", tcgetattr(&slave).unwrap());
        let terminal = play(master, script, Duration::ZERO, typed);
        let answers = Terminal::open(&slave).unwrap().ask(&question(5000)).unwrap();
        assert!(answers.attributes.is_some());
        assert_eq!(answers.kitty, (script == KITTY).then_some(true));
        assert_eq!(answers.cell_px, (script == KITTY).then_some((10, 20)));
        assert_eq!(answers.area_px, (script == SIXEL).then_some((800, 480)));
        assert_eq!(answers.background, (script == SIXEL).then_some([0, 0, 128]));
        assert_eq!(answers.sixel(), script == SIXEL);
        assert_eq!(format!("{:?}", tcgetattr(&slave).unwrap()), before);
        assert!(!has_input(&slave));
        drop(slave);
        assert!(terminal.join().unwrap().ends_with("\x1b[c"), "the device attributes are the fence");
    }
}

#[test]
fn a_silent_terminal_costs_the_bound() {
    let (master, slave) = pty();
    let before = format!("{:?}", tcgetattr(&slave).unwrap());
    let terminal = play(master, SILENT, Duration::ZERO, "jk");
    let start = Instant::now();
    let answers = Terminal::open(&slave).unwrap().ask(&question(150)).unwrap();
    let took = start.elapsed();
    assert_eq!(answers.count(), 0);
    assert!((150..400).contains(&took.as_millis()), "{took:?}: keys are no answers");
    assert_eq!(format!("{:?}", tcgetattr(&slave).unwrap()), before);
    drop(slave);
    terminal.join().unwrap();
}

#[test]
fn a_slow_terminal_is_waited_for_as_long_as_it_answers() {
    let (master, slave) = pty();
    // Three replies of 200 ms each: the last one comes after the bound.
    let terminal = play(master, KITTY, Duration::from_millis(200), "");
    let start = Instant::now();
    let answers = Terminal::open(&slave).unwrap().ask(&question(400)).unwrap();
    let took = start.elapsed();
    assert_eq!((answers.kitty, answers.cell_px), (Some(true), Some((10, 20))));
    assert!(answers.attributes.is_some(), "the fence must be read, or the shell gets it");
    assert!(took < Duration::from_millis(400) * PATIENCE, "{took:?}");
    assert!(!has_input(&slave));
    drop(slave);
    terminal.join().unwrap();
}

#[test]
fn a_terminal_that_falls_silent_costs_no_more_than_its_patience() {
    const HALF: Script = &[(KITTY_QUERY, "\x1b_Gi=31;OK\x1b\\"), ("\x1b[c", "\x1b[?6")];
    let (master, slave) = pty();
    let before = format!("{:?}", tcgetattr(&slave).unwrap());
    let terminal = play(master, HALF, Duration::ZERO, "");
    let start = Instant::now();
    let answers = Terminal::open(&slave).unwrap().ask(&question(150)).unwrap();
    assert!(start.elapsed() < Duration::from_millis(150) * PATIENCE);
    assert_eq!((answers.kitty, answers.attributes), (Some(true), None));
    assert_eq!(format!("{:?}", tcgetattr(&slave).unwrap()), before);
    drop(slave);
    terminal.join().unwrap();
}

#[test]
fn control_c_ends_the_wait_at_once() {
    let (mut master, slave) = pty();
    let before = format!("{:?}", tcgetattr(&slave).unwrap());
    let typist = thread::spawn(move || {
        // After the question, when the terminal no longer makes a signal of the key.
        let mut buffer = [0; 512];
        assert!(master.read(&mut buffer).unwrap() > 0);
        master.write_all(b"\x03").unwrap();
        master
    });
    let start = Instant::now();
    let answers = Terminal::open(&slave).unwrap().ask(&question(5000)).unwrap();
    assert!(answers.interrupted && start.elapsed() < Duration::from_secs(2));
    assert_eq!(format!("{:?}", tcgetattr(&slave).unwrap()), before);
    typist.join().unwrap();
}

#[test]
fn a_terminal_that_hangs_up_is_no_hang() {
    let (master, slave) = pty();
    let mut terminal = Terminal::open(&slave).unwrap();
    drop(master);
    let start = Instant::now();
    let answers = terminal.ask(&question(5000));
    assert!(answers.is_err() || answers.unwrap().count() == 0);
    assert!(start.elapsed() < Duration::from_secs(1));
}

/// The example that detects and draws, with nothing in its environment but these variables.
fn example(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples/terminal");
    let mut command = Command::new(path);
    command.args(arguments).env_clear().envs(variables.iter().copied());
    command
}

/// Runs the example on a scripted terminal and returns what the terminal was sent and how long it took.
fn draw_on(script: Script, arguments: &[&str], variables: &[(&str, &str)]) -> (String, Duration) {
    let (master, slave) = pty();
    let terminal = play(master, script, Duration::ZERO, "");
    let start = Instant::now();
    let mut command = example(arguments, variables);
    command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    let took = start.elapsed();
    drop((command, slave));
    let seen = terminal.join().unwrap();
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{report}");
    assert!(report.contains("Drawn"), "{report}");
    (seen, took)
}

const XTERM: &[(&str, &str)] = &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];

#[test]
fn kitty_gets_kittys_escapes() {
    let (seen, _) = draw_on(KITTY, &["auto", "12"], XTERM);
    let (question, picture) = seen.split_once("\x1b[c").unwrap();
    assert!(question.starts_with(KITTY_QUERY));
    // 320×240 pixels in 12 columns of 10×20 pixels.
    assert!(picture.starts_with("\x1b_Ga=T,f=100,q=2,c=12,r=5,m="), "{picture:.60}");
    assert!(picture.ends_with("\x1b\\\r\n"));
    assert!(!picture.contains("a=q"), "asked once");
}

#[test]
fn iterm_gets_an_inline_image() {
    let (seen, _) =
        draw_on(PLAIN, &["auto", "12"], &[("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app")]);
    let picture = seen.split_once("\x1b[c").unwrap().1;
    assert!(picture.starts_with("\x1b]1337;File=inline=1;preserveAspectRatio=1;size="), "{picture:.80}");
    assert!(picture.contains(";width=12;height=5:iVBOR") && picture.ends_with("\x07\r\n"));
}

#[test]
fn a_sixel_terminal_gets_sixels() {
    let (seen, _) = draw_on(SIXEL, &["auto", "12"], XTERM);
    let sixels = &seen[seen.find("\x1bP").unwrap()..];
    assert!(sixels.contains("\"1;1;120;96"), "{sixels:.60}");
    assert!(sixels.ends_with("\x1b\\\r\n"));
    assert!(!seen.contains("^["), "no reply is echoed: {seen:?}");
}

#[test]
fn other_terminals_get_half_blocks_and_without_colour_letters() {
    let (seen, _) = draw_on(PLAIN, &["auto", "12"], XTERM);
    assert_eq!(seen.matches('▄').count(), 12 * 5, "{seen:?}");
    assert!(seen.contains("\x1b[38;2;"));
    let (seen, _) = draw_on(PLAIN, &["auto", "12"], &[("TERM", "xterm-256color")]);
    assert!(seen.contains("\x1b[38;5;") && !seen.contains("\x1b[38;2;"));
    let (seen, _) = draw_on(PLAIN, &["auto", "12"], &[("TERM", "xterm-256color"), ("NO_COLOR", "1")]);
    assert!(!seen.contains('\x1b') && seen.lines().count() == 5, "{seen:?}");
}

#[test]
fn a_silent_terminal_still_gets_its_picture_soon() {
    let (seen, took) = draw_on(SILENT, &["auto", "12"], XTERM);
    assert_eq!(seen.matches('▄').count(), 12 * 5);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_reply_that_comes_too_late_is_not_left_for_the_shell() {
    const LATE: Script = &[("\x1b[c", "\x1b[?62;4c")];
    let (master, slave) = pty();
    let terminal = play(master, LATE, Duration::from_millis(250), "");
    let answers = Terminal::open(&slave).unwrap().ask(&question(100)).unwrap();
    assert_eq!(answers.count(), 0);
    thread::sleep(Duration::from_millis(300));
    Terminal::open(&slave).unwrap().discard_input();
    let quiet = Terminal::open(&slave).unwrap();
    let _without_line_editing = quiet.quiet().unwrap();
    assert!(!has_input(&slave));
    drop(slave);
    drop(terminal);
}

#[test]
fn nothing_is_echoed_while_the_terminal_is_quiet() {
    let (mut master, slave) = pty();
    let terminal = Terminal::open(&slave).unwrap();
    let guard = terminal.quiet().unwrap();
    master.write_all(b"\x1b[?62;4c").unwrap();
    thread::sleep(Duration::from_millis(50));
    drop(guard);
    terminal.discard_input();
    master.write_all(b"x").unwrap();
    let mut buffer = [0; 64];
    let length = master.read(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"x", "only what comes afterwards is echoed");
}

#[test]
fn a_forced_protocol_asks_nothing_and_hangs_on_no_terminal() {
    for (name, mark) in [("kitty", "\x1b_Ga=T"), ("sixel", "\x1bP"), ("iterm", "\x1b]1337;"), ("blocks", "▄")]
    {
        let (seen, took) = draw_on(SILENT, &[name, "12"], XTERM);
        assert!(seen.contains(mark), "{name}: {seen:?}");
        for request in ["a=q", "\x1b[c", "\x1b[16t", "\x1b[>q", "\x1b]11;?"] {
            assert!(!seen.contains(request), "{name} asked {request:?}");
        }
        assert!(took < Duration::from_millis(350), "{name}: {took:?}");
    }
}

#[test]
fn a_pipe_gets_only_what_is_forced_and_never_a_question() {
    let piped = |arguments: &[&str]| {
        let output = example(arguments, XTERM).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(piped(&["auto", "12"]), "");
    for (name, beginning) in
        [("kitty", "\x1b_Ga=T"), ("sixel", "\x1bP"), ("iterm", "\x1b]1337;"), ("blocks", "\x1b[0m")]
    {
        let bytes = piped(&[name, "12"]);
        assert!(bytes.starts_with(beginning), "{name}: {bytes:.60?}");
        assert!(!bytes.contains("\x1b[c") && !bytes.contains("a=q"), "{name}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    for name in ["kitty", "sixel", "iterm", "blocks"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = example(&[name, "60"], XTERM).stdin(Stdio::null()).stdout(writer).output().unwrap();
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && report.contains("Closed"), "{name}: {report}");
    }
}
