//! Parts of the query API that were made apart, together.

use kysera::backend::{Backend, Dialect};
use kysera::expr::count;
use kysera::prelude::*;
use kysera::{Error, ErrorCode, Keyset};

use super::compositions_world::{Comment, Link, Post, Tag, User, UserPatch, world};
use super::relations_entities as secrets;
use crate::DB;

fn bad(error: &Error) -> bool {
    matches!(error, Error::BadRequest(_))
}

#[tokio::test]
async fn rows_are_set_to_what_relations_say() {
    let (db, w) = world().await;
    let (users, posts) = (User::repo(db.source()), Post::repo(db.source()));
    let wanted = |value: &dyn Fn(&User) -> Option<i64>| w.users.iter().map(value).collect::<Vec<_>>();
    let ages = async || -> Vec<Option<i64>> {
        let found = users.find().order_by(User::ID.asc()).all().await.unwrap();
        found.into_iter().map(|user| user.age).collect()
    };
    assert_eq!(users.find().set(User::AGE, User::POSTS.count()).execute().await.unwrap(), 9);
    assert_eq!(ages().await, wanted(&|user| Some(w.posts_of(user).count() as i64)));

    // Of the table that is written: as the rows were before.
    users.find().set(User::AGE, User::ID).execute().await.unwrap();
    users.find().set(User::AGE, User::MANAGER.get(User::AGE)).execute().await.unwrap();
    assert_eq!(ages().await, wanted(&|user| w.manager(user).map(|manager| manager.id)));
    users.find().set(User::AGE, User::ID).execute().await.unwrap();
    let grand = User::MANAGER.get(User::MANAGER.get(User::AGE)).coalesce(0).plus(User::REPORTS.count());
    users.find().set(User::AGE, grand).set(User::NAME, "x").execute().await.unwrap();
    let grand = |user: &User| w.manager(user).and_then(|user| w.manager(user)).map_or(0, |user| user.id);
    assert_eq!(ages().await, wanted(&|user| Some(grand(user) + w.reports_of(user).count() as i64)));

    // Filters see the rows as they were as well.
    users.find().set(User::AGE, User::ID).execute().await.unwrap();
    let managed = |user: &User| w.manager(user).is_some_and(|manager| manager.id < 50);
    let number = w.users.iter().filter(|user| managed(user)).count() as u64;
    let find = users.find().filter(User::MANAGER.any(User::AGE.lt(50)));
    assert_eq!(find.clone().update(UserPatch::new().age(99)).await.unwrap(), number);
    assert_eq!(ages().await, wanted(&|user| Some(if managed(user) { 99 } else { user.id })));
    let find = users.find().filter(User::REPORTS.count().ge(1) & User::MANAGER.get(User::AGE).gt(0));
    find.set(User::AGE, User::REPORTS.filter(User::AGE.gt(0)).count()).execute().await.unwrap();

    // Through a link.
    let tagged = posts.find().filter(Post::TAGS.any(Tag::LABEL.ne("z")));
    let number = w.posts.iter().filter(|post| w.tags_of(post).next().is_some()).count() as u64;
    assert_eq!(tagged.clone().set(Post::VIEWS, Post::TAGS.count()).execute().await.unwrap(), number);
    let sum: Option<i64> =
        posts.find().filter(Post::TAGS.count().gt(0)).select(Post::VIEWS.sum()).one().await.unwrap();
    assert_eq!(sum, Some(w.posts.iter().map(|post| w.tags_of(post).count() as i64).sum()));
    assert_eq!(tagged.delete().await.unwrap(), number);
    let leaves = users.find().filter(User::REPORTS.none(Filter::all([])));
    let number = w.users.iter().filter(|user| w.reports_of(user).next().is_none()).count() as u64;
    assert_eq!(leaves.delete().await.unwrap(), number);
}

