//! Tests of the grammar.

mod tables;
