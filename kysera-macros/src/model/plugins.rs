//! Plugins: which columns are theirs.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{LitStr, Path};

use super::rls::Rls;
use super::types::without_self;
use super::{Column, Fill, Relation, Skipped};
use crate::attr::field::FieldAttrs;
use crate::attr::item::tidy;
use crate::attr::plugins as attr;
use crate::attr::relation::Kind;
use crate::diag::{Diag, did_you_mean, listing};

/// The plugins of an entity. Columns are `None` after a mistake; what depends on the plugin's being there is made all the
/// same, so that no second error follows.
#[derive(Default)]
pub(crate) struct Plugins {
    /// Whether there was an attribute at all, be it empty.
    pub(crate) declared: bool,
    pub(crate) soft_delete: Option<SoftDelete>,
    pub(crate) timestamps: Option<Timestamps>,
    pub(crate) version: Option<Version>,
    pub(crate) audit: Option<Audit>,
    pub(crate) rls: Option<Rls>,
    pub(crate) custom: Vec<Custom>,
    /// The columns whose values are for nobody's eyes. They need no plugin.
    pub(crate) sensitive: Vec<usize>,
}

pub(crate) struct SoftDelete {
    pub(crate) column: Option<usize>,
    pub(crate) cascade: Vec<Cascade>,
}

/// A relation along which rows are deleted and restored.
pub(crate) struct Cascade {
    /// Its constant.
    pub(crate) relation: TokenStream,
    /// What has the columns of the entity at the other end, if that is not this one.
    pub(crate) target: Option<TokenStream>,
}

pub(crate) struct Timestamps {
    pub(crate) created_at: Option<usize>,
    pub(crate) updated_at: Option<usize>,
    /// Whether updates have their time.
    pub(crate) updates: bool,
    /// Whether the client may give the values.
    pub(crate) explicit: bool,
}

pub(crate) struct Version {
    pub(crate) column: Option<usize>,
}

pub(crate) struct Audit {
    pub(crate) table: String,
    pub(crate) schema: Option<String>,
    pub(crate) chain: bool,
}

/// A plugin of the user's own.
pub(crate) struct Custom {
    /// Its name, for spans.
    pub(crate) path: TokenStream,
    pub(crate) value: TokenStream,
}

impl Plugins {
    /// The relations along which rows are deleted and restored.
    pub(crate) fn cascade(&self) -> &[Cascade] {
        self.soft_delete.as_ref().map_or(&[], |plugin| &plugin.cascade)
    }

    /// Whether writes ask what the context says of who acts.
    pub(crate) fn has_hooks(&self) -> bool {
        self.audit.is_some() || !self.cascade().is_empty()
    }

    /// The column that takes the time of updates.
    pub(crate) fn updated_at(&self) -> Option<usize> {
        self.timestamps.as_ref()?.updated_at
    }

    /// Whether there is one of kysera's own that writes something.
    pub(crate) fn writes(&self) -> bool {
        let rls = self.rls.as_ref().is_some_and(|plugin| plugin.tenant.is_some());
        rls || self.builtin().iter().any(|name| *name != "rls")
    }

    /// The names of those of kysera's own.
    pub(crate) fn builtin(&self) -> Vec<&'static str> {
        let all = [
            ("soft_delete", self.soft_delete.is_some()),
            ("timestamps", self.timestamps.is_some()),
            ("version", self.version.is_some()),
            ("audit", self.audit.is_some()),
            ("rls", self.rls.is_some()),
        ];
        all.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect()
    }
}

/// What is known of the struct beside its columns.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// Whether it is a struct with named fields.
    pub(super) has_fields: bool,
    pub(super) relations: &'a [Relation],
    /// Whether there is no mistake in any of them.
    pub(super) all_relations: bool,
    pub(super) attrs: &'a [FieldAttrs],
    pub(super) skipped: &'a [Skipped],
    pub(super) ident: &'a Ident,
    /// The path to kysera.
    pub(super) krate: &'a TokenStream,
    /// The type that takes the constants, if not the struct itself.
    pub(super) columns_type: Option<&'a Ident>,
    pub(super) diag: &'a Diag,
}

