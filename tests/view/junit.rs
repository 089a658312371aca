use expect_test::expect;
use jobgraph::testing::VirtualClock;
use jobgraph::view::{History, junit};
use jobgraph::{Job, JobGraph};

use crate::{SECOND, motley, observed, work};

#[test]
fn a_run_is_a_suite_a_graph() {
    let clock = VirtualClock::new();
    let history = observed(&clock, motley(&clock));
    expect![[r##"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="nightly" tests="10" skipped="1" failures="1" errors="0" time="9.000">
            <testsuite name="nightly" tests="8" skipped="1" errors="0" failures="1" time="9.000">
                <testcase name="the run" classname="nightly" time="9.000"/>
                <testcase name="#1 db" classname="nightly" time="9.000"/>
                <testcase name="#2 monitor" classname="nightly" time="9.000"/>
                <testcase name="#3 flaky" classname="nightly" time="3.000">
                    <flakyFailure time="1.000" message="no answer">
                    </flakyFailure>
                    <flakyFailure time="1.000" message="no answer">
                    </flakyFailure>
                </testcase>
                <testcase name="#4 deploy" classname="nightly" time="2.000"/>
                <testcase name="#5 a &quot;b&quot; &lt;i&gt;c&lt;/i&gt; &amp; d\nsecond \n line; &lt;/script&gt; 🚀 `e` #1 {f} [g] | %%\u{1b}[31m \u{202e}" classname="nightly" time="1.000">
                    <failure message="no such &lt;host&gt;" type="error"/>
                </testcase>
                <testcase name="#6 repair" classname="nightly" time="0.000"/>
                <testcase name="#7 celebrate" classname="nightly" time="0.000">
                    <skipped message="skipped because of a &quot;b&quot; &lt;i&gt;c&lt;/i&gt; &amp; d\nsecond \n line; &lt;/script&gt; 🚀 `e` #1 {f} [g…"/>
                </testcase>
            </testsuite>
            <testsuite name="nightly / deploy" tests="2" skipped="0" errors="0" failures="0">
                <testcase name="#1 copy" classname="nightly / deploy" time="1.000"/>
                <testcase name="#2 check" classname="nightly / deploy" time="1.000"/>
            </testsuite>
        </testsuites>
    "##]].assert_eq(&junit(&history, "nightly"));
}

fn is_true() -> bool {
    false
}

#[test]
fn a_run_that_did_not_complete_is_an_error() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().timeout(SECOND);
    graph.add(Job::new(work(&clock, 2 * SECOND)).label("slow"));
    let timed_out = observed(&clock, graph);
    let mut graph = JobGraph::new();
    let panics = async { assert!(is_true(), "a\u{0}b ]]> <c>") };
    graph.add(
        Job::new(panics)
            .label("p\u{1b}[1m")
            .critical()
            .on_shutdown(|| async { Err::<(), _>("stuck") }),
    );
    let critical = observed(&clock, graph);
    let mut graph = JobGraph::new();
    graph.add(Job::new(async {}));
    let cut: History = {
        let mut facts = graph.facts();
        let _ = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
        let mut facts: Vec<_> = std::iter::from_fn(|| facts.try_next()).collect();
        facts.pop();
        facts.into_iter().collect()
    };
    let texts = [timed_out, critical, cut].map(|history| junit(&history, "x"));
    expect![[r##"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="x" tests="2" skipped="1" failures="0" errors="1" time="1.000">
            <testsuite name="x" tests="2" skipped="1" errors="1" failures="0" time="1.000">
                <testcase name="the run" classname="x" time="1.000">
                    <error message="timed out"/>
                </testcase>
                <testcase name="#1 slow" classname="x" time="1.000">
                    <skipped message="cancelled"/>
                </testcase>
            </testsuite>
        </testsuites>

        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="x" tests="3" skipped="0" failures="0" errors="3" time="0.000">
            <testsuite name="x" tests="3" skipped="0" errors="3" failures="0" time="0.000">
                <testcase name="the run" classname="x" time="0.000">
                    <error message="critical failure of #1 p"/>
                </testcase>
                <testcase name="#1 p\u{1b}[1m" classname="x" time="0.000">
                    <error message="panicked: ab ]]&gt; &lt;c&gt;" type="panic"/>
                </testcase>
                <testcase name="#1 p\u{1b}[1m: its shutdown hook" classname="x">
                    <error message="stuck"/>
                </testcase>
            </testsuite>
        </testsuites>

        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="x" tests="2" skipped="0" failures="0" errors="1" time="0.000">
            <testsuite name="x" tests="2" skipped="0" errors="1" failures="0" time="0.000">
                <testcase name="the run" classname="x" time="0.000">
                    <error message="it is not over"/>
                </testcase>
                <testcase name="#1" classname="x" time="0.000"/>
            </testsuite>
        </testsuites>
    "##]]
    .assert_eq(&texts.join("\n"));
}

#[test]
fn a_job_that_takes_too_long_is_an_error_and_a_broken_one_a_failure() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::new(work(&clock, 2 * SECOND)).timeout(SECOND).label("slow"));
    graph.add(Job::try_new(async { Err::<(), _>("no room") }).label("broken"));
    let xml = junit(&observed(&clock, graph), "x");
    assert!(xml.contains(r#"<error message="timed out" type="timed out"/>"#), "{xml}");
    assert!(xml.contains(r#"<failure message="no room" type="error"/>"#), "{xml}");
    assert!(xml.contains(r#"tests="3" skipped="0" failures="1" errors="1""#), "{xml}");
}
