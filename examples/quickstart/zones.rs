//! Reads the format of `zone1970.tab`.

use thiserror::Error;

/// A line of the table: a time zone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// ISO 3166 codes of the countries that it overlaps, the one with its most populous city first.
    pub(crate) countries: Vec<String>,
    /// Degrees of its principal location; north is positive.
    pub(crate) latitude: f64,
    /// Degrees of its principal location; east is positive.
    pub(crate) longitude: f64,
    /// Its name, such as `Europe/Zurich`.
    pub(crate) name: String,
    /// What tells it from other zones of its countries.
    pub(crate) comment: Option<String>,
}

/// Why the table cannot be read.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub(crate) struct ParseError {
    /// Counted from one.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) problem: Problem,
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum Problem {
    /// There are fewer than three columns.
    #[error("a row has countries, coordinates and a name, separated by tabs")]
    Columns,
    /// The first column is not a list of codes.
    #[error("countries are codes of two capital letters, separated by commas")]
    Countries,
    /// The second column is not a location.
    #[error("coordinates are written ±DDMM±DDDMM or ±DDMMSS±DDDMMSS")]
    Coordinates,
}

/// Reads the table.
pub(crate) fn parse(table: &str) -> Result<Vec<Line>, ParseError> {
    table
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(index, line)| row(line).map_err(|problem| ParseError { line: index + 1, problem }))
        .collect()
}

fn row(line: &str) -> Result<Line, Problem> {
    let mut columns = line.split('\t');
    let (Some(countries), Some(coordinates), Some(name)) = (columns.next(), columns.next(), columns.next())
    else {
        return Err(Problem::Columns);
    };
    let countries: Vec<String> = countries.split(',').map(str::to_owned).collect();
    if !countries.iter().all(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())) {
        return Err(Problem::Countries);
    }
    let (latitude, longitude) = location(coordinates).ok_or(Problem::Coordinates)?;
    let comment = columns.next().map(str::to_owned);
    Ok(Line { countries, latitude, longitude, name: name.to_owned(), comment })
}

/// A location by ISO 6709.
fn location(text: &str) -> Option<(f64, f64)> {
    let split = text.bytes().skip(1).position(|byte| matches!(byte, b'+' | b'-'))? + 1;
    let (latitude, longitude) = text.split_at(split);
    Some((degrees(latitude, 2, 90.0)?, degrees(longitude, 3, 180.0)?))
}

/// A sign, `width` digits of degrees, two of minutes, and two of seconds or none.
fn degrees(text: &str, width: usize, limit: f64) -> Option<f64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1.0,
        b'-' => -1.0,
        _ => return None,
    };
    let digits = &text[1..];
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = match digits.len() - digits.len().min(width + 2) {
        0 => "0",
        2 => &digits[width + 2..],
        _ => return None,
    };
    let number = |digits: &str| digits.parse::<f64>().ok();
    let minutes = number(digits.get(width..width + 2)?)?;
    let seconds = number(seconds)?;
    let value = number(&digits[..width])? + minutes / 60.0 + seconds / 3600.0;
    (minutes < 60.0 && seconds < 60.0 && value <= limit).then_some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: &str) -> Problem {
        parse(line).expect_err("the line is wrong").problem
    }

    #[test]
    fn a_row_with_minutes() {
        let zones = parse("CH,DE,LI\t+4723+00832\tEurope/Zurich\tBüsingen\n").expect("a row");
        let zurich = Line {
            countries: ["CH", "DE", "LI"].map(str::to_owned).to_vec(),
            latitude: 47.0 + 23.0 / 60.0,
            longitude: 8.0 + 32.0 / 60.0,
            name: "Europe/Zurich".to_owned(),
            comment: Some("Büsingen".to_owned()),
        };
        assert_eq!(zones, [zurich]);
    }

    #[test]
    fn seconds_and_signs() {
        let (latitude, longitude) = location("-690022+0393524").expect("a location");
        assert!((latitude + 69.006_111).abs() < 1e-6, "{latitude}");
        assert!((longitude - 39.59).abs() < 1e-6, "{longitude}");
        let (latitude, longitude) = location("-0003-09931").expect("a location");
        assert!(latitude < 0.0 && longitude < 0.0, "the sign counts also where the degrees are zero");
    }

    #[test]
    fn comments_and_empty_lines_are_skipped() {
        assert_eq!(parse("# CH\t+4723+00832\tEurope/Zurich\n\n"), Ok(vec![]));
    }

    #[test]
    fn a_row_without_a_comment() {
        let zones = parse("AD\t+4230+00131\tEurope/Andorra").expect("a row");
        assert_eq!(zones[0].comment, None);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let error = parse("# a comment\nAD\t+4230+00131").expect_err("a column is missing");
        assert_eq!(error, ParseError { line: 2, problem: Problem::Columns });
        assert_eq!(problem("ad\t+4230+00131\tEurope/Andorra"), Problem::Countries);
        for coordinates in [
            "",
            "+",
            "4230+00131",
            "+4230",
            "+423+00131",
            "+4260+00131",
            "+42300+00131",
            "+9001+00131",
            "+423é+00131",
        ] {
            assert_eq!(
                problem(&format!("AD\t{coordinates}\tEurope/Andorra")),
                Problem::Coordinates,
                "{coordinates}"
            );
        }
    }

    #[test]
    fn the_table_of_the_iana_can_be_read() {
        let zones = parse(crate::TABLE).expect("the table");
        assert_eq!(zones.len(), 312);
        let tokyo = zones.iter().find(|zone| zone.name == "Asia/Tokyo").expect("Tokyo");
        assert_eq!(tokyo.countries, ["JP", "AU"]);
        assert!((tokyo.latitude - 35.654_444).abs() < 1e-6 && (tokyo.longitude - 139.744_722).abs() < 1e-6);
    }
}
