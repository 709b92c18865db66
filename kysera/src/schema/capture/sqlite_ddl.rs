//! What SQLite keeps as text alone: names of constraints, CHECKs, the expressions of indexes. SQLite has accepted the text, so
//! that it is taken apart and not checked; what is not understood is left out.

/// What the text of a table tells.
#[derive(Debug, Default, PartialEq)]
pub(super) struct TableText {
    /// Names and expressions.
    pub(super) checks: Vec<(Option<String>, String)>,
    /// Names and columns of unique keys that have a name.
    unique: Vec<(String, Vec<String>)>,
    /// The same of foreign keys.
    foreign_keys: Vec<(String, Vec<String>)>,
}

impl TableText {
    pub(super) fn unique_name(&self, columns: &[String]) -> Option<String> {
        name(&self.unique, columns)
    }

    pub(super) fn foreign_key_name(&self, columns: &[String]) -> Option<String> {
        name(&self.foreign_keys, columns)
    }
}

fn name(named: &[(String, Vec<String>)], columns: &[String]) -> Option<String> {
    let same = |other: &[String]| {
        other.len() == columns.len() && other.iter().zip(columns).all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    named.iter().find(|(_, other)| same(other)).map(|(name, _)| name.clone())
}

/// What the text of an index tells.
#[derive(Debug, Default, PartialEq)]
pub(super) struct IndexText {
    /// What stands between its commas.
    pub(super) parts: Vec<String>,
    pub(super) predicate: Option<String>,
}

/// `CREATE TABLE name (..)`
pub(super) fn table(sql: &str) -> TableText {
    let tokens = tokens(sql);
    let mut text = TableText::default();
    let Some(open) = tokens.iter().position(|token| token.is("(")) else { return text };
    let end = close(&tokens, open);
    for definition in split(&tokens[(open + 1).min(end)..end]) {
        read_definition(sql, definition, &mut text);
    }
    text
}

/// A column or a constraint.
fn read_definition(sql: &str, tokens: &[Token<'_>], text: &mut TableText) {
    const CONSTRAINTS: [&str; 5] = ["CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN"];
    let Some(first) = tokens.first() else { return };
    let is_constraint = first.quote.is_none() && CONSTRAINTS.iter().any(|word| first.is(word));
    let column = (!is_constraint).then(|| first.name());
    let mut pending: Option<String> = None;
    let mut at = usize::from(!is_constraint);
    while let Some(token) = tokens.get(at) {
        let group = tokens.get(at + 1).filter(|next| next.is("(")).map(|_| (at + 1, close(tokens, at + 1)));
        if token.is("CONSTRAINT") {
            pending = tokens.get(at + 1).map(Token::name);
            at += 1;
        } else if token.is("CHECK") {
            if let Some((open, end)) = group {
                let expression = between(sql, &tokens[open], tokens.get(end));
                text.checks.push((pending.take(), expression));
            }
        } else if token.is("UNIQUE") || token.is("KEY") || token.is("REFERENCES") {
            let columns = match (&column, group) {
                (Some(column), _) => vec![column.clone()],
                (None, Some((open, end))) if !token.is("REFERENCES") => {
                    split(&tokens[open + 1..end.max(open + 1)])
                        .filter_map(|part| part.first().map(Token::name))
                        .collect()
                }
                (None, _) => vec![],
            };
            let is_foreign = token.is("REFERENCES")
                || tokens.get(at.wrapping_sub(1)).is_some_and(|last| last.is("FOREIGN"));
            let is_primary = token.is("KEY") && !is_foreign;
            if let Some(name) = pending.take_if(|_| !columns.is_empty())
                && !is_primary
            {
                let list = if is_foreign { &mut text.foreign_keys } else { &mut text.unique };
                list.push((name, columns));
            }
        } else if ["NOT", "DEFAULT", "COLLATE", "GENERATED"].iter().any(|word| token.is(word)) {
            // A name of this, which nobody asks for.
            pending = None;
        }
        // What stands in parentheses is no definition.
        at = match tokens.get(at) {
            Some(token) if token.is("(") => close(tokens, at) + 1,
            _ => at + 1,
        };
    }
}

/// `CREATE INDEX name ON table (..) WHERE ..`
pub(super) fn index(sql: &str) -> IndexText {
    let tokens = tokens(sql);
    let Some(open) = tokens.iter().position(|token| token.is("(")) else { return IndexText::default() };
    let end = close(&tokens, open);
    let parts = split(&tokens[(open + 1).min(end)..end]).filter_map(|part| {
        let (first, last) = (part.first()?, part.last()?);
        Some(sql.get(first.start..last.end)?.to_owned())
    });
    let predicate =
        tokens.get(end + 1).filter(|token| token.is("WHERE")).and_then(|token| sql.get(token.end..));
    IndexText { parts: parts.collect(), predicate: predicate.map(|text| text.trim().to_owned()) }
}

/// A word, a quoted name, a text, a number or a sign.
#[derive(Debug)]
struct Token<'a> {
    text: &'a str,
    quote: Option<char>,
    start: usize,
    end: usize,
}

impl Token<'_> {
    /// Whether it is this word, in any case, or this sign.
    fn is(&self, word: &str) -> bool {
        self.quote.is_none() && self.text.eq_ignore_ascii_case(word)
    }

    /// The name that it is.
    fn name(&self) -> String {
        match self.quote {
            None => self.text.to_owned(),
            Some('[') => self.text.trim_start_matches('[').trim_end_matches(']').to_owned(),
            Some(quote) => {
                let inner = self.text.strip_prefix(quote).unwrap_or(self.text);
                let inner = inner.strip_suffix(quote).unwrap_or(inner);
                inner.replace(&format!("{quote}{quote}"), &quote.to_string())
            }
        }
    }
}

fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql.char_indices().peekable();
    while let Some((start, char)) = rest.next() {
        let next = |rest: &mut std::iter::Peekable<std::str::CharIndices<'_>>| {
            rest.peek().map_or(sql.len(), |(at, _)| *at)
        };
        let mut quote = None;
        match char {
            _ if char.is_whitespace() => continue,
            '-' if sql[start..].starts_with("--") => {
                while rest.next_if(|(_, char)| *char != '\n').is_some() {}
                continue;
            }
            '/' if sql[start..].starts_with("/*") => {
                let end = sql[start..].find("*/").map_or(sql.len(), |at| start + at + 2);
                while rest.next_if(|(at, _)| *at < end).is_some() {}
                continue;
            }
            '\'' | '"' | '`' => {
                quote = Some(char);
                while let Some((_, inner)) = rest.next() {
                    if inner == char && rest.next_if(|(_, char)| *char == inner).is_none() {
                        break;
                    }
                }
            }
            '[' => {
                quote = Some('[');
                while rest.next_if(|(_, char)| *char != ']').is_some() {}
                rest.next();
            }
            _ if is_word(char) => while rest.next_if(|(_, char)| is_word(*char)).is_some() {},
            _ => {}
        }
        let end = next(&mut rest);
        tokens.push(Token { text: &sql[start..end], quote, start, end });
    }
    tokens
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '$'
}

/// The place of the parenthesis that closes the one at a place, or the end.
fn close(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len()
}

/// What stands between commas, outside of parentheses.
fn split<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = &'t [Token<'a>]> {
    let mut depth = 0_usize;
    tokens.split(move |token| {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.is(",")
    })
}

/// The text between two parentheses.
fn between(sql: &str, open: &Token<'_>, close: Option<&Token<'_>>) -> String {
    let end = close.map_or(sql.len(), |close| close.start);
    sql.get(open.end..end).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_checks_of_a_table() {
        let text = table(
            "CREATE TABLE \"odd (name\" (
                id INTEGER CONSTRAINT pk PRIMARY KEY AUTOINCREMENT, -- a comment, with ( and CHECK (x)
                [a b] TEXT CONSTRAINT ab_nn NOT NULL CHECK (length([a b]) > 1) CONSTRAINT ab_key UNIQUE DEFAULT ('x, y'),
                n DECIMAL(10, 2) CONSTRAINT n_positive CHECK (n > 0 AND n IN (1, 2)) /* (,*/,
                p INTEGER CONSTRAINT p_fk REFERENCES \"pa\"\"rent\" (id) ON DELETE CASCADE,
                UNIQUE (n, p),
                CONSTRAINT np UNIQUE (`n`, p COLLATE nocase),
                CONSTRAINT fk FOREIGN KEY (n, id) REFERENCES other (a, b),
                CONSTRAINT \"a \"\"check\" CHECK (id <> n)
            ) STRICT",
        );
        let check = |name: Option<&str>, text: &str| (name.map(String::from), text.to_owned());
        let expected = [
            check(None, "length([a b]) > 1"),
            check(Some("n_positive"), "n > 0 AND n IN (1, 2)"),
            check(Some("a \"check"), "id <> n"),
        ];
        assert_eq!(text.checks, expected);
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(text.unique_name(&columns(&["A B"])).as_deref(), Some("ab_key"));
        assert_eq!(text.unique_name(&columns(&["n", "p"])).as_deref(), Some("np"));
        assert_eq!(text.foreign_key_name(&columns(&["p"])).as_deref(), Some("p_fk"));
        assert_eq!(text.foreign_key_name(&columns(&["n", "id"])).as_deref(), Some("fk"));
        assert_eq!(text.foreign_keys.len() + text.unique.len(), 4);
    }

    #[test]
    fn parts_of_an_index() {
        let text =
            index("CREATE UNIQUE INDEX i ON t (lower(a), b DESC) WHERE deleted_at IS NULL AND (a > 1)");
        assert_eq!(text.parts, ["lower(a)", "b DESC"]);
        assert_eq!(text.predicate.as_deref(), Some("deleted_at IS NULL AND (a > 1)"));
    }

    #[test]
    fn half_a_text_is_no_panic() {
        let whole = "CREATE TABLE t (a TEXT CONSTRAINT 'x' CHECK (a > 'ä, ('), [b c] INT CONSTRAINT k UNIQUE, CONSTRAINT f FOREIGN KEY (a) REFERENCES p)";
        for (end, _) in whole.char_indices() {
            table(&whole[..end]);
            index(&whole[..end]);
            table(&whole[end..]);
        }
        assert_eq!(table("CREATE TABLE t AS SELECT 1"), TableText::default());
    }
}
