use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::view::{Cause, CriticalPath, History};
use jobgraph::{Job, JobGraph};

use crate::{SECOND, diamond, motley, observed, work};

fn slacks(history: &History) -> String {
    let path = CriticalPath::of(history);
    let slack = |job: jobgraph::JobId| path.slack(job).map(|slack| slack.as_secs());
    let all: Vec<String> = history
        .jobs_within(&[])
        .map(|job| {
            format!(
                "{}: {:?}",
                job.short_name().chars().take(9).collect::<String>(),
                slack(job.info.id)
            )
        })
        .collect();
    all.join(", ")
}

#[test]
fn a_diamond_is_bound_by_its_longer_side() {
    let clock = VirtualClock::new();
    let history = observed(&clock, diamond(&clock));
    let path = CriticalPath::of(&history);
    assert_eq!(path.to_string(), "5 s\n  1 s  #1 a\n  3 s  #3 c\n  1 s  #4 d");
    assert_eq!(slacks(&history), "a: Some(0), b: Some(2), c: Some(0), d: Some(0)");
}

#[test]
fn a_report_alone_shows_the_same_path() {
    let clock = VirtualClock::new();
    let report = clock.block_on(jobgraph::run(&clock, diamond(&clock))).unwrap();
    let history = History::from(&report);
    assert_eq!(
        CriticalPath::of(&history).to_string(),
        "5 s\n  1 s  #1 a\n  3 s  #3 c\n  1 s  #4 d"
    );
}

#[test]
fn estimates_show_the_path_of_a_run_that_has_not_begun() {
    let clock = VirtualClock::new();
    let seconds = |label: &str| match label {
        "b" => 7,
        _ => 2,
    };
    let facts = diamond(&clock)
        .rehearse(|job| Duration::from_secs(seconds(job.label.as_deref().unwrap())))
        .unwrap();
    let history: History = facts.into_iter().collect();
    let path = CriticalPath::of(&history);
    assert_eq!(path.to_string(), "11 s\n  2 s  #1 a\n  7 s  #2 b\n  2 s  #4 d");
    assert_eq!(slacks(&history), "a: Some(0), b: Some(0), c: Some(5), d: Some(0)");
}

#[test]
fn a_rehearsal_leads_through_services_and_conditions() {
    let clock = VirtualClock::new();
    let history: History = motley(&clock).rehearse(|_| SECOND).unwrap().into_iter().collect();
    // What would repair a failure is skipped.
    assert_eq!(history.counts().to_string(), "4 succeeded, 2 cancelled, 1 skipped");
    let path: Vec<_> =
        CriticalPath::of(&history).steps.iter().map(|step| step.job.info.id.number()).collect();
    assert_eq!(path, [1, 3, 4, 5, 7]);
}

#[test]
fn a_rehearsal_of_services_alone_goes_on() {
    let mut graph = JobGraph::new();
    graph.add(Job::service(|cx| async move {
        cx.ready(());
        Ok(())
    }));
    let history: History = graph.rehearse(|_| SECOND).unwrap().into_iter().collect();
    assert_eq!((history.verdict(), history.counts().running), (None, 1));
}

#[test]
fn a_place_in_the_window_can_be_what_a_job_waits_for() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().window(2);
    for seconds in [1, 2, 4, 1] {
        graph.add(Job::new(work(&clock, seconds * SECOND)));
    }
    let history = observed(&clock, graph);
    let path = CriticalPath::of(&history);
    assert_eq!(path.to_string(), "5 s\n  1 s  #1\n  4 s  #3");
    assert!(matches!(path.steps[0].cause, Cause::Added));
    assert!(matches!(path.steps[1].cause, Cause::Place(job) if job.info.id.number() == 1));
    assert_eq!(slacks(&history), "#1: Some(0), #2: Some(2), #3: Some(0), #4: Some(2)");
}

