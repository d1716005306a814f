//! The figures that say what a map is worth: which there are, which are wanted, and what follows from them in words.

use std::str::FromStr;
use std::time::Duration;

use camtui_core::metrics::curve::Curve;
use camtui_core::metrics::pointing::Pointing;

/// A metric, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The probability while the most important pixels go.
    Deletion,
    /// The probability while they come.
    Insertion,
    /// Remove and debias.
    Road,
    /// The share of the probability that is lost behind the map.
    AverageDrop,
    /// Whether the probability is higher behind the map.
    Increase,
    /// Harmonic mean of coherency, simplicity and what is kept of the probability.
    Adcc,
    /// Gini coefficient of the map.
    Sparsity,
    /// Share of the map at the border.
    BorderMass,
    /// Whether the map's peak lies on the object.
    Pointing,
    /// Whether the map changes when the model's head is drawn by lot.
    Sanity,
}

impl Metric {
    /// All, in the order in which they are told.
    pub const NAMES: [(&str, Self); 10] = [
        ("deletion", Self::Deletion),
        ("insertion", Self::Insertion),
        ("road", Self::Road),
        ("average-drop", Self::AverageDrop),
        ("increase", Self::Increase),
        ("adcc", Self::Adcc),
        ("sparsity", Self::Sparsity),
        ("border-mass", Self::BorderMass),
        ("pointing", Self::Pointing),
        ("sanity", Self::Sanity),
    ];
}

/// Which metrics are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted(Vec<Metric>);

impl Wanted {
    /// What needs no more than the map, the picture and the model: all but `pointing` and `sanity`.
    pub fn usual() -> Self {
        Self(Metric::NAMES[..8].iter().map(|(_, metric)| *metric).collect())
    }

    /// Whether this one is.
    pub fn has(&self, metric: Metric) -> bool {
        self.0.contains(&metric)
    }

    /// This one as well.
    #[must_use]
    pub fn and(mut self, metric: Metric) -> Self {
        if !self.has(metric) {
            self.0.push(metric);
        }
        self
    }
}

impl FromStr for Wanted {
    type Err = String;

    /// Names with commas between; nothing means the usual ones.
    fn from_str(list: &str) -> Result<Self, String> {
        if list.trim().is_empty() {
            return Ok(Self::usual());
        }
        let mut wanted = Self(Vec::new());
        for name in list.split(',').map(str::trim) {
            let known = Metric::NAMES.iter().find(|(known, _)| *known == name);
            let (_, metric) = known.ok_or_else(|| {
                let known = Metric::NAMES.map(|(name, _)| name).join(", ");
                format!("there is no metric called `{name}`; there are {known}")
            })?;
            wanted = wanted.and(*metric);
        }
        Ok(wanted)
    }
}

/// The figures of one map; what was not wanted is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// The probability while the most important pixels go; a smaller area is better.
    pub deletion: Option<Curve>,
    /// The probability while the most important pixels come; a larger area is better.
    pub insertion: Option<Curve>,
    /// ROAD, −0.5…0.5, higher is better.
    pub road: Option<f64>,
    /// The share of the probability that is lost behind the map, 0…1, lower is better.
    pub drop: Option<f64>,
    /// Whether the probability is higher behind the map.
    pub increase: Option<bool>,
    /// Harmonic mean of coherency, simplicity and what is kept of the probability, 0…1, higher is better.
    pub adcc: Option<f64>,
    /// Gini coefficient of the map, 0…1.
    pub sparsity: Option<f64>,
    /// Share of the map in the outer tenth of the picture, 0…1.
    pub border_mass: Option<f64>,
    /// How the map points at the object.
    pub pointing: Option<Pointing>,
    /// Rank correlation, −1…1, with the map of the same model with its head drawn by lot, lower is better.
    pub sanity: Option<f64>,
}

/// A figure: its name, which way is better, and where it stands.
pub type Row = (&'static str, &'static str, fn(&Figures) -> Option<f64>);

fn of_truth(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

/// All figures that are told, in their order.
pub const ROWS: [Row; 11] = [
    ("deletion", "lower", |f| f.deletion.as_ref().map(Curve::area)),
    ("insertion", "higher", |f| f.insertion.as_ref().map(Curve::area)),
    ("road", "higher", |f| f.road),
    ("average-drop", "lower", |f| f.drop),
    ("increase", "higher", |f| f.increase.map(of_truth)),
    ("adcc", "higher", |f| f.adcc),
    ("sparsity", "", |f| f.sparsity),
    ("border-mass", "", |f| f.border_mass),
    ("pointing", "higher", |f| f.pointing.map(|p| of_truth(p.hit))),
    ("on-object", "higher", |f| f.pointing.map(|p| p.share)),
    ("sanity", "lower", |f| f.sanity),
];

/// Of a map and of one that knows less, at least so many of four figures must be better.
const BEATS: f64 = 0.75;
/// A map that correlates so much with that of a head drawn by lot hardly heeds the model.
const HEEDLESS: f64 = 0.8;

impl Figures {
    /// Deletion, insertion, ROAD and drop, turned so that less is better; NaN for what was not wanted.
    pub fn faithfulness(&self) -> [f64; 4] {
        let area = |curve: &Option<Curve>| curve.as_ref().map_or(f64::NAN, Curve::area);
        let drop = self.drop.unwrap_or(f64::NAN);
        [area(&self.deletion), -area(&self.insertion), -self.road.unwrap_or(f64::NAN), drop]
    }

    /// In how many of the figures of faithfulness (deletion, insertion, ROAD, drop) this is better than `other`.
    pub fn wins(&self, other: &Self) -> usize {
        self.faithfulness().iter().zip(other.faithfulness()).filter(|(own, other)| **own < *other).count()
    }

    /// How many of them there are.
    pub fn of(&self) -> usize {
        self.faithfulness().iter().filter(|figure| !figure.is_nan()).count()
    }
}

/// A map's figures beside those of the maps that know less.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The map's own.
    pub map: Figures,
    /// Those of `random-cam`; none where the model has no layer for it.
    pub random: Option<Figures>,
    /// Those of the Gaussian in the middle.
    pub centred: Figures,
    /// What the explainer takes for a map of another picture, once all is ready; none where that was not found out.
    pub cost: Option<Duration>,
}

