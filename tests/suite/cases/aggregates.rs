//! Aggregates over everything: every type that can be added up, and what is beyond it.

use kysera::expr::{NotNull, Number, count};
use kysera::prelude::*;
use kysera::{Error, ErrorCode};
use kysera_tests::{Ddl, Fixture};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "measures")]
struct Measure {
    #[kysera(id, assigned)]
    id: i64,
    small: i16,
    int: i32,
    big: i64,
    single: f32,
    double: f64,
    text: String,
    opt_small: Option<i16>,
    opt_int: Option<i32>,
    opt_big: Option<i64>,
    opt_single: Option<f32>,
    opt_double: Option<f64>,
    opt_text: Option<String>,
}

const MEASURES: Ddl = Ddl {
    postgres: "CREATE TABLE measures (id BIGINT PRIMARY KEY, small SMALLINT NOT NULL, int INT NOT NULL,
        big BIGINT NOT NULL, single REAL NOT NULL, double DOUBLE PRECISION NOT NULL, text TEXT NOT NULL,
        opt_small SMALLINT, opt_int INT, opt_big BIGINT, opt_single REAL, opt_double DOUBLE PRECISION, opt_text TEXT)",
    mysql: "CREATE TABLE measures (id BIGINT PRIMARY KEY, small SMALLINT NOT NULL, `int` INT NOT NULL,
        big BIGINT NOT NULL, single FLOAT NOT NULL, `double` DOUBLE NOT NULL, text VARCHAR(100) NOT NULL,
        opt_small SMALLINT, opt_int INT, opt_big BIGINT, opt_single FLOAT, opt_double DOUBLE, opt_text TEXT)",
    sqlite: "CREATE TABLE measures (id INTEGER PRIMARY KEY, small INTEGER NOT NULL, int INTEGER NOT NULL,
        big INTEGER NOT NULL, single REAL NOT NULL, double REAL NOT NULL, text TEXT NOT NULL,
        opt_small INTEGER, opt_int INTEGER, opt_big INTEGER, opt_single REAL, opt_double REAL, opt_text TEXT)",
};

fn measure(id: i64, number: i16) -> NewMeasure {
    NewMeasure {
        id,
        small: number,
        int: number.into(),
        big: number.into(),
        single: number.into(),
        double: number.into(),
        text: number.to_string(),
        opt_small: None,
        opt_int: None,
        opt_big: None,
        opt_single: None,
        opt_double: None,
        opt_text: None,
    }
}

/// The same with the optional columns filled.
fn filled(id: i64, number: i16) -> NewMeasure {
    NewMeasure {
        opt_small: Some(number),
        opt_int: Some(number.into()),
        opt_big: Some(number.into()),
        opt_single: Some(number.into()),
        opt_double: Some(number.into()),
        opt_text: Some(number.to_string()),
        ..measure(id, number)
    }
}

async fn with(rows: impl IntoIterator<Item = NewMeasure>) -> Fixture<DB> {
    let db = Fixture::<DB>::new(&MEASURES).await;
    Measure::repo(db.source()).insert_many(rows.into_iter().collect::<Vec<_>>()).await.unwrap();
    db
}

/// Sum, average, least and greatest of a column and its nullable twin.
macro_rules! check {
    ($db:expr, $column:ident $optional:ident: $type:ty, $sum:expr, $avg:expr, $min:expr, $max:expr, $opt:expr) => {{
        let repo = Measure::repo($db.source());
        let items = (
            Measure::$column.sum(),
            Measure::$column.avg(),
            Measure::$column.min(),
            Measure::$column.max(),
            Measure::$column.count(),
            Measure::$column.count_distinct(),
        );
        type Out = (
            Option<<$type as Number>::Sum>,
            Option<<$type as Number>::Avg>,
            Option<$type>,
            Option<$type>,
            i64,
            i64,
        );
        let found: Out = repo.find().select(items).one().await.unwrap();
        assert_eq!(found, (Some($sum), Some($avg), Some($min), Some($max), 4, 3), stringify!($column));
        let items = (
            Measure::$optional.sum(),
            Measure::$optional.avg(),
            Measure::$optional.min(),
            Measure::$optional.max(),
            Measure::$optional.count(),
            Measure::$optional.count_distinct(),
        );
        let found: Out = repo.find().select(items.clone()).one().await.unwrap();
        let (sum, avg, min, max) = $opt;
        assert_eq!(found, (Some(sum), Some(avg), Some(min), Some(max), 3, 2), stringify!($optional));
        // Nothing to add up.
        let found: Out = repo.find().filter(Measure::ID.eq(1)).select(items.clone()).one().await.unwrap();
        assert_eq!(found, (None, None, None, None, 0, 0));
        let found: Out = repo.find().filter(Measure::ID.eq(0)).select(items).one().await.unwrap();
        assert_eq!(found, (None, None, None, None, 0, 0));
    }};
}

