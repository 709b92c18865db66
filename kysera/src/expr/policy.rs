//! The rules of an entity's policy, without types.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::filter::Node;
use super::plug::PluginContext;
use super::term::{Call, Term};
use super::value::Value;

/// What is done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// It is read: found, counted, joined, seen by a filter.
    Read,
    /// It is created: by `create`, bulk methods and upserts.
    Create,
    /// It is changed: by updates, upserts, `touch`, `transition`, `restore`; also locked.
    Update,
    /// It is deleted, be it marked as such, or purged.
    Delete,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 4] = [Self::Read, Self::Create, Self::Update, Self::Delete];
    /// All but [`Read`](Self::Read).
    pub const WRITES: [Action; 3] = [Self::Create, Self::Update, Self::Delete];

    /// `read`, `create`, `update` or `delete`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One or several actions: an [`Action`], or an array of them such as [`Action::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actions(u8);

impl Actions {
    pub(crate) fn contains(self, action: Action) -> bool {
        self.0 & bit(action) != 0
    }
}

fn bit(action: Action) -> u8 {
    1 << action as u8
}

impl From<Action> for Actions {
    fn from(action: Action) -> Self {
        Self(bit(action))
    }
}

impl<const N: usize> From<[Action; N]> for Actions {
    fn from(actions: [Action; N]) -> Self {
        Self(actions.into_iter().fold(0, |bits, action| bits | bit(action)))
    }
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// One of these has to hold.
    Allow,
    /// None of these may hold.
    Deny,
    /// All of these have to hold, before a write and after it.
    Restrict,
    /// All of these have to hold for what is written.
    Check,
}

impl Effect {
    /// `allow`, `deny`, `restrict` or `check`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Restrict => "restrict",
            Self::Check => "check",
        }
    }
}

type Made = Arc<dyn Fn(&PluginContext<'_>) -> Node + Send + Sync>;
pub(crate) type When = Arc<dyn Fn(&PluginContext<'_>) -> bool + Send + Sync>;

/// What a rule asks of a row.
#[derive(Clone)]
pub(crate) enum Condition {
    /// Known beforehand; who asks is in its claims.
    Fixed(Node),
    /// Made for each caller.
    Made(Made),
}

/// A rule.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) name: Cow<'static, str>,
    pub(crate) effect: Effect,
    pub(crate) actions: Actions,
    /// All of these have to hold, or there is no such rule.
    pub(crate) when: Vec<When>,
    pub(crate) condition: Condition,
    /// Whether new rows satisfy it in any case, because the plugin itself gives the column its value.
    pub(crate) pinned: bool,
}

impl Rule {
    /// What it asks of rows now, `None` if there is no such rule now.
    pub(crate) fn at(&'static self, cx: &PluginContext<'_>) -> Option<Cow<'static, Node>> {
        if !self.when.iter().all(|when| when(cx)) {
            return None;
        }
        Some(match &self.condition {
            Condition::Fixed(node) => Cow::Borrowed(node),
            Condition::Made(make) => Cow::Owned(make(cx)),
        })
    }
}

/// The rules of an entity. Made once.
#[doc(hidden)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) mistakes: Vec<String>,
}

/// Who asks, as far as a policy is concerned.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The program itself: no rule concerns it.
    System,
    /// Someone whom the rules are about.
    Known,
    /// A context of another type: nothing is allowed.
    Unknown,
}

impl Standing {
    /// Under a policy for contexts `C`.
    pub fn of<C: 'static, System: 'static>(cx: &PluginContext<'_>) -> Self {
        if cx.context::<C>().is_some() {
            Self::Known
        } else if cx.context::<System>().is_some() {
            Self::System
        } else {
            Self::Unknown
        }
    }
}

/// The policy of an entity. Made by the derive.
#[doc(hidden)]
pub struct PolicyMeta {
    pub standing: fn(&PluginContext<'_>) -> Standing,
    pub rules: fn() -> &'static RuleSet,
    /// The column that the plugin fills with who asks.
    pub tenant: Option<TenantColumn>,
}

/// One thing that has to hold for a row, or must not.
pub(crate) struct Demand {
    /// The rule's name; `None` where one of several rules would do.
    pub(crate) rule: Option<Cow<'static, str>>,
    /// The column that is written, of rules about one.
    pub(crate) column: Option<&'static str>,
    /// One of these.
    pub(crate) any: Vec<Cow<'static, Node>>,
    /// None of these.
    pub(crate) negated: bool,
}

impl Demand {
    fn one(rule: Cow<'static, str>, node: Cow<'static, Node>, negated: bool) -> Self {
        Self { rule: Some(rule), column: None, any: vec![node], negated }
    }

