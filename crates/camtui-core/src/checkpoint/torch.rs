//! The two containers of PyTorch checkpoints, and the state dict inside them.
//!
//! Today's is a zip: `ROOT/data.pkl` and one stored, uncompressed entry `ROOT/data/KEY` a storage. The one before
//! PyTorch 1.6 is a sequence: a magic number, a version, facts about the machine, the pickle, the storages' keys, then
//! each storage as its count and its numbers.

use std::{
    collections::HashMap,
    io::{self, Cursor, Read},
};

use zip::{CompressionMethod, ZipArchive};

use super::{
    Problem,
    pickle::{Machine, Value},
};
use crate::Tensor;

/// Under which keys training scripts put the state dict in a larger dictionary.
const WRAPPERS: [&str; 4] = ["state_dict", "model_state_dict", "model", "net"];

/// What wrappers around a model put before every name.
const PREFIXES: [&str; 2] = ["module.", "_orig_mod."];

/// The old form's first value.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;

/// So many times the file's bytes may its tensors' values number: shared storages are counted once each time.
const INFLATION: u128 = 4;

/// Reads the zip form.
pub fn read_zip(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, Problem> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    let root = archive
        .file_names()
        .filter_map(|name| name.strip_suffix("data.pkl"))
        .filter(|root| root.is_empty() || root.ends_with('/'))
        .min_by_key(|root| root.len())
        .map(str::to_owned);
    let Some(root) = root else {
        let torchscript = archive.file_names().any(|name| name.ends_with("constants.pkl"));
        return Err(Problem::NoTensors(
            if torchscript { "it is a TorchScript program" } else { "the zip has no data.pkl" }.into(),
        ));
    };
    let order = entry(&mut archive, bytes, &format!("{root}byteorder"))?;
    if order.is_some_and(|order| order.starts_with(b"big")) {
        return Err(Problem::BigEndian);
    }
    let pickle = entry(&mut archive, bytes, &format!("{root}data.pkl"))?
        .ok_or_else(|| Problem::Damaged("its zip lists data.pkl but does not hold it".into()))?;
    let mut machine = Machine::new(pickle);
    let top = machine.load()?;
    let mut storages: HashMap<String, &[u8]> = HashMap::new();
    tensors(&machine, top, bytes.len(), |key| {
        if let Some(&stored) = storages.get(key) {
            return Ok(stored);
        }
        let name = format!("{root}data/{key}");
        let stored = entry(&mut archive, bytes, &name)?
            .ok_or_else(|| Problem::Damaged(format!("the zip lacks its entry {}", name.escape_debug())))?;
        storages.insert(key.to_owned(), stored);
        Ok(stored)
    })
}

/// The bytes of an entry where they lie in the file, once their checksum has been found right.
fn entry<'a>(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    bytes: &'a [u8],
    name: &str,
) -> Result<Option<&'a [u8]>, Problem> {
    let Some(index) = archive.index_for_name(name) else { return Ok(None) };
    let shown = name.escape_debug();
    let raw = archive.by_index_raw(index).map_err(|error| broken(&error))?;
    if raw.compression() != CompressionMethod::Stored || raw.encrypted() {
        return Err(Problem::OldForm("its zip is compressed or encrypted, which PyTorch's own never is"));
    }
    let range = raw.data_start().and_then(|start| Some((start, start.checked_add(raw.size())?)));
    drop(raw);
    let stored = range
        .and_then(|(start, end)| bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?))
        .ok_or_else(|| Problem::Damaged(format!("its zip entry {shown} lies outside the file")))?;
    let mut file = archive.by_index(index).map_err(|error| broken(&error))?;
    let read = io::copy(&mut file.by_ref().take(stored.len() as u64 + 1), &mut io::sink())
        .map_err(|error| Problem::Damaged(format!("its zip entry {shown}: {error}")))?;
    if read != stored.len() as u64 {
        return Err(Problem::Damaged(format!("its zip entry {shown} is cut short")));
    }
    Ok(Some(stored))
}

fn broken(error: &zip::result::ZipError) -> Problem {
    Problem::Damaged(format!("its zip cannot be read: {error}"))
}

