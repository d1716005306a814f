//! Parameters and inputs at their extremes.

use std::time::Duration;

use super::ask::{Question, Target, Watched};
use super::network::Network;
use super::{State, Verdict, of, short};
use crate::{ExplainError, Explainer, ParamInfo, ParamKind, ParamValue, Params};

/// Longest time for one value; a greatest number of steps may take long, and is then cancelled.
const LIMIT: Duration = Duration::from_secs(3);
/// Longest time for ending then.
const END: Duration = Duration::from_secs(1);

/// The values to try, and whether each must be borne: what is beyond any bound may be refused in words.
fn extremes(param: &ParamInfo) -> (Vec<ParamValue>, bool) {
    match &param.kind {
        ParamKind::Bool { .. } => (vec![ParamValue::Bool(false), ParamValue::Bool(true)], true),
        ParamKind::Int { range: Some((low, high)), .. } => {
            (vec![ParamValue::Int(*low), ParamValue::Int(*high)], true)
        }
        ParamKind::Float { range: Some((low, high)), .. } => {
            // A range without an end has the greatest number there is as its end.
            let number = |x: f64| ParamValue::Float(x.clamp(f64::MIN, f64::MAX));
            (vec![number(*low), number(*high)], low.is_finite() && high.is_finite())
        }
        ParamKind::Choice { choices, .. } => {
            (choices.iter().enumerate().map(|(n, word)| ParamValue::Choice(n, word.clone())).collect(), true)
        }
        ParamKind::Int { range: None, .. } => {
            ([i64::MIN, -1, 0, i64::MAX].map(ParamValue::Int).into(), false)
        }
        ParamKind::Float { range: None, .. } => {
            ([f64::MIN, -0.0, f64::MIN_POSITIVE, f64::MAX].map(ParamValue::Float).into(), false)
        }
        ParamKind::Text { .. } => {
            let long = "long ".repeat(2_000);
            let texts = ["", "\"'\\%s", "日本語 ‖a−b‖ \u{1f600}", long.as_str()];
            (texts.map(|text| ParamValue::Text(text.into())).into(), false)
        }
    }
}

/// Each parameter at each of its extremes, the others at their defaults; then all at their first and all at their
/// last.
pub(super) fn parameters(state: &State, explainer: &Explainer) -> Verdict {
    let info = explainer.info();
    if info.params.is_empty() {
        return Verdict::Skipped("it has no parameters".into());
    }
    let network = Network::new("plain", [3, 12, 20], [5, 3, 4], 3);
    let defaults = Params::defaults(info);
    let mut all: Vec<(String, Params, bool)> = vec![];
    let (mut first, mut last, mut bounded) = (defaults.clone(), defaults.clone(), true);
    for (n, param) in info.params.iter().enumerate() {
        let (values, must) = extremes(param);
        bounded &= must;
        for value in &values {
            let shown = short(&value.to_string()).chars().take(40).collect::<String>();
            all.push((format!("{}={shown}", param.key), defaults.with(n, value.clone()), must));
        }
        if let [a, .., b] = values.as_slice() {
            (first, last) = (first.with(n, a.clone()), last.with(n, b.clone()));
        }
    }
    all.push(("every parameter at its least".into(), first, bounded));
    all.push(("every parameter at its greatest".into(), last, bounded));
    let (total, mut refused, mut slow) = (all.len(), 0, 0);
    for (what, params, must) in all {
        let question = Question { params, ..Question::about(explainer, &network) };
        let (outcome, after) = question.ask_within(explainer, &Watched::new(&network), LIMIT);
        (state.alive)();
        if let Some(after) = after {
            slow += 1;
            if after > END {
                return Verdict::Fail(format!(
                    "{what}: it went on for {:.1} s after it was cancelled; ask session->cancelled ten times a second",
                    after.as_secs_f64()
                ));
            }
            continue;
        }
        match outcome {
            Ok(_) => {}
            Err(error @ ExplainError::NotSupported { .. }) if error.says_why() => refused += 1,
            Err(error @ ExplainError::Failed { .. }) if error.says_why() && !must => refused += 1,
            Err(error) => {
                return Verdict::Fail(format!(
                    "{what}: {}; the host only lets values of the declared range pass, so each must give a map, or \
                     CAMTUI_NOT_SUPPORTED with the reason",
                    short(&error.to_string())
                ));
            }
        }
    }
    let more =
        if slow > 0 { format!(", {slow} cancelled after {} s", LIMIT.as_secs()) } else { String::new() };
    Verdict::Pass(format!("{}, {refused} refused with a reason{more}", of(total, total, "setting")))
}

/// Pictures and models of zeros, and values of a size that only a mistake makes.
pub(super) fn inputs(state: &State, explainer: &Explainer) -> Verdict {
    let network = |name| Network::new(name, [3, 12, 20], [5, 3, 4], 3);
    let all = [
        network("all zero").scaled(0.0),
        network("tiny values").scaled(1e-20),
        network("huge values").scaled(1e12),
    ];
    let mut refused = 0;
    for network in &all {
        for target in [Target::Class(1), Target::Contrast(1, 2)] {
            let question = Question { target, ..Question::about(explainer, network) };
            match question.ask(explainer) {
                Ok(_) => {}
                Err(error @ ExplainError::NotSupported { .. }) if error.says_why() => refused += 1,
                Err(error) => {
                    return Verdict::Fail(format!(
                        "{question}: {}; where there is nothing to show the map is zero, never NaN; sums of f32 are best taken \
                         in f64",
                        short(&error.to_string())
                    ));
                }
            }
            (state.alive)();
        }
    }
    let total = 2 * all.len();
    Verdict::Pass(format!("{}, {refused} refused with a reason", of(total, total, "question")))
}
