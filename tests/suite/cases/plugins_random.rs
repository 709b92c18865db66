//! Random sequences of writes on entities with plugins: after each of them the table, the answer and the log are what the
//! [model](super::plugins_model) says.

use proptest::prelude::*;

use super::plugins_matrix as matrix;
use super::plugins_model::*;
use super::properties::{block_on, runner};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What the keys of new rows are is decided where a sequence is put together: those that no row has.
#[derive(Debug, Clone)]
enum Step {
    New(Vec<(usize, i64)>, u8),
    Upsert(Vec<(usize, i64)>, How, bool),
    Other(Op),
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 1_i64..9;
    let ids = || prop::collection::vec(1_i64..9, 0..4);
    let amount = || 0_i64..4;
    let patch = || {
        let name = prop::option::weighted(0.3, prop::sample::select(NAMES.to_vec()));
        (name, prop::option::weighted(0.8, 0_i64..4)).prop_map(|(name, amount)| Patch { name, amount })
    };
    let amounts = || prop::option::weighted(0.8, 0_i64..4).prop_map(|amount| Patch { name: None, amount });
    let show = || prop::sample::select(vec![Show::Live, Show::All, Show::Deleted]);
    let how = prop::sample::select(vec![How::Update, How::Keep, How::Restore, How::RestoreAndKeep]);
    let rows = || prop::collection::vec((0..NAMES.len(), 0_i64..4), 1..4);
    let off = || prop::sample::select(vec![0, 0, 0, 1, -1]);
    prop_oneof![
        4 => (rows(), 0_u8..3).prop_map(|(rows, way)| Step::New(rows, way)),
        4 => (rows(), how, any::<bool>()).prop_map(|(rows, how, one)| Step::Upsert(rows, how, one)),
        16 => prop_oneof![
            (id(), patch()).prop_map(|(id, patch)| Op::Update(id, patch)),
            prop::collection::vec((id(), amounts()), 1..4).prop_map(Op::UpdateMany),
            (id(), off(), patch()).prop_map(|(id, off, patch)| Op::UpdateAt(id, off, patch)),
            (id(), off(), amount()).prop_map(|(id, off, amount)| Op::Save(id, off, amount)),
            (id(), amount(), amount()).prop_map(|(id, from, to)| Op::Transition(id, from, to, Patch::default())),
            id().prop_map(Op::Touch),
            ids().prop_map(Op::TouchMany),
            (show(), amount(), amounts()).prop_map(|(show, from, patch)| Op::UpdateWhere(show, from, patch)),
            (show(), amount(), amount()).prop_map(|(show, from, more)| Op::AddWhere(show, from, more)),
            id().prop_map(Op::Delete),
            ids().prop_map(Op::DeleteMany),
            amount().prop_map(Op::DeleteWhere),
            id().prop_map(Op::Restore),
            ids().prop_map(Op::RestoreMany),
            amount().prop_map(Op::RestoreWhere),
            id().prop_map(Op::Purge),
            ids().prop_map(Op::PurgeMany),
            (show(), 2_i64..6).prop_map(|(show, from)| Op::PurgeWhere(show, from)),
        ]
        .prop_map(Step::Other),
    ]
}

/// Gives keys to new rows: small ones first, so that the other steps meet them.
fn ops(steps: Vec<Step>) -> Vec<Op> {
    let mut next = 0;
    let mut news = |rows: Vec<(usize, i64)>, once: bool| -> Vec<New> {
        let mut names = std::collections::HashSet::new();
        let rows = rows.into_iter().filter(|(name, _)| !once || names.insert(*name)).collect::<Vec<_>>();
        rows.into_iter()
            .map(|(name, amount)| {
                next += 1;
                New { id: next, name: NAMES[name], amount }
            })
            .collect()
    };
    let op = |step| match step {
        Step::New(rows, 0) => Op::Create(news(rows, false).swap_remove(0)),
        Step::New(rows, 1) => Op::CreateMany(news(rows, false)),
        Step::New(rows, _) => Op::InsertMany(news(rows, false)),
        Step::Upsert(rows, how, true) => Op::Upsert(news(rows, true).swap_remove(0), how),
        Step::Upsert(rows, how, false) => Op::UpsertMany(news(rows, true), how),
        Step::Other(op) => op,
    };
    steps.into_iter().map(op).collect()
}

macro_rules! random {
    ($($name:ident)*) => { $(
        #[test]
        fn $name() {
            let sequences = prop::collection::vec(step(), 20..60);
            let checked = runner(12).run(&sequences, |steps| {
                block_on(|| matrix::$name::check(ops(steps))).1;
                Ok(())
            });
            checked.unwrap();
        }
    )* };
}
random!(all stv a);
