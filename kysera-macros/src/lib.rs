//! The macros of [kysera](https://docs.rs/kysera): `#[derive(Repository)]`, `#[derive(Projection)]`,
//! `#[derive(Claims)]` and `#[kysera::plugin(..)]`.
//!
//! Use them through kysera, which re-exports them and pins this crate's version: generated code calls its private
//! parts.

mod attr;
mod claims;
mod diag;
mod expand;
#[cfg(feature = "testing")]
mod factory;
mod model;
mod plugin;
mod projection;
mod schema;
mod sql;
#[cfg(feature = "testing")]
mod test;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a struct with named fields the entity of a table: one field per column, one struct per row.
///
/// ```
/// use kysera::prelude::*;
///
/// /// Somebody with an account.
/// #[derive(Debug, Repository)]
/// #[kysera(table = "users", unique(tenant, email, name = "users_email_key"))]
/// pub struct User {
///     #[kysera(id)]
///     pub id: i64,
///     pub tenant: i64,
///     pub email: String,
///     pub bio: Option<String>,
///     #[kysera(default)]
///     pub role: i32,
///     #[kysera(read_only)]
///     pub visits: i64,
///     #[kysera(skip)]
///     pub cached: Vec<u8>,
/// }
///
/// // What the database requires is a plain field; forgetting it does not compile.
/// let new = NewUser { tenant: 1, email: "ada@example.org".into(), bio: None, role: None };
/// // What is not set stays as it is; `bio(None)` writes NULL.
/// let patch = UserPatch::new().email("ada@example.net").bio(None);
/// // Columns are typed constants.
/// let filter = User::EMAIL.ends_with("@example.org") & User::BIO.is_null();
/// # let _ = (new, patch, filter);
/// ```
///
/// # What it makes
///
/// | item | what it is |
/// |---|---|
/// | `NewUser` | what it takes to create a row: `Clone` and `Debug` |
/// | `UserPatch` | what an update changes: an `Option` per column, `new()`, and a setter per column; `Clone`, `Debug` and `Default` |
/// | `UserRepository<S>` | the repository over a source; its methods are those of the trait `Repository`. It is a type of your crate, so you can add methods of your own |
/// | `User::repo(source)` | makes one |
/// | `User::EMAIL`, .. | a `Column<User, String>` per column: the field's name in capital letters |
/// | `User::POSTS`, .. | a constant per [relation](#relations) |
/// | `UserConstraint`, `UserFinders` | with a [snapshot of the schema](#the-snapshot-of-the-schema) alone |
///
/// All of it has the struct's visibility; the fields of `NewUser` and `UserPatch` have the visibility and the docs of
/// the row's fields. Field types need `Clone` and `Debug`, and what `sqlx` asks of a column (`Type`, `Encode`,
/// `Decode`); keys need `Eq` and `Hash` as well. The struct cannot be generic.
///
/// # On the struct: `#[kysera(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `table = ".."` | the table; by default the struct's name in snake case, as it stands: `OrderItem` is `order_item`, nothing is put into the plural |
/// | `schema = ".."` | the table's schema (on MySQL: its database); by default none, so that the connection decides |
/// | `rename_all = ".."` | how columns are named after fields, in serde's spellings: `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE`; by default the field's name |
/// | `unique(a, b)`, `unique(a, b, name = "..")` | a unique key of these fields, and the constraint's name, by which violations and upserts find it; may be repeated |
/// | `has_many(..)`, `has_one(..)` | [relations](#relations); may be repeated |
/// | `backend(Postgres, Sqlite)` | the databases it lives on: `Postgres`, `MySql`, `Sqlite`. A field whose type one of them lacks is an error at that field. By default it lives wherever its types do |
/// | `columns = UserColumns` | puts the constants on a unit struct of that name, which the derive declares, for structs that have constants of their own |
/// | `new(derive(..))`, `patch(derive(..))` | more derives for `NewUser` and `UserPatch` |
/// | `context = Principal` | (with the plugin `rls`: an option of it) only sources with this [context](https://docs.rs/kysera/latest/kysera/struct.Db.html#method.with_context) reach it, and those of `Db::unrestricted`: others do not compile, and a filter of another entity that leads to it is refused before it is sent. Which rows a context sees is not its affair |
/// | `schema_file = ".."`, `schema_file = off` | the [snapshot of the schema](#the-snapshot-of-the-schema), relative to `Cargo.toml`, or none |
/// | `partial` | the table has columns that a row needs and the struct leaves out: rows are made elsewhere. For the snapshot alone |
/// | `validate` | leaves `impl Validate` for both to you |
/// | `crate = path` | where kysera is, if not at `::kysera` |
///
/// With `serde::Deserialize` among the derives of a patch, what is absent stays as it is and `null` is NULL; a `null`
/// for a column that takes none is refused. With `serde::Serialize` what is absent is left out.
///
/// # On fields: `#[kysera(..)]`
///
/// | key | meaning | in `NewUser` | in `UserPatch` |
/// |---|---|---|---|
/// | none | an ordinary column | as it is | yes |
/// | `id` | the primary key, generated by the database | no | no |
/// | `id, assigned` | a primary key that the client gives | as it is | no |
/// | `id, default` | a primary key that the client may give | `Option` | no |
/// | `id` on several fields | a composite key: the client gives its parts, except those with `default` | as it is | no |
/// | `default` | the database has a default | `Option` | yes |
/// | `read_only` | the database fills it, always | no | no |
/// | `skip` | no column; rows get the type's `Default` | no | no |
/// | `unique`, `unique = ".."` | a unique key of this column, and its constraint's name | | |
/// | `rename = ".."` | the column's name | | |
/// | `filterable`, `filterable = ".."` | filters from outside may use it, by the field's name or by this one | | |
/// | `sortable`, `sortable = ".."` | orders from outside may use it, by the field's name or by this one | | |
/// | `belongs_to(..)` | a [relation](#relations) by this column; may be repeated | | |
/// | `sensitive` | values for nobody's eyes: neither the log of the plugin `audit` nor an observer of statements is told them | | |
/// | `read_if = ..`, `mask = ..` | [who may read it](#who-may-read-and-write-a-field), and what the others read | | |
/// | `write_if = ..` | [who may write it](#who-may-read-and-write-a-field) | | |
///
/// The struct's `Id` is the type of its key, or a tuple of them in the order of the fields. MySQL generates integers
/// only: other keys must be the client's there.
///
/// # Who may read and write a field
///
/// | key | meaning |
/// |---|---|
/// | `read_if = filter` | where the filter holds for the row, the field is read as it is; elsewhere as the `mask` |
/// | `mask = value` | what is read instead, a value of the field's type; by default NULL, which takes an `Option` |
/// | `write_if = filter` | a write of the field is denied where the filter does not hold for the row |
///
/// A filter is one on this struct, about the row and about who asks: the claims of its context. So the struct names a context, with
/// the key `context` or with the plugin [`rls`](macro@plugin#who-may-do-what-rls). The program itself, `Db::unrestricted`, reads and
/// writes all.
///
/// What somebody may not read does not help them either: filters, orders and groups see the mask, as the row has it. Neither key can
/// stand on a field that plugins write; a key takes neither, and `read_only` no `write_if`. `Option` is known by this name: a field
/// whose type is another name for one takes `mask = None`.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::Claims;
/// use kysera::prelude::*;
///
/// #[derive(Claims)]
/// struct Principal {
///     user_id: i64,
///     is_hr: bool,
/// }
///
/// #[derive(Debug, Repository)]
/// #[kysera(table = "employees", context = Principal)]
/// struct Employee {
///     #[kysera(id, assigned)]
///     id: i64,
///     #[kysera(
///         read_if = Employee::ID.eq(Principal::USER_ID) | Principal::IS_HR.holds(),
///         write_if = Principal::IS_HR.holds()
///     )]
///     salary: Option<i64>,
///     #[kysera(read_if = Principal::IS_HR.holds(), mask = "***")]
///     iban: String,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql(
///     "CREATE TABLE employees (id INTEGER PRIMARY KEY, salary INTEGER, iban TEXT NOT NULL);
///      INSERT INTO employees VALUES (1, 500, 'DE1'), (2, 700, 'DE2')",
/// )
/// .await?;
/// let ada = db.clone().with_context(Principal { user_id: 1, is_hr: false });
/// let found = Employee::repo(&ada).find().order_by(Employee::ID.asc()).all().await?;
/// assert_eq!(found.iter().map(|row| row.salary).collect::<Vec<_>>(), [Some(500), None]);
/// assert!(found.iter().all(|row| row.iban == "***"));
///
/// let raise = Employee::repo(&ada).update(1, EmployeePatch::new().salary(900)).await;
/// assert!(matches!(raise, Err(kysera::Error::Denied { .. })));
/// let hr = db.with_context(Principal { user_id: 3, is_hr: true });
/// assert_eq!(Employee::repo(&hr).update(1, EmployeePatch::new().salary(900)).await?.salary, Some(900));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// # Filters and orders from outside
///
/// With a field that is `filterable` or `sortable` there is `User::query_schema()`, a `kysera::QuerySchema<User>`, which
/// turns the JSON and the sort string of a request into a `Filter<User>` and an order. It has the struct's visibility.
/// The type of a `filterable` field needs serde's `Deserialize`, by which values are read, and `Serialize`.
///
/// ```
/// use kysera::prelude::*;
///
/// #[derive(Repository)]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     #[kysera(filterable, sortable)]
///     name: String,
///     #[kysera(filterable = "maxAge")]
///     max_age: Option<i32>,
///     secret: String,
/// }
///
/// let schema = User::query_schema();
/// let filter = schema.filter_str(r#"{"name": {"$startsWith": "A"}, "maxAge": {"$gte": 18}}"#)?;
/// let order = schema.sort("-name")?;
/// // One answer for what is not marked and for what is not there.
/// let error = schema.filter_str(r#"{"$or": [{"maxAge": 18}, {"secret": "x"}]}"#).err();
/// let message = "the input is not valid: $or[1].secret: there is no field `secret` here";
/// assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(message));
/// # let _ = (filter, order);
/// # Ok::<(), kysera::Error>(())
/// ```
///
/// # Relations
///
/// Each relation is a constant beside those of the columns, its name in capital letters: `User::POSTS`. What can be done
/// with it, loads, joins, filters and orders, is in the docs of the module `relation`.
///
/// | key | stands on | meaning |
/// |---|---|---|
/// | `has_many(posts = Post::AUTHOR_ID)` | the struct | the rows of `Post` whose column `author_id` has this row's key |
/// | `has_one(profile = Profile::USER_ID)` | the struct | the one row of `Profile`, at most |
/// | `has_many(posts = Post::AUTHOR, key = email)` | the struct | by another column than the key; needed where the key has several columns |
/// | `has_many(tags = Tag::ID, through(PostTag::POST_ID, PostTag::TAG_ID))` | the struct | the rows of `Tag` that rows of `PostTag` link to this one |
/// | `belongs_to(author = User::ID)` | the field with the other row's key | that row |
///
/// The right side is the constant of a column, written with the entity in front of it, or with the type that its
/// `columns = ..` makes. Both columns have the same type, apart from an `Option`; it needs `Eq` and `Hash`. Nothing is
/// asked of the database: foreign keys are the schema's affair.
///
/// ```
/// use kysera::prelude::*;
///
/// #[derive(Repository)]
/// #[kysera(table = "users", has_many(posts = Post::AUTHOR_ID))]
/// struct User {
///     #[kysera(id)]
///     id: i64,
/// }
///
/// #[derive(Repository)]
/// #[kysera(table = "posts", has_many(tags = Tag::ID, through(PostTag::POST_ID, PostTag::TAG_ID)))]
/// struct Post {
///     #[kysera(id)]
///     id: i64,
///     #[kysera(belongs_to(author = User::ID))]
///     author_id: i64,
///     #[kysera(belongs_to(editor = User::ID))]
///     editor_id: Option<i64>,
/// }
///
/// #[derive(Repository)]
/// #[kysera(table = "tags")]
/// struct Tag {
///     #[kysera(id)]
///     id: i32,
/// }
///
/// #[derive(Repository)]
/// #[kysera(table = "post_tags")]
/// struct PostTag {
///     #[kysera(id)]
///     post_id: i64,
///     #[kysera(id)]
///     tag_id: i32,
/// }
///
/// let edited: Filter<User> = User::POSTS.any(Post::EDITOR_ID.is_not_null() & Post::TAGS.none(Tag::ID.eq(7)));
/// # let _ = (edited, Post::AUTHOR, Post::EDITOR);
/// ```
///
/// # Rules: `#[garde(..)]` or `#[validate(..)]`
///
/// Attributes of [garde](https://docs.rs/garde) (recommended) or [validator](https://docs.rs/validator) on the fields
/// are forwarded to `NewUser` and `UserPatch`, and checked before any SQL runs. They need kysera's feature of that
/// name, and the crate itself with its `derive` beside kysera in `Cargo.toml`.
///
/// What is absent from a patch breaks no rule. Where `NewUser` and `UserPatch` put an `Option` around a type, garde's
/// `custom`, `inner` and `required` are wrapped in `inner(..)`, so that they still see the field's own type. Rules that
/// compare two fields (`matches`, `must_match`) are left out of patches, and so is validator's `required`, which
/// would refuse absence. `#[garde(context(..))]` on the struct is forwarded; the context must be `Default`. What cannot
/// be forwarded (`adapt`, `if`, rules that use `self`, validator's rules on the struct) is an error, and `validate` the
/// way out.
///
/// # The snapshot of the schema
///
/// With a file `kysera.schema.json` beside `Cargo.toml`, or one per database (`kysera.schema.postgres.json`, `kysera.schema.mysql.json`,
/// `kysera.schema.sqlite.json`), or `schema_file = ".."`, the struct is held against its table; `kysera::schema` writes such files. All
/// mistakes of a struct are told at once, at its fields, with table and column as the database has them:
///
/// | the struct has | the table has |
/// |---|---|
/// | a table, a column | none of that name |
/// | a plain field | a column that may be NULL |
/// | an `Option` | a column that is NOT NULL, unless the field is `read_only`: `create` would take a `None` that the database refuses |
/// | a type | a column of a type that it does not hold. A type of your own fits everything |
/// | no field | a column that is NOT NULL and has no default, unless the struct is `partial` |
/// | `id` | neither a primary nor a unique key of these columns; or, without `assigned`, nothing that makes the value |
/// | `unique` | no such key, or one of another name. One that is unique among some rows alone will do |
/// | `default` | a column without one |
/// | a field that is written | a generated column, or one `GENERATED ALWAYS AS IDENTITY` |
///
/// Names are compared as the database compares them. Of a view the columns and their types are checked. An entity with a `schema`
/// is not checked, nor one whose `backend(..)` leaves out the file's database; an entity without `backend(..)` is held against all files. A key that
/// has no foreign key is no mistake.
///
/// The table's constraints become `UserConstraint`, one variant each, for `Error::violated`; it implements `kysera::Constraint`, which is in the
/// prelude. Its unique keys become methods of the trait `UserFinders`: `users.find_by_email("..")`, `find_by_tenant_id_and_email(1, "..")`; the
/// trait stands beside the struct, with its visibility, and is imported like it. They are built on `find()`, so that plugins do what they do
/// there. There is none for a key of expressions, of some rows (but those that are not deleted), or with columns that are no fields, nor one
/// that would be called as a method of the repository is. A method of your own with such a name is the one that is called.
///
/// The crate is compiled again when a file changes. A file that is new is seen when the crate is next compiled for another reason.
///
/// # Plugins
///
/// [`#[kysera::plugin(..)]`](macro@plugin) declares them: rows that are marked as deleted instead of removed, times, versions, an
/// audit log, who may do what, and your own. Columns of plugins are in neither `NewUser` nor `UserPatch`, and `UserRepository` is as it was: the
/// methods that plugins bring are in the prelude.
#[proc_macro_derive(Repository, attributes(kysera, garde, validate))]
pub fn derive_repository(input: TokenStream) -> TokenStream {
    expand::derive(input.into(), attr::Features::of_this_build()).into()
}

