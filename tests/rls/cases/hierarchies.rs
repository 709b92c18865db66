//! Rules and filters along a hierarchy, with circles, gaps and roots, against a model of what they mean.

use std::collections::HashSet;

use kysera::prelude::*;
use kysera::rls::{Action, Policy, Rules};
use kysera::{Db, Error};
use kysera_tests::{Ddl, Fixture};

use super::world::Principal;
use crate::DB;

/// Everything is allowed with what one owns, and with what is below it, but for what is below something sealed.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete, rls(context = Principal))]
#[kysera(table = "nodes", has_many(children = Node::PARENT_ID))]
struct Node {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(belongs_to(parent = Node::ID))]
    parent_id: Option<i64>,
    owner_id: i64,
    sealed: bool,
    deleted_at: Option<i64>,
}

fn mine() -> Filter<Node> {
    Node::OWNER_ID.eq(Principal::USER_ID)
}

impl Policy<Principal> for Node {
    fn rules() -> Rules<Self, Principal> {
        Rules::new()
            .allow("mine", Action::ALL, mine())
            .allow("below mine", Action::ALL, Node::PARENT.any_deep(mine()))
            .allow("above mine", Action::Read, Node::CHILDREN.any_deep(mine()))
            .deny(
                "below sealed",
                [Action::Update, Action::Delete],
                Node::PARENT.any_deep(Node::SEALED.eq(true)),
            )
            .restrict("not above sealed", Action::Delete, !Node::CHILDREN.any_deep(Node::SEALED.eq(true)))
    }
}

const NODES: Ddl = Ddl {
    postgres: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent_id BIGINT, owner_id BIGINT NOT NULL, sealed BOOLEAN NOT NULL, deleted_at BIGINT)",
    mysql: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent_id BIGINT, owner_id BIGINT NOT NULL, sealed BOOLEAN NOT NULL, deleted_at BIGINT)",
    sqlite: "CREATE TABLE nodes (id INTEGER PRIMARY KEY, parent_id INTEGER, owner_id INTEGER NOT NULL, sealed BOOLEAN NOT NULL, deleted_at INTEGER)",
};

/// What the rules mean.
struct Model(Vec<Node>);

impl Model {
    fn live(&self, id: i64) -> Option<&Node> {
        self.0.iter().find(|node| node.id == id && node.deleted_at.is_none())
    }

    /// Whether it holds for an ancestor that is reached over live rows alone.
    fn above(&self, node: &Node, holds: &dyn Fn(&Node) -> bool) -> bool {
        let (mut met, mut next) = (HashSet::new(), node.parent_id);
        while let Some(parent) = next.and_then(|id| self.live(id)) {
            if !met.insert(parent.id) {
                return false;
            }
            if holds(parent) {
                return true;
            }
            next = parent.parent_id;
        }
        false
    }

    fn below(&self, node: &Node, holds: &dyn Fn(&Node) -> bool) -> bool {
        let (mut met, mut next) = (HashSet::new(), vec![node.id]);
        while let Some(id) = next.pop() {
            for child in
                self.0.iter().filter(|child| child.parent_id == Some(id) && child.deleted_at.is_none())
            {
                if holds(child) {
                    return true;
                }
                if met.insert(child.id) {
                    next.push(child.id);
                }
            }
        }
        false
    }

    fn may(&self, action: Action, node: &Node, user: i64) -> bool {
        let (mine, sealed) = (|node: &Node| node.owner_id == user, |node: &Node| node.sealed);
        let writes = mine(node) || self.above(node, &mine);
        match action {
            _ if node.deleted_at.is_some() => false,
            Action::Read => writes || self.below(node, &mine),
            Action::Create => writes,
            Action::Update => writes && !self.above(node, &sealed),
            Action::Delete => writes && !self.above(node, &sealed) && !self.below(node, &sealed),
        }
    }

    fn which(&self, holds: impl Fn(&Node) -> bool) -> Vec<i64> {
        self.0.iter().filter(|node| holds(node)).map(|node| node.id).collect()
    }
}

/// Deterministic.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Parents are anyone, so that there are circles, and sometimes nobody that there is.
async fn forest(seed: u64, nodes: i64) -> (Fixture<DB>, Model) {
    let fixture = Fixture::<DB>::new(&NODES).await;
    let mut random = Lcg(seed);
    let rows: Vec<Node> = (1..=nodes)
        .map(|id| {
            let parent = random.below(nodes + 5);
            let parent = if random.below(3) == 0 { parent } else { parent % id };
            Node {
                id,
                parent_id: (parent > 0).then_some(parent),
                owner_id: random.below(9),
                sealed: random.below(12) == 0,
                deleted_at: (random.below(8) == 0).then_some(1),
            }
        })
        .collect();
    let value = |value: Option<i64>| value.map_or("NULL".to_owned(), |value| value.to_string());
    let rows_sql: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "({}, {}, {}, {}, {})",
                row.id,
                value(row.parent_id),
                row.owner_id,
                row.sealed,
                value(row.deleted_at)
            )
        })
        .collect();
    fixture.execute(&format!("INSERT INTO nodes VALUES {}", rows_sql.join(", "))).await;
    (fixture, Model(rows))
}

