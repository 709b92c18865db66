use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::describe::{Mistakes, column, did_you_mean, expected, marked, name, no_field};
use super::read;
use super::schema::Bounds;
use crate::error::Result;
use crate::expr::{Col, Compare, Meta, Node, Term, TextMatch, Value};

/// The operators of a field.
const OPERATORS: [&str; 17] = [
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$between",
    "$isNull",
    "$isNotNull",
    "$like",
    "$ilike",
    "$contains",
    "$startsWith",
    "$endsWith",
    "$not",
];
/// Those that can ask for null.
const NULL_OPERATORS: [&str; 5] = ["$eq", "$ne", "$isNull", "$isNotNull", "$not"];
/// What combines objects.
const COMBINATORS: [&str; 3] = ["$and", "$or", "$not"];

/// Reads a filter. Each method answers `None` after a mistake, which is then among the mistakes.
pub(super) struct Parser {
    meta: &'static Meta,
    bounds: Bounds,
    /// Where it is: `$or[1].age`. Names in it are cut, and its depth is bounded.
    path: String,
    depth: usize,
    conditions: usize,
    mistakes: Mistakes,
}

impl Parser {
    pub(super) fn new(meta: &'static Meta, bounds: Bounds) -> Self {
        let (path, mistakes) = (String::new(), Mistakes::default());
        Self { meta, bounds, path, depth: 0, conditions: 0, mistakes }
    }

    pub(super) fn parse(mut self, input: &Json) -> Result<Node> {
        let node = match input {
            Json::Object(fields) if fields.is_empty() => Some(Node::All(Vec::new())),
            input => self.object(input),
        };
        // Without a node there is a mistake.
        self.mistakes.or(node.unwrap_or(Node::Any(Vec::new())))
    }

    /// An object of fields and combinators.
    fn object(&mut self, input: &Json) -> Option<Node> {
        let Json::Object(members) = input else {
            return self.refuse("wrong_shape", "an object of fields belongs here");
        };
        if members.is_empty() {
            return self
                .refuse("wrong_shape", "an empty object says nothing: only the whole filter may be empty");
        }
        self.deeper(|parser| {
            parser.each(members, |parser, key, value| match key {
                "$and" => parser.objects(value).map(Node::All),
                "$or" => parser.objects(value).map(Node::Any),
                "$not" => parser.object(value).map(negated),
                key if key.starts_with('$') => {
                    let hint = did_you_mean(key, COMBINATORS);
                    parser.refuse(
                        "unknown_operator",
                        format!("there is no operator `{}` between fields{hint}", name(key)),
                    )
                }
                key => match marked(parser.meta.filterable, key).and_then(|index| column(parser.meta, index))
                {
                    Some(col) => parser.field(col, value),
                    None => parser.refuse("unknown_field", no_field(key, parser.meta.filterable)),
                },
            })
        })
    }

    /// The objects of `$and` and `$or`.
    fn objects(&mut self, input: &Json) -> Option<Vec<Node>> {
        let objects = match input {
            Json::Array(objects) if !objects.is_empty() => objects,
            _ => return self.refuse("wrong_shape", "a list of one or more objects belongs here"),
        };
        let nodes: Vec<Option<Node>> = self.items(objects, Self::object)?;
        nodes.into_iter().collect()
    }

    /// What a field is compared with.
    fn field(&mut self, col: &'static Col, input: &Json) -> Option<Node> {
        let Json::Object(operators) = input else { return self.compared(col, Compare::Eq, input) };
        if operators.is_empty() {
            return self.refuse("wrong_shape", "an empty object says nothing: an operator belongs here");
        }
        self.each(operators, |parser, operator, value| parser.operator(col, operator, value))
    }

