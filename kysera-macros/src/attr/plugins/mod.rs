//! `#[kysera::plugin(..)]` as the derive sees it.

mod builtin;
mod custom;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{Attribute, ExprPath, Path};

pub(crate) use builtin::{Audit, Rls, SoftDelete, Tenant, Timestamps, Version};
pub(crate) use custom::Custom;

use super::Features;
use super::item::{Item, items_of, list, split, tidy};
use crate::diag::{Diag, did_you_mean, listing};

/// The plugins that are kysera's own.
const BUILTIN: [&str; 5] = ["soft_delete", "timestamps", "version", "audit", "rls"];

/// The most plugins of a struct that are not kysera's own: those of the longest tuple that is a `PluginSet`.
const MAX_OWN: usize = 8;

/// The plugins of a struct, as they are declared.
#[derive(Default)]
pub(crate) struct Plugins {
    /// Whether there was an attribute at all, be it empty.
    pub(crate) declared: bool,
    pub(crate) soft_delete: Option<SoftDelete>,
    pub(crate) timestamps: Option<Timestamps>,
    pub(crate) version: Option<Version>,
    pub(crate) audit: Option<Audit>,
    pub(crate) rls: Option<Rls>,
    pub(crate) custom: Vec<Custom>,
    seen: Vec<String>,
}

/// Whether an attribute is `plugin`, `kysera::plugin` or `<crate>::plugin`.
pub(crate) fn is_plugin(path: &Path, krate: Option<&Path>) -> bool {
    let name = tidy(path);
    let name = name.trim_start_matches("::");
    name == "plugin"
        || name == "kysera::plugin"
        || krate.is_some_and(|krate| name == format!("{}::plugin", tidy(krate)).trim_start_matches("::"))
}

impl Plugins {
    /// `#[kysera::plugin(..)]` behind the derive.
    pub(crate) fn attribute(&mut self, attr: &Attribute, features: Features, diag: &Diag) {
        self.declared = true;
        if let Some(tokens) = list(attr, diag) {
            self.list(tokens, features, diag);
        }
    }

    /// `#[kysera(plugin(..))]`, which the attribute macro in front of the derive leaves behind it.
    pub(crate) fn item(&mut self, item: &Item, features: Features, diag: &Diag) {
        self.declared = true;
        if let Some(tokens) = item.list("a list of plugins, as in `plugin(soft_delete)`", diag) {
            self.list(tokens, features, diag);
        }
    }

    fn list(&mut self, tokens: TokenStream, features: Features, diag: &Diag) {
        for part in split(tokens) {
            let part = without_group(part);
            let tokens: TokenStream = part.iter().cloned().collect();
            if part.is_empty() {
                diag.span(Span::call_site(), "there is nothing between two commas");
                continue;
            }
            // What the name is; the rest is the plugin's affair.
            let path = part.iter().take_while(|token| !ends_name(token)).cloned().collect();
            match syn::parse2::<ExprPath>(path) {
                Ok(ExprPath { qself: None, path, .. }) => {
                    let rest = part.into_iter().skip_while(|token| !ends_name(token)).collect();
                    self.plugin(path, rest, tokens, features, diag);
                }
                _ => diag.at(&tokens, format!("expected the name of a plugin, found `{}`", tidy(&tokens))),
            }
        }
    }

    fn plugin(
        &mut self,
        path: Path,
        rest: Vec<TokenTree>,
        tokens: TokenStream,
        features: Features,
        diag: &Diag,
    ) {
        let name = tidy(&path).replace("r#", "");
        if self.seen.contains(&name) {
            diag.at(path, format!("the plugin `{name}` is given twice"));
            return;
        }
        // Types and constants begin with a capital.
        let is_own = path.get_ident().is_none() || !name.starts_with(char::is_lowercase);
        if is_own {
            if self.custom.len() == MAX_OWN {
                diag.at(&path, format!("an entity has at most {MAX_OWN} plugins of its own"));
            } else if let Some(options) = options(&path, rest, diag) {
                self.custom.extend(Custom::new(path, options, diag));
            }
        } else if BUILTIN.contains(&name.as_str()) {
            for item in items_of(tokens, path.to_token_stream(), diag) {
                self.builtin(&item, features, diag);
            }
        } else {
            let (hint, known) = (did_you_mean(&name, BUILTIN), listing(BUILTIN));
            diag.at(
                path,
                format!(
                    "unknown plugin `{name}`{hint}\nthe plugins are {known}; a plugin of your own is named by its type, as in \
                     `Slug`"
                ),
            );
        }
        self.seen.push(name);
    }

    fn builtin(&mut self, item: &Item, features: Features, diag: &Diag) {
        match item.key.unraw().to_string().as_str() {
            "soft_delete" => self.soft_delete = Some(SoftDelete::parse(item, diag)),
            "timestamps" => self.timestamps = Some(Timestamps::parse(item, diag)),
            "version" => self.version = Some(Version::parse(item, diag)),
            "rls" => self.rls = Some(Rls::parse(item, diag)),
            _ => {
                if !features.audit {
                    diag.at(&item.key, Features::missing("audit", "which brings the plugin `audit`"));
                }
                self.audit = Some(Audit::parse(item, diag));
            }
        }
    }
}

/// The tokens without the invisible parentheses in which macros put a path that they were given.
fn without_group(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    let flat = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            group.stream().into_iter().collect()
        }
        token => vec![token],
    });
    flat.collect()
}

fn ends_name(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == '=',
        _ => false,
    }
}

/// What stands behind the name of a plugin: nothing, or a list in parentheses.
#[expect(clippy::option_option, reason = "after a mistake there is not even nothing")]
fn options(path: &Path, rest: Vec<TokenTree>, diag: &Diag) -> Option<Option<Group>> {
    let mut rest = rest.into_iter();
    let options = match rest.next() {
        None => return Some(None),
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => group,
        Some(other) => {
            let (name, found) = (tidy(path), tidy(&other));
            let message = match &other {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    format!("options stand in parentheses, as in `{name}(field = ..)`")
                }
                _ => format!("expected `,` or `(` after `{name}`, found `{}`", found.trim()),
            };
            diag.at(&other, message);
            return None;
        }
    };
    if let Some(extra) = rest.next() {
        diag.at(&extra, format!("expected `,`, found `{}`", tidy(&extra).trim()));
        return None;
    }
    Some(Some(options))
}
