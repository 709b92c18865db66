//! The rows at the other end of a relation, for many rows at this one.

use super::{Alias, Level, Sql};
use crate::expr::meta::{Col, Meta};
use crate::expr::plug::Deleted;
use crate::expr::relation::{Rel, Via};
use crate::expr::term::RelatedRows;
use crate::expr::value::{AnyValue, Codec};

/// Keys of the rows at this end.
pub(crate) struct LoadKeys<'v> {
    pub(crate) codec: &'static Codec,
    pub(crate) values: &'v [&'v AnyValue],
    /// All of them as a JSON array, where the database can read it.
    pub(crate) json: Option<JsonKeys>,
}

/// Values as a JSON array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonKeys {
    pub(crate) text: String,
    /// The elements are bytes, as hexadecimal digits.
    pub(crate) hex: bool,
}

/// How the tables of a relation are called in a load.
#[derive(Clone, Copy)]
struct Names {
    /// `None`: by its own name.
    target: Option<Alias>,
    link: Option<(Via, Alias)>,
}

impl<'v> Sql<'v> {
    /// How many arguments there are.
    pub(crate) fn binds(&self) -> usize {
        self.binds.len()
    }

    /// `SELECT <columns of the link, if any>, <columns> FROM .. WHERE <key> IN (..) AND .. ORDER BY ..`, with a limit for
    /// each key where there is one.
    pub(crate) fn load(&mut self, rows: &'v RelatedRows, keys: LoadKeys<'v>) -> &mut Self {
        let rel = rows.rel;
        let link = rel.via.map(|via| (via, self.new_alias("r", rel.key)));
        let aliased = link.is_some() || rows.limit.is_some();
        let target = aliased.then(|| self.new_alias("r", rel.key));
        let names = Names { target, link };
        self.about(Level { alias: target, ..Level::default() }, |sql| match rows.limit {
            None => {
                sql.push("SELECT ").loaded_columns(&rel, names, false).loaded_from(&rel, names);
                sql.push(" WHERE ").load_key(&rel, names).among(&rel, keys);
                sql.load_conditions(rows, names).order(&rows.order);
            }
            // Texts may be equal to the database that are not the same: their rows would come once for each.
            Some(limit) if sql.has_array(keys.codec) && !keys.codec.text => {
                sql.load_lateral(rows, limit, names, keys)
            }
            Some(limit) => sql.load_numbered(rows, limit, names, keys),
        });
        self
    }

    /// For each key the first rows, which an index on the key and the order finds without reading the others.
    ///
    /// The key is asked for as a range, and ordered by as well: `=` would let PostgreSQL walk along an index on the order
    /// alone until it has met enough rows of the key, which is the whole table where there are few of them.
    fn load_lateral(&mut self, rows: &'v RelatedRows, limit: u64, names: Names, keys: LoadKeys<'v>) {
        let rel = rows.rel;
        self.push("SELECT ")
            .numbered_columns(&rel)
            .push(" FROM UNNEST(")
            .covering(
                || rel.is_sensitive(),
                |sql| {
                    sql.array(keys.codec, keys.values.to_vec());
                },
            )
            .push(") AS \"kysera_k\" (\"v\") CROSS JOIN LATERAL (SELECT ")
            .loaded_columns(&rel, names, true);
        self.push(", ROW_NUMBER() OVER (").lateral_order(rows, names).push(") AS \"kysera_n\"");
        self.loaded_from(&rel, names).push(" WHERE ").load_key(&rel, names);
        self.push(" BETWEEN \"kysera_k\".\"v\" AND \"kysera_k\".\"v\"");
        self.load_conditions(rows, names).push(" ").lateral_order(rows, names).limit(Some(limit), None);
        self.push(") AS \"kysera_p\" ORDER BY \"kysera_n\"");
    }

    /// `ORDER BY <key>, ..`, in one direction as far as it goes, so that one index serves both.
    fn lateral_order(&mut self, rows: &'v RelatedRows, names: Names) -> &mut Self {
        let descending = rows.order.first().is_some_and(|key| key.descending);
        self.push("ORDER BY ").load_key(&rows.rel, names).push(if descending { " DESC, " } else { " ASC, " });
        self.order_keys(&rows.order)
    }

    /// For each key the rows with the first numbers.
    fn load_numbered(&mut self, rows: &'v RelatedRows, limit: u64, names: Names, keys: LoadKeys<'v>) {
        let rel = rows.rel;
        self.push("SELECT ").numbered_columns(&rel);
        self.push(" FROM (SELECT ").loaded_columns(&rel, names, true);
        self.push(", ROW_NUMBER() OVER (PARTITION BY ").load_key(&rel, names).push(" ORDER BY ");
        self.order_keys(&rows.order).push(") AS ").ident("kysera_n");
        self.loaded_from(&rel, names).push(" WHERE ").load_key(&rel, names).among(&rel, keys);
        self.load_conditions(rows, names).push(") AS ").ident("kysera_p");
        self.push(" WHERE ").ident("kysera_n").push(" <= ").integer(i64::try_from(limit).unwrap_or(i64::MAX));
        self.push(" ORDER BY ").ident("kysera_n");
    }

