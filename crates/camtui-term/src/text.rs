//! Text from outside, made safe to show: a label or a file name may hold anything, and a terminal obeys what it reads.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The text with everything replaced that would move the cursor, change colours, start an escape sequence or turn the
/// reading order: control characters become their pictures (`␛` for escape), other invisible ones `�`.
pub fn sanitise(text: &str) -> String {
    text.chars().map(visible).collect()
}

fn visible(character: char) -> char {
    match character {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        // The C1 controls: on some terminals U+009B begins a sequence just as ESC [ does.
        '\u{80}'..='\u{9f}'
        // Marks and overrides of the reading order, line and paragraph ends, tags, and zero-width characters that hide text.
        | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        other => other,
    }
}

/// At most `cols` cells of the text, cut between what a reader sees as characters, with `…` where something is missing.
pub fn truncate_to_width(text: &str, cols: usize) -> String {
    if text.width() <= cols {
        return text.to_owned();
    }
    let Some(room) = cols.checked_sub(1) else { return String::new() };
    let mut used = 0;
    let mut kept: String = text
        .graphemes(true)
        .take_while(|grapheme| {
            used += grapheme.width();
            used <= room
        })
        .collect();
    kept.push('…');
    kept
}

/// The text in exactly `cols` cells: cut as [`truncate_to_width`] does, or filled with spaces. Control characters, whose
/// width nobody knows, are made visible.
pub fn pad_to_width(text: &str, cols: usize) -> String {
    let mut padded = truncate_to_width(&sanitise(text), cols);
    let used = padded.width();
    padded.extend(std::iter::repeat_n(' ', cols.saturating_sub(used)));
    padded
}

/// At most `cols` cells of a path, its end kept: `…/folder/name.jpg`. Whole folders are left out as long as the name
/// fits; a name that does not loses its middle, because beginnings and endings tell files apart.
pub fn truncate_path(path: &str, cols: usize) -> String {
    let path = sanitise(path);
    if path.width() <= cols {
        return path;
    }
    let rests = path.char_indices().filter(|&(at, character)| character == '/' && at > 0);
    let shorter = rests.map(|(at, _)| &path[at..]).find(|rest| rest.width() < cols && rest.len() > 1);
    match shorter {
        Some(rest) => format!("…{rest}"),
        None => without_middle(path.trim_end_matches('/').rsplit('/').next().unwrap_or_default(), cols),
    }
}

/// At most `cols` cells of the text from both its ends, with `…` between them.
fn without_middle(text: &str, cols: usize) -> String {
    if text.width() <= cols {
        return text.to_owned();
    }
    let Some(room) = cols.checked_sub(1) else { return String::new() };
    let graphemes: Vec<&str> = text.graphemes(true).collect();
    let fitting = |pieces: &mut dyn Iterator<Item = &&str>, room: usize| {
        let mut used = 0;
        pieces
            .take_while(|piece| {
                used += piece.width();
                used <= room
            })
            .count()
    };
    let end = fitting(&mut graphemes.iter().rev(), room - room / 2);
    let tail = graphemes[graphemes.len() - end..].concat();
    let begin = fitting(&mut graphemes.iter(), room.saturating_sub(tail.width()));
    format!("{}…{tail}", graphemes[..begin].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(sanitise("a\x1b[31mb\r\n\x07\u{9b}2J\x7f"), "a␛[31mb␍␊␇\u{fffd}2J␡");
        assert_eq!(sanitise("exe\u{202e}gpj.dog\u{2066}\u{200f}"), "exe\u{fffd}gpj.dog\u{fffd}\u{fffd}");
        assert_eq!(sanitise("Größe 犬 👩‍🔬 e\u{301}"), "Größe 犬 👩‍🔬 e\u{301}", "ordinary text stays as it is");
        for code in (0..=0x9f_u32).chain(0x2000..=0x20ff) {
            let character = char::from_u32(code).unwrap();
            let shown = sanitise(&character.to_string());
            assert!(!shown.chars().any(char::is_control), "U+{code:04X}");
        }
    }

    #[test]
    fn text_is_cut_between_characters_and_within_the_width() {
        assert_eq!(truncate_to_width("boxer", 5), "boxer");
        assert_eq!(truncate_to_width("boxer", 4), "box…");
        assert_eq!(truncate_to_width("犬犬犬", 4), "犬…", "half a wide character does not fit");
        assert_eq!(truncate_to_width("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(truncate_to_width("abc", 0), "");
        for text in ["👩‍🔬👩‍🔬👩‍🔬", "a犬b犬c", "naïve"] {
            for cols in 0..10 {
                assert!(truncate_to_width(text, cols).width() <= cols, "{text} in {cols}");
            }
        }
    }

    /// Wide, combining, joined, modified, flagged, invisible and obeyed characters.
    const TRIALS: [&str; 10] = [
        "",
        "boxer",
        "犬と猫の写真",
        "e\u{301}e\u{301}e\u{301}e\u{301}",
        "👩‍🔬👩🏽‍🚀🇩🇪❤️",
        "a\u{1b}[31mb\tc\r\n\u{9b}2J",
        "\u{202e}gpj.exe\u{200b}",
        "한국어 텍스트",
        "नमस्ते",
        "folder/деревня/ไทย.jpg",
    ];

    #[test]
    fn padded_text_has_exactly_its_width() {
        for text in TRIALS {
            for cols in 0..24 {
                let padded = pad_to_width(text, cols);
                assert_eq!(padded.width(), cols, "{text:?} in {cols}: {padded:?}");
                assert!(!padded.chars().any(char::is_control), "{padded:?}");
            }
        }
        assert_eq!(pad_to_width("犬犬犬", 4), "犬… ");
        assert_eq!(pad_to_width("ab", 4), "ab  ");
        assert_eq!(pad_to_width("a\nb", 3), "a␊b");
    }

    #[test]
    fn a_path_keeps_its_end() {
        let path = "/home/ada/pictures/holiday/boxer.jpg";
        assert_eq!(truncate_path(path, 40), path);
        assert_eq!(truncate_path(path, 20), "…/holiday/boxer.jpg");
        assert_eq!(truncate_path(path, 18), "…/boxer.jpg");
        assert_eq!(truncate_path(path, 11), "…/boxer.jpg");
        assert_eq!(truncate_path(path, 10), "boxer.jpg");
        assert_eq!(truncate_path(path, 8), "box….jpg");
        assert_eq!(
            truncate_path("写真/犬と猫の写真.jpg", 12),
            "犬と…真.jpg",
            "half a character does not fit"
        );
        assert_eq!(truncate_path("a\u{1b}[2J/b", 30), "a␛[2J/b");
        for text in TRIALS {
            for cols in 0..24 {
                let cut = truncate_path(text, cols);
                assert!(
                    cut.width() <= cols && !cut.chars().any(char::is_control),
                    "{text:?} in {cols}: {cut:?}"
                );
            }
        }
    }
}
