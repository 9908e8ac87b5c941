//! A test's own data, as `kamipay-ureq` reads it: over sockets, alone and beside generated rows,
//! page by page, with quirks and faults.

use std::error::Error;

use kamipay_sandbox::{
    Fault, Generated, Payment, PaymentState, Quirk, Row, Sandbox, Schedule, Server,
};
use kamipay_ureq::Client;
use kamipay_ureq::proto::confirmed_charges::ListConfirmedCharges;
use kamipay_ureq::proto::lots::{GetLot, ListLots, ScanLots};
use kamipay_ureq::proto::pay_status::{Chain, GetPayStatus, PaymentTarget};
use kamipay_ureq::proto::settlements::{
    GetSettlement, ListPendingCharges, ListTransactions, ScanSettlements, ScanTransactions,
};
use kamipay_ureq::proto::{
    AccessToken, DateRange, EpochRange, Period, SettlementId, chrono, rust_decimal,
};
use rust_decimal::Decimal;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/merchant.json");

fn start(sandbox: Sandbox) -> Result<(Server, Client)> {
    let token: AccessToken = sandbox.token().parse()?;
    let server = Server::start(sandbox)?;
    let client = Client::new(server.base_url().parse()?, token);
    Ok((server, client))
}

fn may() -> Result<Period> {
    Ok(Period::parse("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z")?)
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn the_example_is_read_by_a_client_call_by_call() -> Result {
    let (_server, client) = start(Sandbox::empty().with_file(FILE)?)?;
    let lot = client.send(&GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse()?))?;
    let payouts: Decimal = lot.payouts.iter().map(|payout| payout.amount).sum();
    assert_eq!((lot.usdt_amount, payouts), (dec("35.90674"), dec("35.90674")));

    let settlement = client.send(&GetSettlement::new(SettlementId::new(7)))?;
    let charges = settlement.charges.iter().filter_map(|charge| charge.settlement_amount);
    assert_eq!(settlement.amount, charges.sum());

    let pending = client.send(&ListPendingCharges::new())?;
    assert_eq!(pending.items.len(), 1);

    let time = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let mut confirmed = ListConfirmedCharges::new();
    confirmed.range = Some(EpochRange::new(time(1_778_770_800), time(1_778_770_801))?);
    assert_eq!(client.send(&confirmed)?[0].usdt_credited, dec("5"));

    // Each payout of the lot is a payment.
    for payout in &lot.payouts {
        let payment = PaymentTarget::kamipay_id(payout.kamipay_id.as_str())?;
        let question = GetPayStatus::new(payment, Chain::Polygon);
        client.send(&question)?;
        let status = client.send(&question)?;
        assert_eq!(status.payment().unwrap().amount_usdt, Some(payout.amount));
    }
    Ok(())
}

#[test]
fn own_rows_are_read_with_the_generated_ones() -> Result {
    let merchant = Generated::new(7);
    let generated: Decimal = merchant.lots().map(|lot| lot.usdt_amount).sum();
    let settled = merchant.settlements().filter(|it| it.settled_at.is_some()).count();
    let sandbox = Sandbox::generated(merchant.clone())
        .with_file(FILE)?
        .with_quirk(Quirk::EmptyPage, Schedule::once())
        .with_quirk(Quirk::ShortPage, Schedule::times(2));
    let (server, client) = start(sandbox)?;
    server.with_sandbox(|sandbox| sandbox.fail_next(Fault::named("truncated-body"), 1));

    let lots = client.scan(ScanLots::new(may()?)).collect::<std::result::Result<Vec<_>, _>>()?;
    let sum: Decimal = lots.iter().map(|lot| lot.usdt_amount).sum();
    assert_eq!((lots.len(), sum), (41, generated + dec("35.90674")));
    assert_eq!(client.scan(ScanSettlements::new(may()?)).count(), settled + 1);
    assert_eq!(client.scan(ScanTransactions::new(may()?)).count(), 202);

    // Totals and dates.
    let mut one =
        ListTransactions::new(DateRange::parse("2026-05-14T15:00:42Z", "2026-05-14T15:00:43Z")?);
    one.settlement_id = Some(SettlementId::new(7));
    let page = client.send(&one)?;
    assert_eq!((page.transactions.len(), page.total), (2, 2));
    let before = DateRange::parse("2026-05-14T11:59:58Z", "2026-05-14T11:59:59.999999Z")?;
    let is_mine = |id: &str| id == "9c030c8b-6d68-445b-8048-1bacd91012fa";
    let page = client.send(&ListLots::new(before))?;
    assert!(!page.lots.iter().any(|lot| is_mine(lot.lot_id.as_ref())));
    Ok(())
}

#[test]
fn a_reconciliation_that_must_fail_can_be_made() -> Result {
    let at = "2026-05-14T12:00:00Z".parse()?;
    let order = Payment::new("order-7", [PaymentState::Done]).with_amounts(dec("1.5"), dec("8.1"));
    let (_server, client) = start(Sandbox::from_rows([Row::lot(
        "9c030c8b-6d68-445b-8048-1bacd91012fa",
        at,
        dec("1.50000001"),
    )
    .with_payouts([order])]))?;
    let lot = client.send(&GetLot::new("9c030c8b-6d68-445b-8048-1bacd91012fa".parse()?))?;
    let payouts: Decimal = lot.payouts.iter().map(|payout| payout.amount).sum();
    assert_eq!(lot.usdt_amount - payouts, dec("0.00000001"));
    Ok(())
}
