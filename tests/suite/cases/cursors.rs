//! Cursors that were changed, that belong elsewhere, or that are not protected as they should be.

use kysera::cursor::CursorError;
use kysera::prelude::*;
use kysera::{Cursor, CursorSecret, Error, ErrorCode, Keyset};
use kysera_tests::{Fixture, TestSource};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

use super::entities::*;
use crate::DB;

async fn items() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let rows = (1..=5).map(|id| NewItem { qty: Some(-9), name: "hush".into(), ..item(id) });
    Item::repo(db.source()).create_many(rows).await.unwrap();
    db
}

async fn cursor(source: &impl Source<Database = DB>) -> Cursor {
    let items = Item::repo(source);
    items.find().order_by(Item::NAME.asc()).keyset(Keyset::first(2)).await.unwrap().next.unwrap()
}

/// What a query makes of a cursor, without being sent.
fn judge(source: &impl Source<Database = DB>, text: &str) -> Result<String, CursorError> {
    let items = Item::repo(source);
    let query = items.find().order_by(Item::NAME.asc()).keyset(Keyset::first(2).after(text));
    query.to_sql().map_err(only_cursor)
}

fn only_cursor(error: Error) -> CursorError {
    assert_eq!(error.code(), ErrorCode::BadRequest);
    assert!(!error.to_string().contains("hush"));
    match error {
        Error::Cursor(error) => error,
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_entity_and_order() {
    let db = items().await;
    let cursor = cursor(db.source()).await;
    let repo = Item::repo(db.source());
    let keyset = || Keyset::first(2).after(&cursor);
    judge(db.source(), cursor.as_ref()).unwrap();
    // Filters may change, directions of the walk as well.
    repo.find()
        .filter(Item::ID.gt(1))
        .order_by(Item::NAME.asc())
        .keyset(Keyset::last(1).before(&cursor))
        .await
        .unwrap();
    repo.find().order_by_all([Item::NAME.asc(), Item::ID.asc()]).keyset(keyset()).await.unwrap();

    let others = [
        vec![],
        vec![Item::NAME.desc()],
        vec![Item::NAME.asc(), Item::ID.desc()],
        vec![Item::CODE.asc()],
        vec![Item::NAME.asc(), Item::QTY.asc()],
    ];
    for order in others {
        let error = repo.find().order_by_all(order).keyset(keyset()).await.unwrap_err();
        assert_eq!(only_cursor(error), CursorError::OtherOrder { entity: "Item" });
    }
    let users = User::repo(db.source());
    let error = users.find().order_by(User::NAME.asc()).keyset(keyset()).await.unwrap_err();
    assert_eq!(only_cursor(error), CursorError::OtherEntity { entity: "User" });

    let find = |order| repo.find().order_by(order);
    let page = find(Item::QTY.asc().nulls_first()).keyset(Keyset::first(2)).await.unwrap();
    let error =
        find(Item::QTY.asc().nulls_last()).keyset(Keyset::first(2).after(page.next)).await.unwrap_err();
    assert_eq!(only_cursor(error), CursorError::OtherOrder { entity: "Item" });
}

#[tokio::test]
async fn what_was_changed_or_cut_is_refused() {
    let db = items().await;
    let signed = db.source().clone().with_cursor_secret(CursorSecret::signed([1; 32]).unwrap());
    let sealed = db.source().clone().with_cursor_secret(CursorSecret::sealed([1; 32]).unwrap());
    for source in [db.source(), &signed, &sealed] {
        let cursor = cursor(source).await;
        let text = cursor.as_ref();
        judge(source, text).unwrap();
        for end in 0..text.len() {
            assert_eq!(judge(source, &text[..end]), Err(CursorError::Truncated));
        }
        for at in 0..text.len() {
            for other in ["A", "B", "_", "9", "!", "é"] {
                if &text[at..=at] != other {
                    judge(source, &format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap_err();
                }
            }
        }
        let old = format!("AA{}", &text[2..]);
        assert_eq!(judge(source, &old), Err(CursorError::Version));
        assert_eq!(judge(source, &"A".repeat(9000)), Err(CursorError::TooLong));
        assert_eq!(judge(source, ""), Err(CursorError::Truncated));
    }
}

#[tokio::test]
async fn sources_with_a_secret_take_their_own_cursors_alone() {
    let db = items().await;
    let secret = |kind: fn([u8; 32]) -> kysera::Result<CursorSecret>, byte| kind([byte; 32]).unwrap();
    let with = |secret| db.source().clone().with_cursor_secret(secret);
    let plain = db.source().clone();
    let signed = with(secret(CursorSecret::signed, 1));
    let sealed = with(secret(CursorSecret::sealed, 1));
    let rotated = with(secret(CursorSecret::sealed, 2).and_accept(secret(CursorSecret::sealed, 1)));

    let (of_plain, of_signed, of_sealed) =
        (cursor(&plain).await, cursor(&signed).await, cursor(&sealed).await);
    let of_rotated = cursor(&rotated).await;
    let results: [(&TestSource<DB>, &Cursor, Result<(), CursorError>); 11] = [
        (&plain, &of_plain, Ok(())),
        (&plain, &of_signed, Err(CursorError::NoSecret)),
        (&plain, &of_sealed, Err(CursorError::NoSecret)),
        (&signed, &of_plain, Err(CursorError::Unprotected)),
        (&signed, &of_signed, Ok(())),
        (&signed, &of_sealed, Err(CursorError::Unprotected)),
        (&sealed, &of_plain, Err(CursorError::Unprotected)),
        (&sealed, &of_signed, Err(CursorError::Unprotected)),
        (&sealed, &of_sealed, Ok(())),
        (&rotated, &of_sealed, Ok(())),
        (&sealed, &of_rotated, Err(CursorError::Forged)),
    ];
    for (i, (source, cursor, expected)) in results.into_iter().enumerate() {
        assert_eq!(judge(source, cursor.as_ref()).map(drop), expected, "{i}");
    }
    // The walk goes on with either.
    let items = Item::repo(&rotated);
    for cursor in [of_sealed, of_rotated] {
        let page =
            items.find().order_by(Item::NAME.asc()).keyset(Keyset::first(9).after(cursor)).await.unwrap();
        assert_eq!(page.items.iter().map(|item| item.id).collect::<Vec<_>>(), [3, 4, 5]);
    }
}

#[tokio::test]
async fn transactions_inherit_the_secret() {
    let db = items().await;
    let sealed = db.source().clone().with_cursor_secret(CursorSecret::sealed([1; 32]).unwrap());
    let of_db = cursor(&sealed).await;
    let of_tx = sealed
        .transaction(|tx| async move {
            judge(&tx, of_db.as_ref()).unwrap();
            Ok(cursor(&tx).await)
        })
        .await
        .unwrap();
    judge(&sealed, of_tx.as_ref()).unwrap();
    judge(&sealed.clone().with_context(7), of_tx.as_ref()).unwrap();
    let conn = sealed.acquire().await.unwrap();
    judge(&conn, of_tx.as_ref()).unwrap();
}

#[tokio::test]
async fn no_text_makes_it_panic_or_finds_rows() {
    let db = items().await;
    let valid = cursor(db.source()).await;
    let config = Config { cases: 2000, failure_persistence: None, ..Config::default() };
    let algorithm = config.rng_algorithm;
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(algorithm));
    let texts =
        prop_oneof![".*", "[A-Za-z0-9_-]{0,200}", "AQAA[A-Za-z0-9_-]{0,80}", "AQ[AEI][A-Za-z0-9_-]{2,80}"];
    runner
        .run(&texts, |text| {
            prop_assert!(judge(db.source(), &text).is_err());
            Ok(())
        })
        .unwrap();
    let changes = prop::collection::vec((any::<prop::sample::Index>(), "[A-Za-z0-9_-]{0,2}"), 1..4);
    runner
        .run(&changes, |changes| {
            let mut text = valid.to_string();
            for (at, with) in changes {
                let at = at.index(text.len());
                text.replace_range(at..=at, &with);
            }
            prop_assert!(text == valid.as_ref() || judge(db.source(), &text).is_err());
            Ok(())
        })
        .unwrap();
}
