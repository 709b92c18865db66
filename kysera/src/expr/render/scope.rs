//! What may be seen of a table: every table that a statement names passes here.

use super::Sql;
use crate::error::Error;
use crate::expr::filter::Node;
use crate::expr::meta::{Col, Meta, Scope, ScopeNode};
use crate::expr::plug::{Deleted, Mark};
use crate::expr::policy::Action;

impl Sql<'_> {
    /// Writes what holds for the rows of the table at hand that may be seen, with `glue` in front of it; nothing where that
    /// is all of them.
    pub(crate) fn visible(&mut self, meta: &'static Meta, deleted: Deleted, glue: &str) -> &mut Self {
        self.accessible(meta, deleted, &[Action::Read], glue)
    }

    /// The same of rows that more is to be done with than to read them.
    pub(crate) fn accessible(
        &mut self,
        meta: &'static Meta,
        deleted: Deleted,
        actions: &[Action],
        glue: &str,
    ) -> &mut Self {
        let mut glue = glue;
        if let Some(soft_delete) = &meta.plug.soft_delete
            && deleted != Deleted::Shown
            && let Some(col) = meta.columns.get(soft_delete.column)
        {
            self.push(glue).is_deleted(col, soft_delete.mark, deleted == Deleted::Only);
            glue = " AND ";
        }
        let before = self.len();
        self.permitted(meta, actions, glue);
        if self.len() > before {
            glue = " AND ";
        }
        let Some(scope) = meta.scope else { return self };
        match scope(&self.cx) {
            Scope::Open => self,
            Scope::Only(ScopeNode(node)) => {
                // A scope may ask for rows of other tables, which have a scope as well.
                if self.scopes >= MOST_SCOPES {
                    let text =
                        format!("the scope of {} leads back to itself over that of others", meta.entity);
                    self.refuse(Error::BadRequest(text.into()));
                    return self;
                }
                self.scopes += 1;
                self.push(glue).filter(&node);
                self.scopes -= 1;
                self
            }
            Scope::Closed => {
                self.refuse(Error::Protected { entity: meta.entity });
                self
            }
            Scope::Refused(error) => {
                self.refuse(error);
                self
            }
        }
    }

    /// Writes a filter of the caller's on the row at hand. One that may fail is asked only of rows that the caller may read, in
    /// whatever order the database looks at conditions: an error would tell of the others.
    pub(crate) fn asked(&mut self, meta: &'static Meta, node: &Node) -> &mut Self {
        if self.in_rules || meta.policy.is_none() || !node.may_fail() {
            return self.filter(node);
        }
        let Some(policy) = self.policy(meta) else { return self.filter(node) };
        let demands = policy.before(&[Action::Read], &self.cx);
        if demands.is_empty() {
            return self.filter(node);
        }
        self.push("CASE WHEN ")
            .demands(meta, &demands, "")
            .push(" THEN ")
            .filter(node)
            .push(" ELSE FALSE END")
    }

    /// ` IS NULL` and the like, of the column that marks deleted rows.
    pub(crate) fn is_deleted(&mut self, col: &Col, mark: Mark, deleted: bool) -> &mut Self {
        self.column(col).push(match (mark, deleted) {
            (Mark::Time(_), false) => " IS NULL",
            (Mark::Time(_), true) => " IS NOT NULL",
            (Mark::Flag, false) => " = FALSE",
            (Mark::Flag, true) => " = TRUE",
        })
    }
}

/// How deep scopes may stand in each other.
const MOST_SCOPES: u32 = 16;