#[tokio::test]
async fn locks_of_joins_orders_and_pages() {
    let (db, w) = world().await;
    let tx = db.source().begin().await.unwrap();
    let posts = Post::repo(&tx);
    let find = || posts.find().order_by(Post::AUTHOR.get(User::NAME).desc()).order_by(Post::ID.asc());
    if DB::DIALECT == Dialect::Sqlite {
        for error in [
            find().join(Post::AUTHOR).for_update().all().await.unwrap_err(),
            find().limit(2).for_update().all().await.unwrap_err(),
        ] {
            assert_eq!(error.code(), ErrorCode::Unsupported);
        }
        return;
    }
    let plain = find().join(Post::AUTHOR).all().await.unwrap();
    assert_eq!(find().join(Post::AUTHOR).for_update().all().await.unwrap(), plain);
    assert_eq!(find().join(Post::AUTHOR).limit(3).offset(1).for_update().all().await.unwrap(), plain[1..4]);
    let plain = find().left_join(Post::EDITOR).join(Post::AUTHOR).all().await.unwrap();
    let locked = find().left_join(Post::EDITOR).join(Post::AUTHOR).for_share().all().await.unwrap();
    assert_eq!(locked, plain);
    let names: Vec<Option<String>> =
        find().left_join(Post::EDITOR).select(Post::EDITOR.get(User::NAME)).for_update().all().await.unwrap();
    assert_eq!(names.len(), w.posts.len());
    let counts = find().select((Post::ID, Post::COMMENTS.count())).for_update().skip_locked().first().await;
    assert!(counts.unwrap().is_some());
    let users = User::repo(&tx);
    let pairs = users.find().left_join(User::MANAGER).order_by(User::ID.asc()).for_update().no_wait();
    assert_eq!(pairs.all().await.unwrap().len(), 9);
    // No rows of a table.
    assert!(bad(&posts.find().select(count()).for_update().one().await.unwrap_err()));
    assert!(bad(&posts.find().select(Post::TITLE).distinct().for_update().all().await.unwrap_err()));
    let groups = posts.find().select(Post::TITLE).group_by(Post::TITLE).for_update().all().await;
    assert!(bad(&groups.unwrap_err()));
    assert!(posts.find().exists().await.unwrap(), "nothing was sent");
}

#[tokio::test]
async fn what_a_distinct_or_grouped_query_may_not_say_is_refused_before_it_is_sent() {
    let (db, _) = world().await;
    let tx = db.source().begin().await.unwrap();
    let posts = Post::repo(&tx);
    let by_author = || Post::AUTHOR.get(User::NAME).asc();
    let distinct = || posts.find().distinct().order_by(by_author());
    assert!(bad(&distinct().all().await.unwrap_err()));
    assert!(bad(&distinct().page(PageRequest::default()).await.unwrap_err()));
    assert!(bad(&distinct().select(Post::TITLE).all().await.unwrap_err()));
    assert!(bad(&distinct().left_join(Post::EDITOR).all().await.unwrap_err()));
    assert!(bad(&posts.find().distinct().order_by(Post::COMMENTS.count().asc()).all().await.unwrap_err()));
    let of_joined =
        posts.find().distinct().join(Post::AUTHOR).order_by(Post::AUTHOR.get(User::NAME.lower()).asc());
    assert!(bad(&of_joined.all().await.unwrap_err()));
    distinct().join(Post::AUTHOR).all().await.unwrap();
    distinct().join(Post::AUTHOR).page(PageRequest::default()).await.unwrap();

    let grouped = || posts.find().select((Post::TITLE, count())).group_by(Post::TITLE);
    for order in [Post::ID.asc(), by_author(), Post::COMMENTS.count().desc()] {
        assert!(bad(&grouped().order_by(order.clone()).all().await.unwrap_err()));
        assert!(bad(&grouped().order_by(order.clone()).page(PageRequest::default()).await.unwrap_err()));
        assert!(bad(&grouped().order_by(order).find_and_count().await.unwrap_err()));
    }
    for having in [
        Post::COMMENTS.any(Filter::all([])),
        !Post::AUTHOR.none(User::AGE.gt(1)),
        Post::AUTHOR.get(User::AGE).gt(1),
    ] {
        assert!(bad(&grouped().having(having.clone()).all().await.unwrap_err()));
        assert!(bad(&grouped().having(having.clone()).count().await.unwrap_err()));
        assert!(bad(&grouped().having(having).exists().await.unwrap_err()));
    }
    let aggregate_in_filter = posts.find().filter(Post::ID.max().gt(1));
    assert!(bad(&aggregate_in_filter.count().await.unwrap_err()));
    assert!(bad(&posts.find().filter(Post::AUTHOR.any(User::ID.max().gt(1))).all().await.unwrap_err()));
    // The transaction has heard of none of them.
    assert!(posts.find().exists().await.unwrap());
}

