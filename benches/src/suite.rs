//! The cases, once for each database.

/// A module with the cases: sqlx's types are those of one database.
macro_rules! suite {
    ($module:ident, $db:ty, $ids:ident) => {
        pub(crate) mod $module {
            use std::collections::HashMap;

            use kysera::prelude::*;
            use kysera::{Cursor, Keyset, PageRequest};
            use sqlx::{AssertSqlSafe, Database, Pool};

            use crate::Spelling;
            use crate::entities::*;
            use crate::report::{contender, measure};

            type DB = $db;

            fn sql(text: &str) -> &'static str {
                <DB as Spelling>::literal(text.to_owned())
            }

            async fn set_up(db: &Db<DB>) {
                let (text, float) = (<DB as Spelling>::TEXT, <DB as Spelling>::FLOAT);
                drop_tables(db).await;
                let tables = [
                    format!(
                        "CREATE TABLE bench_events (id BIGINT PRIMARY KEY, kind INTEGER NOT NULL, score BIGINT NOT NULL, \
                         `rank` BIGINT, title {text} NOT NULL, body {text} NOT NULL, price {float} NOT NULL, city {text})"
                    ),
                    format!("CREATE TABLE bench_authors (id BIGINT PRIMARY KEY, name {text} NOT NULL, email {text})"),
                    format!(
                        "CREATE TABLE bench_posts (id BIGINT PRIMARY KEY, author_id BIGINT NOT NULL, \
                         title {text} NOT NULL, views BIGINT NOT NULL)"
                    ),
                ];
                for table in tables {
                    db.raw_sql(sql(&table)).await.unwrap();
                }
                let events: Vec<i64> = (1..=EVENTS).collect();
                for chunk in events.chunks(10_000) {
                    Event::repo(db).insert_many(chunk.iter().map(|id| event(*id))).await.unwrap();
                }
                Author::repo(db).insert_many((1..=AUTHORS).map(author)).await.unwrap();
                Post::repo(db).insert_many((0..AUTHORS * 5).map(post)).await.unwrap();
                for index in [
                    "CREATE INDEX bench_score ON bench_events (score, id)",
                    "CREATE INDEX bench_rank ON bench_events (`rank`, id)",
                    "CREATE INDEX bench_kind ON bench_events (kind, score, id)",
                    "CREATE INDEX bench_author ON bench_posts (author_id, id)",
                ] {
                    db.raw_sql(sql(index)).await.unwrap();
                }
                db.raw_sql(<DB as Spelling>::ANALYZE).await.unwrap();
            }

            async fn drop_tables(db: &Db<DB>) {
                for table in ["bench_events", "bench_authors", "bench_posts"] {
                    db.raw_sql(AssertSqlSafe(format!("DROP TABLE IF EXISTS {table}"))).await.unwrap();
                }
            }

            pub(crate) async fn run(url: &str, only: &str) {
                let db = Db::<DB>::builder().connect(url).await.unwrap();
                set_up(&db).await;
                // Futures of contenders have no lifetime.
                let db: &'static Db<DB> = Box::leak(Box::new(db));
                // sqlx has connections of its own, and like kysera sends no ping before each statement.
                let options = sqlx::pool::PoolOptions::<DB>::new().max_connections(2).test_before_acquire(false);
                let pool: &'static Pool<DB> = Box::leak(Box::new(options.connect(url).await.unwrap()));
                one_row(db, pool, only).await;
                rendering(db, only).await;
                columns(db, pool, only).await;
                deep_page(db, pool, only).await;
                nulls_ahead(db, pool, only).await;
                page_with_total(db, pool, only).await;
                relations(db, pool, only).await;
                relations_limited(db, pool, only).await;
                drop_tables(db).await;
            }

            async fn one_row(db: &'static Db<DB>, pool: &'static Pool<DB>, only: &str) {
                let by_id = sql(
                    "SELECT id, kind, score, `rank`, title, body, price, city FROM bench_events WHERE id = ?",
                );
                let ways = vec![
                    contender("sqlx", move || async move {
                        let found = sqlx::query_as::<_, Event>(by_id).bind(4711_i64).fetch_optional(pool);
                        found.await.unwrap().map_or(0, |event| event.id as usize)
                    }),
                    contender("kysera find().filter().first()", move || async move {
                        let repo = Event::repo(db);
                        let found = repo.find().filter(Event::ID.eq(4711)).first();
                        found.await.unwrap().map_or(0, |event| event.id as usize)
                    }),
                    contender("kysera find_by_id()", move || async move {
                        let found = Event::repo(db).find_by_id(4711).await;
                        found.unwrap().map_or(0, |event| event.id as usize)
                    }),
                ];
                measure(DB::NAME, "one row", only, (300, 20), ways).await;
            }

            fn ten_conditions() -> Filter<Event> {
                Event::KIND.eq(3)
                    & Event::SCORE.ge(10)
                    & Event::SCORE.lt(90_000)
                    & Event::RANK.is_not_null()
                    & Event::TITLE.starts_with("Event")
                    & (Event::PRICE.gt(1.0) | Event::CITY.eq("City 1"))
                    & Event::ID.ne(5)
                    & Event::KIND.in_([1, 2, 3])
                    & !Event::BODY.contains("nothing")
            }

            async fn rendering(db: &'static Db<DB>, only: &str) {
                let ways = vec![
                    contender("sqlx QueryBuilder, its text alone", || async {
                        let mut query = sqlx::QueryBuilder::<DB>::new(
                            "SELECT id, kind, score, \"rank\", title, body, price, city FROM bench_events WHERE kind = ",
                        );
                        query.push_bind(3).push(" AND score >= ").push_bind(10_i64);
                        query.push(" AND score < ").push_bind(90_000_i64).push(" AND \"rank\" IS NOT NULL");
                        query.push(" AND title LIKE ").push_bind("Event%");
                        query.push(" AND (price > ").push_bind(1.0).push(" OR city = ").push_bind("City 1");
                        query.push(") AND id <> ").push_bind(5_i64).push(" AND kind IN (").push_bind(1);
                        query.push(", ").push_bind(2).push(", ").push_bind(3).push(") AND NOT (body LIKE ");
                        query.push_bind("%nothing%").push(")");
                        std::hint::black_box(query.sql());
                        1
                    }),
                    contender("kysera filter and to_sql()", move || async move {
                        let repo = Event::repo(db);
                        std::hint::black_box(repo.find().filter(ten_conditions()).to_sql().unwrap());
                        1
                    }),
                ];
                measure(DB::NAME, "ten conditions, not sent", only, (300, 100), ways).await;
            }

            async fn columns(db: &'static Db<DB>, pool: &'static Pool<DB>, only: &str) {
                let whole = sql(
                    "SELECT id, kind, score, `rank`, title, body, price, city FROM bench_events ORDER BY id LIMIT 5000",
                );
                let three = sql("SELECT id, title, city FROM bench_events ORDER BY id LIMIT 5000");
                let ways = vec![
                    contender("sqlx, three columns", move || async move {
                        let rows = sqlx::query_as::<_, (i64, String, Option<String>)>(three).fetch_all(pool);
                        rows.await.unwrap().len()
                    }),
                    contender("kysera, three columns", move || async move {
                        let repo = Event::repo(db);
                        let find = repo.find().order_by(Event::ID.asc()).limit(5000);
                        find.select((Event::ID, Event::TITLE, Event::CITY)).all().await.unwrap().len()
                    }),
                    contender("sqlx, whole rows", move || async move {
                        sqlx::query_as::<_, Event>(whole).fetch_all(pool).await.unwrap().len()
                    }),
                    contender("kysera, whole rows", move || async move {
                        let repo = Event::repo(db);
                        repo.find().order_by(Event::ID.asc()).limit(5000).all().await.unwrap().len()
                    }),
                ];
                measure(DB::NAME, "columns of 5000 rows", only, (60, 1), ways).await;
            }

            /// A place behind so many rows.
            async fn place(db: &Db<DB>, order: kysera::expr::Order<Event>, at: u64) -> (Event, Cursor) {
                let find = Event::repo(db);
                let find = find.find().order_by(order);
                let rows = find.keyset(Keyset::first(at).max_rows(at)).await.unwrap();
                (rows.items.last().unwrap().clone(), rows.next.unwrap())
            }

            async fn deep_page(db: &'static Db<DB>, pool: &'static Pool<DB>, only: &str) {
                let (last, cursor) = place(db, Event::SCORE.asc(), 20_000).await;
                let last: &'static Event = Box::leak(Box::new(last));
                let cursor: &'static Cursor = Box::leak(Box::new(cursor));
                let columns = "SELECT id, kind, score, `rank`, title, body, price, city FROM bench_events";
                let behind = <DB as Spelling>::BEHIND;
                let places = behind.matches('?').count();
                let keyset = sql(&format!("{columns} WHERE {behind} ORDER BY score, id LIMIT ?"));
                let before = <DB as Spelling>::BEFORE;
                let probe = sql(&format!("SELECT 1 FROM bench_events WHERE {before} ORDER BY score DESC, id DESC LIMIT 1"));
                let offset = sql(&format!("{columns} ORDER BY score, id LIMIT 20 OFFSET 20000"));
                let ways = vec![
                    contender("sqlx, behind a row", move || async move {
                        let mut query = sqlx::query_as::<_, Event>(keyset);
                        for _ in 1..places {
                            query = query.bind(last.score);
                        }
                        let mut rows = query.bind(last.id).bind(21_i64).fetch_all(pool).await.unwrap();
                        rows.truncate(20);
                        rows.len()
                    }),
                    contender("sqlx, and what is before it", move || async move {
                        let mut query = sqlx::query_as::<_, Event>(keyset);
                        let mut before = sqlx::query_scalar::<_, i32>(probe);
                        for _ in 1..places {
                            query = query.bind(last.score);
                            before = before.bind(last.score);
                        }
                        let mut rows = query.bind(last.id).bind(21_i64).fetch_all(pool).await.unwrap();
                        let has_prev = before.bind(last.id).fetch_optional(pool).await.unwrap().is_some();
                        rows.truncate(20);
                        if has_prev { rows.len() } else { 0 }
                    }),
                    contender("kysera keyset(), has_next and has_prev too", move || async move {
                        let repo = Event::repo(db);
                        let page = repo.find().order_by(Event::SCORE.asc()).keyset(Keyset::first(20).after(cursor));
                        page.await.unwrap().items.len()
                    }),
                    contender("sqlx, OFFSET", move || async move {
                        sqlx::query_as::<_, Event>(offset).fetch_all(pool).await.unwrap().len()
                    }),
                    contender("kysera offset()", move || async move {
                        let repo = Event::repo(db);
                        let find = repo.find().order_by(Event::SCORE.asc()).order_by(Event::ID.asc());
                        find.limit(20).offset(20_000).all().await.unwrap().len()
                    }),
                ];
                measure(DB::NAME, "page 1001 of 20 rows", only, (100, 1), ways).await;
            }

            async fn nulls_ahead(db: &'static Db<DB>, pool: &'static Pool<DB>, only: &str) {
                let [behind, order] = <DB as Spelling>::BEHIND_NULLABLE;
                let descending = order.contains("DESC");
                let by_rank = move || if descending { Event::RANK.desc() } else { Event::RANK.asc() };
                let (last, cursor) = place(db, by_rank(), 150_000).await;
                let last: &'static Event = Box::leak(Box::new(last));
                let cursor: &'static Cursor = Box::leak(Box::new(cursor));
                let columns = "SELECT id, kind, score, `rank`, title, body, price, city FROM bench_events";
                let one = sql(&format!("{columns} WHERE {behind} ORDER BY {order} LIMIT 20"));
                let ways = vec![
                    contender("sqlx, one condition", move || async move {
                        let query = sqlx::query_as::<_, Event>(one).bind(last.rank).bind(last.rank);
                        query.bind(last.rank).bind(last.id).fetch_all(pool).await.unwrap().len()
                    }),
                    contender("kysera keyset(), values and NULLs apart", move || async move {
                        let repo = Event::repo(db);
                        let page = repo.find().order_by(by_rank()).keyset(Keyset::first(20).after(cursor));
                        page.await.unwrap().items.len()
                    }),
                ];
                measure(DB::NAME, "page with NULLs ahead", only, (30, 1), ways).await;
            }

            async fn page_with_total(db: &'static Db<DB>, pool: &'static Pool<DB>, only: &str) {
                let columns = "id, kind, score, `rank`, title, body, price, city";
                let rest = "FROM bench_events WHERE kind = ?";
                let page = sql(&format!("SELECT {columns} {rest} ORDER BY score, id LIMIT 20 OFFSET 20"));
                let count = sql(&format!("SELECT COUNT(*) {rest}"));
                let ways = vec![
                    contender("sqlx, two statements", move || async move {
                        let rows = sqlx::query_as::<_, Event>(page).bind(3).fetch_all(pool).await.unwrap();
                        let total: i64 = sqlx::query_scalar(count).bind(3).fetch_one(pool).await.unwrap();
                        rows.len() + total as usize
                    }),
                    contender("kysera page()", move || async move {
                        let repo = Event::repo(db);
                        let find = repo.find().filter(Event::KIND.eq(3)).order_by(Event::SCORE.asc());
                        let page = find.page(PageRequest::new(2, 20)).await.unwrap();
                        page.items.len() + page.total as usize
                    }),
                ];
                measure(DB::NAME, "page of 20 with total 30 000", only, (100, 1), ways).await;
            }

            /// Posts of authors in one statement, by sqlx.
            async fn posts(pool: &Pool<DB>, ids: &[i64], limit: bool) -> Vec<Post> {
                let (head, tail) = match limit {
                    false => ("SELECT id, author_id, title, views FROM bench_posts WHERE author_id", ""),
                    true => (
                        "SELECT id, author_id, title, views FROM (SELECT id, author_id, title, views, ROW_NUMBER() OVER \
                         (PARTITION BY author_id ORDER BY id DESC) AS n FROM bench_posts WHERE author_id",
                        ") AS p WHERE n <= 3 ORDER BY n",
                    ),
                };
                suite!(@posts $ids, pool, ids, head, tail)
            }

            async fn authors(pool: &Pool<DB>) -> Vec<Author> {
                let authors = sqlx::query_as::<_, Author>("SELECT id, name, email FROM bench_authors");
                authors.fetch_all(pool).await.unwrap()
            }

            async fn by_hand(pool: &Pool<DB>, limit: bool) -> usize {
                let authors = authors(pool).await;
                let ids: Vec<i64> = authors.iter().map(|author| author.id).collect();
                let mut of: HashMap<i64, Vec<Post>> = HashMap::new();
                for post in posts(pool, &ids, limit).await {
                    of.entry(post.author_id).or_default().push(post);
                }
                let rows: Vec<(Author, Vec<Post>)> = authors
                    .into_iter()
                    .map(|author| {
                        let posts = of.remove(&author.id).unwrap_or_default();
                        (author, posts)
                    })
                    .collect();
                rows.iter().map(|(_, posts)| posts.len()).sum()
            }

            async fn one_by_one(pool: &Pool<DB>, of_one: &'static str) -> usize {
                let mut rows: Vec<(Author, Vec<Post>)> = Vec::new();
                for author in authors(pool).await {
                    let posts = sqlx::query_as::<_, Post>(of_one).bind(author.id).fetch_all(pool);
                    rows.push((author, posts.await.unwrap()));
                }
                rows.iter().map(|(_, posts)| posts.len()).sum()
            }

            async fn relations(db: &'static Db<DB>, pool: &'static Pool<DB>, only: &str) {
                let of_one = sql("SELECT id, author_id, title, views FROM bench_posts WHERE author_id = ?");
                let ways = vec![
                    contender("sqlx, two statements", move || by_hand(pool, false)),
                    contender("kysera with()", move || async move {
                        let repo = Author::repo(db);
                        let rows = repo.find().with(Author::POSTS).all().await.unwrap();
                        rows.iter().map(|(_, posts)| posts.len()).sum()
                    }),
                    contender("sqlx, one statement for each parent", move || one_by_one(pool, of_one)),
                ];
                measure(DB::NAME, "1000 parents with 5 children", only, (40, 1), ways).await;
            }

            async fn relations_limited(db: &'static Db<DB>, pool: &'static Pool<DB>, only: &str) {
                let of_one = sql(
                    "SELECT id, author_id, title, views FROM bench_posts WHERE author_id = ? ORDER BY id DESC LIMIT 3",
                );
                let ways = vec![
                    contender("sqlx, ROW_NUMBER()", move || by_hand(pool, true)),
                    contender("kysera with(..limit(3))", move || async move {
                        let repo = Author::repo(db);
                        let newest = Author::POSTS.order_by(Post::ID.desc()).limit(3);
                        let rows = repo.find().with(newest).all().await.unwrap();
                        rows.iter().map(|(_, posts)| posts.len()).sum()
                    }),
                    contender("sqlx, one statement for each parent", move || one_by_one(pool, of_one)),
                ];
                measure(DB::NAME, "1000 parents with 3 of 5 children", only, (40, 1), ways).await;
            }
        }
    };
    (@posts any, $pool:ident, $ids:ident, $head:ident, $tail:ident) => {{
        let text = AssertSqlSafe(format!("{} = ANY($1){}", $head, $tail));
        sqlx::query_as::<_, Post>(text).bind($ids).fetch_all($pool).await.unwrap()
    }};
    (@posts list, $pool:ident, $ids:ident, $head:ident, $tail:ident) => {{
        let mut query = sqlx::QueryBuilder::<DB>::new($head);
        query.push(" IN (");
        let mut ids = query.separated(", ");
        for id in $ids {
            ids.push_bind(*id);
        }
        query.push(")").push($tail);
        query.build_query_as::<Post>().fetch_all($pool).await.unwrap()
    }};
}

suite!(sqlite, sqlx::Sqlite, list);
suite!(postgres, sqlx::Postgres, any);
suite!(mysql, sqlx::MySql, list);
