//! Python's pickle machine, reduced to what builds a dictionary of tensors.
//!
//! The machine never calls anything. `GLOBAL` may name only what [`Name::find`] knows, and `REDUCE` understands only
//! that. Objects live in one arena and values are indices into it, so neither cycles nor deep nesting in a hostile file
//! can leak memory or overflow the stack. A pickle of n bytes makes at most n objects.

use std::collections::HashMap;

use super::{
    Problem,
    element::{Element, View},
    names::{Name, instruction_name},
};

/// The instruction that every pickle of protocol 2 or later begins with.
pub const PROTO: u8 = 0x80;

/// A value on the machine's stack; what is not a plain number is an index into the arena.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i128),
    Float,
    Text(usize),
    /// A tuple or list.
    Sequence(usize),
    Dict(usize),
    Name(Name),
    Storage(usize),
    Tensor(usize),
}

/// A run of numbers that the pickle refers to and the container holds.
#[derive(Clone, Debug)]
pub struct Storage {
    pub key: String,
    /// What it is made of, in PyTorch's word.
    pub kind: &'static str,
    /// The same, where it can be read.
    pub element: Option<Element>,
    pub count: usize,
}

/// A view on a storage (an index for [`Machine::storage`]).
#[derive(Clone, Debug)]
pub struct TensorView {
    pub storage: usize,
    pub view: View,
}

/// The machine: instructions in, an arena of objects out.
#[derive(Debug)]
pub struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    texts: Vec<String>,
    sequences: Vec<Vec<Value>>,
    dicts: Vec<Vec<(Value, Value)>>,
    storages: Vec<Storage>,
    tensors: Vec<TensorView>,
}

