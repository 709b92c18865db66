//! Every method of the public API says its name, and the line that called it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::TryStreamExt;
use kysera::backend::Dialect;
use kysera::plugin::audit::AuditEntry;
use kysera::plugin::{AuditMethods, AuditTable, SoftDeleteMethods, TimestampMethods, VersionMethods};
use kysera::prelude::*;
use kysera::relation::load_many;
use kysera::rls::{Action, PolicyMethods, policy_table};
use kysera::{Backend, Keyset, PageRequest};
use kysera_tests::observed::Log;
use kysera_tests::surface::surface;

use super::world::*;
use crate::DB;

/// What brackets statements, and is named so.
pub const BRACKETS: &[&str] =
    &["begin", "commit", "rollback", "savepoint", "release", "rollback_to", "set_claims"];

/// Types and methods that send nothing by themselves, and why not.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("Repository::source", "no statement"),
    ("Repository::find", "begins a query"),
    ("Find::filter", "part of a query"),
    ("Find::filter_opt", "part of a query"),
    ("Find::order_by", "part of a query"),
    ("Find::order_by_all", "part of a query"),
    ("Find::limit", "part of a query"),
    ("Find::offset", "part of a query"),
    ("Find::to_sql", "no statement"),
    ("Find::with_deleted", "part of a query"),
    ("Find::only_deleted", "part of a query"),
    ("Find::having", "part of a query"),
    ("FindWith::filter", "part of a query"),
    ("FindWith::filter_opt", "part of a query"),
    ("FindWith::order_by", "part of a query"),
    ("FindWith::order_by_all", "part of a query"),
    ("FindWith::limit", "part of a query"),
    ("FindWith::offset", "part of a query"),
    ("FindWith::to_sql", "no statement"),
    ("KeysetQuery::to_sql", "no statement"),
    ("Locked::skip_locked", "part of a query"),
    ("Locked::no_wait", "part of a query"),
    ("Access", "an answer"),
    ("ChainReport", "an answer"),
    ("KeysetPage", "an answer"),
    ("NativeReport", "an answer"),
    ("Page", "an answer"),
    ("Plan", "an answer"),
    ("PolicyReport", "an answer"),
    ("AuditEntry", "a row"),
    ("Conflict", "part of an upsert"),
    ("Keyset", "part of a query"),
    ("PageRequest", "part of a query"),
    ("QuerySchema", "makes filters"),
    ("Related", "part of a query"),
    ("Relation", "part of a query"),
    ("Rules", "what rules are made of"),
    ("AuditTable::new", "no statement"),
    ("AuditTable::of", "no statement"),
    ("AuditTable::in_schema", "no statement"),
    ("AuditTable::chained", "no statement"),
    ("AuditTable::ddl", "no statement"),
    ("AuditTable::create", "a script, on a connection that is lent"),
    ("NativePolicies", "scripts, on a connection that is lent"),
    ("PluginTx", "for plugins, which have tests of their own"),
    ("dal::parallel", "no statement of its own"),
];

struct Hunt {
    log: Arc<Log>,
    done: BTreeSet<&'static str>,
}

impl Hunt {
    /// What was told are these operations in their order, called there.
    fn check(&mut self, line: u32, methods: &[&'static str], expected: &[&str]) {
        self.done.extend(methods);
        let told = self.log.take();
        let of: Vec<_> = told.iter().filter(|told| !BRACKETS.contains(&&*told.name)).collect();
        let mut names: Vec<&str> = of.iter().map(|told| &*told.name).collect();
        names.dedup();
        assert_eq!(names, expected, "line {line}");
        for told in &told {
            assert_eq!((told.caller.file(), told.caller.line()), (file!(), line), "{told:?}");
            assert_eq!(told.outcome, "ok", "{told:?}");
            let (table, method) =
                told.name.split_once('.').map_or((None, &*told.name), |(t, m)| (Some(t), m));
            assert_eq!((told.operation.table, told.operation.method), (table, method));
            assert_eq!(told.operation.entity.is_some(), table.is_some());
        }
        let first: Vec<_> = told.iter().filter(|told| told.is_first).map(|told| &*told.name).collect();
        assert_eq!(first, &expected[..1], "line {line}");
        let begun = told.iter().position(|told| told.name == "begin");
        let ended = told.iter().position(|told| told.name == "commit");
        assert_eq!(begun, ended.map(|_| 0), "{told:?}");
        assert!(ended.is_none_or(|at| at + 1 == told.len()), "{told:?}");
    }
}

/// A call on one line, the methods that it is about, and the operations that are told.
macro_rules! call {
    ($hunt:ident, [$($method:literal),*], [$($name:literal),*], $call:expr) => {{
        let answer = $call.await.unwrap();
        $hunt.check(line!(), &[$($method),*], &[$($name),*]);
        answer
    }};
}

#[rustfmt::skip]
#[tokio::test]
async fn every_method_says_its_name_and_the_line_that_called_it() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let mut hunt = Hunt { log, done: BTreeSet::new() };
    let things = Thing::repo(&db);
    let patch = || ThingPatch::new().amount(7);
    let start = SystemTime::now();

