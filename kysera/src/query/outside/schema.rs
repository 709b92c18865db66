use std::marker::PhantomData;

use super::parse::Parser;
use super::{sort, strict};
use crate::entity::Entity;
use crate::error::Result;
use crate::expr::{Filter, Order};

/// What the world outside may filter and sort by, made by `User::query_schema()`: turns JSON and sort strings that
/// nobody vouches for into a [`Filter`] and [`Order`]s.
///
/// It knows the fields that are marked `#[kysera(filterable)]` and `#[kysera(sortable)]`, by their names or by those of
/// `filterable = ".."` and `sortable = ".."`. For any other name the answer is the same, whether there is such a column
/// or not. Values are read strictly as the field's type and bound; nothing of the input gets into the SQL.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// use kysera::prelude::*;
///
/// #[derive(Repository, serde::Serialize)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     #[kysera(filterable, sortable)]
///     name: String,
///     #[kysera(filterable = "maxAge", sortable = "maxAge")]
///     max_age: Option<i32>,
///     secret: String,
/// }
///
/// /// `/users?filter={"name":{"$startsWith":"A"}}&sort=-maxAge,name`, as `axum::extract::Query` reads it.
/// #[derive(serde::Deserialize)]
/// struct Search {
///     filter: Option<String>,
///     #[serde(default)]
///     sort: String,
/// }
///
/// async fn search(users: &UserRepository<Db<Sqlite>>, search: Search) -> kysera::Result<Vec<User>> {
///     let schema = User::query_schema();
///     let filter = search.filter.map(|filter| schema.filter_str(&filter)).transpose()?;
///     let order = schema.sort(&search.sort)?;
///     users.find().filter_opt(filter).order_by_all(order).limit(50).all().await
/// }
/// # }
/// ```
///
/// # Filters
///
/// An object of fields. What stands there together must hold together: several fields, and several operators of a
/// field. `{}` keeps every row.
///
/// | input | keeps rows whose field |
/// |---|---|
/// | `{"age": 18}`, `{"age": {"$eq": 18}}` | equals the value |
/// | `{"age": null}` | is NULL |
/// | `$ne` | does not equal the value; with `null`: is not NULL |
/// | `$gt`, `$gte`, `$lt`, `$lte` | is greater, greater or equal, less, less or equal |
/// | `$between: [18, 30]` | lies between the two or equals one of them |
/// | `$in: [1, 2]`, `$nin: [1, 2]` | is one of the values, is none of them; `$in: []` keeps nothing, `$nin: []` everything |
/// | `$isNull: true`, `$isNotNull: true` | is NULL, is not NULL; the other way round with `false` |
/// | `$contains`, `$startsWith`, `$endsWith` | is a text that contains, starts with, ends with this one; no wildcards |
/// | `$like`, `$ilike` | is a text that fits the pattern of `%`, `_` and `\`; `$ilike` whatever the case of letters |
/// | `{"age": {"$not": {"$gt": 18}}}` | does not do what the rest says |
///
/// `{"$or": [{..}, {..}]}` and `{"$and": [..]}` combine objects, `{"$not": {..}}` negates one; they nest. As in SQL, a
/// NULL is neither equal nor unequal to a value: rows with NULL match neither `{"age": {"$gt": 18}}` nor its negation.
/// What case means to `$like`, `$contains` and the like says [`Column`](crate::Column).
///
/// # Values
///
/// A field takes values of its column's type, and nothing that would have to be converted: no `"18"` for a number, no `1`
/// for `true`, no `18.0` for an integer.
///
/// | type | is written as |
/// |---|---|
/// | integers | a number without a point that the type can hold |
/// | `f32`, `f64` | a number that the type can hold; an `f32` is rounded to |
/// | `Decimal` | a number, or the text of one; the text keeps digits that a double would lose |
/// | `bool` | `true`, `false` |
/// | texts | a text without NUL |
/// | `Uuid` | a text |
/// | dates and times of `chrono` and `time` | RFC 3339: `"2024-12-31T23:59:59Z"`; without offset where the type has none, `"2024-12-31"` and `"23:59:59"` for a date and a time; years 0 to 9999 |
/// | `Vec<u8>`, arrays of PostgreSQL | a list, of numbers from 0 to 255 for bytes; compared as a whole |
/// | JSON documents ([`JsonDocument`](crate::expr::JsonDocument)) | `null`, by `$eq`, `$ne`, `$isNull` and `$isNotNull` alone |
/// | enums, newtypes, other types | what their `Deserialize` takes, such as the name of a variant as `#[serde(rename)]` has it |
///
/// A newtype over a type of `time` has serde's form of that, which is a list of numbers, unless it says otherwise, as with
/// `#[serde(with = "time::serde::rfc3339")]`. SQLite keeps dates and times as texts and compares those: store them in UTC and
/// in one form. What order the values of an enum have is that of their form in the database.
///
/// # Bounds
///
/// | bound | default |
/// |---|---|
/// | [`max_depth`](QuerySchema::max_depth): objects and negations within each other | 8 |
/// | [`max_conditions`](QuerySchema::max_conditions): comparisons in all | 100 |
/// | [`max_list`](QuerySchema::max_list): values of a list | 100 |
/// | [`max_text`](QuerySchema::max_text): characters of a text | 1000 |
/// | [`max_sort_keys`](QuerySchema::max_sort_keys): fields to sort by | 8 |
///
/// They bound the statement. How large a request may be, and how many rows come back, is yours to bound. What a filter
/// costs is the database's: mark fields that an index serves, and no text that is long.
///
/// # Errors
///
/// What is refused is [`Error::Invalid`](crate::Error::Invalid), which says where (`$or[1].age.$gte`, `sort[1]`) and
/// repeats nothing of the input but names of fields and operators, cut short. It lists the first 20 mistakes. The `code`
/// of a mistake is one of `unknown_field`, `unknown_operator`, `wrong_value`, `wrong_shape`, `duplicate`, `limit`,
/// `syntax`.
pub struct QuerySchema<E> {
    bounds: Bounds,
    entity: PhantomData<fn() -> E>,
}