impl<'a> Machine<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            stack: vec![],
            marks: vec![],
            memo: HashMap::new(),
            texts: vec![],
            sequences: vec![],
            dicts: vec![],
            storages: vec![],
            tensors: vec![],
        }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> usize {
        self.at
    }

    pub fn text(&self, value: Value) -> Option<&str> {
        if let Value::Text(at) = value { Some(&self.texts[at]) } else { None }
    }

    pub fn sequence(&self, value: Value) -> Option<&[Value]> {
        if let Value::Sequence(at) = value { Some(&self.sequences[at]) } else { None }
    }

    pub fn dict(&self, value: Value) -> Option<&[(Value, Value)]> {
        if let Value::Dict(at) = value { Some(&self.dicts[at]) } else { None }
    }

    pub fn tensor(&self, value: Value) -> Option<&TensorView> {
        if let Value::Tensor(at) = value { Some(&self.tensors[at]) } else { None }
    }

    pub fn storage(&self, at: usize) -> &Storage {
        &self.storages[at]
    }

    /// Every storage referred to so far.
    pub fn storages(&self) -> &[Storage] {
        &self.storages
    }

    /// Reads one pickle to its end and returns its value. The next call goes on with the bytes behind it.
    pub fn load(&mut self) -> Result<Value, Problem> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        loop {
            let at = self.at;
            let [instruction] = self.take()?;
            if instruction == b'.' {
                return self.pop();
            }
            self.step(instruction, at)?;
        }
    }

    fn step(&mut self, instruction: u8, at: usize) -> Result<(), Problem> {
        match instruction {
            PROTO => self.skip(1)?,
            0x95 => self.skip(8)?,
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.stack.push(Value::None),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            b'J' => self.number(i32::from_le_bytes)?,
            b'K' => self.number(u8::from_le_bytes)?,
            b'M' => self.number(u16::from_le_bytes)?,
            0x8a => self.long()?,
            b'G' => {
                self.skip(8)?;
                self.stack.push(Value::Float);
            }
            b'X' | b'T' => {
                let length = u32::from_le_bytes(self.take()?);
                self.push_text(length as usize)?;
            }
            0x8c | b'U' => {
                let [length] = self.take()?;
                self.push_text(length as usize)?;
            }
            b')' | b']' => self.push_sequence(vec![]),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_sequence(items);
            }
            0x85..=0x87 => {
                let mut items = vec![];
                for _ in 0..=instruction - 0x85 {
                    items.push(self.pop()?);
                }
                items.reverse();
                self.push_sequence(items);
            }
            b'}' => self.push_dict(vec![]),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            b'q' => {
                let [key] = self.take()?;
                self.remember(u32::from(key))?;
            }
            b'r' => {
                let key = u32::from_le_bytes(self.take()?);
                self.remember(key)?;
            }
            0x94 => self.remember(self.memo.len() as u32)?,
            b'h' => {
                let [key] = self.take()?;
                self.recall(u32::from(key))?;
            }
            b'j' => {
                let key = u32::from_le_bytes(self.take()?);
                self.recall(key)?;
            }
            b'c' | b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let name = Name::find(module, name)?;
                if instruction == b'i' {
                    return Err(Problem::Instruction("INST".into(), at));
                }
                self.stack.push(Value::Name(name));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.text(module), self.text(name)) else {
                    return Err(damaged("STACK_GLOBAL without a name", at));
                };
                let name = Name::find(module, name)?;
                self.stack.push(Value::Name(name));
            }
            b'Q' => self.persistent(at)?,
            b'R' => self.reduce(at)?,
            b'b' => {
                // The state of an OrderedDict is its `_metadata`: nothing that the tensors need.
                self.pop()?;
                if !matches!(self.stack.last(), Some(Value::Dict(_))) {
                    return Err(Problem::Instruction("BUILD on something that is no dictionary".into(), at));
                }
            }
            other => return Err(Problem::Instruction(instruction_name(other), at)),
        }
        Ok(())
    }

    fn reduce(&mut self, at: usize) -> Result<(), Problem> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let arguments =
            self.sequence(arguments).ok_or_else(|| damaged("REDUCE without arguments", at))?.to_vec();
        let Value::Name(name) = callable else {
            return Err(Problem::Instruction("REDUCE on something that is no name".into(), at));
        };
        match (name, &arguments[..]) {
            (Name::OrderedDict, []) => self.push_dict(vec![]),
            (Name::OrderedDict, &[pairs]) => {
                let pairs = self.sequence(pairs).ok_or_else(|| damaged("OrderedDict of no pairs", at))?;
                let pairs = pairs.iter().map(|&pair| match self.sequence(pair) {
                    Some(&[key, value]) => Ok((key, value)),
                    _ => Err(damaged("OrderedDict of no pairs", at)),
                });
                let pairs = pairs.collect::<Result<_, _>>()?;
                self.push_dict(pairs);
            }
            (
                Name::RebuildTensor | Name::RebuildTensorV2,
                &[Value::Storage(storage), offset, shape, stride, ..],
            ) => {
                let view = View {
                    offset: extent(offset).ok_or_else(|| damaged("a tensor with a negative offset", at))?,
                    shape: self.extents(shape, at)?,
                    stride: self.extents(stride, at)?,
                };
                self.stack.push(Value::Tensor(self.tensors.len()));
                self.tensors.push(TensorView { storage, view });
            }
            (Name::RebuildParameter, &[tensor @ Value::Tensor(_), ..]) => self.stack.push(tensor),
            (name, _) => {
                return Err(damaged(&format!("{name:?} with other arguments than PyTorch gives it"), at));
            }
        }
        Ok(())
    }

    /// `("storage", type, key, location, count)`, in the old form with a sixth item for views, which is `None`.
    fn persistent(&mut self, at: usize) -> Result<(), Problem> {
        let id = self.pop()?;
        let items = self.sequence(id).unwrap_or_default();
        let storage = match *items {
            [word, Value::Name(Name::Storage(kind, element)), key, _, count]
            | [word, Value::Name(Name::Storage(kind, element)), key, _, count, Value::None]
                if self.text(word) == Some("storage") =>
            {
                let key = self.text(key).ok_or_else(|| damaged("a storage without a key", at))?.to_owned();
                let count = extent(count).ok_or_else(|| damaged("a storage without a size", at))?;
                Storage { key, kind, element, count }
            }
            [_, Value::Name(Name::Storage(..)), _, _, _, _] => {
                return Err(Problem::OldForm(
                    "its tensors are views on views, as PyTorch wrote them before version 0.4",
                ));
            }
            _ => return Err(damaged("a reference to something that is no storage", at)),
        };
        self.stack.push(Value::Storage(self.storages.len()));
        self.storages.push(storage);
        Ok(())
    }

    fn extents(&self, value: Value, at: usize) -> Result<Vec<usize>, Problem> {
        self.sequence(value)
            .and_then(|items| items.iter().map(|&item| extent(item)).collect())
            .ok_or_else(|| damaged("a tensor whose shape is no list of sizes", at))
    }

    fn number<const N: usize, T: Into<i128>>(&mut self, read: fn([u8; N]) -> T) -> Result<(), Problem> {
        let value = read(self.take()?).into();
        self.stack.push(Value::Int(value));
        Ok(())
    }

    /// An integer of any length; longer than 15 bytes is nothing a checkpoint has.
    fn long(&mut self) -> Result<(), Problem> {
        let at = self.at;
        let [length] = self.take()?;
        let bytes = self.slice(usize::from(length))?;
        if bytes.len() > 15 {
            return Err(Problem::Instruction(format!("LONG1 of {length} bytes"), at - 1));
        }
        let fill = if bytes.last().is_some_and(|&top| top >= 0x80) { 0xff } else { 0 };
        let mut wide = [fill; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        self.stack.push(Value::Int(i128::from_le_bytes(wide)));
        Ok(())
    }

    fn push_text(&mut self, length: usize) -> Result<(), Problem> {
        let at = self.at;
        let text =
            std::str::from_utf8(self.slice(length)?).map_err(|_| damaged("text that is not UTF-8", at))?;
        self.stack.push(Value::Text(self.texts.len()));
        self.texts.push(text.to_owned());
        Ok(())
    }

    fn push_sequence(&mut self, items: Vec<Value>) {
        self.stack.push(Value::Sequence(self.sequences.len()));
        self.sequences.push(items);
    }

    fn push_dict(&mut self, items: Vec<(Value, Value)>) {
        self.stack.push(Value::Dict(self.dicts.len()));
        self.dicts.push(items);
    }

    fn set_items(&mut self, items: &[Value]) -> Result<(), Problem> {
        let (pairs, rest) = items.as_chunks::<2>();
        match self.stack.last() {
            Some(&Value::Dict(dict)) if rest.is_empty() => {
                self.dicts[dict].extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            _ => Err(damaged("SETITEMS without a dictionary", self.at)),
        }
    }

    fn append(&mut self, items: &[Value]) -> Result<(), Problem> {
        match self.stack.last() {
            Some(&Value::Sequence(list)) => {
                self.sequences[list].extend_from_slice(items);
                Ok(())
            }
            _ => Err(damaged("APPENDS without a list", self.at)),
        }
    }

    fn remember(&mut self, key: u32) -> Result<(), Problem> {
        let &value = self.stack.last().ok_or_else(|| damaged("nothing to remember", self.at))?;
        self.memo.insert(key, value);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<(), Problem> {
        let &value = self.memo.get(&key).ok_or_else(|| damaged("a reference to nothing", self.at))?;
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value, Problem> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(damaged("an empty stack", self.at));
        }
        Ok(self.stack.pop().expect("longer than its floor"))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, Problem> {
        let mark = self.marks.pop().ok_or_else(|| damaged("no mark", self.at))?;
        Ok(self.stack.split_off(mark))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let chunk = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk).ok_or_else(|| ended(self.at))?;
        self.at += N;
        Ok(*chunk)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], Problem> {
        let slice = self.bytes[self.at..].get(..length).ok_or_else(|| ended(self.at))?;
        self.at += length;
        Ok(slice)
    }

    fn skip(&mut self, length: usize) -> Result<(), Problem> {
        self.slice(length).map(|_| ())
    }

    fn line(&mut self) -> Result<&'a str, Problem> {
        let at = self.at;
        let length = self.bytes[at..].iter().position(|&byte| byte == b'\n').ok_or_else(|| ended(at))?;
        let line = self.slice(length)?;
        self.skip(1)?;
        std::str::from_utf8(line).map_err(|_| damaged("a name that is not UTF-8", at))
    }
}

/// A size, offset or stride: PyTorch's are never negative.
fn extent(value: Value) -> Option<usize> {
    if let Value::Int(value) = value { usize::try_from(value).ok() } else { None }
}

fn damaged(what: &str, at: usize) -> Problem {
    Problem::Damaged(format!("its pickle has {what} at byte {at}"))
}

fn ended(at: usize) -> Problem {
    damaged("its end too soon", at)
}
