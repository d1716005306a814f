//! What stands beside the places: tokens behind them, gates without any, pictures that are pictures already.

use super::*;

/// Registers in place of a class token, or a class token that comes last.
#[test]
fn tokens_behind_the_places_stay() {
    let mut net = Net::of_patches();
    net.rows();
    net.with_class_token();
    net.0.node("Concat", &["row", "classes"], "behind", vec![int("axis", 1)]);
    net.block("behind", "one");
    net.norm("one", "last");
    net.mean_over("last", &[1]);
    let graph = net.head("pooled");
    let names = layers(&graph, &["behind", "one", "last"]);
    let plain = on_tract(&exported(graph.clone(), names.clone()));
    let (mut graph, mut names) = (graph, names);
    assert_eq!(fold(&mut graph, 17, &mut names).as_deref(), Some("last"));
    let found = on_tract(&exported(graph, names));
    assert_eq!(found["logits"], plain["logits"]);
    let places = SIDES[0] * SIDES[1] * CHANNELS;
    for name in ["behind", "one", "last"] {
        let key = format!("activation:{name}");
        assert_eq!(found[&key], folded(&plain[&key][..places], 0), "{name}");
        let key = format!("gradient:{name}");
        assert!(relative(&found[&key], &folded(&plain[&key][..places], 0)) < 1e-12, "{name}");
    }
    assert!(relative(&found["gradient:image"], &plain["gradient:image"]) < 1e-12);
}

/// The classes depend on all of a gate, which has no places.
#[test]
fn a_gate_is_not_explained_by_default() {
    let mut net = Net::of_patches();
    net.rows();
    net.block("row", "one");
    net.norm("one", "last");
    net.0.node("ReduceMean", &["last"], "gate", vec![ints("axes", &[1]), int("keepdims", 1)]);
    net.0.node("Mul", &["last", "gate"], "weighed", vec![]);
    net.mean_over("weighed", &[1]);
    let mut graph = net.head("pooled");
    let mut names = layers(&graph, &["last", "gate"]);
    assert_eq!(fold(&mut graph, 17, &mut names).as_deref(), Some("last"));
}

#[test]
fn a_picture_is_left_as_it_is() {
    let mut graph = channels_last();
    let mut names = layers(&graph, &["patches", "turned"]);
    fold(&mut graph, 17, &mut names);
    assert_eq!([&names[0].value, &names[1].value], ["patches", "turned/fold/grid"]);
}
