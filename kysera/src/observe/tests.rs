use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::n_plus_one::MOST_RUNS;
use super::{Event, NPlusOne, Observer, Operation, Outcome, SlowLog, Statement};
use crate::backend::Dialect;

const FIND: Operation = Operation { table: Some("users"), entity: Some("User"), method: "find_by_id" };

#[track_caller]
fn event(operation: Operation, duration: Duration) -> Event<'static> {
    let statement = Statement {
        operation,
        sql: " SELECT 1",
        dialect: Dialect::Sqlite,
        caller: Location::caller(),
        is_first: true,
        waited: Duration::ZERO,
        values: None,
    };
    Event { statement, duration, rows: 1, outcome: Outcome::Done }
}

#[test]
fn the_slow_log_tells_of_what_takes_longer_than_its_threshold() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let other = told.clone();
    let log =
        SlowLog::over(Duration::from_millis(50)).to(move |event| other.lock().unwrap().push(event.duration));
    let millis = [49, 50, 51, 0, 5000].map(Duration::from_millis);
    for duration in millis.into_iter().chain([Duration::from_micros(50_001)]) {
        log.ended(&event(FIND, duration), None);
    }
    let longer = [Duration::from_millis(51), Duration::from_millis(5000), Duration::from_micros(50_001)];
    assert_eq!(*told.lock().unwrap(), longer);
    assert!(!log.wants_values() && SlowLog::default().with_values().wants_values());
}

#[test]
fn the_slow_log_counts_waits_if_it_is_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let logs = [false, true].map(|waits| {
        let told = told.clone();
        let log = SlowLog::over(Duration::from_millis(50));
        let log = if waits { log.counting_waits() } else { log };
        log.to(move |event| told.lock().unwrap().push((waits, event.statement.waited)))
    });
    let millis = Duration::from_millis;
    for (waited, duration) in [(10, 40), (11, 40), (300, 1), (0, 51)] {
        let mut event = event(FIND, millis(duration));
        event.statement.waited = millis(waited);
        logs.iter().for_each(|log| log.ended(&event, None));
    }
    let expected = [(true, millis(11)), (true, millis(300)), (false, millis(0)), (true, millis(0))];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[test]
fn a_verb_is_the_first_word() {
    assert_eq!(event(FIND, Duration::ZERO).statement.verb(), "SELECT");
    let nothing = Statement { sql: "", ..event(FIND, Duration::ZERO).statement };
    assert_eq!(nothing.verb(), "");
}

fn calls(detector: &NPlusOne, times: u32) {
    for _ in 0..times {
        detector.ended(&event(FIND, Duration::ZERO), None);
    }
}

#[test]
fn a_loop_is_found_at_its_threshold_and_not_before() {
    let detector = NPlusOne::new();
    calls(&detector, 9);
    assert_eq!(detector.findings(), []);
    let detector = NPlusOne::new();
    calls(&detector, 10);
    assert_eq!(detector.findings()[0].count, 10);
    let detector = NPlusOne::new().threshold(3, Duration::from_secs(3600));
    calls(&detector, 12);
    let findings = detector.findings();
    assert_eq!((findings.len(), findings[0].count, findings[0].operation), (1, 12, FIND));
    // One call is no loop.
    let detector = NPlusOne::new().threshold(0, Duration::from_secs(1));
    calls(&detector, 1);
    assert_eq!(detector.findings(), []);
}

#[test]
fn what_lies_far_apart_is_no_loop() {
    let detector = NPlusOne::new().threshold(2, Duration::ZERO);
    for _ in 0..100 {
        let before = std::time::Instant::now();
        calls(&detector, 1);
        while before.elapsed().is_zero() {
            std::hint::spin_loop();
        }
    }
    assert_eq!(detector.findings(), []);
}

#[test]
fn other_places_and_other_operations_are_other_loops() {
    let detector = NPlusOne::new().threshold(3, Duration::from_secs(3600));
    for _ in 0..2 {
        detector.ended(&event(FIND, Duration::ZERO), None);
        detector.ended(&event(FIND, Duration::ZERO), None);
        let there = Event {
            statement: Statement {
                operation: Operation { method: "get", ..FIND },
                ..event(FIND, Duration::ZERO).statement
            },
            ..event(FIND, Duration::ZERO)
        };
        detector.ended(&there, None);
    }
    assert_eq!(detector.findings(), []);
}

#[test]
fn later_statements_and_those_of_no_table_do_not_count() {
    let detector = NPlusOne::new();
    for _ in 0..50 {
        let one = event(FIND, Duration::ZERO);
        detector.ended(&Event { statement: Statement { is_first: false, ..one.statement }, ..one }, None);
        detector.ended(&event(Operation::plain("begin"), Duration::ZERO), None);
    }
    assert_eq!(detector.findings(), []);
}

/// However many tasks there are, and whether or not their time is over.
#[test]
fn what_it_remembers_is_bounded() {
    for window in [Duration::from_secs(3600), Duration::ZERO] {
        let detector = NPlusOne::new().threshold(10, window);
        let here = event(FIND, Duration::ZERO);
        for n in 0..MOST_RUNS * 2 + 50 {
            let method: &'static str = n.to_string().leak();
            let statement = Statement { operation: Operation { method, ..FIND }, ..here.statement };
            detector.ended(&Event { statement, ..here }, None);
        }
        assert!(detector.runs() <= MOST_RUNS, "{}", detector.runs());
        assert_eq!(detector.findings(), []);
    }
}

#[test]
fn a_finding_says_what_to_do() {
    let detector = NPlusOne::new();
    calls(&detector, 10);
    let text = detector.findings()[0].to_string();
    assert!(text.starts_with("users.find_by_id was called 10 times within "), "{text}");
    assert!(text.contains("observe/tests.rs:") && text.contains("`find_by_ids`"), "{text}");
}
