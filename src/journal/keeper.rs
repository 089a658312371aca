use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::vec::Vec;

use rustix::fs::{FlockOperation, flock};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::Xxh3;

use super::error::{JournalError, Why};
use super::file::{Digest, Journaled, Record, Refused, open, record_line};
use super::safe::Syncer;
use crate::run::{Again, Keep, Keeper, Keeping, Origin, Place, Recorded, Whence};
use crate::{Graph, JobId, Payload};

/// How safe what a job left behind is before it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// It survives the death of this process, however it comes: it is written.
    #[default]
    Process,
    /// It survives the loss of power: it is on the disk (`fdatasync`, one for all that wait for it).
    Power,
}

/// A file that knows what durable jobs left behind: see [`journal`](crate::journal).
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    known: Journaled,
    // It ends before the file is unlocked.
    syncer: Option<Syncer>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// What comes before the next record: the end of a line that was cut off.
    before: Vec<u8>,
    records: u64,
    /// Of what jobs left behind in this run, restored or done.
    digests: HashMap<Arc<str>, u128>,
    /// The same, of those with a path, in order.
    inside: BTreeMap<Arc<str>, u128>,
    /// By which graph a key was taken.
    claimed: HashMap<Arc<str>, Claim>,
    /// What jobs of graphs inside left behind in this run: another attempt begins with that.
    fresh: HashMap<Arc<str>, Fresh>,
}

/// The jobs around a graph, which of their graphs these are, and in which of their attempts.
#[derive(Debug)]
struct Claim {
    jobs: Vec<JobId>,
    graphs: Vec<u32>,
    attempts: Vec<u32>,
}

/// As a record is, of this run.
#[derive(Debug)]
struct Fresh {
    version: u32,
    inputs: Origin,
    recorded: Recorded,
}

impl Journal {
    /// A new journal.
    ///
    /// # Errors
    /// [`JournalError`] if the file exists, or cannot be made.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        Self::open(path.as_ref(), true)
    }

    /// The journal of a run that is to go on; a new one, if there is none. O(bytes).
    ///
    /// # Errors
    /// [`JournalError`] if another process has it, or if the file is no journal, or cannot be read or written.
    pub fn resume(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        Self::open(path.as_ref(), false)
    }

    fn open(path: &Path, new: bool) -> Result<Self, JournalError> {
        let refused = |refused| JournalError::new(path, Why::Refused(refused));
        let mut file = open(path, new).map_err(|error| refused(Refused::Io(error)))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            if error == rustix::io::Errno::WOULDBLOCK {
                JournalError::new(path, Why::Taken)
            } else {
                refused(Refused::Io(error.into()))
            }
        })?;
        let (known, before) = Journaled::read(&mut file).map_err(refused)?;
        let (digests, inside, claimed, fresh) = <_>::default();
        let mut state = State { file, before, records: 0, digests, inside, claimed, fresh };
        state.append(&[]).map_err(|error| refused(Refused::Io(error)))?;
        Ok(Self { path: path.into(), known, state: Mutex::new(state), syncer: None })
    }

    /// How safe a record is before its job counts as done: [`Sync::Process`] unless said otherwise.
    ///
    /// # Errors
    /// If no thread can be started for it.
    pub fn sync(mut self, sync: Sync) -> io::Result<Self> {
        self.syncer = match sync {
            Sync::Process => None,
            Sync::Power => {
                let file = self.state().file.try_clone()?;
                file.sync_all()?;
                // The name of a new file is kept by its folder.
                let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
                File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
                Some(Syncer::start(file)?)
            }
        };
        Ok(self)
    }

    /// What names the run through all its resumptions.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.known.run
    }

    /// How many lines were damaged, and skipped.
    #[must_use]
    pub fn damaged(&self) -> usize {
        self.known.damaged
    }

    /// The keys that are recorded, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.known.keys()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for State {
    /// A process that is being started elsewhere in this one has the file too, for a moment, and with it the lock.
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl State {
    fn note(&mut self, key: &Arc<str>, digest: Option<u128>) {
        let has_path = key.contains('/');
        if let Some(digest) = digest {
            self.digests.insert(Arc::clone(key), digest);
        } else {
            self.digests.remove(key);
        }
        match digest {
            _ if !has_path => {}
            Some(digest) => drop(self.inside.insert(Arc::clone(key), digest)),
            None => drop(self.inside.remove(key)),
        }
    }

    /// In one piece, so that what is written is a line or a part of one.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let bytes = [&*self.before, line].concat();
        if bytes.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&bytes);
        self.before = if written.is_ok() { Vec::new() } else { b"\n".to_vec() };
        written
    }
}

