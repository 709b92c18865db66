//! A long struct.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Repository)]
pub struct Wide {
    #[kysera(id)]
    pub id: i64,
    pub c1: Option<String>,
    pub c2: Option<String>,
    pub c3: Option<String>,
    pub c4: Option<String>,
    pub c5: Option<String>,
    pub c6: Option<String>,
    pub c7: Option<String>,
    pub c8: Option<String>,
    pub c9: Option<String>,
    pub c10: Option<String>,
    pub c11: Option<String>,
    pub c12: Option<String>,
    pub c13: Option<String>,
    pub c14: Option<String>,
    pub c15: Option<String>,
    pub c16: Option<String>,
    pub c17: Option<String>,
    pub c18: Option<String>,
    pub c19: Option<String>,
    pub c20: Option<String>,
    pub c21: Option<String>,
    pub c22: Option<String>,
    pub c23: Option<String>,
    pub c24: Option<String>,
    pub c25: Option<String>,
    pub c26: Option<String>,
    pub c27: Option<String>,
    pub c28: Option<String>,
    pub c29: Option<String>,
    pub c30: Option<String>,
    pub c31: Option<String>,
    pub c32: Option<String>,
    pub c33: Option<String>,
    pub c34: Option<String>,
    pub c35: Option<String>,
    pub c36: Option<String>,
    pub c37: Option<String>,
    pub c38: Option<String>,
    pub c39: Option<String>,
    pub c40: Option<String>,
    pub c41: Option<String>,
    pub c42: Option<String>,
    pub c43: Option<String>,
    pub c44: Option<String>,
    pub c45: Option<String>,
    pub c46: Option<String>,
    pub c47: Option<String>,
    pub c48: Option<String>,
    pub c49: Option<String>,
    pub c50: Option<String>,
    pub c51: Option<String>,
    pub c52: Option<String>,
    pub c53: Option<String>,
    pub c54: Option<String>,
    pub c55: Option<String>,
    pub c56: Option<String>,
    pub c57: Option<String>,
    pub c58: Option<String>,
    pub c59: Option<String>,
}

fn main() {
    let _ = WidePatch::new().c1("x").c59(None);
    assert_eq!(<Wide as Entity>::META.columns.len(), 60);
}
