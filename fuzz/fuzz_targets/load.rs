//! Any bytes as an ONNX file.
#![no_main]

use camtui_core::onnx::intake;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = intake::decode(bytes) {
        camtui_fuzz::take(model);
    }
});
