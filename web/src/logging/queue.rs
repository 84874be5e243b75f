//! The log from a distance: lines are queued, and one thread writes them, so that nobody who serves waits for
//! whoever reads the log. Where it is not read any more, lines are dropped and counted.

use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The most that waits to be written (bytes).
const MOST: usize = 1 << 20;

/// How many lines of this process were dropped: it has one log.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many lines were dropped because the log was not read fast enough.
pub(crate) fn dropped_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Takes lines, each in one write, and never waits. A copy takes them for the same thread.
#[derive(Clone)]
pub(super) struct Queue(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    is_writing: bool,
}

impl Queue {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// When the system has none for us.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Self(Arc::default());
        let writing = queue.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writing.write_to(out))?;
        Ok(queue)
    }

    /// Waits until everything is written, though not longer than that.
    pub(super) fn settle(&self, patience: Duration) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        let waited = self
            .0
            .changed
            .wait_timeout_while(self.state(), patience, is_busy);
        drop(waited);
    }

    /// Writes what comes, for ever. An error has nobody to be told to.
    fn write_to(&self, mut out: impl Write) {
        let mut told = dropped_lines();
        loop {
            let is_idle = |state: &mut State| state.waiting.is_empty();
            let waited = self.0.changed.wait_while(self.state(), is_idle);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            state.is_writing = true;
            let lines = mem::take(&mut state.waiting);
            drop(state);
            out.write_all(&lines).and_then(|()| out.flush()).ok();
            self.state().is_writing = false;
            self.0.changed.notify_all();
            let dropped = dropped_lines();
            if dropped > told {
                told = dropped;
                log::warn!(
                    "the log was not read fast enough: {dropped} lines were dropped since the start"
                );
            }
        }
    }

    /// Nothing panics while it is held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if state.waiting.len() + line.len() > MOST {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        } else {
            state.waiting.extend_from_slice(line);
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A reader who takes something when told to.
    struct Reader {
        go: Receiver<()>,
        read: Sender<Vec<u8>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.go.recv().map_err(io::Error::other)?;
            self.read.send(bytes.to_owned()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_and_what_finds_no_room_is_counted() -> anyhow::Result<()> {
        let ((go, wait), (read, told)) = (channel(), channel());
        let mut queue = Queue::start(Reader { go: wait, read })?;
        let line = [b'x'; 1024];
        let before = dropped_lines();

        for _ in 0..3 * MOST / line.len() {
            queue.write_all(&line)?;
        }

        // One portion may be in the hands of the reader, and one waits.
        assert!(dropped_lines() - before >= (MOST / line.len()) as u64);
        for _ in 0..2 {
            go.send(())?;
        }
        queue.settle(Duration::from_mins(1));
        let read: usize = told.try_iter().map(|bytes| bytes.len()).sum();
        assert_eq!(read % line.len(), 0, "a line was cut");
        let dropped = dropped_lines() - before;
        assert_eq!(
            read / line.len() + usize::try_from(dropped)?,
            3 * MOST / line.len()
        );
        Ok(())
    }

    #[test]
    fn what_was_logged_is_written_before_the_end() -> anyhow::Result<()> {
        let ((go, wait), (read, told)) = (channel(), channel());
        let mut queue = Queue::start(Reader { go: wait, read })?;
        go.send(())?;

        queue.write_all(b"the last words\n")?;
        queue.settle(Duration::from_mins(1));

        assert_eq!(told.try_recv()?, b"the last words\n");
        Ok(())
    }
}
