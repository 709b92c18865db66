//! SQLite: the pragmas as tables, and the texts of `sqlite_schema` for what they do not tell.

use super::sqlite_ddl::{self, TableText};
use super::{Catalog, Tables, action};
use crate::backend::Backend;
use crate::error::Result;
use crate::schema::class::TypeClass;
use crate::schema::model::{
    Check, Column, ForeignKey, Generated, Identity, Index, PrimaryKey, Schema, SchemaBackend, TableKind,
    UniqueKey,
};

const COLUMNS: &str = "
SELECT t.name, t.type, CAST(t.wr AS TEXT), c.name, c.type, CAST(c.\"notnull\" AS TEXT), c.dflt_value, CAST(c.pk AS TEXT),
    CAST(c.hidden AS TEXT),
    CAST(EXISTS (SELECT 1 FROM pragma_index_list(t.name) i WHERE i.origin = 'pk') AS TEXT),
    CASE WHEN c.cid = 0 THEN s.sql END
FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c JOIN sqlite_schema s ON s.name = t.name
WHERE t.schema = 'main' AND t.type IN ('table', 'view', 'virtual') AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'
    AND c.hidden <> 1
ORDER BY t.name, c.cid";

const INDEXES: &str = "
SELECT t.name, l.name, CAST(l.\"unique\" AS TEXT), l.origin, CAST(l.partial AS TEXT), x.name, CAST(x.desc AS TEXT), s.sql
FROM pragma_table_list t JOIN pragma_index_list(t.name) l JOIN pragma_index_xinfo(l.name) x
LEFT JOIN sqlite_schema s ON s.name = l.name AND s.type = 'index'
WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND l.origin <> 'pk' AND x.key = 1
ORDER BY t.name, l.name, x.seqno";

const FOREIGN_KEYS: &str = "
SELECT t.name, CAST(k.id AS TEXT), k.\"table\", k.\"from\", k.\"to\", k.on_delete, k.on_update
FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) k
WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'
ORDER BY t.name, k.id, k.seq";

pub(super) async fn read<DB: Backend>(catalog: &mut Catalog<'_, DB>) -> Result<Schema> {
    let mut tables = Tables::default();
    let mut texts: Vec<(String, TableText)> = Vec::new();
    let mut keys: Vec<(String, i64, String)> = Vec::new();
    for mut row in catalog.rows(COLUMNS).await? {
        let table = row.text(0);
        let kind = if row.text(1) == "table" { TableKind::Table } else { TableKind::View };
        let without_rowid = row.flag(2);
        let (name, declared, required) = (row.text(3), row.text(4), row.flag(5));
        let (default, place, hidden, key_has_index) = (row.maybe(6), row.number(7), row.text(8), row.flag(9));
        if let (TableKind::Table, Some(sql)) = (kind, row.maybe(10)) {
            texts.push((table.clone(), sqlite_ddl::table(&sql)));
        }
        if place > 0 {
            keys.push((table.clone(), place, name.clone()));
        }
        // The one that is the row's number has no index of its own.
        let counts =
            place == 1 && !without_rowid && !key_has_index && declared.eq_ignore_ascii_case("INTEGER");
        tables.entry(table, kind).columns.push(Column {
            class: class(&declared),
            name,
            type_name: declared,
            nullable: !required && place == 0,
            default: default.filter(|default| !default.eq_ignore_ascii_case("NULL")),
            identity: counts.then_some(Identity::ByDefault),
            generated: match hidden.as_str() {
                "2" => Some(Generated::Virtual),
                "3" => Some(Generated::Stored),
                _ => None,
            },
        });
    }
    keys.sort();
    for (table, _, column) in keys {
        let Some(table) = tables.get(&table) else { continue };
        table
            .primary_key
            .get_or_insert_with(|| PrimaryKey { name: None, columns: Vec::new() })
            .columns
            .push(column);
    }
    foreign_keys(catalog, &mut tables).await?;
    indexes(catalog, &mut tables).await?;
    for (name, text) in texts {
        if let Some(table) = tables.get(&name) {
            for key in &mut table.unique {
                if key.name.is_none() {
                    key.name = text.unique_name(&key.columns);
                }
            }
            for key in &mut table.foreign_keys {
                key.name = text.foreign_key_name(&key.columns);
            }
            let checks = text.checks.into_iter();
            table.checks = checks.map(|(name, expression)| Check { name, expression }).collect();
        }
    }
    Ok(tables.into_schema(SchemaBackend::Sqlite))
}

async fn foreign_keys<DB: Backend>(catalog: &mut Catalog<'_, DB>, tables: &mut Tables) -> Result<()> {
    // The key of the other table, where it is not named.
    let mut implied: Vec<(String, usize)> = Vec::new();
    let mut last: Option<(String, String)> = None;
    for mut row in catalog.rows(FOREIGN_KEYS).await? {
        let (name, id) = (row.text(0), row.text(1));
        let Some(table) = tables.get(&name) else { continue };
        let this = Some((name.clone(), id));
        if this != last {
            last = this;
            table.foreign_keys.push(ForeignKey {
                name: None,
                columns: Vec::new(),
                table: row.text(2),
                references: Vec::new(),
                on_delete: action(&row.text(5)),
                on_update: action(&row.text(6)),
            });
        }
        let at = table.foreign_keys.len().saturating_sub(1);
        let Some(key) = table.foreign_keys.last_mut() else { continue };
        key.columns.push(row.text(3));
        match row.maybe(4) {
            Some(column) => key.references.push(column),
            None if !implied.contains(&(name.clone(), at)) => implied.push((name, at)),
            None => {}
        }
    }
    for (name, at) in implied {
        let parent = tables.get(&name).and_then(|table| Some(table.foreign_keys.get(at)?.table.clone()));
        let Some(parent) = parent else { continue };
        let parent = tables.0.values().find(|table| table.name.eq_ignore_ascii_case(&parent));
        let columns = parent.and_then(|parent| parent.primary_key.as_ref()).map(|key| key.columns.clone());
        if let Some(key) = tables.get(&name).and_then(|table| table.foreign_keys.get_mut(at)) {
            key.references = columns.unwrap_or_default();
        }
    }
    Ok(())
}

async fn indexes<DB: Backend>(catalog: &mut Catalog<'_, DB>, tables: &mut Tables) -> Result<()> {
    let mut last: Option<(String, String)> = None;
    let mut part = 0;
    for mut row in catalog.rows(INDEXES).await? {
        let (table_name, name) = (row.text(0), row.text(1));
        let Some(table) = tables.get(&table_name) else { continue };
        let (unique, is_constraint, partial) = (row.flag(2), row.text(3) == "u", row.flag(4));
        let (column, down, text) = (row.maybe(5), row.flag(6), sqlite_ddl::index(&row.text(7)));
        let this = Some((table_name, name.clone()));
        let is_new = this != last;
        (last, part) = (this, if is_new { 0 } else { part + 1 });
        let predicate = if partial { text.predicate } else { None };
        let expression = || text.parts.get(part).cloned().unwrap_or_default();
        if unique {
            if is_new {
                let name = (!is_constraint).then_some(name);
                table.unique.push(UniqueKey { name, columns: vec![], expressions: vec![], predicate });
            }
            let Some(key) = table.unique.last_mut() else { continue };
            match column {
                Some(column) => key.columns.push(column),
                None => key.expressions.push(expression()),
            }
        } else {
            if is_new {
                table.indexes.push(Index { name, columns: vec![], predicate, method: None });
            }
            let Some(index) = table.indexes.last_mut() else { continue };
            let part = column.unwrap_or_else(expression);
            index.columns.push(if down && !part.ends_with(" DESC") { part + " DESC" } else { part });
        }
    }
    Ok(())
}

/// By the names that sqlx knows, then by the rules of affinity.
fn class(declared: &str) -> TypeClass {
    let upper = declared.to_uppercase();
    let bare = upper.split('(').next().unwrap_or_default().trim();
    let has = |names: &[&str]| names.iter().any(|name| upper.contains(name));
    match bare {
        "BOOL" | "BOOLEAN" => TypeClass::Bool,
        "DATE" => TypeClass::Date,
        "TIME" => TypeClass::Time,
        "DATETIME" | "TIMESTAMP" | "TIMESTAMPTZ" => TypeClass::Timestamp,
        "JSON" | "JSONB" => TypeClass::Json,
        "UUID" => TypeClass::Uuid,
        "NUMERIC" | "DECIMAL" => TypeClass::Decimal,
        _ if has(&["INT"]) => TypeClass::Int64,
        _ if has(&["CHAR", "CLOB", "TEXT"]) => TypeClass::Text,
        _ if has(&["BLOB"]) => TypeClass::Bytes,
        _ if has(&["REAL", "FLOA", "DOUB"]) => TypeClass::Float64,
        _ => TypeClass::Other,
    }
}
