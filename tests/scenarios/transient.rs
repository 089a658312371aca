use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jobgraph::{
    Context, Error, Handle, Job, RunError, SendJobGraph, ServiceContext, optional, settled,
};

use crate::ways::Way;

/// Outputs that count themselves.
#[derive(Clone, Default)]
struct Texts(Arc<AtomicUsize>);

struct Text(Texts);

impl Texts {
    fn make(&self) -> Text {
        self.0.fetch_add(1, Ordering::SeqCst);
        Text(self.clone())
    }

    fn alive(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// A job that succeeds once none is alive any more; until then it is attempted again.
    fn none_soon<T>(&self, graph: &mut SendJobGraph, way: &Way, after: &[Handle<T>]) -> Handle<()> {
        let (texts, nap) = (self.clone(), way.ms(1));
        let look = move |cx: Context| {
            let texts = texts.clone();
            async move {
                cx.sleep(nap).await;
                match texts.alive() {
                    0 => Ok(()),
                    alive => Err(format!("{alive} are alive")),
                }
            }
        };
        let look = Job::repeat_with_context(look).retries(1_000);
        graph.add(look.once_settled(&after.to_vec()).label("look"))
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn text(graph: &mut SendJobGraph, texts: &Texts) -> Handle<Text> {
    let texts = texts.clone();
    graph.add(Job::new(async move { texts.make() }).transient().label("text"))
}

/// However the readers end, and whether there are any.
pub(crate) fn outputs_go_with_the_last_reader(way: &Way) {
    let (mut graph, texts) = (way.graph(), Texts::default());
    let one = text(&mut graph, &texts);
    let mut readers = vec![
        graph.add(Job::with(&one, |_| async {}).label("succeeds")),
        graph.add(Job::try_with(&one, |_| async { Err::<(), _>("fails") }).label("fails")),
        graph.add(Job::with(optional(&one), |one| async move { assert!(one.is_some()) })),
    ];
    let fails = graph.add(Job::try_new(async { Err::<(), _>("fails") }));
    let two = text(&mut graph, &texts);
    readers.push(graph.add(Job::with(&two, |_| async {}).requires(&fails).label("skipped")));
    let hangs = |_: Arc<Text>| std::future::pending();
    readers.push(graph.add(Job::with(&two, hangs).timeout(way.ms(5)).label("hangs")));
    let again = |cx: Context, text: Arc<Text>| async move {
        assert!(text.0.alive() > 0);
        if cx.attempt().number < 3 { Err("again") } else { Ok(()) }
    };
    let three = text(&mut graph, &texts);
    readers.push(graph.add(Job::repeat_with(&three, again).retries(5)));
    readers
        .push(graph.add(Job::with(settled(&three), |three| async move { assert!(three.is_ok()) })));
    // Nobody reads this one.
    text(&mut graph, &texts);
    let look = texts.none_soon(&mut graph, way, &readers);
    let report = way.run(graph);
    assert!(report.is_done(&look) && report.error(&look).is_none(), "{report}");
    assert!(report.output(&one).is_none() && report.output(&three).is_none());
    assert_eq!(report.failures().count(), 3, "{report}");
}

/// One that is read by a service stays as long as that may be attempted again.
pub(crate) fn what_a_supervised_service_reads_stays(way: &Way) {
    let (mut graph, texts) = (way.graph(), Texts::default());
    let config = text(&mut graph, &texts);
    let serve = |cx: ServiceContext<u32>, config: Arc<Text>| async move {
        assert_eq!(config.0.alive(), 1);
        if cx.attempt().number < 3 {
            return Err("falls over".into());
        }
        cx.ready(cx.attempt().number);
        cx.cancelled().await;
        Ok::<_, Error>(())
    };
    let service = graph.add(Job::restartable_with(&config, serve).retries(5));
    let user = graph.add(Job::with(&service, |number| async move { *number }));
    let report = way.run(graph);
    assert_eq!(report.output(&user), Some(&3), "{report}");
    assert_eq!(texts.alive(), 0);
}

/// A job that is added in time is a reader like any other; one that is added later is told.
pub(crate) fn an_added_reader_is_in_time_or_told(way: &Way) {
    let (mut graph, texts) = (way.graph(), Texts::default());
    let adder = graph.adder();
    let made = text(&mut graph, &texts);
    let early = adder.clone();
    let reader = graph.add(Job::try_with(&made, move |text: Arc<Text>| async move {
        drop(text);
        let inner = early.add(Job::with(&made, |text| async move { text.0.alive() })).await?;
        Ok::<_, RunError>(inner)
    }));
    let look = texts.none_soon(&mut graph, way, &[reader]);
    let late =
        Job::value(async move { adder.add(Job::with(&made, |_| async {}).label("late")).await });
    let late = graph.add(late.requires(&look));
    let report = way.run(graph);
    let added = report.output(&reader).unwrap();
    assert_eq!(report.output(added), Some(&1));
    let refused = report.output(&late).unwrap().as_ref().unwrap_err();
    assert!(matches!(refused, RunError::OutputGone { .. }), "{refused}");
}
