//! Listings of any length: whole whatever happens, resumed, and in parts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kamipay_sandbox::{Fault, Generated, List, Quirk, Sandbox, Schedule, Server};
use serde_json::Value;

use crate::support::{Run, generated, lots, run, server, with_token};

pub(crate) const YEAR: [&str; 4] = ["--from", "2025-01-01", "--to", "2026-01-01"];

/// A merchant's 2025, whose last row is in the last instant that [`YEAR`] has.
pub(crate) fn year() -> Generated {
    let [start, end] = ["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"];
    Generated::new(3).with_period(start.parse().unwrap(), end.parse().unwrap())
}

/// Each listing: the command, its name in a plan, and what its rows are known by.
const LISTINGS: [([&str; 2], &str, &str, List); 5] = [
    (["lots", "list"], "lots", "lot_id", List::Lots),
    (["settlements", "list"], "settlements", "settlement_id", List::Settlements),
    (["settlements", "transactions"], "transactions", "kamipay_request_id", List::Transactions),
    (["settlements", "pending"], "pending-charges", "kamipay_request_id", List::PendingCharges),
    (["charges", "confirmed"], "confirmed-charges", "operation_id", List::ConfirmedCharges),
];

/// The rows' identifiers, each with how often it is there.
fn ids(ndjson: &str, key: &str) -> BTreeMap<String, u32> {
    let mut ids = BTreeMap::new();
    for line in ndjson.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let id = row[key].as_str().map_or_else(|| row[key].to_string(), str::to_owned);
        *ids.entry(id).or_default() += 1;
    }
    ids
}

/// The lines in an order that does not depend on the windows: a lot that shows no time stands at the
/// start of its window, and all other rows by their times.
pub(crate) fn sorted(rows: &str) -> Vec<&str> {
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.sort_unstable();
    rows
}

fn once(ids: impl IntoIterator<Item = String>) -> BTreeMap<String, u32> {
    ids.into_iter().map(|id| (id, 1)).collect()
}

/// A directory that goes with the test.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kamipay-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn piped(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn with_input(command: &mut Command, input: &str) -> Run {
    let mut child = piped(command);
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    ended(child, String::new())
}

/// Waits for the end, with what was read of it already.
pub(crate) fn ended(child: Child, mut out: String) -> Run {
    let output = child.wait_with_output().unwrap();
    out.push_str(&String::from_utf8(output.stdout).unwrap());
    let code = output.status.code().unwrap();
    Run { code, out, err: String::from_utf8(output.stderr).unwrap() }
}

#[test]
fn a_year_of_each_listing_is_the_truth_however_it_is_read() {
    let merchant = year().with_lots(1300).with_charges(1500).with_pending_charges(700);
    let server = generated(&merchant);
    let truth = [
        once(merchant.lot_ids()),
        once(
            merchant
                .settlements()
                .filter(|it| it.settled_at.is_some_and(|at| at <= merchant.end()))
                .map(|it| it.settlement_id.to_string()),
        ),
        once(merchant.charges().map(|it| it.kamipay_request_id)),
        once(merchant.pending_charges().map(|it| it.kamipay_request_id)),
        once(
            merchant
                .charges()
                .filter(|it| it.credited_at >= merchant.start())
                .map(|it| it.operation_id),
        ),
    ];
    for ((command, name, key, _), truth) in LISTINGS.iter().zip(truth) {
        let list = |more: &[&str]| {
            let args = [&command[..], &YEAR, &["--quiet"], more].concat();
            run(&mut with_token(server.base_url(), &args)).good()
        };
        let rows = list(&[]);
        assert_eq!(ids(&rows, key), truth, "{name}");
        for threads in ["2", "4"] {
            assert_eq!(list(&["--threads", threads]), rows, "{name} on {threads} threads");
        }
        if *name != "confirmed-charges" {
            assert_eq!(list(&["--page-size", "150"]), rows, "{name} by 150");
        }

        // The plan needs no connection, and its parts can be read by themselves.
        let plan = [&["scan", "plan", name], &YEAR[..]].concat();
        let plan = run(&mut crate::support::kamipay(&plan)).good();
        assert!(plan.lines().count() >= 12, "{plan}");
        let part = |lines: &str| {
            let run = with_input(&mut with_token(server.base_url(), &["scan", "run", "-"]), lines);
            run.good()
        };
        let parts: Vec<String> = match plan.lines().count() {
            12 | 13 => plan.lines().map(part).collect(),
            _ => {
                plan.lines().collect::<Vec<_>>().chunks(50).map(|it| part(&it.join("\n"))).collect()
            }
        };
        assert_eq!(parts.concat(), rows, "{name} in parts");
    }
}

