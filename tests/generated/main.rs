//! Entities for schemas that nobody here designed: Roundcube's, on all three databases, and that of `pgbench`. They are generated, compiled
//! against their own snapshots, and rows of every table are created, read, changed and deleted.
//!
//! `tests/services.sh roundcube` fetches what it needs. A program is built for it, which takes minutes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use kysera::schema::{self, Options, Schema, TableKind, TypeClass};
use kysera_tests::{Ddl, Fixture, TestBackend};
use sqlx::{MySql, Postgres, Sqlite};

/// A struct, as far as its text tells.
#[derive(Debug, Default)]
struct Struct {
    name: String,
    /// Fields by their columns.
    fields: HashMap<String, String>,
    types: HashMap<String, String>,
}

/// The structs of a generated file, by their tables.
fn structs(text: &str) -> HashMap<String, Struct> {
    let between = |line: &str, before: &str| {
        let rest = &line[line.find(before)? + before.len()..];
        Some(rest[..rest.find('"')?].to_owned())
    };
    let mut structs = HashMap::new();
    let (mut table, mut rename, mut current) = (None, None, Struct::default());
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("pub struct ") {
            current.name = name.trim_end_matches(" {").to_owned();
        } else if let Some(field) = line.strip_prefix("pub ").and_then(|line| line.split_once(": ")) {
            let plain = field.0.trim_start_matches("r#").to_owned();
            let column = rename.take().unwrap_or(plain);
            current.types.insert(column.clone(), field.1.trim_end_matches(',').to_owned());
            current.fields.insert(column, field.0.to_owned());
        } else if line == "}" && !current.name.is_empty() {
            structs.insert(table.take().expect("a table"), std::mem::take(&mut current));
        } else {
            table = between(line, "table = \"").or(table);
            rename = between(line, "rename = \"").or(rename);
        }
    }
    structs
}

/// Tables behind those that they refer to.
fn ordered(schema: &Schema) -> Vec<&schema::Table> {
    let mut order: Vec<&schema::Table> = Vec::new();
    let mut left: Vec<_> = schema.tables.iter().filter(|table| table.kind == TableKind::Table).collect();
    while !left.is_empty() {
        let ready = left.iter().position(|table| {
            let there = |name: &str| name == table.name || order.iter().any(|other| other.name == name);
            table.foreign_keys.iter().all(|key| there(&key.table))
        });
        order.push(left.remove(ready.expect("tables that refer to each other")));
    }
    order
}

/// A function that does with every table what one does with rows.
fn round_trip(schema: &Schema, structs: &HashMap<String, Struct>) -> String {
    let tables: Vec<_> =
        ordered(schema).into_iter().filter(|table| structs.contains_key(&table.name)).collect();
    let mut code = String::new();
    for (number, table) in tables.iter().enumerate() {
        let Struct { name, fields, types } = &structs[&table.name];
        let _ = write!(code, "let row{number} = {name}::factory(&numbers)");
        // Defaults that are no dates.
        let is_none =
            |default: &Option<String>| default.as_ref().is_some_and(|text| text.contains("0000-00-00"));
        for column in table.columns.iter().filter(|column| is_none(&column.default)) {
            let (field, ty) = (&fields[&column.name], &types[&column.name]);
            let _ = write!(code, ".{field}(<{ty} as kysera::testing::Sample>::sample(\"\", 1))");
        }
        for key in table.foreign_keys.iter().filter(|key| key.columns.len() == 1) {
            let parent = tables.iter().position(|other| other.name == key.table).expect("an entity");
            let parent_field = &structs[&key.table].fields[&key.references[0]];
            let _ = write!(code, ".{}(row{parent}.{parent_field}.clone())", fields[&key.columns[0]]);
        }
        code.push_str(".create(&db).await?;\n");
    }
    for (number, table) in tables.iter().enumerate() {
        let Struct { name, fields, .. } = &structs[&table.name];
        let _ = writeln!(code, "assert_eq!({name}::repo(&db).get(row{number}.id()).await?, row{number});");
        let is_key = |column: &str| {
            let mut keys = table.primary_key.iter().flat_map(|key| &key.columns);
            keys.any(|key| key == column)
                || table.unique.iter().any(|key| key.columns.iter().any(|key| key == column))
                || table.foreign_keys.iter().any(|key| key.columns.iter().any(|key| key == column))
        };
        let text =
            table.columns.iter().find(|column| column.class == TypeClass::Text && !is_key(&column.name));
        if let Some(column) = text {
            let field = &fields[&column.name];
            let _ = writeln!(
                code,
                "let changed = {name}::repo(&db).update(row{number}.id(), {name}Patch::new().{field}(\"new\".to_owned())).await?;\n\
                 assert!(format!(\"{{changed:?}}\").contains(\"\\\"new\"), \"{{changed:?}}\");"
            );
        }
    }
    for (number, table) in tables.iter().enumerate().rev() {
        let name = &structs[&table.name].name;
        let _ = writeln!(
            code,
            "assert!({name}::repo(&db).delete(row{number}.id()).await?);\n\
             assert!({name}::repo(&db).find_by_id(row{number}.id()).await?.is_none());"
        );
    }
    code
}

