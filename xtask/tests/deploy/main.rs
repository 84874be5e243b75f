//! The real program against hosts that behave like the real ones, and like their bad days, over real sockets.

mod bootstrap;
mod heroku;
mod interrupted;
mod killed;
mod pasted;
mod patience;
mod redeploy;
mod registry;
mod render;
mod rollback;
mod server;
mod ssh;
mod untouched;
mod vps;
mod world;
mod xtask;
