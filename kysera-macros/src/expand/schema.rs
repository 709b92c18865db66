//! What the snapshot of the schema adds: checks of the fields' types, the constraints, and finders by unique keys. Nothing where
//! there is no snapshot.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::{at, doc, located, quiet};
use crate::diag::listing;
use crate::model::{Column, Fill, Model, Names};
use crate::schema::{Backend, Column as Stored, Constraint, Held, Key, Kind, constraints};

/// Has the crate compiled again when a snapshot changes.
pub(super) fn tracked(model: &Model) -> TokenStream {
    let files = model.schemas.files.iter().map(|file| {
        quote! {
            const _: &[::core::primitive::u8] =
                ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #file));
        }
    });
    files.collect()
}

/// Holds the types of fields against the columns.
pub(super) fn checks(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let checks: Vec<TokenStream> =
        model.schemas.held.iter().flat_map(|held| checks_of(model, held)).collect();
    if checks.is_empty() {
        return TokenStream::new();
    }
    quote! {
        const _: () = {
            use #krate::__private::Unsupported as _;
            #(#checks)*
        };
    }
}

fn checks_of<'a>(model: &'a Model, held: &'a Held) -> impl Iterator<Item = TokenStream> + 'a {
    model.columns.iter().enumerate().filter_map(move |(index, column)| {
        let stored = held.column(index)?;
        let (ty, class) = (&column.ty, &stored.class);
        let name = format!("`{}.{}`", held.table().name, stored.name);
        let is = format!("{name} is `{}` on {} ({})", stored.shown(), database(held.backend()), held.file);
        let wrong = format!(
            "{is}, which `{}` does not hold: write {}",
            column.type_name,
            fitting(stored, held.backend())
        );
        // All of it is at the type: the compiler shows where the whole call stands.
        let span = at(ty);
        let (krate, dialect) = (located(&model.krate, span), Ident::new(held.backend().ident(), span));
        // What is read only may be an `Option` without need; of what is generated and of views nobody knows; and what the plugin
        // asks for is said.
        let is_read_only = column.fill == Fill::Database && !column.in_patch;
        let is_plugins = column.plugin == Some("soft_delete");
        let unknown = held.table().is_view || stored.generated;
        let is_asked = !unknown && (stored.nullable || !(is_read_only || is_plugins));
        let wrong_null = match (is_asked, stored.nullable) {
            (false, _) => String::new(),
            (true, true) => format!("{is} and may be NULL: write `Option<{}>`", column.type_name),
            (true, false) => {
                format!("{is}: `{}` has an `Option` that is never `None`, take it away", column.type_name)
            }
        };
        let nullable = match is_asked {
            true => {
                let nullable = stored.nullable;
                quote_spanned!(span=> #krate::__private::Probe::<#ty>::NULLABLE == #nullable)
            }
            false => quote_spanned!(span=> true),
        };
        Some(quote_spanned! {span=>
            const _: () = #krate::__private::fits(
                #krate::__private::Probe::<#ty>::FIT,
                #nullable,
                #krate::__private::Dialect::#dialect,
                #class,
                #wrong,
                #wrong_null
            );
        })
    })
}

fn database(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => "PostgreSQL",
        Backend::MySql => "MySQL",
        Backend::Sqlite => "SQLite",
    }
}

/// The types for a class of columns.
fn fitting(stored: &Stored, backend: Backend) -> String {
    let (array, class) = match stored.class.strip_prefix("array:") {
        Some(class) => (true, class),
        None => (false, stored.class.as_str()),
    };
    let types: &[&str] = match class {
        "bool" => &["bool"],
        "int64" if backend == Backend::Sqlite => &["i64", "i32"],
        "int8" => &["i8"],
        "int16" => &["i16"],
        "int32" => &["i32"],
        "int64" => &["i64"],
        "uint8" => &["u8"],
        "uint16" => &["u16"],
        "uint32" => &["u32"],
        "uint64" => &["u64"],
        "float32" => &["f32"],
        "float64" => &["f64"],
        "decimal" if backend == Backend::Sqlite => &["f64", "i64"],
        "decimal" => &["Decimal"],
        "text" => &["String"],
        "bytes" => &["Vec<u8>"],
        "uuid" => &["Uuid"],
        "date" => &["NaiveDate", "time::Date"],
        "time" => &["NaiveTime", "time::Time"],
        "timestamp" if backend == Backend::Postgres => &["NaiveDateTime", "PrimitiveDateTime"],
        "timestamp" | "timestamptz" => &["DateTime<Utc>", "OffsetDateTime"],
        "json" => &["Json<..>", "serde_json::Value"],
        _ => return "a type that implements `sqlx::Type` for it".to_owned(),
    };
    let wrap = |ty: &&str| match (array, stored.nullable) {
        (false, false) => format!("`{ty}`"),
        (false, true) => format!("`Option<{ty}>`"),
        (true, false) => format!("`Vec<{ty}>`"),
        (true, true) => format!("`Option<Vec<{ty}>>`"),
    };
    types.iter().map(wrap).collect::<Vec<_>>().join(" or ")
}

