//! `key`, `key = value` and `key(..)`: what stands between the commas of an attribute.

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, Parser};
use syn::{Attribute, LitStr, Meta};

use crate::diag::{Diag, did_you_mean, listing};

/// One item of an attribute.
pub(crate) struct Item {
    pub(crate) key: Ident,
    value: Value,
}

enum Value {
    None,
    Equals(Punct, TokenStream),
    List(Group),
    /// Something else, which has been reported.
    Wrong,
}

/// The parts of a token stream between its commas, without empty ones at the end.
pub(crate) fn split(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut parts = vec![vec![]];
    for token in tokens {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => parts.push(vec![]),
            (_, Some(part)) => part.push(token),
            (_, None) => {}
        }
    }
    if parts.last().is_some_and(Vec::is_empty) {
        parts.pop();
    }
    parts
}

/// The items of `#[name(..)]`.
pub(crate) fn items(attr: &Attribute, diag: &Diag) -> Vec<Item> {
    match list(attr, diag) {
        Some(tokens) => items_of(tokens, attr.path().to_token_stream(), diag),
        None => vec![],
    }
}

/// The tokens between the parentheses of `#[name(..)]`.
pub(crate) fn list(attr: &Attribute, diag: &Diag) -> Option<TokenStream> {
    let name = tidy(attr.path());
    match &attr.meta {
        Meta::List(list) if matches!(list.delimiter, syn::MacroDelimiter::Paren(_)) => {
            return Some(list.tokens.clone());
        }
        Meta::Path(path) => diag.at(path, format!("`{name}` needs a list, as in `#[{name}(..)]`")),
        meta => diag.at(meta, format!("expected a list in parentheses, as in `#[{name}(..)]`")),
    }
    None
}

/// The items of a list; `at` is where a mistake without a token of its own is reported.
pub(crate) fn items_of(tokens: TokenStream, at: TokenStream, diag: &Diag) -> Vec<Item> {
    split(tokens).into_iter().filter_map(|part| Item::parse(part, &at, diag)).collect()
}

impl Item {
    fn parse(part: Vec<TokenTree>, at: &TokenStream, diag: &Diag) -> Option<Self> {
        let mut tokens = part.into_iter();
        let key = match tokens.next() {
            Some(TokenTree::Ident(key)) => key,
            Some(other) => {
                diag.at(&other, format!("expected a name, found `{}`", tidy(&other)));
                return None;
            }
            None => {
                diag.at(at, "there is nothing between two commas");
                return None;
            }
        };
        let mut value = match tokens.next() {
            None => Value::None,
            Some(TokenTree::Punct(equals))
                if equals.as_char() == '=' && equals.spacing() == Spacing::Alone =>
            {
                let rest: TokenStream = tokens.by_ref().collect();
                if rest.is_empty() {
                    diag.span(equals.span(), format!("a value is missing after `{key} =`"));
                    Value::Wrong
                } else {
                    Value::Equals(equals, rest)
                }
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                Value::List(group)
            }
            Some(other) => {
                let found = tidy(&other);
                diag.at(&other, format!("expected `,`, `=` or `(` after `{key}`, found `{found}`"));
                Value::Wrong
            }
        };
        if !matches!(value, Value::Wrong)
            && let Some(extra) = tokens.next()
        {
            diag.at(&extra, format!("expected `,`, found `{}`", tidy(&extra)));
            value = Value::Wrong;
        }
        Some(Self { key, value })
    }

    /// The key, without `r#`.
    pub(crate) fn name(&self) -> String {
        self.key.unraw().to_string()
    }

    /// All of the item, for spans.
    pub(crate) fn tokens(&self) -> TokenStream {
        let mut tokens = self.key.to_token_stream();
        match &self.value {
            Value::None | Value::Wrong => {}
            Value::Equals(equals, value) => {
                equals.to_tokens(&mut tokens);
                value.to_tokens(&mut tokens);
            }
            Value::List(group) => group.to_tokens(&mut tokens),
        }
        tokens
    }

    /// Where to report that the value is of the wrong kind.
    fn value_tokens(&self) -> TokenStream {
        match &self.value {
            Value::None | Value::Wrong => self.key.to_token_stream(),
            Value::Equals(_, value) => value.clone(),
            Value::List(group) => group.to_token_stream(),
        }
    }

    fn expected(&self, what: &str, diag: &Diag) {
        // A value that could not even be read has been reported.
        if !matches!(self.value, Value::Wrong) {
            diag.at(self.value_tokens(), format!("expected {what}"));
        }
    }

