//! What has to be true of a run, by what its bodies, its facts and its report say.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::atomic::Ordering::SeqCst;

use jobgraph::{
    Condition, Fact, FactKind, Failure, Handle, JobError, JobId, JobReport, JobState, Outcome,
    SendReport, SkipReason, Verdict,
};

use crate::bodies::{Life, World};
use crate::plan::{End, JobPlan, OnDrop};

type Checked = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

fn equal<T: PartialEq + Debug + Copy>(one: T, other: T, what: impl FnOnce() -> String) -> Checked {
    ensure(one == other, || format!("{}: {one:?} and {other:?}", what()))
}

/// What holds whether the run returned or was dropped.
pub(crate) fn lives(world: &World) -> Checked {
    if let Some(fault) = world.faults.lock().unwrap().first() {
        return Err(fault.clone());
    }
    let all: Vec<Vec<Life>> =
        world.jobs.iter().map(|job| job.lives.lock().unwrap().clone()).collect();
    for (job, lives) in all.iter().enumerate() {
        ensure(lives.iter().all(|life| life.gone.is_some()), || format!("job {job} is not gone"))?;
        for two in lives.windows(2) {
            let in_turn = two[0].attempt < two[1].attempt && two[0].gone < two[1].begun;
            ensure(in_turn || two[1].begun.is_none(), || {
                format!("job {job}: an attempt begins before the one before is gone: {two:?}")
            })?;
        }
        let Some(begun) = lives.iter().find_map(|life| life.begun) else { continue };
        for (required, condition) in &world.plan.jobs[job].requires {
            let plan = &world.plan.jobs[*required];
            ensure(permits(plan, &all[*required], *condition, begun), || {
                format!(
                    "job {job} begins at {begun}, but requires {required}: {:?}",
                    all[*required]
                )
            })?;
        }
    }
    Ok(())
}

/// Whether what is required was so by then.
fn permits(plan: &JobPlan, lives: &[Life], condition: Condition, begun: u64) -> bool {
    let was = |event: Option<u64>| event.is_some_and(|event| event < begun);
    let gone_if_begun = |life: &Life| life.begun.is_none() || was(life.gone);
    let failed = |life: &Life| {
        was(life.gone)
            && (life.panicked_in_drop || matches!(life.ended, Some(End::Fail | End::Panic)))
    };
    // The body of an attempt whose time ran out may be there still, or begin in that very moment.
    let may_linger = plan.timeout.is_some();
    match condition {
        Condition::Succeeded if plan.kind.is_service() => lives.iter().any(|life| was(life.ready)),
        Condition::Succeeded => lives.last().is_some_and(|life| {
            was(life.gone) && life.ended == Some(End::Return) && !life.panicked_in_drop
        }),
        _ if may_linger => true,
        Condition::Failed => lives.last().is_some_and(failed) && lives.iter().all(gone_if_begun),
        Condition::Settled if plan.kind.is_service() => {
            lives.iter().any(|life| was(life.ready)) || lives.iter().all(gone_if_begun)
        }
        Condition::Finished | Condition::Settled => lives.iter().all(gone_if_begun),
        Condition::Any => unreachable!("none is planned"),
    }
}

