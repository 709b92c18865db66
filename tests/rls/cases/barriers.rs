//! What a caller asks is asked of rows that the caller may read: an error would tell of the others.

use kysera::prelude::*;
use kysera::query::Find;

use super::world::{Page, *};
use crate::DB;

/// Of two tenants: a row of one's own whose texts are numbers and whose numbers are small, and one of somebody else's of which
/// neither is true.
async fn own_and_foreign() -> kysera_tests::Fixture<DB> {
    let fixture = world().await;
    let (ada, eve) = (of(&fixture, Principal::new(1, 10)), of(&fixture, Principal::new(2, 10)));
    Doc::repo(&ada).create(NewDoc { slug: "12".into(), amount: 5, ..new_doc(1, 10) }).await.unwrap();
    let foreign = NewDoc { slug: "secret".into(), ..new_doc(2, 10) };
    Doc::repo(&eve).create(foreign).await.unwrap();
    fixture.execute("UPDATE docs SET amount = 9223372036854775807 WHERE id = 2").await;
    for (tenant, doc) in [(1, 1), (2, 1), (2, 2)] {
        let body = if tenant == 1 { "7".to_owned() } else { format!("secret {doc}") };
        fixture
            .execute(&format!(
                "INSERT INTO comments (tenant_id, doc_id, body) VALUES ({tenant}, {doc}, '{body}')"
            ))
            .await;
    }
    fixture
}

#[tokio::test]
async fn a_filter_that_fails_for_rows_of_others_does_not_fail() {
    let fixture = own_and_foreign().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let docs = Doc::repo(&ada);
    type Ask = fn() -> Filter<Doc>;
    let filters: [(&str, Ask); 6] = [
        ("cast", || Doc::SLUG.cast::<i64>().eq(12)),
        ("negated", || !Doc::SLUG.cast::<i64>().eq(13)),
        ("overflow", || Doc::AMOUNT.plus(1).gt(0)),
        ("product", || Doc::AMOUNT.times(1000).gt(0)),
        ("related", || Doc::COMMENTS.any(Comment::BODY.cast::<i64>().eq(7))),
        ("both", || Doc::SLUG.cast::<i64>().eq(12) & Doc::COMMENTS.none(Comment::BODY.cast::<i64>().eq(8))),
    ];
    for (what, filter) in filters {
        let find = || -> Find<'_, Doc, _> { docs.find().filter(filter()) };
        assert_eq!(find().count().await.unwrap(), 1, "{what}");
        assert_eq!(find().all().await.unwrap().len(), 1, "{what}");
        assert!(find().exists().await.unwrap(), "{what}");
        assert_eq!(
            find().order_by(Doc::SLUG.cast::<i64>().asc()).first().await.unwrap().unwrap().id,
            1,
            "{what}"
        );
        assert_eq!(find().update(DocPatch::new().amount(6)).await.unwrap(), 1, "{what}");
        let loaded =
            docs.find().with(Doc::COMMENTS.filter(Comment::BODY.cast::<i64>().eq(7))).all().await.unwrap();
        assert_eq!(loaded[0].1.len(), 1, "{what}");
    }
    assert_eq!(docs.find().filter(Doc::SLUG.cast::<i64>().eq(12)).delete().await.unwrap(), 1);
}

/// PostgreSQL looks at what is cheap first, and the rules of pages are not.
#[tokio::test]
async fn it_does_not_where_the_rules_ask_for_other_tables() {
    let fixture = world().await;
    fixture.execute("INSERT INTO teams VALUES (1, 'own', NULL), (2, 'other', NULL)").await;
    fixture.execute("INSERT INTO members VALUES (1, 10, 'editor')").await;
    fixture.execute("INSERT INTO pages VALUES (1, 1, '12'), (2, 2, 'secret')").await;
    let ada = of(&fixture, Principal::new(1, 10));
    let pages = Page::repo(&ada);
    let number = || Page::TEXT.cast::<i64>().eq(12);
    assert_eq!(pages.find().filter(number()).one().await.unwrap().id, 1);
    assert_eq!(pages.find().filter(!number()).count().await.unwrap(), 0);
    assert_eq!(pages.find().filter(number()).set(Page::TEXT, "13").execute().await.unwrap(), 1);
    assert_eq!(
        pages.find().filter(Filter::raw("CAST({} AS DECIMAL) > 0", [Page::TEXT])).delete().await.unwrap(),
        1
    );
}

#[tokio::test]
async fn a_filter_that_cannot_fail_stands_as_it_is() {
    let fixture = world().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let text = |filter| Doc::repo(&ada).find().filter(filter).to_sql().unwrap();
    assert!(!text(Doc::SLUG.eq("x")).to_string().contains("CASE"));
    assert!(text(Doc::AMOUNT.plus(1).gt(0)).to_string().contains("CASE"));
    // Neither does it where there is no policy.
    let text = Team::repo(&ada).find().filter(Team::ID.plus(1).gt(0)).to_sql().unwrap();
    assert!(!text.to_string().contains("CASE"));
}
