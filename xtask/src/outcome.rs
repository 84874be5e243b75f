//! Result of checks that may not be able to run.

use anyhow::{Result, ensure};

use crate::context::Context;

/// Result of a check that found nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The check could not run, for a reason outside of the project, and printed it.
    NotChecked,
}

impl Outcome {
    /// Fails in a pipeline if the check could not run: nobody reads the output of a green job.
    pub(crate) fn require(self, context: &Context) -> Result<()> {
        let in_pipeline = context.variable("CI").is_some_and(|value| value != "false");
        ensure!(
            self == Self::Done || !in_pipeline,
            "a check could not run, which is an error if CI is set; the reason is above"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_could_not_run_is_an_error_in_a_pipeline() -> Result<()> {
        let context = Context::new(false)?;
        for (value, in_pipeline) in [("true", true), ("1", true), ("false", false), ("", false)] {
            context.shell.set_var("CI", value);

            assert!(Outcome::Done.require(&context).is_ok());
            let not_checked = Outcome::NotChecked.require(&context);
            assert_eq!(not_checked.is_err(), in_pipeline, "CI={value}");
        }
        Ok(())
    }
}
