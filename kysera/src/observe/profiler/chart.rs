//! Charts of a report, as SVG. Colours are those of the page's style.

use std::fmt::Write as _;
use std::time::Duration;

use super::html::escape;
use super::report::{Call, OperationProfile, short};

/// The width of all charts, in units of their own; they are scaled to the page.
const WIDTH: f64 = 960.0;
/// Where names of operations end.
const LABELS: f64 = 250.0;
const ROW: f64 = 26.0;
/// The most operations that a chart shows.
pub(super) const MOST: usize = 15;

/// A logarithmic scale of durations.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// From powers of ten around the durations to a range of the chart.
    fn new(durations: impl Iterator<Item = Duration>, from: f64, to: f64) -> Self {
        let exponents = durations.map(exponent).collect::<Vec<_>>();
        let low = exponents.iter().copied().fold(f64::INFINITY, f64::min);
        let high = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low <= high { (low.floor(), high.ceil()) } else { (0.0, 1.0) };
        Self { low, high: high.max(low + 1.0), from, to }
    }

    fn at(&self, duration: Duration) -> f64 {
        self.place(exponent(duration))
    }

    fn place(&self, exponent: f64) -> f64 {
        self.from + (exponent - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The powers of ten: where they stand, and what they are called.
    fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        let mut exponent = self.low;
        std::iter::from_fn(move || {
            let at = (exponent <= self.high).then_some(exponent)?;
            exponent += 1.0;
            Some((self.place(at), tick(at)))
        })
    }
}

/// Of microseconds; what is shorter counts as one.
fn exponent(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).max(1.0).log10()
}

fn tick(exponent: f64) -> String {
    short(Duration::from_secs_f64(10f64.powf(exponent - 6.0))).replace(".0 ", " ")
}

