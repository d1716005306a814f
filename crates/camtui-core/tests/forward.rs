//! Other inputs than the session's own: a batch goes to all threads and comes back in order.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicBool, Ordering};

use camtui_core::Tensor;
use camtui_core::model::{Cache, ModelError, ModelSource, Needs, Schedule, Session, open};
use camtui_core::seeded::uniform;

fn input(n: usize) -> Tensor {
    uniform(&format!("image{n}"), &[1, 3, 224, 224], 1, -1.0, 1.0)
}

/// Red when two inputs of a batch change places: tried.
#[test]
fn a_batch_gives_each_input_its_own_logits_in_order() {
    let network = open(&ModelSource::Embedded, &Cache::disabled()).unwrap();
    let network = network.into_network(Schedule::OnePicture, 2);
    let alone: Vec<Vec<f32>> = (0..5)
        .map(|n| {
            let session = Session::new(&network, input(n), Needs::default()).unwrap();
            session.logits().unwrap().data().to_vec()
        })
        .collect();
    let session = Session::new(&network, input(0), Needs::default()).unwrap();
    let never = AtomicBool::new(false);
    // One is done by all threads together, five by one each.
    for count in [1, 5] {
        let values: Vec<f32> = (0..count).flat_map(|n| input(n).data().to_vec()).collect();
        let batch = Tensor::new([count, 3, 224, 224], values).unwrap();
        let before = session.spent().forward;
        let logits = session.forward(&batch, &never).unwrap();
        assert_eq!(logits.shape(), [count, 1000]);
        assert!(session.spent().forward > before);
        for (row, expected) in logits.data().chunks(1000).zip(&alone) {
            let off = row.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-4, "{off}");
        }
        never.store(true, Ordering::Relaxed);
        assert!(matches!(session.forward(&batch, &never), Err(ModelError::Cancelled)));
        never.store(false, Ordering::Relaxed);
    }
    let wrong = Tensor::new([1, 3, 8, 8], vec![0.0; 192]).unwrap();
    assert!(matches!(session.forward(&wrong, &never), Err(ModelError::InputShape { .. })));
}
