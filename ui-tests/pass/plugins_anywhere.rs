//! Plugins in odd places, and beside odd names.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use kysera::prelude::*;

/// A plugin that does nothing.
#[derive(Debug)]
pub struct Quiet;

impl<E: Entity> kysera::plugin::Plugin<E> for Quiet {
    const NAME: &'static str = "quiet";
}

/// A plugin with an option.
#[derive(Debug)]
pub struct Named {
    rows: u64,
}

impl<E: Entity> kysera::plugin::Plugin<E> for Named {
    const NAME: &'static str = "named";

    fn before_create(
        &self,
        _: &mut kysera::plugin::Changes<'_, E>,
        _: &kysera::plugin::PluginContext<'_>,
    ) -> kysera::Result<()> {
        assert_eq!(self.rows, 3);
        Ok(())
    }
}

/// A module in which the names of the prelude mean something else.
#[allow(dead_code, missing_docs)]
pub mod shadowed {
    pub struct Option;
    pub struct Result;
    pub struct String;
    pub struct Box;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub trait Default {}
    pub trait Clone {}
    pub trait Send {}
    pub trait Sync {}
    pub trait Future {}
    pub trait Entity {}
    pub trait Plugin {}
    pub trait PluginSet {}
    pub trait Actor {}
    pub mod core {}
    pub mod std {}
    pub const CUSTOM: usize = 2;
    pub const HOOKS: usize = 2;

    #[derive(kysera::Repository)]
    #[kysera(table = "users", has_many(users = User::BOSS))]
    #[kysera::plugin(soft_delete(cascade = [Self::USERS]), timestamps(explicit), version, audit, super::Quiet)]
    pub struct User {
        #[kysera(id)]
        pub id: i64,
        pub boss: ::std::option::Option<i64>,
        #[kysera(sensitive)]
        pub hooks: i64,
        pub created_at: i64,
        pub updated_at: ::std::option::Option<i64>,
        pub version: i64,
        pub deleted: bool,
    }
}

/// Names that generated code uses, and raw ones.
#[derive(Debug, Repository)]
#[kysera::plugin(soft_delete(deleted_at = r#type), version(column = r#struct), crate::Quiet)]
pub struct DB {
    #[kysera(id)]
    id: i64,
    r#type: bool,
    r#struct: i64,
    source: i64,
    hooks: i64,
    cascade: i64,
    changes: i64,
    written: i64,
}

macro_rules! entity {
    ($name:ident, $plugin:path, $other:path, $limit:expr, $field:ident: $type:ty, $table:literal) => {
        #[kysera::plugin($plugin, audit(table = $table))]
        #[derive(Debug, Repository)]
        #[kysera::plugin($other, Named(rows = $limit), soft_delete(deleted_at = $field))]
        struct $name {
            #[kysera(id)]
            id: i64,
            version: i64,
            $field: $type,
        }
    };
}

entity!(Made, crate::Quiet, version, 1 + 2, removed: Option<i64>, "made_log");

/// A plugin that is there or not.
#[cfg_attr(all(), kysera::plugin(version))]
#[derive(Debug, Repository)]
#[cfg_attr(any(), kysera::plugin(audit))]
#[cfg_attr(all(), kysera::plugin(Quiet))]
pub struct Configured {
    #[kysera(id)]
    id: i64,
    version: i64,
}

fn main() {
    struct Local;

    impl<E: Entity> kysera::plugin::Plugin<E> for Local {
        const NAME: &'static str = "local";
    }

    #[derive(Debug, Repository)]
    #[kysera::plugin(Local, version)]
    struct Inner {
        #[kysera(id)]
        id: i64,
        version: i32,
    }

    let _ = NewInner {};
    let _ = NewDB { source: 1, hooks: 2, cascade: 3, changes: 4, written: 5 };
    let _ = NewMade {};
    let _ = NewConfigured {};
    let _ = shadowed::UserPatch::new().boss(None).hooks(1).created_at(1);
    assert!(Made::META.plug.audit.as_ref().is_some_and(|audit| audit.table == "made_log"));
    assert!(Configured::META.plug.audit.is_none());
}
