//! `#[garde(..)]` and `#[validate(..)]`: forwarded to `NewX` and `XPatch`, and rewritten where an `Option` that these
//! add would change what a rule means.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::Attribute;
use syn::ext::IdentExt as _;

use super::Features;
use super::container::Container;
use super::item::{list, split, tidy};
use crate::diag::Diag;
use crate::model::{Column, Fill};

const BY_HAND: &str = "write `#[kysera(validate)]` on the struct, then implement `kysera::Validate` for `NewX` and `XPatch` yourself";

/// Who checks values.
pub(crate) enum Rules {
    /// Nobody.
    None,
    /// The user's own impls.
    Manual,
    /// The derive of garde, with `context(..)` if the struct has one.
    Garde(TokenStream),
    /// The derive of validator.
    Validator,
}

/// The rules of one field.
#[derive(Default)]
pub(crate) struct FieldRules {
    garde: Vec<Rule>,
    validator: Vec<Rule>,
    /// The attributes of the field of `NewX`.
    pub(crate) new: TokenStream,
    /// The attributes of the field of `XPatch`.
    pub(crate) patch: TokenStream,
}

/// One rule: `length(min = 1)`.
struct Rule {
    name: String,
    tokens: TokenStream,
}

impl FieldRules {
    pub(crate) fn parse(attrs: &[Attribute], diag: &Diag) -> Self {
        Self {
            garde: rules(attrs, "garde", diag),
            validator: rules(attrs, "validate", diag),
            ..Self::default()
        }
    }
}

fn rules(attrs: &[Attribute], name: &str, diag: &Diag) -> Vec<Rule> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident(name))
        .filter_map(|attr| list(attr, diag))
        .flat_map(split)
        .filter_map(|part| {
            let name = match part.first()? {
                TokenTree::Ident(name) => name.unraw().to_string(),
                _ => String::new(),
            };
            Some(Rule { name, tokens: part.into_iter().collect() })
        })
        .collect()
}

impl Rules {
    /// Finds out who checks, and writes the attributes of the fields that are to be checked.
    pub(crate) fn new(
        attrs: &[Attribute],
        container: &Container,
        columns: &mut [Column],
        features: Features,
        diag: &Diag,
    ) -> Self {
        if container.validate {
            return Self::Manual;
        }
        let checked = |column: &&Column| column.in_patch || column.fill.is_in_new();
        let garde = columns.iter().filter(checked).find_map(|column| column.rules.garde.first());
        let validator = columns.iter().filter(checked).find_map(|column| column.rules.validator.first());
        match (garde, validator) {
            (None, None) => Self::None,
            (Some(_), Some(rule)) => {
                diag.at(
                    &rule.tokens,
                    "`#[garde(..)]` and `#[validate(..)]` on one struct: kysera runs the rules of one of them; \
                     choose one",
                );
                Self::None
            }
            (Some(rule), None) if !features.garde => {
                missing(rule, "garde", diag);
                Self::None
            }
            (None, Some(rule)) if !features.validator => {
                missing(rule, "validator", diag);
                Self::None
            }
            (Some(_), None) => {
                let context = garde_context(attrs, diag);
                garde_fields(columns, diag);
                Self::Garde(context)
            }
            (None, Some(_)) => {
                for attr in attrs.iter().filter(|attr| attr.path().is_ident("validate")) {
                    let message = format!(
                        "`#[validate(..)]` on a struct cannot be forwarded to `NewX` and `XPatch`: {BY_HAND}"
                    );
                    diag.at(attr, message);
                }
                validator_fields(columns);
                Self::Validator
            }
        }
    }
}

fn missing(rule: &Rule, feature: &str, diag: &Diag) {
    diag.at(&rule.tokens, Features::missing(feature, "which runs these rules"));
}

