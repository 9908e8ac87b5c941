//! Scans over real sockets: every row once, on any number of threads and in parts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::num::NonZero;
use std::thread;

use chrono::TimeDelta;
use kamipay_proto::Period;
use kamipay_proto::confirmed_charges::ScanConfirmedCharges;
use kamipay_proto::lots::{Lot, ScanLots};
use kamipay_proto::scan::{Scan, ScanRow, ScanState, Scannable};
use kamipay_proto::settlements::{ScanPendingCharges, ScanSettlements, ScanTransactions};
use kamipay_sandbox::{Fault, Generated, List, Quirk, Sandbox, Schedule, Server};
use kamipay_ureq::{Client, Credentials, ScanError};

fn start(sandbox: Sandbox) -> (Server, Client) {
    let token = sandbox.token().parse().unwrap();
    let server = Server::start(sandbox).unwrap();
    let client = Client::new(server.base_url().parse().unwrap(), Credentials::token(token));
    (server, client)
}

/// A merchant with rows on every border of a year, and several windows in each list.
fn merchant() -> Generated {
    let year = Period::parse("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z").unwrap();
    Generated::new(11)
        .with_period(year.start(), year.end())
        .with_lots(900)
        .with_charges(2_500)
        .with_pending_charges(60)
}

fn all<S: Scannable>(client: &Client, scan: Scan<S>) -> Vec<S::Row> {
    client.run_scan(scan).map(|row| row.unwrap()).collect()
}

/// Reads a listing on one, two and five threads, and in parts. The rows must be the same.
fn every_way<S>(client: &Client, what: &S, page_size: u64) -> Vec<S::Row>
where
    S: Scannable + Send + 'static + serde::Serialize + serde::de::DeserializeOwned,
    S::Row: Send + PartialEq + std::fmt::Debug,
    <S::Row as ScanRow>::Key: Send,
{
    let scan = || Scan::new(what.clone()).with_page_size(page_size).unwrap();
    let rows = all(client, scan());
    for threads in [2, 5] {
        let parallel = client.run_scan(scan()).on_threads(NonZero::new(threads).unwrap());
        assert_eq!(parallel.map(|row| row.unwrap()).collect::<Vec<_>>(), rows);
    }
    let mut parts = Vec::new();
    for part in Scan::parts(what.clone()) {
        let part: ScanState<S> =
            serde_json::from_str(&serde_json::to_string(&part).unwrap()).unwrap();
        parts.extend(all(client, Scan::resume(part).with_page_size(page_size).unwrap()));
    }
    assert_eq!(parts, rows);
    rows
}