fn user(fixture: &Fixture<DB>, id: i64) -> Db<DB, Principal> {
    fixture.source().clone().with_context(Principal::new(1, id))
}

#[tokio::test]
async fn a_policy_along_a_hierarchy_means_what_its_words_say() {
    let mut tally = [[0; 2]; 3];
    for seed in 0..6 {
        let (fixture, model) = forest(seed, 30).await;
        for who in [1, 2, 8] {
            let db = user(&fixture, who);
            let nodes = Node::repo(&db);
            let seen = nodes.find().order_by(Node::ID.asc()).select(Node::ID).all().await.unwrap();
            assert_eq!(seen, model.which(|node| model.may(Action::Read, node, who)), "{seed} {who}");
            tally[0][0] += seen.len();
            tally[0][1] += model.0.len() - seen.len();
            let updated = nodes.find().set(Node::SEALED, Node::SEALED).execute().await.unwrap();
            assert_eq!(
                updated,
                model.which(|node| model.may(Action::Update, node, who)).len() as u64,
                "{seed} {who}"
            );
            for node in &model.0 {
                let (reads, updates, deletes) = (
                    model.may(Action::Read, node, who),
                    model.may(Action::Update, node, who),
                    model.may(Action::Delete, node, who),
                );
                let tx = db.begin().await.unwrap();
                let changed = Node::repo(&tx).update(node.id, NodePatch::new().sealed(node.sealed)).await;
                match &changed {
                    Ok(_) => assert!(updates, "{seed} {who} {node:?}"),
                    Err(Error::Denied { .. }) => assert!(reads && !updates, "{seed} {who} {node:?}"),
                    Err(Error::NotFound { .. }) => assert!(!reads, "{seed} {who} {node:?}"),
                    Err(other) => panic!("{other:?}"),
                }
                let many =
                    Node::repo(&tx).update_many([(node.id, NodePatch::new().sealed(node.sealed))]).await;
                assert_eq!(many.is_ok(), updates, "{seed} {who} {node:?}: {many:?}");
                tx.rollback().await.unwrap();
                tally[1][usize::from(!updates)] += 1;
                let tx = db.begin().await.unwrap();
                let deleted = match Node::repo(&tx).delete(node.id).await {
                    Ok(deleted) => deleted,
                    Err(Error::Denied { .. }) => false,
                    Err(other) => panic!("{other:?}"),
                };
                assert_eq!(deleted, deletes, "{seed} {who} {node:?}");
                tx.rollback().await.unwrap();
                tally[2][usize::from(!deletes)] += 1;
            }
        }
    }
    assert!(tally.as_flattened().iter().all(|times| *times > 5), "{tally:?}");
}

#[tokio::test]
async fn filters_along_a_hierarchy_combine_and_negate() {
    for seed in 10..14 {
        let (fixture, model) = forest(seed, 40).await;
        let system = fixture.source().unrestricted("a model");
        let nodes = Node::repo(&system);
        let found = async |filter: Filter<Node>| -> Vec<i64> {
            nodes.find().filter(filter).order_by(Node::ID.asc()).select(Node::ID).all().await.unwrap()
        };
        let live = |node: &Node| node.deleted_at.is_none();
        let (odd, sealed) = (|node: &Node| node.owner_id % 2 == 1, |node: &Node| node.sealed);
        let is_odd = || Node::OWNER_ID.in_([1, 3, 5, 7]);
        let is_sealed = || Node::SEALED.eq(true);
        let up = |holds: Filter<Node>| Node::PARENT.any_deep(holds);
        let down = |holds: Filter<Node>| Node::CHILDREN.any_deep(holds);
        assert_eq!(
            found(up(is_sealed())).await,
            model.which(|n| live(n) && model.above(n, &sealed)),
            "{seed}"
        );
        assert_eq!(
            found(!up(is_sealed())).await,
            model.which(|n| live(n) && !model.above(n, &sealed)),
            "{seed}"
        );
        assert_eq!(
            found(down(is_sealed())).await,
            model.which(|n| live(n) && model.below(n, &sealed)),
            "{seed}"
        );
        assert_eq!(
            found(!down(is_sealed())).await,
            model.which(|n| live(n) && !model.below(n, &sealed)),
            "{seed}"
        );
        let both = found(up(is_odd() & !is_sealed()) & !down(is_sealed()) | is_odd()).await;
        let odd_and_open = |node: &Node| odd(node) && !sealed(node);
        assert_eq!(
            both,
            model.which(|n| live(n) && (model.above(n, &odd_and_open) && !model.below(n, &sealed) || odd(n))),
            "{seed}"
        );
        // One within the other.
        let nested = found(up(is_odd() & down(is_sealed()))).await;
        let above_sealed = |node: &Node| odd(node) && model.below(node, &sealed);
        assert_eq!(nested, model.which(|n| live(n) && model.above(n, &above_sealed)), "{seed}");
        // Nothing fulfils it: all rows are told so, those without a parent as well.
        assert_eq!(found(!up(Node::ID.lt(0))).await, model.which(live), "{seed}");
    }
}

