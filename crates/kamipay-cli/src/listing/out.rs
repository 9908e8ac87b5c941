use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta};
use crc32fast::Hasher;
use fs4::{FileExt, TryLockError};
use kamipay_ureq::proto::Period;
use kamipay_ureq::proto::scan::ScanState;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Listing;
use crate::exit::Failure;
use crate::output::{Format, Output, Record as _};
use crate::progress::thousands;

/// The file that rows are appended to: that of `--out`, or standard output's.
pub(crate) struct OutFile {
    /// Where it is; nothing for standard output.
    path: Option<PathBuf>,
    /// Where the rows go.
    file: File,
    /// The same file to read it, and to lock it for this run alone.
    own: File,
    mark: Mark,
    sum: Hasher,
}

/// How much of a file is known to be right, and how to tell that it is that file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    /// Where it was when this was written; nothing for standard output.
    pub(crate) file: Option<PathBuf>,
    /// Where the lines begin: what was before them is somebody else's.
    begins: u64,
    /// Where they end.
    bytes: u64,
    /// The CRC-32 of the lines.
    crc32: u32,
    /// Whether the run was ended in order: no later byte is its own.
    ended: bool,
}

impl OutFile {
    /// Opens a file, and keeps other runs away from it.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        match path.metadata() {
            Ok(known) if !known.is_file() => {
                return Err(Failure::usage(format!("--out {}: it is not a file", path.display())));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(cannot("open", path, &error));
            }
            _ => {}
        }
        let open = || {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
            Ok((file.try_clone()?, file))
        };
        let (own, file) = open().map_err(|error| cannot("open", path, &error))?;
        Self::lock(Some(path.to_owned()), file, own)
    }

    /// Standard output, where it is a file that can be read back.
    pub(super) fn standard_output() -> Option<StandardOutput> {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd as _;

            let file = File::from(io::stdout().as_fd().try_clone_to_owned().ok()?);
            file.metadata().is_ok_and(|known| known.is_file()).then_some(())?;
            let mut options = OpenOptions::new();
            options.read(true).write(true);
            let own = ["/proc/self/fd/1", "/dev/fd/1"].iter().find_map(|name| {
                let own = options.open(name).ok()?;
                is_at(&file, Path::new(name)).unwrap_or_default().then_some(own)
            })?;
            Some(StandardOutput { file, own })
        }
        #[cfg(not(unix))]
        None
    }

    fn lock(path: Option<PathBuf>, file: File, own: File) -> Result<Self, Failure> {
        let mark = Mark { file: path.clone(), ..Mark::default() };
        let out = Self { path, file, own, mark, sum: Hasher::new() };
        match FileExt::try_lock(&out.own) {
            Ok(()) => Ok(out),
            Err(TryLockError::WouldBlock) => Err(Failure::other(format!(
                "{}: another run of kamipay is writing to it",
                out.flag()
            ))
            .tip("wait for it to end, or stop it")),
            Err(TryLockError::Error(error)) => Err(out.cannot("lock", &error)),
        }
    }

    /// Begins with a file. One of `--out` that has something in it is refused, whose it ever is.
    pub(super) fn begin(mut self) -> Result<Self, Failure> {
        let length = self.length()?;
        if length > 0 && self.path.is_some() {
            return Err(Failure::usage(format!(
                "{}: the file has something in it, and no state says what",
                self.flag()
            ))
            .tip(
                "name another file, or remove it; to go on, give the same --resume FILE as before",
            ));
        }
        self.begin_at(length)?;
        Ok(self)
    }

    fn begin_at(&mut self, length: u64) -> Result<(), Failure> {
        (self.mark.begins, self.mark.bytes) = (length, length);
        self.sum = Hasher::new();
        self.to_the_end(length)
    }

    /// Goes on behind what is known to be right.
    pub(super) fn go_on<S: Listing>(
        mut self,
        mark: &Mark,
        state: &ScanState<S>,
        format: Format,
        output: Output,
    ) -> Result<Self, Failure> {
        let length = self.length()?;
        if length <= mark.begins && state.manifest.rows == 0 {
            // A shell's `>` in place of `>>` empties it, and no row was lost.
            self.begin_at(length)?;
            return Ok(self);
        }
        if length < mark.bytes {
            let [has, had, rows] = [length, mark.bytes, state.manifest.rows].map(thousands);
            return Err(self.refuse(&format!(
                "it has {has} bytes, and had {had} with {rows} rows when the state was saved"
            )));
        }
        let broken = |error| self.cannot("read", &error);
        let (begins, bytes) = (mark.begins, mark.bytes);
        let sum = sum(&self.own, begins, bytes).map_err(broken)?;
        if sum.clone().finalize() != mark.crc32 {
            return Err(self.refuse(
                "it is another file, or was changed: what is in it is not what was written",
            ));
        }
        self.sum = sum;
        self.mark = Mark { file: self.path.clone(), ..mark.clone() };
        let more = length - bytes;
        let is_shared = self.path.is_none();
        if more == 0 || is_shared && state.is_done {
            self.to_the_end(bytes)?;
        } else if is_shared && mark.ended {
            output.note(&format!(
                "{} bytes were appended to standard output's file after the last run: the rows go \
                 on behind them",
                thousands(more)
            ));
            let length = self.length()?; // the note may be in it
            self.begin_at(length)?;
        } else {
            let broken = |error| self.cannot("read", &error);
            let tail = self.tail(bytes, more).map_err(broken)?;
            let rows =
                Rows { format, columns: S::Row::CSV, time: S::TIME, rest: state.scan.period() };
            if is_shared && !rows.could_be(&tail) {
                return Err(self.foreign(bytes, more));
            }
            output.warn(&format!(
                "{}: cutting off its last {} bytes, which came after the state was saved",
                self.flag(),
                thousands(more)
            ));
            self.file.set_len(bytes).map_err(|error| self.cannot("cut", &error))?;
            self.to_the_end(bytes)?;
        }
        Ok(self)
    }

    /// What is behind what is known to be right, as far as one run could have written it.
    fn tail(&self, bytes: u64, more: u64) -> io::Result<Vec<u8>> {
        let (mut own, mut tail) = (&self.own, Vec::new());
        if more <= 64 << 20 {
            own.seek(SeekFrom::Start(bytes))?;
            own.take(more).read_to_end(&mut tail)?;
        }
        Ok(tail)
    }

    fn foreign(&self, bytes: u64, more: u64) -> Failure {
        Failure::usage(format!(
            "{}: its last {} bytes came after the state was saved, and are not all rows of this \
             listing",
            self.flag(),
            thousands(more)
        ))
        .tip(format!(
            "if they can be spared, cut them off (truncate -s {bytes} FILE), and give the same \
             command again"
        ))
    }

    /// Writes whole lines.
    pub(crate) fn append(&mut self, lines: &[u8]) -> Result<(), Failure> {
        self.check_alone()?;
        self.file.write_all(lines).map_err(|error| {
            let _ = self.file.set_len(self.mark.bytes); // no half line
            self.cannot("write to", &error).tip("what is there is not the whole")
        })?;
        self.mark.bytes += lines.len() as u64;
        self.sum.update(lines);
        Ok(())
    }

    /// Makes sure that what was written stays, before a state says so.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        if !self.is_there() {
            return Err(self.lost("it was removed or replaced while it was written to"));
        }
        self.check_alone()?;
        self.file.sync_data().map_err(|error| self.cannot("write to", &error))
    }

    fn check_alone(&self) -> Result<(), Failure> {
        if self.length()? != self.mark.bytes {
            return Err(self.lost("something else wrote to it at the same time"));
        }
        Ok(())
    }

    fn is_there(&self) -> bool {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;

        match &self.path {
            Some(path) => is_at(&self.file, path).unwrap_or(true),
            #[cfg(unix)]
            None => self.file.metadata().is_ok_and(|known| known.nlink() > 0),
            #[cfg(not(unix))]
            None => true,
        }
    }

    /// What a state keeps of it. `ended` says that nothing more is written.
    pub(super) fn mark(&self, ended: bool) -> Mark {
        Mark { crc32: self.sum.clone().finalize(), ended, ..self.mark.clone() }
    }

    /// Whether there are lines in it.
    pub(super) fn is_begun(&self) -> bool {
        self.mark.bytes > self.mark.begins
    }

    /// How its rows are spoken of.
    pub(crate) fn what(&self) -> String {
        match &self.path {
            Some(path) => format!("in {}", path.display()),
            None => "that were printed".to_owned(),
        }
    }

    fn length(&self) -> Result<u64, Failure> {
        let known = self.file.metadata().map_err(|error| self.cannot("read", &error))?;
        Ok(known.len())
    }

    /// Standard output may have been opened at its start.
    fn to_the_end(&self, end: u64) -> Result<(), Failure> {
        let seek = (&self.file).seek(SeekFrom::Start(end));
        seek.map(drop).map_err(|error| self.cannot("write to", &error))
    }

    fn flag(&self) -> String {
        match &self.path {
            Some(path) => format!("--out {}", path.display()),
            None => "standard output".to_owned(),
        }
    }

    fn refuse(&self, why: &str) -> Failure {
        let failure = Failure::usage(format!("{}: {why}", self.flag()));
        let failure = match &self.path {
            Some(_) => failure.tip("give the file that the listing was written to so far"),
            None => failure.tip("append to the file that the rows are in: >> FILE"),
        };
        failure.tip("to begin again, remove the file and that of --resume")
    }

    fn lost(&self, why: &str) -> Failure {
        Failure::other(format!("{}: {why}", self.flag())).tip("the rows are not all there")
    }

    fn cannot(&self, what: &str, error: &io::Error) -> Failure {
        Failure::other(format!("cannot {what} {}: {error}", self.flag()))
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        let _ = FileExt::unlock(&self.own);
    }
}

