//! The bundled explainers, written against the same interface as everybody else's: one method, one file, the
//! formula at a glance.
//!
//! The program links them in through [`entry`]; built as a library they load like any plugin and give the
//! same maps, bit for bit. Sums are taken in f64 and in a fixed order.
//!
//! Notation, here and in the files: `A` are the activations of a layer `[K, h, w]`, `g` the gradient of the
//! target's score there, `w[c, k]` the weights of a final linear layer.
#![deny(unsafe_code)]

mod ablation_cam;
mod baseline;
mod batches;
mod cam;
mod dff;
mod eigen;
mod eigen_cam;
mod eigen_grad_cam;
mod elementwise_cam;
mod factorise;
mod fem;
mod finer_cam;
mod full_grad;
mod grad_cam;
mod grad_cam_plus_plus;
mod guided_backprop;
mod guided_grad_cam;
mod hires_cam;
mod input_x_gradient;
mod integrated_gradients;
mod is_cam;
mod kernel_shap;
mod layer_cam;
mod lime;
mod masks;
mod occlusion;
mod pixels;
mod principal;
mod quadrature;
mod random_cam;
mod recipro_cam;
mod rise;
mod saliency;
mod score;
mod score_cam;
mod segments;
mod shapley_cam;
mod smooth_grad;
mod ss_cam;
mod surrogate;
mod upsample;
mod weighted;
mod xgrad_cam;

pub use principal::principal_map;

// An exported name is unsafe in Rust's eyes, so the crate denies and its modules forbid; the macro allows
// itself that line. This order is the order of lists and of the interactive session.
camtui_plugin::export!(
    grad_cam::GradCam,
    grad_cam_plus_plus::GradCamPlusPlus,
    hires_cam::HiResCam,
    xgrad_cam::XGradCam,
    elementwise_cam::ElementwiseCam,
    layer_cam::LayerCam,
    cam::Cam,
    finer_cam::FinerCam,
    shapley_cam::ShapleyCam,
    eigen_cam::EigenCam,
    eigen_grad_cam::EigenGradCam,
    fem::Fem,
    dff::Dff,
    ablation_cam::AblationCam,
    recipro_cam::ReciproCam,
    score_cam::ScoreCam,
    ss_cam::SsCam,
    is_cam::IsCam,
    occlusion::Occlusion,
    rise::Rise,
    lime::Lime,
    kernel_shap::KernelShap,
    saliency::Saliency,
    input_x_gradient::InputXGradient,
    smooth_grad::SmoothGrad,
    integrated_gradients::IntegratedGradients,
    guided_backprop::GuidedBackprop,
    guided_grad_cam::GuidedGradCam,
    full_grad::FullGrad,
    random_cam::RandomCam,
);
