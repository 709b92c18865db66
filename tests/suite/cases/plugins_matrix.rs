//! Every set of plugins, listed in several orders, on every way to write: the rows that are stored, the answers and the log are
//! what a [model](super::plugins_model) of them says.

use kysera::plugin::{AuditEntry, AuditTable, SoftDeleteMethods, TimestampMethods, VersionMethods};
use kysera::prelude::*;
use kysera::{Conflict, Db};
use kysera_tests::{Ddl, Fixture};

use super::plugins_entities::{Hands, seconds};
use super::plugins_model::*;
use crate::DB;

pub const THINGS: Ddl = Ddl {
    postgres: "CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, amount BIGINT NOT NULL,
        created_at BIGINT NOT NULL DEFAULT 0, updated_at BIGINT NOT NULL DEFAULT 0, version INT NOT NULL DEFAULT 0,
        deleted_at BIGINT)",
    mysql: "CREATE TABLE things (id BIGINT PRIMARY KEY, name VARCHAR(50) NOT NULL UNIQUE, amount BIGINT NOT NULL,
        created_at BIGINT NOT NULL DEFAULT 0, updated_at BIGINT NOT NULL DEFAULT 0, version INT NOT NULL DEFAULT 0,
        deleted_at BIGINT)",
    sqlite: "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL,
        created_at INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0,
        deleted_at INTEGER)",
};

