//! Rows and states on a disk: full, shared, changed or gone, and never half of them in silence.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kamipay_sandbox::{Fault, Sandbox, Schedule, Server};
use serde_json::Value;

use crate::scans::{
    Dir, TWO_WINDOWS, YEAR, appended, length, piped, sorted, stuck, until, with_input, year,
};
use crate::support::{Run, generated, in_may, kamipay, lots, run, server, with_token};

/// The program in a shell, with something before its name and behind its arguments.
fn in_shell(url: &str, args: &[&str], before: &str, behind: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    let script = format!("{before} exec \"$@\" {behind}");
    shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_kamipay")]).args(args).env_clear();
    shell.env("KAMIPAY_BASE_URL", url).env("KAMIPAY_TOKEN", Sandbox::documented().token());
    shell
}

/// The program with its rows appended to a file.
fn to_file(url: &str, args: &[&str], rows: &str) -> Run {
    let mut command = with_token(url, args);
    run_of(command.stdout(appended(rows)).stderr(Stdio::piped()).output().unwrap())
}

fn run_of(output: Output) -> Run {
    let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    Run { code: output.status.code().unwrap(), out, err }
}

fn saved(state: &str) -> Value {
    serde_json::from_slice(&fs::read(state).unwrap()).unwrap()
}

/// From some request on, none is answered well.
fn broken_from(server: &Server, request: u64) {
    server.with_sandbox(|it| {
        let schedule = Schedule::always().from_request(request);
        it.add_fault(Fault::named("redirect-302"), Fault::named("redirect-302").calls(), schedule);
    });
}

fn mended(server: &Server) {
    server.with_sandbox(Sandbox::clear_faults);
}

struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = std::env::var("KAMIPAY_SEED").ok().and_then(|seed| seed.parse().ok());
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
        Self(seed.unwrap_or_else(|| u64::from(time)) | 1)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % most
    }
}

/// Whatever ends a run, the same command again brings the whole, with each row once.
///
/// A limit on the length of files is a disk that is full: with the signal ignored, writing fails in
/// the middle of a line, and of a state; otherwise the program is killed there.
#[test]
fn whatever_ends_a_run_the_next_one_goes_on() {
    let server = generated(&year().with_lots(1500).with_charges(1500));
    let dir = Dir::new("faults");
    let mut random = Random::new();
    let seed = random.0;
    let mut ends = [0_u32; 5];
    let mut listing = 0;
    while listing < 8 || ends[..4].contains(&0) {
        let command = [["lots", "list"], ["settlements", "transactions"]][listing % 2];
        let format = if random.below(2) == 0 { "ndjson" } else { "csv" };
        let list = [&command[..], &YEAR, &["--output", format]].concat();
        let whole = run(&mut with_token(server.base_url(), &list)).good();

        let [rows, state] = ["rows", "state"].map(|name| dir.file(&format!("{name}-{listing}")));
        let mut list = [&list[..], &["--page-size", "60", "--resume", &state]].concat();
        let is_printed = listing % 3 > 0;
        let behind = if is_printed { format!(">> {rows}") } else { String::new() };
        if !is_printed {
            list.extend(["--out", &rows]);
        }
        let mut last = String::new();
        for attempt in 0.. {
            assert!(attempt < 200, "seed {seed}: it gets nowhere: {last}");
            let blocks = length(&rows) / 512 + random.below(60);
            let kind = random.below(5) as usize;
            let before = match kind {
                0 => format!("trap '' XFSZ; ulimit -f {blocks};"),
                1 => format!("ulimit -f {blocks};"),
                _ => String::new(),
            };
            if kind == 2 {
                broken_from(&server, 1 + random.below(12));
            }
            let mut child = piped(&mut in_shell(server.base_url(), &list, &before, &behind));
            if kind == 3 {
                std::thread::sleep(Duration::from_micros(random.below(150_000 + 5_000 * attempt)));
                child.kill().unwrap();
            }
            let output = child.wait_with_output().unwrap();
            mended(&server);
            if output.status.success() {
                break;
            }
            ends[kind] += 1;
            let err = String::from_utf8_lossy(&output.stderr).into_owned();
            let is_killed = output.status.signal().is_some();
            let is_usage = output.status.code() == Some(2);
            assert!(is_killed || !is_usage && err.contains("error: "), "seed {seed}: {err}");
            last = err;
        }
        let written = fs::read_to_string(&rows).unwrap();
        let is_whole = match command {
            ["lots", _] => sorted(&written) == sorted(&whole),
            _ => written == whole,
        };
        assert!(is_whole, "seed {seed}: listing {listing}, {ends:?}");
        assert_eq!(saved(&state)["state"]["is_done"], true);
        listing += 1;
    }
}

/// A file system with no room, where the test may make one.
struct Small(String);

