use std::io::{self, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use super::file::RowsFile;
use super::format::Output;
use super::{pager, spreadsheet};
use crate::exit::Failure;
use crate::progress::Progress;
use crate::text::{Escaped, EscapedJson};

/// Standard output or a file, written in whole lines, wherever the program is stopped.
pub(crate) struct Lines {
    ready: String,
    /// How many bytes may be ready. More are written.
    at_once: usize,
    /// Whether a terminal would obey what is written.
    is_terminal: bool,
    /// Whether all lines are shown at once, with the pager if the user has one.
    has_pager: bool,
    /// Whether a spreadsheet would take a cell for a formula.
    is_for_spreadsheet: bool,
    /// The file that replaces standard output.
    file: Option<RowsFile>,
    /// The progress bar on the same terminal.
    progress: Option<Progress>,
}

impl Lines {
    /// What a pipe takes at once, or not at all.
    const AT_ONCE: usize = 4096;

    /// To standard output.
    pub(crate) fn new() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            ready: String::new(),
            at_once: Self::AT_ONCE,
            is_terminal,
            has_pager: false,
            is_for_spreadsheet: false,
            file: None,
            progress: None,
        }
    }

    /// To a file.
    pub(crate) fn to_file(file: RowsFile) -> Self {
        Self { file: Some(file), is_terminal: false, ..Self::new() }
    }

    /// Keeps all lines until they are flushed.
    pub(crate) fn held(self) -> Self {
        Self { at_once: usize::MAX, ..self }
    }

    /// To standard output. On a terminal the progress bar makes room for the lines.
    pub(crate) fn beside(progress: &Progress) -> Self {
        let lines = Self::new();
        Self { progress: lines.is_terminal.then(|| progress.clone()), ..lines }
    }

    /// Keeps all lines until they are flushed, and then shows them with the pager. For a terminal.
    pub(crate) fn with_pager(self) -> Self {
        Self { has_pager: self.is_terminal, ..self }
    }

    /// With the settings of these arguments.
    pub(crate) fn for_output(self, output: Output) -> Self {
        Self { is_for_spreadsheet: output.is_for_spreadsheet(), ..self }
    }

    /// The file that the lines go to, if they do.
    pub(crate) fn file(&self) -> Option<&RowsFile> {
        self.file.as_ref()
    }

    /// The lines that are not written yet.
    pub(crate) fn ready(&self) -> &str {
        &self.ready
    }

    /// Text with styles, which are left out where standard output does not show them.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        let plain;
        let text = match AutoStream::choice(&io::stdout()) {
            ColorChoice::Never => {
                plain = anstream::adapter::strip_str(text).to_string();
                &plain
            }
            _ => text,
        };
        text.split_inclusive('\n').try_for_each(|line| self.line(line))
    }

    /// A line of JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        self.json_text(&json(value, serde_json::to_string)?)
    }

    /// JSON without its last line end.
    pub(super) fn json_text(&mut self, text: &str) -> Result<(), Failure> {
        if self.is_terminal {
            return self.line(&format!("{}\n", EscapedJson(text)));
        }
        self.line(&format!("{text}\n"))
    }

    /// A line with its end.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        if !self.has_pager && self.ready.len() + line.len() > self.at_once {
            self.flush()?;
        }
        self.ready.push_str(line);
        Ok(())
    }

    /// A row of CSV.
    pub(crate) fn csv(&mut self, record: impl Serialize) -> Result<(), Failure> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        let broken =
            |error: &dyn std::fmt::Display| Failure::other(format!("cannot be written: {error}"));
        writer.serialize(record).map_err(|error| broken(&error))?;
        let line = writer.into_inner().map_err(|error| broken(&error))?;
        let line = match self.is_for_spreadsheet {
            true => spreadsheet::harmless(&line).map_err(|error| broken(&error))?,
            false => line,
        };
        let line = String::from_utf8(line).map_err(|error| broken(&error))?;
        match line.strip_suffix('\n') {
            Some(cells) if self.is_terminal => self.line(&format!("{}\n", Escaped(cells))),
            _ => self.line(&line),
        }
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        if self.ready.is_empty() {
            return Ok(());
        }
        if self.has_pager {
            if let Some(progress) = &self.progress {
                progress.end();
            }
            if pager::show(&self.ready)? {
                self.ready.clear();
                return Ok(());
            }
        }
        if let Some(file) = &mut self.file {
            file.append(self.ready.as_bytes())?;
        } else {
            let write = || {
                let mut out = io::stdout().lock();
                out.write_all(self.ready.as_bytes())?;
                out.flush()
            };
            match &self.progress {
                Some(progress) => progress.aside(write)?,
                None => write()?,
            }
        }
        self.ready.clear();
        Ok(())
    }
}

/// The JSON of a model. Money is a string in it, so nothing is rounded.
pub(super) fn json<T: Serialize>(
    value: &T,
    write: impl FnOnce(&T) -> serde_json::Result<String>,
) -> Result<String, Failure> {
    write(value).map_err(|error| Failure::other(format!("cannot be written as JSON: {error}")))
}

/// Whether standard output was closed when the program began.
///
/// Rust opens /dev/null in its place, for reading and writing. A shell's `> /dev/null` is for writing
/// only.
#[cfg(unix)]
pub(crate) fn is_closed() -> bool {
    use std::os::unix::fs::MetadataExt as _;

    use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};

    let out = io::stdout();
    let (Ok(flags), Ok(known)) = (fcntl_getfl(&out), fstat(&out)) else { return true };
    flags & OFlags::RWMODE == OFlags::RDWR
        && FileType::from_raw_mode(known.st_mode) == FileType::CharacterDevice
        && std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == known.st_rdev)
}

#[cfg(not(unix))]
pub(crate) fn is_closed() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(is_terminal: bool, write: impl FnOnce(&mut Lines)) -> String {
        let mut lines = Lines { is_terminal, ..Lines::new() };
        write(&mut lines);
        lines.ready
    }

    #[test]
    fn data_does_not_move_the_cursor_of_a_terminal() {
        let evil = "\u{1b}]0;owned\u{7}\u{9b}2J\u{7f}\u{202e}\r\nx,\"y\" João";
        let csv = |lines: &mut Lines| lines.csv([evil, "1.50"]).unwrap();
        let shown = written(true, csv);
        let words = r#"\u{1b}]0;owned\u{7}\u{9b}2J\u{7f}\u{202e}\u{d}\u{a}x,""y"" João"#;
        assert_eq!(shown, format!("\"{words}\",1.50\n"));
        assert!(written(false, csv).contains(&evil.replace('"', "\"\"")));

        let value = std::collections::BTreeMap::from([("name", evil), ("other", "\u{2066}")]);
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        for write in [&|lines: &mut Lines| lines.json(&value).unwrap(), &|lines: &mut Lines| {
            lines.json_text(&pretty).unwrap()
        }] as [&dyn Fn(&mut Lines); 2]
        {
            let shown = written(true, write);
            assert!(shown.contains(r"owned\u0007\u009b2J\u007f\u202e\r\nx"), "{shown}");
            assert!(shown.chars().all(|char| char == '\n' || !char.is_control()), "{shown}");
            let [shown, piped] = [&shown, &written(false, write)]
                .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
            assert_eq!((&shown, shown["name"].as_str()), (&piped, Some(evil)));
        }
        assert_eq!(written(false, |lines| lines.json_text(&pretty).unwrap()), pretty + "\n");
    }
}
