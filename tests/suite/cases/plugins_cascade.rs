//! Rows that are deleted and restored along with others.

use kysera::plugin::SoftDeleteMethods;
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};

use super::plugins_entities::{Hands, seconds};
use crate::DB;

/// Teams have projects and a board, projects have tasks, tasks have notes: three levels and both kinds of relations.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete(cascade = [Team::PROJECTS, Team::BOARD]))]
#[kysera(table = "teams", has_many(projects = Project::TEAM_ID), has_one(board = Board::TEAM, key = name))]
struct Team {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(unique)]
    name: String,
    deleted_at: Option<i64>,
}

/// With all plugins that write columns.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(version, soft_delete(cascade = [Self::TASKS]), timestamps)]
#[kysera(table = "projects", has_many(tasks = Task::PROJECT_ID))]
struct Project {
    #[kysera(id, assigned)]
    id: i64,
    team_id: i64,
    created_at: i64,
    updated_at: i64,
    version: i32,
    deleted_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete(deleted_at = gone))]
#[kysera(table = "boards")]
struct Board {
    #[kysera(id, assigned)]
    id: i64,
    team: Option<String>,
    gone: Option<i64>,
}

/// One task is the parent of others as well.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete(cascade = [TaskColumns::SUBTASKS]))]
#[kysera(table = "tasks", columns = TaskColumns, has_many(subtasks = TaskColumns::PARENT_ID))]
struct Task {
    #[kysera(id, assigned)]
    id: i64,
    project_id: i64,
    parent_id: Option<i64>,
    deleted_at: Option<i64>,
}

impl Task {
    const PROJECT_ID: kysera::Column<Task, i64> = TaskColumns::PROJECT_ID;
}

const DDL: Ddl = Ddl {
    postgres: "CREATE TABLE teams (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, deleted_at BIGINT);
        CREATE TABLE projects (id BIGINT PRIMARY KEY, team_id BIGINT NOT NULL, created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL, version INT NOT NULL, deleted_at BIGINT);
        CREATE TABLE boards (id BIGINT PRIMARY KEY, team TEXT, gone BIGINT CHECK (gone <> 77));
        CREATE TABLE tasks (id BIGINT PRIMARY KEY, project_id BIGINT NOT NULL, parent_id BIGINT,
            deleted_at BIGINT CHECK (deleted_at <> 13))",
    mysql: "CREATE TABLE teams (id BIGINT PRIMARY KEY, name VARCHAR(50) NOT NULL UNIQUE, deleted_at BIGINT);
        CREATE TABLE projects (id BIGINT PRIMARY KEY, team_id BIGINT NOT NULL, created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL, version INT NOT NULL, deleted_at BIGINT);
        CREATE TABLE boards (id BIGINT PRIMARY KEY, team VARCHAR(50), gone BIGINT CHECK (gone <> 77));
        CREATE TABLE tasks (id BIGINT PRIMARY KEY, project_id BIGINT NOT NULL, parent_id BIGINT,
            deleted_at BIGINT CHECK (deleted_at <> 13))",
    sqlite: "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, deleted_at INTEGER);
        CREATE TABLE projects (id INTEGER PRIMARY KEY, team_id INTEGER NOT NULL, created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL, version INTEGER NOT NULL, deleted_at INTEGER);
        CREATE TABLE boards (id INTEGER PRIMARY KEY, team TEXT, gone INTEGER CHECK (gone <> 77));
        CREATE TABLE tasks (id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, parent_id INTEGER,
            deleted_at INTEGER CHECK (deleted_at <> 13))",
};

