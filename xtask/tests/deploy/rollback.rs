//! Going back by hand.

use anyhow::Result;
use serde_json::json;

use crate::registry::Registry;
use crate::server::{self, Reply};
use crate::world::{Day, NEW, OLD, Shared};
use crate::xtask::run;

#[test]
fn the_named_commit_is_released_again() -> Result<()> {
    let world = Shared::new(Day::Good { looks: 0 });
    let registry = Registry::with_both()?;
    let (ours, images) = (world.clone(), registry.clone());
    let hook = server::start(move |asked| {
        let digest = asked.query.split("%40sha256%3A").nth(1).unwrap_or_default();
        match images.revision_of(&format!("sha256:{digest}")) {
            Some(revision) => {
                ours.release(&revision);
                Reply::json(&json!({}))
            }
            None => Reply::new(404, ""),
        }
    })?;
    world.release(NEW);
    let variables = [
        ("APP_URL", world.site()?),
        (
            "RENDER_DEPLOY_HOOK_URL",
            format!("http://{hook}/deploy/srv-1?key=k"),
        ),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let name = format!("{}/ada", registry.place);

    let unknown = run(&["rollback", "render", "--name", &name], &variables)?;
    let named = run(
        &["rollback", "render", "--name", &name, "--sha", OLD],
        &variables,
    )?;

    // What came before is asked from git, which knows nothing of the commits of this test.
    assert!(!unknown.ok);
    unknown.assert_said(&["does not know what came before", "--sha"]);
    assert!(named.ok, "{}", named.said);
    assert_eq!(world.released(), [NEW, OLD]);
    Ok(())
}
