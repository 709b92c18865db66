//! What the databases report of real violations, on plain sqlx connections. The features decide which run; with one
//! switched on its server must be there (`KYSERA_POSTGRES_URL`, `KYSERA_MYSQL_URL`).

use std::error::Error as _;

use kysera::error::{Violation, ViolationKind};
use kysera::{Error, ErrorCode};

/// A value that must not appear in any message.
const SECRET: &str = "s3cr3t' for key 'evil";

struct Expected<'a> {
    kind: ViolationKind,
    table: Option<&'a str>,
    constraint: Option<&'a str>,
    columns: &'a [&'a str],
    referenced_table: Option<&'a str>,
}

fn parts(violation: &Violation) -> Expected<'_> {
    Expected {
        kind: violation.kind(),
        table: violation.table(),
        constraint: violation.constraint(),
        columns: &[],
        referenced_table: violation.referenced_table(),
    }
}

fn expect(what: &str, error: sqlx::Error, expected: Expected<'_>) {
    let error = Error::from(error);
    assert!(!error.is_transient(), "{what}");
    let words = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
    assert!(!words.contains("s3cr3t"), "{what}: {words}");
    assert!(error.source().is_none(), "{what}: the source would show values");
    let violation = error.violation().unwrap_or_else(|| panic!("{what}: {:?}", error.as_sqlx()));
    let found = parts(violation);
    let said = || format!("{what}: {violation:?} of {:?}", violation.as_sqlx());
    assert_eq!(found.kind, expected.kind, "{}", said());
    assert_eq!(found.table, expected.table, "{}", said());
    assert_eq!(found.constraint, expected.constraint, "{}", said());
    assert_eq!(violation.columns(), expected.columns, "{}", said());
    assert_eq!(found.referenced_table, expected.referenced_table, "{}", said());
    let code = match expected.kind {
        ViolationKind::Unique => ErrorCode::UniqueViolation,
        ViolationKind::ForeignKey => ErrorCode::ForeignKeyViolation,
        ViolationKind::NotNull => ErrorCode::NotNullViolation,
        ViolationKind::Check => ErrorCode::CheckViolation,
        ViolationKind::Exclusion => ErrorCode::ExclusionViolation,
        kind => panic!("{kind:?}"),
    };
    assert_eq!(error.code(), code, "{what}");
}

/// What a failure that is no violation says of itself.
fn failure(error: sqlx::Error) -> (ErrorCode, String) {
    let error = Error::from(error);
    let words = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
    assert!(!words.contains("s3cr3t"), "{words}");
    assert!(error.as_sqlx().is_some());
    (error.code(), error.to_string())
}

macro_rules! run {
    ($conn:expr, $sql:expr) => {
        sqlx::raw_sql($sql).execute(&mut $conn).await.map(drop)
    };
    ($conn:expr, $sql:expr, $($bind:expr),+) => {
        sqlx::query($sql)$(.bind($bind))+.execute(&mut $conn).await.map(drop)
    };
}

#[cfg(feature = "sqlite")]
mod sqlite {
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
        let check =
            |constraint| Expected { kind: ViolationKind::Check, constraint: Some(constraint), ..NONE };
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
            (
                ErrorCode::InvalidInput,
                "SQLite error 3091: cannot store TEXT value in INT column typed.n".into()
            )
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
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn server(variable: &str, local: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| local.into())
}

/// A name that no other test and no other process has.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn database_name(test: &str) -> String {
    format!("kysera_errors_{test}_{}", std::process::id())
}

#[cfg(feature = "postgres")]
mod postgres {
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
                (
                    ErrorCode::QueryFailed,
                    "PostgreSQL error 42P01: relation \"nowhere\" does not exist".into()
                )
            );
            assert_eq!(
                failure(run!(conn, "INSERT INTO t (n) VALUES ($1::text::int)", SECRET).unwrap_err()),
                (ErrorCode::InvalidInput, "PostgreSQL error 22P02".into())
            );
            for sql in ["SELECT to_tsquery($1)", "SELECT $1::text::regclass", "SELECT $1::text::jsonpath"] {
                let (code, message) = failure(run!(conn, sql, "s3cr3t & & (").unwrap_err());
                assert_eq!(code, ErrorCode::QueryFailed, "{sql}");
                assert!(
                    message.starts_with("PostgreSQL error 42") && message.len() == 22,
                    "{sql}: {message}"
                );
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
            let name: String =
                sqlx::query_scalar("SELECT current_database()").fetch_one(&mut one).await.unwrap();
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
}

