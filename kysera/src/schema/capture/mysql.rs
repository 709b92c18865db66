//! MySQL and MariaDB: `information_schema`. Names are cast, because MySQL 8 answers some of them as bytes.

use super::{Answer, Catalog, Tables, action};
use crate::backend::Backend;
use crate::error::Result;
use crate::schema::class::TypeClass;
use crate::schema::model::{
    Action, Check, Column, EnumType, ForeignKey, Generated, Identity, Index, PrimaryKey, Schema,
    SchemaBackend, TableKind, UniqueKey,
};

const COLUMNS: &str = "
SELECT CAST(t.table_name AS CHAR), CAST(t.table_type AS CHAR), CAST(c.column_name AS CHAR), CAST(c.data_type AS CHAR),
    CAST(c.column_type AS CHAR), CAST(c.is_nullable AS CHAR), CAST(c.column_default AS CHAR), CAST(c.extra AS CHAR),
    CAST(VERSION() AS CHAR)
FROM information_schema.tables t
JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_schema = DATABASE() AND t.table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
ORDER BY t.table_name, c.ordinal_position";

const KEYS: &str = "
SELECT CAST(tc.table_name AS CHAR), CAST(tc.constraint_name AS CHAR), CAST(tc.constraint_type AS CHAR),
    CAST(k.column_name AS CHAR),
    CAST(IF(k.referenced_table_schema = DATABASE(), k.referenced_table_name,
        CONCAT(k.referenced_table_schema, '.', k.referenced_table_name)) AS CHAR),
    CAST(k.referenced_column_name AS CHAR), CAST(r.delete_rule AS CHAR), CAST(r.update_rule AS CHAR)
FROM information_schema.table_constraints tc
JOIN information_schema.key_column_usage k ON k.constraint_schema = tc.constraint_schema
    AND k.constraint_name = tc.constraint_name AND k.table_name = tc.table_name AND k.table_schema = tc.table_schema
LEFT JOIN information_schema.referential_constraints r ON r.constraint_schema = tc.constraint_schema
    AND r.constraint_name = tc.constraint_name AND r.table_name = tc.table_name
WHERE tc.table_schema = DATABASE() AND tc.constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
ORDER BY tc.table_name, tc.constraint_name, k.ordinal_position";

/// Names of checks are unique in a schema.
const MYSQL_CHECKS: &str = "
SELECT CAST(tc.table_name AS CHAR), CAST(cc.constraint_name AS CHAR), CAST(cc.check_clause AS CHAR)
FROM information_schema.check_constraints cc
JOIN information_schema.table_constraints tc ON tc.constraint_schema = cc.constraint_schema
    AND tc.constraint_name = cc.constraint_name AND tc.constraint_type = 'CHECK'
WHERE tc.table_schema = DATABASE()";

/// Names of checks are unique in a table, which is told here alone.
const MARIADB_CHECKS: &str = "
SELECT CAST(cc.table_name AS CHAR), CAST(cc.constraint_name AS CHAR), CAST(cc.check_clause AS CHAR)
FROM information_schema.check_constraints cc
WHERE cc.constraint_schema = DATABASE()";

const MYSQL_INDEXES: &str = "
SELECT CAST(table_name AS CHAR), CAST(index_name AS CHAR), CAST(non_unique AS CHAR), CAST(column_name AS CHAR),
    CAST(collation AS CHAR), CAST(sub_part AS CHAR), CAST(index_type AS CHAR), CAST(expression AS CHAR)
FROM information_schema.statistics
WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY'
ORDER BY table_name, index_name, seq_in_index";

/// There are no expressions in indexes, hence no column for them.
const MARIADB_INDEXES: &str = "
SELECT CAST(table_name AS CHAR), CAST(index_name AS CHAR), CAST(non_unique AS CHAR), CAST(column_name AS CHAR),
    CAST(collation AS CHAR), CAST(sub_part AS CHAR), CAST(index_type AS CHAR)
FROM information_schema.statistics
WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY'
ORDER BY table_name, index_name, seq_in_index";

