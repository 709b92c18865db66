//! Policies of PostgreSQL itself: what a role that owns nothing sees and writes by SQL of its own is what kysera's own statements
//! let the same caller do.

use kysera::prelude::*;
use kysera::rls::native::NativePolicies;
use kysera::rls::{Action, Claims, Policy, Rules};
use kysera::{Db, Error, ErrorCode};
use kysera_tests::Ddl;
use sqlx::Postgres;
use sqlx::types::Uuid;
use sqlx::types::chrono::{DateTime, Utc};

use crate::native_role::Guest;

/// A type of the database's own.
#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type)]
#[sqlx(type_name = "rank", rename_all = "snake_case")]
pub enum Rank {
    Junior,
    TeamLead,
}

/// Who asks, in every type that a claim may have.
#[derive(Debug, Clone, Claims)]
pub struct Who {
    pub user_id: Option<i64>,
    pub name: String,
    pub team_ids: Vec<i64>,
    pub labels: Vec<String>,
    pub is_admin: bool,
    pub badge: Option<Uuid>,
    pub rank: Rank,
    pub since: DateTime<Utc>,
}

impl Who {
    pub fn new(user_id: i64) -> Self {
        Self {
            user_id: Some(user_id),
            name: NAMES[0].into(),
            team_ids: Vec::new(),
            labels: Vec::new(),
            is_admin: false,
            badge: None,
            rank: Rank::Junior,
            since: day(1),
        }
    }
}

/// What a literal or a setting might be cut by.
const NAMES: [&str; 4] = ["plain", "it's \"x\"", "back\\slash {1,2}", "NULL"];

fn day(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_706_745_600_000_007 + day * 86_400_000_000).unwrap()
}

/// A table and columns whose names have to be quoted.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(rls(context = Who))]
#[kysera(table = "ca\"se file")]
pub struct Case {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(rename = "own\"er")]
    pub owner_id: Option<i64>,
    pub author: String,
    #[kysera(belongs_to(team = Squad::ID))]
    pub team_id: Option<i64>,
    pub label: String,
    pub badge: Option<Uuid>,
    pub rank: Rank,
    pub opened: DateTime<Utc>,
    pub status: String,
}

impl Policy<Who> for Case {
    fn rules() -> Rules<Self, Who> {
        let squad = Squad::CREW.any(Crew::USER_ID.eq(Who::USER_ID));
        Rules::new()
            .owner(Case::OWNER_ID, Who::USER_ID)
            .admin(Who::IS_ADMIN)
            .allow("team", [Action::Read, Action::Update], Who::TEAM_IDS.contains(Case::TEAM_ID))
            // Two rules with one name, and one with a name that PostgreSQL would cut.
            .allow("same", Action::Read, Case::AUTHOR.eq(Who::NAME))
            .allow("same", [Action::Read, Action::Delete], Case::BADGE.eq(Who::BADGE))
            .allow(
                "it's a \"label\" \\ of a name that is longer than the 63 bytes which PostgreSQL tells apart, ünd söme",
                Action::ALL,
                Who::LABELS.contains(Case::LABEL),
            )
            .allow(
                "it's a \"label\" \\ of a name that is longer than the 63 bytes which PostgreSQL tells apart, or not",
                Action::Create,
                Who::LABELS.includes("a{b}\"'\\") & Case::RANK.eq(Who::RANK),
            )
            .allow("crew", [Action::Read, Action::Create], Case::TEAM.any(squad.clone()))
            .allow(
                "crew above",
                Action::Read,
                Case::TEAM.any(Squad::PARENT.any_deep(Squad::NAME.ne("none") & squad)),
            )
            .restrict("opened", [Action::Read, Action::Update], Case::OPENED.ge(Who::SINCE))
            .restrict("no leads", Action::Delete, !Case::RANK.eq(Rank::TeamLead) | Who::RANK.is(Rank::TeamLead))
            .deny("closed", [Action::Update, Action::Delete], Case::STATUS.in_(["closed", "it's \\ over"].map(String::from)))
            .deny("sealed", Action::Read, Case::LABEL.eq(","))
            .deny("banned", Action::Create, Case::AUTHOR.eq("NULL"))
            .check("status", Action::WRITES, Case::STATUS.ne("secret"))
    }
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "squads", has_many(crew = Crew::SQUAD_ID))]
pub struct Squad {
    #[kysera(id, assigned)]
    pub id: i64,
    pub name: String,
    #[kysera(belongs_to(parent = Squad::ID))]
    pub parent_id: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "crew")]
pub struct Crew {
    #[kysera(id)]
    pub squad_id: i64,
    #[kysera(id)]
    pub user_id: i64,
}

