//! What a file's own metadata says in the words that others use: labels, mean, std.
//!
//! There is no standard for this. Ultralytics writes `names` as Python prints a dictionary; other tools write lists as
//! JSON under names that say what they are.

use crate::onnx::metadata::Metadata;
use crate::onnx::pb::ModelProto;

use super::parse_labels;

/// Names under which labels are kept.
const LABELS: [&str; 4] = ["labels", "class_names", "classes", "names"];

/// Takes over what `model`'s metadata says. Labels count only where there is one a class; preprocessing only where both
/// mean and std are there. What is still missing stays marked as assumed.
pub fn apply(model: &ModelProto, metadata: &mut Metadata) {
    let find =
        |key: &str| model.metadata_props.iter().find(|p| p.key == key).map(|p| p.value.trim().to_owned());
    let labels = LABELS.iter().filter_map(|key| find(key)).map(|text| labels(&text));
    let labels = labels.into_iter().find(|l| l.len() == metadata.classes);
    let triple = |key: &str| serde_json::from_str::<[f32; 3]>(&find(key)?).ok();
    let preprocessing = triple("mean").zip(triple("std")).filter(|(mean, std)| {
        mean.iter().all(|m| m.is_finite()) && std.iter().all(|s| s.is_finite() && *s > 0.0)
    });
    metadata.assumed = labels.is_none() || preprocessing.is_none();
    if let Some(labels) = labels {
        metadata.labels = labels;
    }
    if let (Some((mean, std)), Some(recipe)) = (preprocessing, &mut metadata.recipe) {
        // Larger than a pixel can be when white is 1: white is 255.
        let white = if mean.iter().chain(&std).any(|v| *v > 1.5) { 255.0 } else { 1.0 };
        (recipe.mean, recipe.std) = (mean.map(|v| v / white), std.map(|v| v / white));
    }
}

fn labels(text: &str) -> Vec<String> {
    if serde_json::from_str::<serde_json::Value>(text).is_err() && text.starts_with('{') {
        return dictionary(text);
    }
    parse_labels(text)
}

/// `{0: 'tench', 1: "jack-o'-lantern"}`: the strings, in the order they stand there.
fn dictionary(text: &str) -> Vec<String> {
    let mut labels = Vec::new();
    let mut rest = text.chars();
    while let Some(quote) = rest.find(|c| matches!(c, '\'' | '"')) {
        let mut label = String::new();
        while let Some(c) = rest.next().filter(|&c| c != quote) {
            label.extend(if c == '\\' { rest.next() } else { Some(c) });
        }
        labels.push(label);
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipe;
    use crate::onnx::pb::StringStringEntryProto;

    #[test]
    fn labels_and_preprocessing_of_other_tools_are_understood() {
        let of = |props: &[(&str, &str)]| {
            let entry = |&(key, value): &(&str, &str)| StringStringEntryProto {
                key: key.into(),
                value: value.into(),
            };
            let model =
                ModelProto { metadata_props: props.iter().map(entry).collect(), ..ModelProto::default() };
            let recipe = Some(Recipe::imagenet());
            let mut metadata = Metadata { classes: 2, recipe, assumed: true, ..Metadata::default() };
            apply(&model, &mut metadata);
            (metadata.labels, metadata.recipe.unwrap().mean, metadata.assumed)
        };
        let usual = Recipe::imagenet().mean;
        let names = r#"{0: 'a \'cat\'', 1: "a dog"}"#;
        assert_eq!(of(&[("names", names)]), (vec!["a 'cat'".into(), "a dog".into()], usual, true));
        let all = [("labels", r#"["cat", "dog"]"#), ("mean", "[127.5, 0, 255]"), ("std", "[127.5, 1, 255]")];
        assert_eq!(of(&all), (vec!["cat".into(), "dog".into()], [0.5, 0.0, 1.0], false));
        assert_eq!(of(&[("labels", "cat\ndog\nfox")]), (vec![], usual, true), "one too many");
        let zero = [("mean", "[0, 0, 0]"), ("std", "[0, 1, 1]")];
        assert_eq!(of(&zero), (vec![], usual, true), "nothing is divided by 0");
    }
}
