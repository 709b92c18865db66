//! Fields and structs with the names of keywords.
#![deny(warnings)]
#![allow(non_camel_case_types)]

use kysera::prelude::*;

#[derive(Repository)]
pub struct r#match {
    #[kysera(id)]
    pub r#type: i64,
    #[kysera(unique)]
    pub r#fn: String,
    pub r#struct: Option<String>,
    #[kysera(default)]
    pub r#async: bool,
    #[kysera(skip)]
    pub r#dyn: u8,
}

#[derive(Repository)]
#[kysera(unique(r#where, r#move, name = "odd"))]
pub struct Raw {
    #[kysera(id)]
    pub r#where: i64,
    #[kysera(id)]
    pub r#move: String,
}

fn main() {
    let _ = Newmatch { r#fn: "x".into(), r#struct: None, r#async: None };
    let _ = matchPatch::new().r#fn("x").r#struct(None).r#async(true);
    let _ = r#match::TYPE.eq(1) & r#match::FN.eq("x") & r#match::STRUCT.is_null() & r#match::ASYNC.eq(true);
    let meta = <r#match as Entity>::META;
    assert_eq!((meta.entity, meta.table), ("match", "match"));
    assert_eq!(meta.columns.iter().map(|column| column.name).collect::<Vec<_>>(), ["type", "fn", "struct", "async"]);
    assert_eq!(<Raw as Entity>::META.unique[0].columns, [0, 1]);
}
