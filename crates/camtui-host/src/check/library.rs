//! The library as a file: who may change it, whether it is a plugin, whether it loads.

use super::{State, Verdict, short};
use crate::inspect::inspect;
use crate::load::admit;
use crate::{Asked, DescribeError, Library, LoadError};

/// An ordinary file that nobody else can change.
pub(super) fn file(state: &mut State) -> Verdict {
    match admit(&state.path, Asked::ByFile) {
        Ok((path, notice)) => {
            state.path = path;
            Verdict::Pass(
                notice.unwrap_or_else(|| "an ordinary file that only you or root can change".into()),
            )
        }
        Err(error) => Verdict::Fail(short(&error.to_string())),
    }
}

/// Read from the file, without running any of it.
pub(super) fn entry(state: &mut State) -> Verdict {
    match inspect(&state.path) {
        Ok(head) => Verdict::Pass(format!("interface {}.{}", head.abi_major, head.abi_minor)),
        Err(reason) => Verdict::Fail(short(&reason.to_string())),
    }
}

/// The first code of the library that runs.
pub(super) fn loads(state: &mut State) -> Verdict {
    let error = match Library::load(&state.path, Asked::ByFile) {
        Ok((library, _)) => {
            let count = library.explainers().len();
            state.library = Some(library);
            let count = format!("{count} explainer{}", if count == 1 { "" } else { "s" });
            return Verdict::Pass(match state.confined {
                Some(confined) => format!("{count}, with this closed to them: {confined}"),
                None => count,
            });
        }
        Err(error) => error,
    };
    let sentence = short(&error.to_string());
    let LoadError::BadDescription { reason, .. } = error else { return Verdict::Fail(sentence) };
    let row = match reason {
        DescribeError::BadParam { .. } | DescribeError::Twice { what: "the parameter", .. } => "parameters",
        DescribeError::BadName { .. } | DescribeError::Twice { .. } => "ids",
        DescribeError::NotUtf8 { what } if what.starts_with("the id") => "ids",
        DescribeError::NotUtf8 { .. } => "texts",
        DescribeError::Missing(_) | DescribeError::TooSmall { .. } | DescribeError::NoFunction(_) => {
            return Verdict::Fail(sentence);
        }
    };
    state.refused = Some((row, sentence));
    Verdict::Pass("it can be loaded".into())
}