/// An entity and what drives it.
macro_rules! thing {
    ($name:ident [$soft_delete:literal $timestamps:literal $version:literal $audit:literal] ($plugins:meta)
        { $($field:ident: $ty:ty),* } $($what:ident)*) => {
        pub mod $name {
            use super::*;

            #[derive(Debug, Clone, Repository)]
            #[$plugins]
            #[kysera(table = "things")]
            pub struct Thing {
                #[kysera(id, assigned)]
                pub id: i64,
                #[kysera(unique)]
                pub name: String,
                pub amount: i64,
                $(pub $field: $ty,)*
            }

            pub const PLUGINS: Plugins =
                Plugins { soft_delete: $soft_delete, timestamps: $timestamps, version: $version, audit: $audit };

            #[allow(clippy::needless_update, reason = "not all of them have all columns")]
            fn row(thing: Thing) -> Row {
                Row { id: thing.id, name: thing.name, amount: thing.amount, $($field: thing.$field.into(),)* ..Row::default() }
            }

            fn rows(things: Vec<Thing>) -> Answer {
                Answer::Rows(things.into_iter().map(row).collect())
            }

            fn new(new: New) -> NewThing {
                NewThing { id: new.id, name: new.name.into(), amount: new.amount }
            }

            fn patch(patch: Patch) -> ThingPatch {
                ThingPatch { name: patch.name.map(Into::into), amount: patch.amount }
            }

            /// All rows, deleted ones as well.
            pub async fn stored(db: &Db<DB>) -> Vec<Row> {
                let things = Thing::repo(db);
                let find = things.find().order_by(Thing::ID.asc());
                $(thing!(@find $what find);)*
                find.all().await.unwrap().into_iter().map(row).collect()
            }

            pub async fn run(db: &Db<DB>, op: Op) -> kysera::Result<Answer> {
                let things = Thing::repo(db);
                $(thing!(@run $what things op);)*
                Ok(match op {
                    Op::Create(row) => rows(vec![things.create(new(row)).await?]),
                    Op::CreateMany(all) => rows(things.create_many(all.into_iter().map(new)).await?),
                    Op::InsertMany(all) => Answer::Count(things.insert_many(all.into_iter().map(new)).await?),
                    Op::Update(id, by) => rows(vec![things.update(id, patch(by)).await?]),
                    Op::UpdateMany(all) => {
                        rows(things.update_many(all.into_iter().map(|(id, by)| (id, patch(by)))).await?)
                    }
                    Op::Transition(id, from, to, by) => {
                        let by = ThingPatch { amount: None, ..patch(by) };
                        Answer::Maybe(things.transition(id, Thing::AMOUNT, from, to, by).await?.map(row))
                    }
                    Op::UpdateWhere(Show::Live, from, by) => {
                        let by = ThingPatch { name: None, ..patch(by) };
                        Answer::Count(things.find().filter(Thing::AMOUNT.ge(from)).update(by).await?)
                    }
                    Op::AddWhere(Show::Live, from, more) => {
                        let find = things.find().filter(Thing::AMOUNT.ge(from));
                        Answer::Count(find.set(Thing::AMOUNT, Thing::AMOUNT.plus(more)).execute().await?)
                    }
                    Op::Upsert(row, How::Update) => rows(vec![things.upsert(new(row), Thing::NAME).await?]),
                    Op::Upsert(row, How::Keep) => {
                        rows(vec![things.upsert(new(row), Conflict::on(Thing::NAME).keep()).await?])
                    }
                    Op::UpsertMany(all, How::Update) => {
                        rows(things.upsert_many(all.into_iter().map(new), Thing::NAME).await?)
                    }
                    Op::UpsertMany(all, How::Keep) => {
                        rows(things.upsert_many(all.into_iter().map(new), Conflict::on(Thing::NAME).keep()).await?)
                    }
                    Op::Delete(id) => Answer::Found(things.delete(id).await?),
                    Op::DeleteMany(ids) => Answer::Count(things.delete_many(ids).await?),
                    Op::DeleteWhere(from) => {
                        Answer::Count(things.find().filter(Thing::AMOUNT.ge(from)).delete().await?)
                    }
                    op => panic!("{op:?} does not fit"),
                })
            }

            /// Runs operations on a table, and compares after each of them.
            pub async fn check(ops: impl IntoIterator<Item = Op>) {
                let db = Fixture::<DB>::new(&THINGS).await;
                let log = AuditTable::new("audit_logs");
                log.create(db.source()).await.unwrap();
                let hands = Hands::new();
                let source = hands.of(db.source());
                let mut model = Model::new(PLUGINS);
                let mut seen = 0;
                for op in ops {
                    if !op.fits(PLUGINS) {
                        continue;
                    }
                    let now = seconds(hands.forward());
                    let (wanted, entries) = model.apply(&op, now);
                    let found = Answer::from(run(&source, op.clone()).await);
                    assert_eq!(found, wanted, "{op:?}");
                    let stored = stored(&source).await;
                    assert!(stored.iter().eq(model.rows.values()), "{op:?}\n {stored:#?}\n {:#?}", model.rows);
                    let of_log = log.entries(&source).filter(AuditEntry::ID.gt(seen));
                    let new = of_log.order_by(AuditEntry::ID.asc()).all().await.unwrap();
                    logged(&op, &new, entries, now);
                    seen = new.last().map_or(seen, |entry| entry.id);
                }
            }
        }
    };
    (@find soft $find:ident) => { let $find = $find.with_deleted(); };
    (@find $other:ident $find:ident) => {};
    (@run soft $things:ident $op:ident) => {
        match $op.clone() {
            Op::UpdateWhere(show, from, by) => {
                let by = ThingPatch { name: None, ..patch(by) };
                let find = $things.find().filter(Thing::AMOUNT.ge(from));
                let find = match show {
                    Show::Live => find,
                    Show::All => find.with_deleted(),
                    Show::Deleted => find.only_deleted(),
                };
                return Ok(Answer::Count(find.update(by).await?));
            }
            Op::AddWhere(show, from, more) => {
                let find = $things.find().filter(Thing::AMOUNT.ge(from));
                let find = match show {
                    Show::Live => find,
                    Show::All => find.with_deleted(),
                    Show::Deleted => find.only_deleted(),
                };
                return Ok(Answer::Count(find.set(Thing::AMOUNT, Thing::AMOUNT.plus(more)).execute().await?));
            }
            Op::Upsert(row, How::Restore) => {
                return Ok(rows(vec![$things.upsert(new(row), Conflict::on(Thing::NAME).restore()).await?]));
            }
            Op::Upsert(row, How::RestoreAndKeep) => {
                let conflict = Conflict::on(Thing::NAME).restore().keep();
                return Ok(rows(vec![$things.upsert(new(row), conflict).await?]));
            }
            Op::UpsertMany(all, How::Restore) => {
                let conflict = Conflict::on(Thing::NAME).restore();
                return Ok(rows($things.upsert_many(all.into_iter().map(new), conflict).await?));
            }
            Op::UpsertMany(all, How::RestoreAndKeep) => {
                let conflict = Conflict::on(Thing::NAME).restore().keep();
                return Ok(rows($things.upsert_many(all.into_iter().map(new), conflict).await?));
            }
            Op::Restore(id) => return Ok(rows(vec![$things.restore(id).await?])),
            Op::RestoreMany(ids) => return Ok(Answer::Count($things.restore_many(ids).await?)),
            Op::RestoreWhere(from) => {
                return Ok(Answer::Count($things.find().filter(Thing::AMOUNT.ge(from)).restore().await?));
            }
            Op::Purge(id) => return Ok(Answer::Found($things.purge(id).await?)),
            Op::PurgeMany(ids) => return Ok(Answer::Count($things.purge_many(ids).await?)),
            Op::PurgeWhere(show, from) => {
                let find = $things.find().filter(Thing::AMOUNT.ge(from));
                let find = match show {
                    Show::Live => find,
                    Show::All => find.with_deleted(),
                    Show::Deleted => find.only_deleted(),
                };
                return Ok(Answer::Count(find.purge().await?));
            }
            _ => {}
        }
    };
    (@run times $things:ident $op:ident) => {
        match $op.clone() {
            Op::Touch(id) => return Ok(rows(vec![$things.touch(id).await?])),
            Op::TouchMany(ids) => return Ok(Answer::Count($things.touch_many(ids).await?)),
            _ => {}
        }
    };
    (@run version $things:ident $op:ident) => {
        match $op.clone() {
            Op::UpdateAt(id, off, by) => {
                let version = $things.find_by_id(id).await?.map_or(1, |thing| thing.version);
                return Ok(rows(vec![$things.update_at(id, version + off, patch(by)).await?]));
            }
            Op::Save(id, off, amount) => {
                let Some(thing) = $things.find_by_id(id).await? else {
                    return Err(kysera::Error::NotFound { entity: "Thing" });
                };
                let thing = Thing { amount, version: thing.version + off, ..thing };
                return Ok(rows(vec![$things.save(&thing).await?]));
            }
            _ => {}
        }
    };
}

