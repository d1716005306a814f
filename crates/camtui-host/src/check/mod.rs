//! `camtui plugin check`: does a library keep what the header asks of it?
//!
//! A check is an id, what it proves, and a function that comes to a [`Verdict`]. Those of a library look at its file
//! ([`library`]) and at what it says of itself ([`description`]). Those of an explainer ask it about small networks whose
//! answers are known exactly ([`network`], [`ask`]): ordinary ones ([`answers`]), ones that lack something ([`refusals`]),
//! parameters and inputs at their extremes ([`extremes`]), and many times, at once and interrupted ([`endurance`]).
//!
//! [`supervised`] runs them in a child process, so that a crash fails one check and the next one still runs;
//! [`in_process`] runs them here, for a debugger.

mod answers;
mod ask;
mod description;
mod endurance;
mod extremes;
mod library;
mod network;
mod refusals;
mod supervise;
mod surroundings;

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

pub use supervise::{serve, supervised};

use crate::isolate::confine::Confined;
use crate::{Explainer, Library, clean};
use answers::Trial;
use surroundings::Surroundings;

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be; what was seen.
    Pass(String),
    /// It is not; what was seen, and what to do.
    Fail(String),
    /// It could not be looked at; why.
    Skipped(String),
}

impl Verdict {
    /// `pass`, `fail` or `skipped`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Fail(_) => "fail",
            Self::Skipped(_) => "skipped",
        }
    }

    /// What was seen.
    pub fn sentence(&self) -> &str {
        match self {
            Self::Pass(sentence) | Self::Fail(sentence) | Self::Skipped(sentence) => sentence,
        }
    }
}

/// One row of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Id of the check.
    pub check: &'static str,
    /// What it proves.
    pub proves: &'static str,
    /// Id of the explainer; none for a check of the whole library.
    pub explainer: Option<String>,
    /// What came of it.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// How patient a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A child that says nothing for so long is ended.
    pub silence: Duration,
    /// Longest time for one map of a small network.
    pub one_map: Duration,
    /// Most bytes of address space of a child.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { silence: Duration::from_mins(1), one_map: Duration::from_secs(10), memory: 4 << 30 }
    }
}

/// A check of the whole library.
struct OfLibrary {
    id: &'static str,
    proves: &'static str,
    run: fn(&mut State) -> Verdict,
}

/// A check of one explainer.
struct OfExplainer {
    id: &'static str,
    proves: &'static str,
    run: fn(&State, &Explainer) -> Verdict,
}

/// In this order. The first [`BEFORE_LOADING`] run none of the library's code.
const LIBRARY: [OfLibrary; 7] = [
    OfLibrary { id: "file", proves: "an ordinary file that nobody else can change", run: library::file },
    OfLibrary { id: "entry", proves: "a plugin for this machine and this interface", run: library::entry },
    OfLibrary { id: "loads", proves: "it can be loaded and describes its explainers", run: library::loads },
    OfLibrary { id: "ids", proves: "ids can be typed and are unique", run: description::ids },
    OfLibrary { id: "texts", proves: "names, versions and summaries can be read", run: description::texts },
    OfLibrary {
        id: "parameters",
        proves: "parameters have sound ranges, defaults and help",
        run: description::parameters,
    },
    OfLibrary { id: "stable", proves: "asked again, it says the same of itself", run: description::stable },
];

const BEFORE_LOADING: usize = 2;
/// Index of `loads` in [`LIBRARY`].
const LOADS: usize = 2;

/// In this order. Where the first one fails the others have nothing to look at.
const EXPLAINER: [OfExplainer; 17] = [
    OfExplainer { id: "answers", proves: "gives maps of small models", run: answers::answers },
    OfExplainer { id: "finite", proves: "every value of every map is a finite number", run: answers::finite },
    OfExplainer {
        id: "sizes",
        proves: "maps have possible sizes, rows and columns in order",
        run: answers::sizes,
    },
    OfExplainer { id: "needs", proves: "asks for nothing that it does not declare", run: answers::needs },
    OfExplainer {
        id: "class",
        proves: "depends on the class, or says that it does not",
        run: answers::class,
    },
    OfExplainer {
        id: "rectify",
        proves: "gives the map before the ReLU that it declares",
        run: answers::rectify,
    },
    OfExplainer {
        id: "beside",
        proves: "terms add up to the map, and showing it on the way changes nothing",
        run: answers::beside,
    },
    OfExplainer { id: "spot", proves: "finds the one place that matters", run: answers::spot },
    OfExplainer { id: "refusals", proves: "says why it cannot explain a model", run: refusals::refusals },
    OfExplainer { id: "errors", proves: "passes the model's errors on as a sentence", run: refusals::errors },
    OfExplainer {
        id: "extremes",
        proves: "every parameter works at its extremes",
        run: extremes::parameters,
    },
    OfExplainer { id: "inputs", proves: "bears zeros and huge values", run: extremes::inputs },
    OfExplainer { id: "repeats", proves: "the same seed gives the same map", run: endurance::repeats },
    OfExplainer {
        id: "at-once",
        proves: "two calls at once give what each gives alone",
        run: endurance::at_once,
    },
    OfExplainer { id: "cancel", proves: "ends within a second of being cancelled", run: endurance::cancel },
    OfExplainer { id: "memory", proves: "memory does not grow over 100 runs", run: endurance::memory },
    OfExplainer {
        id: "time",
        proves: "one map of a small model takes seconds at most",
        run: endurance::time,
    },
];

