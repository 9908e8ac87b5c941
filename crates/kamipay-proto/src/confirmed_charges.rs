//! Confirmed charges: pay-ins of a store or checkout that were credited (`tx_status_lot`).

mod list;

pub use list::{ListConfirmedCharges, ScanConfirmedCharges};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::page::{Amounts, ScanRow};
use crate::wire;
use crate::{CheckoutId, OperationId, StoreId, TransactionHash};

/// A charge that was paid and credited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConfirmedCharge {
    /// The store of the charge.
    pub store_id: StoreId,
    /// The checkout of the charge.
    pub checkout_id: CheckoutId,
    /// The bank's number of the charge.
    pub operation_id: OperationId,
    /// The hash of the transfer that credited the charge, as the API sent it.
    pub tx_hash: TransactionHash,
    /// The amount charged to the payer, in BRL.
    pub brl_requested: Decimal,
    /// The amount credited, in USDT.
    pub usdt_credited: Decimal,
    /// Your own text for the charge; `None` if you gave none.
    pub external_data: Option<String>,
    /// When the charge was requested, in UTC.
    pub request_datetime: DateTime<Utc>,
    /// When the charge was credited, in UTC.
    pub credit_datetime: DateTime<Utc>,
}

impl ScanRow for ConfirmedCharge {
    type Key = (OperationId, TransactionHash);

    fn key(&self) -> (OperationId, TransactionHash) {
        (self.operation_id.clone(), self.tx_hash.clone())
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        Some(self.credit_datetime)
    }

    fn amounts(&self) -> Amounts {
        [Some(self.brl_requested), Some(self.usdt_credited)]
    }
}

impl<'de> Deserialize<'de> for ConfirmedCharge {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // Elsewhere the field around the rows checks that each row is an object. This list has
        // none.
        json::Charge::deserialize(wire::object::MapOnly(from))
    }
}

impl Serialize for ConfirmedCharge {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        json::Charge::serialize(self, to)
    }
}

mod json {
    use super::*;

    #[derive(Deserialize, Serialize)]
    #[serde(remote = "ConfirmedCharge")]
    pub(super) struct Charge {
        store_id: StoreId,
        checkout_id: CheckoutId,
        operation_id: OperationId,
        tx_hash: TransactionHash,
        #[serde(with = "wire::money")]
        brl_requested: Decimal,
        #[serde(with = "wire::money")]
        usdt_credited: Decimal,
        external_data: Option<String>,
        #[serde(with = "wire::epoch")]
        request_datetime: DateTime<Utc>,
        #[serde(with = "wire::epoch")]
        credit_datetime: DateTime<Utc>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, ResponseErrorKind};

    const ROW: &str = r#"{"store_id": "1", "checkout_id": 2, "operation_id": "1718462463281",
        "tx_hash": "txid5", "brl_requested": "25.00", "usdt_credited": 5.00000,
        "request_datetime": "1718472442.872", "credit_datetime": "1718472443.872"}"#;

    fn parse(body: &str) -> Result<Vec<ConfirmedCharge>, crate::ResponseError> {
        ListConfirmedCharges::new().parse(http::Response::new(body))
    }

    #[test]
    fn numbers_are_read_from_strings_and_numbers() {
        let charges = parse(&format!("[{ROW}]")).unwrap();
        assert_eq!(charges[0].store_id, StoreId::new(1));
        assert_eq!(charges[0].checkout_id, CheckoutId::new(2));
        assert_eq!(charges[0].usdt_credited.to_string(), "5.00000");
        assert_eq!(charges[0].external_data, None);
        let number = ROW.replace("\"1718462463281\"", "1718462463281");
        assert_eq!(parse(&format!("[{number}]")).unwrap(), charges);
        assert!(parse("[]").unwrap().is_empty());
    }

    #[test]
    fn a_charge_is_written_as_it_can_be_read() {
        let charges = parse(&format!("[{ROW}]")).unwrap();
        let json = serde_json::to_string(&charges).unwrap();
        assert!(json.contains(r#""request_datetime":"2024-06-15T17:27:22.872Z""#), "{json}");
        assert_eq!(serde_json::from_str::<Vec<ConfirmedCharge>>(&json).unwrap(), charges);
    }

    #[test]
    fn the_answer_is_a_list_of_objects() {
        let list = r#"["1", "1", "5", "txid5", "25.00", "5.00", null, "1.5", "2.5"]"#;
        for (body, path) in [
            (format!("[{ROW}, {list}]"), "[1]"),
            (format!("[{ROW}, null]"), "[1]"),
            (ROW.to_owned(), "."),
            ("{}".to_owned(), "."),
            (r#"{"detail": "Endpoint Not Authorized"}"#.to_owned(), "."),
            ("null".to_owned(), "."),
        ] {
            let error = parse(&body).unwrap_err();
            let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
            assert_eq!(fault.path, path, "{body}");
        }
    }

    #[test]
    fn every_field_but_external_data_is_required() {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(ROW).unwrap();
        assert_eq!(fields.len(), 8);
        for field in fields.keys() {
            for spoilt in [format!("\"x_{field}\""), format!("\"{field}\": null, \"x\"")] {
                let row = ROW.replace(&format!("\"{field}\""), &spoilt);
                let error = parse(&format!("[{row}]")).unwrap_err();
                let ResponseErrorKind::Decode(fault) = error.kind() else { panic!("{error:?}") };
                assert!(fault.path.starts_with("[0]"), "{fault}");
                assert!(fault.to_string().contains(field.as_str()), "{fault}");
            }
        }
    }
}
