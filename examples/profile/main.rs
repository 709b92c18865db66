//! What a profile of a service looks like: a small shop whose handlers do what handlers do, one of them badly.
//!
//! ```text
//! cargo run --example profile -- profile.html
//! ```
//!
//! Prints the profile as a table, writes it as a page for a browser if a file is named, and says where rows are read one by one.

use std::sync::Arc;

use kysera::infra::Retry;
use kysera::observe::{NPlusOne, ProfileReport, Profiler};
use kysera::prelude::*;
use kysera::{Error, Result};

#[derive(Debug, Repository)]
#[kysera(table = "products")]
struct Product {
    #[kysera(id)]
    id: i64,
    #[kysera(unique)]
    name: String,
    stock: i64,
}

#[derive(Debug, Repository)]
#[kysera(table = "orders", has_many(lines = Line::ORDER_ID))]
struct Order {
    #[kysera(id)]
    id: i64,
    customer: String,
}

#[derive(Debug, Repository)]
#[kysera(table = "lines")]
struct Line {
    #[kysera(id)]
    id: i64,
    order_id: i64,
    product_id: i64,
    quantity: i64,
}

const TABLES: &str = "
    CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, stock INTEGER NOT NULL);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL);
    CREATE TABLE lines (
        id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, product_id INTEGER NOT NULL REFERENCES products,
        quantity INTEGER NOT NULL
    )";

const PRODUCTS: i64 = 2_000;
const ORDERS: i64 = 300;

#[tokio::main]
async fn main() -> Result<()> {
    let (profiler, loops) = (Arc::new(Profiler::new()), Arc::new(NPlusOne::new()));
    let report = run(&profiler, &loops).await?;
    println!("{report}");
    for finding in loops.findings() {
        println!("{finding}");
    }
    if let Some(file) = std::env::args().nth(1) {
        std::fs::write(&file, report.to_html()).map_err(Error::other)?;
        println!("the page is in {file}");
    }
    Ok(())
}

async fn run(profiler: &Arc<Profiler>, loops: &Arc<NPlusOne>) -> Result<ProfileReport> {
    let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    db.raw_sql(TABLES).await?;
    let db = db.observed_by(profiler.clone()).observed_by(loops.clone());

    let products = Product::repo(&db);
    products
        .insert_many((0..PRODUCTS).map(|n| NewProduct { name: format!("product {n}"), stock: 100 }))
        .await?;
    for order in 0..ORDERS {
        // Requests are tasks of their own, as in a server.
        tokio::spawn(request(db.clone(), order)).await.map_err(Error::other)??;
    }
    basket(&db).await?;
    Ok(profiler.report())
}

async fn request(db: Db<Sqlite>, order: i64) -> Result<()> {
    place_order(&db, order).await?;
    search(&db, order).await?;
    let taken = NewProduct { name: "product 0".into(), stock: 1 };
    if order % 10 == 0 && Product::repo(&db).create(taken).await.is_ok() {
        return Err(Error::other("a name was given twice"));
    }
    Ok(())
}

/// In one transaction, tried again if it has to be.
async fn place_order(db: &Db<Sqlite>, order: i64) -> Result<i64> {
    Retry::new()
        .transaction(db, |tx| async move {
            let new = NewOrder { customer: format!("customer {}", order % 20) };
            let order = Order::repo(&tx).create(new).await?;
            let lines = (0..3).map(|line| NewLine {
                order_id: order.id,
                product_id: 1 + (order.id * 7 + line) % PRODUCTS,
                quantity: line + 1,
            });
            let lines = Line::repo(&tx).create_many(lines).await?;
            for line in &lines {
                let product = Product::ID.eq(line.product_id);
                let stock = Product::STOCK.minus(line.quantity);
                Product::repo(&tx).find().filter(product).set(Product::STOCK, stock).execute().await?;
            }
            Ok(order.id)
        })
        .await
}

/// No index helps here.
async fn search(db: &Db<Sqlite>, order: i64) -> Result<u64> {
    Product::repo(db).find().filter(Product::NAME.contains(order.to_string())).count().await
}

/// Reads orders and their lines at once, and then each product by itself.
async fn basket(db: &Db<Sqlite>) -> Result<usize> {
    let orders = Order::repo(db).find().order_by(Order::ID.desc()).limit(50).with(Order::LINES).all().await?;
    let mut products = 0;
    for (_, lines) in &orders {
        for line in lines {
            products += usize::from(Product::repo(db).find_by_id(line.product_id).await?.is_some());
        }
    }
    Ok(products)
}

#[tokio::test]
async fn the_profile_names_what_is_slow_and_what_is_read_one_by_one() -> Result<()> {
    let (profiler, loops) = (Arc::new(Profiler::new()), Arc::new(NPlusOne::new()));
    let report = run(&profiler, &loops).await?;
    let by_name = |name: &str| report.operations.iter().find(|operation| operation.name == name);
    assert_eq!(by_name("orders.create").map(|operation| operation.statements), Some(ORDERS.unsigned_abs()));
    assert_eq!(
        by_name("products.create").map(|operation| operation.failed),
        Some(ORDERS.unsigned_abs() / 10)
    );
    assert_eq!(by_name("lines.load").map(|operation| operation.statements), Some(1));
    let findings = loops.findings();
    let [one_by_one] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((one_by_one.operation.method, one_by_one.caller.file()), ("find_by_id", file!()));
    assert!(report.to_html().contains("products.find_by_id"));
    Ok(())
}
