//! `soft_delete` that cascades from a struct to itself, over a column that may be NULL.

use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};

use crate::DB;

const NODES: Ddl = Ddl {
    postgres: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent_id BIGINT, deleted_at BIGINT)",
    mysql: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent_id BIGINT, deleted_at BIGINT)",
    sqlite: "CREATE TABLE nodes (id INTEGER PRIMARY KEY, parent_id INTEGER, deleted_at INTEGER)",
};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "nodes", has_many(children = Node::PARENT_ID))]
#[kysera::plugin(soft_delete(cascade = [Node::CHILDREN]))]
struct Node {
    #[kysera(id, assigned)]
    id: i64,
    parent_id: Option<i64>,
    deleted_at: Option<i64>,
}

async fn nodes(edges: &[(i64, Option<i64>)]) -> (Fixture<DB>, Vec<i64>) {
    let db = Fixture::<DB>::new(&NODES).await;
    let rows = edges.iter().map(|&(id, parent_id)| NewNode { id, parent_id });
    let made = Node::repo(db.source()).create_many(rows.collect::<Vec<_>>()).await.unwrap();
    (db, made.iter().map(|node| node.id).collect())
}

async fn live(db: &Fixture<DB>) -> Vec<i64> {
    let nodes = Node::repo(db.source()).find().order_by(Node::ID.asc()).all().await.unwrap();
    nodes.iter().map(|node| node.id).collect()
}

#[tokio::test]
async fn a_tree_goes_and_comes_from_any_of_its_nodes() {
    let edges = [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(2)), (5, Some(1)), (6, None)];
    let (db, all) = nodes(&edges).await;
    let repo = Node::repo(db.source());
    assert!(repo.delete(2).await.unwrap());
    assert_eq!(live(&db).await, [1, 5, 6]);
    assert_eq!(repo.restore(2).await.unwrap(), Node { id: 2, parent_id: Some(1), deleted_at: None });
    assert_eq!(live(&db).await, all);
    assert_eq!(repo.delete_many([1, 6]).await.unwrap(), 2);
    assert_eq!(live(&db).await, [0; 0]);
    assert_eq!(repo.restore_many([1]).await.unwrap(), 1);
    assert_eq!(live(&db).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_circle_comes_to_an_end() {
    let (db, all) = nodes(&[(1, Some(3)), (2, Some(1)), (3, Some(2)), (4, Some(4))]).await;
    let repo = Node::repo(db.source());
    assert!(repo.delete(1).await.unwrap());
    assert_eq!(live(&db).await, [4]);
    repo.restore(3).await.unwrap();
    assert_eq!(live(&db).await, all);
    assert!(repo.delete(4).await.unwrap());
    repo.restore(4).await.unwrap();
    assert_eq!(live(&db).await, all);
}

/// As anyone can make it who may answer an answer.
#[tokio::test]
async fn a_chain_may_be_of_any_length() {
    let length = 2000;
    let edges: Vec<_> = (1..=length).map(|id| (id, (id > 1).then_some(id - 1))).collect();
    let (db, _) = nodes(&edges).await;
    let repo = Node::repo(db.source());
    assert!(repo.delete(1).await.unwrap());
    assert_eq!(repo.count().await.unwrap(), 0);
    repo.restore(1).await.unwrap();
    assert_eq!(repo.count().await.unwrap(), length.unsigned_abs());
}