/// Reads the form before PyTorch 1.6.
pub fn read_legacy(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, Problem> {
    let mut machine = Machine::new(bytes);
    if machine.load()? != Value::Int(MAGIC) {
        return Err(Problem::NoTensors("it is a pickle, but not one that torch.save wrote".into()));
    }
    machine.load()?;
    let facts = machine.load()?;
    let big = machine
        .dict(facts)
        .unwrap_or_default()
        .iter()
        .any(|&(key, value)| machine.text(key) == Some("little_endian") && value == Value::Bool(false));
    if big {
        return Err(Problem::BigEndian);
    }
    let top = machine.load()?;
    let keys = machine.load()?;
    let keys: Vec<&str> =
        machine.sequence(keys).unwrap_or_default().iter().filter_map(|&key| machine.text(key)).collect();

    let sizes: HashMap<&str, usize> = machine
        .storages()
        .iter()
        .map(|storage| (storage.key.as_str(), storage.element.map_or(0, super::element::Element::size)))
        .collect();
    let mut storages: HashMap<&str, &[u8]> = HashMap::new();
    let mut rest = &bytes[machine.position()..];
    for key in keys {
        let cut = || Problem::Damaged(format!("it ends within the storage {}", key.escape_debug()));
        let (count, numbers) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let size = match sizes.get(key) {
            Some(0) => return Err(Problem::OldForm("it holds numbers that are neither float nor int")),
            Some(&size) => size,
            None => return Err(Problem::Damaged(format!("nothing uses the storage {}", key.escape_debug()))),
        };
        let length =
            usize::try_from(u64::from_le_bytes(*count)).ok().and_then(|count| count.checked_mul(size));
        let (stored, behind) = length.and_then(|length| numbers.split_at_checked(length)).ok_or_else(cut)?;
        storages.insert(key, stored);
        rest = behind;
    }
    tensors(&machine, top, bytes.len(), |key| {
        storages
            .get(key)
            .copied()
            .ok_or_else(|| Problem::Damaged(format!("it lacks the storage {}", key.escape_debug())))
    })
}

/// The tensors of the state dict that `top` is or contains, by name.
fn tensors<'a>(
    machine: &Machine,
    top: Value,
    file: usize,
    mut stored: impl FnMut(&str) -> Result<&'a [u8], Problem>,
) -> Result<Vec<(String, Tensor)>, Problem> {
    let named = named_tensors(machine, state_dict(machine, top)?);
    let claimed = named.iter().fold(0u128, |sum, (_, tensor)| sum.saturating_add(tensor.view.count()));
    if claimed > INFLATION * file as u128 {
        return Err(Problem::Inflated(claimed, file));
    }
    let prefix = PREFIXES.iter().find(|prefix| named.iter().all(|(name, _)| name.starts_with(**prefix)));
    named
        .into_iter()
        .map(|(name, tensor)| {
            let storage = machine.storage(tensor.storage);
            let Some(element) = storage.element else {
                return Err(Problem::Kind {
                    name: name.escape_debug().to_string(),
                    kind: storage.kind.into(),
                });
            };
            let bytes = stored(&storage.key)?;
            let bytes =
                storage.count.checked_mul(element.size()).and_then(|length| bytes.get(..length)).ok_or_else(
                    || Problem::Damaged(format!("the storage {} is cut short", storage.key.escape_debug())),
                )?;
            let name = prefix.map_or(name, |prefix| &name[prefix.len()..]);
            Ok((name.to_owned(), tensor.view.take(element, bytes)?))
        })
        .collect()
}

/// The dictionary with tensors in it: `top` itself, or what it holds under one of the [`WRAPPERS`], a few deep.
fn state_dict<'m>(machine: &'m Machine, top: Value) -> Result<&'m [(Value, Value)], Problem> {
    let mut value = top;
    for _ in 0..WRAPPERS.len() {
        let Some(items) = machine.dict(value) else { break };
        if items.iter().any(|&(_, item)| machine.tensor(item).is_some()) {
            return Ok(items);
        }
        let inner = WRAPPERS.iter().find_map(|wrapper| {
            items
                .iter()
                .find(|&&(key, item)| machine.text(key) == Some(wrapper) && machine.dict(item).is_some())
        });
        match inner {
            Some(&(_, item)) => value = item,
            None => break,
        }
    }
    let keys: Vec<String> = machine
        .dict(top)
        .unwrap_or_default()
        .iter()
        .filter_map(|&(key, _)| machine.text(key))
        .take(8)
        .map(|key| key.escape_debug().take(40).collect())
        .collect();
    Err(Problem::NoTensors(match (machine.dict(top), keys.is_empty()) {
        (None, _) => "what was saved is no dictionary".into(),
        (Some(_), true) => "the dictionary that was saved is empty".into(),
        (Some(_), false) => format!("the dictionary that was saved has {}, and no tensors", keys.join(", ")),
    }))
}

fn named_tensors<'m>(
    machine: &'m Machine,
    items: &'m [(Value, Value)],
) -> Vec<(&'m str, &'m super::pickle::TensorView)> {
    items.iter().filter_map(|&(key, item)| Some((machine.text(key)?, machine.tensor(item)?))).collect()
}
