//! Maps along one axis, turned round: slices, gathers, pads, and anything that is a matrix.
//!
//! Where `y[i] = Σ W[i,q]·x[q]` along an axis, `dx[q] = Σ W[i,q]·dy[i]`.

use super::error::Reason;
use super::tape::Tape;
use crate::onnx::build;

impl Tape {
    /// Turns `y[i] = Σ W[i,q]·x[q]` along one axis round, `W` being constant, row-major `[output, input]`: a matrix product.
    /// Equal matrices are held once.
    pub fn weigh(&mut self, dy: &str, rank: usize, axis: usize, weights: &[f64], input: usize) -> String {
        let output = weights.len() / input.max(1);
        if axis + 2 == rank {
            let entries = (0..input).flat_map(|q| (0..output).map(move |i| weights[i * input + q]));
            let matrix = self.matrix(&entries.collect::<Vec<_>>(), input, output);
            return self.op("MatMul", &[&matrix, dy], vec![]);
        }
        let matrix = self.matrix(weights, output, input);
        if axis + 1 == rank {
            return self.op("MatMul", &[dy, &matrix], vec![]);
        }
        let mut perm: Vec<i64> = (0..rank as i64).collect();
        perm.swap(axis, rank - 1);
        let turned = self.transpose(dy, &perm);
        let product = self.op("MatMul", &[&turned, &matrix], vec![]);
        self.transpose(&product, &perm)
    }

    fn matrix(&mut self, entries: &[f64], rows: usize, columns: usize) -> String {
        let bits: Vec<u8> = entries.iter().flat_map(|v| v.to_le_bytes()).collect();
        let hash = bits.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        self.floats(&format!("matrix/{rows}x{columns}/{hash:016x}"), &[rows, columns], entries)
    }

    /// Adds zeros along the axes that are named with how many go before and after; negative ones take elements away.
    pub fn pad(&mut self, value: &str, rank: usize, along: &[(usize, i64, i64)]) -> String {
        let mut value = value.to_owned();
        let fewer: Vec<_> = along.iter().filter(|(_, begin, end)| begin.min(end) < &0).collect();
        if !fewer.is_empty() {
            let axes: Vec<i64> = fewer.iter().map(|(axis, ..)| *axis as i64).collect();
            let starts: Vec<i64> = fewer.iter().map(|(_, begin, _)| (-begin).max(0)).collect();
            let ends: Vec<i64> =
                fewer.iter().map(|(.., end)| if *end < 0 { *end } else { i64::from(i32::MAX) }).collect();
            value = self.slice(&value, &axes, &starts, &ends, &vec![1; axes.len()]);
        }
        let mut pads = vec![0; 2 * rank];
        for &(axis, begin, end) in along {
            (pads[axis], pads[rank + axis]) = (begin.max(0), end.max(0));
        }
        if pads.iter().all(|&p| p == 0) {
            return value;
        }
        let (pads, zero) = (self.integers(&pads), self.scalar(0.0));
        self.op("Pad", &[&value, &pads, &zero], vec![])
    }

    /// Turns `y[i] = x[sources[i]]` along one axis round: `dx[q] = Σ dy[i]` over the `i` whose source is `q < extent`.
    ///
    /// Each pass gathers, for every `q`, the next `i` that reads it, or a zero that is appended for the purpose.
    pub fn scatter(
        &mut self,
        dy: &str,
        rank: usize,
        axis: usize,
        sources: &[usize],
        extent: usize,
    ) -> Result<String, Reason> {
        let consecutive = sources.windows(2).all(|w| w[1] == w[0] + 1);
        if let (Some(&first), true) = (sources.first(), consecutive) {
            let after = extent as i64 - (first + sources.len()) as i64;
            return Ok(self.pad(dy, rank, &[(axis, first as i64, after)]));
        }
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); extent];
        sources.iter().enumerate().for_each(|(i, &q)| readers[q].push(i));
        let passes = readers.iter().map(Vec::len).max().unwrap_or(0).max(1);
        self.afford(passes, extent)?;
        let full = passes == 1 && readers.iter().all(|r| r.len() == 1);
        let padded = if full { dy.to_owned() } else { self.pad(dy, rank, &[(axis, 0, 1)]) };
        let mut sum: Option<String> = None;
        for pass in 0..passes {
            let next: Vec<i64> =
                readers.iter().map(|r| r.get(pass).copied().unwrap_or(sources.len()) as i64).collect();
            let next = self.integers(&next);
            let part = self.op("Gather", &[&padded, &next], vec![build::int("axis", axis as i64)]);
            sum = Some(match sum {
                Some(sum) => self.add(&sum, &part),
                None => part,
            });
        }
        Ok(sum.expect("there is at least one pass"))
    }
}
