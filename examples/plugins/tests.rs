use super::*;

async fn articles(db: &Db<Sqlite>, caller: Caller) -> (Db<Sqlite, Caller>, i64) {
    let editor = db.clone().with_context(Caller::Editor("grace".into()));
    let new = NewArticle { title: "A draft".into(), slug: None, published: None, notes: None };
    let id = Article::repo(&editor).create(new).await.unwrap().id;
    (db.clone().with_context(caller), id)
}

#[tokio::test]
async fn the_slug_comes_from_the_title() {
    let db = open().await.unwrap();
    let (editor, id) = articles(&db, Caller::Editor("ada".into())).await;
    assert_eq!(Article::repo(&editor).get(id).await.unwrap().slug, "a-draft");
    let new = NewArticle { title: "X".into(), slug: Some("given".into()), published: None, notes: None };
    assert_eq!(Article::repo(&editor).create(new).await.unwrap().slug, "given");
}

#[tokio::test]
async fn readers_see_what_is_published() {
    let db = open().await.unwrap();
    let (reader, id) = articles(&db, Caller::Reader).await;
    let public = Article::repo(&reader);
    assert!(public.find_by_id(id).await.unwrap().is_none());
    assert_eq!(public.count().await.unwrap(), 0);
    assert_eq!(public.find().filter(Article::TITLE.eq("A draft")).count().await.unwrap(), 0);
    // They cannot change it either.
    let patch = ArticlePatch::new().title("mine");
    assert!(public.update(id, patch).await.unwrap_err().is_not_found());
    assert!(!public.delete(id).await.unwrap());
    let system = db.unrestricted("a test looks at it");
    assert_eq!(Article::repo(&system).get(id).await.unwrap().title, "A draft");
}

#[tokio::test]
async fn the_outbox_is_written_with_the_article() {
    let db = open().await.unwrap();
    let (editor, id) = articles(&db, Caller::Editor("ada".into())).await;
    let count = || async {
        let row: (i64,) = sqlx::query_as("SELECT count(*) FROM outbox").fetch_one(db.pool()).await.unwrap();
        row.0
    };
    assert_eq!(count().await, 1);
    let articles = Article::repo(&editor);
    articles.update(id, ArticlePatch::new().title("B")).await.unwrap();
    assert_eq!(count().await, 1);
    // A slug that is taken: neither is there.
    let twice = NewArticle { title: "A draft".into(), slug: None, published: None, notes: None };
    assert!(articles.create(twice).await.unwrap_err().is_unique_violation_of(Article::SLUG));
    assert_eq!((count().await, articles.count().await.unwrap()), (1, 1));
}

#[tokio::test]
async fn the_log_names_who_and_covers_what_is_sensitive() {
    let db = open().await.unwrap();
    let (editor, id) = articles(&db, Caller::Editor("ada".into())).await;
    let articles = Article::repo(&editor);
    articles.update(id, ArticlePatch::new().notes("secret")).await.unwrap();
    let history = articles.history(id).all().await.unwrap();
    let who: Vec<_> = history.iter().map(|entry| entry.actor.as_deref()).collect();
    assert_eq!(who, [Some("ada"), Some("grace")]);
    assert!(!format!("{history:?}").contains("secret"));
}
