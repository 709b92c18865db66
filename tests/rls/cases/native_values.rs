//! Values of all kinds as literals in policies of PostgreSQL, and what is told of who asks.

use futures_util::TryStreamExt;
use kysera::prelude::*;
use kysera::rls::native::NativePolicies;
use kysera::rls::{Action, Claims, Policy, Rules};
use kysera::{Error, ErrorCode, Filter};
use kysera_tests::Ddl;
use serde_json::json;
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sqlx::types::{Decimal, Json, Uuid};

use crate::native_postgres::{CASES, Case, CasePatch, NewCase, Rank, Who};
use crate::native_role::Guest;

/// One column of each type, and for each column a rule that lets one row be read.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(rls(context = Nobody))]
#[kysera(table = "things")]
struct Thing {
    #[kysera(id, assigned)]
    id: i64,
    small: Option<i16>,
    int: Option<i32>,
    float: Option<f64>,
    single: Option<f32>,
    flag: Option<bool>,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    number: Option<Decimal>,
    uuid: Option<Uuid>,
    rank: Option<Rank>,
    at: Option<DateTime<Utc>>,
    local: Option<NaiveDateTime>,
    day: Option<NaiveDate>,
    hour: Option<NaiveTime>,
    json: Option<Json<serde_json::Value>>,
    tags: Option<Vec<String>>,
}

#[derive(Debug, Clone, Claims)]
struct Nobody {}

const TEXTS: [&str; 5] = ["it's", "back\\slash", "\"q\" {a,b} ü\n\t", "E'\\'", "$1 ? :x %s"];

const MOMENT: i64 = 1_709_251_199_123_456;

fn moment() -> DateTime<Utc> {
    // 2024-02-29T23:59:59.123456Z
    DateTime::from_timestamp_micros(MOMENT).unwrap()
}

fn hour() -> NaiveTime {
    NaiveTime::from_hms_micro_opt(1, 2, 3, 4).unwrap()
}

const HUGE: f64 = 1.797_693_134_862_315_7e308;

impl Policy<Nobody> for Thing {
    fn rules() -> Rules<Self, Nobody> {
        let mut rules = Rules::new()
            .allow("small", Action::Read, Thing::SMALL.eq(i16::MIN))
            .allow("int", Action::Read, Thing::INT.eq(i32::MIN))
            .allow(
                "float",
                Action::Read,
                Thing::FLOAT.eq(HUGE) | Thing::FLOAT.eq(-0.1) | Thing::FLOAT.eq(f64::NEG_INFINITY),
            )
            .allow("single", Action::Read, Thing::SINGLE.eq(0.1_f32))
            .allow("flag", Action::Read, Thing::FLAG.eq(false))
            .allow("bytes", Action::Read, Thing::BYTES.eq(vec![0, b'\\', b'\'', 255]))
            .allow(
                "number",
                Action::Read,
                Thing::NUMBER.eq("-12345678901234567890.000000001".parse::<Decimal>().unwrap()),
            )
            .allow("uuid", Action::Read, Thing::UUID.in_([Uuid::from_u128(7), Uuid::from_u128(9)]))
            .allow("rank", Action::Read, Thing::RANK.in_([Rank::TeamLead]))
            .allow("at", Action::Read, Thing::AT.eq(moment()))
            .allow("local", Action::Read, Thing::LOCAL.eq(moment().naive_utc()))
            .allow("day", Action::Read, Thing::DAY.eq(moment().date_naive()))
            .allow("hour", Action::Read, Thing::HOUR.eq(hour()))
            .allow("starts", Action::Read, Thing::TEXT.starts_with("100%_!\\"))
            .allow(
                "raw",
                Action::Read,
                Filter::raw("{} = {} || {}", (Thing::TEXT, "ra'w\\".to_owned(), "{}".to_owned())),
            );
        for text in TEXTS {
            rules = rules.allow(text, Action::Read, Thing::TEXT.eq(text));
        }
        rules
    }
}

