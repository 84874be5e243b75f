//! Deploys of the real program to hosts that behave like the real ones, on good and bad days.

mod bootstrap;
mod heroku;
mod interrupted;
mod redeploy;
mod registry;
mod render;
mod rollback;
mod server;
mod settings;
mod ssh;
mod untouched;
mod vps;
mod world;
mod xtask;
