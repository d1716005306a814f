//! Random numbers that are the same on every machine and in every version: a published generator, written out.
#![forbid(unsafe_code)]

/// `SplitMix64` (Steele, Lea and Flood 2014): passes the usual tests, and any seed is a good one.
pub struct Random(u64);

impl Random {
    /// A generator whose numbers `seed` decides.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in −1…1.
    pub fn symmetric(&mut self) -> f64 {
        // The upper 53 bits fill an f64's fraction exactly.
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Uniform in 0…1, 1 left out.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normally distributed with mean 0 and deviation 1 (Box and Muller 1958: of the two that two draws give, the first).
    pub fn normal(&mut self) -> f64 {
        // Away from zero, whose logarithm is infinite.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of the reference implementation for seed 1234567.
    #[test]
    fn the_numbers_are_splitmix64s() {
        let mut random = Random::new(1_234_567);
        for known in [6_457_827_717_110_365_317u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423] {
            let expected = (known >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
            assert!((random.symmetric() - expected).abs() < f64::EPSILON);
        }
    }
}
