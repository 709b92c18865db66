use std::future::Future;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::*;

/// Runs a test in a database of its own, and drops it whatever comes of the test.
async fn in_database<F: Future<Output = ()> + Send + 'static>(
    test: &str,
    run: impl FnOnce(PgConnection) -> F,
) {
    let url = server("KYSERA_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres");
    let mut admin = PgConnection::connect(&url).await.expect("PostgreSQL at KYSERA_POSTGRES_URL");
    let name = database_name(test);
    run!(admin, AssertSqlSafe(format!("CREATE DATABASE {name}"))).unwrap();
    let options = url.parse::<PgConnectOptions>().unwrap().database(&name);
    let conn = PgConnection::connect_with(&options).await.unwrap();
    let result = tokio::spawn(run(conn)).await;
    run!(admin, AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).unwrap();
    if let Err(error) = result {
        std::panic::resume_unwind(error.into_panic());
    }
}

async fn schema(conn: &mut PgConnection) {
    run!(
        *conn,
        "CREATE TABLE pa (id INT PRIMARY KEY, e TEXT CONSTRAINT pa_e UNIQUE NOT NULL, a TEXT, b TEXT,
            n INT CONSTRAINT positive CHECK (n > 0), \"odd, name\" TEXT, \"d.o.t\" TEXT, span INT4RANGE,
            CONSTRAINT pa_ba UNIQUE (b, a), CONSTRAINT pa_odd UNIQUE (\"odd, name\", \"d.o.t\"),
            CONSTRAINT pa_span EXCLUDE USING gist (span WITH &&));
         CREATE UNIQUE INDEX pa_lower ON pa (lower(a));
         CREATE TABLE ch (id INT PRIMARY KEY, pid INT CONSTRAINT ch_pa REFERENCES pa,
            up INT CONSTRAINT ch_up REFERENCES ch, pe TEXT CONSTRAINT ch_pe REFERENCES pa (e));
         INSERT INTO pa VALUES (1, 'x', 'a', 'b', 1, 'o', 'd', '[1,5)')"
    )
    .unwrap();
}

async fn all_violations(conn: &mut PgConnection) {
    const UNIQUE: Expected<'static> = Expected {
        kind: ViolationKind::Unique,
        table: Some("pa"),
        constraint: None,
        columns: &[],
        referenced_table: None,
    };
    run!(*conn, "INSERT INTO pa (id, e) VALUES (2, $1)", SECRET).unwrap();
    let error = run!(*conn, "INSERT INTO pa (id, e) VALUES (3, $1)", SECRET).unwrap_err();
    expect("unique", error, Expected { constraint: Some("pa_e"), columns: &["e"], ..UNIQUE });
    let error = run!(*conn, "INSERT INTO pa (id, e) VALUES (1, 'y')").unwrap_err();
    expect("primary", error, Expected { constraint: Some("pa_pkey"), columns: &["id"], ..UNIQUE });
    let hostile = "s3cr3t)=(\n\"x\", (y";
    run!(*conn, "UPDATE pa SET a = $1, b = $1 WHERE id = 2", hostile).unwrap();
    let error = run!(*conn, "INSERT INTO pa (id, e, a, b) VALUES (3, 'y', $1, $1)", hostile).unwrap_err();
    expect("composite", error, Expected { constraint: Some("pa_ba"), columns: &["b", "a"], ..UNIQUE });
    let error = run!(*conn, "INSERT INTO pa (id, e, a) VALUES (3, 'y', 'A')").unwrap_err();
    expect("expression", error, Expected { constraint: Some("pa_lower"), ..UNIQUE });
    let odd = "INSERT INTO pa (id, e, \"odd, name\", \"d.o.t\") VALUES (3, 'y', 'o', 'd')";
    let columns = &["odd, name", "d.o.t"];
    expect(
        "quoted",
        run!(*conn, odd).unwrap_err(),
        Expected { constraint: Some("pa_odd"), columns, ..UNIQUE },
    );
    let error = run!(*conn, "INSERT INTO pa (id, e, span) VALUES (3, 'y', '[2,3)')").unwrap_err();
    let expected = Expected {
        kind: ViolationKind::Exclusion,
        constraint: Some("pa_span"),
        columns: &["span"],
        ..UNIQUE
    };
    expect("exclusion", error, expected);

    const CHILD: Expected<'static> =
        Expected { kind: ViolationKind::ForeignKey, table: Some("ch"), ..UNIQUE };
    let child = |constraint, columns, referenced| Expected {
        constraint: Some(constraint),
        columns,
        referenced_table: Some(referenced),
        ..CHILD
    };
    let error = run!(*conn, "INSERT INTO ch (id, pid) VALUES (1, 99)").unwrap_err();
    expect("child", error, child("ch_pa", &["pid"], "pa"));
    let hostile = "s3cr3t) is not present in table \"evil\".";
    let error = run!(*conn, "INSERT INTO ch (id, pe) VALUES (1, $1)", hostile).unwrap_err();
    expect("child with a hostile value", error, child("ch_pe", &["pe"], "pa"));
    let error = run!(*conn, "INSERT INTO ch (id, up) VALUES (1, 99)").unwrap_err();
    expect("child of itself", error, child("ch_up", &["up"], "ch"));
    run!(*conn, "INSERT INTO ch (id, pid, up) VALUES (1, 1, NULL), (2, NULL, 1)").unwrap();
    let error = run!(*conn, "DELETE FROM pa WHERE id = 1").unwrap_err();
    expect("parent", error, child("ch_pa", &[], "pa"));
    let error = run!(*conn, "DELETE FROM ch WHERE id = 1").unwrap_err();
    expect("parent of itself", error, child("ch_up", &[], "ch"));

    let error = run!(*conn, "INSERT INTO pa (id, a) VALUES (3, $1)", SECRET).unwrap_err();
    expect("not null", error, Expected { kind: ViolationKind::NotNull, columns: &["e"], ..UNIQUE });
    let error = run!(*conn, "INSERT INTO pa (id, e, n) VALUES (3, 's3cr3t', -1)").unwrap_err();
    let check = Expected { kind: ViolationKind::Check, constraint: Some("positive"), ..UNIQUE };
    expect("check", error, check);
}

