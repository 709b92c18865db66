//! `update_many`.

use kysera::backend::{Backend, Dialect};
use kysera::{Error, Repository};
use kysera_tests::{Ddl, Fixture};

use super::entities::*;
use crate::DB;

#[tokio::test]
async fn each_row_gets_its_own_patch_and_is_answered_in_its_place() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(4)).await.unwrap();
    let rows = [
        (made[3].id, UserPatch::new().name("three").bio("b3")),
        (made[0].id, UserPatch::new().name("zero").bio(None)),
        (made[2].id, UserPatch::new().name("two").bio("b2")),
    ];
    let updated = users.update_many(rows).await.unwrap();
    let expected = [
        User { name: "three".into(), bio: Some("b3".into()), ..made[3].clone() },
        User { name: "zero".into(), ..made[0].clone() },
        User { name: "two".into(), bio: Some("b2".into()), ..made[2].clone() },
    ];
    assert_eq!(updated, expected);
    assert_eq!(users.get(made[2].id).await.unwrap(), expected[2]);
    assert_eq!(users.get(made[1].id).await.unwrap(), made[1]);
}

#[tokio::test]
async fn patches_of_different_shapes_may_be_mixed() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let mut made = users.create_many(crowd(30)).await.unwrap();
    let rows = made.iter().enumerate().map(|(i, user)| {
        let patch = UserPatch::new();
        let patch = if i % 2 == 0 { patch.name(format!("name {i}")) } else { patch };
        let patch = if i % 3 == 0 { patch.role(i as i32) } else { patch };
        let patch = if i % 5 == 0 { patch.bio(None) } else { patch };
        (user.id, patch)
    });
    let updated = users.update_many(rows).await.unwrap();
    for (i, user) in made.iter_mut().enumerate() {
        if i % 2 == 0 {
            user.name = format!("name {i}");
        }
        if i % 3 == 0 {
            user.role = i as i32;
        }
    }
    assert_eq!(updated, made);
}

#[tokio::test]
async fn missing_rows_are_named_with_their_positions_and_nothing_is_written() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(3)).await.unwrap();
    let rename = || UserPatch::new().name("changed");
    let (gone, never) = (made[2].id + 5, made[2].id + 6);
    // The missing ones among rows of one shape, of another shape, and of none.
    let missing = [
        vec![(made[0].id, rename()), (gone, rename()), (made[1].id, rename()), (never, rename())],
        vec![
            (made[0].id, rename()),
            (gone, UserPatch::new().role(1)),
            (made[1].id, rename()),
            (never, rename()),
        ],
        vec![
            (made[0].id, rename()),
            (gone, UserPatch::new()),
            (made[1].id, rename()),
            (never, UserPatch::new()),
        ],
    ];
    for rows in missing {
        let error = users.update_many(rows).await.unwrap_err();
        assert!(error.is_not_found());
        let text = error.to_string();
        assert_eq!(text, "2 of 4 User rows not found, at positions 1, 3");
        let Error::Missing(missing) = error else { panic!("{error:?}") };
        assert_eq!((missing.entity, missing.asked), ("User", 4));
        assert_eq!(missing.positions, [1, 3]);
        assert_eq!(missing.ids, [gone.to_string(), never.to_string()]);
        for user in &made {
            assert_eq!(&users.get(user.id).await.unwrap(), user);
        }
    }
}

#[tokio::test]
async fn two_patches_for_one_row_are_refused() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(2)).await.unwrap();
    let rows = [
        (made[0].id, UserPatch::new().name("a")),
        (made[1].id, UserPatch::new().name("b")),
        (made[0].id, UserPatch::new().role(1)),
    ];
    let error = users.update_many(rows).await.unwrap_err();
    assert!(matches!(error, Error::SameKey { positions: Some((0, 2)), .. }), "{error:?}");
    assert_eq!(error.to_string(), "two of the User rows have the same key, at positions 0 and 2");
    assert_eq!(users.get(made[1].id).await.unwrap(), made[1]);
}

#[tokio::test]
async fn a_constraint_that_one_row_violates_keeps_all_from_being_written() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(4)).await.unwrap();
    let rows = [
        (made[0].id, UserPatch::new().name("changed")),
        (made[1].id, UserPatch::new().email("u3@x")),
        (made[2].id, UserPatch::new().name("changed")),
    ];
    let error = users.update_many(rows).await.unwrap_err();
    assert!(error.is_unique_violation_of(User::EMAIL), "{error:?}");
    for user in &made {
        assert_eq!(&users.get(user.id).await.unwrap(), user);
    }
}

