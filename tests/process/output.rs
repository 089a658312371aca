use std::sync::{Arc, Mutex};

use jobgraph::process::{Command, Stream};
use jobgraph::{Job, JobGraph};
use rustix::process::Signal;

use crate::real::{Way, send};
use crate::{each, run};

/// Whoever reads one stream to its end before the other waits for ever.
#[test]
fn both_streams_are_drained_at_once_and_bounded() {
    each(|way, on| {
        let script = "i=0; while [ $i -lt 60 ]; do head -c 65536 /dev/zero; head -c 65536 /dev/zero >&2; i=$((i+1)); done; echo end";
        let ran = run(way, on(Command::sh(script))).unwrap();
        assert_eq!(ran.stdout.bytes().len(), 1 << 20);
        assert!(ran.stdout.bytes().ends_with(b"\0end\n"));
        assert_eq!(ran.stdout.cut() + (1 << 20), 60 * 65536 + 4);
        assert_eq!(ran.stderr.cut() + (1 << 20), 60 * 65536);
        let kept = run(way, on(Command::sh("seq 100000; echo -n no end").keep(10))).unwrap();
        assert_eq!(kept.stdout.bytes().len(), 10);
        let nothing = run(way, on(Command::sh("echo much").keep(0))).unwrap();
        assert_eq!((nothing.stdout.bytes(), nothing.stdout.cut()), (&b""[..], 5));
    });
}

#[test]
fn output_stays_as_it_is() {
    each(|way, on| {
        for text in ["", "\n", "a", "a\n", "a\n\n", "\n\na", "jg", "a\njg0"] {
            let command = Command::sh("printf %s \"$1\"; printf %s \"$1\" >&2").arg(text);
            let ran = run(way, on(command)).unwrap();
            assert_eq!((&*ran.stdout.text(), &*ran.stderr.text()), (text, text), "{way:?}");
        }
    });
}

/// More than fits into the pipes, both ways.
#[test]
fn much_is_fed() {
    let input: Vec<u8> = (0..=255).cycle().take(1 << 19).flat_map(|i| [i, 0, b'\n']).collect();
    for way in Way::ALL {
        let ran = run(way, Command::new("cat").stdin(&input).keep(1 << 22)).unwrap();
        assert!(ran.stdout.bytes() == input);
        // It does not read what it is fed.
        run(way, Command::new("true").stdin(&input)).unwrap();
    }
}

#[test]
fn lines_are_told_as_they_come() {
    each(|way, on| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = Arc::clone(&told);
        let script = "printf 'one\\r\\ntwo'; sleep 0.02; printf ' halves\\n'; echo bad >&2; sleep 0.02; printf '\\377 no end'; head -c 70000 /dev/zero";
        let command = Command::sh(script).lines(move |line| {
            telling.lock().unwrap().push((
                line.stream,
                line.text.trim_matches('\0').to_owned(),
                line.text.len(),
            ));
        });
        run(way, on(command)).unwrap();
        let told = told.lock().unwrap();
        let of = |of| {
            told.iter()
                .filter(move |(stream, ..)| *stream == of)
                .map(|(_, text, length)| (&**text, *length))
        };
        let long = (1 << 16) + 2;
        assert_eq!(
            of(Stream::Stdout).collect::<Vec<_>>(),
            [("one", 3), ("two halves", 10), ("\u{fffd} no end", long), ("", 70_008 - 65_536)]
        );
        assert_eq!(of(Stream::Stderr).collect::<Vec<_>>(), [("bad", 3)]);
    });
}

/// A process is held up by whoever does not read on, and by nobody else.
#[test]
fn lines_are_pulled() {
    let mut graph = JobGraph::new();
    let job = graph.add(Job::try_with_context(async |cx| {
        let mut running = Command::new("seq").arg("1000000").start(&cx)?;
        for number in 1..=1000 {
            assert_eq!(running.next_line().await.unwrap().text, number.to_string());
        }
        let ran = running.finish().await?;
        let mut short = Command::new("seq").arg("2").start(&cx)?;
        let mut lines = Vec::new();
        while let Some(line) = short.next_line().await {
            lines.push(line.text);
        }
        assert!(short.next_line().await.is_none());
        assert_eq!(short.finish().await?.stdout.text(), "1\n2\n");
        jobgraph::ok((ran.stdout.text().ends_with("\n1000000\n"), lines))
    }));
    let report = jobgraph::smol::block_on(graph).unwrap();
    assert_eq!(report.result(&job).unwrap(), &(true, vec!["1".to_owned(), "2".to_owned()]));
}

/// What a command is told by other means than its script: nothing of what watches over it.
#[test]
fn a_leash_is_not_seen() {
    each(|way, on| {
        let names = "_jg_g _jg_n _jg_l _jg_s _jg_t _jg_w n g s w t l";
        let script = format!(
            "set; env; ps -ef; cat /proc/*/cmdline; for v in {names}; do eval \"[ \\${{$v+x}} ]\" && echo $v set >&2; done; echo end"
        );
        let ran = run(way, on(Command::sh(script))).unwrap();
        assert!(ran.stdout.text().ends_with("end\n"));
        assert!(!ran.stderr.text().contains(" set"), "{:?}", ran.stderr);
        let kept = Command::sh("echo $n $s; sh -c 'echo $n $s'").env("n", "N").env("s", "S");
        assert_eq!(run(way, on(kept)).unwrap().stdout.text(), "N S\nN S\n");
    });
}

/// Whoever reads slowly reads all the same.
#[test]
fn nothing_is_cut_since_its_reader_is_slow() {
    each(|way, on| {
        let command = Command::sh("seq 20000")
            .lines(|_| std::thread::sleep(std::time::Duration::from_micros(60)));
        let ran = run(way, on(command)).unwrap();
        assert_eq!((ran.stdout.bytes().len(), ran.stdout.cut()), (108_894, 0), "{way:?}");
    });
    let mut graph = JobGraph::new();
    let counted = graph.add(Job::try_with_context(async |cx| {
        let mut count = 0;
        let mut running = Command::sh("seq 20000").start(&cx)?;
        while running.next_line().await.is_some() {
            count += 1;
            if count == 10 {
                cx.sleep(std::time::Duration::from_millis(800)).await;
            }
        }
        jobgraph::ok(count)
    }));
    let report = jobgraph::smol::block_on(graph).unwrap();
    assert_eq!(report.result(&counted).unwrap(), &20_000);
}

/// In the background, and without an end.
#[test]
fn what_never_ends_in_the_background_holds_nothing_up() {
    for way in Way::ALL {
        let command = Command::sh("yes & echo $! >&2; sleep 0.1");
        let ran = run(way, command.keep(100)).unwrap();
        // It may have ended already, since nobody reads it any more.
        send(Signal::KILL, ran.stderr.text().trim().parse().unwrap());
    }
}

#[test]
fn much_is_fed_on_a_leash() {
    let input = "it's 9 \\n bytes\n".repeat(1 << 17);
    for way in Way::ALL {
        let ran = run(way, Command::new("cat").stdin(&input).keep(1 << 22).leashed()).unwrap();
        assert!(ran.stdout.text() == input);
        let script = format!("{}cat; echo \"$1\"", ": a long comment\n".repeat(20_000));
        let ran = run(way, Command::sh(script).arg("x y").stdin("in ").leashed()).unwrap();
        assert_eq!(ran.stdout.text(), "in x y\n");
    }
}
