//! The tour, the same on every database.

use futures_util::TryStreamExt;
use kysera::entity::On;
use kysera::prelude::*;
use kysera::{Backend, Conflict, Db, Error, Result};

use crate::entities::{self, Country, NewCountry, NewZone, Zone, ZonePatch};
use crate::{TABLE, zones};

/// Walks through it, from empty tables to none.
pub(crate) async fn take<DB: Backend>(db: &Db<DB>) -> Result<()>
where
    Zone: On<DB>,
    Country: On<DB>,
{
    db.raw_sql(entities::DROP).await?;
    db.raw_sql(entities::tables(DB::DIALECT)).await?;

    println!("The world's time zones on {}\n", DB::NAME);
    load(db).await?;
    find(db).await?;
    change(db).await?;
    go_wrong(db).await?;
    roll_back(db).await?;

    db.raw_sql(entities::DROP).await
}

/// Many rows at once.
async fn load<DB: Backend>(db: &Db<DB>) -> Result<()>
where
    Zone: On<DB>,
    Country: On<DB>,
{
    heading("1. Load the IANA's table: create_many answers the rows as stored, insert_many only counts");
    let lines = zones::parse(TABLE).map_err(Error::other)?;
    let new = |line: &zones::Line| NewZone {
        name: line.name.clone(),
        latitude: line.latitude,
        longitude: line.longitude,
        comment: line.comment.clone(),
        visits: None,
    };
    // One transaction for both tables; the closure's handle is a source like any other.
    let (zones, countries) = db
        .transaction(|tx| async move {
            let zones = Zone::repo(&tx).create_many(lines.iter().map(new)).await?;
            let countries = zones.iter().zip(&lines).flat_map(|(zone, line)| {
                line.countries.iter().map(|code| NewCountry { zone_id: zone.id, code: code.clone() })
            });
            let countries = Country::repo(&tx).insert_many(countries.collect::<Vec<_>>()).await?;
            Ok((zones, countries))
        })
        .await?;
    println!(
        "   {} zones and {countries} pairs of a zone and a country; the first zone is {:?}\n",
        zones.len(),
        zones[0]
    );
    Ok(())
}

/// Filters, order, pages, streams.
async fn find<DB: Backend>(db: &Db<DB>) -> Result<()>
where
    Zone: On<DB>,
    Country: On<DB>,
{
    let zones = Zone::repo(db);

    heading("2. Find: by key, by filter, page by page, as a stream");
    let zurich = zones.find().filter(Zone::NAME.eq("Europe/Zurich")).one().await?;
    println!("   Zurich lies at {:.2}, {:.2}", zurich.latitude, zurich.longitude);
    assert_eq!(zones.get(zurich.id).await?, zurich);

    let arctic = Zone::LATITUDE.gt(66.0) & !Zone::NAME.starts_with("Antarctica/");
    let northern = zones.find().filter(arctic).order_by(Zone::LATITUDE.desc()).all().await?;
    println!("   north of the polar circle: {}", names(&northern));

    // `_` and `%` stand for themselves in `contains`, `starts_with` and `ends_with`.
    let indiana = Zone::NAME.contains("Indiana/") | Zone::COMMENT.contains("Indiana");
    println!("   {} zones have to do with Indiana", zones.find().filter(indiana).count().await?);

    let europe = zones.find().filter(Zone::NAME.starts_with("Europe/")).order_by(Zone::NAME.asc());
    for page in 0..2 {
        let rows = europe.clone().limit(4).offset(page * 4).all().await?;
        println!("   Europe, page {}: {}", page + 1, names(&rows));
    }

    let mut rows = zones.find().stream();
    let mut southern = 0;
    while let Some(zone) = rows.try_next().await? {
        southern += u32::from(zone.latitude < 0.0);
    }
    println!("   a stream over all of them counts {southern} south of the equator");

    let swiss = Country::repo(db).find().filter(Country::CODE.eq("CH")).all().await?;
    let key = (swiss[0].zone_id, "CH".to_owned());
    println!("   and a key of two columns finds {:?}\n", Country::repo(db).get(key).await?);
    Ok(())
}

