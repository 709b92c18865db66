//! The world's time zones.
//!
//! `zone1970.tab` is the table of the IANA time zone database, release 2025b, which is in the public domain
//! (<https://www.iana.org/time-zones>).

mod zones;

use std::collections::BTreeMap;
use std::process::ExitCode;

const TABLE: &str = include_str!("zone1970.tab");

fn main() -> ExitCode {
    let zones = match zones::parse(TABLE) {
        Ok(zones) => zones,
        Err(error) => {
            eprintln!("zone1970.tab: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut by_country = BTreeMap::<&str, usize>::new();
    for code in zones.iter().flat_map(|zone| &zone.countries) {
        *by_country.entry(code).or_default() += 1;
    }
    println!("{} time zones in {} countries", zones.len(), by_country.len());
    ExitCode::SUCCESS
}