/// Killed wherever it is, the file has each row once in the end.
#[test]
fn killed_fifty_times_and_gone_on_with() {
    let merchant = year().with_lots(3000).with_charges(3000);
    let server = generated(&merchant);
    let dir = Dir::new("killed");
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let mut random = u64::from(seed) | 1;
    let (mut kills, mut listings) = (0, 0);
    while kills < 50 || listings < 3 {
        let (command, format, threads) = match listings % 3 {
            0 => (["lots", "list"], "ndjson", "1"),
            1 => (["settlements", "transactions"], "csv", "2"),
            _ => (["lots", "list"], "csv", "4"),
        };
        let args = [&command[..], &YEAR, &["--output", format]].concat();
        let whole = run(&mut with_token(server.base_url(), &args)).good();

        let (out, state) =
            (dir.file(&format!("out-{listings}")), dir.file(&format!("state-{listings}")));
        let keep = ["--page-size", "40", "--threads", threads, "--out", &out, "--resume", &state];
        let args = [&args[..], &keep].concat();
        for attempt in 1_u64.. {
            let mut child = piped(&mut with_token(server.base_url(), &args));
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Longer with each attempt, for a machine that has much else to do.
            let patience = Duration::from_micros((random >> 33) % (150_000 + 5_000 * attempt));
            std::thread::sleep(patience);
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            match output.status.code() {
                None => kills += 1,
                Some(code) => {
                    let err = String::from_utf8(output.stderr).unwrap();
                    // The run before may have been killed when it had nothing more to do.
                    let is_note = |line: &str| {
                        line.starts_with("note: the listing is whole")
                            || line.starts_with("note: --out ") && line.contains(": cutting off")
                    };
                    assert!(code == 0 && err.lines().all(is_note), "seed {seed}: {code} {err}");
                    break;
                }
            }
            assert!(kills < 500, "it gets nowhere");
        }
        let written = fs::read_to_string(&out).unwrap();
        let is_whole = match command {
            ["lots", _] => sorted(&written) == sorted(&whole),
            _ => written == whole,
        };
        assert!(is_whole, "seed {seed}: listing {listings} after {kills} kills");
        listings += 1;
    }
    assert!(!fs::exists(dir.file("state-0.lock")).unwrap());
}

#[cfg(unix)]
pub(crate) fn signal(child: &Child, name: &str) {
    let kill = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
}

/// The state is there before the file: killed in between, the next run begins with the header.
#[test]
fn a_file_that_was_not_begun_gets_its_header() {
    let server = generated(&year());
    let dir = Dir::new("header");
    let [state, out] = ["state", "out"].map(|name| dir.file(name));
    let list = [&["lots", "list", "--output", "csv"], &YEAR[..]].concat();
    let whole = run(&mut with_token(server.base_url(), &list)).good();
    let list = [&list[..], &["--quiet", "--resume", &state, "--out", &out]].concat();
    server.with_sandbox(|it| it.fail_next(Fault::named("redirect-302"), 1));
    assert_eq!(run(&mut with_token(server.base_url(), &list)).code, 5);
    let saved: Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    let header = whole.lines().next().unwrap();
    assert_eq!(saved["out"]["bytes"], header.len() + 1);

    for bytes in [0, header.len() / 2, header.len() + 1] {
        let mut earlier = saved.clone();
        earlier["out"] = serde_json::json!({
            "file": out, "begins": 0, "bytes": 0, "crc32": 0,
        });
        fs::write(&state, earlier.to_string()).unwrap();
        fs::write(&out, &whole[..bytes]).unwrap();
        let next = run(&mut with_token(server.base_url(), &list));
        // What is cut off is said even with --quiet.
        assert_eq!((next.code, next.err.is_empty()), (0, bytes == 0), "{}", next.err);
        assert!(fs::read_to_string(&out).unwrap() == whole, "{bytes}");
    }
}