/// Finds the columns of the plugins and takes them away from `NewX` and `XPatch`.
pub(super) fn plugins(declared: &attr::Plugins, columns: &mut [Column], found: Found<'_>) -> Plugins {
    let ident = found.ident;
    let mut fields = Fields { columns, found };
    let soft_delete = declared.soft_delete.as_ref().map(|plugin| SoftDelete {
        column: fields.deleted_at(plugin),
        cascade: plugin.cascade.iter().filter_map(|path| cascade(path, found)).collect(),
    });
    let timestamps = declared.timestamps.as_ref().map(|plugin| fields.timestamps(plugin));
    let version = declared.version.as_ref().map(|plugin| Version { column: fields.version(plugin) });
    let sensitive = fields.sensitive();
    // At the end: the columns of the others are theirs.
    let rls = declared.rls.as_ref().map(|plugin| fields.rls(plugin, found.krate));
    Plugins {
        declared: declared.declared,
        soft_delete,
        timestamps,
        version,
        audit: declared.audit.as_ref().map(|plugin| Audit {
            table: plugin.table.as_ref().map_or_else(|| "audit_logs".to_owned(), LitStr::value),
            schema: plugin.schema.as_ref().map(LitStr::value),
            chain: plugin.chain,
        }),
        rls,
        sensitive,
        custom: declared
            .custom
            .iter()
            .map(|plugin| Custom {
                path: without_self(plugin.path.to_token_stream(), ident),
                value: without_self(plugin.value.clone(), ident),
            })
            .collect(),
    }
}

/// The relation that a path names.
fn cascade(path: &Path, found: Found<'_>) -> Option<Cascade> {
    let Found { relations, ident, columns_type, diag, .. } = found;
    let name = path.segments.last()?.ident.to_string();
    let leads_down = |relation: &&Relation| relation.kind != Kind::BelongsTo && relation.through.is_none();
    let Some(relation) = relations.iter().find(|relation| relation.constant == name) else {
        if found.all_relations {
            let names: Vec<String> =
                relations.iter().filter(leads_down).map(|relation| relation.constant.to_string()).collect();
            let hint = did_you_mean(&name, names.iter().map(String::as_str));
            let known = match names.as_slice() {
                [] => "there is no `has_many(..)` and no `has_one(..)` on the struct".to_owned(),
                _ => format!("rows are deleted along {}", listing(names.iter().map(String::as_str))),
            };
            diag.at(path, format!("`{ident}` has no relation `{name}`{hint}\n{known}"));
        }
        return None;
    };
    if !leads_down(&relation) {
        let why = if relation.through.is_some() {
            "it leads through another entity, and other rows may have the same row at its end"
        } else {
            "it leads to the row whose key this one has, and other rows may have that key as well"
        };
        diag.at(path, format!("rows are not deleted along `{}`: {why}", tidy(path)));
        return None;
    }
    let target = relation.target.owner.clone();
    Some(Cascade {
        relation: without_self(path.to_token_stream(), ident),
        target: (*ident != tidy(&target) && columns_type.is_none_or(|own| *own != tidy(&target)))
            .then_some(target),
    })
}

/// A column that a plugin needs.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    /// The option that names its field.
    option: &'static str,
    /// The field, where the option is absent.
    default: &'static str,
    /// The field that the option names.
    given: Option<&'a Ident>,
    /// The option by which the plugin does without it.
    without: Option<&'static str>,
}

pub(super) struct Fields<'a> {
    pub(super) columns: &'a mut [Column],
    pub(super) found: Found<'a>,
}