/// What holds of a run that returned.
pub(crate) fn report(world: &World, report: &SendReport, handles: &[Handle<usize>]) -> Checked {
    let mut listed = vec![false; world.jobs.len()];
    let by_id: HashMap<JobId, usize> = report.jobs().map(|job| (job.id(), index(&job))).collect();
    for job in report.jobs() {
        let index = index(&job);
        ensure(!std::mem::replace(&mut listed[index], true), || format!("{index} is there twice"))?;
        let output = handles.get(index).and_then(|handle| report.output(handle)).copied();
        job_report(world, index, &job, &by_id, report)
            .and_then(|()| match job.outcome() {
                Some(Outcome::Succeeded) if index < handles.len() && !is_service(world, index) => {
                    equal(output, Some(index), || "output".into())
                }
                _ => Ok(()),
            })
            .map_err(|what| format!("job {index}, {:?}: {what}", job.outcome()))?;
    }
    // A run whose finite jobs have not all ended is not complete when it hears of a stop.
    let is_heard = |job: usize| {
        let lives = world.jobs[job].lives.lock().unwrap();
        world.plan.jobs[job].kind.is_finite() && lives.iter().any(|life| life.waited_after_stop)
    };
    let was_heard = (0..world.jobs.len()).any(is_heard);
    ensure(!was_heard || report.verdict() != Verdict::Completed, || "a stop was not heard".into())?;
    for (job, listed) in listed.into_iter().enumerate() {
        let begun = world.jobs[job].lives.lock().unwrap().iter().any(|life| life.begun.is_some());
        ensure(listed || world.plan.jobs[job].added && !begun, || {
            format!("job {job} is not in the report")
        })?;
    }
    Ok(())
}

fn index(job: &JobReport<'_>) -> usize {
    job.label().and_then(|label| label.parse().ok()).expect("a label")
}

fn is_service(world: &World, job: usize) -> bool {
    world.plan.jobs[job].kind.is_service()
}

fn job_report(
    world: &World,
    index: usize,
    job: &JobReport<'_>,
    by_id: &HashMap<JobId, usize>,
    report: &SendReport,
) -> Checked {
    let (plan, story) = (&world.plan.jobs[index], &world.jobs[index]);
    let lives = story.lives.lock().unwrap().clone();
    let begun: Vec<&Life> = lives.iter().filter(|life| life.begun.is_some()).collect();
    let outcome = job.outcome().ok_or("no outcome")?;
    let known = begun.iter().all(|life| life.attempt <= job.attempts());
    ensure(known, || format!("{} attempts, but {begun:?}", job.attempts()))?;
    ensure(job.attempts() <= plan.retries + 1, || "an attempt too many".into())?;
    let last = lives.iter().find(|life| life.attempt == job.attempts());
    ended(plan, last, outcome, job.error(), report.verdict())?;
    if let Outcome::Skipped(SkipReason::Requirement(required)) = outcome {
        let required = by_id.get(&required).ok_or("skipped because of nobody")?;
        let named = plan.requires.iter().any(|(index, _)| index == required);
        ensure(named, || format!("skipped because of {required}"))?;
    }
    if world.stops.load(SeqCst) < 3 {
        let hooks = usize::from(plan.hook && job.attempts() > 0);
        equal(story.hooks.load(SeqCst), hooks, || "hooks".into())?;
    }
    // Whether a panic in the poll in which a body ended was one of its `Drop` nobody can tell.
    let dropped = lives.iter().filter(|life| life.panicked_in_drop && life.ended.is_none()).count();
    let mishaps = report.mishaps().filter(|mishap| mishap.job == Some(job.id())).count();
    equal(mishaps, dropped, || format!("mishaps, for {lives:?}"))?;
    let in_trouble = report.failures().any(|other| other.id() == job.id());
    ensure(in_trouble || mishaps == 0 && job.error().is_none(), || "no failure".into())
}

/// Whether an attempt may have ended so that was as its body saw it.
fn ended(
    plan: &JobPlan,
    life: Option<&Life>,
    outcome: Outcome,
    error: Option<&JobError>,
    verdict: Verdict,
) -> Checked {
    let begun = life.is_some_and(|life| life.begun.is_some());
    let end = life.and_then(|life| life.ended);
    let in_drop = life.is_some_and(|life| life.panicked_in_drop && life.ended.is_some());
    let holds = match (outcome, error) {
        (Outcome::Succeeded, None) => end == Some(End::Return) && !in_drop,
        (Outcome::Failed(Failure::Error), Some(JobError::Error(error))) => {
            end == Some(End::Fail) && !in_drop && error.to_string().starts_with("planned: failure")
        }
        (Outcome::Failed(Failure::Panic), Some(JobError::Panic(panic))) => {
            let what = panic.message();
            in_drop && what.starts_with("planned: drop")
                || end == Some(End::Panic) && what.starts_with("planned: panic")
        }
        (Outcome::Failed(Failure::TimedOut), Some(JobError::TimedOut)) => plan.timeout.is_some(),
        (Outcome::Failed(Failure::NeverReady), Some(JobError::NeverReady)) => {
            let ready = life.is_some_and(|life| life.ready.is_some());
            plan.kind.is_service() && end == Some(End::Return) && !ready
        }
        (Outcome::Cancelled, None) => {
            end == Some(End::Quit) && !in_drop
                || verdict != Verdict::Completed
                || !plan.kind.is_finite()
        }
        (Outcome::Skipped(_), None) => !begun,
        _ => false,
    };
    ensure(holds, || format!("{error:?}, but the body saw {life:?}"))
}

