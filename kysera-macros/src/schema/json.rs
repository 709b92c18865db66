//! A reader of JSON: serde_json would cost every build of every user some seconds.

use std::fmt;

/// A value. Numbers are as they stand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    /// In the order of the file.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// A member of an object, unless it is null.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(other, value)| other == name && *value != Json::Null)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Json]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Reads a whole text.
    pub(crate) fn parse(text: &str) -> Result<Json, Mistake> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        reader.skip_space();
        let value = reader.value()?;
        reader.skip_space();
        if reader.at < text.len() {
            return Err(reader.mistake("there is something behind the end"));
        }
        Ok(value)
    }
}

/// Where a text is no JSON, and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mistake {
    line: usize,
    what: &'static str,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// How deep values may be nested: what snapshots need, many times over.
const MAX_DEPTH: usize = 64;

struct Reader<'t> {
    text: &'t str,
    /// In bytes, between two characters.
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn mistake(&self, what: &'static str) -> Mistake {
        let read = self.text.as_bytes().iter().take(self.at);
        Mistake { line: 1 + read.filter(|byte| **byte == b'\n').count(), what }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Whether this comes next; then it is passed.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Mistake> {
        match self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            true => {
                self.at += word.len();
                Ok(value)
            }
            false => Err(self.mistake("expected a value")),
        }
    }

    fn value(&mut self) -> Result<Json, Mistake> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Json::Text),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => Ok(self.number()),
            Some(_) => Err(self.mistake("expected a value")),
            None => Err(self.mistake("it ends in the middle")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, Mistake>) -> Result<Json, Mistake> {
        if self.depth == MAX_DEPTH {
            return Err(self.mistake("it is nested too deep"));
        }
        self.at += 1;
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Json, Mistake> {
        let mut members = vec![];
        self.skip_space();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.mistake("expected a name in quotes"));
            }
            let name = self.string()?;
            self.skip_space();
            if !self.take(b':') {
                return Err(self.mistake("expected `:`"));
            }
            self.skip_space();
            members.push((name, self.value()?));
            self.skip_space();
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.take(b',') {
                return Err(self.mistake("expected `,` or `}`"));
            }
        }
    }

    fn array(&mut self) -> Result<Json, Mistake> {
        let mut items = vec![];
        self.skip_space();
        if self.take(b']') {
            return Ok(Json::List(items));
        }
        loop {
            self.skip_space();
            items.push(self.value()?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Json::List(items));
            }
            if !self.take(b',') {
                return Err(self.mistake("expected `,` or `]`"));
            }
        }
    }

    /// Digits and what stands among them. No number of a snapshot is looked at but its version, which is compared as a text.
    fn number(&mut self) -> Json {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        Json::Number(self.text.get(start..self.at).unwrap_or_default().to_owned())
    }

    fn string(&mut self) -> Result<String, Mistake> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(end) = rest.find(['"', '\\', '\n']) else {
                return Err(self.mistake("a text does not end"));
            };
            text.push_str(&rest[..end]);
            self.at += end;
            if self.take(b'"') {
                return Ok(text);
            }
            if !self.take(b'\\') {
                return Err(self.mistake("a text does not end"));
            }
            text.push(self.escaped()?);
        }
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Result<char, Mistake> {
        let Some(byte) = self.peek() else { return Err(self.mistake("a text does not end")) };
        let char = match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.mistake("unknown character behind `\\`")),
        };
        self.at += 1;
        Ok(char)
    }

    /// `00e4`, or two such numbers that are one character.
    fn unicode(&mut self) -> Result<char, Mistake> {
        let first = self.hex()?;
        let code = if (0xD800..0xDC00).contains(&first) && self.take(b'\\') && self.take(b'u') {
            let second = self.hex()?;
            if !(0xDC00..0xE000).contains(&second) {
                return Err(self.mistake("half a character"));
            }
            0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.mistake("half a character"))
    }

    fn hex(&mut self) -> Result<u32, Mistake> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(number) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return Err(self.mistake("expected four hexadecimal digits"));
        };
        self.at += 4;
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Json {
        Json::Text(text.to_owned())
    }

    #[test]
    fn values() {
        let json =
            Json::parse(r#" {"a": [1, -2.5e+3, true, false, null], "b": {}, "c": [], "ü": "ß"} "#).unwrap();
        let number = |text: &str| Json::Number(text.to_owned());
        let list = [number("1"), number("-2.5e+3"), Json::Bool(true), Json::Bool(false), Json::Null];
        assert_eq!(json.get("a").unwrap().list().unwrap(), list);
        assert_eq!(json.get("b"), Some(&Json::Object(vec![])));
        assert_eq!(json.get("ü").unwrap().text(), Some("ß"));
        assert_eq!((json.get("d"), json.text(), json.get("b").unwrap().list()), (None, None, None));
    }

    #[test]
    fn texts() {
        let parse = |text: &str| Json::parse(text).unwrap();
        assert_eq!(parse(r#""""#), text(""));
        assert_eq!(parse(r#""\"\\\/\b\f\n\r\t""#), text("\"\\/\u{8}\u{c}\n\r\t"));
        assert_eq!(parse(r#""\u00e4 \ud83d\ude00 €""#), text("ä 😀 €"));
        for half in [
            r#""\ud83d""#,
            r#""\ud83dx""#,
            r#""\ud83d\u0041""#,
            r#""\ude00""#,
            r#""\u12""#,
            r#""\uä123""#,
            r#""\x""#,
        ] {
            assert!(Json::parse(half).is_err(), "{half}");
        }
    }

    #[test]
    fn mistakes_have_a_line() {
        let mistake = |text: &str| Json::parse(text).unwrap_err().to_string();
        assert_eq!(mistake("{\n  \"a\": 1\n  \"b\": 2\n}"), "line 3: expected `,` or `}`");
        assert_eq!(mistake(""), "line 1: it ends in the middle");
        assert_eq!(mistake("[1,\n2"), "line 2: expected `,` or `]`");
        assert_eq!(mistake("{} {}"), "line 1: there is something behind the end");
        assert_eq!(mistake("{1: 2}"), "line 1: expected a name in quotes");
        assert_eq!(mistake("[\"a\n\"]"), "line 1: a text does not end");
        assert_eq!(mistake(&"[".repeat(100_000)), "line 1: it is nested too deep");
        assert_eq!(mistake("truthful"), "line 1: expected a value");
    }

    /// Whatever stands there, there is an answer.
    #[test]
    fn odd_input_is_no_panic() {
        let good = r#"{"kysera": 1, "tä": [{"name": "a\"b", "x": [null, -1.5e3, true, "\ud83d\ude00"]}]}"#;
        assert!(Json::parse(good).is_ok());
        let chars: Vec<char> = good.chars().collect();
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random >> 33).unwrap() % below
        };
        const ODD: [char; 16] =
            ['"', '\\', '{', '}', '[', ']', ',', ':', 'u', 'ä', '\u{0}', '\n', '-', '9', 't', '\u{1f600}'];
        for _ in 0..20_000 {
            let mut chars = chars.clone();
            for _ in 0..=next(4) {
                let at = next(chars.len());
                match next(3) {
                    0 => drop(chars.remove(at)),
                    1 => chars[at] = ODD[next(ODD.len())],
                    _ => chars.insert(at, ODD[next(ODD.len())]),
                }
            }
            chars.truncate(next(chars.len() + 1));
            let _ = Json::parse(&chars.into_iter().collect::<String>());
        }
    }
}
