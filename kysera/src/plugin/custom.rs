//! Plugins of your own.

use std::future::Future;

use super::PluginTx;
use crate::backend::Backend;
use crate::entity::{Changes, Entity, On, Written};
use crate::error::{Error, Result};
use crate::expr::{Filter, PluginContext};

/// When a plugin has its turn, whatever the order in which plugins are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// First: who may do what.
    Security,
    /// Which rows there are.
    Filter,
    /// What is written. The built-in plugins `timestamps` and `version` come before all of these.
    Transform,
    /// Last: what was written.
    Audit,
}

/// A plugin of your own for an entity, listed in `#[kysera::plugin(..)]` by its path.
///
/// All methods have a default that does nothing. They are called statically: what a plugin leaves alone costs nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no plugin of `{E}`",
    label = "not a plugin of `{E}`",
    note = "write `impl kysera::plugin::Plugin<{E}> for {Self} {{ .. }}`"
)]
pub trait Plugin<E: Entity>: Send + Sync {
    /// What other plugins call it in [`REQUIRES`](Self::REQUIRES) and [`CONFLICTS`](Self::CONFLICTS), and errors as well.
    const NAME: &'static str;
    /// Its turn; within one phase plugins that others require come first, then the alphabet decides.
    const PHASE: Phase = Phase::Transform;
    /// The names of plugins that have to be listed as well, `soft_delete`, `timestamps`, `version`, `audit` and `rls` among
    /// them. They have their turn before this one.
    const REQUIRES: &'static [&'static str] = &[];
    /// The names of plugins that must not be listed.
    const CONFLICTS: &'static [&'static str] = &[];
    /// Whether [`after_write`](Self::after_write) has anything to do. With `false`, writes of a single statement need no
    /// transaction around them.
    const AFTER_WRITE: bool = true;

    /// The rows that there are, for this caller: a condition of every statement on the table, wherever it is reached from.
    /// `None` is all of them.
    ///
    /// # Errors
    ///
    /// Whatever forbids the statement: nothing is sent then.
    fn scope(&self, cx: &PluginContext<'_>) -> Result<Option<Filter<E>>> {
        let _ = cx;
        Ok(None)
    }

    /// Looks at a row that is about to be created, after its rules were checked, and adds to it. Called for each row of
    /// bulk methods and for upserts.
    ///
    /// # Errors
    ///
    /// Whatever forbids it: nothing is written then.
    fn before_create(&self, row: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()> {
        let _ = (row, cx);
        Ok(())
    }

    /// Looks at what an update is about to change, and adds to it: once for each patch, so that an update of many rows by
    /// filters is one call. Not called for patches that change nothing, nor when rows are deleted or restored.
    ///
    /// # Errors
    ///
    /// Whatever forbids it: nothing is written then.
    fn before_update(&self, changes: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()> {
        let _ = (changes, cx);
        Ok(())
    }

    /// Looks at what was written, on the same connection and in the same transaction.
    ///
    /// # Errors
    ///
    /// Whatever went wrong: all of it is undone then.
    fn after_write<'a, DB: Backend>(
        &'a self,
        written: Written<'a, E>,
        tx: &'a mut PluginTx<'_, DB>,
    ) -> impl Future<Output = Result<()>> + Send + 'a
    where
        E: On<DB>,
    {
        let _ = (written, tx);
        std::future::ready(Ok(()))
    }
}

/// What plugins say of themselves.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub name: &'static str,
    pub phase: Phase,
    pub requires: &'static [&'static str],
    pub conflicts: &'static [&'static str],
}

/// All plugins of an entity: a tuple of up to eight, folded by the compiler.
#[doc(hidden)]
#[diagnostic::on_unimplemented(message = "an entity has at most eight plugins of its own")]
pub trait PluginSet<E: Entity>: Send + Sync {
    const FACTS: &'static [Facts];
    const AFTER_WRITE: bool;