/// Makes a struct with named fields something to select from an entity instead of its rows: some of its columns, and
/// what is computed of them. Any number of fields.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// use kysera::prelude::*;
///
/// #[derive(Debug, Repository)]
/// #[kysera(table = "users")]
/// pub struct User {
///     #[kysera(id)]
///     pub id: i64,
///     pub email: String,
///     pub bio: Option<String>,
///     pub logins: i32,
/// }
///
/// #[derive(Debug, Projection)]
/// #[kysera(of = User)]
/// pub struct Card {
///     pub id: i64,
///     #[kysera(from = User::EMAIL)]
///     pub address: String,
///     #[kysera(expr = User::BIO.coalesce("nothing to say"))]
///     pub bio: String,
/// }
///
/// /// `SELECT "users"."id", "users"."email", COALESCE("users"."bio", $1) FROM "users" WHERE ..`
/// async fn regulars(users: &UserRepository<Db<Sqlite>>) -> kysera::Result<Vec<Card>> {
///     users.find().filter(User::LOGINS.gt(10)).select_as::<Card>().all().await
/// }
///
/// // Expressions may be aggregates.
/// #[derive(Debug, Projection)]
/// #[kysera(of = User)]
/// struct Regularity {
///     logins: i32,
///     #[kysera(expr = kysera::expr::count())]
///     users: i64,
/// }
///
/// async fn by_logins(users: &UserRepository<Db<Sqlite>>) -> kysera::Result<Vec<Regularity>> {
///     users.find().select_as::<Regularity>().group_by(User::LOGINS).all().await
/// }
/// # }
/// ```
///
/// # On the struct: `#[kysera(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `of = User` | the entity; it has to be given |
/// | `columns = UserColumns` | the type that has the entity's constants, if the entity's own derive says `columns = UserColumns` |
/// | `crate = path` | where kysera is, if not at `::kysera` |
///
/// # On fields: `#[kysera(..)]`
///
/// | key | meaning |
/// |---|---|
/// | none | the column whose constant has the field's name: `email` is `User::EMAIL` |
/// | `from = User::EMAIL` | this column |
/// | `expr = User::EMAIL.lower()` | this expression |
///
/// A field has the type of its column or expression, exactly; an unknown column and a wrong type are errors at the
/// field. The struct cannot be generic.
#[proc_macro_derive(Projection, attributes(kysera))]
pub fn derive_projection(input: TokenStream) -> TokenStream {
    projection::derive(input.into()).into()
}

