//! Names in other scripts.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Repository)]
pub struct Größe {
    #[kysera(id)]
    pub id: i64,
    pub länge: i32,
    pub straße: String,
    pub 名前: String,
    pub имя: Option<String>,
}

fn main() {
    let _ = GrößePatch::new().länge(1).名前("x").имя(None).straße("y");
    let _ = Größe::LÄNGE.eq(1) & Größe::名前.eq("x") & Größe::ИМЯ.is_null() & Größe::STRASSE.eq("y");
    assert_eq!(<Größe as Entity>::META.table, "größe");
}
