//! How a map's figures are told: as JSON, and as a small table.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use camtui_term::sanitise;

use crate::pipeline::advise::Advice;
use crate::pipeline::figures::{Figures, Measured, ROWS, Row};
use crate::pipeline::metrics::STEPS;
use crate::pipeline::{Found, One};

/// A mean rank this much behind is nearly as good.
const NEARLY: f64 = 1.0;
/// So many times as quick is worth telling.
const CHEAPER: f64 = 4.0;

/// The value of the JSON's key `metrics`; an empty object where nothing was measured.
pub fn json(measured: Option<&Measured>) -> Value {
    let Some(measured) = measured else { return json!({}) };
    let row = |&(key, better, value): &Row| {
        let mut row = json!({ "value": value(&measured.map)?, "centred": value(&measured.centred) });
        if !better.is_empty() {
            row["better"] = json!(better);
        }
        if let Some(random) = &measured.random {
            row["random-cam"] = json!(value(random));
        }
        Some((key.to_owned(), row))
    };
    let mut metrics: Map<String, Value> = ROWS.iter().filter_map(row).collect();
    let curves = [("deletion", &measured.map.deletion), ("insertion", &measured.map.insertion)];
    for (key, curve) in curves {
        if let Some(curve) = curve {
            metrics[key]["curve"] = json!(curve.scores);
            metrics.insert("steps".into(), json!(STEPS));
        }
    }
    metrics.insert("sentence".into(), json!(measured.sentence()));
    Value::Object(metrics)
}

/// All that was tried about a target, the best first, and what follows from it; none if nothing could be measured.
pub fn advice(results: &[One]) -> Option<String> {
    let tried: Vec<(&Found, &Measured, Advice)> = results
        .iter()
        .filter_map(|(_, result)| result.as_ref().ok())
        .filter_map(|found| Some((found, found.metrics.as_ref()?, found.advice?)))
        .collect();
    let (best, measured, _) = tried.first()?;
    let named = |found: &Found| match found.layers.first() {
        Some(layer) => format!("{} · {layer}", found.explainer),
        None => found.explainer.clone(),
    };
    let across = tried.iter().map(|(found, ..)| named(found).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "     {:<across$}  mean rank  deletion  insertion    road    drop        ms  beats random, centred",
        ""
    );
    for (found, Measured { map, random, centred, cost }, advice) in &tried {
        let beats = |other: &Figures| map.wins(other);
        let [deletion, insertion, road, drop] = map.faithfulness();
        let random = random.as_ref().map_or("–".into(), |random| beats(random).to_string());
        let _ = writeln!(
            text,
            "  {:>2} {:<across$}  {:>9.2}  {:>8.3}  {:>9.3}  {:>6.3}  {:>6.3}  {:>8.1}  {random} of 4, {} of 4",
            advice.rank,
            named(found),
            advice.mean_rank,
            deletion,
            -insertion,
            -road,
            drop,
            cost.unwrap_or_default().as_secs_f64() * 1e3,
            beats(centred),
        );
    }
    let _ = write!(text, "  {}: {}", named(best), measured.sentence());
    // Nearly as good and much cheaper is what somebody with a thousand pictures wants.
    let near = tried.iter().skip(1).find(|(_, other, advice)| {
        advice.mean_rank <= tried[0].2.mean_rank + NEARLY && seconds(other) * CHEAPER <= seconds(measured)
    });
    if let Some((found, other, _)) = near {
        let times = seconds(measured) / seconds(other).max(1e-6);
        let _ = write!(text, "\n  {} is nearly as good and {times:.0} times as quick", named(found));
    }
    Some(sanitise_lines(&text))
}

fn seconds(measured: &Measured) -> f64 {
    measured.cost.unwrap_or_default().as_secs_f64()
}

/// Names come from files; each line on its own, since a line's end is no name's.
fn sanitise_lines(text: &str) -> String {
    text.lines().map(sanitise).collect::<Vec<_>>().join("\n")
}

/// The same for people, a line a figure.
pub fn table(measured: &Measured) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "  {:<14}{:>9}{:>12}{:>10}  better", "", "this map", "random-cam", "centred");
    for (key, better, value) in ROWS {
        let Some(own) = value(&measured.map) else { continue };
        let shown = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
        let (random, centred) =
            (shown(measured.random.as_ref().and_then(value)), shown(value(&measured.centred)));
        let line = format!("  {key:<14}{own:>9.3}{random:>12}{centred:>10}  {better}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = write!(text, "  {}", measured.sentence());
    text
}
