//! Rows of lots: payouts and refunds.

use std::fmt::Write as _;

use kamipay_proto::lots::{LotDetail, LotStatus};

use crate::Amount;
use crate::row::{Hint, Progress, Row, Side};

/// The currency of lots.
const USDT: &str = "USDT";

/// Makes rows of lots, with `kamipay_id` as the key.
///
/// Give each lot once: a lot that the state of the period before has in flight is fetched by its
/// identifier, and may be in the list of the period as well.
///
/// ```
/// use kamipay_reconcile::{MemoryStore, Partial, Payouts};
/// # use kamipay_reconcile::{Flow, Rules, proto::Period};
/// # let lots: Vec<kamipay_reconcile::proto::lots::LotDetail> = Vec::new();
/// # let day = Period::parse("2026-05-14T00:00:00Z", "2026-05-15T00:00:00Z")?;
/// # let rules = Rules::new(Flow::Payouts, day);
///
/// let mut theirs = Partial::new(rules, MemoryStore::new());
/// let mut payouts = Payouts::new();
/// for lot in &lots {
///     payouts.lot(lot, |row| theirs.add(row))?;
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Payouts {
    name: String,
}

impl Payouts {
    /// Without a lot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `each` with the payouts of a lot, and with its refunds, whose amounts are negative.
    ///
    /// The API does not say which payout a refund is of: its hints are payouts of the lot with the
    /// same amount.
    ///
    /// # Errors
    ///
    /// That of `each`.
    pub fn lot<E>(
        &mut self,
        lot: &LotDetail,
        mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let progress = progress(&lot.status);
        for payout in &lot.payouts {
            let id = payout.kamipay_id.as_str();
            let mut row = Row::new(Side::Theirs, self.name(lot, id));
            row.key = Some(id);
            row.amount = Some(payout.amount.into());
            row.currency = USDT;
            row.time = Some(payout.created_at);
            row.progress = progress;
            each(&row)?;
        }
        for refund in &lot.refunds {
            let amount = Amount::from(refund.amount);
            let same = lot.payouts.iter().filter(|it| amount.has_value_of(it.amount.into()));
            let names: Vec<String> = same
                .clone()
                .take(3)
                .map(|it| format!("{}/{}", lot.lot_id, it.kamipay_id))
                .collect();
            let hint = |(name, payout): (_, &kamipay_proto::lots::Payout)| {
                let mut hint = Hint::new(Side::Theirs, name, "key (a payout of the same lot)");
                (hint.amount, hint.currency) = (Some(payout.amount.into()), USDT);
                hint.time = Some(payout.created_at);
                hint
            };
            let mut hints: Vec<Hint<'_>> =
                names.iter().map(String::as_str).zip(same.clone()).map(hint).collect();
            for (hint, payout) in hints.iter_mut().zip(same) {
                hint.key = Some(payout.kamipay_id.as_str());
            }
            let id = refund.kamipay_refund_id.as_str();
            let mut row = Row::new(Side::Theirs, self.name(lot, id));
            row.key = Some(id);
            row.amount = Some(amount.negated());
            row.currency = USDT;
            row.time = Some(refund.created_at);
            row.progress = progress;
            row.hints = &hints;
            each(&row)?;
        }
        Ok(())
    }

    fn name(&mut self, lot: &LotDetail, id: &str) -> &str {
        self.name.clear();
        let _ = write!(self.name, "{}/{id}", lot.lot_id); // a String takes everything
        &self.name
    }
}

/// Mined lots are live and failed ones void. All others are in flight, also in unknown states.
fn progress(status: &LotStatus) -> Progress {
    match status {
        LotStatus::Mined => Progress::Live,
        LotStatus::Failed => Progress::Void,
        _ => Progress::InFlight,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOT: &str = r#"{"lot_id": "9c03", "transaction_hash": null, "usdt_amount": "12.50",
        "created_at": "2026-05-14T10:00:00Z", "status": "MINED", "payouts": [
        {"kamipay_id": "txc_1", "amount": "9.50", "created_at": "2026-05-14T09:00:00Z"},
        {"kamipay_id": "txc_2", "amount": "3.00", "created_at": "2026-05-14T09:30:00Z"}],
        "refunds": [{"kamipay_refund_id": "rpt_1", "amount": "3", "created_at":
        "2026-05-14T11:00:00Z"}]}"#;

    fn rows(json: &str) -> Vec<String> {
        let lot = serde_json::from_str(json).unwrap();
        let mut rows = Vec::new();
        let mut each = |row: &Row<'_>| {
            let hints: Vec<_> =
                row.hints.iter().map(|hint| (hint.id.to_string(), hint.key.unwrap())).collect();
            rows.push(format!(
                "{} {} {} {} {} {:?} {hints:?}",
                row.id,
                row.key.unwrap(),
                row.amount.unwrap(),
                row.currency,
                row.time.unwrap(),
                row.progress
            ));
            Ok::<_, ()>(())
        };
        Payouts::new().lot(&lot, &mut each).unwrap();
        rows
    }

    #[test]
    fn a_refund_is_a_negative_row_with_payouts_of_its_amount_as_candidates() {
        assert_eq!(
            rows(LOT),
            [
                "9c03/txc_1 txc_1 9.50 USDT 2026-05-14 09:00:00 UTC Live []",
                "9c03/txc_2 txc_2 3.00 USDT 2026-05-14 09:30:00 UTC Live []",
                "9c03/rpt_1 rpt_1 -3 USDT 2026-05-14 11:00:00 UTC Live [(\"9c03/txc_2\", \"txc_2\")]",
            ]
        );
    }

    #[test]
    fn only_mined_is_live_and_only_failed_is_void() {
        for (status, progress) in [
            ("MINED", "Live"),
            ("FAILED", "Void"),
            ("PENDING", "InFlight"),
            ("PROCESSING", "InFlight"),
            ("mined", "InFlight"),
            ("ARCHIVED", "InFlight"),
        ] {
            for row in rows(&LOT.replace("MINED", status)) {
                assert!(row.contains(progress), "{status}: {row}");
            }
        }
    }
}