/// Stopped while rows are printed: those that were, and those of the next run, are all.
#[cfg(unix)]
#[test]
fn ctrl_c_leaves_whole_lines_and_nothing_comes_twice() {
    let server = generated(&year().with_lots(3000));
    let dir = Dir::new("ctrl-c");
    for (format, name, code) in [("ndjson", "-INT", 130), ("csv", "-TERM", 143)] {
        let list = [&["lots", "list", "--output", format], &YEAR[..]].concat();
        let whole = run(&mut with_token(server.base_url(), &list)).good();
        let [state, rows] = ["state", "rows"].map(|it| dir.file(&format!("{it}-{format}")));
        let list = [&list[..], &["--resume", &state, "--page-size", "100"]].concat();

        for _ in 0..2 {
            let before = length(&rows);
            server.with_sandbox(|it| {
                let stalls = Schedule::always().from_request(30);
                it.add_fault(
                    Fault::named("stalled-body"),
                    Fault::named("stalled-body").calls(),
                    stalls,
                );
            });
            let mut command = with_token(server.base_url(), &list);
            let child = command.stdout(appended(&rows)).stderr(Stdio::piped()).spawn().unwrap();
            until(|| length(&rows) > before + 1000);
            signal(&child, name);
            let stopped = ended(child, String::new());
            server.with_sandbox(Sandbox::clear_faults);
            assert_eq!(stopped.code, code, "{}", stopped.err);
            assert!(stopped.err.starts_with("stopped by "), "{}", stopped.err);
            assert!(stopped.err.contains("give the same command again"), "{}", stopped.err);
            assert!(fs::read_to_string(&rows).unwrap().ends_with('\n'));
        }
        let go_on = || {
            let mut command = with_token(server.base_url(), &list);
            command.stdout(appended(&rows)).stderr(Stdio::piped()).output().unwrap()
        };
        assert!(go_on().status.success());
        let written = fs::read_to_string(&rows).unwrap();
        assert!(sorted(&written) == sorted(&whole), "{format}: {} bytes", written.len());

        let again = String::from_utf8(go_on().stderr).unwrap();
        assert!(again.starts_with("note: the listing is whole, with 3,000 rows"), "{again}");
        assert_eq!(length(&rows), written.len() as u64);
    }
}

/// A file to append to, as a shell's `>>` does.
pub(crate) fn appended(path: &str) -> fs::File {
    fs::OpenOptions::new().append(true).create(true).open(path).unwrap()
}

pub(crate) fn length(path: &str) -> u64 {
    fs::metadata(path).map_or(0, |known| known.len())
}

pub(crate) fn until(is_so: impl Fn() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it never came");
}

/// Two windows, of which the second is not answered while the test runs.
pub(crate) fn stuck() -> String {
    server(|n, _| match n {
        0 => lots(0..2, 2, 0),
        _ => {
            std::thread::sleep(Duration::from_secs(60));
            lots(0..0, 0, 0)
        }
    })
}

pub(crate) const TWO_WINDOWS: [&str; 4] = ["--from", "2026-05-01", "--to", "2026-06-30"];

#[cfg(unix)]
#[test]
fn ctrl_c_does_not_wait_for_the_network() {
    let url = stuck();
    let list = [&["lots", "list", "--output", "ndjson"], &TWO_WINDOWS[..]].concat();
    let mut child = piped(&mut with_token(&url, &list));
    let mut rows = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..2 {
        rows.read_line(&mut String::new()).unwrap();
    }
    signal(&child, "-INT");
    let stopped = ended(child, String::new()); // long before the answer would come
    assert_eq!(stopped.code, 130);
    insta::assert_snapshot!(stopped.err);
}

