//! Dates and times, by chrono and by time.

use kysera::Error;
use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sqlx::types::time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use time::Month;

use super::types_engine::{Group, group, round_trip, upserts};
use crate::DB;

/// The same table for both libraries. TIMESTAMP of MySQL ends in 2038, so `at` is a DATETIME, which sqlx reads and
/// writes in UTC; and without the 6 both would keep whole seconds.
const MOMENTS: Ddl = Ddl {
    postgres: "CREATE TABLE moments (id BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL, wall TIMESTAMP NOT NULL,
        day DATE NOT NULL, clock TIME NOT NULL,
        opt_at TIMESTAMPTZ, opt_wall TIMESTAMP, opt_day DATE, opt_clock TIME)",
    mysql: "CREATE TABLE moments (id BIGINT PRIMARY KEY, at DATETIME(6) NOT NULL, wall DATETIME(6) NOT NULL,
        day DATE NOT NULL, clock TIME(6) NOT NULL,
        opt_at DATETIME(6), opt_wall DATETIME(6), opt_day DATE, opt_clock TIME(6))",
    sqlite: "CREATE TABLE moments (id INTEGER PRIMARY KEY, at DATETIME NOT NULL, wall DATETIME NOT NULL,
        day DATE NOT NULL, clock TIME NOT NULL,
        opt_at DATETIME, opt_wall DATETIME, opt_day DATE, opt_clock TIME)",
};

group! {
    Moments NewMoments MomentsPatch "moments" {
        at AT: DateTime<Utc>,
        wall WALL: NaiveDateTime,
        day DAY: NaiveDate,
        clock CLOCK: NaiveTime,
        opt_at OPT_AT: Option<DateTime<Utc>>,
        opt_wall OPT_WALL: Option<NaiveDateTime>,
        opt_day OPT_DAY: Option<NaiveDate>,
        opt_clock OPT_CLOCK: Option<NaiveTime>,
    }
}

fn moments(id: i64, (year, month, day): (i32, u32, u32), (h, m, s, micro): (u32, u32, u32, u32)) -> Moments {
    let day = NaiveDate::from_ymd_opt(year, month, day).unwrap();
    let clock = NaiveTime::from_hms_micro_opt(h, m, s, micro).unwrap();
    let wall = day.and_time(clock);
    Moments {
        id,
        at: wall.and_utc(),
        wall,
        day,
        clock,
        opt_at: Some(wall.and_utc()),
        opt_wall: Some(wall),
        opt_day: Some(day),
        opt_clock: Some(clock),
    }
}

#[tokio::test]
async fn chrono_comes_back_to_the_microsecond() {
    let db = Fixture::<DB>::new(&MOMENTS).await;
    let repo = Moments::repo(db.source());
    let rows = [
        Moments {
            opt_at: None,
            opt_wall: None,
            opt_day: None,
            opt_clock: None,
            ..moments(1, (2024, 2, 29), (12, 0, 0, 0))
        },
        moments(2, (1, 1, 1), (0, 0, 0, 0)),
        moments(3, (9999, 12, 31), (23, 59, 59, 999_999)),
        moments(4, (1969, 12, 31), (23, 59, 59, 1)),
        moments(5, (2038, 1, 19), (3, 14, 8, 500_000)),
        // The hour that summer time leaves out and the one that it repeats, in places that have it.
        moments(6, (2024, 3, 31), (2, 30, 0, 0)),
        moments(7, (2024, 10, 27), (2, 30, 0, 123_456)),
    ];
    round_trip(&repo, &rows, Moments::COLUMNS).await;
    upserts(&repo, &rows, Moments::ID).await;
}

#[tokio::test]
async fn nanoseconds_of_chrono_are_cut_off_except_on_sqlite() {
    let db = Fixture::<DB>::new(&MOMENTS).await;
    let repo = Moments::repo(db.source());
    let precise = NaiveTime::from_hms_nano_opt(1, 2, 3, 123_456_789).unwrap();
    let row = moments(1, (2024, 1, 1), (0, 0, 0, 0));
    let row = Moments { clock: precise, wall: row.day.and_time(precise), ..row };
    let stored = repo.create(row.to_new()).await.unwrap();
    let cut = NaiveTime::from_hms_micro_opt(1, 2, 3, 123_456).unwrap();
    let expected = if DB::DIALECT == Dialect::Sqlite { precise } else { cut };
    assert_eq!((stored.clock, stored.wall.time()), (expected, expected));
}

#[tokio::test]
async fn years_out_of_range_are_kept_or_refused() {
    let db = Fixture::<DB>::new(&MOMENTS).await;
    let repo = Moments::repo(db.source());
    for (year, ends) in [(-4712, "before year 1"), (100_000, "after 9999")] {
        let row = moments(i64::from(year), (year, 1, 1), (0, 0, 0, 0));
        match repo.create(row.to_new()).await {
            Ok(stored) => super::types_engine::assert_same(&stored, &row, ends),
            Err(error) => assert!(
                matches!(error, Error::Encode { .. } | Error::Database(_) | Error::Decode { .. }),
                "{error:?}"
            ),
        }
    }
}

group! {
    Times NewTimes TimesPatch "moments" {
        at AT: OffsetDateTime,
        wall WALL: PrimitiveDateTime,
        day DAY: Date,
        clock CLOCK: Time,
        opt_at OPT_AT: Option<OffsetDateTime>,
        opt_wall OPT_WALL: Option<PrimitiveDateTime>,
        opt_day OPT_DAY: Option<Date>,
        opt_clock OPT_CLOCK: Option<Time>,
    }
}

fn times(id: i64, (year, month, day): (i32, Month, u8), (h, m, s, micro): (u8, u8, u8, u32)) -> Times {
    let day = Date::from_calendar_date(year, month, day).unwrap();
    let clock = Time::from_hms_micro(h, m, s, micro).unwrap();
    let wall = PrimitiveDateTime::new(day, clock);
    Times {
        id,
        at: wall.assume_utc(),
        wall,
        day,
        clock,
        opt_at: Some(wall.assume_utc()),
        opt_wall: Some(wall),
        opt_day: Some(day),
        opt_clock: Some(clock),
    }
}

#[tokio::test]
async fn time_comes_back_to_the_microsecond() {
    let db = Fixture::<DB>::new(&MOMENTS).await;
    let repo = Times::repo(db.source());
    let rows = [
        Times {
            opt_at: None,
            opt_wall: None,
            opt_day: None,
            opt_clock: None,
            ..times(1, (2024, Month::February, 29), (12, 0, 0, 0))
        },
        times(2, (1, Month::January, 1), (0, 0, 0, 0)),
        times(3, (9999, Month::December, 31), (23, 59, 59, 999_999)),
        times(4, (1969, Month::December, 31), (23, 59, 59, 1)),
        times(5, (2038, Month::January, 19), (3, 14, 8, 500_000)),
    ];
    round_trip(&repo, &rows, Times::COLUMNS).await;
    upserts(&repo, &rows, Times::ID).await;
}

#[tokio::test]
async fn an_offset_is_the_same_moment_afterwards() {
    let db = Fixture::<DB>::new(&MOMENTS).await;
    let repo = Times::repo(db.source());
    let row = times(1, (2024, Month::May, 1), (12, 0, 0, 0));
    let elsewhere = row.at.to_offset(UtcOffset::from_hms(5, 30, 0).unwrap());
    let stored = repo.create(Times { at: elsewhere, ..row }.to_new()).await.unwrap();
    assert_eq!(stored.at, elsewhere, "the moment, by whatever clock");
}
