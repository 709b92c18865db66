//! What someone may do, without doing it.

use std::fmt;

use futures_core::future::BoxFuture;

use crate::backend::Backend;
use crate::entity::{Entity, On, Policed};
use crate::error::Result;
use crate::expr::{
    Action, AnyValue, Demand, Effect, IntoColumn, Meta, PluginContext, PolicyMeta, Rule, Sql, Standing,
};
use crate::observe::Wire;
use crate::query::Exists;
use crate::repository::{IdOf, NewOf, Repository};
use crate::source::{Cx, Op, Source, System, run};
use crate::write::{Prepare, Which, create_refusal, created, given, judge_alike};

/// What the plugin `rls` adds to a repository.
pub trait PolicyMethods: Repository {
    /// Whether the caller may do this with the row, if there is one that it may see: what the statement that does it would find.
    ///
    /// [`Create`](Action::Create) asks whether a row like this one may be created. What an update makes of the row is not known
    /// here: its `check`s are not asked.
    ///
    /// `SELECT 1 FROM <table> WHERE <key> AND <rules>`
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # use kysera::rls::{Action, Claims, Policy, Rules};
    /// # #[derive(Claims)]
    /// # struct Principal { user_id: i64 }
    /// # #[derive(Repository)]
    /// # #[kysera::plugin(rls(context = Principal))]
    /// # #[kysera(table = "notes")]
    /// # struct Note { #[kysera(id)] id: i64, author_id: i64 }
    /// # impl Policy<Principal> for Note {
    /// #     fn rules() -> Rules<Self, Principal> { Rules::new().owner(Note::AUTHOR_ID, Principal::USER_ID) }
    /// # }
    /// use kysera::rls::PolicyMethods;
    ///
    /// async fn show_delete_button(session: &Db<Sqlite, Principal>, id: i64) -> kysera::Result<bool> {
    ///     Note::repo(session).can(Action::Delete, id).await
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[track_caller]
    fn can(&self, action: Action, id: impl IntoColumn<IdOf<Self>>) -> BoxFuture<'_, Result<bool>>
    where
        Self::Entity: Policed,
    {
        let op = Can::<Self::Entity> { action, id: id.into_column(), who: None };
        let cx = Cx::of(self.source(), "can");
        Box::pin(async move { run(self.source(), cx, op).await })
    }

    /// Whether the caller may create such a row. Columns that it leaves to the database count as NULL.
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[track_caller]
    fn can_create(&self, new: NewOf<Self>) -> BoxFuture<'_, Result<bool>>
    where
        Self::Entity: Policed,
    {
        let op = CanCreate::<Self::Entity> { new };
        let cx = Cx::of(self.source(), "can_create");
        Box::pin(async move { run(self.source(), cx, op).await })
    }

    /// What the caller may do with the row, and which rules say so; `None` if it may not see the row.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # use kysera::rls::{Action, Claims, Policy, PolicyMethods, Rules};
    /// # #[derive(Claims)]
    /// # struct Principal { user_id: i64 }
    /// # #[derive(Repository)]
    /// # #[kysera::plugin(rls(context = Principal))]
    /// # #[kysera(table = "notes")]
    /// # struct Note { #[kysera(id)] id: i64, author_id: i64 }
    /// # impl Policy<Principal> for Note {
    /// #     fn rules() -> Rules<Self, Principal> { Rules::new().owner(Note::AUTHOR_ID, Principal::USER_ID) }
    /// # }
    /// # async fn explain(session: &Db<Sqlite, Principal>, id: i64) -> kysera::Result<()> {
    /// if let Some(access) = Note::repo(session).explain_access(id).await? {
    ///     assert!(access.allows(Action::Read));
    ///     println!("{access}"); // Note: read allowed by `owner`; create allowed by `owner`; ..
    /// }
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[track_caller]
    fn explain_access(&self, id: impl IntoColumn<IdOf<Self>>) -> BoxFuture<'_, Result<Option<Access>>>
    where
        Self::Entity: Policed,
    {
        let op = Explain::<Self::Entity> { id: id.into_column(), who: None };
        let cx = Cx::of(self.source(), "explain_access");
        Box::pin(async move { run(self.source(), cx, op).await })
    }

