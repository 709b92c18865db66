//! The statements of the repository whose text depends on what is given.

use std::fmt::Write as _;

use sqlx::{Arguments, SqlStr};

use crate::backend::{Backend, Dialect, Statement};
use crate::entity::{Entity, Mask, Statements, TextKind, Values};
use crate::error::{Error, Result};
use crate::expr::{AnyValue, Col, Deleted, Demand, Fill, Meta, Sql, VALUES, encode};
use crate::source::Cx;
use crate::write::{Which, columns, key_columns, next_version};

/// Whether the fixed texts of an entity are all that its statements have to say: not where rows can be hidden.
pub(super) fn has_fixed_texts(meta: &Meta) -> bool {
    meta.plug.soft_delete.is_none() && meta.has_fixed_scope()
}

/// Whether a write of an entity is a statement and nothing else.
pub(super) fn writes_plainly<E: Entity>() -> bool {
    has_fixed_texts(E::META) && E::META.plug.audit.is_none() && !E::CUSTOM.after_write
}

/// What is read of rows, all or one of them.
#[derive(Clone, Copy)]
pub(crate) enum Read {
    /// The row with a key.
    Find,
    /// Whether there is a row with a key.
    Exists,
    /// How many rows there are.
    Count,
    /// All rows.
    Select,
}

