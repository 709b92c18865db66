//! Random expressions over items, and what they are in Rust.

use kysera::Expr;
use kysera::expr::{Expression, IntoOperand};
use proptest::prelude::*;

use super::entities::Item;

/// A number that can be asked for and evaluated: `qty`, and what is computed of it.
#[derive(Debug, Clone)]
pub(super) enum Number {
    Qty,
    Abs(Box<Number>),
    Computed(Box<Number>, Sign, NumberArg),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Sign {
    Plus,
    Minus,
    Times,
}

/// The other side.
#[derive(Debug, Clone)]
pub(super) enum NumberArg {
    Value(Option<i32>),
    Number(Box<Number>),
    Coalesced(Box<Number>, i32),
}

pub(super) fn number() -> impl Strategy<Value = Number> {
    let sign = || prop::sample::select(vec![Sign::Plus, Sign::Minus, Sign::Times]);
    Just(Number::Qty).prop_recursive(3, 6, 2, move |number| {
        let arg = prop_oneof![
            prop::option::weighted(0.9, -2..3).prop_map(NumberArg::Value),
            number.clone().prop_map(|number| NumberArg::Number(number.into())),
            (number.clone(), -2..3).prop_map(|(number, or)| NumberArg::Coalesced(number.into(), or)),
        ];
        prop_oneof![
            number.clone().prop_map(|number| Number::Abs(number.into())),
            (number, sign(), arg).prop_map(|(left, sign, right)| Number::Computed(left.into(), sign, right)),
        ]
    })
}

pub(super) fn number_arg() -> impl Strategy<Value = NumberArg> {
    prop_oneof![
        number().prop_map(|number| NumberArg::Number(number.into())),
        (number(), -2..3).prop_map(|(number, or)| NumberArg::Coalesced(number.into(), or)),
    ]
}

/// Hands the argument over as what it is: each kind has a type of its own.
macro_rules! with_arg {
    ($arg:expr, |$name:ident| $use:expr) => {
        match $arg {
            NumberArg::Value(value) => {
                let $name = *value;
                $use
            }
            NumberArg::Number(number) => {
                let $name = number.expr();
                $use
            }
            NumberArg::Coalesced(number, or) => {
                let $name = number.expr().coalesce(*or);
                $use
            }
        }
    };
}
pub(super) use with_arg;

impl Number {
    pub(super) fn expr(&self) -> Expr<Item, Option<i32>> {
        fn computed<M: kysera::expr::operand::NoNewNull>(
            left: Expr<Item, Option<i32>>,
            sign: Sign,
            right: impl IntoOperand<Item, Option<i32>, M>,
        ) -> Expr<Item, Option<i32>> {
            match sign {
                Sign::Plus => left.plus(right),
                Sign::Minus => left.minus(right),
                Sign::Times => left.times(right),
            }
        }
        match self {
            Number::Qty => Item::QTY.into_expr(),
            Number::Abs(number) => number.expr().abs(),
            Number::Computed(left, sign, right) => {
                let left = left.expr();
                with_arg!(right, |right| computed(left, *sign, right))
            }
        }
    }

    pub(super) fn of(&self, row: &Item) -> Option<i32> {
        match self {
            Number::Qty => row.qty,
            Number::Abs(number) => number.of(row).map(i32::abs),
            Number::Computed(left, sign, right) => {
                let (left, right) = (left.of(row)?, right.of(row)?);
                Some(match sign {
                    Sign::Plus => left + right,
                    Sign::Minus => left - right,
                    Sign::Times => left * right,
                })
            }
        }
    }
}

impl NumberArg {
    pub(super) fn of(&self, row: &Item) -> Option<i32> {
        match self {
            NumberArg::Value(value) => *value,
            NumberArg::Number(number) => number.of(row),
            NumberArg::Coalesced(number, or) => number.of(row).or(Some(*or)),
        }
    }
}

/// A text that can be asked for and evaluated. Nothing that is not ASCII is in capitals, so that all databases have the
/// same small letters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text {
    Code,
    Lower,
    /// Where it is NULL, this.
    Coalesced(&'static str),
    LowerCoalesced(&'static str),
}

impl Text {
    pub(super) fn of(self, row: &Item) -> Option<String> {
        let lower = row.code.as_ref().map(|code| code.to_ascii_lowercase());
        match self {
            Text::Code => row.code.clone(),
            Text::Lower => lower,
            Text::Coalesced(or) => row.code.clone().or(Some(or.into())),
            Text::LowerCoalesced(or) => lower.or(Some(or.into())),
        }
    }
}

pub(super) fn text(texts: &'static [&'static str]) -> impl Strategy<Value = Text> {
    let other = || prop::sample::select(texts);
    prop_oneof![
        Just(Text::Code),
        Just(Text::Lower),
        other().prop_map(Text::Coalesced),
        other().prop_map(Text::LowerCoalesced),
    ]
}

/// Whether a text fits a pattern of LIKE.
pub(super) fn is_like(text: &[char], pattern: &[char]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        (['%', rest @ ..], text) => (0..=text.len()).any(|from| is_like(&text[from..], rest)),
        (['_', rest @ ..], [_, text @ ..]) => is_like(text, rest),
        (['\\', literal, rest @ ..] | [literal, rest @ ..], [first, text @ ..]) => {
            literal == first && is_like(text, rest)
        }
        _ => false,
    }
}
