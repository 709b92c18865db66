//! `#[kysera::plugin(..)]` as the derive sees it.

use proc_macro2::TokenStream;
use syn::parse::Parser as _;
use syn::{Attribute, Path};

use super::item::{Item, list, split, tidy};
use crate::diag::{Diag, did_you_mean, listing};

/// The plugins that kysera has a name for.
pub(crate) const KNOWN: [&str; 5] = ["soft_delete", "timestamps", "version", "audit", "rls"];

/// The plugins of a struct.
#[derive(Default)]
pub(crate) struct Plugins {
    /// Whether there was an attribute at all, be it empty.
    pub(crate) declared: bool,
    names: Vec<String>,
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
    pub(crate) fn attribute(&mut self, attr: &Attribute, diag: &Diag) {
        self.declared = true;
        if let Some(tokens) = list(attr, diag) {
            self.list(tokens, diag);
        }
    }

    /// `#[kysera(plugin(..))]`, which the attribute macro in front of the derive leaves behind it.
    pub(crate) fn item(&mut self, item: &Item, diag: &Diag) {
        self.declared = true;
        if let Some(tokens) = item.list("a list of plugins, as in `plugin(soft_delete)`", diag) {
            self.list(tokens, diag);
        }
    }

    fn list(&mut self, tokens: TokenStream, diag: &Diag) {
        for part in split(tokens) {
            let tokens: TokenStream = part.iter().cloned().collect();
            // Options in parentheses belong to the plugin.
            let path: TokenStream = part
                .into_iter()
                .take_while(|token| !matches!(token, proc_macro2::TokenTree::Group(_)))
                .collect();
            match Path::parse_mod_style.parse2(path) {
                Ok(path) => self.plugin(&path, diag),
                Err(_) if tokens.is_empty() => {
                    diag.span(proc_macro2::Span::call_site(), "there is nothing between two commas");
                }
                Err(_) => {
                    diag.at(&tokens, format!("expected the name of a plugin, found `{}`", tidy(&tokens)))
                }
            }
        }
    }

    fn plugin(&mut self, path: &Path, diag: &Diag) {
        let name = tidy(path);
        if self.names.contains(&name) {
            diag.at(path, format!("the plugin `{name}` is given twice"));
        } else if KNOWN.contains(&name.as_str()) {
            diag.at(path, format!("the plugin `{name}` is not available in this version of kysera"));
        } else {
            let (hint, known) = (did_you_mean(&name, KNOWN), listing(KNOWN));
            diag.at(path, format!("unknown plugin `{name}`{hint}\nthe plugins are {known}"));
        }
        self.names.push(name);
    }
}
