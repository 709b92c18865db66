//! Which statements are sent under a policy: as many as without one, as far as reads and single rows are concerned. Recording is
//! global to a process, hence a binary of its own.

use std::borrow::Cow;
use std::fmt::Write as _;

use kysera::plugin::AuditTable;
use kysera::prelude::*;
use kysera::rls::{Action, Claims, Policy, PolicyMethods, Rules};
use kysera::{Actor, Clock, Conflict, Error};
use kysera_tests::recorder::record;
use kysera_tests::{Ddl, Fixture, TestBackend};

const THINGS: Ddl = Ddl {
    postgres: "CREATE TABLE things (id BIGINT PRIMARY KEY, tenant_id BIGINT NOT NULL, owner_id BIGINT NOT NULL, team_id BIGINT,
            slug TEXT NOT NULL UNIQUE, status TEXT NOT NULL, amount BIGINT NOT NULL, version INT NOT NULL DEFAULT 1,
            created_at BIGINT NOT NULL DEFAULT 0, updated_at BIGINT NOT NULL DEFAULT 0, deleted_at BIGINT);
        CREATE TABLE teams (id BIGINT PRIMARY KEY, parent_id BIGINT);
        CREATE TABLE members (team_id BIGINT NOT NULL, user_id BIGINT NOT NULL, PRIMARY KEY (team_id, user_id));
        INSERT INTO teams VALUES (5, NULL), (6, 5); INSERT INTO members VALUES (5, 10)",
    mysql: "CREATE TABLE things (id BIGINT PRIMARY KEY, tenant_id BIGINT NOT NULL, owner_id BIGINT NOT NULL, team_id BIGINT,
            slug VARCHAR(99) NOT NULL UNIQUE, status VARCHAR(99) NOT NULL, amount BIGINT NOT NULL, version INT NOT NULL DEFAULT 1,
            created_at BIGINT NOT NULL DEFAULT 0, updated_at BIGINT NOT NULL DEFAULT 0, deleted_at BIGINT);
        CREATE TABLE teams (id BIGINT PRIMARY KEY, parent_id BIGINT);
        CREATE TABLE members (team_id BIGINT NOT NULL, user_id BIGINT NOT NULL, PRIMARY KEY (team_id, user_id));
        INSERT INTO teams VALUES (5, NULL), (6, 5); INSERT INTO members VALUES (5, 10)",
    sqlite: "CREATE TABLE things (id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL, owner_id INTEGER NOT NULL, team_id INTEGER,
            slug TEXT NOT NULL UNIQUE, status TEXT NOT NULL, amount INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1,
            created_at INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL DEFAULT 0, deleted_at INTEGER);
        CREATE TABLE teams (id INTEGER PRIMARY KEY, parent_id INTEGER);
        CREATE TABLE members (team_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (team_id, user_id));
        INSERT INTO teams VALUES (5, NULL), (6, 5); INSERT INTO members VALUES (5, 10)",
};

#[derive(Debug, Clone, PartialEq, Claims)]
struct Principal {
    tenant_id: Option<i64>,
    user_id: i64,
    team_ids: Vec<i64>,
    is_admin: bool,
    #[kysera(skip)]
    limit: i64,
}

impl Actor for Principal {
    fn actor(&self) -> Option<Cow<'_, str>> {
        Some(self.user_id.to_string().into())
    }
}

fn ada() -> Principal {
    Principal { tenant_id: Some(1), user_id: 10, team_ids: vec![5, 6], is_admin: false, limit: 1000 }
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "teams", has_many(members = Member::TEAM_ID))]
pub struct Team {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(belongs_to(parent = Team::ID))]
    parent_id: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "members")]
pub struct Member {
    #[kysera(id)]
    team_id: i64,
    #[kysera(id)]
    user_id: i64,
}

