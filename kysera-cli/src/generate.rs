//! `kysera generate`

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use kysera::schema::{self, Options, Schema};

use crate::connect::{Url, with};
use crate::output::{Failure, line, note};
use crate::schema::failed;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    url: Url,
    /// Take the tables of this snapshot instead of those of a database.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// The folder for what is made: `entities.rs`, or with `--file-per-table` a `mod.rs` and a file for each table.
    #[arg(long, value_name = "FOLDER", default_value = "src")]
    out: PathBuf,
    /// A file for each table.
    #[arg(long)]
    file_per_table: bool,
    /// One more derive for every struct, such as serde::Serialize.
    #[arg(long, value_name = "PATH")]
    derive: Vec<String>,
    /// A type of Rust for a type of the database: point=crate::geo::Point.
    #[arg(long = "type", value_name = "DATABASE=RUST")]
    types: Vec<String>,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let options = options(&args)?;
    let schema = match &args.snapshot {
        Some(file) => Schema::read(file).map_err(failed)?,
        None => with!(args.url.connect().await?, db => schema::capture(&db).await?),
    };
    let entities = schema::generate(&schema, &options);
    let files: Vec<(PathBuf, String)> =
        entities.files.into_iter().map(|file| (args.out.join(file.name), file.text)).collect();
    // All or none: what somebody has changed since is not lost half-way.
    let there: Vec<&Path> =
        files.iter().map(|(path, _)| path.as_path()).filter(|path| path.exists()).collect();
    if let (Some(first), false) = (there.first(), args.force) {
        let what = format!(
            "{} is there already: say --force to replace it, or --out to write elsewhere",
            first.display()
        );
        return Err(Failure::Refused(what));
    }
    fs::create_dir_all(&args.out).map_err(|error| io(&args.out, &error))?;
    for (path, text) in &files {
        fs::write(path, text).map_err(|error| io(path, &error))?;
        line(&path.display().to_string())?;
    }
    entities.notes.iter().for_each(|text| note(text));
    Ok(())
}

fn options(args: &Args) -> Result<Options, Failure> {
    let mut options = Options::new();
    if args.file_per_table {
        options = options.file_per_table();
    }
    for derive in &args.derive {
        options = options.derive(derive);
    }
    for pair in &args.types {
        let Some((database, rust)) = pair.split_once('=') else {
            let what = format!("`--type {pair}` names no type of Rust: write --type point=crate::geo::Point");
            return Err(Failure::Refused(what));
        };
        options = options.with_type(database, rust);
    }
    Ok(options)
}

fn io(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}
