//! `has_many(..)`, `has_one(..)` and `belongs_to(..)`.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::Path;
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;

use super::item::{Item, split, tidy};
use crate::diag::{Diag, did_you_mean};

/// What a relation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    HasMany,
    HasOne,
    BelongsTo,
}

/// A relation as it is declared.
pub(crate) struct RelationAttr {
    pub(crate) kind: Kind,
    pub(crate) name: Ident,
    pub(crate) target: ColumnPath,
    /// `key = field`
    pub(crate) key: Option<Ident>,
    /// `through(PostTag::POST_ID, PostTag::TAG_ID)`
    pub(crate) through: Option<(ColumnPath, ColumnPath)>,
}

/// `Post::AUTHOR_ID`
pub(crate) struct ColumnPath {
    /// All of it.
    pub(crate) column: Path,
    /// What the column is a constant of: `Post`.
    pub(crate) owner: Path,
}

const COLUMN: &str = "a column of the other entity, as in `Post::AUTHOR_ID`";

impl ColumnPath {
    fn new(path: Path, diag: &Diag) -> Option<Self> {
        let mut owner = path.clone();
        owner.segments.pop();
        // Without the `::` in front of what was taken away.
        owner.segments.pop_punct();
        if owner.segments.is_empty() {
            diag.at(&path, format!("expected {COLUMN}, found `{}`", tidy(&path)));
            return None;
        }
        Some(Self { column: path, owner })
    }
}

impl Kind {
    fn example(self) -> &'static str {
        match self {
            Kind::HasMany => {
                "a name and a column of the other entity, as in `has_many(posts = Post::AUTHOR_ID)`"
            }
            Kind::HasOne => {
                "a name and a column of the other entity, as in `has_one(profile = Profile::USER_ID)`"
            }
            Kind::BelongsTo => {
                "a name and the key of the other entity, as in `belongs_to(author = User::ID)`"
            }
        }
    }

    /// What may stand behind the relation.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::HasMany => &["key", "through"],
            Kind::HasOne => &["key"],
            Kind::BelongsTo => &[],
        }
    }
}

/// Reads a relation.
pub(crate) fn relation(kind: Kind, item: &Item, diag: &Diag) -> Option<RelationAttr> {
    let example = kind.example();
    let parts = item.items(example, diag)?;
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else {
        diag.at(item.tokens(), format!("expected {example}"));
        return None;
    };
    let path = first.parsed_with(Path::parse_mod_style, example, diag);
    let target = path.and_then(|path| ColumnPath::new(path, diag));
    let mut key = None;
    let mut through = None;
    for part in parts {
        let name = part.name();
        match name.as_str() {
            "key" | "through" if !kind.keys().contains(&name.as_str()) => {
                let why = match kind {
                    Kind::BelongsTo => "`belongs_to` stands on the field that is its key",
                    _ => "only `has_many` leads through another entity",
                };
                diag.at(part.tokens(), why);
            }
            "key" if key.is_some() => diag.at(part.tokens(), "`key` is given twice"),
            "through" if through.is_some() => diag.at(part.tokens(), "`through` is given twice"),
            "key" => key = part.parsed::<Ident>("a field of this struct, as in `key = email`", diag),
            "through" => through = columns(&part, diag),
            _ => {
                let known = match kind.keys() {
                    [] => "there is one relation in each `belongs_to(..)`".to_owned(),
                    keys => format!(
                        "behind the relation there may be {}; write another `{}(..)` for another relation",
                        crate::diag::listing(keys.iter().copied()),
                        item.key
                    ),
                };
                let hint = did_you_mean(&name, kind.keys().iter().copied());
                diag.at(&part.key, format!("unknown key `{name}`{hint}\n{known}"));
            }
        }
    }
    Some(RelationAttr { kind, name: first.key, target: target?, key, through })
}

/// The two columns in `through(PostTag::POST_ID, PostTag::TAG_ID)`.
fn columns(item: &Item, diag: &Diag) -> Option<(ColumnPath, ColumnPath)> {
    let what = "the two columns of the entity that links, as in `through(PostTag::POST_ID, PostTag::TAG_ID)`";
    let mut paths = vec![];
    for tokens in split(item.list(what, diag)?) {
        let tokens: TokenStream = tokens.into_iter().collect();
        match Path::parse_mod_style.parse2(tokens.clone()) {
            Ok(path) => paths.push(ColumnPath::new(path, diag)?),
            Err(_) if tokens.is_empty() => diag.at(&item.key, "there is nothing between two commas"),
            Err(_) => diag.at(&tokens, format!("expected {COLUMN}, found `{}`", tidy(&tokens))),
        }
    }
    let mut paths = paths.into_iter();
    let (Some(parent), Some(target), None) = (paths.next(), paths.next(), paths.next()) else {
        diag.at(item.tokens(), format!("expected {what}"));
        return None;
    };
    if tidy(&parent.owner) != tidy(&target.owner) {
        diag.at(
            target.column.to_token_stream(),
            format!(
                "both columns of `through` belong to the entity that links: `{}` is not one of `{}`",
                tidy(&target.column),
                tidy(&parent.owner)
            ),
        );
        return None;
    }
    Some((parent, target))
}

impl RelationAttr {
    /// The name, without `r#`.
    pub(crate) fn plain_name(&self) -> String {
        self.name.unraw().to_string()
    }
}
