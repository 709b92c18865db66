//! Many tenants on one pool, at the same time: everyone reads and writes their own rows and tries those of others, by sessions that
//! share connections and statements, in transactions, and by futures that are dropped halfway. Nothing crosses over.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use kysera::backend::{Backend, Dialect};
use kysera::plugin::AuditEntry;
use kysera::prelude::*;
use kysera::{Conflict, Error, Result};

use super::hunter_model::Random;
use super::world::*;
use crate::DB;

const TENANTS: u64 = 8;
/// 20,000 in all.
const CALLS: u64 = 2500;
const CONNECTIONS: u32 = 4;
/// How many rows everyone begins with.
const ROWS: i64 = 5;

/// Everyone has keys of their own, and everything that is theirs says so.
fn key(tenant: i64, number: i64) -> i64 {
    tenant * 1_000_000 + number
}

fn slug(tenant: i64, number: i64) -> String {
    format!("of {tenant}: {number}")
}

fn is_of(tenant: i64, doc: &Doc) -> bool {
    (doc.tenant_id, doc.owner_id, doc.amount, doc.id / 1_000_000) == (tenant, tenant * 10, tenant, tenant)
        && doc.slug.starts_with(&format!("of {tenant}: "))
}

struct Caller {
    random: Random,
    tenant: i64,
    next: i64,
}

impl Caller {
    fn who(&mut self) -> Principal {
        let who = Principal::new(self.tenant, self.tenant * 10);
        if self.random.chance(30) { who.admin() } else { who }
    }

