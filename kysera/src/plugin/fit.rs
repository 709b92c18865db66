//! Whether the plugins of an entity fit each other, and the order of their turns: all of it at compile time.

use super::custom::Facts;

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

const fn has(names: &[&str], name: &str) -> bool {
    let mut i = 0;
    while i < names.len() {
        if same(names[i], name) {
            return true;
        }
        i += 1;
    }
    false
}

const fn find(facts: &[Facts], name: &str) -> Option<usize> {
    let mut i = 0;
    while i < facts.len() {
        if same(facts[i].name, name) {
            return Some(i);
        }
        i += 1;
    }
    None
}

/// Whether the first has its turn before the second, as far as phases and the alphabet go.
const fn sooner(a: &Facts, b: &Facts) -> bool {
    if a.phase as u8 != b.phase as u8 {
        return (a.phase as u8) < (b.phase as u8);
    }
    let (a, b) = (a.name.as_bytes(), b.name.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if a[i] != b[i] {
            return a[i] < b[i];
        }
        i += 1;
    }
    a.len() < b.len()
}

/// The order of turns: what others require first, then by phase, then by name. Plugins that require each other in a circle
/// are reported by [`check`], and come in any order here.
pub(super) const fn sequence<const N: usize>(facts: &[Facts]) -> [usize; N] {
    let mut order = [0; N];
    let mut done = [false; N];
    let mut filled = 0;
    while filled < N {
        let mut next = N;
        let mut i = 0;
        while i < N {
            if !done[i] && ready(facts, i, &done) && (next == N || sooner(&facts[i], &facts[next])) {
                next = i;
            }
            i += 1;
        }
        if next == N {
            // A circle.
            next = 0;
            while done[next] {
                next += 1;
            }
        }
        done[next] = true;
        order[filled] = next;
        filled += 1;
    }
    order
}

const fn ready(facts: &[Facts], at: usize, done: &[bool]) -> bool {
    let requires = facts[at].requires;
    let mut i = 0;
    while i < requires.len() {
        if let Some(required) = find(facts, requires[i])
            && !done[required]
        {
            return false;
        }
        i += 1;
    }
    true
}

/// Whether a plugin leads back to itself over what it and others require.
const fn in_circle(facts: &[Facts], at: usize) -> bool {
    let mut reached = [false; 64];
    let mut grown = true;
    // What it requires, then what that requires, until nothing is added.
    while grown {
        grown = false;
        let mut i = 0;
        while i < facts.len() {
            if i == at || reached[i] {
                let requires = facts[i].requires;
                let mut j = 0;
                while j < requires.len() {
                    if let Some(next) = find(facts, requires[j])
                        && !reached[next]
                    {
                        reached[next] = true;
                        grown = true;
                    }
                    j += 1;
                }
            }
            i += 1;
        }
    }
    reached[at]
}

/// Fails to compile where one of the plugins does not fit the others. `builtin` are the names of kysera's own that are
/// listed.
#[doc(hidden)]
#[track_caller]
pub const fn check(facts: &[Facts], builtin: &[&str], at: usize) {
    let this = &facts[at];
    if has(builtin, this.name) || has(&["soft_delete", "timestamps", "version", "audit", "rls"], this.name) {
        Message::new()
            .text("the name `")
            .text(this.name)
            .text("` is taken by a plugin of kysera's own")
            .panic();
    }
    let mut i = 0;
    while i < at {
        if same(facts[i].name, this.name) {
            Message::new().text("the plugin `").text(this.name).text("` is given twice").panic();
        }
        i += 1;
    }
    i = 0;
    while i < this.requires.len() {
        let required = this.requires[i];
        if same(required, this.name) {
            Message::new().text("the plugin `").text(this.name).text("` requires itself").panic();
        }
        if !has(builtin, required) && find(facts, required).is_none() {
            Message::new()
                .text("the plugin `")
                .text(this.name)
                .text("` requires `")
                .text(required)
                .text("`: add it to `#[kysera::plugin(..)]`")
                .panic();
        }
        i += 1;
    }
    if in_circle(facts, at) {
        Message::new()
            .text("the plugin `")
            .text(this.name)
            .text("` requires itself, over what others require")
            .panic();
    }
    i = 0;
    while i < this.conflicts.len() {
        let other = this.conflicts[i];
        if has(builtin, other) || find(facts, other).is_some() {
            Message::new()
                .text("the plugins `")
                .text(this.name)
                .text("` and `")
                .text(other)
                .text("` exclude each other")
                .panic();
        }
        i += 1;
    }
}

