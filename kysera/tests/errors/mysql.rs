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

/// Those that MySQL and MariaDB have messages in; a server without the file of one answers in English.
const LANGUAGES: [&str; 19] = [
    "en_US", "bg_BG", "cs_CZ", "da_DK", "de_DE", "el_GR", "es_ES", "et_EE", "fr_FR", "hu_HU", "it_IT",
    "ja_JP", "ko_KR", "nl_NL", "pl_PL", "pt_PT", "ru_RU", "uk_UA", "sv_SE",
];

async fn all_violations(conn: &mut MySqlConnection, mariadb: bool) {
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
    run!(*conn, "INSERT INTO pa (id, e) VALUES (2, ?)", SECRET).unwrap();
    let error = run!(*conn, "INSERT INTO pa (id, e) VALUES (3, ?)", SECRET).unwrap_err();
    expect("unique", error, unique("e"));
    let error = run!(*conn, "INSERT INTO pa (id, e) VALUES (1, 'y')").unwrap_err();
    expect("primary", error, unique("PRIMARY"));
    let error = run!(*conn, "INSERT INTO pa (id, e, a, b) VALUES (3, 'y', 1, 2)").unwrap_err();
    expect("composite", error, unique("pa_ba"));
    let odd = "INSERT INTO pa (id, e, `odd, (n``ame)`, `d.o.t`) VALUES (3, 'y', 3, 4)";
    expect("quoted", run!(*conn, odd).unwrap_err(), unique("its, odd"));

    let foreign_key = |constraint, columns| Expected {
        kind: ViolationKind::ForeignKey,
        table: Some("ch (il.d"),
        constraint: Some(constraint),
        columns,
        referenced_table: Some("pa"),
    };
    let error = run!(*conn, "INSERT INTO `ch (il.d` (id, pid, must) VALUES (1, 99, 1)").unwrap_err();
    expect("child", error, foreign_key("ch`pa", &["pid"]));
    let error = run!(*conn, "INSERT INTO `ch (il.d` VALUES (1, 1, 99, 1)").unwrap_err();
    expect("composite child", error, foreign_key("ch_odd", &["x`y, z", "pid"]));
    run!(*conn, "INSERT INTO `ch (il.d` (id, pid, must) VALUES (1, 1, 1)").unwrap();
    let error = run!(*conn, "DELETE FROM pa WHERE id = 1").unwrap_err();
    expect("parent", error, foreign_key("ch`pa", &["pid"]));

    let null = |columns| Expected { kind: ViolationKind::NotNull, columns, ..NONE };
    let error = run!(*conn, "INSERT INTO pa (id, e) VALUES (3, NULL)").unwrap_err();
    expect("not null", error, null(&["e"]));
    let error = run!(*conn, "INSERT INTO `ch (il.d` (id) VALUES (3)").unwrap_err();
    expect("no default", error, null(&["must"]));

    let check = Expected { kind: ViolationKind::Check, ..NONE };
    let error = run!(*conn, "INSERT INTO pa (id, e, n) VALUES (3, ?, -1)", SECRET).unwrap_err();
    let mariadb_table = mariadb.then_some("pa");
    expect("check", error, Expected { table: mariadb_table, constraint: Some("positive"), ..check });
    let error = run!(*conn, "INSERT INTO pa (id, e, m) VALUES (3, 'y', 11)").unwrap_err();
    let columns: &[&str] = if mariadb { &["m"] } else { &[] };
    let constraint = Some(if mariadb { "m" } else { "pa_chk_1" });
    let kind = ViolationKind::Check;
    let of_column = Expected { kind, table: mariadb_table, constraint, columns, ..NONE };
    expect("check of a column", error, of_column);
}

/// In every language: names are taken from between quotation marks.
#[tokio::test]
async fn violations() {
    in_database("violations", |mut conn| async move {
        let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut conn).await.unwrap();
        let mariadb = version.contains("MariaDB");
        run!(
            conn,
            "CREATE TABLE pa (id INT PRIMARY KEY, e VARCHAR(100) NOT NULL UNIQUE, a INT, b INT, n INT, req INT NOT NULL DEFAULT 0,
                `odd, (n``ame)` INT, `d.o.t` INT, CONSTRAINT positive CHECK (n > 0), m INT CHECK (m < 10),
                UNIQUE pa_ba (b, a), UNIQUE `its, odd` (`odd, (n``ame)`, `d.o.t`));
             CREATE TABLE `ch (il.d`  (id INT PRIMARY KEY, pid INT, `x``y, z` INT, must INT NOT NULL,
                CONSTRAINT `ch``pa` FOREIGN KEY (pid) REFERENCES pa (id),
                CONSTRAINT ch_odd FOREIGN KEY (`x``y, z`, pid) REFERENCES pa (b, a));
             INSERT INTO pa (id, e, a, b, n, `odd, (n``ame)`, `d.o.t`) VALUES (1, 'x', 1, 2, 1, 3, 4)"
        )
        .unwrap();
        for language in LANGUAGES {
            run!(conn, AssertSqlSafe(format!("SET lc_messages = '{language}'"))).unwrap();
            all_violations(&mut conn, mariadb).await;
            run!(conn, "DELETE FROM `ch (il.d`; DELETE FROM pa WHERE id <> 1").unwrap();
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
