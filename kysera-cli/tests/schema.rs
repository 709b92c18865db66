//! `kysera schema` and `kysera generate`, on SQLite.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod project;

use std::fs;

use project::{End, Project};

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
    CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), title TEXT NOT NULL)";

fn project() -> Project {
    let project = Project::new(&[("0001_users.sql", USERS)]);
    fs::write(project.0.join("app.db"), "").unwrap();
    project.done("migrate up");
    project
}

#[test]
fn a_snapshot_is_written_and_grows_stale() {
    let project = project();
    let missing = project.kysera("schema check");
    assert_eq!(missing.code, 1);
    assert!(missing.err.contains("kysera.schema.json"), "{}", missing.err);

    assert_eq!(project.done("schema dump"), "kysera.schema.json: 2 tables\n");
    assert_eq!(project.done("schema check"), "kysera.schema.json is up to date\n");
    let text = fs::read_to_string(project.0.join("kysera.schema.json")).unwrap();
    assert!(text.contains("\"posts\"") && !text.contains("_sqlx_migrations"), "{text}");

    project.write("0002_age.sql", "ALTER TABLE users ADD COLUMN age INTEGER");
    project.done("migrate up");
    let End { code, err, .. } = project.kysera("schema check");
    assert_eq!(code, 3);
    assert!(err.contains("age") && err.contains("write it anew with `kysera schema dump`"), "{err}");

    // Along with the migrations, at a place of its own.
    project.write("0003_name.sql", "ALTER TABLE users ADD COLUMN name TEXT");
    project.done("migrate up --write-schema");
    project.done("schema check");
    project.done("migrate status --write-schema other.json");
    assert!(!project.0.join("other.json").exists(), "nothing was changed");
    project.done("migrate up --write-schema other.json");
    project.done("schema check --file other.json");
}

#[test]
fn entities_are_written_once() {
    let project = project();
    assert_eq!(project.done("generate"), "src/entities.rs\n");
    let text = fs::read_to_string(project.0.join("src/entities.rs")).unwrap();
    assert!(text.contains("pub struct User {") && text.contains("belongs_to(user = User::ID)"), "{text}");

    let End { code, err, .. } = project.kysera("generate");
    assert_eq!(code, 2);
    assert!(err.contains("src/entities.rs is there already: say --force"), "{err}");
    assert!(project.done("generate --force --derive serde::Serialize").contains("entities.rs"));
    assert!(fs::read_to_string(project.0.join("src/entities.rs")).unwrap().contains("serde::Serialize"));

    // Without a database, and a file for each table.
    project.done("schema dump");
    fs::remove_file(project.0.join("app.db")).unwrap();
    let files = project.done("generate --snapshot kysera.schema.json --out src/entities --file-per-table");
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        ["src/entities/mod.rs", "src/entities/post.rs", "src/entities/user.rs"]
    );

    let wrong = project.kysera("generate --snapshot kysera.schema.json --type point");
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("--type point=crate::geo::Point"), "{}", wrong.err);
}