/// Teams 1 to 3; team `t` has the projects `10t + 1` and `10t + 2` and a board; project `p` has the tasks `10p + 1`, `10p + 2`
/// and, below that, `10p + 3`, and below that `10p + 4`.
async fn world() -> (Fixture<DB>, Db<DB>, Hands) {
    let db = Fixture::<DB>::new(&DDL).await;
    let hands = Hands::new();
    let source = hands.of(db.source());
    for team in 1..=3_i64 {
        let name = format!("team {team}");
        Team::repo(&source).create(NewTeam { id: team, name: name.clone() }).await.unwrap();
        Board::repo(&source).create(NewBoard { id: team, team: Some(name) }).await.unwrap();
        for project in [10 * team + 1, 10 * team + 2] {
            Project::repo(&source).create(NewProject { id: project, team_id: team }).await.unwrap();
            let task = |n: i64, parent: Option<i64>| NewTask {
                id: 10 * project + n,
                project_id: project,
                parent_id: parent.map(|parent| 10 * project + parent),
            };
            // Below a task of another project, so that the project alone does not find it.
            let far = NewTask { id: 10 * project + 4, project_id: 0, parent_id: Some(10 * project + 3) };
            let tasks = [task(1, None), task(2, None), task(3, Some(2)), far];
            Task::repo(&source).insert_many(tasks).await.unwrap();
        }
    }
    hands.forward();
    (db, source, hands)
}

/// The keys of all rows that are marked, by table and time.
async fn marked(db: &Fixture<DB>, table: &str, at: u64) -> Vec<i64> {
    let column = if table == "boards" { "gone" } else { "deleted_at" };
    db.column(&format!("SELECT id FROM {table} WHERE {column} = {} ORDER BY id", seconds(at))).await
}

async fn all_marked(db: &Fixture<DB>) -> i64 {
    let mut sum = 0;
    for (table, column) in
        [("teams", "deleted_at"), ("projects", "deleted_at"), ("boards", "gone"), ("tasks", "deleted_at")]
    {
        sum += db.scalar::<i64>(&format!("SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL")).await;
    }
    sum
}

/// What belongs to a team: 1 team, 2 projects, 1 board, 8 tasks.
const OF_A_TEAM: i64 = 12;

#[tokio::test]
async fn all_levels_are_deleted_and_restored_together() {
    let (db, source, hands) = world().await;
    let teams = Team::repo(&source);
    assert!(teams.delete(1).await.unwrap());
    let when = hands.now();
    assert_eq!(marked(&db, "teams", when).await, [1]);
    assert_eq!(marked(&db, "projects", when).await, [11, 12]);
    assert_eq!(marked(&db, "boards", when).await, [1]);
    assert_eq!(marked(&db, "tasks", when).await, [111, 112, 113, 114, 121, 122, 123, 124]);
    assert_eq!(all_marked(&db).await, OF_A_TEAM);
    hands.forward();
    assert!(!teams.delete(1).await.unwrap());
    assert_eq!(teams.restore(1).await.unwrap().deleted_at, None);
    assert_eq!(all_marked(&db).await, 0);
}

#[tokio::test]
async fn every_way_of_deleting_cascades() {
    let (db, source, _) = world().await;
    let teams = Team::repo(&source);
    assert_eq!(teams.delete_many([1_i64, 3, 99, 3]).await.unwrap(), 2);
    assert_eq!(all_marked(&db).await, 2 * OF_A_TEAM);
    assert_eq!(teams.restore_many([1_i64, 2, 3]).await.unwrap(), 2);
    assert_eq!(all_marked(&db).await, 0);
    assert_eq!(teams.find().filter(Team::ID.ne(2)).delete().await.unwrap(), 2);
    assert_eq!(all_marked(&db).await, 2 * OF_A_TEAM);
    assert_eq!(teams.find().filter(Team::ID.gt(1)).restore().await.unwrap(), 1);
    assert_eq!(all_marked(&db).await, OF_A_TEAM);
    assert_eq!(teams.find().delete().await.unwrap(), 2);
    assert_eq!(all_marked(&db).await, 3 * OF_A_TEAM);
    assert_eq!(teams.find().restore().await.unwrap(), 3);
    assert_eq!(all_marked(&db).await, 0);
    // From the middle.
    assert!(Project::repo(&source).delete(21).await.unwrap());
    assert_eq!(all_marked(&db).await, 5);
    assert!(Task::repo(&source).delete(222).await.unwrap());
    assert_eq!(all_marked(&db).await, 8);
}