fn nothing(id: i64) -> NewThing {
    NewThing {
        id,
        small: None,
        int: None,
        float: None,
        single: None,
        flag: None,
        text: None,
        bytes: None,
        number: None,
        uuid: None,
        rank: None,
        at: None,
        local: None,
        day: None,
        hour: None,
        json: None,
        tags: None,
    }
}

const THINGS: Ddl = Ddl {
    postgres: "CREATE TYPE rank AS ENUM ('junior', 'team_lead');
        CREATE TABLE things (id BIGINT PRIMARY KEY, small SMALLINT, int INTEGER, float DOUBLE PRECISION, single REAL, flag BOOLEAN,
            text TEXT, bytes BYTEA, number NUMERIC, uuid UUID, rank rank, at TIMESTAMPTZ, local TIMESTAMP, day DATE, hour TIME,
            json JSONB, tags TEXT[])",
    ..Ddl::NONE
};

#[tokio::test]
async fn literals_of_all_kinds_mean_what_they_mean_as_arguments() {
    let guest = Guest::of(&THINGS).await;
    let owner = guest.owner();
    NativePolicies::of::<Thing>().install(&owner).await.unwrap();
    assert!(NativePolicies::of::<Thing>().verify(&owner).await.unwrap().agrees());
    let mut rows = vec![
        NewThing { small: Some(i16::MIN), ..nothing(1) },
        NewThing { int: Some(i32::MIN), ..nothing(2) },
        NewThing { float: Some(HUGE), ..nothing(3) },
        NewThing { float: Some(-0.1), ..nothing(4) },
        NewThing { float: Some(f64::NEG_INFINITY), ..nothing(5) },
        NewThing { single: Some(0.1), ..nothing(6) },
        NewThing { flag: Some(false), ..nothing(7) },
        NewThing { bytes: Some(vec![0, b'\\', b'\'', 255]), ..nothing(8) },
        NewThing { number: Some("-12345678901234567890.000000001".parse().unwrap()), ..nothing(9) },
        NewThing { uuid: Some(Uuid::from_u128(9)), ..nothing(10) },
        NewThing { rank: Some(Rank::TeamLead), ..nothing(11) },
        NewThing { at: Some(moment()), ..nothing(12) },
        NewThing { local: Some(moment().naive_utc()), ..nothing(13) },
        NewThing { day: Some(moment().date_naive()), ..nothing(14) },
        NewThing { hour: Some(hour()), ..nothing(15) },
        NewThing { text: Some("100%_!\\x".into()), ..nothing(16) },
        NewThing { text: Some("ra'w\\{}".into()), ..nothing(17) },
    ];
    rows.extend(
        TEXTS.into_iter().zip(20..).map(|(text, id)| NewThing { text: Some(text.into()), ..nothing(id) }),
    );
    let readable: Vec<i64> = rows.iter().map(|row| row.id).collect();
    // Beside each of them one that is hardly different.
    rows.extend([
        NewThing { small: Some(i16::MIN + 1), ..nothing(101) },
        NewThing { float: Some(f64::INFINITY), ..nothing(102) },
        NewThing { flag: Some(true), ..nothing(103) },
        NewThing { bytes: Some(vec![0, b'\\', b'\'', 254]), ..nothing(104) },
        NewThing { number: Some("-12345678901234567890.000000002".parse().unwrap()), ..nothing(105) },
        NewThing { at: DateTime::from_timestamp_micros(MOMENT + 1), ..nothing(106) },
        NewThing { text: Some("100x_!\\x".into()), ..nothing(107) },
        NewThing { text: Some("back\\\\slash".into()), ..nothing(108) },
        NewThing { rank: Some(Rank::Junior), ..nothing(109) },
        nothing(110),
    ]);
    Thing::repo(&owner.unrestricted("rows")).insert_many(rows).await.unwrap();
    let ours = owner.clone().with_context(Nobody {});
    let seen = Thing::repo(&ours).find().order_by(Thing::ID.asc()).select(Thing::ID).all().await.unwrap();
    assert_eq!(seen, readable);
    let raw = raw_ids(&guest.app, "SELECT id FROM things ORDER BY id").await;
    assert_eq!(raw, readable);
}

