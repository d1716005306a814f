//! A network made up from the bytes: operators in any order with any attributes.
#![no_main]

use camtui_core::onnx::{intake, subgraph::encode};
use libfuzzer_sys::{arbitrary::Unstructured, fuzz_target};

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = camtui_fuzz::network(&mut Unstructured::new(bytes)) else { return };
    if let Ok(model) = intake::decode(&encode(&model)) {
        camtui_fuzz::take(model);
    }
});
