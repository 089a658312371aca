use std::fmt::Debug;
use std::format;
use std::panic::{set_hook, take_hook};
use std::string::String;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::vec::Vec;

use super::queue::Queue;
use super::screen::Screen;
use super::texts::fit;
use crate::run::lock;

/// A run that is shown somewhere.
pub(super) trait Shown: Debug + Send + Sync {
    /// As it is now, on so many lines of so many columns.
    fn frame(&self, columns: usize, rows: usize) -> Vec<String>;
    /// When it is to be said that it goes on, if it is told in lines.
    fn due(&self) -> Option<Instant>;
    /// That it goes on, where that is due.
    fn sign_of_life(&self, now: Instant) -> Option<String>;
}

/// What a stream shows: the one that all runs have which are shown there.
///
/// While one of them is under way a thread of its own writes: whoever reads that stream slowly, or not at all, keeps
/// nobody else. At other times, whoever has something to say.
#[derive(Debug)]
pub(super) struct Outlet {
    state: Mutex<State>,
    /// The thread has something to do.
    work: Condvar,
    /// The thread has written something, or has ended.
    written: Condvar,
    screen: Mutex<Screen>,
    is_terminal: bool,
}

/// No other lock is taken while this one is held, but that of when something was told of a run.
#[derive(Debug, Default)]
struct State {
    queue: Queue,
    /// The runs that are under way.
    shows: Vec<Arc<dyn Shown>>,
    writer: Writer,
    /// How many panics have their say just now: nothing is drawn meanwhile.
    panics: usize,
}

/// Who writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    Anybody,
    /// Somebody who had something to say: also for whoever has by now, which may be the stream itself.
    Somebody,
    Thread {
        busy: bool,
    },
}

/// What the thread has to do.
enum Task {
    Print(String),
    Draw(Vec<Arc<dyn Shown>>),
    End,
}

/// A terminal is drawn on so often, whatever happens in between.
const PERIOD: Duration = Duration::from_millis(100);

/// What is drawn is away so long after something was printed, for more of that.
const PAUSE: Duration = Duration::from_millis(20);

/// The end of a run waits so long for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(1);

