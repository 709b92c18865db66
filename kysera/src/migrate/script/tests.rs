#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

const ALL: [Dialect; 3] = [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite];

fn texts(dialect: Dialect, sql: &str) -> Vec<&str> {
    split(dialect, sql).into_iter().map(|statement| statement.text).collect()
}

#[test]
fn statements_end_at_semicolons() {
    for dialect in ALL {
        assert_eq!(texts(dialect, ""), [""; 0]);
        assert_eq!(texts(dialect, " ;; \n; "), [""; 0]);
        assert_eq!(texts(dialect, "-- a; b\n/* c; d */"), [""; 0]);
        assert_eq!(texts(dialect, "\u{feff}SELECT 1"), ["SELECT 1"]);
        assert_eq!(texts(dialect, "SELECT 1;SELECT 2"), ["SELECT 1", "SELECT 2"]);
        assert_eq!(
            texts(dialect, "-- x\nSELECT 1 -- y;\n; /* z */ SELECT 2 /* ; */ ;"),
            ["SELECT 1", "SELECT 2"]
        );
        assert_eq!(
            texts(dialect, "SELECT 'a;b', 'it''s;'; SELECT 2"),
            ["SELECT 'a;b', 'it''s;'", "SELECT 2"]
        );
        assert_eq!(texts(dialect, "CREATE TABLE \"a;b\" (n INT); X"), ["CREATE TABLE \"a;b\" (n INT)", "X"]);
        assert_eq!(texts(dialect, "SELECT 'ä;ö';\u{1f980}; ü"), ["SELECT 'ä;ö'", "\u{1f980}", "ü"]);
    }
}

#[test]
fn lines_are_counted() {
    let lines: Vec<usize> =
        split(Dialect::Postgres, "-- one\n\nSELECT 1;\n\n/*\n*/ SELECT '\n\n'; SELECT 3\n;")
            .iter()
            .map(|statement| statement.line)
            .collect();
    assert_eq!(lines, [3, 6, 8]);
}

