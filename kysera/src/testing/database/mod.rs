//! A database for a test, by itself.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod run;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::BuildHasher;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;

pub use run::{Migrations, Spec, run};

use crate::backend::Backend;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::error::Error;
use crate::error::Result;
use crate::source::Db;

/// What databases of tests are called, and templates of them.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const PREFIX: &str = "kysera_t";
/// A database that is older belongs to a test that was killed.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const STALE: std::time::Duration = std::time::Duration::from_secs(2 * 60 * 60);
/// How long a template is copied from. It is removed a day later, when nobody can be copying it any more.
const WEEK: u64 = 7;

/// A database that tests are given one of: see [`test`](crate::test).
#[diagnostic::on_unimplemented(
    message = "a test cannot be given a database of `{Self}`",
    note = "`#[kysera::test]` gives a `Db<Postgres>`, `Db<MySql>` or `Db<Sqlite>`"
)]
pub trait TestDatabase: Backend {
    /// Copies the template, which is made first if there is none.
    #[doc(hidden)]
    fn place<'a>(
        ask: &'a Ask<'a>,
        fill: &'a Fill<'a, Self>,
    ) -> impl Future<Output = Result<Place<Self>>> + Send + 'a;
}

/// Fills a template.
#[doc(hidden)]
pub type Fill<'a, DB> = dyn Fn(Db<DB>) -> BoxFuture<'a, Result<()>> + Send + Sync + 'a;

/// What a test asks for.
#[doc(hidden)]
#[derive(Debug)]
pub struct Ask<'a> {
    /// The variable that holds the address of the server.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        expect(dead_code, reason = "SQLite has none")
    )]
    pub(super) url: &'a str,
    /// Of everything that goes into the template.
    pub(super) hash: &'a str,
    pub(super) connections: u32,
    /// On SQLite: in a file, and not in memory.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "servers do as they like"))]
    pub(super) file: bool,
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
impl Ask<'_> {
    fn server(&self) -> Result<String> {
        std::env::var(self.url).map_err(|_| {
            let text = format!(
                "`#[kysera::test]` reads the address of the server from the variable {}, which is not set: \
                 `{}=postgres://user@localhost/shop cargo test`, or `#[kysera::test(url = \"ANOTHER_VARIABLE\")]`",
                self.url, self.url
            );
            Error::BadRequest(text.into())
        })
    }
}

/// A database that was made.
#[doc(hidden)]
pub struct Place<DB: Backend> {
    pub(super) db: Db<DB>,
    pub(super) remove: BoxFuture<'static, Result<()>>,
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn today() -> u64 {
    now() / (24 * 60 * 60)
}

/// A name that nobody else has, with the time in it.
fn fresh_name() -> String {
    // Each of these has keys of its own.
    let random = RandomState::new().hash_one(std::process::id());
    format!("kysera_test_{}_{random:016x}", now())
}

/// Whether a database is left over from a test that was killed.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn is_stale_test(name: &str) -> bool {
    let made = name.strip_prefix("kysera_test_").and_then(|rest| rest.split('_').next());
    made.and_then(|made| made.parse::<u64>().ok()).is_some_and(|made| made + STALE.as_secs() < now())
}

/// `kysera_template_<day>_<hash>`
fn template_name(hash: &str) -> String {
    format!("kysera_template_{}_{hash}", today())
}

/// The day of a template, and its hash.
fn template(name: &str) -> Option<(u64, &str)> {
    let (day, hash) = name.strip_prefix("kysera_template_")?.split_once('_')?;
    Some((day.parse().ok()?, hash))
}

fn is_fresh_template(name: &str, hash: &str) -> bool {
    template(name).is_some_and(|(day, of)| of == hash && day + WEEK > today())
}

fn is_stale_template(name: &str) -> bool {
    template(name).is_some_and(|(day, _)| day + WEEK < today())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_live_for_a_week() {
        let name = |age: u64| format!("kysera_template_{}_abc", today() - age);
        assert_eq!(template_name("abc"), name(0));
        let ages = |is: &dyn Fn(&str) -> bool| (0..10).filter(|age| is(&name(*age))).collect::<Vec<_>>();
        assert_eq!(ages(&|name| is_fresh_template(name, "abc")), [0, 1, 2, 3, 4, 5, 6]);
        assert!(ages(&|name| is_fresh_template(name, "abd")).is_empty());
        // On the seventh day it is still being copied by those who began on the sixth.
        assert_eq!(ages(&is_stale_template), [8, 9]);
        for other in ["kysera_template_x_abc", "kysera_template_", "shop", "kysera_test_1_2"] {
            assert!(!is_stale_template(other) && !is_fresh_template(other, "abc"), "{other}");
        }
    }

    #[test]
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    fn names_are_fresh_and_grow_stale() {
        let name = fresh_name();
        assert!(name.len() < 64 && name.starts_with(PREFIX) && name != fresh_name());
        assert!(!is_stale_test(&name));
        assert!(is_stale_test(&format!("kysera_test_{}_1", now() - STALE.as_secs() - 1)));
        for other in ["kysera_test_", "kysera_test_x_1", "kysera_template_1_1", "shop"] {
            assert!(!is_stale_test(other), "{other}");
        }
    }
}
