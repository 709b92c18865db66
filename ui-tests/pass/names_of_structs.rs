//! Structs with the names of what generated code uses.
#![deny(warnings)]
#![allow(non_camel_case_types, non_snake_case)]

macro_rules! named {
    ($($name:ident),*) => {
        $(
            mod $name {
                #[derive(Debug, kysera::Repository)]
                pub(super) struct $name {
                    #[kysera(id)]
                    pub(super) id: i64,
                    pub(super) name: ::std::string::String,
                    pub(super) other: ::std::option::Option<i32>,
                }
            }
        )*

        fn main() {
            $(
                let row = $name::$name { id: 1, name: "x".into(), other: None };
                assert_eq!((row.id, row.name.as_str(), row.other), (1, "x", None));
                let _ = $name::$name::NAME.eq("x");
            )*
        }
    };
}

named!(
    Entity, Column, Repository, Source, Option, Vec, String, Result, New, Patch, Values, Meta, Cells, On, Guard,
    Backend, Scalar, C, S, DB, T, E, Default, Clone, Debug, Copy, bool, usize, str
);
