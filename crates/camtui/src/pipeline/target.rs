//! What is to be explained: from the words of `--target` to a seed on the logits.
//!
//! A seed is a cotangent: one value a class. One-hot asks "why this class?", a difference of two one-hots "why this
//! one and not that one?".

use camtui_core::labels;

/// One class, as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassSpec {
    /// `N`.
    Index(usize),
    /// `topK`, counted from 1.
    Top(usize),
    /// Anything else: a label, or the start of one.
    Label(String),
}

/// One entry of `--target`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSpec {
    /// One class.
    Class(ClassSpec),
    /// `all:K`: each of the first K classes.
    All(usize),
    /// `A~B`: why A and not B.
    Contrast(ClassSpec, ClassSpec),
}

/// The target cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TargetError {
    /// Nothing was named.
    #[error("a target is missing: give a class index, a label, top1, all:K, or A~B")]
    Empty,
    /// `top0`, `all:0`.
    #[error("`{0}` counts from 1")]
    CountsFromOne(String),
    /// More than two sides.
    #[error("`{0}`: a contrast has two sides, A~B")]
    TwoSides(String),
    /// No such class.
    #[error("there is no class {index}: the model has {classes}, counted from 0")]
    NoClass {
        /// As asked for.
        index: usize,
        /// As there are.
        classes: usize,
    },
    /// A rank beyond the classes.
    #[error("there is no top{rank}: the model has {classes} classes")]
    NoRank {
        /// As asked for.
        rank: usize,
        /// As there are.
        classes: usize,
    },
    /// Both sides are one class.
    #[error("both sides of the contrast are class {0}: their difference is nothing")]
    SameSides(usize),
    /// The label is unknown or ambiguous.
    #[error("{0}")]
    Label(String),
}

/// Something to explain, resolved against a model's output for one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The class, or A of `A~B`.
    pub class: usize,
    /// B of `A~B`.
    pub against: Option<usize>,
}

impl TargetSpec {
    /// Whether which class it is depends on the picture.
    pub fn is_by_rank(&self) -> bool {
        let by_rank = |class: &ClassSpec| matches!(class, ClassSpec::Top(_));
        match self {
            Self::Class(class) => by_rank(class),
            Self::All(_) => true,
            Self::Contrast(a, b) => by_rank(a) || by_rank(b),
        }
    }
}

impl Target {
    /// The cotangent of the logits, one value a class.
    pub fn seed(&self, classes: usize) -> Vec<f32> {
        let mut seed = vec![0.0; classes];
        seed[self.class] = 1.0;
        if let Some(against) = self.against {
            seed[against] = -1.0;
        }
        seed
    }

    /// The part of a file's name that tells this target from others: `258` or `258~270`.
    pub fn slug(&self) -> String {
        match self.against {
            Some(against) => format!("{}~{against}", self.class),
            None => self.class.to_string(),
        }
    }
}

/// Reads `--target`: entries separated by commas. A comma inside a label (`crane, bird`) does not arise: labels with
/// commas are found by the part before it.
pub fn parse(text: &str) -> Result<Vec<TargetSpec>, TargetError> {
    text.split(',').map(|entry| parse_entry(entry.trim())).collect()
}

fn parse_entry(entry: &str) -> Result<TargetSpec, TargetError> {
    if let Some(count) = entry.strip_prefix("all:").and_then(|n| n.parse::<usize>().ok()) {
        return if count == 0 {
            Err(TargetError::CountsFromOne(entry.into()))
        } else {
            Ok(TargetSpec::All(count))
        };
    }
    let sides: Vec<&str> = entry.split('~').map(str::trim).collect();
    match sides.as_slice() {
        [one] => Ok(TargetSpec::Class(parse_class(one)?)),
        [a, b] => Ok(TargetSpec::Contrast(parse_class(a)?, parse_class(b)?)),
        _ => Err(TargetError::TwoSides(entry.into())),
    }
}

