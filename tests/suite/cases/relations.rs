//! What is loaded along relations.

use kysera::prelude::*;
use kysera::relation::load_many;

use super::relations_entities::*;
use crate::DB;

type Fixture = kysera_tests::Fixture<DB>;

fn ids<'r>(posts: impl IntoIterator<Item = &'r Post>) -> Vec<i64> {
    posts.into_iter().map(|post| post.id).collect()
}

async fn users(db: &Fixture) -> Vec<User> {
    User::repo(db.source()).find().order_by(User::ID.asc()).all().await.unwrap()
}

#[tokio::test]
async fn has_many_loads_the_rows_of_each_parent_in_the_order_of_their_keys() {
    let db = world().await;
    let found =
        User::repo(db.source()).find().order_by(User::ID.desc()).with(User::POSTS).all().await.unwrap();
    let found: Vec<_> = found.iter().map(|(user, posts)| (user.id, ids(posts))).collect();
    assert_eq!(found, [(3, vec![]), (2, vec![4]), (1, vec![1, 2, 3])]);
}

#[tokio::test]
async fn has_one_and_belongs_to_load_one_row_or_none() {
    let db = world().await;
    let profiles: Vec<Option<Profile>> =
        load_many(db.source(), &users(&db).await, User::PROFILE).await.unwrap();
    let cities: Vec<_> = profiles.into_iter().map(|profile| profile.map(|profile| profile.city)).collect();
    assert_eq!(cities, [Some(Some("London".into())), Some(None), None]);

    let posts = Post::repo(db.source());
    let found = posts.find().order_by(Post::ID.asc()).with((Post::AUTHOR, Post::EDITOR)).all().await.unwrap();
    let names: Vec<_> = found
        .into_iter()
        .map(|(post, (author, editor))| (post.id, author.unwrap().name, editor.map(|editor| editor.name)))
        .collect();
    let ada_bob = [(1, "Ada", None), (2, "Ada", Some("Bob")), (3, "Ada", None), (4, "Bob", Some("Ada"))];
    assert_eq!(names, ada_bob.map(|(id, author, editor)| (id, author.to_owned(), editor.map(str::to_owned))));
}

#[tokio::test]
async fn of_several_rows_where_one_is_meant_the_first_is_loaded() {
    let db = world().await;
    let second = NewProfile { id: 6, user_id: Some(1), city: Some("Paris".into()) };
    Profile::repo(db.source()).create(second).await.unwrap();
    let loaded = User::repo(db.source()).load_many(&users(&db).await, User::PROFILE).await.unwrap();
    assert_eq!(loaded[0].as_ref().map(|profile| profile.id), Some(6));
    let last = User::PROFILE.order_by(Profile::ID.desc());
    let loaded = User::repo(db.source()).load_many(&users(&db).await, last).await.unwrap();
    assert_eq!(loaded[0].as_ref().map(|profile| profile.id), Some(7));
}

#[tokio::test]
async fn relations_of_relations_are_loaded() {
    let db = world().await;
    let users = User::repo(db.source());
    let find = users.find().order_by(User::ID.asc());
    type Loaded = Vec<(User, (Vec<(Post, (Vec<Comment>, Vec<Tag>))>, Option<Profile>))>;
    let found: Loaded =
        find.with((User::POSTS.with((Post::COMMENTS, Post::TAGS)), User::PROFILE)).all().await.unwrap();
    let shown: Vec<_> = found
        .iter()
        .map(|(user, (posts, profile))| {
            let posts: Vec<_> = posts
                .iter()
                .map(|(post, (comments, tags))| {
                    let labels: Vec<_> = tags.iter().map(|tag| tag.label.as_str()).collect();
                    (post.id, comments.iter().map(|comment| comment.id).collect::<Vec<_>>(), labels)
                })
                .collect();
            (user.id, posts, profile.is_some())
        })
        .collect();
    let ada =
        vec![(1, vec![1, 2], vec!["rust", "sql"]), (2, vec![3], vec!["rust", "rust"]), (3, vec![], vec![])];
    assert_eq!(shown, [(1, ada, true), (2, vec![(4, vec![], vec!["sql"])], true), (3, vec![], false)]);
}

#[tokio::test]
async fn relations_lead_in_circles() {
    let db = world().await;
    let around = User::POSTS.with(Post::AUTHOR.with(User::POSTS.with(Post::EDITOR)));
    let (ada, posts) =
        User::repo(db.source()).find().filter(User::ID.eq(1)).with(around).one().await.unwrap();
    assert_eq!((ada.id, posts.len()), (1, 3));
    for (post, author) in posts {
        let (author, again) = author.unwrap();
        assert_eq!((post.author_id, author.id), (1, 1));
        let editors: Vec<_> = again.iter().map(|(post, editor)| (post.id, editor.is_some())).collect();
        assert_eq!(editors, [(1, false), (2, true), (3, false)]);
    }
}

