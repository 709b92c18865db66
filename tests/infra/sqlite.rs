//! What a service needs around its database, on SQLite.

pub type DB = sqlx::Sqlite;

mod cases;

/// The process has one handler for each signal, so that this is one test, of one binary.
#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_the_work_and_not_the_program() {
    use futures_util::FutureExt;
    use kysera::infra::Shutdown;
    use kysera_tests::{Ddl, Fixture};

    for signal in ["-TERM", "-INT"] {
        let db = Fixture::<DB>::new(&Ddl::NONE).await;
        let shutdown = Shutdown::new(db.source());
        let mut end = shutdown.on_signal().boxed();
        assert!((&mut end).now_or_never().is_none(), "nobody has sent one");
        assert!(!shutdown.has_begun() && db.source().acquire().await.is_ok());
        let sent =
            std::process::Command::new("kill").args([signal, &std::process::id().to_string()]).status();
        assert!(sent.unwrap().success());
        assert!(end.await.unwrap().is_clean());
        assert!(shutdown.has_begun() && db.source().acquire().await.is_err());
    }
}
