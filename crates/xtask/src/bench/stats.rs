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

    /// A line of the table: name, median, middle half, ratio of the median to `of`.
    pub fn row(&self, name: &str, of: f64) -> String {
        let (low, median, high) = (self.quantile(0.25), self.median(), self.quantile(0.75));
        format!("{name:<44} {median:>8.2}  [{low:.2} .. {high:.2}]  x{:.2}", median / of)
    }
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let mut times = Times::default();
        assert!(times.median().is_nan() && times.is_empty());
        times.extend([4.0, 1.0].into_iter());
        times.extend([2.0, 3.0].into_iter());
        assert!((times.median() - 2.5).abs() < 1e-12);
        assert!((times.quantile(0.25) - 1.75).abs() < 1e-12);
        assert!((times.quantile(1.0) - 4.0).abs() < 1e-12);
        assert!(times.row("name", 5.0).ends_with("x0.50"));
    }
}
