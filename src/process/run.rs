use super::command::Command;
use super::error::CommandFailed;
use super::outcome::Ran;
use super::running::Running;
use crate::{Context, Error};

impl Command {
    /// Runs it, and waits for its end. If the job is asked to end, so is the command, and this returns [`Cancelled`](crate::Cancelled).
    ///
    /// # Errors
    /// [`CommandFailed`], if its exit code is not 0 nor [allowed](Self::allow_codes), or if it was killed or cannot be
    /// started; [`Permanent`](crate::Permanent) around that, if no retry helps, as for a program that does not exist.
    pub async fn run(&self, context: &Context) -> Result<Ran, Error> {
        self.start(context)?.finish().await
    }

    /// Runs it, for whoever wants its lines one by one.
    ///
    /// ```
    /// use jobgraph::process::Command;
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let sum = graph.add(Job::try_with_context(async |cx| {
    ///     let (mut sum, mut count) = (0, Command::new("seq").arg("100").start(&cx)?);
    ///     while let Some(line) = count.next_line().await {
    ///         sum += line.text.parse::<u32>()?;
    ///     }
    ///     count.finish().await?;
    ///     jobgraph::ok(sum)
    /// }));
    /// assert_eq!(jobgraph::smol::block_on(graph)?.result(&sum)?, &5050);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run), if it cannot be started.
    pub fn start(&self, context: &Context) -> Result<Running, Error> {
        let launch = self.launch().map_err(CommandFailed::marked)?;
        Running::start(self, launch, context).map_err(CommandFailed::marked)
    }
}