pub(super) async fn read<DB: Backend>(catalog: &mut Catalog<'_, DB>) -> Result<Schema> {
    let mut tables = Tables::default();
    let mut enums = Vec::new();
    let mut is_mariadb = false;
    for mut row in catalog.rows(COLUMNS).await? {
        is_mariadb = row.text(8).contains("MariaDB");
        let name = row.text(0);
        let kind = if row.text(1) == "VIEW" { TableKind::View } else { TableKind::Table };
        let column = column(&mut row, &name, is_mariadb, &mut enums);
        tables.entry(name, kind).columns.push(column);
    }
    if tables.0.is_empty() {
        return Ok(tables.into_schema(SchemaBackend::MySql));
    }
    keys(catalog.rows(KEYS).await?, &mut tables);
    let checks = if is_mariadb { MARIADB_CHECKS } else { MYSQL_CHECKS };
    for mut row in catalog.rows(checks).await? {
        let Some(table) = tables.get(&row.text(0)) else { continue };
        let (name, expression) = (row.text(1), row.text(2));
        // What MariaDB makes of JSON: a text, and a check of the column's name.
        let json = table.columns.iter_mut().find(|column| {
            column.name == name
                && column.type_name == "longtext"
                && expression == format!("json_valid(`{name}`)")
        });
        if let Some(column) = json {
            (column.type_name, column.class) = ("json".into(), TypeClass::Json);
            continue;
        }
        table.checks.push(Check { name: Some(name), expression });
    }
    indexes(catalog.rows(if is_mariadb { MARIADB_INDEXES } else { MYSQL_INDEXES }).await?, &mut tables);
    let mut schema = tables.into_schema(SchemaBackend::MySql);
    schema.enums = enums;
    Ok(schema)
}

fn column(row: &mut Answer, table: &str, is_mariadb: bool, enums: &mut Vec<EnumType>) -> Column {
    let (name, data_type, extra) = (row.text(2), row.text(3).to_lowercase(), row.text(7).to_lowercase());
    let declared = row.text(4);
    let type_name = type_name(&data_type, &declared);
    let class = match data_type.as_str() {
        "enum" => {
            let one = EnumType { name: format!("{table}_{name}"), labels: labels(&declared) };
            let class = TypeClass::Enum(one.name.clone());
            enums.push(one);
            class
        }
        _ => class(&data_type, &type_name),
    };
    let generated = if extra.contains("stored generated") || extra.contains("persistent") {
        Some(Generated::Stored)
    } else if extra.contains("virtual generated") {
        Some(Generated::Virtual)
    } else {
        None
    };
    let identity = extra.contains("auto_increment").then_some(Identity::ByDefault);
    let default = row
        .maybe(6)
        .filter(|_| generated.is_none() && identity.is_none())
        .and_then(|text| default(text, is_mariadb || extra.contains("default_generated"), &class));
    Column { name, type_name, class, nullable: row.flag(5), default, identity, generated }
}

/// Integers without the widths that MySQL 8 has given up; `tinyint(1)` is the type of booleans.
fn type_name(data_type: &str, declared: &str) -> String {
    let is_integer = matches!(data_type, "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year");
    if !is_integer || declared.starts_with("tinyint(1)") {
        return declared.into();
    }
    match (declared.find('('), declared.find(')')) {
        (Some(open), Some(close)) if open < close => {
            format!("{}{}", &declared[..open], &declared[close + 1..])
        }
        _ => declared.into(),
    }
}

/// What MySQL gives as it is and MariaDB in quotes is in quotes, and MariaDB's NULL is none.
fn default(text: String, is_expression: bool, class: &TypeClass) -> Option<String> {
    if text == "NULL" {
        return None;
    }
    if matches!(text.to_lowercase().as_str(), "current_timestamp" | "current_timestamp()") {
        return Some("CURRENT_TIMESTAMP".into());
    }
    let is_number = !matches!(
        class,
        TypeClass::Text
            | TypeClass::Enum(_)
            | TypeClass::Date
            | TypeClass::Time
            | TypeClass::Timestamp
            | TypeClass::TimestampTz
            | TypeClass::Bytes
    );
    Some(if is_expression || is_number { text } else { format!("'{}'", text.replace('\'', "''")) })
}

fn class(data_type: &str, type_name: &str) -> TypeClass {
    let unsigned = type_name.contains("unsigned");
    let integer = |signed, without| if unsigned { without } else { signed };
    match data_type {
        "tinyint" if type_name == "tinyint(1)" => TypeClass::Bool,
        "tinyint" => integer(TypeClass::Int8, TypeClass::UInt8),
        "smallint" => integer(TypeClass::Int16, TypeClass::UInt16),
        "mediumint" | "int" => integer(TypeClass::Int32, TypeClass::UInt32),
        "bigint" => integer(TypeClass::Int64, TypeClass::UInt64),
        "year" => TypeClass::UInt16,
        "float" => TypeClass::Float32,
        "double" => TypeClass::Float64,
        "decimal" => TypeClass::Decimal,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "set" => TypeClass::Text,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => TypeClass::Bytes,
        "date" => TypeClass::Date,
        "time" => TypeClass::Time,
        "datetime" => TypeClass::Timestamp,
        "timestamp" => TypeClass::TimestampTz,
        "json" => TypeClass::Json,
        "bit" => TypeClass::Bits,
        _ => TypeClass::Other,
    }
}