/// Standard output's file, which is not locked yet.
pub(super) struct StandardOutput {
    file: File,
    own: File,
}

impl StandardOutput {
    pub(super) fn is_at(&self, path: &Path) -> bool {
        is_at(&self.file, path).unwrap_or_default()
    }

    pub(super) fn lock(self) -> Result<OutFile, Failure> {
        OutFile::lock(None, self.file, self.own)
    }
}

fn sum(mut file: &File, start: u64, end: u64) -> io::Result<Hasher> {
    let mut sum = Hasher::new();
    file.seek(SeekFrom::Start(start))?;
    let mut rest = file.take(end - start);
    let mut some = vec![0; 64 * 1024];
    loop {
        match rest.read(&mut some)? {
            0 => return Ok(sum),
            bytes => sum.update(&some[..bytes]),
        }
    }
}

/// The rows that a run could have written after its state was saved.
struct Rows {
    format: Format,
    columns: &'static [&'static str],
    /// The column with their time.
    time: &'static str,
    /// What the state has not read.
    rest: Option<Period>,
}

impl Rows {
    /// Whether these may be lines that a run wrote before it was killed, the last one perhaps in part.
    ///
    /// Another listing appends rows of the same form: only their time tells them apart. So there has
    /// to be one with a time among whole rows, and none whose time the state has read already, or was
    /// not asked for.
    fn could_be(&self, tail: &[u8]) -> bool {
        let Some(times) = (match self.format {
            Format::Csv => self.times_in_csv(tail),
            _ => self.times_in_ndjson(tail),
        }) else {
            return false;
        };
        let Some(rest) = self.rest else { return true };
        let tolerance = TimeDelta::seconds(1);
        let (start, end) = (rest.start() - tolerance, rest.end() + tolerance);
        let mut timed = times.iter().flatten().peekable();
        (times.is_empty() || timed.peek().is_some())
            && timed.all(|time| {
                DateTime::parse_from_rfc3339(time).is_ok_and(|time| start <= time && time <= end)
            })
    }

