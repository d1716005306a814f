//! Shuts the doors that an explainer never needs, in the process that is about to load its library.
//!
//! An explainer reads what its session gives it and computes. So before the first line of a foreign library
//! runs, the thread that will run it gives up the rest, for itself and for every thread that it starts, and
//! nothing can give it back: two Linux interfaces are used, [`files`] (Landlock) and [`calls`] (seccomp).
//! What a kernel is too old for stays open; [`Confined`] says what was shut, and is what the program tells
//! its user. On other systems nothing is.
//!
//! It is no proof against malice: a kernel's own faults, what the processor leaks, and the map itself, in
//! which a library may hide what it has read, are out of its reach.

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little"
))]
mod calls;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little"
))]
mod files;

use std::path::Path;

/// A door that can be shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Closed {
    /// Files other than the library's own folder's and the system's cannot be read: not the user's, not the
    /// pictures.
    Reading = 1,
    /// No file can be written, made, moved, removed or given other rights.
    Writing = 2,
    /// No program and no other process can be started.
    Programs = 4,
    /// No socket can be made or connected.
    Network = 8,
    /// No signal reaches another process, and none can be looked into.
    Signals = 16,
    /// Mounts, resource limits, keys, clocks, kernel modules and tracing are out of reach.
    Kernel = 32,
}

impl Closed {
    /// All doors, in the order in which they are told.
    pub const ALL: [Self; 6] =
        [Self::Reading, Self::Writing, Self::Programs, Self::Network, Self::Signals, Self::Kernel];

    /// What a confined library cannot do, as words in a list.
    pub fn words(self) -> &'static str {
        match self {
            Self::Reading => "reading the user's files",
            Self::Writing => "writing files",
            Self::Programs => "starting programs",
            Self::Network => "the network",
            Self::Signals => "other processes",
            Self::Kernel => "the kernel's settings",
        }
    }
}

/// What could be shut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confined {
    bits: u8,
}

impl Confined {
    /// Nothing: another system, or a kernel without either interface.
    pub const fn nothing() -> Self {
        Self { bits: 0 }
    }

    /// Whether that door is shut.
    pub fn closes(self, door: Closed) -> bool {
        self.bits & door as u8 != 0
    }

    /// The doors that are shut.
    pub fn closed(self) -> impl Iterator<Item = Closed> {
        Closed::ALL.into_iter().filter(move |door| self.closes(*door))
    }

    /// The doors that stay open.
    pub fn open(self) -> impl Iterator<Item = Closed> {
        Closed::ALL.into_iter().filter(move |door| !self.closes(*door))
    }

    /// One bit a door, to be sent from the confined process to the one that asks.
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// From [`Self::bits`]; bits of no door are dropped.
    pub fn from_bits(bits: u8) -> Self {
        Closed::ALL
            .into_iter()
            .filter(|door| bits & *door as u8 != 0)
            .fold(Self::nothing(), |all, door| Self { bits: all.bits | door as u8 })
    }

    /// What [`confine`] can shut on this machine. A thread of its own tries it and ends.
    pub fn possible() -> Self {
        std::thread::spawn(|| confine(Path::new("/"))).join().unwrap_or_default()
    }
}

/// `the network, other processes`, or `nothing`.
impl std::fmt::Display for Confined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> = self.closed().map(Closed::words).collect();
        f.write_str(&if words.is_empty() { "nothing".into() } else { words.join(", ") })
    }
}

/// Shuts what can be shut for the calling thread and all that it starts from now on; call it before the
/// process has other threads, and just before `library` (absolute and canonical) is opened. It cannot be
/// undone.
///
/// What stays possible: memory, threads, time, random bytes, descriptors that are open, and reading the
/// library's own folder and the system's libraries. A library that lies directly in the home folder, above
/// it, or in a shared folder such as `/tmp` keeps itself only.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little"
))]
pub fn confine(library: &Path) -> Confined {
    shut(library, true)
}

/// Shuts nothing: there is no interface for it that is used here.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little"
)))]
pub fn confine(_library: &Path) -> Confined {
    Confined::nothing()
}

/// [`confine`], on a kernel with or without Landlock.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little"
))]
fn shut(library: &Path, landlock: bool) -> Confined {
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
    let by_files = landlock && files::shut(library, home.as_deref());
    // Rules for files come first: making them opens folders.
    let by_calls = calls::shut(!by_files);
    let mut bits = 0;
    if by_files {
        bits |= Closed::Reading as u8;
    }
    if by_calls {
        bits |= Closed::Writing as u8
            | Closed::Programs as u8
            | Closed::Network as u8
            | Closed::Signals as u8
            | Closed::Kernel as u8;
    }
    Confined { bits }
}

#[cfg(all(
    test,
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little"
))]
mod tests;
