//! What row-level security costs, beside the same conditions by hand.

use kysera::prelude::*;
use kysera::rls::{Action, Claims, Policy, Rules};

#[derive(Clone, Claims)]
pub(crate) struct Principal {
    pub(crate) tenant_id: i64,
    pub(crate) user_id: i64,
    pub(crate) team_ids: Vec<i64>,
}

/// Without a policy.
#[derive(Debug, Repository)]
#[kysera(table = "bench_open")]
pub(crate) struct Open {
    #[kysera(id, assigned)]
    pub(crate) id: i64,
    pub(crate) tenant_id: i64,
    pub(crate) owner_id: i64,
    pub(crate) n: i64,
}

/// Of tenants.
#[derive(Debug, Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id)))]
#[kysera(table = "bench_open")]
pub(crate) struct Rented {
    #[kysera(id, assigned)]
    pub(crate) id: i64,
    pub(crate) tenant_id: i64,
    pub(crate) owner_id: i64,
    pub(crate) n: i64,
}

/// With rules of its own.
#[derive(Debug, Repository)]
#[kysera::plugin(rls(context = Principal, tenant(tenant_id), rules))]
#[kysera(table = "bench_open")]
pub(crate) struct Ruled {
    #[kysera(id, assigned)]
    pub(crate) id: i64,
    pub(crate) tenant_id: i64,
    pub(crate) owner_id: i64,
    pub(crate) n: i64,
}

impl Policy<Principal> for Ruled {
    fn rules() -> Rules<Self, Principal> {
        Rules::new()
            .owner(Ruled::OWNER_ID, Principal::USER_ID)
            .allow("team", Action::Read, Principal::TEAM_IDS.contains(Ruled::OWNER_ID))
            .deny("negative", Action::WRITES, Ruled::N.lt(0))
            .check("bounded", Action::WRITES, Ruled::N.lt(1 << 40))
    }
}

/// The cases, for one database. `$returning`: whether an UPDATE answers the row.
macro_rules! rls {
    ($module:ident, $db:ty, $returning:literal) => {
        pub(crate) mod $module {
            use std::sync::atomic::{AtomicI64, Ordering};

            use kysera::prelude::*;
            use sqlx::{AssertSqlSafe, Database, Pool};

            use super::{NewOpen, Open, OpenPatch, Principal, Rented, RentedPatch, Ruled, RuledPatch};
            use crate::Spelling;
            use crate::report::{contender, measure};

            type DB = $db;
            type Row = (i64, i64, i64, i64);

            fn sql(text: &str) -> &'static str {
                <DB as Spelling>::literal(text.to_owned())
            }

            const ROWS: i64 = 1000;

            /// Another value for another row each time.
            fn next() -> (i64, i64) {
                static NEXT: AtomicI64 = AtomicI64::new(1);
                let n = NEXT.fetch_add(1, Ordering::Relaxed);
                (n % ROWS + 1, n)
            }

            pub(crate) async fn run(url: &str, only: &str) {
                let db = Db::<DB>::builder().connect(url).await.unwrap();
                let drop = "DROP TABLE IF EXISTS bench_open";
                db.raw_sql(drop).await.unwrap();
                let table = "CREATE TABLE bench_open (id BIGINT PRIMARY KEY, tenant_id BIGINT NOT NULL, owner_id BIGINT NOT NULL, \
                             n BIGINT NOT NULL)";
                db.raw_sql(AssertSqlSafe(table)).await.unwrap();
                let rows = (1..=ROWS).map(|id| NewOpen { id, tenant_id: 1, owner_id: 7, n: 0 });
                Open::repo(&db).insert_many(rows).await.unwrap();
                let who = Principal { tenant_id: 1, user_id: 7, team_ids: vec![1, 2, 3] };
                let session: &'static Db<DB, Principal> = Box::leak(Box::new(db.clone().with_context(who)));
                let db: &'static Db<DB> = Box::leak(Box::new(db));
                let options = sqlx::pool::PoolOptions::<DB>::new().max_connections(2).test_before_acquire(false);
                let pool: &'static Pool<DB> = Box::leak(Box::new(options.connect(url).await.unwrap()));
                reads(db, session, pool, only).await;
                updates(db, session, pool, only).await;
                db.raw_sql(drop).await.unwrap();
            }

            async fn reads(
                db: &'static Db<DB>,
                session: &'static Db<DB, Principal>,
                pool: &'static Pool<DB>,
                only: &str,
            ) {
                let by_hand = sql("SELECT id, tenant_id, owner_id, n FROM bench_open WHERE id = ? AND tenant_id = ?");
                let ways = vec![
                    contender("sqlx, with the tenant", move || async move {
                        let row = sqlx::query_as::<_, Row>(by_hand).bind(next().0).bind(1_i64).fetch_optional(pool);
                        usize::from(row.await.unwrap().is_some())
                    }),
                    contender("kysera, no policy", move || async move {
                        usize::from(Open::repo(db).find_by_id(next().0).await.unwrap().is_some())
                    }),
                    contender("kysera, tenant", move || async move {
                        usize::from(Rented::repo(session).find_by_id(next().0).await.unwrap().is_some())
                    }),
                    contender("kysera, tenant and four rules", move || async move {
                        usize::from(Ruled::repo(session).find_by_id(next().0).await.unwrap().is_some())
                    }),
                ];
                measure(DB::NAME, "rls: a row by its key", only, (200, 20), ways).await;
            }

            async fn updates(
                db: &'static Db<DB>,
                session: &'static Db<DB, Principal>,
                pool: &'static Pool<DB>,
                only: &str,
            ) {
                let text = "UPDATE bench_open SET n = ? WHERE id = ? AND tenant_id = ?";
                let update = match $returning {
                    true => sql(&format!("{text} RETURNING id, tenant_id, owner_id, n")),
                    false => sql(text),
                };
                let read = sql("SELECT id, tenant_id, owner_id, n FROM bench_open WHERE id = ? FOR UPDATE");
                let ways = vec![
                    contender("sqlx, with the tenant", move || async move {
                        let (id, n) = next();
                        if $returning {
                            let row = sqlx::query_as::<_, Row>(update).bind(n).bind(id).bind(1_i64);
                            return usize::from(row.fetch_one(pool).await.unwrap().0 == id);
                        }
                        let mut tx = pool.begin().await.unwrap();
                        sqlx::query(update).bind(n).bind(id).bind(1_i64).execute(&mut *tx).await.unwrap();
                        let row: Row = sqlx::query_as(read).bind(id).fetch_one(&mut *tx).await.unwrap();
                        tx.commit().await.unwrap();
                        usize::from(row.0 == id)
                    }),
                    contender("kysera, no policy", move || async move {
                        let (id, n) = next();
                        usize::from(Open::repo(db).update(id, OpenPatch::new().n(n)).await.unwrap().id == id)
                    }),
                    contender("kysera, tenant", move || async move {
                        let (id, n) = next();
                        usize::from(Rented::repo(session).update(id, RentedPatch::new().n(n)).await.unwrap().id == id)
                    }),
                    contender("kysera, tenant and four rules", move || async move {
                        let (id, n) = next();
                        usize::from(Ruled::repo(session).update(id, RuledPatch::new().n(n)).await.unwrap().id == id)
                    }),
                ];
                measure(DB::NAME, "rls: an update", only, (200, 20), ways).await;
            }
        }
    };
}

rls!(sqlite, sqlx::Sqlite, true);
rls!(postgres, sqlx::Postgres, true);
rls!(mysql, sqlx::MySql, false);