/// What was done, and the statements of it.
type Sent = Vec<(&'static str, Vec<String>)>;

/// Without what brackets a transaction, which not every backend tells.
fn work(texts: Vec<String>) -> Vec<String> {
    let brackets = ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START"];
    texts.into_iter().filter(|text| !brackets.iter().any(|word| text.starts_with(word))).collect()
}

/// One way to declare the entity, and what it sends. `tenant`: who creates a row says whose it is.
macro_rules! entity {
    ($name:ident: [$($plugin:meta)?] { $($field:ident: $ty:ty),* } $({ $tenant:ident })? $(rules $rules:expr)?) => {
        mod $name {
            use super::*;

            #[derive(Debug, Clone, Repository)]
            $(#[$plugin])?
            #[kysera(table = "things")]
            pub(crate) struct Thing {
                #[kysera(id, assigned)]
                id: i64,
                tenant_id: i64,
                owner_id: i64,
                #[kysera(belongs_to(team = Team::ID))]
                team_id: Option<i64>,
                #[kysera(unique)]
                slug: String,
                status: String,
                amount: i64,
                $($field: $ty,)*
            }

            $(
                impl Policy<Principal> for Thing {
                    fn rules() -> Rules<Self, Principal> {
                        $rules
                    }
                }
            )?

            pub(super) fn new(id: i64) -> NewThing {
                let slug = format!("thing-{id}");
                NewThing { id, $($tenant: 1,)? owner_id: 10, team_id: Some(6), slug, status: "draft".into(), amount: 1 }
            }

            pub(super) async fn sent<DB: TestBackend>() -> Sent
            where
                Thing: kysera::entity::On<DB>,
                Team: kysera::entity::On<DB>,
            {
                let db = Fixture::<DB>::new(&THINGS).await;
                AuditTable::new("audit_logs").create(db.source()).await.unwrap();
                let source = db.source().clone().with_clock(Clock::fixed(std::time::UNIX_EPOCH)).with_context(ada());
                let things = Thing::repo(&source);
                let patch = || ThingPatch::new().amount(2).status("sent");
                let mut sent = Sent::new();
                macro_rules! note {
                    ($text:literal, $future:expr) => {{
                        let (answer, texts) = record($future).await;
                        sent.push(($text, work(texts)));
                        answer.unwrap()
                    }};
                }
                note!("create", things.create(new(1)));
                note!("create_many", things.create_many([new(2), new(3), new(4)]));
                note!("insert_many", things.insert_many([new(5), new(6)]));
                note!("find_by_id", things.find_by_id(1)).unwrap();
                note!("find_by_ids", things.find_by_ids([1, 2]));
                note!("exists", things.exists(1));
                note!("count", things.count());
                note!("find_all", things.find_all());
                note!("query", things.find().filter(Thing::AMOUNT.gt(0) | Thing::ID.lt(0)).order_by(Thing::ID.asc()).all());
                note!("join", things.find().left_join(Thing::TEAM).all());
                note!("update", things.update(1, patch()));
                note!("update that moves", things.update(1, patch().owner_id(10).team_id(5)));
                note!("update_many", things.update_many([(2, patch()), (3, patch())]));
                note!("transition", things.transition(2, Thing::AMOUNT, 2, 3, ThingPatch::new().status("x"))).unwrap();
                note!("update by filters", things.find().filter(Thing::ID.lt(3)).update(patch()));
                note!("set", things.find().filter(Thing::ID.eq(4)).set(Thing::AMOUNT, Thing::AMOUNT.plus(1)).execute());
                let on_slug = || Conflict::on(Thing::SLUG).update((Thing::AMOUNT, Thing::STATUS));
                note!("upsert of a new row", things.upsert(new(7), on_slug()));
                note!("upsert", things.upsert(new(7), on_slug()));
                note!("upsert_many", things.upsert_many([new(7), new(8)], on_slug()));
                assert!(note!("delete", things.delete(1)));
                note!("delete_many", things.delete_many([2, 3]));
                note!("delete by filters", things.find().filter(Thing::ID.lt(6)).delete());
                sent
            }
        }
    };
}

fn ownership<E: kysera::Entity>(
    owner: kysera::Column<E, i64>,
    team: kysera::Column<E, Option<i64>>,
    status: kysera::Column<E, String>,
    amount: kysera::Column<E, i64>,
) -> Rules<E, Principal> {
    Rules::new()
        .owner(owner, Principal::USER_ID)
        .allow("team", Action::Read, Principal::TEAM_IDS.contains(team))
        .admin(Principal::IS_ADMIN)
        .frozen(status, ["paid".to_owned()])
        .check("limit", [Action::Create, Action::Update], move |who: &Principal| amount.le(who.limit))
}

entity!(plain: [] {} { tenant_id });
entity!(tenant: [kysera::plugin(rls(context = Principal, tenant(tenant_id)))] {});
entity!(rules: [kysera::plugin(rls(context = Principal, tenant(tenant_id), rules))] {}
    rules ownership(Thing::OWNER_ID, Thing::TEAM_ID, Thing::STATUS, Thing::AMOUNT));
entity!(related: [kysera::plugin(rls(context = Principal, tenant(tenant_id), rules))] {}
rules {
    let member = || Team::MEMBERS.any(Member::USER_ID.eq(Principal::USER_ID));
    Rules::new().allow("team", Action::ALL, Thing::TEAM.any(member() | Team::PARENT.any_deep(member())))
});
entity!(all: [kysera::plugin(soft_delete, timestamps, version, audit)] {
    version: i32, created_at: i64, updated_at: i64, deleted_at: Option<i64>
} { tenant_id });
entity!(doc: [kysera::plugin(soft_delete, timestamps, version, audit, rls(context = Principal, tenant(tenant_id), rules))] {
    version: i32, created_at: i64, updated_at: i64, deleted_at: Option<i64>
} rules ownership(Thing::OWNER_ID, Thing::TEAM_ID, Thing::STATUS, Thing::AMOUNT));

/// With a policy, and the same without it.
macro_rules! of_all {
    ($db:ty) => {{
        let (plain, all) = (plain::sent::<$db>().await, all::sent::<$db>().await);
        [
            ("tenant", tenant::sent::<$db>().await, plain.clone()),
            ("rules", rules::sent::<$db>().await, plain.clone()),
            ("related", related::sent::<$db>().await, plain),
            ("doc", doc::sent::<$db>().await, all),
        ]
    }};
}

const READS: [&str; 7] = ["find_by_id", "find_by_ids", "exists", "count", "find_all", "query", "join"];
const SINGLE: [&str; 5] = ["create", "update", "update that moves", "transition", "delete"];
const UPSERTS: [&str; 2] = ["upsert of a new row", "upsert"];

fn unnumbered(text: &str) -> String {
    text.replace("$1", "?")
}

fn statements(sent: &Sent, what: &str) -> usize {
    sent.iter().find(|(known, _)| *known == what).unwrap_or_else(|| panic!("no {what}")).1.len()
}

fn golden(name: &str, of_all: &[(&str, Sent, Sent)]) {
    let mut counts = String::from("statements under a policy, and without it, without BEGIN and COMMIT\n");
    for (policy, sent, without) in of_all {
        let mut out = String::new();
        for (what, texts) in sent {
            writeln!(out, "# {what}").unwrap();
            for text in texts {
                writeln!(out, "{text}").unwrap();
            }
        }
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("{name}_rls_{policy}"), out);
        });
        let of = |(what, texts): &(&'static str, Vec<String>)| {
            format!("{what} {}/{}", texts.len(), statements(without, what))
        };
        writeln!(counts, "{policy}: {}", sent.iter().map(of).collect::<Vec<_>>().join(", ")).unwrap();
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("{name}_rls_counts"), counts);
    });
}

