//! Fifteen years of somebody else's migrations: those of Roundcube, a webmail, from its first release on.
//!
//! Its files are not ours to copy; `tests/services.sh roundcube` fetches Debian's package. What stood before its first update is written
//! here, as that needs it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use kysera::backend::{Backend, Dialect};
use kysera::migrate::{MigrationState, Migrator};
use kysera::schema;
use kysera_tests::{Ddl, Fixture};

use super::has;
use crate::DB;

const BEFORE: Ddl = Ddl {
    postgres: r#"
        CREATE SEQUENCE user_ids; CREATE SEQUENCE identity_ids; CREATE SEQUENCE contact_ids;
        CREATE SEQUENCE cache_ids; CREATE SEQUENCE message_ids;
        CREATE TABLE users (
            user_id INTEGER DEFAULT nextval('user_ids'::text) PRIMARY KEY,
            username VARCHAR(128) DEFAULT '' NOT NULL, mail_host VARCHAR(128) DEFAULT '' NOT NULL,
            alias VARCHAR(128) DEFAULT '' NOT NULL, created TIMESTAMPTZ DEFAULT now() NOT NULL,
            last_login TIMESTAMPTZ DEFAULT now() NOT NULL, "language" VARCHAR(5) DEFAULT 'en' NOT NULL,
            preferences TEXT DEFAULT '' NOT NULL
        );
        CREATE TABLE "session" (
            sess_id VARCHAR(40) DEFAULT '' PRIMARY KEY, created TIMESTAMPTZ DEFAULT now() NOT NULL,
            changed TIMESTAMPTZ DEFAULT now() NOT NULL, ip VARCHAR(16) NOT NULL, vars TEXT NOT NULL
        );
        CREATE TABLE identities (
            identity_id INTEGER DEFAULT nextval('identity_ids'::text) PRIMARY KEY,
            user_id INTEGER NOT NULL REFERENCES users (user_id), del INTEGER DEFAULT 0 NOT NULL,
            standard INTEGER DEFAULT 0 NOT NULL, name VARCHAR(128) NOT NULL, organization VARCHAR(128),
            email VARCHAR(128) NOT NULL, "reply-to" VARCHAR(128), bcc VARCHAR(128), signature TEXT,
            html_signature INTEGER DEFAULT 0 NOT NULL
        );
        CREATE TABLE contacts (
            contact_id INTEGER DEFAULT nextval('contact_ids'::text) PRIMARY KEY,
            user_id INTEGER NOT NULL REFERENCES users (user_id), changed TIMESTAMPTZ DEFAULT now() NOT NULL,
            del INTEGER DEFAULT 0 NOT NULL, name VARCHAR(128) DEFAULT '' NOT NULL,
            email VARCHAR(128) DEFAULT '' NOT NULL, firstname VARCHAR(128) DEFAULT '' NOT NULL,
            surname VARCHAR(128) DEFAULT '' NOT NULL, vcard TEXT
        );
        CREATE TABLE "cache" (
            cache_id INTEGER DEFAULT nextval('cache_ids'::text) PRIMARY KEY,
            user_id INTEGER NOT NULL REFERENCES users (user_id),
            session_id VARCHAR(40) REFERENCES "session" (sess_id), cache_key VARCHAR(128) DEFAULT '' NOT NULL,
            created TIMESTAMPTZ DEFAULT now() NOT NULL, data TEXT NOT NULL
        );
        CREATE TABLE messages (
            message_id INTEGER DEFAULT nextval('message_ids'::text) PRIMARY KEY,
            user_id INTEGER NOT NULL REFERENCES users (user_id), del INTEGER DEFAULT 0 NOT NULL,
            cache_key VARCHAR(128) DEFAULT '' NOT NULL, created TIMESTAMPTZ DEFAULT now() NOT NULL,
            idx INTEGER DEFAULT 0 NOT NULL, uid INTEGER DEFAULT 0 NOT NULL, headers TEXT NOT NULL
        )"#,
    mysql: "
        CREATE TABLE users (
            user_id INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, username VARCHAR(128) NOT NULL,
            mail_host VARCHAR(128) NOT NULL, alias VARCHAR(128) NOT NULL,
            created DATETIME NOT NULL DEFAULT '1000-01-01 00:00:00',
            last_login DATETIME NOT NULL DEFAULT '1000-01-01 00:00:00', language VARCHAR(5) NOT NULL DEFAULT 'en',
            preferences TEXT
        ) CHARACTER SET utf8;
        CREATE TABLE session (
            sess_id VARCHAR(40) NOT NULL PRIMARY KEY, created DATETIME NOT NULL DEFAULT '1000-01-01 00:00:00',
            changed DATETIME NOT NULL DEFAULT '1000-01-01 00:00:00', ip VARCHAR(15) NOT NULL, vars TEXT NOT NULL
        ) CHARACTER SET utf8;
        CREATE TABLE identities (
            identity_id INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
            user_id INT(10) UNSIGNED NOT NULL DEFAULT 0, del TINYINT(1) NOT NULL DEFAULT 0,
            standard TINYINT(1) NOT NULL DEFAULT 0, name VARCHAR(128) NOT NULL, organization VARCHAR(128),
            email VARCHAR(128) NOT NULL, `reply-to` VARCHAR(128), bcc VARCHAR(128), signature TEXT NOT NULL,
            html_signature TINYINT(1) NOT NULL DEFAULT 0,
            CONSTRAINT user_id_fk_identities FOREIGN KEY (user_id) REFERENCES users (user_id)
        ) CHARACTER SET utf8;
        CREATE TABLE contacts (
            contact_id INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
            changed DATETIME NOT NULL DEFAULT '1000-01-01 00:00:00', del TINYINT(1) NOT NULL DEFAULT 0,
            name VARCHAR(128) NOT NULL, email VARCHAR(128) NOT NULL, firstname VARCHAR(128) NOT NULL,
            surname VARCHAR(128) NOT NULL, vcard TEXT NULL, user_id INT(10) UNSIGNED NOT NULL DEFAULT 0,
            CONSTRAINT user_id_fk_contacts FOREIGN KEY (user_id) REFERENCES users (user_id)
        ) CHARACTER SET utf8;
        CREATE TABLE cache (
            user_id INT(10) UNSIGNED NOT NULL DEFAULT 0, session_id VARCHAR(40), cache_key VARCHAR(128) NOT NULL,
            created DATETIME NOT NULL DEFAULT '1000-01-01 00:00:00', data LONGTEXT NOT NULL,
            cache_id INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
            KEY cache_key (cache_key), KEY session_id (session_id),
            CONSTRAINT user_id_fk_cache FOREIGN KEY (user_id) REFERENCES users (user_id)
        ) CHARACTER SET utf8;
        CREATE TABLE messages (
            message_id INT(11) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
            user_id INT(10) UNSIGNED NOT NULL DEFAULT 0, del TINYINT(1) NOT NULL DEFAULT 0,
            cache_key VARCHAR(128) NOT NULL, created DATETIME NOT NULL DEFAULT '1000-01-01 00:00:00',
            idx INT(11) UNSIGNED NOT NULL DEFAULT 0, uid INT(11) UNSIGNED NOT NULL DEFAULT 0, headers TEXT NOT NULL,
            KEY idx (idx), KEY uid (uid),
            CONSTRAINT user_id_fk_messages FOREIGN KEY (user_id) REFERENCES users (user_id)
        ) CHARACTER SET utf8",
    sqlite: r#"
        CREATE TABLE users (
            user_id INTEGER NOT NULL PRIMARY KEY, username VARCHAR(128) NOT NULL DEFAULT '',
            mail_host VARCHAR(128) NOT NULL DEFAULT '', alias VARCHAR(128) NOT NULL DEFAULT '',
            created DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00',
            last_login DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', language VARCHAR(5) NOT NULL DEFAULT 'en',
            preferences TEXT NOT NULL DEFAULT ''
        );
        CREATE TABLE session (
            sess_id VARCHAR(40) NOT NULL PRIMARY KEY, created DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00',
            changed DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', ip VARCHAR(15) NOT NULL DEFAULT '', vars TEXT NOT NULL
        );
        CREATE TABLE identities (
            identity_id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL DEFAULT 0, del TINYINT NOT NULL DEFAULT 0,
            standard TINYINT NOT NULL DEFAULT 0, name VARCHAR(128) NOT NULL DEFAULT '', organization VARCHAR(128) DEFAULT '',
            email VARCHAR(128) NOT NULL DEFAULT '', "reply-to" VARCHAR(128) NOT NULL DEFAULT '',
            bcc VARCHAR(128) NOT NULL DEFAULT '', signature TEXT NOT NULL DEFAULT '', html_signature TINYINT NOT NULL DEFAULT 0
        );
        CREATE INDEX ix_identities_user_id ON identities (user_id);
        CREATE TABLE contacts (
            contact_id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL DEFAULT 0,
            changed DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', del TINYINT NOT NULL DEFAULT 0,
            name VARCHAR(128) NOT NULL DEFAULT '', email VARCHAR(128) NOT NULL DEFAULT '',
            firstname VARCHAR(128) NOT NULL DEFAULT '', surname VARCHAR(128) NOT NULL DEFAULT '', vcard TEXT NOT NULL DEFAULT ''
        );
        CREATE INDEX ix_contacts_user_id ON contacts (user_id);
        CREATE TABLE cache (
            cache_id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL DEFAULT 0, session_id VARCHAR(40),
            cache_key VARCHAR(128) NOT NULL DEFAULT '', created DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', data TEXT NOT NULL
        );
        CREATE TABLE messages (message_id INTEGER NOT NULL PRIMARY KEY)"#,
};

