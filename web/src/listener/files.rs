//! How many connections the system lets us hold: each is an open file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that are no visitors: the database, the listener, the log, the threads' own.
const OTHER_FILES: u64 = 256;

/// Asks for all that the system allows, and tells how many connections of the wanted ones fit.
pub(crate) fn connections(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let enough = wanted as u64 + OTHER_FILES;
    if current.is_some_and(|current| current < enough) {
        let current = Some(maximum.map_or(enough, |maximum| enough.min(maximum)));
        // Where it is refused, what there was is what there is.
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).ok();
    }
    let Some(allowed) = getrlimit(Resource::Nofile).current else {
        return wanted;
    };
    // Of very few the visitors still get half.
    let room = allowed.saturating_sub(OTHER_FILES).max(allowed / 2);
    let fits = usize::try_from(room).unwrap_or(usize::MAX).min(wanted);
    if fits < wanted {
        log::warn!(
            "{fits} connections at a time, not {wanted}: the system allows {allowed} open files (ulimit -n)"
        );
    }
    fits
}
