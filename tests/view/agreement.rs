//! Random runs: whatever shows them agrees with the report, and with what happened, at each step.

use std::time::Duration;

use jobgraph::testing::reference::driver::watch;
use jobgraph::testing::reference::model::random_bytes;
use jobgraph::view::{Cause, CriticalPath, History, Monitor, chrome_trace};
use jobgraph::{Counts, Fact, FactKind, JobKind, JobState, Outcome, SendReport};

fn random_runs(mut check: impl FnMut(&[Fact], &SendReport)) {
    for seed in 0..600 {
        let bytes = random_bytes(seed, 40 + usize::try_from(seed % 400).unwrap());
        let order = (seed % 3 != 0).then_some(seed);
        let (facts, report) = watch(&bytes, order);
        check(&facts, &report);
    }
}

/// The numbers of jobs that wait, are queued, run, back off, stop, and ended in each way.
fn recount(history: &History) -> [usize; 9] {
    let mut counts = [0; 9];
    for job in history.jobs() {
        counts[match job.state {
            JobState::Waiting => 0,
            JobState::Queued => 1,
            JobState::Running { .. } => 2,
            JobState::Backoff { .. } => 3,
            JobState::Stopping { .. } => 4,
            JobState::Ended(Outcome::Succeeded) => 5,
            JobState::Ended(Outcome::Failed(_)) => 6,
            JobState::Ended(Outcome::Cancelled) => 7,
            JobState::Ended(Outcome::Skipped(_)) => 8,
        }] += 1;
    }
    counts
}

fn numbers(counts: Counts) -> [usize; 9] {
    let Counts { waiting, queued, running, backoff, stopping, .. } = counts;
    let Counts { succeeded, failed, cancelled, skipped, .. } = counts;
    [waiting, queued, running, backoff, stopping, succeeded, failed, cancelled, skipped]
}

/// How often each mark begins a line of the listing: waiting, running, and ended in each way.
fn marks(listing: &str) -> [usize; 6] {
    ['·', '▶', '✓', '✗', '■', '○'].map(|mark| {
        listing
            .lines()
            .filter(|line| line.split_whitespace().nth(1) == Some(mark.encode_utf8(&mut [0; 4])))
            .count()
    })
}

#[test]
fn listing_progress_and_counts_agree_at_each_step() {
    random_runs(|facts, report| {
        let mut monitor = Monitor::new();
        for fact in facts {
            let before = match fact.what {
                FactKind::State { id, from, .. } => {
                    monitor.history().job(&[], id).map(|job| (job.state, from))
                }
                _ => None,
            };
            assert!(before.is_none_or(|(known, told)| known == told), "{fact}");
            monitor.apply(fact);
            let history = monitor.history();
            let [w, q, r, b, s, ok, failed, cancelled, skipped] = numbers(history.counts());
            assert_eq!(recount(history), numbers(history.counts()));
            assert_eq!(
                marks(&history.to_string()),
                [w + q + b, r + s, ok, failed, cancelled, skipped]
            );

            let frame = monitor.frame(200, usize::MAX, fact.at);
            let mut totals =
                format!("[{}/{}]", ok + failed + cancelled + skipped, history.jobs().count());
            let finite = history.jobs().filter(|job| job.info.kind == JobKind::Finite);
            let finite: Vec<bool> = finite.map(|job| job.state.is_ended()).collect();
            let ended = finite.iter().filter(|&&ended| ended).count();
            match (ended * 100).checked_div(finite.len()) {
                Some(percent) if history.verdict().is_none() => {
                    totals = format!("{totals} {percent} % · ");
                }
                _ => totals.push(' '),
            }
            totals = format!("{totals}{} running, {} waiting", r + s, w + q + b);
            for (count, name) in
                [(failed, "failed"), (skipped, "skipped"), (cancelled, "cancelled")]
            {
                if count > 0 {
                    totals += &[", ", &count.to_string(), " ", name].concat();
                }
            }
            assert!(frame.last().unwrap().starts_with(&(totals + " · ")), "{frame:?}");
            assert_eq!(frame.len() - 1, w + q + b + r + s);
        }
        assert_eq!(monitor.history().counts(), report.counts());
        assert_eq!(monitor.failures().len(), report.failures().count());
    });
}

#[test]
fn what_was_told_is_what_the_report_says() {
    random_runs(|facts, report| {
        let exact: History = facts.iter().cloned().collect();
        for history in [&exact, &History::from(report)] {
            let since =
                |moment: jobgraph::view::Moment| moment.at.saturating_since(history.begun());
            assert_eq!(history.counts(), report.counts());
            assert_eq!(history.verdict(), Some(report.verdict()));
            assert_eq!(history.elapsed(), report.elapsed());
            for job in report.jobs() {
                let known = history.job(&[], job.id()).unwrap();
                assert_eq!(known.state, JobState::Ended(job.outcome().unwrap()));
                assert_eq!(known.attempts.last().map_or(0, |last| last.number), job.attempts());
                assert_eq!(known.started().map(since), job.started());
                let ended = known.attempts.last().and_then(|last| last.ended).map(since);
                assert_eq!(ended, job.ended());
                let error = job.error().map(ToString::to_string);
                assert_eq!(known.error().map(ToString::to_string), error, "{}\n{report}", job.id());
            }
        }
        let jobs = exact.jobs();
        assert!(
            jobs.into_iter().all(|job| job.attempts.iter().zip(1..).all(|(a, n)| a.number == n))
        );
    });
}

