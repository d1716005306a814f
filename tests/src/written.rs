//! What the documentation tells its readers to type, so that tests can do it.
//!
//! A comment on the line before a block says how it is meant (`<!-- interactive -->`, `<!-- file: src/lib.rs -->`); what the
//! words mean is decided by the test that reads the page.

/// One line of a block of commands, or a whole block that is a file's content, and the comment before the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The comment, without its marks; empty where there is none.
    pub how: String,
    /// The command, or the file's content.
    pub line: String,
}

/// The commands of a page, and its blocks whose comment begins with `file:`.
pub fn written(text: &str) -> Vec<Written> {
    let mut found = Vec::new();
    let mut how = String::new();
    let mut inside: Option<bool> = None;
    let mut content: Option<String> = None;
    for line in text.lines() {
        match (inside, line.trim()) {
            (None, fence) if fence.starts_with("```") => {
                inside = Some(matches!(&fence[3..], "sh" | "console"));
                content = how.starts_with("file:").then(String::new);
            }
            (Some(_), "```") => {
                if let Some(line) = content.take() {
                    found.push(Written { how: how.clone(), line });
                }
                inside = None;
                how.clear();
            }
            (Some(commands), command) => {
                if let Some(content) = &mut content {
                    content.push_str(line);
                    content.push('\n');
                } else if commands && !command.is_empty() && !command.starts_with('#') {
                    let line = command.strip_prefix("$ ").unwrap_or(command).to_owned();
                    found.push(Written { how: how.clone(), line });
                }
            }
            (None, comment) => {
                let inner = comment.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->"));
                how = inner.map_or(String::new(), |inner| inner.trim().to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_files_are_found_with_what_is_said_before_them() {
        let text = "a\n```sh\none\n# why\ntwo\n```\n<!-- mirror -->\n```console\n$ three\n```\n```rust\nlet x;\n```\n\
                    <!-- file: a.rs -->\n```rust\nlet y;\n\n# no comment\n```\n```sh\nfour\n```";
        let found: Vec<(String, String)> = written(text).into_iter().map(|w| (w.how, w.line)).collect();
        let wanted = [
            ("", "one"),
            ("", "two"),
            ("mirror", "three"),
            ("file: a.rs", "let y;\n\n# no comment\n"),
            ("", "four"),
        ];
        assert_eq!(found, wanted.map(|(how, line)| (how.to_owned(), line.to_owned())));
    }
}
