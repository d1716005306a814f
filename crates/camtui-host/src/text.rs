//! Texts that came from elsewhere and will be shown in a terminal.

/// `text` with nothing in it that a terminal would act on: line breaks and tabs become spaces, other control
/// characters and the marks that reorder or hide text are written out as `\u{1b}`. At most `limit`
/// characters, then `…`.
pub fn clean(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    for (n, c) in text.trim().chars().enumerate() {
        if n == limit {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => out.push(' '),
            _ if acts_on_a_terminal(c) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

/// Control characters (C0, DEL, C1) and the invisible marks of bidirectional text.
pub(crate) fn acts_on_a_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn nothing_that_moves_a_cursor_survives() {
        assert_eq!(clean("red\x1b[31m\nnext\u{9b}x\u{202e}", 99), r"red\u{1b}[31m next\u{9b}x\u{202e}");
        assert_eq!(clean("Grad-CAM ‖a−b‖ 日本", 99), "Grad-CAM ‖a−b‖ 日本");
        assert_eq!(clean("abcdef", 3), "abc…");
    }
}
