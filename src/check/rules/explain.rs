//! What rules mean, in plain words.