#[tokio::test]
async fn a_relation_may_lead_to_its_own_table() {
    let db = world().await;
    let repo = Employee::repo(db.source());
    let employees = repo.find().order_by(EmployeeColumns::ID.asc());
    let found = employees.with((EmployeeColumns::MANAGER, EmployeeColumns::REPORTS)).all().await.unwrap();
    let shown: Vec<_> = found
        .iter()
        .map(|(who, (manager, reports))| {
            let reports: Vec<_> = reports.iter().map(|report| report.id).collect();
            (who.id, manager.as_ref().map(|manager| manager.id), reports)
        })
        .collect();
    assert_eq!(
        shown,
        [(1, None, vec![2, 3]), (2, Some(1), vec![4]), (3, Some(1), vec![]), (4, Some(2), vec![])]
    );
}

#[tokio::test]
async fn rows_are_filtered_ordered_and_limited_for_each_parent() {
    let db = world().await;
    let users = users(&db).await;
    let repo = User::repo(db.source());
    let show = |loaded: Vec<Vec<Post>>| loaded.iter().map(ids).collect::<Vec<_>>();

    let popular = User::POSTS.filter(Post::VIEWS.ge(20)).order_by(Post::VIEWS.desc());
    assert_eq!(show(repo.load_many(&users, popular).await.unwrap()), [vec![2, 3], vec![], vec![]]);

    let best = User::POSTS.order_by(Post::VIEWS.desc()).limit(2);
    assert_eq!(show(repo.load_many(&users, best).await.unwrap()), [vec![2, 3], vec![4], vec![]]);

    let filtered = User::POSTS.filter(Post::VIEWS.lt(30)).filter(Post::ID.ne(99)).limit(1);
    assert_eq!(show(repo.load_many(&users, filtered).await.unwrap()), [vec![1], vec![4], vec![]]);
    assert!(show(repo.load_many(&users, User::POSTS.limit(0)).await.unwrap()).iter().all(Vec::is_empty));

    // By another table's rows, in a filter and in an order.
    let discussed =
        User::POSTS.filter(Post::COMMENTS.any(Filter::all([]))).order_by(Post::COMMENTS.count().desc());
    assert_eq!(show(repo.load_many(&users, discussed.clone()).await.unwrap()), [vec![1, 2], vec![], vec![]]);
    assert_eq!(show(repo.load_many(&users, discussed.limit(1)).await.unwrap()), [vec![1], vec![], vec![]]);
    let edited = User::POSTS.order_by(Post::EDITOR.get(User::NAME).desc().nulls_last()).limit(2);
    assert_eq!(show(repo.load_many(&users, edited).await.unwrap()), [vec![2, 1], vec![4], vec![]]);

    // Ties are broken by the key.
    Post::repo(db.source()).find().update(PostPatch::new().views(1)).await.unwrap();
    let tied = User::POSTS.order_by(Post::VIEWS.desc()).limit(2);
    assert_eq!(show(repo.load_many(&users, tied).await.unwrap()), [vec![1, 2], vec![4], vec![]]);
}

#[tokio::test]
async fn many_to_many_leads_through_a_table_in_between() {
    let db = world().await;
    let posts = Post::repo(db.source()).find().order_by(Post::ID.asc()).all().await.unwrap();
    let tags = Post::repo(db.source()).load_many(&posts, Post::TAGS).await.unwrap();
    let labels = |tags: Vec<Vec<Tag>>| {
        tags.into_iter()
            .map(|tags| tags.into_iter().map(|tag| tag.label).collect::<Vec<_>>().join(","))
            .collect::<Vec<_>>()
    };
    assert_eq!(labels(tags), ["rust,sql", "rust,rust", "", "sql"]);
    let last = Post::TAGS.order_by(Tag::LABEL.desc()).limit(1);
    assert_eq!(labels(load_many(db.source(), &posts, last).await.unwrap()), ["sql", "rust", "", "sql"]);
    let named = Post::TAGS.filter(Tag::LABEL.eq("rust"));
    assert_eq!(labels(load_many(db.source(), &posts, named).await.unwrap()), ["rust", "rust,rust", "", ""]);

    let tags = Tag::repo(db.source()).find().order_by(Tag::LABEL.asc()).with(Tag::POSTS).all().await.unwrap();
    let found: Vec<_> = tags.iter().map(|(tag, posts)| (tag.label.as_str(), ids(posts))).collect();
    assert_eq!(found, [("rust", vec![1, 2, 2]), ("sql", vec![1, 4]), ("unused", vec![])]);
}

