//! The bundled explainers: their formulas against closed forms, and the same maps linked in or loaded.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]

mod toy;

use camtui_host::{Asked, Backend, ExplainError, Library, Params, Registry};
use toy::{CHANNELS, Toy, ask, built, class, registry, values, weights};

fn linked() -> Registry {
    registry(Library::bundled("standard", camtui_standard::entry()).unwrap())
}

#[test]
fn linked_in_or_loaded_the_maps_are_the_same_bits() {
    let (library, _) = Library::load(&built("camtui-standard"), Asked::ByFile).unwrap();
    let (linked, loaded) = (linked(), registry(library));
    assert_eq!(linked.explainers().len(), 30);
    let toy = Toy::default();
    for (id, here) in linked.explainers() {
        let there = loaded.find(id).unwrap();
        assert_eq!(here.info(), there.info());
        for layer in [None, Some("conv"), Some("pooled"), Some("early")] {
            for seed in [class(0), class(2), vec![1.0, -1.0, 0.0], vec![0.2, 0.3, 0.5]] {
                let bits = |result: Result<camtui_host::Output, ExplainError>| {
                    result.map(|output| {
                        let bits: Vec<u32> = output.map.values.iter().map(|v| v.to_bits()).collect();
                        (output.map.height, output.map.width, bits, output.notes, output.layer)
                    })
                };
                assert_eq!(bits(ask(here, &toy, layer, &seed)), bits(ask(there, &toy, layer, &seed)));
            }
        }
    }
}

#[test]
fn cam_weighs_channels_by_the_rows_of_the_seed() {
    let registry = linked();
    let (cam, toy) = (registry.find("cam").unwrap(), Toy::default());
    for seed in [class(1), vec![1.0, 0.0, -1.0]] {
        let output = ask(cam, &toy, None, &seed).unwrap();
        assert_eq!((output.map.height, output.map.width), (2, 3));
        assert_eq!(output.layer.as_deref(), Some("pooled"));
        assert!(output.notes.is_empty());
        let activation = values("pooled");
        for at in 0..6 {
            let expected: f32 = (0..CHANNELS)
                .flat_map(|k| seed.iter().enumerate().map(move |(c, s)| (c, k, s)))
                .map(|(c, k, s)| s * weights()[c * CHANNELS + k] * activation.data()[k * 6 + at])
                .sum();
            assert!((output.map.values[at] - expected).abs() < 1e-6, "{at}");
        }
    }
}

#[test]
fn cam_is_the_area_times_grad_cam_at_the_pooled_layer() {
    let registry = linked();
    let toy = Toy::default();
    for target in 0..3 {
        let map = |id| ask(registry.find(id).unwrap(), &toy, None, &class(target)).unwrap().map.values;
        let (cam, grad_cam) = (map("cam"), map("grad-cam"));
        assert!(cam.iter().any(|v| *v < 0.0), "the maps are given before any ReLU");
        for (c, g) in cam.iter().zip(&grad_cam) {
            assert!((c - 6.0 * g).abs() < 1e-6 * c.abs().max(0.1), "{c} {g}");
        }
    }
}

#[test]
fn grad_cam_weighs_channels_by_their_mean_gradient() {
    let registry = linked();
    let toy = Toy::default();
    let output = ask(registry.find("grad-cam").unwrap(), &toy, Some("early"), &class(1)).unwrap();
    let gradient =
        toy.gradient(camtui_host::Place::Layer("early"), &class(1), camtui_host::Rule::Plain).unwrap();
    let activation = values("early");
    for at in 0..72 {
        let mean = |k: usize| gradient.data()[k * 72..(k + 1) * 72].iter().sum::<f32>() / 72.0;
        let expected: f32 = (0..7).map(|k| mean(k) * activation.data()[k * 72 + at]).sum();
        assert!((output.map.values[at] - expected).abs() < 1e-6, "{at}");
    }
    let info = registry.find("grad-cam").unwrap().info();
    assert!(info.rectify && info.needs.gradients && info.needs.activations && !info.needs.forward);
    assert!(!registry.find("cam").unwrap().info().rectify);
}

#[test]
fn cam_says_what_it_cannot_explain() {
    let registry = linked();
    let cam = registry.find("cam").unwrap();
    let toy = Toy::default();
    let output = ask(cam, &toy, Some("conv"), &class(0)).unwrap();
    assert_eq!(output.layer.as_deref(), Some("conv"));
    assert_eq!(
        output.notes,
        ["the weights belong to pooled, not to conv, whose channels they are laid over"]
    );
    let refused = |toy: &Toy, layer| {
        let error = ask(cam, toy, layer, &class(0)).unwrap_err();
        assert!(matches!(error, ExplainError::NotSupported { .. }), "{error:?}");
        assert!(!error.is_the_explainers_fault());
        error.to_string()
    };
    assert_eq!(
        refused(&toy, Some("early")),
        "`cam`: CAM's weights belong to the 4 channels of pooled, and layer early has 7; leave the layer out, or take \
         grad-cam, which explains any layer"
    );
    assert_eq!(
        refused(&toy, Some("flat")),
        "`cam`: layer flat has shape [4], without height and width; choose a layer [channels, height, width]"
    );
    assert_eq!(
        refused(&Toy { has_head: false, ..Toy::default() }, None),
        "`cam`: CAM needs a network that ends in global average pooling and one linear layer (its last pooling is \
         followed by two linear layers); grad-cam explains any network"
    );
}

#[test]
fn what_cannot_be_asked_is_a_sentence() {
    let registry = linked();
    let grad_cam = registry.find("grad-cam").unwrap();
    let toy = Toy::default();
    let says = |layer, seed: &[f32]| ask(grad_cam, &toy, layer, seed).unwrap_err().to_string();
    assert_eq!(
        says(Some("layer9"), &class(0)),
        "this model has no layer `layer9`; it has early, conv, pooled, closed, flat"
    );
    assert_eq!(says(None, &[1.0]), "the seed has 1 values, the model 3 classes");
    assert_eq!(
        says(Some("closed"), &class(0)),
        "`grad-cam`: the gradient of layer closed is not in this model"
    );
    let error = registry.find("gradcam").unwrap_err().to_string();
    assert_eq!(error, "there is no explainer `gradcam`");
    assert!(Params::parse(grad_cam.info(), &["x=1"]).unwrap_err().to_string().ends_with("it has none"));
}

#[test]
fn the_template_loads_and_works() {
    let (library, _) = Library::load(&built("camtui-template"), Asked::ByFile).unwrap();
    let registry = registry(library);
    let explainer = registry.find("mean-activation").unwrap();
    assert!(explainer.info().class_agnostic);
    assert_eq!(explainer.info().version, env!("CARGO_PKG_VERSION"));
    let output = ask(explainer, &Toy::default(), Some("conv"), &class(0)).unwrap();
    assert_eq!(output.layer.as_deref(), Some("conv"));
    let activation = values("conv");
    for at in 0..30 {
        let expected = (0..CHANNELS).map(|k| activation.data()[k * 30 + at]).sum::<f32>() / CHANNELS as f32;
        assert!((output.map.values[at] - expected).abs() < 1e-6);
    }
}