impl Fields<'_> {
    fn deleted_at(&mut self, plugin: &attr::SoftDelete) -> Option<usize> {
        let is_flag = self.index("deleted_at").is_none() && self.index("deleted").is_some();
        let wanted = Wanted {
            option: "deleted_at",
            default: if is_flag { "deleted" } else { "deleted_at" },
            given: plugin.deleted_at.as_ref(),
            without: None,
        };
        let [column] = self.required("soft_delete", &plugin.name, [Some(wanted)], "Option<DateTime<Utc>>");
        self.own(column?, "soft_delete");
        column
    }

    fn timestamps(&mut self, plugin: &attr::Timestamps) -> Timestamps {
        let created_at = (!plugin.update_only).then(|| Wanted {
            option: "created_at",
            default: "created_at",
            given: plugin.created_at.as_ref(),
            without: (!plugin.create_only).then_some("update_only"),
        });
        let updated_at = (!plugin.create_only).then(|| Wanted {
            option: "updated_at",
            default: "updated_at",
            given: plugin.updated_at.as_ref(),
            without: (!plugin.update_only).then_some("create_only"),
        });
        let found = self.required("timestamps", &plugin.name, [created_at, updated_at], "DateTime<Utc>");
        for column in found.into_iter().flatten() {
            if plugin.explicit {
                let column = &mut self.columns[column];
                (column.plugin, column.fill, column.in_patch) = (Some("timestamps"), Fill::Default, true);
            } else {
                self.own(column, "timestamps");
            }
        }
        let [created_at, updated_at] = found;
        Timestamps { created_at, updated_at, updates: !plugin.create_only, explicit: plugin.explicit }
    }

    fn version(&mut self, plugin: &attr::Version) -> Option<usize> {
        let wanted =
            Wanted { option: "column", default: "version", given: plugin.column.as_ref(), without: None };
        let [column] = self.required("version", &plugin.name, [Some(wanted)], "i32");
        self.own(column?, "version");
        column
    }

    /// The columns of a plugin, as far as they are there.
    fn required<const N: usize>(
        &self,
        plugin: &'static str,
        name: &Ident,
        wanted: [Option<Wanted<'_>>; N],
        ty: &str,
    ) -> [Option<usize>; N] {
        let mut missing = vec![];
        let mut found: [Option<usize>; N] = [None; N];
        for (place, wanted) in wanted.into_iter().enumerate() {
            let Some(wanted) = wanted else { continue };
            let column = match wanted.given {
                Some(field) => self.named(field, plugin),
                None => self.by_default(&wanted, name, plugin, &mut missing),
            };
            let at = wanted.given.unwrap_or(name);
            let Some(column) = column.filter(|&column| self.fits(column, plugin, at)) else { continue };
            if found.contains(&Some(column)) {
                self.found.diag.at(at, format!("`{at}` is given twice"));
            } else {
                found[place] = Some(column);
            }
        }
        self.missing(&missing, plugin, name, ty);
        found
    }

    /// The column of a field that an option names.
    pub(super) fn named(&self, field: &Ident, plugin: &str) -> Option<usize> {
        let name = field.unraw().to_string();
        let column = self.index(&name);
        if column.is_none() && !self.refuse_skipped(&name, field, plugin) {
            let names: Vec<String> =
                self.columns.iter().map(|column| column.field.unraw().to_string()).collect();
            let hint = did_you_mean(&name, names.iter().map(String::as_str));
            let known = listing(names.iter().map(String::as_str));
            self.found.diag.at(field, format!("there is no field `{name}`{hint}\nthe fields are {known}"));
        }
        column
    }

    /// The column of the field that no option needs to name.
    fn by_default<'w>(
        &self,
        wanted: &Wanted<'w>,
        name: &Ident,
        plugin: &str,
        missing: &mut Vec<Wanted<'w>>,
    ) -> Option<usize> {
        let column = self.index(wanted.default);
        if column.is_none() && !self.refuse_skipped(wanted.default, name, plugin) {
            missing.push(*wanted);
        }
        column
    }

    fn refuse_skipped(&self, field: &str, at: &Ident, plugin: &str) -> bool {
        let is_skipped = self.found.skipped.iter().any(|skipped| skipped.field.unraw() == field);
        if is_skipped {
            self.found
                .diag
                .at(at, format!("`{field}` is skipped, hence no column: the plugin `{plugin}` needs one"));
        }
        is_skipped
    }

    /// Says which fields to add.
    fn missing(&self, missing: &[Wanted<'_>], plugin: &str, name: &Ident, ty: &str) {
        if !self.found.has_fields {
            return;
        }
        let fields: Vec<String> =
            missing.iter().map(|wanted| format!("`{}: {ty}`", wanted.default)).collect();
        let options: Vec<String> = missing.iter().map(|wanted| format!("{} = ..", wanted.option)).collect();
        let (fields, options) = (fields.join(" and "), options.join(", "));
        let message = match missing {
            [] => return,
            [Wanted { without, .. }] => {
                let or = without.map(|option| format!(", or do without it: `{plugin}({option})`"));
                format!(
                    "`{plugin}` needs a column: add the field {fields}, or name it: `{plugin}({options})`{}",
                    or.unwrap_or_default()
                )
            }
            _ => format!(
                "`{plugin}` needs columns: add the fields {fields}, or name them: `{plugin}({options})`"
            ),
        };
        self.found.diag.at(name, message);
    }

    /// Whether a column may be a plugin's.
    pub(super) fn fits(&self, column: usize, plugin: &str, at: &Ident) -> bool {
        let field = self.columns[column].field.unraw();
        if let Some(other) = self.columns[column].plugin {
            self.found
                .diag
                .at(at, format!("`{field}` is a column of the plugin `{other}` already: choose another one"));
            return false;
        }
        let attrs = &self.found.attrs[column];
        let key = [&attrs.id, &attrs.default, &attrs.read_only].into_iter().find_map(Option::as_ref);
        let Some(key) = key else { return true };
        let what = if key == "id" {
            "it cannot be the key, nor part of it".to_owned()
        } else {
            format!("take `{key}` away")
        };
        self.found.diag.at(key, format!("the plugin `{plugin}` writes this column: {what}"));
        false
    }

    /// Leaves a column to a plugin alone.
    pub(super) fn own(&mut self, column: usize, plugin: &'static str) {
        let column = &mut self.columns[column];
        (column.plugin, column.fill, column.in_patch) = (Some(plugin), Fill::Plugin, false);
    }

    /// The columns whose values are for nobody's eyes.
    fn sensitive(&self) -> Vec<usize> {
        let marked = self.found.attrs.iter().enumerate().filter(|(_, attrs)| attrs.sensitive.is_some());
        marked.map(|(index, _)| index).collect()
    }

    fn index(&self, field: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.field.unraw() == field)
    }
}