    fn operator(&mut self, col: &'static Col, operator: &str, value: &Json) -> Option<Node> {
        if col.codec.document && !NULL_OPERATORS.contains(&operator) && OPERATORS.contains(&operator) {
            return self.refuse("wrong_value", "is a JSON document, which is asked for null alone");
        }
        match operator {
            "$eq" => self.compared(col, Compare::Eq, value),
            "$ne" => self.compared(col, Compare::Ne, value),
            "$gt" => self.compared(col, Compare::Gt, value),
            "$gte" => self.compared(col, Compare::Ge, value),
            "$lt" => self.compared(col, Compare::Lt, value),
            "$lte" => self.compared(col, Compare::Le, value),
            "$in" => self.in_list(col, value, false),
            "$nin" => self.in_list(col, value, true),
            "$between" => self.between(col, value),
            "$isNull" => self.null_test(col, value, false),
            "$isNotNull" => self.null_test(col, value, true),
            "$like" => self.text_match(col, TextMatch::Like, value),
            "$ilike" => self.text_match(col, TextMatch::LikeIgnoreCase, value),
            "$contains" => self.text_match(col, TextMatch::Contains, value),
            "$startsWith" => self.text_match(col, TextMatch::StartsWith, value),
            "$endsWith" => self.text_match(col, TextMatch::EndsWith, value),
            "$not" => self.deeper(|parser| parser.field(col, value)).map(negated),
            operator => {
                let hint = did_you_mean(operator, OPERATORS);
                self.refuse(
                    "unknown_operator",
                    format!("there is no operator `{}` for a field{hint}", name(operator)),
                )
            }
        }
    }

    fn compared(&mut self, col: &'static Col, op: Compare, input: &Json) -> Option<Node> {
        self.count()?;
        if input.is_null() {
            return match op {
                Compare::Eq => self.is_null(col, false),
                Compare::Ne => self.is_null(col, true),
                _ => self.refuse("wrong_value", "nothing is greater or less than null"),
            };
        }
        let right = self.value(col, input)?;
        Some(Node::Compare { left: Term::Column(col), op, right: Term::Value(col.codec, right) })
    }

    fn in_list(&mut self, col: &'static Col, input: &Json, negated: bool) -> Option<Node> {
        self.count()?;
        let Json::Array(list) = input else {
            return self.refuse("wrong_shape", "a list of values belongs here");
        };
        if list.len() > self.bounds.list {
            return self.refuse("limit", format!("at most {} values can be listed", self.bounds.list));
        }
        let mut null = false;
        let values = self.items(list, |parser, value| {
            if value.is_null() {
                null = true;
                return parser.nullable(col).map(|()| None);
            }
            parser.value(col, value).map(Some)
        })?;
        let values: Option<Vec<Option<Value>>> = values.into_iter().collect();
        let values = values?.into_iter().flatten().collect();
        Some(Node::In { left: Term::Column(col), codec: col.codec, values, null, negated })
    }

    fn between(&mut self, col: &'static Col, input: &Json) -> Option<Node> {
        self.count()?;
        let ends = match input {
            Json::Array(ends) if ends.len() == 2 => ends,
            _ => return self.refuse("wrong_shape", "a list of two values belongs here"),
        };
        let ends = self.items(ends, |parser, value| {
            if value.is_null() {
                return parser.refuse("wrong_value", "nothing is greater or less than null");
            }
            parser.value(col, value)
        })?;
        let ends = ends.into_iter().zip([Compare::Ge, Compare::Le]).map(|(end, op)| {
            Some(Node::Compare { left: Term::Column(col), op, right: Term::Value(col.codec, end?) })
        });
        ends.collect::<Option<Vec<_>>>().map(Node::All)
    }

    fn null_test(&mut self, col: &'static Col, input: &Json, negated: bool) -> Option<Node> {
        self.count()?;
        let Json::Bool(wanted) = input else {
            return self.refuse("wrong_value", "true or false belongs here");
        };
        self.is_null(col, negated == *wanted)
    }

    fn text_match(&mut self, col: &'static Col, kind: TextMatch, input: &Json) -> Option<Node> {
        self.count()?;
        if !col.codec.text {
            return self.refuse("wrong_value", "is for texts, and the field is none");
        }
        let Json::String(text) = input else {
            return self.refuse("wrong_value", "a text belongs here");
        };
        self.sizes(input)?;
        let is_pattern = matches!(kind, TextMatch::Like | TextMatch::LikeIgnoreCase);
        // PostgreSQL stops at it, though only in rows where it gets so far.
        if is_pattern && text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1 {
            return self.refuse("wrong_value", "a pattern cannot end with a `\\` that makes nothing literal");
        }
        Some(Node::Text { term: Term::Column(col), kind, text: text.clone() })
    }