#[test]
fn every_listing_of_a_year_is_complete() {
    let merchant = merchant();
    let year = Period::new(merchant.start(), merchant.end()).unwrap();
    let (_server, client) = start(Sandbox::generated(merchant.clone()));

    let lots = every_way(&client, &ScanLots::new(year), 50);
    let mut listed: Vec<_> =
        lots.iter().map(|lot| (lot.lot_id.to_string(), lot.usdt_amount)).collect();
    // A period is half-open by the row's time. Rows without a time are kept.
    let is_in = |time| year.start() <= time && time < year.end();
    let mut exist: Vec<_> = merchant
        .lots()
        .filter(|lot| is_in(lot.created_at) || lot.status == "PROCESSING")
        .map(|lot| (lot.lot_id, lot.usdt_amount))
        .collect();
    listed.sort();
    exist.sort();
    assert_eq!(listed, exist);

    let settlements = every_way(&client, &ScanSettlements::new(year), 20);
    let mut listed: Vec<_> =
        settlements.iter().map(|row| (row.settlement_id.number(), row.amount)).collect();
    let settled = merchant.settlements().filter(|it| it.settled_at.is_some_and(is_in));
    let mut exist: Vec<_> =
        settled.map(|it| (u64::try_from(it.settlement_id).unwrap(), it.amount)).collect();
    listed.sort();
    exist.sort();
    assert_eq!(listed, exist);

    let charges = every_way(&client, &ScanTransactions::new(year), 100);
    let mut listed: Vec<_> = charges
        .iter()
        .map(|row| (row.kamipay_request_id.to_string(), row.charged_amount, row.created_at))
        .collect();
    let mut exist: Vec<_> = merchant
        .charges()
        .filter(|it| is_in(it.created_at))
        .map(|it| (it.kamipay_request_id, it.charged_amount, it.created_at))
        .collect();
    assert!(charges.is_sorted_by_key(|row| row.created_at));
    listed.sort();
    exist.sort();
    assert_eq!(listed, exist);

    let confirmed = every_way(&client, &ScanConfirmedCharges::new(year), 1000);
    let ids = |ids: &mut dyn Iterator<Item = String>| {
        let mut ids: Vec<_> = ids.collect();
        ids.sort();
        ids
    };
    assert_eq!(
        ids(&mut confirmed.iter().map(|row| row.operation_id.to_string())),
        ids(&mut merchant
            .charges()
            .filter(|it| year.start() <= it.credited_at && it.credited_at <= year.end())
            .map(|it| it.operation_id)),
    );

    let pending = every_way(&client, &ScanPendingCharges::new(), 7);
    assert_eq!(
        ids(&mut pending.iter().map(|row| row.kamipay_request_id.to_string())),
        ids(&mut merchant.pending_charges().map(|it| it.kamipay_request_id)),
    );
}

#[test]
fn every_quirk_gives_a_complete_listing_or_an_error() {
    for quirk in Quirk::ALL {
        for schedule in [quirk.schedule(), Schedule::always()] {
            let merchant = merchant().with_charges(700);
            // The API decides about rows at the ends of a period.
            let day = TimeDelta::days(1);
            let year = Period::new(merchant.start() - day, merchant.end() + day).unwrap();
            let (server, client) = start(Sandbox::generated(merchant).with_quirk(*quirk, schedule));
            let scan = Scan::new(ScanTransactions::new(year)).with_page_size(60).unwrap();
            let mut listed = BTreeMap::<String, u64>::new();
            let mut is_whole = true;
            for row in client.run_scan(scan) {
                match row {
                    Ok(row) => *listed.entry(row.kamipay_request_id.to_string()).or_default() += 1,
                    Err(ScanError::Incomplete(_)) => is_whole = false,
                    // the answer echoes another page
                    Err(ScanError::Call(error)) if *quirk == Quirk::WrongEcho => {
                        assert!(error.to_string().contains("another question"), "{error}");
                        is_whole = false;
                    }
                    Err(error) => panic!("{quirk}: {error}"),
                }
            }
            assert!(listed.values().all(|times| *times == 1), "{quirk}: a row came twice");
            let throughout =
                server.with_sandbox(|sandbox| sandbox.history().throughout(List::Transactions));
            assert!(throughout.len() > 600);
            if is_whole {
                // A moved row is listed throughout, but not with one time.
                let missing = throughout.iter().filter(|id| !listed.contains_key(*id)).count();
                assert_eq!(missing, 0, "{quirk}");
            } else {
                assert!(schedule == Schedule::always() || *quirk == Quirk::WrongEcho, "{quirk}");
            }
        }
    }
}

#[test]
fn a_scan_continues_after_a_fault_in_the_middle() {
    let merchant = merchant();
    // A microsecond longer, since the end is exclusive.
    let end = merchant.end() + TimeDelta::microseconds(1);
    let year = Period::new(merchant.start(), end).unwrap();
    for fault_at in [1, 2, 7, 20] {
        let (server, client) = start(Sandbox::generated(merchant.clone()));
        // This fault is not retried.
        server.with_sandbox(|sandbox| sandbox.fail_at(fault_at, Fault::named("captive-portal")));
        let scan = Scan::new(ScanTransactions::new(year)).with_page_size(200).unwrap();
        let mut rows = client.run_scan(scan);
        let mut listed = Vec::new();
        let failed = loop {
            match rows.next() {
                Some(Ok(row)) => listed.push(row.kamipay_request_id.to_string()),
                Some(Err(error)) => break error,
                None => panic!("the fault did not show"),
            }
        };
        assert!(matches!(failed, ScanError::Call(_)), "{failed:?}");
        assert!(rows.next().is_none());
        let rest = client.resume_scan(rows.state());
        listed.extend(rest.map(|row| row.unwrap().kamipay_request_id.to_string()));
        listed.sort();
        let mut exist: Vec<_> = merchant.charges().map(|it| it.kamipay_request_id).collect();
        exist.sort();
        assert_eq!(listed, exist);
    }
}

