use sqlformat::{FormatOptions, Indent, QueryParams};

/// Breaks SQL into lines, for people. Needs the feature `sql-format`.
///
/// ```
/// # use kysera::observe::pretty;
/// let sql = pretty("SELECT id, name FROM users WHERE name = $1 ORDER BY id");
/// assert_eq!(sql, "SELECT\n  id,\n  name\nFROM\n  users\nWHERE\n  name = $1\nORDER BY\n  id");
/// ```
pub fn pretty(sql: &str) -> String {
    let options = FormatOptions { indent: Indent::Spaces(2), ..FormatOptions::default() };
    sqlformat::format(sql, &QueryParams::None, &options)
}
