//! Decimals in the audit log keep all their digits.

use kysera::plugin::AuditTable;
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::Decimal;

use super::cases::audit::{at, source_at};
use crate::DB;

macro_rules! prices {
    ($module:ident, $($audit:tt)*) => {
        mod $module {
            use super::*;

            #[derive(Debug, Clone, PartialEq, Repository)]
            #[kysera(table = "prices")]
            #[kysera::plugin($($audit)*)]
            struct Price {
                #[kysera(id)]
                id: i64,
                price: Decimal,
                rebate: Option<Decimal>,
            }

            #[tokio::test]
            async fn they_are_put_back_exactly() {
                let db = Fixture::<DB>::new(&PRICES).await;
                let table = AuditTable::of::<Price>();
                table.create(db.source()).await.unwrap();
                let prices = Price::repo(source_at(&db, 1));
                let decimal = |text: &str| text.parse::<Decimal>().unwrap();
                let one = |price: &str, rebate: Option<&str>| NewPrice {
                    price: decimal(price),
                    rebate: rebate.map(decimal),
                };
                let digits = "1234567890123456789.01234567";
                let samples = [
                    one(digits, Some("-9999999999999999999.99999999")),
                    one("0", None),
                    one("1.50", Some("0.00000001")),
                    one("-0.1", Some("100000000000000000.1")),
                ];
                for sample in samples {
                    let stored = prices.create(sample).await.unwrap();
                    assert_eq!(prices.state_at(stored.id, at(1)).await.unwrap().as_ref(), Some(&stored));
                    prices.update(stored.id, PricePatch::new().price(decimal("7")).rebate(None)).await.unwrap();
                    let entry = prices.history(stored.id).first().await.unwrap().unwrap();
                    assert_eq!(prices.restore_from_audit(entry.id).await.unwrap(), stored);
                    prices.delete(stored.id).await.unwrap();
                    let entry = prices.history(stored.id).first().await.unwrap().unwrap();
                    assert_eq!(prices.restore_from_audit(entry.id).await.unwrap(), stored);
                }
                let stored = db.scalar::<i64>("SELECT COUNT(*) FROM prices WHERE price = 1234567890123456789.01234567");
                assert_eq!(stored.await, 1);
                if table == AuditTable::of::<Price>().chained() {
                    let report = table.verify_chain(db.source()).await.unwrap();
                    assert_eq!((report.entries, report.broken), (20, None));
                }
            }
        }
    };
}
prices!(plain, audit);
prices!(chained, audit(chain));

const PRICES: Ddl = Ddl {
    postgres: "CREATE TABLE prices (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price NUMERIC(28, 8) NOT NULL, rebate NUMERIC(28, 8))",
    mysql: "CREATE TABLE prices (
        id BIGINT AUTO_INCREMENT PRIMARY KEY, price DECIMAL(28, 8) NOT NULL, rebate DECIMAL(28, 8))",
    sqlite: "",
};