    // Rows one by one.
    let one = call!(hunt, ["Repository::create"], ["things.create"], things.create(thing("a")));
    call!(hunt, ["Repository::find_by_id"], ["things.find_by_id"], things.find_by_id(one.id));
    call!(hunt, ["Repository::get"], ["things.get"], things.get(one.id));
    call!(hunt, ["Repository::exists"], ["things.exists"], things.exists(one.id));
    call!(hunt, ["Repository::update"], ["things.update"], things.update(one.id, patch()));
    call!(hunt, ["Repository::transition"], ["things.transition"], things.transition(one.id, Thing::AMOUNT, 7_i64, 8_i64, ThingPatch::new()));
    let one = call!(hunt, ["Repository::upsert"], ["things.upsert"], things.upsert(thing("a"), Thing::NAME));
    let one = call!(hunt, ["VersionMethods::update_at"], ["things.update_at"], things.update_at(one.id, one.version, patch()));
    call!(hunt, ["VersionMethods::save"], ["things.save"], things.save(&Thing { amount: 9, ..one.clone() }));
    call!(hunt, ["TimestampMethods::touch"], ["things.touch"], things.touch(one.id));
    call!(hunt, ["Repository::delete"], ["things.delete"], things.delete(one.id));
    call!(hunt, ["SoftDeleteMethods::restore"], ["things.restore"], things.restore(one.id));
    call!(hunt, ["SoftDeleteMethods::purge"], ["things.purge"], things.purge(one.id));

    // Several at once.
    let many = call!(hunt, ["Repository::create_many"], ["things.create_many"], things.create_many([thing("b"), thing("c"), thing("d")]));
    let ids: Vec<i64> = many.iter().map(|thing| thing.id).collect();
    let id = ids[0];
    call!(hunt, ["Repository::insert_many"], ["things.insert_many"], things.insert_many([thing("e"), thing("f")]));
    call!(hunt, ["Repository::find_by_ids"], ["things.find_by_ids"], things.find_by_ids(ids.clone()));
    call!(hunt, ["Repository::find_all"], ["things.find_all"], things.find_all());
    call!(hunt, ["Repository::count"], ["things.count"], things.count());
    call!(hunt, ["Repository::update_many"], ["things.update_many"], things.update_many(ids.iter().map(|id| (*id, patch()))));
    call!(hunt, ["Repository::upsert_many"], ["things.upsert_many"], things.upsert_many([thing("b"), thing("x")], Thing::NAME));
    call!(hunt, ["TimestampMethods::touch_many"], ["things.touch_many"], things.touch_many(ids.clone()));
    call!(hunt, ["Repository::delete_many"], ["things.delete_many"], things.delete_many(ids.clone()));
    call!(hunt, ["SoftDeleteMethods::restore_many"], ["things.restore_many"], things.restore_many(ids.clone()));
    call!(hunt, ["SoftDeleteMethods::purge_many"], ["things.purge_many"], things.purge_many([ids[2]]));

