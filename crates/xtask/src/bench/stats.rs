//! Medians: a machine that also does other things makes means worthless.

/// Measurements of one kind, in one unit.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<f64>);

impl Times {
    /// Adds some.
    pub fn extend(&mut self, more: impl Iterator<Item = f64>) {
        self.0.extend(more);
        self.0.sort_by(f64::total_cmp);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value that the fraction `part` of all lies below, between neighbours in proportion; NaN of none.
    pub fn quantile(&self, part: f64) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return f64::NAN };
        let at = part * last as f64;
        let (low, high) = (at.floor() as usize, at.ceil() as usize);
        self.0[low] + (self.0[high] - self.0[low]) * at.fract()
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

impl FromIterator<f64> for Times {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut times = Self::default();
        times.extend(values.into_iter());
        times
    }
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert!(Times::default().median().is_nan() && Times::default().is_empty());
        let mut times: Times = [4.0, 1.0].into_iter().collect();
        times.extend([2.0, 3.0].into_iter());
        assert_eq!(times.len(), 4);
        assert!((times.median() - 2.5).abs() < 1e-12);
        assert!((times.quantile(0.25) - 1.75).abs() < 1e-12);
        assert!((times.quantile(1.0) - 4.0).abs() < 1e-12);
    }
}
