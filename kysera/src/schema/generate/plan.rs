//! What is to be written: structs, fields, relations, by names that are settled.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToSnakeCase as _;

use super::super::class::TypeClass;
use super::super::model::{Column, Identity, Schema, SchemaBackend, Table, TableKind};
use super::Options;
use super::names::{Members, Types, constant, ident};
use super::types::rust_type;

/// All of it.
pub(super) struct Plan<'s> {
    pub(super) entities: Vec<Entity<'s>>,
    pub(super) enums: Vec<Enum>,
    pub(super) notes: Vec<String>,
}

pub(super) struct Enum {
    pub(super) name: String,
    pub(super) of: String,
    /// Variants and labels.
    pub(super) variants: Vec<(String, String)>,
}

pub(super) struct Entity<'s> {
    pub(super) table: &'s Table,
    pub(super) name: String,
    pub(super) module: String,
    pub(super) fields: Vec<Field<'s>>,
    /// Columns that have no field, and their types.
    pub(super) left_out: Vec<&'s Column>,
    /// Whether a row cannot be made without them.
    pub(super) partial: bool,
    pub(super) plugins: Vec<String>,
    /// `has_many(..)`, `has_one(..)` and keys of several columns.
    pub(super) keys: Vec<String>,
    pub(super) imports: BTreeSet<&'static str>,
    members: Members,
}

pub(super) struct Field<'s> {
    pub(super) column: &'s Column,
    /// Without `r#`.
    pub(super) name: String,
    pub(super) ty: String,
    pub(super) attrs: Vec<String>,
}

impl<'s> Plan<'s> {
    pub(super) fn new(schema: &'s Schema, options: &Options) -> Self {
        let mut types = Types::new();
        let mut plan = Plan { entities: vec![], enums: vec![], notes: vec![] };
        let mut keyed: Vec<(&Table, Vec<String>)> = vec![];
        for table in &schema.tables {
            match key(table) {
                Some(key) => keyed.push((table, key)),
                None => {
                    let what = if table.kind == TableKind::View { "a view" } else { "a table without a key" };
                    let note = format!("`{}` is left out: it is {what}, and an entity has a key", table.name);
                    plan.notes.push(note);
                }
            }
        }
        // The shorter ones choose first: `users` makes `NewUser`, which `new_users` then cannot be.
        let mut by_length: Vec<&str> = keyed.iter().map(|(table, _)| &*table.name).collect();
        by_length.sort_by_key(|name| name.len());
        let entity_names: BTreeMap<&str, String> =
            by_length.into_iter().map(|name| (name, types.entity(name))).collect();
        let mut names: BTreeMap<&str, String> = BTreeMap::new();
        for one in &schema.enums {
            let name = types.plain(&one.name);
            let mut members = Members::default();
            let variants = one.labels.iter().map(|label| (members.variant(label), label.clone())).collect();
            plan.enums.push(Enum { name: name.clone(), of: one.name.clone(), variants });
            names.insert(&one.name, name);
        }
        for (table, key) in keyed {
            let name = entity_names.get(&*table.name).cloned().unwrap_or_default();
            let entity = Entity::new(table, &key, name, schema, options, &|name| names.get(name).cloned());
            for column in &entity.left_out {
                let needed = if column.is_optional() { "" } else { ", and rows cannot be made without it" };
                plan.notes.push(format!(
                    "`{}.{}` is left out: there is no type for `{}`{needed}",
                    table.name, column.name, column.type_name
                ));
            }
            plan.entities.push(entity);
        }
        plan.relations(schema.backend);
        let used: BTreeSet<String> =
            plan.entities.iter().flat_map(|entity| &entity.fields).map(|field| field.ty.clone()).collect();
        plan.enums.retain(|one| used.iter().any(|ty| ty.split(['<', '>']).any(|part| part == one.name)));
        plan
    }

