//! Policies and what they are made of.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use crate::entity::Entity;
use crate::expr::{self, Action, Actions, Claim, Column, Effect, Filter, PluginContext, Rule, RuleSet, When};

/// Who may do what with the rows of an entity with the plugin `rls(context = C)`.
///
/// ```
/// # mod doc {
/// # use kysera::prelude::*;
/// # use kysera::rls::{Action, Claims, Policy, Rules};
/// # #[derive(Claims)]
/// # struct Principal { user_id: i64 }
/// # #[cfg(feature = "sqlite")]
/// # #[derive(Repository)]
/// # #[kysera::plugin(rls(context = Principal))]
/// # #[kysera(table = "notes")]
/// # struct Note { #[kysera(id)] id: i64, author_id: i64, public: bool }
/// # #[cfg(feature = "sqlite")]
/// impl Policy<Principal> for Note {
///     fn rules() -> Rules<Self, Principal> {
///         Rules::new()
///             .allow("author", Action::ALL, Note::AUTHOR_ID.eq(Principal::USER_ID))
///             .allow("public", Action::Read, Note::PUBLIC.eq(true))
///     }
/// }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no policy for the context `{C}`",
    label = "`rls(context = ..)` asks for one",
    note = "write `impl kysera::rls::Policy<{C}> for {Self} {{ fn rules() -> Rules<Self, {C}> {{ Rules::new().allow(..) }} }}`"
)]
pub trait Policy<C>: Entity {
    /// The rules. Called once, when the first statement needs them.
    fn rules() -> Rules<Self, C>;
}

/// The rules of a [`Policy`], or some of them: sets of rules can be written once, as functions, and
/// [included](Self::include) wherever they fit.
///
/// Without any rule nothing is allowed.
pub struct Rules<E, C> {
    rules: Vec<Rule>,
    /// What is wrong with them: every statement says so.
    mistakes: Vec<String>,
    types: PhantomData<fn() -> (E, C)>,
}

impl<E, C> Clone for Rules<E, C> {
    fn clone(&self) -> Self {
        Self { rules: self.rules.clone(), mistakes: self.mistakes.clone(), types: PhantomData }
    }
}

impl<E, C> Default for Rules<E, C> {
    fn default() -> Self {
        Self { rules: Vec::new(), mistakes: Vec::new(), types: PhantomData }
    }
}

impl<E, C> fmt::Debug for Rules<E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules.iter().map(|rule| (rule.effect.as_str(), &*rule.name));
        f.debug_list().entries(rules).finish()
    }
}

