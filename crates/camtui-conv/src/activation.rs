//! What follows a sum: the functions between a network's layers.

/// A function of one number, applied to each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// x
    #[default]
    Linear,
    /// max(x, 0)
    Relu,
    /// min(max(x, low), high): `ReLU6` is 0 and 6.
    Clip {
        /// The least result.
        low: f32,
        /// The greatest result.
        high: f32,
    },
    /// x where positive, slope·x elsewhere
    LeakyRelu {
        /// The slope below zero.
        slope: f32,
    },
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// x · sigmoid(x), also called Swish
    Silu,
    /// min(max(α·x + β, 0), 1)
    HardSigmoid {
        /// The slope in the middle; 1/6 in most networks.
        alpha: f32,
        /// The value at zero; 1/2 in most networks.
        beta: f32,
    },
    /// x · min(max(x/6 + 1/2, 0), 1)
    HardSwish,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// `ReLU6`: min(max(x, 0), 6).
    pub const RELU6: Activation = Activation::Clip { low: 0.0, high: 6.0 };

    /// The function itself, in double precision: what the quick ones are measured against.
    pub fn exactly(self, x: f64) -> f64 {
        let between = |x: f64, low: f64, high: f64| {
            if x < low {
                low
            } else if x > high {
                high
            } else {
                x
            }
        };
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        match self {
            Activation::Linear => x,
            Activation::Relu => between(x, 0.0, f64::INFINITY),
            Activation::Clip { low, high } => between(x, low.into(), high.into()),
            Activation::LeakyRelu { slope } => {
                if x < 0.0 {
                    x * f64::from(slope)
                } else {
                    x
                }
            }
            Activation::Sigmoid => sigmoid(x),
            Activation::Silu => x * sigmoid(x),
            Activation::HardSigmoid { alpha, beta } => {
                between(f64::from(alpha) * x + f64::from(beta), 0.0, 1.0)
            }
            Activation::HardSwish => x * between(x / 6.0 + 0.5, 0.0, 1.0),
            Activation::Tanh => x.tanh(),
        }
    }
}
