//! Reads a backup and checks every line: a checksum covers each.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::output::SQLITE;
use super::writer::TableTrailer;
use crate::digest::{Digest, Digester};
use crate::input::Input;
use crate::source::Source;
use crate::table::{FORMAT, FORMAT_VERSION, Header, Table};

/// The longest line that is read (bytes), so that a foreign file can't fill the memory.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

const GZIP: &[u8] = &[0x1f, 0x8b];

/// The fields of the header that every version of the format has.
#[derive(Deserialize)]
struct Format {
    format: String,
    format_version: u32,
}

/// A backup that is being read. It may have been decompressed, or compressed with gzip by another tool.
pub struct Archive {
    /// As the user named it.
    name: PathBuf,
    input: Box<dyn BufRead>,
    header: Header,
    /// Of all lines so far.
    total: Digester,
}

impl Archive {
    /// Opens a backup and reads its header. Foreign files, newer formats and damage have different
    /// errors.
    pub fn open(input: &Input) -> anyhow::Result<Self> {
        let shown = input.name().display();
        let file = File::open(input.path()).with_context(|| format!("could not open {shown}"))?;
        let mut file = BufReader::new(file);
        let start = file
            .fill_buf()
            .with_context(|| format!("could not read {shown}"))?;
        if start.starts_with(SQLITE) {
            bail!("{shown} is a SQLite database; use `copy`");
        }
        let lines: Box<dyn BufRead> = if start.starts_with(GZIP) {
            Box::new(BufReader::new(MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        let mut archive = Self {
            name: input.name().to_owned(),
            input: lines,
            header: Header::default(),
            total: Digester::default(),
        };
        archive.header = archive.read_header()?;
        Ok(archive)
    }

    /// Reads a whole backup. Returns the header and the digest of each table.
    pub fn verify(input: &Input) -> anyhow::Result<(Header, Vec<Digest>)> {
        let mut archive = Self::open(input)?;
        let digests = archive.all_rows("reading", &mut |_, _| Ok(()))?;
        Ok((archive.header, digests))
    }

    fn read_header(&mut self) -> anyhow::Result<Header> {
        // Checked before the rest of the line is read, which may be long in a foreign file.
        if !self.continues_with(b"{")? {
            return Err(self.foreign());
        }
        let line = self.line()?;
        let format: Format = serde_json::from_str(&line).map_err(|_| self.foreign())?;
        if format.format != FORMAT {
            return Err(self.foreign());
        }
        if format.format_version > FORMAT_VERSION {
            bail!(
                "{} has the format {}, and this version reads up to {FORMAT_VERSION}; use a newer version",
                self.name.display(),
                format.format_version
            );
        }
        self.total.add_line(&line);
        self.parse(&line)
    }

    /// Whether these bytes come next.
    fn continues_with(&mut self, bytes: &[u8]) -> anyhow::Result<bool> {
        let next = self.input.fill_buf().map(|next| next.starts_with(bytes));
        next.map_err(|error| self.unreadable(error))
    }

    /// The next line, with its line feed.
    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let mut input = (&mut self.input).take(LONGEST_LINE);
        let length = input
            .read_line(&mut line)
            .map_err(|error| self.unreadable(error))?;
        if line.ends_with('\n') {
            Ok(line)
        } else if length as u64 == LONGEST_LINE {
            Err(self.damaged("it has a line that is too long"))
        } else {
            Err(self.cut_short())
        }
    }

    fn parse<T: DeserializeOwned>(&self, line: &str) -> anyhow::Result<T> {
        serde_json::from_str(line).map_err(|_| self.damaged("it has an invalid line"))
    }

    fn foreign(&self) -> anyhow::Error {
        anyhow!(
            "{} is not a backup of this site, or was not compressed with gzip",
            self.name.display()
        )
    }

    fn unreadable(&self, error: io::Error) -> anyhow::Error {
        match error.kind() {
            ErrorKind::UnexpectedEof => self.cut_short(),
            ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                self.damaged("it can't be decompressed, or is not text")
            }
            _ => anyhow!(error).context(format!("could not read {}", self.name.display())),
        }
    }

    fn cut_short(&self) -> anyhow::Error {
        anyhow!("{} is cut short: its end is missing", self.name.display())
    }

    fn damaged(&self, how: &str) -> anyhow::Error {
        anyhow!("{} is damaged: {how}", self.name.display())
    }
}

impl Source for Archive {
    fn header(&self) -> &Header {
        &self.header
    }

    fn rows(
        &mut self,
        table: &Table,
        sink: &mut dyn FnMut(&[String]) -> anyhow::Result<()>,
    ) -> anyhow::Result<Digest> {
        let mut digester = Digester::default();
        loop {
            let mut rows = Vec::new();
            while rows.len() < table.batch_size() && self.continues_with(b"[")? {
                rows.push(self.line()?);
            }
            digester.add_rows(&rows);
            self.total.add_rows(&rows);
            sink(&rows)?;
            if rows.len() < table.batch_size() {
                break;
            }
        }
        let line = self.line()?;
        self.total.add_line(&line);
        let trailer: TableTrailer = self.parse(&line)?;
        let digest = digester.finish();
        if trailer.end_of != table.name || trailer.digest != digest || digest.rows != table.rows {
            return Err(self.damaged(&format!(
                "the table {} does not match its row count or checksum",
                table.name
            )));
        }
        Ok(digest)
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        let line = self.line()?;
        if self.parse::<Digest>(&line)? != self.total.clone().finish() {
            return Err(self.damaged("it does not match its row count or checksum"));
        }
        // Reading to the end makes gzip compare its own checksum.
        match self.input.fill_buf() {
            Ok([]) => Ok(()),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(self.cut_short()),
            _ => Err(self.damaged("something follows its end")),
        }
    }
}
