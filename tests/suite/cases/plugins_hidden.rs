//! Deleted rows are not there: a world in which rows were marked as deleted answers as one in which they never were.

use std::fmt::Debug;

use futures_util::TryStreamExt;
use kysera::expr::count;
use kysera::plugin::SoftDeleteMethods;
use kysera::prelude::*;
use kysera::relation::load_many;
use kysera::{Db, Error, Keyset};
use kysera_tests::Fixture;

use super::plugins_entities::*;
use crate::DB;

/// What was asked, and the answer.
type Answers = Vec<(&'static str, String)>;

struct Asked(Answers);

impl Asked {
    fn note(&mut self, what: &'static str, answer: impl Debug) {
        self.0.push((what, format!("{answer:?}")));
    }
}

/// All keys that rows may have.
const IDS: std::ops::RangeInclusive<i64> = 1..=9;

/// The whole of every table, by methods of the repository alone.
async fn by_keys(db: &Db<DB>, asked: &mut Asked) {
    let (authors, posts, links) = (Author::repo(db), Post::repo(db), PostTag::repo(db));
    for id in IDS {
        asked.note("find_by_id", authors.find_by_id(id).await.unwrap());
        let missing = matches!(profiles_get(db, id).await, Err(Error::NotFound { entity: "Profile" }));
        asked.note("get", missing);
        asked.note("exists", posts.exists(id).await.unwrap());
        for tag in IDS {
            asked.note("find_by_id of two columns", links.find_by_id((id, tag)).await.unwrap());
        }
    }
    asked.note("find_by_ids", authors.find_by_ids(IDS.rev()).await.unwrap());
    let pairs = || IDS.flat_map(|post| IDS.map(move |tag| (post, tag)));
    asked.note("find_by_ids of two columns", links.find_by_ids(pairs()).await.unwrap());
    let mut all = posts.find_all().await.unwrap();
    all.sort_by_key(|post| post.id);
    asked.note("find_all", all);
    asked.note("count", authors.count().await.unwrap());
    asked.note("count by a flag", Profile::repo(db).count().await.unwrap());
}

async fn profiles_get(db: &Db<DB>, id: i64) -> kysera::Result<Profile> {
    Profile::repo(db).get(id).await
}

async fn queries(db: &Db<DB>, asked: &mut Asked) {
    let (authors, posts) = (Author::repo(db), Post::repo(db));
    let find = || posts.find().order_by(Post::ID.asc());
    asked.note("all", find().all().await.unwrap());
    asked.note("first", find().first().await.unwrap());
    asked.note("last", posts.find().order_by(Post::ID.desc()).first().await.unwrap());
    asked.note("one", find().filter(Post::VIEWS.gt(30)).one().await.ok());
    asked.note("stream", find().stream().try_collect::<Vec<_>>().await.unwrap());
    asked.note("count", find().filter(Post::VIEWS.ge(20)).count().await.unwrap());
    for id in IDS {
        asked.note("exists", find().filter(Post::ID.eq(id)).exists().await.unwrap());
    }
    // An OR does not reach around it.
    asked.note("or", find().filter(Post::VIEWS.ge(20) | Post::ID.lt(9)).all().await.unwrap());
    let not = find().filter(!Post::VIEWS.eq(20)).filter(Filter::all([]));
    asked.note("not", not.all().await.unwrap());
    asked.note("limit", find().limit(2).offset(1).all().await.unwrap());
    asked.note("select", find().select((Post::ID, Post::TITLE.upper())).all().await.unwrap());
    asked.note(
        "distinct",
        posts.find().select(Post::AUTHOR_ID).distinct().order_by(Post::AUTHOR_ID.asc()).all().await.unwrap(),
    );
    asked.note("distinct count", posts.find().select(Post::AUTHOR_ID).distinct().count().await.unwrap());
    asked.note(
        "aggregates",
        posts.find().select((count(), Post::VIEWS.sum(), Post::VIEWS.max())).one().await.unwrap(),
    );
    let groups = || posts.find().select((Post::AUTHOR_ID, count())).group_by(Post::AUTHOR_ID);
    asked.note("groups", groups().order_by(Post::AUTHOR_ID.asc()).all().await.unwrap());
    asked.note("groups count", groups().count().await.unwrap());
    asked.note("having", groups().having(count().ge(2)).order_by(Post::AUTHOR_ID.asc()).all().await.unwrap());
    asked.note("page", find().page(PageRequest::new(1, 2)).await.unwrap());
    asked.note("second page", find().page(PageRequest::new(2, 2)).await.unwrap());
    asked.note("page behind the end", find().page(PageRequest::new(9, 2)).await.unwrap());
    asked.note("find_and_count", find().limit(1).find_and_count().await.unwrap());
    asked.note(
        "raw",
        find().filter(Filter::raw("views > {} OR views < {}", (15_i64, 10_i64))).all().await.unwrap(),
    );
    asked.note("ages", authors.find().order_by(Author::AGE.asc().nulls_last()).all().await.unwrap());
    let tx = db.begin().await.unwrap();
    asked.note("in a transaction", Author::repo(&tx).find().order_by(Author::ID.asc()).all().await.unwrap());
    tx.rollback().await.unwrap();
}

async fn keysets(db: &Db<DB>, asked: &mut Asked) {
    let posts = Post::repo(db);
    let find = || posts.find().order_by(Post::TITLE.desc());
    let mut cursor = None;
    loop {
        let page = find().keyset(Keyset::first(2).after(cursor).with_total()).await.unwrap();
        asked.note("keyset", (&page.items, page.has_next, page.has_prev, page.total));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    loop {
        let page = find().keyset(Keyset::last(2).before(cursor)).await.unwrap();
        asked.note("keyset backwards", (&page.items, page.has_next, page.has_prev));
        cursor = page.prev;
        if cursor.is_none() {
            break;
        }
    }
    let page = find().with((Post::AUTHOR, Post::TAGS)).keyset(Keyset::first(3)).await.unwrap();
    asked.note("keyset with relations", page.items);
    let by_author = posts.find().filter(Post::AUTHOR.any(Author::AGE.gt(1)));
    asked.note("keyset by a relation", by_author.keyset(Keyset::first(3).with_total()).await.unwrap().items);
}

async fn joins(db: &Db<DB>, asked: &mut Asked) {
    let posts = Post::repo(db);
    let find = || posts.find().order_by(Post::ID.asc());
    asked.note("join", find().join(Post::AUTHOR).all().await.unwrap());
    asked.note("join of an Option", find().join(Post::EDITOR).all().await.unwrap());
    asked.note("left join", find().left_join(Post::EDITOR).all().await.unwrap());
    asked.note("two joins", find().left_join(Post::EDITOR).join(Post::AUTHOR).all().await.unwrap());
    asked.note("join count", find().join(Post::AUTHOR).count().await.unwrap());
    asked.note("left join count", find().left_join(Post::EDITOR).count().await.unwrap());
    asked.note("join page", find().join(Post::AUTHOR).page(PageRequest::new(1, 2)).await.unwrap());
    asked.note("left join page", find().left_join(Post::EDITOR).page(PageRequest::new(2, 2)).await.unwrap());
    let named = find().join(Post::AUTHOR).filter(Post::AUTHOR.get(Author::NAME).ne("Bob"));
    asked.note("join filtered", named.clone().all().await.unwrap());
    asked.note("join exists", named.exists().await.unwrap());
    let unedited = find().left_join(Post::EDITOR).filter(Post::EDITOR.get(Author::NAME).is_null());
    asked.note("left join filtered", unedited.all().await.unwrap());
    let by_name =
        posts.find().left_join(Post::EDITOR).order_by(Post::EDITOR.get(Author::NAME).asc().nulls_first());
    asked.note("left join ordered", by_name.order_by(Post::ID.desc()).all().await.unwrap());
    let names = find().join(Post::AUTHOR).select((Post::ID, Post::AUTHOR.get(Author::NAME)));
    asked.note("join selected", names.all().await.unwrap());
    let authors = Author::repo(db);
    asked.note(
        "left join has_one",
        authors.find().order_by(Author::ID.asc()).left_join(Author::PROFILE).all().await.unwrap(),
    );
    asked.note(
        "join has_one",
        authors.find().order_by(Author::ID.asc()).join(Author::PROFILE).all().await.unwrap(),
    );
    let employees = Employee::repo(db);
    let staff = || employees.find().order_by(EmployeeColumns::ID.asc());
    asked.note("self join", staff().join(EmployeeColumns::MANAGER).all().await.unwrap());
    asked.note("self left join", staff().left_join(EmployeeColumns::MANAGER).all().await.unwrap());
    // From a table without the plugin into one with it.
    let comments = Comment::repo(db);
    asked.note(
        "plain join",
        comments.find().order_by(Comment::ID.asc()).join(Comment::POST).all().await.unwrap(),
    );
    asked.note(
        "plain left join",
        comments.find().order_by(Comment::ID.asc()).left_join(Comment::POST).all().await.unwrap(),
    );
    let through = find().left_join(Post::EDITOR).with((Post::TAGS, Post::AUTHOR));
    asked.note("left join with relations", through.all().await.unwrap());
}

async fn subqueries(db: &Db<DB>, asked: &mut Asked) {
    let (authors, posts, comments) = (Author::repo(db), Post::repo(db), Comment::repo(db));
    let find = || authors.find().order_by(Author::ID.asc());
    asked.note("any", find().filter(Author::POSTS.any(Post::VIEWS.ge(20))).all().await.unwrap());
    asked.note("none", find().filter(Author::POSTS.none(Post::VIEWS.ge(20))).all().await.unwrap());
    asked.note("has", find().filter(Author::EDITED.exists()).all().await.unwrap());
    asked.note("is empty", find().filter(Author::EDITED.is_empty()).all().await.unwrap());
    asked.note("has one", find().filter(Author::PROFILE.any(Profile::CITY.is_null())).all().await.unwrap());
    let counts =
        find().select((Author::ID, Author::POSTS.count(), Author::POSTS.filter(Post::VIEWS.gt(9)).count()));
    asked.note("counts", counts.all().await.unwrap());
    let most = authors.find().order_by(Author::POSTS.count().desc()).order_by(Author::ID.asc());
    asked.note("by counts", most.all().await.unwrap());
    asked.note(
        "not any",
        find().filter(!Author::POSTS.any(Post::TAGS.any(Tag::LABEL.eq("sql")))).all().await.unwrap(),
    );
    let nested = Author::POSTS.any(Post::TAGS.any(Tag::LABEL.eq("rust")) & Post::COMMENTS.exists());
    asked.note("nested", find().filter(nested).all().await.unwrap());
    let circle = Author::POSTS.any(Post::EDITOR.any(Author::POSTS.any(Post::VIEWS.gt(5))));
    asked.note("in a circle", find().filter(circle).all().await.unwrap());
    let find = || posts.find().order_by(Post::ID.asc());
    asked.note("many to many", find().filter(Post::TAGS.any(Tag::LABEL.ne("sql"))).all().await.unwrap());
    asked
        .note("many to many none", find().filter(Post::TAGS.none(Tag::LABEL.eq("sql"))).all().await.unwrap());
    asked.note("many to many counts", find().select((Post::ID, Post::TAGS.count())).all().await.unwrap());
    asked.note("links", find().select((Post::ID, Post::LINKS.count())).all().await.unwrap());
    asked.note("belongs to", find().filter(Post::EDITOR.any(Author::AGE.is_not_null())).all().await.unwrap());
    asked.note("get", find().select((Post::ID, Post::EDITOR.get(Author::NAME))).all().await.unwrap());
    let by_age =
        posts.find().order_by(Post::AUTHOR.get(Author::AGE).desc().nulls_last()).order_by(Post::ID.asc());
    asked.note("by get", by_age.all().await.unwrap());
    asked.note(
        "get in a filter",
        find().filter(Post::AUTHOR.get(Author::NAME).starts_with("A")).all().await.unwrap(),
    );
    let grand = Comment::POST.get(Post::AUTHOR.get(Author::NAME));
    asked.note(
        "get of get",
        comments.find().order_by(Comment::ID.asc()).select((Comment::ID, grand)).all().await.unwrap(),
    );
    asked.note(
        "plain any",
        comments.find().filter(Comment::POST.any(Post::AUTHOR.any(Author::AGE.gt(1)))).count().await.unwrap(),
    );
    let employees = Employee::repo(db);
    let staff = || employees.find().order_by(EmployeeColumns::ID.asc());
    asked.note(
        "self any",
        staff().filter(EmployeeColumns::REPORTS.any(EmployeeColumns::NAME.ne("Gil"))).all().await.unwrap(),
    );
    asked.note("self none", staff().filter(EmployeeColumns::REPORTS.is_empty()).all().await.unwrap());
    let grand = EmployeeColumns::MANAGER.get(EmployeeColumns::MANAGER.get(EmployeeColumns::NAME));
    asked.note(
        "self get",
        staff()
            .select((EmployeeColumns::ID, EmployeeColumns::MANAGER.get(EmployeeColumns::NAME), grand))
            .all()
            .await
            .unwrap(),
    );
    asked.note(
        "self counts",
        staff().select((EmployeeColumns::ID, EmployeeColumns::REPORTS.count())).all().await.unwrap(),
    );
}

async fn loads(db: &Db<DB>, asked: &mut Asked) {
    let (authors, posts, tags) = (Author::repo(db), Post::repo(db), Tag::repo(db));
    let find = || authors.find().order_by(Author::ID.asc());
    asked.note("load has_many", find().with(Author::POSTS).all().await.unwrap());
    asked.note("load has_one", find().with(Author::PROFILE).all().await.unwrap());
    asked.note(
        "load limited",
        find().with(Author::POSTS.order_by(Post::VIEWS.desc()).limit(1)).all().await.unwrap(),
    );
    asked.note(
        "load filtered",
        find().with(Author::POSTS.filter(Post::VIEWS.lt(30) | Post::VIEWS.gt(40))).all().await.unwrap(),
    );
    asked.note(
        "load nested",
        find().with(Author::POSTS.with((Post::TAGS, Post::EDITOR, Post::COMMENTS))).all().await.unwrap(),
    );
    let circle = Author::POSTS.with(Post::EDITOR.with(Author::POSTS.limit(2).with(Post::AUTHOR)));
    asked.note("load in a circle", find().with(circle).all().await.unwrap());
    asked.note("load page", find().with(Author::EDITED).page(PageRequest::new(1, 2)).await.unwrap());
    let find = || posts.find().order_by(Post::ID.asc());
    asked.note("load belongs_to", find().with((Post::AUTHOR, Post::EDITOR)).all().await.unwrap());
    asked.note("load many to many", find().with(Post::TAGS).all().await.unwrap());
    asked.note(
        "load many to many limited",
        find().with(Post::TAGS.order_by(Tag::LABEL.asc()).limit(1)).all().await.unwrap(),
    );
    asked.note(
        "load the other way",
        tags.find().order_by(Tag::ID.asc()).with(Tag::POSTS).all().await.unwrap(),
    );
    asked.note("load links", find().with(Post::LINKS).all().await.unwrap());
    // For rows at hand, which the database is not asked for.
    let author = |id| Author { id, name: String::new(), age: None, deleted_at: None };
    let many: Vec<Author> = IDS.map(author).collect();
    asked.note("load_many", load_many(db, &many, Author::POSTS).await.unwrap());
    asked.note("load_many limited", authors.load_many(&many, Author::EDITED.limit(1)).await.unwrap());
    let comments = Comment::repo(db);
    asked.note(
        "plain load",
        comments
            .find()
            .order_by(Comment::ID.asc())
            .with(Comment::POST.with(Post::AUTHOR))
            .all()
            .await
            .unwrap(),
    );
    let employees = Employee::repo(db);
    let staff = employees.find().order_by(EmployeeColumns::ID.asc());
    let both = (EmployeeColumns::MANAGER, EmployeeColumns::REPORTS.with(EmployeeColumns::REPORTS));
    asked.note("self load", staff.with(both).all().await.unwrap());
}

async fn answers(db: &Db<DB>) -> Answers {
    let mut asked = Asked(Vec::new());
    by_keys(db, &mut asked).await;
    queries(db, &mut asked).await;
    keysets(db, &mut asked).await;
    joins(db, &mut asked).await;
    subqueries(db, &mut asked).await;
    loads(db, &mut asked).await;
    asked.0
}

/// Rows of every table.
#[derive(Debug, Clone, Copy)]
struct Rows {
    authors: &'static [i64],
    posts: &'static [i64],
    profiles: &'static [i64],
    tags: &'static [i64],
    links: &'static [(i64, i64)],
    employees: &'static [i64],
}

const NO_ROWS: Rows = Rows { authors: &[], posts: &[], profiles: &[], tags: &[], links: &[], employees: &[] };

const GONE: [Rows; 9] = [
    Rows { authors: &[1], ..NO_ROWS },
    Rows { authors: &[3], tags: &[2], ..NO_ROWS },
    Rows { posts: &[1], ..NO_ROWS },
    Rows { posts: &[5], profiles: &[8], employees: &[3], ..NO_ROWS },
    Rows { tags: &[1], profiles: &[7], employees: &[2], ..NO_ROWS },
    Rows { links: &[(1, 1), (4, 2), (5, 3)], employees: &[1], ..NO_ROWS },
    Rows { authors: &[2], posts: &[2, 3], links: &[(5, 1)], employees: &[1, 4], ..NO_ROWS },
    Rows { authors: &[1, 2, 3], ..NO_ROWS },
    Rows {
        authors: &[1, 2, 3],
        posts: &[1, 2, 3, 4, 5],
        profiles: &[7, 8, 9],
        tags: &[1, 2, 3],
        links: &[(1, 1), (1, 2), (2, 1), (4, 2), (5, 1), (5, 2), (5, 3)],
        employees: &[1, 2, 3, 4],
    },
];

impl Rows {
    /// Marks them as deleted, by all ways of doing that.
    async fn delete(self, db: &Db<DB>) {
        for id in self.authors {
            assert!(Author::repo(db).delete(*id).await.unwrap());
        }
        assert_eq!(
            Post::repo(db).delete_many(self.posts.iter().copied()).await.unwrap(),
            self.posts.len() as u64
        );
        let find = Profile::repo(db);
        let gone = find.find().filter(Profile::ID.in_(self.profiles.iter().copied())).delete().await.unwrap();
        assert_eq!(gone, self.profiles.len() as u64);
        let tags = Tag::repo(db);
        tags.find().filter(Tag::ID.in_(self.tags.iter().copied())).delete().await.unwrap();
        assert_eq!(
            PostTag::repo(db).delete_many(self.links.iter().copied()).await.unwrap(),
            self.links.len() as u64
        );
        Employee::repo(db).delete_many(self.employees.iter().copied()).await.unwrap();
    }

    /// Takes them out of the tables, behind kysera's back.
    async fn remove(self, db: &Fixture<DB>) {
        let by_id = [
            ("authors", self.authors),
            ("posts", self.posts),
            ("profiles", self.profiles),
            ("tags", self.tags),
            ("employees", self.employees),
        ];
        for (table, ids) in by_id {
            for id in ids {
                db.execute(&format!("DELETE FROM {table} WHERE id = {id}")).await;
            }
        }
        for (post, tag) in self.links {
            db.execute(&format!("DELETE FROM post_tags WHERE post_id = {post} AND tag_id = {tag}")).await;
        }
    }

    async fn purge(self, db: &Db<DB>) {
        Author::repo(db).purge_many(self.authors.iter().copied()).await.unwrap();
        for id in self.posts {
            assert!(Post::repo(db).purge(*id).await.unwrap());
        }
        let profiles = Profile::repo(db);
        let find = profiles.find().only_deleted().filter(Profile::ID.in_(self.profiles.iter().copied()));
        assert_eq!(find.purge().await.unwrap(), self.profiles.len() as u64);
        Tag::repo(db).purge_many(self.tags.iter().copied()).await.unwrap();
        PostTag::repo(db).purge_many(self.links.iter().copied()).await.unwrap();
        Employee::repo(db).purge_many(self.employees.iter().copied()).await.unwrap();
    }

    async fn restore(self, db: &Db<DB>) {
        for id in self.authors {
            assert_eq!(Author::repo(db).restore(*id).await.unwrap().deleted_at, None);
        }
        let posts = Post::repo(db).restore_many(self.posts.iter().copied()).await.unwrap();
        assert_eq!(posts, self.posts.len() as u64);
        let profiles = Profile::repo(db);
        let find = profiles.find().filter(Profile::ID.in_(self.profiles.iter().copied()));
        assert_eq!(find.restore().await.unwrap(), self.profiles.len() as u64);
        Tag::repo(db).restore_many(self.tags.iter().copied()).await.unwrap();
        for link in self.links {
            assert!(!PostTag::repo(db).restore(*link).await.unwrap().deleted);
        }
        Employee::repo(db).restore_many(self.employees.iter().copied()).await.unwrap();
    }
}

fn assert_same(found: &Answers, wanted: &Answers, of: &str) {
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found, wanted, "{of}");
    }
    assert_eq!(found.len(), wanted.len(), "{of}");
}

