//! Rules that follow relations, several steps far and along a hierarchy, and relations that lead to protected rows.

use kysera::prelude::*;
use kysera::rls::{Action, Claims, Policy, Rules};
use kysera::{Error, ErrorCode};
use kysera_tests::{Ddl, Fixture};

use super::world::Principal;
use crate::DB;

/// Everyone sees organisations and who is in them.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "orgs", has_many(projects = Project::ORG_ID), has_many(staff = OrgUser::ORG_ID),
    has_many(tasks = Task::ID, through(Pin::ORG_ID, Pin::TASK_ID)))]
struct Org {
    #[kysera(id, assigned)]
    id: i64,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "org_users")]
struct OrgUser {
    #[kysera(id)]
    org_id: i64,
    #[kysera(id)]
    user_id: i64,
    role: String,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(rls(context = Principal))]
#[kysera(table = "projects", has_many(tasks = Task::PROJECT_ID))]
struct Project {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(belongs_to(org = Org::ID))]
    org_id: i64,
    name: String,
}

fn member() -> Filter<OrgUser> {
    OrgUser::USER_ID.eq(Principal::USER_ID)
}

impl Policy<Principal> for Project {
    fn rules() -> Rules<Self, Principal> {
        // Readers of a project are fewer than those of its tasks.
        Rules::new().allow(
            "boss",
            Action::ALL,
            Project::ORG.any(Org::STAFF.any(member() & OrgUser::ROLE.eq("boss"))),
        )
    }
}

/// Three steps away from who may do what with it.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete, rls(context = Principal))]
#[kysera(table = "tasks", has_many(vaults = Vault::TASK_ID))]
struct Task {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(belongs_to(project = Project::ID))]
    project_id: Option<i64>,
    title: String,
    deleted_at: Option<i64>,
}

impl Policy<Principal> for Task {
    fn rules() -> Rules<Self, Principal> {
        let of = |who: Filter<OrgUser>| Task::PROJECT.any(Project::ORG.any(Org::STAFF.any(who)));
        Rules::new()
            .allow("member", Action::Read, of(member()))
            .allow(
                "worker",
                Action::ALL,
                of(member() & OrgUser::ROLE.in_(["worker", "boss"].map(String::from))),
            )
            .deny("archive", Action::WRITES, Task::PROJECT.any(Project::NAME.eq("archive")))
            .restrict(
                "not banned",
                Action::ALL,
                Task::PROJECT.none(Project::ORG.any(Org::STAFF.any(member() & OrgUser::ROLE.eq("banned")))),
            )
    }
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "pins")]
struct Pin {
    #[kysera(id)]
    org_id: i64,
    #[kysera(id)]
    task_id: i64,
}

/// Of a context of its own.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(rls(context = Keeper))]
#[kysera(table = "vaults")]
struct Vault {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(belongs_to(task = Task::ID))]
    task_id: i64,
}

#[derive(Debug, Clone, Claims)]
struct Keeper {
    key: i64,
}

impl Policy<Keeper> for Vault {
    fn rules() -> Rules<Self, Keeper> {
        Rules::new().allow("key", Action::ALL, Vault::ID.eq(Keeper::KEY))
    }
}