#[tokio::test]
async fn violations() {
    in_database("violations", |mut conn| async move {
        schema(&mut conn).await;
        all_violations(&mut conn).await;
    })
    .await;
}

/// The same in every language that the server has messages of. (Setting one that it lacks leaves English.)
#[tokio::test]
async fn violations_in_other_languages() {
    in_database("languages", |mut conn| async move {
        let languages: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT collcollate FROM pg_collation WHERE collprovider = 'c' AND collcollate ~ '^[a-z]{2}_'",
        )
        .fetch_all(&mut conn)
        .await
        .unwrap();
        schema(&mut conn).await;
        for language in std::iter::once("C").chain(languages.iter().map(String::as_str)) {
            run!(conn, "SELECT set_config('lc_messages', $1, false)", language).unwrap();
            all_violations(&mut conn).await;
            run!(conn, "DELETE FROM ch; DELETE FROM pa WHERE id <> 1").unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn failures() {
    in_database("failures", |mut conn| async move {
        run!(
            conn,
            "CREATE TABLE t (n INT, name VARCHAR(3));
             CREATE FUNCTION raising() RETURNS TRIGGER LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 's3cr3t %', NEW.n USING ERRCODE = '40001'; END $$"
        )
        .unwrap();
        assert_eq!(
            failure(run!(conn, "SELECT * FROM nowhere").unwrap_err()),
            (ErrorCode::QueryFailed, "PostgreSQL error 42P01: relation \"nowhere\" does not exist".into())
        );
        assert_eq!(
            failure(run!(conn, "INSERT INTO t (n) VALUES ($1::text::int)", SECRET).unwrap_err()),
            (ErrorCode::InvalidInput, "PostgreSQL error 22P02".into())
        );
        for sql in ["SELECT to_tsquery($1)", "SELECT $1::text::regclass", "SELECT $1::text::jsonpath"] {
            let (code, message) = failure(run!(conn, sql, "s3cr3t & & (").unwrap_err());
            assert_eq!(code, ErrorCode::QueryFailed, "{sql}");
            assert!(message.starts_with("PostgreSQL error 42") && message.len() == 22, "{sql}: {message}");
        }
        assert_eq!(
            failure(run!(conn, "INSERT INTO t (name) VALUES ($1)", SECRET).unwrap_err()),
            (ErrorCode::InvalidInput, "PostgreSQL error 22001".into())
        );
        run!(conn, "CREATE TRIGGER raising BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION raising()")
            .unwrap();
        let error = run!(conn, "INSERT INTO t (n) VALUES (1)").unwrap_err();
        assert_eq!(failure(error), (ErrorCode::TransactionFailed, "PostgreSQL error 40001".into()));
        run!(conn, "SET statement_timeout = 1").unwrap();
        let (code, message) = failure(run!(conn, "SELECT pg_sleep(10)").unwrap_err());
        assert_eq!(code, ErrorCode::Timeout);
        assert!(message.starts_with("PostgreSQL error 57014: "), "{message}");
    })
    .await;
}

#[tokio::test]
async fn a_serialization_failure_is_transient() {
    in_database("serialization", |mut one| async move {
        let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut one).await.unwrap();
        let url = server("KYSERA_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres");
        let options = url.parse::<PgConnectOptions>().unwrap().database(&name);
        let mut two = PgConnection::connect_with(&options).await.unwrap();
        run!(one, "CREATE TABLE t (n INT); INSERT INTO t VALUES (1)").unwrap();
        run!(one, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t").unwrap();
        run!(two, "UPDATE t SET n = 2").unwrap();
        let error = Error::from(run!(one, "UPDATE t SET n = 3").unwrap_err());
        assert!(error.is_transient());
        assert_eq!(error.code(), ErrorCode::TransactionFailed);
        assert!(error.to_string().starts_with("PostgreSQL error 40001: "), "{error}");
    })
    .await;
}