/// The folder of the files, as sqlx names them; removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Tests run side by side.
fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn root() -> PathBuf {
    std::env::var("KYSERA_ROUNDCUBE_SQL")
        .expect("KYSERA_ROUNDCUBE_SQL: see `tests/services.sh roundcube`")
        .into()
}

/// The updates of this database, behind what stood before them.
fn history() -> (Folder, usize) {
    let (name, before) = match DB::DIALECT {
        Dialect::Postgres => ("postgres", BEFORE.postgres),
        Dialect::MySql => ("mysql", BEFORE.mysql),
        _ => ("sqlite", BEFORE.sqlite),
    };
    let folder = Folder(std::env::temp_dir().join(format!(
        "kysera-roundcube-{name}-{}-{}",
        std::process::id(),
        next()
    )));
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(folder.0.join("1_before.sql"), before).unwrap();
    let mut count = 1;
    for entry in fs::read_dir(root().join(name)).unwrap() {
        let path = entry.unwrap().path();
        let version = path.file_stem().unwrap().to_str().unwrap();
        fs::copy(&path, folder.0.join(format!("{version}_update.sql"))).unwrap();
        count += 1;
    }
    (folder, count)
}

#[tokio::test]
#[ignore = "needs Roundcube's files: `tests/services.sh roundcube`"]
async fn the_history_is_applied_from_first_to_last() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    let (folder, count) = history();
    assert!(count > 30, "{count}");
    let migrator = Migrator::<DB>::from_dir(&folder.0).await.unwrap();
    let dry = migrator.dry_run(db.source()).await.unwrap();
    assert_eq!(dry.migrations.len(), count);
    let report = migrator.up(db.source()).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.done.len(), count);
    let status = migrator.validate(db.source()).await.unwrap();
    assert_eq!(status.versions(MigrationState::Applied).len(), count);
    // What came last is there, and what went is gone.
    assert!(has(&db, "responses").await && has(&db, "collected_addresses").await);
    assert!(!has(&db, "messages").await);
    // sqlx agrees on every checksum.
    let theirs = sqlx::migrate::Migrator::new(&*folder.0).await.unwrap();
    theirs.run(db.source().pool()).await.unwrap();
}

