//! Deploys with the real program to fakes of the hosts, including failures.

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
