//! What can be asked of a map besides its explainer: to be smoothed. `pipeline::smooth` does it.

/// How maps are smoothed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Smooth {
    /// The mean over changed pictures.
    pub augment: bool,
    /// The first principal component of the weighted channels.
    pub eigen: bool,
}

impl Smooth {
    /// As the command line has it; none where nothing is smoothed.
    pub fn name(self) -> Option<&'static str> {
        match (self.augment, self.eigen) {
            (false, false) => None,
            (true, false) => Some("aug"),
            (false, true) => Some("eigen"),
            (true, true) => Some("aug,eigen"),
        }
    }

    /// The next one: not at all, `aug`, `eigen`, both.
    #[must_use]
    pub fn next(self) -> Self {
        Self { augment: !self.augment, eigen: self.eigen ^ self.augment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_steps_lead_back() {
        let steps = std::iter::successors(Some(Smooth::default()), |smooth| Some(smooth.next()));
        let names: Vec<_> = steps.take(5).map(Smooth::name).collect();
        assert_eq!(names, [None, Some("aug"), Some("eigen"), Some("aug,eigen"), None]);
    }
}