#[test]
fn the_critical_path_has_no_gap_and_no_slack() {
    random_runs(|facts, _| {
        let history: History = facts.iter().cloned().collect();
        let path = CriticalPath::of(&history);
        let finite = history
            .jobs()
            .filter(|job| job.info.kind == JobKind::Finite && !job.attempts.is_empty());
        let Some(last) = finite.filter_map(|job| job.ended).max() else {
            assert!(path.steps.is_empty());
            return;
        };
        let first = path.steps[0].job.added.at;
        let took: Duration = path.steps.iter().map(|step| step.took).sum();
        assert_eq!(took, last.at.saturating_since(first));
        for step in path.steps.iter().rev() {
            let slack = path.slack(step.job.info.id);
            assert_eq!(slack, Some(Duration::ZERO), "{path}\n{history}\n{step:?}");
            // What left its place with another attempt to come could still have ended later.
            if matches!(step.cause, Cause::Place(by) if by.attempts.len() > 1 || by.attempts[0].ended != by.ended)
            {
                break;
            }
        }
    });
}

/// Of the slices on one thread, any two follow one another, or the one is inside the other.
#[test]
fn slices_of_a_trace_nest_and_their_times_are_those_of_the_report() {
    random_runs(|facts, report| {
        let history: History = facts.iter().cloned().collect();
        let trace: serde_json::Value = serde_json::from_str(&chrome_trace(&history)).unwrap();
        let nanos = |value: &serde_json::Value| (value.as_f64().unwrap() * 1_000.0).round();
        let mut slices: Vec<(u64, f64, f64, String)> = Vec::new();
        for event in
            trace["traceEvents"].as_array().unwrap().iter().filter(|event| event["ph"] == "X")
        {
            let (from, took) = (nanos(&event["ts"]), nanos(&event["dur"]));
            let name = event["name"].as_str().unwrap().to_string();
            slices.push((event["tid"].as_u64().unwrap(), from, from + took, name));
        }
        for (position, a) in slices.iter().enumerate() {
            for b in slices[..position].iter().filter(|b| b.0 == a.0) {
                let apart = a.2 <= b.1 || b.2 <= a.1;
                let nested = (a.1 <= b.1 && b.2 <= a.2) || (b.1 <= a.1 && a.2 <= b.2);
                assert!(apart || nested, "{a:?} {b:?}");
            }
        }
        for job in report.jobs() {
            let name = job.name().to_string();
            let own: Vec<_> = slices.iter().filter(|slice| slice.3 == name).collect();
            assert_eq!(own.len(), job.attempts() as usize);
            let time = |time: Duration| time.as_secs_f64() * 1e9;
            let (first, last) = (own.first().map(|slice| slice.1), own.last().map(|slice| slice.2));
            assert_eq!(first, job.started().map(time).map(f64::round));
            assert_eq!(last, job.ended().map(time).map(f64::round));
        }
    });
}

/// What a trace processor asks of arrows, waits and curves.
#[test]
fn arrows_of_a_trace_begin_and_end_in_slices_and_curves_come_back_to_nothing() {
    let mut arrows = 0;
    random_runs(|facts, _| {
        let history: History = facts.iter().cloned().collect();
        let trace: serde_json::Value = serde_json::from_str(&chrome_trace(&history)).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let of = |phase: &'static str| events.iter().filter(move |event| event["ph"] == phase);
        let nanos = |value: &serde_json::Value| (value.as_f64().unwrap() * 1_000.0).round();
        let track = |event: &serde_json::Value| (event["pid"].as_u64(), event["tid"].as_u64());
        // Where it ends, a slice is not there any more, unless it takes no time.
        let attempt_at = |event: &serde_json::Value| {
            of("X").any(|slice| {
                let (from, took) = (nanos(&slice["ts"]), nanos(&slice["dur"]));
                let at = nanos(&event["ts"]);
                slice["cat"] == "attempt"
                    && track(slice) == track(event)
                    && (from..from + took.max(0.5)).contains(&at)
            })
        };
        let begun: Vec<_> = of("s").collect();
        let ended: Vec<_> = of("f").collect();
        assert_eq!(begun.len(), ended.len());
        for (from, to) in begun.iter().zip(&ended) {
            assert_eq!(from["id"], to["id"]);
            assert!(nanos(&from["ts"]) <= nanos(&to["ts"]), "{from} {to}");
            assert!(attempt_at(from) && attempt_at(to), "{from} {to}");
        }
        let satisfied = history.jobs().filter_map(|job| {
            let started = job.started()?;
            let known = &history;
            let required = job.info.requirements.iter().filter(move |&&(id, _)| {
                let required = known.job(&job.within, id).unwrap();
                !required.attempts.is_empty()
                    && required.resolved().is_some_and(|resolved| resolved <= started)
            });
            Some(required.count())
        });
        assert_eq!(begun.len(), satisfied.sum::<usize>());
        arrows += begun.len();
        for (from, to) in of("b").zip(of("e")) {
            assert_eq!((&from["id"], &from["name"]), (&to["id"], &to["name"]));
            assert!(nanos(&from["ts"]) < nanos(&to["ts"]));
        }
        let values = |curve: &serde_json::Value| {
            ["running", "queued"].map(|name| curve["args"][name].as_i64().unwrap())
        };
        assert!(of("C").all(|curve| values(curve).iter().all(|&value| value >= 0)));
        assert!(of("C").next_back().is_none_or(|curve| values(curve) == [0, 0]));
    });
    assert!(arrows > 500, "{arrows}");
}
