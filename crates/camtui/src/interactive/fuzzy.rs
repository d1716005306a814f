//! Search as you type, by nucleo's matcher: letters in order, upper case or not, the better matches first.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// The places of those texts that match, the best first; all of them in their order when nothing is searched.
pub fn matching<'t>(pattern: &str, texts: impl Iterator<Item = &'t str>) -> Vec<usize> {
    if pattern.trim().is_empty() {
        return (0..texts.count()).collect();
    }
    let typed = pattern.trim().to_lowercase();
    let pattern = Pattern::parse(pattern, CaseMatching::Smart, Normalization::Smart);
    let mut config = Config::DEFAULT;
    config.prefer_prefix = true;
    let mut matcher = Matcher::new(config);
    let mut letters = Vec::new();
    let mut found: Vec<(u32, bool, usize)> = texts
        .enumerate()
        .filter_map(|(at, text)| {
            let score = pattern.score(Utf32Str::new(text, &mut letters), &mut matcher)?;
            Some((score, text.to_lowercase() == typed, at))
        })
        .collect();
    // Who types all of a name means it, and not a longer one that begins so.
    found.sort_by_key(|&(score, whole, at)| (std::cmp::Reverse((score, whole)), at));
    found.into_iter().map(|(.., at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_order_match_and_the_closest_comes_first() {
        let texts = ["white wolf", "Siberian husky", "wolf spider", "Größe 犬"];
        let found = |pattern| matching(pattern, texts.into_iter());
        assert_eq!(found(""), [0, 1, 2, 3]);
        assert_eq!(found("wolf")[0], 2);
        assert_eq!(found("hsk"), [1]);
        assert_eq!(found("gro"), [3]);
        assert_eq!(found("犬"), [3]);
        assert!(found("zebra").is_empty());
        assert_eq!(matching("fine", ["finer-cam", "fine"].into_iter()), [1, 0]);
    }
}
