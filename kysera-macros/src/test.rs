//! `#[kysera::test]`

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Expr, ItemFn, LitInt, LitStr, Path, Token};

use crate::attr::item::{Item, Keys, items_of};
use crate::diag::Diag;
use crate::expand::at;

const KEYS: &[&str] =
    &["migrations", "migrator", "fixtures", "setup", "url", "threads", "connections", "file", "crate"];

/// What the attribute says.
#[derive(Default)]
struct Args {
    migrations: Option<Migrations>,
    fixtures: Vec<LitStr>,
    setup: Option<Path>,
    /// Of the variable, as a constant.
    url: Option<Expr>,
    threads: Option<LitInt>,
    connections: Option<LitInt>,
    file: bool,
    krate: Option<Path>,
}

enum Migrations {
    Off,
    Folder(LitStr),
    /// A function that answers a `Migrator`.
    Code(Path),
}

pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = syn::Error::new(error.span(), "`#[kysera::test]` belongs on an `async fn`")
                .to_compile_error();
            return quote!(#error #item);
        }
    };
    let diag = Diag::default();
    let args = parse(args, &diag);
    check(&function, &diag);
    if diag.is_empty() {
        return expand(&args, &function);
    }
    // What the rest of the module needs of the function is there, so no second error follows.
    let errors = diag.into_tokens();
    let function = ItemFn { attrs: Vec::new(), ..function };
    quote!(#errors #[allow(dead_code, unused_variables)] #function)
}

fn parse(tokens: TokenStream, diag: &Diag) -> Args {
    let mut args = Args::default();
    let mut keys = Keys {
        of: "`#[kysera::test]`",
        valid: KEYS,
        elsewhere: (&[], ""),
        repeatable: &[],
        diag,
        seen: Vec::new(),
    };
    for item in items_of(tokens, TokenStream::new(), diag) {
        if !keys.accept(&item) {
            continue;
        }
        match item.name().as_str() {
            "migrations" => args.migrations = migrations(&item, diag).or(args.migrations),
            "migrator" => match args.migrations {
                Some(_) => diag.at(&item.key, "`migrations` says already where the tables come from"),
                None => args.migrations = path(&item, "migrator", diag).map(Migrations::Code),
            },
            "fixtures" => args.fixtures = fixtures(&item, diag),
            "setup" => args.setup = path(&item, "with_users", diag),
            "url" => {
                args.url = item.parsed("the name of a variable, as in `url = \"TEST_DATABASE_URL\"`", diag)
            }
            "threads" => args.threads = number(&item, 2, diag),
            "connections" => args.connections = number(&item, 5, diag),
            "file" => {
                item.flag(diag);
                args.file = true;
            }
            _ => args.krate = path(&item, "::kysera", diag),
        }
    }
    args
}

/// `migrations = "db/migrations"` or `migrations = off`
fn migrations(item: &Item, diag: &Diag) -> Option<Migrations> {
    let what = "a folder beside Cargo.toml, as in `migrations = \"migrations\"`, or `off`";
    let parser = |input: syn::parse::ParseStream<'_>| {
        if input.peek(LitStr) {
            return input.parse().map(Migrations::Folder);
        }
        let off: syn::Ident = input.parse()?;
        if off == "off" { Ok(Migrations::Off) } else { Err(syn::Error::new(off.span(), what)) }
    };
    item.parsed_with(parser, what, diag)
}

fn path(item: &Item, example: &str, diag: &Diag) -> Option<Path> {
    item.parsed(&format!("a path, as in `{} = {example}`", item.key), diag)
}

fn number(item: &Item, example: u32, diag: &Diag) -> Option<LitInt> {
    let what = format!("a number from 1 on, as in `{} = {example}`", item.key);
    let parser = |input: syn::parse::ParseStream<'_>| {
        let number: LitInt = input.parse()?;
        match number.base10_parse::<u32>() {
            Ok(value) if value > 0 => Ok(number),
            _ => Err(syn::Error::new(number.span(), "")),
        }
    };
    item.parsed_with(parser, &what, diag)
}

