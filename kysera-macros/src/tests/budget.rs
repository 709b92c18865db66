//! How much code an entity costs. Every token is read again by the compiler, for each entity of a program.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use super::derive;

/// What an entity of ten fields took when this was last looked at. More than that wants a reason.
const CEILING: usize = 4_460;

pub(super) fn count(tokens: TokenStream) -> usize {
    let count_tree = |token| match token {
        TokenTree::Group(group) => count(group.stream()) + 2,
        _ => 1,
    };
    tokens.into_iter().map(count_tree).sum()
}

#[test]
fn ten_fields() {
    let tokens = count(derive(quote! {
        #[kysera(table = "users")]
        pub struct User {
            #[kysera(id)]
            pub id: i64,
            #[kysera(unique)]
            pub email: String,
            pub name: String,
            pub bio: Option<String>,
            #[kysera(default)]
            pub role: Role,
            pub version: i32,
            pub created_at: DateTime<Utc>,
            pub updated_at: DateTime<Utc>,
            pub deleted_at: Option<DateTime<Utc>>,
            #[kysera(read_only)]
            pub visits: i64,
        }
    }));
    assert!(tokens <= CEILING, "{tokens} tokens, {CEILING} were enough");
    assert!(tokens >= CEILING / 2, "{tokens} tokens: lower the ceiling of {CEILING}");
}
