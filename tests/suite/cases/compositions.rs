//! Random compositions of everything that a query can say answer what the same compositions are in Rust: whole rows, with
//! joins and with what is loaded for them.

use kysera::expr::Order;
use kysera::prelude::*;
use kysera::query::Find;
use proptest::prelude::*;

use super::compositions_ends::*;
use super::compositions_world::*;
use super::properties::{block_on, runner};
use crate::DB;

/// What posts are ordered by.
#[derive(Debug, Clone, Copy)]
pub(super) enum PostKey {
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

pub(super) fn post_key() -> impl Strategy<Value = PostKey> + Clone {
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
    pub(super) fn order(self, way: Way) -> Order<Post> {
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
pub(super) enum Joins {
    None,
    Author,
    Editor,
    LeftEditor,
    LeftAuthorEditor,
    EditorLeftAuthor,
}

pub(super) fn joins() -> impl Strategy<Value = Joins> {
    use Joins as J;
    let all = vec![J::None, J::Author, J::Editor, J::LeftEditor, J::LeftAuthorEditor, J::EditorLeftAuthor];
    prop::sample::select(all)
}

impl Joins {
    pub(super) fn keep(self, post: &Post, w: &World) -> bool {
        match self {
            Joins::None | Joins::LeftEditor => true,
            Joins::Author => w.author(post).is_some(),
            Joins::Editor | Joins::LeftAuthorEditor | Joins::EditorLeftAuthor => w.editor(post).is_some(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct PostCase {
    pub(super) filters: Vec<PostAsk>,
    pub(super) joins: Joins,
    pub(super) order: Vec<(PostKey, Way)>,
    pub(super) last: Way,
    pub(super) part: Part,
}

pub(super) fn post_case() -> impl Strategy<Value = PostCase> {
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

pub(super) fn posts<'s>(repo: &'s PostRepository<Db<DB>>, filters: &[PostAsk]) -> Find<'s, Post, Db<DB>> {
    filters.iter().fold(repo.find(), |find, ask| find.filter(ask.filter()))
}

impl PostCase {
    pub(super) fn kept<'w>(&self, w: &'w World) -> Vec<&'w Post> {
        let held = |post: &&Post| self.filters.iter().all(|ask| ask.holds(post, w) == Some(true));
        w.posts.iter().filter(held).filter(|post| self.joins.keep(post, w)).collect()
    }

    pub(super) fn sorted<'w>(&self, w: &'w World) -> Vec<&'w Post> {
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

#[test]
fn whole_rows_and_joins() {
    let (runtime, (db, w)) = block_on(world);
    let repo = Post::repo(db.source().clone());
    let result = runner(cases(80)).run(&post_case(), |case| runtime.block_on(case.check(&repo, &w)));
    result.unwrap_or_else(|error| panic!("{error}"));
}
