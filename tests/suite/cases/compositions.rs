//! Random compositions of everything that a query can say answer what the same compositions are in Rust.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Debug;

use futures_util::TryStreamExt;
use kysera::backend::{Backend, Dialect};
use kysera::expr::{Expr, Expression, Order, count};
use kysera::prelude::*;
use kysera::query::{Find, Shape};
use kysera::{Cursor, Db, Keyset};
use proptest::prelude::*;

use super::compositions_world::*;
use super::properties::{block_on, runner};
use crate::DB;

/// How many cases; `KYSERA_CASES` asks for more.
fn cases(usual: u32) -> u32 {
    std::env::var("KYSERA_CASES").map_or(usual, |cases| cases.parse().unwrap())
}

/// A value that is selected or ordered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Number(i64),
    Text(String),
}

/// `None` is NULL.
type Cells = Vec<Option<Cell>>;

fn number(number: impl Into<Option<i64>>) -> Option<Cell> {
    number.into().map(Cell::Number)
}

fn words(text: impl Into<Option<String>>) -> Option<Cell> {
    text.into().map(Cell::Text)
}

/// A direction, and where NULLs stand: first, last or where the database puts them.
#[derive(Debug, Clone, Copy)]
struct Way {
    descending: bool,
    first: Option<bool>,
}

fn way() -> impl Strategy<Value = Way> + Clone {
    (any::<bool>(), prop::option::of(any::<bool>())).prop_map(|(descending, first)| Way { descending, first })
}

impl Way {
    fn order<E, T: Send + 'static>(self, expr: impl Expression<Entity = E, Out = T>) -> Order<E> {
        let expr = expr.into_expr();
        let order = if self.descending { expr.desc() } else { expr.asc() };
        match self.first {
            Some(true) => order.nulls_first(),
            Some(false) => order.nulls_last(),
            None => order,
        }
    }

    fn compare(self, a: &Option<Cell>, b: &Option<Cell>) -> Ordering {
        let native_first = (DB::DIALECT == Dialect::Postgres) == self.descending;
        match (a, b) {
            (Some(a), Some(b)) if self.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (None, None) => Ordering::Equal,
            (a, _) => {
                let first = self.first.unwrap_or(native_first);
                if a.is_none() == first { Ordering::Less } else { Ordering::Greater }
            }
        }
    }
}

/// What is asked of the ends of a query.
#[derive(Debug, Clone)]
struct Part {
    limit: Option<u64>,
    offset: Option<u64>,
    per_page: u64,
}

fn part() -> impl Strategy<Value = Part> {
    (prop::option::of(0_u64..6), prop::option::of(0_u64..6), 1_u64..9)
        .prop_map(|(limit, offset, per_page)| Part { limit, offset, per_page })
}

