use std::string::ToString as _;
use std::time::Duration;

use super::capture::Line;
use super::command::Command;
use super::outcome::Ran;
use crate::{Job, Repeat, ServiceContext};

/// A job lasts so much longer than the grace of its command, so that it can say how that ended.
const MARGIN: Duration = Duration::from_secs(2);

impl Job<()> {
    /// A job that runs a command, which it is labelled with; its output is a [`Ran`]. It can be retried. Asked to end, it has the
    /// [grace of the command](Command::grace), and two seconds more. See [`process`](crate::process).
    ///
    /// ```
    /// use jobgraph::process::Command;
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let build = graph.add(Job::command(Command::sh("echo no rule to make it >&2; exit 2")).label("build"));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.error(&build).unwrap().to_string(), "exit code 2: no rule to make it");
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn command(command: Command) -> Job<impl Repeat<Output = Ran>> {
        let (label, grace) = (command.to_string(), command.grace + MARGIN);
        let run = move |cx| {
            let command = command.clone();
            async move { command.run(&cx).await }
        };
        Job::repeat_with_context(run).label(label).grace(grace)
    }

    /// A [service](Self::service) that is a command: ready when a [line of its output says
    /// so](Command::ready_when), with which it is ready; else when it was started, with an empty line. When it exits
    /// unasked, it has failed, unless with a code that is a success after it was ready. It can be
    /// [retried](Self::retries).
    ///
    /// ```
    /// use jobgraph::process::Command;
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let server = Command::sh("echo starting; echo listening on 8080; sleep 100");
    /// let mut graph = JobGraph::new();
    /// let server = graph.add(Job::serve(server.ready_when(|line| line.text.starts_with("listening"))));
    /// let port = graph.add(Job::with(&server, |line| async move { line.text.len() }));
    /// assert_eq!(jobgraph::smol::block_on(graph)?.result(&port)?, &17);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn serve(command: Command) -> Job<impl Repeat<Output = Line>> {
        let (label, grace) = (command.to_string(), command.grace + MARGIN);
        let serve = move |cx: ServiceContext<Line>| {
            let command = command.clone();
            async move {
                let mut running = command.start(&cx)?;
                running.serve(&command, &cx).await;
                running.finish().await.map(|_| ())
            }
        };
        Job::restartable(serve).label(label).grace(grace)
    }
}
