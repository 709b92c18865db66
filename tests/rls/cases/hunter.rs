//! A hunt for leaks: random calls of every method, by random callers of three tenants, and after each of them the answer, the
//! tables and the log are what the [model](super::hunter_model) says. What a caller may not read is to it as if it were not
//! there: a call about such a row answers as one about a row that never was.

use std::collections::BTreeSet;

use kysera::Db;
use kysera::prelude::*;
use kysera_tests::Fixture;
use kysera_tests::surface::surface;

use super::hunter_model::*;
use super::hunter_reads::READS;
use super::hunter_surface::EXCEPTIONS;
use super::hunter_writes::WRITES;
use super::world::*;
use crate::DB;

pub struct Hunter {
    pub fixture: Fixture<DB>,
    pub random: Random,
    pub model: Model,
    /// Who calls just now.
    pub who: Principal,
    /// The methods that were called.
    pub done: BTreeSet<&'static str>,
    pub next_id: i64,
    /// A place in the pages of whoever was there last.
    pub cursor: Option<Cursor>,
    seed: u64,
    calls: u64,
    what: &'static str,
}

impl Hunter {
    async fn new(seed: u64) -> Self {
        let fixture = world().await;
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
        fill(&fixture, &mut random).await;
        let model = Model::stored(&fixture).await;
        let who = random.principal();
        Self {
            fixture,
            random,
            model,
            who,
            done: BTreeSet::new(),
            next_id: 1000,
            cursor: None,
            seed,
            calls: 0,
            what: "",
        }
    }

    pub fn note(&mut self, methods: &[&'static str]) {
        self.done.extend(methods);
    }

    pub fn session(&self) -> Db<DB, Principal> {
        of(&self.fixture, self.who.clone())
    }

    /// The key of a document: of someone's, live or deleted, and sometimes of none.
    pub fn any_doc(&mut self) -> i64 {
        let keys: Vec<i64> = self.model.docs.keys().copied().collect();
        match self.random.chance(95) {
            true if !keys.is_empty() => keys[self.random.next(keys.len() as u64) as usize],
            _ => NEVER,
        }
    }

    /// Keys, each once.
    pub fn any_docs(&mut self) -> Vec<i64> {
        let wanted = 1 + self.random.next(3);
        let mut keys: Vec<i64> = (0..wanted).map(|_| self.any_doc()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    pub fn any_entry(&mut self) -> i64 {
        match self.model.log.len() as u64 {
            0 => NEVER,
            entries => self.model.log[self.random.next(entries) as usize].id,
        }
    }

    pub fn fresh(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    pub fn new_doc(&mut self) -> NewDoc {
        let id = self.fresh();
        let random = &mut self.random;
        // Half of them are the caller's.
        let owner_id = if random.chance(60) { self.who.user_id } else { random.id(4) };
        NewDoc {
            id,
            owner_id,
            team_id: random.maybe(50, |random| random.id(5)),
            slug: format!("slug {id}"),
            status: random.state().into(),
            amount: random.id(1500),
        }
    }

    /// The tables are as expected, but for the times of documents that were touched, and the log names these and no others.
    pub async fn settle(&mut self, mut expected: Model, mut touched: Vec<(i64, &'static str)>) {
        let stored = Model::stored(&self.fixture).await;
        for (id, _) in &touched {
            if let (Some(expected), Some(stored)) = (expected.docs.get_mut(id), stored.docs.get(id)) {
                assert_eq!(expected.deleted_at.is_some(), stored.deleted_at.is_some(), "{stored:?}");
                (expected.created_at, expected.updated_at) = (stored.created_at, stored.updated_at);
                expected.deleted_at = stored.deleted_at;
            }
        }
        let known = self.model.log.len();
        assert_eq!(stored.log.get(..known), Some(&self.model.log[..]));
        let mut log: Vec<(i64, &str)> = Vec::new();
        for entry in &stored.log[known..] {
            assert_eq!(entry.actor, Some(self.who.user_id.to_string()));
            log.push((entry.doc, entry.operation));
        }
        log.sort_unstable();
        touched.sort_unstable();
        assert_eq!(log, touched);
        expected.log = stored.log.clone();
        assert_eq!(stored, expected);
        self.model = stored;
    }

    async fn round(&mut self) {
        for what in READS.iter().chain(WRITES) {
            self.who = self.random.principal();
            self.calls += 1;
            self.what = what;
            if WRITES.contains(what) {
                self.write(what).await;
            } else {
                self.read(what).await;
            }
        }
    }
}

/// Says which call it was.
impl Drop for Hunter {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}, call {}: {} by {:?}", self.seed, self.calls, self.what, self.who);
        }
    }
}

const WORLDS: u64 = 8;
const ROUNDS: usize = 6;

#[tokio::test]
async fn nobody_reads_or_writes_what_is_not_theirs_by_any_method() {
    let mut done = BTreeSet::new();
    for seed in 1..=WORLDS {
        let mut hunter = Hunter::new(seed).await;
        for _ in 0..ROUNDS {
            hunter.round().await;
        }
        done.extend(&hunter.done);
    }
    // All of the API was called, also what is added to it one day.
    let surface = surface();
    let excepted =
        |name: &str| EXCEPTIONS.iter().any(|(of, _)| name == *of || name.starts_with(&format!("{of}::")));
    let forgotten: Vec<&String> =
        surface.iter().filter(|name| !done.contains(name.as_str()) && !excepted(name)).collect();
    assert_eq!(forgotten, Vec::<&String>::new(), "neither called nor excepted");
    let unknown: Vec<_> = done.iter().filter(|name| !surface.contains(**name)).collect();
    assert_eq!(unknown, Vec::<&&str>::new(), "there is no such method");
    let stale = EXCEPTIONS
        .iter()
        .filter(|(of, _)| !surface.iter().any(|name| name == of || name.starts_with(&format!("{of}::"))));
    assert_eq!(stale.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new(), "nothing is excepted by that");
}
