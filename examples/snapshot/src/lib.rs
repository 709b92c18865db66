//! Structs that live on two databases, and are held against the tables of both while they compile: beside `Cargo.toml` are
//! `kysera.schema.postgres.json` and `kysera.schema.sqlite.json`, which the tests below keep right.
//!
//! Rename a field, or make it an `Option`, and see what the compiler says.

use kysera::prelude::*;

/// Somebody's money.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "accounts", has_many(outgoing = Transfer::SOURCE))]
pub struct Account {
    /// Made by the database.
    #[kysera(id)]
    pub id: i64,
    /// Whose customer it is.
    pub tenant: i64,
    /// Where to write to.
    pub email: String,
    /// In cents.
    #[kysera(default)]
    pub balance: i64,
    /// What others see.
    pub nick: Option<String>,
}

/// Money on its way.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "transfers")]
pub struct Transfer {
    /// Made by the database.
    #[kysera(id)]
    pub id: i64,
    /// Who gives it.
    pub source: i64,
    /// Who gets it.
    pub target: i64,
    /// In cents.
    pub amount: i64,
}

/// What is wrong with an account, in words. A constraint that is added to the table has to be added here.
pub fn explain(error: &kysera::Error) -> Option<&'static str> {
    Some(match error.violated::<AccountConstraint>()? {
        AccountConstraint::TenantEmailKey => "there is an account with this address",
        AccountConstraint::NickKey => "somebody has this name",
        AccountConstraint::BalanceCheck => "there is not enough money",
        AccountConstraint::PrimaryKey => "there is such an account",
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use kysera::error::ViolationKind;

    use super::*;

    async fn sqlite() -> Db<Sqlite> {
        let db = Db::<Sqlite>::connect("sqlite::memory:").await.unwrap();
        db.raw_sql(include_str!("../migrations/sqlite.sql")).await.unwrap();
        db
    }

    kysera::schema_test!(sqlite().await, "kysera.schema.sqlite.json", the_snapshot_of_sqlite_is_current);

    fn new(email: &str, nick: Option<&str>, balance: i64) -> NewAccount {
        NewAccount { tenant: 1, email: email.into(), balance: Some(balance), nick: nick.map(String::from) }
    }

    async fn keys_and_constraints<DB: kysera::Backend>(db: &Db<DB>)
    where
        Account: kysera::entity::On<DB>,
    {
        let accounts = Account::repo(db);
        let ada = accounts.create(new("ada@example.org", Some("ada"), 0)).await.unwrap();
        assert_eq!(accounts.find_by_nick("ada").await.unwrap(), Some(ada.clone()));
        assert_eq!(accounts.find_by_tenant_and_email(1, "ada@example.org").await.unwrap(), Some(ada));
        assert_eq!(accounts.find_by_tenant_and_email(2, "ada@example.org").await.unwrap(), None);
        for (wrong, said) in [
            (new("ada@example.org", None, 0), "there is an account with this address"),
            (new("bob@example.org", Some("ada"), 0), "somebody has this name"),
            (new("bob@example.org", None, -1), "there is not enough money"),
        ] {
            assert_eq!(explain(&accounts.create(wrong).await.unwrap_err()), Some(said));
        }
    }

    #[tokio::test]
    async fn on_sqlite() {
        keys_and_constraints(&sqlite().await).await;
    }

    /// What two databases have is one variant, and is called as the first one calls it.
    #[test]
    fn constraints_of_two_databases() {
        let key = AccountConstraint::TenantEmailKey;
        assert_eq!((key.name(), key.kind()), (Some("accounts_tenant_email_key"), ViolationKind::Unique));
        assert_eq!(key.columns(), ["tenant", "email"]);
        let all: Vec<String> = TransferConstraint::ALL.iter().map(|one| format!("{one:?}")).collect();
        assert_eq!(all, ["PrimaryKey", "SourceFkey", "TargetFkey", "AmountCheck"]);
    }

    /// A schema of a test's own.
    #[cfg(feature = "postgres")]
    async fn postgres(schema: &str) -> Db<Postgres> {
        let url = std::env::var("KYSERA_POSTGRES_URL").unwrap();
        let join = if url.contains('?') { '&' } else { '?' };
        let db = Db::<Postgres>::connect(&format!("{url}{join}options[search_path]={schema}")).await.unwrap();
        let tables = include_str!("../migrations/postgres.sql");
        let sql = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; {tables}");
        db.raw_sql(sqlx::AssertSqlSafe(sql)).await.unwrap();
        db
    }

    #[cfg(feature = "postgres")]
    kysera::schema_test!(
        postgres("kysera_snapshot_a").await,
        "kysera.schema.postgres.json",
        the_snapshot_of_postgres_is_current
    );

    #[cfg(feature = "postgres")]
    #[tokio::test]
    async fn on_postgres() {
        keys_and_constraints(&postgres("kysera_snapshot_b").await).await;
    }
}