macro_rules! backend {
    ($name:ident, $db:ty) => {
        mod $name {
            use super::*;

            #[tokio::test]
            async fn a_policy_costs_no_statement() {
                for (policy, sent, without) in of_all!($db) {
                    for what in READS {
                        assert_eq!(statements(&sent, what), 1, "{policy} {what}");
                    }
                    // Where they are several statements anyway, one more judges the new row while the key is taken.
                    let upserts = UPSERTS.iter().filter(|what| statements(&without, what) == 1);
                    // Rules whose rows cannot be locked are asked when the row that is written is: SQLite has one writer.
                    let locks_first = policy == "related" && stringify!($name) != "sqlite";
                    for what in READS.iter().chain(&SINGLE).chain(upserts) {
                        let is_there = !READS.contains(what)
                            && !what.starts_with("create")
                            && *what != "upsert of a new row";
                        match locks_first && is_there {
                            true if what.starts_with("upsert") => {
                                assert!(statements(&sent, what) > 1, "{policy} {what}")
                            }
                            true => assert_eq!(
                                statements(&sent, what),
                                statements(&without, what) + 1,
                                "{policy} {what}"
                            ),
                            false => assert_eq!(
                                statements(&sent, what),
                                statements(&without, what),
                                "{policy} {what}"
                            ),
                        }
                    }
                }
            }

            #[tokio::test]
            async fn statements_are_what_they_were() {
                golden(stringify!($name), &of_all!($db));
            }

            /// Why is only asked where something was refused.
            #[tokio::test]
            async fn a_refusal_costs_one_more() {
                let db = Fixture::<$db>::new(&THINGS).await;
                let mine = db.source().clone().with_context(ada());
                let things = rules::Thing::repo(&mine);
                things.create(rules::new(1)).await.unwrap();
                let theirs = db.source().clone().with_context(Principal { user_id: 11, ..ada() });
                let others = db.source().clone().with_context(Principal { tenant_id: Some(2), ..ada() });
                for (who, denied) in [(&theirs, true), (&others, false)] {
                    let things = rules::Thing::repo(who);
                    let (deleted, texts) = record(things.delete(1)).await;
                    assert_eq!(matches!(deleted, Err(Error::Denied { .. })), denied, "{deleted:?}");
                    assert_eq!(work(texts).len(), 2);
                }
                let (may, texts) = record(things.can(Action::Update, 1)).await;
                assert!(may.unwrap());
                assert_eq!(texts.len(), 1);
                let (access, texts) = record(things.explain_access(1)).await;
                assert!(access.unwrap().is_some());
                assert_eq!(texts.len(), 1);
            }

            /// Nobody's statements say anything of a policy.
            #[tokio::test]
            async fn the_system_sends_what_it_would_send_without() {
                let db = Fixture::<$db>::new(&THINGS).await;
                let system = db.source().unrestricted("a test");
                let (policed, plain) = (rules::Thing::repo(&system), plain::Thing::repo(db.source()));
                // A text that never changes has numbers on SQLite.
                let find = record(plain.find_by_id(1))
                    .await
                    .1
                    .iter()
                    .map(|text| unnumbered(text))
                    .collect::<Vec<_>>();
                let policed_find = record(policed.find_by_id(1)).await.1;
                assert_eq!(policed_find.iter().map(|text| unnumbered(text)).collect::<Vec<_>>(), find);
                assert_eq!(record(policed.find_all()).await.1, record(plain.find_all()).await.1);
                assert_eq!(record(policed.count()).await.1, record(plain.count()).await.1);
                assert_eq!(record(policed.find().delete()).await.1, record(plain.find().delete()).await.1);
                let (with, without) = (
                    policed.find().order_by(rules::Thing::ID.asc()),
                    plain.find().order_by(plain::Thing::ID.asc()),
                );
                assert_eq!(record(with.all()).await.1, record(without.all()).await.1);
            }
        }
    };
}
backend!(sqlite, sqlx::Sqlite);
#[cfg(feature = "postgres")]
backend!(postgres, sqlx::Postgres);
#[cfg(feature = "mysql")]
backend!(mysql, sqlx::MySql);