    /// What a rule asks, whatever it does.
    pub(crate) fn of(rule: &'static Rule, node: Cow<'static, Node>) -> Self {
        Self::one(rule.name.clone(), node, false)
    }

    /// Whether every row satisfies it.
    fn is_met(&self) -> bool {
        !self.negated && self.any.iter().any(|node| matches!(&**node, Node::All(nodes) if nodes.is_empty()))
    }

    /// Whether it reads a column of the row.
    pub(crate) fn reads(&self, column: usize) -> bool {
        self.any.iter().any(|node| node.reads(column))
    }
}

impl PolicyMeta {
    fn now<'a>(
        &self,
        effect: Effect,
        actions: &'a [Action],
        cx: &'a PluginContext<'_>,
    ) -> impl Iterator<Item = (usize, &'static Rule, Cow<'static, Node>)> + use<'a> {
        let rules = (self.rules)().rules.iter().enumerate();
        let concerned = move |rule: &Rule| {
            rule.effect == effect && actions.iter().any(|action| rule.actions.contains(*action))
        };
        rules
            .filter(move |(_, rule)| concerned(rule))
            .filter_map(|(place, rule)| rule.at(cx).map(|node| (place, rule, node)))
    }

    /// What has to hold for rows as they are, so that all of this may be done with them.
    pub(crate) fn before(&self, actions: &[Action], cx: &PluginContext<'_>) -> Vec<Demand> {
        let mut groups: Vec<(Vec<usize>, Vec<Cow<'static, Node>>)> = Vec::new();
        for action in actions {
            let allowing = self.now(Effect::Allow, std::slice::from_ref(action), cx);
            let (places, any): (Vec<_>, Vec<_>) = allowing.map(|(place, _, node)| (place, node)).unzip();
            // Whatever allows more is said by what allows less: reading is often allowed by the rules that allow writing, and
            // some more.
            if groups.iter().any(|(less, _)| less.iter().all(|place| places.contains(place))) {
                continue;
            }
            groups.retain(|(more, _)| !places.iter().all(|place| more.contains(place)));
            groups.push((places, any));
        }
        let mut demands: Vec<Demand> = groups
            .into_iter()
            .map(|(_, any)| Demand { rule: None, column: None, any, negated: false })
            .collect();
        let rules = |effect| self.now(effect, actions, cx);
        demands.extend(
            rules(Effect::Restrict).map(|(_, rule, node)| Demand::one(rule.name.clone(), node, false)),
        );
        demands.extend(rules(Effect::Deny).map(|(_, rule, node)| Demand::one(rule.name.clone(), node, true)));
        demands.retain(|demand| !demand.is_met());
        demands
    }

    /// What has to hold for a row as it is created. `pinned`: the plugin has written its column itself.
    pub(crate) fn created(&self, cx: &PluginContext<'_>, pinned: bool) -> Vec<Demand> {
        let mut demands = self.before(&[Action::Create], cx);
        if pinned {
            let is_pinned = |demand: &Demand| {
                (self.rules)()
                    .rules
                    .iter()
                    .any(|rule| rule.pinned && demand.rule.as_ref() == Some(&rule.name))
            };
            demands.retain(|demand| !is_pinned(demand));
        }
        self.checks(Action::Create, cx, &mut demands);
        demands
    }

    /// What has to hold for a row after an update of these columns, besides what had to hold before it. What it is denied for
    /// is what it was.
    pub(crate) fn updated(&self, changed: &dyn Fn(&Node) -> bool, cx: &PluginContext<'_>) -> Vec<Demand> {
        let action = [Action::Update];
        let any: Vec<_> = self.now(Effect::Allow, &action, cx).map(|(_, _, node)| node).collect();
        let mut demands = Vec::new();
        if any.iter().any(|node| changed(node)) {
            demands.push(Demand { rule: None, column: None, any, negated: false });
        }
        let restricted = self.now(Effect::Restrict, &action, cx).filter(|(_, _, node)| changed(node));
        demands.extend(restricted.map(|(_, rule, node)| Demand::one(rule.name.clone(), node, false)));
        self.checks(Action::Update, cx, &mut demands);
        demands
    }

    /// Whether rules about an action ask for rows of other tables that a statement does not lock.
    pub(crate) fn asks_without_locks(&self, action: Action, cx: &PluginContext<'_>) -> bool {
        let mut demands = self.before(&[Action::Read, action], cx);
        if action == Action::Update {
            demands.extend(self.updated(&|_: &Node| true, cx));
        }
        demands.iter().any(|demand| {
            demand
                .any
                .iter()
                .any(|node| node.asks_without_locks() || (demand.negated && node.asks_for_rows()))
        })
    }

    fn checks(&self, action: Action, cx: &PluginContext<'_>, demands: &mut Vec<Demand>) {
        let checks = self.now(Effect::Check, std::slice::from_ref(&action), cx);
        demands.extend(checks.map(|(_, rule, node)| Demand::one(rule.name.clone(), node, false)));
        demands.retain(|demand| !demand.is_met());
    }
}

