//! A report as a page of its own: no script, nothing loaded from elsewhere.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::chart;
use super::report::{Call, OperationProfile, ProfileReport, short};
use crate::observe::pretty;

/// The most statements that are shown as the slowest.
const SLOWEST: usize = 10;

impl ProfileReport {
    /// A page for a browser: where the time goes, how long statements take, the last ones on a line of time, all operations, and the
    /// slowest statements with their SQL and their callers. It is one file, without scripts, and loads nothing.
    pub fn to_html(&self) -> String {
        let mut out = String::with_capacity(64 * 1024);
        out.push_str(HEAD);
        self.summary(&mut out);
        if self.operations.is_empty() {
            out.push_str("<p class=\"empty\">No statement has been seen yet.</p></main></body></html>\n");
            return out;
        }
        let few = self.operations.len().min(chart::MOST);
        let of = if few < self.operations.len() {
            format!(" <small>the first {few} of {}</small>", self.operations.len())
        } else {
            String::new()
        };
        let _ = write!(out, "<section><h2>Where the time goes{of}</h2>");
        out.push_str(&chart::totals(&self.operations));
        let _ = write!(
            out,
            "</section><section><h2>How long a statement takes{of}</h2><p class=\"legend\"><i class=\"p50\"></i> half are faster \
             <i class=\"p95\"></i> 95 % are faster <i class=\"p99\"></i> 99 % are faster <i class=\"reach\"></i> shortest to longest</p>"
        );
        out.push_str(&chart::spreads(&self.operations));
        out.push_str("</section>");
        if !self.recent.is_empty() {
            let _ = write!(
                out,
                "<section><h2>The last {} statements</h2><p class=\"legend\"><i class=\"ok\"></i> ok <i class=\"failed\"></i> failed \
                 <i class=\"dropped\"></i> dropped by the caller</p>",
                self.recent.len()
            );
            out.push_str(&chart::timeline(&self.recent));
            out.push_str("</section>");
        }
        self.table(&mut out);
        self.slowest(&mut out);
        out.push_str("</main></body></html>\n");
        out
    }

    fn summary(&self, out: &mut String) {
        let tile = |out: &mut String, class: &str, value: &str, what: &str| {
            let _ = write!(
                out,
                "<div class=\"tile {class}\"><b>{}</b><span>{}</span></div>",
                // Names break where their words end.
                escape(value).replace('.', ".<wbr>").replace('_', "_<wbr>"),
                escape(what)
            );
        };
        let wrong = |count: u64| if count > 0 { "wrong" } else { "" };
        let percent = |count: u64| match self.statements {
            0 => String::new(),
            all => format!(" ({:.1} %)", count as f64 / all as f64 * 100.0),
        };
        let per_second = self.statements as f64 / self.measured.as_secs_f64().max(1e-9);
        out.push_str("<header><h1>Database profile</h1><div class=\"tiles\">");
        tile(out, "", &self.statements.to_string(), &format!("statements, {per_second:.1} per second"));
        tile(out, "", &short(self.total), &format!("in the database, of {} measured", short(self.measured)));
        if let Some(most) = self.operations.first() {
            tile(out, "most", &most.name, &format!("takes the most time: {:.0} %", most.share * 100.0));
        }
        if let Some(slow) = self.operations.iter().max_by_key(|operation| operation.times.p99) {
            tile(out, "most", &slow.name, &format!("is the slowest: p99 {}", short(slow.times.p99)));
        }
        tile(out, wrong(self.failed), &self.failed.to_string(), &format!("failed{}", percent(self.failed)));
        tile(out, "", &self.dropped.to_string(), &format!("dropped{}", percent(self.dropped)));
        out.push_str("</div></header>");
    }

    fn table(&self, out: &mut String) {
        const HEADINGS: [&str; 13] = [
            "operation",
            "statements",
            "failed",
            "dropped",
            "rows",
            "total",
            "share",
            "p50",
            "p95",
            "p99",
            "longest",
            "waited",
            "most called at",
        ];
        out.push_str("<section><h2>All operations</h2><div class=\"wide\"><table><thead><tr>");
        for heading in HEADINGS {
            let _ = write!(out, "<th>{heading}</th>");
        }
        out.push_str("</tr></thead><tbody>");
        for operation in &self.operations {
            operation.row(out);
        }
        out.push_str("</tbody></table></div></section>");
    }

    fn slowest(&self, out: &mut String) {
        let mut calls: Vec<&Call> = self.operations.iter().filter_map(|o| o.slowest.as_ref()).collect();
        calls.sort_by_key(|call| std::cmp::Reverse(call.duration));
        out.push_str("<section><h2>The slowest statement of each operation</h2>");
        for (at, call) in calls.iter().take(SLOWEST).enumerate() {
            let _ = write!(
                out,
                "<details{}><summary><b>{}</b> {} <span>{} rows, {}, at {}</span></summary><pre>{}</pre></details>",
                if at == 0 { " open" } else { "" },
                short(call.duration),
                escape(&call.name),
                call.rows,
                call.outcome,
                escape(&call.caller),
                escape(&pretty(&call.sql)),
            );
        }
        out.push_str("</section>");
    }
}