impl<E: Entity, C: Send + Sync + 'static> Rules<E, C> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows something with the rows for which the condition holds. An update has to be allowed of the row as it was and as it
    /// becomes: what is theirs nobody can give away, unless another rule allows them what it becomes. Columns that rules depend on
    /// are columns as any other; where they are not for everyone who may update the row, say so with `write_if`.
    ///
    /// The name is for errors and [explanations](crate::rls), and tells rules apart.
    #[must_use]
    pub fn allow<M>(
        self,
        name: impl Into<Cow<'static, str>>,
        actions: impl Into<Actions>,
        condition: impl Condition<E, C, M>,
    ) -> Self {
        self.rule(Effect::Allow, name.into(), actions.into(), condition.into_condition().0)
    }

    /// Denies something with the rows for which the condition holds, whatever allows it: of the row as it was, and when one is
    /// created, of the new one.
    #[must_use]
    pub fn deny<M>(
        self,
        name: impl Into<Cow<'static, str>>,
        actions: impl Into<Actions>,
        condition: impl Condition<E, C, M>,
    ) -> Self {
        self.rule(Effect::Deny, name.into(), actions.into(), condition.into_condition().0)
    }

    /// Denies something unless the condition holds, of the row as it was and as it becomes.
    #[must_use]
    pub fn restrict<M>(
        self,
        name: impl Into<Cow<'static, str>>,
        actions: impl Into<Actions>,
        condition: impl Condition<E, C, M>,
    ) -> Self {
        self.rule(Effect::Restrict, name.into(), actions.into(), condition.into_condition().0)
    }

    /// Denies a new row, or an update, unless the condition holds of the row as it becomes. Of [`Action`]s only
    /// [`Create`](Action::Create) and [`Update`](Action::Update) have a row that becomes something.
    ///
    /// It sees what is written; where that leaves columns to the database, it sees what is stored. What a trigger makes of a row
    /// afterwards it does not see.
    #[must_use]
    pub fn check<M>(
        self,
        name: impl Into<Cow<'static, str>>,
        actions: impl Into<Actions>,
        condition: impl Condition<E, C, M>,
    ) -> Self {
        self.rule(Effect::Check, name.into(), actions.into(), condition.into_condition().0)
    }

    fn rule(
        mut self,
        effect: Effect,
        name: Cow<'static, str>,
        actions: Actions,
        condition: expr::Condition,
    ) -> Self {
        let is_asked = match effect {
            Effect::Check => actions.contains(Action::Create) || actions.contains(Action::Update),
            _ => Action::ALL.into_iter().any(|action| actions.contains(action)),
        };
        if !is_asked {
            let when = match effect {
                Effect::Check => {
                    "only `Action::Create` and `Action::Update` have a row that becomes something: use `restrict`, or `deny`"
                }
                _ => "it names no action",
            };
            self.mistakes.push(format!("the rule `{name}` is never asked: {when}"));
        }
        self.rules.push(Rule { name, effect, actions, when: Vec::new(), condition, pinned: false });
        self
    }

    /// These as well.
    #[must_use]
    pub fn include(mut self, rules: Self) -> Self {
        self.mistakes.extend(rules.mistakes);
        self.rules.extend(rules.rules);
        self
    }

    /// These as well, whenever that holds of who asks. It is looked at for every statement.
    ///
    /// ```
    /// # mod doc {
    /// # use kysera::rls::{Action, Rules};
    /// # use kysera::{Entity, Filter};
    /// struct Principal {
    ///     features: Vec<String>,
    /// }
    ///
    /// fn beta<E: Entity>() -> Rules<E, Principal> {
    ///     Rules::new().include_when(
    ///         |who: &Principal| who.features.iter().any(|feature| feature == "beta"),
    ///         Rules::new().allow("beta", Action::Read, Filter::all([])),
    ///     )
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn include_when(self, when: impl Fn(&C) -> bool + Send + Sync + 'static, rules: Self) -> Self {
        self.include_if(Arc::new(move |cx| cx.context::<C>().is_some_and(&when)), rules)
    }

    /// These as well, whenever that holds of the time, by the [`Clock`](crate::Clock) of the `Db`.
    ///
    /// ```
    /// # mod doc {
    /// # use kysera::rls::{Action, Rules};
    /// # use kysera::{Entity, Filter};
    /// # use std::time::{Duration, SystemTime};
    /// # struct Principal;
    /// fn until<E: Entity>(end: SystemTime) -> Rules<E, Principal> {
    ///     Rules::new().include_while(move |now| now < end, Rules::new().allow("trial", Action::Read, Filter::all([])))
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn include_while(
        self,
        when: impl Fn(SystemTime) -> bool + Send + Sync + 'static,
        rules: Self,
    ) -> Self {
        self.include_if(Arc::new(move |cx| when(cx.now())), rules)
    }

    /// These as well, from one hour of the day to before another, in UTC: from 22 until 6 is the night.
    #[must_use]
    pub fn include_hours(mut self, from: u8, until: u8, rules: Self) -> Self {
        if from > 23 || until > 24 {
            self.mistakes.push(format!(
                "no day has an hour from {from} until {until}: hours are 0 to 23, and 24 is the end"
            ));
        }
        self.include_while(
            move |now| {
                // Before 1970 is no time of the day.
                let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
                let hour = (since / 3600) % 24;
                let (from, until) = (u64::from(from), u64::from(until));
                if from <= until { (from..until).contains(&hour) } else { hour >= from || hour < until }
            },
            rules,
        )
    }

    fn include_if(mut self, when: When, rules: Self) -> Self {
        self.mistakes.extend(rules.mistakes);
        self.rules.extend(rules.rules.into_iter().map(|mut rule| {
            rule.when.push(when.clone());
            rule
        }));
        self
    }

    /// Without the rules of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        if self.rules.iter().all(|rule| rule.name != name) {
            let names: Vec<&str> = self.rules.iter().map(|rule| &*rule.name).collect();
            self.mistakes
                .push(format!("there is no rule `{name}` to leave out: there are `{}`", names.join("`, `")));
        }
        self.rules.retain(|rule| rule.name != name);
        self
    }

    /// With these in the place of all rules that have the same names; the rest is added.
    #[must_use]
    pub fn overridden_by(mut self, rules: Self) -> Self {
        self.rules.retain(|rule| rules.rules.iter().all(|other| other.name != rule.name));
        self.include(rules)
    }

    /// The names of the rules, with what they do, in their order.
    pub fn names(&self) -> impl Iterator<Item = (Effect, &str)> {
        self.rules.iter().map(|rule| (rule.effect, &*rule.name))
    }

    /// Rows of one tenant: all others are out of reach, for everything. It restricts and does not allow.
    #[must_use]
    pub fn tenant<T, U>(self, column: Column<E, T>, tenant: Claim<C, U>) -> Self
    where
        Column<E, T>: IsClaim<E, C, U>,
    {
        self.restrict("tenant", Action::ALL, column.claimed_by(tenant))
    }

    /// Everything with rows that are one's own.
    #[must_use]
    pub fn owner<T, U>(self, column: Column<E, T>, owner: Claim<C, U>) -> Self
    where
        Column<E, T>: IsClaim<E, C, U>,
    {
        self.allow("owner", Action::ALL, column.claimed_by(owner))
    }

    /// Everything with all rows, for those of whom that is true. It is a rule as any other: what is denied stays denied.
    #[must_use]
    pub fn admin(self, is_admin: Claim<C, bool>) -> Self {
        self.allow("admin", Action::ALL, is_admin.holds())
    }

    /// Reading rows in some states, whoever asks.
    #[must_use]
    pub fn readable<T: Send + Sync + 'static>(
        self,
        column: Column<E, T>,
        states: impl IntoIterator<Item = T>,
    ) -> Self {
        self.allow("readable states", Action::Read, column.in_(states))
    }

    /// No updates and deletions of rows in some states, whatever allows them.
    #[must_use]
    pub fn frozen<T: Send + Sync + 'static>(
        self,
        column: Column<E, T>,
        states: impl IntoIterator<Item = T>,
    ) -> Self {
        self.deny("frozen states", [Action::Update, Action::Delete], column.in_(states))
    }
}