const ORGS: Ddl = Ddl {
    postgres: "CREATE TABLE orgs (id BIGINT PRIMARY KEY); CREATE TABLE projects (id BIGINT PRIMARY KEY, org_id BIGINT NOT NULL, name TEXT NOT NULL);
        CREATE TABLE org_users (org_id BIGINT NOT NULL, user_id BIGINT NOT NULL, role TEXT NOT NULL, PRIMARY KEY (org_id, user_id));
        CREATE TABLE tasks (id BIGINT PRIMARY KEY, project_id BIGINT, title TEXT NOT NULL, deleted_at BIGINT);
        CREATE TABLE pins (org_id BIGINT NOT NULL, task_id BIGINT NOT NULL, PRIMARY KEY (org_id, task_id));
        CREATE TABLE vaults (id BIGINT PRIMARY KEY, task_id BIGINT NOT NULL)",
    mysql: "CREATE TABLE orgs (id BIGINT PRIMARY KEY); CREATE TABLE projects (id BIGINT PRIMARY KEY, org_id BIGINT NOT NULL, name VARCHAR(99) NOT NULL);
        CREATE TABLE org_users (org_id BIGINT NOT NULL, user_id BIGINT NOT NULL, role VARCHAR(99) NOT NULL, PRIMARY KEY (org_id, user_id));
        CREATE TABLE tasks (id BIGINT PRIMARY KEY, project_id BIGINT, title VARCHAR(99) NOT NULL, deleted_at BIGINT);
        CREATE TABLE pins (org_id BIGINT NOT NULL, task_id BIGINT NOT NULL, PRIMARY KEY (org_id, task_id));
        CREATE TABLE vaults (id BIGINT PRIMARY KEY, task_id BIGINT NOT NULL)",
    sqlite: "CREATE TABLE orgs (id INTEGER PRIMARY KEY); CREATE TABLE projects (id INTEGER PRIMARY KEY, org_id INTEGER NOT NULL, name TEXT NOT NULL);
        CREATE TABLE org_users (org_id INTEGER NOT NULL, user_id INTEGER NOT NULL, role TEXT NOT NULL, PRIMARY KEY (org_id, user_id));
        CREATE TABLE tasks (id INTEGER PRIMARY KEY, project_id INTEGER, title TEXT NOT NULL, deleted_at INTEGER);
        CREATE TABLE pins (org_id INTEGER NOT NULL, task_id INTEGER NOT NULL, PRIMARY KEY (org_id, task_id));
        CREATE TABLE vaults (id INTEGER PRIMARY KEY, task_id INTEGER NOT NULL)",
};

/// User 1 is a member of organisation 1, 2 works in it, 3 is banned from it, 4 is the boss of the second one.
async fn orgs() -> Fixture<DB> {
    let fixture = Fixture::<DB>::new(&ORGS).await;
    fixture
        .execute(
            "INSERT INTO orgs VALUES (1), (2); INSERT INTO projects VALUES (1, 1, 'one'), (2, 1, 'archive'), (3, 2, 'two'); \
             INSERT INTO org_users VALUES (1, 1, 'reader'), (1, 2, 'worker'), (1, 3, 'banned'), (2, 4, 'boss'), (1, 4, 'reader'); \
             INSERT INTO tasks VALUES (1, 1, 'a', NULL), (2, 2, 'b', NULL), (3, 3, 'c', NULL), (4, NULL, 'd', NULL), (5, 1, 'e', 7); \
             INSERT INTO pins VALUES (1, 1), (1, 3), (2, 3), (2, 4); INSERT INTO vaults VALUES (7, 1), (8, 3)",
        )
        .await;
    fixture
}

fn user(fixture: &Fixture<DB>, id: i64) -> kysera::Db<DB, Principal> {
    fixture.source().clone().with_context(Principal::new(1, id))
}

fn ids(tasks: &[Task]) -> Vec<i64> {
    tasks.iter().map(|task| task.id).collect()
}

