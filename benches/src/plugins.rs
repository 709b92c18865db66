//! What plugins cost, beside the same by hand.

use kysera::prelude::*;
use sqlx::types::chrono::{DateTime, Utc};

/// Without plugins.
#[derive(Debug, Repository)]
#[kysera(table = "bench_plain")]
pub(crate) struct Plain {
    #[kysera(id, assigned)]
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) n: i64,
}

/// With three of them.
#[derive(Debug, Repository)]
#[kysera::plugin(soft_delete, timestamps, version)]
#[kysera(table = "bench_kept")]
pub(crate) struct Kept {
    #[kysera(id, assigned)]
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) n: i64,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

/// With a log.
#[derive(Debug, Repository)]
#[kysera::plugin(audit(table = "bench_log"))]
#[kysera(table = "bench_logged")]
pub(crate) struct Logged {
    #[kysera(id, assigned)]
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) n: i64,
}

/// The cases, for one database. `$returning`: whether an UPDATE answers the row.
macro_rules! plugins {
    ($module:ident, $db:ty, $lock:literal, $returning:literal) => {
        pub(crate) mod $module {
            use std::sync::atomic::{AtomicI64, Ordering};

            use kysera::prelude::*;
            use sqlx::types::chrono::{DateTime, Utc};
            use sqlx::{AssertSqlSafe, Database, Pool};

            use super::{Kept, KeptPatch, Logged, LoggedPatch, NewKept, NewLogged, NewPlain, Plain, PlainPatch};
            use crate::Spelling;
            use crate::report::{contender, measure};

            type DB = $db;

            fn sql(text: &str) -> &'static str {
                <DB as Spelling>::literal(text.to_owned())
            }

            const ROWS: i64 = 1000;

            /// Another value for another row each time, so that each update changes something.
            fn next() -> (i64, i64) {
                static NEXT: AtomicI64 = AtomicI64::new(1);
                let n = NEXT.fetch_add(1, Ordering::Relaxed);
                (n % ROWS + 1, n)
            }

            async fn drop_tables(db: &Db<DB>) {
                for table in ["bench_plain", "bench_kept", "bench_logged", "bench_log"] {
                    db.raw_sql(AssertSqlSafe(format!("DROP TABLE IF EXISTS {table}"))).await.unwrap();
                }
            }

            pub(crate) async fn run(url: &str, only: &str) {
                let db = Db::<DB>::builder().connect(url).await.unwrap();
                drop_tables(&db).await;
                let (text, time) = (<DB as Spelling>::TEXT, <DB as Spelling>::TIME);
                for table in [
                    format!("CREATE TABLE bench_plain (id BIGINT PRIMARY KEY, name {text} NOT NULL, n BIGINT NOT NULL)"),
                    format!("CREATE TABLE bench_logged (id BIGINT PRIMARY KEY, name {text} NOT NULL, n BIGINT NOT NULL)"),
                    format!(
                        "CREATE TABLE bench_kept (id BIGINT PRIMARY KEY, name {text} NOT NULL, n BIGINT NOT NULL, \
                         version BIGINT NOT NULL, created_at {time} NOT NULL, updated_at {time} NOT NULL, deleted_at {time} NULL)"
                    ),
                ] {
                    db.raw_sql(AssertSqlSafe(table)).await.unwrap();
                }
                kysera::plugin::audit::AuditTable::new("bench_log").create(&db).await.unwrap();
                let name = |id| format!("Name {id}");
                Plain::repo(&db).insert_many((1..=ROWS).map(|id| NewPlain { id, name: name(id), n: 0 })).await.unwrap();
                Kept::repo(&db).insert_many((1..=ROWS).map(|id| NewKept { id, name: name(id), n: 0 })).await.unwrap();
                Logged::repo(&db).insert_many((1..=ROWS).map(|id| NewLogged { id, name: name(id), n: 0 })).await.unwrap();
                let db: &'static Db<DB> = Box::leak(Box::new(db));
                let options = sqlx::pool::PoolOptions::<DB>::new().max_connections(2).test_before_acquire(false);
                let pool: &'static Pool<DB> = Box::leak(Box::new(options.connect(url).await.unwrap()));
                reads(db, pool, only).await;
                updates(db, pool, only).await;
                logged(db, pool, only).await;
                drop_tables(db).await;
            }

            async fn reads(db: &'static Db<DB>, pool: &'static Pool<DB>, only: &str) {
                let kept = sql(
                    "SELECT id, name, n, version, created_at, updated_at, deleted_at FROM bench_kept WHERE id = ? AND deleted_at IS NULL",
                );
                type Row = (i64, String, i64, i64, DateTime<Utc>, DateTime<Utc>, Option<DateTime<Utc>>);
                let ways = vec![
                    contender("sqlx, with the condition", move || async move {
                        let row = sqlx::query_as::<_, Row>(kept).bind(next().0).fetch_optional(pool);
                        usize::from(row.await.unwrap().is_some())
                    }),
                    contender("kysera, soft_delete", move || async move {
                        usize::from(Kept::repo(db).find_by_id(next().0).await.unwrap().is_some())
                    }),
                ];
                measure(DB::NAME, "plugins: a live row", only, (200, 20), ways).await;
            }

            async fn updates(db: &'static Db<DB>, pool: &'static Pool<DB>, only: &str) {
                let by_hand: &[&str] = if $returning {
                    &["UPDATE bench_kept SET n = ?, updated_at = ?, version = version + 1 WHERE id = ? AND deleted_at IS NULL \
                       RETURNING id, name, n, version, created_at, updated_at, deleted_at"]
                } else {
                    &[
                        "UPDATE bench_kept SET n = ?, updated_at = ?, version = version + 1 WHERE id = ? AND deleted_at IS NULL",
                        "SELECT id, name, n, version, created_at, updated_at, deleted_at FROM bench_kept WHERE id = ? FOR UPDATE",
                    ]
                };
                let by_hand: Vec<&'static str> = by_hand.iter().map(|text| sql(text)).collect();
                let by_hand: &'static [&'static str] = by_hand.leak();
                type Row = (i64, String, i64, i64, DateTime<Utc>, DateTime<Utc>, Option<DateTime<Utc>>);
                let ways = vec![
                    contender("sqlx, the same assignments", move || async move {
                        let (id, n) = next();
                        let row: Row = if $returning {
                            let row = sqlx::query_as(by_hand[0]).bind(n).bind(Utc::now()).bind(id);
                            row.fetch_one(pool).await.unwrap()
                        } else {
                            let mut tx = pool.begin().await.unwrap();
                            let done = sqlx::query(by_hand[0]).bind(n).bind(Utc::now()).bind(id);
                            done.execute(&mut *tx).await.unwrap();
                            let row = sqlx::query_as(by_hand[1]).bind(id).fetch_one(&mut *tx).await.unwrap();
                            tx.commit().await.unwrap();
                            row
                        };
                        usize::from(row.0 == id)
                    }),
                    contender("kysera, no plugin", move || async move {
                        let (id, n) = next();
                        let row = Plain::repo(db).update(id, PlainPatch::new().n(n)).await.unwrap();
                        usize::from(row.id == id)
                    }),
                    contender("kysera, soft_delete, timestamps, version", move || async move {
                        let (id, n) = next();
                        let row = Kept::repo(db).update(id, KeptPatch::new().n(n)).await.unwrap();
                        usize::from(row.id == id)
                    }),
                ];
                measure(DB::NAME, "plugins: an update", only, (200, 20), ways).await;
            }

            async fn logged(db: &'static Db<DB>, pool: &'static Pool<DB>, only: &str) {
                let old = sql(concat!("SELECT id, name, n FROM bench_logged WHERE id = ?", $lock));
                let update = sql("UPDATE bench_logged SET n = ? WHERE id = ?");
                let log = sql(
                    "INSERT INTO bench_log (table_name, entity_id, operation, old_values, new_values, changed_at) \
                     VALUES (?, ?, ?, ?, ?, ?)",
                );
                let ways = vec![
                    contender("sqlx: a transaction that reads, writes and logs", move || async move {
                        let (id, n) = next();
                        let mut tx = pool.begin().await.unwrap();
                        let row: (i64, String, i64) =
                            sqlx::query_as(old).bind(id).fetch_one(&mut *tx).await.unwrap();
                        sqlx::query(update).bind(n).bind(id).execute(&mut *tx).await.unwrap();
                        let json = |n: i64| sqlx::types::Json(Logged { id, name: row.1.clone(), n }.as_json());
                        let entry = sqlx::query(log).bind("bench_logged").bind(id.to_string()).bind("update");
                        let entry = entry.bind(json(row.2)).bind(json(n)).bind(Utc::now());
                        entry.execute(&mut *tx).await.unwrap();
                        tx.commit().await.unwrap();
                        usize::from(row.0 == id)
                    }),
                    contender("kysera, audit", move || async move {
                        let (id, n) = next();
                        let row = Logged::repo(db).update(id, LoggedPatch::new().n(n)).await.unwrap();
                        usize::from(row.id == id)
                    }),
                ];
                measure(DB::NAME, "plugins: an update with its log", only, (100, 10), ways).await;
            }
        }
    };
}

impl Logged {
    fn as_json(&self) -> std::collections::BTreeMap<&'static str, String> {
        [("id", self.id.to_string()), ("name", self.name.clone()), ("n", self.n.to_string())].into()
    }
}

plugins!(sqlite, sqlx::Sqlite, "", true);
plugins!(postgres, sqlx::Postgres, " FOR UPDATE", true);
plugins!(mysql, sqlx::MySql, " FOR UPDATE", false);