/// What `#[garde(..)]` on the struct asks for.
fn garde_context(attrs: &[Attribute], diag: &Diag) -> TokenStream {
    let mut context = TokenStream::new();
    for rule in rules(attrs, "garde", diag) {
        match rule.name.as_str() {
            "allow_unvalidated" => {}
            "context" => {
                let tokens = rule.tokens;
                context = quote!(#[garde(#tokens)]);
            }
            _ => diag.at(
                &rule.tokens,
                format!("`{}` cannot be forwarded to `NewX` and `XPatch`: {BY_HAND}", tidy(&rule.tokens)),
            ),
        }
    }
    context
}

fn garde_fields(columns: &mut [Column], diag: &Diag) {
    let plain = plain_in_new(columns);
    for column in columns {
        let optional = column.fill == Fill::Default;
        let rules = &column.rules.garde;
        if let Some(rule) = rules.iter().find(|rule| forbidden(rule, rules)) {
            let what = tidy(&rule.tokens);
            let why = match rule.name.as_str() {
                "adapt" => "its functions know nothing of the `Option` that `XPatch` adds",
                "dive" => "beside `custom`, `inner` or `required` garde has no form of it for an `Option`",
                _ => "it looks at other fields, which `NewX` and `XPatch` have as `Option`s or not at all",
            };
            diag.at(
                &rule.tokens,
                format!("`{what}` cannot be forwarded to `NewX` and `XPatch`: {why}; {BY_HAND}"),
            );
            continue;
        }
        let new =
            rules.iter().filter(|rule| rule.name != "matches" || (!optional && rule.names_any_of(&plain)));
        let new = new.map(|rule| if optional { rule.through_option() } else { rule.tokens.clone() });
        column.rules.new = attribute(&quote!(garde), new.collect());
        let patch = rules.iter().filter(|rule| rule.name != "matches").map(Rule::through_option);
        column.rules.patch = attribute(&quote!(garde), patch.collect());
    }
}

fn forbidden(rule: &Rule, all: &[Rule]) -> bool {
    match rule.name.as_str() {
        "adapt" | "if" => true,
        "dive" => all.iter().any(|other| matches!(other.name.as_str(), "custom" | "inner" | "required")),
        _ => contains_ident(rule.tokens.clone(), "self"),
    }
}

fn validator_fields(columns: &mut [Column]) {
    let plain = plain_in_new(columns);
    for column in columns {
        let optional = column.fill == Fill::Default;
        let rules = &column.rules.validator;
        let new = rules.iter().filter(|rule| match rule.name.as_str() {
            "must_match" => !optional && rule.names_any_of(&plain),
            "required" => !optional,
            _ => true,
        });
        column.rules.new = attribute(&quote!(validate), new.map(|rule| rule.tokens.clone()).collect());
        let patch = rules.iter().filter(|rule| !matches!(rule.name.as_str(), "must_match" | "required"));
        column.rules.patch = attribute(&quote!(validate), patch.map(|rule| rule.tokens.clone()).collect());
    }
}

fn attribute(name: &TokenStream, rules: Vec<TokenStream>) -> TokenStream {
    if rules.is_empty() { TokenStream::new() } else { quote!(#[#name(#(#rules),*)]) }
}

/// The fields that `NewX` has as they stand in the row.
fn plain_in_new(columns: &[Column]) -> Vec<Ident> {
    columns.iter().filter(|column| column.fill == Fill::Client).map(|column| column.field.clone()).collect()
}

impl Rule {
    /// What the rule is where its value is in one more `Option`: most rules see through it by themselves.
    fn through_option(&self) -> TokenStream {
        let tokens = &self.tokens;
        match self.name.as_str() {
            "custom" | "inner" | "required" => quote!(inner(#tokens)),
            _ => tokens.clone(),
        }
    }

    /// Whether the rule, which compares with another field, names one of these.
    fn names_any_of(&self, fields: &[Ident]) -> bool {
        fields.iter().any(|field| contains_ident(self.tokens.clone(), &field.to_string()))
    }
}

fn contains_ident(tokens: TokenStream, wanted: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == wanted,
        TokenTree::Group(group) => contains_ident(group.stream(), wanted),
        TokenTree::Literal(literal) => {
            // validator takes a field's name as a string, too.
            literal.to_token_stream().to_string() == format!("\"{wanted}\"")
        }
        TokenTree::Punct(_) => false,
    })
}
