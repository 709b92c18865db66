//! Which database, by its URL.

use clap::Args;
use kysera::Db;

use crate::output::Failure;

/// Where the database is.
#[derive(Debug, Args)]
pub(crate) struct Url {
    /// The URL of the database: `postgres://..`, `mysql://..` or `sqlite://..`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true, value_name = "URL")]
    database_url: Option<String>,
}

/// A database of one of the kinds that the program was built for.
pub(crate) enum Database {
    #[cfg(feature = "postgres")]
    Postgres(Db<kysera::Postgres>),
    #[cfg(feature = "mysql")]
    MySql(Db<kysera::MySql>),
    #[cfg(feature = "sqlite")]
    Sqlite(Db<kysera::Sqlite>),
}

/// Runs the same code on any of them: `with!(database, db => work(db).await)`.
macro_rules! with {
    ($database:expr, $db:ident => $work:expr) => {
        match $database {
            #[cfg(feature = "postgres")]
            $crate::connect::Database::Postgres($db) => $work,
            #[cfg(feature = "mysql")]
            $crate::connect::Database::MySql($db) => $work,
            #[cfg(feature = "sqlite")]
            $crate::connect::Database::Sqlite($db) => $work,
        }
    };
}
pub(crate) use with;

impl Url {
    /// Connects, without the limits that are meant for requests.
    pub(crate) async fn connect(&self) -> Result<Database, Failure> {
        let Some(url) = &self.database_url else {
            let what = "which database? Give --database-url, or set DATABASE_URL";
            return Err(Failure::Refused(what.into()));
        };
        // The rest of it may hold a password.
        let scheme = url.split(':').next().unwrap_or_default();
        #[allow(unreachable_patterns, reason = "reached by those that the program was not built for")]
        match scheme {
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Ok(Database::Postgres(open(url).await?)),
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => Ok(Database::MySql(open(url).await?)),
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(Database::Sqlite(open(url).await?)),
            "postgres" | "postgresql" | "mysql" | "mariadb" | "sqlite" => Err(Failure::Refused(format!(
                "this `kysera` was built without {scheme}: install kysera-cli with the feature for it"
            ))),
            _ => {
                let what = "the URL of the database begins with none of postgres://, mysql:// and sqlite://";
                Err(Failure::Refused(what.into()))
            }
        }
    }
}

async fn open<DB: kysera::Backend>(url: &str) -> Result<Db<DB>, Failure> {
    Ok(Db::builder().session_limits(None).connect(url).await?)
}
