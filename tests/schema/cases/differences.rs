//! What changed, and whether a snapshot is still right.

use kysera::schema::{self, Schema};
use kysera_tests::{Ddl, Fixture};

use crate::DB;

const BEFORE: Ddl = Ddl {
    postgres: "CREATE TABLE users (id BIGINT PRIMARY KEY, email TEXT NOT NULL, age INT);
        CREATE TABLE gone (id BIGINT PRIMARY KEY)",
    mysql: "CREATE TABLE users (id BIGINT PRIMARY KEY, email VARCHAR(100) NOT NULL, age INT);
        CREATE TABLE gone (id BIGINT PRIMARY KEY)",
    sqlite: "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, age INT);
        CREATE TABLE gone (id INTEGER PRIMARY KEY)",
};

const CHANGES: &str = "DROP TABLE gone;
    CREATE TABLE new (id INT PRIMARY KEY);
    ALTER TABLE users ADD COLUMN bio VARCHAR(20);
    ALTER TABLE users DROP COLUMN age;
    CREATE UNIQUE INDEX users_email ON users (email)";

#[tokio::test]
async fn differences_are_sentences() {
    let db = Fixture::<DB>::new(&BEFORE).await;
    let before = schema::capture(db.source()).await.unwrap();
    db.execute(CHANGES).await;
    let report = schema::verify(db.source(), &before).await.unwrap();
    let bio = report.found.table("users").unwrap().column("bio").unwrap().type_name.clone();
    assert_eq!(
        report.to_string(),
        format!(
            "the database is not as the snapshot says:
  there is no table `gone`
  users: there is no column `age`
  users: there is a column `bio`: {bio}
  users: there is a unique key `users_email` (email)
  there is a table `new`"
        )
    );
    let after = schema::capture(db.source()).await.unwrap();
    assert_eq!(after, report.found);
    assert!(after.diff(&after).is_empty());
    assert_eq!(after.diff(&before).len(), report.differences.len());
}

#[tokio::test]
async fn columns_that_are_others() {
    let db = Fixture::<DB>::new(&BEFORE).await;
    let before = schema::capture(db.source()).await.unwrap();
    let mut after = before.clone();
    let age = after.tables[1].columns.iter_mut().find(|column| column.name == "age").unwrap();
    let spelled = age.type_name.clone();
    (age.nullable, age.default) = (false, Some("7".into()));
    let changed = before.diff(&after);
    let expected = format!("users: the column `age` is {spelled} NOT NULL DEFAULT 7 instead of {spelled}");
    assert_eq!(changed.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    // Where a column stands is nobody's affair.
    let mut turned = before.clone();
    turned.tables[1].columns.reverse();
    assert!(before.diff(&turned).is_empty());
}

#[test]
fn snapshots_of_two_databases_are_not_compared() {
    let (one, other) =
        (Schema::new(schema::SchemaBackend::MySql), Schema::new(schema::SchemaBackend::Sqlite));
    let differences = one.diff(&other);
    assert_eq!(differences[0].to_string(), "the one is of MySQL, the other of SQLite");
}

#[tokio::test]
async fn a_file_that_is_out_of_date_says_how_to_renew_it() {
    let db = Fixture::<DB>::new(&BEFORE).await;
    let path =
        std::env::temp_dir().join(format!("kysera-verify-{}-{}.json", crate::NAME, std::process::id()));
    let file = path.to_str().unwrap();
    let missing = schema::test(db.source(), file, false).await.unwrap_err();
    assert!(missing.contains(file) && missing.contains("KYSERA_SCHEMA=write cargo test"), "{missing}");
    schema::test(db.source(), file, true).await.unwrap();
    schema::test(db.source(), file, false).await.unwrap();
    db.execute("DROP TABLE gone").await;
    let stale = schema::test(db.source(), file, false).await.unwrap_err();
    assert!(stale.contains("says:\n  there is no table `gone`\nwrite it anew"), "{stale}");
    std::fs::remove_file(path).unwrap();
}
