//! `camtui model info`: what a model takes and gives, and its layers as a tree.

use std::collections::HashMap;
use std::fmt::Write as _;

use camtui_core::grad::anatomy::{Anatomy, LayerAnatomy, ReceptiveField, anatomy, outer};
use camtui_core::model::Opened;
use camtui_core::onnx::metadata::{Layer, Metadata};
use camtui_core::recipe::Resize;
use camtui_term::sanitise;
use serde_json::{Value, json};

use super::super::print;
use crate::exit::Failure;

/// Prints what is known of a model, for people or as JSON.
pub fn info(opened: &Opened, as_json: bool) -> Result<(), Failure> {
    let Opened { model, metadata, .. } = opened;
    let anatomy = anatomy(model, metadata);
    let text =
        if as_json { format!("{}\n", object(metadata, &anatomy)) } else { describe(metadata, &anatomy) };
    print(text.as_bytes())
}

fn object(metadata: &Metadata, anatomy: &Anatomy) -> Value {
    let layer = |(layer, found): (&Layer, &LayerAnatomy)| {
        let mut object = json!(layer);
        object["parameters"] = json!(found.parameters);
        object["receptive_field"] = json!(found.receptive_field);
        object
    };
    json!({
        "name": metadata.name,
        "sha256": metadata.source_sha256,
        "classes": metadata.classes,
        "labels": metadata.labels,
        "preprocessing": metadata.recipe,
        "assumed": metadata.assumed,
        "notes": metadata.notes,
        "blocked": metadata.blocked,
        "parameters": anatomy.parameters,
        "default_layer": metadata.default_layer,
        "head": metadata.head,
        "layers": metadata.layers.iter().zip(&anatomy.layers).map(layer).collect::<Vec<_>>(),
    })
}

fn describe(metadata: &Metadata, anatomy: &Anatomy) -> String {
    let mut text = String::new();
    let mut row = |key: &str, value: &str| {
        let _ = writeln!(text, "{key:<14} {}", sanitise(value));
    };
    row("model", &metadata.name);
    row("sha256", &metadata.source_sha256);
    row("classes", &metadata.classes.to_string());
    row("parameters", &thousands(anatomy.parameters));
    if let Some(recipe) = &metadata.recipe {
        row("input", &format!("[N, 3, {}, {}]", recipe.height, recipe.width));
        let resize = match recipe.resize {
            Resize::Squash => "squash".to_owned(),
            Resize::CenterCrop => format!("center-crop after {}", recipe.crop_resize),
        };
        let guessed = if metadata.assumed { " (assumed)" } else { "" };
        row("preprocessing", &format!("{resize}, mean {:?}, std {:?}{guessed}", recipe.mean, recipe.std));
    }
    metadata.notes.iter().for_each(|note| row("note", note));
    metadata.blocked.iter().for_each(|reason| row("no gradient", reason));
    text.push('\n');
    text.push_str(&table(metadata, anatomy));
    text
}

/// A line a layer, inner ones below the layer they are in and further to the right.
fn table(metadata: &Metadata, anatomy: &Anatomy) -> String {
    let rows: Vec<(String, &Layer, &LayerAnatomy)> = tree(&metadata.layers)
        .into_iter()
        .map(|(depth, n)| {
            let layer = &metadata.layers[n];
            let mark = if metadata.default_layer.as_ref() == Some(&layer.name) { '*' } else { ' ' };
            let name = format!("{mark} {}{}", "  ".repeat(depth), sanitise(&layer.name));
            (name, layer, &anatomy.layers[n])
        })
        .collect();
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0).max(7);
    let mut text = format!(
        "{:<width$}  {:<14} {:>12}  {:<16} gradient\n",
        "  layer", "shape", "parameters", "field/stride"
    );
    for (name, layer, found) in rows {
        let shape = layer.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("×");
        let parameters = if found.parameters == 0 { String::new() } else { thousands(found.parameters) };
        let field = field(found.receptive_field);
        let gradient = if layer.gradient { "yes" } else { "no" };
        let _ = writeln!(text, "{name:<width$}  {shape:<14} {parameters:>12}  {field:<16} {gradient}");
    }
    text.push_str("* the layer that is explained when none is named\n");
    text.push_str("field/stride: the window of the picture, in pixels, that one value sees, and how far the next one's is\n");
    text
}

/// The layers' places with how deep each lies: one that others are in comes before them, and otherwise the network's order
/// stays.
fn tree(layers: &[Layer]) -> Vec<(usize, usize)> {
    let place: HashMap<&str, usize> = layers.iter().enumerate().map(|(n, l)| (l.name.as_str(), n)).collect();
    let mut first: Vec<usize> = (0..layers.len()).collect();
    let around = |n: usize| outer(&layers[n].name).filter_map(|name| place.get(name).copied());
    for n in 0..layers.len() {
        for outer in around(n) {
            first[outer] = first[outer].min(n);
        }
    }
    // From the outermost layer inwards: where each begins, and which it is.
    let path = |n: usize| -> Vec<(usize, usize)> {
        let mut path: Vec<(usize, usize)> = around(n).map(|outer| (first[outer], outer)).collect();
        path.reverse();
        path.push((first[n], n));
        path
    };
    let mut paths: Vec<Vec<(usize, usize)>> = (0..layers.len()).map(path).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.len() - 1, path[path.len() - 1].1)).collect()
}

fn field(field: Option<ReceptiveField>) -> String {
    let pair = |[height, width]: [usize; 2]| {
        if height == width { height.to_string() } else { format!("{height}×{width}") }
    };
    match field {
        None => "?".to_owned(),
        Some(ReceptiveField::Whole) => "all".to_owned(),
        Some(ReceptiveField::Window { size, stride }) => format!("{}/{}", pair(size), pair(stride)),
    }
}

/// `4652008` as `4,652,008`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_lie_in_layers() {
        let layer = |name: &str| Layer { name: name.into(), gradient: true, ..Layer::default() };
        let names = ["conv1", "layer1.0.conv1", "layer1.0", "layer1.1", "layer1", "pool/a", "avgpool"];
        let layers = names.map(layer);
        let found: Vec<(usize, &str)> =
            tree(&layers).into_iter().map(|(depth, n)| (depth, layers[n].name.as_str())).collect();
        assert_eq!(
            found,
            [
                (0, "conv1"),
                (0, "layer1"),
                (1, "layer1.0"),
                (2, "layer1.0.conv1"),
                (1, "layer1.1"),
                (0, "pool/a"),
                (0, "avgpool")
            ]
        );
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(["0", "999", "1,000", "11,689,512"], [0, 999, 1000, 11_689_512].map(thousands));
        let window = ReceptiveField::Window { size: [435, 435], stride: [32, 16] };
        assert_eq!(field(Some(window)), "435/32×16");
    }
}
