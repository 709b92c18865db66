//! `read_if`, `write_if` and `mask`: who may read and write a column.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;

use super::Column;
use super::types::{optional, without_self};
use crate::attr::field::{Expression, FieldAttrs};
use crate::diag::Diag;

/// Who may read and write a column.
pub(crate) struct Guard {
    pub(crate) read: Option<TokenStream>,
    pub(crate) mask: Option<TokenStream>,
    pub(crate) write: Option<TokenStream>,
}

/// Whom guards of columns ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The context that the struct names.
    Context,
    Nobody,
    /// After a mistake.
    Unknown,
}

/// Reads the guards of all columns, after plugins have taken theirs.
pub(super) fn guards(columns: &mut [Column], attrs: &[FieldAttrs], asked: Asked, ident: &Ident, diag: &Diag) {
    let mut missing = asked == Asked::Nobody;
    for (column, attrs) in columns.iter_mut().zip(attrs) {
        let FieldAttrs { read_if, write_if, mask, .. } = attrs;
        let Some(first) = [read_if, write_if].into_iter().flatten().next() else { continue };
        // Once for the struct: there is one thing to add.
        if std::mem::take(&mut missing) {
            diag.at(
                &first.key,
                format!(
                    "`{}` asks who it is, and any context reaches `{ident}`: name one, with `#[kysera(context = Principal)]` on the \
                     struct or with the plugin `rls`",
                    first.key
                ),
            );
        }
        if let Some(plugin) = column.plugin {
            let field = column.field.unraw();
            let what = format!(
                "`{field}` is a column of the plugin `{plugin}`, which reads and writes it for everybody"
            );
            diag.at(&first.key, format!("{what}: take `{}` away", first.key));
            continue;
        }
        if let Some(read) = read_if
            && !attrs.masked
            && optional(&column.ty).is_none()
        {
            let (field, ty) = (column.field.unraw(), &column.type_name);
            diag.at(
                &read.key,
                format!(
                    "`{ty}` has no value for those who may not read `{field}`: make it an `Option`, which is `None` for them, or say \
                     what they read: `mask = ..`"
                ),
            );
        }
        let tokens = |given: &Option<Expression>| Some(without_self(given.as_ref()?.value.clone(), ident));
        column.guard = Some(Guard { read: tokens(read_if), mask: tokens(mask), write: tokens(write_if) });
    }
}