#[test]
fn a_state_is_for_one_run_at_a_time() {
    let url = stuck();
    let dir = Dir::new("locked");
    let [state, out] = ["state", "out"].map(|name| dir.file(name));
    let list = [&["lots", "list", "--resume", &state, "--out", &out], &TWO_WINDOWS[..]].concat();
    let mut first = piped(&mut with_token(&url, &list));
    until(|| length(&out) > 0);
    let second = run(&mut with_token(&url, &list));
    assert_eq!((second.code, second.out.as_str()), (1, ""));
    assert!(second.err.contains("another run of kamipay is using it"), "{}", second.err);

    // The lock ends with its process, however that ends.
    first.kill().unwrap();
    first.wait().unwrap();
    let third = run(&mut with_token(&url, &[&list[..], &["--deadline", "100ms"]].concat()));
    assert!(matches!(third.code, 5 | 6) && !third.err.contains("another run"), "{}", third.err);
}

#[test]
fn quirks_end_in_the_whole_or_in_an_error() {
    let [start, end] = ["2026-03-01T00:00:00Z", "2026-05-31T00:00:00Z"];
    let merchant = &Generated::new(5)
        .with_period(start.parse().unwrap(), end.parse().unwrap())
        .with_lots(350)
        .with_charges(450)
        .with_charges_per_settlement(9)
        .with_pending_charges(150);
    // Beyond the rows, so that no reading of the ends takes one away.
    let period = &["--from", "2026-02-20", "--to", "2026-06-10", "--quiet"];
    let (mut whole, mut short) = (0, 0);
    // Beside each other, because the program waits before it asks again.
    std::thread::scope(|scope| {
        let quirk = |quirk| scope.spawn(move || whole_or_short(merchant, period, quirk));
        let quirks: Vec<_> = Quirk::ALL.iter().copied().map(quirk).collect();
        for quirk in quirks {
            let (its_whole, its_short) = quirk.join().unwrap();
            (whole, short) = (whole + its_whole, short + its_short);
        }
    });
    assert!(whole > 100 && short > 5, "{whole} whole, {short} in an error");
}

/// How many listings are whole in spite of a quirk, and how many end in an error.
fn whole_or_short(merchant: &Generated, period: &[&str], quirk: Quirk) -> (u32, u32) {
    let (mut whole, mut short) = (0, 0);
    for schedule in [quirk.schedule(), Schedule::always()] {
        let sandbox = Sandbox::generated(merchant.clone()).with_quirk(quirk, schedule);
        let server = Server::start(sandbox).unwrap();
        for (command, name, key, list) in LISTINGS {
            let mut args = [&command[..], period].concat();
            if name != "confirmed-charges" {
                args.extend(["--page-size", "37"]);
            }
            let run = run(&mut with_token(server.base_url(), &args));
            let came = ids(&run.out, key);
            assert!(came.values().all(|times| *times == 1), "{quirk} {name}: a row twice");
            let history = server.with_sandbox(|sandbox| sandbox.history());
            let throughout = history.throughout(list);
            let missing = throughout.iter().filter(|id| !came.contains_key(*id)).count();
            match run.code {
                0 => {
                    assert_eq!(missing, 0, "{quirk} {name}: rows are missing, with exit code 0");
                    whole += 1;
                }
                code => {
                    // 5 where nothing was printed yet.
                    assert!(code == 6 || code == 5 && run.out.is_empty(), "{quirk} {name}: {code}");
                    assert!(run.err.starts_with("error: "), "{}", run.err);
                    short += 1;
                }
            }
        }
    }
    (whole, short)
}

#[test]
fn a_row_that_came_late_is_found_by_looking_back() {
    let merchant = year().with_lots(700);
    let sandbox = Sandbox::generated(merchant).with_quirk(Quirk::LateRow, Schedule::times(3));
    let server = Server::start(sandbox).unwrap();
    let list = |more: &[&str]| {
        let args = [&["lots", "list", "--page-size", "100"], &YEAR[..], more].concat();
        ids(&run(&mut with_token(server.base_url(), &args)).good(), "lot_id")
    };
    assert_eq!(list(&["--look-back", "400d"]).len(), 703);
    assert_eq!(list(&[]).len(), 703);
}

