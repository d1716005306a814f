//! Well-known networks with random weights, a picture in and scores out.

use camtui_conv::{Activation, Builder, Convolution, Padding, Shape, Value, Weights, Window};

/// Each network's name and description.
pub const ALL: [(&str, fn() -> Builder); 4] = [
    ("resnet18", || resnet(&[2, 2, 2, 2], false)),
    ("resnet50", || resnet(&[3, 4, 6, 3], true)),
    ("mobilenet_v2", mobilenet_v2),
    ("efficientnet_lite0", efficientnet_lite0),
];

/// A network under way.
struct Network {
    builder: Builder,
    seed: u32,
}

impl Network {
    fn new(size: usize) -> (Network, Value) {
        let mut builder = Builder::new();
        let picture = builder.input(Shape::new(3, size, size)).expect("a picture");
        (Network { builder, seed: 1 }, picture)
    }

    /// Numbers from −1 to 1.
    fn numbers(&mut self, count: usize) -> Vec<f32> {
        let mut next = || {
            self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.seed >> 8) as f32 / (1u32 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    #[expect(clippy::too_many_arguments, reason = "a layer's whole description")]
    fn convolve(
        &mut self,
        x: Value,
        outs: usize,
        kernel: usize,
        stride: usize,
        groups: usize,
        add: Option<Value>,
        activation: Activation,
    ) -> Value {
        let ins = self.builder.shape(x).channels / groups;
        let spread = (3.0 / (ins * kernel * kernel) as f32).sqrt();
        let dims = [outs, ins, kernel, kernel];
        let numbers = self.numbers(dims.iter().product()).into_iter().map(|x| x * spread).collect::<Vec<_>>();
        let bias = self.numbers(outs);
        let convolution = Convolution {
            stride: [stride; 2],
            padding: Padding::all(kernel / 2),
            groups,
            ..Convolution::of(Weights::new(dims, numbers, Some(bias)).expect("numbers that fit"))
        };
        self.builder.convolve(x, convolution, add, activation).expect("a layer")
    }

    /// Scores of a thousand classes.
    fn classify(mut self, x: Value) -> Builder {
        let mean = self.builder.global_average(x).expect("a picture");
        let scores = self.convolve(mean, 1000, 1, 1, 1, None, Activation::Linear);
        self.builder.output(scores);
        self.builder
    }

    /// A narrow value widened, filtered channel by channel and narrowed again (an "inverted residual").
    fn inverted(&mut self, x: Value, wider: usize, outs: usize, kernel: usize, stride: usize) -> Value {
        let ins = self.builder.shape(x).channels;
        let wide = ins * wider;
        let inner = if wider > 1 { self.convolve(x, wide, 1, 1, 1, None, Activation::RELU6) } else { x };
        let inner = self.convolve(inner, wide, kernel, stride, wide, None, Activation::RELU6);
        let add = (stride == 1 && ins == outs).then_some(x);
        self.convolve(inner, outs, 1, 1, 1, add, Activation::Linear)
    }
}

/// torchvision's `ResNet`, of plain blocks or of bottlenecks.
fn resnet(stages: &[usize; 4], bottleneck: bool) -> Builder {
    let (mut net, x) = Network::new(224);
    let x = net.convolve(x, 64, 7, 2, 1, None, Activation::Relu);
    let window =
        Window { kernel: [3; 2], stride: [2; 2], padding: Padding::all(1), count_include_pad: false };
    let mut x = net.builder.max_pool(x, window).expect("a picture");
    for (stage, &blocks) in stages.iter().enumerate() {
        let width = 64 << stage;
        let outs = if bottleneck { 4 * width } else { width };
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let same = stride == 1 && net.builder.shape(x).channels == outs;
            let short = if same { x } else { net.convolve(x, outs, 1, stride, 1, None, Activation::Linear) };
            x = if bottleneck {
                let y = net.convolve(x, width, 1, 1, 1, None, Activation::Relu);
                let y = net.convolve(y, width, 3, stride, 1, None, Activation::Relu);
                net.convolve(y, outs, 1, 1, 1, Some(short), Activation::Relu)
            } else {
                let y = net.convolve(x, outs, 3, stride, 1, None, Activation::Relu);
                net.convolve(y, outs, 3, 1, 1, Some(short), Activation::Relu)
            };
        }
    }
    net.classify(x)
}

/// `MobileNetV2` at width 1.
fn mobilenet_v2() -> Builder {
    // wider, channels, blocks, stride
    const STAGES: [(usize, usize, usize, usize); 7] = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ];
    let (mut net, x) = Network::new(224);
    let mut x = net.convolve(x, 32, 3, 2, 1, None, Activation::RELU6);
    for (wider, outs, blocks, stride) in STAGES {
        for block in 0..blocks {
            x = net.inverted(x, wider, outs, 3, if block == 0 { stride } else { 1 });
        }
    }
    let x = net.convolve(x, 1280, 1, 1, 1, None, Activation::RELU6);
    net.classify(x)
}

/// `EfficientNet-Lite0`.
fn efficientnet_lite0() -> Builder {
    // wider, channels, blocks, stride, kernel
    const STAGES: [(usize, usize, usize, usize, usize); 7] = [
        (1, 16, 1, 1, 3),
        (6, 24, 2, 2, 3),
        (6, 40, 2, 2, 5),
        (6, 80, 3, 2, 3),
        (6, 112, 3, 1, 5),
        (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    ];
    let (mut net, x) = Network::new(224);
    let mut x = net.convolve(x, 32, 3, 2, 1, None, Activation::RELU6);
    for (wider, outs, blocks, stride, kernel) in STAGES {
        for block in 0..blocks {
            x = net.inverted(x, wider, outs, kernel, if block == 0 { stride } else { 1 });
        }
    }
    let x = net.convolve(x, 1280, 1, 1, 1, None, Activation::RELU6);
    net.classify(x)
}
