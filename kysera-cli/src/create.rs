//! New files.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::output::{Failure, line};

/// What is to be made.
pub(crate) struct New<'a> {
    pub(crate) name: &'a str,
    pub(crate) reversible: bool,
    pub(crate) no_transaction: bool,
}

/// Makes the files of a migration, and the folder if it is not there.
pub(crate) fn create(folder: &Path, new: &New<'_>) -> Result<(), Failure> {
    let name = file_name(new.name)?;
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let version = next_version(folder)?;
    let head = if new.no_transaction { "-- no-transaction\n" } else { "" };
    let files: &[(&str, &str)] = if new.reversible {
        &[("up.sql", "-- What it does\n"), ("down.sql", "-- What undoes it\n")]
    } else {
        &[("sql", "-- What it does\n")]
    };
    for (suffix, text) in files {
        let path = folder.join(format!("{version}_{name}.{suffix}"));
        write(&path, &format!("{head}{text}")).map_err(|error| failed(&path, &error))?;
        line(&path.display().to_string())?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}

/// sqlx shows underscores as spaces, and takes anything else as it is.
fn file_name(name: &str) -> Result<String, Failure> {
    let name = name.trim().replace([' ', '-'], "_");
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain {
        Ok(name)
    } else {
        Err(Failure::Refused("a name is made of letters, digits, `_`, `-` and spaces: add_users".into()))
    }
}

/// The time, in UTC, as sqlx writes it; or the next number, as wide as the last one, in a folder that counts.
fn next_version(folder: &Path) -> Result<String, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let digits = names.filter(|name| name.ends_with(".sql")).filter_map(|name| {
        let digits = name.split('_').next()?.to_owned();
        Some((digits.parse::<i64>().ok()?, digits))
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(match digits.max() {
        // Shorter than any time.
        Some((last, digits)) if last < 10_000_000_000 => {
            format!("{:0width$}", last + 1, width = digits.len())
        }
        // Two in one second, or a clock that went back.
        Some((last, _)) => last.saturating_add(1).max(timestamp(now)).to_string(),
        None => timestamp(now).to_string(),
    })
}

/// `YYYYMMDDHHMMSS` in UTC. The calendar is that of Howard Hinnant's `civil_from_days`.
fn timestamp(seconds: u64) -> i64 {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153; // from March
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let date = (year * 100 + month) * 100 + day;
    let time = (second / 3_600 * 100 + second / 60 % 60) * 100 + second % 60;
    i64::try_from(date * 1_000_000 + time).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, 19_700_101_000_000),
            (951_782_399, 20_000_228_235_959),
            (951_782_400, 20_000_229_000_000),
            (1_709_251_199, 20_240_229_235_959),
            (1_767_225_599, 20_251_231_235_959),
            (4_107_542_400, 21_000_301_000_000),
        ] {
            assert_eq!(timestamp(seconds), expected);
        }
    }

    #[test]
    fn names_are_plain() {
        assert_eq!(file_name(" add users-table ").ok().as_deref(), Some("add_users_table"));
        for odd in ["", "../x", "a/b", "a.sql", "a;b"] {
            assert!(file_name(odd).is_err(), "{odd}");
        }
    }
}
