use std::panic::Location;
use std::time::Duration;

use super::{ProfileReport, Profiler};
use crate::backend::Dialect;
use crate::error::{Error, PoolError};
use crate::observe::{Event, Observer, Operation, Outcome, Statement};

const FIND: Operation = Operation { table: Some("users"), entity: Some("User"), method: "find_by_id" };
const CREATE: Operation = Operation { method: "create", ..FIND };

#[track_caller]
fn event<'e>(operation: Operation, sql: &'e str, micros: u64, outcome: Outcome<'e>) -> Event<'e> {
    let statement = Statement {
        operation,
        sql,
        dialect: Dialect::Sqlite,
        caller: Location::caller(),
        is_first: true,
        waited: Duration::from_micros(5),
        values: None,
    };
    Event { statement, duration: Duration::from_micros(micros), rows: 2, outcome }
}

#[track_caller]
fn tell(profiler: &Profiler, operation: Operation, micros: u64) {
    profiler.ended(&event(operation, "SELECT 1", micros, Outcome::Done), None);
}

fn refused() -> Error {
    Error::BadRequest("no".into())
}

fn is_near(found: Duration, true_one: Duration) {
    let (found, true_one) = (found.as_secs_f64(), true_one.as_secs_f64());
    assert!((found / true_one - 1.0).abs() <= 0.01, "{found} for {true_one}");
}

/// From a microsecond to a minute, in no order.
#[test]
fn percentiles_are_those_of_the_sorted_list_within_one_percent() {
    let mut number = 0x9e37_79b9_7f4a_7c15_u64;
    for most in [20, 900, 50_000, 3_000_000, 60_000_000] {
        let profiler = Profiler::with_capacity(0);
        let mut all = Vec::new();
        for _ in 0..5000 {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            all.push(1 + number % most);
        }
        all.iter().for_each(|micros| tell(&profiler, FIND, *micros));
        all.sort_unstable();
        let at = |percent: usize| Duration::from_micros(all[(all.len() * percent).div_ceil(100) - 1]);
        let times = profiler.report().operations[0].times;
        is_near(times.p50, at(50));
        is_near(times.p95, at(95));
        is_near(times.p99, at(99));
        is_near(times.min, Duration::from_micros(all[0]));
        let total: u64 = all.iter().sum();
        is_near(times.mean, Duration::from_nanos(total * 1000 / 5000));
        // The longest is known exactly, and no percentile is beyond it.
        assert_eq!(times.max, Duration::from_micros(all[4999]));
        assert!(times.p50 <= times.p95 && times.p95 <= times.p99 && times.p99 <= times.max);
    }
}

#[test]
fn one_statement_is_all_percentiles() {
    let profiler = Profiler::new();
    tell(&profiler, FIND, 1234);
    let times = profiler.report().operations[0].times;
    for time in [times.min, times.mean, times.p50, times.p95, times.p99] {
        is_near(time, Duration::from_micros(1234));
    }
    assert_eq!(times.max, Duration::from_micros(1234));
}

/// What takes longer than a day, or no time at all.
#[test]
fn absurd_durations_count() {
    let profiler = Profiler::new();
    let mut event = event(FIND, "SELECT 1", 0, Outcome::Done);
    profiler.ended(&event, None);
    event.duration = Duration::from_secs(400 * 24 * 60 * 60);
    profiler.ended(&event, None);
    let report = profiler.report();
    assert_eq!((report.statements, report.operations[0].times.max), (2, event.duration));
    assert!(report.to_string().contains("576000.0 min"), "{report}");
    report.to_html();
}

#[test]
fn the_ring_keeps_the_last_statements_in_the_order_in_which_they_began() {
    let profiler = Profiler::with_capacity(3);
    for n in 0..10 {
        let sql = format!("SELECT {n}");
        profiler.ended(&event(FIND, &sql, 1, Outcome::Done), None);
    }
    let report = profiler.report();
    let recent: Vec<&str> = report.recent.iter().map(|call| &*call.sql).collect();
    assert_eq!(recent, ["SELECT 7", "SELECT 8", "SELECT 9"]);
    assert_eq!(report.statements, 10);

    // What ran all the time began first.
    profiler.ended(&event(FIND, "SELECT 'long'", 60_000_000, Outcome::Done), None);
    let report = profiler.report();
    let recent: Vec<&str> = report.recent.iter().map(|call| &*call.sql).collect();
    assert_eq!(recent, ["SELECT 'long'", "SELECT 8", "SELECT 9"]);
    assert!(report.recent.is_sorted_by_key(|call| call.at));
}

#[test]
fn a_ring_may_hold_nothing() {
    let profiler = Profiler::with_capacity(0);
    tell(&profiler, FIND, 3);
    let report = profiler.report();
    assert_eq!((report.statements, report.recent.len()), (1, 0));
    assert_eq!(
        report.operations[0].slowest.as_ref().map(|call| call.duration),
        Some(Duration::from_micros(3))
    );
}

