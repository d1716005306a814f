//! The bundled explainers, written against the same interface as everybody else's: one method, one file, the formula at a
//! glance.
//!
//! The program links them in through [`entry`]; built as a library they load like any plugin and give the same maps, bit for
//! bit. Sums are taken in f64 and in a fixed order.
//!
//! Notation, here and in the files: `A` are the activations of a layer `[K, h, w]`, `g` the gradient of the target's
//! score there, `w[c, k]` the weights of a final linear layer.
#![cfg_attr(not(feature = "symbol"), forbid(unsafe_code))]
// An exported name is unsafe in Rust's eyes; the macro below allows itself that one line.
#![cfg_attr(feature = "symbol", deny(unsafe_code))]

mod cam;
mod grad_cam;
mod weighted;

camtui_plugin::export!(fn entry: cam::Cam, grad_cam::GradCam);

#[cfg(feature = "symbol")]
camtui_plugin::export!(symbol: cam::Cam, grad_cam::GradCam);