#[test]
fn dropping_the_rows_half_way_closes_every_connection() {
    let merchant = merchant();
    let year = Period::new(merchant.start(), merchant.end()).unwrap();
    let (server, client) = start(Sandbox::generated(merchant));
    for _ in 0..20 {
        let scan = Scan::new(ScanTransactions::new(year)).with_page_size(50).unwrap();
        let mut rows = client.run_scan(scan).on_threads(NonZero::new(4).unwrap());
        assert!(rows.next().unwrap().is_ok());
    }
    drop(client);
    drop(server); // joins its connections, so no thread keeps one open
}

/// A relay whose connections fall behind: after some requests, each further request gets the response
/// to the previous one, or to the one before.
fn relay(to: String, behind: usize) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let to = to.strip_prefix("http://").unwrap().to_owned();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&to).unwrap());
            thread::spawn(move || {
                let (mut requests, mut responses) =
                    (BufReader::new(&client), BufReader::new(&server));
                let mut late = VecDeque::new();
                for n in 0.. {
                    let Some(request) = message(&mut requests) else { return };
                    (&server).write_all(&request).unwrap();
                    let response = message(&mut responses).unwrap();
                    if n == 2 {
                        late.extend(vec![response.clone(); behind]); // sent repeatedly
                    }
                    late.push_back(response);
                    let next = late.pop_front().unwrap();
                    if (&client).write_all(&next).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// A request or a response with a length, in bytes.
fn message(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    loop {
        let before = bytes.len();
        if from.read_until(b'\n', &mut bytes).unwrap_or(0) == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&bytes[before..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            from.read_exact(&mut body).ok()?;
            return Some([bytes, body].concat());
        }
    }
}

#[test]
fn a_connection_that_is_behind_loses_no_row_of_any_list() {
    // Days without charges have empty lists, which could answer any day.
    let merchant = merchant().with_charges(200);
    let year = Period::new(merchant.start(), merchant.end()).unwrap();
    let (server, straight) = start(Sandbox::generated(merchant.clone()));
    let charges = all(&straight, Scan::new(ScanConfirmedCharges::new(year)));
    let ids = |lots: Vec<Lot>| lots.into_iter().map(|lot| lot.lot_id).collect::<BTreeSet<_>>();
    assert!(charges.len() > 190);
    for behind in [1, 2] {
        let token = server.with_sandbox(|sandbox| sandbox.token().parse().unwrap());
        let url = relay(server.base_url().to_owned(), behind);
        let token: kamipay_proto::AccessToken = token;
        // One client per listing: the response to another kind of call would be a decoding error.
        let client = || Client::new(url.parse().unwrap(), Credentials::token(token.clone()));
        for page_size in [9, 1000] {
            let scan = Scan::new(ScanLots::new(year)).with_page_size(page_size).unwrap();
            let lots = all(&client(), scan);
            assert_eq!(lots.len(), 900, "{behind} behind, {page_size} a page");
            assert_eq!(ids(lots).len(), 900, "{behind} behind, {page_size} a page");
        }
        let transactions = all(&client(), Scan::new(ScanTransactions::new(year)));
        assert_eq!(transactions.len(), 200, "{behind} behind");
        assert!(all(&client(), Scan::new(ScanConfirmedCharges::new(year))) == charges, "{behind}");
    }
}
