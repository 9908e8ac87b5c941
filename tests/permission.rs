//! Answers about a payment, each with its expected outcome. The expectations are written by hand from
//! the vendor's page and use no code of the library.

use http::Response;
use kamipay_proto::pay_status::{Chain, GetPayStatus, PaymentTarget, TargetKind};

/// A request with its answer.
#[derive(Clone, Debug)]
pub struct Case {
    /// The HTTP status.
    pub status: u16,
    /// The envelope's `status`, and the `status` of `data` if there is one.
    pub state: (&'static str, Option<&'static str>),
    /// `txid`, `original_txid`, `refund_txid` and `bank_txid`.
    pub fields: [Field; 4],
    /// The kind of identifier in the request.
    pub asked: TargetKind,
    /// The same identifier in the answer.
    pub identifier: Identifier,
}

/// The requested identifier in the answer. Unused for a hash: the four fields decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// The requested one.
    Matching,
    /// Another one.
    Other,
    /// `null`.
    Null,
    /// Nothing.
    Missing,
}

/// The value of one of the four fields, and its meaning.
#[derive(Clone, Debug)]
pub struct Field {
    /// The JSON value; `None` for a field that is absent.
    pub json: Option<String>,
    is_there: bool,
    /// The hash, identified by its digit, in any spelling.
    hash: Option<char>,
    /// Whether it is well-formed: `0x` and 64 digits, on Tron without `0x`.
    is_well_formed: bool,
}

/// The expected outcome of a [`Case`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Paid.
    Done,
    /// Failed and returned, with permission to pay again.
    Returned,
    /// Canceled, with permission to pay again.
    Canceled,
    /// Anything else: no permission, and not paid.
    Neither,
}

/// The states of the page, an unknown one, and envelopes that contradict.
pub const STATES: [(&str, Option<&str>); 13] = [
    ("ok", Some("accepted")),
    ("ok", Some("processing")),
    ("ok", Some("done")),
    ("ok", Some("failed")),
    ("ok", Some("canceled")),
    ("failed", None),
    ("ok", Some("under_review")),
    ("ok", Some("Canceled")),
    ("failed", Some("done")),
    ("failed", Some("failed")),
    ("failed", Some("canceled")),
    ("error", Some("canceled")),
    ("canceled", None),
];

/// The HTTP statuses.
pub const STATUSES: [u16; 8] = [200, 201, 202, 203, 204, 206, 207, 299];

/// The kinds of identifiers.
pub const TARGETS: [TargetKind; 4] =
    [TargetKind::ExternalId, TargetKind::KamipayId, TargetKind::TxId, TargetKind::OperationId];

/// All possible identifiers in an answer.
pub const IDENTIFIERS: [Identifier; 4] =
    [Identifier::Matching, Identifier::Other, Identifier::Null, Identifier::Missing];

fn hash_of(digit: char) -> String {
    format!("0x{}", String::from(digit).repeat(64))
}

/// The values of a field: absent, null, empty, a hash of zeros, and three hashes. So a field can equal
/// another one, or differ from two others.
pub fn plain_values() -> Vec<Field> {
    let nothing = |json: Option<&str>| Field {
        json: json.map(str::to_owned),
        is_there: false,
        hash: None,
        is_well_formed: false,
    };
    let mut values = vec![nothing(None), nothing(Some("null")), nothing(Some("\"\""))];
    for digit in ['0', 'a', 'b', 'c'] {
        values.push(Field {
            json: Some(format!("\"{}\"", hash_of(digit))),
            is_there: true,
            hash: Some(digit),
            is_well_formed: true,
        });
    }
    values
}