    fn fresh(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// One call of some kind. What it answers is the tenant's own.
    async fn call<S: Writable<Database = DB, Context = Principal>>(&mut self, source: &S) -> Result<()> {
        let (docs, comments) = (Doc::repo(source), Comment::repo(source));
        let tenant = self.tenant;
        let other = 1 + (tenant - 1 + self.random.id(TENANTS - 1)) % TENANTS as i64;
        let (mine, theirs) =
            (key(tenant, self.random.id(ROWS as u64)), key(other, self.random.id(ROWS as u64)));
        let patch = || DocPatch::new().amount(tenant);
        let number = self.fresh();
        let new = |number: i64| NewDoc {
            slug: slug(tenant, number),
            amount: tenant,
            ..new_doc(key(tenant, number), tenant * 10)
        };
        let unless_missing = |answer: Result<Doc>| match answer {
            Err(Error::NotFound { .. }) => Ok(()), // it is deleted just now
            answer => answer.map(|doc| assert!(is_of(tenant, &doc), "{doc:?}")),
        };
        match self.random.next(18) {
            0 => {
                let all = docs.find().with_deleted().all().await?;
                assert!(all.iter().all(|doc| is_of(tenant, doc)), "{tenant}: {all:?}");
                assert!(all.len() >= ROWS as usize);
            }
            1 => assert_eq!(docs.find().filter(!Doc::TENANT_ID.eq(tenant)).with_deleted().count().await?, 0),
            2 => {
                assert_eq!(docs.find_by_id(theirs).await?, None);
                assert!(docs.find_by_ids([mine, theirs]).await?.iter().all(|doc| is_of(tenant, doc)));
            }
            3 => unless_missing(docs.update(mine, patch()).await)?,
            4 => match docs.update(theirs, patch()).await {
                Err(Error::NotFound { .. }) => {}
                Err(error) if error.is_transient() => return Err(error),
                answer => panic!("{answer:?}"),
            },
            5 => {
                docs.find().filter(Doc::SLUG.starts_with("of ")).update(patch()).await?;
            }
            6 => {
                docs.create(new(number)).await?;
            }
            7 => {
                docs.insert_many([new(number), new(self.fresh())]).await?;
            }
            8 => {
                docs.delete(mine).await?;
            }
            9 => {
                assert!(!docs.delete(theirs).await?);
                assert_eq!(docs.purge_many([theirs]).await?, 0);
            }
            10 => {
                docs.find().only_deleted().filter(Doc::ID.le(key(99, 0))).restore().await?;
            }
            11 => match docs
                .upsert(
                    new(self.random.id(ROWS as u64)),
                    Conflict::on(Doc::SLUG).update(Doc::AMOUNT).restore(),
                )
                .await
            {
                Ok(doc) => assert!(is_of(tenant, &doc), "{doc:?}"),
                Err(error) => return Err(error),
            },
            12 => {
                let new = NewDoc { slug: slug(other, self.random.id(ROWS as u64)), ..new(number) };
                match docs.upsert(new, Conflict::on(Doc::SLUG).update(Doc::AMOUNT).restore()).await {
                    Err(Error::Denied { .. }) => {}
                    Err(error) if error.is_transient() => return Err(error),
                    answer => panic!("{answer:?}"),
                }
            }
            13 => {
                let body = slug(tenant, number);
                let comment = comments
                    .create(NewComment { doc_id: if number % 2 == 0 { mine } else { theirs }, body })
                    .await?;
                assert_eq!(comment.tenant_id, Some(tenant));
                let loaded =
                    comments.find().order_by(Comment::ID.desc()).limit(10).with(Comment::DOC).all().await?;
                for (comment, doc) in loaded {
                    assert!(
                        comment.tenant_id == Some(tenant) && comment.body.starts_with(&slug(tenant, 0)[..5]),
                        "{comment:?}"
                    );
                    assert!(doc.is_none_or(|doc| is_of(tenant, &doc)));
                }
            }
            14 => {
                let tenants =
                    docs.find().with_deleted().select(Doc::TENANT_ID).group_by(Doc::TENANT_ID).all().await?;
                assert_eq!(tenants, [tenant]);
            }
            15 => {
                assert_eq!(docs.history(theirs).count().await?, 0);
                let log = docs.audit_log().order_by(AuditEntry::ID.desc()).limit(10).all().await?;
                let actor = (tenant * 10).to_string();
                assert!(log.iter().all(|entry| entry.actor.as_ref() == Some(&actor)), "{log:?}");
            }
            16 => {
                docs.find().with_deleted().filter(Doc::ID.gt(key(tenant, ROWS))).purge().await?;
            }
            _ => {
                let page = docs.find().keyset(Keyset::first(3).with_total()).await?;
                assert!(page.items.iter().all(|doc| is_of(tenant, doc)), "{page:?}");
            }
        }
        Ok(())
    }
}

/// What a future answers, if it does within so many polls. It is dropped then.
async fn cut<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_crosses_over_between_tenants_that_share_a_pool() {
    let fixture = shared_world(CONNECTIONS).await;
    for tenant in 1..=TENANTS as i64 {
        for number in 1..=ROWS {
            let (id, slug, owner) = (key(tenant, number), slug(tenant, number), tenant * 10);
            let values = format!("{id}, {tenant}, {owner}, NULL, '{slug}', 'draft', {tenant}, 1, 1, 1, NULL");
            fixture.execute(&format!("INSERT INTO docs VALUES ({values})")).await;
        }
    }
    let (done, dropped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> = (1..=TENANTS)
        .map(|tenant| {
            let (db, done, dropped) = (db(&fixture), done.clone(), dropped.clone());
            tokio::spawn(async move {
                let random = Random(0x51_7cc1_b727_220a ^ tenant);
                let mut caller = Caller { random, tenant: tenant as i64, next: 1000 };
                let mut calls = 0;
                while calls < CALLS {
                    let session = db.clone().with_context(caller.who());
                    let polls = if caller.random.chance(20) { caller.random.next(12) } else { u64::MAX };
                    let in_transaction = caller.random.chance(25);
                    let answer = if in_transaction {
                        calls += 3;
                        let ends_well = caller.random.chance(70);
                        let work = async {
                            let tx = session.begin().await?;
                            for _ in 0..3 {
                                caller.call(&tx).await?;
                            }
                            if ends_well { tx.commit().await } else { tx.rollback().await }
                        };
                        cut(polls, work).await
                    } else {
                        calls += 1;
                        cut(polls, caller.call(&session)).await
                    };
                    match answer {
                        Some(Ok(())) => done.fetch_add(1, Ordering::Relaxed),
                        None => dropped.fetch_add(1, Ordering::Relaxed),
                        Some(Err(error)) if error.is_transient() => 0,
                        Some(Err(error)) => panic!("tenant {tenant}: {error:?}"),
                    };
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (done, dropped) = (done.load(Ordering::Relaxed), dropped.load(Ordering::Relaxed));
    assert!(
        done > TENANTS * CALLS / 4 && dropped > TENANTS * CALLS / 50,
        "{done} done, {dropped} dropped: no crowd"
    );

    // As stored: everything is still whose it was, and was written by them.
    let system = db(&fixture).unrestricted("who has what");
    let docs = Doc::repo(&system).find().with_deleted().all().await.unwrap();
    assert!(docs.iter().all(|doc| is_of(doc.id / 1_000_000, doc)), "{docs:?}");
    for tenant in 1..=TENANTS as i64 {
        assert!((1..=ROWS).all(|number| docs.iter().any(|doc| doc.id == key(tenant, number))));
    }
    let text = if DB::DIALECT == Dialect::MySql { "SIGNED" } else { "BIGINT" };
    let others = format!(
        "SELECT COUNT(*) FROM audit_logs WHERE CAST(actor AS {text}) / 10 <> CAST(entity_id AS {text}) / 1000000"
    );
    let others = if DB::DIALECT == Dialect::MySql { others.replace(" / ", " DIV ") } else { others };
    assert_eq!(fixture.scalar::<i64>(&others).await, 0);
    let comments = Comment::repo(&system).find_all().await.unwrap();
    let of = |comment: &Comment| format!("of {}: ", comment.tenant_id.unwrap());
    assert!(comments.iter().all(|comment| comment.body.starts_with(&of(comment))));
    assert!(!comments.is_empty());
}
