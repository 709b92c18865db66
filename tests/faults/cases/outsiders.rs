//! Who else uses sqlx's pool, and who waits beside whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kysera::prelude::*;

use super::*;

/// They get their turns however busy the database is, and as long as they do not wait for each other they are never
/// many statements behind.
async fn outsiders_get_their_turns() {
    const ASKED: u64 = 100;
    let outside = bank(2, 3).await;
    let db = outside.connect(outside.options(), 4).await;
    let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let busy: Vec<_> = (0..64)
        .map(|_| {
            let (db, over, done) = (db.clone(), over.clone(), done.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    Account::repo(&db).get(1).await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    until("they do not begin", async || done.load(Ordering::Relaxed) > 200).await;
    for _ in 0..ASKED {
        drop(db.pool().acquire().await.unwrap());
    }
    let meanwhile = done.load(Ordering::Relaxed);
    over.store(true, Ordering::Relaxed);
    for task in busy {
        task.await.unwrap();
    }
    let turned = db.metrics().turned;
    assert!(turned > 0, "they got none of ours");
    assert!(meanwhile > ASKED, "the database went on beside them");
    eprintln!("{meanwhile} statements while {ASKED} outsiders were served; {turned} turns");
    is_whole(&db).await;
}

#[tokio::test]
async fn outsiders_get_their_turns_on_one_thread() {
    outsiders_get_their_turns().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outsiders_get_their_turns_on_two_threads() {
    outsiders_get_their_turns().await;
}

/// First come, first served: when everybody asks again and again, everybody is served as often.
async fn everybody_is_served_as_often() {
    const TASKS: usize = 64;
    let outside = bank(2, 3).await;
    let db = outside.connect(outside.options(), 4).await;
    let left = Arc::new(AtomicU64::new(6000));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (db, left) = (db.clone(), left.clone());
            tokio::spawn(async move {
                let mut done = 0_u64;
                let spend = |left: u64| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok() {
                    Account::repo(&db).get(1).await.unwrap();
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut served = Vec::new();
    for task in tasks {
        served.push(task.await.unwrap());
    }
    served.sort_unstable();
    let (least, median, most) = (served[0], served[TASKS / 2], served[TASKS - 1]);
    eprintln!("served: least {least}, median {median}, most {most}");
    assert!(least * 10 >= median * 8, "{served:?}");
    is_whole(&db).await;
}

#[tokio::test]
async fn everybody_is_served_as_often_on_one_thread() {
    everybody_is_served_as_often().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_served_as_often_on_two_threads() {
    everybody_is_served_as_often().await;
}
