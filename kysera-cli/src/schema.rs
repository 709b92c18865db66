//! `kysera schema`

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use kysera::schema::{self, SchemaFileError};
use kysera::{Backend, Db};

use crate::connect::{Url, with};
use crate::output::{Failure, line};

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    url: Url,
    /// The snapshot. The derive looks for `kysera.schema.json` beside Cargo.toml, or for `kysera.schema.postgres.json` and so on where
    /// there are several databases.
    #[arg(long, global = true, value_name = "FILE", default_value = "kysera.schema.json")]
    file: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the tables of the database into the snapshot.
    Dump,
    /// Look whether the database is what the snapshot says; ends with 3 if not.
    Check,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let database = args.url.connect().await?;
    with!(database, db => on(&db, &args.command, &args.file).await)
}

async fn on<DB: Backend>(db: &Db<DB>, command: &Command, file: &Path) -> Result<(), Failure> {
    match command {
        Command::Dump => {
            let schema = schema::capture(db).await?;
            schema.write(file).map_err(failed)?;
            line(&format!("{}: {} tables", file.display(), schema.tables.len()))
        }
        Command::Check => {
            let expected = schema::Schema::read(file).map_err(failed)?;
            let report = schema::verify(db, &expected).await?;
            if report.is_current() {
                return line(&format!("{} is up to date", file.display()));
            }
            Err(Failure::Unfit(format!(
                "{report}\nwrite it anew with `kysera schema dump`, look at what changed, and commit it"
            )))
        }
    }
}

pub(crate) fn failed(error: SchemaFileError) -> Failure {
    Failure::Failed(error.to_string())
}
