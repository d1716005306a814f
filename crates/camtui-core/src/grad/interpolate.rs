//! The weights by which ONNX's Resize makes an output element of the input's along one axis.

/// One axis that is resized.
pub(super) struct Axis {
    pub input: usize,
    pub output: usize,
    /// Output over input as the node says it, which need not be the quotient of the extents.
    pub scale: f64,
}

/// How.
#[derive(Clone, Copy)]
pub(super) struct Method<'a> {
    /// One of [`Method::COORDINATES`].
    pub coordinates: &'a str,
    /// How a coordinate is rounded to the nearest element; `None` is linear interpolation.
    pub nearest: Option<&'a str>,
}

impl Method<'_> {
    /// The coordinate transformations that are known.
    pub const COORDINATES: [&'static str; 5] =
        ["half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "align_corners", "asymmetric"];
}

impl Axis {
    /// `W[i,q]`, row-major `[output, input]`: `y[i] = Σ W[i,q]·x[q]`.
    pub fn weights(&self, method: Method) -> Vec<f64> {
        let mut weights = vec![0.0; self.output * self.input];
        for i in 0..self.output {
            let row = &mut weights[i * self.input..(i + 1) * self.input];
            let at = self.coordinate(method.coordinates, i as f64);
            let last = (self.input - 1) as f64;
            if let Some(rounding) = method.nearest {
                row[rounded(rounding, at).clamp(0.0, last) as usize] = 1.0;
            } else {
                // Beyond the ends the outermost element goes on.
                let low = at.floor();
                row[low.clamp(0.0, last) as usize] += 1.0 - (at - low);
                row[(low + 1.0).clamp(0.0, last) as usize] += at - low;
            }
        }
        weights
    }

    /// Where the output's element `i` lies among the input's.
    fn coordinate(&self, transformation: &str, i: f64) -> f64 {
        let (input, output) = (self.input as f64, self.output as f64);
        match transformation {
            "asymmetric" => i / self.scale,
            "align_corners" | "pytorch_half_pixel" if self.output == 1 => 0.0,
            "align_corners" => i * (input - 1.0) / (output - 1.0),
            "half_pixel_symmetric" => {
                // The extent was rounded down; the middle stays where it is.
                let adjustment = output / (input * self.scale);
                let offset = input / 2.0 * (1.0 - adjustment);
                offset + (i + 0.5) / self.scale - 0.5
            }
            _ => (i + 0.5) / self.scale - 0.5,
        }
    }
}

fn rounded(rounding: &str, at: f64) -> f64 {
    match rounding {
        "floor" => at.floor(),
        "ceil" => at.ceil(),
        "round_prefer_ceil" => (at + 0.5).floor(),
        _ => (at - 0.5).ceil(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_weights_are_shares_of_two_neighbours() {
        let axis = Axis { input: 2, output: 4, scale: 2.0 };
        let linear = Method { coordinates: "half_pixel", nearest: None };
        assert_eq!(axis.weights(linear), [1.0, 0.0, 0.75, 0.25, 0.25, 0.75, 0.0, 1.0]);
        let corners = Method { coordinates: "align_corners", nearest: None };
        let third = axis.weights(corners)[3];
        assert!((third - 1.0 / 3.0).abs() < 1e-15, "{third}");
    }

    #[test]
    fn a_tie_goes_where_it_is_told() {
        let axis = Axis { input: 4, output: 2, scale: 0.5 };
        let nearest = |rounding| {
            let method = Method { coordinates: "half_pixel", nearest: Some(rounding) };
            axis.weights(method)[..4].iter().position(|&w| w > 0.0)
        };
        assert_eq!(nearest("round_prefer_floor"), Some(0));
        assert_eq!(nearest("round_prefer_ceil"), Some(1));
        assert_eq!(nearest("floor"), Some(0));
        assert_eq!(nearest("ceil"), Some(1));
    }
}