#[tokio::test]
async fn keys_may_be_bytes() {
    let db = world().await;
    let links = PostTag::repo(db.source());
    let found = links.find().order_by(PostTag::ID.asc()).with(PostTag::TAG).all().await.unwrap();
    let labels: Vec<_> = found.into_iter().map(|(_, tag)| tag.unwrap().label).collect();
    assert_eq!(labels, ["rust", "sql", "rust", "rust", "sql"]);
}

#[tokio::test]
async fn parents_given_twice_get_their_rows_twice() {
    let db = world().await;
    let mut twice = users(&db).await;
    twice.extend(users(&db).await);
    let loaded = load_many(db.source(), &twice, User::POSTS).await.unwrap();
    assert_eq!(
        loaded.iter().map(ids).collect::<Vec<_>>(),
        [vec![1, 2, 3], vec![4], vec![], vec![1, 2, 3], vec![4], vec![]]
    );
}

#[tokio::test]
async fn nothing_is_loaded_for_nobody() {
    let db = world().await;
    let users = User::repo(db.source());
    let none = users.find().filter(User::ID.eq(99)).with((User::POSTS, User::PROFILE));
    assert_eq!(none.all().await.unwrap(), []);
    let find = || users.find().order_by(User::ID.asc());
    assert_eq!(find().filter(User::ID.eq(99)).with(User::POSTS).first().await.unwrap(), None);
    let one = find().filter(User::ID.eq(99)).with(User::POSTS).one().await;
    assert!(matches!(one, Err(kysera::Error::NotFound { entity: "User" })), "{one:?}");
    let one = find().with(User::POSTS).one().await;
    assert!(matches!(one, Err(kysera::Error::MoreThanOne { entity: "User" })), "{one:?}");
    let (first, posts) = find().with(User::POSTS).first().await.unwrap().unwrap();
    assert_eq!((first.id, posts.len()), (1, 3));
    assert_eq!(load_many(db.source(), &[], User::POSTS).await.unwrap(), Vec::<Vec<Post>>::new());
}

#[tokio::test]
async fn keys_that_only_the_database_takes_for_equal_find_their_rows() {
    let db = world().await;
    let mails = ["ada@x", "ADA@X", "Ada@x", "bob@x", "BOB@x", "nobody@x"].into_iter().zip(1..);
    let mails = mails.map(|(receiver, id)| NewMail { id, receiver: receiver.into() });
    Mail::repo(db.source()).insert_many(mails).await.unwrap();
    let users = users(&db).await;
    let show = |loaded: Vec<Vec<Mail>>| -> Vec<Vec<i64>> {
        loaded.iter().map(|mails| mails.iter().map(|mail| mail.id).collect()).collect()
    };
    let repo = User::repo(db.source());
    let loaded = repo.load_many(&users, User::MAILS).await.unwrap();
    assert_eq!(show(loaded), [vec![1, 2, 3], vec![4, 5], vec![]]);
    let loaded = repo.load_many(&users, User::MAILS.order_by(Mail::ID.desc())).await.unwrap();
    assert_eq!(show(loaded), [vec![3, 2, 1], vec![5, 4], vec![]]);
    let loaded = repo.load_many(&users, User::MAILS.order_by(Mail::ID.desc()).limit(2)).await.unwrap();
    assert_eq!(show(loaded), [vec![3, 2], vec![5, 4], vec![]]);
    // The same rows as those of a filter.
    let counted = repo.find().filter(User::MAILS.count().eq(3)).one().await.unwrap();
    assert_eq!(counted.id, 1);
    // Many parents share the key, and there are more keys than go into one question.
    let mut many: Vec<User> =
        (10..1500).map(|id| User { id, name: String::new(), email: Some(format!("{id}@x")) }).collect();
    many.push(users[1].clone());
    many.push(users[1].clone());
    let loaded = show(repo.load_many(&many, User::MAILS).await.unwrap());
    assert_eq!(loaded[1490..], [[4, 5], [4, 5]]);
    assert!(loaded[..1490].iter().all(Vec::is_empty));
}

