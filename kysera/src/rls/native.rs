//! The same policy as PostgreSQL's own row-level security, so that SQL of your own is isolated as well.
//!
//! The statements are made of the entity's [rules](super::Rules). Who asks is told to the database by settings of the transaction,
//! one for each [claim](super::Claim), which [`Db::with_claims`](crate::Db::with_claims) makes.
//!
//! ```no_run
//! # #[cfg(feature = "postgres")] mod doc {
//! use kysera::Postgres;
//! use kysera::prelude::*;
//! use kysera::rls::native::NativePolicies;
//! use kysera::rls::{Action, Claims, Policy, Rules};
//!
//! #[derive(Claims)]
//! struct Principal {
//!     tenant_id: i64, // the setting `app.tenant_id`
//! }
//!
//! #[derive(Repository)]
//! #[kysera::plugin(rls(context = Principal))]
//! #[kysera(table = "invoices")]
//! struct Invoice {
//!     #[kysera(id)]
//!     id: i64,
//!     tenant_id: i64,
//! }
//!
//! impl Policy<Principal> for Invoice {
//!     fn rules() -> Rules<Self, Principal> {
//!         Rules::new().allow("tenant", Action::ALL, Invoice::TENANT_ID.eq(Principal::TENANT_ID))
//!     }
//! }
//!
//! async fn migrate(owner: &Db<Postgres>) -> kysera::Result<()> {
//!     NativePolicies::of::<Invoice>().role("app_user").install(owner).await
//! }
//!
//! async fn report(app: Db<Postgres>, tenant_id: i64) -> kysera::Result<i64> {
//!     let session = app.with_context(Principal { tenant_id }).with_claims();
//!     session
//!         .transaction(|tx| async move {
//!             // Rows of the tenant alone, although nothing here says so.
//!             let count = sqlx::query_scalar("SELECT count(*) FROM invoices").fetch_one(&mut *tx.connection().await?).await?;
//!             Ok(count)
//!         })
//!         .await
//! }
//! # }
//! ```
//!
//! | rule | policy |
//! |---|---|
//! | `allow` | `PERMISSIVE .. USING (..) WITH CHECK (..)` |
//! | `restrict` | `RESTRICTIVE .. USING (..) WITH CHECK (..)` |
//! | `deny` | `RESTRICTIVE .. USING (NOT (..))`, of updates `WITH CHECK (TRUE)` |
//! | `check` | `RESTRICTIVE .. WITH CHECK (..)` |
//!
//! One policy for each rule and action, named `kysera_<action>_<n>_<rule>`. What differs from the rules as kysera applies them:
//!
//! * PostgreSQL's policies concern neither superusers, nor roles with `BYPASSRLS`, nor, without
//!   [`force`](NativePolicies::force), the owner of the table: connect as another role.
//! * Other tables that a rule asks for have policies of their own then, which apply within it. So a rule cannot ask for other rows of
//!   its own table: that is an error.
//! * What a statement reads has to be readable afterwards as well: an update with a `WHERE` or a `RETURNING` that takes a row out of
//!   its author's sight is refused, and so is an insert with a `RETURNING` of a row that its author may not read.
//! * A claim that is an empty text counts as none.
//! * A rule that depends on Rust code, by a function or by `include_when`, has no such form: it is an error, unless
//!   [`leave_out_functions`](NativePolicies::leave_out_functions) leaves those that allow something out.
//! * Guarded fields (`read_if`, `write_if`) are not part of it: columns are a matter of `GRANT`.
//! * `System`, the context of [`unrestricted`](crate::Db::unrestricted), makes no settings: use a role that is not concerned.

use std::collections::BTreeMap;

use sqlx::Row;

use crate::backend::Dialect;
use crate::entity::Policed;
use crate::error::{Error, Result};
use crate::expr::{Action, Condition, Effect, Meta, Node, PluginContext, Rule, Sql, dynamic};
use crate::source::Db;

/// PostgreSQL's own policies for an entity.
#[derive(Clone)]
pub struct NativePolicies {
    meta: &'static Meta,
    schema: Option<String>,
    roles: Vec<String>,
    force: bool,
    without_functions: bool,
}

impl std::fmt::Debug for NativePolicies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativePolicies").field("table", &self.meta.table).finish_non_exhaustive()
    }
}

/// What every policy of these is named with.
const PREFIX: &str = "kysera_";

/// What PostgreSQL tells apart.
const NAME_BYTES: usize = 63;

/// A policy, as it is to be created.
struct Native {
    name: String,
    permissive: bool,
    command: &'static str,
    using: Option<String>,
    check: Option<String>,
}