#[test]
fn what_fails_and_what_is_dropped_counts_as_well() {
    let profiler = Profiler::new();
    tell(&profiler, FIND, 10);
    let error = refused();
    profiler.ended(&event(FIND, "SELECT 1", 20, Outcome::Failed(&error)), None);
    profiler.ended(&event(FIND, "SELECT 1", 30, Outcome::Dropped), None);
    profiler.unsent(FIND, Duration::from_millis(2), &Error::Pool(PoolError::Closed));
    let report = profiler.report();
    assert_eq!((report.statements, report.failed, report.dropped), (3, 1, 1));
    let find = &report.operations[0];
    assert_eq!((find.statements, find.failed, find.dropped, find.unsent, find.rows), (3, 1, 1, 1, 6));
    let closed = Error::Pool(PoolError::Closed).code().as_str();
    let mut codes = [(error.code().as_str(), 1), (closed, 1)];
    codes.sort_unstable();
    assert_eq!(find.errors, codes);
    assert_eq!((find.total, find.waited), (Duration::from_micros(60), Duration::from_micros(2015)));
    let outcomes: Vec<&str> = report.recent.iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes.len(), 3);
    for outcome in ["ok", "dropped", error.code().as_str()] {
        assert!(outcomes.contains(&outcome), "{outcomes:?}");
    }
}

/// The first that is known of an operation may be that it found no connection, and on which database is not known then.
#[test]
fn the_database_is_known_from_the_first_statement_on() {
    let profiler = Profiler::new();
    profiler.unsent(FIND, Duration::ZERO, &Error::Pool(PoolError::Closed));
    let report = profiler.report();
    assert_eq!((report.operations[0].system, report.statements), ("", 0));
    assert_eq!(report.operations[0].times, super::Percentiles::default());
    report.to_html();
    tell(&profiler, FIND, 1);
    assert_eq!(profiler.report().operations[0].system, "sqlite");
}

#[test]
fn operations_stand_by_their_time_and_callers_by_their_number() {
    let profiler = Profiler::new();
    for _ in 0..3 {
        tell(&profiler, FIND, 10);
    }
    tell(&profiler, FIND, 10);
    tell(&profiler, CREATE, 60);
    let report = profiler.report();
    let names: Vec<&str> = report.operations.iter().map(|operation| &*operation.name).collect();
    assert_eq!(names, ["users.create", "users.find_by_id"]);
    let shares: Vec<f64> = report.operations.iter().map(|operation| operation.share).collect();
    assert!((shares[0] - 0.6).abs() < 1e-9 && (shares[1] - 0.4).abs() < 1e-9, "{shares:?}");
    let calls: Vec<u64> = report.operations[1].callers.iter().map(|(_, count)| *count).collect();
    assert_eq!(calls, [3, 1]);
    assert!(report.operations[1].callers[0].0.contains("profiler/tests.rs:"));
    assert_eq!(report.total, Duration::from_micros(100));
}

#[test]
fn clearing_forgets_everything() {
    let profiler = Profiler::new();
    tell(&profiler, FIND, 10);
    profiler.clear();
    let report = profiler.report();
    assert_eq!((report.statements, report.operations.len(), report.recent.len()), (0, 0, 0));
    assert_eq!(report.total, Duration::ZERO);
    report.to_html();
    tell(&profiler, FIND, 10);
    assert_eq!(profiler.report().statements, 1);
}

#[test]
fn json_has_milliseconds_and_the_names_of_the_fields() {
    let profiler = Profiler::new();
    tell(&profiler, FIND, 1500);
    let json = serde_json::to_value(profiler.report()).unwrap();
    for key in [
        "since_unix_seconds",
        "measured_ms",
        "statements",
        "failed",
        "dropped",
        "total_ms",
        "operations",
        "recent",
    ] {
        assert!(json.get(key).is_some(), "{key} in {json}");
    }
    let find = &json["operations"][0];
    assert_eq!((&find["name"], &find["system"]), (&"users.find_by_id".into(), &"sqlite".into()));
    assert_eq!((&find["statements"], &find["share"]), (&1.into(), &1.0.into()));
    assert_eq!((&find["total_ms"], &find["times"]["max_ms"]), (&1.5.into(), &1.5.into()));
    for key in ["min_ms", "mean_ms", "p50_ms", "p95_ms", "p99_ms"] {
        assert!(find["times"][key].is_f64(), "{key} in {find}");
    }
    let call = &json["recent"][0];
    assert_eq!((&call["sql"], &call["duration_ms"]), (&"SELECT 1".into(), &1.5.into()));
    assert_eq!((&call["outcome"], &call["rows"]), (&"ok".into(), &2.into()));
    assert_eq!(find["slowest"], *call);
}

