//! Row-level security: who may do what with which rows.
//!
//! A struct with the plugin `rls` has a [`Policy`]: rules made of filters, about the rows and about who asks. Every statement on the
//! table carries them, wherever it comes from, and a source without the right context does not compile.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use kysera::Error;
//! use kysera::prelude::*;
//! use kysera::rls::{Action, Claims, Policy, Rules};
//!
//! /// Who asks. Each field becomes a constant that rules can name.
//! #[derive(Claims)]
//! struct Principal {
//!     user_id: i64,
//!     team_ids: Vec<i64>,
//!     is_admin: bool,
//! }
//!
//! #[derive(Debug, Repository)]
//! #[kysera::plugin(rls(context = Principal))]
//! #[kysera(table = "invoices")]
//! struct Invoice {
//!     #[kysera(id)]
//!     id: i64,
//!     owner_id: i64,
//!     team_id: i64,
//!     amount: i64,
//!     paid: bool,
//! }
//!
//! impl Policy<Principal> for Invoice {
//!     fn rules() -> Rules<Self, Principal> {
//!         Rules::new()
//!             .allow("team reads", Action::Read, Principal::TEAM_IDS.contains(Invoice::TEAM_ID))
//!             .allow("owner", Action::ALL, Invoice::OWNER_ID.eq(Principal::USER_ID))
//!             .allow("admin", Action::ALL, Principal::IS_ADMIN.holds())
//!             .deny("paid is final", [Action::Update, Action::Delete], Invoice::PAID.eq(true))
//!             .check("small", Action::WRITES, Invoice::AMOUNT.le(1000))
//!     }
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql(
//!     "CREATE TABLE invoices (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL, team_id INTEGER NOT NULL,
//!      amount INTEGER NOT NULL, paid BOOLEAN NOT NULL)",
//! )
//! .await?;
//! let ada = db.clone().with_context(Principal { user_id: 1, team_ids: vec![9], is_admin: false });
//! let bob = db.clone().with_context(Principal { user_id: 2, team_ids: vec![9], is_admin: false });
//! let eve = db.clone().with_context(Principal { user_id: 3, team_ids: vec![], is_admin: false });
//!
//! let new = NewInvoice { owner_id: 1, team_id: 9, amount: 100, paid: false };
//! let invoice = Invoice::repo(&ada).create(new).await?;
//! assert_eq!(Invoice::repo(&bob).count().await?, 1); // the same team
//! assert_eq!(Invoice::repo(&eve).count().await?, 0);
//!
//! // What one may see and not change is denied; what one may not see does not exist.
//! let patch = || InvoicePatch::new().amount(200);
//! assert!(matches!(Invoice::repo(&bob).update(invoice.id, patch()).await, Err(Error::Denied { .. })));
//! assert!(matches!(Invoice::repo(&eve).update(invoice.id, patch()).await, Err(Error::NotFound { .. })));
//! // What a row becomes is looked at as well: nobody can give an invoice away, nor make it too large.
//! let given = Invoice::repo(&ada).update(invoice.id, InvoicePatch::new().owner_id(3)).await;
//! assert!(matches!(given, Err(Error::Denied { .. })));
//! let large = Invoice::repo(&ada).update(invoice.id, patch().amount(5000)).await;
//! assert!(matches!(large, Err(Error::Denied { rule: Some(rule), .. }) if rule == "small"));
//!
//! // The only way around it has a type of its own, gives a reason, and leaves an event.
//! assert_eq!(Invoice::repo(&db.unrestricted("nightly billing")).count().await?, 1);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))] fn main() {}
//! ```
//!
//! # Rules
//!
//! | rule | what has to hold |
//! |---|---|
//! | [`allow`](Rules::allow) | at least one: without any, nothing is allowed. Updates ask it of the row as it was and as it becomes |
//! | [`restrict`](Rules::restrict) | all of them, of the row as it was and as it becomes |
//! | [`deny`](Rules::deny) | none, of the row as it was; when a row is created, of the new one |
//! | [`check`](Rules::check) | all of them, of the row as it becomes |
//!
//! A rule whose condition is neither true nor false, because a NULL is compared, counts as one that does not allow, and as one that
//! denies. So does a comparison with a field of the context that is `None`, whichever way it is written, and `eq(None)`: say
//! `is_null()` where a missing value is meant.
//!
//! Rows of other tables that a rule asks for, through relations, are all of those tables' rows: policies of other entities do not
//! apply within rules. In queries, they do. Rows that are marked as deleted are left out, so a `deny` that asks for one no longer holds
//! when it is deleted: `Doc::CASE.with_deleted().filter(Case::LOCKED.eq(true)).any()` asks for these too.
//!
//! Rules see columns as they are, also those that the caller reads masked. A set of rules with a mistake, such as a rule that is
//! never asked, is an error of every statement.
//!
//! # Which statements carry them
//!
//! All: reads by key, queries, counts, pages, streams, joins, loads, sub-queries; updates and deletions of one row and of many;
//! soft deletion, `restore`, `purge`, `touch`, transitions; upserts, in both arms; new rows; the audit log. Nothing is read first and
//! judged later: a rule is a condition of the statement that it is about, for reads and for writes of one row without a further round
//! trip. What many rows become is judged once they are stored, by one statement more, in the transaction that wrote them; so is a new
//! row of which the database fills a column that a rule reads.
//!
//! A filter of the caller's that may fail, such as the cast of a text to a number, is asked only of rows that the caller may read,
//! `CASE WHEN <rules> THEN <filter> ELSE FALSE END`: its error would tell of the others.
//!
//! To write a row one has to be allowed to read it. A single write that is refused is [`Error::Denied`](crate::Error::Denied),
//! which names the rule, if the caller may read the row; otherwise there is no such row. `find().update(..)` and `find().delete()`
//! concern the rows that may be changed, and are refused as a whole if a row would become what it must not.
//!
//! Rules about other tables lock the rows they find while a row is written (`FOR SHARE`), on PostgreSQL and MySQL: a membership
//! that is being taken away while a member writes is waited for. On PostgreSQL that needs the privilege `UPDATE` on these tables.
//! What cannot be locked, such as rows that are not there (`none(..)`), numbers of rows and hierarchies
//! ([`any_deep`](crate::relation::BelongsTo::any_deep)), is asked for when the row that is written is locked: by a statement more, in a
//! transaction. So nobody who has waited for a row writes it by what held before.
//!
//! Refused writes are `tracing` events of level WARN and target `kysera::rls`, with the entity, the action, the rule, and no value.
//!
//! # Fields
//!
//! `#[kysera(read_if = .., write_if = .., mask = ..)]` on a field says who may read and write it, by filters as in rules:
//!
//! ```
//! # #[cfg(feature = "sqlite")] mod doc {
//! # use kysera::prelude::*;
//! # use kysera::rls::Claims;
//! # #[derive(Claims)]
//! # struct Principal { user_id: i64, is_hr: bool }
//! #[derive(Repository)]
//! #[kysera(table = "employees", context = Principal)]
//! struct Employee {
//!     #[kysera(id)]
//!     id: i64,
//!     #[kysera(
//!         read_if = Employee::ID.eq(Principal::USER_ID) | Principal::IS_HR.holds(),
//!         write_if = Principal::IS_HR.holds()
//!     )]
//!     salary: Option<i64>, // NULL for others; a field that is no `Option` needs a `mask`
//! }
//! # }
//! ```
//!
//! The mask is made by the statement, and stands for the value in everything that is asked: filters, orders, aggregates, pages.
//! A write that gives the column a value is [`Error::Denied`](crate::Error::Denied) with its name; `find().update(..)` concerns the rows of
//! which it may be written. Who may not read a field may write it, unless `write_if` says otherwise. The log of an audited entity is
//! closed to sessions where it would show such a field: mark that `#[kysera(sensitive)]`, or read the log unrestricted.
//!
//! # What is not covered
//!
//! * SQL of your own: [`native`] policies of PostgreSQL do that. A [`Filter::raw`](crate::Filter::raw) that names a column in its text
//!   sees the value behind a mask; given as an argument, it sees the mask.
//! * Checks see what is written, not what a trigger makes of it.
//! * What one may not see still takes its unique keys: an upsert that meets such a row is denied, and an insert violates the
//!   constraint. It can be referred to as well: a foreign key does not ask whose row it is. Say it with a rule,
//!   `.check("own project", Action::WRITES, Task::PROJECT.any(Project::TENANT_ID.eq(Principal::TENANT_ID)))`.
//! * Rows that `soft_delete(cascade = ..)` would delete along stay if the caller may not delete them.

mod decide;
#[cfg(feature = "postgres")]
pub mod native;
mod rules;
mod table;
mod tenant;

pub use decide::{Access, Decision, PolicyMethods};

pub use crate::expr::{Action, Actions, Claim, ClaimList, Claims, Effect};
#[doc(inline)]
pub use kysera_macros::Claims;
#[doc(hidden)]
pub use rules::IsClaim;
pub(crate) use rules::rule_set;
pub use rules::{Condition, Policy, Rules};
pub use table::{PolicyReport, Surprise, policy_table};
pub use tenant::Tenant;
#[doc(hidden)]
pub use tenant::TenantContext;