#[tokio::test]
async fn rules_reach_through_three_tables_whoever_sees_those() {
    let fixture = orgs().await;
    let seen = async |id| {
        let db = user(&fixture, id);
        Task::repo(&db).find().order_by(Task::ID.asc()).select(Task::ID).all().await.unwrap()
    };
    // None of the first two sees a single project.
    assert_eq!(seen(1).await, [1, 2]);
    assert_eq!(seen(2).await, [1, 2]);
    assert_eq!(seen(3).await, [0; 0]);
    assert_eq!(seen(4).await, [1, 2, 3]);
    assert_eq!(seen(5).await, [0; 0]);

    let (reader, worker, boss) = (user(&fixture, 1), user(&fixture, 2), user(&fixture, 4));
    assert_eq!(Project::repo(&worker).count().await.unwrap(), 0);
    let title = || TaskPatch::new().title("x");
    let refused = |error: Error| match error {
        Error::Denied { rule, .. } => rule.unwrap_or_default().into_owned(),
        other => panic!("{other:?}"),
    };
    let tasks = Task::repo(&worker);
    assert_eq!(tasks.update(1, title()).await.unwrap().title, "x");
    assert_eq!(refused(tasks.update(2, title()).await.unwrap_err()), "archive");
    assert!(tasks.update(3, title()).await.unwrap_err().is_not_found());
    assert_eq!(refused(Task::repo(&reader).update(1, title()).await.unwrap_err()), "");
    assert_eq!(refused(Task::repo(&boss).update(1, title()).await.unwrap_err()), "");
    // Where a row goes is judged as well: into an organisation of one's own, and nowhere else.
    let to = |project: i64| TaskPatch::new().project_id(project);
    assert_eq!(refused(tasks.update(1, to(3)).await.unwrap_err()), "");
    assert_eq!(refused(tasks.update(1, TaskPatch::new().project_id(None)).await.unwrap_err()), "");
    let new = |id, project_id| NewTask { id, project_id, title: "new".into() };
    assert_eq!(tasks.create(new(6, Some(1))).await.unwrap().id, 6);
    assert_eq!(refused(tasks.create(new(7, Some(2))).await.unwrap_err()), "archive");
    assert_eq!(refused(tasks.create(new(7, Some(3))).await.unwrap_err()), "");
    assert_eq!(refused(tasks.create(new(7, None)).await.unwrap_err()), "");
    assert_eq!(refused(tasks.create_many([new(7, Some(1)), new(8, Some(3))]).await.unwrap_err()), "");
    assert_eq!(tasks.find().update(title()).await.unwrap(), 2);
    assert_eq!(refused(tasks.update_many([(1, title()), (2, title())]).await.unwrap_err()), "archive");
    assert_eq!(tasks.delete_many([1, 3]).await.unwrap(), 1);
    assert_eq!(refused(tasks.delete(2).await.unwrap_err()), "archive");
    let banned = user(&fixture, 3);
    assert!(Task::repo(&banned).update(6, title()).await.unwrap_err().is_not_found());
    assert_eq!(refused(Task::repo(&banned).create(new(9, Some(1))).await.unwrap_err()), "");
}

#[tokio::test]
async fn what_one_asks_oneself_is_about_what_one_sees() {
    let fixture = orgs().await;
    let (reader, boss) = (user(&fixture, 1), user(&fixture, 4));
    // The rule knows the project, the reader does not.
    let titled = |name: &str| Task::PROJECT.any(Project::NAME.eq(name));
    assert_eq!(Task::repo(&reader).find().filter(titled("one")).count().await.unwrap(), 0);
    assert_eq!(Task::repo(&reader).find().filter(Task::PROJECT.is_empty()).count().await.unwrap(), 2);
    assert_eq!(Task::repo(&boss).find().filter(titled("two")).count().await.unwrap(), 1);
    let tasks = Task::repo(&boss);
    let names = tasks.find().order_by(Task::ID.asc()).select(Task::PROJECT.get(Project::NAME)).all();
    assert_eq!(names.await.unwrap(), [None, None, Some("two".to_owned())]);
    assert_eq!(ids(&joined(tasks.find().join(Task::PROJECT).all().await.unwrap())), [3]);
    let left =
        Task::repo(&reader).find().left_join(Task::PROJECT).order_by(Task::ID.asc()).all().await.unwrap();
    assert_eq!(
        left.iter().map(|(task, project)| (task.id, project.is_some())).collect::<Vec<_>>(),
        [(1, false), (2, false)]
    );

    // Loads, one and two steps far, and through a table between.
    let orgs = Org::repo(&boss);
    let find = || orgs.find().order_by(Org::ID.asc());
    let loaded = find().with(Org::PROJECTS.with(Project::TASKS)).all().await.unwrap();
    let loaded: Vec<Vec<Vec<i64>>> =
        loaded.iter().map(|(_, projects)| projects.iter().map(|(_, tasks)| ids(tasks)).collect()).collect();
    assert_eq!(loaded, [vec![], vec![vec![3]]]);
    let pinned = find().with(Org::TASKS).all().await.unwrap();
    assert_eq!(pinned.iter().map(|(_, tasks)| ids(tasks)).collect::<Vec<_>>(), [vec![1, 3], vec![3]]);
    let one = find().with(Org::TASKS.order_by(Task::ID.desc()).limit(1)).all().await.unwrap();
    assert_eq!(one.iter().map(|(_, tasks)| ids(tasks)).collect::<Vec<_>>(), [[3], [3]]);
    let counts = |db: &kysera::Db<DB, Principal>| {
        let db = db.clone();
        async move {
            Org::repo(&db).find().order_by(Org::ID.asc()).select(Org::TASKS.count()).all().await.unwrap()
        }
    };
    assert_eq!(counts(&boss).await, [2, 1]);
    assert_eq!(counts(&reader).await, [1, 0]);
    assert_eq!(
        Org::repo(&reader).find().filter(Org::TASKS.none(Task::TITLE.eq("c"))).count().await.unwrap(),
        2
    );
    assert_eq!(
        Org::repo(&reader)
            .find()
            .with(Org::TASKS)
            .all()
            .await
            .unwrap()
            .iter()
            .flat_map(|(_, tasks)| ids(tasks))
            .collect::<Vec<_>>(),
        [1]
    );
}

