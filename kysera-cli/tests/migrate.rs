//! The program itself, on SQLite.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod project;

use std::fs;

use project::Project;

fn states_of(project: &Project) -> Vec<(i64, String)> {
    let status: serde_json::Value = serde_json::from_str(&project.done("migrate status --json")).unwrap();
    let migrations = status["migrations"].as_array().unwrap().iter();
    migrations
        .map(|one| (one["version"].as_i64().unwrap(), one["state"].as_str().unwrap().to_owned()))
        .collect()
}

fn states(states: &[(i64, &str)]) -> Vec<(i64, String)> {
    states.iter().map(|(version, state)| (*version, (*state).to_owned())).collect()
}

fn three() -> Project {
    Project::new(&[
        ("0001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY)"),
        ("0002_posts.up.sql", "-- kysera: breaking\nCREATE TABLE posts (id INTEGER PRIMARY KEY)"),
        ("0002_posts.down.sql", "DROP TABLE posts"),
        ("0003_tags.up.sql", "CREATE TABLE tags (id INTEGER PRIMARY KEY)"),
        ("0003_tags.down.sql", "DROP TABLE tags"),
    ])
}

#[test]
fn up_and_down() {
    let project = three();
    assert_eq!(states_of(&project), states(&[(1, "pending"), (2, "pending"), (3, "pending")]));
    let dry = project.done("migrate up --dry-run");
    assert!(
        dry.contains("up   2 posts [breaking]\n") && dry.ends_with("3 pending; executed, and rolled back\n"),
        "{dry}"
    );
    assert_eq!(states_of(&project)[0].1, "pending");

    let up = project.kysera("migrate up --to 2");
    assert_eq!((up.code, &*up.err), (0, "up 1 users ..\nup 2 posts ..\n"));
    assert!(up.out.starts_with("up   1 users (") && up.out.contains("\n2 migrations in "), "{}", up.out);
    assert_eq!(states_of(&project), states(&[(1, "applied"), (2, "applied"), (3, "pending")]));
    project.done("migrate up --steps 1");
    project.done("migrate redo");
    project.done("migrate down");
    assert_eq!(states_of(&project)[2].1, "pending");
    let down = project.done("migrate down --steps 2");
    assert!(down.contains("skip 1 users: nothing says how to undo it"), "{down}");
    let json = project.done("migrate up --json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["done"][1]["version"], 3);
    assert_eq!(json["done"][1]["direction"], "up");
    project.done("migrate down --to 1");
    assert_eq!(states_of(&project), states(&[(1, "applied"), (2, "pending"), (3, "pending")]));
    assert_eq!(project.done("migrate down --steps 0"), "nothing to do\n");
}

#[test]
fn reset_wants_to_be_meant() {
    let project = three();
    project.done("migrate up");
    let refused = project.kysera("migrate reset");
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("say --force"), "{}", refused.err);
    assert_eq!(states_of(&project)[2].1, "applied");
    project.done("migrate reset --force");
    assert_eq!(states_of(&project)[2].1, "pending");
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let project = three();
    project.done("migrate up");
    project.done("migrate validate");
    project.write("0001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY) ");
    let unfit = project.kysera("migrate validate");
    assert_eq!(unfit.code, 3);
    assert!(
        unfit.err.contains("migration 1 (users) was changed")
            && unfit.err.contains("run `kysera migrate mark-applied 1`"),
        "{}",
        unfit.err
    );
    assert!(project.done("migrate status").contains("\nproblem: migration 1 (users) was changed"));
    assert_eq!(project.done("migrate mark-applied 1"), "1 is marked as applied\n");
    project.done("migrate validate");

    project.write("0004_bad.sql", "CREATE TABLE a (n INT);\nSELECT nowhere");
    let failed = project.kysera("migrate up");
    assert_eq!(failed.code, 1);
    let text =
        "error: migration 4 (bad) failed on its way up, in statement 2 of 2, line 2: `SELECT nowhere`: ";
    assert!(failed.err.contains(text), "{}", failed.err);
    assert_eq!(project.kysera("migrate up --to 9").code, 2);
    assert_eq!(project.kysera("migrate up --to 3 --steps 1").code, 2);
    assert_eq!(project.kysera("migrate upp").code, 2);
    assert_eq!(project.kysera("migrate status --source nowhere").code, 3);
    let odd = project.kysera("migrate status --database-url oracle://scott:tiger@db");
    assert_eq!(odd.code, 2);
    assert!(
        odd.err.contains("postgres://, mysql:// and sqlite://") && !odd.err.contains("tiger"),
        "{}",
        odd.err
    );
}

#[test]
fn what_is_dirty_is_settled_as_it_says() {
    let project = Project::new(&[("1_a.sql", "-- no-transaction\nCREATE TABLE a (n INT);\nSELECT nowhere")]);
    let failed = project.kysera("migrate up");
    assert_eq!(failed.code, 1);
    assert!(
        failed.err.contains("run `kysera migrate mark-reverted 1`; then run `kysera migrate up` again"),
        "{}",
        failed.err
    );
    assert_eq!(states_of(&project), states(&[(1, "dirty")]));
    assert_eq!(project.kysera("migrate up").code, 3);
    project.write("1_a.sql", "-- no-transaction\nDROP TABLE a;\nCREATE TABLE a (n INT)");
    project.done("migrate mark-reverted 1");
    project.done("migrate up");
    assert!(!project.0.join("app.db-migrating").exists());
}

#[test]
fn create_goes_on_as_the_folder_does() {
    let project = Project::new(&[]);
    let made = project.done("migrate create add-users --reversible");
    let files = project.files();
    assert_eq!(files.len(), 2);
    assert!(
        files[0].ends_with("_add_users.down.sql")
            && files[0].len() == "20250101000000_add_users.down.sql".len()
    );
    assert!(made.contains(&files[0]) && made.contains(&files[1]), "{made}");
    // Also within a second.
    project.done("migrate create more");
    assert_eq!(project.files().len(), 3);
    assert!(project.files()[2].ends_with("_more.sql"));
    project.done("migrate up");

    let counted = three();
    counted.done("migrate create next --no-transaction");
    assert_eq!(counted.files().last().unwrap(), "0004_next.sql");
    let text = fs::read_to_string(counted.0.join("migrations/0004_next.sql")).unwrap();
    assert!(text.starts_with("-- no-transaction\n"), "{text}");
    assert_eq!(counted.kysera("migrate create ../x").code, 2);
    let elsewhere = counted.done("migrate create first --source db/changes");
    assert!(elsewhere.starts_with("db/changes/"), "{elsewhere}");
}
