use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;
use fs4::{FileExt, TryLockError};
use serde::{Deserialize, Serialize};

use super::format::Output;
use crate::exit::Failure;
use crate::progress::thousands;

/// The file that rows are appended to: the one of `--out`, or standard output's.
pub(crate) struct RowsFile {
    /// `None` for standard output.
    path: Option<PathBuf>,
    /// Where the rows go.
    file: File,
    /// The same file to read it, and to lock it for this run alone.
    own: File,
    mark: Mark,
    sum: Hasher,
}

/// Which bytes of a file are the listing's rows, and how to recognise them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    /// The path when this was saved. `None` for standard output.
    pub(crate) file: Option<PathBuf>,
    /// Where the lines begin. What is before them is another program's.
    begins: u64,
    /// Where they end.
    bytes: u64,
    /// The CRC-32 of the lines.
    crc32: u32,
}

impl RowsFile {
    /// Opens a file, and keeps other runs away from it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
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

    /// Standard output, if it is a file that can be read back.
    pub(crate) fn standard_output() -> Option<StandardOutput> {
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

    /// Begins a listing. A file of `--out` that is not empty is refused.
    pub(crate) fn begin(mut self) -> Result<Self, Failure> {
        let length = self.length()?;
        if length > 0 && self.path.is_some() {
            return Err(Failure::usage(format!(
                "{}: the file is not empty, and no state says what is in it",
                self.flag()
            ))
            .tip("name another file, or remove this one")
            .tip("to go on with a listing, give the same --resume FILE as before"));
        }
        self.begin_at(length)?;
        Ok(self)
    }

    fn begin_at(&mut self, length: u64) -> Result<(), Failure> {
        (self.mark.begins, self.mark.bytes) = (length, length);
        self.sum = Hasher::new();
        self.to_the_end(length)
    }

    /// Goes on after the rows that a saved state knows, and appends the lines that were to come next,
    /// as far as they are not there.
    pub(crate) fn go_on(
        mut self,
        mark: &Mark,
        next: &str,
        (rows, is_done): (u64, bool),
        output: Output,
    ) -> Result<Self, Failure> {
        let length = self.length()?;
        if length <= mark.begins && rows == 0 {
            // A shell's `>` in place of `>>` empties it, and no row was lost.
            self.begin_at(length)?;
            return Ok(self);
        }
        if length < mark.bytes {
            let [has, had, rows] = [length, mark.bytes, rows].map(thousands);
            return Err(self.refuse(&format!(
                "it has {has} bytes, and had {had} with {rows} rows when the state was saved"
            )));
        }
        self.sum =
            sum(&self.own, mark.begins, mark.bytes).map_err(|it| self.cannot("read", &it))?;
        if self.sum.clone().finalize() != mark.crc32 {
            return Err(self.refuse(
                "it is another file, or was changed: what is in it is not what was written",
            ));
        }
        self.mark = Mark { file: self.path.clone(), ..mark.clone() };
        let next = next.as_bytes();
        let (there, more) = self.part_of(next).map_err(|it| self.cannot("read", &it))?;
        let is_shared = self.path.is_none();
        if more > 0 && is_shared && there < next.len() {
            return Err(self.foreign(there, more));
        }
        self.mark.bytes += there as u64;
        self.sum.update(&next[..there]);
        if more > 0 && is_shared {
            // All of this listing's lines are there: the rest belongs to something else.
            if !is_done {
                output.note(&format!(
                    "{} bytes were appended to standard output's file after the last run: the \
                     rows follow them",
                    thousands(more)
                ));
                let length = self.length()?; // the note may be in it
                self.begin_at(length)?;
            }
            return Ok(self);
        }
        if more > 0 {
            output.warn(&format!(
                "{}: cutting off its last {} bytes, which came after the state was saved",
                self.flag(),
                thousands(more)
            ));
            self.file.set_len(self.mark.bytes).map_err(|error| self.cannot("cut", &error))?;
        }
        self.to_the_end(self.mark.bytes)?;
        if there < next.len() {
            self.append(&next[there..])?;
            self.settle()?;
        }
        Ok(self)
    }

    /// How many bytes of these lines follow the known ones, and how many other bytes are after them.
    ///
    /// Only a comparison tells them from the rows of another listing, which can look the same.
    fn part_of(&self, lines: &[u8]) -> io::Result<(usize, u64)> {
        let (mut own, mut tail) = (&self.own, Vec::new());
        own.seek(SeekFrom::Start(self.mark.bytes))?;
        own.take(lines.len() as u64).read_to_end(&mut tail)?;
        let there = tail.iter().zip(lines).take_while(|(is, should)| is == should).count();
        let end = self.mark.bytes + there as u64;
        Ok((there, self.own.metadata()?.len().saturating_sub(end)))
    }

    fn foreign(&self, there: usize, more: u64) -> Failure {
        Failure::usage(format!(
            "{}: a run was stopped while it wrote rows, and the last {} bytes of the file are not \
             those rows",
            self.flag(),
            thousands(more)
        ))
        .tip(format!(
            "if you do not need these bytes, cut them off (truncate -s {} FILE), and run the same \
             command again",
            self.mark.bytes + there as u64
        ))
        .tip("to keep them, begin again: remove the file of --resume, and append to another file")
    }

    /// Writes whole lines.
    pub(crate) fn append(&mut self, lines: &[u8]) -> Result<(), Failure> {
        self.check_alone()?;
        self.file.write_all(lines).map_err(|error| {
            if let Ok((_, 0)) = self.part_of(lines) {
                let _ = self.file.set_len(self.mark.bytes); // no half line
            }
            self.cannot("write to", &error).tip("what is there is not the whole list")
        })?;
        self.mark.bytes += lines.len() as u64;
        self.sum.update(lines);
        Ok(())
    }

    /// Syncs the lines to the disk, before a state says that they are there.
    pub(crate) fn settle(&self) -> Result<(), Failure> {
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

    /// What a state keeps of the file.
    pub(crate) fn mark(&self) -> Mark {
        Mark { crc32: self.sum.clone().finalize(), ..self.mark.clone() }
    }

    /// Whether the file has lines.
    pub(crate) fn is_begun(&self) -> bool {
        self.mark.bytes > self.mark.begins
    }

    /// Which rows they are, for messages.
    pub(crate) fn what(&self) -> String {
        match &self.path {
            Some(path) => format!("written to {}", path.display()),
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
            None => failure.tip("append to the file that has the rows: >> FILE"),
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

impl Drop for RowsFile {
    fn drop(&mut self) {
        let _ = FileExt::unlock(&self.own);
    }
}

/// Standard output's file, which is not locked yet.
pub(crate) struct StandardOutput {
    file: File,
    own: File,
}

impl StandardOutput {
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        is_at(&self.file, path).unwrap_or_default()
    }

    pub(crate) fn lock(self) -> Result<RowsFile, Failure> {
        RowsFile::lock(None, self.file, self.own)
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

/// The place that a path leads to, however it is written, and whether or not there is a file.
pub(crate) fn place(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let in_parent = |_| {
        let parent = parent.unwrap_or_else(|| Path::new(".")).canonicalize()?;
        Ok::<_, io::Error>(parent.join(path.file_name().unwrap_or_default()))
    };
    path.canonicalize().or_else(in_parent).unwrap_or_else(|_| path.to_owned())
}

/// Whether a file is the one at this path. `None` where the system does not tell.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let number = |known: std::fs::Metadata| (known.dev(), known.ino());
    let [here, there] = [file.metadata(), path.metadata()].map(|known| known.map(number).ok());
    Some(here.is_some() && here == there)
}

#[cfg(not(unix))]
pub(crate) fn is_at(_: &File, _: &Path) -> Option<bool> {
    None
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::other(format!("cannot {what} --out {}: {error}", path.display()))
}
