//! Everything that the sandbox's generated merchant serves can be read and written, and is complete.

use std::collections::BTreeMap;
use std::fmt::Debug;

use kamipay_proto::confirmed_charges::ListConfirmedCharges;
use kamipay_proto::lots::{GetLot, ListLots};
use kamipay_proto::pay_status::{Chain, GetPayStatus, PaymentTarget};
use kamipay_proto::settlements::{
    GetSettlement, ListPendingCharges, ListSettlements, ListTransactions,
};
use kamipay_proto::{
    Api, DateRange, Endpoint, EpochRange, PageSize, PendingPageSize, SettlementId,
};
use kamipay_sandbox::{Generated, PaymentState, Sandbox};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde::Serialize;

/// The API as a function, without a socket.
struct InABox {
    api: Api,
    sandbox: Sandbox,
}

impl InABox {
    fn new(merchant: Generated) -> Self {
        let sandbox = Sandbox::generated(merchant);
        let base = "http://localhost".parse().unwrap();
        Self { api: Api::new(base, &sandbox.token().parse().unwrap()), sandbox }
    }

    /// Sends a call, and checks that its answer can be written and read again.
    fn ask<E>(&mut self, call: &E) -> E::Output
    where
        E: Endpoint<Output: Serialize + PartialEq + Debug>,
    {
        let response = self.sandbox.handle(call.request(&self.api).unwrap());
        let output = call.parse(response).unwrap();
        let written = serde_json::to_string(&output).unwrap();
        assert_eq!(serde_json::from_str::<E::Output>(&written).unwrap(), output);
        output
    }

    /// All rows of a list, page by page. `page` returns the rows and the total at an offset.
    fn list<R>(&mut self, mut page: impl FnMut(&mut Self, u64) -> (Vec<R>, u64)) -> Vec<R> {
        let mut rows = Vec::new();
        loop {
            let (more, total) = page(self, rows.len() as u64);
            rows.extend(more);
            if rows.len() as u64 >= total {
                assert_eq!(rows.len() as u64, total);
                return rows;
            }
        }
    }
}

/// All rows of a list call.
macro_rules! listed {
    ($api:expr, $call:expr, $rows:ident, $($total:ident).+) => {{
        let mut call = $call;
        $api.list(|api, offset| {
            call.offset = offset;
            let page = api.ask(&call);
            let total = page.$($total).+;
            (page.$rows, total)
        })
    }};
}

fn merchant(seed: u64) -> Generated {
    Generated::new(seed).with_lots(30).with_charges(120).with_pending_charges(20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn lots(seed: u64) {
        let merchant = merchant(seed);
        let mut api = InABox::new(merchant.clone());
        let range = DateRange::new(merchant.start(), merchant.end()).unwrap();
        let mut call = ListLots::new(range);
        call.limit = PageSize::new(7).unwrap();
        let listed = listed!(api, call, lots, total);
        prop_assert_eq!(listed.len(), merchant.lots().count());

        let listed: BTreeMap<String, _> =
            listed.into_iter().map(|lot| (lot.lot_id.to_string(), lot)).collect();
        for lot in merchant.lots() {
            let row = &listed[&lot.lot_id];
            let detail = api.ask(&GetLot::new(lot.lot_id.parse().unwrap()));
            prop_assert_eq!(&row.status, &detail.status);
            prop_assert_eq!(row.usdt_amount, detail.usdt_amount);
            prop_assert_eq!(detail.usdt_amount.to_string(), row.usdt_amount.to_string());
            let paid: Decimal = detail.payouts.iter().map(|payout| payout.amount).sum();
            prop_assert_eq!(paid, detail.usdt_amount);
            if let Some(hash) = detail.transaction_hash.as_ref().filter(|it| it.is_well_formed()) {
                prop_assert_eq!(&api.ask(&GetLot::new(hash.try_into().unwrap())), &detail);
            }
        }
    }

    #[test]
    fn settlements_and_their_charges(seed: u64) {
        let merchant = merchant(seed);
        let mut api = InABox::new(merchant.clone());
        let range = DateRange::new(merchant.start(), merchant.end()).unwrap();
        let listed = listed!(api, ListSettlements::new(range), settlements, total);
        for settlement in merchant.settlement_ids() {
            let id = SettlementId::new(u64::try_from(settlement).unwrap());
            let detail = api.ask(&GetSettlement::new(id));
            let quoted: Decimal =
                detail.charges.iter().filter_map(|charge| charge.settlement_amount).sum();
            prop_assert_eq!(quoted, detail.amount);
            let row = listed.iter().find(|row| row.settlement_id == id);
            prop_assert_eq!(row.is_some(), detail.settled_at.is_some());

            let mut call = ListTransactions::new(range);
            call.settlement_id = Some(id);
            call.limit = PageSize::new(9).unwrap();
            let charges = listed!(api, call, transactions, total);
            prop_assert_eq!(charges.len(), detail.charges.len());
        }
        let all = listed!(api, ListTransactions::new(range), transactions, total);
        prop_assert_eq!(all.len() as u64, merchant.charge_count());
    }

    #[test]
    fn pending_and_confirmed_charges(seed: u64) {
        let merchant = merchant(seed);
        let mut api = InABox::new(merchant.clone());
        let mut call = ListPendingCharges::new();
        call.limit = PendingPageSize::new(3).unwrap();
        let totals = api.ask(&call).totals;
        let pending = listed!(api, call, items, totals.count);
        prop_assert_eq!(pending.len() as u64, merchant.pending_charge_count());
        let sum: Decimal = pending.iter().map(|charge| charge.settlement_amount).sum();
        prop_assert_eq!(sum, totals.settlement_amount);

        let day = EpochRange::new(merchant.end() - EpochRange::MAX, merchant.end()).unwrap();
        let mut call = ListConfirmedCharges::new();
        call.range = Some(day);
        for charge in api.ask(&call) {
            prop_assert!(charge.usdt_credited > Decimal::ZERO);
            prop_assert!(day.start() <= charge.credit_datetime && charge.credit_datetime <= day.end());
        }
    }

    #[test]
    fn payments_in_every_state(seed: u64) {
        let merchant = merchant(seed);
        let mut api = InABox::new(merchant.clone());
        for payment in merchant.payments() {
            let target = PaymentTarget::kamipay_id(&payment.kamipay_id).unwrap();
            let status = api.ask(&GetPayStatus::new(target, Chain::Polygon));
            let (state, is_over, may_pay_again) = match payment.state {
                PaymentState::NotFound => ("not_found", false, false),
                PaymentState::Accepted => ("accepted", false, false),
                PaymentState::Processing => ("processing", false, false),
                PaymentState::Done => ("done", true, false),
                PaymentState::FailedAndRefunded => ("failed", true, true),
                PaymentState::FailedRefundPending => ("failed", true, false),
                PaymentState::Canceled => ("canceled", true, true),
                _ => ("on_hold", false, false),
            };
            prop_assert_eq!(status.state(), state);
            prop_assert_eq!(status.is_over(), is_over);
            prop_assert_eq!(status.permission_to_pay_again().is_some(), may_pay_again);
        }
    }
}
