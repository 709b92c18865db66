//! Policies, tenants, claims, and guards of columns, in all their forms.
#![deny(warnings)]

use chrono::{DateTime, Utc};
use kysera::prelude::*;
use kysera::rls::{Action, Claim, ClaimList, Claims, Policy, Rules, Tenant};

mod who {
    /// Who asks.
    #[derive(Debug, kysera::Claims)]
    #[kysera(prefix = "shop")]
    pub struct Principal {
        pub user_id: i64,
        /// Where they work.
        pub tenant_id: Option<i64>,
        pub org: String,
        pub team_ids: Vec<i64>,
        pub(crate) roles: std::option::Option<std::vec::Vec<String>>,
        pub r#type: Option<Vec<u8>>,
        #[kysera(setting = "jwt.hr")]
        pub is_hr: bool,
        pub role: Role,
        #[kysera(skip)]
        pub request: Request,
        pub limit: i64,
    }

    /// No column has this type.
    #[derive(Debug, Clone)]
    pub struct Role;

    #[derive(Debug)]
    pub struct Request;
}

use who::Principal;

/// Rules alone.
#[derive(Debug, Repository)]
#[kysera::plugin(rls(context = who::Principal))]
#[kysera(table = "notes")]
struct Note {
    #[kysera(id)]
    id: i64,
    author_id: i64,
    team_id: Option<i64>,
    amount: i64,
}

impl Policy<Principal> for Note {
    fn rules() -> Rules<Self, Principal> {
        Rules::new()
            .owner(Note::AUTHOR_ID, Principal::USER_ID)
            .allow("team", Action::Read, Principal::TEAM_IDS.contains(Note::TEAM_ID))
            .check("small", Action::WRITES, |who: &Principal| Note::AMOUNT.le(who.limit))
    }
}

/// In front of the derive, a tenant alone.
#[kysera::plugin(rls(tenant(tenant_id)), timestamps)]
#[derive(Debug, Repository)]
struct Plain {
    #[kysera(id)]
    id: i64,
    tenant_id: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A tenant of a context, and constants elsewhere.
#[derive(Debug, Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id)), soft_delete, version)]
#[kysera(columns = InvoiceColumns, unique(tenant_id, number), has_many(lines = Line::INVOICE_ID))]
struct Invoice {
    #[kysera(id)]
    id: i64,
    #[kysera(filterable)]
    tenant_id: i64,
    number: i64,
    version: i32,
    deleted_at: Option<DateTime<Utc>>,
}

/// Another claim, rules, and backends.
#[derive(Debug, Repository)]
#[kysera::plugin(rls(context = Principal, tenant(org_id = Principal::ORG), rules))]
#[kysera(backend(Sqlite, Postgres))]
struct Line {
    #[kysera(id)]
    id: i64,
    org_id: Option<String>,
    invoice_id: i64,
    /// No keyword as a name.
    r#type: i64,
}

impl Policy<Principal> for Line {
    fn rules() -> Rules<Self, Principal> {
        Rules::new().admin(Principal::IS_HR)
    }
}

/// Rules beside a tenant that is the whole context.
#[derive(Debug, Repository)]
#[kysera::plugin(rls(rules, tenant(r#type)))]
struct Kind {
    #[kysera(id)]
    id: i64,
    r#type: i32,
}

impl Policy<Tenant<i32>> for Kind {
    fn rules() -> Rules<Self, Tenant<i32>> {
        Rules::new().allow("all", Action::Read, Filter::all([]))
    }
}

/// Columns that not everybody reads and writes.
#[derive(Debug, Repository)]
#[kysera(context = Principal)]
struct Employee {
    #[kysera(id)]
    id: i64,
    #[kysera(
        read_if = Self::ID.eq(Principal::USER_ID) | Principal::IS_HR.holds(),
        write_if = Principal::IS_HR.holds()
    )]
    salary: Option<i64>,
    #[kysera(read_if = Principal::IS_HR.holds(), mask = "***", filterable, sortable)]
    iban: String,
    #[kysera(default, write_if = Principal::ROLES.includes("boss"))]
    grade: i32,
    #[kysera(read_only, read_if = Employee::GRADE.lt(3), mask = 0)]
    bonus: i64,
}

async fn reach(db: Db<Sqlite>, who: Principal) -> kysera::Result<()> {
    let who = db.clone().with_context(who);
    let _ = Note::repo(&who).create(NewNote { author_id: 1, team_id: None, amount: 3 }).await?;
    let _ = Invoice::repo(&who).create(NewInvoice { number: 3 }).await?;
    let _ = Invoice::repo(&who).find().with(InvoiceColumns::LINES).all().await?;
    let _ = Invoice::repo(&who).restore(1).await?;
    let _ = Line::repo(&who).update(1, LinePatch::new().invoice_id(3).r#type(4)).await?;
    let _ = Employee::repo(&who).find().filter(Employee::query_schema().filter_str("{}")?).all().await?;
    let _ = Plain::repo(db.clone().with_context(Tenant("a".to_owned()))).create(NewPlain {}).await?;
    let _ = Kind::repo(&db.clone().with_context(Tenant(3))).find().all().await?;
    let _ = Note::repo(db.unrestricted("a test")).count().await?;
    Ok(())
}

fn main() {
    let _: Claim<Principal, i64> = Principal::TENANT_ID;
    let _: Claim<Principal, Vec<u8>> = Principal::TYPE;
    let _: ClaimList<Principal, String> = Principal::ROLES;
    let _: Claim<Principal, who::Role> = Principal::ROLE;
    assert_eq!(Principal::TYPE.name(), "type");
    assert_eq!(Principal::CLAIMS.len(), 9);
    let _: Vec<_> = [Note::ID.name(), Plain::ID.name()].into();
    let _ = reach;
    let request = who::Request;
    let who = Principal {
        user_id: 1,
        tenant_id: None,
        org: String::new(),
        team_ids: vec![],
        roles: None,
        r#type: None,
        is_hr: false,
        role: who::Role,
        request,
        limit: 3,
    };
    let _ = (format!("{who:?}"), who.limit);
}