    /// The times of the whole rows. `None` if there is anything but rows.
    fn times_in_csv(&self, tail: &[u8]) -> Option<Vec<Option<String>>> {
        let is_whole =
            tail.ends_with(b"\n") && tail.iter().filter(|it| **it == b'"').count() % 2 == 0;
        let mut lines = csv::ReaderBuilder::new();
        let lines = lines.has_headers(false).flexible(true).from_reader(tail).into_records();
        let mut records = lines.collect::<Result<Vec<_>, _>>().ok()?;
        let last = records.pop()?;
        let (width, place) =
            (self.columns.len(), self.columns.iter().position(|name| *name == self.time)?);
        if is_whole {
            records.push(last);
        } else if last.len() > width {
            return None;
        }
        let time = |row: csv::StringRecord| {
            (row.len() == width).then(|| Some(row[place].to_owned()).filter(|it| !it.is_empty()))
        };
        records.into_iter().map(time).collect()
    }

    fn times_in_ndjson(&self, tail: &[u8]) -> Option<Vec<Option<String>>> {
        let begin = format!("{{\"{}\":", self.columns.first()?);
        let (whole, part) = match tail.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => tail.split_at(end + 1),
            None => (&[][..], tail),
        };
        let is_part = part.iter().zip(begin.as_bytes()).all(|(is, should)| is == should);
        if tail.is_empty() || !is_part {
            return None;
        }
        let time = |line: &[u8]| {
            let row: BTreeMap<String, Value> = serde_json::from_slice(line).ok()?;
            let is_row = row.len() == self.columns.len()
                && self.columns.iter().all(|name| row.contains_key(*name));
            is_row.then(|| row[self.time].as_str().map(str::to_owned))
        };
        whole.split_inclusive(|byte| *byte == b'\n').map(time).collect()
    }
}

