//! Whatever stands in an attribute, there is an answer and no panic.

use proc_macro2::TokenStream;
use quote::quote;

use super::derive;

/// Pieces of attributes, right and wrong.
const PIECES: &[&str] = &[
    "",
    ",",
    ",,",
    "=",
    "id",
    "id,",
    "id = ",
    "id = = 3",
    "id()",
    "table",
    "table = \"x\"",
    "table = b\"x\"",
    "table = \"x\"suffix",
    "table = 'x'",
    "table = 1.5",
    "table = concat!(\"a\", \"b\")",
    "table(x)",
    "table == \"x\"",
    "table: \"x\"",
    "r#table = \"x\"",
    "schema = \"\"",
    "schema_file",
    "schema_file = off",
    "schema_file = on",
    "schema_file = \"src/tests/schema/postgres.json\"",
    "schema_file = \"..\"",
    "partial",
    "partial = 1",
    "crate = crate",
    "crate = ::a::b",
    "crate = a<b>",
    "crate",
    "self",
    "Self = 3",
    "columns = A",
    "columns = r#fn",
    "columns = fn",
    "columns = a::b",
    "columns = _",
    "unique",
    "unique()",
    "unique(,)",
    "unique(a)",
    "unique(a, a)",
    "unique(r#a)",
    "unique(a b)",
    "unique(a, name)",
    "unique(a, name = 3)",
    "unique(name = \"x\")",
    "unique = \"x\"",
    "unique[a]",
    "unique{a}",
    "backend()",
    "backend(Postgres)",
    "backend(Postgres = 1)",
    "backend(::Postgres)",
    "backend(\"Postgres\")",
    "backend",
    "new",
    "new()",
    "new(derive)",
    "new(derive())",
    "new(derive(,))",
    "new(derive(a::b, 3, ::c))",
    "new(derive = 3)",
    "patch(derive(serde::Deserialize), derive(Serialize))",
    "validate",
    "validate = true",
    "plugin",
    "plugin()",
    "plugin(a, a, audit, , (b), c::<d>, \"e\", f(g), h = 3)",
    "soft_delete, timestamps, version, audit",
    "soft_delete(deleted_at = a, cascade = [A::B, , 3, Self::C])",
    "soft_delete(cascade)",
    "soft_delete(cascade = [])",
    "soft_delete(cascade = A::B)",
    "timestamps(created_at = a, updated_at = id, explicit, create_only, update_only)",
    "timestamps = a",
    "version(column = r#a), version()",
    "version(column = 3, colum, = )",
    "audit(table = \"\", schema = 'x', chain = chain)",
    "Slug, A::B(c = 3, d), E::<F>(), G(|x, y| x), H(i = j = k), r#Fn, _X",
    "A(b = c), A, D[0], E { f: 3 }, G() + 1, H = 1, <I>::J, K(l = ), M(n o)",
    "sensitive",
    "rename_all = \"x\"",
    "rename_all = \"camelCase\"",
    "rename = \"x\\\"y`z\"",
    "skip",
    "skip, id, default",
    "read_only",
    "assigned",
    "default",
    "default = Default::default()",
    "# # #",
    "'a",
    "\"text\"",
    "(id)",
    "[id]",
    "{id}",
    "名前",
    "$x",
    "email",
    "length(min = 1)",
    "custom(|a, b| c)",
    "if(cond = self.x, ascii)",
    "context(())",
    "dive, dive(x), skip, 3, (a)",
];

const NAMES: &[&str] = &["kysera", "garde", "validate", "plugin", "kysera::plugin", "::kysera::plugin"];

fn parsed(text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_piece_everywhere() {
    for name in NAMES {
        let name = parsed(name);
        for piece in PIECES {
            let piece = parsed(piece);
            let attr = quote!(#[#name(#piece)]);
            answered(quote!(#attr struct A { #[kysera(id)] id: i64, a: String }));
            answered(quote!(struct A { #[kysera(id)] #attr id: i64, #attr a: String }));
            answered(quote!(#attr enum A { #attr B { #attr c: i64 } }));
        }
        for attr in [quote!(#[#name[id]]), quote!(#[#name { id }]), quote!(#[#name]), quote!(#[#name = "x"])]
        {
            answered(quote!(#attr struct A { #[kysera(id)] id: i64, #attr a: String }));
        }
    }
}

#[test]
fn pieces_side_by_side() {
    for (index, one) in PIECES.iter().enumerate() {
        // Not all of the pairs, which would take half a minute.
        for other in PIECES.iter().skip(index % 7).step_by(7) {
            let (one, other) = (parsed(one), parsed(other));
            answered(quote!(
                #[kysera(#one, #other)]
                struct A {
                    #[kysera(id)]
                    id: i64,
                    a: String,
                }
            ));
            answered(quote!(
                struct A {
                    #[kysera(id)]
                    id: i64,
                    #[kysera(#one)]
                    #[kysera(#other)]
                    a: String,
                }
            ));
        }
    }
}

#[test]
fn odd_items() {
    for item in [
        "struct A;",
        "struct A();",
        "struct A {}",
        "struct A(i64);",
        "enum A {}",
        "enum A { B, C(i64), D { e: i64 } }",
        "union A { a: i64 }",
        "struct A<T>(T);",
        "struct A<'a, const N: usize, T: 'a + ?Sized = i64> where T: Copy { a: &'a [T; N] }",
        "struct A where i64: Copy { #[kysera(id)] id: i64 }",
        "struct r#fn { #[kysera(id)] r#struct: r#enum, r#Self_: i64 }",
        "struct A { #[kysera(id)] id: Option<Self>, f: fn(&Self) -> Box<dyn Fn(Self) -> [Self; 3]> }",
        "struct A { #[kysera(id)] id: (), n: !, t: (Self,), p: *const u8, m: my!(x), i: impl Copy, u: _ }",
        "pub(in a::b) struct A { #[kysera(id)] pub(crate) id: <i64 as B<{ 1 + 2 }>>::C }",
        "fn a() {}",
        "not rust at all",
        "",
    ] {
        answered(parsed(item));
        answered({
            let item = parsed(item);
            quote!(#[kysera::plugin(soft_delete, timestamps, version, audit, Slug)] #item)
        });
        let attribute = crate::plugin::attribute(quote!(audit), parsed(item)).to_string();
        assert!(!attribute.is_empty());
    }
}

/// What comes out is Rust: either code or errors.
fn answered(item: TokenStream) {
    let code = derive(item.clone());
    let text = code.to_string();
    assert!(syn::parse2::<syn::File>(code).is_ok(), "{item} became {text}");
}
