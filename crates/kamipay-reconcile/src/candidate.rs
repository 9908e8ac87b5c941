//! Rows that may explain one-sided rows. They explain and never match.

use std::collections::BTreeMap;

use kamipay_proto::chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::partial::{Reader, check_length};
use crate::record::{Entry, Record, hash, text};
use crate::row::{Hint, Side};
use crate::run::Frame;
use crate::text::optional_time;
use crate::{Amount, Bucket, Diagnosis, Error, OwnedId, Report, Rules, Store};

/// A row of the other side that may explain a one-sided row.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Candidate {
    /// Where it comes from.
    #[serde(with = "crate::state::side")]
    pub side: Side,
    /// Its name in its source.
    #[serde(with = "crate::state::id")]
    pub id: OwnedId,
    /// Its key.
    pub key: Option<String>,
    /// Its amount.
    pub amount: Option<Amount>,
    /// Its currency.
    pub currency: String,
    /// Its time.
    #[serde(with = "optional_time")]
    pub time: Option<DateTime<Utc>>,
    /// The field that differs.
    pub differs: String,
}

impl Candidate {
    pub(crate) fn hint(&self) -> Hint<'_> {
        Hint {
            key: self.key.as_deref(),
            amount: self.amount,
            currency: &self.currency,
            time: self.time,
            ..Hint::new(self.side, self.id.as_id(), &self.differs)
        }
    }
}

impl From<&Hint<'_>> for Candidate {
    fn from(hint: &Hint<'_>) -> Self {
        Self {
            side: hint.side,
            id: hint.id.into(),
            key: hint.key.map(str::to_owned),
            amount: hint.amount,
            currency: hint.currency.to_owned(),
            time: hint.time,
            differs: hint.differs.to_owned(),
        }
    }
}

/// What was found for the one-sided rows, by their side and their number in the order of the report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Explanations(BTreeMap<(bool, usize), Vec<Candidate>>);

impl Explanations {
    pub(crate) fn of(&self, is_ours: bool, number: usize) -> &[Candidate] {
        self.0.get(&(is_ours, number)).map_or(&[], Vec::as_slice)
    }
}

/// So many one-sided rows of each side get candidates.
const MOST_QUERIES: usize = 5_000;
/// Up to so many one-sided rows, keys that differ in one character are found.
const MOST_FOR_CHARACTERS: u64 = 100_000;
/// Keys up to this length are searched for one other character.
const LONGEST_FOR_CHARACTERS: usize = 64;
/// So many rows whose key lacks the same character are compared.
const MOST_ALIKE: usize = 100;
const MOST_CANDIDATES: usize = 3;

impl<S: Store> Report<S> {
    /// Looks for candidates: for each of the first 5,000 rows of a side that are on this side only
    /// or without a key, up to three rows of the other side which are as well. [`rows`](Report::rows) then
    /// returns them. It reads the rows twice.
    ///
    /// A candidate has an identifier of the row, or its key but for case, spaces, zeros or one
    /// character, or its amount, currency and day.
    ///
    /// Returns what is probably wrong, if nearly all rows are one-sided.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn explain(&mut self) -> Result<Vec<Diagnosis>, Error<S::Error>> {
        let one_sided = [Bucket::OnlyOurs, Bucket::OnlyTheirs, Bucket::NoKey, Bucket::InTime];
        let one_sided: u64 = one_sided
            .into_iter()
            .map(|bucket| self.count(bucket, Side::Ours) + self.count(bucket, Side::Theirs))
            .sum();
        let queries = self.queries()?;
        let mut search = Search::new(queries, one_sided <= MOST_FOR_CHARACTERS);
        let mut buffer = Vec::new();
        for (store, streams) in &self.runs {
            for &(stream, written) in streams {
                let mut reader = Reader::new(stream, check_length(store, stream, written)?);
                while let Some(frame) = reader.next(store)? {
                    let frame = Frame::read(frame).ok_or(Error::Damaged { stream })?;
                    if let (true, Entry::Record(record)) = (frame.is_candidate(), frame.entry) {
                        if search.may_find(&record, &self.rules, &mut buffer) {
                            search.target(&Target::new(&record, frame.number, &self.rules));
                        }
                    }
                }
            }
        }
        let (explanations, columns) = search.finish();
        self.explanations = explanations;
        Ok(self.diagnose(columns))
    }

    fn queries(&self) -> Result<Vec<Target>, Error<S::Error>> {
        let one_sided = [Bucket::OnlyOurs, Bucket::OnlyTheirs, Bucket::NoKey];
        let mut left = [Side::Ours, Side::Theirs].map(|side| {
            let count: u64 = one_sided.into_iter().map(|bucket| self.count(bucket, side)).sum();
            count.min(MOST_QUERIES as u64)
        });
        let mut queries = Vec::new();
        let mut rows = self.rows()?;
        while left != [0, 0] && rows.advance()? {
            let frame = rows.frame()?;
            let (true, Entry::Record(record)) = (frame.is_one_sided(), frame.entry) else {
                continue;
            };
            let left = &mut left[usize::from(record.side != Side::Ours)];
            if *left > 0 {
                *left -= 1;
                queries.push(Target::new(&record, frame.number, &self.rules));
            }
        }
        Ok(queries)
    }
}

