//! Relations in filters, orders and joins.

use futures_util::TryStreamExt;
use kysera::prelude::*;

use super::relations_entities::*;
use crate::DB;

type Fixture = kysera_tests::Fixture<DB>;

/// The ids of the users that a filter keeps.
async fn kept(db: &Fixture, filter: Filter<User>) -> Vec<i64> {
    let users = User::repo(db.source());
    let find = users.find().filter(filter).order_by(User::ID.asc());
    let ids: Vec<i64> = find.clone().all().await.unwrap().iter().map(|user| user.id).collect();
    assert_eq!(find.clone().count().await.unwrap(), ids.len() as u64);
    assert_eq!(find.exists().await.unwrap(), !ids.is_empty());
    ids
}

#[tokio::test]
async fn related_rows_are_asked_for() {
    let db = world().await;
    let all = || Filter::<Post>::all([]);
    assert_eq!(kept(&db, User::POSTS.any(all())).await, [1, 2]);
    assert_eq!(kept(&db, User::POSTS.none(all())).await, [3]);
    assert_eq!(kept(&db, !User::POSTS.any(all())).await, [3]);
    assert_eq!(kept(&db, User::POSTS.any(Post::VIEWS.ge(20))).await, [1]);
    assert_eq!(kept(&db, User::POSTS.none(Post::VIEWS.ge(20))).await, [2, 3]);
    assert_eq!(kept(&db, User::POSTS.filter(Post::VIEWS.ge(5)).filter(Post::VIEWS.lt(10)).any()).await, [2]);
    assert_eq!(kept(&db, User::POSTS.filter(Post::VIEWS.ge(20)).none()).await, [2, 3]);
    assert_eq!(kept(&db, User::EDITED.any(all())).await, [1, 2]);
    assert_eq!(kept(&db, User::PROFILE.any(Profile::CITY.eq("London"))).await, [1]);
    assert_eq!(kept(&db, User::POSTS.exists()).await, [1, 2]);
    assert_eq!(kept(&db, User::POSTS.is_empty()).await, [3]);
    // A NULL on either side leads nowhere.
    assert_eq!(kept(&db, User::MAILS.none(Filter::all([]))).await, [1, 2, 3]);
    let stray = Profile::repo(db.source());
    let homeless = stray.find().filter(Profile::USER.none(Filter::all([]))).one().await.unwrap();
    assert_eq!(homeless.id, 9);
}

#[tokio::test]
async fn conditions_nest_along_relations() {
    let db = world().await;
    let tagged = |label: &str| Post::TAGS.any(Tag::LABEL.eq(label));
    assert_eq!(kept(&db, User::POSTS.any(tagged("rust"))).await, [1]);
    assert_eq!(kept(&db, User::POSTS.any(tagged("sql"))).await, [1, 2]);
    assert_eq!(kept(&db, User::POSTS.any(tagged("unused"))).await, [0; 0]);
    assert_eq!(kept(&db, User::POSTS.any(tagged("rust") & tagged("sql"))).await, [1]);
    assert_eq!(kept(&db, User::POSTS.any(Post::COMMENTS.none(Filter::all([])))).await, [1, 2]);
    // Back to the table that the query is about.
    let by_ada = Post::AUTHOR.filter(User::NAME.eq("Ada")).any();
    assert_eq!(kept(&db, User::EDITED.any(by_ada.clone())).await, [2]);
    assert_eq!(kept(&db, User::EDITED.any(Post::AUTHOR.any(User::EDITED.any(by_ada)))).await, [1]);
}