fn open(out: &mut String, height: f64, title: &str) {
    let _ =
        write!(out, r#"<svg viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-label="{}">"#, escape(title));
}

fn label(out: &mut String, y: f64, name: &str) {
    let end = LABELS - 10.0;
    // Names that do not fit lose their middle, which says least.
    let chars: Vec<char> = name.chars().collect();
    let shown: String = if chars.len() > 34 {
        chars[..16].iter().chain(&['…']).chain(&chars[chars.len() - 17..]).collect()
    } else {
        name.into()
    };
    let _ = write!(
        out,
        r#"<text class="name" x="{end}" y="{y:.1}" text-anchor="end"><title>{}</title>{}</text>"#,
        escape(name),
        escape(&shown)
    );
}

/// Where the time goes.
pub(super) fn totals(operations: &[OperationProfile]) -> String {
    let shown = &operations[..operations.len().min(MOST)];
    let most = shown.iter().map(|operation| operation.total.as_secs_f64()).fold(f64::MIN_POSITIVE, f64::max);
    let room = WIDTH - LABELS - 230.0;
    let mut out = String::new();
    open(&mut out, ROW * shown.len() as f64 + 4.0, "total time by operation");
    for (row, operation) in shown.iter().enumerate() {
        let y = ROW * row as f64;
        let length = (operation.total.as_secs_f64() / most * room).max(1.0);
        label(&mut out, y + 17.0, &operation.name);
        let _ = write!(
            out,
            r#"<rect class="bar" x="{LABELS}" y="{:.1}" width="{length:.1}" height="16" rx="3"/>"#,
            y + 5.0
        );
        let _ = write!(
            out,
            r#"<text x="{:.1}" y="{:.1}"><tspan class="strong">{:.1} %</tspan> · {} · {} ×</text>"#,
            LABELS + length + 8.0,
            y + 17.0,
            operation.share * 100.0,
            short(operation.total),
            operation.statements
        );
    }
    out.push_str("</svg>");
    out
}

/// How long a statement takes: from the shortest to the longest, with p50, p95 and p99.
pub(super) fn spreads(operations: &[OperationProfile]) -> String {
    let mut shown: Vec<_> = operations.iter().filter(|operation| operation.statements > 0).collect();
    shown.sort_by(|a, b| b.times.p99.cmp(&a.times.p99).then_with(|| a.name.cmp(&b.name)));
    shown.truncate(MOST);
    let ends = shown.iter().flat_map(|operation| [operation.times.min, operation.times.max]);
    let scale = Scale::new(ends, LABELS, WIDTH - 40.0);
    let bottom = ROW * shown.len() as f64;
    let mut out = String::new();
    open(&mut out, bottom + 24.0, "durations by operation");
    for (x, name) in scale.ticks() {
        let _ = write!(
            out,
            r#"<line class="grid" x1="{x:.1}" y1="0" x2="{x:.1}" y2="{bottom:.0}"/><text class="tick" x="{x:.1}" y="{:.0}" text-anchor="middle">{name}</text>"#,
            bottom + 17.0
        );
    }
    for (row, operation) in shown.iter().enumerate() {
        let y = ROW * row as f64 + 13.0;
        let times = &operation.times;
        label(&mut out, y + 4.0, &operation.name);
        let [min, p50, p95, p99, max] =
            [times.min, times.p50, times.p95, times.p99, times.max].map(|time| scale.at(time));
        let _ = write!(
            out,
            r#"<g><title>{}: p50 {}, p95 {}, p99 {}, longest {}</title><line class="reach" x1="{min:.1}" y1="{y}" x2="{max:.1}" y2="{y}"/><line class="usual" x1="{p50:.1}" y1="{y}" x2="{p95:.1}" y2="{y}"/><circle class="p50" cx="{p50:.1}" cy="{y}" r="5"/><rect class="p95" x="{:.1}" y="{:.1}" width="4" height="14"/><path class="p99" d="M{p99:.1} {:.1}l6 6l-6 6l-6 -6z"/></g>"#,
            escape(&operation.name),
            short(times.p50),
            short(times.p95),
            short(times.p99),
            short(times.max),
            p95 - 2.0,
            y - 7.0,
            y - 6.0,
        );
    }
    out.push_str("</svg>");
    out
}

/// The last statements, each a dot: when, and how long it took.
pub(super) fn timeline(recent: &[Call]) -> String {
    const HEIGHT: f64 = 260.0;
    const LEFT: f64 = 70.0;
    let bottom = HEIGHT - 26.0;
    let first = recent.iter().map(|call| call.at).min().unwrap_or_default();
    let last = recent.iter().map(|call| call.at).max().unwrap_or_default();
    let span = (last - first).as_secs_f64().max(1e-6);
    let scale = Scale::new(recent.iter().map(|call| call.duration), bottom, 10.0);
    let mut out = String::new();
    open(&mut out, HEIGHT, "the last statements");
    for (y, name) in scale.ticks() {
        let _ = write!(
            out,
            r#"<line class="grid" x1="{LEFT}" y1="{y:.1}" x2="{WIDTH}" y2="{y:.1}"/><text class="tick" x="{:.0}" y="{:.1}" text-anchor="end">{name}</text>"#,
            LEFT - 8.0,
            y + 4.0
        );
    }
    for part in 0..=4 {
        let part = f64::from(part) / 4.0;
        let x = LEFT + 8.0 + part * (WIDTH - LEFT - 24.0);
        let anchor = if part == 1.0 { "end" } else { "middle" };
        let _ = write!(
            out,
            r#"<text class="tick" x="{x:.1}" y="{:.0}" text-anchor="{anchor}">+{}</text>"#,
            HEIGHT - 6.0,
            short(first + Duration::from_secs_f64(span * part))
        );
    }
    // What went wrong is drawn last, above the rest.
    let (fine, wrong): (Vec<_>, Vec<_>) = recent.iter().partition(|call| call.outcome == "ok");
    for call in fine.into_iter().chain(wrong) {
        let x = LEFT + 8.0 + (call.at - first).as_secs_f64() / span * (WIDTH - LEFT - 24.0);
        let class = match call.outcome {
            "ok" => "ok",
            "dropped" => "dropped",
            _ => "failed",
        };
        let _ = write!(
            out,
            r#"<circle class="{class}" cx="{x:.1}" cy="{:.1}" r="3.5"><title>{}: {}, {}</title></circle>"#,
            scale.at(call.duration),
            escape(&call.name),
            short(call.duration),
            call.outcome
        );
    }
    out.push_str("</svg>");
    out
}
