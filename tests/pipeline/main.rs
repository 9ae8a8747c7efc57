//! The whole pipeline in one process: the real functions, state machines and SQL over the local
//! warehouse, in virtual time, against a model that knows no SQL.

mod converge;
mod faults;
mod generate;
mod model;
mod sample;
mod world;