#[tokio::test]
async fn related_rows_are_counted() {
    let db = world().await;
    assert_eq!(kept(&db, User::POSTS.count().eq(3)).await, [1]);
    assert_eq!(kept(&db, User::POSTS.count().lt(1)).await, [3]);
    assert_eq!(kept(&db, User::POSTS.filter(Post::VIEWS.gt(10)).count().eq(2)).await, [1]);
    assert_eq!(kept(&db, User::POSTS.count().gt(User::EDITED.count())).await, [1]);
    let users = User::repo(db.source());
    let ordered = users.find().order_by(User::POSTS.count().desc()).all().await.unwrap();
    assert_eq!(ordered.iter().map(|user| user.id).collect::<Vec<_>>(), [1, 2, 3]);
    // Each link counts.
    let posts = Post::repo(db.source());
    let twice = posts.find().filter(Post::TAGS.count().eq(2)).order_by(Post::ID.asc()).all().await.unwrap();
    assert_eq!(twice.iter().map(|post| post.id).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn tables_lead_to_themselves() {
    let db = world().await;
    type E = EmployeeColumns;
    let employees = Employee::repo(db.source());
    let names = async |filter: Filter<Employee>| {
        let found = employees.find().filter(filter).order_by(E::ID.asc()).all().await.unwrap();
        found.into_iter().map(|employee| employee.name).collect::<Vec<_>>().join(",")
    };
    assert_eq!(names(E::REPORTS.any(Filter::all([]))).await, "Eve,Fay");
    assert_eq!(names(E::MANAGER.none(Filter::all([]))).await, "Eve");
    assert_eq!(names(E::MANAGER.any(E::MANAGER.any(E::NAME.eq("Eve")))).await, "Hal");
    assert_eq!(names(E::REPORTS.any(E::REPORTS.any(E::NAME.eq("Hal")))).await, "Eve");
    assert_eq!(names(E::MANAGER.get(E::NAME).eq("Eve")).await, "Fay,Gil");
    assert_eq!(names(E::MANAGER.get(E::MANAGER.get(E::NAME)).eq("Eve")).await, "Hal");
    assert_eq!(names(E::MANAGER.get(E::NAME).is_null()).await, "Eve");

    let pairs = employees.find().left_join(E::MANAGER).order_by(E::ID.asc()).all().await.unwrap();
    let pairs: Vec<_> = pairs.iter().map(|(who, manager)| (who.id, manager.as_ref().map(|m| m.id))).collect();
    assert_eq!(pairs, [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(2))]);
}

#[tokio::test]
async fn writes_are_filtered_by_relations_too() {
    let db = world().await;
    type E = EmployeeColumns;
    let posts = Post::repo(db.source());
    let popular = posts.find().filter(Post::AUTHOR.get(User::NAME).eq("Ada") & Post::COMMENTS.count().ge(1));
    assert_eq!(popular.update(PostPatch::new().views(99)).await.unwrap(), 2);
    let untagged = posts.find().filter(Post::TAGS.none(Filter::all([])));
    assert_eq!(untagged.delete().await.unwrap(), 1);

    // On the table that is written.
    let employees = Employee::repo(db.source());
    let managers = employees.find().filter(E::REPORTS.any(Filter::all([])));
    assert_eq!(managers.update(EmployeePatch::new().name("boss")).await.unwrap(), 2);
    let of_eve = employees.find().filter(E::MANAGER.get(E::MANAGER.get(E::ID)).eq(1));
    assert_eq!(of_eve.update(EmployeePatch::new().name("far")).await.unwrap(), 1);
    let same_author = User::POSTS.filter(Post::VIEWS.eq(99)).any();
    let by_busy = posts.find().filter(Post::AUTHOR.any(same_author) & Post::VIEWS.eq(99));
    assert_eq!(by_busy.update(PostPatch::new().title("busy")).await.unwrap(), 2);
    let leaves = employees.find().filter(E::REPORTS.count().eq(0));
    assert_eq!(leaves.delete().await.unwrap(), 2);
    let names: Vec<String> = db.column("SELECT name FROM employees ORDER BY id").await;
    assert_eq!(names, ["boss", "boss"]);
    // The links are what is written.
    let links = PostTag::repo(db.source());
    let linked = links.find().filter(PostTag::POST.any(Post::TAGS.any(Tag::LABEL.eq("rust"))));
    assert_eq!(linked.delete().await.unwrap(), 4);
}

#[tokio::test]
async fn columns_are_read_through_a_relation_with_and_without_a_join() {
    let db = world().await;
    let posts = Post::repo(db.source());
    let by_editor = Post::EDITOR.get(User::NAME).desc().nulls_last();
    let plain = posts.find().order_by(by_editor.clone()).order_by(Post::ID.asc()).all().await.unwrap();
    let joined = posts.find().left_join(Post::EDITOR).order_by(by_editor).order_by(Post::ID.asc());
    let joined = joined.all().await.unwrap();
    assert_eq!(plain.iter().map(|post| post.id).collect::<Vec<_>>(), [2, 4, 1, 3]);
    assert_eq!(joined.iter().map(|(post, _)| post.id).collect::<Vec<_>>(), [2, 4, 1, 3]);
    let filters: [fn() -> Filter<Post>; 5] = [
        || Post::AUTHOR.get(User::NAME).eq("Ada"),
        || Post::AUTHOR.get(User::NAME.lower()).eq("bob"),
        || Post::EDITOR.get(User::NAME).is_null(),
        || Post::AUTHOR.get(User::POSTS.count()).eq(3),
        // What may be NULL is not told from no row.
        || Post::EDITOR.get(User::EMAIL).is_null(),
    ];
    for (filter, ids) in filters.iter().zip([vec![1, 2, 3], vec![4], vec![1, 3], vec![1, 2, 3], vec![1, 3]]) {
        let plain = posts.find().filter(filter()).order_by(Post::ID.asc()).all().await.unwrap();
        assert_eq!(plain.iter().map(|post| post.id).collect::<Vec<_>>(), ids);
        let joined = posts.find().filter(filter()).join(Post::AUTHOR).left_join(Post::EDITOR);
        let joined = joined.order_by(Post::ID.asc()).all().await.unwrap();
        assert_eq!(joined.iter().map(|(post, ..)| post.id).collect::<Vec<_>>(), ids);
    }
}

#[tokio::test]
async fn joined_queries_end_in_every_way() {
    let db = world().await;
    let posts = Post::repo(db.source());
    let find = posts.find().join(Post::EDITOR).order_by(Post::ID.asc());
    let all: Vec<(Post, User)> = find.clone().all().await.unwrap();
    assert_eq!(all.iter().map(|(post, user)| (post.id, user.id)).collect::<Vec<_>>(), [(2, 2), (4, 1)]);
    assert_eq!(find.clone().first().await.unwrap().as_ref(), all.first());
    assert_eq!(find.clone().offset(1).first().await.unwrap().as_ref(), all.last());
    assert_eq!(find.clone().stream().try_collect::<Vec<_>>().await.unwrap(), all);
    assert_eq!(find.clone().count().await.unwrap(), 2);
    assert!(find.clone().exists().await.unwrap());
    let ada = find.clone().filter(Post::EDITOR.get(User::NAME).eq("Ada"));
    assert_eq!(ada.clone().one().await.unwrap(), all[1]);
    assert_eq!(ada.clone().count().await.unwrap(), 1);
    let nobody = ada.filter(Post::ID.eq(2));
    assert!(!nobody.clone().exists().await.unwrap());
    assert_eq!(nobody.clone().first().await.unwrap(), None);
    assert!(matches!(nobody.one().await, Err(kysera::Error::NotFound { entity: "Post" })));
}

#[tokio::test]
async fn several_joins_are_flat() {
    let db = world().await;
    let posts = Post::repo(db.source());
    let find = posts.find().join(Post::AUTHOR).left_join(Post::EDITOR).order_by(Post::ID.asc());
    let rows: Vec<(Post, User, Option<User>)> = find.all().await.unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|(post, author, editor)| {
            (post.id, author.name.as_str(), editor.as_ref().map(|e| e.name.as_str()))
        })
        .collect();
    assert_eq!(shown, [(1, "Ada", None), (2, "Ada", Some("Bob")), (3, "Ada", None), (4, "Bob", Some("Ada"))]);
    // A filter on each of two joins to one table.
    let both = posts.find().join(Post::AUTHOR).join(Post::EDITOR);
    let both = both.filter(Post::AUTHOR.get(User::NAME).eq("Bob") & Post::EDITOR.get(User::NAME).eq("Ada"));
    assert_eq!(both.one().await.unwrap().0.id, 4);
    // Four of them, and from the side that has no column for it.
    let users = User::repo(db.source());
    let find = users.find().left_join(User::PROFILE).order_by(User::ID.asc());
    let rows: Vec<(User, Option<Profile>)> = find.all().await.unwrap();
    assert_eq!(
        rows.iter().map(|(_, p)| p.as_ref().map(|p| p.id)).collect::<Vec<_>>(),
        [Some(7), Some(8), None]
    );
    let links = PostTag::repo(db.source());
    let find =
        links.find().join(PostTag::POST).join(PostTag::TAG).left_join(PostTag::POST).join(PostTag::TAG);
    let rows =
        find.filter(PostTag::TAG.get(Tag::LABEL).eq("sql")).order_by(PostTag::ID.asc()).all().await.unwrap();
    assert_eq!(rows.len(), 2);
    for (link, post, tag, same_post, same_tag) in rows {
        assert_eq!((link.post_id, link.tag_id), (post.id, tag.id));
        assert_eq!((Some(post), tag), (same_post, same_tag));
    }
}

#[tokio::test]
async fn a_join_reaches_what_its_source_may_reach() {
    let db = world().await;
    let asked = db.source().clone().with_context(Principal);
    Secret::repo(&asked).create(NewSecret { id: 1, owner_id: 2, text: "b".into() }).await.unwrap();
    let found = Secret::repo(&asked).find().join(Secret::OWNER).all().await.unwrap();
    assert_eq!(found[0].1.name, "Bob");
}
