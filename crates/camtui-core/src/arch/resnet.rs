//! ResNet-18 as torchvision defines it (He et al., "Deep Residual Learning for Image Recognition", 2015).
//!
//! Values bear the names of the modules whose outputs they are, as a hook on `layer4.1.conv2` sees them. The one
//! exception: a block calls its `relu` module twice, so the first of the two is `layerN.B.relu1`, and the second, which
//! is the block's own output, is `layerN.B`.

use super::blueprint::{Blueprint, Conv, Value};

const EPSILON: f32 = 1e-5;

/// Draws ResNet-18 for pictures of 224×224.
pub fn resnet18(classes: usize) -> Blueprint {
    let (mut net, image) = Blueprint::new("resnet18", 224, 224);
    let x = net.conv("conv1", &image, Conv { out: 64, kernel: 7, stride: 2, pad: (3, 3), groups: 1 });
    let x = net.batch_norm("bn1", &x, EPSILON);
    let x = net.relu("relu", &x);
    net.layer("relu", &x);
    let mut x = net.max_pool("maxpool", &x, 3, 2, 1);
    for (stage, channels) in [(1, 64), (2, 128), (3, 256), (4, 512)] {
        let stride = if stage == 1 { 1 } else { 2 };
        let name = format!("layer{stage}");
        x = basic_block(&mut net, &format!("{name}.0"), &x, channels, stride);
        x = basic_block(&mut net, &format!("{name}.1"), &x, channels, 1);
        net.layer(&name, &x);
    }
    net.pooled_linear_head("avgpool", "fc", &x, classes);
    net
}

/// Two 3×3 convolutions around a shortcut, which is a 1×1 convolution where the shape changes.
fn basic_block(net: &mut Blueprint, name: &str, x: &Value, channels: usize, stride: usize) -> Value {
    let conv3 = |stride| Conv { out: channels, kernel: 3, stride, pad: (1, 1), groups: 1 };
    let y = net.conv(&format!("{name}.conv1"), x, conv3(stride));
    let y = net.batch_norm(&format!("{name}.bn1"), &y, EPSILON);
    let y = net.relu(&format!("{name}.relu1"), &y);
    let y = net.conv(&format!("{name}.conv2"), &y, conv3(1));
    let y = net.batch_norm(&format!("{name}.bn2"), &y, EPSILON);
    let shortcut = if stride == 1 && x.shape[0] == channels {
        x.clone()
    } else {
        let conv1 = Conv { out: channels, kernel: 1, stride, pad: (0, 0), groups: 1 };
        let s = net.conv(&format!("{name}.downsample.0"), x, conv1);
        let s = net.batch_norm(&format!("{name}.downsample.1"), &s, EPSILON);
        net.layer(&format!("{name}.downsample"), &s);
        s
    };
    let sum = net.add(&format!("{name}.sum"), &y, &shortcut);
    let y = net.relu(name, &sum);
    net.layer(name, &y);
    y
}
