use kysera::rls::policy_table;

use super::*;

fn member(company_id: i64, user_id: i64) -> Member {
    Member { company_id, user_id, is_manager: false }
}

fn manager(company_id: i64) -> Member {
    Member { is_manager: true, ..member(company_id, 10) }
}

/// A task of company 1, on whose project 11 works, and one of company 2.
async fn two_companies(db: &Db<Sqlite>) -> [i64; 2] {
    let mut tasks = [0; 2];
    for (task, company) in tasks.iter_mut().zip([1, 2]) {
        let session = db.clone().with_context(manager(company));
        let project =
            Project::repo(&session).create(NewProject { name: format!("P{company}") }).await.unwrap();
        Seat::repo(&session).create(NewSeat { project_id: project.id, user_id: 11 }).await.unwrap();
        let new = NewTask { project_id: project.id, title: format!("T{company}"), done: false, budget: 5 };
        *task = Task::repo(&session).create(new).await.unwrap().id;
    }
    tasks
}

#[tokio::test]
async fn the_policy_says_what_the_table_says() {
    let db = open().await.unwrap();
    let [own, theirs] = two_companies(&db).await;
    let (worker, idler, boss) = (member(1, 11), member(1, 99), manager(1));
    let report = policy_table::<Task, _, _>(
        &db,
        [
            (&worker, Action::Read, own, true),
            (&worker, Action::Update, own, true),
            (&worker, Action::Delete, own, false),
            (&worker, Action::Read, theirs, false), // 11 works there as well, for another company
            (&idler, Action::Read, own, false),
            (&boss, Action::Delete, own, true),
            (&boss, Action::Read, theirs, false),
        ],
    )
    .await
    .unwrap();
    assert!(report.is_as_expected(), "{report}");
}

#[tokio::test]
async fn companies_do_not_see_each_other() {
    let db = open().await.unwrap();
    let [own, theirs] = two_companies(&db).await;
    let session = db.clone().with_context(manager(1));
    let tasks = Task::repo(&session);
    assert_eq!(tasks.find().select(Task::ID).all().await.unwrap(), [own]);
    let missing = tasks.update(theirs, TaskPatch::new().title("mine")).await.unwrap_err();
    assert!(missing.is_not_found());
    let projects = Project::repo(&session).find().with(Project::TASKS).all().await.unwrap();
    assert_eq!(projects.len(), 1);
    assert_eq!(projects[0].1.len(), 1);
}

#[tokio::test]
async fn a_budget_is_for_managers() {
    let db = open().await.unwrap();
    let [own, _] = two_companies(&db).await;
    let worker = db.clone().with_context(member(1, 11));
    let tasks = Task::repo(&worker);
    assert_eq!(tasks.get(own).await.unwrap().budget, 0);
    assert_eq!(tasks.find().filter(Task::BUDGET.gt(0)).count().await.unwrap(), 0);
    let denied = tasks.update(own, TaskPatch::new().budget(9)).await.unwrap_err();
    assert!(matches!(denied, Error::Denied { column: Some("budget"), .. }), "{denied:?}");
    assert_eq!(tasks.update(own, TaskPatch::new().title("new")).await.unwrap().budget, 0);
    assert_eq!(Task::repo(db.clone().with_context(manager(1))).get(own).await.unwrap().budget, 5);
}
