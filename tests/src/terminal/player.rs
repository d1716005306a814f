//! The terminal's end of the pty: one thread reads and notes when what came, another one makes a screen of it and
//! answers. So a picture that takes long to decode does not slow the program down, and times are those of arrival.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::script::{Answer, Answering, Look, Script};
use crate::emulator::Emulator;

/// What has come, and when.
#[derive(Default)]
pub(super) struct Arrived {
    /// Bytes that came, less those that were forgotten.
    pub bytes: Vec<u8>,
    /// How many were forgotten.
    pub forgotten: usize,
    /// When they came: after each piece, how many there were since the start.
    pub times: Vec<(usize, Instant)>,
}

impl Arrived {
    /// How many bytes came since the start.
    pub fn count(&self) -> usize {
        self.forgotten + self.bytes.len()
    }

    /// When the last ones came.
    pub fn last(&self) -> Option<Instant> {
        self.times.last().map(|(_, at)| *at)
    }

    /// When so many had come.
    pub fn when(&self, count: usize) -> Option<Instant> {
        let at = self.times.partition_point(|(before, _)| *before < count);
        self.times.get(at).map(|(_, at)| *at)
    }

    /// Forgets all but how many there were, and when the last ones came.
    pub fn forget(&mut self) {
        self.forgotten = self.count();
        self.bytes = Vec::new();
        self.times = self.times.last().copied().into_iter().collect();
    }
}

/// What the threads share with the session.
pub(super) struct Shared {
    pub arrived: Mutex<Arrived>,
    pub emulator: Mutex<Emulator>,
    /// Something has come or is on the screen.
    pub more: Condvar,
    pub look: Mutex<Look>,
    /// Nothing is read meanwhile.
    pub stopped: AtomicBool,
}

/// The threads.
pub(super) struct Player {
    reader: JoinHandle<()>,
    answerer: JoinHandle<()>,
    stop: PipeWriter,
}

impl Player {
    pub fn start(master: &File, script: Script, shared: &Arc<Shared>) -> Self {
        let (stopped, stop) = std::io::pipe().unwrap();
        let (sender, pieces) = channel();
        let (input, output) = (master.try_clone().unwrap(), master.try_clone().unwrap());
        let (here, there) = (Arc::clone(shared), Arc::clone(shared));
        Self {
            reader: thread::spawn(move || read(input, &stopped, script.reading, &here, &sender)),
            answerer: thread::spawn(move || answer(output, script, &there, &pieces)),
            stop,
        }
    }

    /// Waits until the program has closed its end and everything is on the screen.
    pub fn join(self) {
        self.reader.join().unwrap();
        self.answerer.join().unwrap();
    }

    /// Reads no more, and closes our end.
    pub fn stop(self) {
        drop(self.stop);
        self.reader.join().unwrap();
        self.answerer.join().unwrap();
    }
}

fn read(
    mut master: File,
    stopped: &PipeReader,
    pace: Option<(usize, Duration)>,
    shared: &Shared,
    pieces: &Sender<Vec<u8>>,
) {
    let mut buffer = vec![0; 65536];
    let mut until_pause = pace.map_or(usize::MAX, |(bytes, _)| bytes);
    loop {
        while shared.stopped.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(2));
        }
        let mut ready = [PollFd::new(&master, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut ready, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Ok(_) if ready[1].revents().is_empty() => {}
            _ => return,
        }
        let most = until_pause.min(buffer.len());
        let Ok(length @ 1..) = master.read(&mut buffer[..most]) else { return };
        let now = Instant::now();
        let mut arrived = shared.arrived.lock().unwrap();
        arrived.bytes.extend_from_slice(&buffer[..length]);
        let count = arrived.count();
        arrived.times.push((count, now));
        drop(arrived);
        if pieces.send(buffer[..length].to_vec()).is_err() {
            return;
        }
        if let Some((bytes, pause)) = pace {
            until_pause -= length;
            if until_pause == 0 {
                thread::sleep(pause);
                until_pause = bytes;
            }
        }
    }
}

fn answer(mut master: File, script: Script, shared: &Shared, pieces: &Receiver<Vec<u8>>) {
    let mut answering = Answering::new(script);
    for piece in pieces {
        shared.emulator.lock().unwrap().take(&piece);
        shared.more.notify_all();
        let answers: Vec<Answer> = answering.take(&piece);
        for answer in answers {
            thread::sleep(script.delay);
            let text = answer.text(&shared.look.lock().unwrap());
            // A program that has gone needs no answer.
            let _ = master.write_all(text.as_bytes());
        }
    }
}

/// Our end of a pty and the program's.
pub(super) fn pty() -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
    (File::from(master), slave)
}

/// Tells the system how large the terminal is; the size in pixels only where the terminal tells it.
pub(super) fn set_size(slave: &OwnedFd, (cols, rows): (u16, u16), cell: Option<(u16, u16)>) {
    let (width, height) = cell.unwrap_or_default();
    let size = Winsize { ws_col: cols, ws_row: rows, ws_xpixel: cols * width, ws_ypixel: rows * height };
    tcsetwinsize(slave, size).unwrap();
}
