use std::time::Duration;

use expect_test::{Expect, expect};
use jobgraph::testing::VirtualClock;
use jobgraph::view::Monitor;
use jobgraph::{Fact, Graph, Job, JobGraph, Payload, Timestamp, What};

use crate::{SECOND, motley, work};

fn facts<P: Payload>(clock: &VirtualClock, mut graph: Graph<P>) -> Vec<Fact> {
    let mut facts = graph.facts();
    let _ = clock.block_on(jobgraph::run(clock, graph)).unwrap();
    std::iter::from_fn(|| facts.try_next()).collect()
}

/// What is known of a run after so long.
fn after(facts: &[Fact], time: Duration) -> (Monitor, Timestamp) {
    let now = Timestamp::ZERO + time;
    let mut monitor = Monitor::new();
    facts.iter().take_while(|fact| fact.at <= now).for_each(|fact| monitor.note(fact));
    (monitor, now)
}

/// Three moments of a run, one below the other.
fn frames(width: usize) -> String {
    let clock = VirtualClock::new();
    let facts = facts(&clock, motley(&clock));
    let mut text = String::new();
    for millis in [500, 2_340, 6_500] {
        let (monitor, now) = after(&facts, Duration::from_millis(millis));
        let frame = monitor.frame(width, 12, now);
        for line in &frame {
            assert!(console::measure_text_width(line) <= width, "{line}");
        }
        text += &(frame.join("\n") + "\n\n");
    }
    text
}

fn check(width: usize, expected: &Expect) {
    expected.assert_eq(&frames(width));
}