impl Read {
    fn fixed(self, texts: &'static Statements) -> &'static str {
        match self {
            Self::Find => texts.find,
            Self::Exists => texts.exists,
            Self::Count => texts.count,
            Self::Select => texts.select,
        }
    }

    fn kind(self) -> TextKind {
        match self {
            Self::Find => TextKind::Find,
            Self::Exists => TextKind::Exists,
            Self::Count => TextKind::Count,
            Self::Select => TextKind::Select,
        }
    }

    /// `SELECT .. FROM <table>`
    fn head(self, sql: &mut Sql<'_>, meta: &'static Meta) {
        match self {
            Self::Find | Self::Select => sql.push("SELECT ").readable_columns(meta, false),
            Self::Exists => sql.push("SELECT 1"),
            Self::Count => sql.push("SELECT COUNT(*)"),
        }
        .push(" FROM ")
        .table(meta);
    }
}

/// A statement on the rows that can be seen, on the one with the key if there is an `id`.
pub(crate) fn read_statement<DB: Backend, E: Entity>(
    cx: Cx<'_>,
    read: Read,
    id: Option<&E::Id>,
) -> Result<Statement<DB>> {
    let (meta, dialect) = (E::META, DB::DIALECT);
    if has_fixed_texts(meta) {
        let text = SqlStr::from_static(read.fixed(E::TEXTS.of(dialect)));
        return bind::<DB, E>(cx, cx.text::<DB>(meta, text), Mask::default(), None, id);
    }
    if meta.has_fixed_scope() {
        let text = E::text_cache().get(dialect, read.kind(), Mask::default(), || {
            let mut sql = Sql::new(dialect);
            read.head(&mut sql, meta);
            let mut glue = " WHERE ";
            if id.is_some() {
                sql.push(glue).list(key_columns(meta), " AND ", |sql, col| {
                    sql.ident(col.name).push(" = ").placeholder();
                });
                glue = " AND ";
            }
            sql.visible(meta, Deleted::Hidden, glue);
            sql.into_text()
        });
        return bind::<DB, E>(cx, cx.text::<DB>(meta, text), Mask::default(), None, id);
    }
    let mut sql = cx.sql::<DB>();
    read.head(&mut sql, meta);
    match id {
        Some(id) => Which::<E>::one(id).write(&mut sql),
        None => Which::<E>::filtered(Deleted::Hidden, &[]).write(&mut sql),
    }
    sql.finish()
}

/// The row with a key, if it can be seen.
pub(crate) fn find_statement<DB: Backend, E: Entity>(cx: Cx<'_>, id: &E::Id) -> Result<Statement<DB>> {
    read_statement::<DB, E>(cx, Read::Find, Some(id))
}

/// The text of an `INSERT` of one row, a literal where no column with a default is given.
pub(super) fn insert_text<DB: Backend, E: Entity>(cx: Cx<'_>, mask: Mask) -> SqlStr {
    let (meta, dialect) = (E::META, DB::DIALECT);
    let literal = meta.columns.iter().all(|col| is_in_literal(meta, col.index) == mask.contains(col.index));
    if literal {
        return cx.text::<DB>(meta, SqlStr::from_static(E::TEXTS.of(dialect).insert));
    }
    let text = E::text_cache().get(dialect, TextKind::Insert, mask, || {
        let mut sql = Sql::new(dialect);
        insert_head(&mut sql, meta, mask);
        if mask == Mask::default() {
            sql.push(if dialect.has_empty_rows() { " VALUES ()" } else { " DEFAULT VALUES" });
        } else {
            sql.push(" VALUES (").placeholders(columns(meta, mask).count()).push(")");
        }
        returning(&mut sql, meta);
        sql.into_text()
    });
    cx.text::<DB>(meta, text)
}

/// Whether the derive's INSERT has a column: those that the client or a plugin always gives.
fn is_in_literal(meta: &Meta, column: usize) -> bool {
    let marks_deleted =
        meta.plug.soft_delete.as_ref().is_some_and(|soft_delete| soft_delete.column == column);
    !marks_deleted && matches!(meta.columns[column].fill, Fill::Client | Fill::Plugin)
}

/// `INSERT INTO <table> (<columns>)`
pub(super) fn insert_head(sql: &mut Sql<'_>, meta: &'static Meta, mask: Mask) {
    sql.push("INSERT INTO ").table(meta);
    if mask != Mask::default() || sql.dialect().has_empty_rows() {
        sql.push(" (").names(columns(meta, mask)).push(")");
    }
}

/// ` RETURNING <all columns>`, where the database has it.
pub(super) fn returning(sql: &mut Sql<'_>, meta: &'static Meta) {
    if sql.dialect().has_returning() {
        sql.push(" RETURNING ").readable_columns(meta, false);
    }
}

/// `UPDATE <table> SET .. WHERE <key>`, with `RETURNING` where the database has it.
pub(super) fn update_text<DB: Backend, E: Entity>(cx: Cx<'_>, mask: Mask) -> SqlStr {
    let (meta, dialect) = (E::META, DB::DIALECT);
    let text = E::text_cache().get(dialect, TextKind::Update, mask, || {
        let mut sql = Sql::new(dialect);
        sql.push("UPDATE ").table(meta).push(" SET ");
        sql.list(columns(meta, mask), ", ", |sql, col| {
            sql.ident(col.name).push(" = ").placeholder();
        });
        if let Some(next) = next_version(meta) {
            sql.push(if mask == Mask::default() { "" } else { ", " });
            next.write(&mut sql);
        }
        sql.push(" WHERE ");
        sql.list(key_columns(meta), " AND ", |sql, col| {
            sql.ident(col.name).push(" = ").placeholder();
        });
        sql.visible(meta, Deleted::Hidden, " AND ");
        returning(&mut sql, meta);
        sql.into_text()
    });
    cx.text::<DB>(meta, text)
}

/// `SELECT <columns> FROM <table> WHERE <key> FOR UPDATE`: what was just written, on MySQL. A plain read could show the
/// snapshot that the transaction took before.
pub(super) fn find_locked_text<DB: Backend, E: Entity>(cx: Cx<'_>) -> SqlStr {
    let dialect = DB::DIALECT;
    let text = E::text_cache().get(dialect, TextKind::FindLocked, Mask::default(), || {
        let mut text = String::from(E::TEXTS.of(dialect).find);
        let _ = write!(text, " FOR UPDATE"); // a String takes everything
        text
    });
    cx.text::<DB>(E::META, text)
}

/// Binds the values of a mask, then the key.
pub(super) fn bind<DB: Backend, E: Entity>(
    cx: Cx<'_>,
    sql: SqlStr,
    mask: Mask,
    values: Option<&dyn Values>,
    id: Option<&E::Id>,
) -> Result<Statement<DB>> {
    let mut args = DB::Arguments::default();
    let meta = E::META;
    args.reserve(meta.columns.len() + meta.id.len(), 8 * meta.columns.len());
    let mut shown = cx.shows_values().then(Vec::new);
    let mut add = |col: &Col, value: &AnyValue| {
        if let Some(shown) = &mut shown {
            shown.push(col.codec.shown(value));
        }
        DB::bind(col.codec, value, &mut args).map_err(encode)
    };
    if let Some(values) = values {
        for col in columns(meta, mask) {
            if let Some(value) = values.value(col.index) {
                add(col, value)?;
            }
        }
    }
    if let Some(id) = id {
        for (part, col) in key_columns(meta).enumerate() {
            add(col, E::id_value(id, part))?;
        }
    }
    Ok(Statement { shown: shown.map(Vec::into_boxed_slice), ..Statement::new(sql, args) })
}

/// Whether all columns of a mask can be sent as arrays, one argument per column whatever the number of rows.
pub(super) fn has_arrays(dialect: Dialect, meta: &'static Meta, mask: Mask) -> bool {
    let sql = Sql::new(dialect);
    mask != Mask::default() && columns(meta, mask).all(|col| sql.has_array(col.codec))
}

/// The rows of several `values`, as `VALUES (..), (..)` or out of arrays. Without any column there is one row.
pub(super) fn insert_rows<'v, V: Values>(sql: &mut Sql<'v>, meta: &'static Meta, mask: Mask, rows: &[&'v V]) {
    insert_head(sql, meta, mask);
    if mask == Mask::default() && !sql.dialect().has_empty_rows() {
        sql.push(" DEFAULT VALUES");
        return;
    }
    if rows.len() > 1 && has_arrays(sql.dialect(), meta, mask) {
        sql.push(" SELECT ");
        from_arrays(sql, meta, mask, rows);
        sql.push(" ORDER BY \"kysera_v\".\"kysera_ord\"");
        return;
    }
    sql.push(" VALUES ");
    value_rows(sql, meta, mask, rows);
}