/// A row, as the search sees it.
struct Target {
    is_ours: bool,
    row: Candidate,
    others: Vec<(String, String)>,
    /// The hash of amount, currency and day, if the row has all of them.
    quote: Option<u64>,
}

impl Target {
    fn new(record: &Record<'_>, number: u64, rules: &Rules) -> Self {
        let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
        let id = match number {
            ..=1 => record.id().into(),
            number => OwnedId::Name(format!("{}#{number}", record.id())),
        };
        Self {
            is_ours: record.side == Side::Ours,
            row: Candidate {
                side: record.side,
                id,
                key: record.key.map(|key| text(key).to_owned()),
                amount: record.amount,
                currency: text(record.currency).to_owned(),
                time: record.time(),
                differs: String::new(),
            },
            others: record.others().map(owned).collect(),
            quote: quote_hash(record, rules, &mut Vec::new()),
        }
    }

    /// The key and the other identifiers, with their names.
    fn identifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        let key = self.row.key.iter().map(|key| ("key", &**key));
        key.chain(self.others.iter().map(|(name, text)| (&**name, &**text)))
            .filter(|(_, text)| !text.is_empty())
    }
}

/// Targets that have something in common: the first ones, by key and name.
#[derive(Clone, Default)]
struct Group(Vec<(String, Candidate)>);

impl Group {
    /// Adds a target, with the name of the field in which it was found.
    fn add(&mut self, field: &str, row: &Candidate) {
        let order = |it: &(String, Candidate)| {
            (it.0 != "key", it.1.key.clone(), it.1.id.clone(), it.0.clone())
        };
        let new = (field.to_owned(), row.clone());
        let at = self.0.partition_point(|it| order(it) <= order(&new));
        if at < MOST_CANDIDATES {
            self.0.insert(at, new);
            self.0.truncate(MOST_CANDIDATES);
        }
    }
}

/// Finds targets for queries, in any order of targets.
struct Search {
    queries: Vec<Target>,
    /// Hashes of what targets are looked up by, sorted, and the targets that were found. The first
    /// hash is that of the queries' side.
    groups: Vec<(u64, Group)>,
    /// Hashes of keys without one character, and the query.
    characters: Vec<(u64, usize)>,
    /// For each query, targets with one other character.
    alike: Vec<Group>,
}

/// How often a key of one side is another identifier of the other one.
#[derive(Default)]
pub(crate) struct Columns {
    pub(crate) books: BTreeMap<String, u64>,
    pub(crate) theirs: BTreeMap<String, u64>,
    pub(crate) of: u64,
}

impl Search {
    fn new(queries: Vec<Target>, with_characters: bool) -> Self {
        let mut groups = Vec::new();
        let mut characters = Vec::new();
        for (number, query) in queries.iter().enumerate() {
            // Targets of the other side look here.
            let side = u64::from(!query.is_ours);
            let texts = query.identifiers().map(|(_, text)| identifier_hash(text, side));
            groups.extend(texts.map(|hash| (hash, Group::default())));
            groups.extend(query.quote.map(|quote| (quote ^ side, Group::default())));
            if let Some(key) = &query.row.key {
                groups.push((plain_hash(key, side), Group::default()));
                if with_characters {
                    characters
                        .extend(shortened(key).map(|text| (hash(text.as_bytes()) ^ side, number)));
                }
            }
        }
        groups.sort_by_key(|it| it.0);
        groups.dedup_by_key(|it| it.0);
        characters.sort_unstable();
        characters.dedup();
        let alike = vec![Group::default(); if characters.is_empty() { 0 } else { queries.len() }];
        Self { queries, groups, characters, alike }
    }