/// The plain values, and other spellings of them.
pub fn all_values() -> Vec<Field> {
    let mut values = plain_values();
    let (a, zero) = (hash_of('a'), hash_of('0'));
    for (json, is_there, hash, is_well_formed) in [
        ("\" \\t\"".to_owned(), false, None, false),
        (format!("\"{}\"", &a[2..]), true, Some('a'), true),
        (format!("\"0x{}\"", a[2..].to_uppercase()), true, Some('a'), true),
        (format!("\"0X{}\"", &a[2..]), true, Some('a'), false),
        (format!("\" {a}\""), true, Some('a'), false),
        (format!("\"{a}\\n\""), true, Some('a'), false),
        (format!("\"{}\"", &zero[2..]), true, Some('0'), true),
        (format!("\"{}\"", &a[..65]), true, None, false),
        (format!("\"{}\"", a.replacen('a', "а", 1)), true, None, false), // Cyrillic
        ("\"0xprocessing\"".to_owned(), true, None, false),
        ("\"E200181832025020717363pzCRpHTszu\"".to_owned(), true, None, false),
        ("0".to_owned(), true, None, false),
        ("false".to_owned(), true, None, false),
        ("{\"hash\":null}".to_owned(), true, None, false),
        ("[]".to_owned(), true, None, false),
    ] {
        values.push(Field { json: Some(json), is_there, hash, is_well_formed });
    }
    values
}

impl Field {
    fn is(&self, other: &Self) -> bool {
        match (self.hash, other.hash) {
            (Some(hash), Some(other)) => hash == other,
            _ => self.json == other.json,
        }
    }
}

impl Case {
    /// The question.
    pub fn call(&self) -> GetPayStatus {
        let id = match self.asked {
            TargetKind::TxId if self.identifier == Identifier::Other => hash_of('f'),
            TargetKind::TxId => hash_of('a'),
            _ => "17".to_owned(),
        };
        let payment = PaymentTarget::new(self.asked, &id).expect("an identifier");
        GetPayStatus::new(payment, Chain::Polygon)
    }

    /// The answer.
    pub fn response(&self) -> Response<String> {
        crate::response(self.status, self.body())
    }