/// Whether what is recorded of a job counts.
fn counts<'a>(
    job: &Keep,
    version: u32,
    inputs: impl ExactSizeIterator<Item = (&'a str, Option<u128>)>,
) -> Result<(), Again> {
    if version != job.version {
        return Err(Again::Version { now: job.version, recorded: version });
    }
    let mut changed = None;
    let mut is_other = inputs.len() != job.inputs.len();
    let (mut of_any, mut is_same) = (None, false);
    for ((was, before), Whence { name, digest: now, is_any }) in inputs.zip(&job.inputs) {
        is_other |= was != &**name;
        // What has left nothing behind is not the same as anything; unless one of several is enough, and another one did.
        let is_missing = before.is_none() || now.is_none();
        if *is_any {
            of_any = Some(name);
            is_same |= !is_missing && before == *now;
        }
        if before != *now && !(*is_any && is_missing) || now.is_none() && !is_any {
            changed.get_or_insert(name);
        }
    }
    let changed = changed.or(of_any.filter(|_| !is_same));
    match changed {
        _ if is_other => Err(Again::Inputs),
        Some(name) => Err(Again::Input(Arc::clone(name))),
        None => Ok(()),
    }
}

impl Keeper for Journal {
    fn look_up(&self, job: &Keep) -> Result<Recorded, Again> {
        if let Some(again) = &job.again {
            return Err(again.clone());
        }
        if let Some(fresh) = self.state().fresh.get(&job.key) {
            let inputs = fresh.inputs.iter().map(|from| (&*from.name, from.digest));
            return counts(job, fresh.version, inputs).map(|()| fresh.recorded.clone());
        }
        let record = self.known.record(&job.key).ok_or(Again::NoRecord)?;
        let digests =
            record.inputs.iter().map(|(key, digest)| (&**key, digest.map(|digest| digest.0)));
        counts(job, record.version, digests)?;
        if Digest::of(record.output.get()) != record.digest {
            return Err(Again::Unreadable);
        }
        Ok(Recorded { output: record.output.get().into(), digest: record.digest.0 })
    }

    fn has(&self, key: &str) -> bool {
        self.known.has(key) || self.state().fresh.contains_key(key)
    }

    fn note(&self, key: &Arc<str>, digest: Option<u128>) {
        self.state().note(key, digest);
    }

    fn digest(&self, key: &str) -> Option<u128> {
        self.state().digests.get(key).copied()
    }

    fn record(&self, job: &Keep, output: &str) -> io::Result<u64> {
        // A line is a record: in JSON the end of one means nothing.
        let output = output.replace(['\n', '\r'], " ");
        let digest = Digest::of(&output);
        let inputs = job.inputs.iter().map(|from| ((&*from.name).into(), from.digest.map(Digest)));
        let record = Record {
            key: (&*job.key).into(),
            version: job.version,
            inputs: inputs.collect(),
            digest,
            output: serde_json::from_str::<&RawValue>(&output)?,
        };
        let line = record_line(&record)?;
        let mut state = self.state();
        state.append(&line)?;
        state.records += 1;
        state.note(&job.key, Some(digest.0));
        if job.is_inside {
            let recorded = Recorded { output: output.into(), digest: digest.0 };
            let fresh = Fresh { version: job.version, inputs: job.inputs.clone(), recorded };
            state.fresh.insert(Arc::clone(&job.key), fresh);
        }
        let ticket = state.records;
        if let Some(syncer) = &self.syncer {
            syncer.note(ticket);
        }
        Ok(ticket)
    }

    fn poll_safe(
        &self,
        ticket: u64,
        is_virtual: bool,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match &self.syncer {
            Some(_) if is_virtual => Poll::Ready(self.state().file.sync_data()),
            Some(syncer) => syncer.poll(ticket, cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn claim(&self, place: &Place, key: &Arc<str>) -> bool {
        let Place { jobs, graphs, attempts, .. } = place;
        let claimed = &mut self.state().claimed;
        let is_free = claimed
            .get(key)
            .is_none_or(|by| by.jobs == *jobs && by.graphs == *graphs && by.attempts != *attempts);
        if is_free {
            let (jobs, graphs, attempts) = (jobs.clone(), graphs.clone(), attempts.clone());
            claimed.insert(Arc::clone(key), Claim { jobs, graphs, attempts });
        }
        is_free
    }

    fn release(&self, key: &str) {
        self.state().claimed.remove(key);
    }

    fn digest_of_all(&self, path: &str) -> Option<u128> {
        let state = self.state();
        let from = (Bound::Included(path), Bound::Unbounded);
        let inside = state.inside.range::<str, _>(from);
        let mut all = None::<Xxh3>;
        for (key, digest) in inside.take_while(|(key, _)| key.starts_with(path)) {
            let all = all.get_or_insert_default();
            all.update(key.as_bytes());
            all.update(&digest.to_le_bytes());
        }
        all.map(|all| all.digest128())
    }

    fn run_name(&self) -> &Arc<str> {
        &self.known.run
    }
}

impl<P: Payload> Graph<P> {
    /// What its [durable](crate::Job::durable) jobs leave behind is recorded there, and what is recorded is restored.
    #[must_use]
    pub fn journal(mut self, journal: Journal) -> Self {
        self.durables.keeping = Some(Keeping::new(Arc::new(journal)));
        self
    }
}
