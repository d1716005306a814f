//! Class labels: the thousand of ImageNet, and finding the class that a word on the command line means.
//!
//! A word must mean one class. Where it could mean several, the answer is a list of them and never a guess: ImageNet
//! has a `Cardigan` (the dog) and a `cardigan` (the garment), and `crane` begins two labels.

use std::collections::HashSet;

/// How many labels an error lists.
const LISTED: usize = 8;

/// A label with its class index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Class index.
    pub index: usize,
    /// The class's label.
    pub label: String,
}

/// A word that does not name one class.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LabelError {
    /// The model has no labels to look in.
    #[error("the model's classes have no labels, so {query:?} cannot be found; give the class's index")]
    NoLabels {
        /// What was looked for.
        query: String,
    },
    /// Several classes fit.
    #[error("{query:?} could be {}; give more of the label, or the index", list(candidates))]
    Ambiguous {
        /// What was looked for.
        query: String,
        /// The classes that fit, in the model's order.
        candidates: Vec<Candidate>,
    },
    /// No class fits.
    #[error("no class is called {query:?}{}", nearest(suggestions))]
    Unknown {
        /// What was looked for.
        query: String,
        /// The labels most like it, best first.
        suggestions: Vec<Candidate>,
    },
}

fn list(candidates: &[Candidate]) -> String {
    let shown: Vec<_> =
        candidates.iter().take(LISTED).map(|c| format!("{} (class {})", c.label, c.index)).collect();
    match candidates.len().saturating_sub(LISTED) {
        0 => shown.join(" or "),
        more => format!("{} or {more} more", shown.join(", ")),
    }
}

fn nearest(suggestions: &[Candidate]) -> String {
    if suggestions.is_empty() { String::new() } else { format!("; the nearest are {}", list(suggestions)) }
}

/// The labels of ImageNet's 1000 classes, in the order of the published models' logits (torchvision's wording).
pub fn imagenet() -> Vec<String> {
    include_str!("../data/imagenet_labels.txt").lines().map(str::to_owned).collect()
}

/// The class that `query` means: a label exactly, then a label but for upper and lower case, then the one label that
/// begins with it, upper and lower case aside.
pub fn find(labels: &[String], query: &str) -> Result<usize, LabelError> {
    let query = query.trim();
    if labels.iter().all(String::is_empty) {
        return Err(LabelError::NoLabels { query: query.into() });
    }
    let folded = query.to_lowercase();
    let lowered: Vec<String> = labels.iter().map(|label| label.to_lowercase()).collect();
    let exact = |index: usize| labels[index] == query;
    let same = |index: usize| lowered[index] == folded;
    let begins = |index: usize| lowered[index].starts_with(&folded);
    let rules: [&dyn Fn(usize) -> bool; 3] = [&exact, &same, &begins];
    if !query.is_empty() {
        for rule in rules {
            let found: Vec<usize> = (0..labels.len()).filter(|&index| rule(index)).collect();
            match found[..] {
                [] => {}
                [index] => return Ok(index),
                _ => {
                    let candidates = found.into_iter().map(|index| candidate(labels, index)).collect();
                    return Err(LabelError::Ambiguous { query: query.into(), candidates });
                }
            }
        }
    }
    let mut scored: Vec<(f64, usize)> = lowered
        .iter()
        .enumerate()
        .map(|(index, label)| (likeness(&folded, label), index))
        .filter(|&(score, _)| score >= 0.3)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let suggestions = scored.into_iter().take(3).map(|(_, index)| candidate(labels, index)).collect();
    Err(LabelError::Unknown { query: query.into(), suggestions })
}

fn candidate(labels: &[String], index: usize) -> Candidate {
    Candidate { index, label: labels[index].clone() }
}

/// Twice the pairs of neighbouring letters that two words share over all they have (Dice's coefficient), 0…1; a word
/// inside the label counts as nearly the same.
fn likeness(query: &str, label: &str) -> f64 {
    let pairs = |word: &str| -> HashSet<(char, char)> { word.chars().zip(word.chars().skip(1)).collect() };
    if query.chars().count() > 2 && label.contains(query) {
        return 0.9;
    }
    let (a, b) = (pairs(query), pairs(label));
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    2.0 * a.intersection(&b).count() as f64 / (a.len() + b.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_a_thousand() {
        let labels = imagenet();
        assert_eq!(labels.len(), 1000);
        assert_eq!(
            (&labels[0][..], &labels[258][..], &labels[999][..]),
            ("tench", "Samoyed", "toilet tissue")
        );
        assert!(labels.iter().all(|label| !label.is_empty() && label.trim() == label));
    }

    #[test]
    fn one_class_is_found() {
        let labels = imagenet();
        for (query, index) in [
            ("Samoyed", 258),
            ("samoyed", 258),
            ("samo", 258),
            (" tench ", 0),
            ("crane", 517),
            ("crane b", 134),
        ] {
            assert_eq!(find(&labels, query), Ok(index), "{query}");
        }
        assert_eq!((find(&labels, "Cardigan"), find(&labels, "cardigan")), (Ok(264), Ok(474)));
    }

    /// Red when prefixes are tried before equal labels ("maillot" begins two) or the first match is taken.
    #[test]
    fn several_classes_are_an_error_that_lists_them() {
        let labels = imagenet();
        let says = |query| find(&labels, query).unwrap_err().to_string();
        assert_eq!(
            says("CARDIGAN"),
            "\"CARDIGAN\" could be Cardigan (class 264) or cardigan (class 474); give more of the label, or the index"
        );
        assert!(says("cran").contains("crane bird (class 134) or crane (class 517)"), "{}", says("cran"));
        assert!(says("s").contains(" more; give more of the label"), "{}", says("s"));
        assert_eq!(find(&labels, "maillot"), Ok(638));

        let twins = ["crane".to_owned(), "heron".into(), "crane".into()];
        let error = find(&twins, "crane").unwrap_err().to_string();
        assert!(error.contains("crane (class 0) or crane (class 2)"), "{error}");
    }

    #[test]
    fn unknown_words_get_suggestions() {
        let labels = imagenet();
        let error = find(&labels, "samoyde").unwrap_err();
        let LabelError::Unknown { suggestions, .. } = &error else { panic!("{error}") };
        assert_eq!(suggestions[0].label, "Samoyed");
        assert_eq!(find(&labels, "qqqq").unwrap_err().to_string(), "no class is called \"qqqq\"");
        assert!(find(&labels, "").is_err());
        assert!(find(&[], "cat").unwrap_err().to_string().contains("have no labels"));
    }
}