#[test]
fn so_can_what_another_one_has_of_a_pool() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let (disk, gpu) = (graph.pool("disk", 2), graph.pool("gpu", 1));
    graph.add(Job::new(work(&clock, 2 * SECOND)).within(&disk));
    graph.add(Job::new(work(&clock, SECOND)).within(&gpu));
    graph.add(Job::new(work(&clock, 3 * SECOND)).takes(2, &disk));
    graph.add(Job::new(work(&clock, 2 * SECOND)).within(&gpu).within(&disk));
    let history = observed(&clock, graph);
    let path = CriticalPath::of(&history);
    assert_eq!(path.to_string(), "7 s\n  2 s  #1\n  3 s  #3\n  2 s  #4");
    assert!(matches!(path.steps[2].cause, Cause::Place(job) if job.info.id.number() == 3));
}

#[test]
fn attempts_pauses_readiness_and_graphs_inside_are_part_of_it() {
    let clock = VirtualClock::new();
    let history = observed(&clock, motley(&clock));
    let path = CriticalPath::of(&history);
    let steps: Vec<String> =
        path.steps.iter().map(|step| format!("{} {:?}", step.job.info.id, step.took)).collect();
    assert_eq!(steps, ["#1 1s", "#3 5s", "#4 2s", "#5 1s", "#6 0ns"]);
    let deploy = [path.steps[2].job.info.id];
    assert_eq!(
        CriticalPath::inside(&history, &deploy).to_string(),
        "2 s\n  1 s  #1 copy\n  1 s  #2 check"
    );
    let monitor = history.jobs().find(|job| job.info.label.as_deref() == Some("monitor")).unwrap();
    assert_eq!(path.slack(monitor.info.id), None);
}

#[test]
fn jobs_that_take_no_time_do_not_go_in_circles() {
    let mut graph = JobGraph::new().window(1);
    for _ in 0..50 {
        graph.add(Job::new(async {}));
    }
    let clock = VirtualClock::new();
    let mut facts = graph.facts();
    let report = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    let exact: History = std::iter::from_fn(|| facts.try_next()).collect();
    for history in [exact, History::from(&report)] {
        let path = CriticalPath::of(&history);
        assert!((1..=50).contains(&path.steps.len()));
    }
}

#[test]
fn nothing_that_ran_has_no_path() {
    let clock = VirtualClock::new();
    let graph = diamond(&clock);
    let path = History::from(&graph);
    assert_eq!(CriticalPath::of(&path).to_string(), "0 s");
}

#[test]
fn of_a_long_path_the_ten_longest_steps_are_shown() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let mut facts = graph.facts();
    let mut before = None;
    for seconds in 1..=30 {
        let job =
            Job::with_context(
                move |cx| async move { cx.sleep(Duration::from_secs(seconds)).await },
            );
        let job = job.label(format!("step {seconds}\n{}", "x".repeat(1_000)));
        before = Some(graph.add(match &before {
            None => job,
            Some(before) => job.requires(before),
        }));
    }
    clock.block_on(jobgraph::run(&clock, graph)).unwrap().check().unwrap();
    let history: History = std::iter::from_fn(|| facts.try_next()).collect();
    let text = CriticalPath::of(&history).to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines[0], lines.len()), ("465 s", 12));
    assert!(lines[1].starts_with("  21 s  #21 step 21\\nxxx"), "{text}");
    assert_eq!(lines[11], "  and 20 shorter ones (210 s)");
    assert!(lines.iter().all(|line| line.chars().count() < 80), "{text}");
}

#[test]
fn what_was_added_during_the_run_waited_for_whoever_added_it() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let adder = graph.adder();
    let list = async {
        let (adder, clock) = (adder, &clock);
        work(clock, 60 * SECOND).await;
        adder.add(Job::new(work(clock, 5 * SECOND)).label("page")).await.unwrap();
    };
    graph.add(Job::new(list).label("list"));
    graph.add(Job::new(work(&clock, 62 * SECOND)).label("beside"));
    let history = observed(&clock, graph);
    let path = CriticalPath::of(&history);
    assert_eq!(path.to_string(), "65 s\n  60 s  #1 list\n   5 s  #3 page");
    assert!(matches!(path.steps[1].cause, Cause::Addition(job) if job.info.id.number() == 1));
    assert_eq!(slacks(&history), "list: Some(0), beside: Some(3), page: Some(0)");
}