impl NativePolicies {
    /// Those of an entity: for everyone (`PUBLIC`), and for the owner of the table as well.
    pub fn of<E: Policed>() -> Self {
        Self { meta: E::META, schema: None, roles: Vec::new(), force: true, without_functions: false }
    }

    /// For a table in this schema, where the struct names none.
    #[must_use]
    pub fn in_schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// For this role alone, and others that are named so. Default: everyone.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Whether the owner of the table is concerned as well. Default: it is.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// Leaves out rules that allow something by Rust code: the database allows less then. Those that forbid something are an error
    /// still.
    #[must_use]
    pub fn leave_out_functions(mut self) -> Self {
        self.without_functions = true;
        self
    }

    /// The statements that create the policies and switch them on.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] names a rule that has no form in SQL.
    pub fn create_sql(&self) -> Result<Vec<String>> {
        let mut statements = vec![self.alter("ENABLE ROW LEVEL SECURITY")];
        statements.push(self.alter(if self.force {
            "FORCE ROW LEVEL SECURITY"
        } else {
            "NO FORCE ROW LEVEL SECURITY"
        }));
        let table = self.table();
        statements.extend(self.policies()?.iter().map(|policy| self.create(policy, &table)));
        Ok(statements)
    }

    /// The statements that drop the policies and switch row-level security off.
    ///
    /// # Errors
    ///
    /// Those of [`create_sql`](Self::create_sql).
    pub fn drop_sql(&self) -> Result<Vec<String>> {
        let table = self.table();
        let mut statements: Vec<String> = self
            .policies()?
            .iter()
            .map(|policy| format!("DROP POLICY IF EXISTS {} ON {table}", quote(&policy.name)))
            .collect();
        statements.push(self.alter("NO FORCE ROW LEVEL SECURITY"));
        statements.push(self.alter("DISABLE ROW LEVEL SECURITY"));
        Ok(statements)
    }

