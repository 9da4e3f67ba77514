//! Models as graphs: each a configuration, its parameters by name, and a function that builds the forward pass with
//! every intermediate named.

pub mod dit;
pub mod gpt;
