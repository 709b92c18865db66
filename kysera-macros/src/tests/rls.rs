//! The plugin `rls`, and who may read and write a column.

use proc_macro2::TokenStream;
use quote::quote;

use super::expansion::part;
use super::{expand, messages};

/// What the expansion has beyond that without the attribute.
fn policy(attributes: TokenStream) -> String {
    let code = expand(quote! {
        #attributes
        struct Invoice {
            #[kysera(id)]
            id: i64,
            tenant_id: Option<i64>,
            amount: i64,
        }
    });
    assert!(!code.contains("compile_error"), "{code}");
    let meta = part(&code, "static __KYSERA_META");
    let policy = meta.split_once("policy: ").map_or("", |(_, rest)| rest);
    let (_, functions) = code.split_once("for InvoicePatch {\n        type Entity").unwrap();
    let wanted = ["struct New", "Guard<"].map(|wanted| part(&code, wanted));
    format!("{}\n{policy}\n{functions}", wanted.join("\n"))
}

/// Without what the formatter adds.
fn squeezed(code: &str) -> String {
    code.split_whitespace().collect()
}

#[test]
fn rules_alone() {
    insta::assert_snapshot!(policy(quote!(#[kysera::plugin(rls(context = Principal))])));
}

#[test]
fn a_tenant_alone() {
    insta::assert_snapshot!(policy(quote!(#[kysera::plugin(rls(tenant(tenant_id)))])));
}

#[test]
fn a_tenant_of_a_context() {
    let code = policy(quote!(#[kysera::plugin(rls(context = app::Principal, tenant(tenant_id)))]));
    insta::assert_snapshot!(code);
    let code =
        policy(quote!(#[kysera::plugin(rls(context = Principal, tenant(tenant_id = Principal::ORG)))]));
    assert!(code.contains("Principal::ORG,") && !code.contains("Principal>::TENANT_ID"), "{code}");
}

#[test]
fn a_tenant_and_rules() {
    insta::assert_snapshot!(policy(quote! {
        #[kysera(crate = my::kysera, columns = InvoiceColumns)]
        #[my::kysera::plugin(rls(context = Principal, tenant(tenant_id), rules))]
    }));
    let code = policy(quote!(#[kysera::plugin(rls(tenant(tenant_id), rules))]));
    assert!(squeezed(&code).contains("rules_in_tenant::<Invoice,::kysera::rls::Tenant<i64>,>"), "{code}");
}

/// Plugins of one's own see what the policy does not close.
#[test]
fn with_plugins_of_ones_own() {
    let code = expand(quote! {
        #[kysera::plugin(rls(context = Principal), Quiet)]
        struct Invoice {
            #[kysera(id)]
            id: i64,
        }
    });
    assert!(squeezed(&code).contains("scope:::kysera::__private::scope_of::<Invoice,_"), "{code}");
    assert!(code.contains("&[\"rls\"]"), "{code}");
    assert!(!code.contains("Scope::of"), "{code}");
}

#[test]
fn guards_of_columns() {
    let code = expand(quote! {
        #[kysera(context = Principal)]
        struct Employee {
            #[kysera(id)]
            id: i64,
            #[kysera(read_if = Self::ID.eq(Principal::USER_ID) | Principal::IS_HR.holds(), write_if = Principal::IS_HR.holds())]
            salary: Option<i64>,
            #[kysera(read_if = Principal::IS_HR.holds(), mask = "***")]
            iban: String,
            #[kysera(write_if = Principal::IS_HR.holds())]
            grade: i32,
            #[kysera(read_only, read_if = Principal::IS_HR.holds())]
            r#ref: std::option::Option<i64>,
        }
    });
    assert!(!code.contains("compile_error"), "{code}");
    insta::assert_snapshot!(part(&code, "static __KYSERA_META"));
}

/// What a struct with these attributes is told.
fn told(on_struct: &str, on_field: &str) -> String {
    let [of_struct, of_field] = [on_struct, on_field].map(|text| text.parse::<TokenStream>().unwrap());
    let found = messages(quote! {
        #of_struct
        struct User {
            #[kysera(id)]
            id: i64,
            tenant_id: i64,
            #[kysera(read_only)]
            made_by: i64,
            #[kysera(default)]
            org: i64,
            #[kysera(skip)]
            cache: i64,
            #of_field
            name: String,
        }
    });
    format!("{on_struct} {on_field}\n    {}\n", found.join("\n").replace('\n', "\n    "))
}

#[test]
fn mistakes() {
    let found = [
        "rls",
        "rls()",
        "rls = Principal",
        "rls(Principal)",
        "rls(context)",
        "rls(context = 3)",
        "rls(contxt = Principal)",
        "rls(context = Principal, context = Principal)",
        "rls(rules)",
        "rls(context = Principal, rules)",
        "rls(context = Principal, rules = [])",
        "rls(tenant)",
        "rls(tenant())",
        "rls(tenant = tenant_id)",
        "rls(tenant(tenant_id, org))",
        "rls(tenant(tenant_id = 3))",
        "rls(tenant(tenant_id = app::Principal::ORG))",
        "rls(tenant(tenant_id = ORG))",
        "rls(tenant(tennant_id))",
        "rls(tenant(id))",
        "rls(tenant(made_by))",
        "rls(tenant(org))",
        "rls(tenant(cache))",
        "version(column = tenant_id), rls(tenant(tenant_id))",
        "rls(tenant(tenant_id)), rls",
        "audit(tenant(tenant_id))",
    ]
    .map(|plugins| told(&format!("#[kysera::plugin({plugins})]"), ""));
    let context = told("#[kysera(context = Principal)] #[kysera::plugin(rls(context = Principal))]", "");
    insta::assert_snapshot!(format!("{}\n{context}", found.join("\n")));
}

#[test]
fn mistakes_of_columns() {
    let context = "#[kysera(context = Principal)]";
    let found = [
        ("", "read_if = a()"),
        ("", "write_if = a(), read_if = a(), mask = \"\""),
        ("#[kysera(context)]", "write_if = a()"),
        ("#[kysera::plugin(rls)]", "write_if = a()"),
        (context, "read_if = a()"),
        (context, "mask = \"\""),
        (context, "mask"),
        (context, "read_if, mask = \"\""),
        (context, "read_if = a(), mask"),
        (context, "write_if"),
        (context, "write_if = a(), write_if = b()"),
        (context, "write_if = "),
        (context, "skip, write_if = a(), read_if = b(), mask = \"\""),
        (context, "id, read_if = a(), write_if = b(), mask = \"\""),
        (context, "read_only, write_if = b()"),
        (context, "readif = b()"),
        ("#[kysera::plugin(rls(tenant(name)))]", "read_if = a(), mask = \"\""),
        ("#[kysera::plugin(rls(tenant(name)))]", "write_if = a()"),
        (
            "#[kysera(context = A)] #[kysera::plugin(soft_delete(deleted_at = name))]",
            "read_if = a(), write_if = b()",
        ),
    ];
    let found = found.map(|(on_struct, keys)| told(on_struct, &format!("#[kysera({keys})]")));
    insta::assert_snapshot!(found.join("\n"));
}
