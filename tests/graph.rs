//! Building a graph, asking about it and changing it.

use std::collections::BTreeSet;
use std::fmt::{Display, Write};

use expect_test::{Expect, expect};
use jobgraph::{
    Completion, Condition, GraphError, InputError, JobId, JobOptions, JobState, Orchestrator,
    RunOptions, Timestamp,
};

type Graph = Orchestrator<&'static str>;
type Edit = fn(&mut Graph, JobId, JobId) -> Result<(), GraphError>;

const NOW: Timestamp = Timestamp::ZERO;

fn new() -> Graph {
    Orchestrator::new(RunOptions { record: true, ..RunOptions::default() })
}

/// Adds a finite job whose payload is its label, too.
fn add(graph: &mut Graph, label: &'static str, required: &[JobId]) -> JobId {
    add_with(graph, label, JobOptions::default(), required)
}

fn add_with(
    graph: &mut Graph,
    label: &'static str,
    mut options: JobOptions,
    required: &[JobId],
) -> JobId {
    let requirements: Vec<_> = required.iter().map(|&job| (job, Condition::Succeeded)).collect();
    options.label = Some(label.into());
    graph.add(label, options, &requirements).unwrap()
}

fn critical() -> JobOptions {
    JobOptions { critical: true, ..JobOptions::default() }
}

/// Everything that can be asked about a graph.
fn picture(graph: &Graph) -> String {
    let mut text = String::new();
    for job in graph.jobs() {
        write!(text, "{job} {}:", graph.payload(job).unwrap()).unwrap();
        for (required, condition) in graph.requirements(job) {
            write!(text, " {required} {condition}").unwrap();
        }
        text.push_str(" |");
        for (dependent, condition) in graph.dependents(job) {
            write!(text, " {dependent} {condition}").unwrap();
        }
        assert!(graph.dependents_of_all().of(job).eq(graph.dependents(job)));
        writeln!(text, " | {}", graph.state(job).unwrap()).unwrap();
    }
    writeln!(text, "{}, {} requirements", graph.counts(), graph.requirement_count()).unwrap();
    let order = graph.topological_order().map(|order| format!("{order:?}"));
    writeln!(text, "{}", order.unwrap_or_else(|error| error.to_string())).unwrap();
    text
}

/// The text of an error reads well after `tool: `, and its `Debug` in the same way.
#[track_caller]
fn check(error: &(impl Display + std::fmt::Debug), expected: &Expect) {
    let text = error.to_string();
    assert!(text.starts_with(|first: char| first.is_lowercase() || first == '#'), "{text}");
    assert!(!text.ends_with('.'), "{text}");
    assert_eq!(format!("{error:?}"), text);
    expected.assert_eq(&text);
}

/// That this is refused, with this text, and changes nothing.
#[track_caller]
fn refuses<T: std::fmt::Debug, E: Display + std::fmt::Debug>(
    graph: &mut Graph,
    action: impl FnOnce(&mut Graph) -> Result<T, E>,
    expected: &Expect,
) {
    while graph.poll_transition().is_some() {}
    let before = picture(graph);
    check(&action(graph).unwrap_err(), expected);
    assert_eq!(picture(graph), before, "something has changed");
    assert_eq!(graph.poll_transition(), None, "something was recorded");
}

fn ids(jobs: impl Iterator<Item = (JobId, Condition)>) -> Vec<JobId> {
    jobs.map(|(job, _)| job).collect()
}

/// The jobs that are handed out now, by payload.
fn ready(graph: &mut Graph) -> Vec<&'static str> {
    let attempts: Vec<_> = graph.poll_ready_jobs(NOW).collect();
    attempts.into_iter().map(|attempt| *graph.payload(attempt.job).unwrap()).collect()
}