/// The labels in `enum('a','it''s')`.
fn labels(declared: &str) -> Vec<String> {
    let mut labels = Vec::new();
    let mut chars = declared.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '\'' {
            continue;
        }
        let mut label = String::new();
        while let Some(char) = chars.next() {
            if char == '\'' && chars.next_if_eq(&'\'').is_none() {
                break;
            }
            label.push(char);
        }
        labels.push(label);
    }
    labels
}

fn keys(rows: Vec<Answer>, tables: &mut Tables) {
    for mut row in rows {
        let Some(table) = tables.get(&row.text(0)) else { continue };
        let (name, kind, column) = (row.maybe(1), row.text(2), row.text(3));
        if kind == "PRIMARY KEY" {
            let key = table.primary_key.get_or_insert_with(|| PrimaryKey { name, columns: Vec::new() });
            key.columns.push(column);
            continue;
        }
        if table.foreign_keys.last().is_none_or(|last| last.name != name) {
            table.foreign_keys.push(ForeignKey {
                name,
                columns: Vec::new(),
                table: row.text(4),
                references: Vec::new(),
                on_delete: no_restrict(action(&row.text(6))),
                on_update: no_restrict(action(&row.text(7))),
            });
        }
        if let Some(key) = table.foreign_keys.last_mut() {
            key.columns.push(column);
            key.references.push(row.text(5));
        }
    }
}

/// MariaDB calls the same RESTRICT that MySQL calls NO ACTION.
fn no_restrict(action: Action) -> Action {
    if action == Action::Restrict { Action::NoAction } else { action }
}

fn indexes(rows: Vec<Answer>, tables: &mut Tables) {
    for mut row in rows {
        let Some(table) = tables.get(&row.text(0)) else { continue };
        let (name, unique) = (row.text(1), row.text(2) == "0");
        let (column, down, prefix) = (row.maybe(3), row.text(4) == "D", row.maybe(5));
        let method = Some(row.text(6).to_lowercase()).filter(|method| method != "btree");
        let plain = prefix.is_none() && column.is_some();
        let part = match (column, prefix) {
            (Some(column), Some(prefix)) => format!("{column}({prefix})"),
            (Some(column), None) => column,
            (None, _) => row.text(7),
        };
        if unique {
            if table.unique.last().is_none_or(|last| last.name.as_ref() != Some(&name)) {
                let (columns, expressions) = (Vec::new(), Vec::new());
                table.unique.push(UniqueKey { name: Some(name), columns, expressions, predicate: None });
            }
            let Some(key) = table.unique.last_mut() else { continue };
            if plain { key.columns.push(part) } else { key.expressions.push(part) }
        } else {
            if table.indexes.last().is_none_or(|last| last.name != name) {
                table.indexes.push(Index { name, columns: Vec::new(), predicate: None, method });
            }
            let Some(index) = table.indexes.last_mut() else { continue };
            index.columns.push(if down { part + " DESC" } else { part });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_commas_and_quotes() {
        assert_eq!(labels("enum('a','b,c','it''s','')"), ["a", "b,c", "it's", ""]);
        assert_eq!(labels("enum("), [""; 0]);
    }

    #[test]
    fn both_spell_types_and_defaults_alike() {
        assert_eq!(type_name("bigint", "bigint(20) unsigned"), "bigint unsigned");
        assert_eq!(type_name("int", "int"), "int");
        assert_eq!(type_name("tinyint", "tinyint(1)"), "tinyint(1)");
        assert_eq!(type_name("varchar", "varchar(20)"), "varchar(20)");
        let text = |text: &str, is_expression| default(text.into(), is_expression, &TypeClass::Text);
        assert_eq!(text("user", false), text("'user'", true));
        assert_eq!(text("NULL", true), None);
        let time = |text: &str| default(text.into(), true, &TypeClass::Timestamp);
        assert_eq!(time("current_timestamp()"), time("CURRENT_TIMESTAMP"));
    }
}