/// `INSERT` of one row that is only inserted if something holds for it.
pub(super) fn insert_if<'v, V: Values>(
    sql: &mut Sql<'v>,
    meta: &'static Meta,
    mask: Mask,
    row: &'v V,
    demands: &[Demand],
) {
    if demands.is_empty() {
        insert_rows(sql, meta, mask, &[row]);
        return;
    }
    let all = sql.dialect() == Dialect::MySql;
    let is_judged = |col: &Col| all || demands.iter().any(|demand| demand.reads(col.index));
    let judged: Vec<&'static Col> = columns(meta, mask).filter(|col| is_judged(col)).collect();
    insert_head(sql, meta, mask);
    let value = |sql: &mut Sql<'v>, col: &'static Col| {
        if let Some(value) = row.value(col.index) {
            sql.value(col.codec, value);
        }
    };
    sql.push(" SELECT ").list(columns(meta, mask), ", ", |sql, col| {
        if is_judged(col) {
            sql.ident(VALUES).push(".").ident(col.name);
        } else {
            value(sql, col);
        }
    });
    if !judged.is_empty() {
        sql.push(" FROM ").typed_values(meta, &judged, |sql, at| {
            if let Some(col) = judged.get(at) {
                value(sql, col);
            }
        });
    }
    sql.push(" WHERE ").locking(|sql| {
        sql.about_table(VALUES, |sql| {
            sql.demands(meta, demands, "");
        });
    });
}

/// PostgreSQL: `<columns> FROM UNNEST(..)`
pub(super) fn from_arrays<'v, V: Values>(sql: &mut Sql<'v>, meta: &'static Meta, mask: Mask, rows: &[&'v V]) {
    sql.list(columns(meta, mask), ", ", |sql, col| {
        sql.push("\"kysera_v\".").ident(col.name);
    });
    sql.push(" FROM UNNEST(").list(columns(meta, mask), ", ", |sql, col| {
        sql.array(col.codec, rows.iter().filter_map(|row| row.value(col.index)).collect());
    });
    sql.push(") WITH ORDINALITY AS \"kysera_v\" (").names(columns(meta, mask)).push(", \"kysera_ord\")");
}

/// `(..), (..)`
pub(super) fn value_rows<'v, V: Values>(sql: &mut Sql<'v>, meta: &'static Meta, mask: Mask, rows: &[&'v V]) {
    sql.list(rows, ", ", |sql, row| {
        sql.push("(").list(columns(meta, mask), ", ", |sql, col| {
            if let Some(value) = row.value(col.index) {
                sql.value(col.codec, value);
            }
        });
        sql.push(")");
    });
}

/// MySQL reports the id of a new row through `AUTO_INCREMENT` alone.
pub(super) fn refuse_unreadable_key<E: Entity>(dialect: Dialect, mask: Mask) -> Result<()> {
    if dialect.has_returning() {
        return Ok(());
    }
    let mut absent = key_columns(E::META).filter(|col| !mask.contains(col.index));
    match (absent.next(), absent.next()) {
        (None, _) => Ok(()),
        (Some(col), None) if col.codec.is_mysql_integer() => Ok(()),
        (Some(col), _) => Err(Error::Unsupported {
            backend: "MySQL",
            what: format!(
                "it tells the id of a new row only if that is one AUTO_INCREMENT integer, and `{}` of {} is not; \
                 mark it `#[kysera(id, assigned)]` and give it a value",
                col.name,
                E::META.entity
            )
            .into(),
        }),
    }
}
