//! The same of rules whose rows nothing locks: such that are not there, and hierarchies. Their tables are looked at when the row is
//! locked, and not with the view of before.

use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera::rls::{Action, Policy, Rules};
use kysera::{Conflict, Db, Error};

use super::races::behind;
use super::world::{Member, Principal, Team, has_member, of, shared_world};
use crate::DB;

/// Who is in the team of a page or above it may do everything with it, unless blocked.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(version, rls(context = Principal))]
#[kysera(table = "sheets")]
struct Sheet {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(belongs_to(team = Team::ID))]
    team_id: i64,
    #[kysera(unique)]
    text: String,
    version: i32,
}

impl Policy<Principal> for Sheet {
    fn rules() -> Rules<Self, Principal> {
        let above = Team::PARENT.any_deep(has_member("editor"));
        let blocked = || Member::USER_ID.eq(Principal::USER_ID) & Member::ROLE.eq("blocked");
        Rules::new().allow("above", Action::ALL, Sheet::TEAM.any(has_member("editor") | above)).restrict(
            "not blocked",
            Action::ALL,
            Sheet::TEAM.any(Team::MEMBERS.none(blocked())),
        )
    }
}

const WRITES: &[&str] = &[
    "update",
    "update_many",
    "update_at",
    "find update",
    "touch",
    "upsert",
    "delete",
    "delete_many",
    "find delete",
];

/// Whether it was done.
async fn write(session: Db<DB, Principal>, what: &str) -> kysera::Result<bool> {
    let sheets = Sheet::repo(&session);
    let patch = || SheetPatch::new().text("mine");
    let this = || sheets.find().filter(Sheet::ID.eq(1));
    let answer = match what {
        "update" => sheets.update(1, patch()).await.map(|_| true),
        "update_many" => sheets.update_many([(1, patch())]).await.map(|_| true),
        "update_at" => sheets.update_at(1, 1, patch()).await.map(|_| true),
        "find update" => this().update(patch()).await.map(|rows| rows > 0),
        "touch" => sheets
            .transition(1, Sheet::TEXT, "theirs", "mine", SheetPatch::new())
            .await
            .map(|row| row.is_some()),
        "upsert" => {
            let new = NewSheet { id: 9, team_id: 2, text: "theirs".into() };
            sheets.upsert(new, Conflict::on(Sheet::TEXT).update(Sheet::TEAM_ID)).await.map(|_| true)
        }
        "delete" => sheets.delete(1).await,
        "delete_many" => sheets.delete_many([1, 2]).await.map(|rows| rows > 0),
        _ => this().delete().await.map(|rows| rows > 0),
    };
    match answer {
        Err(Error::Denied { .. } | Error::NotFound { .. } | Error::Missing(_)) => Ok(false),
        answer => answer,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_become_of_other_tables_counts_for_who_has_waited() {
    let fixture = shared_world(4).await;
    let text = if DB::DIALECT == Dialect::Sqlite { "TEXT" } else { "VARCHAR(255)" };
    let table = format!(
        "CREATE TABLE sheets (id BIGINT PRIMARY KEY, team_id BIGINT NOT NULL, text {text} NOT NULL UNIQUE, version INT NOT NULL)"
    );
    fixture.execute(&table).await;
    fixture.execute("INSERT INTO teams VALUES (1, 'all', NULL), (2, 'own', 1)").await;
    // The row is held, and what allows to write it is taken away.
    let held = "UPDATE sheets SET version = version WHERE id = 1";
    let taken = [
        "INSERT INTO members VALUES (2, 10, 'blocked')",
        "DELETE FROM members WHERE team_id = 1 AND user_id = 10",
        "UPDATE teams SET parent_id = NULL WHERE id = 2",
    ];
    for taken in taken {
        for what in WRITES {
            fixture.execute("DELETE FROM members").await;
            fixture.execute("DELETE FROM sheets").await;
            fixture.execute("UPDATE teams SET parent_id = 1 WHERE id = 2").await;
            fixture.execute("INSERT INTO members VALUES (1, 10, 'editor')").await;
            fixture.execute("INSERT INTO sheets VALUES (1, 2, 'theirs', 1)").await;
            let session = of(&fixture, Principal::new(1, 10));
            let done =
                behind(&fixture, &format!("{held}; {taken}"), async move { write(session, what).await })
                    .await;
            assert!(matches!(done, Ok(false)), "{what} behind {taken}: {done:?}");
            assert_eq!(
                fixture.column::<String>("SELECT text FROM sheets").await,
                ["theirs"],
                "{what} behind {taken}"
            );
        }
    }
    // And it is done where nothing was taken away.
    for what in WRITES {
        fixture.execute("DELETE FROM members").await;
        fixture.execute("DELETE FROM sheets").await;
        fixture.execute("UPDATE teams SET parent_id = 1 WHERE id = 2").await;
        fixture.execute("INSERT INTO members VALUES (1, 10, 'editor')").await;
        fixture.execute("INSERT INTO sheets VALUES (1, 2, 'theirs', 1)").await;
        let session = of(&fixture, Principal::new(1, 10));
        let done = behind(&fixture, held, async move { write(session, what).await }).await;
        assert!(matches!(done, Ok(true)), "{what}: {done:?}");
    }
}
