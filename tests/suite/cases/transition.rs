//! `transition`: from one state to another, once.

use std::sync::Arc;

use kysera::prelude::*;
use kysera::{Error, ErrorCode};
use kysera_tests::{Ddl, Fixture};

use super::entities::*;
use crate::DB;

/// A state that may be NULL, a key of two columns, a rule on a column, a check on the state.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "jobs", validate)]
pub struct Job {
    #[kysera(id, assigned)]
    pub queue: i64,
    #[kysera(id, assigned)]
    pub number: i64,
    pub state: Option<String>,
    #[kysera(unique)]
    pub worker: Option<String>,
    #[kysera(read_only)]
    pub tries: i64,
}

impl Validate for NewJob {}
impl Validate for JobPatch {
    fn validate(&self) -> Result<(), Invalid> {
        match &self.worker {
            Some(Some(worker)) if worker.is_empty() => Err(Invalid::field("worker", "must not be empty")),
            _ => Ok(()),
        }
    }
}

const JOBS: Ddl = Ddl {
    postgres: "CREATE TABLE jobs (
        queue BIGINT NOT NULL, number BIGINT NOT NULL, state TEXT CHECK (state <> 'forbidden'), worker TEXT UNIQUE,
        tries BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (queue, number))",
    mysql: "CREATE TABLE jobs (
        queue BIGINT NOT NULL, number BIGINT NOT NULL, state VARCHAR(20) CHECK (state <> 'forbidden'),
        worker VARCHAR(20) UNIQUE, tries BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (queue, number))",
    sqlite: "CREATE TABLE jobs (
        queue INTEGER NOT NULL, number INTEGER NOT NULL, state TEXT CHECK (state <> 'forbidden'), worker TEXT UNIQUE,
        tries INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (queue, number))",
};

fn job(number: i64, state: Option<&str>) -> NewJob {
    NewJob { queue: 1, number, state: state.map(Into::into), worker: None }
}

#[tokio::test]
async fn a_row_moves_once() {
    let db = Fixture::<DB>::new(&JOBS).await;
    let jobs = Job::repo(db.source());
    let (one, two) =
        (jobs.create(job(1, Some("open"))).await.unwrap(), jobs.create(job(2, Some("open"))).await.unwrap());

    let patch = || JobPatch::new().worker("w");
    let moved = jobs.transition((1, 1), Job::STATE, "open", "running", patch()).await.unwrap();
    let running = Job { state: Some("running".into()), worker: Some("w".into()), ..one };
    assert_eq!(moved.as_ref(), Some(&running));
    // It is in another state, or not there at all.
    assert_eq!(jobs.transition((1, 1), Job::STATE, "open", "running", patch()).await.unwrap(), None);
    assert_eq!(jobs.transition((1, 9), Job::STATE, "open", "running", patch()).await.unwrap(), None);
    assert_eq!(jobs.find_by_ids([(1, 1), (1, 2)]).await.unwrap(), [running.clone(), two]);
    // To where it is.
    let same = jobs.transition((1, 1), Job::STATE, "running", "running", JobPatch::new()).await.unwrap();
    assert_eq!(same, Some(running));
}

#[tokio::test]
async fn null_is_a_state() {
    let db = Fixture::<DB>::new(&JOBS).await;
    let jobs = Job::repo(db.source());
    jobs.create_many([job(1, None), job(2, Some("open"))]).await.unwrap();
    let none = JobPatch::new;
    let opened = jobs.transition((1, 1), Job::STATE, None, "open", none()).await.unwrap();
    assert_eq!(opened.unwrap().state.as_deref(), Some("open"));
    assert_eq!(jobs.transition((1, 2), Job::STATE, None, "x", none()).await.unwrap(), None);
    assert_eq!(jobs.transition((1, 2), Job::STATE, "open", None, none()).await.unwrap().unwrap().state, None);
    assert_eq!(jobs.transition((1, 2), Job::STATE, "open", None, none()).await.unwrap(), None);
    assert!(jobs.transition((1, 2), Job::STATE, None, None, none()).await.unwrap().is_some());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    // There is no table: a statement would be told so.
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let jobs = Job::repo(db.source());
    let none = JobPatch::new;
    let bad = |result: Result<Option<Job>, Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadRequest, "{error:?}");
        error.to_string()
    };
    let twice = bad(jobs.transition((1, 1), Job::STATE, "a", "b", none().state("c")).await);
    assert_eq!(twice, "`state` of Job is set twice: which value should win?");
    let key = bad(jobs.transition((1, 1), Job::NUMBER, 1, 2, none()).await);
    assert_eq!(key, "`number` of Job is part of the key, which never changes");
    let read_only = bad(jobs.transition((1, 1), Job::TRIES, 1, 2, none()).await);
    assert_eq!(read_only, "`tries` of Job is `read_only`: the database alone writes it");
    let rule = jobs.transition((1, 1), Job::STATE, "a", "b", none().worker("")).await.unwrap_err();
    assert!(matches!(&rule, Error::Invalid(invalid) if invalid.errors[0].path == "worker"), "{rule:?}");
}

#[tokio::test]
async fn a_violation_leaves_everything_as_it_was() {
    let db = Fixture::<DB>::new(&JOBS).await;
    let jobs = Job::repo(db.source());
    let one = jobs.create(NewJob { worker: Some("w".into()), ..job(1, Some("open")) }).await.unwrap();
    let two = jobs.create(job(2, Some("open"))).await.unwrap();
    let taken = jobs.transition((1, 2), Job::STATE, "open", "running", JobPatch::new().worker("w")).await;
    assert!(taken.unwrap_err().is_unique_violation_of(Job::WORKER));
    let check = jobs.transition((1, 2), Job::STATE, "open", "forbidden", JobPatch::new().worker("v")).await;
    assert_eq!(check.unwrap_err().code(), ErrorCode::CheckViolation);
    assert_eq!(jobs.find_by_ids([(1, 1), (1, 2)]).await.unwrap(), [one, two]);
}

#[tokio::test]
async fn it_is_rolled_back_with_its_transaction() {
    let db = Fixture::<DB>::new(&JOBS).await;
    Job::repo(db.source()).create(job(1, Some("open"))).await.unwrap();
    let result = db
        .source()
        .transaction(|tx| async move {
            let moved =
                Job::repo(&tx).transition((1, 1), Job::STATE, "open", "running", JobPatch::new()).await?;
            assert!(moved.is_some());
            Err::<(), _>(Error::other("no"))
        })
        .await;
    assert!(result.is_err());
    assert_eq!(Job::repo(db.source()).get((1, 1)).await.unwrap().state.as_deref(), Some("open"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_one_wins() {
    let db = Arc::new(Fixture::<DB>::concurrent(&USERS, 8).await);
    for round in 0..10 {
        let ada = User::repo(db.source()).create(user(format!("{round}@x"), "open")).await.unwrap();
        let start = Arc::new(tokio::sync::Barrier::new(16));
        let workers: Vec<_> = (0..16)
            .map(|worker| {
                let (db, start) = (db.clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    let patch = UserPatch::new().role(worker);
                    User::repo(db.source()).transition(ada.id, User::NAME, "open", "taken", patch).await
                })
            })
            .collect();
        let mut winners = Vec::new();
        for worker in workers {
            winners.extend(worker.await.unwrap().unwrap());
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(User::repo(db.source()).get(ada.id).await.unwrap(), winners[0]);
    }
}
