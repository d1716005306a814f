//! Random numbers that are the same on every machine and in every version: a published generator, written out.
//!
//! An explainer that draws lots must give the same map for the same seed, or nobody can make a result again. So the
//! numbers come from the session ([`Session::random`](crate::Session::random)), not from the system.

/// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). It passes the usual
/// tests, any seed is a good one, and its numbers never change: they are part of every result.
///
/// ```
/// use camtui_plugin::Random;
///
/// let mut random = Random::new(7);
/// let weights: Vec<f64> = (0..4).map(|_| random.symmetric()).collect();
/// assert!(weights.iter().all(|w| (-1.0..1.0).contains(w)));
///
/// let mut again = Random::new(7);
/// assert!(weights.iter().all(|&w| w == again.symmetric()));
/// ```
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator whose numbers `seed` decides.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0…1, without 1.
    pub fn unit(&mut self) -> f64 {
        // The upper 53 bits fill an f64's fraction exactly.
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in −1…1, without 1.
    pub fn symmetric(&mut self) -> f64 {
        self.unit() * 2.0 - 1.0
    }

    /// A whole number below `end`, each as probable as the others to within `end` / 2⁶⁴; 0 where `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        // The upper half of the product: Lemire, "Fast random integer generation in an interval", 2019.
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// Normally distributed with mean 0 and variance 1 (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        // 1 − unit is never 0, so the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of the reference implementation for seed 1234567.
    #[test]
    fn the_numbers_are_splitmix64s() {
        let mut random = Random::new(1_234_567);
        for known in [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423] {
            assert_eq!(random.bits(), known);
        }
    }

    #[test]
    fn every_distribution_has_its_moments() {
        let moments = |mut draw: Box<dyn FnMut() -> f64>| {
            let drawn: Vec<f64> = (0..100_000).map(|_| draw()).collect();
            let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
            let variance = drawn.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
            (mean, variance)
        };
        let mut random = Random::new(3);
        let mut other = random.clone();
        let mut third = random.clone();
        let mut fourth = random.clone();
        for ((mean, variance), (wanted_mean, wanted_variance)) in [
            (moments(Box::new(move || random.unit())), (0.5, 1.0 / 12.0)),
            (moments(Box::new(move || other.symmetric())), (0.0, 1.0 / 3.0)),
            (moments(Box::new(move || third.below(5) as f64)), (2.0, 2.0)),
            (moments(Box::new(move || fourth.normal())), (0.0, 1.0)),
        ] {
            assert!((mean - wanted_mean).abs() < 0.02, "{mean} is not {wanted_mean}");
            assert!((variance - wanted_variance).abs() < 0.03, "{variance} is not {wanted_variance}");
        }
        assert_eq!(Random::new(1).below(0), 0);
    }
}