#[tokio::test]
async fn what_was_deleted_before_stays_deleted() {
    let (db, source, hands) = world().await;
    let (teams, tasks) = (Team::repo(&source), Task::repo(&source));
    assert!(tasks.delete(112).await.unwrap());
    let earlier = hands.now();
    assert!(Board::repo(&source).delete(1).await.unwrap());
    hands.forward();
    assert!(teams.delete(1).await.unwrap());
    // It keeps its time.
    assert_eq!(marked(&db, "tasks", earlier).await, [112, 113, 114]);
    assert_eq!(marked(&db, "boards", earlier).await, [1]);
    hands.forward();
    teams.restore(1).await.unwrap();
    assert_eq!(marked(&db, "tasks", earlier).await, [112, 113, 114]);
    assert_eq!(all_marked(&db).await, 4);
    tasks.restore(112).await.unwrap();
    assert_eq!(all_marked(&db).await, 1);
}

#[tokio::test]
async fn rows_of_several_times_are_restored_with_theirs() {
    let (db, source, hands) = world().await;
    let teams = Team::repo(&source);
    Task::repo(&source).delete(211).await.unwrap();
    hands.forward();
    teams.delete(1).await.unwrap();
    hands.forward();
    teams.delete_many([2_i64, 3]).await.unwrap();
    assert_eq!(teams.find().restore().await.unwrap(), 3);
    assert_eq!(all_marked(&db).await, 1);
    assert!(!Task::repo(&source).exists(211).await.unwrap());
}

#[tokio::test]
async fn a_child_that_was_restored_alone_is_left_alone() {
    let (db, source, hands) = world().await;
    let (teams, projects) = (Team::repo(&source), Project::repo(&source));
    teams.delete(1).await.unwrap();
    hands.forward();
    projects.restore(11).await.unwrap();
    let version = projects.get(11).await.unwrap().version;
    assert_eq!(all_marked(&db).await, OF_A_TEAM - 5);
    teams.restore(1).await.unwrap();
    assert_eq!(all_marked(&db).await, 0);
    assert_eq!(projects.get(11).await.unwrap().version, version);
}

#[tokio::test]
async fn plugins_of_the_children_have_their_say() {
    let (_db, source, hands) = world().await;
    let (teams, projects) = (Team::repo(&source), Project::repo(&source));
    let before = projects.get(11).await.unwrap();
    assert_eq!(before.version, 1);
    teams.delete(1).await.unwrap();
    let deleted = hands.now();
    let marked = projects.find().with_deleted().filter(Project::ID.eq(11)).one().await.unwrap();
    assert_eq!(marked, Project { version: 2, deleted_at: Some(seconds(deleted)), ..before.clone() });
    let restored = hands.forward();
    teams.restore(1).await.unwrap();
    let found = projects.get(11).await.unwrap();
    assert_eq!(found, Project { version: 3, updated_at: seconds(restored), ..before });
}

#[tokio::test]
async fn one_instant_for_all_levels() {
    let (db, _, _) = world().await;
    let hands = Hands::restless();
    let source = hands.of(db.source());
    Team::repo(&source).delete(1).await.unwrap();
    let times = db
        .column::<i64>(
            "SELECT deleted_at FROM teams WHERE id = 1 UNION SELECT deleted_at FROM projects WHERE team_id = 1
             UNION SELECT gone FROM boards WHERE id = 1 UNION SELECT deleted_at FROM tasks WHERE id BETWEEN 111 AND 124",
        )
        .await;
    assert_eq!(times.len(), 1, "{times:?}");
    Team::repo(&source).restore(1).await.unwrap();
    assert_eq!(all_marked(&db).await, 0);
    let times = db.column::<i64>("SELECT DISTINCT updated_at FROM projects WHERE team_id = 1").await;
    assert_eq!(times.len(), 1, "{times:?}");
}