/// Ends a query in every way. `wanted` are all rows, in their order.
async fn ends<E, X, T>(
    find: Find<'_, E, Db<DB>, X>,
    show: impl Fn(X::Out) -> T,
    part: &Part,
    wanted: Vec<T>,
) -> Result<(), TestCaseError>
where
    E: kysera::entity::On<DB>,
    X: Shape<DB> + Clone,
    T: Debug + PartialEq + Clone,
{
    let (number, sql) = (wanted.len() as u64, find.to_sql());
    let told = |error: kysera::Error| TestCaseError::fail(format!("{error}: {error:?}\n{sql:?}"));
    let cut: Vec<T> = {
        let skip = part.offset.unwrap_or_default() as usize;
        wanted
            .iter()
            .skip(skip)
            .take(part.limit.map_or(usize::MAX, |limit| limit as usize))
            .cloned()
            .collect()
    };
    let limited = match part.limit {
        Some(limit) => find.clone().limit(limit),
        None => find.clone(),
    };
    let limited = match part.offset {
        Some(offset) => limited.offset(offset),
        None => limited,
    };
    let all: Vec<T> = limited.clone().all().await.map_err(told)?.into_iter().map(&show).collect();
    prop_assert_eq!(&all, &cut, "all {:?}", &sql);
    let streamed: Vec<X::Out> = limited.clone().stream().try_collect().await.map_err(told)?;
    prop_assert_eq!(&streamed.into_iter().map(&show).collect::<Vec<_>>(), &cut, "stream {:?}", &sql);
    let first = limited.clone().first().await.map_err(told)?.map(&show);
    prop_assert_eq!(first.as_ref(), cut.first(), "first {:?}", &sql);
    prop_assert_eq!(limited.clone().exists().await.map_err(told)?, !cut.is_empty(), "exists {:?}", &sql);
    prop_assert_eq!(limited.clone().count().await.map_err(told)?, number, "count {:?}", &sql);
    let (items, total) = limited.clone().find_and_count().await.map_err(told)?;
    let items: Vec<T> = items.into_iter().map(&show).collect();
    prop_assert_eq!((&items, total), (&cut, number), "find_and_count {:?}", &sql);
    limited.explain().await.map_err(told)?;
    let (mut paged, mut page) = (Vec::new(), 1);
    loop {
        let got = find.clone().page(PageRequest::new(page, part.per_page)).await.map_err(told)?;
        prop_assert_eq!(got.total, number, "page {:?}", &sql);
        let behind = page * part.per_page >= number;
        prop_assert_eq!(got.has_next, !behind);
        paged.extend(got.items.into_iter().map(&show));
        if behind {
            break;
        }
        page += 1;
    }
    prop_assert_eq!(&paged, &wanted, "pages {:?}", &sql);
    Ok(())
}

