//! Column types that PostgreSQL alone has: arrays.

use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sqlx::types::time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

use crate::DB;
use crate::cases::types_custom::Mood;
use crate::cases::types_engine::{Group, group, round_trip, upserts};

const LISTS: Ddl = Ddl {
    postgres: "CREATE TYPE mood AS ENUM ('very_sad', 'happy');
        CREATE TABLE lists (id BIGINT PRIMARY KEY, tags TEXT[] NOT NULL, numbers INTEGER[] NOT NULL,
            moods mood[] NOT NULL, name TEXT NOT NULL, opt_tags TEXT[], opt_numbers INTEGER[], gaps BIGINT[] NOT NULL)",
    ..Ddl::NONE
};

// One column that could be sent as an array stands among those that cannot: the whole row takes VALUES.
group! {
    #[kysera(backend(Postgres))]
    Lists NewLists ListsPatch "lists" {
        tags TAGS: Vec<String>,
        numbers NUMBERS: Vec<i32>,
        moods MOODS: Vec<Mood>,
        name NAME: String,
        opt_tags OPT_TAGS: Option<Vec<String>>,
        opt_numbers OPT_NUMBERS: Option<Vec<i32>>,
        gaps GAPS: Vec<Option<i64>>,
    }
}

fn lists(id: i64, tags: &[&str], numbers: &[i32]) -> Lists {
    let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    Lists {
        id,
        moods: vec![Mood::Happy, Mood::VerySad],
        name: format!("list {id}"),
        opt_tags: Some(tags.clone()),
        opt_numbers: Some(numbers.to_vec()),
        gaps: numbers.iter().map(|number| Some(i64::from(*number))).chain([None]).collect(),
        tags,
        numbers: numbers.to_vec(),
    }
}

#[tokio::test]
async fn arrays_come_back_as_they_were() {
    let db = Fixture::<DB>::new(&LISTS).await;
    let repo = Lists::repo(db.source());
    let rows = [
        Lists { opt_tags: None, opt_numbers: None, moods: vec![], ..lists(1, &["x"], &[1]) },
        lists(2, &[], &[]),
        lists(3, &["", "NULL", "a,b", "{\"}", "\\", "ä\n"], &[i32::MIN, 0, i32::MAX]),
        lists(4, &["b", "a", "b"], &[3, 2, 1]),
    ];
    round_trip(&repo, &rows, Lists::COLUMNS).await;
    upserts(&repo, &rows, Lists::ID).await;
}

#[tokio::test]
async fn a_null_within_an_array_is_an_error_where_elements_cannot_be_null() {
    let db = Fixture::<DB>::new(&LISTS).await;
    let repo = Lists::repo(db.source());
    repo.create(lists(1, &[], &[]).to_new()).await.unwrap();
    db.execute("UPDATE lists SET numbers = '{1,NULL}'").await;
    let error = repo.get(1).await.unwrap_err();
    assert!(matches!(error, kysera::Error::Decode { entity: "Lists", column: "numbers", .. }), "{error:?}");
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "events", backend(Postgres))]
pub(crate) struct Event {
    #[kysera(id)]
    pub(crate) id: i64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) wall: NaiveDateTime,
    pub(crate) day: NaiveDate,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "events", backend(Postgres))]
pub(crate) struct TimeEvent {
    #[kysera(id)]
    pub(crate) id: i64,
    pub(crate) at: OffsetDateTime,
    pub(crate) wall: PrimitiveDateTime,
    pub(crate) day: Date,
}

#[tokio::test]
async fn a_date_beyond_what_the_field_holds_is_an_error_and_no_panic() {
    let ddl = Ddl {
        postgres:
            "CREATE TABLE events (id BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL, wall TIMESTAMP NOT NULL,
            day DATE NOT NULL)",
        ..Ddl::NONE
    };
    let db = Fixture::<DB>::new(&ddl).await;
    let (events, times) = (Event::repo(db.source()), TimeEvent::repo(db.source()));
    for column in ["at", "wall", "day"] {
        for value in ["infinity", "-infinity", "294276-12-31"] {
            db.execute(
                "DELETE FROM events;
                 INSERT INTO events VALUES (1, '2024-01-01 00:00:00+00', '2024-01-01', '2024-01-01')",
            )
            .await;
            db.execute(&format!("UPDATE events SET {column} = '{value}'")).await;
            for error in [events.find_all().await.unwrap_err(), times.find_all().await.unwrap_err()] {
                match error {
                    kysera::Error::Decode { column: found, .. } => assert_eq!(found, column, "{value}"),
                    error => panic!("{value}: {error:?}"),
                }
            }
            assert_eq!(events.count().await.unwrap(), 1, "the connection is as good as before");
        }
    }
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "shifts", backend(Postgres))]
pub(crate) struct Shift {
    #[kysera(id)]
    id: i64,
    starts: NaiveTime,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "shifts", backend(Postgres))]
pub(crate) struct TimeShift {
    #[kysera(id)]
    id: i64,
    starts: Option<Time>,
}

#[tokio::test]
async fn the_end_of_the_day_is_not_its_beginning() {
    let ddl = Ddl { postgres: "CREATE TABLE shifts (id BIGINT PRIMARY KEY, starts TIME)", ..Ddl::NONE };
    let db = Fixture::<DB>::new(&ddl).await;
    db.execute("INSERT INTO shifts VALUES (1, '23:59:59.999999')").await;
    assert!(
        Shift::repo(db.source()).get(1).await.is_ok() && TimeShift::repo(db.source()).get(1).await.is_ok()
    );
    db.execute("UPDATE shifts SET starts = '24:00:00'").await;
    let (one, other) = (Shift::repo(db.source()).get(1).await, TimeShift::repo(db.source()).get(1).await);
    for error in [one.unwrap_err(), other.unwrap_err()] {
        assert!(matches!(error, kysera::Error::Decode { column: "starts", .. }), "{error:?}");
    }
    db.execute("UPDATE shifts SET starts = NULL").await;
    assert_eq!(TimeShift::repo(db.source()).get(1).await.unwrap().starts, None);
}
