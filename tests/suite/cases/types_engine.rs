//! What every column type goes through: each way in, each way out, and filters by it.

use std::fmt::Debug;

use kysera::entity::Entity;
use kysera::prelude::*;
use kysera::source::Writable;

use crate::DB;

/// An entity whose columns are put to the test. Made by [`group!`].
pub(crate) trait Group: Entity<Id = i64> + Clone + Debug {
    /// The names of the columns, the key left out.
    const COLUMNS: &'static [&'static str];

    fn with_id(&self, id: i64) -> Self;

    fn to_new(&self) -> Self::New;

    fn to_patch(&self) -> Self::Patch;

    /// Each column as text. Debug, because it tells -0.0 from 0.0 and finds NaN equal to itself.
    fn texts(&self) -> Vec<String>;

    /// Per column a filter for the row's value.
    fn eq(&self) -> Vec<Filter<Self>>;

    /// Per column a filter for the values of all rows.
    fn in_(rows: &[Self]) -> Vec<Filter<Self>>;
}

/// A struct with a key that is assigned, and its [`Group`].
macro_rules! group {
    (
        $(#[$attribute:meta])*
        $entity:ident $new:ident $patch:ident $table:literal {
            $($field:ident $column:ident: $type:ty),+ $(,)?
        }
    ) => {
        #[derive(Debug, Clone, kysera::Repository)]
        #[kysera(table = $table)]
        $(#[$attribute])*
        pub(crate) struct $entity {
            #[kysera(id, assigned)]
            pub(crate) id: i64,
            $(pub(crate) $field: $type),+
        }

        impl $crate::cases::types_engine::Group for $entity {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn with_id(&self, id: i64) -> Self {
                Self { id, ..self.clone() }
            }

            fn to_new(&self) -> $new {
                $new { id: self.id, $($field: self.$field.clone()),+ }
            }

            fn to_patch(&self) -> $patch {
                $patch { $($field: Some(self.$field.clone())),+ }
            }

            fn texts(&self) -> Vec<String> {
                vec![$(format!("{:?}", self.$field)),+]
            }

            fn eq(&self) -> Vec<kysera::Filter<Self>> {
                vec![$($entity::$column.eq(&self.$field)),+]
            }

            fn in_(rows: &[Self]) -> Vec<kysera::Filter<Self>> {
                vec![$($entity::$column.in_(rows.iter().map(|row| &row.$field))),+]
            }
        }
    };
}
pub(crate) use group;

/// Asserts that both rows hold the same, column by column.
pub(crate) fn assert_same<E: Group>(found: &E, wanted: &E, by: &str) {
    assert_eq!(found.id(), wanted.id(), "{by}: the key");
    for ((found, wanted), column) in found.texts().iter().zip(wanted.texts()).zip(E::COLUMNS) {
        let short = |text: &str| text.chars().take(200).collect::<String>();
        let both = format!("{} instead of {}", short(found), short(&wanted));
        assert!(*found == wanted, "{by}: column `{column}` came back as {both}");
    }
}

fn assert_all_same<E: Group>(found: &[E], wanted: &[E], by: &str) {
    assert_eq!(found.len(), wanted.len(), "{by}: number of rows");
    for (found, wanted) in found.iter().zip(wanted) {
        assert_same(found, wanted, by);
    }
}

/// Sends the rows through every operation. `filtered`: the columns that the database can compare with a value.
pub(crate) async fn round_trip<R>(repo: &R, rows: &[R::Entity], filtered: &[&str])
where
    R: Repository<Source: Writable<Database = DB>>,
    R::Entity: Group,
{
    type E<R> = <R as Repository>::Entity;
    assert!(rows.len() > 1, "one row is no batch");
    let ids: Vec<i64> = rows.iter().map(E::<R>::id).collect();

    for row in rows {
        let created = repo.create(row.to_new()).await.unwrap();
        assert_same(&created, row, "create");
        assert_same(&repo.get(row.id()).await.unwrap(), row, "get");
    }
    assert_all_same(&repo.find_by_ids(&ids).await.unwrap(), rows, "find_by_ids");

    for (at, column) in E::<R>::COLUMNS.iter().enumerate().filter(|(_, name)| filtered.contains(name)) {
        for row in rows {
            let by = format!("{column} = {:.100}", row.texts()[at]);
            let equal = rows.iter().filter(|other| other.texts()[at] == row.texts()[at]);
            let wanted: Vec<i64> = equal.map(E::<R>::id).collect();
            let mut found = ids_of(repo, row.eq().swap_remove(at), &by).await;
            found.sort_unstable();
            assert_eq!(found, wanted, "{by}");
        }
        let by = format!("{column} in all values");
        assert_eq!(ids_of(repo, E::<R>::in_(rows).swap_remove(at), &by).await.len(), rows.len(), "{by}");
        let by = format!("{column} in the first value");
        assert!(ids_of(repo, E::<R>::in_(&rows[..1]).swap_remove(at), &by).await.contains(&ids[0]), "{by}");
    }

    // Every row gets the values of the next one, and back.
    let turned: Vec<E<R>> =
        ids.iter().zip(rows.iter().cycle().skip(1)).map(|(id, row)| row.with_id(*id)).collect();
    for row in &turned {
        let updated = repo.update(row.id(), row.to_patch()).await.unwrap();
        assert_same(&updated, row, "update");
    }
    let patches = rows.iter().map(|row| (row.id(), row.to_patch()));
    assert_all_same(&repo.update_many(patches).await.unwrap(), rows, "update_many");
    assert_all_same(&repo.find_by_ids(&ids).await.unwrap(), rows, "update_many, read again");

    assert_eq!(repo.delete_many(&ids).await.unwrap(), ids.len() as u64);
    let created = repo.create_many(rows.iter().map(Group::to_new)).await.unwrap();
    assert_all_same(&created, rows, "create_many");
    assert_all_same(&repo.find_by_ids(&ids).await.unwrap(), rows, "create_many, read again");

    repo.delete_many(&ids).await.unwrap();
    assert_eq!(repo.insert_many(rows.iter().map(Group::to_new)).await.unwrap(), ids.len() as u64);
    assert_all_same(&repo.find_by_ids(&ids).await.unwrap(), rows, "insert_many");
}

async fn ids_of<R: Repository>(repo: &R, filter: Filter<R::Entity>, by: &str) -> Vec<i64>
where
    R::Entity: Group,
{
    let rows = repo.find().filter(filter).all().await.unwrap_or_else(|error| panic!("{by}: {error:?}"));
    rows.iter().map(Entity::id).collect()
}

/// Upserts by the key: inserts, then overwrites with the values of the next row, one by one and all at once.
pub(crate) async fn upserts<R, C>(repo: &R, rows: &[R::Entity], key: C)
where
    R: Repository<Source: Writable<Database = DB>>,
    R::Entity: Group,
    C: Into<kysera::Conflict<R::Entity>> + Copy,
{
    let ids: Vec<i64> = rows.iter().map(Entity::id).collect();
    repo.delete_many(&ids).await.unwrap();
    let turned: Vec<R::Entity> =
        ids.iter().zip(rows.iter().cycle().skip(1)).map(|(id, row)| row.with_id(*id)).collect();
    for rows in [rows, &turned] {
        for row in rows {
            assert_same(&repo.upsert(row.to_new(), key).await.unwrap(), row, "upsert");
        }
    }
    let upserted = repo.upsert_many(rows.iter().map(Group::to_new), key).await.unwrap();
    assert_all_same(&upserted, rows, "upsert_many over rows");
    repo.delete_many(&ids).await.unwrap();
    let upserted = repo.upsert_many(turned.iter().map(Group::to_new), key).await.unwrap();
    assert_all_same(&upserted, &turned, "upsert_many of new rows");
    assert_all_same(&repo.find_by_ids(&ids).await.unwrap(), &turned, "upsert_many, read again");
}
