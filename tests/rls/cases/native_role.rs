//! A role of the database that owns nothing, for policies of PostgreSQL: superusers and owners are no measure of them.

use kysera::Db;
use kysera_tests::{Ddl, Fixture};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres};

/// A database, and someone who has no more rights in it than to read and write all rows.
pub struct Guest {
    /// As that role.
    pub app: Db<Postgres>,
    pub role: String,
    pub schema: String,
    // After `app`: connections first. Before `fixture`, whose tables the role has privileges on.
    _role: Role,
    pub fixture: Fixture<Postgres>,
}

impl Guest {
    /// One connection of the role, so that what is left on it would be found by the next transaction.
    pub async fn of(ddl: &Ddl) -> Self {
        let fixture = Fixture::<Postgres>::new(ddl).await;
        let schema: String = fixture.scalar("SELECT current_schema()::text").await;
        // Roles belong to the whole server. The name of the application is the test's own also where its schema is `public`.
        let role = format!("{}_app", fixture.options().get_application_name().unwrap());
        let guard = Role { options: fixture.options(), name: role.clone() };
        fixture.execute(&format!("CREATE ROLE {role} LOGIN")).await;
        fixture.execute(&grants(&schema, &role)).await;
        let app = fixture.connect(fixture.options().username(&role), 1).await;
        Self { app, role, schema, _role: guard, fixture }
    }

    /// As the superuser, whom no policy of the database concerns.
    pub fn owner(&self) -> Db<Postgres> {
        self.fixture.source().clone()
    }

    /// Another schema with these tables.
    pub async fn second_schema(&self, tables: &str) -> String {
        let (schema, role) = (format!("{}_2", self.schema), &self.role);
        self.fixture.execute(&format!("CREATE SCHEMA {schema}")).await;
        let ddl = format!(
            "SET search_path = {schema}, {first}; {tables}; SET search_path = {first}; {}",
            grants(&schema, role),
            first = self.schema
        );
        self.fixture.execute(&ddl).await;
        schema
    }
}

fn grants(schema: &str, role: &str) -> String {
    format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
    )
}

/// Dropped at the end of the test, also when it panics.
struct Role {
    options: sqlx::postgres::PgConnectOptions,
    name: String,
}

impl Drop for Role {
    fn drop(&mut self) {
        let (options, name) = (&self.options, &self.name);
        std::thread::scope(|scope| {
            let drop = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let mut conn = PgConnection::connect_with(options).await.unwrap();
                    // A transaction of a test that panicked may be open.
                    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
                    sqlx::query(end).bind(name).execute(&mut conn).await.unwrap();
                    let drop = format!(
                        "DROP SCHEMA IF EXISTS {} CASCADE; DROP OWNED BY {name}; DROP ROLE {name}",
                        second(name)
                    );
                    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut conn).await.unwrap();
                });
            });
            drop.join().unwrap();
        });
    }
}

/// The name of [`Guest::second_schema`].
fn second(role: &str) -> String {
    role.replace("_app", "_2")
}
