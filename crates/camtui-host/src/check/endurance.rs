//! Many calls, calls at once and calls that are interrupted: what a long session does to an explainer.

use std::thread;
use std::time::{Duration, Instant};

use super::ask::{Meeting, Obstacle, Question, Target, Watched, same};
use super::network::Network;
use super::{State, Verdict, short};
use crate::{ExplainError, Explainer, Output};

const END: Duration = Duration::from_secs(1);

fn plain() -> Network {
    Network::new("plain", [3, 12, 20], [5, 3, 4], 3)
}

fn no_map(error: &ExplainError) -> Verdict {
    Verdict::Skipped(format!("it has no map of the small model: {}", short(&error.to_string())))
}

/// The same question with the same seed, with others asked in between.
pub(super) fn repeats(_state: &State, explainer: &Explainer) -> Verdict {
    let network = plain();
    for random_seed in [0, 42, u64::MAX] {
        let question = Question { random_seed, ..Question::about(explainer, &network) };
        let first = match question.ask(explainer) {
            Ok(output) => output,
            Err(error) => return no_map(&error),
        };
        let other = Question { target: Target::Class(2), random_seed: random_seed ^ 5, ..question.clone() };
        for between in [false, true, false] {
            if between {
                // What is left behind by another call must not matter.
                drop(other.ask(explainer));
            }
            match question.ask(explainer) {
                Ok(again) if same(&first, &again) => {}
                Ok(_) => {
                    return Verdict::Fail(format!(
                        "the same question with seed {random_seed} gives another map{}: take every random number from the \
                         session's random_seed, keep nothing between calls, and sum in a fixed order",
                        if between { " after another question" } else { "" }
                    ));
                }
                Err(error) => return Verdict::Fail(format!("asked again: {}", short(&error.to_string()))),
            }
        }
    }
    Verdict::Pass("asked four times with each of three seeds: the same bits".into())
}

/// Rounds of two calls that wait for each other in the session's functions.
pub(super) fn at_once(state: &State, explainer: &Explainer) -> Verdict {
    const ROUNDS: usize = 12;
    let none = Obstacle::default();
    let (here, there) = (plain(), Network::new("other", [3, 8, 12], [5, 4, 6], 3));
    let questions = [
        Question::about(explainer, &here),
        Question { target: Target::Class(2), random_seed: 7, ..Question::about(explainer, &there) },
    ];
    let alone: Vec<Output> = match questions.iter().map(|q| q.ask(explainer)).collect() {
        Ok(alone) => alone,
        Err(error) => return no_map(&error),
    };
    for _ in 0..ROUNDS {
        let meeting = Meeting::default();
        for _ in &questions {
            meeting.enter();
        }
        let meeting = &meeting;
        let wrong = thread::scope(|scope| {
            let calls: Vec<_> = questions
                .iter()
                .zip(&alone)
                .map(|(question, expected)| {
                    scope.spawn(move || {
                        let watched =
                            Watched::behind(question.network, Obstacle { meeting: Some(meeting), ..none });
                        let outcome = question.ask_through(explainer, &watched);
                        meeting.leave();
                        match outcome {
                            Ok(output) if same(&output, expected) => None,
                            Ok(_) => Some("gives another map".to_owned()),
                            Err(error) => Some(format!("fails: {}", short(&error.to_string()))),
                        }
                    })
                })
                .collect();
            calls.into_iter().find_map(|call| call.join().unwrap_or(Some("panics".into())))
        });
        (state.alive)();
        if let Some(wrong) = wrong {
            return Verdict::Fail(format!(
                "while another call runs it {wrong}: `explain` is called from several threads at once, so keep what a call \
                 computes in the call, not in globals"
            ));
        }
    }
    Verdict::Pass(format!("{ROUNDS} times two calls: the same bits as alone"))
}