    /// What someone else may do with the row, and why, whether or not they may see it; `None` if there is none. It takes a source
    /// that is not concerned itself: support staff explaining what a user sees.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # use kysera::rls::{Action, Claims, Policy, PolicyMethods, Rules};
    /// # #[derive(Claims)]
    /// # struct Principal { user_id: i64 }
    /// # #[derive(Repository)]
    /// # #[kysera::plugin(rls(context = Principal))]
    /// # #[kysera(table = "notes")]
    /// # struct Note { #[kysera(id)] id: i64, author_id: i64 }
    /// # impl Policy<Principal> for Note {
    /// #     fn rules() -> Rules<Self, Principal> { Rules::new().owner(Note::AUTHOR_ID, Principal::USER_ID) }
    /// # }
    /// # async fn explain(db: &Db<Sqlite>, id: i64) -> kysera::Result<()> {
    /// let system = db.unrestricted("support ticket 17");
    /// let access = Note::repo(&system).explain_access_of(&Principal { user_id: 7 }, id).await?;
    /// # let _ = access;
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the database.
    #[track_caller]
    fn explain_access_of<'a>(
        &'a self,
        who: &'a <Self::Entity as Policed>::Context,
        id: impl IntoColumn<IdOf<Self>>,
    ) -> BoxFuture<'a, Result<Option<Access>>>
    where
        Self::Entity: Policed,
        Self::Source: Source<Context = System>,
    {
        let op = Explain::<Self::Entity> { id: id.into_column(), who: Some(who) };
        let cx = Cx::of(self.source(), "explain_access_of");
        Box::pin(async move { run(self.source(), cx, op).await })
    }
}

impl<R: Repository> PolicyMethods for R {}

pub(super) struct Can<'w, E: Entity> {
    pub(super) action: Action,
    pub(super) id: E::Id,
    /// Who asks, if that is not who the source says.
    pub(super) who: Option<&'w AnyValue>,
}

impl<DB: Backend, E: On<DB>> Op<DB> for Can<'_, E> {
    type Out = bool;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<bool> {
        let plugins = asking(cx, self.who);
        let mut sql = Sql::new(DB::DIALECT).at(cx.schema(), plugins).showing(cx.shows_values());
        sql.push("SELECT 1 FROM ").table(E::META);
        let which = Which::<E>::one(&self.id);
        match self.action {
            // Nothing is locked to ask.
            Action::Read | Action::Update | Action::Delete => which.write_asking(&mut sql, self.action),
            Action::Create => {
                match self.who {
                    // Of a row that they may not see, too.
                    Some(_) => which.write_key(&mut sql),
                    None => which.write(&mut sql),
                }
                judge_alike::<E>(&mut sql, &plugins);
            }
        }
        Exists::<DB> { meta: E::META, statement: sql.finish()? }.run(wire, cx).await
    }
}

/// What rules are told.
fn asking<'a>(cx: Cx<'a>, who: Option<&'a AnyValue>) -> PluginContext<'a> {
    match who {
        Some(context) => PluginContext { context, ..cx.plugins() },
        None => cx.plugins(),
    }
}

struct CanCreate<E: Entity> {
    new: E::New,
}

impl<DB: Backend, E: On<DB>> Op<DB> for CanCreate<E> {
    type Out = bool;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<bool> {
        let new = match Prepare::new(E::META, cx.plugins()).create::<E>(self.new) {
            Err(crate::Error::Denied { .. }) => return Ok(false),
            new => new?,
        };
        let mask = given(E::META, &new);
        let demands = created::<E>(&cx.plugins(), mask, Some(&new));
        Ok(create_refusal::<DB, E>(wire, cx, mask, &new, &demands).await?.is_none())
    }
}

/// What someone may do with a row, and why: the answer of [`explain_access`](PolicyMethods::explain_access).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// The Rust name of the entity.
    pub entity: &'static str,
    /// One for each action, in the order of [`Action::ALL`].
    pub decisions: Vec<Decision>,
}

/// Whether something may be done, and which rule has decided that.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// What is to be done.
    pub action: Action,
    /// Whether it may be done.
    pub allowed: bool,
    /// The rule that allows it, or that is in the way; `None` where no rule allows it, and where no rule is asked.
    pub rule: Option<String>,
    /// What that rule does.
    pub effect: Option<Effect>,
}

impl Access {
    /// The decision about an action.
    pub fn decision(&self, action: Action) -> Option<&Decision> {
        self.decisions.iter().find(|decision| decision.action == action)
    }