fn joined(rows: Vec<(Task, Project)>) -> Vec<Task> {
    rows.into_iter().map(|(task, _)| task).collect()
}

#[tokio::test]
async fn without_the_context_nothing_is_sent() {
    // There are no tables: a statement would be told so.
    let fixture = Fixture::<DB>::new(&Ddl::NONE).await;
    let db = fixture.source().clone();
    let orgs = Org::repo(&db);
    let protected = |error: Error, name: &str| {
        assert_eq!(error.code(), ErrorCode::Forbidden);
        assert!(matches!(error, Error::Protected { entity } if entity == name), "{error:?}");
    };
    let missing = orgs.count().await.unwrap_err();
    assert_eq!(missing.code(), ErrorCode::QueryFailed);
    protected(orgs.find().filter(Org::PROJECTS.exists()).all().await.unwrap_err(), "Project");
    protected(
        orgs.find().filter(!Org::PROJECTS.any(Project::NAME.eq("x"))).count().await.unwrap_err(),
        "Project",
    );
    protected(orgs.find().order_by(Org::TASKS.count().desc()).first().await.unwrap_err(), "Task");
    protected(orgs.find().select(Org::PROJECTS.count()).all().await.unwrap_err(), "Project");
    protected(orgs.find().filter(Org::TASKS.none(Task::ID.eq(1))).delete().await.unwrap_err(), "Task");
    // Of another context, next to one's own.
    let ada = user(&fixture, 1);
    protected(Task::repo(&ada).find().filter(Task::VAULTS.exists()).all().await.unwrap_err(), "Vault");
    protected(
        Task::repo(&ada)
            .find()
            .filter(Task::PROJECT.any(Project::TASKS.any(Task::VAULTS.exists())))
            .count()
            .await
            .unwrap_err(),
        "Vault",
    );
    let keeper = db.with_context(Keeper { key: 7 });
    // (Joins and loads are refused by the compiler.)
    protected(
        Vault::repo(&keeper).find().select(Vault::TASK.get(Task::TITLE)).all().await.unwrap_err(),
        "Task",
    );
}

#[tokio::test]
async fn entities_of_different_contexts_live_side_by_side() {
    let fixture = orgs().await;
    let keeper = fixture.source().clone().with_context(Keeper { key: 7 });
    let vaults = Vault::repo(&keeper);
    assert_eq!(vaults.find().select(Vault::ID).all().await.unwrap(), [7]);
    // The program itself reaches them all.
    let system = fixture.source().unrestricted("a report");
    let both = Vault::repo(&system).find().join(Vault::TASK).order_by(Vault::ID.asc()).all().await.unwrap();
    assert_eq!(both.iter().map(|(vault, task)| (vault.id, task.id)).collect::<Vec<_>>(), [(7, 1), (8, 3)]);
}