    /// The answer's body.
    pub fn body(&self) -> String {
        let (envelope, state) = self.state;
        let Some(state) = state else {
            return format!(r#"{{"status":"{envelope}","msg":"TX not found"}}"#);
        };
        let mut data = format!(r#""status":"{state}""#);
        for target in [TargetKind::ExternalId, TargetKind::KamipayId, TargetKind::OperationId] {
            let value = match self.identifier {
                _ if target != self.asked => "\"17\"",
                Identifier::Matching => "\"17\"",
                Identifier::Other => "\"18\"",
                Identifier::Null => "null",
                Identifier::Missing => continue,
            };
            data.push_str(&format!(",\"{}\":{value}", target.as_str()));
        }
        let names = ["txid", "original_txid", "refund_txid", "bank_txid"];
        for (name, field) in names.into_iter().zip(&self.fields) {
            if let Some(json) = &field.json {
                data.push_str(&format!(",\"{name}\":{json}"));
            }
        }
        format!(r#"{{"status":"{envelope}","msg":"m","data":{{{data}}}}}"#)
    }

    /// The expected outcome.
    pub fn expected(&self) -> Outcome {
        let [txid, original, refund, bank] = &self.fields;
        let has_body = !matches!(self.status, 204..=206);
        let is_documented = matches!(self.status, 200 | 201);
        let has = |hashes: &[&Field]| hashes.iter().any(|it| it.hash == Some('a'));
        let is_its = |hashes: &[&Field]| match self.asked {
            TargetKind::TxId => self.identifier != Identifier::Other && has(hashes),
            _ => self.identifier == Identifier::Matching,
        };
        match self.state {
            ("ok", Some("done")) if has_body && is_its(&[txid]) => Outcome::Done,
            ("ok", Some("canceled")) => {
                let was_sent = self.fields.iter().any(|field| field.is_there);
                // The requested hash contradicts the state.
                let is_its = self.asked != TargetKind::TxId && is_its(&[]);
                match is_documented && is_its && !was_sent {
                    true => Outcome::Canceled,
                    false => Outcome::Neither,
                }
            }
            ("ok", Some("failed")) => {
                let is_refund = refund.is_well_formed && refund.hash != Some('0');
                let equals_another = [txid, original].iter().any(|it| it.is(refund));
                let is_third = txid.is_there && original.is_there && !txid.is(original);
                // By the page, this state has no number of the bank. The requested hash is not the
                // refund.
                let is_its = self.asked != TargetKind::OperationId && is_its(&[txid, original]);
                let is_returned = is_refund && !equals_another && !is_third && !bank.is_there;
                match is_documented && is_its && is_returned {
                    true => Outcome::Returned,
                    false => Outcome::Neither,
                }
            }
            _ => Outcome::Neither,
        }
    }
}

/// Every state with every combination of the plain values, with the documented identifier and status.
pub fn every_mixture() -> impl Iterator<Item = Case> {
    let values = plain_values();
    let count = values.len();
    (0..STATES.len() * count.pow(4)).map(move |number| {
        let field = |place: u32| values[number / count.pow(place) % count].clone();
        Case {
            status: 200,
            state: STATES[number / count.pow(4)],
            fields: [0, 1, 2, 3].map(field),
            asked: TargetKind::KamipayId,
            identifier: Identifier::Matching,
        }
    })
}

/// Every state with every kind of request, HTTP status and identifier, for some combinations.
pub fn every_question() -> impl Iterator<Item = Case> {
    let [absent, null, _, zero, a, b, c] =
        <[Field; 7]>::try_from(plain_values()).expect("seven of them");
    let mixtures = [
        [&absent; 4],
        [&null; 4],
        [&a, &absent, &absent, &absent],
        [&a, &absent, &b, &absent],
        [&absent, &a, &b, &absent],
        [&absent, &b, &a, &null],
        [&a, &a, &b, &null],
        [&b, &b, &c, &absent],
        [&c, &a, &b, &absent],
        [&absent, &a, &zero, &absent],
        [&a, &absent, &absent, &c],
    ]
    .map(|mixture| mixture.map(Field::clone));
    mixtures.into_iter().flat_map(|fields| {
        STATES.into_iter().flat_map(move |state| {
            let fields = fields.clone();
            TARGETS.into_iter().flat_map(move |asked| {
                let fields = fields.clone();
                IDENTIFIERS.into_iter().flat_map(move |identifier| {
                    let fields = fields.clone();
                    STATUSES.map(move |status| {
                        let fields = fields.clone();
                        Case { status, state, fields, asked, identifier }
                    })
                })
            })
        })
    })
}

/// A fixed sample of `cases` out of all combinations. Half of them are *canceled* or *failed*, with
/// the fields that the page lists.
pub fn sample(cases: u64) -> impl Iterator<Item = Case> {
    let values = all_values();
    (0..cases).map(move |number| {
        // splitmix64
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mut left = mixed ^ (mixed >> 31);
        let mut below = |end: usize| {
            let end = end as u64;
            let drawn = left % end;
            left /= end;
            drawn as usize
        };
        let is_near = number % 2 == 0;
        let state = match is_near {
            true => STATES[3 + below(2)],
            false => STATES[below(STATES.len())],
        };
        let fields = [0, 1, 2, 3].map(|place| {
            // The first three values are empty; the fifth and sixth are hashes.
            let near = match (state.1, place) {
                (Some("failed"), 1) => 4,
                (Some("failed"), 2) => 5,
                _ => below(3),
            };
            values[if is_near && below(8) > 0 { near } else { below(values.len()) }].clone()
        });
        Case {
            status: if is_near { 200 + below(2) as u16 } else { STATUSES[below(STATUSES.len())] },
            state,
            fields,
            asked: TARGETS[below(4)],
            identifier: if is_near { Identifier::Matching } else { IDENTIFIERS[below(4)] },
        }
    })
}