/// What the newest release makes at once, as its snapshot says, and what the updates have made of the first one.
#[tokio::test]
#[ignore = "needs Roundcube's files: `tests/services.sh roundcube`"]
async fn the_history_ends_where_the_newest_release_begins() {
    let grown = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    let (folder, _) = history();
    Migrator::<DB>::from_dir(&folder.0).await.unwrap().up(grown.source()).await.unwrap();
    let fresh = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    let name = match DB::DIALECT {
        Dialect::Postgres => "postgres.initial.sql",
        Dialect::MySql => "mysql.initial.sql",
        _ => "sqlite.initial.sql",
    };
    fresh.execute(&fs::read_to_string(root().join(name)).unwrap()).await;
    let (grown, fresh) =
        (schema::capture(grown.source()).await.unwrap(), schema::capture(fresh.source()).await.unwrap());
    assert!(fresh.tables.len() >= 17);
    let differences: Vec<String> = fresh.diff(&grown).iter().map(ToString::to_string).collect();
    let expected: &[&str] = match DB::DIALECT {
        Dialect::Postgres => &[
            // It was a VARCHAR, and its default kept that type; the updates name a key otherwise than the file does.
            "contacts: the column `email` is text NOT NULL DEFAULT ''::character varying instead of text NOT NULL DEFAULT ''::text",
            "filestore: there is no unique key `filestore_user_id_filename` (user_id, context, filename)",
            "filestore: there is a unique key `filestore_user_id_context_filename` (user_id, context, filename)",
        ],
        // An update turns three bytes for a character into four, and MySQL takes a larger type for what might not fit then.
        Dialect::MySql => &[
            "contacts: the column `email` is mediumtext NOT NULL instead of text NOT NULL",
            "contacts: the column `words` is mediumtext instead of text",
            "searches: the column `data` is mediumtext instead of text",
            "session: the column `vars` is longtext NOT NULL instead of mediumtext NOT NULL",
            "system: the column `value` is longtext instead of mediumtext",
        ],
        _ => &[],
    };
    assert_eq!(differences, expected);
}