    fn group(&mut self, hash: u64) -> Option<&mut Group> {
        let at = self.groups.binary_search_by_key(&hash, |it| it.0).ok()?;
        Some(&mut self.groups[at].1)
    }

    /// Whether a row is a target of a query, or may be one that differs in one character.
    fn may_find(&self, record: &Record<'_>, rules: &Rules, buffer: &mut Vec<u8>) -> bool {
        let side = u64::from(record.side == Side::Ours);
        let has = |hash: u64| self.groups.binary_search_by_key(&hash, |it| it.0).is_ok();
        let has_text = |text: &str| !text.is_empty() && has(identifier_hash(text, side));
        let key = record.key.map(text);
        !self.characters.is_empty()
            || key.is_some_and(|key| has_text(key) || has(plain_hash(key, side)))
            || quote_hash(record, rules, buffer).is_some_and(|quote| has(quote ^ side))
            || record.others().any(|(_, text)| has_text(text))
    }

    fn target(&mut self, target: &Target) {
        let side = u64::from(target.is_ours);
        for (name, text) in target.identifiers() {
            if let Some(group) = self.group(identifier_hash(text, side)) {
                group.add(name, &target.row);
            }
        }
        if let Some(group) = target.quote.and_then(|quote| self.group(quote ^ side)) {
            group.add("", &target.row);
        }
        let Some(key) = &target.row.key else { return };
        if let Some(group) = self.group(plain_hash(key, side)) {
            group.add("", &target.row);
        }
        if self.characters.is_empty() {
            return;
        }
        for text in shortened(key) {
            let hash = hash(text.as_bytes()) ^ side;
            let from = self.characters.partition_point(|it| it.0 < hash);
            let same = self.characters[from..].iter().take_while(|it| it.0 == hash);
            for (_, number) in same.take(MOST_ALIKE) {
                let query = &self.queries[*number];
                let is_alike = query.is_ours != target.is_ours
                    && query.row.key.as_ref().is_some_and(|it| differ_in_one_character(it, key));
                let group = &mut self.alike[*number];
                if is_alike && !group.0.iter().any(|it| it.1 == target.row) {
                    group.add("", &target.row);
                }
            }
        }
    }

    fn finish(self) -> (Explanations, Columns) {
        let mut explanations = BTreeMap::new();
        let mut columns = Columns::default();
        let none = Group::default();
        let group = |hash: u64| match self.groups.binary_search_by_key(&hash, |it| it.0) {
            Ok(at) => &self.groups[at].1,
            Err(_) => &none,
        };
        let mut numbers = [0; 2];
        for (index, query) in self.queries.iter().enumerate() {
            let side = u64::from(!query.is_ours);
            let number = &mut numbers[usize::from(query.is_ours)];
            *number += 1;
            // (rank, candidate)
            let mut found: Vec<(u8, Candidate)> = Vec::new();
            let mut add = |rank: u8, row: &Candidate, differs: String| {
                let is_new = |it: &(u8, Candidate)| (&it.1.id, &it.1.key) != (&row.id, &row.key);
                if found.iter().all(is_new) {
                    found.push((rank, Candidate { differs, ..row.clone() }));
                }
            };
            columns.of += u64::from(query.is_ours && query.row.key.is_some());
            for (mine, text) in query.identifiers() {
                let mut fields = Vec::new();
                for (field, row) in &group(identifier_hash(text, side)).0 {
                    let differs = match (mine, &**field) {
                        ("key", "key") => continue, // then they would have been matched
                        ("key", field) => format!("key: it is the {field}"),
                        (mine, "key") => format!("key: it has the {mine}"),
                        _ => "key".to_owned(),
                    };
                    fields.push(&**field);
                    add(0, row, differs);
                }
                fields.sort_unstable();
                fields.dedup();
                if query.is_ours && mine == "key" {
                    for field in fields {
                        *columns.theirs.entry(field.to_owned()).or_default() += 1;
                    }
                } else if query.is_ours && fields.contains(&"key") {
                    *columns.books.entry(mine.to_owned()).or_default() += 1;
                }
            }
            if let Some(key) = &query.row.key {
                let has_same_quote = |row: &Candidate| {
                    let same = |(a, b): (Amount, Amount)| a.has_value_of(b);
                    query.row.amount.zip(row.amount).is_some_and(same)
                        && query.row.currency.eq_ignore_ascii_case(&row.currency)
                };
                let rank = |row: &Candidate| if has_same_quote(row) { 1 } else { 2 };
                for (_, row) in &group(plain_hash(key, side)).0 {
                    let differs = row.key.as_ref().map_or_else(String::new, |it| how(key, it));
                    add(rank(row), row, differs);
                }
                for (_, row) in self.alike.get(index).into_iter().flat_map(|it| &it.0) {
                    add(rank(row), row, "key (one character)".to_owned());
                }
            }
            for (_, row) in query.quote.iter().flat_map(|quote| &group(quote ^ side).0) {
                add(3, row, "key".to_owned());
            }
            found.sort_by_key(|it| it.0); // stable
            found.truncate(MOST_CANDIDATES);
            if !found.is_empty() {
                let place = (query.is_ours, *number - 1);
                explanations.insert(place, found.into_iter().map(|it| it.1).collect());
            }
        }
        (Explanations(explanations), columns)
    }
}