#[test]
fn ids_count_from_one_and_are_never_used_twice() {
    let mut graph = new();
    let a = add(&mut graph, "a", &[]);
    let b = add(&mut graph, "b", &[a]);
    assert_eq!((a.to_string(), b.to_string()), ("#1".into(), "#2".into()));
    assert_eq!((a.index(), b.index()), (0, 1));
    assert!(graph.add("third", JobOptions::default(), &[(a, Condition::Failed); 2]).is_ok());
    assert!(graph.remove(a).is_ok());
    // A refused job takes no number.
    assert!(graph.add("refused", JobOptions::default(), &[(a, Condition::Succeeded)]).is_err());
    let c = add(&mut graph, "c", &[b]);
    assert_eq!((c.number(), c.index()), (4, 0));
    assert!(a < b && b < c);
    assert_eq!(graph.jobs().map(JobId::number).collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn unknown_ids_are_named() {
    let mut graph = new();
    let gone = add(&mut graph, "gone", &[]);
    let a = add(&mut graph, "a", &[gone]);
    graph.remove(gone).unwrap();
    // It stands in the place of the one that is gone.
    let b = add(&mut graph, "b", &[a]);
    let unknown = expect!["there is no job #1: it was never in this graph, or was removed from it"];
    let actions: [Edit; 8] = [
        |graph, gone, a| graph.require(a, gone, Condition::Succeeded),
        |graph, gone, a| graph.require(gone, a, Condition::Succeeded),
        |graph, gone, a| {
            let requirements = [(a, Condition::Succeeded), (gone, Condition::Finished)];
            graph.add("x", JobOptions::default(), &requirements).map(drop)
        },
        |graph, gone, a| graph.remove_requirement(a, gone),
        |graph, gone, a| graph.remove_requirement(gone, a),
        |graph, gone, _| graph.bypass(gone).map(drop),
        |graph, gone, a| graph.keep_between(&[a, gone], &[]).map(drop),
        |graph, gone, a| graph.keep_between(&[a], &[gone]).map(drop),
    ];
    for action in actions {
        refuses(&mut graph, |graph| action(graph, gone, a), &unknown);
    }
    refuses(&mut graph, |graph| graph.remove(gone), &unknown);
    assert_eq!(graph.remove(gone), Err(InputError::UnknownJob { id: gone }));
    assert!(graph.all_requirements(gone).is_empty() && graph.all_dependents(gone).is_empty());
    assert_eq!(ids(graph.requirements(b)), [a]);
}

#[test]
fn a_job_cannot_require_itself() {
    let mut graph = new();
    let a = add(&mut graph, "a", &[]);
    refuses(
        &mut graph,
        |graph| graph.require(a, a, Condition::Finished),
        &expect!["#1 a requires itself: it would never start"],
    );
}

#[test]
fn a_pair_has_one_condition() {
    let mut graph = new();
    let a = add(&mut graph, "a", &[]);
    let b = add(&mut graph, "b", &[a]);
    refuses(
        &mut graph,
        |graph| graph.require(b, a, Condition::Finished),
        &expect![
            "#2 b cannot require #1 a to finish: it requires it to succeed already; remove that requirement first"
        ],
    );
    refuses(
        &mut graph,
        |graph| {
            let requirements = [(a, Condition::Failed), (b, Condition::Succeeded)];
            let requirements = [&requirements[..], &[(a, Condition::Succeeded)]].concat();
            graph.add("c", JobOptions::labelled("c"), &requirements)
        },
        &expect![
            "the new job c cannot require #1 a to succeed: it requires it to fail already; remove that requirement first"
        ],
    );
    // As the error says: then it can be made.
    graph.remove_requirement(b, a).unwrap();
    graph.require(b, a, Condition::Finished).unwrap();
    assert_eq!(graph.requirements(b).collect::<Vec<_>>(), [(a, Condition::Finished)]);
}

/// Long lists are compared in another way than short ones.
#[test]
fn a_pair_has_one_condition_in_long_lists() {
    for length in [10, 17, 100] {
        let mut graph = new();
        let jobs: Vec<_> = (0..length).map(|_| add(&mut graph, "x", &[])).collect();
        let mut requirements: Vec<_> =
            jobs.iter().chain(&jobs).map(|&job| (job, Condition::Succeeded)).collect();
        let c = graph.add("c", JobOptions::default(), &requirements).unwrap();
        assert_eq!(ids(graph.requirements(c)), jobs);
        requirements.push((jobs[3], Condition::Failed));
        let error = graph.add("c", JobOptions::default(), &requirements).unwrap_err();
        let GraphError::ConflictingConditions { required, existing, asked, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(required.id, Some(jobs[3]), "{length}");
        assert_eq!((existing, asked), (Condition::Succeeded, Condition::Failed));
        assert_eq!(graph.requirement_count(), length);
    }
}

/// In whichever order they are listed.
#[test]
fn different_jobs_may_be_asked_different_things() {
    for length in [10, 17, 100] {
        let mut graph = new();
        let jobs: Vec<_> = (0..length).map(|_| add(&mut graph, "x", &[])).collect();
        let conditions = [Condition::Succeeded, Condition::Finished, Condition::Failed];
        let asked: Vec<_> = jobs.into_iter().rev().zip(conditions.into_iter().cycle()).collect();
        let c = graph.add("c", JobOptions::default(), &asked).unwrap();
        assert_eq!(graph.requirements(c).collect::<Vec<_>>(), asked);
    }
}

#[test]
fn a_repeated_requirement_is_harmless() {
    let mut graph = new();
    let a = add(&mut graph, "a", &[]);
    let b = add(&mut graph, "b", &[a, a]);
    let before = picture(&graph);
    graph.require(b, a, Condition::Succeeded).unwrap();
    assert_eq!(picture(&graph), before);
    assert_eq!(graph.requirement_count(), 1);
    assert_eq!(ids(graph.dependents(a)), [b]);
}

#[test]
fn the_end_of_a_forever_job_cannot_be_required() {
    let mut graph = new();
    let monitor = add_with(&mut graph, "monitor", JobOptions::forever(), &[]);
    let a = add(&mut graph, "a", &[]);
    refuses(
        &mut graph,
        |graph| graph.require(a, monitor, Condition::Succeeded),
        &expect![
            "#2 a requires #1 monitor to succeed: a forever job only ends with the run; make it a service to require its readiness"
        ],
    );
    refuses(
        &mut graph,
        |graph| graph.add("b", JobOptions::default(), &[(monitor, Condition::Finished)]),
        &expect![
            "the new job requires #1 monitor to finish: a forever job only ends with the run; make it a service to require its readiness"
        ],
    );
    refuses(
        &mut graph,
        |graph| graph.require(a, monitor, Condition::Failed),
        &expect![
            "#2 a requires #1 monitor to fail: a forever job only ends with the run; make it a service to require its readiness"
        ],
    );
}

#[test]
fn of_a_service_only_its_readiness_can_be_required() {
    let mut graph = new();
    let db = add_with(&mut graph, "db", JobOptions::service(), &[]);
    let a = add(&mut graph, "a", &[]);
    for condition in [Condition::Finished, Condition::Failed] {
        assert!(matches!(
            graph.require(a, db, condition),
            Err(GraphError::ForeverRequired { condition: asked, .. }) if asked == condition
        ));
    }
    refuses(
        &mut graph,
        |graph| graph.require(a, db, Condition::Finished),
        &expect![
            "#2 a requires #1 db to finish: a service only ends with the run; require its readiness (`Condition::Succeeded`)"
        ],
    );
    graph.require(a, db, Condition::Succeeded).unwrap();
}

#[test]
fn nobody_can_wait_for_a_critical_failure() {
    let mut graph = new();
    let a = add_with(&mut graph, "a", critical(), &[]);
    let b = add(&mut graph, "b", &[]);
    refuses(
        &mut graph,
        |graph| graph.require(b, a, Condition::Failed),
        &expect![
            "#2 b requires #1 a to fail: a critical failure ends the run first; use a shutdown hook instead"
        ],
    );
    graph.require(b, a, Condition::Finished).unwrap();
    // It is the required job that must not be critical.
    let c = add_with(&mut graph, "c", critical(), &[]);
    graph.require(c, b, Condition::Failed).unwrap();
}

#[test]
fn a_cycle_is_named_job_by_job() {
    let mut graph = new();
    let a = add(&mut graph, "a", &[]);
    let b = add(&mut graph, "b", &[]);
    let c = add(&mut graph, "c", &[]);
    // Neither what comes before a cycle nor what comes after it is on it.
    let before = add(&mut graph, "before", &[]);
    let after = add(&mut graph, "after", &[c]);
    graph.require(a, b, Condition::Succeeded).unwrap();
    graph.require(b, before, Condition::Succeeded).unwrap();
    graph.require(b, c, Condition::Finished).unwrap();
    graph.require(c, a, Condition::Failed).unwrap();
    refuses(
        &mut graph,
        |graph| graph.start(NOW),
        &expect!["the requirements form a cycle: a -> b -> c -> a"],
    );
    let Err(GraphError::Cycle { jobs }) = graph.topological_order() else { panic!() };
    assert_eq!(jobs.iter().map(|job| job.id.unwrap()).collect::<Vec<_>>(), [a, b, c]);
    assert!(!graph.has_started());
    assert_eq!(ready(&mut graph), [""; 0]);

    // It can be mended, and started.
    graph.remove_requirement(b, c).unwrap();
    graph.start(NOW).unwrap();
    assert_eq!(ready(&mut graph), ["before"]);
    assert_eq!(graph.state(after), Some(JobState::Waiting));
}

#[test]
fn jobs_behind_a_cycle_are_not_on_it() {
    let mut graph = new();
    let behind = add(&mut graph, "behind", &[]);
    let a = add(&mut graph, "a", &[]);
    let options = JobOptions::default();
    let b = graph.add("b", options, &[(a, Condition::Succeeded)]).unwrap();
    graph.require(behind, b, Condition::Succeeded).unwrap();
    graph.require(a, b, Condition::Succeeded).unwrap();
    refuses(
        &mut graph,
        |graph| graph.start(NOW),
        &expect!["the requirements form a cycle: a -> #3 -> a"],
    );
}

#[test]
fn of_two_cycles_one_is_named() {
    let mut graph = new();
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|label| add(&mut graph, label, &[]));
    for (job, required) in [(d, c), (c, d), (b, a), (a, b), (c, b)] {
        graph.require(job, required, Condition::Succeeded).unwrap();
    }
    refuses(
        &mut graph,
        |graph| graph.start(NOW),
        &expect!["the requirements form a cycle: a -> b -> a"],
    );
}

/// A cycle in any of 200 graphs is found, and is one; graphs without pass.
#[test]
fn the_named_cycle_is_one() {
    let (mut cycles, mut starts) = (0, 0);
    for seed in 1..200 {
        let mut random = Random(seed);
        let mut graph = new();
        let jobs: Vec<_> = (0..12).map(|_| add(&mut graph, "x", &[])).collect();
        for _ in 0..14 {
            let (job, required) = (jobs[random.below(12)], jobs[random.below(12)]);
            let _ = graph.require(job, required, Condition::Succeeded);
        }
        let acyclic = naive_order_exists(&graph);
        match graph.start(NOW) {
            Ok(()) => starts += 1,
            Err(GraphError::Cycle { jobs }) => {
                cycles += 1;
                let path: Vec<_> = jobs.iter().map(|job| job.id.unwrap()).collect();
                assert_eq!(path.iter().collect::<BTreeSet<_>>().len(), path.len(), "{path:?}");
                for (at, &job) in path.iter().enumerate() {
                    let next = path[(at + 1) % path.len()];
                    assert!(ids(graph.requirements(job)).contains(&next), "{path:?}");
                }
            }
            Err(error) => panic!("{error}"),
        }
        assert_eq!(acyclic, graph.has_started(), "seed {seed}");
    }
    assert!(cycles > 20 && starts > 20, "{cycles} cycles, {starts} starts");
}

/// Takes away what requires nothing that is left, as often as it goes.
fn naive_order_exists(graph: &Graph) -> bool {
    let mut left: BTreeSet<_> = graph.jobs().collect();
    while let Some(free) = left
        .iter()
        .copied()
        .find(|&job| graph.requirements(job).all(|(required, _)| !left.contains(&required)))
    {
        left.remove(&free);
    }
    left.is_empty()
}

#[test]
fn requirements_may_point_forward() {
    let mut graph = new();
    let [a, b, c] = ["a", "b", "c"].map(|label| add(&mut graph, label, &[]));
    graph.require(a, c, Condition::Succeeded).unwrap();
    graph.require(b, c, Condition::Succeeded).unwrap();
    graph.require(a, b, Condition::Succeeded).unwrap();
    assert_eq!(graph.topological_order().unwrap(), [c, b, a]);
    graph.start(NOW).unwrap();
    assert_eq!(ready(&mut graph), ["c"]);
}

/// A job in a used place has a higher number than those behind it: nothing points forward.
#[test]
fn used_places_do_not_hide_a_cycle() {
    let mut graph = new();
    let gone = add(&mut graph, "gone", &[]);
    let b = add(&mut graph, "b", &[]);
    graph.remove(gone).unwrap();
    let c = add(&mut graph, "c", &[b]);
    assert!(c.index() < b.index());
    graph.require(b, c, Condition::Succeeded).unwrap();
    refuses(
        &mut graph,
        |graph| graph.start(NOW),
        &expect!["the requirements form a cycle: b -> c -> b"],
    );
}

/// ```text
/// a <- b <- d <- e,  a <- c <- d,  f
/// ```
fn diamond() -> (Graph, [JobId; 6]) {
    let mut graph = new();
    let a = add(&mut graph, "a", &[]);
    let b = add(&mut graph, "b", &[a]);
    let c = add(&mut graph, "c", &[a]);
    let d = add(&mut graph, "d", &[c, b]);
    let last = add(&mut graph, "e", &[d]);
    let lone = add(&mut graph, "f", &[]);
    (graph, [a, b, c, d, last, lone])
}

#[test]
fn neighbours_come_in_the_order_the_requirements_were_made() {
    let (mut graph, [a, b, c, d, last, lone]) = diamond();
    assert_eq!(ids(graph.requirements(d)), [c, b]);
    assert_eq!(ids(graph.dependents(a)), [b, c]);
    graph.require(lone, a, Condition::Finished).unwrap();
    graph.require(d, a, Condition::Failed).unwrap();
    graph.require(last, a, Condition::Succeeded).unwrap();
    let expected = [
        (b, Condition::Succeeded),
        (c, Condition::Succeeded),
        (lone, Condition::Finished),
        (d, Condition::Failed),
        (last, Condition::Succeeded),
    ];
    assert_eq!(graph.dependents(a).collect::<Vec<_>>(), expected);
    assert_eq!(ids(graph.requirements(d)), [c, b, a]);
    assert_eq!(ids(graph.requirements(a)), []);
}

#[test]
fn closures() {
    let (graph, [a, b, c, d, last, lone]) = diamond();
    assert_eq!(graph.all_requirements(last), [a, b, c, d]);
    assert_eq!(graph.all_requirements(b), [a]);
    assert_eq!(graph.all_requirements(lone), []);
    assert_eq!(graph.all_dependents(a), [b, c, d, last]);
    assert_eq!(graph.all_dependents(c), [d, last]);
    assert_eq!(graph.all_dependents(last), []);
}

#[test]
fn entry_and_exit_jobs() {
    let (mut graph, [a, b, .., e, f]) = diamond();
    assert_eq!(graph.entry_jobs(), [a, f]);
    assert_eq!(graph.exit_jobs(), [e, f]);
    graph.remove(a).unwrap();
    assert_eq!(graph.entry_jobs()[0], b);
    assert_eq!(graph.entry_jobs().len(), 3);
}

#[test]
fn topological_order_keeps_the_order_of_creation_among_equals() {
    let (graph, [a, b, c, d, last, lone]) = diamond();
    assert_eq!(graph.topological_order().unwrap(), [a, lone, b, c, d, last]);
    assert_eq!(new().topological_order().unwrap(), []);
}

#[test]
fn remove_takes_the_requirements_with_it() {
    let (mut graph, [a, b, c, d, last, lone]) = diamond();
    assert_eq!(graph.remove(d), Ok("d"));
    assert_eq!((graph.len(), graph.requirement_count()), (5, 2));
    assert_eq!((graph.payload(d), graph.state(d)), (None, None));
    assert_eq!((ids(graph.dependents(b)), ids(graph.requirements(last))), (vec![], vec![]));
    assert_eq!(graph.remove(a), Ok("a"));
    assert_eq!(graph.counts().to_string(), "4 waiting, 2 removed");
    graph.start(NOW).unwrap();
    assert_eq!(ready(&mut graph), ["b", "c", "e", "f"]);
    assert_eq!([b, c, last, lone].map(|job| graph.requirements(job).count()), [0; 4]);
}

#[test]
fn who_comes_after_a_removed_job_is_not_called_what_that_was() {
    let mut graph = Orchestrator::new(RunOptions::default());
    let first = graph.add("payload", JobOptions::labelled("first"), &[]).unwrap();
    graph.remove(first).unwrap();
    let second = graph.add("payload", JobOptions::default(), &[]).unwrap();
    assert_eq!((graph.label(first), graph.label(second)), (None, None));
    let third = graph.add("payload", JobOptions::labelled("third"), &[]).unwrap();
    graph.remove(second).unwrap();
    let fourth = graph.add("payload", JobOptions::labelled("fourth"), &[]).unwrap();
    assert_eq!((graph.label(third), graph.label(fourth)), (Some("third"), Some("fourth")));
}

#[test]
fn a_removed_requirement_does_not_hold_a_job_back() {
    let (mut graph, [a, b, c, d, ..]) = diamond();
    graph.remove_requirement(d, c).unwrap();
    graph.remove_requirement(b, a).unwrap();
    graph.start(NOW).unwrap();
    assert_eq!(ready(&mut graph), ["a", "b", "f"]);
    let b = jobgraph::Attempt { job: b, number: 1 };
    graph.on_job_complete(b, Completion::Success, NOW).unwrap();
    assert_eq!(ready(&mut graph), ["d"]);
}

#[test]
fn only_a_requirement_that_there_is_can_be_removed() {
    let (mut graph, [a, b, _, d, ..]) = diamond();
    refuses(
        &mut graph,
        |graph| graph.remove_requirement(d, a),
        &expect!["#4 d does not require #1 a: there is nothing to take back"],
    );
    refuses(
        &mut graph,
        |graph| graph.remove_requirement(a, b),
        &expect!["#1 a does not require #2 b: there is nothing to take back"],
    );
    graph.remove_requirement(b, a).unwrap();
    assert!(graph.remove_requirement(b, a).is_err());
    assert_eq!(graph.requirement_count(), 4);
}

#[test]
fn building_is_over_after_start() {
    let (mut graph, [a, b, .., f]) = diamond();
    graph.start(NOW).unwrap();
    refuses(
        &mut graph,
        |graph| graph.require(f, a, Condition::Succeeded),
        &expect!["the run has started already: it is too late to require a job"],
    );
    refuses(
        &mut graph,
        |graph| graph.remove_requirement(b, a),
        &expect!["the run has started already: it is too late to remove a requirement"],
    );
    refuses(
        &mut graph,
        |graph| graph.bypass(b),
        &expect!["the run has started already: it is too late to bypass a job"],
    );
    refuses(
        &mut graph,
        |graph| graph.keep_between(&[a], &[]),
        &expect!["the run has started already: it is too late to keep a part of the graph"],
    );
    refuses(
        &mut graph,
        |graph| graph.set_options(RunOptions::default()),
        &expect!["the run has started already: it is too late to change the options of the run"],
    );
    refuses(
        &mut graph,
        |graph| graph.start(NOW),
        &expect!["the run has started already: it is too late to start"],
    );
    refuses(
        &mut graph,
        |graph| graph.remove(a),
        &expect!["#1 a cannot be removed: it is queued; cancel it first"],
    );
}

#[test]
fn an_ending_run_takes_no_job() {
    let mut graph = new();
    let a = add_with(&mut graph, "a", critical(), &[]);
    graph.start(NOW).unwrap();
    assert_eq!(ready(&mut graph), ["a"]);
    let attempt = jobgraph::Attempt { job: a, number: 1 };
    graph.on_job_complete(attempt, Completion::Panic, NOW).unwrap();
    refuses(
        &mut graph,
        |graph| graph.add("b", JobOptions::labelled("b"), &[]),
        &expect!["the new job b cannot be added: the run is ending (critical failure of #1)"],
    );
}

#[test]
fn the_requirements_of_an_ending_run_are_those_of_the_jobs_that_are_present() {
    let mut graph = new();
    let a = add(&mut graph, "a", &[]);
    let b = add(&mut graph, "b", &[a]);
    let c = add(&mut graph, "c", &[b]);
    graph.start(NOW).unwrap();
    graph.stop(NOW);
    graph.remove(b).unwrap();
    assert_eq!((ids(graph.dependents(a)), ids(graph.requirements(c))), (vec![], vec![]));
    assert_eq!(graph.requirement_count(), 0);
}

#[test]
fn a_bypassed_job_hands_its_requirements_down() {
    let mut graph = new();
    let [a, b, job] = ["a", "b", "job"].map(|label| add(&mut graph, label, &[]));
    graph.require(job, a, Condition::Succeeded).unwrap();
    graph.require(job, b, Condition::Failed).unwrap();
    let c = add(&mut graph, "c", &[job]);
    let d = add(&mut graph, "d", &[]);
    graph.require(d, job, Condition::Finished).unwrap();
    assert_eq!(graph.bypass(job), Ok("job"));
    // With the same conditions to those that required its success; the others come after.
    let (same, after) = (
        [(a, Condition::Succeeded), (b, Condition::Failed)],
        [(a, Condition::Finished), (b, Condition::Finished)],
    );
    assert_eq!(graph.requirements(c).collect::<Vec<_>>(), same);
    assert_eq!(graph.requirements(d).collect::<Vec<_>>(), after);
    assert_eq!((graph.len(), graph.requirement_count()), (4, 4));
    graph.start(NOW).unwrap();
    assert_eq!(ready(&mut graph), ["a", "b"]);
    for (job, completion) in [(a, Completion::Success), (b, Completion::Error)] {
        let attempt = jobgraph::Attempt { job, number: 1 };
        graph.on_job_complete(attempt, completion, NOW).unwrap();
    }
    assert_eq!(ready(&mut graph), ["c", "d"]);
}

#[test]
fn a_bypassed_job_may_have_no_requirements_or_no_dependents() {
    let (mut graph, [a, b, c, d, last, lone]) = diamond();
    assert_eq!(graph.bypass(a), Ok("a"));
    assert_eq!(graph.bypass(last), Ok("e"));
    assert_eq!(graph.bypass(lone), Ok("f"));
    assert_eq!(graph.topological_order().unwrap(), [b, c, d]);
    assert_eq!(graph.requirement_count(), 2);
}

#[test]
fn what_is_inherited_twice_counts_once() {
    let (mut graph, [a, b, c, d, ..]) = diamond();
    graph.bypass(b).unwrap();
    graph.bypass(c).unwrap();
    assert_eq!(ids(graph.requirements(d)), [a]);
    assert_eq!(ids(graph.dependents(a)), [d]);
    assert_eq!(graph.requirement_count(), 2);
    graph.start(NOW).unwrap();
    assert_eq!(ready(&mut graph), ["a", "f"]);
    let attempt = jobgraph::Attempt { job: a, number: 1 };
    graph.on_job_complete(attempt, Completion::Success, NOW).unwrap();
    assert_eq!(ready(&mut graph), ["d"]);
}

#[test]
fn a_job_whose_failure_is_required_cannot_be_bypassed() {
    let (mut graph, [_, b, .., f]) = diamond();
    graph.require(f, b, Condition::Failed).unwrap();
    refuses(
        &mut graph,
        |graph| graph.bypass(b),
        &expect![
            "#2 b cannot be bypassed: #6 f requires it to fail; remove that requirement first"
        ],
    );
}

#[test]
fn a_bypass_that_would_make_a_wrong_requirement_is_refused() {
    let mut graph = new();
    let db = add_with(&mut graph, "db", JobOptions::service(), &[]);
    let job = add(&mut graph, "job", &[db]);
    let first = add(&mut graph, "first", &[job]);
    let after = add(&mut graph, "after", &[]);
    graph.require(after, job, Condition::Finished).unwrap();
    refuses(
        &mut graph,
        |graph| graph.bypass(job),
        &expect![
            "#4 after requires #1 db to finish: a service only ends with the run; require its readiness (`Condition::Succeeded`)"
        ],
    );
    assert_eq!(ids(graph.requirements(first)), [job]);

    // Another condition than the dependent has already.
    let mut graph = new();
    let a = add(&mut graph, "a", &[]);
    let job = add(&mut graph, "job", &[a]);
    let b = add(&mut graph, "b", &[job]);
    graph.require(b, a, Condition::Finished).unwrap();
    refuses(
        &mut graph,
        |graph| graph.bypass(job),
        &expect![
            "#3 b cannot require #1 a to succeed: it requires it to finish already; remove that requirement first"
        ],
    );

    // A job of a cycle would require itself.
    let mut graph = new();
    let a = add(&mut graph, "a", &[]);
    let b = add(&mut graph, "b", &[a]);
    graph.require(a, b, Condition::Succeeded).unwrap();
    refuses(
        &mut graph,
        |graph| graph.bypass(b),
        &expect!["#1 a requires itself: it would never start"],
    );
}

#[test]
fn keep_between_keeps_the_ways_from_starts_to_ends() {
    // (starts, ends, what is left), by place in the diamond: a b c d e f
    let table: [(&[usize], &[usize], &str); 9] = [
        (&[], &[], "a b c d e f"),
        (&[1], &[], "b d e"),
        (&[], &[1], "a b"),
        (&[1], &[3], "b d"),
        (&[0], &[3], "a b c d"),
        (&[1, 2], &[4], "b c d e"),
        (&[3], &[0], ""),
        (&[5], &[5], "f"),
        (&[1, 5], &[], "b d e f"),
    ];
    for (starts, ends, expected) in table {
        let (mut graph, jobs) = diamond();
        let pick = |places: &[usize]| places.iter().map(|&place| jobs[place]).collect::<Vec<_>>();
        let dropped = graph.keep_between(&pick(starts), &pick(ends)).unwrap();
        let left: Vec<_> = graph.jobs().map(|job| *graph.payload(job).unwrap()).collect();
        assert_eq!(left.join(" "), expected, "from {starts:?} to {ends:?}");
        let dropped: Vec<_> = dropped
            .into_iter()
            .map(|(job, label)| {
                assert_eq!(graph.payload(job), None);
                label
            })
            .collect();
        let others: Vec<_> = ["a", "b", "c", "d", "e", "f"]
            .into_iter()
            .filter(|label| !left.contains(label))
            .collect();
        assert_eq!(dropped, others);
        // What is left can run: nothing waits for a job that is gone.
        graph.start(NOW).unwrap();
        let mut ran = 0;
        while let Some(attempt) = graph.poll_ready_jobs(NOW).next() {
            graph.on_job_complete(attempt, Completion::Success, NOW).unwrap();
            ran += 1;
        }
        assert_eq!(ran, left.len());
        assert!(graph.verdict().is_some());
    }
}

/// "Without starts every entry job is one": a cycle that no entry job leads to lies on no way.
#[test]
fn keep_between_drops_a_cycle_that_nothing_leads_to() {
    let mut graph = new();
    let a = add(&mut graph, "a", &[]);
    let b = add(&mut graph, "b", &[]);
    let c = add(&mut graph, "c", &[b]);
    let d = add(&mut graph, "d", &[c, a]);
    graph.require(b, c, Condition::Succeeded).unwrap();
    graph.keep_between(&[], &[d]).unwrap();
    assert_eq!(graph.jobs().collect::<Vec<_>>(), [a, d]);
}

struct Random(u64);

impl Random {
    /// A number from 0 to `limit`, without it.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// The requirements as a list in the order they were made, edited naively.
#[derive(Default)]
struct Naive {
    jobs: Vec<JobId>,
    edges: Vec<(JobId, JobId, Condition)>,
}

impl Naive {
    fn find(&self, job: JobId, required: JobId) -> Option<Condition> {
        let mut edges = self.edges.iter();
        edges.find(|edge| (edge.0, edge.1) == (job, required)).map(|edge| edge.2)
    }

    fn require(&mut self, job: JobId, required: JobId, condition: Condition) -> bool {
        match self.find(job, required) {
            _ if job == required => false,
            None => {
                self.edges.push((job, required, condition));
                true
            }
            Some(existing) => existing == condition,
        }
    }

    fn remove(&mut self, job: JobId) {
        self.jobs.retain(|&other| other != job);
        self.edges.retain(|edge| edge.0 != job && edge.1 != job);
    }

    fn bypass(&mut self, job: JobId) -> bool {
        let before = self.edges.clone();
        for &(dependent, _, by) in before.iter().filter(|edge| edge.1 == job) {
            for &(_, required, condition) in before.iter().filter(|edge| edge.0 == job) {
                let condition = if by == Condition::Finished { by } else { condition };
                if by == Condition::Failed || !self.require(dependent, required, condition) {
                    self.edges = before;
                    return false;
                }
            }
            if by == Condition::Failed {
                self.edges = before;
                return false;
            }
        }
        self.remove(job);
        true
    }

    #[track_caller]
    fn check(&self, graph: &Graph) {
        assert_eq!(graph.jobs().collect::<Vec<_>>(), self.jobs);
        assert_eq!(graph.requirement_count(), self.edges.len());
        for &job in &self.jobs {
            let requirements =
                self.edges.iter().filter(|edge| edge.0 == job).map(|edge| (edge.1, edge.2));
            assert_eq!(
                graph.requirements(job).collect::<Vec<_>>(),
                requirements.collect::<Vec<_>>()
            );
            let dependents =
                self.edges.iter().filter(|edge| edge.1 == job).map(|edge| (edge.0, edge.2));
            assert_eq!(graph.dependents(job).collect::<Vec<_>>(), dependents.collect::<Vec<_>>());
        }
    }
}

/// Any sequence of edits: sparse graphs, and such dense ones that requirements are looked up.
#[test]
fn edits_against_a_naive_list() {
    let conditions = [Condition::Succeeded, Condition::Finished, Condition::Failed];
    for (seeds, jobs, require, edits) in [(1..60, 6, 10, 120), (1..3, 70, 3_000, 400)] {
        for seed in seeds {
            let mut random = Random(seed);
            let (mut graph, mut naive) = (new(), Naive::default());
            for step in 0..require + edits {
                while naive.jobs.len() < jobs {
                    naive.jobs.push(add(&mut graph, "x", &[]));
                }
                let mut job = || naive.jobs[random.below(jobs)];
                let (job, required) = (job(), job());
                let condition = conditions[random.below(3)];
                let action = if step < require { 0 } else { random.below(8) };
                match action {
                    0..=3 => {
                        let made = graph.require(job, required, condition).is_ok();
                        assert_eq!(made, naive.require(job, required, condition));
                    }
                    4 | 5 => {
                        let removed = graph.remove_requirement(job, required).is_ok();
                        assert_eq!(removed, naive.find(job, required).is_some());
                        naive.edges.retain(|edge| (edge.0, edge.1) != (job, required));
                    }
                    6 => {
                        graph.remove(job).unwrap();
                        naive.remove(job);
                    }
                    _ => assert_eq!(graph.bypass(job).is_ok(), naive.bypass(job)),
                }
                if step >= require {
                    naive.check(&graph);
                }
            }
        }
    }
}

/// Requirements of a job with many of them are looked up: what was taken back can be made again, and who gets
/// the index of a job that is gone is another one.
#[test]
fn one_of_many_requirements_is_made_again() {
    let mut graph = new();
    let others: Vec<_> = (0..100).map(|_| add(&mut graph, "other", &[])).collect();
    let all = add(&mut graph, "all", &others);
    let (first, last) = (others[0], others[99]);
    // It is looked for, and there.
    graph.require(all, last, Condition::Succeeded).unwrap();
    assert_eq!(graph.requirement_count(), 100);
    graph.remove_requirement(all, last).unwrap();
    assert!(graph.remove_requirement(all, last).is_err());
    graph.require(all, last, Condition::Finished).unwrap();
    assert!(graph.require(all, last, Condition::Succeeded).is_err());
    assert_eq!(graph.requirements(all).last(), Some((last, Condition::Finished)));

    graph.remove(first).unwrap();
    let new = add(&mut graph, "new", &[]);
    assert_eq!(new.index(), first.index());
    graph.require(all, new, Condition::Failed).unwrap();
    assert_eq!(graph.requirements(all).last(), Some((new, Condition::Failed)));
    assert_eq!(graph.requirement_count(), 100);
}

fn named_cycles(graph: &Orchestrator<()>) -> Vec<String> {
    let text = |error: &GraphError| error.to_string().rsplit(": ").next().unwrap().to_string();
    graph.cycles().iter().map(text).collect()
}

#[test]
fn all_cycles_that_share_no_job_are_found() {
    let mut graph = Orchestrator::new(RunOptions::default());
    let jobs: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h"]
        .map(|label| graph.add((), JobOptions::labelled(label), &[]).unwrap())
        .into();
    let [a, b, c, d, e, f, g, h] = jobs[..] else { panic!() };
    assert!(named_cycles(&graph).is_empty());
    // Two cycles behind a tail, one of one's own, and one that shares a job with another.
    for (job, required) in
        [(a, b), (b, c), (c, b), (b, d), (d, e), (e, d), (f, g), (g, f), (g, h), (h, g)]
    {
        graph.require(job, required, Condition::Succeeded).unwrap();
    }
    let found = named_cycles(&graph);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.contains(&"b -> c -> b".to_string()), "{found:?}");
    assert!(found.contains(&"d -> e -> d".to_string()), "{found:?}");
    // Cut, they leave no other.
    for error in graph.cycles() {
        let GraphError::Cycle { jobs } = error else { panic!("{error}") };
        let [first, second] = [0, 1].map(|at| jobs[at].id.unwrap());
        graph.remove_requirement(first, second).unwrap();
    }
    let left = named_cycles(&graph);
    assert!(left.len() <= 1, "{left:?}");
}

#[test]
fn a_long_tail_before_many_cycles() {
    let mut graph = Orchestrator::new(RunOptions::default());
    let jobs: Vec<_> =
        (0..200_000).map(|_| graph.add((), JobOptions::default(), &[]).unwrap()).collect();
    for pair in jobs.windows(2) {
        graph.require(pair[0], pair[1], Condition::Succeeded).unwrap();
    }
    // Each second job of the last half is on a cycle with the one before it.
    for pair in jobs[100_000..].chunks(2) {
        graph.require(pair[1], pair[0], Condition::Succeeded).unwrap();
    }
    assert_eq!(graph.cycles().len(), 50_000);
}
