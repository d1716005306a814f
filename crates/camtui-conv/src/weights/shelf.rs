//! Kernels in the forms that programs want, kept in a file: the next start finds them there and packs nothing.
//!
//! The file is made of numbers of four bytes: magic, the index's length in bytes and its checksum; the index, lines of text; the
//! blocks, each at a multiple of [`ALIGNED`]. The index's first line is the label, the others say of each block where it is, how
//! long, its checksum and its key.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::Prepared;
use crate::Mapped;

/// Raised whenever a form has another order or other numbers: what earlier builds kept is then left alone.
const VERSION: u32 = 1;
/// `camtui-p`, as numbers.
const MAGIC: [u32; 2] = [u32::from_le_bytes(*b"camt"), u32::from_le_bytes(*b"ui-p")];
/// Magic, and the index's length and checksum.
const HEADER: usize = 4;
/// Numbers in a line of memory.
const ALIGNED: usize = 16;

/// Prepared kernels by name. Weights whose numbers are [named](crate::Values::called) look here before they prepare
/// anything, and leave here what they have prepared.
pub struct Shelf {
    label: String,
    held: Mutex<HashMap<String, Item>>,
    grown: AtomicBool,
}

struct Item {
    prepared: Prepared,
    /// The checksum that numbers from a file must have, until they are first asked for: what nobody asks for is not read.
    unseen: Option<u32>,
}

impl Shelf {
    /// An empty one. The label says of what model, build and instruction set the kernels are; of one line.
    pub fn new(label: &str) -> Self {
        Self {
            label: format!("{VERSION} {}", label.replace('\n', " ")),
            held: Mutex::default(),
            grown: AtomicBool::new(false),
        }
    }

    /// What [`write`](Self::write) put into a file, left there and mapped: only for files that [`Mapped::open`] may map. One with
    /// another label, or with damage in its index, is an error; a damaged kernel is prepared again.
    pub fn open(path: &Path, label: &str) -> io::Result<Self> {
        let length = std::fs::metadata(path)?.len();
        let file = Arc::new(Mapped::open(path, 0, usize::try_from(length / 4).unwrap_or(usize::MAX))?);
        let shelf = Self::new(label);
        let entries =
            entries(&file, &shelf.label).ok_or_else(|| refused("no prepared kernels of this model"))?;
        let kept = |entry: Entry| {
            let prepared = Prepared::kept(Arc::clone(&file), entry.place);
            (entry.key, Item { prepared, unseen: Some(entry.checksum) })
        };
        *shelf.held() = entries.into_iter().map(kept).collect();
        Ok(shelf)
    }

    /// Whether there is more here than in the file that was opened.
    pub fn has_grown(&self) -> bool {
        self.grown.load(Ordering::Relaxed)
    }

    /// Everything that is here.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let held = self.held();
        let mut all: Vec<(&String, &Item)> = held.iter().collect();
        all.sort_unstable_by_key(|(key, _)| key.as_str());
        // Places are told from the first block on.
        let (mut index, mut at) = (Vec::new(), 0);
        writeln!(index, "{}", self.label)?;
        for (key, Item { prepared, unseen }) in &all {
            let numbers = prepared.numbers();
            // What was damaged unseen stays so, and is told by its checksum when it is asked for.
            let checksum = unseen.unwrap_or_else(|| checksum(numbers));
            writeln!(index, "{at} {} {checksum} {key}", numbers.len())?;
            at += numbers.len().next_multiple_of(ALIGNED);
        }
        let length = u32::try_from(index.len()).map_err(io::Error::other)?;
        for number in [MAGIC[0], MAGIC[1], length, crc32fast::hash(&index)] {
            to.write_all(&number.to_le_bytes())?;
        }
        to.write_all(&index)?;
        to.write_all(&vec![0; 4 * first_block(index.len()) - 4 * HEADER - index.len()])?;
        for (_, Item { prepared, .. }) in all {
            let numbers = prepared.numbers();
            to.write_all(bytes(numbers))?;
            to.write_all(&[0; 4 * ALIGNED][..4 * (numbers.len().next_multiple_of(ALIGNED) - numbers.len())])?;
        }
        self.grown.store(false, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn get(&self, key: &str, len: usize) -> Option<Prepared> {
        let mut held = self.held();
        let item = held.get_mut(key).filter(|item| item.prepared.numbers().len() == len)?;
        if item.unseen.is_some_and(|expected| checksum(item.prepared.numbers()) != expected) {
            return None;
        }
        item.unseen = None;
        Some(item.prepared.clone())
    }

    pub(super) fn put(&self, key: String, prepared: Prepared) {
        self.held().insert(key, Item { prepared, unseen: None });
        self.grown.store(true, Ordering::Relaxed);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Item>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shelf({})", self.label)
    }
}

struct Entry {
    key: String,
    place: Range<usize>,
    checksum: u32,
}

/// What a file's index says, if all of it can be.
fn entries(file: &Mapped, label: &str) -> Option<Vec<Entry>> {
    let numbers = file.as_ref();
    let header: [u32; HEADER] =
        std::array::from_fn(|at| numbers.get(at).map_or(0, |number| number.to_bits()));
    let index = bytes(numbers).get(4 * HEADER..)?.get(..header[2] as usize)?;
    if header[..2] != MAGIC || header[3] != crc32fast::hash(index) {
        return None;
    }
    let mut lines = std::str::from_utf8(index).ok()?.lines();
    if lines.next()? != label {
        return None;
    }
    let first = first_block(index.len());
    let entry = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let mut number = || words.next()?.parse::<usize>().ok();
        let (at, len, checksum) = (number()?, number()?, number()?);
        let at = first.checked_add(at).filter(|at| at.is_multiple_of(ALIGNED))?;
        let place = at..at.checked_add(len).filter(|&end| end <= numbers.len())?;
        Some(Entry { key: words.next()?.to_owned(), place, checksum: u32::try_from(checksum).ok()? })
    };
    lines.map(entry).collect()
}

/// Where the first block is, after an index of so many bytes.
fn first_block(index: usize) -> usize {
    (HEADER + index.div_ceil(4)).next_multiple_of(ALIGNED)
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

/// Of their bytes.
pub(super) fn checksum(numbers: &[f32]) -> u32 {
    const PART: usize = 1 << 20;
    let parts: Vec<crc32fast::Hasher> = bytes(numbers)
        .par_chunks(PART)
        .map(|part| {
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(part);
            hasher
        })
        .collect();
    let mut whole = crc32fast::Hasher::new();
    for part in &parts {
        whole.combine(part);
    }
    whole.finalize()
}

fn bytes(numbers: &[f32]) -> &[u8] {
    // SAFETY: each number is four bytes, any of which may be read.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}
