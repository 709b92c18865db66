//! Writes that wait for a transaction which takes away what they are allowed by: they see what it has made of the rows, their own
//! and those that rules ask for. On SQLite there is nothing to wait with: writers have their turn, and the second one comes after
//! the first.

use std::future::Future;
use std::time::{Duration, Instant};

use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera::{Conflict, Db, Error, Isolation, Result};
use kysera_tests::Fixture;
use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr;
use tokio::task::JoinHandle;

use super::world::{Page, *};
use crate::DB;

/// Until someone waits for a lock, which `second` is to do.
async fn until_someone_waits<T>(fixture: &Fixture<DB>, second: &JoinHandle<T>, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while fixture.waiting().await == 0 {
        assert!(!second.is_finished(), "{what}: it did not wait");
        assert!(Instant::now() < deadline, "{what}: nobody waits");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// What is answered by something that has to wait until the SQL is committed.
pub(super) async fn behind<T: Send + std::fmt::Debug + 'static>(
    fixture: &Fixture<DB>,
    sql: &str,
    second: impl Future<Output = T> + Send + 'static,
) -> T {
    if DB::DIALECT == Dialect::Sqlite {
        fixture.execute(sql).await;
        return second.await;
    }
    let first = db(fixture).begin().await.unwrap();
    DB::raw(&mut first.connection().await.unwrap(), AssertSqlSafe(sql).into_sql_str()).await.unwrap();
    let second = tokio::spawn(second);
    until_someone_waits(fixture, &second, sql).await;
    first.commit().await.unwrap();
    second.await.unwrap()
}

/// Whether it was done; an error says why not.
type Done = Result<bool>;

/// Every way to write a document that is there.
const DOC_WRITES: &[&str] = &[
    "update",
    "update_many",
    "find update",
    "set",
    "touch",
    "touch_many",
    "transition",
    "update_at",
    "save",
    "upsert",
    "upsert_many",
    "delete",
    "delete_many",
    "find delete",
    "purge",
    "purge_many",
    "find purge",
];

async fn write_doc<S: Writable<Database = DB, Context = Principal>>(source: &S, what: &str, id: i64) -> Done {
    let docs = Doc::repo(source);
    let patch = || DocPatch::new().amount(1);
    let this = || docs.find().filter(Doc::ID.eq(id));
    let same = || NewDoc { id: id + 1000, slug: format!("doc-{id}"), amount: 1, ..new_doc(id, 10) };
    let on_slug = || Conflict::on(Doc::SLUG).update(Doc::AMOUNT);
    Ok(match what {
        "update" => docs.update(id, patch()).await.map(|_| true)?,
        "update_many" => docs.update_many([(id, patch())]).await.map(|_| true)?,
        "find update" => this().update(patch()).await? > 0,
        "set" => this().set(Doc::AMOUNT, Doc::AMOUNT.plus(1)).execute().await? > 0,
        "touch" => docs.touch(id).await.map(|_| true)?,
        "touch_many" => docs.touch_many([id]).await? > 0,
        "transition" => docs.transition(id, Doc::STATUS, "draft", "sent", patch()).await?.is_some(),
        "update_at" => docs.update_at(id, 1, patch()).await.map(|_| true)?,
        "save" => {
            let row = Doc {
                id,
                tenant_id: 1,
                owner_id: 10,
                team_id: None,
                slug: format!("doc-{id}"),
                status: "draft".into(),
                amount: 1,
                version: 1,
                created_at: 1,
                updated_at: 1,
                deleted_at: None,
            };
            docs.save(&row).await.map(|_| true)?
        }
        "upsert" => docs.upsert(same(), on_slug()).await.map(|_| true)?,
        "upsert_many" => docs.upsert_many([same()], on_slug()).await.map(|_| true)?,
        "delete" => docs.delete(id).await?,
        "delete_many" => docs.delete_many([id]).await? > 0,
        "find delete" => this().delete().await? > 0,
        "purge" => docs.purge(id).await?,
        "purge_many" => docs.purge_many([id]).await? > 0,
        "find purge" => this().with_deleted().purge().await? > 0,
        "restore" => docs.restore(id).await.map(|_| true)?,
        "restore_many" => docs.restore_many([id]).await? > 0,
        "find restore" => this().restore().await? > 0,
        other => panic!("{other}"),
    })
}

async fn write_doc_of(session: Db<DB, Principal>, what: &'static str, id: i64) -> Done {
    write_doc(&session, what, id).await
}

/// What is taken away from a document's owner, and whether the owner sees the document afterwards.
const TAKEN: [(&str, bool); 4] = [
    ("owner_id = 11", false),
    ("tenant_id = 2", false),
    ("status = 'paid'", true),
    ("owner_id = 11, team_id = 5", true),
];

async fn doc_races(writes: &[&'static str], deleted: bool) {
    let fixture = shared_world(4).await;
    let session = of(&fixture, Principal::new(1, 10).in_teams([5]));
    let deleted = if deleted { "5" } else { "NULL" };
    let mut id = 0;
    for (taken, is_seen) in TAKEN {
        for what in writes {
            id += 1;
            let columns = format!("({id}, 1, 10, NULL, 'doc-{id}', 'draft', 100, 1, 1, 1, {deleted})");
            fixture.execute(&format!("INSERT INTO docs VALUES {columns}")).await;
            let sql = format!("UPDATE docs SET {taken} WHERE id = {id}");
            let done = behind(&fixture, &sql, write_doc_of(session.clone(), what, id)).await;
            let expected = match &done {
                Err(Error::Denied { .. }) => is_seen || what.starts_with("upsert"),
                Err(Error::NotFound { .. } | Error::Missing(_)) => !is_seen,
                Ok(false) => {
                    !is_seen
                        || what.starts_with("find")
                        || *what == "set"
                        || taken.starts_with("status") && *what == "transition"
                }
                _ => false,
            };
            assert!(expected, "{what} behind {taken}: {done:?}");
            let same = format!(
                "SELECT COUNT(*) FROM docs WHERE id = {id} AND amount = 100 AND version = 1 AND updated_at = 1"
            );
            assert_eq!(fixture.scalar::<i64>(&same).await, 1, "{what} behind {taken}");
            let marked = format!("SELECT COUNT(*) FROM docs WHERE id = {id} AND deleted_at IS NOT NULL");
            assert_eq!(
                fixture.scalar::<i64>(&marked).await,
                i64::from(deleted != "NULL"),
                "{what} behind {taken}"
            );
        }
    }
    assert_eq!(fixture.scalar::<i64>("SELECT COUNT(*) FROM audit_logs").await, 0);
    assert_eq!(fixture.scalar::<i64>("SELECT COUNT(*) FROM docs").await, id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_sees_what_has_become_of_its_row_while_it_waited() {
    doc_races(DOC_WRITES, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_does_one_that_makes_rows_live_again() {
    doc_races(&["restore", "restore_many", "find restore"], true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_row_has_become_is_judged_too() {
    let fixture = shared_world(4).await;
    let session = of(&fixture, Principal::new(1, 10));
    fixture.execute("INSERT INTO docs VALUES (1, 1, 10, NULL, 'doc-1', 'draft', 5, 1, 1, 1, NULL)").await;
    let sql = "UPDATE docs SET amount = 5000 WHERE id = 1";
    let done = behind(&fixture, sql, write_doc_of(session, "touch", 1)).await;
    assert!(matches!(&done, Err(Error::Denied { rule: Some(rule), .. }) if rule == "limit"), "{done:?}");
}

/// Every way to write pages, of team 1.
const PAGE_WRITES: &[&str] = &[
    "update",
    "update_many",
    "find update",
    "set",
    "delete",
    "delete_many",
    "find delete",
    "create",
    "create_many",
    "insert_many",
    "upsert",
    "upsert new",
    "upsert_many",
    "move",
    "move_many",
    "find move",
];

async fn write_page<S: Writable<Database = DB, Context = Principal>>(
    source: &S,
    what: &str,
    id: i64,
) -> Done {
    let pages = Page::repo(source);
    let patch = || PagePatch::new().text("mine");
    let moved = || PagePatch::new().team_id(2);
    let this = || pages.find().filter(Page::ID.eq(id));
    let new = |id| NewPage { id, team_id: 1, text: "mine".into() };
    Ok(match what {
        "update" => pages.update(id, patch()).await.map(|_| true)?,
        "update_many" => pages.update_many([(id, patch())]).await.map(|_| true)?,
        "find update" => this().update(patch()).await? > 0,
        "set" => this().set(Page::TEXT, "mine").execute().await? > 0,
        "delete" => pages.delete(id).await?,
        "delete_many" => pages.delete_many([id, id + 1]).await? > 0,
        "find delete" => this().delete().await? > 0,
        "create" => pages.create(new(id + 1000)).await.map(|_| true)?,
        "create_many" => pages.create_many([new(id + 1000), new(id + 2000)]).await.map(|_| true)?,
        "insert_many" => pages.insert_many([new(id + 1000)]).await? > 0,
        "upsert" => pages.upsert(new(id), Page::ID).await.map(|_| true)?,
        "upsert new" => pages.upsert(new(id + 1000), Page::ID).await.map(|_| true)?,
        "upsert_many" => pages.upsert_many([new(id), new(id + 1000)], Page::ID).await.map(|_| true)?,
        "move" => pages.update(id, moved()).await.map(|_| true)?,
        "move_many" => pages.update_many([(id, moved())]).await.map(|_| true)?,
        "find move" => this().update(moved()).await? > 0,
        other => panic!("{other}"),
    })
}

/// Two teams, with 10 as an editor of both and 11 of none.
async fn team() -> Fixture<DB> {
    let fixture = shared_world(4).await;
    fixture.execute("INSERT INTO teams VALUES (1, 'one', NULL), (2, 'two', NULL), (3, 'three', NULL)").await;
    fixture.execute("INSERT INTO members VALUES (1, 10, 'editor'), (2, 10, 'editor')").await;
    fixture
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_that_is_taken_away_is_waited_for() {
    let fixture = team().await;
    let taken = [
        (
            "DELETE FROM members WHERE team_id = 1 AND user_id = 10",
            "INSERT INTO members VALUES (1, 10, 'editor')",
        ),
        (
            "UPDATE members SET role = 'reader' WHERE team_id = 1 AND user_id = 10",
            "UPDATE members SET role = 'editor' WHERE team_id = 1 AND user_id = 10",
        ),
        ("DELETE FROM teams WHERE id = 1", "INSERT INTO teams VALUES (1, 'one', NULL)"),
    ];
    for (taken, given) in taken {
        for what in PAGE_WRITES {
            fixture.execute("INSERT INTO pages VALUES (1, 1, 'theirs')").await;
            let session = of(&fixture, Principal::new(1, 10));
            let done = behind(&fixture, taken, async move { write_page(&session, what, 1).await }).await;
            match &done {
                Ok(false) | Err(Error::Denied { .. } | Error::NotFound { .. } | Error::Missing(_)) => {}
                done => panic!("{what} behind {taken}: {done:?}"),
            }
            let stored = fixture.column::<String>("SELECT text FROM pages WHERE team_id = 1").await;
            assert_eq!(stored, ["theirs"], "{what} behind {taken}");
            fixture.execute(given).await;
            fixture.execute("DELETE FROM pages").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_is_one_of_the_team_that_a_page_moves_to() {
    let fixture = team().await;
    let taken = "DELETE FROM members WHERE team_id = 2 AND user_id = 10";
    for what in ["move", "move_many", "find move"] {
        fixture.execute("INSERT INTO pages VALUES (1, 1, 'theirs')").await;
        let session = of(&fixture, Principal::new(1, 10));
        let done = behind(&fixture, taken, async move { write_page(&session, what, 1).await }).await;
        assert!(matches!(done, Err(Error::Denied { .. })), "{what}: {done:?}");
        assert_eq!(fixture.column::<i64>("SELECT team_id FROM pages").await, [1], "{what}");
        fixture.execute("INSERT INTO members VALUES (2, 10, 'editor')").await;
        fixture.execute("DELETE FROM pages").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_moved_away_is_out_of_reach() {
    let fixture = team().await;
    for what in PAGE_WRITES
        .iter()
        .filter(|what| !what.contains("create") && !matches!(**what, "insert_many" | "upsert new"))
    {
        fixture.execute("INSERT INTO pages VALUES (1, 1, 'theirs')").await;
        let session = of(&fixture, Principal::new(1, 10));
        let taken = "UPDATE pages SET team_id = 3 WHERE id = 1";
        let done = behind(&fixture, taken, async move { write_page(&session, what, 1).await }).await;
        match &done {
            Ok(false) | Err(Error::NotFound { .. } | Error::Missing(_)) => {}
            Err(Error::Denied { .. }) if what.starts_with("upsert") => {}
            done => panic!("{what}: {done:?}"),
        }
        let stored = fixture.column::<String>("SELECT text FROM pages WHERE team_id = 3").await;
        assert_eq!(stored, ["theirs"], "{what}");
        fixture.execute("DELETE FROM pages").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_stays_until_what_it_allows_is_committed() {
    if DB::DIALECT == Dialect::Sqlite {
        return; // a writer has the database for itself: there is nothing that could come in between
    }
    let fixture = team().await;
    for what in PAGE_WRITES {
        fixture.execute("INSERT INTO pages VALUES (1, 1, 'theirs')").await;
        let first = of(&fixture, Principal::new(1, 10)).begin().await.unwrap();
        assert!(write_page(&first, what, 1).await.unwrap(), "{what}");
        let others = db(&fixture);
        let second = tokio::spawn(async move {
            others.raw_sql("DELETE FROM members WHERE team_id = 1 AND user_id = 10").await
        });
        until_someone_waits(&fixture, &second, what).await;
        first.commit().await.unwrap();
        second.await.unwrap().unwrap();
        fixture.execute("INSERT INTO members VALUES (1, 10, 'editor')").await;
        fixture.execute("DELETE FROM pages").await;
    }
}

/// What was done with an old view of the tables: nothing.
fn is_refused(done: &Done) -> bool {
    match done {
        Ok(false) | Err(Error::Denied { .. } | Error::NotFound { .. } | Error::Missing(_)) => true,
        Ok(true) => false,
        // MySQL, where the reason is asked for with the old view.
        Err(Error::NotStored { .. } | Error::Stale { .. }) => DB::DIALECT == Dialect::MySql,
        // PostgreSQL says that the view is too old.
        Err(error) => error.is_transient(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_with_an_old_view_of_the_tables_writes_nothing_by_it() {
    if DB::DIALECT == Dialect::Sqlite {
        return; // nobody writes while a transaction is open that may write
    }
    let fixture = team().await;
    let session = of(&fixture, Principal::new(1, 10));
    for what in PAGE_WRITES {
        fixture.execute("INSERT INTO pages VALUES (1, 1, 'theirs')").await;
        let tx = session.begin().isolation(Isolation::RepeatableRead).await.unwrap();
        assert_eq!(Page::repo(&tx).count().await.unwrap(), 1);
        fixture.execute("DELETE FROM members WHERE team_id = 1 AND user_id = 10").await;
        let done = write_page(&tx, what, 1).await;
        assert!(is_refused(&done), "{what}: {done:?}");
        let _ = tx.commit().await; // it may be over
        let stored = fixture.column::<String>("SELECT text FROM pages WHERE team_id = 1").await;
        assert_eq!(stored, ["theirs"], "{what}");
        fixture.execute("INSERT INTO members VALUES (1, 10, 'editor')").await;
        fixture.execute("DELETE FROM pages").await;
    }
    for (taken, _) in TAKEN {
        for what in DOC_WRITES {
            fixture
                .execute("INSERT INTO docs VALUES (1, 1, 10, NULL, 'doc-1', 'draft', 100, 1, 1, 1, NULL)")
                .await;
            let tx = session.begin().isolation(Isolation::RepeatableRead).await.unwrap();
            assert_eq!(Doc::repo(&tx).count().await.unwrap(), 1);
            fixture.execute(&format!("UPDATE docs SET {taken} WHERE id = 1")).await;
            let done = write_doc(&tx, what, 1).await;
            assert!(is_refused(&done), "{what} behind {taken}: {done:?}");
            let _ = tx.commit().await;
            let same = "SELECT COUNT(*) FROM docs WHERE amount = 100 AND version = 1 AND updated_at = 1 AND deleted_at IS NULL";
            assert_eq!(fixture.scalar::<i64>(same).await, 1, "{what} behind {taken}");
            fixture.execute("DELETE FROM docs").await;
        }
    }
    assert_eq!(fixture.scalar::<i64>("SELECT COUNT(*) FROM audit_logs").await, 0);
}