impl Measured {
    /// What the figures say, a sentence or several.
    pub fn sentence(&self) -> String {
        let said = [self.faithful(), self.pointed(), self.sane()];
        said.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    fn faithful(&self) -> Option<String> {
        let of = self.map.of();
        if of == 0 {
            return None;
        }
        let beats = |wins: usize| wins as f64 >= BEATS * of as f64;
        let of_centred = self.map.wins(&self.centred);
        Some(match self.random.as_ref().map(|random| self.map.wins(random)) {
            Some(of_random) if !beats(of_random) => format!(
                "this map does not beat weights drawn by lot (better in {of_random} of {of}): do not believe it"
            ),
            _ if !beats(of_centred) => format!(
                "this map does not beat a Gaussian in the middle of the picture (better in {of_centred} of {of}): it may show \
                 little more than where things usually are"
            ),
            Some(of_random) => format!(
                "better than weights drawn by lot in {of_random} of {of} figures of faithfulness, than a Gaussian in the middle in \
                 {of_centred}"
            ),
            None => {
                format!(
                    "better than a Gaussian in the middle in {of_centred} of {of} figures of faithfulness"
                )
            }
        })
    }

    fn pointed(&self) -> Option<String> {
        let Pointing { hit, share } = self.map.pointing?;
        let middle = self.centred.pointing.map_or(0.0, |pointing| pointing.share);
        let (place, percent) = (if hit { "on" } else { "beside" }, 100.0 * share);
        let also = if share > middle { "more than" } else { "no more than" };
        Some(format!(
            "its peak lies {place} the object, and {percent:.0} % of the map, {also} of a Gaussian in the middle"
        ))
    }

    fn sane(&self) -> Option<String> {
        let correlation = self.map.sanity?;
        Some(if correlation >= HEEDLESS {
            format!(
                "with the weights of the model's head drawn by lot it hardly changes (rank correlation {correlation:.2}): it shows \
                 the picture more than what the model makes of it"
            )
        } else {
            format!(
                "with the weights of the model's head drawn by lot it is another (rank correlation {correlation:.2})"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_and_a_wrong_name_gets_them_all() {
        assert_eq!("".parse::<Wanted>(), Ok(Wanted::usual()));
        let some: Wanted = "sanity, road,sanity".parse().unwrap();
        assert!(some.has(Metric::Sanity) && some.has(Metric::Road) && !some.has(Metric::Deletion));
        assert!(!Wanted::usual().has(Metric::Pointing) && !Wanted::usual().has(Metric::Sanity));
        let said = "roar".parse::<Wanted>().unwrap_err();
        assert!(said.contains("`roar`") && said.contains("road, average-drop"), "{said}");
    }

    fn measured(map: Figures, other: Figures) -> Measured {
        Measured { map, random: Some(other.clone()), centred: other, cost: None }
    }

    #[test]
    fn each_kind_of_figure_has_its_sentence() {
        let road = |road| Figures { road: Some(road), ..Figures::default() };
        assert!(measured(road(0.1), road(0.2)).sentence().contains("better in 0 of 1): do not believe it"));
        assert!(
            measured(road(0.3), road(0.2))
                .sentence()
                .starts_with("better than weights drawn by lot in 1 of 1")
        );
        let sanity = |sanity| Figures { sanity: Some(sanity), ..Figures::default() };
        assert!(
            measured(sanity(0.95), sanity(1.0)).sentence().contains("hardly changes (rank correlation 0.95)")
        );
        assert!(
            measured(sanity(0.1), sanity(1.0)).sentence().ends_with("it is another (rank correlation 0.10)")
        );
        let points = |hit, share| {
            let pointing = Some(Pointing { hit, share });
            Figures { pointing, ..Figures::default() }
        };
        let said = measured(points(true, 0.625), points(true, 0.5)).sentence();
        assert_eq!(
            said,
            "its peak lies on the object, and 62 % of the map, more than of a Gaussian in the middle"
        );
        assert!(measured(points(false, 0.1), points(true, 0.5)).sentence().contains("beside the object"));
        assert_eq!(measured(Figures::default(), Figures::default()).sentence(), "");
    }
}
