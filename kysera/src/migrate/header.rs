//! What a script says of itself, in comments that mean nothing to sqlx and to databases.

use serde::Serialize;

/// What is to be known of a migration before it is applied.
///
/// Files say it in comment lines before their first statement, migrations in Rust with
/// [`Migration::meta`](super::Migration::meta):
///
/// ```sql
/// -- kysera: breaking, tags = [billing, "slow on large tables"]
/// -- kysera: description = "Splits the name into first and last name"
/// ALTER TABLE users ...
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationMeta {
    /// What it does, for people. The table keeps the name of the file.
    pub description: Option<String>,
    /// Whether programs that were written for the schema before it cannot work with the one after it.
    pub breaking: bool,
    /// Words of your own.
    pub tags: Vec<String>,
}

impl MigrationMeta {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it does, for people.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Programs that were written for the schema before it cannot work with the one after it.
    #[must_use]
    pub fn breaking(mut self) -> Self {
        self.breaking = true;
        self
    }

    /// A word of your own.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }
}

/// A line that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misread {
    pub(super) line: usize,
    pub(super) what: String,
}

const KEYS: [&str; 3] = ["breaking", "tags", "description"];

/// Reads the comment lines at the head of a script.
pub(super) fn read(sql: &str) -> Result<MigrationMeta, Misread> {
    let mut meta = MigrationMeta::default();
    for (at, line) in sql.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let Some(comment) = line.strip_prefix("--") else { break };
        let Some(items) = comment.trim_start().strip_prefix("kysera:") else { continue };
        let mut reader = Reader { rest: items };
        reader.items(&mut meta).map_err(|what| Misread { line: at + 1, what })?;
    }
    Ok(meta)
}

struct Reader<'s> {
    rest: &'s str,
}

impl<'s> Reader<'s> {
    fn items(&mut self, meta: &mut MigrationMeta) -> Result<(), String> {
        loop {
            match self.word() {
                "breaking" => meta.breaking = true,
                "tags" => {
                    self.expect('=', "tags = [billing, \"two words\"]")?;
                    meta.tags.extend(self.list()?);
                }
                "description" => {
                    self.expect('=', "description = \"..\"")?;
                    meta.description = Some(self.text("description = \"..\"")?);
                }
                "" => return Err(format!("an item is missing here: write {}", known())),
                other => return Err(unknown(other)),
            }
            if self.is_done() {
                return Ok(());
            }
            self.expect(',', "a comma between two items")?;
        }
    }

    fn list(&mut self) -> Result<Vec<String>, String> {
        const FORM: &str = "tags = [billing, \"two words\"]";
        self.expect('[', FORM)?;
        let mut list = Vec::new();
        loop {
            self.space();
            if self.take(']') {
                return Ok(list);
            }
            list.push(self.text(FORM)?);
            self.space();
            if !self.take(',') {
                self.expect(']', FORM)?;
                return Ok(list);
            }
        }
    }

    /// A word, or anything in quotes.
    fn text(&mut self, form: &str) -> Result<String, String> {
        self.space();
        if self.take('"') {
            let (text, rest) =
                self.rest.split_once('"').ok_or("a quote is not closed: close it in the same line")?;
            self.rest = rest;
            return Ok(text.to_owned());
        }
        match self.word() {
            "" => Err(format!("a value is missing here: write `{form}`")),
            word => Ok(word.to_owned()),
        }
    }

    fn word(&mut self) -> &'s str {
        self.space();
        let end =
            self.rest.find(|c: char| !c.is_alphanumeric() && !"-_.".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn expect(&mut self, sign: char, form: &str) -> Result<(), String> {
        self.space();
        if self.take(sign) { Ok(()) } else { Err(format!("`{sign}` is missing: write `{form}`")) }
    }

    fn take(&mut self, sign: char) -> bool {
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn is_done(&mut self) -> bool {
        self.space();
        self.rest.is_empty()
    }
}

fn known() -> String {
    KEYS.map(|key| format!("`{key}`")).join(", ")
}

fn unknown(word: &str) -> String {
    let near = KEYS.into_iter().find(|key| strsim::jaro_winkler(key, word) > 0.8);
    match near {
        Some(near) => format!("`{word}` means nothing here: did you mean `{near}`?"),
        None => format!("`{word}` means nothing here: write {}", known()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read() {
        assert_eq!(read("").unwrap(), MigrationMeta::new());
        assert_eq!(read("SELECT 1;\n-- kysera: breaking").unwrap(), MigrationMeta::new());
        let sql = "\u{feff}-- no-transaction\n\n  --kysera:breaking,tags=[a, \"b, c\",]\n-- of others\n\
            -- kysera: description = \"In, short\", tags = [d-e]\r\nSELECT 1";
        let meta = MigrationMeta::new().breaking().tag("a").tag("b, c").tag("d-e").description("In, short");
        assert_eq!(read(sql).unwrap(), meta);
    }

    #[test]
    fn mistakes_are_named() {
        for (line, what) in [
            ("braking", "`braking` means nothing here: did you mean `breaking`?"),
            ("x", "`x` means nothing here: write `breaking`, `tags`, `description`"),
            ("", "an item is missing here: write `breaking`, `tags`, `description`"),
            ("breaking,", "an item is missing here: write `breaking`, `tags`, `description`"),
            ("breaking tags", "`,` is missing: write `a comma between two items`"),
            ("tags = a", "`[` is missing: write `tags = [billing, \"two words\"]`"),
            ("tags = [a b]", "`]` is missing: write `tags = [billing, \"two words\"]`"),
            ("tags = [;]", "a value is missing here: write `tags = [billing, \"two words\"]`"),
            ("description \"x\"", "`=` is missing: write `description = \"..\"`"),
            ("description = \"x", "a quote is not closed: close it in the same line"),
        ] {
            let misread = read(&format!("-- first\n-- kysera: {line}\n")).unwrap_err();
            assert_eq!(misread, Misread { line: 2, what: what.into() });
        }
    }
}