/// Sorts rows by their keys, and by what is unique about them.
fn sorted<T>(mut rows: Vec<(Cells, T)>, ways: &[Way]) -> Vec<T> {
    rows.sort_by(|(a, _), (b, _)| {
        let keys = ways.iter().zip(a.iter().zip(b));
        keys.map(|(way, (a, b))| way.compare(a, b)).find(|found| found.is_ne()).unwrap_or(Ordering::Equal)
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

/// What posts are ordered by.
#[derive(Debug, Clone, Copy)]
enum PostKey {
    Title,
    Note,
    Views,
    ViewsOr(i64),
    NoteLength,
    AuthorName,
    EditorAge,
    EditorManager,
    Comments,
    Tags(&'static str),
}

fn post_key() -> impl Strategy<Value = PostKey> + Clone {
    use PostKey as K;
    let labels = prop::sample::select(vec!["a", "ab"]);
    prop_oneof![
        prop::sample::select(vec![K::Title, K::Note, K::Views, K::NoteLength, K::AuthorName]),
        prop::sample::select(vec![K::EditorAge, K::EditorManager, K::Comments]),
        (-1_i64..3).prop_map(K::ViewsOr),
        labels.prop_map(K::Tags),
    ]
}

impl PostKey {
    fn order(self, way: Way) -> Order<Post> {
        match self {
            PostKey::Title => way.order(Post::TITLE),
            PostKey::Note => way.order(Post::NOTE),
            PostKey::Views => way.order(Post::VIEWS),
            PostKey::ViewsOr(or) => way.order(Post::VIEWS.coalesce(or)),
            PostKey::NoteLength => way.order(Post::NOTE.length()),
            PostKey::AuthorName => way.order(Post::AUTHOR.get(User::NAME)),
            PostKey::EditorAge => way.order(Post::EDITOR.get(User::AGE)),
            PostKey::EditorManager => way.order(Post::EDITOR.get(User::MANAGER.get(User::NAME))),
            PostKey::Comments => way.order(Post::COMMENTS.count()),
            PostKey::Tags(label) => way.order(Post::TAGS.filter(Tag::LABEL.eq(label)).count()),
        }
    }

    fn of(self, post: &Post, w: &World) -> Option<Cell> {
        let (author, editor) = (w.author(post), w.editor(post));
        match self {
            PostKey::Title => words(post.title.clone()),
            PostKey::Note => words(post.note.clone()),
            PostKey::Views => number(post.views),
            PostKey::ViewsOr(or) => number(post.views.unwrap_or(or)),
            PostKey::NoteLength => number(post.note.as_ref().map(|note| note.len() as i64)),
            PostKey::AuthorName => words(author.map(|user| user.name.clone())),
            PostKey::EditorAge => number(editor.and_then(|user| user.age)),
            PostKey::EditorManager => {
                words(editor.and_then(|user| w.manager(user)).map(|user| user.name.clone()))
            }
            PostKey::Comments => number(w.comments_on(post).count() as i64),
            PostKey::Tags(label) => number(w.tags_of(post).filter(|tag| tag.label == label).count() as i64),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Joins {
    None,
    Author,
    Editor,
    LeftEditor,
    LeftAuthorEditor,
    EditorLeftAuthor,
}

fn joins() -> impl Strategy<Value = Joins> {
    use Joins as J;
    let all = vec![J::None, J::Author, J::Editor, J::LeftEditor, J::LeftAuthorEditor, J::EditorLeftAuthor];
    prop::sample::select(all)
}

impl Joins {
    fn keep(self, post: &Post, w: &World) -> bool {
        match self {
            Joins::None | Joins::LeftEditor => true,
            Joins::Author => w.author(post).is_some(),
            Joins::Editor | Joins::LeftAuthorEditor | Joins::EditorLeftAuthor => w.editor(post).is_some(),
        }
    }
}

#[derive(Debug, Clone)]
struct PostCase {
    filters: Vec<PostAsk>,
    joins: Joins,
    order: Vec<(PostKey, Way)>,
    last: Way,
    part: Part,
}

fn post_case() -> impl Strategy<Value = PostCase> {
    let filters = prop::collection::vec(asks().0, 0..3);
    let order = prop::collection::vec((post_key(), way()), 0..4);
    (filters, joins(), order, way(), part()).prop_map(|(filters, joins, order, last, part)| PostCase {
        filters,
        joins,
        order,
        last,
        part,
    })
}

fn posts<'s>(repo: &'s PostRepository<Db<DB>>, filters: &[PostAsk]) -> Find<'s, Post, Db<DB>> {
    filters.iter().fold(repo.find(), |find, ask| find.filter(ask.filter()))
}

impl PostCase {
    fn kept<'w>(&self, w: &'w World) -> Vec<&'w Post> {
        let held = |post: &&Post| self.filters.iter().all(|ask| ask.holds(post, w) == Some(true));
        w.posts.iter().filter(held).filter(|post| self.joins.keep(post, w)).collect()
    }

    fn sorted<'w>(&self, w: &'w World) -> Vec<&'w Post> {
        let rows = self.kept(w).into_iter().map(|post| {
            let keys = self.order.iter().map(|(key, _)| key.of(post, w));
            (keys.chain([number(post.id)]).collect(), post)
        });
        let ways: Vec<Way> = self.order.iter().map(|(_, way)| *way).chain([self.last]).collect();
        sorted(rows.collect(), &ways)
    }

    async fn check(&self, repo: &PostRepository<Db<DB>>, w: &World) -> Result<(), TestCaseError> {
        let find = posts(repo, &self.filters)
            .order_by_all(self.order.iter().map(|(key, way)| key.order(*way)))
            .order_by(self.last.order(Post::ID));
        let wanted = self.sorted(w);
        let part = &self.part;
        match self.joins {
            Joins::None => {
                ends(find.clone(), |post| post, part, wanted.iter().map(|post| (*post).clone()).collect())
                    .await?;
                let load = (Post::AUTHOR, Post::EDITOR, Post::COMMENTS, Post::TAGS);
                let loaded = find
                    .with(load)
                    .all()
                    .await
                    .map_err(|error| TestCaseError::fail(format!("with: {error:?}")))?;
                let wanted: Vec<_> = wanted
                    .iter()
                    .map(|post| {
                        let (author, editor) = (w.author(post).cloned(), w.editor(post).cloned());
                        let comments: Vec<_> = w.comments_on(post).cloned().collect();
                        let mut tags: Vec<_> = w.tags_of(post).cloned().collect();
                        tags.sort_by_key(|tag| tag.id);
                        ((*post).clone(), (author, editor, comments, tags))
                    })
                    .collect();
                prop_assert_eq!(loaded, wanted);
                Ok(())
            }
            Joins::Author => {
                let pair = |post: &&Post| ((*post).clone(), w.author(post).unwrap().clone());
                ends(find.join(Post::AUTHOR), |row| row, part, wanted.iter().map(pair).collect()).await
            }
            Joins::Editor => {
                let pair = |post: &&Post| ((*post).clone(), w.editor(post).unwrap().clone());
                ends(find.join(Post::EDITOR), |row| row, part, wanted.iter().map(pair).collect()).await
            }
            Joins::LeftEditor => {
                let pair = |post: &&Post| ((*post).clone(), w.editor(post).cloned());
                ends(find.left_join(Post::EDITOR), |row| row, part, wanted.iter().map(pair).collect()).await
            }
            Joins::LeftAuthorEditor => {
                let find = find.left_join(Post::AUTHOR).join(Post::EDITOR);
                let three = |post: &&Post| {
                    ((*post).clone(), w.author(post).cloned(), w.editor(post).unwrap().clone())
                };
                ends(find, |row| row, part, wanted.iter().map(three).collect()).await
            }
            Joins::EditorLeftAuthor => {
                let find = find.join(Post::EDITOR).left_join(Post::AUTHOR);
                let three = |post: &&Post| {
                    ((*post).clone(), w.editor(post).unwrap().clone(), w.author(post).cloned())
                };
                ends(find, |row| row, part, wanted.iter().map(three).collect()).await
            }
        }
    }
}

/// Numbers that are selected and grouped by.
#[derive(Debug, Clone, Copy)]
enum Number {
    Views,
    Editor,
    ViewsOr(i64),
    AuthorAge,
    EditorManager,
    AuthorPosts,
    /// Counts of posts that are NULL nowhere, behind a number that is NULL somewhere.
    ViewsAndComments,
    Tags(&'static str),
}

#[derive(Debug, Clone, Copy)]
enum Words {
    Note,
    LowerNote,
    AuthorName,
    EditorName,
    LowerEditorName,
    AuthorAge(i64),
    Views(i64),
}

fn numbers() -> impl Strategy<Value = Number> + Clone {
    use Number as N;
    prop_oneof![
        prop::sample::select(vec![N::Views, N::Editor, N::AuthorAge, N::EditorManager, N::AuthorPosts]),
        (-1_i64..3).prop_map(N::ViewsOr),
        Just(N::ViewsAndComments),
        prop::sample::select(vec!["a", "ab"]).prop_map(N::Tags),
    ]
}

fn texts() -> impl Strategy<Value = Words> + Clone {
    use Words as W;
    prop_oneof![
        prop::sample::select(vec![W::Note, W::AuthorName, W::EditorName, W::LowerEditorName, W::LowerNote]),
        (0_i64..3).prop_map(W::AuthorAge),
        (0_i64..3).prop_map(W::Views),
    ]
}

impl Number {
    fn expr(self) -> Expr<Post, Option<i64>> {
        match self {
            Number::Views => Post::VIEWS.into_expr(),
            Number::Editor => Post::EDITOR_ID.into_expr(),
            Number::ViewsOr(or) => Post::EDITOR_ID.plus(Post::VIEWS.coalesce(or)),
            Number::AuthorAge => Post::AUTHOR.get(User::AGE),
            Number::EditorManager => Post::EDITOR.get(User::MANAGER_ID),
            Number::AuthorPosts => Post::AUTHOR.get(User::POSTS.count()),
            Number::ViewsAndComments => Post::VIEWS.plus(Post::COMMENTS.count()),
            Number::Tags(label) => Post::EDITOR_ID.plus(Post::TAGS.filter(Tag::LABEL.eq(label)).count()),
        }
    }

    fn of(self, post: &Post, w: &World) -> Option<i64> {
        match self {
            Number::Views => post.views,
            Number::Editor => post.editor_id,
            Number::ViewsOr(or) => Some(post.editor_id? + post.views.unwrap_or(or)),
            Number::AuthorAge => w.author(post)?.age,
            Number::EditorManager => w.editor(post)?.manager_id,
            Number::AuthorPosts => Some(w.posts_of(w.author(post)?).count() as i64),
            Number::ViewsAndComments => Some(post.views? + w.comments_on(post).count() as i64),
            Number::Tags(label) => {
                Some(post.editor_id? + w.tags_of(post).filter(|tag| tag.label == label).count() as i64)
            }
        }
    }
}

impl Words {
    fn expr(self) -> Expr<Post, Option<String>> {
        match self {
            Words::Note => Post::NOTE.into_expr(),
            Words::LowerNote => Post::NOTE.lower(),
            Words::AuthorName => Post::AUTHOR.get(User::NAME),
            Words::EditorName => Post::EDITOR.get(User::NAME),
            Words::LowerEditorName => Post::EDITOR.get(User::NAME.lower()).upper(),
            Words::AuthorAge(or) => Post::AUTHOR.get(User::AGE.coalesce(or).cast::<String>()),
            Words::Views(plus) => Post::VIEWS.plus(plus).cast::<String>(),
        }
    }

    fn of(self, post: &Post, w: &World) -> Option<String> {
        match self {
            Words::Note => post.note.clone(),
            Words::LowerNote => post.note.clone(),
            Words::AuthorName => w.author(post).map(|user| user.name.clone()),
            Words::EditorName => w.editor(post).map(|user| user.name.clone()),
            Words::LowerEditorName => w.editor(post).map(|user| user.name.to_uppercase()),
            Words::AuthorAge(or) => Some(w.author(post)?.age.unwrap_or(or).to_string()),
            Words::Views(plus) => Some((post.views? + plus).to_string()),
        }
    }
}

macro_rules! join {
    ($find:expr, $joins:expr, |$name:ident| $use:expr) => {
        match $joins {
            Joins::None => {
                let $name = $find;
                $use
            }
            Joins::Author => {
                let $name = $find.join(Post::AUTHOR);
                $use
            }
            Joins::Editor => {
                let $name = $find.join(Post::EDITOR);
                $use
            }
            Joins::LeftEditor => {
                let $name = $find.left_join(Post::EDITOR);
                $use
            }
            Joins::LeftAuthorEditor => {
                let $name = $find.left_join(Post::AUTHOR).join(Post::EDITOR);
                $use
            }
            Joins::EditorLeftAuthor => {
                let $name = $find.join(Post::EDITOR).left_join(Post::AUTHOR);
                $use
            }
        }
    };
}

#[derive(Debug, Clone)]
struct SelectCase {
    of: PostCase,
    number: Number,
    text: Words,
    distinct: bool,
    ways: [Way; 2],
}

fn select_case() -> impl Strategy<Value = SelectCase> {
    (post_case(), numbers(), texts(), any::<bool>(), [way(), way()])
        .prop_map(|(of, number, text, distinct, ways)| SelectCase { of, number, text, distinct, ways })
}

impl SelectCase {
    async fn check(&self, repo: &PostRepository<Db<DB>>, w: &World) -> Result<(), TestCaseError> {
        let of = &self.of;
        let find = posts(repo, &of.filters);
        if self.distinct {
            let find = find
                .order_by(self.ways[0].order(self.text.expr()))
                .order_by(self.ways[1].order(self.number.expr()));
            let find = join!(find, of.joins, |find| find.select((self.number.expr(), self.text.expr())));
            let mut rows: Vec<_> = of
                .kept(w)
                .into_iter()
                .map(|post| {
                    let (number_, text) = (self.number.of(post, w), self.text.of(post, w));
                    (vec![words(text.clone()), number(number_)], (number_, text))
                })
                .collect();
            rows.sort();
            rows.dedup();
            return ends(find.distinct(), |row| row, &of.part, sorted(rows, &self.ways)).await;
        }
        let find = find
            .order_by_all(of.order.iter().map(|(key, way)| key.order(*way)))
            .order_by(of.last.order(Post::ID));
        let select = (self.number.expr(), Post::COMMENTS.count(), self.text.expr());
        let find = join!(find, of.joins, |find| find.select(select));
        let row = |post: &Post| {
            (self.number.of(post, w), w.comments_on(post).count() as i64, self.text.of(post, w))
        };
        ends(find, |row| row, &of.part, of.sorted(w).into_iter().map(row).collect()).await
    }
}

/// What groups are filtered by.
#[derive(Debug, Clone, Copy)]
enum Having {
    Count(i64),
    NoSum,
    Number(i64),
    NumberIsNotNull,
    Text,
    /// An expression around what is grouped by.
    Computed(i64),
}

/// What groups are ordered by before their keys.
#[derive(Debug, Clone, Copy)]
enum GroupOrder {
    Count,
    Sum,
    MaxId,
    Computed,
}

#[derive(Debug, Clone)]
struct GroupCase {
    filters: Vec<PostAsk>,
    joins: Joins,
    number: Number,
    text: Words,
    aggregated: Number,
    having: Vec<Having>,
    order: Vec<(GroupOrder, Way)>,
    ways: [Way; 2],
    distinct: bool,
    part: Part,
}

fn group_case() -> impl Strategy<Value = GroupCase> {
    let having = prop_oneof![
        (0_i64..3).prop_map(Having::Count),
        Just(Having::NoSum),
        (-1_i64..3).prop_map(Having::Number),
        Just(Having::NumberIsNotNull),
        Just(Having::Text),
        (0_i64..3).prop_map(Having::Computed),
    ];
    let order = vec![GroupOrder::Count, GroupOrder::Sum, GroupOrder::MaxId, GroupOrder::Computed];
    let order = prop::collection::vec((prop::sample::select(order), way()), 0..3);
    let what = (numbers(), texts(), numbers());
    let filters = prop::collection::vec(asks().0, 0..2);
    let having = prop::collection::vec(having, 0..3);
    (filters, joins(), what, having, order, [way(), way()], any::<bool>(), part()).prop_map(
        |(filters, joins, (number, text, aggregated), having, order, ways, distinct, part)| GroupCase {
            filters,
            joins,
            number,
            text,
            aggregated,
            having,
            order,
            ways,
            distinct,
            part,
        },
    )
}

type Group = (Option<String>, Option<i64>, i64, Option<i64>, i64);

impl GroupCase {
    /// Distinct rows are ordered by what is selected.
    fn allows(&self, what: GroupOrder) -> bool {
        !self.distinct || matches!(what, GroupOrder::Count | GroupOrder::Sum)
    }

    fn order(&self) -> impl Iterator<Item = Order<Post>> {
        let order = self.order.iter().filter(|(what, _)| self.allows(*what));
        let order = order.map(|(what, way)| match what {
            GroupOrder::Count => way.order(count()),
            GroupOrder::Sum => way.order(self.aggregated.expr().max()),
            GroupOrder::MaxId => way.order(Post::ID.max()),
            GroupOrder::Computed => way.order(self.number.expr().coalesce(1).plus(count())),
        });
        order.chain([self.ways[0].order(self.text.expr()), self.ways[1].order(self.number.expr())])
    }

    async fn check(&self, repo: &PostRepository<Db<DB>>, w: &World) -> Result<(), TestCaseError> {
        let find = posts(repo, &self.filters).order_by_all(self.order());
        let select = (
            self.text.expr(),
            self.number.expr(),
            count(),
            self.aggregated.expr().max(),
            self.aggregated.expr().count_distinct(),
        );
        let find = join!(find, self.joins, |find| find.select(select));
        let mut find = find.group_by((self.number.expr(), self.text.expr()));
        for having in &self.having {
            find = find.having(match having {
                Having::Count(least) => count().gt(*least),
                Having::NoSum => self.aggregated.expr().sum().is_null(),
                Having::Number(least) => self.number.expr().ge(*least),
                Having::NumberIsNotNull => self.number.expr().is_not_null(),
                Having::Text => self.text.expr().in_([Some("a".to_owned()), Some("ab".into()), None]),
                Having::Computed(least) => self.number.expr().coalesce(0).plus(1).gt(*least),
            });
        }
        let find = if self.distinct { find.distinct() } else { find };

        let mut groups: BTreeMap<(Option<String>, Option<i64>), Vec<&Post>> = BTreeMap::new();
        let held = |post: &&Post| self.filters.iter().all(|ask| ask.holds(post, w) == Some(true));
        for post in w.posts.iter().filter(held).filter(|post| self.joins.keep(post, w)) {
            groups.entry((self.text.of(post, w), self.number.of(post, w))).or_default().push(post);
        }
        let rows = groups.into_iter().filter_map(|((text, key), posts)| {
            let mut values: Vec<i64> = posts.iter().filter_map(|post| self.aggregated.of(post, w)).collect();
            values.sort_unstable();
            values.dedup();
            let rows = posts.len() as i64;
            let held = self.having.iter().all(|having| match having {
                Having::Count(least) => rows > *least,
                Having::NoSum => values.is_empty(),
                Having::Number(least) => key.is_some_and(|key| key >= *least),
                Having::NumberIsNotNull => key.is_some(),
                Having::Text => text.as_ref().is_none_or(|text| ["a", "ab"].contains(&text.as_str())),
                Having::Computed(least) => key.unwrap_or(0) + 1 > *least,
            });
            let keys = self.order.iter().filter(|(what, _)| self.allows(*what)).map(|(what, _)| match what {
                GroupOrder::Count => number(rows),
                GroupOrder::Sum => number(values.last().copied()),
                GroupOrder::MaxId => number(posts.iter().map(|post| post.id).max()),
                GroupOrder::Computed => number(key.unwrap_or(1) + rows),
            });
            let keys: Cells = keys.chain([words(text.clone()), number(key)]).collect();
            let row: Group = (text, key, rows, values.last().copied(), values.len() as i64);
            held.then_some((keys, row))
        });
        let ways: Vec<Way> = (self.order.iter())
            .filter(|(what, _)| self.allows(*what))
            .map(|(_, way)| *way)
            .chain(self.ways)
            .collect();
        ends(find, |row: Group| row, &self.part, sorted(rows.collect(), &ways)).await
    }
}

/// What users are ordered by.
#[derive(Debug, Clone, Copy)]
enum UserKey {
    Name,
    Age,
    ManagerName,
    Reports,
    Posts,
}

#[derive(Debug, Clone)]
struct UserCase {
    filters: Vec<UserAsk>,
    order: Vec<(UserKey, Way)>,
    last: Way,
    join: Option<bool>,
    part: Part,
}

fn user_case() -> impl Strategy<Value = UserCase> {
    use UserKey as K;
    let key = prop::sample::select(vec![K::Name, K::Age, K::ManagerName, K::Reports, K::Posts]);
    let filters = prop::collection::vec(asks().1, 0..3);
    let order = prop::collection::vec((key, way()), 0..3);
    (filters, order, way(), prop::option::of(any::<bool>()), part())
        .prop_map(|(filters, order, last, join, part)| UserCase { filters, order, last, join, part })
}

impl UserCase {
    fn sorted<'w>(&self, w: &'w World) -> Vec<&'w User> {
        let held = |user: &&User| {
            let kept = self.join != Some(true) || w.manager(user).is_some();
            kept && self.filters.iter().all(|ask| ask.holds(user, w) == Some(true))
        };
        let rows = w.users.iter().filter(held).map(|user| {
            let keys = self.order.iter().map(|(key, _)| match key {
                UserKey::Name => words(user.name.clone()),
                UserKey::Age => number(user.age),
                UserKey::ManagerName => words(w.manager(user).map(|user| user.name.clone())),
                UserKey::Reports => number(w.reports_of(user).count() as i64),
                UserKey::Posts => number(w.posts_of(user).count() as i64),
            });
            (keys.chain([number(user.id)]).collect(), user)
        });
        let ways: Vec<Way> = self.order.iter().map(|(_, way)| *way).chain([self.last]).collect();
        sorted(rows.collect(), &ways)
    }

    async fn check(&self, repo: &UserRepository<Db<DB>>, w: &World) -> Result<(), TestCaseError> {
        let find = self.filters.iter().fold(repo.find(), |find, ask| find.filter(ask.filter()));
        let find = find.order_by_all(self.order.iter().map(|(key, way)| match key {
            UserKey::Name => way.order(User::NAME),
            UserKey::Age => way.order(User::AGE),
            UserKey::ManagerName => way.order(User::MANAGER.get(User::NAME)),
            UserKey::Reports => way.order(User::REPORTS.count()),
            UserKey::Posts => way.order(User::POSTS.count()),
        }));
        let find = find.order_by(self.last.order(User::ID));
        let wanted = self.sorted(w);
        let with_manager = |user: &&User| ((*user).clone(), w.manager(user).cloned());
        match self.join {
            Some(true) => {
                let wanted = wanted.iter().map(with_manager).map(|(user, m)| (user, m.unwrap())).collect();
                ends(find.join(User::MANAGER), |row| row, &self.part, wanted).await
            }
            Some(false) => {
                let names = find.clone().left_join(User::MANAGER);
                let names = names.select((
                    User::NAME,
                    User::MANAGER.get(User::NAME),
                    User::MANAGER.get(User::REPORTS.count()),
                ));
                let shown = wanted.iter().map(|user| {
                    let manager = w.manager(user);
                    (
                        user.name.clone(),
                        manager.map(|m| m.name.clone()),
                        manager.map(|m| w.reports_of(m).count() as i64),
                    )
                });
                ends(names, |row| row, &self.part, shown.collect()).await?;
                ends(
                    find.left_join(User::MANAGER),
                    |row| row,
                    &self.part,
                    wanted.iter().map(with_manager).collect(),
                )
                .await
            }
            None => {
                let wanted: Vec<User> = wanted.into_iter().cloned().collect();
                ends(find.clone(), |row| row, &self.part, wanted.clone()).await?;
                if self.order.iter().any(|(key, _)| !matches!(key, UserKey::Name | UserKey::Age)) {
                    let error = find.keyset(Keyset::first(2)).await.unwrap_err();
                    prop_assert_eq!(error.code(), kysera::ErrorCode::BadRequest);
                    return Ok(());
                }
                let told = |error: kysera::Error| TestCaseError::fail(format!("keyset: {error:?}"));
                let rows = self.part.per_page;
                let (mut there, mut place) = (Vec::new(), None::<Cursor>);
                loop {
                    let keyset = Keyset::first(rows).after(place).with_total();
                    let page = find.clone().with(User::REPORTS).keyset(keyset).await.map_err(told)?;
                    prop_assert_eq!(page.total, Some(wanted.len() as u64));
                    for (user, reports) in page.items {
                        prop_assert_eq!(&reports, &w.reports_of(&user).cloned().collect::<Vec<_>>());
                        there.push(user);
                    }
                    place = page.next;
                    if place.is_none() {
                        break;
                    }
                }
                prop_assert_eq!(&there, &wanted);
                Ok(())
            }
        }
    }
}

#[test]
fn whole_rows_and_joins() {
    let (runtime, (db, w)) = block_on(world);
    let repo = Post::repo(db.source().clone());
    let result = runner(cases(250)).run(&post_case(), |case| runtime.block_on(case.check(&repo, &w)));
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn selections() {
    let (runtime, (db, w)) = block_on(world);
    let repo = Post::repo(db.source().clone());
    let result = runner(cases(250)).run(&select_case(), |case| runtime.block_on(case.check(&repo, &w)));
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn groups() {
    let (runtime, (db, w)) = block_on(world);
    let repo = Post::repo(db.source().clone());
    let result = runner(cases(250)).run(&group_case(), |case| runtime.block_on(case.check(&repo, &w)));
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_table_that_leads_to_itself() {
    let (runtime, (db, w)) = block_on(world);
    let repo = User::repo(db.source().clone());
    let result = runner(cases(150)).run(&user_case(), |case| runtime.block_on(case.check(&repo, &w)));
    result.unwrap_or_else(|error| panic!("{error}"));
}
