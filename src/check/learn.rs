//! A rules file that a reference capture passes, to start from.
