use expect_test::expect;
use jobgraph::testing::VirtualClock;
use jobgraph::view::{History, dot, mermaid};
use jobgraph::{Job, JobGraph};

use crate::{diamond, motley, observed};

#[test]
fn a_diamond_in_dot() {
    let clock = VirtualClock::new();
    expect![[r##"
        digraph jobs {
          rankdir=LR;
          node [shape=box, style="rounded,filled", fillcolor="#ffffff", fontname="sans-serif"];
          edge [fontname="sans-serif", fontsize=10];
          job_1 [label="#1 a"];
          job_2 [label="#2 b"];
          job_3 [label="#3 c"];
          job_4 [label="#4 d"];
          job_1 -> job_2;
          job_1 -> job_3;
          job_2 -> job_4;
          job_3 -> job_4;
        }
    "##]]
    .assert_eq(&dot(&diamond(&clock)));
}

#[test]
fn a_motley_run_in_dot() {
    let clock = VirtualClock::new();
    expect![[r##"
        digraph jobs {
          rankdir=LR;
          node [shape=box, style="rounded,filled", fillcolor="#ffffff", fontname="sans-serif"];
          edge [fontname="sans-serif", fontsize=10];
          job_1 [label="#1 db\n∞ service\n■ cancelled · 9 s", shape=component, fillcolor="#e0d8d0"];
          job_2 [label="#2 monitor\n∞ forever\n■ cancelled · 9 s", shape=cds, fillcolor="#e0d8d0"];
          job_3 [label="#3 flaky\n✓ succeeded · 3 s · 3 attempts", fillcolor="#d2f0d2"];
          subgraph cluster_job_4 {
            style="rounded";
            job_4 [label="#4 deploy\ncritical\n✓ succeeded · 2 s", shape=folder, peripheries=2, fillcolor="#d2f0d2"];
            job_4_1 [label="#1 copy\n✓ succeeded · 1 s", fillcolor="#d2f0d2"];
            job_4_2 [label="#2 check\n✓ succeeded · 1 s", fillcolor="#d2f0d2"];
            job_4_1 -> job_4_2;
            job_4 -> job_4_1 [style=dotted, arrowhead=none];
          }
          job_5 [label="#5 a \"b\" <i>c</i> &amp; d\nsecond \\n line; </script> 🚀 `e` #1 {f} [g] | %%\\u{1b}[31m \\u{202e}\n✗ failed: no such <host> · 1 s", fillcolor="#ffd0cc"];
          job_6 [label="#6 repair\n✓ succeeded · 0 s", fillcolor="#d2f0d2"];
          job_7 [label="#7 celebrate\n○ skipped because of a \"b\" <i>c</i> &amp; d\\nsecond \\n line; </script> 🚀 `e` #1 {f} [g…", fillcolor="#ffffff", style="rounded,filled,dashed"];
          job_1 -> job_3 [label="ready"];
          job_3 -> job_4;
          job_4 -> job_5 [label="ended", style=dashed];
          job_5 -> job_6 [label="failed", style=dashed, arrowhead=odiamond];
          job_5 -> job_7;
        }
    "##]].assert_eq(&dot(&observed(&clock, motley(&clock))));
}

#[test]
fn a_diamond_in_mermaid() {
    let clock = VirtualClock::new();
    expect![[r##"
        flowchart LR
          job_1["#35;1 a"]
          job_2["#35;2 b"]
          job_3["#35;3 c"]
          job_4["#35;4 d"]
          job_1 --> job_2
          job_1 --> job_3
          job_2 --> job_4
          job_3 --> job_4
    "##]]
    .assert_eq(&mermaid(&diamond(&clock)));
}

#[test]
fn a_motley_run_in_mermaid() {
    let clock = VirtualClock::new();
    expect![[r##"
        flowchart LR
          job_1[["#35;1 db<br/>∞ service<br/>■ cancelled · 9 s"]]
          job_2(["#35;2 monitor<br/>∞ forever<br/>■ cancelled · 9 s"])
          job_3["#35;3 flaky<br/>✓ succeeded · 3 s · 3 attempts"]
          subgraph in_job_4[" "]
            job_4["#35;4 deploy<br/>critical<br/>✓ succeeded · 2 s"]
            job_4_1["#35;1 copy<br/>✓ succeeded · 1 s"]
            job_4_2["#35;2 check<br/>✓ succeeded · 1 s"]
            job_4_1 --> job_4_2
            job_4 -.- job_4_1
          end
          job_5["#35;5 a #34;b#34; #60;i#62;c#60;/i#62; #38; d<br/>second #92;{joined}n line#59; #60;/script#62; 🚀 #96;e#96; #35;1 #123;f#125; #91;g#93; #124; #37;#37;#92;u#123;1b#125;#91;31m #92;u#123;202e#125;<br/>✗ failed#58; no such #60;host#62; · 1 s"]
          job_6["#35;6 repair<br/>✓ succeeded · 0 s"]
          job_7["#35;7 celebrate<br/>○ skipped because of a #34;b#34; #60;i#62;c#60;/i#62; #38; d#92;{joined}nsecond #92;{joined}n line#59; #60;/script#62; 🚀 #96;e#96; #35;1 #123;f#125; #91;g…"]
          job_1 -- ready --> job_3
          job_3 --> job_4
          job_4 -. ended .-> job_5
          job_5 -. failed .-> job_6
          job_5 --> job_7
          class job_1,job_2 cancelled
          classDef cancelled fill:#e0d8d0,color:#111111
          class job_3,job_4,job_4_1,job_4_2,job_6 succeeded
          classDef succeeded fill:#d2f0d2,color:#111111
          class job_4 critical
          classDef critical stroke-width:4px
          class job_5 failed
          classDef failed fill:#ffd0cc,color:#111111
          class job_7 skipped
          classDef skipped fill:#ffffff,color:#111111
    "##]].assert_eq(&mermaid(&observed(&clock, motley(&clock))).replace('\u{2060}', "{joined}"));
}

#[test]
fn a_report_is_drawn_as_its_run_is() {
    let clock = VirtualClock::new();
    let mut graph = diamond(&clock);
    let mut facts = graph.facts();
    let report = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    let history: History = std::iter::from_fn(|| facts.try_next()).collect();
    assert_eq!(dot(&report), dot(&history));
    assert_eq!(mermaid(&report), mermaid(&history));
}

#[test]
fn a_run_is_drawn_while_it_goes_on() {
    let clock = VirtualClock::new();
    let mut graph = diamond(&clock);
    let mut facts = graph.facts();
    let _ = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    let facts = std::iter::from_fn(|| facts.try_next());
    let history: History = facts.take_while(|fact| fact.at.as_nanos() <= 1_000_000_000).collect();
    let dot = dot(&history);
    assert!(
        dot.contains(r##"job_1 [label="#1 a\n✓ succeeded · 1 s", fillcolor="#d2f0d2"];"##),
        "{dot}"
    );
    assert!(
        dot.contains(r##"job_2 [label="#2 b\n▶ running · 0 s", fillcolor="#cfe3ff"];"##),
        "{dot}"
    );
}

#[test]
fn long_names_are_cut() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::new(async {}).label("x".repeat(16_384)));
    graph.add(Job::new(async {}).label("line\n".repeat(1_000)));
    graph.add(Job::try_new(async { Err::<(), _>("why ".repeat(10_000)) }));
    let history = observed(&clock, graph);
    for text in [dot(&history), mermaid(&history)] {
        assert!(text.lines().all(|line| line.chars().count() < 600), "{text}");
        assert_eq!(text.matches("line").count(), 4);
    }
}

#[test]
fn a_mermaid_picture_has_a_line_a_state() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    for _ in 0..1_000 {
        graph.add(Job::new(async {}));
    }
    let text = mermaid(&observed(&clock, graph));
    assert_eq!(text.lines().filter(|line| line.trim().starts_with("class ")).count(), 1);
}
