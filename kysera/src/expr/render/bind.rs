use std::sync::Arc;

use sqlx::error::BoxDynError;

use crate::backend::Backend;
use crate::expr::value::{AnyValue, COVERED, Codec, Value};

/// An argument.
pub(super) enum Bind<'v> {
    Value(&'static Codec, &'v AnyValue),
    Array(&'static Codec, Vec<&'v AnyValue>),
    /// Of a filter or an expression, which need not outlive the statement.
    Shared(&'static Codec, Value),
    SharedArray(&'static Codec, Arc<[Value]>),
    Text(String),
    Integer(i64),
    /// The text is made for a cache, its arguments come each time anew.
    Elsewhere,
}

impl Bind<'_> {
    /// As people read it.
    pub(super) fn shown(&self) -> Option<String> {
        let several = |codec: &Codec, values: &mut dyn Iterator<Item = &AnyValue>| {
            if codec.sensitive {
                return COVERED.into();
            }
            format!("[{}]", values.map(|value| codec.shown(value)).collect::<Vec<_>>().join(", "))
        };
        Some(match self {
            Self::Value(codec, value) => codec.shown(*value),
            Self::Shared(codec, value) => codec.shown(&**value),
            Self::Array(codec, values) => several(codec, &mut values.iter().copied()),
            Self::SharedArray(codec, values) => several(codec, &mut values.iter().map(|value| &**value)),
            Self::Text(text) => format!("{text:?}"),
            Self::Integer(number) => number.to_string(),
            Self::Elsewhere => return None,
        })
    }
    /// Adds it to the others.
    pub(super) fn add<DB: Backend>(&self, args: &mut DB::Arguments) -> Result<(), BoxDynError> {
        match self {
            Self::Value(codec, value) => DB::bind(codec, *value, args),
            Self::Shared(codec, value) => DB::bind(codec, &**value, args),
            Self::Array(codec, values) => DB::bind_array(codec, values, args),
            Self::SharedArray(codec, values) => {
                let values: Vec<&AnyValue> = values.iter().map(|value| &**value).collect();
                DB::bind_array(codec, &values, args)
            }
            Self::Text(text) => DB::bind(crate::__private::codec!(String), text, args),
            Self::Elsewhere => Ok(()),
            Self::Integer(number) => DB::bind(crate::__private::codec!(i64), number, args),
        }
    }
}
