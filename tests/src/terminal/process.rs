//! A running process as the system sees it: processor time, threads, open files, memory. Linux tells it in `/proc`.

use std::fs;
use std::time::Duration;

/// One tick of processor time in `/proc`: 100 of them make a second on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// A process by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// All processes that have loaded this file, or the copy of it that a session works with, and still run, whoever
    /// started them. A copy is known by its name only, which must be the library's own.
    pub fn all_that_loaded(file: &std::path::Path) -> Vec<Self> {
        let name = format!("/{}", file.file_name().and_then(|name| name.to_str()).unwrap());
        let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let process = Self(entry.ok()?.file_name().to_str()?.parse().ok()?);
            let maps = fs::read(process.path("maps")).ok()?;
            let maps = String::from_utf8_lossy(&maps);
            let loaded = maps.lines().any(|line| line.ends_with(&name));
            (loaded && !process.has_ended()).then_some(process)
        });
        numbers.collect()
    }

    /// Processor time of all its threads, in user and system mode, to a hundredth of a second; `None` where it has gone.
    pub fn cpu(self) -> Option<Duration> {
        let stat = self.read("stat")?;
        // The name may contain anything, so count from the parenthesis that ends it: the state is the next field.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks: u32 = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
        Some(TICK * ticks)
    }

    /// How many threads it has.
    pub fn threads(self) -> Option<usize> {
        Some(fs::read_dir(self.path("task")).ok()?.count())
    }

    /// How many files, sockets and pipes it has open.
    pub fn files(self) -> Option<usize> {
        Some(fs::read_dir(self.path("fd")).ok()?.count())
    }

    /// Memory that it occupies, in bytes.
    pub fn memory(self) -> Option<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    }

    /// Whether it has ended and nobody has asked how.
    pub fn has_ended(self) -> bool {
        self.state().is_none_or(|state| state == 'Z')
    }

    /// Whether a signal has stopped it.
    pub fn is_stopped(self) -> bool {
        self.state() == Some('T')
    }

    /// The letter for what it is doing.
    fn state(self) -> Option<char> {
        self.read("stat")?.rsplit_once(')')?.1.trim_start().chars().next()
    }

    fn path(self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0)
    }

    fn read(self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_known() {
        let own = Process(std::process::id());
        let before = own.cpu().unwrap();
        let begun = std::time::Instant::now();
        let mut value = 1_u64;
        while begun.elapsed() < Duration::from_millis(300) {
            value = std::hint::black_box(value.wrapping_mul(3));
        }
        let spent = own.cpu().unwrap().saturating_sub(before);
        assert!(spent >= Duration::from_millis(20), "{spent:?}");
        let (threads, files) = (own.threads().unwrap(), own.files().unwrap());
        let _file = fs::File::open("/dev/null").unwrap();
        // Other tests run in threads of the same process and open files as well.
        assert!(threads >= 1 && files >= 3);
        assert!(own.memory().unwrap() > 1 << 20);
        assert!(!own.has_ended() && Process(u32::MAX).has_ended());
    }
}
