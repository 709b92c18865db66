//! Rows of other tables: joins, and sub-queries along relations.

use super::{Alias, Join, Level, Sql};
use crate::backend::Dialect;
use crate::expr::filter::Node;
use crate::expr::meta::Meta;
use crate::expr::plug::Deleted;
use crate::expr::relation::Rel;
use crate::expr::term::{RelatedRows, Term};

impl<'v> Sql<'v> {
    /// Names the joined tables, so that what is written next finds their columns.
    pub(crate) fn with_joins(&mut self, joins: &[Join]) -> &mut Self {
        for join in joins {
            let alias = self.new_alias("j", join.rel.parent);
            self.level.joins.push((*join, alias));
        }
        self
    }

    /// Writes ` JOIN .. ON ..` for each of the tables that [`with_joins`](Self::with_joins) named.
    pub(crate) fn joins(&mut self, joins: &[Join]) -> &mut Self {
        for (i, Join { rel, left }) in joins.iter().enumerate() {
            let Some((_, alias)) = self.level.joins.get(i).copied() else { continue };
            self.push(if *left { " LEFT JOIN " } else { " JOIN " }).table(rel.meta).push(" AS ");
            self.alias(alias).push(" ON ");
            let level = || Level { alias: Some(alias), ..Level::default() };
            self.about(level(), |sql| {
                sql.readable_column(rel.key, true);
            });
            self.push(" = ").readable_column(rel.parent, true);
            self.about(level(), |sql| {
                sql.visible(rel.meta, Deleted::Hidden, " AND ");
            });
        }
        self
    }

    /// The table that was joined by this relation, if it was.
    pub(super) fn joined(&self, rel: &Rel) -> Option<(Join, Alias)> {
        self.level.joins.iter().find(|(join, _)| join.rel.is(rel)).copied()
    }

    /// Writes all columns of the row at hand and of those joined to it. `names`: each gets one, `x0` and so on, because
    /// two tables may have columns of the same name.
    pub(crate) fn row_and_joined(&mut self, meta: &'static Meta, names: bool) -> &mut Self {
        let joins = self.level.joins.clone();
        let own = meta.columns.iter().map(|col| (None, col));
        let joined = joins
            .iter()
            .flat_map(|(join, alias)| join.rel.meta.columns.iter().map(|col| (Some(*alias), col)));
        self.list(own.chain(joined).enumerate(), ", ", |sql, (i, (alias, col))| {
            match alias {
                Some(alias) => {
                    sql.about(Level { alias: Some(alias), ..Level::default() }, |sql| {
                        sql.readable_column(col, true);
                    });
                }
                None => {
                    sql.readable_column(col, true);
                }
            };
            if names {
                sql.push(" AS ").ident(&format!("x{i}"));
            }
        })
    }

    /// `[NOT] EXISTS (SELECT 1 FROM ..)`
    pub(super) fn related_exists(&mut self, rows: &RelatedRows, negated: bool) -> &mut Self {
        self.push(if negated { "NOT EXISTS (SELECT " } else { "EXISTS (SELECT " });
        self.related(rows.rel, rows.deleted, &rows.filters, |sql| {
            sql.push("1");
        });
        // Without it, SQLite 3.51 makes a join of it, and forgets the OFFSET of the query around it.
        let limit = self.dialect == Dialect::Sqlite && !negated;
        let lock = self.rule_lock();
        self.push(if limit { " LIMIT 1)" } else { lock }).push(if limit { "" } else { ")" })
    }

    /// `(SELECT COUNT(*) FROM ..)`
    pub(super) fn related_count(&mut self, rows: &RelatedRows) -> &mut Self {
        self.push("(SELECT ")
            .related(rows.rel, rows.deleted, &rows.filters, |sql| {
                sql.push("COUNT(*)");
            })
            .push(")")
    }

    /// `(SELECT <term> FROM .. LIMIT 1)`
    pub(super) fn related_value(&mut self, rel: Rel, term: &Term) -> &mut Self {
        self.push("(SELECT ")
            .related(rel, Deleted::Hidden, &[], |sql| {
                sql.term(term);
            })
            .push(" LIMIT 1)")
    }

    /// Writes a sub-query, behind its SELECT, over the rows that a relation leads to from the row at hand.
    fn related(
        &mut self,
        rel: Rel,
        deleted: Deleted,
        filters: &[Node],
        select: impl FnOnce(&mut Self),
    ) -> &mut Self {
        let target = self.new_alias("r", rel.parent);
        let link = rel.via.map(|via| (via, self.new_alias("r", rel.parent)));
        let outer = std::mem::take(&mut self.level);
        let aggregates = std::mem::replace(&mut self.aggregates, false);
        self.level = Level { alias: Some(target), ..Level::default() };

        // Merged into the statement, a derived table would be the table that is written again.
        let target_in_disguise = self.must_shadow(rel.meta).then_some(target);
        let link_in_disguise = link.filter(|(via, _)| self.must_shadow(via.meta)).map(|(_, alias)| alias);
        if self.dialect == Dialect::MySql && target_in_disguise.or(link_in_disguise).is_some() {
            self.push("/*+ NO_MERGE(").list(
                target_in_disguise.into_iter().chain(link_in_disguise),
                ", ",
                |sql, alias| {
                    sql.alias(alias);
                },
            );
            self.push(") */ ");
        }
        select(self);
        self.push(" FROM ");
        if let Some((via, alias)) = link {
            self.readable(via.meta).push(" AS ").alias(alias).push(" JOIN ").readable(rel.meta).push(" AS ");
            let link = || Level { alias: Some(alias), ..Level::default() };
            self.alias(target).push(" ON ").readable_column(rel.key, true).push(" = ");
            self.about(link(), |sql| {
                sql.readable_column(via.target, true).push(" WHERE ").readable_column(via.parent, true);
            });
        } else {
            self.readable(rel.meta).push(" AS ").alias(target);
            self.push(" WHERE ").readable_column(rel.key, true);
        }
        self.push(" = ");
        // The row outside.
        let inner = std::mem::replace(&mut self.level, outer);
        self.readable_column(rel.parent, true);
        let outer = std::mem::replace(&mut self.level, inner);
        self.visible(rel.meta, deleted, " AND ");
        if let Some((via, alias)) = link {
            self.about(Level { alias: Some(alias), ..Level::default() }, |sql| {
                sql.visible(via.meta, Deleted::Hidden, " AND ");
            });
        }
        for node in filters {
            self.push(" AND ").filter(node);
        }
        self.level = outer;
        self.aggregates = aggregates;
        self
    }

    /// Writes a table to read from, in a disguise where the statement writes it.
    pub(super) fn readable(&mut self, meta: &'static Meta) -> &mut Self {
        if !self.must_shadow(meta) {
            return self.table(meta);
        }
        self.push("(SELECT ").names(meta.columns).push(" FROM ").table(meta);
        // What has a limit is read once, and not merged into the query around it.
        self.push(if self.dialect == Dialect::Sqlite { " LIMIT -1)" } else { ")" })
    }

    /// MySQL refuses a sub-query on the table that is written (1093), but not a derived table of it. SQLite shows rows that
    /// were updated already to the sub-queries of the next ones.
    fn must_shadow(&self, meta: &Meta) -> bool {
        self.dialect != Dialect::Postgres
            && self.writes.is_some_and(|written| {
                let schema = |meta: &Meta| meta.schema.or(self.schema);
                written.table == meta.table && schema(written) == schema(meta)
            })
    }
}
