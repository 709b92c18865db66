//! Times, medians and their table.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

type Run = Box<dyn Fn() -> Pin<Box<dyn Future<Output = usize>>>>;

/// One way to do what a case is about.
pub(crate) struct Contender {
    label: &'static str,
    run: Run,
}

/// `run` answers how many rows it saw, which has to be the same for all contenders.
pub(crate) fn contender<F: Future<Output = usize> + 'static>(
    label: &'static str,
    run: impl Fn() -> F + 'static,
) -> Contender {
    Contender { label, run: Box::new(move || Box::pin(run())) }
}

pub(crate) fn head() {
    println!("| database | case | way | median | beside the first |");
    println!("|---|---|---|--:|--:|");
}

/// Runs all contenders in turn, `calls` times each, for so many rounds, and prints a line for each.
pub(crate) async fn measure(
    database: &str,
    case: &str,
    only: &str,
    (rounds, calls): (usize, u32),
    contenders: Vec<Contender>,
) {
    if !case.starts_with(only) {
        return;
    }
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    let mut allocations = vec![0; contenders.len()];
    let mut seen = None;
    // The first rounds fill caches.
    let warm = 2 + rounds / 10;
    for round in 0..warm + rounds {
        for i in 0..contenders.len() {
            // Nobody comes always after the same one.
            let i = (i + round) % contenders.len();
            let Contender { label, run } = &contenders[i];
            let allocated = crate::ALLOCATIONS.count();
            let start = Instant::now();
            for _ in 0..calls {
                let rows = run().await;
                assert_eq!(*seen.get_or_insert(rows), rows, "{case}: {label} sees other rows");
            }
            let time = start.elapsed() / calls;
            allocations[i] = (crate::ALLOCATIONS.count() - allocated) / u64::from(calls);
            if round >= warm {
                times[i].push(time);
            }
        }
    }
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    let first = medians[0].as_secs_f64();
    for ((contender, median), allocations) in contenders.iter().zip(&medians).zip(&allocations) {
        let ratio = median.as_secs_f64() / first;
        let micros = median.as_secs_f64() * 1e6;
        println!(
            "| {database} | {case} | {} | {micros:.1} us, {allocations} allocations | {ratio:.2} |",
            contender.label
        );
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