#[tokio::test]
async fn groups_whose_keys_lead_to_other_rows() {
    let (db, w) = world().await;
    let posts = Post::repo(db.source());
    // By the column that leads there: what is there is the same for the group, joined or not.
    let of_author = (Post::AUTHOR_ID, Post::AUTHOR.get(User::NAME), count());
    let mut wanted: Vec<(i64, Option<String>, i64)> = Vec::new();
    for post in &w.posts {
        match wanted.iter_mut().find(|(id, ..)| *id == post.author_id) {
            Some((.., number)) => *number += 1,
            None => wanted.push((post.author_id, w.author(post).map(|user| user.name.clone()), 1)),
        }
    }
    wanted.sort();
    let find = || posts.find().order_by(Post::AUTHOR_ID.asc());
    let found = find().select(of_author.clone()).group_by(Post::AUTHOR_ID);
    assert_eq!(found.clone().all().await.unwrap(), wanted);
    let joined = find().left_join(Post::AUTHOR).select(of_author).group_by(Post::AUTHOR_ID);
    assert_eq!(joined.clone().all().await.unwrap(), wanted);
    let named = joined.having(Post::AUTHOR.get(User::NAME).is_not_null() & Post::AUTHOR.any(Filter::all([])));
    let page =
        named.order_by(Post::AUTHOR.get(User::AGE).desc()).page(PageRequest::new(1, 100)).await.unwrap();
    assert_eq!(page.items, wanted.iter().filter(|(_, name, _)| name.is_some()).cloned().collect::<Vec<_>>());
    assert_eq!(page.total, page.items.len() as u64);

    // By how many rows there are.
    let users = User::repo(db.source());
    let counts = (User::POSTS.count(), count());
    let find = users.find().order_by(User::POSTS.count().desc()).order_by(count().asc());
    let find = find.select(counts).group_by(User::POSTS.count()).having(User::POSTS.count().gt(0));
    let mut wanted = std::collections::BTreeMap::new();
    for number in w.users.iter().map(|user| w.posts_of(user).count() as i64).filter(|number| *number > 0) {
        *wanted.entry(number).or_insert(0_i64) += 1;
    }
    let wanted: Vec<(i64, i64)> = wanted.into_iter().rev().collect();
    assert_eq!(find.clone().all().await.unwrap(), wanted);
    assert_eq!(find.clone().count().await.unwrap(), wanted.len() as u64);
    assert_eq!(find.page(PageRequest::new(1, 50)).await.unwrap().items, wanted);

    // By the key, where each group is a row.
    let rows = users.find().left_join(User::MANAGER).order_by(User::ID.asc());
    let rows = rows.select((User::NAME, User::MANAGER.get(User::NAME), User::AGE.max())).group_by(User::ID);
    let rows = rows.having(User::REPORTS.any(Filter::all([]))).all().await.unwrap();
    let wanted = w.users.iter().filter(|user| w.reports_of(user).next().is_some());
    let wanted = wanted.map(|user| (user.name.clone(), w.manager(user).map(|m| m.name.clone()), user.age));
    assert_eq!(rows, wanted.collect::<Vec<_>>());
}

#[tokio::test]
async fn distinct_rows_behind_the_first_ones() {
    let (db, w) = world().await;
    let posts = Post::repo(db.source());
    let titles: std::collections::BTreeSet<_> = w.posts.iter().map(|post| &post.title).collect();
    let find = posts.find().select(Post::TITLE).distinct();
    let number = titles.len() as u64;
    assert!(find.clone().offset(number - 1).exists().await.unwrap());
    assert!(!find.clone().offset(number).exists().await.unwrap());
    let computed = || Post::VIEWS.coalesce(7).plus(1);
    let find = posts.find().select(computed()).distinct().order_by(computed().desc());
    let all = find.clone().all().await.unwrap();
    let page = find.page(PageRequest::new(2, 2)).await.unwrap();
    assert_eq!((page.total, &page.items[..]), (all.len() as u64, &all[2..4]));
}

#[tokio::test]
async fn a_relation_that_is_joined_and_asked_for_within_itself() {
    let (db, w) = world().await;
    let users = User::repo(db.source());
    let age = || User::MANAGER.get(User::AGE);
    let inner = User::MANAGER.any(User::MANAGER.any(age().ge(0)) & age().eq(User::AGE));
    let find = users.find().join(User::MANAGER).filter(inner & age().ge(0)).order_by(age().asc());
    let found = find.order_by(User::ID.asc()).all().await.unwrap();
    let age = |user: Option<&User>| user.and_then(|user| user.age);
    let mut wanted: Vec<&User> = (w.users.iter())
        .filter(|user| {
            let manager = w.manager(user);
            let second = manager.and_then(|user| w.manager(user));
            let third = second.and_then(|user| w.manager(user));
            age(manager).is_some() && age(third).is_some() && age(second) == age(manager)
        })
        .collect();
    wanted.sort_by_key(|user| (age(w.manager(user)), user.id));
    assert_eq!(found.iter().map(|(user, _)| user).collect::<Vec<_>>(), wanted);
}