impl Small {
    fn new(path: String, size: &str) -> Option<Self> {
        fs::create_dir(&path).unwrap();
        let size = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "kamipay", &path]);
        let mount = mount.stderr(Stdio::null()).status();
        if !mount.is_ok_and(|status| status.success()) {
            eprintln!("skipped: no file system can be mounted here");
            return None;
        }
        Some(Self(path))
    }

    fn resize(&self, size: &str) {
        let size = format!("remount,size={size}");
        let mount = Command::new("mount").args(["-o", &size, &self.0]).status();
        assert!(mount.unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_that_is_freed_costs_no_row_and_doubles_none() {
    let server = generated(&year().with_lots(1500));
    for (name, rows_are_there, is_printed) in [
        ("full-rows-out", true, false),
        ("full-rows-printed", true, true),
        ("full-state-out", false, false),
        ("full-state-printed", false, true),
    ] {
        let dir = Dir::new(name);
        let list = [&["lots", "list"], &YEAR[..]].concat();
        let whole = run(&mut with_token(server.base_url(), &list)).good();
        let Some(small) = Small::new(dir.file("small"), "64k") else { return };
        let there = |file: &str| format!("{}/{file}", small.0);
        let (rows, state) = match rows_are_there {
            true => (there("rows"), dir.file("state")),
            false => (dir.file("rows"), there("state")),
        };
        let filler = there("filler");
        let mut list = [&list[..], &["--page-size", "60", "--resume", &state]].concat();
        if !is_printed {
            list.extend(["--out", &rows]);
        }
        let behind = if is_printed { format!(">> {rows}") } else { String::new() };
        let again = || run(&mut in_shell(server.base_url(), &list, "", &behind));

        if !rows_are_there {
            // There is room for the first states, until another file takes it.
            broken_from(&server, 5);
            assert_eq!(again().code, 6);
            mended(&server);
            let _ = File::create(&filler).unwrap().write_all(&[0; 1 << 17]);
        }
        for _ in 0..2 {
            let full = again();
            assert_eq!(full.code, 1, "{name}: {}", full.err);
            assert!(full.err.contains("error: cannot "), "{name}: {}", full.err);
            assert!(full.err.contains("not the whole"), "{name}: {}", full.err);
        }
        let _ = fs::remove_file(&filler);
        small.resize("4m");
        let last = again();
        assert_eq!(last.code, 0, "{name}: {}", last.err);
        let written = fs::read_to_string(&rows).unwrap();
        assert!(sorted(&written) == sorted(&whole), "{name}");
    }
}

/// Rows that came after the last state are there, and the state could not be saved.
#[test]
fn a_state_that_cannot_be_saved_ends_the_command() {
    let server = generated(&year().with_lots(1500));
    let dir = Dir::new("unsaved");
    let list = [&["lots", "list", "--page-size", "60"], &YEAR[..]].concat();
    let whole = run(&mut with_token(server.base_url(), &list)).good();
    for is_printed in [false, true] {
        let [state, rows] = ["state", "rows"].map(|it| dir.file(&format!("{it}-{is_printed}")));
        let mut list = [&list[..], &["--resume", &state]].concat();
        if !is_printed {
            list.extend(["--out", &rows]);
        }
        server.with_sandbox(|it| {
            let stalls = Schedule::always().from_request(8);
            it.add_fault(
                Fault::named("stalled-body"),
                Fault::named("stalled-body").calls(),
                stalls,
            );
        });
        let mut command = with_token(server.base_url(), &list);
        if is_printed {
            command.stdout(appended(&rows));
        }
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        until(|| length(&rows) > 1000);
        fs::create_dir(format!("{state}.new")).unwrap();
        let unsaved = run_of(child.wait_with_output().unwrap());
        mended(&server);
        assert_eq!(unsaved.code, 1, "{}", unsaved.err);
        assert!(unsaved.err.contains("cannot save the state in "), "{}", unsaved.err);
        assert!(unsaved.err.contains("give the same command again"), "{}", unsaved.err);

        fs::remove_dir(format!("{state}.new")).unwrap();
        let last = to_file(server.base_url(), &list, &rows);
        assert_eq!(last.code, 0, "{}", last.err);
        assert!(sorted(&fs::read_to_string(&rows).unwrap()) == sorted(&whole), "{is_printed}");
    }
}

/// Not even a header is written before a state says whose the file is.
#[test]
fn nothing_is_written_before_the_first_state() {
    let server = generated(&year().with_lots(300));
    let dir = Dir::new("first");
    let list = [&["lots", "list", "--output", "csv"], &YEAR[..]].concat();
    let whole = run(&mut with_token(server.base_url(), &list)).good();
    for is_printed in [false, true] {
        let [state, rows] = ["state", "rows"].map(|it| dir.file(&format!("{it}-{is_printed}")));
        let mut list = [&list[..], &["--resume", &state]].concat();
        if !is_printed {
            list.extend(["--out", &rows]);
        }
        let asked = server.requests().len();
        fs::create_dir(format!("{state}.new")).unwrap();
        let first = to_file(server.base_url(), &list, &rows);
        assert_eq!(first.code, 1, "{}", first.err);
        assert_eq!((length(&rows), server.requests().len()), (0, asked));
        fs::remove_dir(format!("{state}.new")).unwrap();
        to_file(server.base_url(), &list, &rows).good();
        assert!(sorted(&fs::read_to_string(&rows).unwrap()) == sorted(&whole));
    }
}

/// A state is saved after each second, also where nothing comes.
#[test]
fn a_state_is_saved_each_second() {
    let url = stuck();
    let dir = Dir::new("second");
    let [state, out] = ["state", "out"].map(|name| dir.file(name));
    let list = [&["lots", "list", "--resume", &state, "--out", &out], &TWO_WINDOWS[..]].concat();
    let mut child = piped(&mut with_token(&url, &list));
    let is_saved = || {
        let text = fs::read(&state).unwrap_or_default();
        serde_json::from_slice(&text)
            .is_ok_and(|it: Value| it["state"]["manifest"]["rows"] == 2 && it["next"] == "")
    };
    until(is_saved);
    let first = saved(&state);
    assert_eq!(first["state"]["is_done"], false);
    fs::remove_file(&state).unwrap();
    until(is_saved);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(saved(&state), first);
}

fn wait_for_rows(url: &str, args: &[&str], rows: &str, is_printed: bool) -> Child {
    let mut command = with_token(url, args);
    if is_printed {
        command.stdout(appended(rows));
    }
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    until(|| length(rows) > 0);
    child
}

#[test]
fn a_file_of_rows_is_for_one_run_at_a_time() {
    let dir = Dir::new("shared");
    let [state, other, out, rows] = ["state", "other", "out", "rows"].map(|it| dir.file(it));
    let list = [&["lots", "list"], &TWO_WINDOWS[..]].concat();
    let with_out = [&list[..], &["--out", &out]].concat();
    let with_state = [&list[..], &["--resume", &state]].concat();
    for (first, second, file, is_printed) in [
        (&with_out, &with_out, &out, false),
        (&with_state, &[&list[..], &["--resume", &other]].concat(), &rows, true),
    ] {
        let url = stuck();
        let mut first = wait_for_rows(&url, first, file, is_printed);
        let before = fs::read(file).unwrap();
        let second = to_file(&url, second, &rows);
        assert_eq!((second.code, second.out.as_str()), (1, ""), "{}", second.err);
        assert!(second.err.contains(": another run of kamipay is writing to it"), "{}", second.err);
        assert_eq!(fs::read(file).unwrap(), before);

        // The lock ends with its process, however that ends.
        first.kill().unwrap();
        first.wait().unwrap();
        let third = [&list[..], &["--deadline", "100ms"]].concat();
        let third = match is_printed {
            true => to_file(&url, &[&third[..], &["--resume", &other]].concat(), &rows),
            false => {
                fs::write(&out, "").unwrap();
                run(&mut with_token(&url, &[&third[..], &["--out", &out]].concat()))
            }
        };
        assert_eq!(third.code, 5, "{}", third.err);
    }
}

/// Two at the same time, from the same start: one has all, and the other is refused.
#[test]
fn of_two_runs_with_one_file_one_is_refused() {
    let server = generated(&year().with_lots(1500));
    let dir = Dir::new("two");
    let list = [&["lots", "list", "--page-size", "60"], &YEAR[..]].concat();
    let whole = run(&mut with_token(server.base_url(), &list)).good();
    for n in 0..5 {
        let [out, state] = ["out", "state"].map(|name| dir.file(&format!("{name}-{n}")));
        let mut list = [&list[..], &["--out", &out]].concat();
        if n % 2 == 1 {
            list.extend(["--resume", &state]);
        }
        let runs: Vec<Child> =
            (0..4).map(|_| piped(&mut with_token(server.base_url(), &list))).collect();
        let codes = runs.into_iter().map(|child| run_of(child.wait_with_output().unwrap()).code);
        let codes: Vec<i32> = codes.collect();
        // One that begins when another is over is told by the state that all is there.
        let good = codes.iter().filter(|code| **code == 0).count();
        assert!(good == 1 || good > 1 && n % 2 == 1, "{codes:?}");
        assert!(codes.iter().all(|code| matches!(code, 0..=2)), "{codes:?}");
        assert!(sorted(&fs::read_to_string(&out).unwrap()) == sorted(&whole));
    }
}

#[test]
fn something_else_that_writes_to_the_file_is_noticed() {
    let dir = Dir::new("intruder");
    let list = [&["lots", "list", "--page-size", "60"], &YEAR[..]].concat();
    for (n, what) in ["append", "append", "remove", "remove", "replace"].iter().enumerate() {
        let server = generated(&year().with_lots(1500));
        let is_printed = n % 2 == 1;
        let [state, rows] = ["state", "rows"].map(|it| dir.file(&format!("{it}-{n}")));
        let mut list = [&list[..], &["--resume", &state]].concat();
        if !is_printed {
            list.extend(["--out", &rows]);
        }
        server.with_sandbox(|it| {
            let stalls = Schedule::always().from_request(8);
            it.add_fault(
                Fault::named("stalled-body"),
                Fault::named("stalled-body").calls(),
                stalls,
            );
        });
        let child = wait_for_rows(server.base_url(), &list, &rows, is_printed);
        until(|| length(&rows) > 1000);
        match *what {
            "append" => appended(&rows).write_all(b"mine\n").unwrap(),
            "remove" => fs::remove_file(&rows).unwrap(),
            _ => {
                fs::write(dir.file("other"), "mine\n").unwrap();
                fs::rename(dir.file("other"), &rows).unwrap();
            }
        }
        let run = run_of(child.wait_with_output().unwrap());
        assert_eq!(run.code, 1, "{what} {is_printed}: {}", run.err);
        assert!(run.err.contains("the rows are not all there"), "{}", run.err);
    }
}

/// Also without a state.
#[test]
fn a_file_that_is_gone_at_the_end_is_an_error() {
    let dir = Dir::new("gone");
    let out = dir.file("out");
    let gone = out.clone();
    let url = server(move |n, _| {
        if n == 0 {
            return lots(0..2, 2, 0);
        }
        until(|| !fs::exists(&gone).unwrap());
        lots(0..0, 0, 0)
    });
    let list = [&["lots", "list", "--out", &out], &TWO_WINDOWS[..]].concat();
    let child = wait_for_rows(&url, &list, &out, false);
    fs::remove_file(&out).unwrap();
    let run = run_of(child.wait_with_output().unwrap());
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("it was removed or replaced"), "{}", run.err);
}

/// Another file of the same length, and one that was changed in its middle.
#[test]
fn other_bytes_are_refused_and_left_as_they_are() {
    let server = generated(&year().with_lots(600));
    let dir = Dir::new("bytes");
    let list = [&["lots", "list", "--page-size", "60"], &YEAR[..]].concat();
    for is_printed in [false, true] {
        let [state, rows] = ["state", "rows"].map(|it| dir.file(&format!("{it}-{is_printed}")));
        let mut list = [&list[..], &["--resume", &state]].concat();
        if !is_printed {
            list.extend(["--out", &rows]);
        }
        fs::write(&rows, if is_printed { "head\n" } else { "" }).unwrap();
        broken_from(&server, 8);
        assert_eq!(to_file(server.base_url(), &list, &rows).code, 6);
        mended(&server);
        let [right, kept] = [&rows, &state].map(|file| fs::read(file).unwrap());
        for place in [5, right.len() / 2, right.len() - 1] {
            let mut other = right.clone();
            other[place] ^= 1;
            for more in ["", "more\n"] {
                other.extend(more.as_bytes());
                fs::write(&rows, &other).unwrap();
                let refused = to_file(server.base_url(), &list, &rows);
                assert_eq!(refused.code, 2, "{}", refused.err);
                assert!(refused.err.contains("is not what was written"), "{}", refused.err);
                assert!(fs::read(&rows).unwrap() == other && fs::read(&state).unwrap() == kept);
            }
        }
    }
}

#[test]
fn what_was_appended_to_out_is_cut_off_and_that_is_said() {
    let server = generated(&year().with_lots(600));
    let dir = Dir::new("appended");
    let list = [&["lots", "list", "--page-size", "60"], &YEAR[..]].concat();
    let whole = run(&mut with_token(server.base_url(), &list)).good();
    let [state, rows] = ["state", "rows"].map(|it| dir.file(it));
    let list = [&list[..], &["--resume", &state, "--out", &rows]].concat();
    broken_from(&server, 8);
    assert_eq!(run(&mut with_token(server.base_url(), &list)).code, 6);
    mended(&server);
    for more in [&[][..], &["--quiet"]] {
        appended(&rows).write_all(b"mine\n").unwrap();
        let list = [&list[..], more].concat();
        let next = run(&mut with_token(server.base_url(), &list));
        assert_eq!(next.code, 0, "{}", next.err);
        let note = format!("note: --out {rows}: cutting off its last 5 bytes, which came after");
        assert!(next.err.starts_with(&note), "{}", next.err);
        assert!(sorted(&fs::read_to_string(&rows).unwrap()) == sorted(&whole));
    }
}

/// Several listings may share a file, one after the other: no rows of another are cut off.
#[test]
fn what_was_appended_to_standard_output_s_file_stays() {
    let server = generated(&year().with_lots(600));
    let dir = Dir::new("stays");
    for format in ["ndjson", "csv"] {
        let [rows, first, second] =
            ["rows", "first", "second"].map(|name| dir.file(&format!("{name}-{format}")));
        let list = ["lots", "list", "--page-size", "60", "--output", format];
        let list = [&list[..], &YEAR].concat();
        let whole = run(&mut with_token(server.base_url(), &list)).good();
        let states = [first, second];
        let [first, second] = states.each_ref().map(|it| [&list[..], &["--resume", it]].concat());
        broken_from(&server, 8);
        assert_eq!(to_file(server.base_url(), &first, &rows).code, 6);
        let begun = fs::read_to_string(&rows).unwrap();
        mended(&server);
        assert_eq!(to_file(server.base_url(), &second, &rows).good(), "");

        let next = to_file(server.base_url(), &first, &rows);
        assert_eq!(next.code, 0, "{}", next.err);
        let (thousands, rest) = (whole.len() / 1000, whole.len() % 1000);
        let note =
            format!("note: {thousands},{rest:03} bytes were appended to standard output's file");
        assert!(next.err.starts_with(&note), "{}", next.err);
        let written = fs::read_to_string(&rows).unwrap();
        assert!(written.starts_with(&begun));
        assert!(sorted(&written) == sorted(&format!("{whole}{whole}")));
        for list in [&first, &second] {
            let done = to_file(server.base_url(), list, &rows);
            assert!(done.code == 0 && done.err.starts_with("note: the listing is whole"));
            assert_eq!(done.err.lines().count(), 1, "{}", done.err);
        }
        assert_eq!(length(&rows), written.len() as u64);
    }
}

/// A state says which lines come next. Killed at any byte of them, the next run writes the rest. It
/// changes nothing that something else appended to standard output's file.
#[test]
fn a_run_that_was_killed_at_any_byte_writes_the_rest() {
    let server = generated(&year().with_charges(120));
    let dir = Dir::new("any-byte");
    let list = ["settlements", "transactions", "--page-size", "20"];
    for (format, is_printed) in [("ndjson", true), ("csv", true), ("ndjson", false), ("csv", false)]
    {
        let name = |it| dir.file(&format!("{it}-{format}-{is_printed}"));
        let [state, rows] = ["state", "rows"].map(name);
        let mut list = [&list[..], &YEAR, &["--output", format, "--resume", &state]].concat();
        if !is_printed {
            list.extend(["--out", &rows]);
        }
        broken_from(&server, 8);
        assert_eq!(to_file(server.base_url(), &list, &rows).code, 6);
        mended(&server);
        let (known, begun) = (length(&rows) as usize, saved(&state));
        to_file(server.base_url(), &list, &rows).good();
        let whole = fs::read_to_string(&rows).unwrap();
        let next = &whole[known..];
        let mut killed = saved(&state);
        assert_eq!((&begun["next"], &killed["next"]), (&"".into(), &"".into()));
        (killed["out"], killed["next"]) = (begun["out"].clone(), next.into());
        let asked = server.requests().len();
        let go_on = |rest: &str| {
            fs::write(&state, killed.to_string()).unwrap();
            fs::write(&rows, whole[..known].to_owned() + rest).unwrap();
            to_file(server.base_url(), &list, &rows)
        };

        let row = next.lines().nth(5).unwrap().to_owned() + "\n";
        let first = next.lines().next().unwrap().to_owned() + "\n";
        let more = ["", "mine\n", "\0\0\0", &row, &first];
        for (n, end) in (0..next.len()).step_by(211).chain([1, next.len()]).enumerate() {
            for more in [more[0], more[1 + n % 4]] {
                let given = next[..end].to_owned() + more;
                // At the start of a line the foreign row may be the very one that was to come.
                let is_next = next.starts_with(&given);
                let run = go_on(&given);
                let written = fs::read_to_string(&rows).unwrap();
                if is_next || !is_printed {
                    assert_eq!(run.code, 0, "{end}: {}", run.err);
                    assert!(written == whole, "{end} {more:?}");
                    let is_cut = run.err.contains("cutting off its last");
                    assert_eq!(is_cut, !is_next, "{}", run.err);
                } else if end == next.len() {
                    assert_eq!(run.code, 0, "{}", run.err);
                    assert!(written == format!("{whole}{more}"), "{more:?}");
                } else {
                    assert_eq!(run.code, 2, "{end}: {}", run.err);
                    assert!(written[known..] == given, "{end} {more:?}");
                    let tip = run.err.split_once("truncate -s ").unwrap().1;
                    let length = tip.split(' ').next().unwrap().parse().unwrap();
                    File::options().write(true).open(&rows).unwrap().set_len(length).unwrap();
                    let again = to_file(server.base_url(), &list, &rows);
                    assert_eq!(again.code, 0, "{}", again.err);
                    assert!(fs::read_to_string(&rows).unwrap() == whole, "{end} {more:?}");
                }
            }
        }
        assert_eq!(server.requests().len(), asked);
    }
}

/// Rows of the same form and times come from the same command with another filter. Killed at each
/// place of the file, the next run neither cuts them off nor loses or doubles a row.
#[test]
fn rows_of_another_listing_are_never_cut_off() {
    let server = generated(&year().with_charges(60));
    let dir = Dir::new("foreign");
    let list = ["settlements", "transactions", "--page-size", "20"];
    let list = [&list[..], &YEAR].concat();
    let json = run(&mut with_token(server.base_url(), &list)).good();
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    let settlement = last["settlement_id"].to_string();
    for format in ["ndjson", "csv"] {
        let list = [&list[..], &["--output", format]].concat();
        let whole = run(&mut with_token(server.base_url(), &list)).good();
        let other = [&list[..], &["--settlement", &settlement]].concat();
        let others = run(&mut with_token(server.base_url(), &other)).good();
        assert!(whole.contains(others.lines().last().unwrap()) && others.len() < whole.len());

        let head = "x".repeat(1023) + "\n";
        let head = head.repeat(128); // longer than any state: the limit is for rows alone
        let (mut refused, mut torn) = (0, 0);
        for block in (head.len() / 512)..((head.len() + whole.len()).div_ceil(512)) {
            let [state, rows] =
                ["state", "rows"].map(|it| dir.file(&format!("{it}-{format}-{block}")));
            let list = [&list[..], &["--resume", &state]].concat();
            fs::write(&rows, &head).unwrap();
            let limit = format!("ulimit -f {block};");
            let behind = format!(">> {rows}");
            let killed = piped(&mut in_shell(server.base_url(), &list, &limit, &behind));
            let killed = killed.wait_with_output().unwrap();
            assert!(killed.status.signal().is_some(), "{killed:?}");
            let before = fs::read_to_string(&rows).unwrap();

            assert_eq!(to_file(server.base_url(), &other, &rows).good(), "");
            let both = fs::read_to_string(&rows).unwrap();
            assert_eq!(both, format!("{before}{others}"));
            let next = to_file(server.base_url(), &list, &rows);
            let written = fs::read_to_string(&rows).unwrap();
            if next.code == 0 {
                assert!(written.starts_with(&both), "{format} {block}: {}", next.err);
            } else {
                refused += 1;
                assert_eq!(next.code, 2, "{}", next.err);
                assert!(written == both, "{format} {block}: {}", next.err);
                // Without them, the listing goes on.
                fs::write(&rows, &before).unwrap();
                torn += u32::from(!before.ends_with('\n'));
                let last = to_file(server.base_url(), &list, &rows);
                let is_note = last.err.starts_with("note: the listing is whole");
                assert!(last.code == 0 && (last.err.is_empty() || is_note), "{}", last.err);
                let written = fs::read_to_string(&rows).unwrap();
                assert!(written == format!("{head}{whole}"), "{format} {block}");
            }
        }
        assert!(refused > 0 && torn > 0, "{refused} {torn}");
    }
}

/// Killed between two writes, all that follows belongs to something else.
#[test]
fn a_killed_run_goes_on_after_the_rows_of_another_listing() {
    let server = generated(&year().with_lots(600));
    let dir = Dir::new("follows");
    let [state, rows] = ["state", "rows"].map(|it| dir.file(it));
    let list = [&["lots", "list", "--page-size", "60"], &YEAR[..]].concat();
    let whole = run(&mut with_token(server.base_url(), &list)).good();
    let resumed = [&list[..], &["--resume", &state]].concat();
    server.with_sandbox(|it| {
        let stalls = Schedule::always().from_request(8);
        let fault = || Fault::named("stalled-body");
        it.add_fault(fault(), fault().calls(), stalls);
    });
    let mut child = wait_for_rows(server.base_url(), &resumed, &rows, true);
    until(|| length(&rows) > 1000 && saved(&state)["next"] == "");
    child.kill().unwrap();
    child.wait().unwrap();
    mended(&server);
    let begun = fs::read_to_string(&rows).unwrap();
    to_file(server.base_url(), &list, &rows).good();
    let next = to_file(server.base_url(), &resumed, &rows);
    assert_eq!(next.code, 0, "{}", next.err);
    assert!(next.err.contains("bytes were appended to standard output's file"), "{}", next.err);
    let written = fs::read_to_string(&rows).unwrap();
    let rest = written.strip_prefix(&format!("{begun}{whole}")).unwrap();
    assert!(sorted(&format!("{begun}{rest}")) == sorted(&whole));
}

/// The state tells where the rows are now.
#[test]
fn a_file_that_was_moved_is_named_by_its_new_place() {
    let server = generated(&year().with_lots(600));
    let dir = Dir::new("moved");
    let [state, old, new] = ["state", "old", "new"].map(|it| dir.file(it));
    let list = [&["lots", "list", "--page-size", "60", "--resume", &state], &YEAR[..]].concat();
    broken_from(&server, 8);
    let first = run(&mut with_token(server.base_url(), &[&list[..], &["--out", &old]].concat()));
    assert_eq!(first.code, 6);
    mended(&server);
    fs::rename(&old, &new).unwrap();
    run(&mut with_token(server.base_url(), &[&list[..], &["--out", &new]].concat())).good();
    let without = to_file(server.base_url(), &list, &dir.file("rows"));
    assert_eq!(without.code, 2, "{}", without.err);
    assert!(without.err.contains(&format!("give --out {new}\n")), "{}", without.err);
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_before_anything_is_asked() {
    let server = generated(&year().with_lots(300));
    let dir = Dir::new("unreadable");
    let [state, out, around, file] = ["state", "out", "around", "file"].map(|it| dir.file(it));
    symlink(&around, &around).unwrap();
    fs::write(&file, "x").unwrap();
    let list = [&["lots", "list", "--page-size", "60"], &YEAR[..]].concat();
    let of = |more: &[&str]| run(&mut with_token(server.base_url(), &[&list[..], more].concat()));
    let nowhere = [around.clone(), format!("{file}/out"), format!("{}/none/out", dir.0.display())];
    for out in &nowhere {
        for more in [&["--out", out][..], &["--out", out, "--resume", &state]] {
            let run = of(more);
            assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
            assert!(
                run.err.starts_with(&format!("error: cannot open --out {out}: ")),
                "{}",
                run.err
            );
        }
        assert!(!fs::exists(&state).unwrap());
    }
    for out in [dir.0.to_str().unwrap(), "/dev/null"] {
        let run = of(&["--out", out]);
        assert!(run.code == 2 && run.err.contains("it is not a file"), "{}", run.err);
    }
    assert!(server.requests().is_empty());

    // An empty file is as good as none; emptied later, it is refused.
    fs::write(&out, "").unwrap();
    let keep = ["--out", &out, "--resume", &state];
    broken_from(&server, 8);
    assert_eq!(of(&keep).code, 6);
    mended(&server);
    let asked = server.requests().len();
    let kept = fs::read(&state).unwrap();
    fs::write(&out, "").unwrap();
    let emptied = of(&keep);
    assert!(emptied.code == 2 && emptied.err.contains("it has 0 bytes, and had "));
    fs::remove_file(&out).unwrap();
    let gone = of(&keep);
    assert!(gone.code == 2 && gone.err.contains("it is gone"), "{}", gone.err);
    assert!(!fs::exists(&out).unwrap());
    symlink(&around, &out).unwrap();
    let unreadable = of(&keep);
    assert!(unreadable.code != 0 && unreadable.out.is_empty(), "{}", unreadable.err);
    assert_eq!(fs::read(&state).unwrap(), kept);
    assert_eq!(server.requests().len(), asked);
}

/// Without a state, too, a full disk leaves whole lines, and is an error.
#[test]
fn a_full_disk_leaves_no_half_line_in_a_file() {
    let server = generated(&year().with_lots(300));
    let dir = Dir::new("half");
    let out = dir.file("out");
    let list = [&["lots", "list", "--out", &out], &YEAR[..]].concat();
    let full = run(&mut in_shell(server.base_url(), &list, "trap '' XFSZ; ulimit -f 41;", ""));
    assert_eq!(full.code, 1, "{}", full.err);
    assert!(full.err.starts_with(&format!("error: cannot write to --out {out}: ")), "{}", full.err);
    assert!(full.err.contains("what is there is not the whole"), "{}", full.err);
    let written = fs::read_to_string(&out).unwrap();
    assert!(written.len() > 10_000 && written.ends_with("}\n"), "{}", written.len());
}

/// The rows are not "printed" where they are in a file.
#[test]
fn an_incomplete_file_is_named() {
    let server = generated(&year().with_lots(600));
    let dir = Dir::new("named");
    let out = dir.file("out");
    let list = [&["lots", "list", "--page-size", "60", "--out", &out], &YEAR[..]].concat();
    broken_from(&server, 8);
    let short = run(&mut with_token(server.base_url(), &list));
    assert_eq!((short.code, short.out.as_str()), (6, ""));
    let rows = fs::read_to_string(&out).unwrap().lines().count();
    let words = format!("INCOMPLETE: the {rows} rows written to {out} are not the whole list");
    assert!(short.err.contains(&words) && !short.err.contains("printed"), "{}", short.err);
}

#[test]
fn a_state_is_for_its_owner_s_eyes_and_follows_no_link() {
    let server = generated(&year().with_lots(600));
    let dir = Dir::new("eyes");
    let [state, out, victim] = ["state", "out", "victim"].map(|it| dir.file(it));
    let [new, lock] = [".new", ".lock"].map(|end| format!("{state}{end}"));
    let list = [&["lots", "list", "--page-size", "60"], &YEAR[..]].concat();
    let list = [&list[..], &["--resume", &state, "--out", &out]].concat();
    let mode = |file: &str| fs::metadata(file).unwrap().permissions().mode() & 0o777;
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &new).unwrap();

    broken_from(&server, 8);
    let first = run(&mut in_shell(server.base_url(), &list, "umask 000;", ""));
    assert_eq!(first.code, 6, "{}", first.err);
    mended(&server);
    assert_eq!((mode(&state), mode(&out)), (0o600, 0o666));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(!fs::exists(&new).unwrap() && !fs::exists(&lock).unwrap());

    symlink(dir.file("made"), &lock).unwrap();
    let refused = run(&mut with_token(server.base_url(), &list));
    assert!(refused.code == 2 && refused.err.contains("cannot lock"), "{}", refused.err);
    assert!(!fs::exists(dir.file("made")).unwrap());
    fs::remove_file(&lock).unwrap();

    fs::set_permissions(&state, fs::Permissions::from_mode(0o644)).unwrap();
    run(&mut in_shell(server.base_url(), &list, "umask 000;", "")).good();
    assert_eq!(mode(&state), 0o600);
}

/// Closed, there is no place for the rows: Rust has /dev/null in its place, and nothing fails.
#[test]
fn closed_standard_output_is_an_error_before_anything_is_asked() {
    let server = generated(&year().with_lots(300));
    let dir = Dir::new("closed");
    let [out, plan] = ["out", "plan"].map(|it| dir.file(it));
    let lots = [&["lots", "list"], &YEAR[..]].concat();
    fs::write(&plan, run(&mut kamipay(&[&["scan", "plan", "lots"], &YEAR[..]].concat())).good())
        .unwrap();
    let commands: [&[&str]; 8] = [
        &lots,
        &[&lots[..], &["--output", "json"]].concat(),
        &["lots", "get", "9c030c8b-6d68-445b-8048-1bacd91012fa"],
        &in_may(&["lots", "find-payout", "txc_1"]),
        &["settlements", "get", "1"],
        &["settlements", "pending", "--totals"],
        &in_may(&["scan", "plan", "lots"]),
        &["scan", "run", &plan],
    ];
    for command in commands {
        let closed = run(&mut in_shell(server.base_url(), command, "", ">&-"));
        assert_eq!(closed.code, 1, "{command:?}: {}", closed.err);
        assert!(closed.err.starts_with("error: standard output is closed"), "{}", closed.err);
    }
    assert!(server.requests().is_empty());

    // Who throws the rows away on purpose, or has them elsewhere, may.
    run(&mut in_shell(server.base_url(), &lots, "", "> /dev/null")).good();
    let with_out = [&lots[..], &["--out", &out]].concat();
    run(&mut in_shell(server.base_url(), &with_out, "", ">&-")).good();
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 300);
}

