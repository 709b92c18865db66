//! Masks of a type that SQLite does not have.

use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::Decimal;

use crate::DB;
use crate::cases::staff::{Desk, Staff};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(version)]
#[kysera(table = "prices", context = Staff, backend(Postgres, MySql))]
struct Price {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(read_if = Self::ID.eq(Staff::ID), mask = Decimal::new(-1, 2))]
    net: Decimal,
    #[kysera(read_if = Self::ID.eq(Staff::ID))]
    discount: Option<Decimal>,
    version: i32,
}

const PRICES: Ddl = Ddl {
    postgres: "CREATE TABLE prices (id BIGINT PRIMARY KEY, net NUMERIC(12, 3) NOT NULL, discount NUMERIC(12, 3), version INT NOT NULL)",
    mysql: "CREATE TABLE prices (id BIGINT PRIMARY KEY, net DECIMAL(12, 3) NOT NULL, discount DECIMAL(12, 3), version INT NOT NULL)",
    ..Ddl::NONE
};

#[tokio::test]
async fn decimals_are_masked_added_up_and_saved() {
    let fixture = Fixture::<DB>::new(&PRICES).await;
    let db = fixture.source().clone().with_context(Staff { id: 1, desk: Desk::Sales, is_boss: false });
    let prices = Price::repo(&db);
    let number = |thousandths| Decimal::new(thousandths, 3);
    for id in [1, 2] {
        prices.create(NewPrice { id, net: number(12_345), discount: Some(number(1)) }).await.unwrap();
    }
    let (mine, masked) = (prices.get(1).await.unwrap(), prices.get(2).await.unwrap());
    assert_eq!((mine.net, mine.discount), (number(12_345), Some(number(1))));
    assert_eq!((masked.net, masked.discount), (Decimal::new(-1, 2), None));
    let sums = prices.find().select((Price::NET.sum(), Price::DISCOUNT.sum())).one().await.unwrap();
    assert_eq!(sums, (Some(number(12_335)), Some(number(1))));
    assert_eq!(
        prices.find().filter(Price::NET.eq(number(12_345))).select(Price::ID).all().await.unwrap(),
        [1]
    );
    assert_eq!(prices.save(&masked).await.unwrap(), Price { version: 2, ..masked });
    let system = fixture.source().unrestricted("what is there");
    let stored = Price::repo(&system).get(2).await.unwrap();
    assert_eq!((stored.net, stored.discount, stored.version), (number(12_345), Some(number(1)), 2));
}