/// Cancelled before it begins, at its first calls, while the model is slow, and while it computes.
pub(super) fn cancel(state: &State, explainer: &Explainer) -> Verdict {
    let small = plain();
    let large = Network::new("large", [3, 128, 160], [24, 64, 80], 3);
    let (soon, none) = (Duration::from_millis(100), Obstacle::default());
    let at_call = |number| Watched::behind(&small, Obstacle { stop_at: Some(number), ..none });
    let slow = Watched::behind(&small, Obstacle { pause: Duration::from_millis(30), ..none });
    let before = Watched::new(&small);
    before.stop();
    let cases = [
        ("before it began", &small, before),
        ("at its first call of the session", &small, at_call(1)),
        ("at its second call of the session", &small, at_call(2)),
        ("at its fifth call of the session", &small, at_call(5)),
        ("while it waited for a slow model", &small, slow),
        ("0.1 s into a larger model", &large, Watched::new(&large)),
    ];
    let (mut slowest, mut stopped) = (Duration::ZERO, 0);
    for (when, network, watched) in &cases {
        let (_, after) = Question::about(explainer, network).ask_within(explainer, watched, soon);
        (state.alive)();
        let Some(after) = after else { continue };
        stopped += 1;
        slowest = slowest.max(after);
        if after > END {
            return Verdict::Fail(format!(
                "cancelled {when}, it went on for {:.1} s: ask session->cancelled ten times a second (in Rust: \
                 session.progress(…)?), and end when a call answers CAMTUI_CANCELLED",
                after.as_secs_f64()
            ));
        }
    }
    Verdict::Pass(format!("cancelled {stopped} times, it ended within {} ms", slowest.as_millis()))
}

/// Resident memory of this process over 100 calls, after a warm-up.
///
/// Caches fill and allocators keep a little of what is freed, so one growth is no leak: one that comes again in the
/// next 100 runs is. A megabyte in 100 runs is what one leaked map of this network would cost.
pub(super) fn memory(state: &State, explainer: &Explainer) -> Verdict {
    const TOLERANCE: u64 = 1 << 20;
    let network = Network::new("memory", [3, 56, 64], [8, 56, 64], 2);
    let question = Question::about(explainer, &network);
    let ask = |count: u32| {
        for _ in 0..count {
            drop(question.ask(explainer));
            (state.alive)();
        }
    };
    let begun = Instant::now();
    ask(3);
    // Whatever the runs cost, all of them together take about half a minute at most.
    let runs = (Duration::from_secs(24).as_secs_f64() / begun.elapsed().as_secs_f64()) as u32;
    let runs = runs.clamp(10, 100);
    ask(runs.min(20));
    let Some(first) = resident() else {
        return Verdict::Skipped("this system does not say how much memory a process has".into());
    };
    ask(runs);
    let grown = |since: u64| resident().unwrap_or(0).saturating_sub(since);
    let once = grown(first);
    if once <= TOLERANCE {
        return Verdict::Pass(format!("{} kB more after {runs} runs", once >> 10));
    }
    let second = first + once;
    ask(runs);
    let twice = grown(second);
    if twice <= TOLERANCE {
        return Verdict::Pass(format!(
            "{} kB more after {runs} runs, {} kB after as many again",
            once >> 10,
            twice >> 10
        ));
    }
    Verdict::Fail(format!(
        "{runs} runs took {} kB more, and as many again {} kB: something is not freed at each call (about {} kB a map)",
        once >> 10,
        twice >> 10,
        (twice / u64::from(runs)) >> 10
    ))
}

/// Bytes of memory that this process has in use.
#[cfg(target_os = "linux")]
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

#[cfg(not(target_os = "linux"))]
fn resident() -> Option<u64> {
    None
}

/// One map with default parameters, where the model answers at once.
pub(super) fn time(state: &State, explainer: &Explainer) -> Verdict {
    let network = Network::new("time", [3, 96, 112], [16, 24, 28], 10);
    let begun = Instant::now();
    let (outcome, after) = Question::about(explainer, &network).ask_within(
        explainer,
        &Watched::new(&network),
        state.limits.one_map,
    );
    let took = begun.elapsed();
    if after.is_some() {
        return Verdict::Fail(format!(
            "with default parameters a map of 24×28 is not there after {:.1} s, though the model answers at once: lower the \
             defaults, and let parameters ask for more",
            state.limits.one_map.as_secs_f64()
        ));
    }
    match outcome {
        Ok(_) => Verdict::Pass(format!("{} ms for a layer of 16×24×28", took.as_millis())),
        Err(error) => no_map(&error),
    }
}
