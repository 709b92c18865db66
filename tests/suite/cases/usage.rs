//! The places where a repository is used: tasks, services, handlers, closures, transactions of sqlx.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::TryStreamExt;
use kysera::prelude::*;
use kysera::{Conn, Error, ReadOnly, Tx};
use kysera_tests::{Ddl, Fixture};
use tower::ServiceExt;

use crate::DB;

const NOTES: Ddl = Ddl {
    postgres: "CREATE TABLE notes (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    mysql: "CREATE TABLE notes (id BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(100) NOT NULL UNIQUE)",
    sqlite: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "notes")]
struct Note {
    #[kysera(id)]
    id: i64,
    #[kysera(unique)]
    text: String,
}

fn note(text: &str) -> NewNote {
    NewNote { text: text.into() }
}

/// Methods of the user's own, on one database and on any.
impl<S: Source<Database = DB>> NoteRepository<S> {
    async fn by_text(&self, text: &str) -> kysera::Result<Option<Note>> {
        self.find().filter(Note::TEXT.eq(text)).first().await
    }
}

impl<S: Source> NoteRepository<S>
where
    Note: kysera::entity::On<S::Database>,
{
    fn by_text_anywhere(&self, text: &str) -> impl Future<Output = kysera::Result<Option<Note>>> + Send {
        self.find().filter(Note::TEXT.eq(text)).first()
    }
}

/// A service that keeps its repository. It says nothing of databases beyond its default.
struct Notes<S: Source = kysera::Db<DB>> {
    notes: NoteRepository<S>,
}

impl<S: Source<Database = DB, Context = ()>> Notes<S> {
    fn new(source: S) -> Self {
        Self { notes: Note::repo(source) }
    }

    async fn text(&self, id: i64) -> kysera::Result<Option<String>> {
        Ok(self.notes.find_by_id(id).await?.map(|note| note.text))
    }
}

impl<S: Transact<Database = DB, Context = ()>> Notes<S> {
    /// A transaction over a `Db`, a savepoint over a `Tx`.
    async fn add_both(&self, a: &str, b: &str) -> kysera::Result<(Note, Note)> {
        self.notes
            .source()
            .transaction(|tx| async move {
                let notes = Note::repo(&tx);
                Ok((notes.create(note(a)).await?, notes.create(note(b)).await?))
            })
            .await
    }
}

#[tokio::test]
async fn a_repository_works_in_a_task_and_in_join() {
    let db = Fixture::<DB>::concurrent(&NOTES, 4).await;
    let source = db.source().clone();
    let task = tokio::spawn(async move {
        let notes = Note::repo(&source);
        let (a, b) = tokio::join!(notes.create(note("a")), notes.create(note("b")));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(notes.by_text("a").await.unwrap().unwrap(), a);
        assert_eq!(notes.by_text_anywhere("b").await.unwrap().unwrap(), b);
        let mut rows = notes.find().stream();
        let mut count = 0;
        while rows.try_next().await.unwrap().is_some() {
            count += 1;
        }
        count
    });
    assert_eq!(task.await.unwrap(), 2);
}

/// Keys given by reference, from code that is generic over its source: the futures must still be `Send`.
async fn by_reference<S: Writable<Database = DB, Context = ()>>(source: &S, ids: &[i64]) -> usize {
    let notes = Note::repo(source);
    let mut found = 0;
    for id in ids {
        found += usize::from(notes.find_by_id(id).await.unwrap().is_some());
        found += usize::from(notes.exists(id).await.unwrap());
        notes.get(id).await.unwrap();
        notes.update(id, NotePatch::new().text(format!("{id}"))).await.unwrap();
    }
    found += notes.find_by_ids(ids).await.unwrap().len();
    found += notes.find_by_ids(ids.iter()).await.unwrap().len();
    found += notes.find().filter(Note::ID.in_(ids)).all().await.unwrap().len();
    let patches = ids.iter().map(|id| (id, NotePatch::new()));
    found += notes.update_many(patches).await.unwrap().len();
    let texts = ["x".to_owned(), "y".to_owned()];
    let rows = texts.iter().map(|text| NewNote { text: text.clone() });
    found += usize::try_from(notes.insert_many(rows).await.unwrap()).unwrap();
    found + usize::try_from(notes.delete_many(ids).await.unwrap()).unwrap()
}

