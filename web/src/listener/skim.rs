//! The rest of a head that is too long: read for what it tells, and thrown away.

use std::io;
use std::time::Duration;

use actix_web::rt::task::yield_now;
use actix_web::rt::time::sleep;
use tokio::select;

use super::arrival::READS_IN_A_ROW;
use super::glimpse::Glimpse;
use super::wire::Wire;
use super::worker::Worker;

/// How long the rest of a head that is too long is waited for: it is on its way, or does not matter.
const SKIMMING: Duration = Duration::from_millis(500);

/// How often something of it is read at the most.
const MOST_SKIMMED: u32 = 256;

/// Reads on behind the beginning of a head that is too long, for what its other lines tell; nothing of it is kept.
pub(super) async fn skim(wire: &mut Wire, worker: &Worker, glimpse: &mut Glimpse) {
    let waiting = worker.room.wait();
    let rest = async {
        for reads in 1..=MOST_SKIMMED {
            if glimpse.is_whole() {
                return;
            }
            wire.buffer.clear();
            match wire.try_read() {
                Ok(1..) => glimpse.read(&wire.buffer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if wire.stream.readable().await.is_err() {
                        return;
                    }
                }
                Ok(0) | Err(_) => return,
            }
            if reads.is_multiple_of(READS_IN_A_ROW) {
                yield_now().await;
            }
        }
    };
    select! {
        () = rest => {}
        () = sleep(SKIMMING) => {}
        () = waiting.leave.notified() => {}
    }
}
