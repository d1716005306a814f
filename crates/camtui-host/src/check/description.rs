//! What a library says of itself, beyond what camtui must refuse: texts that help whoever reads them.

use super::{State, Verdict, of};
use crate::{Asked, ExplainerInfo, Library, ParamInfo, ParamKind};

/// Most characters of a name, a version, a summary or help, and a reference: they are shown in one line.
const NAME: usize = 80;
const VERSION: usize = 40;
const LINE: usize = 300;
const REFERENCE: usize = 500;

/// What makes a text unfit to be shown.
fn unfit(what: &str, text: &str, limit: usize, required: bool) -> Option<String> {
    let length = text.chars().count();
    if required && text.is_empty() {
        Some(format!("{what} is empty"))
    } else if text.contains("\\u{") {
        // Control characters are written out when a description is read.
        Some(format!("{what} has control characters (written out here): {text}"))
    } else if length > limit {
        Some(format!("{what} has {length} characters, and at most {limit} are shown in a line"))
    } else {
        None
    }
}

/// Runs `look` over all explainers, unless the library was refused for it.
fn each(
    state: &State,
    row: &str,
    seen: impl Fn(&Library) -> String,
    look: impl Fn(&ExplainerInfo) -> Vec<String>,
) -> Verdict {
    match (&state.library, &state.refused) {
        (Some(library), _) => {
            let wrong: Vec<String> = library.explainers().iter().flat_map(|e| look(e.info())).collect();
            if wrong.is_empty() { Verdict::Pass(seen(library)) } else { Verdict::Fail(wrong.join("; ")) }
        }
        (None, Some((at, sentence))) if *at == row => Verdict::Fail(sentence.clone()),
        (None, Some((at, _))) => Verdict::Skipped(format!("camtui stops at the first mistake, in `{at}`")),
        (None, None) => Verdict::Skipped("it was not loaded".into()),
    }
}

/// That they can be typed and are unique is what loading asks; here it is said which they are.
pub(super) fn ids(state: &mut State) -> Verdict {
    let listed = |library: &Library| {
        let ids: Vec<String> = library.explainers().iter().map(|e| format!("`{}`", e.info().id)).collect();
        ids.join(", ")
    };
    each(state, "ids", listed, |_| vec![])
}

/// Names, versions, summaries, references.
pub(super) fn texts(state: &mut State) -> Verdict {
    let seen = |library: &Library| format!("of {}", of_all(library));
    each(state, "texts", seen, |info| {
        let of = |what: &str| format!("the {what} of `{}`", info.id);
        [
            unfit(&of("name"), &info.name, NAME, true),
            unfit(&of("version"), &info.version, VERSION, true),
            unfit(&of("summary"), &info.summary, LINE, true),
            unfit(&of("reference"), &info.reference, REFERENCE, false),
        ]
        .into_iter()
        .flatten()
        .collect()
    })
}

fn of_all(library: &Library) -> String {
    let count = library.explainers().len();
    if count == 1 { "the explainer".into() } else { format!("all {count} explainers") }
}

/// Ranges and defaults are what loading asks; here come help texts and ranges that leave a choice.
pub(super) fn parameters(state: &mut State) -> Verdict {
    let seen = |library: &Library| {
        let count: usize = library.explainers().iter().map(|e| e.info().params.len()).sum();
        let helped =
            library.explainers().iter().flat_map(|e| &e.info().params).filter(|p| !p.help.is_empty());
        of(helped.count(), count, "parameter") + " with help"
    };
    each(state, "parameters", seen, |info| info.params.iter().filter_map(|p| unsound(info, p)).collect())
}

fn unsound(info: &ExplainerInfo, param: &ParamInfo) -> Option<String> {
    let what = format!("`{}` of `{}`", param.key, info.id);
    if let Some(wrong) = unfit(&format!("the help of {what}"), &param.help, LINE, true) {
        return Some(wrong);
    }
    match &param.kind {
        ParamKind::Int { range: Some((low, high)), .. } if low == high => {
            Some(format!("{what} can only be {low}; leave it out"))
        }
        ParamKind::Float { range: Some((low, high)), .. } if low >= high => {
            Some(format!("{what} can only be {low}; leave it out"))
        }
        ParamKind::Choice { choices, .. } if choices.iter().any(|c| c.trim().is_empty() || c.trim() != c) => {
            Some(format!("{what} has a choice that is empty or has spaces around it, and cannot be typed"))
        }
        _ => None,
    }
}

/// Asks the library to describe itself a second time.
pub(super) fn stable(state: &mut State) -> Verdict {
    let Some(first) = &state.library else { return Verdict::Skipped("it was not loaded".into()) };
    let again = match Library::load(&state.path, Asked::ByFile) {
        Ok((library, _)) => library,
        Err(error) => {
            return Verdict::Fail(format!("described a second time it is refused: {error}"));
        }
    };
    let infos = |library: &Library| -> Vec<ExplainerInfo> {
        library.explainers().iter().map(|e| e.info().clone()).collect()
    };
    let (first, again) = (infos(first), infos(&again));
    if first.len() != again.len() {
        return Verdict::Fail(format!("at first it has {} explainers, then {}", first.len(), again.len()));
    }
    match first.iter().zip(&again).find(|(a, b)| a != b) {
        None => Verdict::Pass("the second description is the first".into()),
        Some((a, _)) => Verdict::Fail(format!(
            "the description of `{}` changes from one time to the next; descriptions must never change",
            a.id
        )),
    }
}