#[tokio::test]
async fn keys_by_reference_work_in_a_task() {
    let db = Fixture::<DB>::concurrent(&NOTES, 2).await;
    let ids: Vec<i64> = Note::repo(db.source())
        .create_many(["a", "b"].map(note))
        .await
        .unwrap()
        .iter()
        .map(Note::id)
        .collect();
    let source = db.source().clone();
    let task = tokio::spawn(async move { by_reference(&source, &ids).await });
    assert_eq!(task.await.unwrap(), 16);
}

#[tokio::test]
async fn a_service_keeps_a_repository_and_runs_in_a_transaction_of_its_caller() {
    let db = Fixture::<DB>::concurrent(&NOTES, 2).await;
    let service = Arc::new(Notes::new(db.source().clone()));
    let (first, _) = service.add_both("a", "b").await.unwrap();
    let shared = service.clone();
    let text = tokio::spawn(async move { shared.text(first.id).await }).await.unwrap().unwrap();
    assert_eq!(text.as_deref(), Some("a"));

    // The same code in a test that leaves nothing behind.
    let tx = db.source().begin().await.unwrap();
    let inside = Notes::new(&tx);
    let (third, _) = inside.add_both("c", "d").await.unwrap();
    assert!(inside.add_both("e", "a").await.is_err(), "`a` is taken, so `e` is undone with it");
    assert_eq!(inside.text(third.id).await.unwrap().as_deref(), Some("c"));
    tx.rollback().await.unwrap();
    assert_eq!(Note::repo(db.source()).count().await.unwrap(), 2);
}

#[tokio::test]
async fn closures_capture_by_move_and_by_reference() {
    let db = Fixture::<DB>::concurrent(&NOTES, 2).await;
    let source = db.source();
    let (owned, borrowed) = (String::from("owned"), String::from("borrowed"));
    let made =
        source.transaction(|tx| async move { Note::repo(&tx).create(note(&owned)).await }).await.unwrap();
    assert_eq!(made.text, "owned");
    let made = source.transaction(async |tx| Note::repo(&tx).create(note(&borrowed)).await).await.unwrap();
    assert_eq!(made.text, borrowed);
    let failed: kysera::Result<()> = source
        .transaction(|tx| async move {
            Note::repo(&tx).create(note("gone")).await?;
            Err(Error::other("no"))
        })
        .await;
    assert_eq!(failed.unwrap_err().to_string(), "no");
    assert!(Note::repo(source).by_text("gone").await.unwrap().is_none());
}

#[tokio::test]
async fn a_transaction_of_sqlx_can_be_borrowed() {
    let db = Fixture::<DB>::concurrent(&NOTES, 2).await;
    let pool = db.source().pool();
    let mut tx = pool.begin().await.unwrap();
    {
        let borrowed = kysera::on::<DB>(&mut tx);
        let notes = Note::repo(&borrowed);
        notes.create(note("a")).await.unwrap();
        // Several statements of one call are undone together, and the transaction goes on.
        let twice = ["b", "c", "a"].map(note);
        if DB_NAME == "PostgreSQL" {
            assert_eq!(notes.upsert_many(twice, Note::TEXT).await.unwrap().len(), 3);
        } else {
            assert!(notes.create_many(twice).await.is_err());
        }
    }
    sqlx::query("INSERT INTO notes (text) VALUES ('by sqlx')").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let texts = if DB_NAME == "PostgreSQL" { vec!["a", "b", "by sqlx", "c"] } else { vec!["a", "by sqlx"] };
    assert_eq!(db.column::<String>("SELECT text FROM notes ORDER BY text").await, texts);

    // A plain pool is a source as well.
    Note::repo(pool).create(note("pool")).await.unwrap();
    assert_eq!(Note::repo(pool.clone()).by_text("pool").await.unwrap().unwrap().text, "pool");
}