pub const CASES: Ddl = Ddl {
    postgres: r#"CREATE TYPE rank AS ENUM ('junior', 'team_lead');
        CREATE TABLE "ca""se file" (id BIGINT PRIMARY KEY, "own""er" BIGINT, author TEXT NOT NULL, team_id BIGINT, label TEXT NOT NULL,
            badge UUID, rank rank NOT NULL, opened TIMESTAMPTZ NOT NULL, status TEXT NOT NULL);
        CREATE TABLE squads (id BIGINT PRIMARY KEY, name TEXT NOT NULL, parent_id BIGINT);
        CREATE TABLE crew (squad_id BIGINT NOT NULL, user_id BIGINT NOT NULL, PRIMARY KEY (squad_id, user_id));
        INSERT INTO squads VALUES (1, 'all', NULL), (2, 'tech', 1), (3, 'web', 2), (4, 'none', NULL), (5, 'below none', 4);
        INSERT INTO crew VALUES (1, 3), (2, 2), (4, 3), (5, 4)"#,
    ..Ddl::NONE
};

/// Deterministic, and different from row to row.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }
}

fn badge(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

const LABELS: [&str; 4] = ["x", "a{b}\"'\\", ",", "NULL"];
const STATES: [&str; 7] = ["open", "open", "open", "open", "closed", "it's \\ over", "secret"];

fn any_case(id: i64, random: &mut Lcg) -> NewCase {
    NewCase {
        id,
        owner_id: random.of(&[None, Some(1), Some(2), Some(3), Some(4)]),
        author: random.of(&NAMES).into(),
        team_id: random.of(&[None, Some(1), Some(2), Some(3), Some(4), Some(5)]),
        label: random.of(&LABELS).into(),
        badge: random.of(&[None, Some(badge(1)), Some(badge(2))]),
        rank: random.of(&[Rank::Junior, Rank::TeamLead]),
        opened: random.of(&[day(1), day(2), day(20)]),
        status: random.of(&STATES).into(),
    }
}

fn anyone(random: &mut Lcg) -> Who {
    let some = |random: &mut Lcg, from: &[i64]| {
        let number = random.below(3);
        (0..number).map(|_| random.of(from)).collect::<Vec<_>>()
    };
    Who {
        user_id: random.of(&[None, Some(1), Some(2), Some(3), Some(4)]),
        name: random.of(&NAMES).into(),
        team_ids: some(random, &[1, 2, 3, 4]),
        labels: some(random, &[0, 1, 2, 3])
            .into_iter()
            .map(|at| LABELS[usize::try_from(at).unwrap()].into())
            .collect(),
        is_admin: random.below(5) == 0,
        badge: random.of(&[None, Some(badge(1)), Some(badge(2))]),
        rank: random.of(&[Rank::Junior, Rank::TeamLead]),
        since: random.of(&[day(1), day(1), day(2), day(20)]),
    }
}

/// What a patch makes of a row, once more as SQL.
fn any_patch(random: &mut Lcg) -> (CasePatch, &'static str, Case) {
    let row = any_case(0, random);
    let patch = CasePatch::new();
    let (patch, set) = match random.below(5) {
        0 => (patch.owner_id(row.owner_id), r#""own""er" = $2"#),
        1 => (patch.team_id(row.team_id), "team_id = $4"),
        2 => (patch.status(row.status.clone()), "status = $9"),
        3 => (patch.label(row.label.clone()).author(row.author.clone()), "label = $5, author = $3"),
        _ => (patch.opened(row.opened).rank(row.rank).badge(row.badge), "opened = $8, rank = $7, badge = $6"),
    };
    (patch, set, stored(row))
}

fn stored(new: NewCase) -> Case {
    let NewCase { id, owner_id, author, team_id, label, badge, rank, opened, status } = new;
    Case { id, owner_id, author, team_id, label, badge, rank, opened, status }
}

/// With all columns as arguments, whether or not the SQL names them all.
fn bound<'q>(
    sql: String,
    id: i64,
    row: &Case,
) -> sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments> {
    let every = "WITH every AS (SELECT $1::bigint, $2::bigint, $3::text, $4::bigint, $5::text, $6::uuid, $7::rank, $8::timestamptz, $9::text)";
    sqlx::query(sqlx::AssertSqlSafe(format!("{every} {sql}")))
        .bind(id)
        .bind(row.owner_id)
        .bind(row.author.clone())
        .bind(row.team_id)
        .bind(row.label.clone())
        .bind(row.badge)
        .bind(row.rank)
        .bind(row.opened)
        .bind(row.status.clone())
}

/// Whether a statement, as this source sends it, writes a row; what it does is undone.
async fn writes<C: Send + Sync + 'static>(db: &Db<Postgres, C>, sql: String, id: i64, row: &Case) -> bool {
    let tx = db.begin().await.unwrap();
    let result = {
        let mut conn = tx.connection().await.unwrap();
        bound(sql.clone(), id, row).execute(&mut *conn).await
    };
    let written = match result {
        Ok(done) => done.rows_affected() == 1,
        Err(error) => {
            let error = Error::from(error);
            assert_eq!(error.code(), ErrorCode::Forbidden, "{sql}: {error}");
            false
        }
    };
    tx.rollback().await.unwrap();
    written
}

