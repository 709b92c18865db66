//! The options of kysera's own plugins.

use proc_macro2::{Ident, TokenStream};
use syn::parse::Parser as _;
use syn::{LitStr, Path, Type};

use super::{Item, split, tidy};
use crate::diag::{Diag, did_you_mean, listing};

/// The options of each plugin.
const OPTIONS: [(&str, &[&str]); 5] = [
    ("soft_delete", &["deleted_at", "cascade"]),
    ("timestamps", &["created_at", "updated_at", "create_only", "update_only", "explicit"]),
    ("version", &["column"]),
    ("audit", &["table", "schema", "chain"]),
    ("rls", &["context", "tenant", "rules"]),
];

/// `soft_delete(deleted_at = removed_on, cascade = [User::POSTS])`
pub(crate) struct SoftDelete {
    pub(crate) name: Ident,
    pub(crate) deleted_at: Option<Ident>,
    pub(crate) cascade: Vec<Path>,
}

/// `timestamps(created_at = made, updated_at = changed, create_only, update_only, explicit)`
pub(crate) struct Timestamps {
    pub(crate) name: Ident,
    pub(crate) created_at: Option<Ident>,
    pub(crate) updated_at: Option<Ident>,
    pub(crate) create_only: bool,
    pub(crate) update_only: bool,
    pub(crate) explicit: bool,
}

/// `version(column = revision)`
pub(crate) struct Version {
    pub(crate) name: Ident,
    pub(crate) column: Option<Ident>,
}

/// `audit(table = "user_audit", schema = "logs", chain)`
pub(crate) struct Audit {
    pub(crate) table: Option<LitStr>,
    pub(crate) schema: Option<LitStr>,
    pub(crate) chain: bool,
}

/// `rls(context = Principal, tenant(tenant_id), rules)`
pub(crate) struct Rls {
    pub(crate) name: Ident,
    pub(crate) context: Option<Type>,
    pub(crate) tenant: Option<Tenant>,
    /// Whether the user has an `impl Policy`.
    pub(crate) rules: bool,
}

/// `tenant(tenant_id)` or `tenant(tenant_id = Principal::ORG_ID)`
pub(crate) struct Tenant {
    pub(crate) field: Ident,
    pub(crate) claim: Option<Path>,
}

impl SoftDelete {
    pub(super) fn parse(item: &Item, diag: &Diag) -> Self {
        let mut plugin = Self { name: item.key.clone(), deleted_at: None, cascade: vec![] };
        for option in options(item, diag) {
            match option.name().as_str() {
                "deleted_at" => plugin.deleted_at = field(&option, "removed_on", diag),
                _ => plugin.cascade = cascade(&option, diag),
            }
        }
        plugin
    }
}

impl Timestamps {
    pub(super) fn parse(item: &Item, diag: &Diag) -> Self {
        let mut plugin = Self {
            name: item.key.clone(),
            created_at: None,
            updated_at: None,
            create_only: false,
            update_only: false,
            explicit: false,
        };
        let options = options(item, diag);
        for option in &options {
            match option.name().as_str() {
                "created_at" => plugin.created_at = field(option, "made_at", diag),
                "updated_at" => plugin.updated_at = field(option, "changed_at", diag),
                "create_only" => plugin.create_only = flag(option, diag),
                "update_only" => plugin.update_only = flag(option, diag),
                _ => plugin.explicit = flag(option, diag),
            }
        }
        for (one, other, why) in [
            ("create_only", "update_only", "leave both out to keep both times"),
            ("create_only", "updated_at", "no time of updates is kept"),
            ("update_only", "created_at", "no time of creation is kept"),
        ] {
            let find = |name| options.iter().position(|option| option.key == name);
            if let (Some(a), Some(b)) = (find(one), find(other)) {
                diag.at(&options[a.max(b)].key, format!("`{one}` and `{other}` exclude each other: {why}"));
                if other == "update_only" {
                    (plugin.create_only, plugin.update_only) = (false, false);
                    break;
                }
            }
        }
        plugin
    }
}

impl Version {
    pub(super) fn parse(item: &Item, diag: &Diag) -> Self {
        let options = options(item, diag);
        let column = options.first().and_then(|option| field(option, "revision", diag));
        Self { name: item.key.clone(), column }
    }
}

impl Audit {
    pub(super) fn parse(item: &Item, diag: &Diag) -> Self {
        let mut plugin = Self { table: None, schema: None, chain: false };
        for option in options(item, diag) {
            match option.name().as_str() {
                "table" => plugin.table = option.string("audit_logs", diag),
                "schema" => plugin.schema = option.string("logs", diag),
                _ => plugin.chain = flag(&option, diag),
            }
        }
        plugin
    }
}