#[tokio::test]
async fn every_source_reads_what_was_written() {
    async fn count<S: Source<Database = DB, Context = ()>>(source: S) -> u64 {
        Note::repo(source).count().await.unwrap()
    }
    let db = Fixture::<DB>::concurrent(&NOTES, 3).await;
    let source = db.source();
    Note::repo(source).create(note("a")).await.unwrap();
    assert_eq!(count(source).await, 1);
    assert_eq!(count(Arc::new(source.clone())).await, 1);
    assert_eq!(count(source.pool()).await, 1);
    assert_eq!(count(ReadOnly::new(source.clone())).await, 1);
    let conn: Conn<DB> = source.acquire().await.unwrap();
    assert_eq!(count(&conn).await, 1);
    drop(conn);
    let tx: Tx<DB> = source.begin().await.unwrap();
    assert_eq!(count(&tx).await, 1);
    tx.commit().await.unwrap();
    let tx = source.begin().read_only().await.unwrap();
    assert_eq!(count(&tx).await, 1);
}

#[tokio::test]
async fn a_context_travels_with_the_source() {
    struct Principal {
        name: &'static str,
    }
    async fn who<S: Source<Context = Principal>>(source: &S) -> &'static str {
        source.context().name
    }
    let db = Fixture::<DB>::concurrent(&NOTES, 2).await;
    let session = db.source().clone().with_context(Principal { name: "ada" });
    assert_eq!(who(&session).await, "ada");
    let inside = session
        .transaction(|tx| async move {
            Note::repo(&tx).create(note("a")).await?;
            let inner = tx.transaction(|inner| async move { Ok(who(&inner).await) }).await?;
            Ok((who(&tx).await, inner))
        })
        .await;
    assert_eq!(inside.unwrap(), ("ada", "ada"));
}

const DB_NAME: &str = <DB as sqlx::Database>::NAME;

// ---------------------------------------------------------------- a web service

#[derive(Clone)]
struct App {
    notes: Arc<Notes>,
}

/// What a handler answers with: the error's own JSON, and a status by its code.
struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.0.code() {
            kysera::ErrorCode::NotFound => StatusCode::NOT_FOUND,
            kysera::ErrorCode::UniqueViolation => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, serde_json::to_string(&self.0).unwrap()).into_response()
    }
}

async fn show(State(app): State<App>, Path(id): Path<i64>) -> Result<String, Failure> {
    Ok(app.notes.notes.get(id).await?.text)
}

async fn add(State(app): State<App>, text: String) -> Result<String, Failure> {
    let (first, _) = app.notes.add_both(&text, &format!("{text}!")).await?;
    Ok(first.id.to_string())
}

#[tokio::test]
async fn handlers_of_axum_use_repositories_and_transactions() {
    let db = Fixture::<DB>::concurrent(&NOTES, 2).await;
    let app = App { notes: Arc::new(Notes::new(db.source().clone())) };
    let router = Router::new().route("/notes", post(add)).route("/notes/{id}", get(show)).with_state(app);
    let call = |request: Request<Body>| {
        let router = router.clone();
        async move {
            let response = router.oneshot(request).await.unwrap();
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
            (status, String::from_utf8(body.to_vec()).unwrap())
        }
    };
    let post = |text: &str| Request::post("/notes").body(Body::from(text.to_owned())).unwrap();
    let get = |id: &str| Request::get(format!("/notes/{id}")).body(Body::empty()).unwrap();

    let (status, id) = call(post("hello")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(call(get(&id)).await, (StatusCode::OK, "hello".to_owned()));
    let (status, body) = call(post("hello")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(body.contains("VALIDATION_UNIQUE_VIOLATION") && !body.contains("hello"), "{body}");
    let (status, body) = call(get("0")).await;
    assert_eq!((status, body.contains("RESOURCE_NOT_FOUND")), (StatusCode::NOT_FOUND, true));
}
