//! Measures kysera beside hand-written sqlx, and prints how long both take as ratios.
//!
//! Everything runs in one process and one after another, over and over, and the median counts: what the machine does
//! meanwhile meets all alike. README.md says how to run it and what the rows are.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for people at a terminal")]

mod allocations;
mod entities;
mod observe;
mod plugins;
mod report;
mod rls;
mod suite;

use sqlx::{MySql, Postgres, Sqlite};

#[global_allocator]
static ALLOCATIONS: allocations::Counter = allocations::Counter::new();

#[tokio::main]
async fn main() {
    // The beginning of a case's name; without it all of them.
    let only = std::env::args().nth(1).unwrap_or_default();
    report::head();
    let file = std::env::temp_dir().join(format!("kysera-benches-{}.sqlite", std::process::id()));
    let url = format!("sqlite://{}", file.display());
    if !asks_for_plugins(&only) {
        suite::sqlite::run(&url, &only).await;
    }
    observe::run(&only).await;
    plugins::sqlite::run(&url, &only).await;
    rls::sqlite::run(&url, &only).await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
    if let Ok(url) = std::env::var("KYSERA_POSTGRES_URL") {
        if !asks_for_plugins(&only) {
            suite::postgres::run(&url, &only).await;
        }
        plugins::postgres::run(&url, &only).await;
        rls::postgres::run(&url, &only).await;
    }
    if let Ok(url) = std::env::var("KYSERA_MYSQL_URL") {
        if !asks_for_plugins(&only) {
            suite::mysql::run(&url, &only).await;
        }
        plugins::mysql::run(&url, &only).await;
        rls::mysql::run(&url, &only).await;
    }
}

/// Whether the large tables of the other cases are not needed.
fn asks_for_plugins(only: &str) -> bool {
    ["plugins", "rls", "observe"].iter().any(|case| only.starts_with(case))
}

/// What the databases of the measurements differ in.
trait Spelling: kysera::Backend {
    const TEXT: &'static str;
    const FLOAT: &'static str;
    const TIME: &'static str;
    /// Without it statistics are as of an empty table.
    const ANALYZE: &'static str;
    /// Rows behind a place in the order of two columns.
    const BEHIND: &'static str;
    /// Rows before it, and itself.
    const BEFORE: &'static str;
    /// Rows behind a place on the way from values to NULLs, and the order.
    const BEHIND_NULLABLE: [&'static str; 2];

    /// A text that lives for ever, as literals do, with placeholders of the database's.
    fn literal(text: String) -> &'static str {
        text.leak()
    }
}

const VALUES_FIRST_DESC: [&str; 2] = [
    "(`rank` <= ? OR `rank` IS NULL) AND ((`rank` < ? OR `rank` IS NULL) OR (`rank` = ? AND id < ?))",
    "`rank` DESC, id DESC",
];

impl Spelling for Sqlite {
    const TEXT: &'static str = "TEXT";
    const FLOAT: &'static str = "REAL";
    const TIME: &'static str = "TEXT";
    const ANALYZE: &'static str = "ANALYZE";
    const BEHIND: &'static str = "(score, id) > (?, ?)";
    const BEFORE: &'static str = "(score, id) <= (?, ?)";
    const BEHIND_NULLABLE: [&'static str; 2] = VALUES_FIRST_DESC;
}

impl Spelling for MySql {
    const TEXT: &'static str = "VARCHAR(200)";
    const FLOAT: &'static str = "DOUBLE";
    const TIME: &'static str = "DATETIME(6)";
    const ANALYZE: &'static str = "ANALYZE TABLE bench_events, bench_authors, bench_posts";
    const BEHIND: &'static str = "score >= ? AND (score > ? OR (score = ? AND id > ?))";
    const BEFORE: &'static str = "score <= ? AND (score < ? OR (score = ? AND id <= ?))";
    const BEHIND_NULLABLE: [&'static str; 2] = VALUES_FIRST_DESC;
}

impl Spelling for Postgres {
    const TEXT: &'static str = "TEXT";
    const FLOAT: &'static str = "DOUBLE PRECISION";
    const TIME: &'static str = "TIMESTAMPTZ";
    const ANALYZE: &'static str = "VACUUM ANALYZE bench_events, bench_authors, bench_posts";
    const BEHIND: &'static str = "(score, id) > (?, ?)";
    const BEFORE: &'static str = "(score, id) <= (?, ?)";
    const BEHIND_NULLABLE: [&'static str; 2] = [
        "(rank >= ? OR rank IS NULL) AND ((rank > ? OR rank IS NULL) OR (rank = ? AND id > ?))",
        "rank ASC, id ASC",
    ];

    fn literal(text: String) -> &'static str {
        let mut out = String::new();
        for (i, part) in text.split('?').enumerate() {
            if i > 0 {
                out.push_str(&format!("${i}"));
            }
            out.push_str(part);
        }
        out.replace('`', "\"").leak()
    }
}
