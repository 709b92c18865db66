//! Random groupings of random rows are what the same groupings are in Rust.

use std::collections::BTreeMap;

use kysera::expr::{Expression, count};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "facts")]
struct Fact {
    #[kysera(id, assigned)]
    id: i64,
    kind: Option<String>,
    team: Option<i32>,
    flag: bool,
    qty: Option<i32>,
    big: i64,
    ratio: Option<f64>,
}

const FACTS: Ddl = Ddl {
    postgres:
        "CREATE TABLE facts (id BIGINT PRIMARY KEY, kind TEXT, team INT, flag BOOLEAN NOT NULL, qty INT,
        big BIGINT NOT NULL, ratio DOUBLE PRECISION)",
    mysql: "CREATE TABLE facts (id BIGINT PRIMARY KEY, kind VARCHAR(20) COLLATE utf8mb4_bin, team INT,
        flag BOOLEAN NOT NULL, qty INT, big BIGINT NOT NULL, ratio DOUBLE)",
    sqlite: "CREATE TABLE facts (id INTEGER PRIMARY KEY, kind TEXT, team INTEGER, flag BOOLEAN NOT NULL,
        qty INTEGER, big INTEGER NOT NULL, ratio REAL)",
};

/// What to group by first. Texts are spelled in ASCII, which every database lowers.
#[derive(Debug, Clone, Copy)]
enum Text {
    Kind,
    LowerKind,
    Team,
}

/// What to group by next.
#[derive(Debug, Clone, Copy)]
enum Number {
    TeamOr,
    Doubled,
    KindLength,
}

#[derive(Debug, Clone)]
struct Case {
    rows: Vec<NewFact>,
    keys: (Text, Number),
    filter: Option<i32>,
    having: i64,
}

fn case() -> impl Strategy<Value = Case> {
    let kind = prop::option::of(prop::sample::select(vec!["a", "A", "b", "none", ""]));
    let fact = (
        kind,
        prop::option::of(-1..3),
        any::<bool>(),
        prop::option::of(any::<i32>()),
        -(1_i64 << 55)..1 << 55,
        prop::option::of(-1e6..1e6),
    );
    let fact = fact.prop_map(|(kind, team, flag, qty, big, ratio)| NewFact {
        id: 0,
        kind: kind.map(Into::into),
        team,
        flag,
        qty,
        big,
        ratio,
    });
    let text = prop::sample::select(vec![Text::Kind, Text::LowerKind, Text::Team]);
    let number = prop::sample::select(vec![Number::TeamOr, Number::Doubled, Number::KindLength]);
    (prop::collection::vec(fact, 0..30), (text, number), prop::option::of(-1..3), 0_i64..4).prop_map(
        |(mut rows, keys, filter, having)| {
            for (row, id) in rows.iter_mut().zip(1..) {
                row.id = id;
            }
            Case { rows, keys, filter, having }
        },
    )
}

type Keys = (Option<String>, i64);

/// What is known of a group.
#[derive(Debug, Clone, PartialEq, Default)]
struct Group {
    rows: i64,
    quantities: i64,
    kinds: i64,
    sum: Option<i64>,
    big: Option<i64>,
    min: Option<i32>,
    max: Option<f64>,
    avg: Option<f64>,
}

fn in_rust(case: &Case) -> BTreeMap<Keys, Group> {
    let text = |row: &NewFact| match case.keys.0 {
        Text::Kind => row.kind.clone(),
        Text::LowerKind => row.kind.as_ref().map(|kind| kind.to_lowercase()),
        Text::Team => row.team.map(|team| team.to_string()),
    };
    let number = |row: &NewFact| match case.keys.1 {
        Number::TeamOr => row.team.unwrap_or(2).into(),
        Number::Doubled => i64::from(row.team.unwrap_or(7)) * 2 + 1,
        Number::KindLength => row.kind.as_ref().map_or(4, String::len) as i64,
    };
    let mut groups: BTreeMap<Keys, Vec<&NewFact>> = BTreeMap::new();
    for row in case
        .rows
        .iter()
        .filter(|row| case.filter.is_none_or(|least| row.team.is_some_and(|team| team >= least)))
    {
        groups.entry((text(row), number(row))).or_default().push(row);
    }
    let groups = groups.into_iter().map(|(keys, rows)| {
        let quantities: Vec<i64> = rows.iter().filter_map(|row| row.qty.map(i64::from)).collect();
        let kinds: std::collections::BTreeSet<_> = rows.iter().filter_map(|row| row.kind.as_ref()).collect();
        let group = Group {
            rows: rows.len() as i64,
            quantities: quantities.len() as i64,
            kinds: kinds.len() as i64,
            sum: (!quantities.is_empty()).then(|| quantities.iter().sum()),
            big: Some(rows.iter().map(|row| row.big).sum()),
            min: rows.iter().filter_map(|row| row.qty).min(),
            max: rows.iter().filter_map(|row| row.ratio).max_by(f64::total_cmp),
            avg: (!quantities.is_empty())
                .then(|| quantities.iter().sum::<i64>() as f64 / quantities.len() as f64),
        };
        (keys, group)
    });
    groups.filter(|(_, group)| group.rows > case.having).collect()
}

