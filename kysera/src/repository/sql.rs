//! The statements of the repository whose text depends on what is given.

use std::fmt::Write as _;

use sqlx::{Arguments, SqlStr};

use crate::backend::{Backend, Dialect, Statement};
use crate::entity::{Entity, Mask, TextKind, Values};
use crate::error::{Error, Result};
use crate::expr::{Col, Fill, Meta, Sql, encode};
use crate::source::{Cx, Unit};

/// What a write needs that answers its row: without RETURNING the row is read back, and nobody may change it in between.
pub(super) fn unit_of_one_row(dialect: Dialect) -> Unit {
    if dialect.has_returning() { Unit::Statement } else { Unit::Transaction }
}

/// Which columns have a value.
pub(super) fn given(meta: &Meta, values: &dyn Values) -> Mask {
    let mut mask = Mask::default();
    for col in meta.columns {
        if values.value(col.index).is_some() {
            mask.insert(col.index);
        }
    }
    mask
}

/// The columns of a mask, in order.
pub(super) fn columns(meta: &'static Meta, mask: Mask) -> impl Iterator<Item = &'static Col> + Clone {
    meta.columns.iter().filter(move |col| mask.contains(col.index))
}

/// The columns of the key.
pub(super) fn key_columns(meta: &'static Meta) -> impl ExactSizeIterator<Item = &'static Col> + Clone {
    meta.id.iter().map(|index| &meta.columns[*index])
}

/// The text of an `INSERT` of one row, a literal where no column with a default is given.
pub(super) fn insert_text<DB: Backend, E: Entity>(cx: Cx<'_>, mask: Mask) -> SqlStr {
    let (meta, dialect) = (E::META, DB::DIALECT);
    let literal = meta.columns.iter().all(|col| (col.fill == Fill::Client) == mask.contains(col.index));
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
        sql.push(" RETURNING ").names(meta.columns);
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
        sql.push(" WHERE ");
        sql.list(key_columns(meta), " AND ", |sql, col| {
            sql.ident(col.name).push(" = ").placeholder();
        });
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
    sql: SqlStr,
    mask: Mask,
    values: Option<&dyn Values>,
    id: Option<&E::Id>,
) -> Result<Statement<DB>> {
    let mut args = DB::Arguments::default();
    let meta = E::META;
    args.reserve(meta.columns.len() + meta.id.len(), 8 * meta.columns.len());
    if let Some(values) = values {
        for col in columns(meta, mask) {
            if let Some(value) = values.value(col.index) {
                DB::bind(col.codec, value, &mut args).map_err(encode)?;
            }
        }
    }
    if let Some(id) = id {
        for (part, col) in key_columns(meta).enumerate() {
            DB::bind(col.codec, E::id_value(id, part), &mut args).map_err(encode)?;
        }
    }
    Ok(Statement { sql, args, persistent: true })
}

/// `<key> = ANY(..)`, `<key> IN (..)` or `(<key>, <key>) IN (..)`, for at least one key.
pub(super) fn key_in<'v, E: Entity>(sql: &mut Sql<'v>, ids: &'v [E::Id]) {
    let cols: Vec<_> = key_columns(E::META).collect();
    if let [col] = cols[..] {
        sql.ident(col.name);
        if sql.has_array(col.codec) {
            let values = ids.iter().map(|id| E::id_value(id, 0)).collect();
            sql.push(" = ANY(").array(col.codec, values).push(")");
        } else {
            sql.push(" IN (").list(ids, ", ", |sql, id| {
                sql.value(col.codec, E::id_value(id, 0));
            });
            sql.push(")");
        }
        return;
    }
    sql.push("(").names(cols.iter().copied()).push(") IN (");
    if cols.iter().all(|col| sql.has_array(col.codec)) {
        sql.push("SELECT * FROM UNNEST(").list(cols.iter().enumerate(), ", ", |sql, (part, col)| {
            sql.array(col.codec, ids.iter().map(|id| E::id_value(id, part)).collect());
        });
        sql.push("))");
        return;
    }
    if sql.dialect() == Dialect::Sqlite {
        sql.push("VALUES "); // what SQLite wants of a list of row values
    }
    sql.list(ids, ", ", |sql, id| {
        sql.push("(").list(cols.iter().enumerate(), ", ", |sql, (part, col)| {
            sql.value(col.codec, E::id_value(id, part));
        });
        sql.push(")");
    });
    sql.push(")");
}

/// How many rows of so many arguments go into one statement.
pub(super) fn rows_per_statement(dialect: Dialect, arrays: bool, args_per_row: usize, most: usize) -> usize {
    if arrays {
        return 4096; // arguments do not grow with the rows: this bounds the memory
    }
    (dialect.max_binds() / args_per_row.max(1)).clamp(1, most)
}

/// Whether all columns of a mask can be sent as arrays, one argument per column whatever the number of rows.
pub(super) fn has_arrays(dialect: Dialect, meta: &'static Meta, mask: Mask) -> bool {
    let sql = Sql::new(dialect);
    mask != Mask::default() && columns(meta, mask).all(|col| sql.has_array(col.codec))
}

/// The rows of several `values`, as `VALUES (..), (..)` or out of arrays.
pub(super) fn insert_rows<'v, V: Values>(sql: &mut Sql<'v>, meta: &'static Meta, mask: Mask, rows: &[&'v V]) {
    insert_head(sql, meta, mask);
    if rows.len() > 1 && has_arrays(sql.dialect(), meta, mask) {
        sql.push(" SELECT ").list(columns(meta, mask), ", ", |sql, col| {
            sql.push("\"kysera_v\".").ident(col.name);
        });
        sql.push(" FROM UNNEST(").list(columns(meta, mask), ", ", |sql, col| {
            sql.array(col.codec, rows.iter().filter_map(|row| row.value(col.index)).collect());
        });
        sql.push(") WITH ORDINALITY AS \"kysera_v\" (").names(columns(meta, mask));
        sql.push(", \"kysera_ord\") ORDER BY \"kysera_v\".\"kysera_ord\"");
        return;
    }
    sql.push(" VALUES ").list(rows, ", ", |sql, row| {
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