#[tokio::test]
async fn keyset_pages_in_a_transaction_with_relations() {
    let (db, w) = world().await;
    let has = |post: &&Post| w.comments_on(post).any(|comment| comment.body.as_str() >= "a");
    let mut wanted: Vec<_> = w.posts.iter().filter(has).cloned().collect();
    wanted.sort_by(|a, b| a.title.cmp(&b.title).then(b.id.cmp(&a.id)));
    let tx = db.source().begin().await.unwrap();
    let posts = Post::repo(&tx);
    let find = || {
        let find = posts.find().filter(Post::COMMENTS.any(Comment::BODY.ge("a")));
        find.order_by(Post::TITLE.asc()).order_by(Post::ID.desc()).with((Post::AUTHOR, Post::TAGS))
    };
    let (mut found, mut next, mut prev) = (Vec::new(), None, None);
    loop {
        let page = find().keyset(Keyset::first(2).after(&next).with_total()).await.unwrap();
        assert_eq!(page.total, Some(wanted.len() as u64));
        for (post, (author, tags)) in &page.items {
            assert_eq!(author.as_ref(), w.author(post));
            assert_eq!(tags.len(), w.tags_of(post).count());
        }
        found.extend(page.items.into_iter().map(|(post, _)| post));
        prev = page.prev.or(prev);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(found, wanted);
    let back = find().keyset(Keyset::last(100).before(prev)).await.unwrap();
    assert!(!back.has_prev && back.has_next);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn links_that_are_protected_are_reached_by_nobody_else() {
    use secrets::{Principal, Secret, User};
    let db = secrets::world().await;
    let users = User::repo(db.source());
    let is = |error: Error| assert!(matches!(error, Error::Protected { entity: "Secret" }), "{error:?}");
    let secrets = || User::SECRETS.count();
    is(users.find().select(secrets()).all().await.unwrap_err());
    is(users.find().select(secrets()).group_by(secrets()).count().await.unwrap_err());
    is(users.find().order_by(secrets().asc()).page(PageRequest::default()).await.unwrap_err());
    is(users.find().filter(secrets().gt(0)).find_and_count().await.unwrap_err());
    is(users.find().filter(secrets().gt(0)).keyset(Keyset::first(1)).await.unwrap_err());
    is(users.find().filter(secrets().gt(0)).exists().await.unwrap_err());
    is(users.find().filter(secrets().gt(0)).explain().await.unwrap_err());
    is(users.find().filter(secrets().gt(0)).to_sql().unwrap_err());
    is(users.find().filter(Filter::raw("{} > 0", (secrets(),))).all().await.unwrap_err());
    is(users
        .find()
        .select(count())
        .group_by(User::NAME)
        .having(secrets().max().gt(0))
        .all()
        .await
        .unwrap_err());
    is(users
        .find()
        .set(
            User::NAME,
            User::PROFILE
                .get(
                    secrets::Profile::USER
                        .get(User::SECRETS.filter(Secret::TEXT.eq("x")).count().cast::<String>()),
                )
                .coalesce(""),
        )
        .execute()
        .await
        .unwrap_err());
    let posts = secrets::Post::repo(db.source());
    is(posts
        .find()
        .join(secrets::Post::AUTHOR)
        .filter(secrets::Post::AUTHOR.get(secrets()).gt(0))
        .all()
        .await
        .unwrap_err());
    is(posts
        .find()
        .left_join(secrets::Post::AUTHOR)
        .order_by(secrets::Post::AUTHOR.get(secrets()).asc())
        .all()
        .await
        .unwrap_err());
    let load = secrets::Post::AUTHOR.order_by(secrets().asc()).limit(1);
    is(posts.find().with(load).all().await.unwrap_err());
    let asked = db.source().clone().with_context(Principal);
    assert_eq!(User::repo(&asked).find().select(secrets()).all().await.unwrap(), [0, 0, 0]);
}

#[tokio::test]
async fn every_sub_query_names_the_schema() {
    let db = kysera_tests::Fixture::<DB>::new(&kysera_tests::Ddl::NONE).await;
    let source = db.source().clone().in_schema("somewhere").unwrap();
    let (users, posts) = (User::repo(&source), Post::repo(&source));
    let filter = || User::POSTS.any(Post::TAGS.any(Tag::LABEL.eq("a")) & Post::AUTHOR.get(User::AGE).gt(1));
    let find = || users.find().filter(filter()).order_by(User::MANAGER.get(User::REPORTS.count()).asc());
    let keyset = users.find().filter(filter()).keyset(Keyset::first(2).with_total());
    for sql in [
        find().to_sql().unwrap(),
        find().left_join(User::MANAGER).to_sql().unwrap(),
        find()
            .select((User::POSTS.count(), count()))
            .group_by(User::POSTS.count())
            .order_by(count().asc())
            .to_sql()
            .unwrap_or_default(),
        posts
            .find()
            .join(Post::AUTHOR)
            .left_join(Post::EDITOR)
            .filter(Post::TAGS.count().gt(0))
            .distinct()
            .to_sql()
            .unwrap(),
        keyset.to_sql().unwrap(),
    ] {
        let sql = sql.replace('`', "\"");
        for table in ["users", "posts", "tags", "links"] {
            for keyword in ["FROM", "JOIN"] {
                assert!(!sql.contains(&format!("{keyword} \"{table}\"")), "{sql}");
            }
        }
    }
    let _ = Link::repo(&source);
}