    /// Puts the policies in the place of whatever kysera has installed before, in one transaction.
    ///
    /// # Errors
    ///
    /// Those of [`create_sql`](Self::create_sql) and of the database, which lets the owner of the table alone do that.
    #[track_caller]
    pub fn install<C: Send + Sync + 'static>(
        &self,
        db: &Db<sqlx::Postgres, C>,
    ) -> impl Future<Output = Result<()>> + Send {
        let begin = db.begin();
        async move {
            let statements = self.create_sql()?;
            begin
                .run(|tx| async move {
                    let mut conn = tx.connection().await?;
                    for name in self.installed(&mut conn).await?.into_keys() {
                        let sql = format!("DROP POLICY {} ON {}", quote(&name), self.table());
                        sqlx::raw_sql(dynamic(sql)).execute(&mut *conn).await?;
                    }
                    for sql in statements {
                        sqlx::raw_sql(dynamic(sql)).execute(&mut *conn).await?;
                    }
                    drop(conn);
                    Ok(())
                })
                .await
        }
    }

    /// Drops whatever kysera has installed, and switches row-level security off.
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[track_caller]
    pub fn uninstall<C: Send + Sync + 'static>(
        &self,
        db: &Db<sqlx::Postgres, C>,
    ) -> impl Future<Output = Result<()>> + Send {
        let begin = db.begin();
        async move {
            begin
                .run(|tx| async move {
                    let mut conn = tx.connection().await?;
                    for name in self.installed(&mut conn).await?.into_keys() {
                        let sql = format!("DROP POLICY {} ON {}", quote(&name), self.table());
                        sqlx::raw_sql(dynamic(sql)).execute(&mut *conn).await?;
                    }
                    for what in ["NO FORCE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY"] {
                        sqlx::raw_sql(dynamic(self.alter(what))).execute(&mut *conn).await?;
                    }
                    drop(conn);
                    Ok(())
                })
                .await
        }
    }

    /// Compares what the database has with what the struct declares.
    ///
    /// The declared policies are created on an empty temporary copy of the table, so that both are read as the database writes them,
    /// and rolled back.
    ///
    /// # Errors
    ///
    /// Those of [`create_sql`](Self::create_sql) and of the database: it takes the privileges to read the table and to create
    /// temporary ones.
    #[track_caller]
    pub fn verify<C: Send + Sync + 'static>(
        &self,
        db: &Db<sqlx::Postgres, C>,
    ) -> impl Future<Output = Result<NativeReport>> + Send {
        let begin = db.begin();
        async move {
            let declared = self.policies()?;
            let tx = begin.await?;
            let report = {
                let mut conn = tx.connection().await?;
                let (enabled, forced) = self.switches(&mut conn).await?;
                let (installed, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    policies_of(&mut conn, &self.table())
                        .await?
                        .into_iter()
                        .partition(|(name, _)| is_ours(name));
                let copy = format!("pg_temp.{}", quote(self.meta.table));
                // Temporary tables come first unless the path says otherwise, and conditions would be about the copy.
                let path = "SELECT set_config('search_path', concat_ws(', ', NULLIF(current_setting('search_path'), ''), 'pg_temp'), TRUE)";
                sqlx::query(path).persistent(false).execute(&mut *conn).await?;
                let sql = format!(
                    "CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DROP",
                    quote(self.meta.table),
                    self.table()
                );
                sqlx::raw_sql(dynamic(sql)).execute(&mut *conn).await?;
                for policy in &declared {
                    sqlx::raw_sql(dynamic(self.create(policy, &copy))).execute(&mut *conn).await?;
                }
                let declared = policies_of(&mut conn, &copy).await?;
                let mut report =
                    NativeReport { enabled, forced: forced || !self.force, ..NativeReport::default() };
                for (name, policy) in &declared {
                    match installed.get(name) {
                        None => report.missing.push(name.clone()),
                        Some(other) if other != policy => report.different.push(name.clone()),
                        Some(_) => {}
                    }
                }
                report.unexpected =
                    installed.into_keys().filter(|name| !declared.contains_key(name)).collect();
                report.others = others.into_keys().collect();
                report
            };
            tx.rollback().await?;
            Ok(report)
        }
    }

    fn policies(&self) -> Result<Vec<Native>> {
        let Some(policy) = self.meta.policy else { return Ok(Vec::new()) };
        let mut natives = Vec::new();
        for (at, rule) in (policy.rules)().rules.iter().enumerate() {
            let Condition::Fixed(node) = &rule.condition else {
                self.refuse_function(rule)?;
                continue;
            };
            if !rule.when.is_empty() {
                self.refuse_function(rule)?;
                continue;
            }
            self.refuse_own_table(rule, node)?;
            let condition = self.condition(node)?;
            for action in Action::ALL.into_iter().filter(|action| rule.actions.contains(*action)) {
                natives.extend(native(at, rule, action, &condition));
            }
        }
        Ok(natives)
    }

    fn refuse_function(&self, rule: &Rule) -> Result<()> {
        if self.without_functions && rule.effect == Effect::Allow {
            return Ok(());
        }
        let text = format!(
            "the rule `{}` of {} depends on Rust code, which PostgreSQL cannot run: say it with claims, or, if it allows something, \
             `leave_out_functions()`",
            rule.name, self.meta.entity
        );
        Err(Error::BadRequest(text.into()))
    }

    /// PostgreSQL applies the policies of a table to the sub-queries of its own policies as well, without an end: it refuses every
    /// statement then, and not the policy.
    fn refuse_own_table(&self, rule: &Rule, node: &Node) -> Result<()> {
        let schema = |meta: &'static Meta| meta.schema.or(self.schema.as_deref());
        let mut own = false;
        node.relations_deep(&mut |rel| {
            let link = rel.via.map(|via| via.meta);
            own |= std::iter::once(rel.meta)
                .chain(link)
                .any(|meta| meta.table == self.meta.table && schema(meta) == schema(self.meta));
        });
        if !own {
            return Ok(());
        }
        let text = format!(
            "the rule `{}` of {} asks for other rows of its own table, which policies of PostgreSQL cannot: they would apply within \
             it, without an end",
            rule.name, self.meta.entity
        );
        Err(Error::BadRequest(text.into()))
    }

    fn condition(&self, node: &Node) -> Result<String> {
        let mut sql = Sql::new(Dialect::Postgres).at(self.schema.as_deref(), PluginContext::NONE).inline();
        sql.in_rule(|sql| {
            sql.filter(node);
        });
        sql.into_checked_text()
    }

    fn create(&self, policy: &Native, table: &str) -> String {
        let kind = if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" };
        let roles: Vec<String> = self.roles.iter().map(|role| quote(role)).collect();
        let roles = if roles.is_empty() { "PUBLIC".to_owned() } else { roles.join(", ") };
        let (name, command) = (quote(&policy.name), policy.command);
        let mut sql = format!("CREATE POLICY {name} ON {table} AS {kind} FOR {command} TO {roles}");
        if let Some(using) = &policy.using {
            sql += &format!(" USING ({using})");
        }
        if let Some(check) = &policy.check {
            sql += &format!(" WITH CHECK ({check})");
        }
        sql
    }

    fn alter(&self, what: &str) -> String {
        format!("ALTER TABLE {} {what}", self.table())
    }

    fn table(&self) -> String {
        let mut sql = Sql::new(Dialect::Postgres).at(self.schema.as_deref(), PluginContext::NONE);
        sql.table(self.meta);
        sql.into_text()
    }

    async fn switches(&self, conn: &mut sqlx::PgConnection) -> Result<(bool, bool)> {
        let sql = "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = $1::text::regclass";
        let row = sqlx::query(sql).bind(self.table()).persistent(false).fetch_one(conn).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    /// Those of the database that are kysera's.
    async fn installed(&self, conn: &mut sqlx::PgConnection) -> Result<BTreeMap<String, Installed>> {
        let mut all = policies_of(conn, &self.table()).await?;
        all.retain(|name, _| is_ours(name));
        Ok(all)
    }
}

/// A policy as the database has it.
#[derive(PartialEq, Eq)]
struct Installed {
    permissive: bool,
    command: String,
    roles: Vec<String>,
    using: Option<String>,
    check: Option<String>,
}

async fn policies_of(conn: &mut sqlx::PgConnection, table: &str) -> Result<BTreeMap<String, Installed>> {
    let sql = "SELECT polname::text, polpermissive, polcmd::text, \
               ARRAY(SELECT COALESCE(rolname::text, 'public') FROM UNNEST(polroles) AS r (id) \
                     LEFT JOIN pg_roles ON pg_roles.oid = r.id ORDER BY 1), \
               pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid) \
               FROM pg_policy WHERE polrelid = $1::text::regclass";
    let rows = sqlx::query(sql).bind(table).persistent(false).fetch_all(conn).await?;
    let mut policies = BTreeMap::new();
    for row in rows {
        let policy = Installed {
            permissive: row.try_get(1)?,
            command: row.try_get(2)?,
            roles: row.try_get(3)?,
            using: row.try_get(4)?,
            check: row.try_get(5)?,
        };
        policies.insert(row.try_get(0)?, policy);
    }
    Ok(policies)
}

fn native(at: usize, rule: &Rule, action: Action, condition: &str) -> Option<Native> {
    let truth = || Some("TRUE".to_owned());
    let holds = || Some(condition.to_owned());
    let fails = || Some(format!("NOT ({condition})"));
    let (using, check) = match (rule.effect, action) {
        (Effect::Allow | Effect::Restrict, Action::Read | Action::Delete) => (holds(), None),
        (Effect::Allow | Effect::Restrict, Action::Create) => (None, holds()),
        (Effect::Allow | Effect::Restrict, Action::Update) => (holds(), holds()),
        (Effect::Deny, Action::Read | Action::Delete) => (fails(), None),
        (Effect::Deny, Action::Create) => (None, fails()),
        (Effect::Deny, Action::Update) => (fails(), truth()),
        (Effect::Check, Action::Create) => (None, holds()),
        (Effect::Check, Action::Update) => (truth(), holds()),
        (Effect::Check, Action::Read | Action::Delete) => return None,
    };
    let command = match action {
        Action::Read => "SELECT",
        Action::Create => "INSERT",
        Action::Update => "UPDATE",
        Action::Delete => "DELETE",
    };
    let mut name = format!("{PREFIX}{action}_{at}_{}", rule.name);
    while name.len() > NAME_BYTES {
        name.pop();
    }
    Some(Native { name, permissive: rule.effect == Effect::Allow, command, using, check })
}

fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
}

fn quote(name: &str) -> String {
    let mut sql = Sql::new(Dialect::Postgres);
    sql.ident(name);
    sql.into_text()
}

/// How the policies of a database differ from those that are declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NativeReport {
    /// Whether row-level security is switched on for the table.
    pub enabled: bool,
    /// Whether it concerns the owner of the table as well, where that is wanted.
    pub forced: bool,
    /// Declared, and not there.
    pub missing: Vec<String>,
    /// There with other conditions, for other roles, or of another kind.
    pub different: Vec<String>,
    /// There, named as kysera's are, and not declared.
    pub unexpected: Vec<String>,
    /// There under other names: not kysera's, and no difference. What they allow is allowed as well.
    pub others: Vec<String>,
}

impl NativeReport {
    /// Whether nothing differs.
    pub fn agrees(&self) -> bool {
        self.enabled
            && self.forced
            && self.missing.is_empty()
            && self.different.is_empty()
            && self.unexpected.is_empty()
    }
}