impl Outlet {
    pub(super) fn new(screen: Screen) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            work: Condvar::new(),
            written: Condvar::new(),
            is_terminal: screen.is_terminal(),
            screen: Mutex::new(screen),
        })
    }

    /// That of the standard error stream.
    pub(super) fn stderr() -> Arc<Self> {
        static STDERR: OnceLock<Arc<Outlet>> = OnceLock::new();
        let outlet = STDERR.get_or_init(|| Self::new(Screen::stderr()));
        if outlet.is_terminal {
            make_room_for_panics();
        }
        Arc::clone(outlet)
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Prints a text of one line or more above what is drawn.
    pub(super) fn print(&self, text: String) {
        let mut state = lock(&self.state);
        state.queue.put(text);
        self.work.notify_one();
        self.write_if_nobody_does(state);
    }

    fn write_if_nobody_does<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        if state.writer != Writer::Anybody {
            return;
        }
        state.writer = Writer::Somebody;
        // A thread may have begun to meanwhile.
        while state.writer == Writer::Somebody {
            let Some(text) = state.queue.take() else {
                state.writer = Writer::Anybody;
                return;
            };
            drop(state);
            lock(&self.screen).print(&text);
            state = lock(&self.state);
        }
    }

    /// Shows a run from now on.
    pub(super) fn enter(self: &Arc<Self>, show: Arc<dyn Shown>) {
        let mut state = lock(&self.state);
        state.shows.push(show);
        if !state.has_thread() {
            let outlet = Arc::clone(self);
            let thread = thread::Builder::new().name("progress".into());
            // Without a thread there is nothing that could be drawn, but lines can be printed.
            if thread.spawn(move || outlet.write_until_over()).is_ok() {
                state.writer = Writer::Thread { busy: false };
            }
        }
        self.work.notify_one();
    }

    /// Shows a run no more, and says what there is to say at its end: as far as that is read soon.
    pub(super) fn leave(&self, show: &impl Shown, last: String) {
        let mut state = lock(&self.state);
        state.shows.retain(|shown| !std::ptr::addr_eq(Arc::as_ptr(shown), show));
        state.queue.put_anyway(last);
        self.work.notify_one();
        if !state.has_thread() {
            return self.write_if_nobody_does(state);
        }
        let until = Instant::now() + PATIENCE;
        while state.is_behind() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = wait(&self.written, state, left);
        }
    }

    fn write_until_over(&self) {
        let mut next = Instant::now();
        loop {
            match self.next_task(next) {
                Task::Print(text) => {
                    lock(&self.screen).print(&text);
                    next = next.min(Instant::now() + PAUSE);
                }
                Task::Draw(shows) => {
                    let now = Instant::now();
                    let lines = shows.iter().filter_map(|show| show.sign_of_life(now));
                    lines.for_each(|line| self.print(line));
                    if self.is_terminal && next <= now {
                        self.draw(&shows);
                        next = Instant::now() + PERIOD;
                    }
                }
                Task::End => return,
            }
        }
    }

    /// Waits for something to do. A terminal is drawn on from `next` on.
    fn next_task(&self, next: Instant) -> Task {
        let mut state = lock(&self.state);
        state.writer = Writer::Thread { busy: false };
        self.written.notify_all();
        loop {
            let now = Instant::now();
            let next = if state.panics == 0 { next } else { now + PERIOD };
            let signs = state.shows.iter().filter_map(|show| show.due());
            let due = signs.chain(self.is_terminal.then_some(next)).min();
            if due.is_some_and(|due| due <= now) && !state.shows.is_empty() {
                return Task::Draw(state.shows.clone());
            }
            if let Some(text) = state.queue.take() {
                state.writer = Writer::Thread { busy: true };
                return Task::Print(text);
            }
            if state.shows.is_empty() {
                state.writer = Writer::Anybody;
                self.written.notify_all();
                return Task::End;
            }
            let left = due.map_or(Duration::MAX, |due| due.saturating_duration_since(now));
            state = wait(&self.work, state, left.min(Duration::from_secs(3_600)));
        }
    }

    /// Draws the runs one below the other. Each has its share of the rows.
    fn draw(&self, shows: &[Arc<dyn Shown>]) {
        let mut screen = lock(&self.screen);
        // A panic may have taken the screen since this was asked for.
        if lock(&self.state).panics > 0 {
            return;
        }
        let (columns, rows) = screen.room();
        if columns == 0 || rows == 0 {
            return screen.clear();
        }
        let mut lines = Vec::new();
        for (position, show) in shows.iter().enumerate() {
            let share = rows.saturating_sub(lines.len()) / (shows.len() - position);
            lines.append(&mut show.frame(columns, share));
        }
        let more = lines.len().saturating_sub(rows);
        if more > 0 {
            lines.truncate(rows - 1);
            lines.push(fit(&format!("  … and {} more lines", more + 1), columns));
        }
        screen.draw(&lines);
    }

    /// Takes away what is drawn until the panic has had its say. Whoever panics may hold a lock of this: what cannot be
    /// had soon is left.
    fn make_room(&self) -> Option<Room<'_>> {
        let mut state = soon(&self.state)?;
        if !state.has_thread() {
            return None;
        }
        state.panics += 1;
        drop(state);
        let room = Room(self);
        soon(&self.screen)?.clear();
        Some(room)
    }
}

/// While this is there, nothing is drawn.
struct Room<'a>(&'a Outlet);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).panics -= 1;
    }
}

/// A lock, if it can be had within some 50 ms.
fn soon<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for _ in 0..50 {
        if let Ok(guard) = mutex.try_lock() {
            return Some(guard);
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}

fn wait<'a, T>(told: &Condvar, guard: MutexGuard<'a, T>, at_most: Duration) -> MutexGuard<'a, T> {
    told.wait_timeout(guard, at_most).unwrap_or_else(PoisonError::into_inner).0
}

impl State {
    fn has_thread(&self) -> bool {
        matches!(self.writer, Writer::Thread { .. })
    }

    /// Whether something is still to be written; if no run is shown, whether the thread has not ended.
    fn is_behind(&self) -> bool {
        let busy = self.writer == Writer::Thread { busy: true };
        let ends = self.shows.is_empty() && self.has_thread();
        busy || ends || !self.queue.is_empty()
    }
}

/// What a panic says on the standard error stream is not drawn over, until the program replaces the panic hook.
fn make_room_for_panics() {
    static HOOK: Once = Once::new();
    if thread::panicking() {
        return;
    }
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(std::boxed::Box::new(move |info| {
            let outlet = Outlet::stderr();
            let room = outlet.make_room();
            before(info);
            drop(room);
        }));
    });
}
