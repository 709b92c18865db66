//! The plugin `rls`: who may reach the entity, and whose a row is.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote};

use super::plugins::Fields;
use super::types::{optional, portable, without_self};
use crate::attr::container::Container;
use crate::attr::item::tidy;
use crate::attr::plugins as attr;
use crate::diag::Diag;

pub(crate) struct Rls {
    /// What asks for a policy: the context, or else the plugin's name.
    pub(crate) at: TokenStream,
    /// Who asks. `None` only after a mistake.
    pub(crate) context: Option<TokenStream>,
    pub(crate) tenant: Option<Tenant>,
    /// Whether the user has an `impl Policy`.
    pub(crate) rules: bool,
}

/// The column that says whose a row is.
pub(crate) struct Tenant {
    pub(crate) column: usize,
    pub(crate) claim: Claim,
}

/// What the context says of the tenant.
pub(crate) enum Claim {
    /// It is nothing but the tenant: a `kysera::rls::Tenant`.
    Whole,
    /// Its field of the same name, as it stands in `tenant(..)`.
    Named(Ident),
    /// This constant.
    Given(TokenStream),
}

impl Fields<'_> {
    pub(super) fn rls(&mut self, plugin: &attr::Rls, krate: &TokenStream) -> Rls {
        let ident = self.found.ident;
        let mut context = plugin.context.as_ref().map(|context| portable(context, ident));
        let at = context.clone().unwrap_or_else(|| plugin.name.to_token_stream());
        let mut tenant = None;
        if let Some(attr::Tenant { field, claim }) = &plugin.tenant
            && let Some(column) = self.named(field, "rls").filter(|&column| self.fits(column, "rls", field))
        {
            self.own(column, "rls");
            let claim = match claim {
                Some(claim) => Claim::Given(without_self(claim.to_token_stream(), ident)),
                None if context.is_some() => Claim::Named(field.clone()),
                None => Claim::Whole,
            };
            if let Claim::Whole = claim {
                let ty = &self.columns[column].ty;
                let id = optional(ty).unwrap_or_else(|| ty.clone());
                context = Some(quote!(#krate::rls::Tenant<#id>));
            }
            tenant = Some(Tenant { column, claim });
        }
        Rls { at, context, tenant, rules: plugin.rules }
    }
}

/// The context that a source needs to reach the entity. It is named once.
pub(super) fn context(container: &Container, rls: Option<&Rls>, diag: &Diag) -> Option<TokenStream> {
    let Some(rls) = rls else { return container.context.clone() };
    if let Some(context) = &container.context {
        let there = format!("`rls(context = {}, ..)`", tidy(context));
        let what =
            "with the plugin `rls` the context is an option of the plugin: take this away, and name it there";
        diag.at(context, format!("{what}: {there}"));
    }
    rls.context.clone().or_else(|| container.context.clone())
}
