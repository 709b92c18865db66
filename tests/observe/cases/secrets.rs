//! A hunt for secrets: what is written into columns for nobody's eyes is in nothing that observers say.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt;
use kysera::Conflict;
use kysera::observe::{Profiler, SlowLog, Traced};
use kysera::plugin::{AuditMethods, SoftDeleteMethods, TimestampMethods, VersionMethods};
use kysera::prelude::*;
use kysera::relation::load_many;
use kysera::rls::{Action, PolicyMethods};
use kysera::{Keyset, Result};
use kysera_tests::observed::Log;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::world::*;
use crate::DB;

/// Whatever can be done, with a secret in every place for one. With `all` also what has no column, where secrets do not belong.
pub async fn everything(db: &Db<DB>, secret: &str, pin: i64, upper: bool) -> Result<()> {
    let things = Thing::repo(db);
    let token = |n: u32| format!("{secret}{n}");
    let new = |n: u32| NewThing {
        name: format!("thing {n}"),
        token: token(n),
        pin: Some(pin),
        data: Some(json!({"key": secret, "list": [pin]})),
        amount: 1,
    };
    let patch = |n: u32| ThingPatch::new().token(token(n)).pin(Some(pin + 1)).data(Some(json!([secret])));

    // Writes.
    let one = things.create(new(1)).await?;
    let many = things.create_many((2..6).map(new)).await?;
    things.insert_many((6..9).map(new)).await?;
    let one = things.update(one.id, patch(11)).await?;
    things.update_many(many.iter().zip(12..).map(|(row, n)| (row.id, patch(n)))).await?;
    things.upsert(NewThing { name: "thing 1".into(), ..new(21) }, Thing::NAME).await?;
    things.upsert(NewThing { name: "another".into(), ..new(21) }, Thing::TOKEN).await?;
    things.upsert_many([NewThing { name: "thing 2".into(), ..new(22) }, new(23)], Thing::NAME).await?;
    let some = Conflict::on(Thing::TOKEN).update(Thing::PIN);
    things.upsert(new(21), some).await?;
    things
        .transition(many[3].id, Thing::TOKEN, token(15), token(31), ThingPatch::new().pin(Some(pin)))
        .await?;
    let row = things.get(one.id).await?;
    let row = things.update_at(row.id, row.version, patch(32)).await?;
    things.save(&Thing { token: token(33), pin: Some(pin + 2), ..row }).await?;
    things.touch(one.id).await?;
    things.find().filter(Thing::TOKEN.eq(token(33))).update(ThingPatch::new().pin(Some(pin))).await?;
    things.find().filter(Thing::PIN.eq(Some(pin))).set(Thing::PIN, Thing::PIN.plus(pin)).execute().await?;
    things.find().filter(Thing::ID.eq(one.id)).set(Thing::TOKEN, token(34)).execute().await?;
    things.find().filter(Thing::ID.eq(one.id)).set(Thing::AMOUNT, Thing::PIN.coalesce(pin)).execute().await?;
    things.find().filter(Thing::TOKEN.eq(token(8))).delete().await?;
    things.find().filter(Thing::TOKEN.eq(token(8))).restore().await?;
    things.find().filter(Thing::TOKEN.eq(token(8))).purge().await?;

    // Errors say neither.
    assert!(things.create(NewThing { token: token(34), ..new(50) }).await.is_err());
    assert!(things.update(many[0].id, ThingPatch::new().token(token(34))).await.is_err());

    // Conditions.
    let upper_case = if upper { secret.to_uppercase() } else { secret.to_owned() };
    let text = || secret.to_owned();
    let conditions = [
        Thing::TOKEN.eq(text()),
        Thing::TOKEN.ne(text()),
        Thing::TOKEN.gt(text()) & Thing::TOKEN.le(text()),
        Thing::TOKEN.between(text(), token(1)),
        Thing::TOKEN.in_([text(), token(1)]),
        Thing::TOKEN.not_in([text(), token(2)]),
        Thing::TOKEN.contains(secret),
        Thing::TOKEN.starts_with(secret),
        Thing::TOKEN.ends_with(secret),
        Thing::TOKEN.like(format!("{secret}%")),
        Thing::TOKEN.not_like(secret),
        Thing::TOKEN.ilike(secret),
        Thing::TOKEN.eq_ignore_case(secret),
        Thing::TOKEN.contains_ignore_case(secret),
        Thing::TOKEN.starts_with_ignore_case(&*upper_case),
        Thing::TOKEN.ends_with_ignore_case(secret),
        Thing::TOKEN.lower().eq(text()),
        Thing::TOKEN.upper().in_([upper_case.clone()]),
        Thing::TOKEN.trim().ne(Thing::TOKEN.lower()),
        !(Thing::NAME.eq("x") | Thing::TOKEN.eq(text())),
        Thing::PIN.eq(pin),
        Thing::PIN.plus(pin).gt(Some(pin)),
        Thing::PIN.coalesce(pin).lt(pin),
        Thing::PIN.cast::<String>().eq(Some(pin.to_string())),
        Thing::PIN.cast::<f64>().gt(Some(pin as f64)),
        Thing::AMOUNT.times(pin.min(2)).eq(Thing::PIN.coalesce(pin)),
        Thing::DATA.json_text(["key"]).eq(Some(text())),
        Thing::DATA.json_text([secret]).is_null(),
        Thing::DATA.json_has([secret]),
        Filter::raw("lower({}) = {}", (Thing::TOKEN, secret)),
        Filter::raw("{} = 'x'", [Thing::TOKEN.arg(secret)]),
        Filter::all([Thing::TOKEN.eq(text()), Filter::any([Thing::TOKEN.eq(text())])]),
    ];
    for filter in conditions {
        things.find().filter(filter.clone()).all().await?;
        things.find().filter(filter.clone()).count().await?;
        things.find().filter(filter.clone()).exists().await?;
        things.find().filter(filter.clone()).explain().await?;
        things.find().filter(filter.clone()).limit(1).find_and_count().await?;
        Note::repo(db).find().filter(Note::THING.any(filter.clone())).all().await?;
        Note::repo(db).find().filter(Note::THING.none(filter)).count().await?;
    }
    let notes = Note::repo(db);
    notes.find().join(Note::THING).filter(Note::THING.get(Thing::TOKEN).eq(Some(text()))).all().await?;
    notes.find().filter(Note::THING.get(Thing::TOKEN).eq(Some(text()))).all().await?;

    // What is selected, grouped and ordered by.
    let find = || things.find().order_by(Thing::TOKEN.asc());
    things.find().select((Thing::PIN.coalesce(pin), Thing::PIN.plus(pin))).all().await?;
    let grouped = things.find().select((Thing::NAME, Thing::TOKEN.max()));
    grouped.group_by(Thing::NAME).having(Thing::TOKEN.max().ge(Some(text()))).all().await?;
    things.find().order_by(Thing::PIN.plus(pin).desc()).order_by(Thing::ID.asc()).all().await?;
    things.find().filter(Thing::TOKEN.starts_with(secret)).stream().try_collect::<Vec<_>>().await?;
    let first = find().keyset(Keyset::first(2)).await?;
    let second = find().keyset(Keyset::first(2).after(first.next).with_total()).await?;
    find().keyset(Keyset::last(2).before(second.prev)).await?;
    let by_pin = || things.find().order_by(Thing::PIN.desc()).order_by(Thing::TOKEN.asc());
    let first = by_pin().keyset(Keyset::first(2)).await?;
    by_pin().keyset(Keyset::first(2).after(first.next)).await?;

    // Relations by a secret.
    let links = Link::repo(db);
    links.insert_many([1, 6, 7].map(|n| NewLink { token: token(n) })).await?;
    let all = links.find().with(Link::THING).all().await?;
    let rows: Vec<Link> = all.into_iter().map(|(link, _)| link).collect();
    load_many(db, &rows, Link::THING.filter(Thing::TOKEN.ne(text()))).await?;
    load_many(db, &rows, Link::THING.with(Thing::NOTES)).await?;
    load_many(db, &rows, Link::THING.limit(1)).await?;
    links.find().left_join(Link::THING).all().await?;
    // Different to Rust, equal to some databases.
    let twins = [Link { id: 1, token: token(6) }, Link { id: 2, token: token(6).to_uppercase() }];
    load_many(db, &twins, Link::THING).await?;

    // The log, and back.
    let entries = things.history(one.id).all().await?;
    for entry in &entries {
        things.restore_from_audit(entry.id).await.ok();
    }
    things.state_at(one.id, SystemTime::now()).await.ok();
    things.values_at(one.id, SystemTime::now()).await?;
    things.delete(one.id).await?;
    things.restore(one.id).await?;
    things.delete_many(many.iter().map(|row| row.id)).await?;
    things.restore_many(many.iter().map(|row| row.id)).await?;
    things.purge_many(many.iter().map(|row| row.id)).await?;
    things.purge(one.id).await?;
    let removed = things.history(one.id).first().await?;
    if let Some(entry) = removed {
        things.restore_from_audit(entry.id).await.ok();
    }

    // Policies.
    let session = db.clone().with_context(Principal { user_id: 1 });
    let diaries = Diary::repo(&session);
    let diary = |id| NewDiary { id, owner_id: 1, secret: text() };
    diaries.create(diary(1)).await?;
    diaries.create_many([diary(2), diary(3)]).await?;
    diaries.update(1, DiaryPatch::new().secret(token(1))).await?;
    diaries.can_create(diary(4)).await?;
    diaries.can(Action::Update, 1).await?;
    diaries.explain_access(1).await?;
    diaries.upsert(diary(1), Diary::ID).await?;
    diaries.find().filter(Diary::SECRET.contains(secret)).update(DiaryPatch::new().secret(token(2))).await?;
    diaries.find().filter(Diary::SECRET.contains(secret)).delete().await?;
    Ok(())
}