/// `fixtures("users.sql", "posts.sql")`
fn fixtures(item: &Item, diag: &Diag) -> Vec<LitStr> {
    let what = "files beside Cargo.toml, as in `fixtures(\"tests/users.sql\")`";
    let Some(list) = item.list(what, diag) else { return Vec::new() };
    match Punctuated::<LitStr, Token![,]>::parse_terminated.parse2(list) {
        Ok(files) => files.into_iter().collect(),
        Err(error) => {
            diag.span(error.span(), format!("expected {what}"));
            Vec::new()
        }
    }
}

fn check(function: &ItemFn, diag: &Diag) {
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        diag.at(signature.fn_token, "a test of a database is an `async fn`");
    }
    if signature.inputs.len() != 1 {
        let message =
            "a test takes its database, as in `async fn creates_a_user(db: Db<Sqlite>)`, and nothing else";
        match signature.inputs.iter().nth(1) {
            Some(second) => diag.at(second, message),
            None => diag.at(&signature.ident, message),
        }
    }
    if !signature.generics.params.is_empty() {
        diag.at(&signature.generics, "a test has no generic parameters: nobody would choose them");
    }
    for attr in &function.attrs {
        if attr.path().segments.last().is_some_and(|last| last.ident == "test") {
            diag.at(attr, "`#[kysera::test]` makes it a test already");
        }
    }
}

fn expand(args: &Args, function: &ItemFn) -> TokenStream {
    let ItemFn { attrs, vis, sig, .. } = function;
    let krate = args.krate.as_ref().map_or_else(|| quote!(::kysera), |path| path.to_token_stream());
    let name = &sig.ident;
    let output = &sig.output;
    let inner = {
        let mut inner = function.clone();
        inner.attrs.clear();
        inner.vis = syn::Visibility::Inherited;
        inner
    };
    let beside = |file: &str, span: Span| {
        let file = LitStr::new(&format!("/{file}"), span);
        quote_spanned!(span=> ::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #file))
    };
    let migrations = match &args.migrations {
        Some(Migrations::Off) => quote!(None),
        Some(Migrations::Folder(folder)) => {
            let folder = beside(&folder.value(), folder.span());
            quote!(Folder(#folder))
        }
        Some(Migrations::Code(path)) => {
            let call = quote_spanned!(at(path)=> || ::std::boxed::Box::pin(#path()));
            quote!(Code(#call))
        }
        None => {
            let folder = beside("migrations", Span::call_site());
            quote!(Default(#folder))
        }
    };
    let fixtures = args.fixtures.iter().map(|file| {
        let path = beside(&file.value(), file.span());
        quote_spanned!(file.span()=> (#file, ::core::include_str!(#path)))
    });
    let setup = match &args.setup {
        None => quote!(::core::option::Option::None),
        Some(path) => {
            quote_spanned!(at(path)=> ::core::option::Option::Some(|db| ::std::boxed::Box::pin(#path(db))))
        }
    };
    let url = args.url.as_ref().map_or_else(|| quote!("DATABASE_URL"), |url| url.to_token_stream());
    let threads = args.threads.as_ref().map_or_else(|| quote!(1), |number| number.to_token_stream());
    let connections = args.connections.as_ref().map_or_else(|| quote!(5), |number| number.to_token_stream());
    let file = args.file;
    // An argument of the wrong type is reported where it stands.
    let run = quote_spanned!(at(&sig.inputs)=> #krate::testing::run);
    quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis fn #name() #output {
            #inner
            #run(
                #krate::testing::Spec {
                    path: ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
                    migrations: #krate::testing::Migrations::#migrations,
                    fixtures: &[#(#fixtures),*],
                    setup: #setup,
                    url: #url,
                    threads: #threads,
                    connections: #connections,
                    file: #file,
                },
                #name,
            )
        }
    }
}
