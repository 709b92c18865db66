//! `rename_all`: serde's spellings, with serde's meaning: fields are taken to be in snake case.

/// What may be written, in the order in which it is listed.
pub(crate) const SPELLINGS: [&str; 8] = [
    "lowercase",
    "UPPERCASE",
    "PascalCase",
    "camelCase",
    "snake_case",
    "SCREAMING_SNAKE_CASE",
    "kebab-case",
    "SCREAMING-KEBAB-CASE",
];

/// How column names are made of field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RenameAll {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl RenameAll {
    pub(crate) fn parse(spelling: &str) -> Option<Self> {
        Some(match spelling {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Self::Lower | Self::Snake => field.to_owned(),
            Self::Upper | Self::ScreamingSnake => field.to_uppercase(),
            Self::Pascal => pascal(field),
            Self::Camel => {
                let pascal = pascal(field);
                let mut chars = pascal.chars();
                match chars.next() {
                    Some(first) => first.to_lowercase().chain(chars).collect(),
                    None => pascal,
                }
            }
            Self::Kebab => field.replace('_', "-"),
            Self::ScreamingKebab => field.to_uppercase().replace('_', "-"),
        }
    }
}

fn pascal(field: &str) -> String {
    let mut name = String::new();
    for word in field.split('_') {
        let mut chars = word.chars();
        if let Some(first) = chars.next() {
            name.extend(first.to_uppercase());
            name.push_str(chars.as_str());
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings() {
        let apply = |spelling: &str| RenameAll::parse(spelling).unwrap().apply("created_at_utc");
        let names: Vec<String> = SPELLINGS.iter().map(|spelling| apply(spelling)).collect();
        assert_eq!(
            names,
            [
                "created_at_utc",
                "CREATED_AT_UTC",
                "CreatedAtUtc",
                "createdAtUtc",
                "created_at_utc",
                "CREATED_AT_UTC",
                "created-at-utc",
                "CREATED-AT-UTC",
            ]
        );
        assert_eq!(RenameAll::parse("Snake_Case"), None);
    }

    #[test]
    fn odd_names() {
        assert_eq!(RenameAll::Camel.apply("_x"), "x");
        assert_eq!(RenameAll::Pascal.apply("__"), "");
        assert_eq!(RenameAll::Camel.apply("straße_ü"), "straßeÜ");
    }
}