/// A column that compares with a claim.
#[doc(hidden)]
pub trait IsClaim<E, C, U> {
    fn claimed_by(self, claim: Claim<C, U>) -> Filter<E>;
}

impl<E, C, T: Send + Sync + 'static> IsClaim<E, C, T> for Column<E, T> {
    fn claimed_by(self, claim: Claim<C, T>) -> Filter<E> {
        self.eq(claim)
    }
}

impl<E, C, T: Send + Sync + 'static> IsClaim<E, C, T> for Column<E, Option<T>> {
    fn claimed_by(self, claim: Claim<C, T>) -> Filter<E> {
        self.eq(claim)
    }
}

/// What a rule asks: a [`Filter`] whose [claims](Claim) say who asks, or a function that makes one of the context,
/// `|who: &Principal| Invoice::AMOUNT.le(who.limit)`.
///
/// Filters can become [native](crate::rls) policies of PostgreSQL, functions cannot. `M` tells the cases apart and is always
/// inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no condition of a rule",
    label = "expected a filter on the entity, or a function of the context that makes one",
    note = "a filter says what holds for a row, as in `Invoice::OWNER_ID.eq(Principal::USER_ID)`, or for who asks, as in \
            `Principal::IS_ADMIN.holds()`",
    note = "a function has to say what it takes, as in `|who: &Principal| Invoice::AMOUNT.le(who.limit)`"
)]
pub trait Condition<E, C, M> {
    #[doc(hidden)]
    fn into_condition(self) -> ConditionBox;
}

/// Hides the trees of rules from the public API.
#[doc(hidden)]
pub struct ConditionBox(expr::Condition);

/// How [`Condition`] tells its cases apart.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fixed;
#[doc(hidden)]
#[derive(Debug)]
pub struct Made;

impl<E, C> Condition<E, C, Fixed> for Filter<E> {
    fn into_condition(self) -> ConditionBox {
        ConditionBox(expr::Condition::Fixed(self.node))
    }
}

impl<E, C: 'static, F> Condition<E, C, Made> for F
where
    F: Fn(&C) -> Filter<E> + Send + Sync + 'static,
{
    fn into_condition(self) -> ConditionBox {
        ConditionBox(expr::Condition::Made(Arc::new(move |cx: &PluginContext<'_>| {
            // Nobody else is asked: a policy is for one type of context.
            cx.context::<C>().map_or_else(|| Filter::<E>::any([]).node, |context| self(context).node)
        })))
    }
}

/// The rules of an entity: its own, and those that the plugin makes of `tenant(..)`.
pub(crate) fn rule_set<E: Entity, C: Send + Sync + 'static>(
    own: Rules<E, C>,
    tenant: Option<Filter<E>>,
) -> RuleSet {
    let Rules { mut rules, mistakes, .. } = own;
    if let Some(tenant) = tenant {
        rules.push(Rule {
            name: "tenant".into(),
            effect: Effect::Restrict,
            actions: Action::ALL.into(),
            when: Vec::new(),
            condition: expr::Condition::Fixed(tenant.node),
            pinned: true,
        });
    }
    RuleSet { rules, mistakes }
}