    /// Whether it stands alone, without a value.
    pub(crate) fn is_word(&self) -> bool {
        matches!(self.value, Value::None)
    }

    /// `key`
    pub(crate) fn flag(&self, diag: &Diag) {
        if !self.is_word() {
            self.expected(&format!("`{0}` alone: it takes no value", self.key), diag);
        }
    }

    /// `key = "text"`, not empty.
    pub(crate) fn string(&self, example: &str, diag: &Diag) -> Option<LitStr> {
        let what = format!("a string, as in `{} = \"{example}\"`", self.key);
        let Value::Equals(_, value) = &self.value else {
            self.expected(&what, diag);
            return None;
        };
        let Ok(text) = syn::parse2::<LitStr>(value.clone()) else {
            self.expected(&what, diag);
            return None;
        };
        if !text.suffix().is_empty() {
            self.expected(&what, diag);
            return None;
        }
        let value = text.value();
        if value.is_empty() {
            diag.at(&text, format!("`{}` must not be empty", self.key));
            return None;
        }
        if value.contains('\0') {
            diag.at(&text, format!("`{}` must not contain a NUL character: no database takes it", self.key));
            return None;
        }
        Some(text)
    }

    /// `key = something`
    pub(crate) fn parsed<T: Parse>(&self, what: &str, diag: &Diag) -> Option<T> {
        self.parsed_with(T::parse, what, diag)
    }

    /// `key = something`, read by a function.
    pub(crate) fn parsed_with<P: Parser>(&self, parser: P, what: &str, diag: &Diag) -> Option<P::Output> {
        if let Value::Equals(_, value) = &self.value
            && let Ok(parsed) = parser.parse2(value.clone())
        {
            return Some(parsed);
        }
        self.expected(what, diag);
        None
    }

    /// `key(..)`
    pub(crate) fn list(&self, what: &str, diag: &Diag) -> Option<TokenStream> {
        if let Value::List(group) = &self.value {
            return Some(group.stream());
        }
        self.expected(what, diag);
        None
    }

    /// The items of `key(..)`.
    pub(crate) fn items(&self, what: &str, diag: &Diag) -> Option<Vec<Item>> {
        let tokens = self.list(what, diag)?;
        Some(items_of(tokens, self.key.to_token_stream(), diag))
    }
}

/// Refuses keys that stand twice, and those that nobody knows.
pub(crate) struct Keys<'a> {
    /// What they are keys of: `a struct`, `a field`.
    pub(crate) of: &'static str,
    pub(crate) valid: &'static [&'static str],
    /// Keys that belong elsewhere, and where.
    pub(crate) elsewhere: (&'static [&'static str], &'static str),
    pub(crate) repeatable: &'static [&'static str],
    pub(crate) diag: &'a Diag,
    pub(crate) seen: Vec<String>,
}

impl Keys<'_> {
    /// Whether to go on with this key.
    pub(crate) fn accept(&mut self, item: &Item) -> bool {
        let name = item.name();
        if !self.valid.contains(&name.as_str()) {
            let message = if self.elsewhere.0.contains(&name.as_str()) {
                format!("`{name}` belongs on {}, not on {}", self.elsewhere.1, self.of)
            } else {
                format!(
                    "unknown key `{name}`{}\nthe keys of {} are {}",
                    did_you_mean(&name, self.valid.iter().copied()),
                    self.of,
                    listing(self.valid.iter().copied())
                )
            };
            self.diag.at(&item.key, message);
            return false;
        }
        if !self.repeatable.contains(&name.as_str()) && self.seen.contains(&name) {
            self.diag.at(item.tokens(), format!("`{name}` is given twice"));
            return false;
        }
        self.seen.push(name);
        true
    }
}

/// Tokens as one would write them: `Option<Vec<u8>>`, not `Option < Vec < u8 > >`.
pub(crate) fn tidy(tokens: impl ToTokens) -> String {
    let mut text = String::new();
    tidy_into(tokens.into_token_stream(), &mut text);
    text
}

fn tidy_into(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                tidy_into(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => match punct.as_char() {
                ',' => text.push_str(", "),
                ';' => text.push_str("; "),
                '+' => text.push_str(" + "),
                '=' => text.push_str(" = "),
                // `->` is the only arrow in a type.
                '-' if punct.spacing() == Spacing::Joint => text.push_str(" -"),
                '>' if text.ends_with('-') => text.push_str("> "),
                other => text.push(other),
            },
            other => {
                if text.ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == '"') {
                    text.push(' ');
                }
                text.push_str(&other.to_string());
            }
        }
    }
}
