//! Looks into a library file without loading it: loading alone would run its initialisers.
//!
//! The entry's function pointers are filled in by the loader, but its first fields are plain data in the
//! file, so magic, version and size can be judged here, before any of the library's code runs.

use std::fs::File;
use std::path::Path;

use camtui_plugin::abi;
use object::read::macho::{FatArch, MachOFatFile32, MachOFatFile64};
use object::read::{ExportTarget, NameOrOrdinal};
use object::{Architecture, BinaryFormat, FileKind, Object, ObjectKind, ObjectSegment, ReadCache, ReadRef};

/// The first fields of an entry: the same in every version.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    magic: [u8; 8],
    /// Major version the library was built for.
    pub abi_major: u32,
    /// Minor version the library was built for.
    pub abi_minor: u32,
    /// Size of the whole entry in bytes.
    pub size: u32,
    reserved: u32,
}

/// Why a file cannot be a plugin for this program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// No bytes.
    #[error("it is an empty file")]
    Empty,
    /// No library at all.
    #[error("it is not a shared library")]
    NotALibrary,
    /// A library for another system.
    #[error("it is a library in {found} format, and this system loads {expected}")]
    WrongFormat {
        /// Of the file.
        found: &'static str,
        /// Of this system.
        expected: &'static str,
    },
    /// A library for another processor.
    #[error("it is built for {found}, and this camtui runs on {expected}; build it for this machine")]
    WrongArchitecture {
        /// Of the file.
        found: String,
        /// Of this process.
        expected: &'static str,
    },
    /// It ends before what its own tables point to.
    #[error("it is cut short or damaged")]
    Damaged,
    /// A library, but no plugin.
    #[error("it is a library but no camtui plugin: it exports no data symbol `camtui_plugin_entry`")]
    NoEntry,
    /// The symbol is there and is something else.
    #[error("its `camtui_plugin_entry` does not begin with the camtui magic")]
    WrongMagic,
    /// Another major version.
    #[error(
        "it is built for plugin interface {found}, this camtui speaks {}; {}", abi::ABI_MAJOR,
        if *found > abi::ABI_MAJOR { "update camtui" } else { "build it anew with this camtui's SDK" }
    )]
    WrongMajor {
        /// Of the library.
        found: u32,
    },
    /// The entry is smaller than in any version.
    #[error(
        "its entry says that it is {found} bytes, where interface {} has at least {expected}",
        abi::ABI_MAJOR
    )]
    TooSmall {
        /// What `size` says.
        found: u32,
        /// Our own.
        expected: usize,
    },
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        Some(Self {
            magic: bytes.get(..8)?.try_into().ok()?,
            abi_major: number(8)?,
            abi_minor: number(12)?,
            size: number(16)?,
            reserved: number(20)?,
        })
    }

    /// Whether a library with this entry can be used.
    pub fn check(self) -> Result<(), InspectError> {
        let expected = size_of::<abi::Entry>();
        if self.magic != abi::MAGIC {
            Err(InspectError::WrongMagic)
        } else if self.abi_major != abi::ABI_MAJOR {
            Err(InspectError::WrongMajor { found: self.abi_major })
        } else if (self.size as usize) < expected {
            Err(InspectError::TooSmall { found: self.size, expected })
        } else {
            Ok(())
        }
    }
}

/// Reads and checks the entry of the library at `path`, without running any of its code.
pub fn inspect(path: &Path) -> Result<Head, InspectError> {
    let unreadable = |error: std::io::Error| InspectError::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() == 0 {
        return Err(InspectError::Empty);
    }
    let cache = ReadCache::new(file);
    let kind = FileKind::parse(&cache).map_err(|_| InspectError::NotALibrary)?;
    let head = match kind {
        FileKind::MachOFat32 => {
            let fat = MachOFatFile32::parse(&cache).map_err(|_| InspectError::Damaged)?;
            slice(fat.arches(), &cache)?
        }
        FileKind::MachOFat64 => {
            let fat = MachOFatFile64::parse(&cache).map_err(|_| InspectError::Damaged)?;
            slice(fat.arches(), &cache)?
        }
        FileKind::Elf32
        | FileKind::Elf64
        | FileKind::MachO32
        | FileKind::MachO64
        | FileKind::Pe32
        | FileKind::Pe64 => head(&cache)?,
        _ => return Err(InspectError::NotALibrary),
    };
    head.check()?;
    Ok(head)
}

