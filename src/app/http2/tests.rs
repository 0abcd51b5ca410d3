//! Conversations of two directions, cut in every way.
