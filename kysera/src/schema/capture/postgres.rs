//! PostgreSQL: pg_catalog. `information_schema` hides what the role does not own.

use super::{Answer, Catalog, Tables, action};
use crate::backend::Backend;
use crate::error::Result;
use crate::schema::class::TypeClass;
use crate::schema::model::{
    Check, Column, EnumType, ForeignKey, Generated, Identity, Index, PrimaryKey, Schema, SchemaBackend,
    TableKind, UniqueKey,
};

/// What a domain is a domain of is looked up to the end.
const COLUMNS: &str = "
WITH RECURSIVE roots AS (
    SELECT oid, oid AS root, FALSE AS required FROM pg_catalog.pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT d.oid, r.root, r.required OR d.typnotnull FROM pg_catalog.pg_type d JOIN roots r ON d.typbasetype = r.oid
    WHERE d.typtype = 'd'
)
SELECT c.relname::text, c.relkind::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
    t.typname::text, t.typtype::text, e.typname::text, e.typtype::text,
    (a.attnotnull OR r.required)::text, a.attidentity::text, a.attgenerated::text,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN roots r ON r.oid = a.atttypid
JOIN pg_catalog.pg_type t ON t.oid = r.root
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend x
        WHERE x.classid = 'pg_catalog.pg_class'::regclass AND x.objid = c.oid AND x.deptype = 'e'
    )
ORDER BY c.relname, a.attnum";

