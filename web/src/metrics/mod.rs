//! Figures for Prometheus: what is measured, and the listener that tells it.

mod figures;
mod listener;

pub(crate) use figures::{Login, Metrics};
pub(crate) use listener::listen;