/// The hashes of one text for different searches differ, and those for the two sides do.
fn identifier_hash(text: &str, side: u64) -> u64 {
    hash(text.as_bytes()) ^ 2 ^ side
}

/// The hash of amount, currency and day, if the row has all of them.
fn quote_hash(record: &Record<'_>, rules: &Rules, buffer: &mut Vec<u8>) -> Option<u64> {
    let (amount, day) = (record.amount?.shortest(), rules.day(record.time()?));
    buffer.clear();
    buffer.extend(amount.units().to_le_bytes());
    buffer.push(amount.scale());
    buffer.extend(day.to_epoch_days().to_le_bytes());
    buffer.extend(record.currency.iter().map(u8::to_ascii_uppercase));
    Some(hash(buffer) & !7)
}

/// The hash of a key without case, blanks and the zeros at the start of a number.
fn plain_hash(key: &str, side: u64) -> u64 {
    hash(plain(key).as_bytes()) ^ 4 ^ side
}

fn plain(key: &str) -> String {
    let mut plain = String::with_capacity(key.len());
    let mut is_number = false;
    for letter in key.chars().filter(|letter| !letter.is_whitespace()) {
        if letter != '0' || is_number {
            plain.extend(letter.to_lowercase());
        }
        is_number = letter.is_ascii_digit() && (is_number || letter != '0');
    }
    plain
}

/// How two keys differ that are the same but for case, blanks and zeros.
fn how(a: &str, b: &str) -> String {
    let spaceless = |key: &str| key.chars().filter(|it| !it.is_whitespace()).collect::<String>();
    if a.to_lowercase() == b.to_lowercase() {
        "key (case)".to_owned()
    } else if spaceless(a) == spaceless(b) {
        "key (spaces)".to_owned()
    } else if spaceless(a).to_lowercase() != spaceless(b).to_lowercase() {
        "key (zeros)".to_owned()
    } else {
        "key (case, spaces)".to_owned()
    }
}

/// The key, and the key without each of its characters.
fn shortened(key: &str) -> impl Iterator<Item = String> {
    let is_short = key.len() <= LONGEST_FOR_CHARACTERS;
    let without = key.char_indices().filter(move |_| is_short).map(|(at, letter)| {
        let mut text = String::with_capacity(key.len());
        text.push_str(&key[..at]);
        text.push_str(&key[at + letter.len_utf8()..]);
        text
    });
    let whole = is_short.then(|| key.to_owned());
    whole.into_iter().chain(without)
}

/// Whether one character is replaced, inserted or missing.
fn differ_in_one_character(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    match (a, b) {
        ([], []) => false,
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([_, rest @ ..], other) | (other, [_, rest @ ..]) if rest == other => true,
        ([_, ..], [_, rest @ ..]) => rest == a,
        _ => false,
    }
}
