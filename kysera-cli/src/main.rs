//! The program `kysera`: migrations, snapshots of schemas and entities from a shell.
//!
//! Exit codes: 0 done, 1 failed, 2 not asked for as it must be, 3 the migrations or the snapshot do not fit the database.

#[cfg(not(any(feature = "postgres", feature = "mysql", feature = "sqlite")))]
compile_error!(
    "kysera-cli needs a database: switch on at least one of its features `postgres`, `mysql` and `sqlite`"
);

mod connect;
mod create;
mod generate;
mod migrate;
mod output;
mod schema;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::Failure;

/// Typed repositories on sqlx: what there is to do beside the program that uses them.
#[derive(Debug, Parser)]
#[command(name = "kysera", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply and undo migrations, and see how they stand.
    Migrate(migrate::Args),
    /// Write the snapshot of a database that the derive reads, and see whether it is up to date.
    Schema(schema::Args),
    /// Write entities for the tables of a database.
    Generate(generate::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let end = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("no runtime: {error}")))
        .and_then(|runtime| {
            runtime.block_on(async {
                match cli.command {
                    Command::Migrate(args) => migrate::run(args).await,
                    Command::Schema(args) => schema::run(args).await,
                    Command::Generate(args) => generate::run(args).await,
                }
            })
        });
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure);
            ExitCode::from(failure.code())
        }
    }
}