    fn scope(&self, cx: &PluginContext<'_>) -> Result<Vec<Filter<E>>>;
    fn before_create(&self, row: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()>;
    fn before_update(&self, changes: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()>;
    fn after_write<'a, DB: Backend>(
        &'a self,
        written: Written<'a, E>,
        tx: &'a mut PluginTx<'_, DB>,
    ) -> impl Future<Output = Result<()>> + Send + 'a
    where
        E: On<DB>;
}

fn failed<E: Entity>(plugin: &'static str, doing: &'static str) -> impl FnOnce(Error) -> Error {
    move |source| Error::Plugin { plugin, doing, entity: E::META.entity, source: Box::new(source) }
}

macro_rules! set {
    ($count:literal: $($P:ident $i:tt),+) => {
        impl<E: Entity, $($P: Plugin<E>),+> PluginSet<E> for ($($P,)+) {
            const FACTS: &'static [Facts] = &[$(Facts {
                name: $P::NAME,
                phase: $P::PHASE,
                requires: $P::REQUIRES,
                conflicts: $P::CONFLICTS,
            }),+];
            const AFTER_WRITE: bool = $($P::AFTER_WRITE)||+;

            fn scope(&self, cx: &PluginContext<'_>) -> Result<Vec<Filter<E>>> {
                let mut filters = Vec::new();
                for at in const { sequence::<$count>(Self::FACTS) } {
                    let filter = match at {
                        $($i => self.$i.scope(cx).map_err(failed::<E>($P::NAME, "scope")),)+
                        _ => Ok(None),
                    };
                    filters.extend(filter?);
                }
                Ok(filters)
            }

            fn before_create(&self, row: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()> {
                for at in const { sequence::<$count>(Self::FACTS) } {
                    match at {
                        $($i => self.$i.before_create(row, cx).map_err(failed::<E>($P::NAME, "before_create"))?,)+
                        _ => {}
                    }
                }
                Ok(())
            }

            fn before_update(&self, changes: &mut Changes<'_, E>, cx: &PluginContext<'_>) -> Result<()> {
                for at in const { sequence::<$count>(Self::FACTS) } {
                    match at {
                        $($i => {
                            self.$i.before_update(changes, cx).map_err(failed::<E>($P::NAME, "before_update"))?;
                        })+
                        _ => {}
                    }
                }
                Ok(())
            }

            async fn after_write<'a, DB: Backend>(
                &'a self,
                written: Written<'a, E>,
                tx: &'a mut PluginTx<'_, DB>,
            ) -> Result<()>
            where
                E: On<DB>,
            {
                for at in const { sequence::<$count>(Self::FACTS) } {
                    match at {
                        $($i if $P::AFTER_WRITE => {
                            let done = self.$i.after_write(written, tx).await;
                            done.map_err(failed::<E>($P::NAME, "after_write"))?;
                        })+
                        _ => {}
                    }
                }
                Ok(())
            }
        }
    };
}
set!(1: A 0);
set!(2: A 0, B 1);
set!(3: A 0, B 1, C 2);
set!(4: A 0, B 1, C 2, D 3);
set!(5: A 0, B 1, C 2, D 3, F 4);
set!(6: A 0, B 1, C 2, D 3, F 4, G 5);
set!(7: A 0, B 1, C 2, D 3, F 4, G 5, H 6);
set!(8: A 0, B 1, C 2, D 3, F 4, G 5, H 6, I 7);

/// What the plugins that a function makes say of themselves.
#[doc(hidden)]
pub const fn facts_of<E: Entity, P: PluginSet<E>>(_: fn() -> P) -> &'static [Facts] {
    P::FACTS
}

/// Whether any of them wants to see what was written.
#[doc(hidden)]
pub const fn after_write_of<E: Entity, P: PluginSet<E>>(_: fn() -> P) -> bool {
    P::AFTER_WRITE
}

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
const fn sequence<const N: usize>(facts: &[Facts]) -> [usize; N] {
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