/// A first run that could not begin leaves nothing that a second one would go on from.
#[test]
fn a_look_back_survives_a_first_run_that_ended_early() {
    let merchant = year().with_lots(700);
    let sandbox = Sandbox::generated(merchant).with_quirk(Quirk::LateRow, Schedule::times(3));
    let server = Server::start(sandbox).unwrap();
    let dir = Dir::new("look-back");
    let [state, out] = ["state", "there/out"].map(|name| dir.file(name));
    let list = [&["lots", "list", "--page-size", "100", "--look-back", "400d"], &YEAR[..]].concat();
    let list = [&list[..], &["--resume", &state, "--out", &out]].concat();
    let missing = run(&mut with_token(server.base_url(), &list));
    assert_eq!(missing.code, 1, "{}", missing.err);
    assert!(!fs::exists(&state).unwrap() && server.requests().is_empty());

    fs::create_dir(dir.file("there")).unwrap();
    server.with_sandbox(|it| it.fail_next(Fault::named("redirect-302"), 1));
    assert_eq!(run(&mut with_token(server.base_url(), &list)).code, 5);
    run(&mut with_token(server.base_url(), &list)).good();
    assert_eq!(ids(&fs::read_to_string(&out).unwrap(), "lot_id").len(), 703);
}

/// What is whole now would be whole for ever, and the rows of tomorrow missing.
#[test]
fn a_period_that_is_not_over_is_not_gone_on_with() {
    let server = generated(&year());
    let dir = Dir::new("future");
    let [state, out] = ["state", "out"].map(|name| dir.file(name));
    for (command, ..) in LISTINGS {
        let period = ["--from", "2025-12-01", "--to", "8999-12-31"];
        let keep = ["--resume", &state, "--out", &out];
        let run = run(&mut with_token(server.base_url(), &[&command[..], &period, &keep].concat()));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{command:?}: {}", run.err);
        let words = "the period ends at 9000-01-01T00:00:00Z, which is still to come";
        assert!(run.err.contains(words) && run.err.contains("give a --to that is over"));
    }
    assert!(!fs::exists(&state).unwrap() && !fs::exists(&out).unwrap());
    assert!(server.requests().is_empty());
}

