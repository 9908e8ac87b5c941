//! What a listing is about, in words.

use kamipay_ureq::proto::confirmed_charges::ScanConfirmedCharges;
use kamipay_ureq::proto::lots::ScanLots;
use kamipay_ureq::proto::settlements::{ScanPendingCharges, ScanSettlements, ScanTransactions};
use serde_json::Value;

use super::Listing;

/// The command of the listing with this name.
pub(super) fn command(name: &str) -> String {
    let command = match name {
        ScanLots::NAME => "lots list",
        ScanSettlements::NAME => "settlements list",
        ScanTransactions::NAME => "settlements transactions",
        ScanPendingCharges::NAME => "settlements pending",
        ScanConfirmedCharges::NAME => "charges confirmed",
        other => return format!("a listing of {other}"),
    };
    format!("`kamipay {command}`")
}

/// The period and the filters, such as `2025-01-01T00:00:00Z to 2025-02-01T00:00:00Z, settlement_id
/// 12345`.
pub(super) fn query<S: Listing>(what: &S) -> String {
    let Ok(Value::Object(fields)) = serde_json::to_value(what) else { return S::NAME.to_owned() };
    let mut words = Vec::new();
    for (name, value) in &fields {
        match (value, value.get("start"), value.get("end")) {
            (_, Some(start), Some(end)) => words.push(format!("{} to {}", text(start), text(end))),
            (Value::Null, ..) => {}
            (Value::Array(values), ..) if values.is_empty() => {}
            (Value::Array(values), ..) => {
                let values: Vec<_> = values.iter().map(text).collect();
                words.push(format!("{name} {}", values.join(",")));
            }
            _ => words.push(format!("{name} {}", text(value))),
        }
    }
    if words.is_empty() { "all of them".to_owned() } else { words.join(", ") }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use kamipay_ureq::proto::{CheckoutId, Period, SettlementId, StoreId};

    use super::*;

    #[test]
    fn a_query_is_told_without_json() {
        let may = Period::parse("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z").unwrap();
        let period = "2026-05-01T00:00:00Z to 2026-06-01T00:00:00Z";
        assert_eq!(query(&ScanLots::new(may)), period);
        assert_eq!(query(&ScanSettlements::new(may)), period);
        let mut charges = ScanTransactions::new(may);
        assert_eq!(query(&charges), period);
        charges.settlement_id = Some(SettlementId::new(12345));
        assert_eq!(query(&charges), format!("{period}, settlement_id 12345"));
        let mut confirmed = ScanConfirmedCharges::new(may);
        confirmed.store_id = vec![StoreId::new(1), StoreId::new(2)];
        assert_eq!(query(&confirmed), format!("{period}, store_id 1,2"));
        let mut pending = ScanPendingCharges::new();
        assert_eq!(query(&pending), "all of them");
        pending.checkout_id = Some(CheckoutId::new(42));
        assert_eq!(query(&pending), "checkout_id 42");
    }
}