/// Makes the fields of a context something that filters and policies can name: who asks is a struct with named fields, and each
/// of them becomes a constant.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::Claims;
/// use kysera::prelude::*;
///
/// #[derive(Claims)]
/// #[kysera(prefix = "shop")]
/// pub struct Principal {
///     pub user_id: i64,
///     /// Whom they are here for, if anybody.
///     pub tenant_id: Option<i64>,
///     pub team_ids: Vec<i64>,
///     #[kysera(setting = "jwt.role")]
///     pub role: String,
///     #[kysera(skip)]
///     pub request: String,
/// }
///
/// #[derive(Debug, Repository)]
/// #[kysera(table = "docs")]
/// struct Doc {
///     #[kysera(id)]
///     id: i64,
///     author_id: i64,
///     team_id: Option<i64>,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql(
///     "CREATE TABLE docs (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, team_id INTEGER);
///      INSERT INTO docs VALUES (1, 7, NULL), (2, 8, 30), (3, 8, 31)",
/// )
/// .await?;
/// let seen = Doc::AUTHOR_ID.eq(Principal::USER_ID) | Principal::TEAM_IDS.contains(Doc::TEAM_ID);
/// let ada = Principal { user_id: 7, tenant_id: None, team_ids: vec![30], role: "author".into(), request: "a1".into() };
/// let found = Doc::repo(db.with_context(ada)).find().filter(seen).order_by(Doc::ID.asc()).all().await?;
/// assert_eq!(found.iter().map(|doc| doc.id).collect::<Vec<_>>(), [1, 2]);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// | field | constant |
/// |---|---|
/// | `user_id: i64` | `Principal::USER_ID: Claim<Principal, i64>` |
/// | `tenant_id: Option<i64>` | `Principal::TENANT_ID: Claim<Principal, i64>`; a comparison with what is `None` holds for no row |
/// | `team_ids: Vec<i64>`, `Option<Vec<i64>>` | `Principal::TEAM_IDS: ClaimList<Principal, i64>` |
/// | `digest: Vec<u8>` | `Principal::DIGEST: Claim<Principal, Vec<u8>>`: bytes are one value |
///
/// The constants have the visibility and the docs of the fields. `Option` and `Vec` are known by these names; other names for
/// them are types of their own. What a claim is compared with is a column of the same type, or of an `Option` of it; a type that no
/// column has can stand in a field as well, and is of no use to filters.
///
/// # On the struct: `#[kysera(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `prefix = "shop"` | what stands before the dot of settings; by default `app` |
/// | `crate = path` | where kysera is, if not at `::kysera` |
///
/// # On fields: `#[kysera(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `setting = "jwt.role"` | the setting by which PostgreSQL's own policies know the field: two words with a dot between them. By default the prefix and the field's name: `app.user_id` |
/// | `skip` | no claim: for fields that no policy asks for, and for types that are not `Clone + Send + Sync + 'static` |
///
/// The struct cannot be generic.
#[proc_macro_derive(Claims, attributes(kysera))]
pub fn derive_claims(input: TokenStream) -> TokenStream {
    claims::derive(input.into()).into()
}

