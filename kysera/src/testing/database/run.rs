use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;

use super::{Ask, Place, TestDatabase};
use crate::error::Result;
use crate::migrate::Migrator;
use crate::source::Db;

/// How long connections that a test has left somewhere are waited for.
const LEFT_OVER: Duration = Duration::from_secs(2);

/// What a test is to find, as [`test`](crate::test) has it.
#[doc(hidden)]
pub struct Spec<DB: TestDatabase> {
    /// `shop::tests::creates_a_user`
    pub path: &'static str,
    pub migrations: Migrations<DB>,
    /// Names and SQL.
    pub fixtures: &'static [(&'static str, &'static str)],
    pub setup: Option<Setup<DB>>,
    pub url: &'static str,
    pub threads: usize,
    pub connections: u32,
    pub file: bool,
}

/// Fills what the migrations and fixtures have left empty.
type Setup<DB> = fn(Db<DB>) -> BoxFuture<'static, Result<()>>;

/// Where the tables come from.
#[doc(hidden)]
pub enum Migrations<DB: TestDatabase> {
    None,
    /// A folder that need not be there.
    Default(&'static str),
    Folder(&'static str),
    Code(fn() -> BoxFuture<'static, Result<Migrator<DB>>>),
}

/// Runs a test with a database of its own, which is removed afterwards, whatever has become of the test.
#[doc(hidden)]
#[allow(clippy::panic, reason = "it is how tests fail")]
pub fn run<DB, F, Fut>(spec: Spec<DB>, test: F) -> Fut::Output
where
    DB: TestDatabase,
    F: FnOnce(Db<DB>) -> Fut,
    Fut: Future,
{
    let mut builder = match spec.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(threads);
            builder
        }
    };
    let runtime = builder
        .enable_all()
        .build()
        .unwrap_or_else(|error| panic!("the test `{}` has no runtime: {error}", spec.path));
    runtime.block_on(async {
        let place = place(&spec).await.unwrap_or_else(|error| {
            panic!("the database of the test `{}` cannot be made: {error}", spec.path)
        });
        let Place { db, remove } = place;
        let end = AssertUnwindSafe(test(db.clone())).catch_unwind().await;
        // Connections that the test has left with a task of its own are not waited for.
        let _ = tokio::time::timeout(LEFT_OVER, db.close()).await;
        let removed = remove.await;
        match (end, removed) {
            (Ok(out), Ok(())) => out,
            (Ok(_), Err(error)) => {
                panic!("the database of the test `{}` cannot be removed: {error}", spec.path)
            }
            (Err(panic), _) => resume_unwind(panic as Box<dyn Any + Send>),
        }
    })
}

async fn place<DB: TestDatabase>(spec: &Spec<DB>) -> Result<Place<DB>> {
    let migrator = match spec.migrations {
        Migrations::None => None,
        Migrations::Default(folder) if !std::path::Path::new(folder).is_dir() => None,
        Migrations::Default(folder) | Migrations::Folder(folder) => Some(Migrator::from_dir(folder).await?),
        Migrations::Code(migrator) => Some(migrator().await?),
    };
    let hash = hash(spec, migrator.as_ref());
    let ask = Ask { url: spec.url, hash: &hash, connections: spec.connections, file: spec.file };
    let migrator = &migrator;
    let fill = |db: Db<DB>| -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if let Some(migrator) = migrator {
                migrator.up(&db).await?;
            }
            for (_, fixture) in spec.fixtures {
                db.raw_sql(AssertSqlSafe(*fixture)).await?;
            }
            if let Some(setup) = spec.setup {
                setup(db.clone()).await?;
            }
            db.close().await;
            Ok(())
        })
    };
    DB::place(&ask, &fill).await
}

/// Of everything that a template is made of. What is written in Rust shows in the program alone.
fn hash<DB: TestDatabase>(spec: &Spec<DB>, migrator: Option<&Migrator<DB>>) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    for (version, checksum) in migrator.into_iter().flat_map(Migrator::checksums) {
        add(&version.to_le_bytes());
        add(checksum);
    }
    for (_, fixture) in spec.fixtures {
        add(fixture.as_bytes());
    }
    if spec.setup.is_some() || matches!(spec.migrations, Migrations::Code(_)) {
        let program = std::env::current_exe().ok();
        let made = program.as_deref().and_then(|program| program.metadata().ok());
        let made = made.and_then(|file| Some((file.len(), file.modified().ok()?)));
        add(format!("{program:?} {made:?} {:?}", spec.setup.map(|setup| setup as usize)).as_bytes());
    }
    hash.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}
