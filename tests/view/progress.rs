use std::time::Duration;

use expect_test::{Expect, expect};
use jobgraph::testing::VirtualClock;
use jobgraph::view::Monitor;
use jobgraph::{Fact, FactKind, Graph, Job, JobGraph, Payload, Timestamp};

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
    facts.iter().take_while(|fact| fact.at <= now).for_each(|fact| monitor.apply(fact));
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
            [0/7] 0 % · 2 running, 5 waiting · 0.5 s

            ▶ #1 db ∞            ready         2.3 s
            ▶ #2 monitor ∞       running       2.3 s
            · #3 flaky           retries       0.3 s
            · #4 deploy          waiting       2.3 s
            · #5 a "b" <i>c</i>… waiting       2.3 s
            · #6 repair          waiting       2.3 s
            · #7 celebrate       waiting       2.3 s
            [0/7] 0 % · 2 running, 5 waiting · 2.3 s

            ▶ #1 db ∞            ready         6.5 s
            ▶ #2 monitor ∞       running       6.5 s
            ▶ #4 deploy          running       0.5 s
            ▶ deploy / #1 copy   running       0.5 s
            · #5 a "b" <i>c</i>… waiting       6.5 s
            · #6 repair          waiting       6.5 s
            · #7 celebrate       waiting       6.5 s
            · deploy / #2 check  waiting       0.5 s
            [1/7] 16 % · 3 running, 3 waiting
            6.5 s

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
            [0/7] 0 % · 2 running, 5 waiting · 0.5 s

            ▶ #1 db ∞                                    ready                         2.3 s
            ▶ #2 monitor ∞                               running                       2.3 s
            · #3 flaky                                   retry in 0.6 s: no answer     0.3 s
            · #4 deploy                                  waits for flaky               2.3 s
            · #5 a "b" <i>c</i> & d\nsecond \n line; </… waits for deploy to end       2.3 s
            · #6 repair                                  waits for a "b" <i>c</i> …    2.3 s
            · #7 celebrate                               waits for a "b" <i>c</i> …    2.3 s
            [0/7] 0 % · 2 running, 5 waiting · 2.3 s

            ▶ #1 db ∞                                    ready                         6.5 s
            ▶ #2 monitor ∞                               running                       6.5 s
            ▶ #4 deploy                                  running                       0.5 s
            ▶ deploy / #1 copy                           running                       0.5 s
            · #5 a "b" <i>c</i> & d\nsecond \n line; </… waits for deploy to end       6.5 s
            · #6 repair                                  waits for a "b" <i>c</i> …    6.5 s
            · #7 celebrate                               waits for a "b" <i>c</i> …    6.5 s
            · deploy / #2 check                          waits for copy                0.5 s
            [1/7] 16 % · 3 running, 3 waiting · 6.5 s

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
            · #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f}…                                                                  waits for deploy to end                                         0.5 s
            · #6 repair                                                                                                                        waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    0.5 s
            · #7 celebrate                                                                                                                     waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    0.5 s
            [0/7] 0 % · 2 running, 5 waiting · 0.5 s

            ▶ #1 db ∞                                                                                                                          ready                                                           2.3 s
            ▶ #2 monitor ∞                                                                                                                     running                                                         2.3 s
            · #3 flaky                                                                                                                         retry in 0.6 s: no answer                                       0.3 s
            · #4 deploy                                                                                                                        waits for flaky                                                 2.3 s
            · #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f}…                                                                  waits for deploy to end                                         2.3 s
            · #6 repair                                                                                                                        waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    2.3 s
            · #7 celebrate                                                                                                                     waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    2.3 s
            [0/7] 0 % · 2 running, 5 waiting · 2.3 s

            ▶ #1 db ∞                                                                                                                          ready                                                           6.5 s
            ▶ #2 monitor ∞                                                                                                                     running                                                         6.5 s
            ▶ #4 deploy                                                                                                                        running                                                         0.5 s
            ▶ deploy / #1 copy                                                                                                                 running                                                         0.5 s
            · #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f}…                                                                  waits for deploy to end                                         6.5 s
            · #6 repair                                                                                                                        waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    6.5 s
            · #7 celebrate                                                                                                                     waits for a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 …    6.5 s
            · deploy / #2 check                                                                                                                waits for copy                                                  0.5 s
            [1/7] 16 % · 3 running, 3 waiting · 6.5 s

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
          … and 84 more waiting
        [12/100] 12 % · 4 running, 84 waiting · 3.5 s, 3.2/s
        about 27 s left
    "]]
    .assert_eq(&frame(7));
    expect![[r"
          … and 4 more running, 84 waiting
        [12/100] 12 % · 4 running, 84 waiting · 3.5 s, 3.2/s
        about 27 s left
    "]]
    .assert_eq(&frame(3));
    expect![[r"
        [12/100] 12 % · 4 running, 84 waiting · 3.5 s, 3.2/s
        about 27 s left
    "]]
    .assert_eq(&frame(1));
}

#[test]
fn totals_add_up_after_each_fact() {
    let clock = VirtualClock::new();
    let mut monitor = Monitor::new();
    for fact in facts(&clock, motley(&clock)) {
        monitor.apply(&fact);
        let totals = monitor.frame(200, 1, fact.at).pop().unwrap();
        // Without the percentage.
        let totals = match totals.split_once(" % · ") {
            Some((head, rest)) => [head.rsplit_once(' ').unwrap().0, " ", rest].concat(),
            None => totals,
        };
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
        monitor.apply(&fact);
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
        [2/7]    8.0 s ▶ #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f}…: running
        [3/7]    9.0 s ✗ #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f}…: failed: no such <host>
        [4/7]    9.0 s ○ #7 celebrate: skipped because of a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f} [g…
        [4/7]    9.0 s ▶ #6 repair: running
        [5/7]    9.0 s ✓ #6 repair: succeeded
        [6/7]    9.0 s ■ #1 db: cancelled
        [7/7]    9.0 s ■ #2 monitor: cancelled
        ✗ #5 a "b" <i>c</i> & d\nsecond \n line; </script> 🚀 `e` #1 {f}…: no such <host>
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
        monitor.apply(fact);
        if position % 10_000 == 0 {
            assert!(monitor.frame(80, 24, fact.at).len() <= 24);
        }
    }
    assert!(matches!(facts.last().unwrap().what, FactKind::Over(_)));
    assert_eq!(monitor.summary(), ["[100000/100000] 0 running, 0 waiting · completed in 0.0 s"]);
}

#[test]
fn the_rest_takes_as_long_as_the_rate_of_late_says() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().window(1);
    // At first they are slow, and a job that is skipped says nothing of the rate.
    let fails = graph.add(Job::try_new(async { Err::<(), _>("no") }));
    for _ in 0..50 {
        graph.add(Job::new(async {}).requires(&fails));
    }
    for job in 0..149 {
        graph.add(Job::new(work(&clock, if job < 20 { 5 * SECOND } else { SECOND })));
    }
    let facts = facts(&clock, graph);
    let totals = |seconds| {
        let (monitor, now) = after(&facts, Duration::from_secs(seconds) + SECOND / 2);
        monitor.frame(200, 1, now).pop().unwrap()
    };
    expect!["[51/200] 25 % · 1 running, 148 waiting, 1 failed, 50 skipped · 0.5 s"]
        .assert_eq(&totals(0));
    expect!["[55/200] 27 % · 1 running, 144 waiting, 1 failed, 50 skipped · 20.5 s"]
        .assert_eq(&totals(20));
    expect!["[71/200] 35 % · 1 running, 128 waiting, 1 failed, 50 skipped · 1:40, 11/min, about 10:51 left"].assert_eq(&totals(100));
    expect!["[171/200] 85 % · 1 running, 28 waiting, 1 failed, 50 skipped · 3:20, 59/min, about 29 s left"].assert_eq(&totals(200));
    // A run that stands still is expected to take longer.
    let (monitor, now) = after(&facts, Duration::from_secs(200));
    expect!["[171/200] 85 % · 1 running, 28 waiting, 1 failed, 50 skipped · 6:40, 1/min, about 24:39 left · longest #172, 3:20"].assert_eq(&monitor.sign_of_life(now + 200 * SECOND));
}

#[test]
fn jobs_inside_count_for_the_percentage() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let mut inner = JobGraph::new().window(1);
    for _ in 0..8 {
        inner.add(Job::new(work(&clock, SECOND)));
    }
    graph.add(Job::graph(inner).label("host"));
    // One that is known only when it runs.
    graph.add(Job::with_context(async move |cx| {
        cx.sleep(SECOND).await;
        let mut inner = JobGraph::new();
        inner.add(Job::with_context(async |cx| cx.sleep(10 * SECOND).await).label("late"));
        inner.add(Job::new(async {}));
        let _ = cx.run(inner).await;
    }));
    let facts = facts(&clock, graph);
    let totals = |seconds| {
        let (monitor, now) = after(&facts, seconds * SECOND + SECOND / 2);
        monitor.frame(200, 20, now).join("\n")
    };
    expect![[r"
        ▶ #1 host                                                                                                                          running                                                         0.5 s
        ▶ host / #1                                                                                                                        running                                                         0.5 s
        ▶ #2                                                                                                                               running                                                         0.5 s
        · host / #2                                                                                                                        queued                                                          0.5 s
        · host / #3                                                                                                                        queued                                                          0.5 s
        · host / #4                                                                                                                        queued                                                          0.5 s
        · host / #5                                                                                                                        queued                                                          0.5 s
        · host / #6                                                                                                                        queued                                                          0.5 s
        · host / #7                                                                                                                        queued                                                          0.5 s
        · host / #8                                                                                                                        queued                                                          0.5 s
        [0/2] 0 % · 2 running, 0 waiting · 0.5 s"]].assert_eq(&totals(0));
    expect![[r"
        ▶ #1 host                                                                                                                          running                                                         4.5 s
        ▶ #2                                                                                                                               running                                                         4.5 s
        ▶ #2 / #1 late                                                                                                                     running                                                         3.5 s
        ▶ host / #5                                                                                                                        running                                                         0.5 s
        · host / #6                                                                                                                        queued                                                          4.5 s
        · host / #7                                                                                                                        queued                                                          4.5 s
        · host / #8                                                                                                                        queued                                                          4.5 s
        [0/2] 50 % · 2 running, 0 waiting · 4.5 s"]].assert_eq(&totals(4));
}

#[test]
fn a_job_that_requires_many_is_looked_at_as_far_as_a_line_goes() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let quick: Vec<_> = (0..100).map(|_| graph.add(Job::new(async {}))).collect();
    let slow: Vec<_> = (0..100).map(|_| graph.add(Job::new(work(&clock, SECOND)))).collect();
    graph.add(Job::new(async {}).requires(&quick).requires(&slow).label("late"));
    graph.add(Job::new(async {}).requires(&slow).label("later"));
    let facts = facts(&clock, graph);
    let (monitor, now) = after(&facts, SECOND / 2);
    let frame = monitor.frame(200, 200, now);
    let of = |label: &str| frame.iter().find(|line| line.contains(label)).unwrap();
    assert!(of(" late ").contains("waits for some of 200 jobs"), "{}", of(" late "));
    assert!(of(" later ").contains("waits for #101, #102, #103, …"), "{}", of(" later "));
}

#[test]
fn a_job_that_says_something_is_shown_with_that() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let fetch = Job::with_context(async |cx| {
        cx.note("45 of 90");
        cx.sleep(SECOND).await;
    });
    graph.add(fetch.label("fetch"));
    let facts = facts(&clock, graph);
    let (monitor, now) = after(&facts, SECOND / 2);
    assert!(monitor.frame(80, 5, now)[0].contains("#1 fetch"));
    assert!(monitor.frame(80, 5, now)[0].contains("45 of 90 "));
    let events: Vec<String> = facts.iter().filter_map(|fact| monitor.event(fact)).collect();
    assert!(events.iter().any(|event| event.ends_with("▶ #1 fetch: 45 of 90")), "{events:?}");
}

#[test]
fn a_deep_graph_names_the_nearest_around() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::new(work(&clock, SECOND)).label("deepest"));
    for depth in (0..20).rev() {
        let mut around = JobGraph::new();
        around.add(Job::graph(graph).label(format!("depth {depth}")));
        graph = around;
    }
    let facts = facts(&clock, graph);
    let lines = after(&facts, SECOND / 2).0.frame(200, 40, Timestamp::ZERO);
    let deepest = "▶ … / depth 17 / depth 18 / depth 19 / #1 deepest ";
    assert!(lines.iter().any(|line| line.starts_with(deepest)), "{lines:?}");
}