/// A run of several lines says which one failed, and what before it is whole.
#[test]
fn a_failing_part_is_named_and_the_rows_before_it_are_whole() {
    let server = generated(&year().with_lots(600));
    let list = [&["lots", "list"], &YEAR[..]].concat();
    let whole = run(&mut with_token(server.base_url(), &list)).good();
    let plan = run(&mut kamipay(&[&["scan", "plan", "lots"], &YEAR[..]].concat())).good();
    let scan_run = |lines: &str| {
        let args = ["scan", "run", "-", "--page-size", "20"];
        with_input(&mut with_token(server.base_url(), &args), lines)
    };
    for from in [1, 2, 8, 20, 33] {
        broken_from(&server, from);
        let failed = scan_run(&format!("\n{plan}"));
        mended(&server);
        let printed = failed.out.lines().count();
        assert_eq!(failed.code, if printed == 0 { 5 } else { 6 }, "{}", failed.err);
        let words = failed.err.strip_prefix("error: line ").unwrap();
        let (line, words) = words.split_once(": listing lots: ").unwrap();
        let line: usize = line.parse().unwrap();
        let incomplete = format!("INCOMPLETE: the {printed} row");
        assert_eq!(words.contains(&incomplete), printed > 0, "{words}");
        let Some((_, words)) = words.split_once("tip: the first ") else {
            assert!(line == 2 && words.contains("throw away what this run printed"), "{words}");
            continue;
        };
        let (rows, words) = words.split_once(" rows are whole").unwrap();
        assert!(words.contains(&format!("(tail -n +{line})")), "{words}");

        // As the tip says: keep those, and go on from that line.
        let keep: Vec<&str> = failed.out.lines().take(rows.parse().unwrap()).collect();
        let rest: Vec<&str> = plan.lines().skip(line - 2).collect();
        let kept = keep.join("\n") + "\n" + &scan_run(&rest.join("\n")).good();
        assert!(sorted(&kept) == sorted(&whole), "from request {from}, line {line}");
    }
}
