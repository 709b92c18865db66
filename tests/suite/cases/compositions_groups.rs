//! Random selections and groups of posts.

use std::collections::BTreeMap;

use kysera::expr::{Expr, Expression, Order, count};
use kysera::prelude::*;
use proptest::prelude::*;

use super::compositions::{Joins, PostCase, joins, post_case, posts};
use super::compositions_ends::*;
use super::compositions_world::*;
use super::properties::{block_on, runner};
use crate::DB;

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
            Words::LowerEditorName => Post::EDITOR.get(User::NAME.lower()).trim(),
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
            Words::LowerEditorName => w.editor(post).map(|user| user.name.clone()),
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

#[test]
fn selections() {
    let (runtime, (db, w)) = block_on(world);
    let repo = Post::repo(db.source().clone());
    let result = runner(cases(80)).run(&select_case(), |case| runtime.block_on(case.check(&repo, &w)));
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn groups() {
    let (runtime, (db, w)) = block_on(world);
    let repo = Post::repo(db.source().clone());
    let result = runner(cases(80)).run(&group_case(), |case| runtime.block_on(case.check(&repo, &w)));
    result.unwrap_or_else(|error| panic!("{error}"));
}
