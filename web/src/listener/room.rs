//! How many connections a worker holds, and which one goes when one more comes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The connections of one worker. When it is full, a newcomer takes the place of the one that has waited longest for
/// a request to come in whole: neither idle connections nor slow ones keep a visitor out.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    held: Cell<usize>,
    /// What whoever hands out connections goes by: it counts one in before it arrives here.
    taken: Arc<AtomicUsize>,
    waiting: RefCell<BTreeMap<u64, Rc<Notify>>>,
    next: Cell<u64>,
}

impl Room {
    pub(super) fn new(most: usize, taken: Arc<AtomicUsize>) -> Rc<Self> {
        Rc::new(Self {
            most,
            held: Cell::new(0),
            taken,
            waiting: RefCell::default(),
            next: Cell::new(0),
        })
    }

    /// The place of a connection that was counted in. `Err` where it cannot stay: nobody can be asked to go for it.
    pub(super) fn enter(self: &Rc<Self>) -> Result<Place, Place> {
        self.held.update(|held| held + 1);
        let place = Place(Rc::clone(self));
        if self.held.get() <= self.most {
            return Ok(place);
        }
        let Some((_, leave)) = self.waiting.borrow_mut().pop_first() else {
            return Err(place);
        };
        leave.notify_one();
        Ok(place)
    }

    /// Takes note that a connection waits for a request.
    pub(super) fn wait(self: &Rc<Self>) -> Waiting {
        let number = self.next.get();
        self.next.set(number + 1);
        let leave = Rc::new(Notify::new());
        self.waiting.borrow_mut().insert(number, Rc::clone(&leave));
        Waiting {
            room: Rc::clone(self),
            number,
            leave,
        }
    }
}

/// A connection's place, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place(Rc<Room>);

impl Place {
    /// Whether there is room at least to say that there is none.
    pub(super) fn is_last_resort(&self) -> bool {
        self.0.held.get() <= self.0.most + self.0.most / 8 + 1
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.held.update(|held| held - 1);
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that waits for a request.
#[derive(Debug)]
pub(super) struct Waiting {
    room: Rc<Room>,
    number: u64,
    /// Told when the connection has to go.
    pub(super) leave: Rc<Notify>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.room.waiting.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn the_one_that_waited_longest_goes() {
        let taken = Arc::new(AtomicUsize::new(0));
        let room = Room::new(2, Arc::clone(&taken));
        let enter = || {
            taken.fetch_add(1, Ordering::Relaxed);
            room.enter()
        };
        let places = [enter(), enter()];
        let (first, second) = (room.wait(), room.wait());

        let third = enter();

        assert!(places.iter().all(Result::is_ok) && third.is_ok());
        assert!(first.leave.notified().now_or_never().is_some());
        assert!(second.leave.notified().now_or_never().is_none());
        drop(second);
        assert!(enter().is_err());
        drop((places, third));
        assert_eq!(taken.load(Ordering::Relaxed), 0);
    }
}
