//! The arithmetic of sliding windows that convolutions and poolings share: how far they reach and what they yield.

use crate::onnx::pb::NodeProto;

use super::attributes::{int, ints, string};

/// No extent, stride or padding is larger: products of two are numbers without fear.
const WIDEST: usize = 1 << 24;

/// A sliding window over the spatial axes, one entry an axis, paddings made explicit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub input: Vec<usize>,
    pub kernel: Vec<usize>,
    pub stride: Vec<usize>,
    pub dilation: Vec<usize>,
    /// Padding before the first element.
    pub begin: Vec<usize>,
    /// Padding after the last element.
    pub end: Vec<usize>,
    /// Number of window positions.
    pub output: Vec<usize>,
}

impl Window {
    /// The window of a Conv or pooling node over an input of the spatial extents `input`.
    ///
    /// `None` where the attributes contradict each other or the window does not fit.
    pub fn new(node: &NodeProto, input: &[usize], kernel: &[usize]) -> Option<Self> {
        let rank = input.len();
        let read = |name: &str, default: usize, len: usize| read(node, name, default, len);
        let stride = read("strides", 1, rank)?;
        let dilation = read("dilations", 1, rank)?;
        if kernel.len() != rank || ![kernel, &stride, &dilation, input].iter().all(|v| sensible(v)) {
            return None;
        }
        let reach: Vec<usize> = (0..rank).map(|a| dilation[a] * (kernel[a] - 1) + 1).collect();
        let (mut begin, mut end) = (vec![0; rank], vec![0; rank]);
        match string(node, "auto_pad").unwrap_or("NOTSET") {
            "SAME_UPPER" => same(input, &reach, &stride, &mut begin, &mut end),
            "SAME_LOWER" => same(input, &reach, &stride, &mut end, &mut begin),
            "VALID" => {}
            _ => {
                let pads = read("pads", 0, 2 * rank)?;
                begin.copy_from_slice(&pads[..rank]);
                end.copy_from_slice(&pads[rank..]);
            }
        }
        let ceil = int(node, "ceil_mode").unwrap_or(0) == 1;
        let output = (0..rank)
            .map(|a| {
                let room = (input[a] + begin[a] + end[a]).checked_sub(reach[a])?;
                let mut count = if ceil { room.div_ceil(stride[a]) } else { room / stride[a] } + 1;
                // A last window that would begin in the padding is dropped.
                if ceil && (count - 1) * stride[a] >= input[a] + begin[a] {
                    count -= 1;
                }
                Some(count)
            })
            .collect::<Option<_>>()?;
        Some(Self { input: input.to_vec(), kernel: kernel.to_vec(), stride, dilation, begin, end, output })
    }

    /// The window of the convolution that a `ConvTranspose` node turns round: it goes over this node's *output*, and its
    /// `output` is this node's input, of the spatial extents `input`.
    pub fn transposed(node: &NodeProto, input: &[usize], kernel: &[usize]) -> Option<Self> {
        let rank = input.len();
        let read = |name: &str, default: usize, len: usize| read(node, name, default, len);
        let (stride, dilation) = (read("strides", 1, rank)?, read("dilations", 1, rank)?);
        let more = read("output_padding", 0, rank)?;
        if kernel.len() != rank || ![kernel, &stride, &dilation, input].iter().all(|v| sensible(v)) {
            return None;
        }
        let full: Vec<usize> = (0..rank)
            .map(|a| stride[a] * (input[a] - 1) + more[a] + dilation[a] * (kernel[a] - 1) + 1)
            .collect();
        let mode = string(node, "auto_pad").unwrap_or("NOTSET");
        let wanted = match ints(node, "output_shape") {
            Some(shape) => {
                let spatial = shape.get(shape.len().checked_sub(rank)?..)?;
                Some(spatial.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<Vec<_>>>()?)
            }
            None if mode.starts_with("SAME") => Some((0..rank).map(|a| input[a] * stride[a]).collect()),
            None => None,
        };
        let (begin, end) = if let Some(wanted) = wanted {
            let total: Vec<usize> =
                (0..rank).map(|a| full[a].checked_sub(wanted[a])).collect::<Option<_>>()?;
            let half: Vec<usize> = total.iter().map(|t| t / 2).collect();
            let rest: Vec<usize> = total.iter().map(|t| t - t / 2).collect();
            if mode == "SAME_UPPER" { (half, rest) } else { (rest, half) }
        } else if mode == "VALID" {
            (vec![0; rank], vec![0; rank])
        } else {
            let pads = read("pads", 0, 2 * rank)?;
            (pads[..rank].to_vec(), pads[rank..].to_vec())
        };
        let over: Vec<usize> =
            (0..rank).map(|a| full[a].checked_sub(begin[a] + end[a])).collect::<Option<_>>()?;
        Some(Self {
            input: over,
            kernel: kernel.to_vec(),
            stride,
            dilation,
            begin,
            end,
            output: input.to_vec(),
        })
    }

