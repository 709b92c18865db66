use super::*;

fn users() -> Table<'static> {
    Table {
        schema: None,
        name: "users",
        columns: vec!["id", "email", "name", "bio", "role", "visits"],
        id: vec!["id"],
        given: vec!["email", "name", "bio"],
    }
}

#[test]
fn postgres() {
    let texts = Statements::new(&users(), Spelling::Postgres);
    let expected = Statements {
        select: r#"SELECT "id", "email", "name", "bio", "role", "visits" FROM "users""#.into(),
        find: r#"SELECT "id", "email", "name", "bio", "role", "visits" FROM "users" WHERE "id" = $1"#.into(),
        exists: r#"SELECT 1 FROM "users" WHERE "id" = $1"#.into(),
        count: r#"SELECT COUNT(*) FROM "users""#.into(),
        insert: r#"INSERT INTO "users" ("email", "name", "bio") VALUES ($1, $2, $3) RETURNING "id", "email", "name", "bio", "role", "visits""#.into(),
        delete: r#"DELETE FROM "users" WHERE "id" = $1"#.into(),
    };
    assert_eq!(texts, expected);
}

#[test]
fn mysql() {
    let texts = Statements::new(&users(), Spelling::MySql);
    let expected = Statements {
        select: "SELECT `id`, `email`, `name`, `bio`, `role`, `visits` FROM `users`".into(),
        find: "SELECT `id`, `email`, `name`, `bio`, `role`, `visits` FROM `users` WHERE `id` = ?".into(),
        exists: "SELECT 1 FROM `users` WHERE `id` = ?".into(),
        count: "SELECT COUNT(*) FROM `users`".into(),
        insert: "INSERT INTO `users` (`email`, `name`, `bio`) VALUES (?, ?, ?)".into(),
        delete: "DELETE FROM `users` WHERE `id` = ?".into(),
    };
    assert_eq!(texts, expected);
}

#[test]
fn sqlite() {
    let texts = Statements::new(&users(), Spelling::Sqlite);
    let expected = Statements {
        select: "SELECT `id`, `email`, `name`, `bio`, `role`, `visits` FROM `users`".into(),
        find: "SELECT `id`, `email`, `name`, `bio`, `role`, `visits` FROM `users` WHERE `id` = $1".into(),
        exists: "SELECT 1 FROM `users` WHERE `id` = $1".into(),
        count: "SELECT COUNT(*) FROM `users`".into(),
        insert: "INSERT INTO `users` (`email`, `name`, `bio`) VALUES ($1, $2, $3) RETURNING `id`, `email`, `name`, `bio`, `role`, `visits`".into(),
        delete: "DELETE FROM `users` WHERE `id` = $1".into(),
    };
    assert_eq!(texts, expected);
}

#[test]
fn composite_keys_and_schemas() {
    let table = Table {
        schema: Some("app"),
        name: "members",
        columns: vec!["org", "person", "since"],
        id: vec!["org", "person"],
        given: vec!["org", "person", "since"],
    };
    let postgres = Statements::new(&table, Spelling::Postgres);
    assert_eq!(postgres.exists, r#"SELECT 1 FROM "app"."members" WHERE "org" = $1 AND "person" = $2"#);
    let mysql = Statements::new(&table, Spelling::MySql);
    assert_eq!(mysql.delete, "DELETE FROM `app`.`members` WHERE `org` = ? AND `person` = ?");
}

#[test]
fn nothing_for_the_client_to_fill() {
    let table = Table { schema: None, name: "ticks", columns: vec!["id"], id: vec!["id"], given: vec![] };
    let postgres = Statements::new(&table, Spelling::Postgres);
    assert_eq!(postgres.insert, r#"INSERT INTO "ticks" DEFAULT VALUES RETURNING "id""#);
    let mysql = Statements::new(&table, Spelling::MySql);
    assert_eq!(mysql.insert, "INSERT INTO `ticks` () VALUES ()");
}

#[test]
fn names_are_escaped() {
    let table = Table {
        schema: None,
        name: "a \"b\" `c`",
        columns: vec!["x\"y`z"],
        id: vec!["x\"y`z"],
        given: vec![],
    };
    let postgres = Statements::new(&table, Spelling::Postgres);
    assert_eq!(postgres.select, r#"SELECT "x""y`z" FROM "a ""b"" `c`""#);
    let mysql = Statements::new(&table, Spelling::MySql);
    assert_eq!(mysql.select, "SELECT `x\"y``z` FROM `a \"b\" ``c```");
}