/// A message that is put together at compile time.
struct Message {
    text: [u8; Self::MAX],
    len: usize,
}

impl Message {
    const MAX: usize = 512;

    const fn new() -> Self {
        Self { text: [0; Self::MAX], len: 0 }
    }

    const fn text(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.len < Self::MAX {
            self.text[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    #[track_caller]
    const fn panic(&self) -> ! {
        match std::str::from_utf8(self.text.split_at(self.len).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("the plugins do not fit each other"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::Phase;

    const fn facts(name: &'static str, phase: Phase, requires: &'static [&'static str]) -> Facts {
        Facts { name, phase, requires, conflicts: &[] }
    }

    #[test]
    fn turns_follow_needs_then_phases_then_names() {
        const ALL: [Facts; 5] = [
            facts("z", Phase::Transform, &[]),
            facts("log", Phase::Audit, &[]),
            facts("a", Phase::Transform, &["z"]),
            facts("who", Phase::Security, &[]),
            facts("b", Phase::Transform, &[]),
        ];
        let names = |order: [usize; 5]| order.map(|at| ALL[at].name);
        assert_eq!(names(sequence(&ALL)), ["who", "b", "z", "a", "log"]);
        let mut reversed = ALL;
        reversed.reverse();
        assert_eq!(sequence::<5>(&reversed).map(|at| reversed[at].name), ["who", "b", "z", "a", "log"]);
    }

    #[test]
    fn circles_are_found_from_each_of_their_members_alone() {
        let all = [
            facts("a", Phase::Transform, &["b"]),
            facts("b", Phase::Transform, &["c"]),
            facts("c", Phase::Transform, &["a"]),
            facts("d", Phase::Transform, &["a"]),
        ];
        assert_eq!([0, 1, 2, 3].map(|at| in_circle(&all, at)), [true, true, true, false]);
    }

    /// Whether it compiles, and with what message it does not.
    fn verdict(all: &[Facts], builtin: &[&str], at: usize) -> Option<String> {
        let outcome = std::panic::catch_unwind(|| check(all, builtin, at));
        outcome.err().map(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
    }

    #[test]
    fn misfits_are_named() {
        let plugin = |name, requires, conflicts| Facts { name, phase: Phase::Filter, requires, conflicts };
        let slug = plugin("slug", &["timestamps"], &["audit"]);
        assert_eq!(verdict(&[slug], &["timestamps"], 0), None);
        let missing = "the plugin `slug` requires `timestamps`: add it to `#[kysera::plugin(..)]`";
        assert_eq!(verdict(&[slug], &[], 0).as_deref(), Some(missing));
        let conflict = "the plugins `slug` and `audit` exclude each other";
        assert_eq!(verdict(&[slug], &["timestamps", "audit"], 0).as_deref(), Some(conflict));
        let twice = [plugin("a", &[], &[]), plugin("a", &[], &[])];
        assert_eq!(verdict(&twice, &[], 0), None);
        assert_eq!(verdict(&twice, &[], 1).as_deref(), Some("the plugin `a` is given twice"));
        let taken = "the name `version` is taken by a plugin of kysera's own";
        assert_eq!(verdict(&[plugin("version", &[], &[])], &[], 0).as_deref(), Some(taken));
        let itself = "the plugin `a` requires itself";
        assert_eq!(verdict(&[plugin("a", &["a"], &[])], &[], 0).as_deref(), Some(itself));
        let circle = [plugin("a", &["b"], &[]), plugin("b", &["a"], &[])];
        let circular = "the plugin `b` requires itself, over what others require";
        assert_eq!(verdict(&circle, &[], 1).as_deref(), Some(circular));
    }

    #[test]
    fn phases_are_the_order_of_operations() {
        assert!(
            Phase::Security < Phase::Filter
                && Phase::Filter < Phase::Transform
                && Phase::Transform < Phase::Audit
        );
        assert_eq!(crate::entity::Operation::Restore.to_string(), "restore");
    }
}
