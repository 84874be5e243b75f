//! A report of every panic, from where it happens; the hook before this one has logged it.

use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use sentry::Hub;
use sentry::integrations::panic::PanicIntegration;

thread_local! {
    /// Whether this thread is telling of a panic already; one on the way would never end.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// Reports panics from now on. The report is queued: the thread goes on at once.
pub(super) fn report() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            before(info);
            tell(info);
        }));
    });
}

fn tell(info: &PanicHookInfo<'_>) {
    if TELLING.replace(true) {
        return;
    }
    let hub = Hub::current();
    if hub.client().is_some() {
        let event = PanicIntegration::new().event_from_panic_info(info);
        hub.capture_event(event);
    }
    TELLING.set(false);
}
