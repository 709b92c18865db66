//! Every end of a query, and what its rows are in Rust.

use std::cmp::Ordering;
use std::fmt::Debug;

use futures_util::TryStreamExt;
use kysera::backend::{Backend, Dialect};
use kysera::expr::{Expression, Order};
use kysera::prelude::*;
use kysera::query::{Find, Shape};
use proptest::prelude::*;

use crate::DB;

/// How many cases; `KYSERA_CASES` asks for more.
pub(super) fn cases(usual: u32) -> u32 {
    std::env::var("KYSERA_CASES").map_or(usual, |cases| cases.parse().unwrap())
}

/// A value that is selected or ordered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Number(i64),
    Text(String),
}

/// `None` is NULL.
pub(super) type Cells = Vec<Option<Cell>>;

pub(super) fn number(number: impl Into<Option<i64>>) -> Option<Cell> {
    number.into().map(Cell::Number)
}

pub(super) fn words(text: impl Into<Option<String>>) -> Option<Cell> {
    text.into().map(Cell::Text)
}

/// A direction, and where NULLs stand: first, last or where the database puts them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    descending: bool,
    first: Option<bool>,
}

pub(super) fn way() -> impl Strategy<Value = Way> + Clone {
    (any::<bool>(), prop::option::of(any::<bool>())).prop_map(|(descending, first)| Way { descending, first })
}

impl Way {
    pub(super) fn order<E, T: Send + 'static>(self, expr: impl Expression<Entity = E, Out = T>) -> Order<E> {
        let expr = expr.into_expr();
        let order = if self.descending { expr.desc() } else { expr.asc() };
        match self.first {
            Some(true) => order.nulls_first(),
            Some(false) => order.nulls_last(),
            None => order,
        }
    }

    fn compare(self, a: &Option<Cell>, b: &Option<Cell>) -> Ordering {
        let native_first = (DB::DIALECT == Dialect::Postgres) == self.descending;
        match (a, b) {
            (Some(a), Some(b)) if self.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (None, None) => Ordering::Equal,
            (a, _) => {
                let first = self.first.unwrap_or(native_first);
                if a.is_none() == first { Ordering::Less } else { Ordering::Greater }
            }
        }
    }
}

/// What is asked of the ends of a query.
#[derive(Debug, Clone)]
pub(super) struct Part {
    limit: Option<u64>,
    offset: Option<u64>,
    pub(super) per_page: u64,
}

pub(super) fn part() -> impl Strategy<Value = Part> {
    (prop::option::of(0_u64..6), prop::option::of(0_u64..6), 1_u64..9)
        .prop_map(|(limit, offset, per_page)| Part { limit, offset, per_page })
}

/// Ends a query in every way. `wanted` are all rows, in their order.
pub(super) async fn ends<E, X, T>(
    find: Find<'_, E, Db<DB>, X>,
    show: impl Fn(X::Out) -> T,
    part: &Part,
    wanted: Vec<T>,
) -> Result<(), TestCaseError>
where
    E: kysera::entity::On<DB>,
    X: Shape<DB> + Clone,
    T: Debug + PartialEq + Clone,
{
    let (number, sql) = (wanted.len() as u64, find.to_sql());
    let told = |error: kysera::Error| TestCaseError::fail(format!("{error}: {error:?}\n{sql:?}"));
    let cut: Vec<T> = {
        let skip = part.offset.unwrap_or_default() as usize;
        wanted
            .iter()
            .skip(skip)
            .take(part.limit.map_or(usize::MAX, |limit| limit as usize))
            .cloned()
            .collect()
    };
    let limited = match part.limit {
        Some(limit) => find.clone().limit(limit),
        None => find.clone(),
    };
    let limited = match part.offset {
        Some(offset) => limited.offset(offset),
        None => limited,
    };
    let all: Vec<T> = limited.clone().all().await.map_err(told)?.into_iter().map(&show).collect();
    prop_assert_eq!(&all, &cut, "all {:?}", &sql);
    let streamed: Vec<X::Out> = limited.clone().stream().try_collect().await.map_err(told)?;
    prop_assert_eq!(&streamed.into_iter().map(&show).collect::<Vec<_>>(), &cut, "stream {:?}", &sql);
    let first = limited.clone().first().await.map_err(told)?.map(&show);
    prop_assert_eq!(first.as_ref(), cut.first(), "first {:?}", &sql);
    prop_assert_eq!(limited.clone().exists().await.map_err(told)?, !cut.is_empty(), "exists {:?}", &sql);
    prop_assert_eq!(limited.clone().count().await.map_err(told)?, number, "count {:?}", &sql);
    let (items, total) = limited.clone().find_and_count().await.map_err(told)?;
    let items: Vec<T> = items.into_iter().map(&show).collect();
    prop_assert_eq!((&items, total), (&cut, number), "find_and_count {:?}", &sql);
    limited.explain().await.map_err(told)?;
    let (mut paged, mut page) = (Vec::new(), 1);
    loop {
        let got = find.clone().page(PageRequest::new(page, part.per_page)).await.map_err(told)?;
        prop_assert_eq!(got.total, number, "page {:?}", &sql);
        let behind = page * part.per_page >= number;
        prop_assert_eq!(got.has_next, !behind);
        paged.extend(got.items.into_iter().map(&show));
        if behind {
            break;
        }
        page += 1;
    }
    prop_assert_eq!(&paged, &wanted, "pages {:?}", &sql);
    Ok(())
}

/// Sorts rows by their keys, and by what is unique about them.
pub(super) fn sorted<T>(mut rows: Vec<(Cells, T)>, ways: &[Way]) -> Vec<T> {
    rows.sort_by(|(a, _), (b, _)| {
        let keys = ways.iter().zip(a.iter().zip(b));
        keys.map(|(way, (a, b))| way.compare(a, b)).find(|found| found.is_ne()).unwrap_or(Ordering::Equal)
    });
    rows.into_iter().map(|(_, row)| row).collect()
}