/// Compares what was logged. Within one operation the rows may come in any order.
fn logged(op: &Op, found: &[AuditEntry], mut wanted: Vec<Entry>, now: i64) {
    let mut entries = Vec::new();
    for entry in found.iter().cloned() {
        assert_eq!(
            (entry.table_name.as_str(), entry.changed_at.timestamp(), entry.actor),
            ("things", now, None)
        );
        entries.push(Entry {
            operation: entry.operation,
            id: entry.entity_id,
            old: entry.old_values.map(|json| json.0),
            new: entry.new_values.map(|json| json.0),
            changed: entry.changed_columns.map(|json| json.0),
        });
    }
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    wanted.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(entries, wanted, "{op:?}");
}

/// A script in which every way to write meets live rows, deleted rows and none.
fn script() -> Vec<Op> {
    let new = |id, name, amount| New { id, name, amount };
    let amount = |amount| Patch { amount: Some(amount), name: None };
    let none = Patch::default;
    let named = |name| Patch { name: Some(name), amount: None };
    let mut ops = vec![
        Op::Create(new(1, "a", 1)),
        Op::Create(new(9, "a", 1)),
        Op::CreateMany(vec![new(4, "d", 4), new(2, "b", 2), new(3, "c", 3)]),
        Op::CreateMany(vec![new(8, "x", 4), new(9, "b", 2)]),
        Op::InsertMany(vec![new(5, "e", 5), new(6, "f", 6)]),
        Op::InsertMany(vec![new(8, "x", 4), new(1, "y", 2)]),
    ];
    // With all rows live, with some of them deleted, with none left.
    for round in 0..3_i64 {
        let mut fresh = 100 * (round + 1);
        // A key that no row has: what becomes of an upsert that meets two rows is another matter.
        let mut key = || {
            fresh += 1;
            fresh
        };
        ops.extend([
            Op::Update(1, amount(10 + round)),
            Op::Update(1, amount(10 + round)),
            Op::Update(2, none()),
            Op::Update(2, named(["b2", "b", "b2"][round as usize])),
            Op::Update(3, named("a")),
            Op::Update(99, amount(1)),
            Op::UpdateMany(vec![(3, amount(30)), (1, amount(11)), (2, none())]),
            Op::UpdateMany(vec![(1, amount(31)), (4, amount(32)), (99, amount(1))]),
            Op::UpdateMany(vec![(1, amount(1)), (1, amount(2))]),
            Op::UpdateAt(1, 0, amount(3)),
            Op::UpdateAt(1, 1, amount(4)),
            Op::UpdateAt(3, 0, none()),
            Op::UpdateAt(3, -1, none()),
            Op::UpdateAt(99, 0, amount(4)),
            Op::Save(1, 0, 5),
            Op::Save(1, -1, 6),
            Op::Save(4, 0, 7),
            Op::Transition(1, 5, 1, named("aa")),
            Op::Transition(1, 3, 1, named("aa")),
            Op::Transition(1, 1, 1, named("a")),
            Op::Transition(4, 1, 2, none()),
            Op::Touch(1),
            Op::Touch(4),
            Op::Touch(99),
            Op::TouchMany(vec![5, 1, 99, 4, 1]),
            Op::UpdateWhere(Show::Live, 5, amount(6)),
            Op::UpdateWhere(Show::All, 5, amount(7)),
            Op::UpdateWhere(Show::Deleted, 0, amount(8)),
            Op::UpdateWhere(Show::Live, 0, none()),
            Op::AddWhere(Show::Live, 1, 1),
            Op::AddWhere(Show::All, 1, 2),
            Op::AddWhere(Show::Deleted, 1, 3),
        ]);
        for how in [How::Update, How::Keep, How::RestoreAndKeep, How::Restore] {
            ops.extend([
                Op::Upsert(new(key(), "a", 6), how),
                Op::Upsert(new(key(), "e", 6), how),
                Op::Upsert(new(key(), "f", 7), how),
                Op::UpsertMany(vec![new(key(), "c", 9), new(key(), "a", 8)], how),
                Op::UpsertMany(vec![new(key(), "e", 9), new(key(), "d", 8)], how),
                Op::DeleteMany(if round == 0 { vec![] } else { vec![5, 3] }),
            ]);
        }
        ops.extend([
            Op::Upsert(new(key(), ["u", "v", "w"][round as usize], 6), How::Update),
            Op::UpsertMany(
                vec![new(key(), ["r", "s", "t"][round as usize], 6), new(99, "f", 1)],
                How::Update,
            ),
            Op::Delete(1),
            Op::Delete(1),
            Op::Restore(1),
            Op::Restore(1),
            Op::Restore(99),
            Op::DeleteMany(vec![2, 1, 99, 2]),
            Op::RestoreMany(vec![2, 4, 99, 2]),
            Op::DeleteWhere(8),
            Op::RestoreWhere(9),
            Op::DeleteMany(vec![4, 5]),
        ]);
        if round > 0 {
            ops.extend([
                Op::Purge(4),
                Op::Purge(4),
                Op::Purge(6),
                Op::PurgeMany(vec![5, 1, 99]),
                Op::CreateMany(vec![
                    new(4, "d", 40),
                    new(5, "e", 50),
                    new(key(), ["-", "k", "l"][round as usize], 51),
                ]),
                Op::DeleteMany(vec![5]),
                Op::PurgeWhere(Show::Deleted, 50),
                Op::PurgeWhere(Show::Live, 51),
                Op::DeleteMany(vec![4]),
            ]);
        }
    }
    ops.extend([Op::DeleteWhere(0), Op::DeleteWhere(0), Op::RestoreWhere(0), Op::PurgeWhere(Show::All, 0)]);
    ops
}