/// Of a macOS universal file, the part for this processor.
fn slice<A: FatArch>(arches: &[A], file: &ReadCache<File>) -> Result<Head, InspectError> {
    let part = arches.iter().find(|a| a.architecture() == ARCHITECTURE).ok_or_else(|| {
        let found: Vec<String> = arches.iter().map(|a| format!("{:?}", a.architecture())).collect();
        InspectError::WrongArchitecture { found: found.join(" and "), expected: std::env::consts::ARCH }
    })?;
    let (offset, size) = part.file_range();
    head(file.range(offset, size))
}

fn head<'data>(data: impl ReadRef<'data>) -> Result<Head, InspectError> {
    let damaged = |_| InspectError::Damaged;
    let library = object::File::parse(data).map_err(damaged)?;
    if library.format() != FORMAT {
        return Err(InspectError::WrongFormat { found: title(library.format()), expected: title(FORMAT) });
    }
    let same_width = library.is_64() == cfg!(target_pointer_width = "64");
    let same_endian = library.is_little_endian() == cfg!(target_endian = "little");
    if library.architecture() != ARCHITECTURE || !same_width || !same_endian {
        let mut found = format!("{:?}", library.architecture());
        if !same_width {
            found.push_str(if library.is_64() { " (64 bit)" } else { " (32 bit)" });
        }
        return Err(InspectError::WrongArchitecture { found, expected: std::env::consts::ARCH });
    }
    if !matches!(library.kind(), ObjectKind::Dynamic | ObjectKind::Executable) {
        return Err(InspectError::NotALibrary);
    }
    let length = data.len().map_err(|()| InspectError::Damaged)?;
    for segment in library.segments() {
        let (offset, size) = segment.file_range();
        // A loader that maps past the end is killed by the system on the first touch.
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(InspectError::Damaged);
        }
    }
    let address = library
        .exports()
        .map_err(damaged)?
        .filter_map(Result::ok)
        .find_map(|export| match (export.name(), export.target()) {
            (NameOrOrdinal::Name(name), ExportTarget::Address { address }) if is_entry(name) => Some(address),
            _ => None,
        })
        .ok_or(InspectError::NoEntry)?;
    let bytes = library
        .segments()
        .find_map(|s| s.data_range(address, size_of::<Head>() as u64).ok().flatten())
        // Known to the loader but not in the file: zeros, or the end of a segment.
        .ok_or(InspectError::WrongMagic)?;
    Head::read(bytes).ok_or(InspectError::WrongMagic)
}

/// Mach-O puts an underscore before every C name.
fn is_entry(name: &[u8]) -> bool {
    name == abi::ENTRY_SYMBOL.as_bytes() || name.strip_prefix(b"_") == Some(abi::ENTRY_SYMBOL.as_bytes())
}

fn title(format: BinaryFormat) -> &'static str {
    match format {
        BinaryFormat::Elf => "Linux (ELF)",
        BinaryFormat::MachO => "macOS (Mach-O)",
        BinaryFormat::Pe => "Windows (PE)",
        _ => "an unknown",
    }
}

const FORMAT: BinaryFormat = if cfg!(target_vendor = "apple") {
    BinaryFormat::MachO
} else if cfg!(windows) {
    BinaryFormat::Pe
} else {
    BinaryFormat::Elf
};

const ARCHITECTURE: Architecture = if cfg!(target_arch = "x86_64") {
    Architecture::X86_64
} else if cfg!(target_arch = "aarch64") {
    Architecture::Aarch64
} else if cfg!(target_arch = "x86") {
    Architecture::I386
} else if cfg!(target_arch = "arm") {
    Architecture::Arm
} else if cfg!(any(target_arch = "riscv64", target_arch = "riscv32")) {
    if cfg!(target_pointer_width = "64") { Architecture::Riscv64 } else { Architecture::Riscv32 }
} else if cfg!(target_arch = "loongarch64") {
    Architecture::LoongArch64
} else if cfg!(target_arch = "powerpc64") {
    Architecture::PowerPc64
} else if cfg!(target_arch = "s390x") {
    Architecture::S390x
} else {
    Architecture::Unknown
};