#[tokio::test]
async fn all_or_nothing_where_a_child_fails() {
    let (db, source, hands) = world().await;
    // The times that a board and a task refuse.
    for refused in [77, 13] {
        hands.set(refused * 1_000_000);
        let teams = Team::repo(&source);
        let error = teams.delete(1).await.unwrap_err();
        assert_eq!(error.code(), kysera::ErrorCode::CheckViolation, "{error:?}");
        assert_eq!(all_marked(&db).await, 0);
        teams.delete_many([1_i64, 2]).await.unwrap_err();
        teams.find().delete().await.unwrap_err();
        assert_eq!(all_marked(&db).await, 0);
        assert_eq!(db.scalar::<i32>("SELECT MAX(version) FROM projects").await, 1);
    }
    // Within a transaction, which goes on.
    let tx = source.begin().await.unwrap();
    Team::repo(&tx).delete(1).await.unwrap_err();
    hands.set(99_000_000);
    assert!(Team::repo(&tx).delete(2).await.is_ok());
    tx.commit().await.unwrap();
    assert_eq!(marked(&db, "teams", 99_000_000).await, [2]);
    assert_eq!(all_marked(&db).await, OF_A_TEAM);
}

#[tokio::test]
async fn purging_does_not_cascade() {
    let (db, source, _) = world().await;
    let teams = Team::repo(&source);
    assert!(teams.purge(1).await.unwrap());
    assert_eq!(all_marked(&db).await, 0);
    assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM tasks").await, 24);
    assert_eq!(teams.find().purge().await.unwrap(), 2);
    assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM projects").await, 6);
}

/// Rows that are above and below each other.
#[tokio::test]
async fn circles_are_deleted_and_restored() {
    let (db, source, hands) = world().await;
    let tasks = Task::repo(&source);
    tasks.update(112, TaskPatch::new().parent_id(114)).await.unwrap();
    tasks.update(111, TaskPatch::new().parent_id(111)).await.unwrap();
    assert!(tasks.delete(112).await.unwrap());
    assert_eq!(marked(&db, "tasks", hands.now()).await, [112, 113, 114]);
    hands.forward();
    assert!(tasks.delete(111).await.unwrap());
    let limit = std::time::Duration::from_secs(20);
    tokio::time::timeout(limit, tasks.restore(113)).await.expect("it ends").unwrap();
    assert_eq!(all_marked(&db).await, 1);
    tokio::time::timeout(limit, tasks.restore(111)).await.expect("it ends").unwrap();
    assert_eq!(all_marked(&db).await, 0);
}

#[tokio::test]
async fn more_parents_than_one_statement_takes() {
    let db = Fixture::<DB>::new(&DDL).await;
    let hands = Hands::new();
    let source = hands.of(db.source());
    let (teams, projects) = (Team::repo(&source), Project::repo(&source));
    let many = || 1..=2500_i64;
    teams.insert_many(many().map(|id| NewTeam { id, name: format!("{id}") })).await.unwrap();
    projects.insert_many(many().map(|id| NewProject { id, team_id: id })).await.unwrap();
    assert_eq!(teams.find().delete().await.unwrap(), 2500);
    assert_eq!(projects.count().await.unwrap(), 0);
    assert_eq!(db.column::<i64>("SELECT DISTINCT deleted_at FROM projects").await, [seconds(hands.now())]);
    assert_eq!(teams.restore_many(many()).await.unwrap(), 2500);
    assert_eq!(projects.count().await.unwrap(), 2500);
    assert_eq!(teams.delete_many(many()).await.unwrap(), 2500);
    assert_eq!(projects.count().await.unwrap(), 0);
}