/// Declares the plugins of an entity, in front of `#[derive(Repository)]` or behind it, in one attribute or several.
///
/// A plugin is compiled into the statements of its entity, and holds on every way to the table: bulk methods, upserts,
/// queries, relations. Without it they are what they would be if it did not exist.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use chrono::{DateTime, Utc};
/// use kysera::prelude::*;
///
/// #[derive(Debug, Clone, Repository)]
/// #[kysera::plugin(soft_delete, timestamps, version)]
/// #[kysera(table = "users")]
/// pub struct User {
///     #[kysera(id)]
///     pub id: i64,
///     pub name: String,
///     pub version: i32,
///     pub created_at: DateTime<Utc>,
///     pub updated_at: DateTime<Utc>,
///     pub deleted_at: Option<DateTime<Utc>>,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql(
///     "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, created_at TEXT NOT NULL,
///      updated_at TEXT NOT NULL, deleted_at TEXT)",
/// )
/// .await?;
/// let users = User::repo(&db);
///
/// // The plugins' columns are theirs: neither `NewUser` nor `UserPatch` has them.
/// let ada = users.create(NewUser { name: "Ada".into() }).await?;
/// assert_eq!((ada.version, ada.deleted_at), (1, None));
/// let ada = users.update(ada.id, UserPatch::new().name("Ada L.")).await?;
/// assert_eq!(ada.version, 2);
///
/// users.delete(ada.id).await?;
/// assert_eq!(users.count().await?, 0);
/// assert_eq!(users.find().with_deleted().count().await?, 1);
/// let ada = users.restore(ada.id).await?;
/// assert_eq!(ada.name, "Ada L.");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// # kysera's own
///
/// What they do at run time, and the methods that they bring, is in the docs of the module `plugin`.
///
/// | plugin | its columns, by default | what it does |
/// |---|---|---|
/// | `soft_delete` | `deleted_at`, or `deleted` if there is no such field | `delete` marks rows, which hides them, instead of removing them |
/// | `timestamps` | `created_at` and `updated_at` | writes when a row was made and last changed |
/// | `version` | `version` | counts the changes of a row, so that an update can ask whether there was another one |
/// | `audit` | none | writes down who changed what, in a table of its own; needs kysera's feature `audit` |
/// | `rls` | none | [who may do what](#who-may-do-what-rls) with which rows |
///
/// | option | of | meaning |
/// |---|---|---|
/// | `deleted_at = removed_on` | `soft_delete` | the field |
/// | `cascade = [User::POSTS]` | `soft_delete` | the rows at the other ends of these relations, `has_many` or `has_one`, are deleted and restored along, those of them that the caller may see and delete (others stay as they are); their entities have `soft_delete` as well, with columns of the same type. Restored are those that have the time of the row, so that what was deleted before stays deleted |
/// | `created_at = made`, `updated_at = changed` | `timestamps` | the fields |
/// | `create_only`, `update_only` | `timestamps` | keeps one of the times alone |
/// | `explicit` | `timestamps` | the client may give the times: `NewUser` and `UserPatch` have them, and what is given wins |
/// | `column = revision` | `version` | the field |
/// | `table = ".."` | `audit` | the table of the log; by default `audit_logs` |
/// | `schema = ".."` | `audit` | the log's schema (on MySQL: its database); by default none |
/// | `chain` | `audit` | each entry has a hash of the one before it |
/// | `context = Principal` | `rls` | who asks: the type of a source's context |
/// | `tenant(tenant_id)` | `rls` | the field that says whose a row is; the context says it in its field of the same name |
/// | `tenant(org_id = Principal::ORG)` | `rls` | the same by another field of the context |
/// | `rules` | `rls` | besides `tenant(..)`, the rules of an `impl Policy` |
///
/// The columns are fields of the struct, and ordinary columns in filters and orders:
///
/// | column of | types | in `NewUser` | in `UserPatch` |
/// |---|---|---|---|
/// | `soft_delete` | `Option` of a time, which is NULL while the row lives; `bool`, which is FALSE then | no | no |
/// | `timestamps` | a time | no | no |
/// | `timestamps(explicit)` | a time | `Option` | yes |
/// | `version` | an integer of 16 bits or more | no | no |
/// | `rls` | the type of the context's field, or an `Option` of it | no | no |
///
/// Times are `DateTime<Utc>` and `NaiveDateTime` of chrono, `OffsetDateTime` and `PrimitiveDateTime` of time, `i64` as seconds
/// since 1970, `Option`s of them, and what you implement `kysera::plugin::Timestamp` for.
///
/// ```
/// use kysera::prelude::*;
///
/// #[derive(Debug, Repository)]
/// #[kysera(table = "topics", has_many(answers = Answer::TOPIC_ID))]
/// #[kysera::plugin(
///     soft_delete(deleted_at = closed_at, cascade = [Topic::ANSWERS]),
///     timestamps(created_at = opened_at, create_only, explicit),
///     version(column = revision)
/// )]
/// struct Topic {
///     #[kysera(id)]
///     id: i64,
///     title: String,
///     opened_at: i64,
///     closed_at: Option<i64>,
///     revision: i64,
/// }
///
/// #[derive(Debug, Repository)]
/// #[kysera(table = "answers")]
/// #[kysera::plugin(soft_delete)]
/// struct Answer {
///     #[kysera(id)]
///     id: i64,
///     topic_id: i64,
///     text: String,
///     deleted_at: Option<i64>,
/// }
///
/// // An import keeps the time that it knows; `None` is the time of the call.
/// let new = NewTopic { title: "Looms".into(), opened_at: Some(1_700_000_000) };
/// # let _ = (new, NewAnswer { topic_id: 1, text: String::new() });
/// ```
///
/// The values of a field that is `#[kysera(sensitive)]` are not written to the audit log, and are covered where
/// [statements are observed](../kysera/observe/index.html) with their values. Whoever reaches an audited entity
/// says who they are: the context of the source implements `kysera::Actor`, as `()` does, which is nobody in particular. So
/// does whoever reaches one with cascades, whose other rows may be audited.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::plugin::AuditTable;
/// use kysera::prelude::*;
///
/// #[derive(Debug, Repository)]
/// #[kysera::plugin(audit(table = "account_log"))]
/// #[kysera(table = "accounts")]
/// struct Account {
///     #[kysera(id)]
///     id: i64,
///     owner: String,
///     #[kysera(sensitive)]
///     pin: String,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE accounts (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, pin TEXT NOT NULL)").await?;
/// AuditTable::of::<Account>().create(&db).await?;
/// let accounts = Account::repo(&db);
/// let account = accounts.create(NewAccount { owner: "Ada".into(), pin: "1815".into() }).await?;
/// let entry = accounts.history(account.id).one().await?;
/// assert!(!format!("{entry:?}").contains("1815"));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// Cascades may lead from a struct to itself. Where they lead from several structs in a circle, rustc needs
/// `#[kysera(backend(..))]` on one of these, lest it follow the circle itself.
///
/// # Who may do what: `rls`
///
/// With `rls` only sources with the right context reach the struct, and those of `Db::unrestricted`: others do not compile. What they
/// may do with which rows is said in one of these ways. The module `rls` has all about rules.
///
/// | written | who asks | what they may do |
/// |---|---|---|
/// | `rls(context = Principal)` | a `Principal` | what the rules of `impl Policy<Principal>` allow |
/// | `rls(tenant(tenant_id))` | a `kysera::rls::Tenant` with an id of the field's type: `i32`, `i64`, `String`, `Uuid` | everything with the rows of that tenant, and nothing with others |
/// | `rls(context = Principal, tenant(tenant_id))` | a `Principal` | the same, with those of `Principal::TENANT_ID` |
/// | `rls(context = Principal, tenant(tenant_id), rules)` | a `Principal` | what the rules allow, with those rows only; `context` may be left out |
///
/// The constants of a context, such as `Principal::TENANT_ID`, come of [`#[derive(Claims)]`](macro@Claims). The field in `tenant(..)`
/// is filled with the tenant of whoever creates a row and never changes. It cannot be part of the key, nor a column that another plugin
/// or the database fills.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
/// use kysera::rls::{Action, Claims, Policy, Rules};
///
/// #[derive(Claims)]
/// struct Principal {
///     user_id: i64,
///     tenant_id: i64,
/// }
///
/// #[derive(Debug, Repository)]
/// #[kysera::plugin(rls(context = Principal, tenant(tenant_id), rules))]
/// #[kysera(table = "tickets")]
/// struct Ticket {
///     #[kysera(id)]
///     id: i64,
///     tenant_id: i64,
///     author_id: i64,
///     text: String,
/// }
///
/// impl Policy<Principal> for Ticket {
///     fn rules() -> Rules<Self, Principal> {
///         Rules::new()
///             .allow("colleagues read", Action::Read, Filter::all([]))
///             .allow("author", Action::ALL, Ticket::AUTHOR_ID.eq(Principal::USER_ID))
///     }
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql(
///     "CREATE TABLE tickets (id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL, author_id INTEGER NOT NULL, text TEXT NOT NULL)",
/// )
/// .await?;
/// let who = |user_id, tenant_id| db.clone().with_context(Principal { user_id, tenant_id });
/// let (ada, bob, eve) = (who(1, 7), who(2, 7), who(3, 8));
///
/// // `NewTicket` has no tenant: it is that of whoever writes.
/// let ticket = Ticket::repo(&ada).create(NewTicket { author_id: 1, text: "no ink".into() }).await?;
/// assert_eq!(ticket.tenant_id, 7);
/// assert_eq!(Ticket::repo(&bob).count().await?, 1);
/// assert_eq!(Ticket::repo(&eve).count().await?, 0);
/// let patch = TicketPatch::new().text("ink");
/// assert!(matches!(Ticket::repo(&bob).update(ticket.id, patch).await, Err(kysera::Error::Denied { .. })));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// # Your own
///
/// A type that implements `kysera::plugin::Plugin` is a plugin. It is named by its path, which may have a list in parentheses:
///
/// | written | the plugin |
/// |---|---|
/// | `Slug` | the unit struct or constant |
/// | `Slug(from = Post::TITLE, to = Post::SLUG)` | a struct with these fields: `Slug { from: Post::TITLE, to: Post::SLUG }` |
/// | `Limit(3)`, `Limit::new(3)` | the call, of a tuple struct or a `const fn` |
///
/// An entity has eight of them at most. Their turns come by phase, then by name, not by place in the list. A plugin that is
/// listed twice, one that [requires](https://docs.rs/kysera/latest/kysera/plugin/trait.Plugin.html) another which is not there,
/// and two that exclude each other are errors at the plugin's name.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::plugin::{Changes, Plugin, PluginContext};
/// use kysera::prelude::*;
/// use kysera::{Column, Entity};
///
/// /// Makes one column of another.
/// struct Slug<E: Entity> {
///     from: Column<E, String>,
///     to: Column<E, String>,
/// }
///
/// impl<E: Entity> Plugin<E> for Slug<E> {
///     const NAME: &'static str = "slug";
///     const AFTER_WRITE: bool = false;
///
///     fn before_create(&self, row: &mut Changes<'_, E>, _: &PluginContext<'_>) -> kysera::Result<()> {
///         if !row.has(self.to) {
///             let slug = row.get(self.from).map(|text| text.to_lowercase().replace(' ', "-"));
///             row.set(self.to, slug.unwrap_or_default());
///         }
///         Ok(())
///     }
/// }
///
/// #[derive(Debug, Repository)]
/// #[kysera::plugin(Slug(from = Post::TITLE, to = Post::SLUG))]
/// #[kysera(table = "posts")]
/// struct Post {
///     #[kysera(id)]
///     id: i64,
///     title: String,
///     #[kysera(default)] // optional for the client
///     slug: String,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT NOT NULL, slug TEXT NOT NULL)").await?;
/// let post = Post::repo(&db).create(NewPost { title: "On Looms".into(), slug: None }).await?;
/// assert_eq!(post.slug, "on-looms");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// # Mistakes
///
/// Plugins and options that do not exist, twice the same, columns that are missing, of the wrong type or written by somebody
/// else: none of it compiles. Neither does `rls` without an `impl Policy` where it takes one, nor a source without the context.
#[proc_macro_attribute]
pub fn plugin(args: TokenStream, item: TokenStream) -> TokenStream {
    plugin::attribute(args.into(), item.into()).into()
}

/// A test that is given a database of its own: an `async fn` that takes a `Db<Postgres>`, `Db<MySql>` or `Db<Sqlite>`.
///
/// The tables are those of the migrations beside `Cargo.toml`, and the rows those of the fixtures. They are made once, as a
/// template, which each test is given a copy of: on PostgreSQL a database made of the template, on MySQL one that is filled
/// from it, on SQLite a copy in memory. The copy is removed when the test ends, also if it panics; what a process that was
/// killed leaves behind is removed by later tests, after two hours, and templates that are older than a week, too.
/// The template is made anew when a migration or a fixture changes, and, with `setup` or `migrator`, when the program does.
///
/// The server is that of the variable `DATABASE_URL`, whose account must be allowed to create databases; SQLite needs none.
///
/// ```
/// use kysera::prelude::*;
///
/// #[derive(Debug, Repository)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     name: String,
/// }
///
/// async fn tables(db: Db<Sqlite>) -> kysera::Result<()> {
///     db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await
/// }
///
/// #[kysera::test(setup = tables)]
/// async fn creates_a_user(db: Db<Sqlite>) -> kysera::Result<()> {
///     let ada = User::repo(&db).create(NewUser { name: "Ada".into() }).await?;
///     kysera::assert_row!(&db, User::ID.eq(ada.id), name: "Ada");
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// | key | default | meaning |
/// |---|---|---|
/// | `migrations = "db/migrations"` | `"migrations"`, if there is such a folder | the folder beside `Cargo.toml` with the migrations; `migrations = off`: there are none |
/// | `migrator = path` | | an `async fn() -> kysera::Result<Migrator<DB>>` instead, for migrations in Rust |
/// | `fixtures("tests/users.sql", ..)` | | files beside `Cargo.toml`, run in this order after the migrations |
/// | `setup = path` | | an `async fn(Db<DB>) -> kysera::Result<()>`, run after the fixtures |
/// | `url = "TEST_DATABASE_URL"` | `"DATABASE_URL"` | the variable with the address of the server; a constant will do |
/// | `threads = 2` | 1 | of the runtime: from 2 on it has so many worker threads |
/// | `connections = 20` | 5 | how many there may be at a time |
/// | `file` | | SQLite: the copy is a file, so that there can be several connections, and is removed afterwards |
///
/// Attributes like `#[should_panic]` and `#[ignore]` work as on any test, and so does a `Result` as its answer.
///
/// # Errors
///
/// A database that cannot be made, or removed, fails the test, and says why.
#[cfg(feature = "testing")]
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    test::attribute(args.into(), item.into()).into()
}

