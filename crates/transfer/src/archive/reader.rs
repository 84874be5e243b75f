//! Reading a backup: every line is checked on the way.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use flate2::bufread::GzDecoder;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::line::{End, Format, TableEnd};
use super::{FORMAT, FORMAT_VERSION, GZIP};
use crate::batch::{BATCH, Batch, Digest, Digester};
use crate::progress::Progress;
use crate::source::Source;
use crate::table::{Header, Table};

/// The longest line that is read; a file from elsewhere shall not fill the memory.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// A backup that is being read.
pub struct Archive {
    path: PathBuf,
    input: BufReader<GzDecoder<BufReader<File>>>,
    hasher: Sha256,
    header: Header,
    /// How many rows were read.
    rows: u64,
}

impl Archive {
    /// Opens a backup and reads its header.
    ///
    /// # Errors
    /// What is no backup, or one of a newer format, is told apart from what is damaged.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut file =
            BufReader::new(File::open(path).with_context(|| format!("cannot open {shown}"))?);
        let start = file
            .fill_buf()
            .with_context(|| format!("cannot read {shown}"))?;
        if start.is_empty() {
            bail!("{shown} is empty");
        }
        if !start.starts_with(&GZIP) {
            bail!("{shown} is no backup of this site");
        }
        let mut archive = Self {
            path: path.to_owned(),
            input: BufReader::new(GzDecoder::new(file)),
            hasher: Sha256::new(),
            header: Header {
                format: String::new(),
                format_version: 0,
                program: String::new(),
                revision: String::new(),
                created_at: String::new(),
                database: String::new(),
                migrations: Vec::new(),
                tables: Vec::new(),
            },
            rows: 0,
        };
        archive.header = archive.read_header()?;
        Ok(archive)
    }

    /// Reads a whole backup, and says what its tables amount to.
    pub fn verify(path: &Path) -> anyhow::Result<(Header, Vec<Digest>)> {
        let mut archive = Self::open(path)?;
        let header = archive.header.clone();
        let progress = Progress::new("reading", header.rows());
        let mut digests = Vec::new();
        for table in &header.tables {
            digests.push(archive.rows(table, &mut |batch| {
                progress.add(batch.rows);
                Ok(())
            })?);
        }
        archive.finish()?;
        Ok((header, digests))
    }

    fn read_header(&mut self) -> anyhow::Result<Header> {
        let line = self.line()?;
        let format: Option<Format> = serde_json::from_slice(&line).ok();
        match format {
            Some(format) if format.format == FORMAT => {
                if format.format_version > FORMAT_VERSION {
                    bail!(
                        "{} has the format {}, and this version reads up to {FORMAT_VERSION}; use a newer one",
                        self.path.display(),
                        format.format_version
                    );
                }
            }
            _ => bail!("{} is no backup of this site", self.path.display()),
        }
        self.hasher.update(&line);
        self.parse(&line)
    }

    /// The next line, with its line feed.
    fn line(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut input = (&mut self.input).take(LONGEST_LINE);
        if let Err(error) = input.read_until(b'\n', &mut line) {
            return Err(match error.kind() {
                ErrorKind::UnexpectedEof => self.cut_short(),
                ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                    self.damaged("it does not unpack")
                }
                _ => anyhow!(error).context(format!("cannot read {}", self.path.display())),
            });
        }
        match line.last() {
            Some(b'\n') => Ok(line),
            Some(_) if line.len() as u64 == LONGEST_LINE => {
                Err(self.damaged("it has a line that is too long"))
            }
            _ => Err(self.cut_short()),
        }
    }

    fn parse<T: DeserializeOwned>(&self, line: &[u8]) -> anyhow::Result<T> {
        serde_json::from_slice(line)
            .map_err(|_| self.damaged("it has a line that is not understood"))
    }

    fn check_row(&self, table: &Table, line: &[u8]) -> anyhow::Result<()> {
        let values: Vec<Value> = self.parse(line)?;
        let fits = values.len() == table.columns.len()
            && table.columns.iter().zip(values).all(|(column, value)| {
                column.kind.canonical(value.clone()).as_ref() == Some(&value)
            });
        if fits {
            Ok(())
        } else {
            Err(self.damaged(&format!(
                "a row of the table {} is not what the header says",
                table.name
            )))
        }
    }

    fn cut_short(&self) -> anyhow::Error {
        anyhow!("{} is cut short: its end is missing", self.path.display())
    }

    fn damaged(&self, how: &str) -> anyhow::Error {
        anyhow!("{} is damaged: {how}", self.path.display())
    }
}

impl Source for Archive {
    fn header(&self) -> &Header {
        &self.header
    }

    fn rows(
        &mut self,
        table: &Table,
        take: &mut dyn FnMut(Batch) -> anyhow::Result<()>,
    ) -> anyhow::Result<Digest> {
        let mut digester = Digester::default();
        let mut batch = Batch::default();
        loop {
            let line = self.line()?;
            self.hasher.update(&line);
            let is_row = line.starts_with(b"[");
            if is_row {
                self.check_row(table, &line)?;
                batch.lines.extend_from_slice(&line);
                batch.rows += 1;
                self.rows += 1;
            }
            if batch.rows == BATCH || (!is_row && batch.rows > 0) {
                digester.add(&batch);
                take(std::mem::take(&mut batch))?;
            }
            if !is_row {
                let digest = digester.finish();
                let told: TableEnd = self.parse(&line)?;
                if told != TableEnd::new(&table.name, &digest) || digest.rows != table.rows {
                    return Err(self.damaged(&format!(
                        "the table {} differs from its count or checksum",
                        table.name
                    )));
                }
                return Ok(digest);
            }
        }
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        let expected = End::new(self.rows, hex::encode(self.hasher.clone().finalize()));
        let line = self.line()?;
        let told: End = self.parse(&line)?;
        if told != expected {
            return Err(self.damaged("it differs from its count or checksum"));
        }
        // Reading on to the end makes gzip compare its own checksum.
        match self.input.fill_buf() {
            Ok([]) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(self.cut_short());
            }
            _ => return Err(self.damaged("it goes on after its end")),
        }
        match self.input.get_mut().get_mut().fill_buf() {
            Ok([]) => Ok(()),
            _ => Err(self.damaged("something follows its end")),
        }
    }
}
