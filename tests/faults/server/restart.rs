//! A server that is stopped and started again, with callers before, meanwhile and afterwards.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use kysera::backend::{Backend, Dialect};
use kysera::error::TransactionError;
use kysera::prelude::*;

use super::*;
use crate::cases::until;

/// A server of this test's own.
struct Server {
    folder: PathBuf,
    name: &'static str,
    variable: &'static str,
}

impl Server {
    fn up() -> Self {
        let (name, variable) = match DB::DIALECT {
            Dialect::Postgres => ("postgres", "KYSERA_POSTGRES_URL"),
            _ => ("mysql", "KYSERA_MYSQL_URL"),
        };
        let folder = std::env::temp_dir().join(format!("kysera-restart-{name}-{}", std::process::id()));
        let server = Server { folder, name, variable };
        server.services(&["up"]);
        server
    }

    fn services(&self, arguments: &[&str]) -> String {
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/services.sh"));
        script.args(arguments).env("KYSERA_SERVICES_DIR", &self.folder);
        // The other servers are those that there are.
        let out = script.env_remove(self.variable).output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    fn url(&self) -> String {
        let all = self.services(&["env"]);
        let start = format!("export {}='", self.variable);
        let line = all.lines().find_map(|line| line.strip_prefix(&start)).expect("a URL");
        line.trim_end_matches('\'').into()
    }

    async fn stop(&self) {
        tokio::task::block_in_place(|| self.services(&["stop", self.name]));
    }

    async fn start(&self) {
        tokio::task::block_in_place(|| self.services(&["start", self.name]));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.services(&["down"]);
    }
}

const CONNECTIONS: u32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives() {
    let server = tokio::task::block_in_place(Server::up);
    let db = Db::<DB>::builder().max_connections(CONNECTIONS).connect(&server.url()).await.unwrap();
    db.raw_sql("CREATE TABLE accounts (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL)").await.unwrap();
    db.raw_sql(
        "CREATE TABLE transfers (id BIGINT PRIMARY KEY, from_id BIGINT NOT NULL, to_id BIGINT NOT NULL, amount BIGINT NOT NULL)",
    )
    .await
    .unwrap();

    // Callers who go on whatever happens, and remember what they were told.
    let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let tasks: Vec<_> = (0..8_i64)
        .map(|task| {
            let (db, over, done) = (db.clone(), over.clone(), done.clone());
            tokio::spawn(async move {
                let mut told = Vec::new();
                let mut id = task * 1_000_000;
                while !over.load(Ordering::Relaxed) {
                    id += 1;
                    match db.transaction(|tx| async move { create(&tx, id).await }).await {
                        Ok(()) => {
                            done.fetch_add(1, Ordering::Relaxed);
                            told.push((id, Some(true)));
                        }
                        Err(Error::Transaction(TransactionError::OutcomeUnknown { .. })) => {
                            told.push((id, None))
                        }
                        Err(error) => {
                            assert!(error.is_outage() || error.is_transient(), "{error:?}");
                            told.push((id, Some(false)));
                        }
                    }
                    tokio::task::yield_now().await;
                }
                told
            })
        })
        .collect();
    let goes_on = async || {
        let before = done.load(Ordering::Relaxed);
        until("it does not go on", async || done.load(Ordering::Relaxed) > before + 100).await;
    };
    for _ in 0..2 {
        goes_on().await;
        server.stop().await;
        server.start().await;
        goes_on().await;
    }
    over.store(true, Ordering::Relaxed);
    let mut told = Vec::new();
    for task in tasks {
        told.extend(task.await.unwrap());
    }
    // Full size, and right answers.
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        all.push(db.acquire().await.unwrap());
    }
    let mut there = Vec::new();
    for conn in &all {
        let transfers = Transfer::repo(conn);
        there = transfers.find().order_by(Transfer::ID.asc()).all().await.unwrap();
    }
    let there: std::collections::HashSet<_> = there.iter().map(|transfer| transfer.id).collect();
    let count = |fate| told.iter().filter(|(_, told)| *told == fate).count();
    eprintln!("{} done, {} refused, {} unknown", count(Some(true)), count(Some(false)), count(None));
    for (id, fate) in &told {
        assert!(fate.is_none_or(|fate| fate == there.contains(id)), "{id}: {fate:?}");
    }
    assert!(there.iter().all(|id| told.iter().any(|(told, _)| told == id)));
    assert_eq!(db.metrics().size, CONNECTIONS);
    drop(all);
    db.close().await;
}