/// Makes `XFactory` of an entity `X`: rows for tests, of which a test says only what matters to it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
/// use kysera::testing::Sequence;
///
/// #[derive(Debug, Repository, Factory)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     #[factory(sequence = |n| format!("user{n}@example.org"))]
///     email: String,
///     name: String,
///     bio: Option<String>,
/// }
///
/// #[derive(Debug, Repository, Factory)]
/// #[kysera(table = "posts")]
/// struct Post {
///     #[kysera(id)]
///     id: i64,
///     #[factory(parent = User::ID)]
///     author_id: i64,
///     #[factory(value = "Untitled")]
///     title: String,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// # db.raw_sql(
/// #     "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, bio TEXT);
/// #     CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES users (id), title TEXT NOT NULL)",
/// # )
/// # .await?;
/// let numbers = Sequence::new();
/// let ada = User::factory(&numbers).bio("Countess").create(&db).await?;
/// assert_eq!((ada.email.as_str(), ada.name.as_str()), ("user1@example.org", "name 1"));
///
/// Post::factory(&numbers).author_id(ada.id).create_many(&db, 3).await?;
/// let other = Post::factory(&numbers).title("On Engines").create(&db).await?; // by an author of its own
/// assert_ne!(other.author_id, ada.id);
/// # Ok(())
/// # }
/// ```
///
/// | on a field | what it is filled with |
/// |---|---|
/// | nothing | what its type's `kysera::testing::Sample` says; a column with a default is left to the database |
/// | `#[factory(value = expr)]` | the value; a text may be a literal |
/// | `#[factory(sequence = \|n\| expr)]` | what the function makes of the number of the row |
/// | `#[factory(fake = Name())]` | a value of a faker of the crate `fake` (feature `fake`), the same for the same number |
/// | `#[factory(parent = User::ID)]` | that column of a row that is created for it, by the factory of its entity |
///
/// `User::factory(&sequence)` makes one; it has a setter per field of `NewUser`, and the methods of the trait
/// `kysera::testing::Factory`: `build`, `create` and `create_many`.
#[cfg(feature = "testing")]
#[proc_macro_derive(Factory, attributes(factory, kysera))]
pub fn derive_factory(input: TokenStream) -> TokenStream {
    factory::derive(input.into(), attr::Features::of_this_build()).into()
}
