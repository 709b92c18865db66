//! Migrations, on SQLite.

pub type DB = sqlx::Sqlite;

mod cases;

fn url(options: &sqlx::sqlite::SqliteConnectOptions) -> String {
    format!("sqlite://{}", options.get_filename().display())
}