#[tokio::test]
async fn chains_are_followed_to_their_ends() {
    let fixture = Fixture::<DB>::new(&NODES).await;
    // Each below the one before it, and a circle of two.
    let rows: Vec<String> = (1..=1000).map(|id| format!("({id}, {}, 0, FALSE, NULL)", id - 1)).collect();
    fixture.execute(&format!("INSERT INTO nodes VALUES {}", rows.join(", "))).await;
    fixture
        .execute("UPDATE nodes SET owner_id = 7 WHERE id = 1; UPDATE nodes SET parent_id = NULL WHERE id = 1")
        .await;
    fixture
        .execute("INSERT INTO nodes VALUES (2001, 2002, 7, FALSE, NULL), (2002, 2001, 0, FALSE, NULL)")
        .await;
    let db = user(&fixture, 7);
    let nodes = Node::repo(&db);
    assert_eq!(nodes.count().await.unwrap(), 1002);
    assert_eq!(nodes.update(1000, NodePatch::new().owner_id(1)).await.unwrap().owner_id, 1);
    assert_eq!(
        nodes.find().filter(Node::ID.le(1000)).set(Node::OWNER_ID, Node::OWNER_ID).execute().await.unwrap(),
        1000
    );
    let top = nodes.find().filter(Node::CHILDREN.any_deep(Node::ID.eq(1000))).count().await.unwrap();
    assert_eq!(top, 999);
    // A gap in the middle, and what is behind it is out of reach.
    fixture.execute("UPDATE nodes SET deleted_at = 1 WHERE id = 500").await;
    assert_eq!(nodes.count().await.unwrap(), 499 + 2);
    assert!(nodes.update(501, NodePatch::new().owner_id(7)).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn nobody_moves_a_row_to_where_they_may_not_write() {
    let fixture = Fixture::<DB>::new(&NODES).await;
    fixture
        .execute(
            "INSERT INTO nodes VALUES (1, NULL, 7, FALSE, NULL), (2, 1, 0, FALSE, NULL), (3, NULL, 8, FALSE, NULL), \
             (4, 2, 0, FALSE, NULL), (5, 3, 7, TRUE, NULL), (6, 5, 7, FALSE, NULL)",
        )
        .await;
    let db = user(&fixture, 7);
    let nodes = Node::repo(&db);
    let to = |parent: i64| NodePatch::new().parent_id(parent);
    let denied =
        |result: Result<Node, Error>| assert!(matches!(result, Err(Error::Denied { .. })), "{result:?}");
    assert_eq!(nodes.update(4, to(1)).await.unwrap().parent_id, Some(1));
    denied(nodes.update(4, to(3)).await);
    denied(nodes.update(4, NodePatch::new().parent_id(None)).await);
    denied(nodes.update(6, to(1)).await);
    let new = |id, parent: i64| NewNode { id, parent_id: Some(parent), owner_id: 0, sealed: false };
    assert_eq!(nodes.create(new(10, 4)).await.unwrap().id, 10);
    denied(nodes.create(new(11, 3)).await);
    // As a whole: where one may not go, none does.
    let both = nodes.update_many([(2, to(1)), (4, to(3))]).await;
    assert!(matches!(both, Err(Error::Denied { .. })), "{both:?}");
    let all = nodes.find().filter(Node::ID.in_([2, 4])).update(to(3)).await;
    assert!(matches!(all, Err(Error::Denied { .. })), "{all:?}");
    assert_eq!(nodes.get(4).await.unwrap().parent_id, Some(1));
    // In a circle of their own nobody is above them who is concerned, once all are stored.
    let circle = nodes.update_many([(2, to(4)), (4, to(2))]).await;
    assert!(matches!(circle, Err(Error::Denied { .. })), "{circle:?}");
    // Which row is updated first does not matter to what is said of the others: what holds for them is what was.
    let moved = nodes.update_many([(4, to(2)), (2, NodePatch::new().parent_id(1))]).await.unwrap();
    assert_eq!(moved.iter().map(|node| node.parent_id).collect::<Vec<_>>(), [Some(2), Some(1)]);
}