    fn is_null(&mut self, col: &'static Col, negated: bool) -> Option<Node> {
        self.nullable(col)?;
        Some(Node::IsNull { term: Term::Column(col), negated })
    }

    fn nullable(&mut self, col: &'static Col) -> Option<()> {
        if col.codec.nullable {
            return Some(());
        }
        self.refuse("wrong_value", "the field is never null")
    }

    /// A value that is not null, as the column's type.
    fn value(&mut self, col: &'static Col, input: &Json) -> Option<Value> {
        if col.codec.document {
            return self.refuse("wrong_value", "is a JSON document, which is asked for null alone");
        }
        self.sizes(input)?;
        match read::value(col.codec, input) {
            Some(value) => Some(value),
            None => self.refuse("wrong_value", format!("takes {}", expected(col.codec))),
        }
    }

    /// No value is too large, or contains what PostgreSQL has no room for.
    fn sizes(&mut self, input: &Json) -> Option<()> {
        match input {
            Json::String(text) if text.chars().nth(self.bounds.text).is_some() => {
                self.refuse("limit", format!("a text can have at most {} characters", self.bounds.text))
            }
            Json::String(text) if text.contains('\0') => {
                self.refuse("wrong_value", "a text cannot contain NUL")
            }
            Json::Array(values) if values.len() > self.bounds.list => {
                self.refuse("limit", format!("at most {} values can be listed", self.bounds.list))
            }
            Json::Array(values) => values.iter().try_for_each(|value| self.sizes(value)),
            Json::Object(members) if members.len() > self.bounds.list => {
                self.refuse("limit", format!("at most {} values can be listed", self.bounds.list))
            }
            Json::Object(members) => members.values().try_for_each(|value| self.sizes(value)),
            _ => Some(()),
        }
    }

    /// One more comparison.
    fn count(&mut self) -> Option<()> {
        self.conditions += 1;
        if self.conditions <= self.bounds.conditions {
            return Some(());
        }
        if self.conditions == self.bounds.conditions + 1 {
            let message = format!("a filter can have at most {} conditions", self.bounds.conditions);
            self.mistakes.add("filter", "limit", message);
        }
        None
    }

    /// Whether it goes on: what is too much is not looked at.
    fn is_done(&self) -> bool {
        self.mistakes.is_full() || self.conditions > self.bounds.conditions
    }

    /// One level deeper.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Option<Node>) -> Option<Node> {
        if self.depth >= self.bounds.depth {
            return self
                .refuse("limit", format!("a filter can be at most {} levels deep", self.bounds.depth));
        }
        self.depth += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }

    /// All members, which must hold together.
    fn each(
        &mut self,
        members: &Map<String, Json>,
        mut read: impl FnMut(&mut Self, &str, &Json) -> Option<Node>,
    ) -> Option<Node> {
        let mut nodes = Vec::new();
        let mut whole = true;
        let outer = self.path.len();
        for (key, value) in members {
            if self.is_done() {
                return None;
            }
            if outer > 0 {
                self.path.push('.');
            }
            self.path.push_str(&name(key));
            match read(self, key, value) {
                Some(node) => nodes.push(node),
                None => whole = false,
            }
            self.path.truncate(outer);
        }
        match (whole, nodes.len()) {
            (false, _) => None,
            (true, 1) => nodes.pop(),
            (true, _) => Some(Node::All(nodes)),
        }
    }

    /// All items of a list. `None` if it was given up.
    fn items<T>(&mut self, items: &[Json], mut read: impl FnMut(&mut Self, &Json) -> T) -> Option<Vec<T>> {
        let mut read_items = Vec::new();
        let outer = self.path.len();
        for (at, item) in items.iter().enumerate() {
            if self.is_done() {
                return None;
            }
            let _ = write!(self.path, "[{at}]"); // a String takes everything
            read_items.push(read(self, item));
            self.path.truncate(outer);
        }
        Some(read_items)
    }

    fn refuse<T>(&mut self, code: &'static str, message: impl Into<String>) -> Option<T> {
        let path = if self.path.is_empty() { "filter" } else { &self.path };
        self.mistakes.add(path, code, message);
        None
    }
}

fn negated(node: Node) -> Node {
    Node::Not(Box::new(node))
}