#[tokio::test]
async fn what_is_deleted_is_not_there_whatever_asks() {
    let full = Fixture::<DB>::new(&WORLD).await;
    populate(full.source()).await;
    let whole = answers(full.source()).await;
    let mut seen = std::collections::HashSet::new();
    for rows in GONE {
        let (marked, without) = (Fixture::<DB>::new(&WORLD).await, Fixture::<DB>::new(&WORLD).await);
        populate(marked.source()).await;
        populate(without.source()).await;
        rows.remove(&without).await;
        let wanted = answers(without.source()).await;
        rows.delete(marked.source()).await;
        let found = answers(marked.source()).await;
        assert_same(&found, &wanted, &format!("deleted: {rows:?}"));
        for (what, _) in whole.iter().filter(|answer| !found.contains(answer)) {
            seen.insert(*what);
        }
        rows.restore(marked.source()).await;
        assert_same(&answers(marked.source()).await, &whole, &format!("restored: {rows:?}"));
        rows.delete(marked.source()).await;
        rows.purge(marked.source()).await;
        assert_same(&answers(marked.source()).await, &wanted, &format!("purged: {rows:?}"));
    }
    // Each question was one whose answer a deleted row changes.
    let blind: Vec<_> = whole.iter().map(|(what, _)| *what).filter(|what| !seen.contains(what)).collect();
    assert_eq!(blind, [""; 0]);
}

#[tokio::test]
async fn the_rows_stay_in_the_table() {
    let db = Fixture::<DB>::new(&WORLD).await;
    populate(db.source()).await;
    GONE[8].delete(db.source()).await;
    for (table, rows) in
        [("authors", 3), ("posts", 5), ("profiles", 3), ("tags", 3), ("post_tags", 7), ("employees", 4)]
    {
        assert_eq!(db.scalar::<i64>(&format!("SELECT COUNT(*) FROM {table}")).await, rows, "{table}");
    }
    GONE[8].purge(db.source()).await;
    for table in ["authors", "posts", "profiles", "tags", "post_tags", "employees"] {
        assert_eq!(db.scalar::<i64>(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
}
