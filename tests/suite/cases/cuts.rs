//! Queries of several statements and updates whose futures are dropped after some polls, within transactions: the
//! transaction goes on or says that it is lost, and nothing is half written.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use kysera::backend::{Backend, Dialect};
use kysera::error::TransactionError;
use kysera::prelude::*;
use kysera::{Error, Tx};

use super::compositions_world::*;
use crate::DB;

/// What a future answers, if it does within so many polls. It is dropped then.
async fn cut<F: Future>(polls: usize, future: F) -> Option<F::Output> {
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

/// One call, of a kind that the number picks.
async fn call<S: Writable<Database = DB, Context = ()>>(source: &S, kind: usize) -> kysera::Result<()> {
    let (users, posts) = (User::repo(source), Post::repo(source));
    match kind {
        0 => {
            let load = (User::POSTS.with((Post::COMMENTS, Post::TAGS)), User::REPORTS, User::EDITED.limit(2));
            assert_eq!(users.find().with(load).all().await?.len(), 9);
        }
        1 => {
            let page =
                posts.find().order_by(Post::COMMENTS.count().desc()).page(PageRequest::new(2, 5)).await?;
            assert_eq!((page.items.len(), page.total), (5, 21));
        }
        2 => {
            let first = posts.find().keyset(Keyset::first(2)).await?;
            // Behind the end, which takes a second statement.
            let last = posts.find().keyset(Keyset::first(50).after(first.next)).await?;
            let find = posts.find().filter(Post::ID.lt(0)).with(Post::AUTHOR);
            let none = find.keyset(Keyset::first(2).after(last.prev).with_total()).await?;
            assert_eq!((last.items.len(), none.items.len()), (19, 0));
        }
        3 => {
            let changed = users.find().set(User::AGE, User::REPORTS.count().plus(1000)).execute().await?;
            assert_eq!(changed, 9);
        }
        _ => {
            let find = users.find().filter(User::MANAGER.any(Filter::all([])) | User::ID.gt(0));
            assert_eq!(find.update(UserPatch::new().age(1000)).await?, 9);
        }
    }
    Ok(())
}

const KINDS: usize = 5;

/// All rows have the new value, or none.
async fn whole<S: Source<Database = DB, Context = ()>>(source: &S) -> kysera::Result<bool> {
    let changed = User::repo(source).find().filter(User::AGE.ge(1000)).count().await?;
    assert!(changed == 0 || changed == 9, "{changed} of 9 rows were changed");
    Ok(changed == 9)
}

fn lost(error: &Error) -> bool {
    matches!(error, Error::Transaction(TransactionError::Poisoned | TransactionError::Failed))
        || matches!(error.code(), kysera::ErrorCode::ConnectionFailed)
}

#[tokio::test]
async fn a_transaction_goes_on_or_says_that_it_is_lost() {
    let (db, _) = world().await;
    let db = db.source();
    let mut cuts = 0;
    for kind in 0..KINDS {
        for polls in 0..40 {
            let tx: Tx<DB> = db.begin().await.unwrap();
            User::repo(&tx)
                .create(NewUser { id: 100, name: "x".into(), age: None, manager_id: None })
                .await
                .unwrap();
            User::repo(&tx).find().filter(User::ID.eq(100)).delete().await.unwrap();
            Tag::repo(&tx).create(NewTag { id: 100, label: "mark".into() }).await.unwrap();
            let done = cut(polls, call(&tx, kind)).await;
            if let Some(result) = &done {
                result.as_ref().unwrap();
            } else {
                cuts += 1;
            }
            let commit = polls % 2 == 0;
            let goes_on = match whole(&tx).await {
                Ok(changed) => {
                    // As good as before.
                    Tag::repo(&tx).create(NewTag { id: 101, label: "mark".into() }).await.unwrap();
                    if commit {
                        tx.commit().await.unwrap()
                    } else {
                        tx.rollback().await.unwrap()
                    }
                    Some(changed)
                }
                Err(error) => {
                    assert!(done.is_none() && lost(&error), "kind {kind}, {polls} polls: {error:?}");
                    assert!(DB::DIALECT == Dialect::MySql, "kind {kind}, {polls} polls: {error:?}");
                    tx.commit().await.unwrap_err();
                    None
                }
            };
            let kept = goes_on.filter(|_| commit);
            assert_eq!(whole(db).await.unwrap(), kept == Some(true), "kind {kind}, {polls} polls");
            let marks = Tag::repo(db).find().filter(Tag::LABEL.eq("mark")).delete().await.unwrap();
            assert_eq!(marks, if kept.is_some() { 2 } else { 0 }, "kind {kind}, {polls} polls");
            User::repo(db).find().update(UserPatch::new().age(1)).await.unwrap();
            if done.is_some() && polls > 2 {
                break;
            }
        }
    }
    assert!(cuts >= KINDS, "{cuts} futures were cut");
    // The only connection, or a new one in its place.
    db.acquire().await.unwrap();
}

#[tokio::test]
async fn a_pool_goes_on() {
    let (db, _) = world().await;
    let db = db.source();
    for kind in 0..KINDS {
        for polls in 0..40 {
            let done = cut(polls, call(db, kind)).await;
            // The only connection, or a new one in its place.
            whole(db).await.unwrap();
            let loaded = User::repo(db).find().with(User::POSTS).all().await.unwrap();
            assert!(loaded.iter().any(|(_, posts)| !posts.is_empty()));
            User::repo(db).find().update(UserPatch::new().age(1)).await.unwrap();
            if done.is_some() && polls > 2 {
                break;
            }
        }
    }
}
