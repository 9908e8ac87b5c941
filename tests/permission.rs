//! Answers to a question for a payment, and what each has to lead to. The expectation is written
//! by hand from the vendor's page: it uses no rule of the library.

use http::Response;
use kamipay_proto::pay_status::{Chain, GetPayStatus, PaymentTarget, TargetKind};

/// One answer to one question.
#[derive(Clone, Debug)]
pub struct Case {
    /// The HTTP status.
    pub status: u16,
    /// The envelope's `status`, and that of `data` where there is any.
    pub state: (&'static str, Option<&'static str>),
    /// `txid`, `original_txid`, `refund_txid` and `bank_txid`.
    pub fields: [Field; 4],
    /// By which kind of identifier the payment is asked for.
    pub asked: TargetKind,
    /// What the answer has in the place of that identifier.
    pub identifier: Identifier,
}

/// What the answer has in the place of the identifier that was asked for. For a hash, which of them
/// the four fields have decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// The one that was asked for.
    Matching,
    /// Another one.
    Other,
    /// `null`.
    Null,
    /// Nothing.
    Missing,
}

/// What one of the four fields has in it, and what that means.
#[derive(Clone, Debug)]
pub struct Field {
    /// The JSON value; `None` for a field that is absent.
    pub json: Option<String>,
    is_there: bool,
    /// Which hash it is, by its digit, however it is written.
    hash: Option<char>,
    /// Whether it is written as the pages write a hash: `0x` and 64 digits, on Tron without `0x`.
    is_well_formed: bool,
}

/// What is to become of a [`Case`].
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

/// The states: those of the page, one that it does not name, and envelopes that contradict.
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

/// What can stand in the place of an identifier.
pub const IDENTIFIERS: [Identifier; 4] =
    [Identifier::Matching, Identifier::Other, Identifier::Null, Identifier::Missing];

fn hash_of(digit: char) -> String {
    format!("0x{}", String::from(digit).repeat(64))
}

/// The values of a field: absent, null, empty, a hash of zeros, and three hashes, so that one
/// field can equal another or differ from both others.
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

/// The same, and further spellings of them.
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

    /// What is to become of it.
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
                // So there is no hash to ask for.
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
                // The page shows no number of the bank in it.
                let is_its =
                    self.asked != TargetKind::OperationId && is_its(&[txid, original, refund]);
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

/// Every state with every mixture of the plain values, asked for and answered as documented.
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

/// Every state with every question, status and place of the identifier, for some mixtures.
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

/// So many of the whole product, always the same ones, spread over all of it. Half of them are in
/// the two states that can give permission, and have what the page shows in those.
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
            // The first three values are not there; the fifth and sixth are hashes.
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