#[tokio::test]
async fn every_type_of_number() {
    let db = with([measure(1, -3), filled(2, 1), filled(3, 2), filled(4, 2)]).await;
    check!(db, SMALL OPT_SMALL: i16, 2, 0.5, -3, 2, (5, 5.0 / 3.0, 1, 2));
    check!(db, INT OPT_INT: i32, 2, 0.5, -3, 2, (5, 5.0 / 3.0, 1, 2));
    check!(db, BIG OPT_BIG: i64, 2, 0.5, -3, 2, (5, 5.0 / 3.0, 1, 2));
    check!(db, SINGLE OPT_SINGLE: f32, 2.0, 0.5, -3.0, 2.0, (5.0, 5.0 / 3.0, 1.0, 2.0));
    check!(db, DOUBLE OPT_DOUBLE: f64, 2.0, 0.5, -3.0, 2.0, (5.0, 5.0 / 3.0, 1.0, 2.0));
}

#[tokio::test]
async fn texts_and_rows() {
    let db = with([measure(1, 7), filled(2, 8), filled(3, 8)]).await;
    let repo = Measure::repo(db.source());
    let items = (count(), Measure::TEXT.min(), Measure::OPT_TEXT.max(), Measure::OPT_TEXT.count_distinct());
    let found = repo.find().select(items.clone()).one().await.unwrap();
    assert_eq!(found, (3, Some("7".into()), Some("8".into()), 1));
    let none = repo.find().filter(Measure::ID.lt(0));
    assert_eq!(none.clone().select(items).one().await.unwrap(), (0, None, None, 0));
    // One row, whatever there is; past it none.
    let find = none.select(count());
    assert_eq!(find.clone().count().await.unwrap(), 1);
    assert!(find.clone().exists().await.unwrap());
    assert!(!find.clone().offset(1).exists().await.unwrap());
    assert_eq!(find.clone().first().await.unwrap(), Some(0));
    assert_eq!(find.order_by(count().desc()).all().await.unwrap(), [0]);
}

#[tokio::test]
async fn averages_have_the_precision_of_a_double() {
    let db = with([measure(1, 1), measure(2, 2)]).await;
    let repo = Measure::repo(db.source());
    let avg = (Measure::SMALL.avg(), Measure::INT.avg(), Measure::BIG.avg(), Measure::INT.plus(1).avg());
    let found = repo.find().select(avg.clone()).one().await.unwrap();
    assert_eq!(found, (Some(1.5), Some(1.5), Some(1.5), Some(2.5)));
    repo.create(measure(3, 1)).await.unwrap();
    repo.update(2, MeasurePatch::new().small(-1).int(-1).big(-1)).await.unwrap();
    let (small, int, big, _) = repo.find().select(avg).one().await.unwrap();
    for third in [small, int, big] {
        assert!((third.unwrap() - 1.0 / 3.0).abs() < 1e-15, "{third:?}");
    }
}

#[tokio::test]
async fn big_sums_are_exact() {
    // No double has these.
    let rows = [(1 << 53) + 1, 1 << 53, -7]
        .into_iter()
        .zip(1..)
        .map(|(big, id)| NewMeasure { big, ..measure(id, 0) });
    let db = with(rows).await;
    let repo = Measure::repo(db.source());
    let sum = repo.find().select(Measure::BIG.sum()).one().await.unwrap();
    assert_eq!(sum, Some((1 << 54) + 1 - 7));
    for (a, b, sum) in [(i64::MAX - 1, 1, i64::MAX), (i64::MIN + 1, -1, i64::MIN)] {
        repo.update_many([(1, MeasurePatch::new().big(a)), (2, MeasurePatch::new().big(b))]).await.unwrap();
        let found = repo.find().filter(Measure::ID.le(2)).select(Measure::BIG.sum()).one().await.unwrap();
        assert_eq!(found, Some(sum));
    }
    // Sums of small types do not end where the type ends.
    let patch = MeasurePatch::new().small(i16::MAX).int(i32::MAX);
    repo.find().update(patch).await.unwrap();
    let sums = repo.find().select((Measure::SMALL.sum(), Measure::INT.sum())).one().await.unwrap();
    assert_eq!(sums, (Some(3 * i64::from(i16::MAX)), Some(3 * i64::from(i32::MAX))));
}

#[tokio::test]
async fn a_sum_beyond_64_bits_is_an_error() {
    let rows = [i64::MAX, 1].into_iter().zip(1..).map(|(big, id)| NewMeasure {
        big,
        opt_big: Some(-big),
        ..measure(id, 0)
    });
    let db = with(rows).await;
    let repo = Measure::repo(db.source());
    let error = repo.find().select(Measure::BIG.sum()).one().await.unwrap_err();
    assert!(matches!(error, Error::Database(_)), "{error:?}");
    repo.find().update(MeasurePatch::new().opt_big(i64::MIN)).await.unwrap();
    let grouped = repo.find().select((Measure::TEXT, Measure::OPT_BIG.sum())).group_by(Measure::TEXT);
    assert!(matches!(grouped.all().await, Err(Error::Database(_))));
    // The connection goes on.
    assert_eq!(repo.find().select(Measure::BIG.max()).one().await.unwrap(), Some(i64::MAX));
}

