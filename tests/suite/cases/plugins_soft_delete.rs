//! Writes and rows that are marked as deleted.

use futures_util::TryStreamExt;
use kysera::plugin::SoftDeleteMethods;
use kysera::prelude::*;
use kysera::{Error, Keyset};
use kysera_tests::Fixture;

use super::plugins_entities::*;
use crate::DB;

async fn world() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&WORLD).await;
    populate(db.source()).await;
    db
}

fn is_not_found<T: std::fmt::Debug>(result: kysera::Result<T>) -> bool {
    matches!(result, Err(Error::NotFound { .. }))
}

/// All rows of authors, whatever they are marked as.
async fn stored(db: &Fixture<DB>) -> Vec<Author> {
    let authors = Author::repo(db.source());
    authors.find().with_deleted().order_by(Author::ID.asc()).all().await.unwrap()
}

#[tokio::test]
async fn a_delete_writes_the_time_once() {
    let db = world().await;
    let hands = Hands::new();
    let source = hands.of(db.source());
    let authors = Author::repo(&source);
    let before = stored(&db).await;
    assert!(authors.delete(1).await.unwrap());
    let when = utc(hands.now());
    let marked = Author { deleted_at: Some(when), ..before[0].clone() };
    assert_eq!(stored(&db).await, [marked.clone(), before[1].clone(), before[2].clone()]);
    // What is deleted stays as it is, with its time.
    hands.forward();
    assert!(!authors.delete(1).await.unwrap());
    assert!(!authors.delete(99).await.unwrap());
    assert_eq!(authors.delete_many([1_i64, 99, 1]).await.unwrap(), 0);
    assert_eq!(authors.find().filter(Author::ID.eq(1)).delete().await.unwrap(), 0);
    assert_eq!(stored(&db).await[0], marked);
    // Of several those that are left, all at one time.
    assert_eq!(authors.delete_many([1_i64, 2, 3, 2]).await.unwrap(), 2);
    let times: Vec<_> = stored(&db).await.into_iter().map(|author| author.deleted_at).collect();
    assert_eq!(times, [Some(when), Some(utc(hands.now())), Some(utc(hands.now()))]);
}