    fn relations(&mut self, backend: SchemaBackend) {
        for at in 0..self.entities.len() {
            for key in &self.entities[at].table.foreign_keys {
                let ([column], [target]) = (key.columns.as_slice(), key.references.as_slice()) else {
                    let table = &self.entities[at].table.name;
                    let columns = key.columns.join("`, `");
                    self.notes.push(format!(
                        "`{table}`: there is no relation over the several columns `{columns}`"
                    ));
                    continue;
                };
                let is = |a: &str, b: &str| {
                    a == b || (backend != SchemaBackend::Postgres && a.eq_ignore_ascii_case(b))
                };
                let Some(other) = self.entities.iter().position(|entity| is(&entity.table.name, &key.table))
                else {
                    continue;
                };
                let (this, that) = (&self.entities[at], &self.entities[other]);
                let find = |entity: &Entity<'_>, name: &str| {
                    entity.fields.iter().position(|field| is(&field.column.name, name))
                };
                let (Some(from), Some(to)) = (find(this, column), find(that, target)) else { continue };
                let several =
                    this.table.foreign_keys.iter().filter(|other| other.table == key.table).count() > 1;
                let ends = Ends { this: at, from, that: other, to, by_name: several || at == other };
                if plain(&this.fields[from].ty) != plain(&that.fields[to].ty)
                    || !is_comparable(&this.fields[from].column.class)
                {
                    let table = &this.table.name;
                    self.notes.push(format!("`{table}.{column}` and what it refers to have types that are not compared: there is no relation for it"));
                    continue;
                }
                self.relation(ends);
            }
        }
    }

    fn relation(&mut self, ends: Ends) {
        let Ends { this, from, that, to, by_name } = ends;
        let (target_name, target_module) =
            (self.entities[that].name.clone(), self.entities[that].module.clone());
        let target_constant = constant(&self.entities[that].fields[to].name);
        let field = self.entities[this].fields[from].name.clone();
        let base = field.strip_suffix("_id").filter(|base| !base.is_empty()).map(String::from);
        let name = base.clone().unwrap_or_else(|| format!("{field}_{target_module}"));
        let name = self.entities[this].members.snake(&name, "_row");
        self.entities[this].fields[from]
            .attrs
            .push(format!("belongs_to({} = {target_name}::{target_constant})", ident(&name)));

        let source = &self.entities[this];
        let is_one = source.is_unique(&source.fields[from].column.name);
        let mut back = if is_one { source.module.clone() } else { source.table.name.to_snake_case() };
        if by_name {
            back = format!("{back}_by_{}", base.unwrap_or_else(|| field.clone()));
        }
        let (kind, source_name) = (if is_one { "has_one" } else { "has_many" }, source.name.clone());
        let target = &mut self.entities[that];
        let back = target.members.snake(&back, "_rows");
        let ids: Vec<_> =
            target.fields.iter().filter(|field| field.is_id()).map(|field| &field.name).collect();
        let key = match ids.as_slice() {
            [id] if **id == target.fields[to].name => String::new(),
            _ => format!(", key = {}", ident(&target.fields[to].name)),
        };
        target.keys.push(format!("{kind}({} = {source_name}::{}{key})", ident(&back), constant(&field)));
    }
}

/// The fields that a foreign key is between, by the places of entities and fields.
struct Ends {
    this: usize,
    from: usize,
    that: usize,
    to: usize,
    /// Whether the name of the field has to be in that of the relation.
    by_name: bool,
}

/// Whether rows can be told apart by values of the class.
fn is_comparable(class: &TypeClass) -> bool {
    !matches!(class, TypeClass::Float32 | TypeClass::Float64 | TypeClass::Json | TypeClass::Array(_))
}

fn plain(ty: &str) -> &str {
    ty.strip_prefix("Option<").and_then(|ty| ty.strip_suffix('>')).unwrap_or(ty)
}

/// The primary key, or else the first key that does as well.
fn key(table: &Table) -> Option<Vec<String>> {
    if table.kind == TableKind::View {
        return None;
    }
    let never_null = |name: &String| table.column(name).is_some_and(|column| !column.nullable);
    let unique = || table.unique.iter().find(|key| key.is_plain() && key.columns.iter().all(never_null));
    let primary = table.primary_key.as_ref().map(|key| key.columns.clone());
    primary.or_else(|| unique().map(|key| key.columns.clone()))
}

impl<'s> Entity<'s> {
    fn new(
        table: &'s Table,
        key: &[String],
        name: String,
        schema: &'s Schema,
        options: &Options,
        enum_name: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let mut entity = Self {
            table,
            module: name.to_snake_case(),
            name,
            fields: vec![],
            left_out: vec![],
            partial: false,
            plugins: vec![],
            keys: vec![],
            imports: BTreeSet::new(),
            members: Members::default(),
        };
        for column in &table.columns {
            let Some(ty) = rust_type(column, schema.backend, options, enum_name) else {
                entity.left_out.push(column);
                entity.partial |= !column.is_optional();
                continue;
            };
            entity.imports.extend(ty.imports);
            let name = entity.members.snake(&column.name, "_column");
            let ty = if column.nullable { format!("Option<{}>", ty.text) } else { ty.text };
            let mut attrs = vec![];
            if name != column.name {
                attrs.push(format!("rename = {:?}", column.name));
            }
            entity.fields.push(Field { column, name, ty, attrs });
        }
        let plugged = entity.find_plugins(key);
        for field in &mut entity.fields {
            if key.contains(&field.column.name) {
                field.attrs.insert(0, id(field.column, key.len() == 1, schema.backend).into());
            } else if !plugged.contains(&field.column.name) {
                field.attrs.extend(filled(field.column).map(String::from));
            }
        }
        entity.unique_keys(key);
        entity
    }