#[tokio::test]
async fn keys_may_be_texts_of_any_kind() {
    let db = world().await;
    let mut texts = vec!["'", "\"", "\\", "[1]", "\u{1F980}", "\n\t", "null", "0x41", "1"];
    if <DB as kysera::Backend>::DIALECT != kysera::backend::Dialect::Postgres {
        texts.extend(["a\0b", "\0"]);
    }
    // In small letters at one end, in capitals at the other.
    let mails = texts.iter().zip(1..).flat_map(|(text, id)| {
        let other = NewMail { id: id + 100, receiver: format!("X{text}") };
        [NewMail { id, receiver: format!("x{text}") }, other]
    });
    Mail::repo(db.source()).create_many(mails).await.unwrap();
    let users: Vec<User> = (texts.iter().zip(1..))
        .map(|(text, id)| User { id, name: String::new(), email: Some(format!("x{text}")) })
        .collect();
    for (limit, wanted) in [(None, 2), (Some(1), 1)] {
        let load = User::MAILS.order_by(Mail::ID.asc());
        let load = if let Some(limit) = limit { load.limit(limit) } else { load };
        let loaded = load_many(db.source(), &users, load).await.unwrap();
        for (user, mails) in users.iter().zip(loaded) {
            assert_eq!(mails.len(), wanted, "{user:?}");
            let ids = [user.id, user.id + 100];
            assert!(mails.iter().zip(ids).all(|(mail, id)| mail.id == id), "{user:?} {mails:?}");
        }
    }
}

#[tokio::test]
async fn keys_that_the_database_takes_for_equal_share_their_rows() {
    let db = world().await;
    let mails = [(1, "ada@x"), (2, "ADA@x"), (3, "bob@x")];
    let mails = mails.map(|(id, to)| NewMail { id, receiver: to.into() });
    Mail::repo(db.source()).insert_many(mails).await.unwrap();
    let user = |id, email: &str| User { id, name: String::new(), email: Some(email.into()) };
    let users = [user(1, "ada@x"), user(2, "ADA@x"), user(3, "Ada@x"), user(4, "bob@x"), user(5, "ada@x")];
    let all = User::MAILS.order_by(Mail::ID.asc());
    for (load, adas) in [(all.clone(), vec![1, 2]), (all.limit(1), vec![1])] {
        let loaded = load_many(db.source(), &users, load).await.unwrap();
        let ids: Vec<Vec<i64>> =
            loaded.iter().map(|mails| mails.iter().map(|mail| mail.id).collect()).collect();
        assert_eq!(ids, [adas.clone(), adas.clone(), adas.clone(), vec![3], adas]);
    }
}

/// Of the accents that it ignores as well.
#[tokio::test]
async fn keys_beyond_ascii_are_compared_by_the_database() {
    if <DB as kysera::Backend>::DIALECT != kysera::backend::Dialect::MySql {
        return;
    }
    let db = world().await;
    let mails = [(1, "\u{e9}t\u{e9}"), (2, "ete"), (3, "other")];
    let mails = mails.map(|(id, to)| NewMail { id, receiver: to.into() });
    Mail::repo(db.source()).insert_many(mails).await.unwrap();
    let user = |id, email: &str| User { id, name: String::new(), email: Some(email.into()) };
    let users = [user(1, "ete"), user(2, "\u{e9}t\u{e9}"), user(3, "other")];
    let loaded = load_many(db.source(), &users, User::MAILS).await.unwrap();
    let ids: Vec<Vec<i64>> = loaded.iter().map(|mails| mails.iter().map(|mail| mail.id).collect()).collect();
    assert_eq!(ids, [vec![1, 2], vec![1, 2], vec![3]]);
}

