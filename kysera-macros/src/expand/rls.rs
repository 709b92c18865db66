//! Who may do what with rows, and with their columns.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{at, located};
use crate::model::{Claim, Column, Guard, Model, Rls, Tenant, constant};

/// `Meta::policy`
pub(super) fn policy(model: &Model) -> Option<TokenStream> {
    let Model { krate, plugins, .. } = model;
    let Rls { context, tenant, .. } = plugins.rls.as_ref()?;
    let context = context.as_ref()?;
    let tenant = match tenant {
        None => quote!(::core::option::Option::None),
        Some(Tenant { column, .. }) => quote! {
            ::core::option::Option::Some(#krate::__private::rls::TenantColumn {
                column: #column,
                value: |cx| __kysera_tenant().value(cx),
            })
        },
    };
    Some(quote! {
        policy: ::core::option::Option::Some(&#krate::__private::rls::PolicyMeta {
            standing: #krate::__private::rls::standing::<#context>,
            rules: __kysera_rules,
            tenant: #tenant,
        }),
    })
}

/// What says who asks, and the functions that `Meta::policy` calls.
pub(super) fn items(model: &Model) -> Option<TokenStream> {
    let Model { ident, krate, plugins, .. } = model;
    let Rls { at, context, tenant, rules } = plugins.rls.as_ref()?;
    // Nobody, after a mistake.
    let asks = context.clone().unwrap_or_else(|| quote!(()));
    let policed = quote! {
        #[automatically_derived]
        impl #krate::entity::Policed for #ident {
            type Context = #asks;
        }
    };
    let Some(context) = context else { return Some(policed) };
    // A policy that is missing is reported at the context.
    let span = super::at(at);
    let (there, entity) = (located(krate, span), located(ident, span));
    let made = match (tenant, rules) {
        (None, true) => quote_spanned!(span=> #there::__private::rls::rules::<#entity, #context>()),
        (Some(_), true) => {
            quote_spanned!(span=> #there::__private::rls::rules_in_tenant::<#entity, #context>(&__kysera_tenant()))
        }
        (Some(_), false) => {
            quote!(#krate::__private::rls::rules_in_tenant::<#ident, #context>(&__kysera_tenant()))
        }
        // After a mistake.
        (None, false) => quote!(::core::unreachable!()),
    };
    // The policy of who forgot to say `rules` is a second one then, which rustc reports at the plugin.
    let whole = (tenant.is_some() && !rules).then(|| {
        quote_spanned! {span=>
            #[automatically_derived]
            impl #there::rls::Policy<#context> for #entity {
                fn rules() -> #there::rls::Rules<Self, #context> {
                    #there::__private::rls::everything()
                }
            }
        }
    });
    let tenant = tenant.as_ref().map(|tenant| self::tenant(model, tenant, context));
    Some(quote! {
        #policed
        #whole
        #tenant
        fn __kysera_rules() -> &'static #krate::__private::rls::RuleSet {
            static RULES: ::std::sync::OnceLock<#krate::__private::rls::RuleSet> = ::std::sync::OnceLock::new();
            RULES.get_or_init(|| #made)
        }
    })
}

/// The column of the tenant, and what it is compared with.
fn tenant(
    model: &Model,
    Tenant { column: index, claim }: &Tenant,
    context: &TokenStream,
) -> Option<TokenStream> {
    let Model { ident, krate, .. } = model;
    let Column { ty, .. } = model.columns.get(*index)?;
    // A column of the wrong type is reported at its type, a claim that there is not where it is named.
    let span = at(ty);
    let there = located(krate, span);
    let ty = located(ty, span);
    let column = quote_spanned!(span=> #there::Column::<#ident, #ty>::new(&__KYSERA_META.columns[#index]));
    let claim = match claim {
        Claim::Given(claim) => claim.clone(),
        Claim::Named(field) => {
            let claim = constant(field);
            quote_spanned!(at(field)=> <#context>::#claim)
        }
        Claim::Whole => {
            let context = located(context, span);
            quote_spanned!(span=> <#context as #there::rls::TenantContext>::CLAIM)
        }
    };
    let span = at(&claim);
    let there = located(krate, span);
    let function = quote_spanned!(span=> #there::__private::rls::in_tenant);
    Some(quote! {
        fn __kysera_tenant() -> #krate::__private::rls::InTenant<#ident, #context> {
            #function(#claim, #column)
        }
    })
}

/// `Col::guard`
pub(super) fn guard(model: &Model, column: &Column) -> TokenStream {
    let Model { ident, krate, context, .. } = model;
    let none = quote!(::core::option::Option::None);
    let (Some(guard), Some(context)) = (&column.guard, context) else { return none };
    let Guard { read, mask, write } = guard;
    let entity = model.entity();
    // What has the wrong type is reported where it stands.
    let rule = |filter: &Option<TokenStream>| match filter {
        None => none.clone(),
        Some(filter) => {
            let span = at(filter);
            let there = located(krate, span);
            let rule = quote_spanned!(span=> #there::__private::rls::field_rule::<#ident>(#filter));
            quote! {
                ::core::option::Option::Some(|| {
                    static RULE: ::std::sync::OnceLock<#krate::__private::rls::FieldRule> = ::std::sync::OnceLock::new();
                    RULE.get_or_init(|| #rule)
                })
            }
        }
    };
    let (read, write) = (rule(read), rule(write));
    let mask = match mask {
        None => none.clone(),
        Some(value) => {
            let span = at(value);
            let (there, ty) = (located(krate, span), located(&column.ty, span));
            let mask = quote_spanned!(span=> #there::__private::rls::mask::<#ty>(#value));
            quote!(::core::option::Option::Some(|| #mask))
        }
    };
    quote! {
        ::core::option::Option::Some(&#krate::__private::rls::FieldGuard {
            entity: #entity,
            standing: #krate::__private::rls::standing::<#context>,
            read: #read,
            mask: #mask,
            write: #write,
        })
    }
}
