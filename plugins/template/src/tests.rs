//! The formula on a made-up network, against numbers worked out by hand. Neither camtui nor a model is needed.

use camtui_plugin::testing::FakeSession;

use super::MeanActivation;

#[test]
fn every_place_has_the_mean_of_its_channels() {
    // Two channels of 1 row and 3 columns.
    let session = FakeSession::new(10).layer("conv", [2, 1, 3], [1.0, 2.0, 3.0, 5.0, 0.0, -3.0]);
    let map = session.explain(&MeanActivation).unwrap();
    assert_eq!((map.height(), map.width()), (1, 3));
    assert_eq!(map.values(), [3.0, 1.0, 0.0]);
}

#[test]
fn a_model_without_layers_is_refused_with_a_sentence() {
    let refused = FakeSession::new(10).explain(&MeanActivation).unwrap_err();
    assert!(refused.to_string().contains("no layer"));
}
