//! Sums and averages of decimals, which SQLite does not have.

use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::Decimal;

use crate::DB;

#[derive(Debug, Repository)]
#[kysera(table = "payments")]
struct Payment {
    #[kysera(id, assigned)]
    id: i64,
    amount: Decimal,
    tip: Option<Decimal>,
}

const PAYMENTS: Ddl = Ddl {
    postgres: "CREATE TABLE payments (id BIGINT PRIMARY KEY, amount NUMERIC(20, 2) NOT NULL, tip NUMERIC(20, 2))",
    mysql: "CREATE TABLE payments (id BIGINT PRIMARY KEY, amount DECIMAL(20, 2) NOT NULL, tip DECIMAL(20, 2))",
    ..Ddl::NONE
};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

async fn payments() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&PAYMENTS).await;
    let rows = [("0.10", None), ("0.20", Some("1.00")), ("90071992547409930.01", Some("0.01"))];
    let rows = rows.into_iter().zip(1..).map(|((amount, tip), id)| NewPayment {
        id,
        amount: decimal(amount),
        tip: tip.map(decimal),
    });
    Payment::repo(db.source()).insert_many(rows.collect::<Vec<_>>()).await.unwrap();
    db
}

#[tokio::test]
async fn decimals_add_up_exactly() {
    let db = payments().await;
    let repo = Payment::repo(db.source());
    let items = (Payment::AMOUNT.sum(), Payment::AMOUNT.max(), Payment::TIP.sum(), Payment::TIP.avg());
    let (sum, max, tips, avg) = repo.find().select(items.clone()).one().await.unwrap();
    assert_eq!(sum, Some(decimal("90071992547409930.31")));
    assert_eq!(max, Some(decimal("90071992547409930.01")));
    assert_eq!((tips, avg), (Some(decimal("1.01")), Some(decimal("0.505"))));
    let none = repo.find().filter(Payment::ID.eq(1)).select((Payment::TIP.sum(), Payment::TIP.avg()));
    assert_eq!(none.one().await.unwrap(), (None, None));
    let none = repo.find().filter(Payment::ID.eq(0)).select(items).one().await.unwrap();
    assert_eq!(none, (None, None, None, None));
}

#[tokio::test]
async fn decimals_compute() {
    let db = payments().await;
    let repo = Payment::repo(db.source());
    let items = (
        Payment::AMOUNT.plus(decimal("0.05")),
        Payment::AMOUNT.minus(decimal("1")).abs(),
        Payment::AMOUNT.times(decimal("2")),
        Payment::TIP.coalesce(decimal("0")),
        Payment::TIP.plus(Payment::AMOUNT),
        Payment::AMOUNT.cast::<f64>(),
        Payment::AMOUNT.cast::<String>(),
    );
    let found = repo.find().filter(Payment::ID.le(2)).order_by(Payment::AMOUNT.times(decimal("-1")).asc());
    let found = found.select(items).all().await.unwrap();
    let row = |plus, minus, times, tip, sum: Option<&str>, double, text: &str| {
        (
            decimal(plus),
            decimal(minus),
            decimal(times),
            decimal(tip),
            sum.map(decimal),
            double,
            text.to_owned(),
        )
    };
    let wanted = [
        row("0.25", "0.80", "0.40", "1.00", Some("1.20"), 0.2, "0.20"),
        row("0.15", "0.90", "0.20", "0", None, 0.1, "0.10"),
    ];
    assert_eq!(found, wanted);
    let groups = repo.find().select((Payment::TIP.coalesce(decimal("1")), Payment::AMOUNT.sum()));
    let groups = groups.group_by(Payment::TIP.coalesce(decimal("1")));
    assert_eq!(groups.count().await.unwrap(), 2);
    let tip = Payment::TIP.coalesce(decimal("1"));
    let groups = repo.find().select((tip.clone(), Payment::AMOUNT.sum())).group_by(tip.clone());
    let groups = groups.order_by(tip.desc()).limit(1).one().await.unwrap();
    assert_eq!(groups, (decimal("1"), Some(decimal("0.30"))));
}

#[tokio::test]
async fn groups_of_expressions_with_decimals() {
    let db = payments().await;
    let repo = Payment::repo(db.source());
    let tip = || Payment::TIP.coalesce(decimal("1.00"));
    let find = repo.find().select((tip(), kysera::expr::count())).group_by(tip()).order_by(tip().asc());
    assert_eq!(find.all().await.unwrap(), [(decimal("0.01"), 1), (decimal("1.00"), 2)]);
    // Equal, but not the same: the digits of what is answered differ.
    let unlike = repo.find().select(tip()).group_by(Payment::TIP.coalesce(decimal("1.0")));
    assert_eq!(unlike.all().await.unwrap_err().code(), kysera::ErrorCode::BadRequest);
}