/// Updates, bulk updates, upserts.
async fn change<DB: Backend>(db: &Db<DB>) -> Result<()>
where
    Zone: On<DB>,
{
    let zones = Zone::repo(db);
    let named = |name: &'static str| zones.find().filter(Zone::NAME.eq(name)).one();

    heading("3. Change: a patch tells absent, NULL and value apart");
    let casey = named("Antarctica/Casey").await?;
    let casey = zones.update(casey.id, ZonePatch::new().comment(None).visits(1)).await?;
    println!("   {}: comment {:?}, visits {}, the rest as it was", casey.name, casey.comment, casey.visits);

    let (tokyo, lima) = (named("Asia/Tokyo").await?, named("America/Lima").await?);
    let both = zones
        .update_many([
            (tokyo.id, ZonePatch::new().visits(7).comment("Kantō")),
            (lima.id, ZonePatch::new().visits(3).comment("Costa")),
        ])
        .await?;
    println!(
        "   update_many, one statement: {} {}, {} {}",
        both[0].name, both[0].visits, both[1].name, both[1].visits
    );

    let visited = zones.find().filter(Zone::VISITS.gt(0)).update(ZonePatch::new().comment("seen")).await?;
    println!("   find().update() reaches {visited} zones at once");

    let atlantis = NewZone {
        name: "Atlantic/Atlantis".into(),
        latitude: 31.25,
        longitude: -24.25,
        comment: Some("sunken".into()),
        visits: None,
    };
    let made = zones.upsert(atlantis.clone(), Zone::NAME).await?;
    let kept = zones.upsert(NewZone { latitude: 36.0, ..atlantis }, Conflict::on(Zone::NAME).keep()).await?;
    println!(
        "   upsert made {} once (id {}), and kept it the second time: {}\n",
        made.name,
        made.id,
        made == kept
    );
    Ok(())
}

/// Errors are typed, and their messages contain no values.
async fn go_wrong<DB: Backend>(db: &Db<DB>) -> Result<()>
where
    Zone: On<DB>,
    Country: On<DB>,
{
    let zones = Zone::repo(db);

    heading("4. Go wrong: every database tells the same story");
    let twice =
        NewZone { name: "Asia/Tokyo".into(), latitude: 0.0, longitude: 0.0, comment: None, visits: None };
    if let Err(error) = zones.create(twice.clone()).await {
        println!("   {}: {error}", error.code());
        println!("      of Zone::NAME: {}", error.is_unique_violation_of(Zone::NAME));
    }
    if let Err(error) = zones.create(NewZone { name: "Nowhere".into(), latitude: 100.0, ..twice }).await {
        println!("   {}: {error}", error.code());
    }
    if let Err(error) = Country::repo(db).create(NewCountry { zone_id: -1, code: "XX".into() }).await {
        println!("   {}: {error}", error.code());
    }
    if let Err(error) = zones.get(-1).await {
        println!("   {}: {error}", error.code());
    }
    let unknown = [(-1, ZonePatch::new().visits(1)), (-2, ZonePatch::new().visits(1))];
    if let Err(error) = zones.update_many(unknown).await {
        println!("   {}: {error}\n", error.code());
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("{left} zones would be left: too few")]
struct TooFew {
    left: u64,
}

/// A transaction whose closure fails leaves nothing behind; a savepoint inside it fails alone.
async fn roll_back<DB: Backend>(db: &Db<DB>) -> Result<()>
where
    Zone: On<DB>,
    Country: On<DB>,
{
    heading("5. Roll back: an error undoes a transaction, or the savepoint that it happened in");
    let zones = Zone::repo(db);
    let before = zones.count().await?;
    let result: Result<()> = db
        .transaction(|tx| async move {
            Country::repo(&tx).find().delete().await?;
            let zones = Zone::repo(&tx);
            zones.find().filter(Zone::LATITUDE.gt(-60.0)).delete().await?;
            let left = zones.count().await?;
            Err(Error::other(TooFew { left }))
        })
        .await;
    if let Err(error) = result {
        let own = error.downcast_ref::<TooFew>().is_some();
        println!("   \"{error}\" (the caller's own error type: {own})");
    }
    println!("   before {before}, after {}", zones.count().await?);

    db.transaction(|tx| async move {
        let zones = Zone::repo(&tx);
        zones.find().filter(Zone::NAME.eq("Atlantic/Atlantis")).delete().await?;
        let inner = tx
            .transaction(|inner| async move {
                Zone::repo(&inner).find().update(ZonePatch::new().visits(99)).await?;
                Zone::repo(&inner).get(-1).await
            })
            .await;
        println!(
            "   the savepoint failed alone ({}), the transaction goes on",
            match inner {
                Ok(_) => "no".to_owned(),
                Err(error) => error.to_string(),
            }
        );
        Ok(())
    })
    .await?;
    println!(
        "   committed: {} zones, {} of them visited 99 times",
        zones.count().await?,
        zones.find().filter(Zone::VISITS.eq(99)).count().await?
    );
    Ok(())
}

fn heading(text: &str) {
    println!("{text}");
}

fn names(zones: &[Zone]) -> String {
    zones.iter().map(|zone| zone.name.as_str()).collect::<Vec<_>>().join(", ")
}