#[tokio::test]
async fn no_update_reaches_what_is_deleted() {
    let db = world().await;
    let authors = Author::repo(db.source());
    assert!(authors.delete(2).await.unwrap());
    let before = stored(&db).await;
    let patch = || AuthorPatch::new().age(99);
    assert!(is_not_found(authors.update(2, patch()).await));
    assert!(is_not_found(authors.update(2, AuthorPatch::new()).await));
    for rows in [vec![(2_i64, patch())], vec![(1, patch()), (2, patch())], vec![(2, AuthorPatch::new())]] {
        let number = rows.len();
        match authors.update_many(rows).await {
            Err(Error::Missing(missing)) => {
                assert_eq!(
                    (missing.asked, missing.positions, missing.ids),
                    (number, vec![number - 1], vec!["2".into()])
                );
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(authors.transition(2, Author::NAME, "Bob", "x", patch()).await.unwrap(), None);
    assert_eq!(authors.find().filter(Author::ID.eq(2)).update(patch()).await.unwrap(), 0);
    assert_eq!(
        authors.find().filter(Author::ID.eq(2)).set(Author::AGE, Author::ID).execute().await.unwrap(),
        0
    );
    assert_eq!(stored(&db).await, before);
    // Those that are there.
    assert_eq!(authors.find().set(Author::AGE, Author::ID).execute().await.unwrap(), 2);
    let ages: Vec<_> = stored(&db).await.into_iter().map(|author| author.age).collect();
    assert_eq!(ages, [Some(1), None, Some(3)]);
}

#[tokio::test]
async fn updates_of_what_a_query_shows_reach_it() {
    let db = world().await;
    let authors = Author::repo(db.source());
    authors.delete_many([1_i64, 2]).await.unwrap();
    let times = || async {
        stored(&db).await.into_iter().map(|author| author.deleted_at.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(authors.find().only_deleted().update(AuthorPatch::new().age(1)).await.unwrap(), 2);
    assert_eq!(
        authors.find().with_deleted().set(Author::AGE, Author::ID.plus(10)).execute().await.unwrap(),
        3
    );
    let ages: Vec<_> = stored(&db).await.into_iter().map(|author| author.age).collect();
    assert_eq!(ages, [Some(11), Some(12), Some(13)]);
    assert_eq!(times().await, [true, true, false]);
}

#[tokio::test]
async fn deleted_rows_can_be_shown_by_every_query() {
    let db = world().await;
    let authors = Author::repo(db.source());
    authors.delete_many([1_i64, 3]).await.unwrap();
    let find = || authors.find().order_by(Author::ID.asc());
    let ids = |rows: Vec<Author>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    for (name, find, wanted) in [
        ("hidden", find(), vec![2_i64]),
        ("shown", find().with_deleted(), vec![1, 2, 3]),
        ("only", find().only_deleted(), vec![1, 3]),
        ("the last word counts", find().with_deleted().only_deleted(), vec![1, 3]),
    ] {
        let n = wanted.len() as u64;
        assert_eq!(ids(find.clone().all().await.unwrap()), wanted, "{name}");
        assert_eq!(find.clone().first().await.unwrap().map(|row| row.id), wanted.first().copied(), "{name}");
        assert_eq!(find.clone().one().await.is_ok(), n == 1, "{name}");
        assert_eq!(ids(find.clone().stream().try_collect().await.unwrap()), wanted, "{name}");
        assert_eq!(find.clone().count().await.unwrap(), n, "{name}");
        for id in 1..=4 {
            let found = find.clone().filter(Author::ID.eq(id)).exists().await.unwrap();
            assert_eq!(found, wanted.contains(&id), "{name}");
        }
        assert_eq!(find.clone().select(Author::ID).all().await.unwrap(), wanted, "{name}");
        assert_eq!(find.clone().select(Author::ID).distinct().count().await.unwrap(), n, "{name}");
        assert_eq!(
            find.clone()
                .select((Author::ID, kysera::expr::count()))
                .group_by(Author::ID)
                .count()
                .await
                .unwrap(),
            n,
            "{name}"
        );
        let page = find.clone().page(PageRequest::new(1, 2)).await.unwrap();
        assert_eq!((ids(page.items), page.total), (wanted.iter().copied().take(2).collect(), n), "{name}");
        let first = find.clone().keyset(Keyset::first(2).with_total()).await.unwrap();
        assert_eq!(first.total, Some(n), "{name}");
        let mut walked = ids(first.items);
        let rest = find.clone().keyset(Keyset::first(2).after(first.next)).await.unwrap();
        if n > 2 {
            walked.extend(ids(rest.items));
        }
        assert_eq!(walked, wanted, "{name}");
        let last = find.clone().keyset(Keyset::last(9)).await.unwrap();
        assert_eq!(ids(last.items), wanted, "{name}");
        let loaded = find.clone().with(Author::POSTS).all().await.unwrap();
        assert_eq!(loaded.into_iter().map(|(row, _)| row.id).collect::<Vec<_>>(), wanted, "{name}");
        let joined = find.clone().left_join(Author::PROFILE).all().await.unwrap();
        assert_eq!(joined.into_iter().map(|(row, _)| row.id).collect::<Vec<_>>(), wanted, "{name}");
        let sub = find.clone().filter(Author::POSTS.count().ge(0)).count().await.unwrap();
        assert_eq!(sub, n, "{name}");
    }
    // In filters, joins and loads it concerns the query's own rows alone.
    let posts = Post::repo(db.source());
    let of_ada = posts.find().with_deleted().filter(Post::AUTHOR.any(Author::NAME.eq("Ada")));
    assert_eq!(of_ada.count().await.unwrap(), 0);
    assert_eq!(posts.find().with_deleted().join(Post::AUTHOR).count().await.unwrap(), 1);
    assert_eq!(
        posts
            .find()
            .with_deleted()
            .filter(Post::EDITOR.get(Author::NAME).is_not_null())
            .count()
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn deleted_rows_can_be_shown_by_loads_and_in_filters() {
    let db = world().await;
    let (authors, posts) = (Author::repo(db.source()), Post::repo(db.source()));
    posts.delete_many([2_i64, 3, 4]).await.unwrap();
    Tag::repo(db.source()).delete(2).await.unwrap();
    let ids = |loaded: Vec<(Author, Vec<Post>)>| -> Vec<Vec<i64>> {
        loaded.into_iter().map(|(_, posts)| posts.into_iter().map(|post| post.id).collect()).collect()
    };
    let find = || authors.find().order_by(Author::ID.asc());
    assert_eq!(ids(find().with(Author::POSTS).all().await.unwrap()), [vec![1], vec![], vec![5]]);
    let all = find().with(Author::POSTS.with_deleted()).all().await.unwrap();
    assert_eq!(ids(all), [vec![1, 2, 3], vec![4], vec![5]]);
    let only = find().with(Author::POSTS.only_deleted()).all().await.unwrap();
    assert_eq!(ids(only), [vec![2, 3], vec![4], vec![]]);
    let some = Author::POSTS.filter(Post::VIEWS.ge(20)).with_deleted().order_by(Post::VIEWS.desc()).limit(1);
    assert_eq!(ids(find().with(some).all().await.unwrap()), [vec![2], vec![], vec![5]]);
    let some = Author::POSTS.order_by(Post::VIEWS.desc()).limit(1).only_deleted();
    assert_eq!(ids(find().with(some).all().await.unwrap()), [vec![2], vec![4], vec![]]);
    // Filters and counts.
    let counts =
        (Author::POSTS.count(), Author::POSTS.with_deleted().count(), Author::POSTS.only_deleted().count());
    assert_eq!(find().select(counts).all().await.unwrap(), [(1, 3, 2), (0, 1, 1), (1, 1, 0)]);
    let gone = find().filter(Author::POSTS.only_deleted().any()).select(Author::ID).all().await.unwrap();
    assert_eq!(gone, [1, 2]);
    let never = find().filter(Author::POSTS.with_deleted().none()).count().await.unwrap();
    assert_eq!(never, 0);
    // Many to many: of the target, not of the link.
    let tags = || posts.find().with_deleted().order_by(Post::ID.asc());
    let ids = |loaded: Vec<(Post, Vec<Tag>)>| -> Vec<Vec<i64>> {
        loaded.into_iter().map(|(_, tags)| tags.into_iter().map(|tag| tag.id).collect()).collect()
    };
    let shown = tags().with(Post::TAGS.with_deleted()).all().await.unwrap();
    assert_eq!(ids(shown), [vec![1, 2], vec![1], vec![], vec![2], vec![1, 2, 3]]);
    PostTag::repo(db.source()).delete((1, 2)).await.unwrap();
    let shown = tags().with(Post::TAGS.with_deleted()).all().await.unwrap();
    assert_eq!(ids(shown), [vec![1], vec![1], vec![], vec![2], vec![1, 2, 3]]);
    let only = tags().with(Post::TAGS.only_deleted().limit(5)).all().await.unwrap();
    assert_eq!(ids(only), [vec![], vec![], vec![], vec![2], vec![2]]);
    // Nested: each level says it for itself.
    let nested = Author::POSTS.with_deleted().with(Post::TAGS.only_deleted());
    let nested = find().filter(Author::ID.ne(1)).with(nested).all().await.unwrap();
    let nested: Vec<Vec<usize>> = nested
        .into_iter()
        .map(|(_, posts)| posts.into_iter().map(|(_, tags)| tags.len()).collect())
        .collect();
    assert_eq!(nested, [[1], [1]]);
    // A parent that is deleted itself.
    authors.delete(1).await.unwrap();
    let authors = posts.find().order_by(Post::ID.asc()).with((Post::AUTHOR, Post::AUTHOR.with_deleted()));
    let authors: Vec<_> =
        authors.all().await.unwrap().into_iter().map(|(_, (a, b))| (a.is_some(), b.is_some())).collect();
    assert_eq!(authors, [(false, true), (true, true)]);
}

#[tokio::test]
async fn restore_tells_what_is_live_from_what_is_not_there() {
    let db = world().await;
    let authors = Author::repo(db.source());
    let before = stored(&db).await;
    assert!(matches!(authors.restore(1).await, Err(Error::NotDeleted { entity: "Author" })));
    assert!(matches!(authors.restore(99).await, Err(Error::NotFound { entity: "Author" })));
    authors.delete_many([1_i64, 2]).await.unwrap();
    assert_eq!(authors.restore(1).await.unwrap(), before[0]);
    assert_eq!(authors.get(1).await.unwrap(), before[0]);
    assert_eq!(authors.restore_many([1_i64, 2, 99, 2]).await.unwrap(), 1);
    assert_eq!(stored(&db).await, before);
    assert_eq!(authors.restore_many([0_i64; 0]).await.unwrap(), 0);
    authors.find().delete().await.unwrap();
    assert_eq!(authors.find().filter(Author::ID.gt(1)).restore().await.unwrap(), 2);
    assert_eq!(authors.find().only_deleted().restore().await.unwrap(), 1);
    assert_eq!(authors.find().with_deleted().restore().await.unwrap(), 0);
    assert_eq!(stored(&db).await, before);
    let links = PostTag::repo(db.source());
    assert!(matches!(links.restore((1, 1)).await, Err(Error::NotDeleted { entity: "PostTag" })));
    assert!(matches!(links.restore((1, 3)).await, Err(Error::NotFound { entity: "PostTag" })));
    assert_eq!(links.delete_many([(1, 1), (1, 2), (2, 2)]).await.unwrap(), 2);
    assert_eq!(links.restore_many([(1, 1), (1, 2), (2, 2), (2, 1)]).await.unwrap(), 2);
}

#[tokio::test]
async fn purge_removes_live_and_deleted_rows_by_their_keys() {
    let db = world().await;
    let authors = Author::repo(db.source());
    authors.delete(1).await.unwrap();
    assert!(authors.purge(1).await.unwrap());
    assert!(!authors.purge(1).await.unwrap());
    assert!(authors.purge(2).await.unwrap());
    assert_eq!(stored(&db).await.len(), 1);
    assert_eq!(authors.purge_many([1_i64, 3, 3]).await.unwrap(), 1);
    assert_eq!(authors.purge_many([0_i64; 0]).await.unwrap(), 0);
    assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM authors").await, 0);
}

#[tokio::test]
async fn purge_by_filters_removes_what_the_query_sees() {
    let db = world().await;
    let tags = Tag::repo(db.source());
    let left = || db.scalar::<i64>("SELECT COUNT(*) FROM tags");
    tags.delete(1).await.unwrap();
    assert_eq!(tags.find().filter(Tag::ID.ge(3)).purge().await.unwrap(), 1);
    assert_eq!(tags.find().filter(Tag::ID.eq(1)).purge().await.unwrap(), 0);
    assert_eq!(left().await, 2);
    assert_eq!(tags.find().only_deleted().purge().await.unwrap(), 1);
    assert_eq!(left().await, 1);
    tags.delete(2).await.unwrap();
    assert_eq!(tags.find().with_deleted().filter(Tag::LABEL.eq("sql")).purge().await.unwrap(), 1);
    assert_eq!(left().await, 0);
}

/// What is shown is not what is deleted: nothing else is deleted in its place.
#[tokio::test]
async fn a_delete_of_deleted_rows_deletes_no_others() {
    let db = world().await;
    let authors = Author::repo(db.source());
    authors.delete(1).await.unwrap();
    let before = stored(&db).await;
    let error = authors.find().only_deleted().delete().await.unwrap_err();
    assert!(matches!(&error, Error::BadRequest(text) if text.contains("purge")), "{error:?}");
    assert_eq!(stored(&db).await, before);
    // Those that are live, of all that are shown.
    assert_eq!(authors.find().with_deleted().delete().await.unwrap(), 2);
    assert_eq!(stored(&db).await[0], before[0]);
}

#[tokio::test]
async fn what_a_query_orders_cannot_be_restored_or_purged() {
    let db = world().await;
    let authors = Author::repo(db.source());
    authors.delete(1).await.unwrap();
    let bad = |result| matches!(result, Err(Error::BadRequest(_)));
    assert!(bad(authors.find().limit(1).restore().await));
    assert!(bad(authors.find().order_by(Author::ID.asc()).purge().await));
    assert!(bad(authors.find().only_deleted().offset(1).purge().await));
    assert_eq!(stored(&db).await.iter().filter(|row| row.deleted_at.is_some()).count(), 1);
}

#[tokio::test]
async fn a_key_of_a_deleted_row_is_taken() {
    let db = world().await;
    let authors = Author::repo(db.source());
    authors.delete(1).await.unwrap();
    let new = |id, name: &str| NewAuthor { id, name: name.into(), age: None };
    let error = authors.create(new(9, "Ada")).await.unwrap_err();
    assert!(error.is_unique_violation_of(Author::NAME), "{error:?}");
    let error = authors.create_many([new(9, "Zoe"), new(1, "Eve")]).await.unwrap_err();
    assert!(error.is_unique_violation_of(Author::ID), "{error:?}");
    authors.purge(1).await.unwrap();
    authors.create(new(1, "Ada")).await.unwrap();
}

#[tokio::test]
async fn restoring_meets_constraints() {
    let db = world().await;
    let authors = Author::repo(db.source());
    authors.delete(1).await.unwrap();
    // A unique key among live rows alone, where the database has it.
    if <DB as kysera::Backend>::DIALECT == kysera::backend::Dialect::MySql {
        return;
    }
    let fixture = Fixture::<DB>::new(&PARTIAL).await;
    let handles = Handle::repo(fixture.source());
    let first = handles.create(NewHandle { name: "ada".into(), note: None }).await.unwrap();
    handles.delete(first.id).await.unwrap();
    let second = handles.create(NewHandle { name: "ada".into(), note: None }).await.unwrap();
    let error = handles.restore(first.id).await.unwrap_err();
    assert!(error.is_unique_violation_of(Handle::NAME), "{error:?}");
    let error = handles.find().restore().await.unwrap_err();
    assert!(error.is_unique_violation_of(Handle::NAME), "{error:?}");
    handles.delete(second.id).await.unwrap();
    handles.restore(first.id).await.unwrap();
}

#[tokio::test]
async fn all_of_it_within_transactions() {
    let db = world().await;
    let before = stored(&db).await;
    let tx = db.source().begin().await.unwrap();
    let authors = Author::repo(&tx);
    assert!(authors.delete(1).await.unwrap());
    assert!(authors.find_by_id(1).await.unwrap().is_none());
    assert!(matches!(authors.restore(2).await, Err(Error::NotDeleted { .. })));
    assert!(authors.purge(3).await.unwrap());
    assert_eq!(authors.count().await.unwrap(), 1);
    tx.rollback().await.unwrap();
    assert_eq!(stored(&db).await, before);
}

#[tokio::test]
async fn more_keys_than_one_statement_takes() {
    let db = Fixture::<DB>::new(&WORLD).await;
    let tags = Tag::repo(db.source());
    let many = || 1..=5000_i64;
    tags.insert_many(many().map(|id| NewTag { id, label: "x".into() })).await.unwrap();
    assert_eq!(tags.delete_many(many().chain(1..=10)).await.unwrap(), 5000);
    assert_eq!(tags.count().await.unwrap(), 0);
    assert_eq!(tags.restore_many(many().chain(1..=10)).await.unwrap(), 5000);
    assert_eq!(tags.count().await.unwrap(), 5000);
    assert_eq!(tags.purge_many(many()).await.unwrap(), 5000);
}
