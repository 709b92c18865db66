//! Which rows a write concerns.

use super::guard;
use super::keys::{key_in, key_is};
use super::set::Assignment;
use crate::entity::{Entity, Values};
use crate::expr::{Action, AnyValue, Codec, Col, Deleted, Demand, Node, PluginContext, Sql};

/// Conditions, all of which hold, besides what the source may see.
pub(crate) struct Which<'a, E: Entity> {
    pub(crate) keys: Keys<'a, E>,
    pub(crate) deleted: Deleted,
    /// A column has this value, which may be NULL.
    pub(crate) is: Option<(&'static Col, &'a AnyValue)>,
    pub(crate) filters: &'a [Node],
    /// What is done with them, besides reading.
    pub(crate) action: Action,
    /// What an update makes of them.
    pub(crate) assigns: &'a [Assignment<'a>],
}

/// The keys of the rows, or of others that they refer to.
pub(crate) enum Keys<'a, E: Entity> {
    Any,
    One(&'a E::Id),
    /// At least one.
    Many(&'a [E::Id]),
    /// Columns have the values that these have, none of which is NULL.
    Like(&'a [&'static Col], &'a dyn Values),
    /// A column has one of these values, of which there is at least one. They are those of a column of another type, where one
    /// of the two types is an `Option` of the other.
    Among(&'static Col, &'static Codec, &'a [&'a AnyValue]),
}

impl<E: Entity> Clone for Keys<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: Entity> Copy for Keys<'_, E> {}

impl<E: Entity> Clone for Which<'_, E> {
    fn clone(&self) -> Self {
        Self {
            keys: self.keys,
            deleted: self.deleted,
            is: self.is,
            filters: self.filters,
            action: self.action,
            assigns: self.assigns,
        }
    }
}

impl<'a, E: Entity> Which<'a, E> {
    pub(crate) fn one(id: &'a E::Id) -> Self {
        Self { keys: Keys::One(id), ..Self::filtered(Deleted::Hidden, &[]) }
    }

    pub(crate) fn many(ids: &'a [E::Id]) -> Self {
        Self { keys: Keys::Many(ids), ..Self::filtered(Deleted::Hidden, &[]) }
    }

    pub(crate) fn filtered(deleted: Deleted, filters: &'a [Node]) -> Self {
        Self { keys: Keys::Any, deleted, is: None, filters, action: Action::Read, assigns: &[] }
    }

    /// For a statement that does this with them.
    pub(crate) fn to(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    /// For an update that assigns this.
    pub(crate) fn assigning(mut self, assigns: &'a [Assignment<'a>]) -> Self {
        self.assigns = assigns;
        self
    }

    /// The columns that are assigned.
    pub(crate) fn assigned(&self) -> impl Iterator<Item = usize> + use<'a, E> {
        self.assigns.iter().map(|assign| assign.col.index)
    }

    /// What has to hold for them after the update.
    pub(crate) fn becomes(&self, cx: &PluginContext<'_>) -> Vec<Demand> {
        if self.action != Action::Update {
            return Vec::new();
        }
        guard::becomes(E::META, cx, &self.assigned().collect::<Vec<_>>())
    }

    pub(crate) fn deleted(mut self, deleted: Deleted) -> Self {
        self.deleted = deleted;
        self
    }

    /// Whether there can be several.
    pub(crate) fn is_one(&self) -> bool {
        matches!(self.keys, Keys::One(_) | Keys::Like(..))
    }

    /// ` WHERE ..`
    pub(crate) fn write(&self, sql: &mut Sql<'a>) {
        let mut glue = " WHERE ";
        if !matches!(self.keys, Keys::Any) {
            sql.push(glue);
            glue = " AND ";
        }
        match self.keys {
            Keys::Any => {}
            Keys::One(id) => key_is::<E>(sql, id),
            Keys::Many(ids) => key_in::<E>(sql, ids),
            Keys::Like(cols, values) => {
                sql.equal(cols, values);
            }
            Keys::Among(col, codec, values) if sql.has_array(codec) => {
                sql.column(col).push(" = ANY(");
                sql.covering(
                    || col.codec.sensitive,
                    |sql| {
                        sql.array(codec, values.to_vec());
                    },
                );
                sql.push(")");
            }
            Keys::Among(col, codec, values) => {
                sql.column(col).push(" IN (");
                sql.covering(
                    || col.codec.sensitive,
                    |sql| {
                        sql.list(values, ", ", |sql, value| {
                            sql.value(codec, *value);
                        });
                    },
                );
                sql.push(")");
            }
        }
        let before = sql.len();
        self.write_access(sql, glue);
        if sql.len() > before {
            glue = " AND ";
        }
        if let Some((col, value)) = self.is {
            // As the caller sees it: whether it has a value would tell the value.
            sql.push(glue).readable_column(col, false);
            if (col.codec.is_null)(value) {
                sql.push(" IS NULL");
            } else {
                sql.push(" = ").value(col.codec, value);
            }
            glue = " AND ";
        }
        for node in self.filters {
            sql.push(glue).asked(E::META, node);
            glue = " AND ";
        }
    }

    /// The same, without locking what rules ask for.
    pub(crate) fn write_asking(&self, sql: &mut Sql<'a>, action: Action) {
        self.write_key(sql);
        sql.accessible(E::META, self.deleted, &[Action::Read, action], " AND ");
    }

    /// ` WHERE <keys>`, whoever asks.
    pub(crate) fn write_key(&self, sql: &mut Sql<'a>) {
        sql.push(" WHERE ");
        match self.keys {
            Keys::One(id) => key_is::<E>(sql, id),
            Keys::Many(ids) => key_in::<E>(sql, ids),
            Keys::Like(cols, values) => {
                sql.equal(cols, values);
            }
            Keys::Any | Keys::Among(..) => {
                sql.push("TRUE");
            }
        }
    }

    /// What may be seen of the table, and what the policy says of the rest.
    fn write_access(&self, sql: &mut Sql<'a>, glue: &str) {
        if self.action == Action::Read {
            sql.visible(E::META, self.deleted, glue);
            return;
        }
        sql.locking(|sql| {
            let before = sql.len();
            sql.accessible(E::META, self.deleted, &[Action::Read, self.action], glue);
            let mut glue = if sql.len() > before { " AND " } else { glue };
            let cx = sql.cx();
            let writes = guard::writes(E::META, &cx, self.assigned());
            if !writes.is_empty() {
                sql.demands(E::META, &writes, glue);
                glue = " AND ";
            }
            // Of several rows, what they become is judged once they are stored.
            let becomes = if self.is_one() { self.becomes(&cx) } else { Vec::new() };
            if !becomes.is_empty() {
                guard::write_becoming(sql, E::META, self.assigns, &becomes, glue);
            }
        });
    }
}
