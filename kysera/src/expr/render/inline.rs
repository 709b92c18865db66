//! PostgreSQL: values as literals, where a statement takes no arguments.

use super::{Bind, Sql};
use crate::error::Error;
use crate::expr::value::{AnyValue, Codec};

impl<'v> Sql<'v> {
    /// The text that is written from here on takes no arguments.
    pub(crate) fn inline(mut self) -> Self {
        self.inline = true;
        self
    }

    pub(super) fn literal(&mut self, bind: &Bind<'v>) {
        match bind {
            Bind::Value(codec, value) => self.literal_of(codec, *value),
            Bind::Shared(codec, value) => self.literal_of(codec, &**value),
            Bind::Array(codec, values) => self.literals_of(codec, values.iter().copied()),
            Bind::SharedArray(codec, values) => self.literals_of(codec, values.iter().map(|value| &**value)),
            Bind::Text(text) => {
                self.quoted(text);
            }
            Bind::Integer(number) => {
                self.push(&number.to_string());
            }
            Bind::Elsewhere => self.no_literal("an argument"),
        }
    }

    fn literals_of<'a>(&mut self, codec: &'static Codec, values: impl Iterator<Item = &'a AnyValue>) {
        self.push("ARRAY[");
        for (at, value) in values.enumerate() {
            self.push(if at == 0 { "" } else { ", " });
            self.literal_of(codec, value);
        }
        match codec.postgres_name() {
            Some(name) => self.push("]::").push(&name).push("[]"),
            None => self.push("]"),
        };
    }

    fn literal_of(&mut self, codec: &'static Codec, value: &AnyValue) {
        if (codec.is_null)(value) {
            self.push("NULL");
            return;
        }
        match (codec.postgres_literal(value), codec.postgres_name()) {
            (Some(text), Some(name)) => {
                self.quoted(&text).push("::").push(&name);
            }
            _ => self.no_literal((codec.type_name)()),
        }
    }

    fn no_literal(&mut self, what: &str) {
        let text =
            format!("a rule with a value of type `{what}` cannot be written as a policy of PostgreSQL");
        self.refuse(Error::BadRequest(text.into()));
    }
}
