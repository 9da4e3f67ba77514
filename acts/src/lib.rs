//! The experiments behind the chapters: no interface, seeded, runnable natively.

pub mod tinyland;
