//! What both targets do with a model, and the networks that one of them makes up.
//!
//! No target runs a network: reading, describing and differentiating are camtui's own code, and it is that code
//! which gets other people's files first.

mod network;

use camtui_core::grad::differentiate;
use camtui_core::onnx::pb::ModelProto;
use camtui_core::onnx::{describe::describe, intake, subgraph::encode};

pub use network::network;

/// Takes `model` the way a file takes up to the runtime. Any refusal will do; what is not refused must be a model that
/// is as sound as one that was read.
pub fn take(mut model: ModelProto) {
    if describe(&mut model, "fuzzed").is_err() {
        return;
    }
    if let Ok(differentiated) = differentiate(model) {
        let bytes = encode(&differentiated.model);
        if let Err(error) = intake::decode(&bytes) {
            panic!("the differentiated model is refused: {error}");
        }
    }
}