#[tokio::test]
async fn rows_with_composite_keys_are_updated_and_missing_ones_named() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    members.create_many([member(1, "a", 1), member(1, "b", 2), member(2, "a", 3)]).await.unwrap();
    let id = |org, user: &str| (org, user.to_string());
    let rows = [
        (id(2, "a"), MemberPatch::new().level(30).note("x")),
        (id(1, "b"), MemberPatch::new().level(20).note(None)),
    ];
    let updated = members.update_many(rows).await.unwrap();
    let found: Vec<_> = updated.iter().map(|row| (row.org, row.level, row.note.as_deref())).collect();
    assert_eq!(found, [(2, 30, Some("x")), (1, 20, None)]);
    assert_eq!(members.get(id(1, "a")).await.unwrap().level, 1);

    let rows = [(id(2, "b"), MemberPatch::new().level(0)), (id(1, "a"), MemberPatch::new().level(0))];
    let error = members.update_many(rows).await.unwrap_err();
    let Error::Missing(missing) = error else { panic!("{error:?}") };
    assert_eq!(missing.positions, [0]);
    assert_eq!(missing.ids, [r#"(2, "b")"#]);
    assert_eq!(members.get(id(1, "a")).await.unwrap().level, 1);
}

#[tokio::test]
async fn thousands_of_rows_are_updated_in_batches_all_or_none() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(3000)).await.unwrap();
    let rows = made.iter().rev().map(|user| (user.id, UserPatch::new().role(user.id as i32).bio("new")));
    let updated = users.update_many(rows.clone()).await.unwrap();
    assert!(updated.iter().map(|user| user.id).eq(made.iter().rev().map(|user| user.id)));
    assert!(updated.iter().all(|user| user.role == user.id as i32 && user.bio.as_deref() == Some("new")));

    let rows = rows.map(|(id, patch)| (id, patch.role(-1))).chain([(-1, UserPatch::new().role(-1).bio("x"))]);
    let error = users.update_many(rows).await.unwrap_err();
    let Error::Missing(missing) = error else { panic!("{error:?}") };
    assert_eq!((missing.asked, missing.positions), (3001, vec![3000]));
    assert_eq!(users.find().filter(User::ROLE.eq(-1)).count().await.unwrap(), 0);
}

#[tokio::test]
async fn the_keys_of_text_that_a_collation_stores_in_another_spelling_are_found() {
    let db = Fixture::<DB>::new(&Ddl {
        postgres: TAGS.postgres,
        mysql: "CREATE TABLE tags (slug VARCHAR(50) COLLATE utf8mb4_general_ci PRIMARY KEY,
                label VARCHAR(100) NOT NULL, uses INT)",
        sqlite: "CREATE TABLE tags (slug TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, label TEXT NOT NULL, uses INTEGER)",
    })
    .await;
    let tags = Tag::repo(db.source());
    tags.create_many([tag("Rust", "r"), tag("Sql", "s")]).await.unwrap();
    let rows = [("SQL".to_string(), TagPatch::new().uses(1)), ("rust".to_string(), TagPatch::new().uses(2))];
    let updated = tags.update_many(rows).await;
    if DB::DIALECT == Dialect::Postgres {
        let Err(Error::Missing(missing)) = updated else { panic!("{updated:?}") };
        assert_eq!(missing.positions, [0, 1]);
    } else {
        let updated = updated.unwrap();
        let found: Vec<_> = updated.iter().map(|tag| (tag.slug.as_str(), tag.uses)).collect();
        assert_eq!(found, [("Sql", Some(1)), ("Rust", Some(2))]);
    }
}

#[tokio::test]
async fn batches_in_opposite_orders_do_not_deadlock() {
    let db = Fixture::<DB>::concurrent(&USERS, 4).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(200)).await.unwrap();
    let ids: Vec<i64> = made.iter().map(|user| user.id).collect();
    let round = async |ids: Vec<i64>, role: i32| {
        let mut transient = 0;
        for _ in 0..15 {
            let rows = ids.iter().map(|id| (*id, UserPatch::new().role(role)));
            match users.update_many(rows).await {
                Ok(updated) => assert!(updated.iter().all(|user| user.role == role)),
                Err(error) if error.is_transient() => transient += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        transient
    };
    let backwards: Vec<i64> = ids.iter().rev().copied().collect();
    let (a, b, c) = tokio::join!(round(ids.clone(), 1), round(backwards.clone(), 2), round(backwards, 3));
    // Where InnoDB does not lock in the order of keys, what it reports is at least worth another try.
    if DB::DIALECT != Dialect::MySql {
        assert_eq!(a + b + c, 0, "deadlocks or locks that were not to be had");
    }
    let roles: std::collections::HashSet<i32> =
        users.find_all().await.unwrap().iter().map(|user| user.role).collect();
    assert_eq!(roles.len(), 1, "one batch came last: {roles:?}");
}
