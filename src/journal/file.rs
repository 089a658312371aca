//! The file of a journal: a line a record, with a checksum, only ever appended to.

use std::borrow::Cow;
use std::boxed::Box;
use std::collections::HashMap;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::vec::Vec;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::run::random_name;

/// What is recorded of a job that succeeded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record<'a> {
    /// Its key, with the path of the graphs that it is in.
    #[serde(rename = "k", borrow)]
    pub(super) key: Cow<'a, str>,
    #[serde(rename = "v")]
    pub(super) version: u32,
    /// The keys of the jobs that it required, and the digests of their outputs.
    #[serde(rename = "i", borrow)]
    pub(super) inputs: Vec<(Cow<'a, str>, Option<Digest>)>,
    #[serde(rename = "d")]
    pub(super) digest: Digest,
    #[serde(rename = "o", borrow)]
    pub(super) output: &'a RawValue,
}

/// Of an output: xxh3-128 of its JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(pub(super) u128);

impl Digest {
    pub(super) fn of(json: &str) -> Self {
        Self(xxh3_128(json.as_bytes()))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header<'a> {
    /// The format, 1.
    jobgraph: u32,
    /// Of the run that it belongs to, through all its resumptions.
    #[serde(borrow)]
    run: Cow<'a, str>,
}

/// As little of a record as opening needs; the rest has to be there.
#[derive(Deserialize)]
#[expect(dead_code, reason = "looked at later")]
struct Head<'a> {
    #[serde(rename = "k", borrow)]
    key: Cow<'a, str>,
    #[serde(rename = "v")]
    version: IgnoredAny,
    #[serde(rename = "i")]
    inputs: IgnoredAny,
    #[serde(rename = "d")]
    digest: IgnoredAny,
    #[serde(rename = "o")]
    output: IgnoredAny,
}

const FORMAT: u32 = 1;

/// A checksum, and the blank after it.
const PREFIX: usize = 17;

/// What stands in the file, by key: of several records the last.
#[derive(Debug)]
pub(super) struct Journaled {
    text: Box<[u8]>,
    records: HashMap<Box<str>, Range<usize>>,
    pub(super) run: Arc<str>,
    /// How many lines make no sense.
    pub(super) damaged: usize,
}

/// Why a file cannot be opened as a journal.
#[derive(Debug)]
pub(super) enum Refused {
    Io(io::Error),
    /// It is something else.
    Foreign,
    /// It was written by a later version, in this format.
    Format(u32),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Journaled {
    /// Reads what is there, and says how what follows is to begin: behind a line that was cut off, with the end of that.
    pub(super) fn read(file: &mut File) -> Result<(Self, Vec<u8>), Refused> {
        if !file.metadata()?.is_file() {
            return Err(Refused::Foreign);
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let (mut run, mut damaged) = (None, 0);
        let mut records = HashMap::new();
        for range in lines(&text) {
            let Some(json) = checked(&text[range.clone()]) else {
                damaged += 1;
                continue;
            };
            if let Ok(head) = serde_json::from_slice::<Head<'_>>(json) {
                records.insert(head.key.into(), range.start + PREFIX..range.end);
            } else if let Ok(header) = serde_json::from_slice::<Header<'_>>(json) {
                if header.jobgraph != FORMAT {
                    return Err(Refused::Format(header.jobgraph));
                }
                run.get_or_insert(Arc::from(&*header.run));
            } else {
                damaged += 1;
            }
        }
        if run.is_none() && records.is_empty() && !may_be_cut_off(&text) {
            return Err(Refused::Foreign);
        }
        let mut begin = Vec::new();
        if text.last().is_some_and(|&last| last != b'\n') {
            begin.push(b'\n');
        }
        let run = run.unwrap_or_else(|| {
            let run: Arc<str> = random_name().into();
            begin.extend(line(&header(&run)));
            run
        });
        Ok((Self { text: text.into(), records, run, damaged }, begin))
    }

    pub(super) fn record(&self, key: &str) -> Option<Record<'_>> {
        let range = self.records.get(key)?;
        serde_json::from_slice(&self.text[range.clone()]).ok()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.records.contains_key(key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.records.keys().map(|key| &**key)
    }
}

/// Opens a file for what is read, and appended to, by one at a time.
pub(super) fn open(path: &Path, new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    if new {
        options.create_new(true)
    } else {
        options.create(true)
    };
    options.open(path)
}

/// A record as a line.
pub(super) fn record_line(record: &Record<'_>) -> serde_json::Result<Vec<u8>> {
    Ok(line(&serde_json::to_vec(record)?))
}

fn header(run: &str) -> Vec<u8> {
    serde_json::to_vec(&Header { jobgraph: FORMAT, run: run.into() }).unwrap_or_default()
}

fn line(json: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(json.len() + PREFIX + 1);
    // Writing to a `Vec` does not fail.
    let _ = write!(line, "{:016x} ", xxh3_64(json));
    line.extend_from_slice(json);
    line.push(b'\n');
    line
}

/// The JSON of a line whose checksum is right.
fn checked(line: &[u8]) -> Option<&[u8]> {
    let (prefix, json) = line.split_at_checked(PREFIX)?;
    let sum = str::from_utf8(prefix).ok()?.strip_suffix(' ')?;
    let sum = u64::from_str_radix(sum, 16).ok()?;
    (sum == xxh3_64(json)).then_some(json)
}

/// Where the lines are that are not empty.
fn lines(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut begin = 0;
    let ends = memchr::memchr_iter(b'\n', text).chain([text.len()]);
    ends.map(move |end| std::mem::replace(&mut begin, end + 1)..end)
        .filter(|range| range.end > range.start)
}

/// Whether a file is a journal that was cut off in its first line, or damaged there, or is empty: whether it is no longer
/// than that, and all but one of its bytes may stand where they stand.
fn may_be_cut_off(text: &[u8]) -> bool {
    let header = line(&header(&random_name()));
    let may_be = |(at, (byte, known)): &(usize, (&u8, &u8))| {
        let is_random = *at < PREFIX - 1 || byte.is_ascii_hexdigit() && known.is_ascii_hexdigit();
        if is_random { byte.is_ascii_hexdigit() } else { byte == known }
    };
    text.len() <= header.len()
        && text.iter().zip(&header).enumerate().filter(|byte| !may_be(byte)).count()
            <= usize::from(text.len() == header.len())
}
