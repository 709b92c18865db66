//! Names of the database as names of Rust.

use std::collections::HashSet;

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};

const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield", "Self",
];

/// Types that generated code names without a path, or that are in everyone's sight.
const TAKEN: [&str; 19] = [
    "Option",
    "String",
    "Vec",
    "Box",
    "Result",
    "Ok",
    "Err",
    "Some",
    "None",
    "Repository",
    "DateTime",
    "Utc",
    "NaiveDate",
    "NaiveTime",
    "NaiveDateTime",
    "Decimal",
    "Uuid",
    "JsonValue",
    "Constraint",
];

/// What the derive makes of a name.
const MADE: [(&str, &str); 6] =
    [("", ""), ("New", ""), ("", "Patch"), ("", "Repository"), ("", "Constraint"), ("", "Finders")];

/// The names of types, each for one thing.
pub(super) struct Types(HashSet<String>);

impl Types {
    pub(super) fn new() -> Self {
        Self(TAKEN.iter().map(|name| (*name).to_owned()).collect())
    }

    /// `order_items` -> `OrderItem`, with nothing that the derive makes of it taken.
    pub(super) fn entity(&mut self, table: &str) -> String {
        let name = camel(&singular(&table.to_snake_case()), "Table");
        let all = |name: &str| MADE.map(|(before, behind)| format!("{before}{name}{behind}"));
        let name = first_free(&name, "Row", |name| all(name).iter().all(|made| !self.0.contains(made)));
        self.0.extend(all(&name));
        name
    }

    /// `mood` -> `Mood`
    pub(super) fn plain(&mut self, name: &str) -> String {
        let name = first_free(&camel(name, "Enum"), "Enum", |name| !self.0.contains(name));
        self.0.insert(name.clone());
        name
    }
}

/// Names of one struct's fields, relations or variants.
#[derive(Default)]
pub(super) struct Members(HashSet<String>);

impl Members {
    /// A name in snake case that is not taken, without `r#`. Constants are made of it, so case does not tell names apart.
    pub(super) fn snake(&mut self, name: &str, behind: &str) -> String {
        let mut name = name.to_snake_case();
        if name.is_empty() {
            name = "column".into();
        }
        if name.starts_with(|first: char| !first.is_alphabetic()) {
            name.insert(0, '_');
        }
        if matches!(name.as_str(), "self" | "super" | "crate") {
            name.push('_');
        }
        self.free(&name, behind)
    }

    /// `so so` -> `SoSo`
    pub(super) fn variant(&mut self, label: &str) -> String {
        self.free(&camel(label, "Other"), "")
    }

    fn free(&mut self, name: &str, behind: &str) -> String {
        let name = first_free(name, behind, |name| !self.0.contains(&name.to_uppercase()));
        self.0.insert(name.to_uppercase());
        name
    }
}

/// The name, the name with something behind it, or with a number behind that.
fn first_free(name: &str, behind: &str, is_free: impl Fn(&str) -> bool) -> String {
    if is_free(name) {
        return name.to_owned();
    }
    let longer = format!("{name}{behind}");
    if is_free(&longer) {
        return longer;
    }
    let numbered = (2_u32..).map(|number| format!("{longer}{number}")).find(|name| is_free(name));
    numbered.unwrap_or(longer)
}

fn camel(name: &str, fallback: &str) -> String {
    let name = name.to_upper_camel_case();
    match name.chars().next() {
        Some(first) if first.is_alphabetic() && name != "Self" => name,
        _ => format!("{fallback}{name}"),
    }
}

/// A name as an identifier.
pub(super) fn ident(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() }
}

/// The derive's constant of a field.
pub(super) fn constant(name: &str) -> String {
    name.to_uppercase()
}

/// English, as far as a few rules go.
pub(super) fn singular(name: &str) -> String {
    let (before, last) = name.rsplit_once('_').map_or(("", name), |(before, last)| (before, last));
    let end = |suffix: &str, by: &str| {
        last.strip_suffix(suffix).filter(|stem| stem.len() > 1).map(|stem| stem.to_owned() + by)
    };
    let one = match last {
        "news" | "series" | "species" | "status" | "bus" => last.to_owned(),
        "statuses" => "status".into(),
        "people" => "person".into(),
        "children" => "child".into(),
        "men" => "man".into(),
        "women" => "woman".into(),
        _ if ["ss", "us", "is"].iter().any(|end| last.ends_with(end)) => last.to_owned(),
        _ => ["sses", "xes", "ches", "shes"]
            .iter()
            .find_map(|suffix| end(suffix, suffix.strip_suffix("es").unwrap_or(suffix)))
            .or_else(|| end("ies", "y"))
            .or_else(|| end("s", ""))
            .unwrap_or_else(|| last.to_owned()),
    };
    if before.is_empty() { one } else { format!("{before}_{one}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many() {
        let pairs = [
            ("users", "user"),
            ("order_items", "order_item"),
            ("categories", "category"),
            ("addresses", "address"),
            ("boxes", "box"),
            ("statuses", "status"),
            ("news", "news"),
            ("people", "person"),
            ("user", "user"),
            ("s", "s"),
            ("houses", "house"),
            ("analysis", "analysis"),
        ];
        for (many, one) in pairs {
            assert_eq!(singular(many), one);
        }
    }

    #[test]
    fn names_do_not_meet() {
        let mut types = Types::new();
        assert_eq!(types.entity("users"), "User");
        assert_eq!(types.entity("new_users"), "NewUserRow");
        assert_eq!(types.entity("user"), "UserRow2", "`NewUserRow` is there");
        assert_eq!(types.entity("options"), "OptionRow");
        assert_eq!(types.entity("1st things"), "Table1stThing");
        assert_eq!(types.plain("user"), "UserEnum");
        let mut members = Members::default();
        let mut snake = |name: &str| members.snake(name, "_column");
        assert_eq!(snake("First Name"), "first_name");
        assert_eq!(snake("first-name"), "first_name_column");
        assert_eq!(snake("firstName"), "first_name_column2");
        assert_eq!(snake("1st"), "_1st");
        assert_eq!(snake("self"), "self_");
        assert_eq!(snake("!"), "column");
        assert_eq!((ident("type"), ident("self_")), ("r#type".into(), "self_".into()));
    }
}
