#![allow(unused)]

use std::time::Duration;

use kysera::prelude::*;

async fn connect() {
    let db = Db::<Sqlite>::builder().primary("a.db").replica("b.db").max_lag(Duration::from_secs(5)).connect().await;
}

fn main() {}