const CONSTRAINTS: &str = "
SELECT c.relname::text, k.conname::text, k.contype::text,
    (SELECT json_agg(a.attname ORDER BY u.place)::text FROM unnest(k.conkey) WITH ORDINALITY u (num, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num),
    CASE WHEN fn.nspname = n.nspname THEN f.relname::text ELSE fn.nspname::text || '.' || f.relname::text END,
    (SELECT json_agg(a.attname ORDER BY u.place)::text FROM unnest(k.confkey) WITH ORDINALITY u (num, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num),
    k.confdeltype::text, k.confupdtype::text, pg_catalog.pg_get_expr(k.conbin, k.conrelid)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid AND k.contype = 'f'
LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
WHERE n.nspname = current_schema() AND k.contype IN ('p', 'f', 'c') AND NOT c.relispartition
ORDER BY c.relname, k.conname";

/// Columns are NULL where there is an expression. Rows of an index come in the order of its parts.
const INDEXES: &str = "
SELECT c.relname::text, i.relname::text, x.indisunique::text, am.amname::text,
    pg_catalog.pg_get_expr(x.indpred, x.indrelid), a.attname::text,
    pg_catalog.pg_get_indexdef(x.indexrelid, part, TRUE), (x.indoption[part - 1] & 1)::text
FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_am am ON am.oid = i.relam
CROSS JOIN generate_series(1, x.indnkeyatts) part
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[part - 1] AND a.attnum > 0
WHERE n.nspname = current_schema() AND NOT x.indisprimary AND x.indisvalid AND NOT c.relispartition
ORDER BY c.relname, i.relname, part";

const ENUMS: &str = "
SELECT t.typname::text, json_agg(e.enumlabel ORDER BY e.enumsortorder)::text
FROM pg_catalog.pg_enum e
JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = current_schema()
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend x
        WHERE x.classid = 'pg_catalog.pg_type'::regclass AND x.objid = t.oid AND x.deptype = 'e'
    )
GROUP BY t.typname ORDER BY t.typname";

pub(super) async fn read<DB: Backend>(catalog: &mut Catalog<'_, DB>) -> Result<Schema> {
    let mut tables = Tables::default();
    for mut row in catalog.rows(COLUMNS).await? {
        let kind = match row.text(1).as_str() {
            "v" | "m" => TableKind::View,
            _ => TableKind::Table,
        };
        tables.entry(row.text(0), kind).columns.push(column(&mut row));
    }
    for mut row in catalog.rows(CONSTRAINTS).await? {
        let Some(table) = tables.get(&row.text(0)) else { continue };
        let (name, kind, columns) = (row.maybe(1), row.text(2), row.names(3));
        match kind.as_str() {
            "p" => table.primary_key = Some(PrimaryKey { name, columns }),
            "f" => table.foreign_keys.push(ForeignKey {
                name,
                columns,
                table: row.text(4),
                references: row.names(5),
                on_delete: action(&row.text(6)),
                on_update: action(&row.text(7)),
            }),
            _ => table.checks.push(Check { name, expression: row.text(8) }),
        }
    }
    indexes(catalog.rows(INDEXES).await?, &mut tables);
    let enums = catalog.rows(ENUMS).await?;
    let mut schema = tables.into_schema(SchemaBackend::Postgres);
    schema.enums =
        enums.into_iter().map(|mut row| EnumType { name: row.text(0), labels: row.names(1) }).collect();
    Ok(schema)
}

fn column(row: &mut Answer) -> Column {
    let (plain, kind, element, element_kind) = (row.text(4), row.text(5), row.maybe(6), row.text(7));
    let class = match element {
        Some(element) => TypeClass::Array(Box::new(class(&element, &element_kind))),
        None => class(&plain, &kind),
    };
    let mut default = row.maybe(11);
    let generated = match row.text(10).as_str() {
        "s" => Some(Generated::Stored),
        "v" => Some(Generated::Virtual),
        _ => None,
    };
    let identity = match row.text(9).as_str() {
        "a" => Some(Identity::Always),
        "d" => Some(Identity::ByDefault),
        // `serial`
        _ if generated.is_none() && default.as_ref().is_some_and(|text| text.starts_with("nextval(")) => {
            Some(Identity::ByDefault)
        }
        _ => None,
    };
    if identity.is_some() || generated.is_some() {
        default = None;
    }
    Column {
        name: row.text(2),
        type_name: row.text(3),
        class,
        nullable: !row.flag(8),
        default,
        identity,
        generated,
    }
}

fn class(name: &str, kind: &str) -> TypeClass {
    match name {
        _ if kind == "e" => TypeClass::Enum(name.into()),
        "bool" => TypeClass::Bool,
        "char" => TypeClass::Int8,
        "int2" => TypeClass::Int16,
        "int4" => TypeClass::Int32,
        "int8" => TypeClass::Int64,
        "float4" => TypeClass::Float32,
        "float8" => TypeClass::Float64,
        "numeric" => TypeClass::Decimal,
        "text" | "varchar" | "bpchar" | "name" | "citext" => TypeClass::Text,
        "bytea" => TypeClass::Bytes,
        "uuid" => TypeClass::Uuid,
        "date" => TypeClass::Date,
        "time" => TypeClass::Time,
        "timetz" => TypeClass::TimeTz,
        "timestamp" => TypeClass::Timestamp,
        "timestamptz" => TypeClass::TimestampTz,
        "interval" => TypeClass::Interval,
        "json" | "jsonb" => TypeClass::Json,
        "bit" | "varbit" => TypeClass::Bits,
        "inet" | "cidr" => TypeClass::Inet,
        "macaddr" | "macaddr8" => TypeClass::MacAddr,
        _ => TypeClass::Other,
    }
}

fn indexes(rows: Vec<Answer>, tables: &mut Tables) {
    for mut row in rows {
        let Some(table) = tables.get(&row.text(0)) else { continue };
        let (name, unique, method, predicate) = (row.text(1), row.flag(2), row.text(3), row.maybe(4));
        let (column, text, down) = (row.maybe(5), row.text(6), row.flag(7));
        if unique {
            let last = table.unique.last().is_some_and(|last| last.name.as_ref() == Some(&name));
            if !last {
                let (columns, expressions) = (Vec::new(), Vec::new());
                table.unique.push(UniqueKey { name: Some(name), columns, expressions, predicate });
            }
            let Some(key) = table.unique.last_mut() else { continue };
            match column {
                Some(column) => key.columns.push(column),
                None => key.expressions.push(text),
            }
        } else {
            if table.indexes.last().is_none_or(|last| last.name != name) {
                let method = Some(method).filter(|method| method != "btree");
                table.indexes.push(Index { name, columns: Vec::new(), predicate, method });
            }
            let Some(index) = table.indexes.last_mut() else { continue };
            let part = column.unwrap_or(text);
            index.columns.push(if down { part + " DESC" } else { part });
        }
    }
}
