//! Replicas behind PgBouncer, which here stands before the primary.

use kysera::prelude::*;
use kysera::source::PgBouncer;
use kysera_tests::pooler;

use crate::DB;

fn primary() -> String {
    std::env::var("KYSERA_POSTGRES_URL").unwrap()
}

#[tokio::test]
async fn the_mode_that_fits() {
    let mode = pooler::mode().await;
    let builder = Db::<DB>::builder().pgbouncer(mode);
    let source = builder.primary(&pooler::url()).replica(&pooler::url()).connect().await.unwrap();
    assert_eq!(source.replicas()[0].left_out, None);
    let position = source.position().await.unwrap();
    let tx = source.replica().at_least(position).begin().await.unwrap();
    let one: i32 = sqlx::query_scalar("SELECT 1")
        .persistent(false)
        .fetch_one(&mut *tx.connection().await.unwrap())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!((one, source.replicas()[0].served), (1, 1));
}

/// Rows of someone else's could come of it.
#[tokio::test]
async fn one_that_does_not_fit_is_left_out() {
    let unnamed = Db::<DB>::builder().primary(&primary()).replica(&pooler::url()).connect().await.unwrap();
    let why = unnamed.replicas().remove(0).left_out.unwrap();
    assert!(why.contains("PgBouncer"), "{why}");

    let refused = Db::<DB>::builder().pgbouncer(PgBouncer::Prepared).connect(&pooler::url()).await.err();
    let settings = Db::builder().pgbouncer(PgBouncer::Prepared);
    let cluster = Db::<DB>::builder().primary(&primary()).replica_settings(settings).replica(&pooler::url());
    let source = cluster.connect().await.unwrap();
    let left_out = source.replicas().remove(0).left_out;
    assert_eq!(left_out, refused.map(|error| error.to_string()));
}
