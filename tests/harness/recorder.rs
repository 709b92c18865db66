//! The recorder hears every statement, whole and in order, and nobody else's.

use kysera_tests::recorder::record;
use kysera_tests::{Ddl, Fixture};
use sqlx::Sqlite;

#[tokio::test]
async fn texts_are_whole_and_in_order() {
    let db = Fixture::<Sqlite>::new(&Ddl::NONE).await;
    let mut conn = db.connection().await;
    let short = "SELECT 1";
    let long = "SELECT 1  AS a, 2 AS b,\n  3 AS c";
    let (_, texts) = record(async {
        for sql in [short, long, short] {
            sqlx::query(sql).fetch_all(&mut *conn).await.unwrap();
        }
    })
    .await;
    assert_eq!(texts, [short, long, short]);
}

#[tokio::test]
async fn a_span_within_belongs_to_the_recording() {
    let db = Fixture::<Sqlite>::new(&Ddl::NONE).await;
    let (_, texts) = record(async {
        let span = tracing::info_span!("within");
        tracing::Instrument::instrument(db.execute("SELECT 2"), span).await;
    })
    .await;
    assert_eq!(texts, ["SELECT 2"]);
}

#[tokio::test]
async fn recordings_side_by_side_do_not_mix() {
    let (a, b, c) = tokio::join!(
        Fixture::<Sqlite>::new(&Ddl::NONE),
        Fixture::<Sqlite>::new(&Ddl::NONE),
        Fixture::<Sqlite>::new(&Ddl::NONE)
    );
    let ((_, one), (_, two), _) = tokio::join!(
        record(a.execute("SELECT 'one'")),
        record(b.execute("SELECT 'two'")),
        c.execute("SELECT 'not recorded'")
    );
    assert_eq!(one, ["SELECT 'one'"]);
    assert_eq!(two, ["SELECT 'two'"]);
}