/// `UserConstraint`
pub(super) fn constraint_type(model: &Model) -> TokenStream {
    let all = constraints(&model.schemas.held);
    if all.is_empty() {
        return TokenStream::new();
    }
    let (vis, quiet, ident) = (&model.vis, quiet(), constraint_ident(model));
    let text = format!("The constraints of the table of {}, for `Error::violated`.", model.link());
    let text = doc(text);
    let variants = all.iter().map(|constraint| {
        let (docs, variant) = (doc(constraint.docs()), format_ident!("{}", constraint.variant));
        quote!(#docs #variant)
    });
    quote! {
        #text
        #quiet
        #[derive(
            ::core::clone::Clone,
            ::core::marker::Copy,
            ::core::fmt::Debug,
            ::core::cmp::PartialEq,
            ::core::cmp::Eq
        )]
        #vis enum #ident {
            #(#variants,)*
        }
    }
}

pub(super) fn constraint_impl(model: &Model) -> TokenStream {
    let all = constraints(&model.schemas.held);
    if all.is_empty() {
        return TokenStream::new();
    }
    let Model { krate, table, .. } = model;
    let (ident, entity) = (constraint_ident(model), model.entity());
    let variants = all.iter().map(|constraint| format_ident!("{}", constraint.variant));
    let facts = all.iter().map(|Constraint { kind, names, columns, expression, .. }| {
        let kind = match kind {
            Kind::Primary | Kind::Unique => quote!(Unique),
            Kind::Foreign => quote!(ForeignKey),
            Kind::Check => quote!(Check),
        };
        let expression = super::meta::option(expression.as_deref());
        quote! {
            #krate::__private::ConstraintFacts {
                kind: #krate::__private::ViolationKind::#kind,
                names: &[#(#names),*],
                columns: &[#(#columns),*],
                expression: #expression,
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl #krate::error::Constraint for #ident {
            const ALL: &'static [Self] = &[#(Self::#variants),*];
            const ENTITY: &'static ::core::primitive::str = #entity;
            const TABLE: &'static ::core::primitive::str = #table;
            fn facts(self) -> &'static #krate::__private::ConstraintFacts {
                static FACTS: &[#krate::__private::ConstraintFacts] = &[#(#facts),*];
                &FACTS[self as ::core::primitive::usize]
            }
        }
    }
}

fn constraint_ident(model: &Model) -> Ident {
    format_ident!("{}Constraint", model.ident)
}

/// A method that finds a row by a unique key.
struct Finder {
    name: Ident,
    columns: Vec<usize>,
}

/// Methods that there are anyway.
const TAKEN: [&str; 2] = ["find_by_id", "find_by_ids"];

fn finders(model: &Model) -> Vec<Finder> {
    let mut finders: Vec<Finder> = vec![];
    let Some((first, others)) = model.schemas.held.split_first() else { return finders };
    for key in &first.table().unique {
        let Some(columns) = columns_of(model, first, key) else { continue };
        let everywhere = others.iter().all(|held| {
            held.table()
                .unique
                .iter()
                .any(|key| columns_of(model, held, key).is_some_and(|other| same(&other, &columns)))
        });
        let fields = columns.iter().map(|index| model.columns[*index].field.unraw().to_string());
        let name = format!("find_by_{}", fields.collect::<Vec<_>>().join("_and_"));
        let is_new = !TAKEN.contains(&name.as_str()) && finders.iter().all(|other| other.name != name);
        if everywhere && is_new && !same(&columns, &model.id) {
            let name = Ident::new(&name, model.columns[columns[0]].field.span());
            finders.push(Finder { name, columns });
        }
    }
    finders
}

fn same(a: &[usize], b: &[usize]) -> bool {
    a.len() == b.len() && a.iter().all(|index| b.contains(index))
}

/// The entity's columns of a key that is unique among the rows that can be found.
fn columns_of(model: &Model, held: &Held, key: &Key) -> Option<Vec<usize>> {
    if key.has_expressions || !key.predicate.as_ref().is_none_or(|text| is_live(model, held, text)) {
        return None;
    }
    let columns = key
        .columns
        .iter()
        .map(|name| held.index_of(name).filter(|index| model.columns[*index].constant.is_some()));
    columns.collect::<Option<Vec<_>>>().filter(|columns| !columns.is_empty())
}

/// Whether a predicate says that a row is not marked as deleted.
fn is_live(model: &Model, held: &Held, predicate: &str) -> bool {
    let column = model.plugins.soft_delete.as_ref().and_then(|plugin| held.column(plugin.column?));
    let Some(column) = column else { return false };
    let plain: String = predicate.chars().filter(|char| !"()\"`[]".contains(*char)).collect();
    plain.trim().eq_ignore_ascii_case(&format!("{} IS NULL", column.name))
}

/// `UserFinders`. A trait, so that methods of the user's own with such names are no second ones, and are called.
pub(super) fn finders_trait(model: &Model) -> TokenStream {
    let finders = finders(model);
    if finders.is_empty() {
        return TokenStream::new();
    }
    let (vis, quiet, name) = (&model.vis, quiet(), finders_ident(model));
    let docs = doc(format!(
        "Finds rows of {} by the unique keys of its table. Methods of your own with such names are called instead.",
        model.link()
    ));
    let methods = finders.iter().map(|finder| {
        let columns = finder.columns.iter().map(|index| model.columns[*index].name.as_str());
        let docs = doc(format!("The row with this {}, or `None`. NULL finds nothing.", listing(columns)));
        let signature = signature(model, finder);
        quote! {
            #docs
            #[track_caller]
            #signature;
        }
    });
    quote! {
        #docs
        #quiet
        #vis trait #name {
            #(#methods)*
        }
    }
}

fn signature(model: &Model, finder: &Finder) -> TokenStream {
    let Model { ident, krate, .. } = model;
    let name = &finder.name;
    let arguments = finder.columns.iter().map(|index| {
        let Column { field, ty, .. } = &model.columns[*index];
        quote!(#field: impl #krate::IntoColumn<#ty>)
    });
    quote! {
        fn #name(&self, #(#arguments),*) -> impl ::core::future::Future<
            Output = #krate::Result<::core::option::Option<#ident>>
        > + ::core::marker::Send
    }
}

pub(super) fn finders_impl(model: &Model) -> TokenStream {
    let finders = finders(model);
    if finders.is_empty() {
        return TokenStream::new();
    }
    let Model { ident, krate, names: Names { source, .. }, .. } = model;
    let (name, repository) = (finders_ident(model), model.repository_type());
    let owner = model.columns_type.as_ref().unwrap_or(ident);
    let methods = finders.iter().map(|finder| {
        let signature = signature(model, finder);
        let filters = finder.columns.iter().map(|index| {
            let Column { field, ty, constant, .. } = &model.columns[*index];
            let mut columns = model.schemas.held.iter().filter_map(|held| held.column(*index));
            let not_null = columns
                .any(|stored| stored.nullable)
                .then(|| quote!(.filter(#owner::#constant.is_not_null())));
            quote!(.filter(#owner::#constant.eq(#krate::IntoColumn::<#ty>::into_column(#field))) #not_null)
        });
        quote! {
            #[track_caller]
            #signature {
                #krate::Repository::find(self) #(#filters)* .first()
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl<#source: #krate::Source> #name for #repository<#source>
        where
            #ident: #krate::entity::On<#source::Database>,
        {
            #(#methods)*
        }
    }
}

fn finders_ident(model: &Model) -> Ident {
    format_ident!("{}Finders", model.ident)
}
