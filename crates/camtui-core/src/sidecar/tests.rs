use super::*;

fn metadata(classes: usize) -> Metadata {
    Metadata { classes, recipe: Some(Recipe::imagenet()), assumed: true, ..Metadata::default() }
}

/// The sidecar `text` beside a model, and what is known of it afterwards.
fn applied(text: &str, labels: Option<&str>, classes: usize) -> Result<Metadata, SidecarError> {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("net.v2.onnx");
    fs::write(folder.path().join("net.v2.camtui.toml"), text).unwrap();
    if let Some(labels) = labels {
        fs::write(folder.path().join("labels.txt"), labels).unwrap();
    }
    let (sidecar, _) = read(&model)?.expect("it is there");
    let mut metadata = metadata(classes);
    sidecar.apply(&mut metadata, &model)?;
    Ok(metadata)
}

#[test]
fn what_init_writes_is_read_as_the_guesses_it_was_made_of() {
    for classes in [10, 1000] {
        let labels = if classes == 1000 { labels::imagenet() } else { vec![] };
        let before = Metadata { labels, ..metadata(classes) };
        let text = super::write::write(&before);
        assert!(text.contains("a guess"), "{text}");
        assert_eq!(applied(&text, None, classes).unwrap(), before, "{text}");
    }
}

#[test]
fn a_corrected_sidecar_is_no_guess() {
    let text = "range = [0, 255]\nmean = [127.5, 127.5, 0]\nstd = [127.5, 255, 51]\nlabels = 'labels.txt'\nresize = 'center-crop'";
    let found = applied(text, Some("cat\ndog\n"), 2).unwrap();
    let recipe = found.recipe.unwrap();
    assert_eq!((recipe.mean, recipe.std), ([0.5, 0.5, 0.0], [0.5, 1.0, 0.2]));
    assert_eq!(recipe.resize, Resize::CenterCrop);
    assert_eq!(found.labels, ["cat", "dog"]);
    assert!(!found.assumed);
    // Pixels from −1 to 1 without mean and std.
    let recipe = applied("range = [-1, 1]", None, 2).unwrap().recipe.unwrap();
    assert_eq!((recipe.mean, recipe.std), ([0.5; 3], [0.5; 3]));
}

#[test]
fn what_cannot_be_is_said() {
    let says = |text: &str, labels: Option<&str>| applied(text, labels, 2).unwrap_err().to_string();
    assert!(says("meen = [0, 0, 0]", None).contains("unknown field `meen`"));
    assert!(says("size = [10, 20]", None).contains("size is 10×20, and the model takes 224×224"));
    assert!(says("std = [0, 1, 1]", None).contains("std numbers above 0"));
    assert!(says("range = [1, 0]", None).contains("must rise"));
    assert!(says("labels = 'labels.txt'", None).contains("cannot read"));
    assert!(says("labels = 'labels.txt'", Some("a\nb\nc")).contains("3 labels, and the model has 2 classes"));
    assert!(says("labels = 'imagenet'", None).contains("the model has 2 classes"));
}

#[test]
fn labels_come_in_several_forms() {
    assert_eq!(parse_labels("a\n\nb\n"), ["a", "b"]);
    assert_eq!(parse_labels(r#"["a", "b"]"#), ["a", "b"]);
    assert_eq!(parse_labels(r#"{"10": "c", "2": "b", "0": "a"}"#), ["a", "b", "c"]);
    assert_eq!(parse_labels(r#"{"0": ["n01440764", "tench"]}"#), ["tench"]);
}
