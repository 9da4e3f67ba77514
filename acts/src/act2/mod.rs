//! Act II, the routing insight.

pub mod ch05_attention;