/// How much of it is too much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) depth: usize,
    pub(super) conditions: usize,
    pub(super) list: usize,
    pub(super) text: usize,
    pub(super) sort_keys: usize,
}

impl<E> Clone for QuerySchema<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for QuerySchema<E> {}

impl<E: Entity> std::fmt::Debug for QuerySchema<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names =
            |marked: &[(usize, &'static str)]| marked.iter().map(|(_, name)| *name).collect::<Vec<_>>();
        f.debug_struct("QuerySchema")
            .field("filterable", &names(E::META.filterable))
            .field("sortable", &names(E::META.sortable))
            .field("bounds", &self.bounds)
            .finish()
    }
}

impl<E> QuerySchema<E> {
    #[doc(hidden)]
    pub const fn new() -> Self {
        let bounds = Bounds { depth: 8, conditions: 100, list: 100, text: 1000, sort_keys: 8 };
        Self { bounds, entity: PhantomData }
    }

    #[cfg(test)]
    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// How deep objects and negations may stand within each other; the outermost object counts. 8 by default. The parser
    /// of JSON itself stops at 128.
    #[must_use]
    pub const fn max_depth(mut self, depth: usize) -> Self {
        self.bounds.depth = depth;
        self
    }

    /// How many comparisons a filter may have in all. 100 by default. SQLite refuses statements with more than about a
    /// thousand.
    #[must_use]
    pub const fn max_conditions(mut self, conditions: usize) -> Self {
        self.bounds.conditions = conditions;
        self
    }

    /// How many values `$in` and `$nin` may have. 100 by default.
    #[must_use]
    pub const fn max_list(mut self, values: usize) -> Self {
        self.bounds.list = values;
        self
    }

    /// How many characters a text may have. 1000 by default. SQLite refuses patterns of more than 50 000 bytes.
    #[must_use]
    pub const fn max_text(mut self, characters: usize) -> Self {
        self.bounds.text = characters;
        self
    }

    /// How many fields may be sorted by at once. 8 by default.
    #[must_use]
    pub const fn max_sort_keys(mut self, keys: usize) -> Self {
        self.bounds.sort_keys = keys;
        self
    }
}

impl<E: Entity> QuerySchema<E> {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) with each mistake that the input has.
    pub fn filter(&self, input: &serde_json::Value) -> Result<Filter<E>> {
        Ok(Filter::of(Parser::new(E::META, self.bounds).parse(input)?))
    }

    /// Reads a filter from the text of its JSON. A name that an object has twice is refused.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the text is no JSON, or with each mistake that the input has.
    pub fn filter_str(&self, input: &str) -> Result<Filter<E>> {
        self.filter(&strict::parse(input)?)
    }

    /// Reads an order: fields with commas between them, each with a `-` in front if the largest comes first, or a `+`,
    /// which means nothing. Spaces do not matter. An empty text is no order.
    ///
    /// NULLs stand where the database puts them, as by [`Column::asc`](crate::Column::asc). Rows that are equal in all
    /// of these fields come as the database likes: add a unique column with
    /// [`order_by`](crate::query::Find::order_by).
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) with each mistake that the input has.
    pub fn sort(&self, input: &str) -> Result<Vec<Order<E>>> {
        let keys = sort::parse(E::META, self.bounds, input)?;
        Ok(keys.into_iter().map(|(term, descending)| Order::new(term, descending)).collect())
    }
}
