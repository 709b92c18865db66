//! All of kysera's own plugins, with and without options, on both sides of the derive.
#![deny(warnings)]

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, Utc};
use kysera::plugin::{Audited, SoftDeleted, Timestamped, Versioned};
use kysera::prelude::*;

#[derive(Debug, Clone, Repository)]
#[kysera(table = "users")]
#[kysera::plugin(soft_delete, timestamps, version, audit)]
pub struct User {
    #[kysera(id)]
    pub id: i64,
    pub name: String,
    #[kysera(sensitive)]
    pub password: String,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

#[kysera::plugin(soft_delete(deleted_at = gone), timestamps(created_at = made, updated_at = changed, explicit))]
#[derive(Debug, Repository)]
#[kysera::plugin(version(column = revision), audit(table = "post_audit", schema = "logs", chain))]
#[kysera(table = "posts", context = Principal)]
struct Post {
    #[kysera(id)]
    id: i64,
    user_id: i64,
    text: String,
    made: NaiveDateTime,
    changed: Option<i64>,
    gone: bool,
    #[kysera(rename = "rev", filterable)]
    revision: u64,
}

#[kysera::plugin(soft_delete(), timestamps(update_only))]
#[derive(Debug, Repository)]
struct Profile {
    #[kysera(id)]
    id: i64,
    user_id: i64,
    created_at: i64,
    updated_at: i64,
    deleted: bool,
}

/// The flag is not the column if there is a time.
#[derive(Debug, Repository)]
#[kysera::plugin(timestamps(create_only,), soft_delete,)]
struct Both {
    #[kysera(id, assigned)]
    id: i64,
    created_at: Option<i64>,
    updated_at: i64,
    deleted: bool,
    deleted_at: Option<i64>,
}

#[derive(Debug)]
struct Principal;

impl kysera::Actor for Principal {
    fn actor(&self) -> Option<Cow<'_, str>> {
        None
    }
}

fn marks<E: SoftDeleted + Timestamped + Versioned + Audited>() {}

async fn reach(db: Db<Sqlite>) -> kysera::Result<()> {
    let _ = User::repo(&db).create(NewUser { name: "Ada".into(), password: "x".into() }).await?;
    let _ = User::repo(db.clone().with_context(Principal));
    let _ = Post::repo(db.clone().with_context(Principal));
    let _ = Post::repo(db.clone().unrestricted("a test"));
    Ok(())
}

fn main() {
    marks::<User>();
    marks::<Post>();
    let now = DateTime::UNIX_EPOCH;
    let user = User {
        id: 1,
        name: "Ada".into(),
        password: "x".into(),
        version: 3,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    };
    assert_eq!(user.version(), 3);
    let UserPatch { name, password } = user.to_patch();
    assert_eq!((name.as_deref(), password.as_deref()), (Some("Ada"), Some("x")));
    let _ = NewPost { user_id: 1, text: String::new(), made: None, changed: Some(None) };
    let _ = PostPatch::new().made(now.naive_utc()).changed(None).text("");
    let _ = NewProfile { user_id: 1, created_at: 3 };
    let _ = ProfilePatch::new().created_at(3);
    let _ = NewBoth { id: 1, updated_at: 3, deleted: false };
    let _ = BothPatch::new().deleted(true);
    let _ = reach;
}