    /// The number of spatial axes.
    pub fn rank(&self) -> usize {
        self.input.len()
    }

    /// Whether there is one window only, and it sees every element.
    pub fn covers_all(&self) -> bool {
        (0..self.rank()).all(|a| {
            let sees = self.kernel[a] == 1 || self.dilation[a] == 1;
            self.output[a] == 1 && sees && self.reach(a) >= self.begin[a] + self.input[a]
        })
    }

    /// How many elements one window spans along `axis`.
    pub fn reach(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }
}

/// A node's attribute of `len` numbers, none of which is negative or without measure.
fn read(node: &NodeProto, name: &str, default: usize, len: usize) -> Option<Vec<usize>> {
    match ints(node, name) {
        None => Some(vec![default; len]),
        Some(v) if v.len() == len => {
            v.iter().map(|&v| usize::try_from(v).ok().filter(|&v| v <= WIDEST)).collect()
        }
        Some(_) => None,
    }
}

/// Whether windows can be made of these extents.
fn sensible(extents: &[usize]) -> bool {
    extents.iter().all(|e| (1..=WIDEST).contains(e))
}

/// Extents as ONNX's attributes hold them.
pub(super) fn signed(extents: &[usize]) -> Vec<i64> {
    extents.iter().map(|&e| e as i64).collect()
}

/// As much padding as makes `output = ceil(input / stride)`; the odd one goes to `more`.
fn same(input: &[usize], reach: &[usize], stride: &[usize], less: &mut [usize], more: &mut [usize]) {
    for a in 0..input.len() {
        let count = input[a].div_ceil(stride[a]);
        let total = ((count - 1) * stride[a] + reach[a]).saturating_sub(input[a]);
        less[a] = total / 2;
        more[a] = total - total / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::build;
    use crate::onnx::pb::AttributeProto;

    fn window(attribute: Vec<AttributeProto>, input: usize, kernel: usize) -> Option<Window> {
        let node = NodeProto { attribute, ..Default::default() };
        Window::new(&node, &[input], &[kernel])
    }

    #[test]
    fn a_strided_window_counts_its_positions() {
        let w = window(vec![build::ints("strides", &[2]), build::ints("pads", &[3, 3])], 224, 7).unwrap();
        assert_eq!(w.output, [112]);
    }

    #[test]
    fn same_padding_puts_the_odd_element_where_it_is_told() {
        let same = |which| build::string("auto_pad", which);
        let upper = window(vec![build::ints("strides", &[2]), same("SAME_UPPER")], 8, 3).unwrap();
        assert_eq!((upper.output[0], upper.begin[0], upper.end[0]), (4, 0, 1));
        let lower = window(vec![build::ints("strides", &[2]), same("SAME_LOWER")], 8, 3).unwrap();
        assert_eq!((lower.output[0], lower.begin[0], lower.end[0]), (4, 1, 0));
    }

    #[test]
    fn rounding_up_drops_a_window_that_begins_in_the_padding() {
        let ceil = |input, pads: [i64; 2]| {
            let attributes =
                vec![build::ints("strides", &[2]), build::ints("pads", &pads), build::int("ceil_mode", 1)];
            window(attributes, input, 2).unwrap().output[0]
        };
        assert_eq!(ceil(5, [0, 0]), 3);
        assert_eq!(ceil(5, [1, 1]), 3);
    }

    #[test]
    fn a_window_that_does_not_fit_is_none() {
        assert_eq!(window(vec![], 2, 3), None);
        assert_eq!(window(vec![build::ints("strides", &[0])], 8, 3), None);
    }
}