    // Queries.
    fixture.execute(&format!("INSERT INTO notes (thing_id, text) VALUES ({id}, 'n1'), ({id}, 'n2')")).await;
    call!(hunt, ["Find::all"], ["things.find.all"], things.find().all());
    call!(hunt, ["Find::one"], ["things.find.one"], things.find().filter(Thing::ID.eq(id)).one());
    call!(hunt, ["Find::first"], ["things.find.first"], things.find().first());
    call!(hunt, ["Find::stream"], ["things.find.stream"], things.find().stream().try_collect::<Vec<_>>());
    call!(hunt, ["Find::count"], ["things.find.count"], things.find().count());
    call!(hunt, ["Find::exists"], ["things.find.exists"], things.find().exists());
    call!(hunt, ["Find::explain"], ["things.find.explain"], things.find().explain());
    call!(hunt, ["Find::page"], ["things.find.page"], things.find().order_by(Thing::ID.asc()).page(PageRequest::new(1, 2)));
    call!(hunt, ["Find::find_and_count"], ["things.find.find_and_count"], things.find().limit(2).find_and_count());
    call!(hunt, ["Find::keyset"], ["things.find.keyset"], things.find().order_by(Thing::ID.asc()).keyset(Keyset::first(2)));
    call!(hunt, ["KeysetQuery::explain"], ["things.find.explain"], things.find().order_by(Thing::ID.asc()).keyset(Keyset::first(2)).explain());
    call!(hunt, ["Find::select"], ["things.find.all"], things.find().select((Thing::ID, Thing::NAME)).all());
    call!(hunt, ["Find::select_as"], ["things.find.first"], things.find().select_as::<Name>().first());
    call!(hunt, ["Find::distinct"], ["things.find.count"], things.find().select(Thing::AMOUNT).distinct().count());
    call!(hunt, ["Find::group_by"], ["things.find.all"], things.find().select((Thing::AMOUNT, kysera::expr::count())).group_by(Thing::AMOUNT).all());
    call!(hunt, ["Find::join"], ["notes.find.all"], Note::repo(&db).find().join(Note::THING).all());
    call!(hunt, ["Find::left_join"], ["notes.find.first"], Note::repo(&db).find().left_join(Note::THING).first());
    call!(hunt, ["Find::update"], ["things.find.update"], things.find().update(patch()));
    call!(hunt, ["Find::set", "Update::set", "Update::patch", "Update::execute"], ["things.find.set"], things.find().set(Thing::AMOUNT, Thing::AMOUNT.plus(1)).execute());
    call!(hunt, ["Find::patch"], ["things.find.set"], things.find().patch(patch()).execute());
    call!(hunt, ["Find::delete"], ["things.find.delete"], things.find().filter(Thing::AMOUNT.ge(0)).delete());
    call!(hunt, ["Find::restore"], ["things.find.restore"], things.find().restore());
    call!(hunt, ["Find::purge"], ["things.find.purge"], things.find().filter(Thing::NAME.eq("f")).purge());

    // Relations.
    let rows = things.find_by_ids([id]).await.unwrap();
    hunt.log.take();
    call!(hunt, ["Find::with", "FindWith::all"], ["things.find.all", "notes.load"], things.find().with(Thing::NOTES).all());
    call!(hunt, ["FindWith::first"], ["things.find.first", "notes.load"], things.find().order_by(Thing::ID.asc()).with(Thing::NOTES).first());
    call!(hunt, ["FindWith::one"], ["things.find.one", "notes.load"], things.find().filter(Thing::ID.eq(id)).with(Thing::NOTES).one());
    call!(hunt, ["FindWith::count"], ["things.find.count"], things.find().with(Thing::NOTES).count());
    call!(hunt, ["FindWith::exists"], ["things.find.exists"], things.find().with(Thing::NOTES).exists());
    call!(hunt, ["FindWith::explain"], ["things.find.explain"], things.find().with(Thing::NOTES).explain());
    call!(hunt, ["FindWith::page"], ["things.find.page", "notes.load"], things.find().order_by(Thing::ID.asc()).with(Thing::NOTES).page(PageRequest::new(1, 2)));
    call!(hunt, ["FindWith::keyset"], ["things.find.keyset", "notes.load"], things.find().order_by(Thing::ID.asc()).with(Thing::NOTES).keyset(Keyset::first(2)));
    call!(hunt, ["Repository::load_many"], ["notes.load"], things.load_many(&rows, Thing::NOTES));
    call!(hunt, [], ["notes.load", "things.load"], load_many(&db, &rows, Thing::NOTES.with(Note::THING)));

