//! The kit for tests, on SQLite.

pub type DB = sqlx::Sqlite;

/// There is no server.
pub const URL: &str = "KYSERA_NOTHING";

/// Something of everything that a template has to hand on.
pub const RICH: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL DEFAULT 1,
        double_size INTEGER GENERATED ALWAYS AS (size * 2) STORED, CHECK (size > 0));
    CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parents (id));
    CREATE VIEW names AS SELECT name FROM parents;
    CREATE VIEW a_names AS SELECT name FROM names WHERE name LIKE 'a%';
    CREATE TRIGGER grows AFTER UPDATE OF name ON parents BEGIN UPDATE parents SET size = size + 1 WHERE id = NEW.id; END;
    INSERT INTO parents (name, size) VALUES ('ada', 3), ('bob', 4);
    INSERT INTO children VALUES (1, 1)";

mod cases;

/// As a program has them beside its `Cargo.toml`.
#[kysera::test(migrations = "testing/migrations", fixtures("testing/fixtures/authors.sql"))]
async fn migrations_of_a_folder(db: kysera::Db<DB>) {
    assert_eq!(cases::names(&db).await, ["Ada", "Grace"]);
}

#[kysera::test(migrations = off, file, connections = 3, threads = 2)]
async fn a_file_has_several_connections(db: kysera::Db<DB>) {
    let all = [db.acquire().await.unwrap(), db.acquire().await.unwrap(), db.acquire().await.unwrap()];
    assert_eq!(db.metrics().max, 3);
    drop(all);
    db.raw_sql("CREATE TABLE t (n INTEGER)").await.unwrap();
}