    /// Whether an action may be done.
    pub fn allows(&self, action: Action) -> bool {
        self.decision(action).is_some_and(|decision| decision.allowed)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.entity)?;
        for (at, decision) in self.decisions.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            let is = if decision.allowed { "allowed" } else { "denied" };
            write!(f, "{separator}{} {is}", decision.action)?;
            match &decision.rule {
                Some(rule) => write!(f, " by `{rule}`")?,
                None if !decision.allowed => write!(f, ": no rule allows it")?,
                None => {}
            }
        }
        Ok(())
    }
}

pub(super) struct Explain<'w, E: Policed> {
    pub(super) id: E::Id,
    pub(super) who: Option<&'w E::Context>,
}

impl<DB: Backend, E: On<DB> + Policed> Op<DB> for Explain<'_, E> {
    type Out = Option<Access>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Option<Access>> {
        let plugins = asking(cx, self.who.map(|who| who as &AnyValue));
        let Some(policy) = E::META.policy else { return Ok(None) };
        let rules = (policy.rules)().rules.iter().filter_map(|rule| Some((rule, rule.at(&plugins)?)));
        let rules: Vec<(&'static Rule, Demand)> =
            rules.map(|(rule, node)| (rule, Demand::of(rule, node))).collect();
        let mut sql = Sql::new(DB::DIALECT).at(cx.schema(), plugins).showing(cx.shows_values());
        sql.push("SELECT ");
        sql.integer_literal(0);
        for (_, demand) in &rules {
            sql.push(", CASE WHEN ").demand(E::META, demand).push(" THEN ").integer_literal(1);
            sql.push(" WHEN NOT ").demand(E::META, demand).push(" THEN ").integer_literal(0);
            sql.push(" ELSE ").integer_literal(2).push(" END");
        }
        sql.push(" FROM ").table(E::META);
        let which = Which::<E>::one(&self.id);
        match self.who {
            // What the rules say, and not what may be seen.
            Some(_) => which.write_key(&mut sql),
            None => which.write(&mut sql),
        }
        let Some(row) = wire.fetch_optional(sql.finish()?).await? else { return Ok(None) };
        let mut verdicts = Vec::with_capacity(rules.len());
        for (at, (rule, _)) in rules.iter().enumerate() {
            verdicts.push((*rule, DB::integer(&row, at + 1)?));
        }
        let decide = |action| decide(policy, &plugins, action, &verdicts);
        Ok(Some(Access { entity: E::META.entity, decisions: Action::ALL.into_iter().map(decide).collect() }))
    }
}

/// As a statement would: `verdicts` has 1 for rules whose condition holds, 0 where it does not, 2 where neither is known.
fn decide(
    policy: &PolicyMeta,
    cx: &PluginContext<'_>,
    action: Action,
    verdicts: &[(&'static Rule, i64)],
) -> Decision {
    if (policy.standing)(cx) == Standing::System {
        return Decision { action, allowed: true, rule: None, effect: None };
    }
    let by = |allowed: bool, rule: Option<&Rule>| Decision {
        action,
        allowed,
        rule: rule.map(|rule| rule.name.to_string()),
        effect: rule.map(|rule| rule.effect),
    };
    let find = |effect: Effect, action: Action, is: fn(i64) -> bool| {
        let concerned = |rule: &Rule| rule.effect == effect && rule.actions.contains(action);
        verdicts.iter().find(|(rule, verdict)| concerned(rule) && is(*verdict)).map(|(rule, _)| *rule)
    };
    // To change a row one has to be allowed to read it.
    let asked: &[Action] = match action {
        Action::Update | Action::Delete => &[Action::Read, action],
        _ => std::slice::from_ref(&action),
    };
    for action in asked {
        let in_the_way = find(Effect::Deny, *action, |verdict| verdict != 0)
            .or_else(|| find(Effect::Restrict, *action, |verdict| verdict != 1))
            .or_else(|| match action {
                Action::Create => find(Effect::Check, *action, |verdict| verdict != 1),
                _ => None,
            });
        if in_the_way.is_some() {
            return by(false, in_the_way);
        }
    }
    let mut allowing = None;
    for action in asked {
        match find(Effect::Allow, *action, |verdict| verdict == 1) {
            None => return by(false, None),
            allows => allowing = allows,
        }
    }
    by(true, allowing)
}