/// A module of the program: entities, their snapshot beside them, and the round trip.
async fn module<DB: TestBackend>(
    folder: &Path,
    module: &str,
    db: &Fixture<DB>,
    tables: usize,
) -> Result<String, kysera::Error> {
    let schema = schema::capture(db.source()).await?;
    let file = format!("{module}.json");
    schema.write(folder.join(&file)).map_err(kysera::Error::other)?;
    let entities = schema::generate(&schema, &Options::new().schema_file(file).derive("kysera::Factory"));
    println!("{module}: {} tables; {:?}", schema.tables.len(), entities.notes);
    let text = &entities.files[0].text;
    let structs = structs(text);
    assert_eq!(structs.len(), tables, "{:?}", entities.notes);
    fs::write(folder.join(format!("src/{module}.rs")), text).unwrap();
    Ok(format!(
        "mod {module};\nmod {module}_rows {{\n    use super::{module}::*;\n    use kysera::prelude::*;\n    #[allow(unused_imports)]\n    use sqlx::types::chrono::*;\n\
         pub async fn round_trip(db: Db<sqlx::{}>) -> kysera::Result<()> {{\nlet numbers = kysera::testing::Sequence::new();\n{}Ok(())\n}}\n}}\n",
        std::any::type_name::<DB>().rsplit("::").next().unwrap(),
        round_trip(&schema, &structs)
    ))
}

async fn roundcube<DB: TestBackend>() -> Fixture<DB> {
    let root =
        env::var("KYSERA_ROUNDCUBE_SQL").expect("KYSERA_ROUNDCUBE_SQL: see `tests/services.sh roundcube`");
    let name = match DB::DIALECT {
        kysera::backend::Dialect::Postgres => "postgres",
        kysera::backend::Dialect::MySql => "mysql",
        _ => "sqlite",
    };
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    db.execute(&fs::read_to_string(Path::new(&root).join(format!("{name}.initial.sql"))).unwrap()).await;
    db
}

/// The tables that `pgbench -i` makes, made by it.
async fn pgbench() -> Fixture<Postgres> {
    let db = Fixture::<Postgres>::concurrent(&Ddl::NONE, 2).await;
    let search_path: String = db.scalar("SELECT current_schema()::text").await;
    let program = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let program = program.map(|version| version.path().join("bin/pgbench")).find(|path| path.exists());
    let done = Command::new(program.unwrap_or_else(|| "pgbench".into()))
        .args(["-i", "-q", "--foreign-keys", &env::var("KYSERA_POSTGRES_URL").unwrap()])
        .env("PGOPTIONS", format!("-c search_path={search_path}"))
        .output()
        .expect("pgbench");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // Its rows have the keys that ours will have.
    db.execute("TRUNCATE pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers").await;
    db
}

/// Removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const CARGO: &str = r#"
[package]
name = "generated"
version = "0.0.0"
edition = "2024"

[workspace]

[profile.dev]
debug = "line-tables-only"

[dependencies]
kysera = { path = "KYSERA", features = ["sqlite", "postgres", "mysql", "chrono", "json", "testing"] }
sqlx = { version = "0.9", default-features = false, features = ["runtime-tokio", "derive", "chrono", "json"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
"#;

#[tokio::test]
#[ignore = "needs Roundcube's files: `tests/services.sh roundcube`"]
async fn entities_of_strangers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = Folder(env::temp_dir().join(format!("kysera-generated-{}", std::process::id())));
    fs::create_dir_all(folder.0.join("src")).unwrap();
    fs::write(folder.0.join("Cargo.toml"), CARGO.replace("KYSERA", root.join("kysera").to_str().unwrap()))
        .unwrap();
    fs::copy(root.join("Cargo.lock"), folder.0.join("Cargo.lock")).unwrap();

    let (postgres, mysql, sqlite) =
        (roundcube::<Postgres>().await, roundcube::<MySql>().await, roundcube::<Sqlite>().await);
    let bench = pgbench().await;
    // One of Roundcube's tables has no key, and one of pgbench's.
    let mut main = String::new();
    main += &module(&folder.0, "postgres", &postgres, 16).await.unwrap();
    main += &module(&folder.0, "mysql", &mysql, 17).await.unwrap();
    main += &module(&folder.0, "sqlite", &sqlite, 16).await.unwrap();
    main += &module(&folder.0, "bench", &bench, 3).await.unwrap();
    main += "
        use kysera::Db;
        use sqlx::pool::PoolOptions;

        fn options<O: std::str::FromStr<Err = sqlx::Error>>(number: usize) -> O {
            std::env::args().nth(number).unwrap().parse().unwrap()
        }

        #[tokio::main]
        async fn main() -> kysera::Result<()> {
            let postgres = options::<sqlx::postgres::PgConnectOptions>(1);
            let of = |argument| PoolOptions::new().connect_lazy_with(
                postgres.clone().options([(\"search_path\", std::env::args().nth(argument).unwrap())]));
            postgres_rows::round_trip(Db::from(of(2))).await?;
            bench_rows::round_trip(Db::from(of(3))).await?;
            let mysql = options::<sqlx::mysql::MySqlConnectOptions>(4).database(&std::env::args().nth(5).unwrap());
            mysql_rows::round_trip(Db::from(PoolOptions::new().connect_lazy_with(mysql))).await?;
            let sqlite = sqlx::sqlite::SqliteConnectOptions::new().filename(std::env::args().nth(6).unwrap()).foreign_keys(true);
            sqlite_rows::round_trip(Db::from(PoolOptions::new().connect_lazy_with(sqlite))).await
        }
    ";
    fs::write(folder.0.join("src/main.rs"), main).unwrap();

    let schema = "SELECT current_schema()::text";
    let arguments = [
        env::var("KYSERA_POSTGRES_URL").unwrap(),
        postgres.scalar::<String>(schema).await,
        bench.scalar::<String>(schema).await,
        env::var("KYSERA_MYSQL_URL").unwrap(),
        mysql.scalar::<String>("SELECT DATABASE()").await,
        sqlite.scalar::<String>("SELECT file FROM pragma_database_list").await,
    ];
    let target = env::var("CARGO_TARGET_DIR").map_or_else(|_| root.join("target"), PathBuf::from);
    let run = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--"])
        .args(arguments)
        .current_dir(&folder.0)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo");
    assert!(
        run.status.success(),
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
}
