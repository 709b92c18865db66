use sqlx::{Connection as _, SqliteConnection};

use super::*;

const NONE: Expected<'static> = Expected {
    kind: ViolationKind::Unique,
    table: None,
    constraint: None,
    columns: &[],
    referenced_table: None,
};

async fn connect() -> SqliteConnection {
    let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    run!(
        conn,
        "CREATE TABLE pa (id INTEGER PRIMARY KEY, e TEXT UNIQUE NOT NULL, a INT, b INT,
            n INT CONSTRAINT positive CHECK (n > 0), m INT CHECK (m < 10),
            \"odd, name\" TEXT, \"d.o.t\" TEXT, UNIQUE (b, a), UNIQUE (\"odd, name\"), UNIQUE (\"d.o.t\"));
         CREATE UNIQUE INDEX pa_lower ON pa (lower(e));
         CREATE TABLE ch (id INTEGER PRIMARY KEY, pid INT REFERENCES pa (id));
         CREATE TABLE strict_ch (pid INT REFERENCES pa (id) ON DELETE RESTRICT);
         CREATE TABLE \"my table\" (\"my id\" INT, rest INT, PRIMARY KEY (\"my id\", rest));
         CREATE TABLE typed (n INT) STRICT;
         INSERT INTO \"my table\" VALUES (1, 1);
         INSERT INTO pa VALUES (1, 'x', 1, 2, 1, 1, 'o', 'd')"
    )
    .unwrap();
    conn
}

#[tokio::test]
async fn violations() {
    let mut conn = connect().await;
    run!(conn, "INSERT INTO pa (e) VALUES (?)", SECRET).unwrap();
    let error = run!(conn, "INSERT INTO pa (e) VALUES (?)", SECRET).unwrap_err();
    // Whichever key SQLite looks at first: the index over an expression, made last.
    expect("expression", error, Expected { constraint: Some("pa_lower"), ..NONE });
    run!(conn, "DROP INDEX pa_lower").unwrap();

    let error = run!(conn, "INSERT INTO pa (e) VALUES (?)", SECRET).unwrap_err();
    expect("unique", error, Expected { table: Some("pa"), columns: &["e"], ..NONE });
    let error = run!(conn, "INSERT INTO pa (id, e) VALUES (1, 'y')").unwrap_err();
    expect("primary", error, Expected { table: Some("pa"), columns: &["id"], ..NONE });
    let error = run!(conn, "INSERT INTO pa (e, a, b) VALUES ('y', 1, 2)").unwrap_err();
    expect("composite", error, Expected { table: Some("pa"), columns: &["b", "a"], ..NONE });
    let error = run!(conn, "INSERT INTO \"my table\" VALUES (1, 1)").unwrap_err();
    expect("spaces", error, Expected { table: Some("my table"), columns: &["my id", "rest"], ..NONE });
    let error = run!(conn, "INSERT INTO pa (e, \"odd, name\") VALUES ('y', 'o')").unwrap_err();
    expect("comma: the entity's table tells", error, NONE);
    let error = run!(conn, "INSERT INTO pa (e, \"d.o.t\") VALUES ('y', 'd')").unwrap_err();
    expect("dots: the entity's table tells", error, NONE);

    const FOREIGN_KEY: Expected<'static> = Expected { kind: ViolationKind::ForeignKey, ..NONE };
    let error = run!(conn, "INSERT INTO ch VALUES (1, 99)").unwrap_err();
    expect("child", error, FOREIGN_KEY);
    run!(conn, "INSERT INTO ch VALUES (1, 1)").unwrap();
    let error = run!(conn, "DELETE FROM pa WHERE id = 1").unwrap_err();
    expect("parent", error, FOREIGN_KEY);
    run!(conn, "DELETE FROM ch; INSERT INTO strict_ch VALUES (1)").unwrap();
    let error = run!(conn, "DELETE FROM pa WHERE id = 1").unwrap_err();
    expect("restrict", error, FOREIGN_KEY);

    let error = run!(conn, "INSERT INTO pa (e) VALUES (NULL)").unwrap_err();
    let null = Expected { kind: ViolationKind::NotNull, table: Some("pa"), columns: &["e"], ..NONE };
    expect("not null", error, null);
    let check = |constraint| Expected { kind: ViolationKind::Check, constraint: Some(constraint), ..NONE };
    let error = run!(conn, "INSERT INTO pa (e, n) VALUES (?, -1)", SECRET).unwrap_err();
    expect("check", error, check("positive"));
    let error = run!(conn, "INSERT INTO pa (e, m) VALUES ('y', 11)").unwrap_err();
    expect("check without a name", error, check("m < 10"));
}

#[tokio::test]
async fn failures() {
    let mut conn = connect().await;
    assert_eq!(
        failure(run!(conn, "SELECT * FROM nowhere").unwrap_err()),
        (ErrorCode::QueryFailed, "SQLite error 1: no such table: nowhere".into())
    );
    assert_eq!(
        failure(run!(conn, "SELECT json_extract('{}', ?)", SECRET).unwrap_err()),
        (ErrorCode::QueryFailed, "SQLite error 1".into())
    );
    assert_eq!(
        failure(run!(conn, "INSERT INTO typed VALUES (?)", SECRET).unwrap_err()),
        (ErrorCode::InvalidInput, "SQLite error 3091: cannot store TEXT value in INT column typed.n".into())
    );
    run!(conn, "CREATE TRIGGER raising BEFORE INSERT ON typed BEGIN SELECT RAISE(ABORT, 's3cr3t'); END")
        .unwrap();
    assert_eq!(
        failure(run!(conn, "INSERT INTO typed VALUES (1)").unwrap_err()),
        (ErrorCode::QueryFailed, "SQLite error 1811".into())
    );
    let error = sqlx::query_scalar::<_, i64>("SELECT ?").bind(SECRET).fetch_one(&mut conn).await;
    let (code, message) = failure(error.unwrap_err());
    assert_eq!(code, ErrorCode::QueryFailed);
    assert_eq!(
        message,
        "decoding column 0: mismatched types; Rust type `i64` (as SQL type `INTEGER`) is not compatible with \
         SQL type `TEXT`"
    );
}

#[tokio::test]
async fn a_busy_file_is_transient() {
    let file = std::env::temp_dir().join(format!("kysera-errors-{}.db", std::process::id()));
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true)
        .busy_timeout(std::time::Duration::ZERO);
    let mut one = SqliteConnection::connect_with(&options).await.unwrap();
    let mut two = SqliteConnection::connect_with(&options).await.unwrap();
    run!(one, "CREATE TABLE t (a INT); BEGIN IMMEDIATE").unwrap();
    let error = Error::from(run!(two, "BEGIN IMMEDIATE").unwrap_err());
    one.close().await.unwrap();
    two.close().await.unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(error.is_transient());
    assert_eq!(error.code(), ErrorCode::Timeout);
    assert_eq!(error.to_string(), "SQLite error 5: database is locked");
}