impl FieldGuard {
    /// What has to hold for a row whose column is written.
    pub(crate) fn writes(&self, column: &'static str, cx: &PluginContext<'_>) -> Option<Demand> {
        if (self.standing)(cx) == Standing::System {
            return None;
        }
        let rule = (self.write?)();
        Some(Demand {
            rule: Some("write_if".into()),
            column: Some(column),
            any: vec![Cow::Borrowed(&rule.0)],
            negated: false,
        })
    }
}

impl Node {
    /// Whether it reads a column of the row at hand.
    pub(crate) fn reads(&self, column: usize) -> bool {
        let mut found = false;
        self.terms(&mut |term| {
            term.visit(&mut |term| {
                found |= match term {
                    Term::Column(col) => col.index == column,
                    Term::Through(rel, _) => rel.parent.index == column,
                    Term::CountRelated(rows) => rows.rel.parent.index == column,
                    _ => false,
                };
            });
        });
        self.relations(&mut |rel| found |= rel.parent.index == column);
        found
    }

    fn asks_for_rows(&self) -> bool {
        let mut found = false;
        self.relations(&mut |_| found = true);
        found
    }

    /// Whether it asks for rows of other tables in a way that locks none of them: rows that are not there, hierarchies, values and
    /// numbers of rows, SQL of the user's.
    pub(crate) fn asks_without_locks(&self) -> bool {
        let mut found = false;
        self.terms(&mut |term| {
            term.visit(&mut |term| {
                found |= match term {
                    Term::Through(..) | Term::CountRelated(_) => true,
                    Term::Raw(text, _) => text.to_ascii_lowercase().contains("select"),
                    _ => false,
                };
            });
        });
        found
            || match self {
                Node::Reachable { .. } | Node::Related { negated: true, .. } => true,
                Node::Related { rows, .. } => rows.filters.iter().any(Node::asks_without_locks),
                Node::All(nodes) | Node::Any(nodes) => nodes.iter().any(Node::asks_without_locks),
                Node::Not(node) => node.asks_for_rows() || node.asks_without_locks(),
                _ => false,
            }
    }

    /// Whether it may fail for some rows: a cast of a text, a number that grows too large, SQL of the user's.
    pub(crate) fn may_fail(&self) -> bool {
        let mut found = false;
        self.terms(&mut |term| {
            term.visit(&mut |term| {
                found |= match term {
                    Term::Cast(..) | Term::Arithmetic(..) | Term::Raw(..) | Term::Json(..) => true,
                    Term::Call(call, _) => *call == Call::Abs,
                    Term::Through(_, of) => Node::Holds((**of).clone()).may_fail(),
                    _ => false,
                };
            });
        });
        found
    }

    /// Visits the SQL of the user's in it, with that about other rows.
    pub(crate) fn raw_texts<'n>(&'n self, see: &mut dyn FnMut(&'n str)) {
        self.terms(&mut |term| {
            term.visit(&mut |term| {
                if let Term::Raw(text, _) = term {
                    see(text);
                }
            });
        });
    }
}

/// `rls(tenant(..))`
#[doc(hidden)]
pub struct TenantColumn {
    pub column: usize,
    pub value: fn(&PluginContext<'_>) -> Option<Value>,
}

/// Who may read and write a column. Made by the derive.
#[doc(hidden)]
pub struct FieldGuard {
    pub entity: &'static str,
    pub standing: fn(&PluginContext<'_>) -> Standing,
    pub read: Option<fn() -> &'static FieldRule>,
    /// What the others read: NULL where there is nothing.
    pub mask: Option<fn() -> Value>,
    pub write: Option<fn() -> &'static FieldRule>,
}

/// `read_if = ..`, `write_if = ..`
#[doc(hidden)]
pub struct FieldRule(pub(crate) Node);
