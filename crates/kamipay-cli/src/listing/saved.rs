use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs4::{FileExt, TryLockError};
use kamipay_ureq::proto::scan::ScanState;
use serde::{Deserialize, Serialize};

use super::{Listing, words};
use crate::connection::Account;
use crate::exit::Failure;
use crate::output::{Format, Mark, RowsFile, is_at};
use crate::private;

/// The saved state of a listing: the file of `--resume`, for one run at a time.
pub(crate) struct Saved<S: Listing> {
    file: StateFile,
    content: Content<S>,
    /// Whether no earlier run saved a state.
    pub(super) is_new: bool,
}

/// Which listing it is, and how far it is.
#[derive(Clone, Deserialize, Serialize)]
#[serde(bound = "")]
#[serde(deny_unknown_fields)]
pub(super) struct Content<S: Listing> {
    version: u32,
    list: String,
    /// The period and the filters.
    whole: S,
    /// Whether this command's words name another period on another day.
    #[serde(skip)]
    pub(super) moves: bool,
    account: Account,
    output: Format,
    spreadsheet: bool,
    look_back_seconds: Option<u64>,
    pub(super) out: Mark,
    /// The lines to append next. After a kill the file has all of them, some or none.
    pub(super) next: String,
    /// How far the listing is with them.
    pub(super) state: ScanState<S>,
}

/// The version of this layout.
const VERSION: u32 = 5;

impl<S: Listing> Content<S> {
    /// A listing of which nothing is read yet.
    pub(super) fn new(
        whole: S,
        account: Account,
        (output, spreadsheet): (Format, bool),
        look_back: Option<Duration>,
        state: ScanState<S>,
    ) -> Self {
        Self {
            version: VERSION,
            list: S::NAME.to_owned(),
            whole,
            moves: false,
            account,
            output,
            spreadsheet,
            look_back_seconds: look_back.map(|length| length.as_secs()),
            out: Mark::default(),
            next: String::new(),
            state,
        }
    }
}

impl<S: Listing> Saved<S> {
    /// Takes the file, and reads it if there is one. Refuses the state of another listing.
    pub(super) fn open(path: &Path, this: Content<S>) -> Result<Self, Failure> {
        let file = StateFile::lock(path)?;
        match file.read(&this)? {
            Some(mut content) => {
                if content.account.username.is_none() {
                    // A run with a token does not know the name that another run logs in with.
                    content.account.username = this.account.username;
                }
                Ok(Self { file, content, is_new: false })
            }
            None => Ok(Self { file, content: this, is_new: true }),
        }
    }

    /// What the file says.
    pub(super) fn content(&self) -> &Content<S> {
        &self.content
    }

    /// Saves how far the listing is with the lines that are written `next`.
    ///
    /// They are saved before they are written, so that a later run can tell them from the rows of
    /// another listing in the same file.
    pub(super) fn save(
        &mut self,
        state: ScanState<S>,
        next: &str,
        rows: &RowsFile,
    ) -> Result<(), Failure> {
        rows.settle()?;
        (self.content.out, self.content.state) = (rows.mark(), state);
        next.clone_into(&mut self.content.next);
        self.file.write(&self.content)
    }
}

/// The files that a state needs: itself, the next state while it is written, and the lock.
pub(super) fn names(path: &Path) -> [PathBuf; 3] {
    [path.to_owned(), beside(path, ".new"), beside(path, ".lock")]
}

struct StateFile {
    path: PathBuf,
    lock: PathBuf,
    _locked: File,
}

/// What the states of all versions and listings have.
#[derive(Deserialize)]
struct Head {
    version: u32,
    list: String,
}

