//! Names that generated code uses itself.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Debug, Clone, PartialEq, Repository)]
pub struct Odd {
    #[kysera(id)]
    pub id: i64,
    pub source: String,
    pub result: String,
    pub self_: String,
    pub filter: String,
    pub new: String,
    pub value: Option<i64>,
    pub column: i32,
    pub cells: i32,
    pub default: i32,
    pub clone: i32,
    pub part: i32,
    pub meta: i32,
    pub texts: i32,
    pub table: i32,
    pub columns: i32,
    pub is_empty: i32,
    pub validate: i32,
    pub text_cache: i32,
    pub decode: i32,
    pub id_value: i32,
    pub repo: i32,
    pub f: i32,
    pub _x: i32,
    pub __y: i32,
    pub a1: i32,
    pub a_1: i32,
}

fn main() {
    let patch = <OddPatch as Default>::default().new("x").default(1).clone(2).is_empty(3).validate(4).source("s");
    assert!(!kysera::entity::Patch::is_empty(&patch));
    assert_eq!(Clone::clone(&patch).default, Some(1));
    assert_eq!(Validate::validate(&patch), Ok(()));
    let _ = Odd::NEW.eq("x") & Odd::META.eq(1) & Odd::VALUE.is_null() & Odd::_X.eq(1) & Odd::__Y.eq(2);
    let _ = Odd::A1.eq(1) & Odd::A_1.eq(2) & Odd::TABLE.eq(1) & Odd::TEXTS.eq(1);
    assert_eq!(<Odd as Entity>::META.columns.len(), 27);
}