#[cfg(feature = "mysql")]
mod mysql {
    use std::future::Future;

    use sqlx::mysql::MySqlConnectOptions;
    use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};

    use super::*;

    /// Runs a test in a database of its own, and drops it whatever comes of the test.
    async fn in_database<F: Future<Output = ()> + Send + 'static>(
        test: &str,
        run: impl FnOnce(MySqlConnection) -> F,
    ) {
        let url = server("KYSERA_MYSQL_URL", "mysql://root@127.0.0.1:3306/test");
        let mut admin = MySqlConnection::connect(&url).await.expect("MySQL or MariaDB at KYSERA_MYSQL_URL");
        let name = database_name(test);
        run!(admin, AssertSqlSafe(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"))).unwrap();
        let options = url.parse::<MySqlConnectOptions>().unwrap().database(&name);
        let conn = MySqlConnection::connect_with(&options).await.unwrap();
        let result = tokio::spawn(run(conn)).await;
        run!(admin, AssertSqlSafe(format!("DROP DATABASE {name}"))).unwrap();
        if let Err(error) = result {
            std::panic::resume_unwind(error.into_panic());
        }
    }

    #[tokio::test]
    async fn violations() {
        in_database("violations", |mut conn| async move {
            let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut conn).await.unwrap();
            let mariadb = version.contains("MariaDB");
            run!(
                conn,
                "CREATE TABLE pa (id INT PRIMARY KEY, e VARCHAR(100) NOT NULL UNIQUE, a INT, b INT, n INT, req INT NOT NULL DEFAULT 0,
                    `odd, (n``ame)` INT, `d.o.t` INT, CONSTRAINT positive CHECK (n > 0), m INT CHECK (m < 10),
                    UNIQUE pa_ba (b, a), UNIQUE `it's, odd` (`odd, (n``ame)`, `d.o.t`));
                 CREATE TABLE `ch (il.d`  (id INT PRIMARY KEY, pid INT, `x``y, z` INT, must INT NOT NULL,
                    CONSTRAINT `ch``pa` FOREIGN KEY (pid) REFERENCES pa (id),
                    CONSTRAINT ch_odd FOREIGN KEY (`x``y, z`, pid) REFERENCES pa (b, a));
                 INSERT INTO pa (id, e, a, b, n, `odd, (n``ame)`, `d.o.t`) VALUES (1, 'x', 1, 2, 1, 3, 4)"
            )
            .unwrap();
            const NONE: Expected<'static> = Expected {
                kind: ViolationKind::Unique,
                table: None,
                constraint: None,
                columns: &[],
                referenced_table: None,
            };
            // MySQL tells the table, MariaDB does not.
            let table = (!mariadb).then_some("pa");
            let unique = |constraint| Expected { table, constraint: Some(constraint), ..NONE };
            run!(conn, "INSERT INTO pa (id, e) VALUES (2, ?)", SECRET).unwrap();
            let error = run!(conn, "INSERT INTO pa (id, e) VALUES (3, ?)", SECRET).unwrap_err();
            expect("unique", error, unique("e"));
            let error = run!(conn, "INSERT INTO pa (id, e) VALUES (1, 'y')").unwrap_err();
            expect("primary", error, unique("PRIMARY"));
            let error = run!(conn, "INSERT INTO pa (id, e, a, b) VALUES (3, 'y', 1, 2)").unwrap_err();
            expect("composite", error, unique("pa_ba"));
            let odd = "INSERT INTO pa (id, e, `odd, (n``ame)`, `d.o.t`) VALUES (3, 'y', 3, 4)";
            expect("quoted", run!(conn, odd).unwrap_err(), unique("it's, odd"));

            let foreign_key = |constraint, columns| Expected {
                kind: ViolationKind::ForeignKey,
                table: Some("ch (il.d"),
                constraint: Some(constraint),
                columns,
                referenced_table: Some("pa"),
            };
            let error = run!(conn, "INSERT INTO `ch (il.d` (id, pid, must) VALUES (1, 99, 1)").unwrap_err();
            expect("child", error, foreign_key("ch`pa", &["pid"]));
            let error = run!(conn, "INSERT INTO `ch (il.d` VALUES (1, 1, 99, 1)").unwrap_err();
            expect("composite child", error, foreign_key("ch_odd", &["x`y, z", "pid"]));
            run!(conn, "INSERT INTO `ch (il.d` (id, pid, must) VALUES (1, 1, 1)").unwrap();
            let error = run!(conn, "DELETE FROM pa WHERE id = 1").unwrap_err();
            expect("parent", error, foreign_key("ch`pa", &["pid"]));

            let null = |columns| Expected { kind: ViolationKind::NotNull, columns, ..NONE };
            let error = run!(conn, "INSERT INTO pa (id, e) VALUES (3, NULL)").unwrap_err();
            expect("not null", error, null(&["e"]));
            let error = run!(conn, "INSERT INTO `ch (il.d` (id) VALUES (3)").unwrap_err();
            expect("no default", error, null(&["must"]));

            let check = Expected { kind: ViolationKind::Check, ..NONE };
            let error = run!(conn, "INSERT INTO pa (id, e, n) VALUES (3, ?, -1)", SECRET).unwrap_err();
            let mariadb_table = mariadb.then_some("pa");
            expect("check", error, Expected { table: mariadb_table, constraint: Some("positive"), ..check });
            let error = run!(conn, "INSERT INTO pa (id, e, m) VALUES (3, 'y', 11)").unwrap_err();
            let columns: &[&str] = if mariadb { &["m"] } else { &[] };
            let constraint = Some(if mariadb { "m" } else { "pa_chk_1" });
            let kind = ViolationKind::Check;
            let of_column = Expected { kind, table: mariadb_table, constraint, columns, ..NONE };
            expect("check of a column", error, of_column);
        })
        .await;
    }

    #[tokio::test]
    async fn failures() {
        in_database("failures", |mut conn| async move {
            run!(
                conn,
                "CREATE TABLE t (n INT, name VARCHAR(3));
                 CREATE TRIGGER raising BEFORE UPDATE ON t FOR EACH ROW
                    SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 's3cr3t';
                 INSERT INTO t VALUES (1, 'x')"
            )
            .unwrap();
            let (code, message) = failure(run!(conn, "SELECT * FROM nowhere").unwrap_err());
            assert_eq!(code, ErrorCode::QueryFailed);
            assert!(message.starts_with("MySQL error 1146: ") && message.contains("nowhere"), "{message}");
            assert_eq!(
                failure(run!(conn, "INSERT INTO t (name) VALUES (?)", SECRET).unwrap_err()),
                (ErrorCode::InvalidInput, "MySQL error 1406".into())
            );
            assert_eq!(
                failure(run!(conn, "INSERT INTO t (n) VALUES (?)", SECRET).unwrap_err()),
                (ErrorCode::InvalidInput, "MySQL error 1366".into())
            );
            let error = Error::from(run!(conn, "UPDATE t SET n = 2").unwrap_err());
            assert!(!error.is_transient());
            assert_eq!(error.to_string(), "MySQL error 1213");
        })
        .await;
    }

    #[tokio::test]
    async fn waiting_for_a_lock_is_transient() {
        in_database("locks", |mut one| async move {
            let name: String = sqlx::query_scalar("SELECT DATABASE()").fetch_one(&mut one).await.unwrap();
            let url = server("KYSERA_MYSQL_URL", "mysql://root@127.0.0.1:3306/test");
            let options = url.parse::<MySqlConnectOptions>().unwrap().database(&name);
            let mut two = MySqlConnection::connect_with(&options).await.unwrap();
            run!(one, "CREATE TABLE t (n INT PRIMARY KEY); INSERT INTO t VALUES (1)").unwrap();
            run!(one, "BEGIN; SELECT * FROM t FOR UPDATE").unwrap();
            run!(two, "SET SESSION innodb_lock_wait_timeout = 1").unwrap();
            let error = Error::from(run!(two, "UPDATE t SET n = 2").unwrap_err());
            assert!(error.is_transient());
            assert_eq!(error.code(), ErrorCode::Timeout);
            assert!(error.to_string().starts_with("MySQL error 1205: "), "{error}");
            run!(one, "ROLLBACK").unwrap();
        })
        .await;
    }
}