#[test]
fn the_table_has_a_line_for_each_operation() {
    let profiler = Profiler::new();
    tell(&profiler, FIND, 1500);
    tell(&profiler, CREATE, 20);
    let error = refused();
    profiler.ended(&event(CREATE, "INSERT", 300_000, Outcome::Failed(&error)), None);
    let table = profiler.report().to_string();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(
        lines[0].starts_with("3 statements in ") && lines[0].contains("1 failed, 0 dropped, 0 not sent"),
        "{table}"
    );
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        words(lines[1]),
        [
            "operation",
            "count",
            "failed",
            "unsent",
            "rows",
            "waited",
            "total",
            "share",
            "p50",
            "p95",
            "p99",
            "max"
        ]
    );
    let [create, find] = [words(lines[2]), words(lines[3])];
    assert_eq!(create[..5], ["users.create", "2", "1", "0", "4"]);
    assert_eq!(find[..5], ["users.find_by_id", "1", "0", "0", "2"]);
    let total = |words: &[String]| {
        words.iter().position(|word| word.ends_with('%')).map(|at| words[at - 2..=at].join(" "))
    };
    assert_eq!(total(&create).as_deref(), Some("300 ms 99.5%"));
    assert_eq!(total(&find).as_deref(), Some("1.5 ms 0.5%"));
    // In columns.
    let width = |line: &str| line.chars().count();
    assert!(lines[1..].windows(2).all(|pair| width(pair[0]) == width(pair[1])), "{table}");
}

/// Opening and closing tags match, attributes are quoted, and nothing else begins with `<`.
fn is_well_formed(html: &str) {
    const EMPTY: &[&str] = &["meta", "br", "hr", "link", "input", "img", "col", "wbr"];
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        if open.last().is_none_or(|last| last != "style") {
            assert!(!text.contains('>'), "{text}");
        }
        let end = tag.find('>').unwrap_or_else(|| panic!("a tag without an end: {tag:.50}"));
        let inner = &tag[1..end];
        rest = &tag[end + 1..];
        if inner.starts_with('!') {
            continue;
        }
        assert_eq!(inner.matches('"').count() % 2, 0, "{inner}");
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{rest:.80}");
            continue;
        }
        let name = inner.split_whitespace().next().unwrap_or_default().trim_end_matches('/').to_owned();
        assert!(name.chars().next().is_some_and(|first| first.is_ascii_alphabetic()), "<{inner}>");
        if !inner.ends_with('/') && !EMPTY.contains(&&*name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<String>::new());
}

fn hostile() -> ProfileReport {
    const ODD: &str = "</td><script>alert('1')</script>&\"`";
    let profiler = Profiler::new();
    let odd = Operation { table: Some(ODD), entity: Some(ODD), method: ODD };
    for micros in [1, 40, 90_000, 2_000_000] {
        let sql =
            format!("SELECT '{ODD}' <> 'x' -- http://example.org/?src=1 & <img src=x onerror=alert(1)>");
        profiler.ended(&event(odd, &sql, micros, Outcome::Done), None);
        tell(&profiler, FIND, micros / 2);
    }
    let error = refused();
    profiler.ended(&event(odd, "<u>", 3, Outcome::Failed(&error)), None);
    profiler.ended(&event(odd, "<u>", 3, Outcome::Dropped), None);
    profiler.unsent(odd, Duration::from_secs(1), &error);
    profiler.report()
}

#[test]
fn the_page_is_well_formed_and_runs_nothing() {
    let empty = Profiler::new().report().to_html();
    for html in [empty, hostile().to_html()] {
        assert!(html.starts_with("<!"), "{html:.40}");
        is_well_formed(&html);
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<u>"));
        // Nothing is fetched: what looks like an address or an attribute is text of a statement, of which it has no tag.
        let mut rest = &*html;
        while let Some(at) = rest.find('<') {
            let end = rest[at..].find('>').map_or(rest.len(), |end| at + end);
            let tag = &rest[at..end];
            for word in ["http", "src=", "href=\"h", "onerror", "onload", "javascript", "@import", "url("] {
                assert!(!tag.contains(word), "{tag}");
            }
            rest = &rest[end..];
        }
        let style =
            html.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap_or_default();
        assert!(!style.contains("url(") && !style.contains("@import") && !style.contains("http"));
    }
}

#[test]
fn the_page_says_what_is_slow() {
    let html = hostile().to_html();
    assert!(html.contains("users.find_by_id"));
    assert!(html.contains("&lt;script&gt;"), "names and statements are there, as text");
    assert!(html.contains("profiler/tests.rs:"));
    assert!(html.contains(refused().code().as_str()));
}
