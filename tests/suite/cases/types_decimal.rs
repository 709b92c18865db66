//! Decimals, which SQLite does not have; the struct need not say so.

use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::Decimal;

use crate::DB;
use crate::cases::types_engine::{Group, group, round_trip, upserts};

const PRICES: Ddl = Ddl {
    postgres: "CREATE TABLE prices (id BIGINT PRIMARY KEY, free NUMERIC NOT NULL, money NUMERIC(12, 2) NOT NULL,
        opt_money NUMERIC(12, 2))",
    mysql: "CREATE TABLE prices (id BIGINT PRIMARY KEY, free DECIMAL(38, 8) NOT NULL, money DECIMAL(12, 2) NOT NULL,
        opt_money DECIMAL(12, 2))",
    ..Ddl::NONE
};

group! {
    Prices NewPrices PricesPatch "prices" {
        free FREE: Decimal,
        money MONEY: Decimal,
        opt_money OPT_MONEY: Option<Decimal>,
    }
}

fn prices(id: i64, free: &str, money: &str) -> Prices {
    let money: Decimal = money.parse().unwrap();
    Prices { id, free: free.parse().unwrap(), money, opt_money: Some(money) }
}

#[tokio::test]
async fn decimals_come_back_as_they_were() {
    let db = Fixture::<DB>::new(&PRICES).await;
    let repo = Prices::repo(db.source());
    // With the digits that the columns have: a decimal remembers its trailing zeros.
    let rows = [
        Prices { opt_money: None, ..prices(1, "1.00000000", "1.00") },
        prices(2, "0.00000001", "0.01"),
        prices(3, "-12345678901234567890.12345678", "-9999999999.99"),
        prices(4, "99999999999999999999.99999999", "9999999999.99"),
        prices(5, "0.10000000", "0.10"),
    ];
    round_trip(&repo, &rows, Prices::COLUMNS).await;
    upserts(&repo, &rows, Prices::ID).await;
}

#[tokio::test]
async fn digits_beyond_the_scale_are_rounded_and_beyond_the_precision_refused() {
    let db = Fixture::<DB>::new(&PRICES).await;
    let repo = Prices::repo(db.source());
    let stored = repo.create(prices(1, "0", "1.005").to_new()).await.unwrap();
    assert_eq!(stored.money, "1.01".parse().unwrap(), "the database rounds, and the answer shows it");
    assert!(repo.create(prices(2, "0", "12345678901.00").to_new()).await.is_err());
}

#[tokio::test]
async fn what_a_decimal_cannot_hold_is_an_error() {
    let db = Fixture::<DB>::new(&PRICES).await;
    let repo = Prices::repo(db.source());
    let values: &[&str] = match DB::DIALECT {
        Dialect::Postgres => &["'NaN'", "1e40"],
        _ => &["999999999999999999999999999999"], // 38 digits, and a Decimal holds 28
    };
    for value in values {
        db.execute(&format!("INSERT INTO prices (id, free, money) VALUES (1, {value}, 1)")).await;
        let error = repo.get(1).await.unwrap_err();
        assert!(matches!(error, kysera::Error::Decode { entity: "Prices", column: "free", .. }), "{error:?}");
        db.execute("DELETE FROM prices").await;
    }
}

crate::cases::outside_types::compares!(filters_from_outside(
    Decimal; "NUMERIC(30, 10)", "DECIMAL(30, 10)", "TEXT";
    prices(1, "0", "0.1").money => 0.1, prices(1, "0", "123456789012345678.0123456789").money
        => "123456789012345678.0123456789";
    refused "x", "", true, 1e30, 1e308, 5e-324, "0.00000000000000000000000000001", "123456789012345678.0123456789123",
        [1]
));
