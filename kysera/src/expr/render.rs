//! Rendering into text and arguments.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// The one place where a text that is not a literal becomes SQL. Whoever calls it has quoted every identifier with
/// [`Sql::ident`] and bound every value.
pub(crate) fn dynamic(text: impl Into<Arc<str>>) -> SqlStr {
    AssertSqlSafe(text.into()).into_sql_str()
}
