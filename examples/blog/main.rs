//! The API of a blog over SQLite, with axum: what a client asks for in a URL becomes typed queries.
//!
//! ```text
//! cargo run --example blog                # serves http://127.0.0.1:3000 from memory
//! curl 'localhost:3000/posts?sort=-reads&per_page=2'
//! curl 'localhost:3000/posts?filter=%7B%22title%22:%7B%22$contains%22:%22Rust%22%7D%7D'
//! curl 'localhost:3000/posts/1'
//! curl 'localhost:3000/authors'
//! curl -X POST 'localhost:3000/posts/4/publish'
//! ```

mod api;
mod entities;
mod failure;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use kysera::{Db, Error, Result, Sqlite};

const ADDRESS: &str = "127.0.0.1:3000";

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the blog ends early: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<()> {
    let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    entities::fill(&db).await?;
    let listener = tokio::net::TcpListener::bind(ADDRESS).await.map_err(Error::other)?;
    println!("listening on http://{ADDRESS}/posts");
    axum::serve(listener, api::router(db)).await.map_err(Error::other)
}
