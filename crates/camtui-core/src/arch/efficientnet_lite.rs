//! EfficientNet-Lite0 as the Python package `efficientnet_lite_pytorch` defines it (Tan & Le, "EfficientNet", 2019; the
//! Lite variant has ReLU6 instead of swish and no squeeze-and-excitation).
//!
//! Values bear that package's module names. It calls one `_swish` module several times, so activations have names of
//! their own: `_stem` for the first, `_blocks.N.expanded` and `_blocks.N.filtered` inside a block, and
//! `features` for the last (what the package's `extract_features` returns).

use super::blueprint::{Blueprint, Conv, Value};

const EPSILON: f32 = 1e-3;

/// One run of equal blocks: how many, their kernel, the first one's stride, how much each widens, output channels.
struct Run {
    repeat: usize,
    kernel: usize,
    stride: usize,
    expand: usize,
    out: usize,
}

const RUNS: [Run; 7] = [
    Run { repeat: 1, kernel: 3, stride: 1, expand: 1, out: 16 },
    Run { repeat: 2, kernel: 3, stride: 2, expand: 6, out: 24 },
    Run { repeat: 2, kernel: 5, stride: 2, expand: 6, out: 40 },
    Run { repeat: 3, kernel: 3, stride: 2, expand: 6, out: 80 },
    Run { repeat: 3, kernel: 5, stride: 1, expand: 6, out: 112 },
    Run { repeat: 4, kernel: 5, stride: 2, expand: 6, out: 192 },
    Run { repeat: 1, kernel: 3, stride: 1, expand: 6, out: 320 },
];

/// Draws EfficientNet-Lite0 for pictures of 224×224.
pub fn efficientnet_lite0(classes: usize) -> Blueprint {
    let (mut net, image) = Blueprint::new("efficientnet-lite0", 224, 224);
    let x = net.conv("_conv_stem", &image, same(&image, 32, 3, 2, 1));
    let x = net.batch_norm("_bn0", &x, EPSILON);
    let mut x = net.relu6("_stem", &x);
    net.layer("_stem", &x);
    let mut block = 0;
    for run in RUNS {
        for i in 0..run.repeat {
            let stride = if i == 0 { run.stride } else { 1 };
            x = inverted_residual(&mut net, &format!("_blocks.{block}"), &x, &Run { stride, ..run });
            block += 1;
        }
    }
    let x = net.conv("_conv_head", &x, same(&x, 1280, 1, 1, 1));
    let x = net.batch_norm("_bn1", &x, EPSILON);
    let x = net.relu6("features", &x);
    net.layer("features", &x);
    net.pooled_linear_head("_avg_pooling", "_fc", &x, classes);
    net
}

/// Widen by 1×1, filter each channel by itself, narrow by 1×1 without activation; a shortcut where shapes allow.
fn inverted_residual(net: &mut Blueprint, name: &str, x: &Value, run: &Run) -> Value {
    let part = |p: &str| format!("{name}.{p}");
    let mut y = x.clone();
    if run.expand != 1 {
        y = net.conv(&part("_expand_conv"), &y, same(&y, x.shape[0] * run.expand, 1, 1, 1));
        y = net.batch_norm(&part("_bn0"), &y, EPSILON);
        y = net.relu6(&part("expanded"), &y);
        net.layer(&part("expanded"), &y);
    }
    let wide = y.shape[0];
    y = net.conv(&part("_depthwise_conv"), &y, same(&y, wide, run.kernel, run.stride, wide));
    y = net.batch_norm(&part("_bn1"), &y, EPSILON);
    y = net.relu6(&part("filtered"), &y);
    net.layer(&part("filtered"), &y);
    y = net.conv(&part("_project_conv"), &y, same(&y, run.out, 1, 1, 1));
    y = net.batch_norm(&part("_bn2"), &y, EPSILON);
    if run.stride == 1 && x.shape[0] == run.out {
        y = net.add(name, &y, x);
    }
    net.layer(name, &y);
    y
}

/// TensorFlow's "same" padding for a square input: the output is ⌈n / stride⌉, and where the zeros cannot be shared
/// out equally, the bottom and right get one more.
fn same(x: &Value, out: usize, kernel: usize, stride: usize, groups: usize) -> Conv {
    let n = x.shape[1];
    let total = ((n.div_ceil(stride) - 1) * stride + kernel).saturating_sub(n);
    Conv { out, kernel, stride, pad: (total / 2, total - total / 2), groups }
}
