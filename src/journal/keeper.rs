use std::collections::HashMap;
use std::format;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::string::String;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::vec::Vec;

use rustix::fs::{FlockOperation, flock};
use serde_json::value::RawValue;

use super::error::{JournalError, Why};
use super::file::{Digest, Journaled, Record, Refused, open, record_line};
use super::safe::Syncer;
use crate::run::{Again, Keep, Keeper, Keeping};
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
    known: Journaled,
    state: Mutex<State>,
    syncer: Option<Syncer>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// What comes before the next record: the end of a line that was cut off.
    before: Vec<u8>,
    records: u64,
    /// Of what jobs left behind in this run, restored or done.
    digests: HashMap<Arc<str>, Digest>,
    /// By which graph a key was taken: the jobs around, and their attempts.
    claimed: HashMap<Arc<str>, (Vec<JobId>, Vec<u32>)>,
    /// What jobs of graphs inside left behind in this run: another attempt begins with that.
    fresh: HashMap<Arc<str>, Fresh>,
}

/// As a record is, of this run.
#[derive(Clone, Debug)]
struct Fresh {
    version: u32,
    inputs: Vec<(Arc<str>, Option<Digest>)>,
    digest: Digest,
    output: Arc<str>,
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
        let (digests, claimed, fresh) = <_>::default();
        let mut state = State { file, before, records: 0, digests, claimed, fresh };
        state.append(&[]).map_err(|error| refused(Refused::Io(error)))?;
        Ok(Self { known, state: Mutex::new(state), syncer: None })
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

    /// What its inputs are now.
    fn inputs<'a>(&self, job: &'a Keep) -> impl Iterator<Item = (&'a Arc<str>, Option<Digest>)> {
        job.inputs.iter().map(|key| (key, self.digests.get(key).copied()))
    }
}

impl Fresh {
    fn of(record: Record<'_>) -> Self {
        let inputs = record.inputs.into_iter().map(|(key, digest)| (key.into(), digest));
        let output = record.output.get().into();
        Self { version: record.version, inputs: inputs.collect(), digest: record.digest, output }
    }
}

impl Keeper for Journal {
    fn restore(&self, job: &Keep) -> Result<Arc<str>, Again> {
        if let Some(again) = &job.again {
            return Err(again.clone());
        }
        let mut state = self.state();
        let fresh = state.fresh.get(&job.key).cloned();
        let Some(record) = fresh.or_else(|| self.known.record(&job.key).map(Fresh::of)) else {
            return Err(Again::NoRecord);
        };
        if record.version != job.version {
            return Err(Again::Version { now: job.version, recorded: record.version });
        }
        if !record.inputs.iter().map(|(key, _)| key).eq(&job.inputs) {
            return Err(Again::Inputs);
        }
        for ((key, now), (_, was)) in state.inputs(job).zip(&record.inputs) {
            if now != *was || now.is_none() && job.planning {
                return Err(Again::Input(Arc::clone(key)));
            }
        }
        if Digest::of(&record.output) != record.digest {
            return Err(Again::Unreadable);
        }
        state.digests.insert(Arc::clone(&job.key), record.digest);
        Ok(record.output)
    }

    fn reject(&self, key: &str) {
        self.state().digests.remove(key);
    }

    fn record(&self, job: &Keep, output: &str) -> io::Result<u64> {
        let output: &RawValue = serde_json::from_str(output)?;
        let digest = Digest::of(output.get());
        let mut state = self.state();
        let inputs: Vec<_> =
            state.inputs(job).map(|(key, digest)| (Arc::clone(key), digest)).collect();
        let recorded = inputs.iter().map(|(key, digest)| ((&**key).into(), *digest)).collect();
        let record = Record {
            key: (&*job.key).into(),
            version: job.version,
            inputs: recorded,
            digest,
            output,
        };
        state.append(&record_line(&record)?)?;
        if !job.keeping.path.is_empty() {
            let (version, output) = (job.version, output.get().into());
            state.fresh.insert(Arc::clone(&job.key), Fresh { version, inputs, digest, output });
        }
        state.digests.insert(Arc::clone(&job.key), digest);
        state.records += 1;
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

    fn claim(
        &self,
        graph: &Keeping,
        keys: &mut dyn Iterator<Item = Arc<str>>,
    ) -> Result<(), Arc<str>> {
        let mut state = self.state();
        for key in keys {
            let own = (graph.jobs.clone(), graph.attempts.clone());
            match state.claimed.insert(Arc::clone(&key), own) {
                Some((jobs, attempts)) if jobs != graph.jobs || attempts == graph.attempts => {
                    return Err(key);
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    fn effect(&self, job: &Keep) -> String {
        let state = self.state();
        let mut inputs = xxhash_rust::xxh3::Xxh3::new();
        for (_, digest) in state.inputs(job) {
            inputs.update(&digest.map_or([0; 16], |digest| digest.0.to_le_bytes()));
        }
        format!("{}-{}-{:016x}", self.known.run, job.key, inputs.digest())
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
