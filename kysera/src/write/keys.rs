//! Rows by their keys.

use crate::backend::Dialect;
use crate::entity::{Entity, Mask, Values};
use crate::expr::{Col, Meta, Sql};

/// The columns of the key.
pub(crate) fn key_columns(meta: &'static Meta) -> impl ExactSizeIterator<Item = &'static Col> + Clone {
    meta.id.iter().map(|index| &meta.columns[*index])
}

/// Which columns have a value.
pub(crate) fn given(meta: &Meta, values: &dyn Values) -> Mask {
    let mut mask = Mask::default();
    for col in meta.columns {
        if values.value(col.index).is_some() {
            mask.insert(col.index);
        }
    }
    mask
}

/// The columns of a mask, in order.
pub(crate) fn columns(meta: &'static Meta, mask: Mask) -> impl Iterator<Item = &'static Col> + Clone {
    meta.columns.iter().filter(move |col| mask.contains(col.index))
}

/// `<key> = ..`
pub(crate) fn key_is<'v, E: Entity>(sql: &mut Sql<'v>, id: &'v E::Id) {
    sql.list(key_columns(E::META).enumerate(), " AND ", |sql, (part, col)| {
        sql.ident(col.name).push(" = ").value(col.codec, E::id_value(id, part));
    });
}

/// `<key> = ANY(..)`, `<key> IN (..)` or `(<key>, <key>) IN (..)`, for at least one key.
pub(crate) fn key_in<'v, E: Entity>(sql: &mut Sql<'v>, ids: &'v [E::Id]) {
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
pub(crate) fn rows_per_statement(dialect: Dialect, arrays: bool, args_per_row: usize, most: usize) -> usize {
    if arrays {
        return 4096; // arguments do not grow with the rows: this bounds the memory
    }
    (dialect.max_binds() / args_per_row.max(1)).clamp(1, most)
}

/// How many keys one statement takes.
pub(crate) fn keys_per_statement<E: Entity>(dialect: Dialect) -> usize {
    let sql = Sql::new(dialect);
    let arrays = key_columns(E::META).all(|col| sql.has_array(col.codec));
    rows_per_statement(dialect, arrays, E::META.id.len(), 1024)
}