/// Where a path leads, however it is spelt, and whether or not there is a file.
pub(super) fn place(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let in_parent = |_| {
        let parent = parent.unwrap_or_else(|| Path::new(".")).canonicalize()?;
        Ok::<_, io::Error>(parent.join(path.file_name().unwrap_or_default()))
    };
    path.canonicalize().or_else(in_parent).unwrap_or_else(|_| path.to_owned())
}

/// Whether a file is the one at this path, where that can be told.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let number = |known: std::fs::Metadata| (known.dev(), known.ino());
    let [here, there] = [file.metadata(), path.metadata()].map(|known| known.map(number).ok());
    Some(here.is_some() && here == there)
}

#[cfg(not(unix))]
pub(super) fn is_at(_: &File, _: &Path) -> Option<bool> {
    None
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::other(format!("cannot {what} --out {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_and_a_part_of_one_may_be_cut_off() {
        const COLUMNS: &[&str] = &["id", "name", "at"];
        let [one, two] = ["2026-05-10T00:00:00Z", "2026-05-20T00:00:00.5Z"];
        let ndjson = format!(
            "{{\"id\":1,\"name\":\"a\",\"at\":\"{one}\"}}\n{{\"id\":2,\"name\":\"b\\n\",\"at\":null}}\n\
             {{\"id\":3,\"name\":\"c\",\"at\":\"{two}\"}}\n"
        );
        let csv = format!("1,\"a\n,\"\"b\",{one}\n2,c,\n3,d,{two}\n");
        let rest = |from, to| Some(Period::parse(from, to).unwrap());
        for (format, rows) in [(Format::Ndjson, &ndjson), (Format::Csv, &csv)] {
            let known = |rest| Rows { format, columns: COLUMNS, time: "at", rest };
            let could_be = |tail: &str| {
                known(rest("2026-05-10T00:00:00Z", "2026-05-21T00:00:00Z"))
                    .could_be(tail.as_bytes())
            };
            for end in 1..=rows.len() {
                assert!(could_be(&rows[..end]), "{}", &rows[..end]);
            }
            for more in ["mine\n", "\0\0\0\n", "1,2,3,4\n", "{\"id\":1}\n", "note: x\n1,2,3,4"] {
                for tail in [more.to_owned(), format!("{rows}{more}"), format!("{more}{rows}")] {
                    assert!(!could_be(&tail), "{tail}");
                }
            }
            assert!(!could_be(""));
            // Of another listing: read already, not asked for, or nothing that could tell.
            for other in [
                rest("2026-05-11T00:00:00Z", "2026-05-21T00:00:00Z"),
                rest("2026-05-10T00:00:00Z", "2026-05-19T00:00:00Z"),
                rest("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"),
            ] {
                assert!(!known(other).could_be(rows.as_bytes()), "{other:?}");
            }
            let undated = match format {
                Format::Csv => "2,c,\n",
                _ => "{\"id\":2,\"name\":\"b\",\"at\":null}\n",
            };
            assert!(!could_be(undated));
        }
    }
}