#[tokio::test]
async fn loads_see_the_transaction_that_they_are_in() {
    let db = world().await;
    let source = db.source();
    source
        .transaction(|tx| async move {
            Post::repo(&tx).find().filter(Post::ID.eq(3)).delete().await?;
            let users = User::repo(&tx);
            let found =
                users.find().order_by(User::ID.asc()).with((User::POSTS, User::PROFILE)).all().await?;
            assert_eq!(ids(&found[0].1.0), [1, 2]);
            assert_eq!(load_many(&tx, &[found[0].0.clone()], User::POSTS).await?[0].len(), 2);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn protected_rows_are_loaded_with_their_context_alone() {
    let db = world().await;
    let asked = db.source().clone().with_context(Principal);
    let secrets = [(1, 1, "a"), (2, 2, "b")];
    let secrets = secrets.map(|(id, owner_id, text)| NewSecret { id, owner_id, text: text.into() });
    Secret::repo(&asked).insert_many(secrets).await.unwrap();

    let owners = |found: Vec<User>| found.iter().map(|user| user.id).collect::<Vec<_>>();
    let filter = || User::SECRETS.any(Secret::TEXT.eq("a"));
    let found = User::repo(&asked).find().filter(filter()).all().await.unwrap();
    assert_eq!(owners(found), [1]);
    let found = User::repo(&asked).find().order_by(User::ID.asc()).with(User::SECRETS).all().await.unwrap();
    assert_eq!(found.iter().map(|(_, secrets)| secrets.len()).collect::<Vec<_>>(), [1, 1, 0]);
    let system = db.source().unrestricted("a test");
    assert_eq!(owners(User::repo(&system).find().filter(filter()).all().await.unwrap()), [1]);
    assert_eq!(load_many(&system, &users(&db).await, User::SECRETS).await.unwrap()[1].len(), 1);

    let plain = User::repo(db.source());
    let is_protected =
        |error: &kysera::Error| matches!(error, kysera::Error::Protected { entity: "Secret", .. });
    for filter in [filter(), !filter(), User::SECRETS.none(Filter::all([])), User::SECRETS.count().eq(0)] {
        let error = plain.find().filter(filter.clone()).all().await.unwrap_err();
        assert!(is_protected(&error), "{error:?}");
        assert!(is_protected(&plain.find().filter(filter.clone()).delete().await.unwrap_err()));
        let around = Post::AUTHOR.filter(filter).any();
        assert!(is_protected(&Post::repo(db.source()).find().filter(around).count().await.unwrap_err()));
    }
    let error = plain.find().order_by(User::SECRETS.count().asc()).first().await.unwrap_err();
    assert!(is_protected(&error), "{error:?}");
    // A filter on what is loaded.
    let loaded = load_many(db.source(), &posts(&db).await, Post::AUTHOR.filter(filter())).await;
    assert!(is_protected(&loaded.unwrap_err()));
    assert_eq!(
        plain.count().await.unwrap(),
        3,
        "nothing was deleted, and the connection is as good as before"
    );
}

async fn posts(db: &Fixture) -> Vec<Post> {
    Post::repo(db.source()).find().all().await.unwrap()
}

#[tokio::test]
async fn loads_may_run_in_a_task_of_their_own() {
    let db = world().await;
    let source = db.source().clone();
    let task = tokio::spawn(async move {
        let users = User::repo(&source);
        let found = users.find().with((User::POSTS.with(Post::COMMENTS), User::PROFILE)).all().await;
        found.map(|rows| rows.len())
    });
    assert_eq!(task.await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn relations_are_loaded_for_joined_rows() {
    let db = world().await;
    let posts = Post::repo(db.source());
    let find = || posts.find().join(Post::AUTHOR).order_by(Post::ID.asc()).with((Post::COMMENTS, Post::TAGS));
    type Loaded = ((Post, User), (Vec<Comment>, Vec<Tag>));
    let found: Vec<Loaded> = find().all().await.unwrap();
    let shown: Vec<_> = found
        .iter()
        .map(|((post, author), (comments, tags))| (post.id, &author.name[..], comments.len(), tags.len()))
        .collect();
    assert_eq!(shown, [(1, "Ada", 2, 2), (2, "Ada", 1, 2), (3, "Ada", 0, 0), (4, "Bob", 0, 1)]);

    let by_editor = posts.find().left_join(Post::EDITOR).join(Post::AUTHOR).with(Post::COMMENTS);
    let edited = by_editor.filter(Post::EDITOR.get(User::NAME).eq("Bob"));
    let ((post, editor, author), comments) = edited.one().await.unwrap();
    assert_eq!((post.id, editor.unwrap().id, author.id, comments.len()), (2, 2, 1, 1));
    let first = find().filter(Post::AUTHOR.get(User::NAME).eq("Bob")).first().await.unwrap();
    assert_eq!(first.map(|((post, _), (_, tags))| (post.id, tags.len())), Some((4, 1)));
    let page = find().page(kysera::PageRequest::new(2, 3)).await.unwrap();
    assert_eq!((page.total, page.items.len(), page.items[0].0.0.id), (4, 1, 4));
}

#[tokio::test]
async fn rows_with_relations_are_counted() {
    let db = world().await;
    let users = User::repo(db.source());
    let find = || users.find().with(User::POSTS);
    assert_eq!(find().count().await.unwrap(), 3);
    assert_eq!(find().filter(User::ID.gt(1)).limit(1).count().await.unwrap(), 2);
    assert!(find().filter(User::ID.eq(3)).exists().await.unwrap());
    assert!(!find().filter(User::ID.eq(4)).exists().await.unwrap());
    let joined = Post::repo(db.source());
    assert_eq!(joined.find().join(Post::EDITOR).with(Post::TAGS).count().await.unwrap(), 2);
}