fn parse_class(text: &str) -> Result<ClassSpec, TargetError> {
    if text.is_empty() {
        return Err(TargetError::Empty);
    }
    if let Ok(index) = text.parse() {
        return Ok(ClassSpec::Index(index));
    }
    match text.strip_prefix("top").and_then(|n| n.parse::<usize>().ok()) {
        Some(0) => Err(TargetError::CountsFromOne(text.into())),
        Some(rank) => Ok(ClassSpec::Top(rank)),
        None => Ok(ClassSpec::Label(text.into())),
    }
}

/// Resolves entries against one picture's classes, best first (`ranked`), and the model's labels.
pub fn resolve(specs: &[TargetSpec], ranked: &[usize], names: &[String]) -> Result<Vec<Target>, TargetError> {
    let mut targets = Vec::new();
    for spec in specs {
        match spec {
            TargetSpec::Class(class) => {
                targets.push(Target { class: resolve_class(class, ranked, names)?, against: None });
            }
            TargetSpec::All(count) => {
                targets.extend(ranked.iter().take(*count).map(|&class| Target { class, against: None }));
            }
            TargetSpec::Contrast(a, b) => {
                let (class, against) = (resolve_class(a, ranked, names)?, resolve_class(b, ranked, names)?);
                if class == against {
                    return Err(TargetError::SameSides(class));
                }
                targets.push(Target { class, against: Some(against) });
            }
        }
    }
    Ok(targets)
}

fn resolve_class(spec: &ClassSpec, ranked: &[usize], names: &[String]) -> Result<usize, TargetError> {
    let classes = ranked.len();
    match spec {
        ClassSpec::Index(index) if *index < classes => Ok(*index),
        ClassSpec::Index(index) => Err(TargetError::NoClass { index: *index, classes }),
        ClassSpec::Top(rank) => {
            ranked.get(rank - 1).copied().ok_or(TargetError::NoRank { rank: *rank, classes })
        }
        ClassSpec::Label(label) => labels::find(names, label).map_err(|e| TargetError::Label(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["tench", "Samoyed", "white wolf", "Arctic fox"].map(String::from).to_vec()
    }

    fn targets(text: &str) -> Result<Vec<Target>, TargetError> {
        resolve(&parse(text)?, &[1, 2, 3, 0], &names())
    }

    #[test]
    fn every_form_resolves() {
        let one = |class| Target { class, against: None };
        assert_eq!(targets("0"), Ok(vec![one(0)]));
        assert_eq!(targets("top2"), Ok(vec![one(2)]));
        assert_eq!(targets("all:3"), Ok(vec![one(1), one(2), one(3)]));
        assert_eq!(targets("samoyed, white"), Ok(vec![one(1), one(2)]));
        assert_eq!(targets("top1~arctic fox"), Ok(vec![Target { class: 1, against: Some(3) }]));
    }

    #[test]
    fn a_contrast_is_a_difference_of_two_one_hots() {
        let target = targets("1~2").unwrap().remove(0);
        assert_eq!(target.seed(4), [0.0, 1.0, -1.0, 0.0]);
        assert_eq!(target.slug(), "1~2");
    }

    #[test]
    fn mistakes_are_told() {
        assert_eq!(targets("4"), Err(TargetError::NoClass { index: 4, classes: 4 }));
        assert_eq!(targets("top0"), Err(TargetError::CountsFromOne("top0".into())));
        assert_eq!(targets("all:0"), Err(TargetError::CountsFromOne("all:0".into())));
        assert_eq!(targets("top9"), Err(TargetError::NoRank { rank: 9, classes: 4 }));
        assert_eq!(targets("1~1"), Err(TargetError::SameSides(1)));
        assert_eq!(targets("1~2~3"), Err(TargetError::TwoSides("1~2~3".into())));
        assert_eq!(targets("1~"), Err(TargetError::Empty));
        assert_eq!(targets(""), Err(TargetError::Empty));
        assert!(matches!(targets("zebra"), Err(TargetError::Label(_))));
    }
}