    /// `SELECT <columns of the table with the key>, <place of the key among values> FROM ..`: which keys the database takes
    /// for equal to `stored` ones. At most 400 values, unless they go as an array or as JSON.
    pub(crate) fn load_pairs(&mut self, rel: &Rel, keys: LoadKeys<'v>, stored: LoadKeys<'v>) -> &mut Self {
        let (meta, key) = rel.keyed();
        let alias = self.new_alias("r", key);
        self.about(Level { alias: Some(alias), ..Level::default() }, |sql| {
            sql.push("SELECT ").row_columns(meta).push(", ").ident("kysera_k").push(".").ident("i");
            sql.push(" FROM ").table(meta).push(" AS ").alias(alias).push(" JOIN ");
            sql.covering(|| rel.is_sensitive(), |sql| sql.numbered_keys((meta, key), keys));
            sql.push(" ON ").column(key).push(" = ").ident("kysera_k").push(".").ident("v");
            sql.push(" WHERE ").column(key).among(rel, stored);
        });
        self
    }

    /// A derived table of keys and their places.
    fn numbered_keys(&mut self, (meta, key): (&Meta, &Col), keys: LoadKeys<'v>) {
        if self.has_array(keys.codec) {
            self.push("UNNEST(").array(keys.codec, keys.values.to_vec());
            self.push(") WITH ORDINALITY AS \"kysera_k\" (\"v\", \"i\")");
        } else if let Some(json) = keys.json {
            let value = if json.hex { "unhex(value)" } else { "value" };
            self.push("(SELECT ").push(value).push(" AS \"v\", key + 1 AS \"i\" FROM json_each(");
            self.text_value(json.text).push(")) AS \"kysera_k\"");
        } else {
            // The first arm, which has no rows, gives the column's own type and collation to the others.
            self.push("(SELECT ").ident(key.name).push(" AS ").ident("v").push(", 0 AS ").ident("i");
            self.push(" FROM ").table(meta).push(" WHERE 1 = 0");
            for (i, value) in keys.values.iter().enumerate() {
                self.push(" UNION ALL SELECT ")
                    .value(keys.codec, *value)
                    .push(", ")
                    .push(&(i + 1).to_string());
            }
            self.push(") AS ").ident("kysera_k");
        }
    }

    /// ` = ANY(..)` or ` IN (..)`
    fn among(&mut self, rel: &Rel, keys: LoadKeys<'v>) -> &mut Self {
        self.covering(
            || rel.is_sensitive(),
            |sql| {
                sql.any_of(keys);
            },
        )
    }

    fn any_of(&mut self, keys: LoadKeys<'v>) -> &mut Self {
        if self.has_array(keys.codec) {
            return self.push(" = ANY(").array(keys.codec, keys.values.to_vec()).push(")");
        }
        if let Some(json) = keys.json {
            self.push(if json.hex { " IN (SELECT unhex(value)" } else { " IN (SELECT value" });
            return self.push(" FROM json_each(").text_value(json.text).push("))");
        }
        self.push(" IN (").list(keys.values, ", ", |sql, value| {
            sql.value(keys.codec, *value);
        });
        self.push(")")
    }

    /// The column that has the key of the rows at this end.
    fn load_key(&mut self, rel: &Rel, names: Names) -> &mut Self {
        match names.link {
            Some((via, alias)) => {
                self.about(Level { alias: Some(alias), ..Level::default() }, |sql| {
                    sql.readable_column(via.parent, true);
                });
                self
            }
            None => self.readable_column(rel.key, true),
        }
    }

    /// The SELECT list; `numbered` calls the columns `c0`, `c1` and so on.
    fn loaded_columns(&mut self, rel: &Rel, names: Names, numbered: bool) -> &mut Self {
        if names.target.is_none() {
            return self.row_columns(rel.meta);
        }
        let cols = all_columns(rel).enumerate();
        self.list(cols, ", ", |sql, (i, (linking, col))| {
            match names.link {
                Some((_, alias)) if linking => {
                    sql.about(Level { alias: Some(alias), ..Level::default() }, |sql| {
                        sql.readable_column(col, true);
                    });
                }
                _ => {
                    sql.readable_column(col, true);
                }
            }
            if numbered {
                sql.push(" AS ").ident(&format!("c{i}"));
            }
        })
    }

    /// Those columns, from outside.
    fn numbered_columns(&mut self, rel: &Rel) -> &mut Self {
        self.list(0..all_columns(rel).count(), ", ", |sql, i| {
            sql.ident(&format!("c{i}"));
        })
    }

    /// ` FROM ..`
    fn loaded_from(&mut self, rel: &Rel, names: Names) -> &mut Self {
        self.push(" FROM ");
        if let Some((via, alias)) = names.link {
            self.table(via.meta).push(" AS ").alias(alias).push(" JOIN ");
        }
        self.table(rel.meta);
        if let Some(target) = names.target {
            self.push(" AS ").alias(target);
        }
        if let Some((via, alias)) = names.link {
            self.push(" ON ").readable_column(rel.key, true).push(" = ");
            self.about(Level { alias: Some(alias), ..Level::default() }, |sql| {
                sql.readable_column(via.target, true);
            });
        }
        self
    }

    fn load_conditions(&mut self, rows: &'v RelatedRows, names: Names) -> &mut Self {
        self.visible(rows.rel.meta, rows.deleted, " AND ");
        if let Some((via, alias)) = names.link {
            self.about(Level { alias: Some(alias), ..Level::default() }, |sql| {
                sql.visible(via.meta, Deleted::Hidden, " AND ");
            });
        }
        for node in &rows.filters {
            self.push(" AND ").asked(rows.rel.meta, node);
        }
        self
    }
}

/// The columns of a loaded row, and whether they are the link's.
fn all_columns(rel: &Rel) -> impl Iterator<Item = (bool, &'static Col)> {
    let link = rel.via.map_or(&[][..], |via| via.meta.columns);
    link.iter().map(|col| (true, col)).chain(rel.meta.columns.iter().map(|col| (false, col)))
}