impl Rls {
    pub(super) fn parse(item: &Item, diag: &Diag) -> Self {
        let mut plugin = Self { name: item.key.clone(), context: None, tenant: None, rules: false };
        let mistakes = diag.len();
        let options = options(item, diag);
        let rules = options.iter().find(|option| option.name() == "rules").map(|option| &option.key);
        for option in &options {
            match option.name().as_str() {
                "context" => {
                    plugin.context =
                        option.parsed("the type of a context, as in `context = Principal`", diag);
                }
                "tenant" => plugin.tenant = tenant(option, diag),
                _ => plugin.rules = flag(option, diag),
            }
        }
        if diag.len() > mistakes {
            return plugin;
        }
        plugin.rules |= plugin.tenant.is_none();
        match (&plugin.context, &plugin.tenant) {
            (None, None) => diag.at(
                &item.key,
                "`rls` has to know who asks: `rls(context = Principal)` takes the rules of an `impl Policy<Principal>`, \
                 `rls(tenant(tenant_id))` keeps the rows of each tenant apart",
            ),
            (Some(context), None) if rules.is_some() => {
                let context = tidy(context);
                let what = "`rules` adds the rules of `Policy` to those of `tenant(..)`, and there is no `tenant(..)`";
                diag.at(rules, format!("{what}: `rls(context = {context})` alone takes them"));
                plugin.rules = false;
            }
            (None, Some(Tenant { field, claim: Some(claim) })) => {
                let field = field.to_string();
                let owner = owner(claim);
                let whole = format!("`rls(context = {owner}, tenant({field} = {}))`", tidy(claim));
                diag.at(claim, format!("a claim is a field of a context: name it as well, as in {whole}"));
                plugin.tenant = None;
            }
            _ => {}
        }
        plugin
    }
}

/// What a constant belongs to.
fn owner(constant: &Path) -> String {
    let path = tidy(constant);
    path.rsplit_once("::").map_or_else(|| "Principal".to_owned(), |(owner, _)| owner.to_owned())
}

/// `tenant(tenant_id)` or `tenant(tenant_id = Principal::ORG_ID)`
fn tenant(option: &Item, diag: &Diag) -> Option<Tenant> {
    let what = "the field that says whose a row is, as in `tenant(tenant_id)`";
    let fields = option.items(what, diag)?;
    let mut fields = fields.iter();
    let Some(field) = fields.next() else {
        diag.at(option.tokens(), format!("expected {what}"));
        return None;
    };
    for other in fields {
        diag.at(&other.key, "a row has one tenant: `tenant(..)` takes one field");
    }
    let claim = if field.is_word() {
        None
    } else {
        let what = "a field of the context, as in `tenant_id = Principal::ORG_ID`";
        Some(field.parsed_with(Path::parse_mod_style, what, diag)?)
    };
    Some(Tenant { field: field.key.clone(), claim })
}

/// The options of a plugin that it has, each of them once.
fn options(item: &Item, diag: &Diag) -> Vec<Item> {
    let plugin = item.name();
    let valid = OPTIONS.iter().find(|(name, _)| *name == plugin).map_or(&[][..], |(_, options)| options);
    if item.is_word() {
        return vec![];
    }
    // Whose rows they are, and who asks, has no default.
    let which = if plugin == "rls" { "its".to_owned() } else { format!("`{plugin}` alone, or its") };
    let what = format!("{which} options in parentheses: {}", listing(valid.iter().copied()));
    let mut options: Vec<Item> = vec![];
    for option in item.items(&what, diag).unwrap_or_default() {
        let name = option.name();
        if !valid.contains(&name.as_str()) {
            let message = match OPTIONS.iter().find(|(_, options)| options.contains(&name.as_str())) {
                Some((other, _)) => format!("`{name}` is an option of `{other}`, not of `{plugin}`"),
                None => format!("unknown option `{name}`{}", did_you_mean(&name, valid.iter().copied())),
            };
            let known = listing(valid.iter().copied());
            let are = if valid.len() == 1 { "option of `{}` is" } else { "options of `{}` are" };
            diag.at(&option.key, format!("{message}\nthe {} {known}", are.replace("{}", &plugin)));
        } else if options.iter().any(|other| other.name() == name) {
            diag.at(option.tokens(), format!("`{name}` is given twice"));
        } else {
            options.push(option);
        }
    }
    options
}

/// `option = field`
fn field(option: &Item, example: &str, diag: &Diag) -> Option<Ident> {
    option.parsed(&format!("a field of this struct, as in `{} = {example}`", option.key), diag)
}

/// `option`
fn flag(option: &Item, diag: &Diag) -> bool {
    option.flag(diag);
    true
}

/// `cascade = [User::POSTS, User::NOTES]`
fn cascade(option: &Item, diag: &Diag) -> Vec<Path> {
    let what = "a list of relations, as in `cascade = [User::POSTS]`";
    let list = |input: syn::parse::ParseStream<'_>| {
        let list;
        syn::bracketed!(list in input);
        list.parse::<TokenStream>()
    };
    let mut paths: Vec<Path> = vec![];
    for tokens in split(option.parsed_with(list, what, diag).unwrap_or_default()) {
        let tokens: TokenStream = tokens.into_iter().collect();
        match Path::parse_mod_style.parse2(tokens.clone()) {
            Ok(path) if paths.iter().any(|other| tidy(other) == tidy(&path)) => {
                diag.at(&path, format!("`{}` is given twice", tidy(&path)));
            }
            // The constant belongs to a struct.
            Ok(path) if path.segments.len() > 1 => paths.push(path),
            _ if tokens.is_empty() => diag.at(&option.key, "there is nothing between two commas"),
            _ => diag.at(
                &tokens,
                format!(
                    "expected the constant of a relation, as in `User::POSTS`, found `{}`",
                    tidy(&tokens)
                ),
            ),
        }
    }
    paths
}