async fn raw_ids<C: Send + Sync + 'static>(
    db: &kysera::Db<sqlx::Postgres, C>,
    sql: &'static str,
) -> Vec<i64> {
    let tx = db.begin().await.unwrap();
    let ids = {
        let mut conn = tx.connection().await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut *conn).await.unwrap()
    };
    tx.rollback().await.unwrap();
    ids
}

/// What has no text that PostgreSQL would read as it.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(rls(context = Nobody))]
#[kysera(table = "things")]
struct Tagged {
    #[kysera(id)]
    id: i64,
    tags: Option<Vec<String>>,
}

impl Policy<Nobody> for Tagged {
    fn rules() -> Rules<Self, Nobody> {
        Rules::new().allow("tags", Action::Read, Tagged::TAGS.eq(vec!["a".to_owned()]))
    }
}

/// A document that is a text, which is no text in SQL.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(rls(context = Nobody))]
#[kysera(table = "things")]
struct Documented {
    #[kysera(id)]
    id: i64,
    json: Option<Json<serde_json::Value>>,
}

impl Policy<Nobody> for Documented {
    fn rules() -> Rules<Self, Nobody> {
        let (text, object) = (Json(json!("it's \"x\"")), Json(json!({"a": [1, null]})));
        Rules::new().allow("text", Action::Read, Documented::JSON.eq(text) | Documented::JSON.eq(object))
    }
}

#[tokio::test]
async fn what_has_no_literal_is_an_error_that_names_it() {
    let guest = Guest::of(&THINGS).await;
    let error = NativePolicies::of::<Tagged>().install(&guest.owner()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::BadRequest);
    assert!(error.to_string().contains("Vec<alloc::string::String>"), "{error}");
    let system = guest.owner().unrestricted("rows");
    let document = |id, value| NewThing { json: Some(Json(value)), ..nothing(id) };
    let rows =
        [document(1, json!("it's \"x\"")), document(2, json!({"a": [1, null]})), document(3, json!("x"))];
    Thing::repo(&system).insert_many(rows).await.unwrap();
    NativePolicies::of::<Documented>().install(&guest.owner()).await.unwrap();
    assert_eq!(raw_ids(&guest.app, "SELECT id FROM things ORDER BY id").await, [1, 2]);
}

const CASE: &str = r#"SELECT id FROM "ca""se file" ORDER BY id"#;

#[tokio::test]
async fn nothing_of_who_asked_is_left_on_the_connection() {
    let guest = Guest::of(&CASES).await;
    NativePolicies::of::<Case>().install(&guest.owner()).await.unwrap();
    guest
        .fixture
        .execute(
            r#"INSERT INTO "ca""se file" SELECT n, n, 'someone', NULL, 'x', NULL, 'junior', '2030-01-01', 'open' FROM generate_series(1, 3) n"#,
        )
        .await;
    assert_eq!(raw_ids(&guest.app, CASE).await, [0_i64; 0], "no claims yet");
    let as_user = |who: Who| guest.app.clone().with_context(who).with_claims();
    let settings = "SELECT count(*) FROM unnest(ARRAY['user_id', 'name', 'team_ids', 'labels', 'is_admin', 'badge', 'rank', 'since']) s \
                    WHERE NULLIF(current_setting('app.' || s, TRUE), '') IS NOT NULL";
    let told = raw_ids(&as_user(Who::new(1)), settings).await;
    assert_eq!(told, [7], "all but the badge, of which there is none");
    assert_eq!(raw_ids(&as_user(Who::new(1)), CASE).await, [1]);
    assert_eq!(raw_ids(&as_user(Who::new(2)), CASE).await, [2]);
    assert_eq!(raw_ids(&as_user(Who { is_admin: true, ..Who::new(9) }), CASE).await, [1, 2, 3]);
    // What one had and the next has not is not inherited.
    assert_eq!(raw_ids(&as_user(Who { user_id: None, ..Who::new(9) }), CASE).await, [0_i64; 0]);
    assert_eq!(raw_ids(&guest.app, settings).await, [0]);
    assert_eq!(raw_ids(&guest.app, CASE).await, [0_i64; 0]);
    // Also after COMMIT, after an error, and within savepoints.
    let ada = as_user(Who::new(1));
    ada.transaction(|tx| async move {
        let failed: Result<(), Error> = tx.transaction(|_| async { Err(Error::other("undone")) }).await;
        failed.unwrap_err();
        let mut conn = tx.connection().await?;
        let seen: Vec<i64> = sqlx::query_scalar(CASE).fetch_all(&mut *conn).await?;
        assert_eq!(seen, [1]);
        Ok(())
    })
    .await
    .unwrap();
    let failed = ada.transaction(|tx| async move {
        sqlx::query("SELECT 1 / 0").execute(&mut *tx.connection().await?).await?;
        Ok(())
    });
    failed.await.unwrap_err();
    assert_eq!(raw_ids(&guest.app, settings).await, [0]);
    // The context goes with its claims: another one has to be told anew.
    let other = as_user(Who::new(1)).with_context(Who::new(1));
    assert_eq!(raw_ids(&other, CASE).await, [0_i64; 0]);
}