#[cfg(unix)]
#[test]
fn rows_go_to_a_file_where_they_are_sure_to_arrive() {
    let server = generated(&year().with_lots(300));
    let dir = Dir::new("pipe");
    let state = dir.file("state");
    let list = [&["lots", "list", "--resume", &state], &YEAR[..]].concat();
    let to = |stdout: Stdio| {
        let mut command = with_token(server.base_url(), &list);
        let output = command.stdout(stdout).stderr(Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for nowhere in [Stdio::piped(), Stdio::null()] {
        let (code, err) = to(nowhere);
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains("standard output is not a file") && err.contains("--out FILE"));
    }
    let (code, err) = to(appended(&state).into());
    assert!(code == Some(2) && err.contains("would go to the same file"), "{err}");
    fs::remove_file(&state).unwrap();
    let rows = dir.file("rows");
    assert_eq!(to(appended(&rows).into()), (Some(0), String::new()));
    let (code, err) = to(appended(&rows).into());
    assert!(code == Some(0) && err.starts_with("note: the listing is whole"), "{err}");
    let (code, err) = to(fs::File::create(&rows).unwrap().into());
    assert!(code == Some(2) && err.contains("with 300 rows when the state was saved"), "{err}");
    assert!(err.contains(">> FILE"), "{err}");
    let out = dir.file("out");
    let with_out = [&list[..], &["--out", &out]].concat();
    let run = run(&mut with_token(server.base_url(), &with_out));
    assert!(run.code == 2 && run.err.contains("leave --out away"), "{}", run.err);
}

/// As systemd's `StandardOutput=file:` and a shell's `1<>rows` open it: at its start.
#[cfg(unix)]
#[test]
fn rows_are_appended_however_standard_output_was_opened() {
    let server = generated(&year().with_lots(300));
    let dir = Dir::new("opened");
    let [state, rows] = ["state", "rows"].map(|name| dir.file(name));
    let list = [&["lots", "list", "--output", "csv"], &YEAR[..]].concat();
    let whole = run(&mut with_token(server.base_url(), &list)).good();
    let list = [&list[..], &["--resume", &state, "--page-size", "40"]].concat();
    let print = || {
        let stdout = fs::OpenOptions::new().write(true).open(&rows).unwrap();
        let mut command = with_token(server.base_url(), &list);
        let output = command.stdout(stdout).stderr(Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    fs::write(&rows, "head\n").unwrap();
    server.with_sandbox(|it| it.fail_at(9, Fault::named("redirect-302")));
    let (code, err) = print();
    assert_eq!(code, Some(6), "{err}");

    let some = fs::read_to_string(&rows).unwrap();
    fs::write(&rows, &some[..some.len() - 1]).unwrap();
    let (code, err) = print();
    assert!(code == Some(2) && err.contains("rows when the state was saved"), "{err}");
    assert_eq!(length(&rows), some.len() as u64 - 1);

    fs::write(&rows, &some).unwrap();
    assert_eq!(print(), (Some(0), String::new()));
    let written = fs::read_to_string(&rows).unwrap();
    let written = written.strip_prefix("head\n").unwrap();
    assert!(written.starts_with("lot_id,") && sorted(written) == sorted(&whole));
}

/// A shell's `>` empties the file before each run, and no row is lost as long as there was none.
#[cfg(unix)]
#[test]
fn a_file_that_was_emptied_gets_its_header_again() {
    let server = generated(&year().with_lots(300));
    let dir = Dir::new("emptied");
    let [state, rows] = ["state", "rows"].map(|name| dir.file(name));
    let empty = ["--from", "2020-05-01", "--to", "2020-05-01"]; // long before the first lot
    for (period, first, again) in [(&YEAR, 5, ""), (&empty, 0, "note: the listing is whole")] {
        let list = [&["lots", "list", "--output", "csv"], &period[..]].concat();
        let whole = run(&mut with_token(server.base_url(), &list)).good();
        let list = [&list[..], &["--resume", &state]].concat();
        let print = |head: &str| {
            let mut file = fs::File::create(&rows).unwrap();
            file.write_all(head.as_bytes()).unwrap();
            let mut command = with_token(server.base_url(), &list);
            let output = command.stdout(file).stderr(Stdio::piped()).output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        for head in ["", "head\n"] {
            if first == 5 {
                server.with_sandbox(|it| it.fail_next(Fault::named("redirect-302"), 1));
            }
            assert_eq!(print(head).0, Some(first));
            server.with_sandbox(Sandbox::clear_faults);
            let (code, err) = print(head);
            assert!(code == Some(0) && err.starts_with(again), "{err}");
            let written = fs::read_to_string(&rows).unwrap();
            let written = written.strip_prefix(head).unwrap();
            assert!(written.starts_with("lot_id,") && sorted(written) == sorted(&whole));
            fs::remove_file(&state).unwrap();
        }
    }
}

#[test]
fn the_rows_and_the_state_never_share_a_file() {
    let server = generated(&year());
    let dir = Dir::new("same");
    let there = dir.0.canonicalize().unwrap();
    let upward = format!("../{}/s", there.file_name().unwrap().to_str().unwrap());
    let whole = there.join("s").to_str().unwrap().to_owned();
    for [out, state] in [
        ["s", "s"],
        ["s", "./s"],
        [&whole, "s"],
        ["s", &upward],
        ["./s.new", "s"],
        ["s.lock", "./s"],
    ] {
        for is_there in [false, true] {
            if is_there {
                fs::write(there.join(out), "").unwrap();
            }
            let args = [&["lots", "list", "--out", out, "--resume", state], &YEAR[..]].concat();
            let run = run(with_token(server.base_url(), &args).current_dir(&there));
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{out} {state}: {}", run.err);
            assert!(run.err.contains("would go to the same file"), "{}", run.err);
        }
        fs::remove_file(there.join(out)).unwrap();
    }
    assert!(server.requests().is_empty());
}

/// Another API or account has other rows.
#[test]
fn a_state_belongs_to_an_api_and_an_account() {
    let server = generated(&year().with_lots(300));
    let other = generated(&year().with_lots(300));
    let dir = Dir::new("account");
    let [state, out] = ["state", "out"].map(|name| dir.file(name));
    let list = [&["lots", "list", "--resume", &state, "--out", &out], &YEAR[..]].concat();
    let sandbox = Sandbox::documented();
    let named = |url: &str, name: &str| {
        let mut command = crate::support::kamipay(&list);
        command.env("KAMIPAY_BASE_URL", url).env("KAMIPAY_USERNAME", name);
        run(command.env("KAMIPAY_PASSWORD", sandbox.password()))
    };
    server.with_sandbox(|it| it.fail_at(3, Fault::named("redirect-302")));
    let url = server.base_url();
    assert_eq!(named(url, sandbox.username()).code, 6);
    let kept = fs::read_to_string(&state).unwrap();
    assert!(kept.contains(url) && kept.contains(sandbox.username()) && !kept.contains("eyJ"));
    assert!(!kept.contains(sandbox.password()), "{kept}");

    for (refused, why) in [
        (run(&mut with_token(other.base_url(), &list)), "it is about the API at http://127.0.0.1:"),
        (
            named(url, "somebody"),
            "it is about the account of merchant@example.com, not of somebody",
        ),
    ] {
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{}", refused.err);
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    // A token does not say whose it is, and the name is not forgotten for that.
    server.with_sandbox(|it| it.fail_next(Fault::named("redirect-302"), 1));
    assert_eq!(run(&mut with_token(&format!("{url}/"), &list)).code, 5);
    assert_eq!(named(url, "somebody").code, 2);
    assert_eq!(named(url, sandbox.username()).good(), "");
}

#[test]
fn a_fault_on_the_way_is_gone_on_from() {
    let server = generated(&year().with_lots(3000));
    let dir = Dir::new("fault");
    let list = [&["lots", "list"], &YEAR[..]].concat();
    let whole = run(&mut with_token(server.base_url(), &list)).good();
    for (n, out) in [true, false].into_iter().enumerate() {
        let (state, file) = (dir.file(&format!("state-{n}")), dir.file("out"));
        let mut args = [&list[..], &["--page-size", "100", "--resume", &state]].concat();
        if out {
            args.extend(["--out", &file]);
        }
        let rows = dir.file(&format!("rows-{n}"));
        let list = || {
            let mut command = with_token(server.base_url(), &args);
            command.stdout(appended(&rows)).stderr(Stdio::piped()).output().unwrap()
        };
        for first in [12, 1] {
            let schedule = Schedule::always().from_request(first);
            server.with_sandbox(|it| {
                it.add_fault(
                    Fault::named("redirect-302"),
                    Fault::named("redirect-302").calls(),
                    schedule,
                )
            });
            let broken = list();
            server.with_sandbox(Sandbox::clear_faults);
            let err = String::from_utf8(broken.stderr).unwrap();
            // Where nothing was printed in this run, the error is told by its own code.
            assert_eq!(broken.status.code(), Some(if first == 1 { 5 } else { 6 }), "{err}");
            assert!(err.contains("to go on, give the same command again"), "{err}");
        }
        assert!(list().status.success());
        assert_eq!(length(&rows) == 0, out);
        let rows = fs::read_to_string(if out { &file } else { &rows }).unwrap();
        assert!(sorted(&rows) == sorted(&whole), "{n}");
    }
}

/// Every state and file that does not belong to the command is refused, and left as it is.
#[test]
fn what_belongs_to_something_else_is_refused() {
    let server = generated(&year().with_lots(300));
    let dir = Dir::new("refused");
    let [state, out, other] = ["state", "out", "other"].map(|name| dir.file(name));
    let of = |args: &[&str]| run(&mut with_token(server.base_url(), args));
    let lots = [&["lots", "list"], &YEAR[..]].concat();
    let keep = ["--resume", &state[..], "--out", &out];
    of(&[&lots[..], &keep].concat()).good();
    let whole = fs::read(&out).unwrap();

    let mut refusals = Vec::new();
    let mut refused = |args: &[&str]| {
        let kept = [fs::read(&state).unwrap(), fs::read(&out).unwrap_or_default()];
        let run = of(args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}: {}", run.err);
        assert!(kept == [fs::read(&state).unwrap(), fs::read(&out).unwrap_or_default()]);
        let args = args.join(" ").replace(dir.0.to_str().unwrap(), "");
        let err = run.err.replace(dir.0.to_str().unwrap(), "");
        refusals.push(format!("$ kamipay {args}\n{err}"));
    };
    let may = ["lots", "list", "--from", "2025-05-01", "--to", "2025-05-31"];
    refused(&[&["settlements", "list"], &YEAR[..], &keep].concat());
    refused(&[&may[..], &keep].concat());
    // The state of each other command, in words.
    let text = fs::read_to_string(&state).unwrap();
    for (list, command) in [
        ("settlements", "settlements list"),
        ("transactions", "settlements transactions"),
        ("pending-charges", "settlements pending"),
        ("confirmed-charges", "charges confirmed"),
    ] {
        fs::write(&state, text.replace(r#""list":"lots""#, &format!(r#""list":"{list}""#)))
            .unwrap();
        let run = of(&[&lots[..], &keep].concat());
        let words = format!("it is the state of `kamipay {command}`, not of `kamipay lots list`");
        assert!(run.code == 2 && run.err.contains(&words), "{}", run.err);
    }
    fs::write(&state, text).unwrap();
    refused(&[&lots[..], &keep, &["--output", "csv"]].concat());
    refused(&[&lots[..], &keep, &["--output", "csv", "--spreadsheet"]].concat());
    refused(&[&lots[..], &keep, &["--output", "table"]].concat());
    refused(&[&lots[..], &keep, &["--look-back", "1d"]].concat());
    refused(&[&lots[..], &["--out", &out]].concat());
    refused(&[&lots[..], &["--resume", &out, "--out", &other]].concat());
    refused(&[&lots[..], &["--resume", &state]].concat());
    refused(&[&lots[..], &["--resume", &other, "--out", &out]].concat());
    refused(&[&lots[..], &["--out", "/dev/null"]].concat());
    refused(&[&lots[..], &["--out", &state, "--resume", &state]].concat());
    fs::write(&out, &whole[..whole.len() - 1]).unwrap();
    refused(&[&lots[..], &keep].concat());
    let mut changed = whole.clone();
    changed[whole.len() - 3] ^= 1;
    fs::write(&out, changed).unwrap();
    refused(&[&lots[..], &keep].concat());
    fs::remove_file(&out).unwrap();
    refused(&[&lots[..], &keep].concat());
    let pending = ["settlements", "pending", "--resume", &other];
    refused(&[&pending[..], &["--from", "2025-01-01"]].concat());
    refused(&pending);
    refused(&["settlements", "pending", "--look-back", "2h"]);
    refused(&[&lots[..], &["--page-size", "1001"]].concat());
    refused(&[&lots[..], &["--threads", "0"]].concat());
    refused(&[&["charges", "confirmed", "--page-size", "9"], &YEAR[..]].concat());
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn a_line_that_is_no_part_is_refused_before_anything_is_sent() {
    let server = generated(&year());
    let plan = run(&mut crate::support::kamipay(&[
        "scan",
        "plan",
        "lots",
        "--from",
        "2025-01-01",
        "--to",
        "2025-01-31",
    ]));
    let line = plan.good();
    insta::assert_snapshot!("a-part", line);
    let unknown = line.replace("\"lots\"", "\"lost\"");
    let typo = line.replace("\"period\"", "\"peroid\"");
    let mut errors = Vec::new();
    for lines in ["", "\n", "{}", "not JSON", &unknown, &typo] {
        let lines = format!("{}{lines}", if lines.len() > 2 { &line } else { "" });
        let run = with_input(&mut with_token(server.base_url(), &["scan", "run"]), &lines);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{lines}: {}", run.err);
        errors.push(run.err);
    }
    assert!(server.requests().is_empty());
    insta::assert_snapshot!(errors.join("\n"));
}

/// The README's example, as far as GNU parallel is installed here.
#[cfg(unix)]
#[test]
fn the_worked_example_runs() {
    let there = Command::new("parallel").arg("--version").output();
    if !there.is_ok_and(|it| String::from_utf8_lossy(&it.stdout).starts_with("GNU parallel")) {
        return;
    }
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, example) = readme.split_once("```sh\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let dir = Dir::new("example");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_kamipay"));
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("/bin/sh");
    let fewer = example.replace("100000", "3000");
    shell.args(["-e", "-c", &fewer]).current_dir(&dir.0).env("PATH", path).env("HOME", &dir.0);
    let run = run(&mut shell);
    assert_eq!((run.code, run.out.as_str()), (0, "the same\n"), "{}", run.err);
    assert_eq!(fs::read_to_string(dir.file("2025.ndjson")).unwrap().lines().count(), 3000);
}
