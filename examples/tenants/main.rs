//! Companies that share tables and do not see each other.
//!
//! `cargo run --example tenants`

mod entities;
#[cfg(test)]
mod tests;

use kysera::prelude::*;
use kysera::rls::Action;
use kysera::{Error, Result};

use entities::{Member, NewProject, NewSeat, NewTask, Project, Seat, Task, TaskPatch};

const SCHEMA: &str = "
    CREATE TABLE projects (id INTEGER PRIMARY KEY, company_id INTEGER NOT NULL, name TEXT NOT NULL);
    CREATE TABLE seats (
        project_id INTEGER NOT NULL REFERENCES projects,
        user_id INTEGER NOT NULL,
        company_id INTEGER NOT NULL,
        PRIMARY KEY (project_id, user_id)
    );
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY,
        company_id INTEGER NOT NULL,
        project_id INTEGER NOT NULL REFERENCES projects,
        title TEXT NOT NULL,
        done BOOLEAN NOT NULL,
        budget INTEGER NOT NULL,
        deleted_at INTEGER
    );
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let db = open().await?;
    // What a server does with each request: `Task::repo(&db)`, without a member, does not compile.
    let as_member =
        |company_id, user_id, is_manager| db.clone().with_context(Member { company_id, user_id, is_manager });
    let (grace, ada, eve) = (as_member(1, 10, true), as_member(1, 11, false), as_member(2, 12, true));

    let project = Project::repo(&grace).create(NewProject { name: "Engine".into() }).await?;
    println!("{} belongs to company {}, which nobody had to say", project.name, project.company_id);
    Seat::repo(&grace).create(NewSeat { project_id: project.id, user_id: 11 }).await?;
    let new = NewTask { project_id: project.id, title: "Gears".into(), done: false, budget: 500 };
    let task = Task::repo(&grace).create(new).await?;

    let tasks = Task::repo(&ada);
    let seen = tasks.get(task.id).await?;
    println!("Ada works on it: she sees `{}`, and a budget of {}", seen.title, seen.budget);
    report("Ada changes the budget", tasks.update(task.id, TaskPatch::new().budget(1)).await);
    report("Ada deletes it", tasks.delete(task.id).await);
    println!("may she change it at all? {}", tasks.can(Action::Update, task.id).await?);
    tasks.update(task.id, TaskPatch::new().done(true)).await?;
    report("Ada changes it when it is done", tasks.update(task.id, TaskPatch::new().done(false)).await);
    if let Some(access) = tasks.explain_access(task.id).await? {
        println!("why: {access}");
    }

    let theirs = Task::repo(&eve);
    println!("Eve, of another company, counts {} tasks", theirs.count().await?);
    report("Eve changes it", theirs.update(task.id, TaskPatch::new().title("mine")).await);
    let across = NewTask { project_id: project.id, title: "Spy".into(), done: false, budget: 0 };
    report("Eve adds a task to a project of others", theirs.create(across).await);

    let system = db.unrestricted("the nightly report counts everything");
    println!("the system counts {}", Task::repo(&system).count().await?);
    Ok(())
}

fn report<T>(what: &str, result: Result<T>) {
    match result {
        Ok(_) => println!("{what}: done"),
        Err(error @ (Error::Denied { .. } | Error::NotFound { .. })) => println!("{what}: {error}"),
        Err(error) => println!("{what} failed: {error}"),
    }
}

async fn open() -> Result<Db<Sqlite>> {
    let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    db.raw_sql(SCHEMA).await?;
    Ok(db)
}
