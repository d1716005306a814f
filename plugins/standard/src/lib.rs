//! The bundled explainers, written against the same interface as everybody else's: one method, one file, the
//! formula at a glance.
//!
//! The program links them in through [`entry`]; built as a library they load like any plugin and give the
//! same maps, bit for bit. Sums are taken in f64 and in a fixed order.
//!
//! Notation, here and in the files: `A` are the activations of a layer `[K, h, w]`, `g` the gradient of the
//! target's score there, `w[c, k]` the weights of a final linear layer.
#![deny(unsafe_code)]

mod cam;
mod eigen;
mod eigen_cam;
mod grad_cam;
mod grad_cam_plus_plus;
mod hires_cam;
mod layer_cam;
mod occlusion;
mod random;
mod random_cam;
mod weighted;
mod xgrad_cam;

// An exported name is unsafe in Rust's eyes, so the crate denies and its modules forbid; the macro allows
// itself that line. This order is the order of lists and of the interactive session.
camtui_plugin::export!(
    grad_cam::GradCam,
    grad_cam_plus_plus::GradCamPlusPlus,
    hires_cam::HiResCam,
    xgrad_cam::XGradCam,
    layer_cam::LayerCam,
    cam::Cam,
    eigen_cam::EigenCam,
    occlusion::Occlusion,
    random_cam::RandomCam,
);