#[test]
fn each_database_has_its_quotes() {
    for (dialect, sql, expected) in [
        (Dialect::Postgres, "SELECT $$a;b$$; X", vec!["SELECT $$a;b$$", "X"]),
        (Dialect::Postgres, "DO $f$ BEGIN; $$;$$ END $f$; X", vec!["DO $f$ BEGIN; $$;$$ END $f$", "X"]),
        (Dialect::Postgres, "SELECT $1; X", vec!["SELECT $1", "X"]),
        (Dialect::Postgres, "SELECT a$b$c; X$y$;Z", vec!["SELECT a$b$c", "X$y$", "Z"]),
        (Dialect::Postgres, r"SELECT E'\';'; X", vec![r"SELECT E'\';'", "X"]),
        (Dialect::Postgres, r"SELECT 'a\'; X", vec![r"SELECT 'a\'", "X"]),
        (Dialect::Postgres, r"SELECT nAmE'\'; X", vec![r"SELECT nAmE'\'", "X"]),
        (Dialect::Postgres, "SELECT /* a /* ; */ ; */ 1; X", vec!["SELECT /* a /* ; */ ; */ 1", "X"]),
        (
            Dialect::Postgres,
            "CREATE RULE r AS ON INSERT TO t DO (A; B); X",
            vec!["CREATE RULE r AS ON INSERT TO t DO (A; B)", "X"],
        ),
        (Dialect::MySql, r#"SELECT 'a\';', "b\";"; X"#, vec![r#"SELECT 'a\';', "b\";""#, "X"]),
        (Dialect::MySql, "SELECT 5--1; X", vec!["SELECT 5--1", "X"]),
        (Dialect::MySql, "SELECT 5 -- 1;\n; X # y;", vec!["SELECT 5", "X"]),
        (Dialect::MySql, "/*!40101 SET a = 1; */; X", vec!["/*!40101 SET a = 1; */", "X"]),
        (Dialect::MySql, "SELECT `a;b`; X", vec!["SELECT `a;b`", "X"]),
        (Dialect::Sqlite, "SELECT [a;b], `c;d`; X", vec!["SELECT [a;b], `c;d`", "X"]),
        (Dialect::Sqlite, r"SELECT '\'; X", vec![r"SELECT '\'", "X"]),
        (Dialect::Sqlite, "SELECT 5--1;\n; X", vec!["SELECT 5", "X"]),
    ] {
        assert_eq!(texts(dialect, sql), expected, "{dialect:?}");
    }
}

/// Each is one statement, with another one behind it.
#[test]
fn bodies_keep_their_semicolons() {
    for (dialect, sql) in [
        (
            Dialect::Sqlite,
            "CREATE TEMP TRIGGER t AFTER UPDATE ON a WHEN NEW.end > 1 BEGIN
                UPDATE a SET n = CASE WHEN n > 1 THEN 1 ELSE 2 END; DELETE FROM b; END",
        ),
        (Dialect::Sqlite, "create trigger if not exists t after insert on a begin select 1; -- ;\n end"),
        (
            Dialect::MySql,
            "CREATE DEFINER=`root`@`localhost` PROCEDURE p(IN n INT) BEGIN
                DECLARE i INT DEFAULT 0;
                IF n > 0 THEN SELECT IF(n > 1, 1, 2); ELSEIF n < 0 THEN SELECT 3; ELSE IF n = 0 THEN SELECT 4; END IF; END IF;
                w: WHILE i < n DO SET i = i + 1; IF i = 3 THEN LEAVE w; END IF; END WHILE w;
                REPEAT SET i = i - 1; UNTIL i = 0 END REPEAT;
                l: LOOP LEAVE l; END LOOP;
                CASE n WHEN 1 THEN SELECT 1; ELSE BEGIN END; END CASE;
                SELECT CASE WHEN n THEN REPEAT('x', 2) ELSE 'END' END;
            END",
        ),
        (Dialect::MySql, "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW IF NEW.n < 0 THEN SET NEW.n = 0; END IF"),
        (
            Dialect::MySql,
            "CREATE FUNCTION f(n INT) RETURNS TEXT BEGIN
                RETURN CASE WHEN n THEN IF(n > 1, 'a', 'b') ELSE CASE n WHEN 0 THEN REPEAT('x', 2) END END; END",
        ),
        (Dialect::MySql, "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.n = IF(NEW.n < 0, 0, NEW.n)"),
        (Dialect::MySql, "CREATE OR REPLACE DEFINER = root@localhost FUNCTION f() RETURNS INT DETERMINISTIC BEGIN RETURN 1; END"),
        (Dialect::MySql, "CREATE EVENT e ON SCHEDULE EVERY 1 HOUR DO BEGIN DELETE FROM a; DELETE FROM b; END"),
        (Dialect::MySql, "ALTER EVENT e DO BEGIN DELETE FROM a; END"),
        (Dialect::MySql, "CREATE TABLE t (`begin` INT, n INT DEFAULT (CASE WHEN 1 THEN 2 END))"),
        (Dialect::MySql, "CREATE SQL SECURITY INVOKER VIEW v AS SELECT CASE WHEN 1 THEN 2 END"),
        (Dialect::MySql, "DROP PROCEDURE IF EXISTS begin"),
        (
            Dialect::Postgres,
            "CREATE OR REPLACE FUNCTION f() RETURNS INT LANGUAGE SQL BEGIN ATOMIC
                SELECT CASE WHEN TRUE THEN 1 END; SELECT 2; END",
        ),
        (Dialect::Postgres, "CREATE FUNCTION f() RETURNS INT LANGUAGE SQL RETURN CASE WHEN TRUE THEN 1 END"),
        (Dialect::Postgres, "CREATE FUNCTION begin() RETURNS INT LANGUAGE SQL AS $$ SELECT 1; $$"),
    ] {
        assert_eq!(texts(dialect, &format!("{sql};\nSELECT 9;")), [sql, "SELECT 9"], "{dialect:?}");
    }
}

#[test]
fn transactions_of_their_own_are_seen() {
    let is = |dialect, sql| split(dialect, sql)[0].is_transactional(dialect);
    for dialect in ALL {
        for sql in
            ["BEGIN", "begin transaction", "COMMIT", "/* x */ Commit Work", "ROLLBACK", "rollback work"]
        {
            assert!(is(dialect, sql), "{dialect:?} {sql}");
        }
        for sql in [
            "ROLLBACK TO SAVEPOINT a",
            "ROLLBACK TRANSACTION TO a",
            "SAVEPOINT a",
            "RELEASE a",
            "SELECT 'COMMIT'",
        ] {
            assert!(!is(dialect, sql), "{dialect:?} {sql}");
        }
    }
    for sql in ["END", "ABORT", "START TRANSACTION", "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'"] {
        assert!(is(Dialect::Postgres, sql), "{sql}");
    }
    assert!(!is(Dialect::Postgres, "PREPARE p AS SELECT 1"));
}

#[test]
fn what_clients_do_is_told_apart() {
    let what = |dialect, sql| split(dialect, sql)[0].client_command(dialect).is_some();
    assert!(what(Dialect::MySql, "DELIMITER //"));
    assert!(what(Dialect::Postgres, "\\connect db"));
    assert!(what(Dialect::Postgres, "COPY t FROM stdin"));
    assert!(!what(Dialect::Postgres, "COPY t FROM '/file'"));
}

#[test]
fn heads_are_short_and_hold_no_texts() {
    let head = |dialect, sql| split(dialect, sql)[0].head(dialect);
    assert_eq!(head(Dialect::Postgres, "CREATE  ROLE\n a PASSWORD 'secret'"), "CREATE ROLE a PASSWORD '..'");
    assert_eq!(head(Dialect::Postgres, "SELECT $$secret$$, \"name\""), "SELECT '..', \"name\"");
    assert_eq!(head(Dialect::MySql, "SET a = \"secret\""), "SET a = '..'");
    assert_eq!(head(Dialect::MySql, "/*!50000 SET a = 'secret' */ x"), "/*!..*/ x");
    let long = head(Dialect::Sqlite, &format!("SELECT {}", "ä, ".repeat(100)));
    assert!(long.ends_with(", .."), "{long}");
    assert!(long.chars().count() <= 63, "{long}");
}

/// Statements that are whole, each without a semicolon that ends it.
fn whole(dialect: Dialect) -> impl Strategy<Value = &'static str> {
    let own: &[&str] = match dialect {
        Dialect::Postgres => &["SELECT $$;$$", "SELECT E'\\';'", "DO $x$ BEGIN NULL; END $x$"],
        Dialect::MySql => {
            &["SELECT '\\';', \"\\\";\"", "CREATE PROCEDURE p() BEGIN SELECT 1; END", "SELECT 1 # ;\n + 1"]
        }
        _ => &["SELECT [;]", "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END"],
    };
    let common = [
        "SELECT 1",
        "INSERT INTO t VALUES (';', 'it''s')",
        "SELECT /* ; */ 2",
        "SELECT 1 -- ;\n + 1",
        "DROP TABLE \"a;\"",
    ];
    proptest::sample::select([&common, own].concat())
}

proptest! {
    /// Nothing is lost, nothing is made up, and nothing panics.
    #[test]
    fn any_text_is_told_apart(sql in "[-a-e;'\"`$/*#\\\\(){}\\[\\] \n=.@!éBEGINDCASTRT]{0,60}") {
        for dialect in ALL {
            let mut rest = &*sql;
            for statement in split(dialect, &sql) {
                prop_assert!(!statement.text.is_empty());
                let at = rest.find(statement.text).unwrap();
                rest = &rest[at + statement.text.len()..];
                statement.head(dialect);
            }
            let tokens: String = Lexer::new(dialect, &sql).map(|token| token.text).collect();
            prop_assert_eq!(&tokens, &sql);
        }
    }

    #[test]
    fn what_is_joined_comes_apart_again(
        (dialect, parts) in (0_usize..3).prop_flat_map(|at| {
            (Just(ALL[at]), proptest::collection::vec(whole(ALL[at]), 0..8))
        }),
        glue in "(; \n|;|;;|;-- x\n|; /\\* y \\*/ )",
    ) {
        let sql = parts.iter().map(|part| format!("{part}{glue}")).collect::<String>();
        prop_assert_eq!(texts(dialect, &sql), parts);
    }
}