async fn in_database(db: &Fixture<DB>, case: &Case) -> Vec<(Keys, Group)> {
    // Made anew each time: expressions with arguments are recognized by what they say.
    let text = || match case.keys.0 {
        Text::Kind => Fact::KIND.into_expr(),
        Text::LowerKind => Fact::KIND.lower(),
        Text::Team => Fact::TEAM.cast::<String>(),
    };
    let number = || match case.keys.1 {
        Number::TeamOr => Fact::TEAM.coalesce(2).cast::<i64>(),
        Number::Doubled => Fact::TEAM.coalesce(7).times(2).plus(1).cast::<i64>(),
        Number::KindLength => Fact::KIND.coalesce("none").length(),
    };
    let facts = Fact::repo(db.source());
    facts.insert_many(case.rows.clone()).await.unwrap();
    let filter = case.filter.map(|least| Fact::TEAM.ge(least));
    let find = || facts.find().filter_opt(filter.clone());
    let counts = (text(), number(), count(), Fact::QTY.count(), Fact::KIND.count_distinct());
    let counts = find().select(counts).group_by((text(), number())).having(count().gt(case.having));
    let values =
        (Fact::QTY.sum(), Fact::BIG.sum(), Fact::QTY.min(), Fact::RATIO.max(), Fact::QTY.avg(), text());
    let values = find().select(values).group_by((number(), text())).having(count().gt(case.having));

    let order = || [text().asc().nulls_first(), number().asc()];
    let groups = counts.clone().order_by_all(order()).all().await.unwrap();
    let values = values.order_by_all(order()).all().await.unwrap();
    assert_eq!(groups.len(), values.len());
    assert_eq!(counts.clone().count().await.unwrap(), groups.len() as u64);
    assert_eq!(counts.exists().await.unwrap(), !groups.is_empty());
    let groups = groups.into_iter().zip(values).map(|(counts, values)| {
        let (text, number, rows, quantities, kinds) = counts;
        let (sum, big, min, max, avg, same_text) = values;
        assert_eq!(text, same_text);
        ((text, number), Group { rows, quantities, kinds, sum, big, min, max, avg })
    });
    groups.collect()
}

#[test]
fn random_groupings() {
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    let algorithm = config.rng_algorithm;
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(algorithm));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let db = runtime.block_on(Fixture::<DB>::new(&FACTS));
    let result = runner.run(&case(), |case| {
        let found = runtime.block_on(async {
            db.execute("DELETE FROM facts").await;
            in_database(&db, &case).await
        });
        let wanted = in_rust(&case);
        prop_assert_eq!(found.len(), wanted.len());
        // Collations order texts in their own ways.
        let found: BTreeMap<_, _> = found.into_iter().collect();
        for ((keys, group), (wanted_keys, mut wanted)) in found.into_iter().zip(wanted) {
            prop_assert_eq!(keys, wanted_keys);
            if let (Some(found), Some(computed)) = (group.avg, wanted.avg) {
                prop_assert!((found - computed).abs() <= computed.abs() * 1e-12, "{} {}", found, computed);
                wanted.avg = group.avg;
            }
            prop_assert_eq!(group, wanted);
        }
        Ok(())
    });
    result.unwrap();
    runtime.block_on(async { drop(db) });
}
