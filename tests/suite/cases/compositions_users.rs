//! Random queries of users, whose table leads to itself, and walks through their pages.

use kysera::prelude::*;
use proptest::prelude::*;

use super::compositions_ends::*;
use super::compositions_world::*;
use super::properties::{block_on, runner};
use crate::DB;

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
fn a_table_that_leads_to_itself() {
    let (runtime, (db, w)) = block_on(world);
    let repo = User::repo(db.source().clone());
    let result = runner(cases(80)).run(&user_case(), |case| runtime.block_on(case.check(&repo, &w)));
    result.unwrap_or_else(|error| panic!("{error}"));
}