/// Follows [`EXPLAINER`] for each explainer: it looks back at all that they did.
const LAST: OfExplainer = OfExplainer {
    id: "manners",
    proves: "leaves threads, signals, folder and terminal alone",
    run: surroundings::manners,
};

/// Rows of each explainer.
const ROWS: usize = EXPLAINER.len() + 1;

/// The check at `index` of an explainer.
fn of_explainer(index: usize) -> &'static OfExplainer {
    const TAIL: &OfExplainer = &LAST;
    const HEAD: &[OfExplainer] = &EXPLAINER;
    HEAD.get(index).unwrap_or(TAIL)
}

/// What the checks of one library share.
struct State {
    path: PathBuf,
    limits: Limits,
    /// Once `loads` has passed.
    library: Option<Library>,
    /// Why there is none, where that belongs to a later row than `loads`.
    refused: Option<(&'static str, String)>,
    /// The last explainer's answers about ordinary models.
    trials: RefCell<Option<(String, Rc<Vec<Trial>>)>>,
    before: RefCell<Surroundings>,
    /// What this process gave up before it loads the library.
    confined: Option<Confined>,
    /// Called where a check takes long for good reasons.
    alive: Box<dyn Fn()>,
}

impl State {
    fn new(path: &Path, limits: Limits, alive: Box<dyn Fn()>) -> Self {
        Self {
            path: path.into(),
            limits,
            library: None,
            refused: None,
            trials: RefCell::default(),
            before: RefCell::new(Surroundings::now()),
            confined: None,
            alive,
        }
    }
}

/// What is told while the checks run.
enum Event<'a> {
    /// The library's explainers, once they are known.
    Explainers(Vec<String>),
    /// The check at this index of all rows begins.
    Begin(usize),
    /// It has ended.
    End(usize, &'a Verdict),
}

/// Runs the checks of the rows in `rows`. A library that must be loaded for them is loaded.
fn walk(state: &mut State, rows: Range<usize>, tell: &mut dyn FnMut(Event<'_>)) {
    let mut stopped: Option<&'static str> = None;
    for (row, check) in LIBRARY.iter().enumerate().take(rows.end) {
        // Every later row needs the library as well.
        if row < rows.start && row != LOADS {
            continue;
        }
        let told = rows.contains(&row);
        if told {
            tell(Event::Begin(row));
        }
        let verdict = match stopped {
            Some(id) => Verdict::Skipped(after(id)),
            None => (check.run)(state),
        };
        if row <= LOADS && matches!(verdict, Verdict::Fail(_)) {
            stopped.get_or_insert(check.id);
        }
        if told {
            tell(Event::End(row, &verdict));
        }
        if row == LOADS
            && let Some(library) = &state.library
        {
            tell(Event::Explainers(library.explainers().iter().map(|e| e.info().id.clone()).collect()));
        }
    }
    let Some(explainers) = state.library.as_ref().map(|l| l.explainers().to_vec()) else { return };
    for (number, explainer) in explainers.iter().enumerate() {
        let mut mute = false;
        for index in 0..ROWS {
            let row = LIBRARY.len() + number * ROWS + index;
            if !rows.contains(&row) {
                continue;
            }
            tell(Event::Begin(row));
            let verdict = if mute {
                Verdict::Skipped(after("answers"))
            } else {
                (of_explainer(index).run)(state, explainer)
            };
            mute |= index == 0 && matches!(verdict, Verdict::Fail(_));
            tell(Event::End(row, &verdict));
        }
    }
}

fn after(id: &str) -> String {
    format!("`{id}` failed; mend that first")
}

/// The finding of a row.
fn finding(row: usize, explainers: &[String], verdict: Verdict, took: Duration) -> Finding {
    let (check, proves, explainer) = match row.checked_sub(LIBRARY.len()) {
        None => (LIBRARY[row].id, LIBRARY[row].proves, None),
        Some(later) => {
            let check = of_explainer(later % ROWS);
            (check.id, check.proves, explainers.get(later / ROWS).cloned())
        }
    };
    Finding { check, proves, explainer, verdict, took }
}

/// Runs all checks of the library at `path` in this process. A crash of the library is a crash of the caller.
pub fn in_process(path: &Path, limits: Limits, report: &mut dyn FnMut(Finding)) {
    let mut state = State::new(path, limits, Box::new(|| {}));
    let (mut known, mut begun) = (vec![], Instant::now());
    walk(&mut state, 0..usize::MAX, &mut |event| match event {
        Event::Explainers(ids) => known = ids,
        Event::Begin(_) => begun = Instant::now(),
        Event::End(row, verdict) => report(finding(row, &known, verdict.clone(), begun.elapsed())),
    });
}

/// `3 of 12 questions`, or the like, as a part of a sentence.
fn of(count: usize, total: usize, what: &str) -> String {
    format!("{count} of {total} {what}{}", if total == 1 { "" } else { "s" })
}

/// Text for a sentence: one line, and not too long for a table.
fn short(text: &str) -> String {
    clean(text, 400)
}