impl OperationProfile {
    fn row(&self, out: &mut String) {
        let errors: Vec<_> = self.errors.iter().map(|(code, count)| format!("{code} × {count}")).collect();
        let (caller, more) = match self.callers.split_first() {
            Some(((caller, _), rest)) => (caller.as_str(), rest.len()),
            None => ("", 0),
        };
        let more = if more > 0 { format!(" <small>and {more} more</small>") } else { String::new() };
        let times = &self.times;
        let failed = self.failed + self.unsent;
        let wrong = if failed > 0 { "wrong" } else { "" };
        let share = self.share * 100.0;
        let _ = write!(out, "<tr><th>{}</th><td>{}</td>", escape(&self.name), self.statements);
        let _ = write!(out, "<td class=\"{wrong}\" title=\"{}\">{failed}</td>", escape(&errors.join(", ")));
        let _ = write!(out, "<td>{}</td><td>{}</td><td>{}</td>", self.dropped, self.rows, short(self.total));
        let _ =
            write!(out, "<td><span class=\"share\" style=\"--share:{share:.1}%\">{share:.1} %</span></td>");
        for time in [times.p50, times.p95, times.p99, times.max, self.waited] {
            let _ = write!(out, "<td>{}</td>", short(time));
        }
        let _ = write!(out, "<td class=\"code\">{}{more}</td></tr>", escape(caller));
    }
}

/// Text that is no markup.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char => out.push(char),
        }
    }
    Cow::Owned(out)
}

const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Database profile</title>
<style>
:root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #1d2430; --soft: #667085; --line: #e4e7ec; --blue: #2f6fdb; --pale: #bcd2f5; --orange: #e08a00; --red: #d02c2c; --grey: #98a2b3; }
@media (prefers-color-scheme: dark) { :root { --back: #12151b; --card: #1b2029; --text: #e6e9ef; --soft: #98a2b3; --line: #2c3340; --blue: #6ea1f7; --pale: #33517f; --orange: #f0ab3c; --red: #ff6b6b; --grey: #667085; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 14px/1.5 system-ui, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 22px; margin: 0 0 12px; } h2 { font-size: 16px; margin: 0 0 8px; } small { color: var(--soft); font-weight: 400; }
section, .tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
section { padding: 16px 18px; margin-top: 16px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; }
.tile { padding: 12px 14px; } .tile b { display: block; font-size: 20px; overflow-wrap: break-word; line-height: 1.3; } .tile span { color: var(--soft); }
.tile.most b { font-size: 15px; line-height: 1.3; min-height: 26px; } .wrong, .tile.wrong b { color: var(--red); font-weight: 600; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font-size: 12.5px; } svg .name, svg .strong { fill: var(--text); } svg .strong { font-weight: 600; } svg .tick { font-size: 11.5px; }
.bar { fill: var(--blue); } .grid { stroke: var(--line); } .reach { stroke: var(--grey); stroke-width: 1.5; } .usual { stroke: var(--pale); stroke-width: 8; stroke-linecap: round; }
svg .p50 { fill: var(--blue); } svg .p95 { fill: var(--orange); } svg .p99 { fill: var(--red); } svg .ok { fill: var(--blue); fill-opacity: .45; } svg .failed { fill: var(--red); } svg .dropped { fill: var(--grey); }
.legend { margin: 0 0 8px; color: var(--soft); } .legend i { display: inline-block; width: 10px; height: 10px; margin: 0 4px 0 12px; border-radius: 50%; background: var(--blue); } .legend i:first-child { margin-left: 0; }
.legend i.p95 { background: var(--orange); border-radius: 0; width: 5px; height: 12px; vertical-align: -2px; } .legend i.p99 { background: var(--red); border-radius: 0; transform: rotate(45deg); } .legend i.reach { background: var(--grey); height: 2px; width: 22px; border-radius: 0; vertical-align: 4px; } .legend i.failed { background: var(--red); } .legend i.dropped { background: var(--grey); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; white-space: nowrap; } th, td { padding: 5px 8px; text-align: right; border-bottom: 1px solid var(--line); } thead th { color: var(--soft); font-weight: 500; } th:first-child, td.code { text-align: left; } tbody th { font-weight: 600; } th:last-child { text-align: left; }
.share { display: block; background: linear-gradient(to right, var(--pale) var(--share), transparent var(--share)); border-radius: 3px; padding: 0 4px; min-width: 64px; }
.code, pre { font-family: ui-monospace, monospace; font-size: 12.5px; } pre { margin: 4px 0 12px; padding: 10px 12px; background: var(--back); border-radius: 6px; overflow: auto; max-height: 360px; }
details { border-top: 1px solid var(--line); } details:first-of-type { border-top: 0; } summary { cursor: pointer; padding: 7px 0; } summary b { display: inline-block; min-width: 74px; } summary span { color: var(--soft); margin-left: 8px; } .empty { color: var(--soft); }
</style></head><body><main>
"#;