#[test]
fn frames_of_40_columns() {
    check(
        40,
        &expect![[r#"
        ▶ #1 db ∞            running       0.5 s
        ▶ #2 monitor ∞       running       0.5 s
        · #3 flaky           waiting       0.5 s
        · #4 deploy          waiting       0.5 s
        · #5 a "b" <i>c</i>… waiting       0.5 s
        · #6 repair          waiting       0.5 s
        · #7 celebrate       waiting       0.5 s
        [0/7] 2 running, 5 waiting · 0.5 s

        ▶ #1 db ∞            ready         2.3 s
        ▶ #2 monitor ∞       running       2.3 s
        · #3 flaky           retries       0.3 s
        · #4 deploy          waiting       2.3 s
        · #5 a "b" <i>c</i>… waiting       2.3 s
        · #6 repair          waiting       2.3 s
        · #7 celebrate       waiting       2.3 s
        [0/7] 2 running, 5 waiting · 2.3 s

        ▶ #1 db ∞            ready         6.5 s
        ▶ #2 monitor ∞       running       6.5 s
        ▶ #4 deploy          running       0.5 s
        ▶ deploy / #1 copy   running       0.5 s
        · #5 a "b" <i>c</i>… waiting       6.5 s
        · #6 repair          waiting       6.5 s
        · #7 celebrate       waiting       6.5 s
        · deploy / #2 check  waiting       0.5 s
        [1/7] 3 running, 3 waiting · 6.5 s

    "#]],
    );
}

#[test]
fn frames_of_80_columns() {
    check(
        80,
        &expect![[r#"
        ▶ #1 db ∞                                    running                       0.5 s
        ▶ #2 monitor ∞                               running                       0.5 s
        · #3 flaky                                   waits for db to be ready      0.5 s
        · #4 deploy                                  waits for flaky               0.5 s
        · #5 a "b" <i>c</i> & d\nsecond \n line; </… waits for deploy to end       0.5 s
        · #6 repair                                  waits for a "b" <i>c</i> …    0.5 s
        · #7 celebrate                               waits for a "b" <i>c</i> …    0.5 s
        [0/7] 2 running, 5 waiting · 0.5 s

        ▶ #1 db ∞                                    ready                         2.3 s
        ▶ #2 monitor ∞                               running                       2.3 s
        · #3 flaky                                   retry in 0.6 s: no answer     0.3 s
        · #4 deploy                                  waits for flaky               2.3 s
        · #5 a "b" <i>c</i> & d\nsecond \n line; </… waits for deploy to end       2.3 s
        · #6 repair                                  waits for a "b" <i>c</i> …    2.3 s
        · #7 celebrate                               waits for a "b" <i>c</i> …    2.3 s
        [0/7] 2 running, 5 waiting · 2.3 s

        ▶ #1 db ∞                                    ready                         6.5 s
        ▶ #2 monitor ∞                               running                       6.5 s
        ▶ #4 deploy                                  running                       0.5 s
        ▶ deploy / #1 copy                           running                       0.5 s
        · #5 a "b" <i>c</i> & d\nsecond \n line; </… waits for deploy to end       6.5 s
        · #6 repair                                  waits for a "b" <i>c</i> …    6.5 s
        · #7 celebrate                               waits for a "b" <i>c</i> …    6.5 s
        · deploy / #2 check                          waits for copy                0.5 s
        [1/7] 3 running, 3 waiting · 6.5 s

    "#]],
    );
}

#[test]
fn frames_of_200_columns() {
    check(
        200,
        &expect![[r#"
        ▶ #1 db ∞                                                                                                                          running                                                         0.5 s
        ▶ #2 monitor ∞                                                                                                                     running                                                         0.5 s
        · #3 flaky                                                                                                                         waits for db to be ready                                        0.5 s
        · #4 deploy                                                                                                                        waits for flaky                                                 0.5 s
        · #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f} [g] | %%\u{1b}[31m \u{202e}                                       waits for deploy to end                                         0.5 s
        · #6 repair                                                                                                                        waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    0.5 s
        · #7 celebrate                                                                                                                     waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    0.5 s
        [0/7] 2 running, 5 waiting · 0.5 s

        ▶ #1 db ∞                                                                                                                          ready                                                           2.3 s
        ▶ #2 monitor ∞                                                                                                                     running                                                         2.3 s
        · #3 flaky                                                                                                                         retry in 0.6 s: no answer                                       0.3 s
        · #4 deploy                                                                                                                        waits for flaky                                                 2.3 s
        · #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f} [g] | %%\u{1b}[31m \u{202e}                                       waits for deploy to end                                         2.3 s
        · #6 repair                                                                                                                        waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    2.3 s
        · #7 celebrate                                                                                                                     waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    2.3 s
        [0/7] 2 running, 5 waiting · 2.3 s

        ▶ #1 db ∞                                                                                                                          ready                                                           6.5 s
        ▶ #2 monitor ∞                                                                                                                     running                                                         6.5 s
        ▶ #4 deploy                                                                                                                        running                                                         0.5 s
        ▶ deploy / #1 copy                                                                                                                 running                                                         0.5 s
        · #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f} [g] | %%\u{1b}[31m \u{202e}                                       waits for deploy to end                                         6.5 s
        · #6 repair                                                                                                                        waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    6.5 s
        · #7 celebrate                                                                                                                     waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    6.5 s
        · deploy / #2 check                                                                                                                waits for copy                                                  0.5 s
        [1/7] 3 running, 3 waiting · 6.5 s

    "#]],
    );
}

#[test]
fn what_does_not_fit_is_counted() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().window(4);
    for _ in 0..100 {
        graph.add(Job::new(work(&clock, SECOND)));
    }
    let facts = facts(&clock, graph);
    let (monitor, now) = after(&facts, Duration::from_millis(3_500));
    let frame = |height| monitor.frame(60, height, now).join("\n") + "\n";
    expect![[r"
        ▶ #13                          running                 0.5 s
        ▶ #14                          running                 0.5 s
        ▶ #15                          running                 0.5 s
        ▶ #16                          running                 0.5 s
        · #17                          queued                  3.5 s
          … and 83 more waiting
        [12/100] 4 running, 84 waiting · 3.5 s
    "]]
    .assert_eq(&frame(7));
    expect![[r"
        ▶ #13                          running                 0.5 s
          … and 3 more running, 84 waiting
        [12/100] 4 running, 84 waiting · 3.5 s
    "]]
    .assert_eq(&frame(3));
    expect![[r"
        [12/100] 4 running, 84 waiting · 3.5 s
    "]]
    .assert_eq(&frame(1));
}

#[test]
fn totals_add_up_after_each_fact() {
    let clock = VirtualClock::new();
    let mut monitor = Monitor::new();
    for fact in facts(&clock, motley(&clock)) {
        monitor.note(&fact);
        let totals = monitor.frame(200, 1, fact.at).pop().unwrap();
        let numbers: Vec<usize> =
            totals.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        let [done, total, running, waiting, ..] = numbers[..] else { panic!("{totals}") };
        assert_eq!(done + running + waiting, total, "{totals}");
        assert_eq!(total, monitor.history().counts().present());
    }
}

#[test]
fn events_are_lines_of_their_own() {
    let clock = VirtualClock::new();
    let mut monitor = Monitor::new();
    let mut lines = Vec::new();
    for fact in facts(&clock, motley(&clock)) {
        monitor.note(&fact);
        lines.extend(monitor.event(&fact));
    }
    lines.extend(monitor.summary());
    assert!(lines.iter().all(|line| !line.contains(char::is_control)));
    expect![[r#"
        [0/7]    0.0 s ▶ #1 db: running
        [0/7]    0.0 s ▶ #2 monitor: running
        [0/7]    1.0 s ▶ #1 db: ready
        [0/7]    1.0 s ▶ #3 flaky: running
        [0/7]    2.0 s · #3 flaky: no answer; retry in 1 s
        [0/7]    3.0 s ▶ #3 flaky: running (attempt 2)
        [0/7]    4.0 s · #3 flaky: no answer; retry in 1 s
        [0/7]    5.0 s ▶ #3 flaky: running (attempt 3)
        [1/7]    6.0 s ✓ #3 flaky: succeeded
        [1/7]    6.0 s ▶ #4 deploy: running
        [1/7]    6.0 s ▶ deploy / #1 copy: running
        [1/7]    7.0 s ✓ deploy / #1 copy: succeeded
        [1/7]    7.0 s ▶ deploy / #2 check: running
        [1/7]    8.0 s ✓ deploy / #2 check: succeeded
        [2/7]    8.0 s ✓ #4 deploy: succeeded
        [2/7]    8.0 s ▶ #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f} [g] | %%\u{1b}[31m \u{202e}: running
        [3/7]    9.0 s ✗ #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f} [g] | %%\u{1b}[31m \u{202e}: failed: no such <host>
        [4/7]    9.0 s ○ #7 celebrate: skipped (#5)
        [4/7]    9.0 s ▶ #6 repair: running
        [5/7]    9.0 s ✓ #6 repair: succeeded
        [6/7]    9.0 s ■ #1 db: cancelled
        [7/7]    9.0 s ■ #2 monitor: cancelled
        ✗ #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f} [g] | %%\u{1b}[31m \u{202e}: no such <host>
        [7/7] 0 running, 0 waiting, 1 failed, 1 skipped, 2 cancelled · completed in 9.0 s
    "#]].assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn a_hundred_thousand_jobs_are_shown_as_the_few_that_matter() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().window(3);
    for _ in 0..100_000 {
        graph.add(Job::new(async {}));
    }
    let facts = facts(&clock, graph);
    let mut monitor = Monitor::new();
    for (position, fact) in facts.iter().enumerate() {
        monitor.note(fact);
        if position % 10_000 == 0 {
            assert!(monitor.frame(80, 24, fact.at).len() <= 24);
        }
    }
    assert!(matches!(facts.last().unwrap().what, What::Over(_)));
    assert_eq!(monitor.summary(), ["[100000/100000] 0 running, 0 waiting · completed in 0.0 s"]);
}