    /// Recognises plugins by their columns, and answers whose columns are theirs.
    fn find_plugins(&mut self, key: &[String]) -> Vec<String> {
        let has = |name: &str, fits: &dyn Fn(&Column) -> bool| {
            let mut fields = self.fields.iter();
            fields.any(|field| {
                field.name == name
                    && field.column.name == name
                    && !key.contains(&field.column.name)
                    && field.column.generated.is_none()
                    && fits(field.column)
            })
        };
        let is_moment =
            |column: &Column| matches!(column.class, TypeClass::Timestamp | TypeClass::TimestampTz);
        let mut owned = vec![];
        if has("deleted_at", &|column| is_moment(column) && column.nullable) {
            self.plugins.push("soft_delete".into());
            owned.push("deleted_at".to_owned());
        }
        let stamped = |column: &Column| is_moment(column) && !column.nullable;
        let (created, updated) = (has("created_at", &stamped), has("updated_at", &stamped));
        match (created, updated) {
            (true, true) => self.plugins.push("timestamps".into()),
            (true, false) => self.plugins.push("timestamps(create_only)".into()),
            (false, true) => self.plugins.push("timestamps(update_only)".into()),
            (false, false) => {}
        }
        owned.extend(created.then(|| "created_at".to_owned()));
        owned.extend(updated.then(|| "updated_at".to_owned()));
        let counts = |column: &Column| {
            matches!(column.class, TypeClass::Int16 | TypeClass::Int32 | TypeClass::Int64) && !column.nullable
        };
        if has("version", &counts) {
            self.plugins.push("version".into());
            owned.push("version".to_owned());
        }
        owned
    }

    fn unique_keys(&mut self, id: &[String]) {
        for key in self.table.unique.iter().filter(|key| key.is_plain() && key.columns != id) {
            let places: Option<Vec<usize>> = key
                .columns
                .iter()
                .map(|name| self.fields.iter().position(|field| field.column.name == *name))
                .collect();
            let Some(places) = places else { continue };
            let name = key.name.as_ref();
            if let [place] = places.as_slice() {
                let field = &mut self.fields[*place];
                if !field.attrs.iter().any(|attr| attr.starts_with("unique") || attr.starts_with("id")) {
                    field
                        .attrs
                        .push(name.map_or_else(|| "unique".into(), |name| format!("unique = {name:?}")));
                }
                continue;
            }
            let fields: Vec<String> = places.iter().map(|place| ident(&self.fields[*place].name)).collect();
            let name = name.map(|name| format!(", name = {name:?}")).unwrap_or_default();
            self.keys.push(format!("unique({}{name})", fields.join(", ")));
        }
    }

    /// Whether no two rows have the same value there.
    fn is_unique(&self, column: &str) -> bool {
        let alone = |columns: &[String]| matches!(columns, [only] if only == column);
        self.table.primary_key.as_ref().is_some_and(|key| alone(&key.columns))
            || self.table.unique.iter().any(|key| key.is_plain() && alone(&key.columns))
    }
}

impl Field<'_> {
    pub(super) fn is_id(&self) -> bool {
        self.attrs.first().is_some_and(|attr| attr == "id" || attr.starts_with("id, "))
    }
}

/// Who makes a key.
fn id(column: &Column, alone: bool, backend: SchemaBackend) -> &'static str {
    let made = match column.identity {
        Some(_) => true,
        // MySQL tells of the numbers that it made, and of nothing else.
        None => (column.default.is_some() || column.generated.is_some()) && backend != SchemaBackend::MySql,
    };
    match (alone, made) {
        (true, true) | (false, false) => "id",
        (true, false) => "id, assigned",
        (false, true) => "id, default",
    }
}

/// Who fills a column.
fn filled(column: &Column) -> Option<&'static str> {
    if column.generated.is_some() || column.identity == Some(Identity::Always) {
        Some("read_only")
    } else if column.default.is_some() || column.identity.is_some() {
        Some("default")
    } else {
        None
    }
}