macro_rules! matrix {
    ($($name:ident $flags:tt ($($plugins:tt)*) $fields:tt $($what:ident)*;)*) => {
        $(thing! { $name $flags (kysera::plugin($($plugins)*)) $fields $($what)* })*

        /// The same writes for all of them.
        mod every_write {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name::check(super::script()).await;
                }
            )*
        }
    };
}

matrix! {
    none [false false false false] () {};
    s [true false false false] (soft_delete) { deleted_at: Option<i64> } soft;
    t [false true false false] (timestamps) { created_at: i64, updated_at: i64 } times;
    v [false false true false] (version) { version: i32 } version;
    a [false false false true] (audit) {};
    st [true true false false] (soft_delete, timestamps)
        { created_at: i64, updated_at: i64, deleted_at: Option<i64> } soft times;
    sv [true false true false] (version, soft_delete) { version: i32, deleted_at: Option<i64> } soft version;
    sa [true false false true] (audit, soft_delete) { deleted_at: Option<i64> } soft;
    tv [false true true false] (timestamps, version) { created_at: i64, updated_at: i64, version: i32 } times version;
    ta [false true false true] (timestamps, audit) { created_at: i64, updated_at: i64 } times;
    va [false false true true] (audit, version) { version: i32 } version;
    stv [true true true false] (version, soft_delete, timestamps)
        { created_at: i64, updated_at: i64, version: i32, deleted_at: Option<i64> } soft times version;
    sta [true true false true] (audit, timestamps, soft_delete)
        { created_at: i64, updated_at: i64, deleted_at: Option<i64> } soft times;
    sva [true false true true] (soft_delete, audit, version) { version: i32, deleted_at: Option<i64> } soft version;
    tva [false true true true] (version, timestamps, audit)
        { created_at: i64, updated_at: i64, version: i32 } times version;
    all [true true true true] (soft_delete, timestamps, version, audit)
        { created_at: i64, updated_at: i64, version: i32, deleted_at: Option<i64> } soft times version;
    all_reversed [true true true true] (audit, version, timestamps, soft_delete)
        { created_at: i64, updated_at: i64, version: i32, deleted_at: Option<i64> } soft times version;
    all_mixed [true true true true] (timestamps, audit, soft_delete, version)
        { created_at: i64, updated_at: i64, version: i32, deleted_at: Option<i64> } soft times version;
}