/// Writes down all fields of all spans and events.
#[derive(Default, Clone)]
struct Fields(Arc<Mutex<String>>);

impl Subscriber for Fields {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("kysera")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field} = {value:?}").unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        writeln!(self.0.lock().unwrap(), "{field} = {value}").unwrap();
    }
}

#[tokio::test]
async fn secrets_are_in_nothing_that_observers_say() {
    for seed in 1..=3_u64 {
        let random = u64::from_ne_bytes(std::process::id().to_ne_bytes().repeat(2).try_into().unwrap());
        let number = (random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed << 32) >> 20)
            % 89_999_999
            + 10_000_000;
        let (secret, pin) = (format!("zq{number}vx"), 7_000_000_000_i64 + number as i64 * 10);
        let digits = (pin / 10).to_string();

        let fixture = world().await;
        let fields = Fields::default();
        let guard = tracing::subscriber::set_default(fields.clone());
        let (log, profiler) = (Log::of_values(), Arc::new(Profiler::with_capacity(10_000)));
        let slow = Arc::new(Mutex::new(String::new()));
        let other = slow.clone();
        let to = SlowLog::over(Duration::ZERO).with_values().to(move |event| {
            writeln!(other.lock().unwrap(), "{event:?}").unwrap();
        });
        let db = watched(&fixture, log.clone())
            .observed_by(profiler.clone())
            .observed_by(Arc::new(SlowLog::over(Duration::ZERO).with_values()))
            .observed_by(Arc::new(to))
            .observed_by(Arc::new(Traced::new()));
        everything(&db, &secret, pin, seed == 2).await.unwrap();
        drop(guard);

        let found = |text: &str| {
            let text = text.to_lowercase();
            text.contains(&secret) || text.contains(&digits) || text.contains(&number.to_string())
        };
        for told in log.take() {
            let values = told.values.clone().unwrap_or_default();
            assert!(!values.iter().any(|value| found(value)) && !found(&told.sql), "{told:#?}");
        }
        let (traced, slow) = (fields.0.lock().unwrap(), slow.lock().unwrap());
        assert!(
            traced.contains("slow statement") && traced.contains("things.create") && traced.contains("***")
        );
        assert!(slow.contains("***"));
        let leak = |text: &str| text.lines().find(|line| found(line)).map(str::to_owned);
        assert_eq!(leak(&traced), None);
        assert_eq!(leak(&slow), None);
        let report = profiler.report();
        assert!(report.statements > 100);
        assert_eq!(leak(&serde_json::to_string_pretty(&report).unwrap()), None);
        assert_eq!(leak(&report.to_html()), None);
        assert_eq!(leak(&report.to_string()), None);
    }
}