/// What the facts of a run come to.
#[derive(Default)]
struct Told {
    state: Option<JobState>,
    label: Option<usize>,
    attempts: u32,
}

/// Whether the facts come to what the report says.
pub(crate) fn facts(world: &World, facts: &[Fact], report: &SendReport) -> Checked {
    let mut jobs: HashMap<JobId, Told> = HashMap::new();
    let mut mishaps = 0;
    let begun = facts.iter().position(|fact| matches!(fact.what, FactKind::Begun { .. }));
    equal(begun, Some(0), || "the first fact".into())?;
    let over = facts.iter().position(|fact| matches!(fact.what, FactKind::Over(_)));
    equal(over, Some(facts.len() - 1), || "the last fact".into())?;
    for fact in facts {
        match &fact.what {
            FactKind::Added(info) => {
                let label = info.label.as_deref().and_then(|label| label.parse().ok());
                let told = Told { state: Some(JobState::Waiting), label, attempts: 0 };
                let before = jobs.insert(info.id, told);
                ensure(before.is_none(), || format!("{fact}: again"))?;
            }
            FactKind::State { id, from, to, error } => {
                let told = jobs.entry(*id).or_default();
                equal(told.state.replace(*to), Some(*from), || {
                    format!("{fact}: the state before")
                })?;
                if let JobState::Running { attempt } = to {
                    told.attempts += 1;
                    equal(told.attempts, *attempt, || format!("{fact}: attempts"))?;
                } else if let (Some(number), Some(error)) = (from.attempt(), error) {
                    failure_told(world, told.label, number, error)?;
                }
            }
            FactKind::Mishap(_) => mishaps += 1,
            FactKind::Over(verdict) => equal(*verdict, report.verdict(), || "verdict".into())?,
            _ => {}
        }
    }
    equal(mishaps, report.mishaps().count(), || "mishaps that were told".into())?;
    equal(jobs.len(), report.jobs().count(), || "jobs that were told".into())?;
    for job in report.jobs() {
        let told = jobs.remove(&job.id()).unwrap_or_default();
        let told = (told.state.and_then(JobState::outcome), told.attempts);
        equal(told, (job.outcome(), job.attempts()), || {
            format!("{}: facts and report", job.name())
        })?;
    }
    Ok(())
}

/// Whether a failure that is told is one that the body of that attempt saw.
fn failure_told(world: &World, job: Option<usize>, attempt: u32, error: &JobError) -> Checked {
    let job = job.ok_or("a job without a label")?;
    let plan = &world.plan.jobs[job];
    let lives = world.jobs[job].lives.lock().unwrap();
    let life = lives.iter().find(|life| life.attempt == attempt);
    let end = life.and_then(|life| life.ended);
    let in_drop = plan.on_drop == OnDrop::Panic && end.is_some();
    let holds = match error {
        JobError::Error(_) => end == Some(End::Fail),
        JobError::Panic(_) => end == Some(End::Panic) || in_drop,
        JobError::TimedOut => plan.timeout.is_some(),
        JobError::NeverReady => end == Some(End::Return),
        _ => false,
    };
    ensure(holds, || format!("job {job}, attempt {attempt}: {error} is told, but {life:?}"))
}