#[tokio::test]
async fn arithmetic_out_of_range_is_an_error() {
    let rows = [NewMeasure { big: i64::MAX, int: i32::MAX, ..measure(1, 0) }];
    let db = with(rows).await;
    let repo = Measure::repo(db.source());
    for term in [Measure::BIG.plus(1), Measure::BIG.times(2), Measure::BIG.minus(-1)] {
        let error = repo.find().select(term).one().await.unwrap_err();
        assert!(matches!(error, Error::Database(_) | Error::Decode { .. }), "{error:?}");
    }
    let error = repo.find().select(Measure::INT.plus(1)).one().await.unwrap_err();
    assert!(matches!(error, Error::Database(_) | Error::Decode { .. }), "{error:?}");
    let found = repo.find().select(Measure::INT.cast::<i64>().plus(1)).one().await.unwrap();
    assert_eq!(found, i64::from(i32::MAX) + 1);
}

#[tokio::test]
async fn floats_compute() {
    let db = with([NewMeasure { single: 0.1, double: 0.1, ..filled(1, 0) }]).await;
    let repo = Measure::repo(db.source());
    let items = (
        Measure::SINGLE.plus(0.5),
        Measure::DOUBLE.times(3.0),
        Measure::DOUBLE.minus(1.0).abs(),
        Measure::OPT_DOUBLE.plus(0.5),
        Measure::OPT_SMALL.plus(1),
    );
    let found = repo.find().select(items).one().await.unwrap();
    assert_eq!(found, (0.6, 0.1 * 3.0, 0.9, Some(0.5), Some(1)));
    let null = repo.find().select((Measure::OPT_INT.plus(None), Measure::OPT_INT.abs())).one().await.unwrap();
    assert_eq!(null, (None, Some(0)));
}

#[tokio::test]
async fn aggregates_of_expressions() {
    let db = with([filled(1, -3), filled(2, 1), measure(3, 2)]).await;
    let repo = Measure::repo(db.source());
    let items = (
        Measure::INT.abs().sum(),
        Measure::INT.times(2).plus(1).max(),
        Measure::OPT_INT.coalesce(10).sum(),
        Measure::OPT_INT.coalesce(10).avg(),
        Measure::TEXT.length().sum(),
        Measure::INT.sum().coalesce(0).plus(5),
        Measure::INT.sum().plus(Measure::INT.max().cast::<i64>()),
        Measure::OPT_TEXT.coalesce("none").count_distinct(),
    );
    let found = repo.find().select(items).one().await.unwrap();
    assert_eq!(found, (Some(6), Some(5), Some(8), Some(8.0 / 3.0), Some(4), 5, Some(2), 3));
}

/// A number of one's own.
#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type)]
#[sqlx(transparent)]
struct Meters(i64);
impl NotNull for Meters {}

#[tokio::test]
async fn newtypes_have_a_least_and_a_greatest() {
    #[derive(Debug, Repository)]
    #[kysera(table = "measures")]
    struct Distance {
        #[kysera(id, assigned)]
        id: i64,
        big: Meters,
        opt_big: Option<Meters>,
    }
    let db = with([filled(1, -3), filled(2, 1), measure(3, 2)]).await;
    let items =
        (Distance::BIG.min(), Distance::OPT_BIG.max(), Distance::OPT_BIG.coalesce(Distance::BIG).max());
    let found = Distance::repo(db.source()).find().select(items).one().await.unwrap();
    assert_eq!(found, (Some(Meters(-3)), Some(Meters(1)), Some(Meters(2))));
}

#[tokio::test]
async fn aggregates_stand_where_rows_are_aggregated() {
    let db = with([filled(1, 1)]).await;
    let repo = Measure::repo(db.source());
    let refused = |error: Error, with: &str| {
        assert_eq!(error.code(), ErrorCode::BadRequest, "{error:?}");
        assert!(error.to_string().contains(with), "{error}");
    };
    refused(repo.find().filter(count().gt(1)).all().await.unwrap_err(), "an aggregate");
    refused(repo.find().filter(Measure::INT.max().eq(1)).count().await.unwrap_err(), "an aggregate");
    refused(repo.find().order_by(count().asc()).all().await.unwrap_err(), "an aggregate");
    refused(repo.find().select(Measure::INT.sum().sum()).all().await.unwrap_err(), "an aggregate");
    let mixed = repo.find().select((count(), Measure::INT));
    refused(mixed.clone().all().await.unwrap_err(), "the column `measures.int`");
    refused(mixed.clone().exists().await.unwrap_err(), "the column `measures.int`");
    refused(mixed.count().await.unwrap_err(), "the column `measures.int`");
    let ordered = repo.find().select(count()).order_by(Measure::TEXT.asc());
    refused(ordered.all().await.unwrap_err(), "orders by the column `measures.text`");
}
