//! How a map's figures are told: as JSON, and as a small table.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use camtui_core::metrics::curve::Curve;

use crate::pipeline::metrics::{Figures, Measured, STEPS};

/// A figure's key, which way is better, and where it stands.
type Row = (&'static str, &'static str, fn(&Figures) -> f64);

const ROWS: [Row; 8] = [
    ("deletion", "lower", |f| f.deletion.area()),
    ("insertion", "higher", |f| f.insertion.area()),
    ("road", "higher", |f| f.road),
    ("average-drop", "lower", |f| f.drop),
    ("increase", "higher", |f| f64::from(u8::from(f.increase))),
    ("adcc", "higher", |f| f.adcc),
    ("sparsity", "", |f| f.sparsity),
    ("border-mass", "", |f| f.border_mass),
];

/// The value of the JSON's key `metrics`; an empty object where nothing was measured.
pub fn json(measured: Option<&Measured>) -> Value {
    let Some(measured) = measured else { return json!({}) };
    let row = |&(key, better, value): &Row| {
        let mut row = json!({ "value": value(&measured.map), "centred": value(&measured.centred) });
        if !better.is_empty() {
            row["better"] = json!(better);
        }
        if let Some(random) = &measured.random {
            row["random-cam"] = json!(value(random));
        }
        (key.to_owned(), row)
    };
    let mut metrics: Map<String, Value> = ROWS.iter().map(row).collect();
    let curve = |curve: &Curve| json!(curve.scores);
    metrics["deletion"]["curve"] = curve(&measured.map.deletion);
    metrics["insertion"]["curve"] = curve(&measured.map.insertion);
    metrics.insert("steps".into(), json!(STEPS));
    metrics.insert("sentence".into(), json!(measured.sentence()));
    Value::Object(metrics)
}

/// The same for people, a line a figure.
pub fn table(measured: &Measured) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "  {:<14}{:>9}{:>12}{:>10}  better", "", "this map", "random-cam", "centred");
    for (key, better, value) in ROWS {
        let random = measured.random.as_ref().map_or("–".into(), |f| format!("{:.3}", value(f)));
        let (own, centred) = (value(&measured.map), value(&measured.centred));
        let line = format!("  {key:<14}{own:>9.3}{random:>12}{centred:>10.3}  {better}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = write!(text, "  {}", measured.sentence());
    text
}