    // The log.
    call!(hunt, ["AuditMethods::audit_log"], ["audit_logs.find.all"], things.audit_log().all());
    call!(hunt, ["AuditMethods::history"], ["audit_logs.find.first"], things.history(id).first());
    call!(hunt, ["AuditMethods::changes_by"], ["audit_logs.find.count"], things.changes_by("ada").count());
    let created = call!(hunt, ["AuditTable::entries"], ["audit_logs.find.all"], AuditTable::of::<Thing>().entries(&db).filter(AuditEntry::ENTITY_ID.eq(id.to_string())).order_by(AuditEntry::ID.asc()).all());
    call!(hunt, ["AuditMethods::audit_entry"], ["audit_logs.find.first"], things.audit_entry(created[1].id));
    call!(hunt, ["AuditMethods::state_at"], ["things.state_at"], things.state_at(id, start));
    call!(hunt, ["AuditMethods::values_at"], ["things.values_at"], things.values_at(id, SystemTime::now()));
    call!(hunt, ["AuditMethods::restore_from_audit"], ["things.restore_from_audit"], things.restore_from_audit(created[1].id));
    call!(hunt, ["AuditTable::prune_older_than"], ["audit_logs.prune_older_than"], AuditTable::of::<Thing>().prune_older_than(&db, SystemTime::UNIX_EPOCH));
    AuditTable::new("chained").chained().create(&db).await.unwrap();
    hunt.log.take();
    call!(hunt, ["AuditTable::verify_chain"], ["audit_logs.verify_chain"], AuditTable::new("chained").chained().verify_chain(&db));

    // Policies.
    let ada = Principal { user_id: 1 };
    let session = db.clone().with_context(ada.clone());
    let system = db.unrestricted("support");
    let pages = Diary::repo(&session);
    let page = |id| NewDiary { id, owner_id: 1, secret: "s".into() };
    call!(hunt, [], ["diaries.create"], pages.create(page(1)));
    call!(hunt, ["PolicyMethods::can"], ["diaries.can"], pages.can(Action::Update, 1));
    call!(hunt, ["PolicyMethods::can_create"], ["diaries.can_create"], pages.can_create(page(2)));
    call!(hunt, ["PolicyMethods::explain_access"], ["diaries.explain_access"], pages.explain_access(1));
    call!(hunt, ["PolicyMethods::explain_access_of"], ["diaries.explain_access_of"], Diary::repo(&system).explain_access_of(&ada, 1));

    // Locks are for transactions, and not for SQLite.
    if DB::DIALECT == Dialect::Sqlite {
        hunt.done.extend(["Find::for_update", "Find::for_share", "Locked::all", "Locked::first", "Locked::one", "Locked::stream"]);
    } else {
        let tx = db.begin().await.unwrap();
        hunt.log.take();
        call!(hunt, ["Find::for_update", "Locked::all"], ["things.find.all"], Thing::repo(&tx).find().for_update().all());
        call!(hunt, ["Find::for_share", "Locked::first"], ["things.find.first"], Thing::repo(&tx).find().for_share().first());
        call!(hunt, ["Locked::one"], ["things.find.one"], Thing::repo(&tx).find().filter(Thing::ID.eq(id)).for_update().one());
        call!(hunt, ["Locked::stream"], ["things.find.stream"], Thing::repo(&tx).find().for_update().stream().try_collect::<Vec<_>>());
        tx.rollback().await.unwrap();
        hunt.log.take();
    }

    // Two operations for each line of the table.
    let report = policy_table::<Diary, _, _>(&db, [(&ada, Action::Read, 1, true)]).await.unwrap();
    let line = line!() - 1;
    assert!(report.is_as_expected());
    let told = hunt.log.take();
    assert!(told.iter().all(|told| told.name == "diaries.policy_table" && told.caller.line() == line), "{told:?}");
    assert_eq!(told.iter().filter(|told| told.is_first).count(), 2);

    // All of the API was called, also what is added to it one day.
    let surface = surface();
    let excepted = |name: &str| EXCEPTIONS.iter().any(|(of, _)| name == *of || name.starts_with(&format!("{of}::")));
    let forgotten: Vec<&String> = surface.iter().filter(|name| !hunt.done.contains(name.as_str()) && !excepted(name)).collect();
    assert_eq!(forgotten, Vec::<&String>::new(), "neither called nor excepted");
    let unknown: Vec<_> = hunt.done.iter().filter(|name| !surface.contains(**name)).collect();
    assert_eq!(unknown, Vec::<&&str>::new(), "there is no such method");
    let stale = EXCEPTIONS.iter().filter(|(of, _)| !surface.iter().any(|name| name == of || name.starts_with(&format!("{of}::"))));
    assert_eq!(stale.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new(), "nothing is excepted by that");
}

#[derive(Debug, Projection)]
#[kysera(of = Thing)]
struct Name {
    #[allow(dead_code, reason = "read from the database")]
    name: String,
}
