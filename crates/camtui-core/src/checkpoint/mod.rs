//! Readers of weight files: PyTorch checkpoints and safetensors, as a [`StateDict`] of f32 tensors.
//!
//! A PyTorch checkpoint is a program for Python's pickle machine, and Python runs whatever it asks for. Here nothing is
//! run: `pickle` and `names` know the few instructions and names that a state dict is made of and refuse the first
//! other one by its name. `torch` opens the two containers (a zip of today, the plain sequence of before 1.6), `element`
//! turns stored numbers of any width into f32, and `plain` reads safetensors.

mod element;
mod names;
mod pickle;
mod plain;
mod state;
mod torch;

use std::{fs, io::Read, path::Path};

use sha2::{Digest, Sha256};

pub use state::StateDict;

/// No file is read past this many bytes: the largest networks of the kinds camtui builds have a fortieth of it.
const LARGEST_FILE: u64 = 4 << 30;

/// What to run where a file is of a form that is not read, in the user's own Python.
const CONVERT: &str = "convert it once where PyTorch is: python -c \"import torch; torch.save(torch.load('IN.pth', \
                       map_location='cpu', weights_only=True), 'OUT.pth')\"";

/// A weight file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the weights in {name}: {problem}")]
pub struct CheckpointError {
    /// The file, as it was named.
    pub name: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a weight file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file system said no.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// More bytes than any network camtui builds.
    #[error("it is larger than {} GiB", LARGEST_FILE >> 30)]
    TooLarge,
    /// Neither a checkpoint nor safetensors.
    #[error("it is neither a PyTorch checkpoint nor a safetensors file; it begins with {0}")]
    Unknown(String),
    /// A form of checkpoint that is recognised but not read.
    #[error("{0}; {CONVERT}")]
    OldForm(&'static str),
    /// The pickle names something that no state dict is made of.
    #[error(
        "it asks Python for `{0}`, which no plain state dict needs and which may run code when Python loads the file. \
         Nothing was run. Save the weights alone, torch.save(model.state_dict(), 'OUT.pth'), or get them from elsewhere"
    )]
    Forbidden(String),
    /// The pickle holds an instruction that no state dict is made of.
    #[error(
        "its pickle holds the instruction {0} at byte {1}, which no plain state dict needs. Nothing was run. Save the \
         weights alone: torch.save(model.state_dict(), 'OUT.pth')"
    )]
    Instruction(String, usize),
    /// The file's parts contradict each other or end too soon.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// The numbers are of a kind that has no f32 meaning here.
    #[error("tensor {name} holds {kind}, which is not read; save it as float32, float16 or bfloat16")]
    Kind {
        /// The tensor.
        name: String,
        /// What it is made of, as its file calls it.
        kind: String,
    },
    /// The file was written on a machine that stores numbers the other way round.
    #[error("it was written on a big-endian machine; save it again on a little-endian one")]
    BigEndian,
    /// The tensors would take far more memory than the file has bytes.
    #[error("its tensors claim {0} values, far more than a file of {1} bytes can mean")]
    Inflated(u128, usize),
    /// There is a pickle, but no dictionary of tensors in it.
    #[error("it holds no state dict: {0}")]
    NoTensors(String),
}

/// Reads the weight file at `path`: a PyTorch checkpoint (`.pth`, `.pt`) or safetensors, told apart by content.
pub fn read(path: &Path) -> Result<StateDict, CheckpointError> {
    let name = path.display().to_string();
    let bytes = read_file(path).map_err(|problem| CheckpointError { name: name.clone(), problem })?;
    read_bytes(&name, &bytes)
}

fn read_file(path: &Path) -> Result<Vec<u8>, Problem> {
    let file = fs::File::open(path)?;
    let mut bytes = Vec::with_capacity(file.metadata()?.len().min(LARGEST_FILE) as usize);
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE { Err(Problem::TooLarge) } else { Ok(bytes) }
}

/// Reads a weight file from memory; `name` is what errors call it.
pub fn read_bytes(name: &str, bytes: &[u8]) -> Result<StateDict, CheckpointError> {
    let read = if bytes.starts_with(b"PK") {
        torch::read_zip(bytes)
    } else if bytes.first() == Some(&pickle::PROTO) {
        torch::read_legacy(bytes)
    } else if bytes.get(257..262) == Some(b"ustar") {
        Err(Problem::OldForm("this is the tar form that PyTorch wrote before version 0.1.10"))
    } else if bytes.get(8) == Some(&b'{') {
        plain::read(bytes)
    } else {
        let start = bytes.get(..8).unwrap_or(bytes);
        Err(Problem::Unknown(if start.is_empty() {
            "nothing".into()
        } else {
            start.escape_ascii().to_string()
        }))
    };
    match read {
        Ok(tensors) => Ok(StateDict::new(tensors, format!("{:x}", Sha256::digest(bytes)))),
        Err(problem) => Err(CheckpointError { name: name.to_owned(), problem }),
    }
}

#[cfg(test)]
mod tests;