#[tokio::test]
async fn kyseras_repositories_work_under_them() {
    let guest = Guest::of(&CASES).await;
    NativePolicies::of::<Case>().install(&guest.owner()).await.unwrap();
    let who = || Who { team_ids: vec![1, 5], labels: vec!["a{b}\"'\\".into()], ..Who::new(1) };
    let db = guest.app.clone().with_context(who()).with_claims();
    let cases = Case::repo(&db);
    let new = |id| NewCase {
        id,
        owner_id: Some(1),
        author: "me".into(),
        team_id: Some(1),
        label: "x".into(),
        badge: None,
        rank: Rank::Junior,
        opened: moment(),
        status: "open".into(),
    };
    // Each call opens a transaction of its own.
    assert_eq!(cases.create(new(1)).await.unwrap().id, 1);
    assert_eq!(cases.create_many([new(2), new(3)]).await.unwrap().len(), 2);
    assert_eq!(cases.insert_many([new(4)]).await.unwrap(), 1);
    assert_eq!(cases.count().await.unwrap(), 4);
    assert_eq!(cases.update(1, CasePatch::new().status("busy")).await.unwrap().status, "busy");
    assert_eq!(cases.update_many([(2, CasePatch::new().label("y"))]).await.unwrap()[0].label, "y");
    assert_eq!(
        cases.upsert(NewCase { status: "again".into(), ..new(3) }, Case::ID).await.unwrap().status,
        "again"
    );
    assert_eq!(cases.find().filter(Case::ID.ge(3)).update(CasePatch::new().label("z")).await.unwrap(), 2);
    assert!(cases.delete(4).await.unwrap());
    let all = cases.find().order_by(Case::ID.asc()).all().await.unwrap();
    assert_eq!(all.iter().map(|case| &*case.label).collect::<Vec<_>>(), ["x", "y", "z"]);
    assert_eq!(all.len(), raw_ids(&db, CASE).await.len());

    let error = cases.find().stream().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::BadRequest);
    assert!(error.to_string().contains("transaction"), "{error}");
    let streamed =
        db.transaction(|tx| async move { Case::repo(&tx).find().stream().try_collect::<Vec<_>>().await });
    assert_eq!(streamed.await.unwrap().len(), 3);
    // A connection is no transaction.
    let conn = db.acquire().await.unwrap();
    assert_eq!(Case::repo(&conn).count().await.unwrap(), 3);
    Case::repo(&conn).find().stream().try_collect::<Vec<_>>().await.unwrap_err();
    drop(conn);

    // Without claims the database knows nobody, whatever the context is.
    let untold = guest.app.clone().with_context(who());
    assert_eq!(Case::repo(&untold).count().await.unwrap(), 0);
    let error = Case::repo(&untold).create(new(9)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Forbidden);
    assert!(!error.is_transient());
    let text = format!("{error} {error:?}");
    assert!(text.contains("ca\"se file"), "{text}");
    assert!(!text.contains("'open'") && !text.contains("2024"), "{text}");
}