impl StateFile {
    /// Takes the file for this run.
    ///
    /// The lock is on a file beside it, because this one is replaced as a whole. It ends with the
    /// process, however the process ends.
    fn lock(path: &Path) -> Result<Self, Failure> {
        let [_, _, lock] = names(path);
        let refuse = |error: &dyn std::fmt::Display| {
            Failure::usage(format!(
                "--resume {}: cannot lock {}: {error}",
                path.display(),
                lock.display()
            ))
        };
        let file = private::options().create(true).truncate(false).open(&lock);
        let file = file.map_err(|error| refuse(&error))?;
        match FileExt::try_lock(&file) {
            // The run before may have removed the file meanwhile.
            Ok(()) if is_at(&file, &lock).unwrap_or_else(|| lock.exists()) => {
                Ok(Self { path: path.to_owned(), lock, _locked: file })
            }
            Ok(()) | Err(TryLockError::WouldBlock) => Err(Failure::other(format!(
                "--resume {}: another run of kamipay is using it",
                path.display()
            ))
            .tip("wait for it to end, or stop it")),
            Err(TryLockError::Error(error)) => Err(refuse(&error)),
        }
    }

    /// The state, if the listing was begun. Refuses the state of another one.
    fn read<S: Listing>(&self, this: &Content<S>) -> Result<Option<Content<S>>, Failure> {
        let text = match fs::read(&self.path) {
            Ok(text) if text.is_empty() => return Ok(None),
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.refuse(&format!("cannot be read: {error}"))),
        };
        let broken = |_| self.refuse("it is not the state of a listing, or it is damaged");
        let head: Head = serde_json::from_slice(&text).map_err(broken)?;
        if head.version != VERSION {
            return Err(self.refuse("it was written by another version of kamipay"));
        }
        if head.list != S::NAME {
            let [its, ours] = [&head.list, S::NAME].map(words::command);
            return Err(self.refuse(&format!("it is the state of {its}, not of {ours}")));
        }
        let saved: Content<S> = serde_json::from_slice(&text).map_err(broken)?;
        if saved.whole != this.whole {
            let [its, ours] = [&saved.whole, &this.whole].map(words::query);
            let refusal = self
                .refuse("it is about another period, or has other filters")
                .tip(format!("it is about {its}; this command is about {ours}"));
            return Err(match this.moves {
                true => refusal.tip(
                    "words such as `yesterday` name another period each day: give the period of \
                     the state as times",
                ),
                false => refusal,
            });
        }
        self.check_account(&saved.account, &this.account)?;
        if saved.look_back_seconds != this.look_back_seconds {
            return Err(self.refuse("it has another --look-back"));
        }
        if saved.spreadsheet != this.spreadsheet {
            let word = if saved.spreadsheet { "with" } else { "without" };
            return Err(self.refuse(&format!("its rows are written {word} --spreadsheet")));
        }
        if saved.output != this.output {
            let its = if saved.output == Format::Csv { "csv" } else { "ndjson" };
            return Err(self.refuse(&format!("its rows are written as {its}")));
        }
        Ok(Some(saved))
    }

    fn check_account(&self, its: &Account, ours: &Account) -> Result<(), Failure> {
        if its.base_url != ours.base_url {
            let [its, ours] = [&its.base_url, &ours.base_url];
            return Err(self.refuse(&format!("it is about the API at {its}, not at {ours}")));
        }
        match (&its.username, &ours.username) {
            (Some(its), Some(ours)) if its != ours => {
                Err(self.refuse(&format!("it is about the account of {its}, not of {ours}")))
            }
            _ => Ok(()),
        }
    }

    /// Replaces the file as a whole: there is always an old or a new one.
    fn write<S: Listing>(&self, content: &Content<S>) -> Result<(), Failure> {
        let [_, new, _] = names(&self.path);
        let write = || {
            let mut text = serde_json::to_vec(content)?;
            text.push(b'\n');
            private::replace(&self.path, &new, &text)
        };
        write().map_err(|error: io::Error| {
            Failure::other(format!("cannot save the state in {}: {error}", self.path.display()))
                .tip("what is there is not the whole list")
        })
    }

    fn refuse(&self, why: &str) -> Failure {
        Failure::usage(format!("--resume {}: {why}", self.path.display()))
            .tip("run the command that made it, or name a new file")
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.lock);
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