/// The same of a statement of kysera's.
fn wrote<T>(result: Result<T, Error>) -> bool {
    match result {
        Ok(_) => true,
        Err(Error::Denied { .. } | Error::NotFound { .. }) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn sql_of_ones_own_may_do_what_kyseras_statements_may() {
    let guest = Guest::of(&CASES).await;
    let owner = guest.owner();
    NativePolicies::of::<Case>().install(&owner).await.unwrap();
    let mut random = Lcg(7);
    let system = owner.unrestricted("what is there");
    let rows: Vec<Case> =
        Case::repo(&system).create_many((1..=14).map(|id| any_case(id, &mut random))).await.unwrap();
    // How often each of them may do something, and how often not: a policy that says the same of everything would show nothing.
    let mut tally = [[0; 2]; 4];
    let mut hidden_afterwards = 0;
    for _ in 0..20 {
        let who = anyone(&mut random);
        let ours = owner.clone().with_context(who.clone());
        let app = guest.app.clone().with_context(who.clone()).with_claims();

        let seen: Vec<i64> =
            Case::repo(&ours).find().order_by(Case::ID.asc()).select(Case::ID).all().await.unwrap();
        let tx = app.begin().await.unwrap();
        let raw: Vec<i64> = {
            let mut conn = tx.connection().await.unwrap();
            sqlx::query_scalar(r#"SELECT id FROM "ca""se file" ORDER BY id"#)
                .fetch_all(&mut *conn)
                .await
                .unwrap()
        };
        tx.rollback().await.unwrap();
        assert_eq!(raw, seen, "{who:?}");
        tally[0][0] += seen.len();
        tally[0][1] += rows.len() - seen.len();

        for row in &rows {
            let tx = ours.begin().await.unwrap();
            let deletes = Case::repo(&tx).delete(row.id).await;
            let deletes = deletes.as_ref().is_ok_and(|deleted| *deleted) && wrote(deletes);
            tx.rollback().await.unwrap();
            let raw = writes(&app, r#"DELETE FROM "ca""se file" WHERE id = $1"#.into(), row.id, row).await;
            assert_eq!(raw, deletes, "deleting {row:?} as {who:?}");
            tally[3][usize::from(!deletes)] += 1;

            let (patch, set, to) = any_patch(&mut random);
            let tx = ours.begin().await.unwrap();
            let mut updates = wrote(Case::repo(&tx).update(row.id, patch.clone()).await);
            tx.rollback().await.unwrap();
            if updates {
                // A statement with a WHERE reads, and PostgreSQL wants what it reads to be readable afterwards as well.
                let tx = ours.begin().await.unwrap();
                let sql = format!(r#"UPDATE "ca""se file" SET {set} WHERE id = $1"#);
                bound(sql, row.id, &to).execute(&mut *tx.connection().await.unwrap()).await.unwrap();
                let seen = Case::repo(&tx).exists(row.id).await.unwrap();
                tx.rollback().await.unwrap();
                hidden_afterwards += usize::from(!seen);
                updates &= seen;
            }
            let sql = format!(r#"UPDATE "ca""se file" SET {set} WHERE id = $1"#);
            let raw = writes(&app, sql, row.id, &to).await;
            assert_eq!(raw, updates, "{set} of {row:?} to {to:?} as {who:?}");
            tally[2][usize::from(!updates)] += 1;

            let new = any_case(100, &mut random);
            let tx = ours.begin().await.unwrap();
            let creates = wrote(Case::repo(&tx).create(new.clone()).await);
            tx.rollback().await.unwrap();
            let sql = r#"INSERT INTO "ca""se file" SELECT * FROM every"#.into();
            let raw = writes(&app, sql, 100, &stored(new.clone())).await;
            assert_eq!(raw, creates, "creating {new:?} as {who:?}");
            tally[1][usize::from(!creates)] += 1;
        }
    }
    assert!(tally.as_flattened().iter().all(|times| *times > 10), "{tally:?}");
    assert!(hidden_afterwards > 0);
}