/// MySQL refuses sub-queries on the table that is written (1093), and MariaDB does not: the text tells.
#[cfg(feature = "mysql")]
mod written_tables {
    use super::*;

    /// Rules about other rows of the same table.
    #[derive(Debug, Clone, Repository)]
    #[kysera::plugin(rls(context = Principal))]
    #[kysera(table = "teams", has_many(children = Tree::PARENT_ID))]
    struct Tree {
        #[kysera(id, assigned)]
        id: i64,
        #[kysera(belongs_to(parent = Tree::ID))]
        parent_id: Option<i64>,
    }

    impl Policy<Principal> for Tree {
        fn rules() -> Rules<Self, Principal> {
            let known = || Principal::TEAM_IDS.contains(Tree::ID);
            Rules::new()
                .allow("all", Action::ALL, Filter::all([]))
                .allow("known", Action::ALL, Tree::PARENT.any(known()) | Tree::PARENT.any_deep(known()))
                .restrict("few", Action::WRITES, Tree::CHILDREN.filter(Tree::ID.gt(0)).count().lt(3))
                .deny(
                    "lost",
                    [Action::Update, Action::Delete],
                    Tree::PARENT.any(Tree::PARENT.any_deep(Tree::ID.lt(0))),
                )
        }
    }

    /// Whether a statement reads the table that it writes otherwise than through a derived table.
    fn reads_what_it_writes(text: &str) -> bool {
        let written = ["UPDATE `teams`", "DELETE FROM `teams`"].iter().any(|start| text.starts_with(start));
        let (from, disguised) = ("FROM `teams`", "FROM `teams`)");
        let own = usize::from(text.starts_with("DELETE FROM"));
        written
            && (text.matches(from).count() - own > text.matches(disguised).count()
                || text.contains("JOIN `teams`"))
    }

    #[tokio::test]
    async fn are_read_in_a_disguise_only() {
        let db = Fixture::<sqlx::MySql>::new(&THINGS).await;
        let source = db.source().clone().with_context(ada());
        let trees = Tree::repo(&source);
        let (done, texts) = record(async {
            let to = |parent: i64| TreePatch::new().parent_id(parent);
            trees.update(6, to(5)).await?;
            trees.update_many([(6, to(5)), (5, TreePatch::new().parent_id(None))]).await?;
            trees.find().filter(Tree::PARENT.any_deep(Tree::ID.eq(5))).update(to(5)).await?;
            trees
                .find()
                .filter(!Tree::CHILDREN.any_deep(Tree::ID.eq(99)))
                .set(Tree::PARENT_ID, Tree::PARENT_ID)
                .execute()
                .await?;
            trees.transition(6, Tree::PARENT_ID, Some(5), Some(5), TreePatch::new()).await?;
            trees.find().filter(Tree::PARENT.any(Tree::ID.eq(5))).delete().await?;
            trees.delete_many([6]).await?;
            trees.delete(5).await
        })
        .await;
        done.unwrap();
        let writes =
            texts.iter().filter(|text| text.starts_with("UPDATE") || text.starts_with("DELETE")).count();
        assert!(writes >= 8, "{texts:#?}");
        let wrong: Vec<_> = texts.iter().filter(|text| reads_what_it_writes(text)).collect();
        assert_eq!(wrong, [""; 0]);
    }
}
