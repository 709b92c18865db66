//! The constraints of an entity's table, over all snapshots.

use heck::ToUpperCamelCase as _;
use proc_macro2::Ident;

use super::Held;
use super::file::{Check, Key, Table};
use crate::diag::listing;

/// A constraint, as the variant of an enum.
pub(crate) struct Constraint {
    pub(crate) variant: String,
    pub(crate) kind: Kind,
    /// What databases call it; each once.
    pub(crate) names: Vec<String>,
    /// Empty for checks, and for keys that are not columns alone.
    pub(crate) columns: Vec<String>,
    /// What a check asks for, where SQLite knows it by that.
    pub(crate) expression: Option<String>,
    /// The snapshot that it is from: those of one are never the same.
    from: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Primary,
    Unique,
    Foreign,
    Check,
}

impl Constraint {
    /// In words, for docs.
    pub(crate) fn docs(&self) -> String {
        let name = self.names.first().map(|name| format!(" `{name}`")).unwrap_or_default();
        let what = match self.kind {
            Kind::Primary => "The primary key",
            Kind::Unique => "The unique key",
            Kind::Foreign => "The foreign key",
            Kind::Check => "The check",
        };
        match (self.columns.as_slice(), &self.expression) {
            ([], Some(expression)) if name.is_empty() => format!("{what} `{expression}`."),
            ([], _) => format!("{what}{name}."),
            (columns, _) => format!("{what}{name} over {}.", listing(columns.iter().map(String::as_str))),
        }
    }

    /// Whether it is the same in another database. A check is known by its name, or by what stands for one.
    fn is(&self, other: &Self) -> bool {
        let same_name =
            || self.names.iter().any(|name| other.names.contains(name)) || self.variant == other.variant;
        self.kind == other.kind
            && self.from != other.from
            && if self.columns.is_empty() { same_name() } else { self.columns == other.columns }
    }
}

/// All of them, in the order of the first snapshot that has them.
pub(crate) fn constraints(helds: &[Held]) -> Vec<Constraint> {
    let mut all: Vec<Constraint> = vec![];
    for (from, held) in helds.iter().enumerate() {
        for constraint in of_table(held.table(), from) {
            match all.iter_mut().find(|other| other.is(&constraint)) {
                Some(same) => {
                    same.names.extend(
                        constraint
                            .names
                            .into_iter()
                            .filter(|name| !same.names.contains(name))
                            .collect::<Vec<_>>(),
                    );
                    same.expression = same.expression.take().or(constraint.expression);
                }
                None => all.push(constraint),
            }
        }
    }
    for at in 0..all.len() {
        let (before, rest) = all.split_at_mut(at);
        let Some(this) = rest.first_mut() else { continue };
        let plain = this.variant.clone();
        let mut number = 2;
        while before.iter().any(|other| other.variant == this.variant) {
            this.variant = format!("{plain}{number}");
            number += 1;
        }
    }
    all
}

fn of_table(table: &Table, from: usize) -> Vec<Constraint> {
    let key = |key: &Key, kind: Kind, suffix: &str| {
        let fallback = format!("{}{suffix}", key.columns.join("_").to_upper_camel_case());
        Constraint {
            variant: match kind {
                Kind::Primary => "PrimaryKey".to_owned(),
                _ => variant(table, key.name.as_deref(), &fallback),
            },
            kind,
            names: key.name.iter().cloned().collect(),
            columns: if key.has_expressions { vec![] } else { key.columns.clone() },
            expression: None,
            from,
        }
    };
    let check = |check: &Check| Constraint {
        variant: variant(table, check.name.as_deref(), &unnamed(check, table)),
        kind: Kind::Check,
        names: check.name.iter().cloned().collect(),
        columns: vec![],
        expression: check.name.is_none().then(|| check.expression.clone()),
        from,
    };
    let primary = table.primary_key.iter().map(|one| key(one, Kind::Primary, ""));
    let unique = table.unique.iter().map(|one| key(one, Kind::Unique, "Key"));
    let foreign = table.foreign_keys.iter().map(|one| key(one, Kind::Foreign, "Fkey"));
    primary.chain(unique).chain(foreign).chain(table.checks.iter().map(check)).collect()
}

/// A check without a name is called after the first column in it.
fn unnamed(check: &Check, table: &Table) -> String {
    let mut words = check.expression.split(|char: char| !char.is_alphanumeric() && char != '_');
    let column = words.find(|word| table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(word)));
    format!("{}Check", column.unwrap_or_default().to_upper_camel_case())
}

/// `users_email_key` -> `EmailKey`
fn variant(table: &Table, name: Option<&str>, fallback: &str) -> String {
    let variant = match name {
        Some(name) => {
            let prefix = format!("{}_", table.name);
            name.strip_prefix(&prefix).unwrap_or(name).to_upper_camel_case()
        }
        None => fallback.to_owned(),
    };
    let is_word = |text: &str| syn::parse_str::<Ident>(text).is_ok();
    [variant.clone(), format!("{variant}_"), format!("Constraint{variant}")]
        .into_iter()
        .find(|text| is_word(text))
        .unwrap_or_else(|| "Constraint".to_owned())
}
